"""Tighter column bounds from the rows of a program.

An empty budget forbids a purchase of ten euros, but a solver with a tolerance of 1e-6 million
allows it. Also, columns are scaled by the width of their bounds, and rows may imply narrower ones.
The bounds are computed from row activities (Savelsbergh 1994).
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.highs.program import Floats, LinearProgram
from optimizer.model.highs.scaling import compute_scaling

MAX_ROUNDS = 100  # a budget that is carried over, but empty, takes one round per year
ROUNDING_SHARE = 1e-9  # slack of implied bounds, relative to the terms of the row
MIN_RELATIVE_WIDTH = 1e-6  # narrower ranges, relative to the bounds, are not set unless empty
ROW_TOLERANCE = 1e-6  # smaller violations, relative to the terms of the row, count as satisfied
ZERO_TOLERANCE = 1e-30  # smaller absolute violations count as satisfied
MIN_SHRINK_FACTOR = 0.5  # a bound is moved if the range shrinks to at most this share
INTEGER_TOLERANCE = 1e-6  # values closer to an integer are one


def tighten_bounds(program: LinearProgram) -> LinearProgram:
    """Return the program with tighter column bounds, as its rows imply them. If all numbers of the
    program are near one, only columns that rows fix are changed, since the solver's presolve
    tightens the others."""
    program = _tighten(program, fix_only=True)
    if compute_scaling(program, 1.0).is_near_one:
        return program
    return _tighten(program, fix_only=False)


def _tighten(program: LinearProgram, fix_only: bool) -> LinearProgram:
    matrix = sparse.csc_array(program.matrix)
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    lower, upper = program.lower.copy(), program.upper.copy()
    for _ in range(MAX_ROUNDS):
        previous_bounds = lower.copy(), upper.copy()
        for entries, rhs in ((matrix.data, program.row_upper), (-matrix.data, -program.row_lower)):
            implied_lower, implied_upper = _implied_bounds(
                entries, matrix.indices, column, rhs, lower, upper
            )
            is_integer = program.is_integer
            implied_lower[is_integer] = np.ceil(implied_lower[is_integer] - INTEGER_TOLERANCE)
            implied_upper[is_integer] = np.floor(implied_upper[is_integer] + INTEGER_TOLERANCE)
            # A bound beyond the opposite one makes its row infeasible, which is marked below.
            implied_lower = np.minimum(implied_lower, upper)
            implied_upper = np.maximum(implied_upper, lower)
            width = upper - lower
            is_tighter = (implied_lower > lower) & _is_worthwhile(
                implied_lower, upper, width, fix_only
            )
            lower = np.where(is_tighter, implied_lower, lower)
            is_tighter = (implied_upper < upper) & _is_worthwhile(
                lower, implied_upper, width, fix_only
            )
            upper = np.where(is_tighter, implied_upper, upper)
        if (lower == previous_bounds[0]).all() and (upper == previous_bounds[1]).all():
            break
    return _mark_infeasible_rows(replace(program, matrix=matrix, lower=lower, upper=upper))


def _mark_infeasible_rows(program: LinearProgram) -> LinearProgram:
    """Replace each row that no values within the column bounds satisfy by 0 <= -1. Row bounds that
    are violated by rounding only are moved instead. Feasibility then does not depend on a
    tolerance: an empty budget that has to pay a cent is infeasible."""
    matrix = program.matrix
    row_count = matrix.shape[0]
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    min_values = np.where(matrix.data > 0, program.lower[column], program.upper[column])
    max_values = np.where(matrix.data > 0, program.upper[column], program.lower[column])
    is_infeasible = np.zeros(row_count, dtype=bool)
    row_lower, row_upper = program.row_lower.copy(), program.row_upper.copy()
    for sign, extremes, rhs in ((1, min_values, row_upper), (-1, max_values, row_lower)):
        terms = matrix.data * extremes
        size = np.bincount(matrix.indices, np.abs(terms), row_count)
        is_finite = np.isfinite(rhs) & np.isfinite(size)
        finite_rhs, activity = (
            rhs[is_finite],
            np.bincount(matrix.indices, terms, row_count)[is_finite],
        )
        excess = sign * (activity - finite_rhs)
        is_violated = (
            excess > ROW_TOLERANCE * (size[is_finite] + np.abs(finite_rhs)) + ZERO_TOLERANCE
        )
        is_infeasible[is_finite] |= is_violated
        rhs[is_finite] = np.where((excess > 0) & ~is_violated, activity, finite_rhs)
    program = replace(program, row_lower=row_lower, row_upper=row_upper)
    if not is_infeasible.any():
        return program
    reduced_matrix = sparse.csc_array(matrix, copy=True)
    reduced_matrix.data[is_infeasible[reduced_matrix.indices]] = 0.0
    reduced_matrix.eliminate_zeros()
    return replace(
        program,
        matrix=reduced_matrix,
        row_lower=np.where(is_infeasible, -np.inf, row_lower),
        row_upper=np.where(is_infeasible, -1.0, row_upper),
    )


def _is_worthwhile(
    lower: Floats, upper: Floats, width: Floats, fix_only: bool
) -> NDArray[np.bool_]:
    """Return for each column whether the bounds ``lower`` and ``upper`` should be set: they fix the
    column, or are much narrower than ``width``, its present range. With ``fix_only`` only columns
    that they fix are marked."""
    new_width, magnitude = upper - lower, np.maximum(np.abs(lower), np.abs(upper))
    is_fixed = new_width <= 0
    if fix_only:
        return np.asarray(is_fixed)
    return np.asarray(
        is_fixed
        | ((new_width <= MIN_SHRINK_FACTOR * width) & (new_width >= MIN_RELATIVE_WIDTH * magnitude))
    )


def _implied_bounds(
    entries: Floats,
    row: NDArray[Any],
    column: NDArray[Any],
    rhs: Floats,
    lower: Floats,
    upper: Floats,
) -> tuple[Floats, Floats]:
    """Return the lower and upper bounds of all columns that are implied by the rows A @ x <=
    ``rhs``, where A has ``entries`` at the positions ``row`` and ``column``."""
    row_count = len(rhs)
    is_positive = entries > 0
    term = entries * np.where(is_positive, lower[column], upper[column])
    is_unbounded = np.isinf(term)
    finite_term = np.where(is_unbounded, 0.0, term)
    min_activity = np.bincount(row, finite_term, row_count)
    finite_rhs = np.where(np.isfinite(rhs), rhs, 0.0)
    size = np.bincount(row, np.abs(finite_term), row_count) + np.abs(finite_rhs)
    unbounded_count = np.bincount(row, is_unbounded, row_count)
    # A bound follows only if all other columns of the row are bounded on the relevant side.
    is_usable = np.isfinite(rhs)[row] & (unbounded_count[row] == is_unbounded)
    slack = (finite_rhs[row] - (min_activity[row] - finite_term) + ROUNDING_SHARE * size[row])[
        is_usable
    ]
    bound = slack / entries[is_usable]
    implied_lower, implied_upper = np.full(len(lower), -np.inf), np.full(len(upper), np.inf)
    gives_upper = is_positive[is_usable]
    np.minimum.at(implied_upper, column[is_usable][gives_upper], bound[gives_upper])
    np.maximum.at(implied_lower, column[is_usable][~gives_upper], bound[~gives_upper])
    return implied_lower, implied_upper
