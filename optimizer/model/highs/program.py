"""Mixed-integer linear programs as arrays, checks of their data, and their scaling by powers of
two.

The solver's tolerances are absolute: 1e-6 for rows and 1e-7 for reduced costs, however large the
terms are. Therefore rows, continuous columns and the objective are scaled so that their numbers are
near one. A program whose numbers are near one is unchanged. Factors are powers of two, so that
scaling does not round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import CoefficientsOutOfRange, InvalidModelData

Floats = NDArray[np.float64]

MAX_MAGNITUDE = 1e15  # HiGHS treats larger numbers as infinite
MIN_COEFFICIENT = 1e-9  # HiGHS drops matrix coefficients up to this size
MAX_COEFFICIENT_RATIO = 1e18  # largest reliable ratio of two coefficients of a scaled matrix


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A mixed-integer linear program to be minimized. ``matrix`` is a csc array with one row for
    each constraint. Bounds of rows and columns that do not exist are infinite. Names of rows and
    columns are for messages."""

    cost: Floats
    offset: float
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    is_integer: NDArray[np.bool_]
    row_names: Sequence[str]
    column_names: Sequence[str]

    @property
    def size(self) -> dict[str, int]:
        """Numbers of rows, columns, integer columns and non-zero entries, by name."""
        return {
            "rows": self.matrix.shape[0],
            "columns": self.matrix.shape[1],
            "integers": int(self.is_integer.sum()),
            "nonzeros": int(self.matrix.nnz),
        }

    def free_rows(self, is_dropped: NDArray[np.bool_]) -> LinearProgram:
        """Return the program without bounds on the rows that ``is_dropped`` marks."""
        return replace(
            self,
            row_lower=np.where(is_dropped, -np.inf, self.row_lower),
            row_upper=np.where(is_dropped, np.inf, self.row_upper),
        )

    def relaxation(self) -> LinearProgram:
        """Return the linear relaxation: the program with all columns continuous."""
        return replace(self, is_integer=np.zeros_like(self.is_integer))

    def without_objective(self) -> LinearProgram:
        """Return the program with an objective that is constantly 0."""
        return replace(self, cost=np.zeros_like(self.cost), offset=0.0)


def _labeled_vectors(program: LinearProgram) -> list[tuple[Floats, Sequence[str], str, bool]]:
    """Return a tuple for each vector of the program: its values, the names of its elements, words
    for messages, and whether it may contain infinity."""
    return [
        (program.cost, program.column_names, "the cost of", False),
        (np.array([program.offset]), ["the objective"], "the constant of", False),
        (program.row_lower, program.row_names, "a bound of", True),
        (program.row_upper, program.row_names, "a bound of", True),
        (program.lower, program.column_names, "a bound of", True),
        (program.upper, program.column_names, "a bound of", True),
    ]


def check_finite(program: LinearProgram) -> None:
    """Raise InvalidModelData if a number is NaN, or if a number other than a bound is infinite."""
    for vector, names, description, may_be_infinite in _labeled_vectors(program):
        is_bad = np.isnan(vector) if may_be_infinite else ~np.isfinite(vector)
        if is_bad.any():
            raise InvalidModelData(
                f"{description} {names[int(np.argmax(is_bad))]} is not a finite number"
            )
    is_bad_entry = ~np.isfinite(program.matrix.data)
    if is_bad_entry.any():
        position = " in ".join(_entry_names(program, is_bad_entry))
        raise InvalidModelData(f"the coefficient of {position} is not finite")


def check_solver_limits(program: LinearProgram) -> None:
    """Raise InvalidModelData, which names the element, if the solver would misread a number. This
    holds for numbers that are not finite (except absent bounds), numbers of 1e15 or more,
    coefficients of 1e-9 or less, and coefficients whose ratio exceeds 1e18."""
    check_finite(program)
    for vector, names, description, _ in _labeled_vectors(program):
        magnitudes = np.where(np.isfinite(vector), np.abs(vector), 0.0)
        if magnitudes.size and magnitudes.max() >= MAX_MAGNITUDE:
            name = names[int(np.argmax(magnitudes))]
            raise InvalidModelData(f"{description} {name} is {magnitudes.max():.3g}, too large")
    is_impossible = np.isposinf(program.row_lower) | np.isneginf(program.row_upper)
    if is_impossible.any():
        raise InvalidModelData(
            f"{program.row_names[int(np.argmax(is_impossible))]} has a bound nothing can meet"
        )
    data = np.abs(program.matrix.data)
    if not data.size:
        return
    min_entry, max_entry = float(data.min()), float(data.max())
    entry_names = [_entry_names(program, data == extreme) for extreme in (min_entry, max_entry)]
    smallest_name, largest_name = (" in ".join(names_of_entry) for names_of_entry in entry_names)
    extremes = ((entry_names[0], min_entry), (entry_names[1], max_entry))
    if max_entry >= MAX_MAGNITUDE:
        fault = f"{largest_name} is {max_entry:.3g}, which the solver would take for infinite"
        raise CoefficientsOutOfRange(f"the coefficient of {fault}", extremes)
    if min_entry <= MIN_COEFFICIENT:
        fault = f"{smallest_name} is {min_entry:.3g}, which the solver would drop"
        raise CoefficientsOutOfRange(f"the coefficient of {fault}", extremes)
    if max_entry / min_entry > MAX_COEFFICIENT_RATIO:
        fault = (
            f"coefficients range from {min_entry:.3g} ({smallest_name}) "
            f"to {max_entry:.3g} ({largest_name})"
        )
        raise CoefficientsOutOfRange(f"{fault}, too far apart to be solved reliably", extremes)


def _entry_names(program: LinearProgram, is_match: NDArray[np.bool_]) -> tuple[str, str]:
    """Return the names of column and row of the first matrix entry that ``is_match`` marks."""
    position = int(np.argmax(is_match))
    row = program.row_names[int(program.matrix.indices[position])]
    column = int(np.searchsorted(program.matrix.indptr, position, side="right")) - 1
    return program.column_names[column], row


def max_violation(program: LinearProgram, values: Floats) -> float:
    """Return the largest amount by which ``values`` of the columns violate a row, a bound or
    integrality."""
    activity = program.matrix @ values
    fractions = np.abs(values - np.round(values))[program.is_integer]
    return max(
        float(np.max(excess, initial=0.0))
        for excess in (
            program.row_lower - activity,
            activity - program.row_upper,
            program.lower - values,
            values - program.upper,
            fractions,
        )
    )


def program_from_arrays(
    cost: Sequence[float] | Floats,
    matrix: Any,
    row_lower: Sequence[float] | Floats,
    row_upper: Sequence[float] | Floats,
    lower: Sequence[float] | Floats,
    upper: Sequence[float] | Floats,
) -> LinearProgram:
    """Build a linear program from arrays; rows and columns are named by number."""
    csc = sparse.csc_array(matrix)
    csc.eliminate_zeros()
    return LinearProgram(
        cost=np.asarray(cost, dtype=float),
        offset=0.0,
        matrix=csc,
        row_lower=np.asarray(row_lower, dtype=float),
        row_upper=np.asarray(row_upper, dtype=float),
        lower=np.asarray(lower, dtype=float),
        upper=np.asarray(upper, dtype=float),
        is_integer=np.zeros(csc.shape[1], dtype=bool),
        row_names=[f"row {i}" for i in range(csc.shape[0])],
        column_names=[f"column {j}" for j in range(csc.shape[1])],
    )


NEAR_ONE_FACTOR = 1e4  # a program with all numbers within this factor of one is not scaled
MAX_ROUNDS = 30  # of balancing rows and columns in turn
NEGLIGIBLE_SHARE = 2.0**-21  # smaller entries, relative to the largest of their row, are ignored
MAX_UNIT_EXPONENT = 20  # largest exponent of a column unit; that of row factors is four times it
ROUNDING_SHARE = 1e-12  # smaller entries and row bounds, relative to the largest, are rounding
MAX_ENTRY_EXPONENT = 24  # largest exponent of an entry when a row is scaled by its bound
MAX_BOUND_EXPONENT = 40  # largest exponent of a scaled column bound
MAX_SCALED_COST = 2.0**27  # largest scaled cost coefficient of a column
MAX_COLUMN_COST = 2.0**40  # largest scaled cost that a single column can contribute
MIN_VISIBLE_ENTRY = 2.0**-20  # smaller scaled entries are lost in the solver's tolerances
LIFTED_ENTRY_TARGET = 2.0**-10  # target size of the smallest entry of a row that is scaled up
MAX_ENTRY_IN_LIFTED_ROW = 2.0**20  # upper limit of the largest entry of that row
OBJECTIVE_SCALE = 2.0**20  # default size of the largest scaled objective


@dataclass(frozen=True, eq=False)
class Scaling:
    """Factors between a program and its scaled form: scaled row = ``row_factor`` * row, column =
    ``column_unit`` * scaled column, scaled objective = ``objective_factor`` * objective."""

    row_factor: Floats
    column_unit: Floats
    objective_factor: float = 1.0
    is_near_one: bool = True  # of the program before scaling; ignores columns with given units

    def scale(self, program: LinearProgram) -> LinearProgram:
        """Return the scaled program, without negligible entries."""
        matrix = sparse.csc_array(program.matrix, copy=True)
        column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        matrix.data = matrix.data * self.row_factor[matrix.indices] * self.column_unit[column]
        if not self.is_near_one:
            is_zero = (program.lower == 0) & (program.upper == 0)
            matrix.data[is_zero[column]] = 0.0
            matrix.eliminate_zeros()
        scaled = replace(
            program,
            cost=program.cost * self.column_unit * self.objective_factor,
            offset=program.offset * self.objective_factor,
            matrix=matrix,
            row_lower=program.row_lower * self.row_factor,
            row_upper=program.row_upper * self.row_factor,
            lower=program.lower / self.column_unit,
            upper=program.upper / self.column_unit,
        )
        return drop_negligible_entries(scaled)


def compute_scaling(
    program: LinearProgram, cost_factor: float | None = None, column_units: Floats | None = None
) -> Scaling:
    """Compute the scaling of a program. ``cost_factor`` is the factor of the objective; by default
    it brings the largest possible objective to ``OBJECTIVE_SCALE``. ``column_units`` prescribes
    units of columns; those that are NaN are computed."""
    rows, units = balance_geometrically(program, column_units)
    is_free = (
        ~program.is_integer
        if column_units is None
        else np.isnan(column_units) & ~program.is_integer
    )
    is_near_one = bool((rows == 1).all() and (units[is_free] == 1).all())
    if cost_factor is None:
        cost_factor = compute_objective_factor(program, max_total_cost(program), OBJECTIVE_SCALE)
    # A column whose scaled cost would be huge gets a smaller unit.
    cost = np.abs(program.cost) * cost_factor
    max_units = np.divide(MAX_SCALED_COST, cost, out=np.full(len(units), np.inf), where=cost > 0)
    units = np.where(is_free & (units > max_units), 2.0 ** np.floor(np.log2(max_units)), units)
    return Scaling(rows, units, cost_factor, is_near_one)


def lift_small_rows(program: LinearProgram, scaling: Scaling) -> Scaling:
    """Return the scaling with larger factors for rows whose entries differ widely. Their small
    entries would otherwise be dropped, or be lost in the solver's tolerances. Raise
    CoefficientsOutOfRange if no factor suffices."""
    coo = sparse.coo_array(program.matrix)
    size = np.abs(coo.data) * scaling.row_factor[coo.row] * scaling.column_unit[coo.col]
    min_entry = np.full(len(scaling.row_factor), np.inf)
    max_entry = np.ones(len(scaling.row_factor))
    np.minimum.at(min_entry, coo.row[size > 0], size[size > 0])
    np.maximum.at(max_entry, coo.row, size)
    factor = np.where(
        min_entry < MIN_VISIBLE_ENTRY,
        np.minimum(LIFTED_ENTRY_TARGET / min_entry, MAX_ENTRY_IN_LIFTED_ROW / max_entry),
        1.0,
    )
    factor = 2.0 ** np.floor(np.log2(np.maximum(factor, 1.0)))
    lost_rows = np.flatnonzero(min_entry * factor < MIN_VISIBLE_ENTRY)
    if len(lost_rows):
        entries = np.flatnonzero((coo.row == lost_rows[0]) & (size > 0))
        extreme_entries = [entries[np.argmin(size[entries])], entries[np.argmax(size[entries])]]
        row = program.row_names[int(lost_rows[0])]
        small, large = [
            ((program.column_names[int(coo.col[e])], row), float(size[e])) for e in extreme_entries
        ]
        fault = f"entries of {row} range from {small[1]:.3g} to {large[1]:.3g}"
        raise CoefficientsOutOfRange(
            f"{fault}, too far apart to be solved reliably", (small, large)
        )
    return replace(scaling, row_factor=scaling.row_factor * factor)


def cost_unit(program: LinearProgram) -> float:
    """Return the unit in which costs are measured. It is the largest cost, so that dual values are
    near one, or a smaller amount if the smallest cost would otherwise be lost in the solver's
    tolerances."""
    costs = np.abs(program.cost[program.cost != 0])
    max_cost, min_cost = float(costs.max(initial=0.0)), float(costs.min(initial=np.inf))
    if not max_cost or min_cost >= MIN_VISIBLE_ENTRY * max_cost:
        return max_cost or 1.0
    return max(min_cost / LIFTED_ENTRY_TARGET, max_cost / MAX_ENTRY_IN_LIFTED_ROW)


def max_total_cost(program: LinearProgram) -> float:
    """Return the sum over all bounded columns of the largest cost that each can cause."""
    return float(_max_column_costs(program, 0.0).sum())


def compute_objective_factor(
    program: LinearProgram, objective_size: float, target_size: float
) -> float:
    """Return the power of two that brings an objective of ``objective_size`` to ``target_size``. It
    is limited so that no single column can cost more than ``MAX_COLUMN_COST``."""
    max_cost = max(float(_max_column_costs(program, 1.0).max(initial=0.0)), abs(program.offset))
    if max_cost == 0:
        return 1.0
    exponent = math.floor(math.log2(target_size)) - math.ceil(
        math.log2(objective_size if objective_size > 0 else max_cost)
    )
    return 2.0 ** min(exponent, math.floor(math.log2(MAX_COLUMN_COST / max_cost)))


def _max_column_costs(program: LinearProgram, min_amount: float) -> Floats:
    """Return the largest absolute cost that each column can cause. For a column without bounds
    return the cost of ``min_amount`` of it."""
    max_amount = np.maximum(np.abs(program.lower), np.abs(program.upper))
    max_cost: Floats = np.abs(program.cost) * np.maximum(
        np.where(np.isfinite(max_amount), max_amount, 0.0), min_amount
    )
    return max_cost


def balance_geometrically(
    program: LinearProgram, units: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return row factors and column units with which coefficients and bounds are near one. Rows and
    columns are divided in turn by the geometric means of their entries (Fulkerson and Wolfe 1962),
    which converges to the least squares of the logarithms (Curtis and Reid 1972). A bound counts as
    a coefficient of its row or column. Integer columns keep unit 1, and columns with a given unit
    (``units`` is not NaN) keep that."""
    matrix = program.matrix
    count, width = matrix.shape
    is_free = ~program.is_integer
    initial_exponent = np.zeros(width)
    if units is not None:
        is_free &= np.isnan(units)
        initial_exponent = np.log2(np.where(np.isnan(units), 1.0, units))
    # Columns fixed at 0 do not count.
    is_zero = (program.lower == 0) & (program.upper == 0)
    column = np.repeat(np.arange(width), np.diff(matrix.indptr))
    size = np.where(is_zero[column], 0.0, np.abs(matrix.data))
    largest_entries = np.zeros(count)
    np.maximum.at(largest_entries, matrix.indices, size)
    threshold = ROUNDING_SHARE * largest_entries
    row_bounds = [_log2_magnitude(x, threshold) for x in (program.row_lower, program.row_upper)]
    bounds = [_log2_magnitude(bound, ROUNDING_SHARE) for bound in (program.lower, program.upper)]
    entries = _log2_magnitude(size)
    all_exponents = [entries, *row_bounds, *(bound[is_free] for bound in bounds)]
    max_exponent = max(
        (float(np.nanmax(np.abs(x))) for x in all_exponents if not np.isnan(x).all()), default=0.0
    )
    if max_exponent <= math.log2(NEAR_ONE_FACTOR):
        return np.ones(count), np.exp2(initial_exponent)
    # Entries that are tiny within their row do not count: the retention of a stock with large
    # losses over many years would otherwise drive units apart.
    is_counted = size > NEGLIGIBLE_SHARE * largest_entries[matrix.indices]
    row, entry, column = matrix.indices[is_counted], entries[is_counted], column[is_counted]
    in_row = np.bincount(row, minlength=count) + sum(~np.isnan(x) for x in row_bounds)
    in_column = np.bincount(column, minlength=width) + sum(~np.isnan(bound) for bound in bounds)
    row_bound_sum = np.sum([np.nan_to_num(x) for x in row_bounds], axis=0)
    bound_sum = np.sum([np.nan_to_num(bound) for bound in bounds], axis=0)
    row_exponent, column_exponent = np.zeros(count), initial_exponent
    for _ in range(MAX_ROUNDS):
        row_exponent = -(
            np.bincount(row, entry + column_exponent[column], count) + row_bound_sum
        ) / np.maximum(in_row, 1)
        balanced = (bound_sum - np.bincount(column, entry + row_exponent[row], width)) / np.maximum(
            in_column, 1
        )
        column_exponent = np.where(
            is_free, np.clip(balanced, -MAX_UNIT_EXPONENT, MAX_UNIT_EXPONENT), initial_exponent
        )
    # Row factors are computed last, by the rounded column units.
    column_exponent = np.asarray(np.round(column_exponent), dtype=float)
    largest_bound = np.fmax(np.fmax(*bounds), -np.inf)
    column_exponent = np.where(
        is_free,
        np.fmax(column_exponent, np.ceil(largest_bound) - MAX_BOUND_EXPONENT),
        column_exponent,
    )
    row_exponent = -(
        np.bincount(row, entry + column_exponent[column], count) + row_bound_sum
    ) / np.maximum(in_row, 1)
    row_exponent = np.clip(np.round(row_exponent), -4 * MAX_UNIT_EXPONENT, 4 * MAX_UNIT_EXPONENT)
    return np.exp2(
        np.maximum(row_exponent, _covering_row_exponents(program, column_exponent))
    ), np.exp2(column_exponent)


def _covering_row_exponents(program: LinearProgram, column_exponents: Floats) -> Floats:
    """Return the exponent of 2, for each row, that scales the lower bound of a covering row to one,
    so that small requirements are not lost in tolerances. A covering row is a sum of non-negative
    terms with a positive lower bound; for other rows the exponent is minus infinity."""
    matrix, count = program.matrix, program.matrix.shape[0]
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    is_nonnegative = np.where(matrix.data > 0, program.lower[column], -program.upper[column]) >= 0
    sign = np.sign(matrix.data)
    exponents = np.full(count, -np.inf)
    largest_exponents = np.full(count, -np.inf)
    entry_exponents = _log2_magnitude(matrix.data) + column_exponents[column]
    np.maximum.at(largest_exponents, matrix.indices, entry_exponents)
    for lower_bound, required_sign in ((program.row_lower, 1), (-program.row_upper, -1)):
        other_count = np.bincount(matrix.indices, ~is_nonnegative | (sign != required_sign), count)
        is_covering = (
            np.isfinite(lower_bound)
            & (lower_bound > 0)
            & (other_count == 0)
            & np.isfinite(largest_exponents)
        )
        exponent = np.minimum(
            -np.ceil(_log2_magnitude(lower_bound)), MAX_ENTRY_EXPONENT - np.ceil(largest_exponents)
        )
        exponents[is_covering] = exponent[is_covering]
    return exponents


def compute_row_factors(matrix: sparse.csr_array, rhs: Floats, units: Floats) -> Floats:
    """Return the factors with which rows have entries near one for given column units. All factors
    are 1 if all entries and right-hand sides are near one without scaling."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    entry, rhs_size = _log2_magnitude(matrix.data * units[matrix.indices]), _log2_magnitude(rhs)
    if max(
        np.abs(entry).max(initial=0.0), np.nanmax(np.abs(np.append(rhs_size, 0.0)))
    ) <= math.log2(NEAR_ONE_FACTOR):
        return np.ones(matrix.shape[0])
    count = np.bincount(row, minlength=matrix.shape[0]) + ~np.isnan(rhs_size)
    total = np.bincount(row, entry, matrix.shape[0]) + np.nan_to_num(rhs_size)
    return 2.0 ** -np.round(total / np.maximum(count, 1))


def max_abs_by_row(matrix: sparse.csr_array) -> Floats:
    """Return the largest absolute entry of each row."""
    largest_entries = np.zeros(matrix.shape[0])
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.maximum.at(largest_entries, row, np.abs(matrix.data))
    return largest_entries


def _log2_magnitude(values: Floats, threshold: Floats | float = 0.0) -> Floats:
    """Return base-2 logarithms of the absolute values; NaN where a value is not finite or not above
    ``threshold``."""
    size = np.abs(values)
    is_known = np.isfinite(size) & (size > threshold)
    return np.log2(size, out=np.full(len(size), np.nan), where=is_known)


def drop_negligible_entries(program: LinearProgram) -> LinearProgram:
    """Return the program without the matrix entries that the solver would drop. Row bounds are
    relaxed by the most that these entries can contribute, so that no solution is cut off. Columns
    without bounds are ignored in this, since they would need values of 1e9 to matter."""
    matrix = program.matrix
    is_negligible = (np.abs(matrix.data) <= MIN_COEFFICIENT) & (matrix.data != 0)
    if not is_negligible.any():
        return program
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    extremes = np.stack([program.lower[column], program.upper[column]])
    extremes = np.where(np.isfinite(extremes), extremes, 0.0) * matrix.data
    row, rows = matrix.indices[is_negligible], matrix.shape[0]
    min_dropped_activity = np.bincount(row, extremes.min(axis=0)[is_negligible], rows)
    max_dropped_activity = np.bincount(row, extremes.max(axis=0)[is_negligible], rows)
    kept_matrix = sparse.csc_array(matrix, copy=True)
    kept_matrix.data[is_negligible] = 0.0
    kept_matrix.eliminate_zeros()
    return replace(
        program,
        matrix=kept_matrix,
        row_lower=program.row_lower - max_dropped_activity,
        row_upper=program.row_upper - min_dropped_activity,
    )
