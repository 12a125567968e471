"""Comparison of two figures of a result: what counts as equal, and how a difference is reported."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models.results import Result

SAME = 5e-6  # relative difference of equal figures, a little over that of a plan's check
NOTHING = 1e-6  # figures that are apart by less are equal, whatever their size
SHORT = 1e-6  # a period is short if more than this share of its demand is missing
KEYS = ("id", "funder", "instrument", "project", "stockpile", "line", "material", "stage")
"""Fields that say which item of a list is meant."""


@dataclass(frozen=True)
class Disagreement:
    """A figure that is not what the others make of it."""

    path: str  # where it stands
    said: object  # what stands there; None for nothing
    due: object  # what would have to
    bound: str = ""  # ``least`` or ``most`` where ``due`` is a bound that it has to keep

    @property
    def of_figures(self) -> bool:
        """Whether two figures differ, and not words, or what is there at all."""
        return is_number(self.said) and is_number(self.due)


Found = Iterator[Disagreement]


def equal(at: str, said: Any, due: Any, scale: float = 0.0) -> Found:
    """Two values that must be the same; ``scale`` is of what figures are the difference of."""
    said, due = (x.model_dump() if isinstance(x, Result) else x for x in (said, due))
    if isinstance(said, dict) and isinstance(due, dict):
        for key in {**due, **said}:
            yield from equal(f"{at}.{key}", said.get(key), due.get(key), scale)
    elif isinstance(said, (tuple, list)) and isinstance(due, (tuple, list)):
        yield from equal(at, _keyed(said), _keyed(due), scale)
    elif is_number(said) and is_number(due):
        if abs(said - due) > max(NOTHING, SAME * max(abs(said), abs(due), scale)):
            yield Disagreement(at, said, due)
    elif said != due:
        yield Disagreement(at, said, due)


def _keyed(items: Sequence[Any]) -> dict[str, Any]:
    """The items of a list by what tells them apart, so that their order is none of it; by their
    numbers where two are alike, of which one would hide the other."""
    found = {}
    for number, item in enumerate(items):
        raw = item.model_dump() if isinstance(item, Result) else item
        named = [str(raw[key]) for key in KEYS if raw.get(key)] if isinstance(raw, dict) else []
        found[".".join(named) or str(number)] = raw
    if len(found) < len(items):
        return {str(number): item for number, item in enumerate(items)}
    return found


def is_number(value: Any) -> bool:
    """Whether a value is a figure; booleans are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def mean_of(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def rising(at: str, names: Sequence[str], values: Sequence[float | None]) -> Found:
    """Figures of which none is below the one before it; those that are null play no part."""
    known = [(n, v) for n, v in zip(names, values, strict=True) if v is not None]
    for (_, low), (name, high) in pairwise(known):
        if high < low - max(NOTHING, SAME * max(abs(low), abs(high))):
            yield Disagreement(f"{at}{name}", high, low, "least")


def between(at: str, said: float, least: float, most: float, scale: float = 0.0) -> Found:
    """A figure that may be neither below ``least`` nor above ``most``."""
    spare = max(NOTHING, SAME * max(abs(said), scale))
    if said < least - spare:
        yield Disagreement(at, said, least, "least")
    elif said > most + spare:
        yield Disagreement(at, said, most, "most")
