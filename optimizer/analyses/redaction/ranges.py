"""Between what hidden figures must lie, and how equations narrow that down."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

Ranges = dict[str, tuple[float, float]]
"""Lowest and highest value of each figure, by its dotted path."""

PRECISION = 1e-9
"""Relative precision of numbers in a plan's JSON, as an attacker may use them."""
NOISE = 1e-6
"""What is smaller is arithmetic, and printed as 0."""
ROUNDS = 60
JUMP = 1e-7
"""How near to a value where a result may jump it is looked at as well."""
GRID = 17
"""Values that are tried within a range before roots are refined."""


@dataclass(frozen=True)
class Equation:
    """A weighted sum of figures that is known."""

    weights: Mapping[str, float]
    total: float


def propagated(ranges: Ranges, equations: Sequence[Equation]) -> Ranges:
    """Ranges narrowed until no equation narrows them any further.

    Interval propagation over linear equations with weights of 0 or more; what contradicts a range
    leaves it as it is.
    """
    found = dict(ranges)
    for _ in range(ROUNDS):
        before = dict(found)
        for equation in equations:
            slack = PRECISION * max(1.0, abs(equation.total))
            low = math.fsum(w * found[name][0] for name, w in equation.weights.items())
            high = math.fsum(w * found[name][1] for name, w in equation.weights.items())
            for name, weight in equation.weights.items():
                if weight <= 0:
                    continue
                own_low, own_high = found[name]
                least = (equation.total - slack - (high - weight * own_high)) / weight
                most = (equation.total + slack - (low - weight * own_low)) / weight
                narrow(found, name, least, most)
        if found == before:
            break
    return found


def narrow(ranges: Ranges, name: str, low: float, high: float) -> None:
    """Cut a range by another; one that does not meet it tells nothing."""
    old_low, old_high = ranges[name]
    low, high = max(low, old_low), min(high, old_high)
    if low <= high:
        ranges[name] = (low, high)


def between(years: Sequence[int], year: int) -> Iterator[tuple[int, float]]:
    """The positions of the years given that a yearly quantity is read from, and their weights."""
    after = bisect_right(years, year)
    if not years or after == 0:
        yield 0, 1.0
    elif after == len(years):
        yield after - 1, 1.0
    else:
        share = (year - years[after - 1]) / (years[after] - years[after - 1])
        yield after - 1, 1 - share
        yield after, share


def fitting(
    of: Callable[[float], float],
    low: float,
    high: float,
    target: float,
    slack: float,
    also: Sequence[float] = (),
) -> tuple[float, float] | None:
    """The least and the greatest value in a range whose result fits a target, give or take.

    A grid is tried first, with the values ``also`` where the result may jump, then the edges are
    refined; None where nothing on the grid fits and nothing changes side in it.
    """
    if not 0 < low < high:
        return None
    beside = [x * (1 + side) for x in also for side in (-JUMP, 0.0, JUMP)]
    grid = sorted({*np.geomspace(low, high, GRID).tolist(), *(x for x in beside if low < x < high)})
    off = [of(x) - target for x in grid]
    first = _edge(of, target, slack, grid, off)
    last = _edge(of, target, slack, grid[::-1], off[::-1])
    return None if first is None or last is None else (min(first, last), max(first, last))


def _edge(
    of: Callable[[float], float],
    target: float,
    slack: float,
    grid: Sequence[float],
    off: Sequence[float],
) -> float | None:
    for position, here in enumerate(off):
        if abs(here) <= slack:
            return grid[position]
        if position + 1 == len(off):
            break
        side = slack if here > 0 else -slack
        if (here - side) * (off[position + 1] - side) <= 0:
            one, other = sorted(grid[position : position + 2])
            return float(brentq(lambda x, s=side: of(x) - target - s, one, other, rtol=1e-10))
    return None


def width(low: float, high: float) -> float:
    """How wide a range is: the logarithm of the ratio of its ends."""
    if high <= low:
        return 0.0
    return math.inf if low <= 0 else math.log(high / low)


def middle(low: float, high: float) -> float:
    """The best guess within a range."""
    return math.sqrt(low * high) if low > 0 else (low + high) / 2
