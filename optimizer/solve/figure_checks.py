"""Comparison of two figures of a result: what counts as equal, and how a difference is reported."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models.results import Result

RELATIVE_TOLERANCE = (
    5e-6  # relative difference of equal figures, a little over that of a plan's check
)
ABSOLUTE_TOLERANCE = 1e-6  # figures that are apart by less are equal, whatever their size
SHORTAGE_TOLERANCE = 1e-6  # a period is short if more than this share of its demand is missing
ITEM_KEY_FIELDS = (
    "id",
    "funder",
    "instrument",
    "project",
    "stockpile",
    "line",
    "material",
    "stage",
)
"""Fields that say which item of a list is meant."""


@dataclass(frozen=True)
class Discrepancy:
    """A figure that is not what the others make of it."""

    location: str  # where it stands
    stated: object  # what stands there; None for nothing
    expected: object  # what would have to
    bound: str = ""  # ``least`` or ``most`` where ``due`` is a bound that it has to keep

    @property
    def is_numeric(self) -> bool:
        """Whether two figures differ, and not words, or what is there at all."""
        return is_number(self.stated) and is_number(self.expected)


Discrepancies = Iterator[Discrepancy]


def check_equal(location: str, stated: Any, expected: Any, scale: float = 0.0) -> Discrepancies:
    """Two values that must be the same; ``scale`` is of what figures are the difference of."""
    stated, expected = (x.model_dump() if isinstance(x, Result) else x for x in (stated, expected))
    if isinstance(stated, dict) and isinstance(expected, dict):
        for key in {**expected, **stated}:
            yield from check_equal(f"{location}.{key}", stated.get(key), expected.get(key), scale)
    elif isinstance(stated, (tuple, list)) and isinstance(expected, (tuple, list)):
        yield from check_equal(location, _items_by_key(stated), _items_by_key(expected), scale)
    elif is_number(stated) and is_number(expected):
        if abs(stated - expected) > max(
            ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * max(abs(stated), abs(expected), scale)
        ):
            yield Discrepancy(location, stated, expected)
    elif stated != expected:
        yield Discrepancy(location, stated, expected)


def _items_by_key(items: Sequence[Any]) -> dict[str, Any]:
    """The items of a list by what tells them apart, so that their order is none of it; by their
    numbers where two are alike, of which one would hide the other."""
    found = {}
    for number, item in enumerate(items):
        raw = item.model_dump() if isinstance(item, Result) else item
        named = (
            [str(raw[key]) for key in ITEM_KEY_FIELDS if raw.get(key)]
            if isinstance(raw, dict)
            else []
        )
        found[".".join(named) or str(number)] = raw
    if len(found) < len(items):
        return {str(number): item for number, item in enumerate(items)}
    return found


def is_number(value: Any) -> bool:
    """Whether a value is a figure; booleans are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def mean_or_none(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def check_nondecreasing(
    location: str, names: Sequence[str], values: Sequence[float | None]
) -> Discrepancies:
    """Figures of which none is below the one before it; those that are null play no part."""
    known = [(n, v) for n, v in zip(names, values, strict=True) if v is not None]
    for (_, low), (name, high) in pairwise(known):
        if high < low - max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * max(abs(low), abs(high))):
            yield Discrepancy(f"{location}{name}", high, low, "least")


def check_between(
    location: str, stated: float, lower: float, upper: float, scale: float = 0.0
) -> Discrepancies:
    """A figure that may be neither below ``least`` nor above ``most``."""
    spare = max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * max(abs(stated), scale))
    if stated < lower - spare:
        yield Discrepancy(location, stated, lower, "least")
    elif stated > upper + spare:
        yield Discrepancy(location, stated, upper, "most")
