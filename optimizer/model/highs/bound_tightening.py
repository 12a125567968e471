"""Bounds of columns as narrow as rows make them.

A purse of nothing forbids a purchase of ten euros, which a solver that works to a millionth of a
million allows; and a column is scaled by what it can come to, which a row may say better than its
own bound. Both follow from the least that the other columns of a row come to (activity bounds,
Savelsbergh 1994).
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.highs.program import Floats, LinearProgram
from optimizer.model.highs.scaling import compute_scaling

MAX_ROUNDS = 100  # rounds at most: a purse empty from year to year takes one for each
ROUNDING_SHARE = 1e-9  # of the terms of a row: what bounds leave for rounding
MIN_RELATIVE_WIDTH = (
    1e-6  # bounds stay apart by this share of their size for rounding, or fall together
)
ROW_TOLERANCE = 1e-6  # of the terms of a row: what it may be broken by and counts as kept
ZERO_TOLERANCE = 1e-30  # what a row may be broken by whatever its terms are; no figure is so small
MIN_SHRINK_FACTOR = 0.5  # a bound is moved where it comes to at most this share of what it was
INTEGER_TOLERANCE = 1e-6  # what is closer to a whole number is one


def tighten_bounds(program: LinearProgram) -> LinearProgram:
    """The same program with the bounds that rows give its columns. In one that is near one only
    what rows leave at nothing is fixed: anything else the solver's own presolve does as well."""
    program = _tighten(program, fix_only=True)
    if compute_scaling(program, 1.0).is_near_one:
        return program
    return _tighten(program, fix_only=False)


def _tighten(program: LinearProgram, fix_only: bool) -> LinearProgram:
    matrix = sparse.csc_array(program.matrix)
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    lower, upper = program.lower.copy(), program.upper.copy()
    for _ in range(MAX_ROUNDS):
        before = lower.copy(), upper.copy()
        for entries, sides in (
            (matrix.data, program.row_upper),
            (-matrix.data, -program.row_lower),
        ):
            least, most = _implied_bounds(entries, matrix.indices, column, sides, lower, upper)
            whole = program.integer
            least[whole] = np.ceil(least[whole] - INTEGER_TOLERANCE)
            most[whole] = np.floor(most[whole] + INTEGER_TOLERANCE)
            # What excludes its other bound breaks its row, which is seen below.
            least, most = np.minimum(least, upper), np.maximum(most, lower)
            width = upper - lower
            moves = (least > lower) & _is_worthwhile(least, upper, width, fix_only)
            lower = np.where(moves, least, lower)
            moves = (most < upper) & _is_worthwhile(lower, most, width, fix_only)
            upper = np.where(moves, most, upper)
        if (lower == before[0]).all() and (upper == before[1]).all():
            break
    return _mark_infeasible_rows(replace(program, matrix=matrix, lower=lower, upper=upper))


def _mark_infeasible_rows(program: LinearProgram) -> LinearProgram:
    """The same program with rows that no values within the bounds can keep made 0 <= -1, and with
    sides of rows that only rounding breaks set to what can be kept. So no tolerance decides: a
    purse of nothing that has to pay a cent is empty, not almost enough."""
    matrix = program.matrix
    count = matrix.shape[0]
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    at_least = np.where(matrix.data > 0, program.lower[column], program.upper[column])
    at_most = np.where(matrix.data > 0, program.upper[column], program.lower[column])
    broken = np.zeros(count, dtype=bool)
    row_lower, row_upper = program.row_lower.copy(), program.row_upper.copy()
    for sign, ends, sides in ((1, at_least, row_upper), (-1, at_most, row_lower)):
        terms = matrix.data * ends
        size = np.bincount(matrix.indices, np.abs(terms), count)
        known = np.isfinite(sides) & np.isfinite(size)
        given, total = sides[known], np.bincount(matrix.indices, terms, count)[known]
        excess = sign * (total - given)
        wrong = excess > ROW_TOLERANCE * (size[known] + np.abs(given)) + ZERO_TOLERANCE
        broken[known] |= wrong
        # What is broken by less counts as kept.
        sides[known] = np.where((excess > 0) & ~wrong, total, given)
    program = replace(program, row_lower=row_lower, row_upper=row_upper)
    if not broken.any():
        return program
    rest = sparse.csc_array(matrix, copy=True)
    rest.data[broken[rest.indices]] = 0.0
    rest.eliminate_zeros()
    return replace(
        program,
        matrix=rest,
        row_lower=np.where(broken, -np.inf, row_lower),
        row_upper=np.where(broken, -1.0, row_upper),
    )


def _is_worthwhile(
    lower: Floats, upper: Floats, width: Floats, fix_only: bool
) -> NDArray[np.bool_]:
    """Where columns of a width are worth holding to what is from ``least`` to ``most``."""
    left, size = upper - lower, np.maximum(np.abs(lower), np.abs(upper))
    fixed = left <= 0
    if fix_only:
        return np.asarray(fixed)
    return np.asarray(
        fixed | ((left <= MIN_SHRINK_FACTOR * width) & (left >= MIN_RELATIVE_WIDTH * size))
    )


def _implied_bounds(
    entries: Floats,
    row: NDArray[Any],
    column: NDArray[Any],
    sides: Floats,
    lower: Floats,
    upper: Floats,
) -> tuple[Floats, Floats]:
    """What rows of ``entries`` that come to at most ``sides`` leave each column at least and at
    most."""
    count = len(sides)
    rising = entries > 0
    term = entries * np.where(rising, lower[column], upper[column])
    open_ = np.isinf(term)
    known = np.where(open_, 0.0, term)
    total = np.bincount(row, known, count)
    given = np.where(np.isfinite(sides), sides, 0.0)
    size = np.bincount(row, np.abs(known), count) + np.abs(given)
    opens = np.bincount(row, open_, count)
    # Only where every other column of the row is bounded on the side that counts.
    telling = np.isfinite(sides)[row] & (opens[row] == open_)
    left = (given[row] - (total[row] - known) + ROUNDING_SHARE * size[row])[telling]
    bound = left / entries[telling]
    least, most = np.full(len(lower), -np.inf), np.full(len(upper), np.inf)
    up = rising[telling]
    np.minimum.at(most, column[telling][up], bound[up])
    np.maximum.at(least, column[telling][~up], bound[~up])
    return least, most
