"""Compiled evaluation of a node in its state classes, and deliveries of projects to it.

An outlet is a project at a node; there are P of them, in U classes. ``realization`` (U, P) is the
index of the outlet's realization, or -1 if the project fails, and ``available_row`` (U, P) the row
of ``available`` (., K) with the share of its output that hazards leave. ``running`` (P, D, Y) is
the share of nameplate by realization and year, ``nameplate`` (P) is in lots per period, and
``year_of`` (K) is the year index of each period.
"""

import numpy as np

from optimizer.solve.recourse.allocation_kernel import allocate_shortage, allocate_stocks
from optimizer.solve.recourse.jit import compiled


@compiled
def evaluate_node_classes(
    supply, available_row, realization, available, demand_row, demand, market_share, step_limit,
    step_weight, order, rank, value, running_lots, nameplate, arrived, initial, max_release,
    kept_share, empty_retention, year_of, class_weights, with_subgradients, damage, missing_lots,
    missing_by_step, coverage_tolerance, constant, per_output, per_purchase, per_empty_stock,
):  # fmt: skip
    """Evaluate the recourse of a node in state classes (U) that have weight in any of W sets.

    supply (U, K), market_share (K): lots from the market, and the node's share of them
    available_row, realization (U, P): row of ``available`` (R, K), and index of the realization, -1
        if the project fails
    demand_row (U): row of demand (N, K) and of step_limit (N, J, K), by descending damage
    step_weight (J, K): damage per lot
    order, rank, value, arrived, max_release, kept_share: as in :func:`allocate_stocks`
    running_lots (P, D, K), nameplate (P): lots that arrive by realization, and at full nameplate
    initial (H): initial stock in first-period lots; empty_retention (I): retention of accounts
        that hold nothing
    class_weights (W, U): weights; the last four arrays are set only if with_subgradients
    coverage_tolerance: share of demand below which a shortage is rounding (an argument, since numba
        does not invalidate cached code when a constant of another module changes)
    damage (U): added to; missing_lots (U, K), missing_by_step (U, J, K): set unless empty
    constant (W), per_output (W, P, D, Y), per_purchase (W, H, K), per_empty_stock (W, I, K): added
        to. Damage is at least ``constant - per_output * (share of nameplate that is reserved and
        runs) - per_purchase * (first-period lots that come in)``, with equality here;
        per_empty_stock is per lot of the period itself."""
    step_count, length = step_weight.shape
    stock_count, project_count = arrived.shape[0], available_row.shape[1]
    set_count = class_weights.shape[0]
    uncovered_periods = np.empty(length, np.int64)
    period_position = np.empty(length, np.int64)
    shortage = np.zeros((step_count, length))
    released_lots, releasable = np.empty((stock_count, length)), np.empty((stock_count, length))
    lots_left = np.empty((stock_count, length))
    short_bits = np.empty(order.shape[1] // 32 + 1, np.int64)
    delivery_parent = np.empty((stock_count, length), np.int64)
    last_served = np.empty((stock_count, length), np.int64)
    stock_value, change = np.empty((stock_count, length)), np.empty((stock_count, length), np.int64)
    price = np.empty(length)
    visited = np.empty(length, np.bool_)
    queue, exchange_stock = np.empty(length, np.int64), np.empty(length, np.int64)
    exchange_target, full_prefix = np.empty(length, np.int64), np.empty(stock_count, np.int64)
    known_full_prefix = np.empty(stock_count, np.int64)
    weighted_sets = np.empty(set_count, np.int64)
    for u in range(supply.shape[0]):
        weighted_count = 0
        for w in range(set_count):
            if class_weights[w, u] > 0.0:
                weighted_sets[weighted_count] = w
                weighted_count += 1
        if weighted_count == 0:
            continue
        short_count, r = 0, demand_row[u]
        for k in range(length):
            period_position[k] = -1
            uncovered = demand[r, k] - market_share[k] * supply[u, k]
            tolerance = coverage_tolerance * demand[r, k]
            if uncovered > tolerance:
                for p in range(project_count):
                    if realization[u, p] >= 0:
                        uncovered -= (
                            running_lots[p, realization[u, p], k]
                            * available[available_row[u, p], k]
                        )
                if uncovered > tolerance:
                    allocate_shortage(uncovered, step_limit, r, k, shortage, short_count)
                    uncovered_periods[short_count] = k
                    period_position[k] = short_count
                    short_count += 1
        if short_count == 0:
            continue
        if stock_count > 0:
            allocate_stocks(
                short_count, uncovered_periods, period_position, order, rank, value, arrived,
                max_release, kept_share, shortage, released_lots, releasable, lots_left,
                delivery_parent, last_served, price, stock_value, visited, queue, exchange_stock,
                exchange_target, full_prefix, known_full_prefix, change, short_bits,
            )  # fmt: skip
            # Stock has at most the value of the demand that it can still serve. With the smaller
            # value the cut is as strong, and stronger for stock with large losses.
            for h in range(stock_count):
                max_price = 0.0
                for i in range(short_count - 1, -1, -1):
                    max_price = max(max_price, price[i])
                    stock_value[h, i] = min(stock_value[h, i], max_price)
            for i in range(short_count):
                for j in range(step_count):
                    if shortage[j, i] < coverage_tolerance * demand[r, uncovered_periods[i]]:
                        shortage[j, i] = 0.0
        else:
            for i in range(short_count):
                price[i] = 0.0
                k = uncovered_periods[i]
                for j in range(step_count):
                    if shortage[j, i] > 0.0:
                        price[i] = value[j, k]
                        break
        for i in range(short_count):
            k = uncovered_periods[i]
            for j in range(step_count):
                missing = shortage[j, i]
                if missing > 0.0:
                    damage[u] += step_weight[j, k] * missing
                    if missing_lots.size:
                        missing_lots[u, k] += missing
                    if missing_by_step.size:
                        missing_by_step[u, j, k] = missing
        if not with_subgradients:
            continue
        dual_sum = 0.0
        for i in range(short_count):
            if price[i] <= 0.0:
                continue
            k = uncovered_periods[i]
            per_lot = price[i] / kept_share[k]
            dual_sum += per_lot * (demand[r, k] - market_share[k] * supply[u, k])
            for j in range(step_count):
                dual_sum -= step_limit[r, j, k] * max(0.0, per_lot - step_weight[j, k])
            for h in range(stock_count):
                dual_sum -= max_release[h, k] * max(0.0, price[i] - stock_value[h, i])
            for p in range(project_count):
                if realization[u, p] >= 0:
                    value_per_share = per_lot * nameplate[p] * available[available_row[u, p], k]
                    for w in weighted_sets[:weighted_count]:
                        per_output[w, p, realization[u, p], year_of[k]] += (
                            class_weights[w, u] * value_per_share
                        )
        first_period = 0
        for i in range(short_count):
            for h in range(stock_count):
                if stock_value[h, i] > 0.0:
                    for w in weighted_sets[:weighted_count]:
                        for k in range(first_period, uncovered_periods[i] + 1):
                            per_purchase[w, h, k] += class_weights[w, u] * stock_value[h, i]
            first_period = uncovered_periods[i] + 1
        for h in range(empty_retention.shape[0]):
            # A lot would serve the most valuable shortage of this and later periods.
            best_value, i = 0.0, short_count - 1
            for k in range(uncovered_periods[short_count - 1], -1, -1):
                if i >= 0 and uncovered_periods[i] == k:
                    best_value = max(best_value * empty_retention[h], price[i] / kept_share[k])
                    i -= 1
                else:
                    best_value *= empty_retention[h]
                for w in weighted_sets[:weighted_count]:
                    per_empty_stock[w, h, k] += class_weights[w, u] * best_value
        for h in range(stock_count):
            dual_sum -= initial[h] * stock_value[h, 0]
        for w in weighted_sets[:weighted_count]:
            constant[w] += class_weights[w, u] * dual_sum


@compiled
def strongest_cut(constant, slopes, columns, best_bound):
    """Return the index of the strongest cut in each state class (U), and write its bound to
    ``best_bound`` (U).

    The bound of a cut is its ``constant`` (M, U) minus ``slopes`` (M, U, D) times ``columns`` (U,
    D).
    """
    evaluation_count, class_count, width = slopes.shape
    best = np.zeros(class_count, np.int64)
    for u in range(class_count):
        best_value = -np.inf
        for m in range(evaluation_count):
            bound = constant[m, u]
            for d in range(width):
                bound -= slopes[m, u, d] * columns[u, d]
            if bound > best_value:
                best_value = bound
                best[u] = m
        best_bound[u] = best_value
    return best


@compiled
def add_deliveries(
    parameters, first_parameter, nameplate, running, year_of, realization, available_row, available
):
    """Add the deliveries of each outlet in lots to ``parameters`` (U, G). Those of an outlet start
    at its position in ``first_parameter`` (P)."""
    for n in range(nameplate.size):
        if not running[n].any():
            continue
        for u in range(parameters.shape[0]):
            if realization[u, n] >= 0:
                for k in range(year_of.size):
                    share = (
                        running[n, realization[u, n], year_of[k]]
                        * available[available_row[u, n], k]
                    )
                    parameters[u, first_parameter[n] + k] += nameplate[n] * share


@compiled
def add_output_values(
    slopes, first_column, parameter_duals, first_parameter, nameplate, year_of, realization,
    available_row, available,
):  # fmt: skip
    """Subtract from ``slopes`` the marginal value of each outlet's running output in each year,
    which follows from the dual values of parameters (U, G).

    The columns of ``slopes`` start at ``first_column``.
    """
    year_count = year_of[-1] + 1
    for u in range(slopes.shape[0]):
        for n in range(nameplate.size):
            if realization[u, n] >= 0:
                for k in range(year_of.size):
                    dual = parameter_duals[u, first_parameter[n] + k]
                    if dual != 0.0:
                        lots = nameplate[n] * available[available_row[u, n], k]
                        slopes[u, first_column + n * year_count + year_of[k]] -= dual * lots


@compiled
def write_running_shares(columns, first_column, running, realization):
    """Write the running share of each outlet in each year to ``columns``, starting at
    ``first_column``."""
    outlet_count, _, year_count = running.shape
    for u in range(columns.shape[0]):
        for n in range(outlet_count):
            if realization[u, n] >= 0:
                for y in range(year_count):
                    columns[u, first_column + n * year_count + y] = running[n, realization[u, n], y]


@compiled
def add_weighted_slopes(sums, slopes, first_column, realization, class_weights):
    """Add to ``sums`` (W, P, D, Y) the slopes of each outlet and year, weighted by class_weights
    (W, U).

    The columns of ``slopes`` start at ``first_column``.
    """
    set_count, outlet_count, _, year_count = sums.shape
    for w in range(set_count):
        for u in range(slopes.shape[0]):
            if class_weights[w, u] > 0.0:
                for n in range(outlet_count):
                    if realization[u, n] >= 0:
                        for y in range(year_count):
                            slope = slopes[u, first_column + n * year_count + y]
                            sums[w, n, realization[u, n], y] += class_weights[w, u] * slope
