"""Compiled dual simplex method for many small programs that differ only in their bounds.

Each solve starts from a basis that was optimal for a similar program and takes few pivots or none;
a general solver would spend most of its time on overhead. The basis is updated in product form and
refactorized from time to time (:mod:`optimizer.solve.recourse.basis_factors`). The ratio test flips
bounds (Maros 2003). The result is checked with a new factorization; if the check or a step fails,
HiGHS solves the program instead. Status 0 stands for the lower bound, 1 for basic, 2 for the upper
bound.
"""

import numpy as np

from optimizer.solve.recourse.basis_factors import (
    MIN_PIVOT,
    factorize_basis,
    solve_basis,
    solve_basis_transposed,
)
from optimizer.solve.recourse.jit import compiled

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
