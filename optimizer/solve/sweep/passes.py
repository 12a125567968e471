"""Passes over looks, compiled: values and what cuts are made of, and which cut is strongest."""

import numpy as np

from optimizer.solve.sweep.chain import serve, uncovered_steps
from optimizer.solve.sweep.jit import compiled


@compiled
def sweep_looks(
    supply, pattern, delay, available, row, demand, part, limit, weight, order, rank, value,
    running, plate, arrived, initial, most, keep, idle, year_of, chance, priced, damage,
    missing, short, covered, constant, per_output, per_purchase, per_idle,
):  # fmt: skip
    """Sweep looks of a node; where a look has no weight in any set it is left out.

    supply (U, K), part (K): lots from the market, and the share of them that reaches the node
    pattern, delay (U, P): row of ``available`` (R, K) and place of the delay, -1 where it fails
    row (U): of demand (N, K) and limit (N, J, K), of the node and its steps from dear to cheap
    weight (J, K): of these steps
    order, rank, value, arrived, most, keep: as :func:`serve` has them
    running (P, D, K), plate (P): lots that arrive undisturbed by delay, and at full nameplate
    initial (H), idle (I): first-period lots there before; what stocks that hold nothing keep
    chance (W, U): weights of the looks; ``priced`` asks for the last four
    covered: share of demand below which a shortage is rounding (compiled code is kept from run to
        run, and would not notice that a constant of another module has changed)
    damage (U), missing (U, K), short (U, J, K): added to, the last set; the latter if not empty
    constant (W), per_output (W, P, D, Y), per_purchase (W, H, K), per_idle (W, I, K): added to.
        Damage is at least, and here just, ``constant - per_output * share of nameplate that is
        reserved and runs - per_purchase * first-period lots that come in``; per_idle is per lot
        of the period itself.
    """
    steps, length = weight.shape
    stocks, projects = arrived.shape[0], pattern.shape[1]
    sets = chance.shape[0]
    periods = np.empty(length, np.int64)
    position = np.empty(length, np.int64)
    shortage = np.zeros((steps, length))
    used, left = np.empty((stocks, length)), np.empty((stocks, length))
    lots = np.empty((stocks, length))
    marks = np.empty(order.shape[1] // 32 + 1, np.int64)
    before = np.empty((stocks, length), np.int64)
    furthest = np.empty((stocks, length), np.int64)
    worth, change = np.empty((stocks, length)), np.empty((stocks, length), np.int64)
    price = np.empty(length)
    visited = np.empty(length, np.bool_)
    queue, by_stock = np.empty(length, np.int64), np.empty(length, np.int64)
    by_period, reach = np.empty(length, np.int64), np.empty(stocks, np.int64)
    full_to = np.empty(stocks, np.int64)
    own = np.empty(sets, np.int64)
    for u in range(supply.shape[0]):
        owners = 0
        for w in range(sets):
            if chance[w, u] > 0.0:
                own[owners] = w
                owners += 1
        if owners == 0:
            continue
        count, r = 0, row[u]
        for k in range(length):
            position[k] = -1
            need = demand[r, k] - part[k] * supply[u, k]
            least = covered * demand[r, k]
            if need > least:
                for p in range(projects):
                    if delay[u, p] >= 0:
                        need -= running[p, delay[u, p], k] * available[pattern[u, p], k]
                if need > least:
                    uncovered_steps(need, limit, r, k, shortage, count)
                    periods[count] = k
                    position[k] = count
                    count += 1
        if count == 0:
            continue
        if stocks > 0:
            serve(
                count, periods, position, order, rank, value, arrived, most, keep, shortage, used,
                left, lots, before, furthest, price, worth, visited, queue, by_stock, by_period,
                reach, full_to, change, marks,
            )  # fmt: skip
            # Stock is worth no more than what it can still serve: the smaller of two worths that
            # prove something proves as much, and more of stock that loses nearly all.
            for h in range(stocks):
                most_worth = 0.0
                for i in range(count - 1, -1, -1):
                    most_worth = max(most_worth, price[i])
                    worth[h, i] = min(worth[h, i], most_worth)
            for i in range(count):
                for j in range(steps):
                    if shortage[j, i] < covered * demand[r, periods[i]]:
                        shortage[j, i] = 0.0
        else:
            for i in range(count):
                price[i] = 0.0
                k = periods[i]
                for j in range(steps):
                    if shortage[j, i] > 0.0:
                        price[i] = value[j, k]
                        break
        for i in range(count):
            k = periods[i]
            for j in range(steps):
                gone = shortage[j, i]
                if gone > 0.0:
                    damage[u] += weight[j, k] * gone
                    if missing.size:
                        missing[u, k] += gone
                    if short.size:
                        short[u, j, k] = gone
        if not priced:
            continue
        total = 0.0
        for i in range(count):
            if price[i] <= 0.0:
                continue
            k = periods[i]
            per_lot = price[i] / keep[k]
            total += per_lot * (demand[r, k] - part[k] * supply[u, k])
            for j in range(steps):
                total -= limit[r, j, k] * max(0.0, per_lot - weight[j, k])
            for h in range(stocks):
                total -= most[h, k] * max(0.0, price[i] - worth[h, i])
            for p in range(projects):
                if delay[u, p] >= 0:
                    each = per_lot * plate[p] * available[pattern[u, p], k]
                    for w in own[:owners]:
                        per_output[w, p, delay[u, p], year_of[k]] += chance[w, u] * each
        since = 0
        for i in range(count):
            for h in range(stocks):
                if worth[h, i] > 0.0:
                    for w in own[:owners]:
                        for k in range(since, periods[i] + 1):
                            per_purchase[w, h, k] += chance[w, u] * worth[h, i]
            since = periods[i] + 1
        for h in range(idle.shape[0]):
            # A lot would go where it is worth most among this period and those still to come.
            best, i = 0.0, count - 1
            for k in range(periods[count - 1], -1, -1):
                if i >= 0 and periods[i] == k:
                    best = max(best * idle[h], price[i] / keep[k])
                    i -= 1
                else:
                    best *= idle[h]
                for w in own[:owners]:
                    per_idle[w, h, k] += chance[w, u] * best
        for h in range(stocks):
            total -= initial[h] * worth[h, 0]
        for w in own[:owners]:
            constant[w] += chance[w, u] * total


@compiled
def strongest(constant, slopes, columns, says_most):
    """(U) place of the sweep whose ``constant`` (M, U) less ``slopes`` (M, U, D) times ``columns``
    (U, D) is greatest, and how much that is in ``says_most`` (U)."""
    sweeps, looks, width = slopes.shape
    best = np.zeros(looks, np.int64)
    for u in range(looks):
        most = -np.inf
        for m in range(sweeps):
            says = constant[m, u]
            for d in range(width):
                says -= slopes[m, u, d] * columns[u, d]
            if says > most:
                most = says
                best[u] = m
        says_most[u] = most
    return best
