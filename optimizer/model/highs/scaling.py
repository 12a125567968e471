"""Powers of two by which a program is scaled before the solver sees it.

The solver's tolerances are absolute: a row may be broken by 1e-6 and a reduced cost may be wrong by
1e-7, whatever they are made of. So rows, continuous columns and the objective are brought near one.
A program that is near one already is left as it is. Factors are powers of two, so that no figure is
rounded.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from optimizer.errors import CoefficientsOutOfRange
from optimizer.model.highs.program import MIN_COEFFICIENT, Floats, LinearProgram

NEAR_ONE_FACTOR = 1e4  # a program whose figures lie within this factor of one stays as it is
MAX_ROUNDS = 30  # rounds in which rows and columns are balanced in turn
NEGLIGIBLE_SHARE = 2.0**-21  # entries that are a smaller share of their row's largest do not count
MAX_UNIT_EXPONENT = (
    20  # powers of two beyond which no unit goes; factors of rows go four times as far
)
ROUNDING_SHARE = (
    1e-12  # entries and sides that are a smaller share of their row's largest are rounding
)
MAX_ENTRY_EXPONENT = 24  # powers of two up to which rows are multiplied for their sides' sake
MAX_BOUND_EXPONENT = 40  # powers of two up to which a column may count its units
MAX_SCALED_COST = 2.0**27  # up to this costs of columns may be scaled, and by them their units
MAX_COLUMN_COST = 2.0**40  # what a column can cost in all, and by it the objective, stays below
MIN_VISIBLE_ENTRY, LIFTED_ENTRY = (
    2.0**-20,
    2.0**-10,
)  # an entry that is less drowns, and what it is brought up to
MAX_LIFTED_ENTRY = 2.0**20  # unless another of its row becomes more than that
OBJECTIVE_SCALE = 2.0**20  # all costs together are scaled to this, where nothing better is known


@dataclass(frozen=True, eq=False)
class Scaling:
    """A scaled row is ``rows`` times a row, a scaled column counts units of ``columns``, and the
    scaled objective is ``objective`` times the objective."""

    row_factor: Floats
    column_unit: Floats
    objective_factor: float = 1.0
    is_near_one: bool = True  # whether the program was, but for columns of given units

    def scale(self, program: LinearProgram) -> LinearProgram:
        """The scaled program, without the entries that are negligible in it."""
        matrix = sparse.csc_array(program.matrix, copy=True)
        column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        matrix.data = matrix.data * self.row_factor[matrix.indices] * self.column_unit[column]
        if not self.is_near_one:
            idle = (program.lower == 0) & (program.upper == 0)
            matrix.data[idle[column]] = 0.0
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
    """The scaling of a program: ``objective`` is the factor of the objective, where None one that
    brings what all costs can come to together to ``TOP``; ``columns`` are units of columns that
    keep them, NaN for those that are free."""
    rows, own = balance_geometrically(program, column_units)
    free = ~program.integer if column_units is None else np.isnan(column_units) & ~program.integer
    near_one = bool((rows == 1).all() and (own[free] == 1).all())
    if cost_factor is None:
        cost_factor = compute_objective_factor(program, max_total_cost(program), OBJECTIVE_SCALE)
    # A column whose cost would be huge counts smaller units.
    cost = np.abs(program.cost) * cost_factor
    most = np.divide(MAX_SCALED_COST, cost, out=np.full(len(own), np.inf), where=cost > 0)
    own = np.where(free & (own > most), 2.0 ** np.floor(np.log2(most)), own)
    return Scaling(rows, own, cost_factor, near_one)


def lift_small_rows(program: LinearProgram, scaling: Scaling) -> Scaling:
    """The scaling with rows of far different entries counting more: what is said of little of a
    form that is used by the million tonnes would be lost in the solver's tolerances, or dropped.
    OutOfRange where that cannot be helped."""
    own = sparse.coo_array(program.matrix)
    size = np.abs(own.data) * scaling.row_factor[own.row] * scaling.column_unit[own.col]
    least, most = np.full(len(scaling.row_factor), np.inf), np.ones(len(scaling.row_factor))
    np.minimum.at(least, own.row[size > 0], size[size > 0])
    np.maximum.at(most, own.row, size)
    lift = np.where(
        least < MIN_VISIBLE_ENTRY, np.minimum(LIFTED_ENTRY / least, MAX_LIFTED_ENTRY / most), 1.0
    )
    lift = 2.0 ** np.floor(np.log2(np.maximum(lift, 1.0)))
    drowned = np.flatnonzero(least * lift < MIN_VISIBLE_ENTRY)
    if len(drowned):
        entries = np.flatnonzero((own.row == drowned[0]) & (size > 0))
        some = [entries[np.argmin(size[entries])], entries[np.argmax(size[entries])]]
        row = program.row_names[int(drowned[0])]
        small, large = [
            ((program.column_names[int(own.col[e])], row), float(size[e])) for e in some
        ]
        fault = f"entries of {row} range from {small[1]:.3g} to {large[1]:.3g}"
        raise CoefficientsOutOfRange(
            f"{fault}, too far apart to be solved reliably", (small, large)
        )
    return replace(scaling, row_factor=scaling.row_factor * lift)


def cost_unit(program: LinearProgram) -> float:
    """What costs are counted in: the dearest column, so that multipliers are near one; less where
    another costs next to nothing beside it, which would be lost in the solver's tolerances."""
    costs = np.abs(program.cost[program.cost != 0])
    dearest, cheapest = float(costs.max(initial=0.0)), float(costs.min(initial=np.inf))
    if not dearest or cheapest >= MIN_VISIBLE_ENTRY * dearest:
        return dearest or 1.0
    return max(cheapest / LIFTED_ENTRY, dearest / MAX_LIFTED_ENTRY)


def max_total_cost(program: LinearProgram) -> float:
    """What the costs of all bounded columns can come to together."""
    return float(_max_column_costs(program, 0.0).sum())


def compute_objective_factor(
    program: LinearProgram, objective_size: float, target_size: float
) -> float:
    """The power of two that brings an objective of some size up to ``top``, unless that makes what
    a single column can cost too large."""
    dearest = max(float(_max_column_costs(program, 1.0).max(initial=0.0)), abs(program.offset))
    if dearest == 0:
        return 1.0
    exponent = math.floor(math.log2(target_size)) - math.ceil(
        math.log2(objective_size if objective_size > 0 else dearest)
    )
    return 2.0 ** min(exponent, math.floor(math.log2(MAX_COLUMN_COST / dearest)))


def _max_column_costs(program: LinearProgram, min_amount: float) -> Floats:
    """What each column can cost, in size; those without a bound for ``least`` of them."""
    most = np.maximum(np.abs(program.lower), np.abs(program.upper))
    reach: Floats = np.abs(program.cost) * np.maximum(
        np.where(np.isfinite(most), most, 0.0), min_amount
    )
    return reach


def balance_geometrically(
    program: LinearProgram, units: Floats | None = None
) -> tuple[Floats, Floats]:
    """Factors of rows and units of columns that bring coefficients, sides and bounds near one.
    Geometric means of rows and columns in turn (Fulkerson and Wolfe 1962), which least squares of
    the logarithms converge to (Curtis and Reid 1972); a side counts as one more coefficient of its
    row, a bound as one of its column. Integer columns count whole units and keep them."""
    matrix = program.matrix
    count, width = matrix.shape
    free = ~program.integer
    start = np.zeros(width)
    if units is not None:
        free &= np.isnan(units)
        start = np.log2(np.where(np.isnan(units), 1.0, units))
    # A column that is fixed at nothing says nothing of its rows.
    idle = (program.lower == 0) & (program.upper == 0)
    column = np.repeat(np.arange(width), np.diff(matrix.indptr))
    size = np.where(idle[column], 0.0, np.abs(matrix.data))
    largest = np.zeros(count)
    np.maximum.at(largest, matrix.indices, size)
    least = ROUNDING_SHARE * largest
    sides = [_log2_magnitude(side, least) for side in (program.row_lower, program.row_upper)]
    bounds = [_log2_magnitude(bound, ROUNDING_SHARE) for bound in (program.lower, program.upper)]
    entries = _log2_magnitude(size)
    known = [entries, *sides, *(bound[free] for bound in bounds)]
    farthest = max((float(np.nanmax(np.abs(own))) for own in known if not np.isnan(own).all()),
                   default=0.0)  # fmt: skip
    if farthest <= math.log2(NEAR_ONE_FACTOR):
        return np.ones(count), np.exp2(start)
    # An entry that is a tiny share of its row says nothing of its column's unit: what a stock that
    # loses nearly all keeps over years would take units ever further.
    used = size > NEGLIGIBLE_SHARE * largest[matrix.indices]
    row, entry, column = matrix.indices[used], entries[used], column[used]
    in_row = np.bincount(row, minlength=count) + sum(~np.isnan(side) for side in sides)
    in_column = np.bincount(column, minlength=width) + sum(~np.isnan(bound) for bound in bounds)
    from_sides = np.sum([np.nan_to_num(side) for side in sides], axis=0)
    from_bounds = np.sum([np.nan_to_num(bound) for bound in bounds], axis=0)
    r, c = np.zeros(count), start
    for _ in range(MAX_ROUNDS):
        r = -(np.bincount(row, entry + c[column], count) + from_sides) / np.maximum(in_row, 1)
        new = (from_bounds - np.bincount(column, entry + r[row], width)) / np.maximum(in_column, 1)
        c = np.where(free, np.clip(new, -MAX_UNIT_EXPONENT, MAX_UNIT_EXPONENT), start)
    # Rows last, by the units that columns have after rounding.
    c = np.asarray(np.round(c), dtype=float)
    largest_bound = np.fmax(np.fmax(*bounds), -np.inf)
    c = np.where(free, np.fmax(c, np.ceil(largest_bound) - MAX_BOUND_EXPONENT), c)
    r = -(np.bincount(row, entry + c[column], count) + from_sides) / np.maximum(in_row, 1)
    r = np.clip(np.round(r), -4 * MAX_UNIT_EXPONENT, 4 * MAX_UNIT_EXPONENT)
    return np.exp2(np.maximum(r, _covering_row_exponents(program, c))), np.exp2(c)


def _covering_row_exponents(program: LinearProgram, units: Floats) -> Floats:
    """Exponents of rows that ask for a least of a sum, by which what they ask for counts one: a
    small part of what could be had is no less asked for. Minus infinity for other rows."""
    matrix, count = program.matrix, program.matrix.shape[0]
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    bounded = np.where(matrix.data > 0, program.lower[column], -program.upper[column]) >= 0
    sign = np.sign(matrix.data)
    exponents = np.full(count, -np.inf)
    largest = np.full(count, -np.inf)
    np.maximum.at(largest, matrix.indices, _log2_magnitude(matrix.data) + units[column])
    for least, wanted in ((program.row_lower, 1), (-program.row_upper, -1)):
        others = np.bincount(matrix.indices, ~bounded | (sign != wanted), count)
        asks = np.isfinite(least) & (least > 0) & (others == 0) & np.isfinite(largest)
        exponent = np.minimum(
            -np.ceil(_log2_magnitude(least)), MAX_ENTRY_EXPONENT - np.ceil(largest)
        )
        exponents[asks] = exponent[asks]
    return exponents


def compute_row_factors(matrix: sparse.csr_array, sides: Floats, units: Floats) -> Floats:
    """Factors that bring rows near one whose columns count these units; ones where they are."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    entry, side = _log2_magnitude(matrix.data * units[matrix.indices]), _log2_magnitude(sides)
    if max(np.abs(entry).max(initial=0.0), np.nanmax(np.abs(np.append(side, 0.0)))) <= math.log2(
        NEAR_ONE_FACTOR
    ):
        return np.ones(matrix.shape[0])
    count = np.bincount(row, minlength=matrix.shape[0]) + ~np.isnan(side)
    total = np.bincount(row, entry, matrix.shape[0]) + np.nan_to_num(side)
    return 2.0 ** -np.round(total / np.maximum(count, 1))


def max_abs_by_row(matrix: sparse.csr_array) -> Floats:
    """Size of the largest entry of each row."""
    largest = np.zeros(matrix.shape[0])
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.maximum.at(largest, row, np.abs(matrix.data))
    return largest


def _log2_magnitude(values: Floats, threshold: Floats | float = 0.0) -> Floats:
    """Logarithms to the base of two of sizes; NaN where one is no number, or not above a least."""
    size = np.abs(values)
    known = np.isfinite(size) & (size > threshold)
    return np.log2(size, out=np.full(len(size), np.nan), where=known)


def drop_negligible_entries(program: LinearProgram) -> LinearProgram:
    """The same program without entries that the solver would drop. What an entry's column can
    contribute comes off the sides, so that no solution is cut off; of a column without a bound
    nothing, since it would have to come to a billion units to matter."""
    matrix = program.matrix
    small = (np.abs(matrix.data) <= MIN_COEFFICIENT) & (matrix.data != 0)
    if not small.any():
        return program
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    ends = np.stack([program.lower[column], program.upper[column]])
    ends = np.where(np.isfinite(ends), ends, 0.0) * matrix.data
    row, rows = matrix.indices[small], matrix.shape[0]
    least = np.bincount(row, ends.min(axis=0)[small], rows)
    most = np.bincount(row, ends.max(axis=0)[small], rows)
    kept = sparse.csc_array(matrix, copy=True)
    kept.data[small] = 0.0
    kept.eliminate_zeros()
    return replace(
        program,
        matrix=kept,
        row_lower=program.row_lower - most,
        row_upper=program.row_upper - least,
    )
