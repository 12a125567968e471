"""A program of recourse without the periods that cover their demand, compiled.

There nothing is missing, released or made, and what is said of stock is added up: a stock keeps
what it has over closed periods, so its rows of these are added to that of the next open one, each
times what is kept since. A row that says no more than that one column has a most is a bound of it.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled


@compiled
def restrict_to_open(
    is_open, side_lower, side_upper, period_of_row, next_row, retention, is_bound, has_no_lower, has_no_upper, row_scale,
    period, bound_by, entry, column_units, cost, lower, upper, start, index, value, min_entry,
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
    place = np.full(next_row.size, -1, np.int64)
    factor = np.ones(next_row.size)
    rows = np.flatnonzero(is_open[period_of_row] & ~is_bound)
    columns = np.flatnonzero(is_open[period])
    for n in range(rows.size):
        place[rows[n]] = n
    for r in range(next_row.size):
        if is_open[period_of_row[r]] or next_row[r] < 0:
            continue
        at = r
        while at >= 0 and not is_open[period_of_row[at]]:
            factor[r] *= retention[at]
            at = next_row[at]
        if at >= 0:
            place[r] = place[at]
    row_lower, row_upper = np.zeros(rows.size), np.zeros(rows.size)
    for r in range(next_row.size):
        if place[r] >= 0:
            row_lower[place[r]] += side_lower[r] * factor[r]
            row_upper[place[r]] += side_upper[r] * factor[r]
    for n in range(rows.size):
        scale = row_scale[rows[n]]
        row_lower[n] = -np.inf if has_no_lower[rows[n]] else row_lower[n] * scale
        row_upper[n] = np.inf if has_no_upper[rows[n]] else row_upper[n] * scale
    first, most, count = np.empty(columns.size, np.int32), upper[columns], 0
    for c in columns:
        count += start[c + 1] - start[c]
    of_row, values, count = np.empty(count, np.int32), np.empty(count), 0
    for n in range(columns.size):
        c = columns[n]
        first[n] = count
        if bound_by[c] >= 0:
            most[n] = side_upper[bound_by[c]] / (entry[c] * column_units[c])
        for e in range(start[c], start[c + 1]):
            into = place[index[e]]
            if into < 0:
                continue
            scaled = value[e] * factor[index[e]] * row_scale[rows[into]] * column_units[c]
            if abs(scaled) > min_entry:
                of_row[count], values[count] = into, scaled
                count += 1
    return (
        cost[columns], lower[columns], most, row_lower, row_upper, first, of_row[:count],
        values[:count], columns, rows, place, factor,
    )  # fmt: skip


@compiled
def expand_duals(duals, rows, row_target, row_factor, scale, all_duals):
    """Multipliers of all rows ``into`` (R), of those of the ``rows`` there are, as the solver has
    them; place and factor: as :func:`cut_out` gives them, scale (R): ``row_scale``."""
    for r in range(all_duals.size):
        if row_target[r] >= 0:
            all_duals[r] = duals[row_target[r]] * scale[rows[row_target[r]]] * row_factor[r]
