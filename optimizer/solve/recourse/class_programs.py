"""Compiled solution of small linear programs: those of many state classes, and one period of a
release policy.

In other periods nothing is missing, released or made. A stock carries over its content, so the rows
of closed periods are added to the row of the next open period, each multiplied by the retention
since then. A row that only limits one column becomes a bound of that column.

The arrivals of a period serve damage steps, or plants make them into other forms. All variables lie
between 0 and a limit, and 0 is feasible. The primal simplex method starts there, with the rule of
Bland (1977), so every iterate is feasible. Each aim is pursued without loss to earlier aims:
variables with a nonzero reduced cost in an earlier aim are fixed.
"""

import numpy as np

from optimizer.solve.recourse.dual_simplex import solve_from_basis
from optimizer.solve.recourse.jit import compiled


@compiled
def restrict_to_open(
    is_open, full_row_lower, full_row_upper, period_of_row, next_row, retention, is_bound,
    has_no_lower, has_no_upper, row_scale, period_of_column, bound_by, bound_entry, column_units,
    cost, lower, upper, start, index, value, min_entry,
):  # fmt: skip
    """Return the program restricted to the open periods, ``is_open`` (K).

    full_row_lower, full_row_upper (R): bounds of the rows of the full program; missing bounds may
        be any number
    period_of_row, next_row (R): period, and row of the same stock one period later, or -1
    retention (R): share of the stock that is left one period later
    is_bound, has_no_lower, has_no_upper (R): whether the row becomes a bound of a column, or
        lacks a bound
    row_scale (R), column_units (C): scaling factors of rows, and units of columns
    period_of_column, bound_by (C): period of each column, and the row that is its bound, or -1
    bound_entry (C): coefficient in that row
    cost, lower, upper (C): scaled
    start, index, value: unscaled entries by column; entries that are scaled to at most min_entry
        are dropped

    Return the cost and the lower and upper bounds of the columns, the bounds of the rows, and the
    entries by column for the solver; the numbers of the columns and rows in the full program; and
    for each of the R rows the row that it is added to (-1 for none), with its factor.
    """
    row_target = np.full(next_row.size, -1, np.int64)
    row_factor = np.ones(next_row.size)
    rows = np.flatnonzero(is_open[period_of_row] & ~is_bound)
    columns = np.flatnonzero(is_open[period_of_column])
    for n in range(rows.size):
        row_target[rows[n]] = n
    for r in range(next_row.size):
        if is_open[period_of_row[r]] or next_row[r] < 0:
            continue
        stock_row = r
        while stock_row >= 0 and not is_open[period_of_row[stock_row]]:
            row_factor[r] *= retention[stock_row]
            stock_row = next_row[stock_row]
        if stock_row >= 0:
            row_target[r] = row_target[stock_row]
    row_lower, row_upper = np.zeros(rows.size), np.zeros(rows.size)
    for r in range(next_row.size):
        if row_target[r] >= 0:
            row_lower[row_target[r]] += full_row_lower[r] * row_factor[r]
            row_upper[row_target[r]] += full_row_upper[r] * row_factor[r]
    for n in range(rows.size):
        scale = row_scale[rows[n]]
        row_lower[n] = -np.inf if has_no_lower[rows[n]] else row_lower[n] * scale
        row_upper[n] = np.inf if has_no_upper[rows[n]] else row_upper[n] * scale
    column_starts, column_upper, entry_count = np.empty(columns.size, np.int32), upper[columns], 0
    for c in columns:
        entry_count += start[c + 1] - start[c]
    row_index, values, entry_count = np.empty(entry_count, np.int32), np.empty(entry_count), 0
    for n in range(columns.size):
        c = columns[n]
        column_starts[n] = entry_count
        if bound_by[c] >= 0:
            column_upper[n] = full_row_upper[bound_by[c]] / (bound_entry[c] * column_units[c])
        for e in range(start[c], start[c + 1]):
            target = row_target[index[e]]
            if target < 0:
                continue
            scaled = value[e] * row_factor[index[e]] * row_scale[rows[target]] * column_units[c]
            if abs(scaled) > min_entry:
                row_index[entry_count], values[entry_count] = target, scaled
                entry_count += 1
    return (
        cost[columns], lower[columns], column_upper, row_lower, row_upper, column_starts,
        row_index[:entry_count], values[:entry_count], columns, rows, row_target, row_factor,
    )  # fmt: skip


@compiled
def expand_duals(duals, rows, row_target, row_factor, scale, all_duals):
    """Write the dual values of all rows to ``all_duals`` (R), given those of the restricted program
    as the solver returns them.

    ``rows`` are the numbers of the restricted rows in the full program. ``row_target`` and
    ``row_factor`` come from :func:`restrict_to_open`, and ``scale`` (R) is its row_scale.
    """
    for r in range(all_duals.size):
        if row_target[r] >= 0:
            all_duals[r] = duals[row_target[r]] * scale[rows[row_target[r]]] * row_factor[r]


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


MIN_GAIN = 1e-9  # smaller gains per unit, which are at most about one, count as 0
MIN_PIVOT = 1e-9  # smaller coefficients are rounding
MAX_PIVOTS = 5000  # only reached by rounding; the iterate is feasible in any case


@compiled
def pursue_aim(tableau, value, upper, basis, is_at_upper, gains, aim, earlier_aims):
    """Maximize an aim without loss to ``earlier_aims``, in place.

    tableau (V, N): rows in terms of the nonbasic columns
    value, basis (V): value and number of the basic column of each row
    upper (N): upper limits of the columns
    is_at_upper (N): whether a nonbasic column is at its limit
    gains (A, N): gain of one unit of each column, by aim;
        aim and earlier_aims are row numbers
    """
    row_count, column_count = tableau.shape
    for _ in range(MAX_PIVOTS):
        entering = -1
        for j in range(column_count):
            gain = -gains[aim, j] if is_at_upper[j] else gains[aim, j]
            if gain <= MIN_GAIN or upper[j] <= 0.0:
                continue
            is_free = True
            for a in earlier_aims:
                if abs(gains[a, j]) > MIN_GAIN:
                    is_free = False
            if is_free:
                entering = j
                break
        if entering < 0:
            return
        direction = -1.0 if is_at_upper[entering] else 1.0
        leaving, step, reaches_upper = -1, upper[entering], False
        for i in range(row_count):
            change = direction * tableau[i, entering]
            if abs(change) <= MIN_PIVOT:
                continue
            slack = value[i] if change > 0.0 else upper[basis[i]] - value[i]
            slack = max(0.0, slack) / abs(change)
            if slack < step or (slack == step and leaving >= 0 and basis[i] < basis[leaving]):
                leaving, step, reaches_upper = i, slack, change < 0.0
        for i in range(row_count):
            value[i] -= direction * tableau[i, entering] * step
        if leaving < 0:
            is_at_upper[entering] = not is_at_upper[entering]
            continue
        is_at_upper[basis[leaving]] = reaches_upper
        value[leaving] = upper[entering] - step if is_at_upper[entering] else step
        is_at_upper[entering] = False
        basis[leaving] = entering
        pivot = tableau[leaving, entering]
        for j in range(column_count):
            tableau[leaving, j] /= pivot
        for i in range(row_count):
            factor = tableau[i, entering]
            if i != leaving and factor != 0.0:
                for j in range(column_count):
                    tableau[i, j] -= factor * tableau[leaving, j]
                tableau[i, entering] = 0.0
        for a in range(gains.shape[0]):
            factor = gains[a, entering]
            if factor != 0.0:
                for j in range(column_count):
                    gains[a, j] -= factor * tableau[leaving, j]
                gains[a, entering] = 0.0


@compiled
def read_column_values(value, upper, basis, is_at_upper, column_values):
    """Write the values of all columns to ``column_values`` (N)."""
    for j in range(len(column_values)):
        column_values[j] = upper[j] if is_at_upper[j] else 0.0
    for i in range(len(basis)):
        column_values[basis[i]] = min(max(0.0, value[i]), upper[basis[i]])


@compiled
def simulate_periods(
    matrix, aims, high_damage_aims, all_aims, demand_row, step_limit, supply, capacity, is_open,
    retention, initial_lots, purchases, max_release, reserve, planned_stock, max_refill,
    column_values, final_stock, refilled,
):  # fmt: skip
    """Simulate one period after the other in each state class.

    The N columns are J damage steps, C plants, H accounts and the surplus of V forms, in this
    order.

    matrix (V, N): quantity of each form that one unit of each column takes
    demand_row (U): row of aims and limits
    aims (R, A, N, K): gain of one unit of each column in each period
    high_damage_aims, all_aims: aims in lexicographic order, the latter with stock above the reserve
    step_limit (R, J, K), capacity (U, C, K), supply (U, V, K), is_open (U, K): data of each period
    retention, initial_lots, max_release (H), purchases, reserve (H, K): data of the accounts
    planned_stock (H, K), max_refill (U, H, K): limits of stock after refills, and of refills
    column_values (U, N, K), final_stock, refilled (U, H): set to the column values, the lots left
        at the end, and the lots refilled in all periods
    """
    row_count, column_count = matrix.shape
    step_count, plant_count, account_count = step_limit.shape[1], capacity.shape[1], len(retention)
    first_account = step_count + plant_count  # first column of the accounts
    upper, is_at_upper = np.empty(column_count), np.empty(column_count, np.bool_)
    basis, value = np.empty(row_count, np.int64), np.empty(row_count)
    tableau, gains = np.empty((row_count, column_count)), np.empty((aims.shape[1], column_count))
    period_values, stock = np.empty(column_count), np.empty(account_count)
    for u in range(supply.shape[0]):
        stock[:] = initial_lots
        for k in range(supply.shape[2]):
            for h in range(account_count):
                stock[h] = stock[h] * retention[h] + purchases[h, k]
            if not is_open[u, k]:
                column_values[u, :, k] = 0.0
                for h in range(account_count):
                    refill = max(0.0, min(max_refill[u, h, k], planned_stock[h, k] - stock[h]))
                    stock[h] += refill
                    refilled[u, h] += refill
                continue
            upper[:step_count] = step_limit[demand_row[u], :, k]
            upper[step_count:first_account] = capacity[u, :, k]
            for h in range(account_count):
                upper[first_account + h] = min(stock[h], max_release[h])
            upper[first_account + account_count :] = np.inf
            tableau[:] = matrix
            gains[:] = aims[demand_row[u], :, :, k]
            is_at_upper[:] = False
            for i in range(row_count):
                basis[i], value[i] = first_account + account_count + i, supply[u, i, k]
            for n in range(len(high_damage_aims)):
                pursue_aim(
                    tableau,
                    value,
                    upper,
                    basis,
                    is_at_upper,
                    gains,
                    high_damage_aims[n],
                    high_damage_aims[:n],
                )
            read_column_values(value, upper, basis, is_at_upper, period_values)
            for h in range(account_count):
                releasable = min(stock[h] - reserve[h, k], max_release[h])
                upper[first_account + h] = max(period_values[first_account + h], releasable)
            for n in range(len(all_aims)):
                pursue_aim(
                    tableau, value, upper, basis, is_at_upper, gains, all_aims[n], all_aims[:n]
                )
            read_column_values(value, upper, basis, is_at_upper, period_values)
            for h in range(account_count):
                stock[h] -= period_values[first_account + h]
                refill = max(0.0, min(max_refill[u, h, k], planned_stock[h, k] - stock[h]))
                stock[h] += refill
                refilled[u, h] += refill
            column_values[u, :, k] = period_values
        final_stock[u] = stock
