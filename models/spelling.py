"""Which name a misspelt word most likely means, within bounds.

To compare a word with a name takes longer the longer both are, and a file may hold a hundred
thousand misspelt words and as many names. A hint is not worth hours.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

from models.language import tr
from models.unit_names import names_other_quantity, other_unit_hint

MAX_WORD_LENGTH = 100
MAX_COMPARED_NAMES = 2_000
MAX_FIELDS = 100  #: Names among which a word may be that of another unit.
MAX_COMPARISONS = 20_000_000
"""Pairs of characters, of a word and of a name, that are compared for one scenario in all."""
_comparisons_left: ContextVar[list[int] | None] = ContextVar("left", default=None)
"""How many comparisons are left."""


@contextmanager
def shared_comparison_limit() -> Iterator[None]:
    """Words that are looked up in the body share one bound."""
    before = _comparisons_left.set([MAX_COMPARISONS])
    try:
        yield
    finally:
        _comparisons_left.reset(before)


def closest_name(word: str, names: Iterable[str]) -> str:
    """The name that is most like a word, whatever its capitals; empty where none is."""
    left = _comparisons_left.get()
    if len(word) > MAX_WORD_LENGTH or (left is not None and left[0] <= 0):
        return ""
    known = {
        name.lower(): name
        for name in islice(names, MAX_COMPARED_NAMES)
        if len(name) <= MAX_WORD_LENGTH
    }
    if left is not None:
        left[0] -= len(word) * sum(map(len, known)) + 1
    near = difflib.get_close_matches(word.lower(), known, 1, 0.6)
    return known[near[0]] if near else ""


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The hint for a misspelt word; empty where no name is near."""
    near = closest_name(word, names)
    return tr("did you mean '{name}'?", name=near) if near else ""


def unknown_key_hint(word: str, names: Iterable[str]) -> str:
    """The hint for a key that is not among those that may stand here."""
    names = names if isinstance(names, Collection) else list(names)
    if len(word) <= MAX_WORD_LENGTH and len(names) <= MAX_FIELDS:
        if hint := other_unit_hint(word, names):
            return hint
        if hint := did_you_mean(
            word, [name for name in names if not names_other_quantity(word, name)]
        ):
            return hint
        word = ""
    return _did_you_mean_or(word, names, lambda listed: tr("known here: {names}", names=listed))


def unknown_name_hint(word: str, names: Iterable[str]) -> str:
    """The hint for the name of a thing that is not there."""
    return _did_you_mean_or(word, names, lambda listed: tr("there are {names}", names=listed))


def invalid_choice_hint(word: str, names: Iterable[str]) -> str:
    """The hint for a word that is none of those that may be chosen."""
    return _did_you_mean_or(word, names, lambda listed: tr("write one of {names}", names=listed))


def _did_you_mean_or(word: str, names: Iterable[str], list_hint: Callable[[str], str]) -> str:
    names = names if isinstance(names, Collection) else list(names)
    hint = did_you_mean(word, names)
    if hint or not names:
        return hint
    return list_hint(", ".join(islice(names, 12)) + (", ..." if len(names) > 12 else ""))
