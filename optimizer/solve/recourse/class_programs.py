"""Programs of many looks, cut out of one, solved, and what their multipliers prove, compiled."""

import numpy as np

from optimizer.solve.recourse.dual_simplex import solve_from_basis
from optimizer.solve.recourse.jit import compiled
from optimizer.solve.recourse.open_periods import expand_duals, restrict_to_open

TIGHT_TOLERANCE = 1e-9  # a multiplier that is more holds its row or column


@compiled
def compute_dual_bound(
    duals, side_lower, side_upper, has_no_lower, has_no_upper, cost, lower, upper, start, index, value, bound_by, entry, max_multiplier,
    cost_unit,
):  # fmt: skip
    """What multipliers (R) prove the objective of a whole program to be at least, by weak duality;
    they come out clipped to ``far``, of the right sign, and times ``price``.

    free, tight (R): rows without a lower side, without an upper one
    bound_by, entry (C): of each column, the row that is its bound, or -1, and what stands there
    """
    for r in range(duals.size):
        # Multipliers of rows in which nothing is left can be of any size; one of the wrong sign is
        # tolerance.
        own = min(max(duals[r], -max_multiplier), max_multiplier) * cost_unit
        duals[r] = (
            0.0 if (own > 0.0 and has_no_lower[r]) or (own < 0.0 and has_no_upper[r]) else own
        )
    proven = 0.0
    for c in range(cost.size):
        rest = cost[c]
        for e in range(start[c], start[c + 1]):
            rest -= duals[index[e]] * value[e]
        r = bound_by[c]
        if r >= 0:  # what a bound that stands for a row is worth is the row's
            duals[r] = min(rest, 0.0) / entry[c]
            rest = max(rest, 0.0)
        bound = upper[c] if rest < 0.0 else lower[c]
        # A column without a bound is one that nobody has reason to make large.
        if np.isfinite(bound):
            proven += rest * bound
    for r in range(duals.size):
        if duals[r] != 0.0:
            proven += duals[r] * (side_lower[r] if duals[r] > 0.0 else side_upper[r])
    return proven


@compiled
def break_ties(
    cost,
    lower,
    upper,
    row_lower,
    row_upper,
    column_starts,
    row_index,
    value,
    status,
    x,
    y,
    tie_break_cost,
):
    """Of the optima that ``x`` (n + m) and multipliers ``y`` (m) prove, the one of least ``late``
    cost, in place: what has a multiplier stays at its bound. Whether it was found."""
    n, m, room = cost.size, row_lower.size, np.empty(row_lower.size)
    lower, upper, row_lower, row_upper = (
        lower.copy(), upper.copy(), row_lower.copy(), row_upper.copy()
    )  # fmt: skip
    settled, basis = np.empty(n + m), status.copy()
    for j in range(n):
        reduced = cost[j]
        for e in range(column_starts[j], column_starts[j + 1]):
            reduced -= y[row_index[e]] * value[e]
        if abs(reduced) > TIGHT_TOLERANCE:
            lower[j] = upper[j] = x[j]
    for i in range(m):
        if abs(y[i]) > TIGHT_TOLERANCE:
            row_lower[i] = row_upper[i] = x[n + i]
    if not solve_from_basis(
        tie_break_cost,
        lower,
        upper,
        row_lower,
        row_upper,
        column_starts,
        row_index,
        value,
        basis,
        settled,
        room,
    ):
        return False
    for j in range(n):
        x[j] = settled[j]
    return True


@compiled
def solve_class_programs(
    is_open,
    side_lower,
    side_upper,
    saved_bases,
    start,
    last_statuses,
    values,
    tie_break_cost,
    full_program,
    bound_data,
):
    """Programs of U looks, cut out of one (:func:`open_periods.cut_out`).

    open_ (U, K), low, high (U, R): what each is cut out by
    kept, start (U): bases one after the other, and where that of each begins, -1 for none
    last (R + C): how rows and columns of the whole program ended before, for those without any
    values (U, C): gets the columns, where it has any, by :func:`settle` where ``late`` (C) has any

    Returns whether each was solved (U), their objectives (U), what is proven of them (U) by which
    multipliers of all rows (U, R), bases one after the other, and where each begins (U + 1).
    """
    looks, all_rows = side_lower.shape
    unit = full_program[10]
    solved, duals = np.zeros(looks, np.bool_), np.zeros((looks, all_rows))
    damage, proven = np.zeros(looks), np.zeros(looks)
    begins = np.zeros(looks + 1, np.int64)
    bases = np.empty(looks * last_statuses.size, np.int8)
    for u in range(looks):
        cost, lower, upper, row_lower, row_upper, first, of_row, value, columns, rows, place, by = (
            restrict_to_open(is_open[u], side_lower[u], side_upper[u], *full_program)
        )
        n, m = cost.size, row_lower.size
        begins[u + 1] = begins[u] + n + m
        status, ends = bases[begins[u] : begins[u + 1]], np.empty(n + 1, np.int64)
        x, y = np.empty(n + m), np.empty(m)
        ends[n] = value.size
        for v in range(n + m):
            at = all_rows + columns[v] if v < n else rows[v - n]
            status[v] = saved_bases[start[u] + v] if start[u] >= 0 else last_statuses[at]
            if v < n:
                ends[v] = first[v]
        solved[u] = solve_from_basis(
            cost, lower, upper, row_lower, row_upper, ends, of_row, value, status, x, y
        )
        if not solved[u]:
            continue
        for j in range(n):
            damage[u] += cost[j] * x[j]
        expand_duals(y, rows, place, by, full_program[6], duals[u])
        proven[u] = compute_dual_bound(duals[u], side_lower[u], side_upper[u], *bound_data)
        if start[u] < 0:
            for v in range(n + m):
                last_statuses[all_rows + columns[v] if v < n else rows[v - n]] = status[v]
        if values.size:
            if tie_break_cost.size:
                own = np.empty(n)
                for j in range(n):
                    own[j] = tie_break_cost[columns[j]] * unit[columns[j]]
                solved[u] = break_ties(
                    cost, lower, upper, row_lower, row_upper, ends, of_row, value, status, x, y, own
                )
            for j in range(n):
                values[u, columns[j]] = x[j] * unit[columns[j]]
    return solved, damage, proven, duals, bases[: begins[looks]], begins
