"""Ranges of hidden figures, and how equations narrow them."""

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
"""Relative precision of numbers in a plan's JSON."""
ZERO_TOLERANCE = 1e-6
"""Smaller amounts are rounding errors, and printed as 0."""
JUMP_OFFSET = 1e-7
"""Relative distance from a possible jump at which a function is also evaluated."""
GRID_POINTS = 17
"""Number of values in a range that are tried before roots are refined."""


class Equation(NamedTuple):
    """An equation: the sum of ``weights`` times figures equals ``total`` within ``slack``."""

    weights: Mapping[str, float]
    total: float
    slack: float = 0.0


def tighten_ranges(ranges: Ranges, equations: Sequence[Equation]) -> Ranges:
    """Return the tightest range of each figure that all equations together allow.

    Two linear programs are solved for each figure; if one has no solution, the ranges of
    its figure and of the figures after it stay as they are.
    """
    narrowed = dict(ranges)
    useful_equations = [equation for equation in equations if any(equation.weights.values())]
    paths = list(dict.fromkeys(path for equation in useful_equations for path in equation.weights))
    if not paths:
        return narrowed
    scale = {path: max(map(abs, ranges[path])) or 1.0 for path in paths}
    rows, limits = [], []
    for weights, equation_total, slack in useful_equations:
        row = np.array([weights.get(path, 0.0) * scale[path] for path in paths])
        size = float(np.abs(row).max()) or 1.0
        slack = max(slack, JSON_PRECISION * max(1.0, abs(equation_total)))
        rows += [row / size, -row / size]
        limits += [(equation_total + slack) / size, (slack - equation_total) / size]
    bounds = [(ranges[path][0] / scale[path], ranges[path][1] / scale[path]) for path in paths]
    for n, path in enumerate(paths):
        objective = np.zeros(len(paths))
        ends = []
        for objective[n] in (1.0, -1.0):
            solution = linprog(objective, A_ub=np.array(rows), b_ub=limits, bounds=bounds)
            if solution.status != 0:
                return narrowed
            ends.append(abs(float(solution.fun or 0.0)) * scale[path])
        narrow_range(narrowed, path, min(ends), max(ends))
    return narrowed


def narrow_range(ranges: Ranges, name: str, low: float = -math.inf, high: float = math.inf) -> None:
    """Intersect a figure's range with the range from ``low`` to ``high``, in place.

    The range is unchanged if the two are disjoint.
    """
    old_low, old_high = ranges[name]
    low, high = max(low, old_low), min(high, old_high)
    if low <= high:
        ranges[name] = (low, high)


def interpolation_weights(years: Sequence[int], year: int) -> Iterator[tuple[int | None, float]]:
    """Yield (year, weight) for the given years from which a yearly quantity is interpolated in
    ``year``.

    For a quantity that does not change over time, the only year is None.
    """
    index_after = bisect_right(years, year)
    if not years:
        yield None, 1.0
    elif index_after in (0, len(years)):
        yield years[-1 if index_after else 0], 1.0
    else:
        share = (year - years[index_after - 1]) / (years[index_after] - years[index_after - 1])
        yield years[index_after - 1], 1 - share
        yield years[index_after], share


def find_fitting_range(
    function: Callable[[float], float],
    low: float,
    high: float,
    target: float,
    slack: float,
    extra_points: Sequence[float] = (),
) -> Range | None:
    """Return the smallest and the largest argument in a range for which ``function`` is within
    ``slack`` of ``target``.

    A grid is tried first, with ``extra_points`` where the function may jump; then the edges are
    refined. Returns None if the range is empty or not positive, or if no grid point fits and the
    deviation from the target has no change of sign.
    """
    if not 0 < low < high:
        return None
    points_near_jumps = [
        x * (1 + side) for x in extra_points for side in (-JUMP_OFFSET, 0.0, JUMP_OFFSET)
    ]
    grid = sorted(
        {
            *np.geomspace(low, high, GRID_POINTS).tolist(),
            *(x for x in points_near_jumps if low < x < high),
        }
    )
    residuals = [(x, function(x) - target) for x in grid]

    def first_fitting(points: list[tuple[float, float]]) -> float | None:
        for n, (x, residual) in enumerate(points):
            if abs(residual) <= slack:
                return x
            offset = math.copysign(slack, residual)
            if n + 1 < len(points) and (residual - offset) * (points[n + 1][1] - offset) <= 0:
                left_value, right_value = sorted((x, points[n + 1][0]))
                return float(
                    brentq(
                        lambda x, s=offset: function(x) - target - s,
                        left_value,
                        right_value,
                        rtol=1e-10,
                    )
                )
        return None

    first_edge, last_edge = first_fitting(residuals), first_fitting(residuals[::-1])
    return (
        None
        if first_edge is None or last_edge is None
        else (min(first_edge, last_edge), max(first_edge, last_edge))
    )


def log_width(low: float, high: float) -> float:
    """Return the logarithm of the ratio of a range's upper to its lower end; infinite if the latter
    is 0."""
    if high <= low:
        return 0.0
    return math.inf if low <= 0 else math.log(high / low)


def best_guess(low: float, high: float) -> float:
    """Return the geometric mean of a range's ends; the arithmetic mean if the lower end is 0."""
    return math.sqrt(low * high) if low > 0 else (low + high) / 2
