"""Compiled restriction of a recourse program to the periods in which shortages are possible.

In other periods nothing is missing, released or made. A stock carries over its content, so the rows
of closed periods are added to the row of the next open period, each multiplied by the retention
since then. A row that only limits one column becomes a bound of that column.
"""

import numpy as np

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
