"""Comparison of figures of a result within tolerances, and the discrepancies that this finds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models.results import Result

RELATIVE_TOLERANCE = 5e-6  # relative tolerance, slightly above that of a plan's check
ABSOLUTE_TOLERANCE = 1e-6  # smaller differences are ignored
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
"""Fields that identify an item of a list."""


@dataclass(frozen=True)
class Discrepancy:
    """Figure of a result that differs from what other figures imply."""

    location: str  # path of the figure in the result
    stated: object  # the figure in the result; None if missing
    expected: object  # the figure implied by the others
    bound: str = ""  # ``least`` or ``most`` if ``expected`` is a lower or upper bound

    @property
    def is_numeric(self) -> bool:
        """Whether both figures are numbers."""
        return is_number(self.stated) and is_number(self.expected)


Discrepancies = Iterator[Discrepancy]


def check_equal(location: str, stated: Any, expected: Any, scale: float = 0.0) -> Discrepancies:
    """Yield the discrepancies between a stated and an expected value, compared recursively.

    If the values are differences of larger figures, ``scale`` is the magnitude of these; the
    tolerance is relative to it.
    """
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
    """Return the items of a list by their identifying fields, or by position if these are not
    unique."""
    items_by_key = {}
    for number, item in enumerate(items):
        content = item.model_dump() if isinstance(item, Result) else item
        key_parts = (
            [str(content[key]) for key in ITEM_KEY_FIELDS if content.get(key)]
            if isinstance(content, dict)
            else []
        )
        items_by_key[".".join(key_parts) or str(number)] = content
    if len(items_by_key) < len(items):
        return {str(number): item for number, item in enumerate(items)}
    return items_by_key


def is_number(value: Any) -> bool:
    """Return whether a value is a number; booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def mean_or_none(values: Sequence[float]) -> float | None:
    """Return the mean of the values; None for an empty sequence."""
    return math.fsum(values) / len(values) if values else None


def check_nondecreasing(
    location: str, names: Sequence[str], values: Sequence[float | None]
) -> Discrepancies:
    """Check that figures do not decrease in the given order. Values that are None are skipped."""
    present_values = [(n, v) for n, v in zip(names, values, strict=True) if v is not None]
    for (_, low), (name, high) in pairwise(present_values):
        if high < low - max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * max(abs(low), abs(high))):
            yield Discrepancy(f"{location}{name}", high, low, "least")


def check_between(
    location: str, stated: float, lower: float, upper: float, scale: float = 0.0
) -> Discrepancies:
    """Check that a figure is between ``lower`` and ``upper``."""
    tolerance = max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * max(abs(stated), scale))
    if stated < lower - tolerance:
        yield Discrepancy(location, stated, lower, "least")
    elif stated > upper + tolerance:
        yield Discrepancy(location, stated, upper, "most")
