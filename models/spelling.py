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
from models.unit_names import another_quantity, other_unit

MAX_LENGTH = 100
MAX_NAMES = 2_000
MAX_FIELDS = 100  #: Names among which a word may be that of another unit.
MAX_COMPARED = 20_000_000
"""Pairs of characters, of a word and of a name, that are compared for one scenario in all."""
_left: ContextVar[list[int] | None] = ContextVar("left", default=None)
"""How many comparisons are left."""


@contextmanager
def one_scenario() -> Iterator[None]:
    """Words that are looked up in the body share one bound."""
    before = _left.set([MAX_COMPARED])
    try:
        yield
    finally:
        _left.reset(before)


def close(word: str, names: Iterable[str]) -> str:
    """The name that is most like a word, whatever its capitals; empty where none is."""
    left = _left.get()
    if len(word) > MAX_LENGTH or (left is not None and left[0] <= 0):
        return ""
    known = {name.lower(): name for name in islice(names, MAX_NAMES) if len(name) <= MAX_LENGTH}
    if left is not None:
        left[0] -= len(word) * sum(map(len, known)) + 1
    near = difflib.get_close_matches(word.lower(), known, 1, 0.6)
    return known[near[0]] if near else ""


def meant(word: str, names: Iterable[str]) -> str:
    """The hint for a misspelt word; empty where no name is near."""
    near = close(word, names)
    return tr("did you mean '{name}'?", name=near) if near else ""


def suggestion(word: str, names: Iterable[str]) -> str:
    """The hint for a key that is not among those that may stand here."""
    names = names if isinstance(names, Collection) else list(names)
    if len(word) <= MAX_LENGTH and len(names) <= MAX_FIELDS:
        if hint := other_unit(word, names):
            return hint
        if hint := meant(word, [name for name in names if not another_quantity(word, name)]):
            return hint
        word = ""
    return _meant_or(word, names, lambda listed: tr("known here: {names}", names=listed))


def existing(word: str, names: Iterable[str]) -> str:
    """The hint for the name of a thing that is not there."""
    return _meant_or(word, names, lambda listed: tr("there are {names}", names=listed))


def one_of(word: str, names: Iterable[str]) -> str:
    """The hint for a word that is none of those that may be chosen."""
    return _meant_or(word, names, lambda listed: tr("write one of {names}", names=listed))


def _meant_or(word: str, names: Iterable[str], list_of: Callable[[str], str]) -> str:
    names = names if isinstance(names, Collection) else list(names)
    hint = meant(word, names)
    if hint or not names:
        return hint
    return list_of(", ".join(islice(names, 12)) + (", ..." if len(names) > 12 else ""))
