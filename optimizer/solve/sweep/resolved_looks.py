"""Programs of many looks, cut out of one, solved, and what their multipliers prove, compiled."""

import numpy as np

from optimizer.solve.sweep.dual_simplex import resolve
from optimizer.solve.sweep.jit import compiled
from optimizer.solve.sweep.open_periods import cut_out, spread

TIGHT = 1e-9  # a multiplier that is more holds its row or column


@compiled
def prove(
    duals, low, high, free, tight, cost, lower, upper, start, index, value, bound_by, entry, far,
    price,
):  # fmt: skip
    """What multipliers (R) prove the objective of a whole program to be at least, by weak duality;
    they come out clipped to ``far``, of the right sign, and times ``price``.

    free, tight (R): rows without a lower side, without an upper one
    bound_by, entry (C): of each column, the row that is its bound, or -1, and what stands there
    """
    for r in range(duals.size):
        # Multipliers of rows in which nothing is left can be of any size; one of the wrong sign is
        # tolerance.
        own = min(max(duals[r], -far), far) * price
        duals[r] = 0.0 if (own > 0.0 and free[r]) or (own < 0.0 and tight[r]) else own
    proven = 0.0
    for c in range(cost.size):
        rest = cost[c]
        for e in range(start[c], start[c + 1]):
            rest -= duals[index[e]] * value[e]
        r = bound_by[c]
        if r >= 0:  # what a bound that stands for a row is worth is the row's
            duals[r] = min(rest, 0.0) / entry[c]
            rest = max(rest, 0.0)
        bound = upper[c] if rest < 0.0 else lower[c]
        # A column without a bound is one that nobody has reason to make large.
        if np.isfinite(bound):
            proven += rest * bound
    for r in range(duals.size):
        if duals[r] != 0.0:
            proven += duals[r] * (low[r] if duals[r] > 0.0 else high[r])
    return proven


@compiled
def settle(cost, lower, upper, row_lower, row_upper, first, of_row, value, status, x, y, late):
    """Of the optima that ``x`` (n + m) and multipliers ``y`` (m) prove, the one of least ``late``
    cost, in place: what has a multiplier stays at its bound. Whether it was found."""
    n, m, room = cost.size, row_lower.size, np.empty(row_lower.size)
    lower, upper, row_lower, row_upper = (
        lower.copy(), upper.copy(), row_lower.copy(), row_upper.copy()
    )  # fmt: skip
    settled, basis = np.empty(n + m), status.copy()
    for j in range(n):
        reduced = cost[j]
        for e in range(first[j], first[j + 1]):
            reduced -= y[of_row[e]] * value[e]
        if abs(reduced) > TIGHT:
            lower[j] = upper[j] = x[j]
    for i in range(m):
        if abs(y[i]) > TIGHT:
            row_lower[i] = row_upper[i] = x[n + i]
    if not resolve(
        late, lower, upper, row_lower, row_upper, first, of_row, value, basis, settled, room
    ):
        return False
    for j in range(n):
        x[j] = settled[j]
    return True


@compiled
def resolve_all(open_, low, high, kept, start, last, values, late, whole, proof):
    """Programs of U looks, cut out of one (:func:`open_periods.cut_out`).

    open_ (U, K), low, high (U, R): what each is cut out by
    kept, start (U): bases one after the other, and where that of each begins, -1 for none
    last (R + C): how rows and columns of the whole program ended before, for those without any
    values (U, C): gets the columns, where it has any, by :func:`settle` where ``late`` (C) has any

    Returns whether each was solved (U), their objectives (U), what is proven of them (U) by which
    multipliers of all rows (U, R), bases one after the other, and where each begins (U + 1).
    """
    looks, all_rows = low.shape
    unit = whole[10]
    solved, duals = np.zeros(looks, np.bool_), np.zeros((looks, all_rows))
    damage, proven = np.zeros(looks), np.zeros(looks)
    begins = np.zeros(looks + 1, np.int64)
    bases = np.empty(looks * last.size, np.int8)
    for u in range(looks):
        cost, lower, upper, row_lower, row_upper, first, of_row, value, columns, rows, place, by = (
            cut_out(open_[u], low[u], high[u], *whole)
        )
        n, m = cost.size, row_lower.size
        begins[u + 1] = begins[u] + n + m
        status, ends = bases[begins[u] : begins[u + 1]], np.empty(n + 1, np.int64)
        x, y = np.empty(n + m), np.empty(m)
        ends[n] = value.size
        for v in range(n + m):
            at = all_rows + columns[v] if v < n else rows[v - n]
            status[v] = kept[start[u] + v] if start[u] >= 0 else last[at]
            if v < n:
                ends[v] = first[v]
        solved[u] = resolve(
            cost, lower, upper, row_lower, row_upper, ends, of_row, value, status, x, y
        )
        if not solved[u]:
            continue
        for j in range(n):
            damage[u] += cost[j] * x[j]
        spread(y, rows, place, by, whole[6], duals[u])
        proven[u] = prove(duals[u], low[u], high[u], *proof)
        if start[u] < 0:
            for v in range(n + m):
                last[all_rows + columns[v] if v < n else rows[v - n]] = status[v]
        if values.size:
            if late.size:
                own = np.empty(n)
                for j in range(n):
                    own[j] = late[columns[j]] * unit[columns[j]]
                solved[u] = settle(
                    cost, lower, upper, row_lower, row_upper, ends, of_row, value, status, x, y, own
                )
            for j in range(n):
                values[u, columns[j]] = x[j] * unit[columns[j]]
    return solved, damage, proven, duals, bases[: begins[looks]], begins
