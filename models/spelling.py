"""Suggestions for misspelt words, with limits on the computing time.

The time to compare a word with a name grows with the lengths of both, and a file may contain a
hundred thousand misspelt words and as many names.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

from models.unit_names import names_other_quantity, other_unit_hint

MAX_WORD_LENGTH = 100  #: Characters; longer words and names are not compared.
MAX_COMPARED_NAMES = 2_000
MAX_FIELDS = 100  #: Names up to which the same field in another unit is looked for.
MAX_COMPARISONS = 20_000_000
"""Limit for one scenario on pairs of characters (one of a word, one of a name) to compare."""
_MASS_UNITS = frozenset(("kt", "kg", "lb"))  #: Units of misspelt fields in tonnes.
_comparisons_left: ContextVar[list[int] | None] = ContextVar("left", default=None)
"""Number of comparisons left, as the only element of a list; None without a limit."""


@contextmanager
def shared_comparison_limit() -> Iterator[None]:
    """Apply one limit on comparisons jointly to all look-ups in the context."""
    token = _comparisons_left.set([MAX_COMPARISONS])
    try:
        yield
    finally:
        _comparisons_left.reset(token)


def closest_name(word: str, names: Iterable[str]) -> str:
    """Return the name most similar to a word, ignoring case; empty if none is similar.

    It is also empty for a long word, and once the limit on comparisons is used up.
    """
    comparisons_left = _comparisons_left.get()
    if len(word) > MAX_WORD_LENGTH or (comparisons_left is not None and comparisons_left[0] <= 0):
        return ""
    names_by_lowercase = {
        name.lower(): name
        for name in islice(names, MAX_COMPARED_NAMES)
        if len(name) <= MAX_WORD_LENGTH
    }
    if comparisons_left is not None:
        comparisons_left[0] -= len(word) * sum(map(len, names_by_lowercase)) + 1
    close_names = difflib.get_close_matches(word.lower(), names_by_lowercase, 1, 0.6)
    return names_by_lowercase[close_names[0]] if close_names else ""


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return a hint with the name most similar to a word; empty if no name is similar."""
    suggestion = closest_name(word, names)
    return f"did you mean '{suggestion}'?" if suggestion else ""


def unknown_key_hint(word: str, names: Iterable[str]) -> str:
    """Return a hint for a key that is not one of ``names``; empty if there are no names.

    The hint is the same key in another unit, a similar key, or a list of ``names``.
    """
    names = names if isinstance(names, Collection) else list(names)
    if len(word) <= MAX_WORD_LENGTH and len(names) <= MAX_FIELDS:
        if hint := other_unit_hint(word, names):
            return hint
        if hint := did_you_mean(
            word, [name for name in names if not names_other_quantity(word, name)]
        ):
            return hint
        has_unit = not _MASS_UNITS.isdisjoint(word.lower().split("_"))
        if has_unit and (suggestion := closest_name(word, _names_in_other_units(names))):
            return other_unit_hint(suggestion, names)
        word = ""
    return _did_you_mean_or(word, names, lambda listed: f"known here: {listed}")


def _names_in_other_units(names: Iterable[str]) -> list[str]:
    """Return the names of fields in tonnes as they would be in other units of mass."""
    in_tonnes = [name.split("_") for name in names if "t" in name.split("_")]
    return [
        "_".join(unit if part == "t" else part for part in parts)
        for parts in in_tonnes
        for unit in sorted(_MASS_UNITS)
    ]


def unknown_name_hint(word: str, names: Iterable[str]) -> str:
    """Return a hint for an unknown id: a similar one, or a list of ``names``; else empty."""
    return _did_you_mean_or(word, names, lambda listed: f"there are {listed}")


def invalid_choice_hint(word: str, names: Iterable[str]) -> str:
    """Return a hint for a word that is not one of ``names``: a similar one, or a list of them."""
    return _did_you_mean_or(word, names, lambda listed: f"write one of {listed}")


def _did_you_mean_or(word: str, names: Iterable[str], list_hint: Callable[[str], str]) -> str:
    names = names if isinstance(names, Collection) else list(names)
    hint = did_you_mean(word, names)
    if hint or not names:
        return hint
    return list_hint(", ".join(islice(names, 12)) + (", ..." if len(names) > 12 else ""))
