"""The dual simplex method for many small programs that differ in sides only, compiled.

Each goes on from a basis that was optimal for another: a few pivots, or none. A general solver
spends most of its time on what surrounds these. A basis is updated by product form, and factored
anew now and then (:mod:`optimizer.solve.sweep.basis_factors`); the ratio test flips bounds (Maros
2003). What is found is checked from a fresh factor: where that fails, or a step does, it is left to
the solver. Status 0 is at the lower bound, 1 basic, 2 at the upper one.
"""

import numpy as np

from optimizer.solve.sweep.basis_factors import PIVOT, backward, compiled, factor, forward

FEASIBLE = 1e-12  # bounds may be missed by as much
RESIDUAL = 1e-9  # the most that rows may be missed by, by rounding
SIGN = 1e-10  # a multiplier that is closer to 0 may have either sign
UPDATES = 40  # pivots after which a basis is factored anew


@compiled
def price(n, alpha, d, low, high, status, slope, kept, ratio):
    """Which variable enters the basis: the last that the step of the multipliers may pass, of those
    that are no further than rounding from it the one with the largest entry; -1 for none. Those
    before it go to their other bound: ``kept`` lists them from the second number on to the third.
    """
    count = 0
    for v in range(alpha.size):
        if status[v] == 1 or low[v] == high[v]:
            continue
        if alpha[v] > PIVOT if status[v] == 0 else alpha[v] < -PIVOT:
            kept[count], ratio[count] = v, max(d[v] / alpha[v], 0.0)
            count += 1
    left = count
    while left > 0:
        furthest = np.inf
        for k in range(left):
            furthest = min(furthest, ratio[k] + SIGN / abs(alpha[kept[k]]))
        enters, passed = -1, 0.0
        for k in range(left):
            v = kept[k]
            if ratio[k] <= furthest:
                passed += abs(alpha[v]) * (high[v] - low[v])
                if enters < 0 or abs(alpha[v]) > abs(alpha[enters]):
                    enters = v
        if passed > slope:
            return enters, left, count
        slope -= passed
        k = 0
        while k < left:
            if ratio[k] <= furthest:
                left -= 1
                kept[k], kept[left] = kept[left], kept[k]
                ratio[k], ratio[left] = ratio[left], ratio[k]
            else:
                k += 1
    return -1, left, count


@compiled
def resolve(cost, lower, upper, row_lower, row_upper, first, of_row, value, status):
    """Minimise from a basis ``status`` (n + m), which is left as it ends; ``first`` has an entry
    more than there are columns.

    Returns whether that is an optimum, the columns (n), multipliers of the rows (m), and pivots.
    """
    n, m = cost.size, row_lower.size
    total = n + m
    low, high = np.concatenate((lower, row_lower)), np.concatenate((upper, row_upper))
    x, d, y, b = np.zeros(total), np.zeros(total), np.zeros(m), np.zeros(m)
    alpha, kept, ratio = np.zeros(total), np.empty(total, np.int64), np.empty(total)
    # Product form: of each update its row, its pivot, and where its other entries begin.
    at, by, begin = np.empty(UPDATES, np.int64), np.empty(UPDATES), np.zeros(UPDATES + 1, np.int64)
    updated, entry = np.empty(UPDATES * m, np.int64), np.empty(UPDATES * m)
    steps, most, reset = 0, 3 * m + 100, False
    while steps < most:
        head, rows, pivots, size, count, rest, columns, dense, whole = factor(
            n, first, of_row, value, status
        )
        if not whole:
            break
        base = head.copy()
        for i in range(m):
            y[i] = cost[head[i]] if head[i] < n else 0.0
        backward(n, y, first, of_row, value, base, rows, pivots, size, count, rest, columns, dense)
        good = True
        b[:] = 0.0
        for v in range(total):
            d[v] = 0.0
            if status[v] == 1:
                continue
            if v < n:
                d[v] = cost[v]
                for e in range(first[v], first[v + 1]):
                    d[v] -= y[of_row[e]] * value[e]
            else:
                d[v] = y[v - n]
            # Where a multiplier has the sign of the other bound, the variable goes there.
            above = d[v] < -SIGN or (d[v] <= SIGN and status[v] == 2)
            if above and high[v] == np.inf:
                above, good = False, good and d[v] >= -SIGN
            elif not above and low[v] == -np.inf:
                above, good = True, good and d[v] <= SIGN and high[v] < np.inf
            status[v], x[v] = (2, high[v]) if above else (0, low[v])
            if v >= n:
                b[v - n] += x[v]
            elif x[v] != 0.0:
                for e in range(first[v], first[v + 1]):
                    b[of_row[e]] -= value[e] * x[v]
        if not good:
            if reset:
                break
            reset = True
            status[:n], status[n:] = 0, 1
            continue
        forward(n, b, first, of_row, value, base, rows, pivots, size, count, rest, columns, dense)
        for i in range(m):
            x[head[i]] = b[i]
        done = 0
        while done < UPDATES:
            leaves, slope = -1, FEASIBLE
            for i in range(m):
                v = head[i]
                lacks = max(low[v] - x[v], x[v] - high[v])
                if lacks > slope:
                    leaves, slope = i, lacks
            if leaves < 0:
                if done == 0:
                    b[:] = x[n:]
                    for j in range(n):
                        for e in range(first[j], first[j + 1]):
                            b[of_row[e]] -= value[e] * x[j]
                    exact = np.abs(b).max() <= RESIDUAL if m else True
                    return exact, x[:n].copy(), y, steps
                break
            out = head[leaves]
            sign = 1.0 if x[out] > high[out] else -1.0
            rho = np.zeros(m)
            rho[leaves] = 1.0
            for u in range(done - 1, -1, -1):
                s = rho[at[u]]
                for k in range(begin[u], begin[u + 1]):
                    s -= entry[k] * rho[updated[k]]
                rho[at[u]] = s / by[u]
            backward(
                n, rho, first, of_row, value, base, rows, pivots, size, count, rest, columns, dense
            )
            for v in range(total):
                alpha[v] = 0.0
                if status[v] == 1:
                    continue
                if v >= n:
                    alpha[v] = -sign * rho[v - n]
                else:
                    for e in range(first[v], first[v + 1]):
                        alpha[v] += sign * rho[of_row[e]] * value[e]
            enters, start, end = price(n, alpha, d, low, high, status, slope, kept, ratio)
            if enters < 0:
                return False, x[:n].copy(), y, steps
            # Right sides: of what goes to its other bound, then the column that enters.
            for way in range(2):
                b[:] = 0.0
                if way == 0:
                    if start == end:
                        continue
                    for k in range(start, end):
                        v = kept[k]
                        move = high[v] - low[v] if status[v] == 0 else low[v] - high[v]
                        status[v] = 2 - status[v]
                        x[v] += move
                        if v >= n:
                            b[v - n] += move
                        else:
                            for e in range(first[v], first[v + 1]):
                                b[of_row[e]] -= value[e] * move
                elif enters >= n:
                    b[enters - n] = -1.0
                else:
                    for e in range(first[enters], first[enters + 1]):
                        b[of_row[e]] = value[e]
                forward(
                    n, b, first, of_row, value, base, rows, pivots, size, count, rest, columns,
                    dense,
                )  # fmt: skip
                for u in range(done):
                    if b[at[u]] != 0.0:
                        b[at[u]] /= by[u]
                        for k in range(begin[u], begin[u + 1]):
                            b[updated[k]] -= entry[k] * b[at[u]]
                if way == 0:
                    for i in range(m):
                        x[head[i]] += b[i]
            steps += 1
            if abs(b[leaves] - sign * alpha[enters]) > 1e-7 * (1 + abs(b[leaves])):
                if done == 0:
                    return False, x[:n].copy(), y, steps
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
    return False, x[:n].copy(), y, steps
