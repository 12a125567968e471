"""Compiled solution of the linear programs of many state classes, with lower bounds from their dual
values."""

import numpy as np

from optimizer.solve.recourse.dual_simplex import solve_from_basis
from optimizer.solve.recourse.jit import compiled
from optimizer.solve.recourse.open_periods import expand_duals, restrict_to_open

TIGHT_TOLERANCE = 1e-9  # a row or column with a larger dual value is tight at every optimum


@compiled
def compute_dual_bound(
    duals, row_lower, row_upper, has_no_lower, has_no_upper, cost, lower, upper, start, index,
    value, bound_by, bound_entry, max_multiplier, cost_unit,
):  # fmt: skip
    """Return the lower bound on the objective of the full program that follows from dual values by
    weak duality.

    The dual values ``duals`` (R) are changed in place: they are clipped to ``max_multiplier`` and
    to valid signs, and multiplied by ``cost_unit``.

    has_no_lower, has_no_upper (R): whether the row lacks that bound
    bound_by, bound_entry (C): row that is the bound of each column, or -1, and the column's
        coefficient in that row
    """
    for r in range(duals.size):
        # Dual values of empty rows can have any size; a wrong sign is within tolerance.
        dual = min(max(duals[r], -max_multiplier), max_multiplier) * cost_unit
        duals[r] = (
            0.0 if (dual > 0.0 and has_no_lower[r]) or (dual < 0.0 and has_no_upper[r]) else dual
        )
    bound_sum = 0.0
    for c in range(cost.size):
        reduced_cost = cost[c]
        for e in range(start[c], start[c + 1]):
            reduced_cost -= duals[index[e]] * value[e]
        r = bound_by[c]
        if r >= 0:  # the reduced cost of a bound that replaces a row is the row's dual value
            duals[r] = min(reduced_cost, 0.0) / bound_entry[c]
            reduced_cost = max(reduced_cost, 0.0)
        bound = upper[c] if reduced_cost < 0.0 else lower[c]
        # Columns without a bound are never large at an optimum.
        if np.isfinite(bound):
            bound_sum += reduced_cost * bound
    for r in range(duals.size):
        if duals[r] != 0.0:
            bound_sum += duals[r] * (row_lower[r] if duals[r] > 0.0 else row_upper[r])
    return bound_sum


@compiled
def break_ties(program, status, x, y, tie_break_cost):
    """Replace the column values in ``x`` (n + m) by those of the optimum with the least
    ``tie_break_cost``. Return whether it was found.

    The optima considered are those that ``x`` and the dual values ``y`` (m) prove: rows and columns
    with a nonzero dual value stay at their bounds.
    """
    cost, lower, upper, row_lower, row_upper, column_starts, row_index, value = program
    n, m, workspace = cost.size, row_lower.size, np.empty(row_lower.size)
    lower, upper, row_lower, row_upper = (
        lower.copy(), upper.copy(), row_lower.copy(), row_upper.copy()
    )  # fmt: skip
    new_x, basis = np.empty(n + m), status.copy()
    for j in range(n):
        reduced_cost = cost[j]
        for e in range(column_starts[j], column_starts[j + 1]):
            reduced_cost -= y[row_index[e]] * value[e]
        if abs(reduced_cost) > TIGHT_TOLERANCE:
            lower[j] = upper[j] = x[j]
    for i in range(m):
        if abs(y[i]) > TIGHT_TOLERANCE:
            row_lower[i] = row_upper[i] = x[n + i]
    if not solve_from_basis(
        tie_break_cost, lower, upper, row_lower, row_upper, column_starts, row_index, value, basis,
        new_x, workspace,
    ):  # fmt: skip
        return False
    for j in range(n):
        x[j] = new_x[j]
    return True


@compiled
def solve_class_programs(
    is_open, full_row_lower, full_row_upper, saved_bases, start, last_statuses, values,
    tie_break_cost, full_program, bound_data,
):  # fmt: skip
    """Solve the linear programs of U state classes with K periods. The full program has R rows and
    C columns; :func:`restrict_to_open` restricts it to the open periods of each class.

    is_open (U, K): whether each period is open
    full_row_lower, full_row_upper (U, R): row bounds of the full programs
    full_program, bound_data: arguments of :func:`restrict_to_open` and :func:`compute_dual_bound`
        after the row bounds; the same for all classes
    saved_bases, start (U): concatenated bases, and the position at which each starts (-1 if none)
    last_statuses (R + C): latest statuses of rows and columns, used for classes without a basis
    values (U, C): set to the column values unless empty; if tie_break_cost (C) is not empty, they
        are chosen by :func:`break_ties`

    Return whether each program was solved (U), objectives (U), lower bounds (U), dual values of all
    rows (U, R), concatenated bases, and the position at which each starts (U + 1).
    """
    class_count, all_rows = full_row_lower.shape
    unit = full_program[10]
    is_solved, duals = np.zeros(class_count, np.bool_), np.zeros((class_count, all_rows))
    damage, dual_bounds = np.zeros(class_count), np.zeros(class_count)
    basis_starts = np.zeros(class_count + 1, np.int64)
    bases = np.empty(class_count * last_statuses.size, np.int8)
    for u in range(class_count):
        (
            cost, lower, upper, row_lower, row_upper, column_starts_32, row_index, value, columns,
            rows, row_target, row_factor,
        ) = restrict_to_open(
            is_open[u], full_row_lower[u], full_row_upper[u], *full_program
        )  # fmt: skip
        n, m = cost.size, row_lower.size
        basis_starts[u + 1] = basis_starts[u] + n + m
        status, column_starts = (
            bases[basis_starts[u] : basis_starts[u + 1]],
            np.empty(n + 1, np.int64),
        )
        x, y = np.empty(n + m), np.empty(m)
        column_starts[n] = value.size
        for v in range(n + m):
            position = all_rows + columns[v] if v < n else rows[v - n]
            status[v] = saved_bases[start[u] + v] if start[u] >= 0 else last_statuses[position]
            if v < n:
                column_starts[v] = column_starts_32[v]
        is_solved[u] = solve_from_basis(
            cost, lower, upper, row_lower, row_upper, column_starts, row_index, value, status, x, y
        )
        if not is_solved[u]:
            continue
        for j in range(n):
            damage[u] += cost[j] * x[j]
        expand_duals(y, rows, row_target, row_factor, full_program[6], duals[u])
        dual_bounds[u] = compute_dual_bound(
            duals[u], full_row_lower[u], full_row_upper[u], *bound_data
        )
        if start[u] < 0:
            for v in range(n + m):
                last_statuses[all_rows + columns[v] if v < n else rows[v - n]] = status[v]
        if values.size:
            if tie_break_cost.size:
                scaled_tie_cost = np.empty(n)
                for j in range(n):
                    scaled_tie_cost[j] = tie_break_cost[columns[j]] * unit[columns[j]]
                program = cost, lower, upper, row_lower, row_upper, column_starts, row_index, value
                is_solved[u] = break_ties(program, status, x, y, scaled_tie_cost)
            for j in range(n):
                values[u, columns[j]] = x[j] * unit[columns[j]]
    return is_solved, damage, dual_bounds, duals, bases[: basis_starts[class_count]], basis_starts
