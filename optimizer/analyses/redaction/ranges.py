"""Between what hidden figures must lie, and how equations narrow that down."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, linprog

Range = tuple[float, float]
Ranges = dict[str, Range]
"""Lowest and highest value of each figure, by its dotted path."""

JSON_PRECISION = 1e-9
"""Relative precision of numbers in a plan's JSON, as an attacker may use them."""
ZERO_TOLERANCE = 1e-6
"""What is smaller is arithmetic, and printed as 0."""
JUMP_OFFSET = 1e-7
"""How near to a value where a result may jump it is looked at as well."""
GRID_POINTS = 17
"""Values that are tried within a range before roots are refined."""


class Equation(NamedTuple):
    """A weighted sum of figures that is known, give or take."""

    weights: Mapping[str, float]
    total: float
    slack: float = 0.0


def tighten_ranges(ranges: Ranges, equations: Sequence[Equation]) -> Ranges:
    """The tightest range of each figure that all equations allow together: two linear programs a
    figure. What contradicts itself tells nothing."""
    found, known = dict(ranges), [one for one in equations if any(one.weights.values())]
    names = list(dict.fromkeys(name for one in known for name in one.weights))
    if not names:
        return found
    scale = {name: max(map(abs, ranges[name])) or 1.0 for name in names}
    rows, limits = [], []
    for weights, total, slack in known:
        row = np.array([weights.get(name, 0.0) * scale[name] for name in names])
        size = float(np.abs(row).max()) or 1.0
        slack = max(slack, JSON_PRECISION * max(1.0, abs(total)))
        rows += [row / size, -row / size]
        limits += [(total + slack) / size, (slack - total) / size]
    bounds = [(ranges[name][0] / scale[name], ranges[name][1] / scale[name]) for name in names]
    for n, name in enumerate(names):
        goal = np.zeros(len(names))
        ends = []
        for goal[n] in (1.0, -1.0):
            answer = linprog(goal, A_ub=np.array(rows), b_ub=limits, bounds=bounds)
            if answer.status != 0:
                return found
            ends.append(abs(float(answer.fun or 0.0)) * scale[name])
        narrow_range(found, name, min(ends), max(ends))
    return found


def narrow_range(ranges: Ranges, name: str, low: float = -math.inf, high: float = math.inf) -> None:
    """Cut a range by another; one that does not meet it tells nothing."""
    old_low, old_high = ranges[name]
    low, high = max(low, old_low), min(high, old_high)
    if low <= high:
        ranges[name] = (low, high)


def interpolation_weights(years: Sequence[int], year: int) -> Iterator[tuple[int | None, float]]:
    """The years given that a yearly quantity is read from, and their weights; None where it does
    not change."""
    after = bisect_right(years, year)
    if not years:
        yield None, 1.0
    elif after in (0, len(years)):
        yield years[-1 if after else 0], 1.0
    else:
        share = (year - years[after - 1]) / (years[after] - years[after - 1])
        yield years[after - 1], 1 - share
        yield years[after], share


def find_fitting_range(
    function: Callable[[float], float],
    low: float,
    high: float,
    target: float,
    slack: float,
    extra_points: Sequence[float] = (),
) -> Range | None:
    """The least and the greatest value in a range whose result fits a target, give or take.

    A grid is tried first, with the values ``also`` where the result may jump, then the edges are
    refined; None where nothing on the grid fits and nothing changes side in it.
    """
    if not 0 < low < high:
        return None
    beside = [x * (1 + side) for x in extra_points for side in (-JUMP_OFFSET, 0.0, JUMP_OFFSET)]
    grid = sorted(
        {*np.geomspace(low, high, GRID_POINTS).tolist(), *(x for x in beside if low < x < high)}
    )
    off = [(x, function(x) - target) for x in grid]

    def edge(off: list[Range]) -> float | None:
        for n, (x, here) in enumerate(off):
            if abs(here) <= slack:
                return x
            side = math.copysign(slack, here)
            if n + 1 < len(off) and (here - side) * (off[n + 1][1] - side) <= 0:
                one, other = sorted((x, off[n + 1][0]))
                return float(
                    brentq(lambda x, s=side: function(x) - target - s, one, other, rtol=1e-10)
                )
        return None

    first, last = edge(off), edge(off[::-1])
    return None if first is None or last is None else (min(first, last), max(first, last))


def log_width(low: float, high: float) -> float:
    """How wide a range is: the logarithm of the ratio of its ends."""
    if high <= low:
        return 0.0
    return math.inf if low <= 0 else math.log(high / low)


def best_guess(low: float, high: float) -> float:
    """The best guess within a range."""
    return math.sqrt(low * high) if low > 0 else (low + high) / 2
