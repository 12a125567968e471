"""Compiled factorization of a basis.

Nearly all rows and columns have a single entry at some stage. They are peeled off without
elimination (Tomlin 1972), and the rest is factorized as a dense matrix. Columns are numbered from 0
to n - 1. The activity of row i has number n + i, and its column is minus the unit vector of that
row. Status 1 stands for basic, as in HiGHS.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled

MIN_PIVOT = 1e-7  # smallest absolute value of a pivot
MAX_DENSE_ROWS = 200  # limit of rows after peeling


@compiled
def factorize_basis(n, column_starts, row_index, value, status):
    """Factorize the basic columns. Dependent columns leave the basis, and row activities replace
    them.

    Return whether at most ``MAX_DENSE_ROWS`` rows and columns remain after peeling (otherwise the
    other results are unusable), the basic variable of each row (m), and the factors. These are the
    rows, columns and entries (2, m) of the pivots that peel columns and of those that peel rows, in
    their order, and the number of each (2); then the rank of the remaining matrix, its rows and its
    columns, of which the first ones up to the rank are pivots, and its dense LU factors.
    """
    m = status.size - n
    head, start = np.empty(m, np.int64), np.zeros(m + 1, np.int64)
    entries_in_row, entries_in_column = np.zeros(m, np.int64), np.zeros(n, np.int64)
    for i in range(m):
        head[i] = n + i if status[n + i] == 1 else -1
    for j in range(n):
        if status[j] == 1:
            for e in range(column_starts[j], column_starts[j + 1]):
                if head[row_index[e]] < 0:
                    entries_in_row[row_index[e]] += 1
                    entries_in_column[j] += 1
    for i in range(m):
        start[i + 1] = start[i] + entries_in_row[i]
    entries = start[m]
    columns, filled = np.empty(entries, np.int64), np.zeros(m, np.int64)
    pivot_rows = np.empty((2, m), np.int64)  # of columns with one entry, and of rows with one
    pivot_columns = np.empty((2, m), np.int64)
    pivot_values = np.empty((2, m))
    counts = np.zeros(2, np.int64)
    waiting = np.empty(2 * (m + n) + entries, np.int64)
    waiting_count = 0
    for j in range(n):
        if status[j] == 1:
            for e in range(column_starts[j], column_starts[j + 1]):
                i = row_index[e]
                if head[i] < 0:
                    columns[start[i] + filled[i]] = j
                    filled[i] += 1
            if entries_in_column[j] == 1:
                waiting[waiting_count] = j
                waiting_count += 1
    for i in range(m):
        if head[i] < 0 and entries_in_row[i] == 1:
            waiting[waiting_count] = n + i
            waiting_count += 1
    while waiting_count > 0:
        waiting_count -= 1
        candidate = int(waiting[waiting_count])
        if candidate < n:
            c = candidate
            if entries_in_column[c] != 1:
                continue
            i, entry = -1, 0.0
            for e in range(column_starts[c], column_starts[c + 1]):
                if head[row_index[e]] < 0:
                    i, entry = row_index[e], value[e]
        else:
            i = candidate - n
            if head[i] >= 0 or entries_in_row[i] != 1:
                continue
            c, entry = -1, 0.0
            for position in range(start[i], start[i + 1]):
                if entries_in_column[columns[position]] > 0:
                    c = int(columns[position])
            if c < 0:
                continue
            for e in range(column_starts[c], column_starts[c + 1]):
                if row_index[e] == i:
                    entry = value[e]
        if i < 0 or abs(entry) < MIN_PIVOT:
            continue
        kind = 0 if candidate < n else 1
        k = counts[kind]
        pivot_rows[kind, k], pivot_columns[kind, k], pivot_values[kind, k] = i, c, entry
        counts[kind] += 1
        head[i] = c
        entries_in_column[c] = 0
        for position in range(start[i], start[i + 1]):
            neighbor = columns[position]
            if entries_in_column[neighbor] > 0:
                entries_in_column[neighbor] -= 1
                if entries_in_column[neighbor] == 1:
                    waiting[waiting_count] = neighbor
                    waiting_count += 1
        for e in range(column_starts[c], column_starts[c + 1]):
            neighbor = row_index[e]
            if head[neighbor] < 0:
                entries_in_row[neighbor] -= 1
                if entries_in_row[neighbor] == 1:
                    waiting[waiting_count] = n + neighbor
                    waiting_count += 1
    # From here on ``filled`` is the position of a row among the remaining ones, -1 if peeled.
    rest_rows, rest_columns = np.empty(m, np.int64), np.empty(n, np.int64)
    row_count, column_count = 0, 0
    for i in range(m):
        filled[i] = -1
        if head[i] < 0:
            rest_rows[row_count], filled[i] = i, row_count
            row_count += 1
        elif head[i] < n:
            entries_in_column[head[i]] = -1
    for j in range(n):
        if status[j] == 1 and entries_in_column[j] >= 0:
            rest_columns[column_count] = j
            column_count += 1
    if max(row_count, column_count) > MAX_DENSE_ROWS:
        return (
            False,
            head,
            (
                pivot_rows,
                pivot_columns,
                pivot_values,
                counts,
                0,
                rest_rows,
                rest_columns,
                pivot_values,
            ),
        )
    dense = np.zeros((row_count, column_count))
    for k in range(column_count):
        j = rest_columns[k]
        for e in range(column_starts[j], column_starts[j + 1]):
            if filled[row_index[e]] >= 0:
                dense[filled[row_index[e]], k] = value[e]
    rank = 0
    for k in range(column_count):
        best_row, best_size = rank, 0.0
        for r in range(rank, row_count):
            if abs(dense[r, k]) > best_size:
                best_row, best_size = r, abs(dense[r, k])
        j = rest_columns[k]
        if best_size < MIN_PIVOT:
            status[j] = 0
            continue
        if rank != k:
            for r in range(row_count):
                dense[r, rank] = dense[r, k]
            rest_columns[rank] = j
        if best_row != rank:
            for c in range(column_count):
                dense[best_row, c], dense[rank, c] = dense[rank, c], dense[best_row, c]
            rest_rows[best_row], rest_rows[rank] = rest_rows[rank], rest_rows[best_row]
        for r in range(rank + 1, row_count):
            if dense[r, rank] != 0.0:
                dense[r, rank] /= dense[rank, rank]
                for c in range(k + 1, column_count):
                    dense[r, c] -= dense[r, rank] * dense[rank, c]
        rank += 1
    for k in range(rank):
        head[rest_rows[k]] = rest_columns[k]
    for r in range(rank, row_count):
        i = rest_rows[r]
        head[i] = n + i
        status[n + i] = 1
    return (
        True,
        head,
        (pivot_rows, pivot_columns, pivot_values, counts, rank, rest_rows, rest_columns, dense),
    )


@compiled
def solve_basis(rhs, workspace, n, column_starts, row_index, value, basic_variables, factors):
    """Solve B x = rhs (m) in place; the solution is ordered by row. ``workspace`` (m) is used for
    the dense part."""
    pivot_rows, pivot_columns, pivot_values, counts, rank, rest_rows, rest_columns, dense = factors
    for k in range(counts[1]):
        i, j = pivot_rows[1, k], pivot_columns[1, k]
        if rhs[i] != 0.0:
            x = rhs[i] / pivot_values[1, k]
            for e in range(column_starts[j], column_starts[j + 1]):
                rhs[row_index[e]] -= value[e] * x
            rhs[i] = x
    for k in range(rank):
        workspace[k] = rhs[rest_rows[k]]
        for c in range(k):
            workspace[k] -= dense[k, c] * workspace[c]
    for k in range(rank - 1, -1, -1):
        for c in range(k + 1, rank):
            workspace[k] -= dense[k, c] * workspace[c]
        workspace[k] /= dense[k, k]
        if workspace[k] != 0.0:
            j = rest_columns[k]
            for e in range(column_starts[j], column_starts[j + 1]):
                rhs[row_index[e]] -= value[e] * workspace[k]
    for k in range(rank):
        rhs[rest_rows[k]] = workspace[k]
    for k in range(counts[0] - 1, -1, -1):
        i, j = pivot_rows[0, k], pivot_columns[0, k]
        if rhs[i] != 0.0:
            x = rhs[i] / pivot_values[0, k]
            for e in range(column_starts[j], column_starts[j + 1]):
                rhs[row_index[e]] -= value[e] * x
            rhs[i] = x
    for i in range(basic_variables.size):
        if basic_variables[i] >= n:
            rhs[i] = -rhs[i]


@compiled
def solve_basis_transposed(
    rhs, workspace, n, column_starts, row_index, value, basic_variables, factors
):
    """Solve B' y = rhs (m) in place; ``rhs`` is ordered by row. ``workspace`` (m) is used for the
    dense part."""
    pivot_rows, pivot_columns, pivot_values, counts, rank, rest_rows, rest_columns, dense = factors
    for i in range(basic_variables.size):
        if basic_variables[i] >= n:
            rhs[i] = -rhs[i]
    for k in range(counts[0]):
        i, j = pivot_rows[0, k], pivot_columns[0, k]
        y = rhs[i]
        for e in range(column_starts[j], column_starts[j + 1]):
            if row_index[e] != i:
                y -= value[e] * rhs[row_index[e]]
        rhs[i] = y / pivot_values[0, k]
    for k in range(rank):
        workspace[k], rhs[rest_rows[k]] = rhs[rest_rows[k]], 0.0
    for k in range(rank):
        j = rest_columns[k]
        for e in range(column_starts[j], column_starts[j + 1]):
            workspace[k] -= value[e] * rhs[row_index[e]]
        for r in range(k):
            workspace[k] -= dense[r, k] * workspace[r]
        workspace[k] /= dense[k, k]
    for k in range(rank - 1, -1, -1):
        for r in range(k + 1, rank):
            workspace[k] -= dense[r, k] * workspace[r]
    for k in range(rank):
        rhs[rest_rows[k]] = workspace[k]
    for k in range(counts[1] - 1, -1, -1):
        i, j = pivot_rows[1, k], pivot_columns[1, k]
        y = rhs[i]
        for e in range(column_starts[j], column_starts[j + 1]):
            if row_index[e] != i:
                y -= value[e] * rhs[row_index[e]]
        rhs[i] = y / pivot_values[1, k]
