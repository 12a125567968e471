"""A program of recourse without the periods that cover their demand, compiled.

There nothing is missing, released or made, and what is said of stock is added up: a stock keeps
what it has over closed periods, so its rows of these are added to that of the next open one, each
times what is kept since. A row that says no more than that one column has a most is a bound of it.
"""

import numpy as np

from optimizer.solve.sweep.jit import compiled


@compiled
def cut_out(
    open_, low, high, period_of_row, follows, keeps, bounds, free, tight, row_scale,
    period, bound_by, entry, unit, cost, lower, upper, start, index, value, least,
):  # fmt: skip
    """The program in the periods that are ``open_`` (K).

    low, high (R): sides of the rows of the whole program; of one without, any number
    period_of_row, follows (R): of each row, and the row of the same stock a period later, or -1
    keeps (R): share of the stock that is left a period later
    bounds, free, tight (R): rows that are bounds instead, have no lower side, have no upper one
    period, bound_by (C): of each column, and the row that is its bound, or -1
    entry (C): the coefficient in that row
    row_scale (R), unit (C): what rows are multiplied by, and what a column counts
    cost, lower, upper (C): scaled already
    start, index, value: entries by column, not scaled; one that is no larger than ``least`` is none

    Returns cost, lower and upper of the columns there are, sides of the rows, entries by column as
    the solver takes them; columns and rows by their number in the whole program; and the row that
    each of R is added to, -1 for none, and times what.
    """
    place = np.full(follows.size, -1, np.int64)
    factor = np.ones(follows.size)
    rows = np.flatnonzero(open_[period_of_row] & ~bounds)
    columns = np.flatnonzero(open_[period])
    for n in range(rows.size):
        place[rows[n]] = n
    for r in range(follows.size):
        if open_[period_of_row[r]] or follows[r] < 0:
            continue
        at = r
        while at >= 0 and not open_[period_of_row[at]]:
            factor[r] *= keeps[at]
            at = follows[at]
        if at >= 0:
            place[r] = place[at]
    row_lower, row_upper = np.zeros(rows.size), np.zeros(rows.size)
    for r in range(follows.size):
        if place[r] >= 0:
            row_lower[place[r]] += low[r] * factor[r]
            row_upper[place[r]] += high[r] * factor[r]
    for n in range(rows.size):
        scale = row_scale[rows[n]]
        row_lower[n] = -np.inf if free[rows[n]] else row_lower[n] * scale
        row_upper[n] = np.inf if tight[rows[n]] else row_upper[n] * scale
    first, most, count = np.empty(columns.size, np.int32), upper[columns], 0
    for c in columns:
        count += start[c + 1] - start[c]
    of_row, values, count = np.empty(count, np.int32), np.empty(count), 0
    for n in range(columns.size):
        c = columns[n]
        first[n] = count
        if bound_by[c] >= 0:
            most[n] = high[bound_by[c]] / (entry[c] * unit[c])
        for e in range(start[c], start[c + 1]):
            into = place[index[e]]
            if into < 0:
                continue
            scaled = value[e] * factor[index[e]] * row_scale[rows[into]] * unit[c]
            if abs(scaled) > least:
                of_row[count], values[count] = into, scaled
                count += 1
    return (
        cost[columns], lower[columns], most, row_lower, row_upper, first, of_row[:count],
        values[:count], columns, rows, place, factor,
    )  # fmt: skip


@compiled
def spread(duals, rows, place, factor, scale, into):
    """Multipliers of all rows ``into`` (R), of those of the ``rows`` there are, as the solver has
    them; place and factor: as :func:`cut_out` gives them, scale (R): ``row_scale``."""
    for r in range(into.size):
        if place[r] >= 0:
            into[r] = duals[place[r]] * scale[rows[place[r]]] * factor[r]
