"""Passes over looks, compiled: values and what cuts are made of, and which cut is strongest."""

import numpy as np

from optimizer.solve.recourse.allocation_kernel import allocate_shortage, allocate_stocks
from optimizer.solve.recourse.jit import compiled


@compiled
def evaluate_node_classes(
    supply, available_row, delay, available, demand_row, demand, market_share, step_limit, step_weight, order, rank, value,
    running_lots, nameplate, arrived, initial, max_release, kept_share, empty_retention, year_of, class_weights, with_subgradients, damage,
    missing_lots, missing_by_step, coverage_tolerance, constant, per_output, per_purchase, per_empty_stock,
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
    steps, length = step_weight.shape
    stocks, projects = arrived.shape[0], available_row.shape[1]
    sets = class_weights.shape[0]
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
            if class_weights[w, u] > 0.0:
                own[owners] = w
                owners += 1
        if owners == 0:
            continue
        count, r = 0, demand_row[u]
        for k in range(length):
            position[k] = -1
            need = demand[r, k] - market_share[k] * supply[u, k]
            least = coverage_tolerance * demand[r, k]
            if need > least:
                for p in range(projects):
                    if delay[u, p] >= 0:
                        need -= running_lots[p, delay[u, p], k] * available[available_row[u, p], k]
                if need > least:
                    allocate_shortage(need, step_limit, r, k, shortage, count)
                    periods[count] = k
                    position[k] = count
                    count += 1
        if count == 0:
            continue
        if stocks > 0:
            allocate_stocks(
                count, periods, position, order, rank, value, arrived, max_release, kept_share, shortage, used,
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
                    if shortage[j, i] < coverage_tolerance * demand[r, periods[i]]:
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
                    damage[u] += step_weight[j, k] * gone
                    if missing_lots.size:
                        missing_lots[u, k] += gone
                    if missing_by_step.size:
                        missing_by_step[u, j, k] = gone
        if not with_subgradients:
            continue
        total = 0.0
        for i in range(count):
            if price[i] <= 0.0:
                continue
            k = periods[i]
            per_lot = price[i] / kept_share[k]
            total += per_lot * (demand[r, k] - market_share[k] * supply[u, k])
            for j in range(steps):
                total -= step_limit[r, j, k] * max(0.0, per_lot - step_weight[j, k])
            for h in range(stocks):
                total -= max_release[h, k] * max(0.0, price[i] - worth[h, i])
            for p in range(projects):
                if delay[u, p] >= 0:
                    each = per_lot * nameplate[p] * available[available_row[u, p], k]
                    for w in own[:owners]:
                        per_output[w, p, delay[u, p], year_of[k]] += class_weights[w, u] * each
        since = 0
        for i in range(count):
            for h in range(stocks):
                if worth[h, i] > 0.0:
                    for w in own[:owners]:
                        for k in range(since, periods[i] + 1):
                            per_purchase[w, h, k] += class_weights[w, u] * worth[h, i]
            since = periods[i] + 1
        for h in range(empty_retention.shape[0]):
            # A lot would go where it is worth most among this period and those still to come.
            best, i = 0.0, count - 1
            for k in range(periods[count - 1], -1, -1):
                if i >= 0 and periods[i] == k:
                    best = max(best * empty_retention[h], price[i] / kept_share[k])
                    i -= 1
                else:
                    best *= empty_retention[h]
                for w in own[:owners]:
                    per_empty_stock[w, h, k] += class_weights[w, u] * best
        for h in range(stocks):
            total -= initial[h] * worth[h, 0]
        for w in own[:owners]:
            constant[w] += class_weights[w, u] * total


@compiled
def strongest_cut(constant, slopes, columns, best_bound):
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
        best_bound[u] = most
    return best
