"""One period of a chain as a small linear program, compiled: several aims, one after the other.

What arrives in a period serves steps, or plants make other forms of it. All that is decided lies
between nought and a limit, and to do nothing is always possible: so the primal simplex method
starts there, with Bland's rule (1977), and whatever happens stays within all limits. Of several
aims each is followed as far as it goes without loss to those before: what is worth something to
one of those stays where it is.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled

MIN_GAIN = 1e-9  # what gains less than this a unit, of at most about one, gains nothing
MIN_PIVOT = 1e-9  # coefficients below this are rounding
MAX_PIVOTS = 5000  # never reached but by rounding; what is found is possible all the same


@compiled
def pursue_aim(tableau, value, upper, basis, is_at_upper, gains, aim, earlier_aims):
    """Do as much for an aim as can be done without loss to those of ``before``.

    table (V, N): rows in terms of the columns that are not in the basis
    value, basis (V): of each row, the column in the basis and what it comes to
    upper (N): limits; raised (N): whether a column out of the basis stands at its limit
    gains (A, N): of a unit more of each column, by aim
    """
    rows, columns = tableau.shape
    for _ in range(MAX_PIVOTS):
        enters = -1
        for j in range(columns):
            gain = -gains[aim, j] if is_at_upper[j] else gains[aim, j]
            if gain <= MIN_GAIN or upper[j] <= 0.0:
                continue
            free = True
            for a in earlier_aims:
                if abs(gains[a, j]) > MIN_GAIN:
                    free = False
            if free:
                enters = j
                break
        if enters < 0:
            return
        sign = -1.0 if is_at_upper[enters] else 1.0
        leaves, most, full = -1, upper[enters], False
        for i in range(rows):
            change = sign * tableau[i, enters]
            if abs(change) <= MIN_PIVOT:
                continue
            room = value[i] if change > 0.0 else upper[basis[i]] - value[i]
            room = max(0.0, room) / abs(change)
            if room < most or (room == most and leaves >= 0 and basis[i] < basis[leaves]):
                leaves, most, full = i, room, change < 0.0
        for i in range(rows):
            value[i] -= sign * tableau[i, enters] * most
        if leaves < 0:
            is_at_upper[enters] = not is_at_upper[enters]
            continue
        is_at_upper[basis[leaves]] = full
        value[leaves] = upper[enters] - most if is_at_upper[enters] else most
        is_at_upper[enters] = False
        basis[leaves] = enters
        pivot = tableau[leaves, enters]
        for j in range(columns):
            tableau[leaves, j] /= pivot
        for i in range(rows):
            factor = tableau[i, enters]
            if i != leaves and factor != 0.0:
                for j in range(columns):
                    tableau[i, j] -= factor * tableau[leaves, j]
                tableau[i, enters] = 0.0
        for a in range(gains.shape[0]):
            factor = gains[a, enters]
            if factor != 0.0:
                for j in range(columns):
                    gains[a, j] -= factor * tableau[leaves, j]
                gains[a, enters] = 0.0


@compiled
def read_column_values(value, upper, basis, is_at_upper, column_values):
    """Set ``found`` (N) to what all columns come to."""
    for j in range(len(column_values)):
        column_values[j] = upper[j] if is_at_upper[j] else 0.0
    for i in range(len(basis)):
        column_values[basis[i]] = min(max(0.0, value[i]), upper[basis[i]])


@compiled
def simulate_periods(
    matrix, aims, high_damage_aims, all_aims, demand_row, step_limit, supply, capacity, is_open, retention, initial_lots, purchases, max_release,
    reserve, planned_stock, max_refill, column_values, final_stock, refilled,
):  # fmt: skip
    """Serve one period after the other, in each look; N columns are J steps, C plants, H accounts
    and what is left over of V forms, in this order.

    matrix (V, N): what a unit of each takes of each form
    row (U): of aims and limits
    aims (R, A, N, K): gains of a unit of each column in each period
    dear, cheap: aims followed one after the other, the latter from above the reserve
    limit (R, J, K), capacity (U, C, K), supply (U, V, K), open_ (U, K): of each period
    keeps, initial, most (H), bought, kept (H, K): of accounts; the last is the reserve
    planned (H, K), back (U, H, K): most that accounts hold, and that can come back after releases
    found (U, N, K), left, refilled (U, H): set: what each column comes to, lots left at the end,
        and lots that come back in all periods
    """
    rows, columns = matrix.shape
    steps, plants, accounts = step_limit.shape[1], capacity.shape[1], len(retention)
    first = steps + plants  # of the accounts
    upper, raised = np.empty(columns), np.empty(columns, np.bool_)
    basis, value = np.empty(rows, np.int64), np.empty(rows)
    table, gains = np.empty((rows, columns)), np.empty((aims.shape[1], columns))
    now, stock = np.empty(columns), np.empty(accounts)
    for u in range(supply.shape[0]):
        stock[:] = initial_lots
        for k in range(supply.shape[2]):
            for h in range(accounts):
                stock[h] = stock[h] * retention[h] + purchases[h, k]
            if not is_open[u, k]:
                column_values[u, :, k] = 0.0
                for h in range(accounts):
                    again = max(0.0, min(max_refill[u, h, k], planned_stock[h, k] - stock[h]))
                    stock[h] += again
                    refilled[u, h] += again
                continue
            upper[:steps] = step_limit[demand_row[u], :, k]
            upper[steps:first] = capacity[u, :, k]
            for h in range(accounts):
                upper[first + h] = min(stock[h], max_release[h])
            upper[first + accounts :] = np.inf
            table[:] = matrix
            gains[:] = aims[demand_row[u], :, :, k]
            raised[:] = False
            for i in range(rows):
                basis[i], value[i] = first + accounts + i, supply[u, i, k]
            for n in range(len(high_damage_aims)):
                pursue_aim(
                    table,
                    value,
                    upper,
                    basis,
                    raised,
                    gains,
                    high_damage_aims[n],
                    high_damage_aims[:n],
                )
            read_column_values(value, upper, basis, raised, now)
            for h in range(accounts):
                free = min(stock[h] - reserve[h, k], max_release[h])
                upper[first + h] = max(now[first + h], free)
            for n in range(len(all_aims)):
                pursue_aim(table, value, upper, basis, raised, gains, all_aims[n], all_aims[:n])
            read_column_values(value, upper, basis, raised, now)
            for h in range(accounts):
                stock[h] -= now[first + h]
                again = max(0.0, min(max_refill[u, h, k], planned_stock[h, k] - stock[h]))
                stock[h] += again
                refilled[u, h] += again
            column_values[u, :, k] = now
        final_stock[u] = stock
