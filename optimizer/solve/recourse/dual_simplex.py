"""Compiled dual simplex method for many small programs that differ only in their bounds.

Nearly all rows and columns have a single entry at some stage. They are peeled off without
elimination (Tomlin 1972), and the rest is factorized as a dense matrix. Columns are numbered from 0
to n - 1. The activity of row i has number n + i, and its column is minus the unit vector of that
row. Status 1 stands for basic, as in HiGHS.

Each solve starts from a basis that was optimal for a similar program and takes few pivots or none;
a general solver would spend most of its time on overhead. The basis is updated in product form and
refactorized from time to time (:mod:`optimizer.solve.recourse.dual_simplex`). The ratio test flips
bounds (Maros 2003). The result is checked with a new factorization; if the check or a step fails,
HiGHS solves the program instead. Status 0 stands for the lower bound, 1 for basic, 2 for the upper
bound.
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


PRIMAL_TOLERANCE = 1e-12  # violation of bounds
RESIDUAL_TOLERANCE = 1e-9  # violation of rows by rounding
DUAL_TOLERANCE = 1e-10  # smaller reduced costs may have either sign
PIVOT_AGREEMENT = 1e-7  # relative difference between two computations of a pivot
MAX_UPDATES = 40  # pivots before the basis is refactored


@compiled
def choose_entering(alpha, reduced_costs, lower, upper, status, slope, candidates, ratio):
    """Return the entering variable (-1 if there is none), and the range of ``candidates`` that
    holds the variables that flip their bounds, as its start and end.

    The entering variable is the last one that the dual step may reach; among variables that differ
    from it only by rounding, it is the one with the largest entry in ``alpha``. The variables that
    the step passes before flip their bounds.
    """
    count = 0
    for v in range(alpha.size):
        if status[v] == 1 or lower[v] == upper[v]:
            continue
        if alpha[v] > MIN_PIVOT if status[v] == 0 else alpha[v] < -MIN_PIVOT:
            candidates[count], ratio[count] = v, max(reduced_costs[v] / alpha[v], 0.0)
            count += 1
    remaining = count
    while remaining > 0:
        max_ratio = np.inf
        for k in range(remaining):
            max_ratio = min(max_ratio, ratio[k] + DUAL_TOLERANCE / abs(alpha[candidates[k]]))
        entering, passed_slope = -1, 0.0
        for k in range(remaining):
            v = candidates[k]
            if ratio[k] <= max_ratio:
                passed_slope += abs(alpha[v]) * (upper[v] - lower[v])
                if entering < 0 or abs(alpha[v]) > abs(alpha[entering]):
                    entering = v
        if passed_slope > slope:
            return entering, remaining, count
        slope -= passed_slope
        k = 0
        while k < remaining:
            if ratio[k] <= max_ratio:
                remaining -= 1
                candidates[k], candidates[remaining] = candidates[remaining], candidates[k]
                ratio[k], ratio[remaining] = ratio[remaining], ratio[k]
            else:
                k += 1
    return -1, remaining, count


@compiled
def set_nonbasic_values(
    x, reduced_costs, rhs, duals, lower, upper, status, cost, column_starts, row_index, value
):
    """Compute ``reduced_costs`` from ``duals``, set each nonbasic variable to the bound that
    matches the sign of its reduced cost, and set ``rhs`` to the right-hand side that this leaves
    for the basic variables.

    Return whether all these bounds exist.
    """
    n, all_exist = cost.size, True
    for i in range(rhs.size):
        rhs[i] = 0.0
    for v in range(x.size):
        reduced_costs[v] = 0.0
        if status[v] == 1:
            continue
        if v < n:
            reduced_costs[v] = cost[v]
            for e in range(column_starts[v], column_starts[v + 1]):
                reduced_costs[v] -= duals[row_index[e]] * value[e]
        else:
            reduced_costs[v] = duals[v - n]
        is_at_upper = reduced_costs[v] < -DUAL_TOLERANCE or (
            reduced_costs[v] <= DUAL_TOLERANCE and status[v] == 2
        )
        if is_at_upper and upper[v] == np.inf:
            is_at_upper, all_exist = False, all_exist and reduced_costs[v] >= -DUAL_TOLERANCE
        elif not is_at_upper and lower[v] == -np.inf:
            is_at_upper, all_exist = (
                True,
                all_exist and reduced_costs[v] <= DUAL_TOLERANCE and upper[v] < np.inf,
            )
        status[v] = 2 if is_at_upper else 0
        x[v] = upper[v] if is_at_upper else lower[v]
        subtract_column(rhs, v, x[v], n, column_starts, row_index, value)
    return all_exist


@compiled
def subtract_column(rhs, variable, amount, n, column_starts, row_index, value):
    """Subtract ``amount`` times the column of a variable from the right-hand side."""
    if variable >= n:
        rhs[variable - n] += amount
    elif amount != 0.0:
        for e in range(column_starts[variable], column_starts[variable + 1]):
            rhs[row_index[e]] -= value[e] * amount


@compiled
def solve_from_basis(
    cost, lower, upper, row_lower, row_upper, column_starts, row_index, value, status, x, y
):
    """Minimize the cost of a program, starting from the basis ``status`` (n + m), which is updated.
    Return whether an optimum was found.

    If so, ``x`` (n + m) contains the column values and the row activities, and ``y`` (m) the dual
    values. ``column_starts`` has n + 1 elements.
    """
    n, m = cost.size, row_lower.size
    total = n + m
    low, high, reduced, alpha = (np.empty(total), np.empty(total), np.empty(total), np.empty(total))
    candidates, ratio = np.empty(total, np.int64), np.empty(total)
    rhs, workspace, rho = np.empty(m), np.empty(m), np.empty(m)
    base = np.empty(m, np.int64)  # basic variable of each row at the last factorization
    # Product form: row, pivot, and start of the other entries of each update.
    pivot_row, pivot, entry_start = (
        np.empty(MAX_UPDATES, np.int64),
        np.empty(MAX_UPDATES),
        np.zeros(MAX_UPDATES + 1, np.int64),
    )
    entry_row, entry = np.empty(MAX_UPDATES * m, np.int64), np.empty(MAX_UPDATES * m)
    for v in range(total):
        low[v] = lower[v] if v < n else row_lower[v - n]
        high[v] = upper[v] if v < n else row_upper[v - n]
    pivot_count, was_reset = 0, False
    while pivot_count < 3 * m + 100:
        is_factored, head, factors = factorize_basis(n, column_starts, row_index, value, status)
        if not is_factored:
            return False
        for i in range(m):
            base[i] = head[i]
            y[i] = cost[head[i]] if head[i] < n else 0.0
        solve_basis_transposed(y, workspace, n, column_starts, row_index, value, base, factors)
        if not set_nonbasic_values(
            x, reduced, rhs, y, low, high, status, cost, column_starts, row_index, value
        ):
            if was_reset:
                return False
            was_reset = True
            for v in range(total):
                status[v] = 0 if v < n else 1
            continue
        solve_basis(rhs, workspace, n, column_starts, row_index, value, base, factors)
        for i in range(m):
            x[head[i]] = rhs[i]
        updates = 0
        while updates < MAX_UPDATES:
            row, slope = -1, PRIMAL_TOLERANCE
            for i in range(m):
                v = head[i]
                violation = max(low[v] - x[v], x[v] - high[v])
                if violation > slope:
                    row, slope = i, violation
            if row < 0:
                break
            leaving = head[row]
            sign = 1.0 if x[leaving] > high[leaving] else -1.0
            for i in range(m):
                rho[i] = 1.0 if i == row else 0.0
            for u in range(updates - 1, -1, -1):
                entry_value = rho[pivot_row[u]]
                for k in range(entry_start[u], entry_start[u + 1]):
                    entry_value -= entry[k] * rho[entry_row[k]]
                rho[pivot_row[u]] = entry_value / pivot[u]
            solve_basis_transposed(
                rho, workspace, n, column_starts, row_index, value, base, factors
            )
            for v in range(total):
                alpha[v] = 0.0
                if status[v] != 1:
                    if v >= n:
                        alpha[v] = -sign * rho[v - n]
                    else:
                        for e in range(column_starts[v], column_starts[v + 1]):
                            alpha[v] += sign * rho[row_index[e]] * value[e]
            entering, flip_start, flip_end = choose_entering(
                alpha, reduced, low, high, status, slope, candidates, ratio
            )
            if entering < 0:
                return False
            # Right-hand sides: first the variables that flip their bounds, then the entering one.
            for part in range(2 if flip_end > flip_start else 1):
                is_last = part == (1 if flip_end > flip_start else 0)
                for i in range(m):
                    rhs[i] = 0.0
                if is_last:
                    subtract_column(rhs, entering, -1.0, n, column_starts, row_index, value)
                else:
                    for k in range(flip_start, flip_end):
                        v = candidates[k]
                        flip = high[v] - low[v] if status[v] == 0 else low[v] - high[v]
                        status[v] = 2 - status[v]
                        x[v] += flip
                        subtract_column(rhs, v, flip, n, column_starts, row_index, value)
                solve_basis(rhs, workspace, n, column_starts, row_index, value, base, factors)
                for u in range(updates):
                    if rhs[pivot_row[u]] != 0.0:
                        rhs[pivot_row[u]] /= pivot[u]
                        for k in range(entry_start[u], entry_start[u + 1]):
                            rhs[entry_row[k]] -= entry[k] * rhs[pivot_row[u]]
                if not is_last:
                    for i in range(m):
                        x[head[i]] += rhs[i]
            pivot_count += 1
            if abs(rhs[row] - sign * alpha[entering]) > PIVOT_AGREEMENT * (1 + abs(rhs[row])):
                if updates == 0:
                    return False
                break
            bound = high[leaving] if sign > 0 else low[leaving]
            primal_step = (x[leaving] - bound) / rhs[row]
            k = entry_start[updates]
            for i in range(m):
                if rhs[i] != 0.0:
                    x[head[i]] -= primal_step * rhs[i]
                    if i != row:
                        entry_row[k], entry[k] = i, rhs[i]
                        k += 1
            x[entering] += primal_step
            x[leaving], status[leaving], status[entering] = (bound, 2 if sign > 0 else 0, 1)
            dual_step = max(0.0, reduced[entering] / alpha[entering])
            for v in range(total):
                reduced[v] -= dual_step * alpha[v]
            reduced[leaving], reduced[entering] = -sign * dual_step, 0.0
            head[row], pivot_row[updates], pivot[updates] = (entering, row, rhs[row])
            updates += 1
            entry_start[updates] = k
        if updates == 0:
            return max_residual(x, n, column_starts, row_index, value) <= RESIDUAL_TOLERANCE
    return False


@compiled
def max_residual(x, n, column_starts, row_index, value):
    """Return the largest absolute difference between a row's activity in ``x`` and the sum over its
    columns."""
    residual, largest = x[n:].copy(), 0.0
    for j in range(n):
        for e in range(column_starts[j], column_starts[j + 1]):
            residual[row_index[e]] -= value[e] * x[j]
    for i in range(residual.size):
        largest = max(largest, abs(residual[i]))
    return largest
