"""Factors of a basis, compiled.

Rows and columns with a single entry, which are nearly all, are peeled off and need no elimination
(Tomlin 1972); what is left is dense. Columns have the numbers 0 to n - 1, the activity of row i is
n + i, minus the unit column of that row; status 1 is basic, as bases of the solver number it.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled

MIN_PIVOT = 1e-7  # an entry that is smaller is no pivot
MAX_DENSE_ROWS = 200  # rows that peeling may leave


@compiled
def factorize_basis(n, column_starts, row_index, value, status):
    """Factors of the columns that are basic; what is dependent leaves the basis, and activities of
    rows take its place. Returns whether what is left after peeling is small enough, the variable of
    each row, and the factors: pivots that peel columns, and such that peel rows, in their order
    (row, column, entry, how many of each); how many rows are left, these, their columns, and the
    dense factors of both.
    """
    m = status.size - n
    head, start = np.empty(m, np.int64), np.zeros(m + 1, np.int64)
    in_row, in_column = np.zeros(m, np.int64), np.zeros(n, np.int64)
    for i in range(m):
        head[i] = n + i if status[n + i] == 1 else -1
    for j in range(n):
        if status[j] == 1:
            for e in range(column_starts[j], column_starts[j + 1]):
                if head[row_index[e]] < 0:
                    in_row[row_index[e]] += 1
                    in_column[j] += 1
    for i in range(m):
        start[i + 1] = start[i] + in_row[i]
    entries = start[m]
    columns, filled = np.empty(entries, np.int64), np.zeros(m, np.int64)
    rows = np.empty((2, m), np.int64)  # of columns with one entry, of rows with one
    pivots = np.empty((2, m), np.int64)
    size = np.empty((2, m))
    count = np.zeros(2, np.int64)
    waiting = np.empty(2 * (m + n) + entries, np.int64)
    waits = 0
    for j in range(n):
        if status[j] == 1:
            for e in range(column_starts[j], column_starts[j + 1]):
                i = row_index[e]
                if head[i] < 0:
                    columns[start[i] + filled[i]] = j
                    filled[i] += 1
            if in_column[j] == 1:
                waiting[waits] = j
                waits += 1
    for i in range(m):
        if head[i] < 0 and in_row[i] == 1:
            waiting[waits] = n + i
            waits += 1
    while waits > 0:
        waits -= 1
        one = int(waiting[waits])
        if one < n:
            c = one
            if in_column[c] != 1:
                continue
            i, entry = -1, 0.0
            for e in range(column_starts[c], column_starts[c + 1]):
                if head[row_index[e]] < 0:
                    i, entry = row_index[e], value[e]
        else:
            i = one - n
            if head[i] >= 0 or in_row[i] != 1:
                continue
            c, entry = -1, 0.0
            for at in range(start[i], start[i + 1]):
                if in_column[columns[at]] > 0:
                    c = int(columns[at])
            if c < 0:
                continue
            for e in range(column_starts[c], column_starts[c + 1]):
                if row_index[e] == i:
                    entry = value[e]
        if i < 0 or abs(entry) < MIN_PIVOT:
            continue
        kind = 0 if one < n else 1
        k = count[kind]
        rows[kind, k], pivots[kind, k], size[kind, k] = i, c, entry
        count[kind] += 1
        head[i] = c
        in_column[c] = 0
        for at in range(start[i], start[i + 1]):
            other = columns[at]
            if in_column[other] > 0:
                in_column[other] -= 1
                if in_column[other] == 1:
                    waiting[waits] = other
                    waits += 1
        for e in range(column_starts[c], column_starts[c + 1]):
            other = row_index[e]
            if head[other] < 0:
                in_row[other] -= 1
                if in_row[other] == 1:
                    waiting[waits] = n + other
                    waits += 1
    # A column that is taken has no place among the rest; ``filled`` is that of a row from here on.
    rest_rows, rest_columns = np.empty(m, np.int64), np.empty(n, np.int64)
    high, left = 0, 0
    for i in range(m):
        filled[i] = -1
        if head[i] < 0:
            rest_rows[high], filled[i] = i, high
            high += 1
        elif head[i] < n:
            in_column[head[i]] = -1
    for j in range(n):
        if status[j] == 1 and in_column[j] >= 0:
            rest_columns[left] = j
            left += 1
    if max(high, left) > MAX_DENSE_ROWS:
        return False, head, (rows, pivots, size, count, 0, rest_rows, rest_columns, size)
    dense = np.zeros((high, left))
    for k in range(left):
        j = rest_columns[k]
        for e in range(column_starts[j], column_starts[j + 1]):
            if filled[row_index[e]] >= 0:
                dense[filled[row_index[e]], k] = value[e]
    kept = 0
    for k in range(left):
        best, size_of_best = kept, 0.0
        for r in range(kept, high):
            if abs(dense[r, k]) > size_of_best:
                best, size_of_best = r, abs(dense[r, k])
        j = rest_columns[k]
        if size_of_best < MIN_PIVOT:
            status[j] = 0
            continue
        if kept != k:
            for r in range(high):
                dense[r, kept] = dense[r, k]
            rest_columns[kept] = j
        if best != kept:
            for c in range(left):
                dense[best, c], dense[kept, c] = dense[kept, c], dense[best, c]
            rest_rows[best], rest_rows[kept] = rest_rows[kept], rest_rows[best]
        for r in range(kept + 1, high):
            if dense[r, kept] != 0.0:
                dense[r, kept] /= dense[kept, kept]
                for c in range(k + 1, left):
                    dense[r, c] -= dense[r, kept] * dense[kept, c]
        kept += 1
    for k in range(kept):
        head[rest_rows[k]] = rest_columns[k]
    for r in range(kept, high):
        i = rest_rows[r]
        head[i] = n + i
        status[n + i] = 1
    return True, head, (rows, pivots, size, count, kept, rest_rows, rest_columns, dense)


@compiled
def solve_basis(rhs, workspace, n, column_starts, row_index, value, basic_variables, factors):
    """Solve for the basic variables, by row, what their columns add up to (m), in place; ``t`` (m)
    is room for what peeling leaves."""
    rows, pivots, size, count, kept, rest, columns, dense = factors
    for k in range(count[1]):
        i, j = rows[1, k], pivots[1, k]
        if rhs[i] != 0.0:
            x = rhs[i] / size[1, k]
            for e in range(column_starts[j], column_starts[j + 1]):
                rhs[row_index[e]] -= value[e] * x
            rhs[i] = x
    for k in range(kept):
        workspace[k] = rhs[rest[k]]
        for c in range(k):
            workspace[k] -= dense[k, c] * workspace[c]
    for k in range(kept - 1, -1, -1):
        for c in range(k + 1, kept):
            workspace[k] -= dense[k, c] * workspace[c]
        workspace[k] /= dense[k, k]
        if workspace[k] != 0.0:
            j = columns[k]
            for e in range(column_starts[j], column_starts[j + 1]):
                rhs[row_index[e]] -= value[e] * workspace[k]
    for k in range(kept):
        rhs[rest[k]] = workspace[k]
    for k in range(count[0] - 1, -1, -1):
        i, j = rows[0, k], pivots[0, k]
        if rhs[i] != 0.0:
            x = rhs[i] / size[0, k]
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
    """Solve for multipliers, of which the basic columns make what is given by row (m), in place."""
    rows, pivots, size, count, kept, rest, columns, dense = factors
    for i in range(basic_variables.size):
        if basic_variables[i] >= n:
            rhs[i] = -rhs[i]
    for k in range(count[0]):
        i, j = rows[0, k], pivots[0, k]
        y = rhs[i]
        for e in range(column_starts[j], column_starts[j + 1]):
            if row_index[e] != i:
                y -= value[e] * rhs[row_index[e]]
        rhs[i] = y / size[0, k]
    for k in range(kept):
        workspace[k], rhs[rest[k]] = rhs[rest[k]], 0.0
    for k in range(kept):
        j = columns[k]
        for e in range(column_starts[j], column_starts[j + 1]):
            workspace[k] -= value[e] * rhs[row_index[e]]
        for r in range(k):
            workspace[k] -= dense[r, k] * workspace[r]
        workspace[k] /= dense[k, k]
    for k in range(kept - 1, -1, -1):
        for r in range(k + 1, kept):
            workspace[k] -= dense[r, k] * workspace[r]
    for k in range(kept):
        rhs[rest[k]] = workspace[k]
    for k in range(count[1] - 1, -1, -1):
        i, j = rows[1, k], pivots[1, k]
        y = rhs[i]
        for e in range(column_starts[j], column_starts[j + 1]):
            if row_index[e] != i:
                y -= value[e] * rhs[row_index[e]]
        rhs[i] = y / size[1, k]
