"""Compiled release policy: one period of a chain as a small linear program with lexicographic aims.

The arrivals of a period serve damage steps, or plants make them into other forms. All variables lie
between 0 and a limit, and 0 is feasible. The primal simplex method starts there, with the rule of
Bland (1977), so every iterate is feasible. Each aim is pursued without loss to earlier aims:
variables with a nonzero reduced cost in an earlier aim are fixed.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled

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
