"""One period of a chain as a small linear program, compiled: several aims, one after the other.

What arrives in a period serves steps, or plants make other forms of it. All that is decided lies
between nought and a limit, and to do nothing is always possible: so the primal simplex method
starts there, with Bland's rule (1977), and whatever happens stays within all limits. Of several
aims each is followed as far as it goes without loss to those before: what is worth something to
one of those stays where it is.
"""

import numpy as np

from optimizer.solve.sweep.jit import compiled

GAINS = 1e-9  # what gains less than this a unit, of at most about one, gains nothing
PIVOT = 1e-9  # coefficients below this are rounding
PIVOTS = 5000  # never reached but by rounding; what is found is possible all the same


@compiled
def follow(table, value, upper, basis, raised, gains, aim, before):
    """Do as much for an aim as can be done without loss to those of ``before``.

    table (V, N): rows in terms of the columns that are not in the basis
    value, basis (V): of each row, the column in the basis and what it comes to
    upper (N): limits; raised (N): whether a column out of the basis stands at its limit
    gains (A, N): of a unit more of each column, by aim
    """
    rows, columns = table.shape
    for _ in range(PIVOTS):
        enters = -1
        for j in range(columns):
            gain = -gains[aim, j] if raised[j] else gains[aim, j]
            if gain <= GAINS or upper[j] <= 0.0:
                continue
            free = True
            for a in before:
                if abs(gains[a, j]) > GAINS:
                    free = False
            if free:
                enters = j
                break
        if enters < 0:
            return
        sign = -1.0 if raised[enters] else 1.0
        leaves, most, full = -1, upper[enters], False
        for i in range(rows):
            change = sign * table[i, enters]
            if abs(change) <= PIVOT:
                continue
            room = value[i] if change > 0.0 else upper[basis[i]] - value[i]
            room = max(0.0, room) / abs(change)
            if room < most or (room == most and leaves >= 0 and basis[i] < basis[leaves]):
                leaves, most, full = i, room, change < 0.0
        for i in range(rows):
            value[i] -= sign * table[i, enters] * most
        if leaves < 0:
            raised[enters] = not raised[enters]
            continue
        raised[basis[leaves]] = full
        value[leaves] = upper[enters] - most if raised[enters] else most
        raised[enters] = False
        basis[leaves] = enters
        pivot = table[leaves, enters]
        for j in range(columns):
            table[leaves, j] /= pivot
        for i in range(rows):
            factor = table[i, enters]
            if i != leaves and factor != 0.0:
                for j in range(columns):
                    table[i, j] -= factor * table[leaves, j]
                table[i, enters] = 0.0
        for a in range(gains.shape[0]):
            factor = gains[a, enters]
            if factor != 0.0:
                for j in range(columns):
                    gains[a, j] -= factor * table[leaves, j]
                gains[a, enters] = 0.0


@compiled
def come_to(value, upper, basis, raised, found):
    """Set ``found`` (N) to what all columns come to."""
    for j in range(len(found)):
        found[j] = upper[j] if raised[j] else 0.0
    for i in range(len(basis)):
        found[basis[i]] = min(max(0.0, value[i]), upper[basis[i]])


@compiled
def live_by_rule(
    matrix, aims, dear, cheap, row, limit, supply, capacity, open_, keeps, initial, bought, most,
    kept, planned, back, found, left, refilled,
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
    steps, plants, accounts = limit.shape[1], capacity.shape[1], len(keeps)
    first = steps + plants  # of the accounts
    upper, raised = np.empty(columns), np.empty(columns, np.bool_)
    basis, value = np.empty(rows, np.int64), np.empty(rows)
    table, gains = np.empty((rows, columns)), np.empty((aims.shape[1], columns))
    now, stock = np.empty(columns), np.empty(accounts)
    for u in range(supply.shape[0]):
        stock[:] = initial
        for k in range(supply.shape[2]):
            for h in range(accounts):
                stock[h] = stock[h] * keeps[h] + bought[h, k]
            if not open_[u, k]:
                found[u, :, k] = 0.0
                for h in range(accounts):
                    again = max(0.0, min(back[u, h, k], planned[h, k] - stock[h]))
                    stock[h] += again
                    refilled[u, h] += again
                continue
            upper[:steps] = limit[row[u], :, k]
            upper[steps:first] = capacity[u, :, k]
            for h in range(accounts):
                upper[first + h] = min(stock[h], most[h])
            upper[first + accounts :] = np.inf
            table[:] = matrix
            gains[:] = aims[row[u], :, :, k]
            raised[:] = False
            for i in range(rows):
                basis[i], value[i] = first + accounts + i, supply[u, i, k]
            for n in range(len(dear)):
                follow(table, value, upper, basis, raised, gains, dear[n], dear[:n])
            come_to(value, upper, basis, raised, now)
            for h in range(accounts):
                free = min(stock[h] - kept[h, k], most[h])
                upper[first + h] = max(now[first + h], free)
            for n in range(len(cheap)):
                follow(table, value, upper, basis, raised, gains, cheap[n], cheap[:n])
            come_to(value, upper, basis, raised, now)
            for h in range(accounts):
                stock[h] -= now[first + h]
                again = max(0.0, min(back[u, h, k], planned[h, k] - stock[h]))
                stock[h] += again
                refilled[u, h] += again
            found[u, :, k] = now
        left[u] = stock
