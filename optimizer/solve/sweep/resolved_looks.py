"""Programs of many looks, cut out of one, solved, and what their multipliers prove, compiled."""

import numpy as np

from optimizer.solve.sweep.basis_factors import compiled
from optimizer.solve.sweep.dual_simplex import resolve
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
    """Of the optima that columns ``x`` and multipliers ``y`` prove, the one of least ``late`` cost:
    what has a multiplier stays at its bound."""
    n, m = cost.size, row_lower.size
    reduced, activity = cost.copy(), np.zeros(m)
    for j in range(n):
        for e in range(first[j], first[j + 1]):
            reduced[j] -= y[of_row[e]] * value[e]
            activity[of_row[e]] += value[e] * x[j]
    tight, held = np.abs(reduced) > TIGHT, np.abs(y) > TIGHT
    solved, settled, _, _ = resolve(
        late, np.where(tight, x, lower), np.where(tight, x, upper),
        np.where(held, activity, row_lower), np.where(held, activity, row_upper),
        first, of_row, value, status.copy(),
    )  # fmt: skip
    return settled if solved else x  # by rounding there may be none


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
        ends = np.empty(n + 1, np.int64)
        ends[:n], ends[n] = first, value.size
        if start[u] >= 0:
            status = kept[start[u] : start[u] + n + m].copy()
        else:
            status = np.empty(n + m, np.int8)
            status[:n], status[n:] = last[all_rows + columns], last[rows]
        found = resolve(cost, lower, upper, row_lower, row_upper, ends, of_row, value, status)
        solved[u], x, y, _ = found
        begins[u + 1] = begins[u] + n + m
        bases[begins[u] : begins[u + 1]] = status
        if not solved[u]:
            continue
        if start[u] < 0:
            last[all_rows + columns], last[rows] = status[:n], status[n:]
        damage[u] = (cost * x).sum()
        spread(y, rows, place, by, whole[6], duals[u])
        proven[u] = prove(duals[u], low[u], high[u], *proof)
        if values.size:
            if late.size:
                own = late[columns] * unit[columns]
                x = settle(
                    cost, lower, upper, row_lower, row_upper, ends, of_row, value, status, x, y, own
                )
            for k in range(n):
                values[u, columns[k]] = x[k] * unit[columns[k]]
    return solved, damage, proven, duals, bases[: begins[looks]], begins
