"""Factors of a basis, compiled.

Rows and columns with a single entry, which are nearly all, are peeled off and need no elimination
(Tomlin 1972); what is left is dense. Columns have the numbers 0 to n - 1, the activity of row i is
n + i, minus the unit column of that row; status 1 is basic, as bases of the solver number it.
"""

import numpy as np
from numba import njit

compiled = njit(nogil=True, cache=True, error_model="numpy")

PIVOT = 1e-7  # an entry that is smaller is no pivot
LARGEST = 200  # rows that peeling may leave


@compiled
def factor(n, first, of_row, value, status):
    """Factors of the columns that are basic; what is dependent leaves the basis, and activities of
    rows take its place. Returns the variable of each row, the pivots that peel rows and columns in
    their order (row, column, entry), and rows, columns and dense factors of the rest; the last is
    False where the rest is too large."""
    m = status.size - n
    head = np.full(m, -1, np.int64)
    for i in range(m):
        if status[n + i] == 1:
            head[i] = n + i
    basic = np.flatnonzero(status[:n] == 1)
    entries = 0
    in_row, in_column = np.zeros(m + 1, np.int64), np.zeros(n, np.int64)
    for j in basic:
        for e in range(first[j], first[j + 1]):
            if head[of_row[e]] < 0:
                in_row[of_row[e] + 1] += 1
                in_column[j] += 1
                entries += 1
    start = np.cumsum(in_row)
    columns, filled = np.empty(entries, np.int64), start.copy()
    for j in basic:
        for e in range(first[j], first[j + 1]):
            i = of_row[e]
            if head[i] < 0:
                columns[filled[i]] = j
                filled[i] += 1
    in_row = in_row[1:].copy()
    rows = np.empty((2, m), np.int64)  # of columns with one entry, of rows with one
    pivots = np.empty((2, m), np.int64)
    size = np.empty((2, m))
    count = np.zeros(2, np.int64)
    waiting = np.empty(2 * (m + basic.size) + entries, np.int64)
    waits = 0
    for j in basic:
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
            for e in range(first[c], first[c + 1]):
                if head[of_row[e]] < 0:
                    i, entry = of_row[e], value[e]
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
            for e in range(first[c], first[c + 1]):
                if of_row[e] == i:
                    entry = value[e]
        if i < 0 or abs(entry) < PIVOT:
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
        for e in range(first[c], first[c + 1]):
            other = of_row[e]
            if head[other] < 0:
                in_row[other] -= 1
                if in_row[other] == 1:
                    waiting[waits] = n + other
                    waits += 1
    taken = np.zeros(n, np.bool_)
    for kind in range(2):
        for k in range(count[kind]):
            taken[pivots[kind, k]] = True
    rest_rows = np.flatnonzero(head < 0)
    rest_columns = np.empty(basic.size, np.int64)
    left = 0
    for j in basic:
        if not taken[j]:
            rest_columns[left] = j
            left += 1
    rest_columns = rest_columns[:left]
    if max(rest_rows.size, left) > LARGEST:
        return head, rows, pivots, size, count, rest_rows, rest_columns, size, False
    place = np.full(m, -1, np.int64)
    for k in range(rest_rows.size):
        place[rest_rows[k]] = k
    dense = np.zeros((rest_rows.size, left))
    for k in range(left):
        j = rest_columns[k]
        for e in range(first[j], first[j + 1]):
            if place[of_row[e]] >= 0:
                dense[place[of_row[e]], k] = value[e]
    kept = 0
    for k in range(left):
        best, size_of_best = kept, 0.0
        for r in range(kept, rest_rows.size):
            if abs(dense[r, k]) > size_of_best:
                best, size_of_best = r, abs(dense[r, k])
        j = rest_columns[k]
        if size_of_best < PIVOT:
            status[j] = 0
            continue
        if kept != k:
            for r in range(rest_rows.size):
                dense[r, kept] = dense[r, k]
            rest_columns[kept] = j
        if best != kept:
            for c in range(left):
                dense[best, c], dense[kept, c] = dense[kept, c], dense[best, c]
            rest_rows[best], rest_rows[kept] = rest_rows[kept], rest_rows[best]
        for r in range(kept + 1, rest_rows.size):
            if dense[r, kept] != 0.0:
                dense[r, kept] /= dense[kept, kept]
                for c in range(k + 1, left):
                    dense[r, c] -= dense[r, kept] * dense[kept, c]
        kept += 1
    for k in range(kept):
        head[rest_rows[k]] = rest_columns[k]
    for r in range(kept, rest_rows.size):
        i = rest_rows[r]
        head[i] = n + i
        status[n + i] = 1
    return (
        head, rows, pivots, size, count, rest_rows[:kept].copy(), rest_columns[:kept].copy(),
        dense[:kept, :kept].copy(), True,
    )  # fmt: skip


@compiled
def forward(n, b, first, of_row, value, head, rows, pivots, size, count, rest, columns, dense):
    """Solve for the basic variables, by row, what their columns add up to (m), in place."""
    for k in range(count[1]):
        i, j = rows[1, k], pivots[1, k]
        if b[i] != 0.0:
            x = b[i] / size[1, k]
            for e in range(first[j], first[j + 1]):
                b[of_row[e]] -= value[e] * x
            b[i] = x
    if rest.size:
        t = b[rest]
        for k in range(rest.size):
            for c in range(k):
                t[k] -= dense[k, c] * t[c]
        for k in range(rest.size - 1, -1, -1):
            for c in range(k + 1, rest.size):
                t[k] -= dense[k, c] * t[c]
            t[k] /= dense[k, k]
        for k in range(rest.size):
            if t[k] != 0.0:
                j = columns[k]
                for e in range(first[j], first[j + 1]):
                    b[of_row[e]] -= value[e] * t[k]
        b[rest] = t
    for k in range(count[0] - 1, -1, -1):
        i, j = rows[0, k], pivots[0, k]
        if b[i] != 0.0:
            x = b[i] / size[0, k]
            for e in range(first[j], first[j + 1]):
                b[of_row[e]] -= value[e] * x
            b[i] = x
    for i in range(head.size):
        if head[i] >= n:
            b[i] = -b[i]


@compiled
def backward(n, c, first, of_row, value, head, rows, pivots, size, count, rest, columns, dense):
    """Solve for multipliers, of which the basic columns make what is given by row (m), in place."""
    for i in range(head.size):
        if head[i] >= n:
            c[i] = -c[i]
    for k in range(count[0]):
        i, j = rows[0, k], pivots[0, k]
        y = c[i]
        for e in range(first[j], first[j + 1]):
            if of_row[e] != i:
                y -= value[e] * c[of_row[e]]
        c[i] = y / size[0, k]
    if rest.size:
        t = c[rest]
        c[rest] = 0.0
        for k in range(rest.size):
            j = columns[k]
            for e in range(first[j], first[j + 1]):
                t[k] -= value[e] * c[of_row[e]]
        for k in range(rest.size):
            for r in range(k):
                t[k] -= dense[r, k] * t[r]
            t[k] /= dense[k, k]
        for k in range(rest.size - 1, -1, -1):
            for r in range(k + 1, rest.size):
                t[k] -= dense[r, k] * t[r]
        c[rest] = t
    for k in range(count[1] - 1, -1, -1):
        i, j = rows[1, k], pivots[1, k]
        y = c[i]
        for e in range(first[j], first[j + 1]):
            if of_row[e] != i:
                y -= value[e] * c[of_row[e]]
        c[i] = y / size[1, k]
