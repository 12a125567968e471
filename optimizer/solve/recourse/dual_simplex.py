"""The dual simplex method for many small programs that differ in sides only, compiled.

Each goes on from a basis that was optimal for another: a few pivots, or none. A general solver
spends most of its time on what surrounds these. A basis is updated by product form, and factored
anew now and then (:mod:`optimizer.solve.recourse.basis_factors`); the ratio test flips bounds (Maros
2003). What is found is checked from a fresh factor: where that fails, or a step does, it is left to
the solver. Status 0 is at the lower bound, 1 basic, 2 at the upper one.
"""

import numpy as np

from optimizer.solve.recourse.basis_factors import (
    MIN_PIVOT,
    factorize_basis,
    solve_basis,
    solve_basis_transposed,
)
from optimizer.solve.recourse.jit import compiled

PRIMAL_TOLERANCE = 1e-12  # bounds may be missed by as much
RESIDUAL_TOLERANCE = 1e-9  # the most that rows may be missed by, by rounding
DUAL_TOLERANCE = 1e-10  # a multiplier that is closer to 0 may have either sign
PIVOT_AGREEMENT = 1e-7  # share of a pivot by which two ways to it may differ
MAX_UPDATES = 40  # pivots after which a basis is factored anew


@compiled
def choose_entering(alpha, reduced_costs, lower, upper, status, slope, candidates, ratio):
    """Which variable enters the basis: the last that the step of the multipliers may pass, of those
    that are no further than rounding from it the one with the largest entry; -1 for none. Those
    before it go to their other bound: ``kept`` lists them from the second number on to the third.
    """
    count = 0
    for v in range(alpha.size):
        if status[v] == 1 or lower[v] == upper[v]:
            continue
        if alpha[v] > MIN_PIVOT if status[v] == 0 else alpha[v] < -MIN_PIVOT:
            candidates[count], ratio[count] = v, max(reduced_costs[v] / alpha[v], 0.0)
            count += 1
    left = count
    while left > 0:
        furthest = np.inf
        for k in range(left):
            furthest = min(furthest, ratio[k] + DUAL_TOLERANCE / abs(alpha[candidates[k]]))
        enters, passed = -1, 0.0
        for k in range(left):
            v = candidates[k]
            if ratio[k] <= furthest:
                passed += abs(alpha[v]) * (upper[v] - lower[v])
                if enters < 0 or abs(alpha[v]) > abs(alpha[enters]):
                    enters = v
        if passed > slope:
            return enters, left, count
        slope -= passed
        k = 0
        while k < left:
            if ratio[k] <= furthest:
                left -= 1
                candidates[k], candidates[left] = candidates[left], candidates[k]
                ratio[k], ratio[left] = ratio[left], ratio[k]
            else:
                k += 1
    return -1, left, count


@compiled
def set_nonbasic_values(
    x, reduced_costs, rhs, duals, lower, upper, status, cost, column_starts, row_index, value
):
    """Put what is not basic at the bound that its multiplier ``d`` has the sign of, and in ``b``
    what that leaves for the basic variables. Whether all such bounds are there."""
    n, there = cost.size, True
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
        above = reduced_costs[v] < -DUAL_TOLERANCE or (
            reduced_costs[v] <= DUAL_TOLERANCE and status[v] == 2
        )
        if above and upper[v] == np.inf:
            above, there = False, there and reduced_costs[v] >= -DUAL_TOLERANCE
        elif not above and lower[v] == -np.inf:
            above, there = True, there and reduced_costs[v] <= DUAL_TOLERANCE and upper[v] < np.inf
        status[v] = 2 if above else 0
        x[v] = upper[v] if above else lower[v]
        subtract_column(rhs, v, x[v], n, column_starts, row_index, value)
    return there


@compiled
def subtract_column(rhs, variable, amount, n, column_starts, row_index, value):
    """Take the column of a variable, so many times, from the right sides ``b``."""
    if variable >= n:
        rhs[variable - n] += amount
    elif amount != 0.0:
        for e in range(column_starts[variable], column_starts[variable + 1]):
            rhs[row_index[e]] -= value[e] * amount


@compiled
def solve_from_basis(
    cost, lower, upper, row_lower, row_upper, column_starts, row_index, value, status, x, y
):
    """Minimise from a basis ``status`` (n + m), which is left as it ends; ``first`` has an entry
    more than there are columns. Whether that is an optimum: then ``x`` (n + m) has the columns and
    the activity of the rows, ``y`` (m) their multipliers.
    """
    n, m = cost.size, row_lower.size
    total = n + m
    low, high, d, alpha = np.empty(total), np.empty(total), np.empty(total), np.empty(total)
    kept, ratio = np.empty(total, np.int64), np.empty(total)
    b, room, rho = np.empty(m), np.empty(m), np.empty(m)
    base = np.empty(m, np.int64)  # the variable of each row when the basis was factored
    # Product form: of each update its row, its pivot, and where its other entries begin.
    at, by, begin = (
        np.empty(MAX_UPDATES, np.int64),
        np.empty(MAX_UPDATES),
        np.zeros(MAX_UPDATES + 1, np.int64),
    )
    updated, entry = np.empty(MAX_UPDATES * m, np.int64), np.empty(MAX_UPDATES * m)
    for v in range(total):
        low[v] = lower[v] if v < n else row_lower[v - n]
        high[v] = upper[v] if v < n else row_upper[v - n]
    steps, reset = 0, False
    while steps < 3 * m + 100:
        whole, head, factors = factorize_basis(n, column_starts, row_index, value, status)
        if not whole:
            return False
        for i in range(m):
            base[i] = head[i]
            y[i] = cost[head[i]] if head[i] < n else 0.0
        solve_basis_transposed(y, room, n, column_starts, row_index, value, base, factors)
        if not set_nonbasic_values(
            x, d, b, y, low, high, status, cost, column_starts, row_index, value
        ):
            if reset:
                return False
            reset = True
            for v in range(total):
                status[v] = 0 if v < n else 1
            continue
        solve_basis(b, room, n, column_starts, row_index, value, base, factors)
        for i in range(m):
            x[head[i]] = b[i]
        done = 0
        while done < MAX_UPDATES:
            leaves, slope = -1, PRIMAL_TOLERANCE
            for i in range(m):
                v = head[i]
                lacks = max(low[v] - x[v], x[v] - high[v])
                if lacks > slope:
                    leaves, slope = i, lacks
            if leaves < 0:
                break
            out = head[leaves]
            sign = 1.0 if x[out] > high[out] else -1.0
            for i in range(m):
                rho[i] = 1.0 if i == leaves else 0.0
            for u in range(done - 1, -1, -1):
                s = rho[at[u]]
                for k in range(begin[u], begin[u + 1]):
                    s -= entry[k] * rho[updated[k]]
                rho[at[u]] = s / by[u]
            solve_basis_transposed(rho, room, n, column_starts, row_index, value, base, factors)
            for v in range(total):
                alpha[v] = 0.0
                if status[v] != 1:
                    if v >= n:
                        alpha[v] = -sign * rho[v - n]
                    else:
                        for e in range(column_starts[v], column_starts[v + 1]):
                            alpha[v] += sign * rho[row_index[e]] * value[e]
            enters, begins, ends = choose_entering(alpha, d, low, high, status, slope, kept, ratio)
            if enters < 0:
                return False
            # Right sides: of what goes to its other bound, then the column that enters.
            for way in range(2 if ends > begins else 1):
                last = way == (1 if ends > begins else 0)
                for i in range(m):
                    b[i] = 0.0
                if last:
                    subtract_column(b, enters, -1.0, n, column_starts, row_index, value)
                else:
                    for k in range(begins, ends):
                        v = kept[k]
                        further = high[v] - low[v] if status[v] == 0 else low[v] - high[v]
                        status[v] = 2 - status[v]
                        x[v] += further
                        subtract_column(b, v, further, n, column_starts, row_index, value)
                solve_basis(b, room, n, column_starts, row_index, value, base, factors)
                for u in range(done):
                    if b[at[u]] != 0.0:
                        b[at[u]] /= by[u]
                        for k in range(begin[u], begin[u + 1]):
                            b[updated[k]] -= entry[k] * b[at[u]]
                if not last:
                    for i in range(m):
                        x[head[i]] += b[i]
            steps += 1
            if abs(b[leaves] - sign * alpha[enters]) > PIVOT_AGREEMENT * (1 + abs(b[leaves])):
                if done == 0:
                    return False
                break
            bound = high[out] if sign > 0 else low[out]
            theta = (x[out] - bound) / b[leaves]
            k = begin[done]
            for i in range(m):
                if b[i] != 0.0:
                    x[head[i]] -= theta * b[i]
                    if i != leaves:
                        updated[k], entry[k] = i, b[i]
                        k += 1
            x[enters] += theta
            x[out], status[out], status[enters] = bound, 2 if sign > 0 else 0, 1
            t = max(0.0, d[enters] / alpha[enters])
            for v in range(total):
                d[v] -= t * alpha[v]
            d[out], d[enters] = -sign * t, 0.0
            head[leaves], at[done], by[done] = enters, leaves, b[leaves]
            done += 1
            begin[done] = k
        if done == 0:
            return max_residual(x, n, column_starts, row_index, value) <= RESIDUAL_TOLERANCE
    return False


@compiled
def max_residual(x, n, column_starts, row_index, value):
    """By how much a row is missed at most: its activity and what the columns add up to."""
    gap, most = x[n:].copy(), 0.0
    for j in range(n):
        for e in range(column_starts[j], column_starts[j + 1]):
            gap[row_index[e]] -= value[e] * x[j]
    for i in range(gap.size):
        most = max(most, abs(gap[i]))
    return most
