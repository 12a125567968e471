"""Compiled recourse of a chain of materials in one state class: shortages and dual prices.

If each conversion has one input and all paths between two forms have the same product of ratios,
everything can be counted in contained, first-period tonnes, and no arc of the network over forms
and periods gains or loses. What its sources can deliver to a set of sinks is then a polymatroid
(Megiddo 1974): serving damage steps by descending value is optimal (Edmonds 1970), provided that
earlier flows may be rerouted. Flows are rerouted along augmenting paths, shortest first.

What a period gets from its own supply and plants is computed first. Supply cannot be stored, and
more sources never reduce what a sink can get in addition to others (Shapley 1961), so that no step
of larger value would take it back. Only periods that are still short then compete for stock. By the
end of a period no more of a stock is released than has come in; a period can get more if, from then
on, some stock is always left, or if a release up to the first period without any left is reduced.

Stocks are refilled in covered periods, as much as possible at once, since the outstanding amount
(released and not refilled) only restricts releases. It is carried from column to column, up to what
has come in, and *drains* where it is refilled, without gains or losses. A column of covered periods
stands for all of these between two short ones.

If a search fails, the nodes that it has visited can get no more, for good: no later path leads
through them. The value of the step for which it failed is their potential; other nodes have
potential 0. As values descend, the potentials form an optimal dual solution, and yield a valid cut
at any supply."""

from optimizer.solve.recourse.allocation_kernel import (
    INT_ZERO,
    ROUNDING_SHARE,
    SATURATED,
    augment,
    compiled,
    find_drain_columns,
    inlined,
)


@compiled
def evaluate_network_classes(
    network, workspace, demand_row, inflows, is_open, tonnes_per_lot, exact_value, available_row,
    realization, available, running_lots, nameplate, inflow_row, is_covered, max_refill, year_of,
    arrived, initial, empty_retention, empty_form, class_weights, with_subgradients,
    coverage_tolerance, damage, missing_by_step, constant, per_output, per_purchase,
    per_empty_stock,
):  # fmt: skip
    """Evaluate the recourse of a chain in state classes (U) that have weight in any of W sets.
    Rows are the F forms, which have supply, then the C conversions, which have capacity. Tonnes are
    contained, first-period tonnes.

    demand_row (U): row of the network's demand
    inflows (U, F+C, K): lots without projects; is_open (U, K): periods with possible shortages
    tonnes_per_lot (F+C, K); exact_value (F, J, K): the network's step_value before rounding
    available_row, realization (U, P): row of ``available`` (R, K), and index of the realization, -1
        if the project fails
    running_lots (P, D, K), nameplate (P): lots that arrive by realization, and at full nameplate
    inflow_row (P): row that a project adds to
    is_covered (U, F, K), max_refill (H, K): 1 in covered periods, else 0; tonnes refilled in these
    arrived (H, K), initial (H): cumulative tonnes by a period's end; initial tonnes
    empty_retention, empty_form (I): retention and form of accounts that hold nothing
    class_weights (W, U): weights; the last four arrays are set only if with_subgradients
    coverage_tolerance: share of demand below which a shortage is rounding
    damage (U): added to; missing_by_step (U, F, J, K): set in lots unless empty
    constant (W), per_output (W, P, D, Y), per_purchase (W, H, K) per tonne that comes in,
        per_empty_stock (W, I, K) per lot of the period itself: added to, as in
        :func:`optimizer.solve.recourse.node_kernel.evaluate_node_classes`"""
    form_count, step_count, length = network.step_value.shape
    conversion_count, stock_count = network.conversion_forms.shape[0], network.stock_form.shape[0]
    row_inflows, row_value, stock_price, shortage, price = (
        workspace.inflows,
        workspace.row_value,
        workspace.stock_price,
        workspace.shortage,
        workspace.form_price,
    )
    for u in range(inflows.shape[0]):
        is_weighted = False
        for w in range(class_weights.shape[0]):
            is_weighted |= class_weights[w, u] > 0.0
        if not is_weighted:
            continue
        row = demand_row[u]
        for k in range(length):
            for r in range(form_count + conversion_count):
                # In a calm period any supply that covers demand is equivalent.
                calm_supply = network.total_demand[row, r, k] if r < form_count else 0.0
                row_inflows[r, k] = (
                    inflows[u, r, k] * tonnes_per_lot[r, k] if is_open[u, k] else calm_supply
                )
        for p in range(inflow_row.shape[0]):
            r, d = inflow_row[p], realization[u, p]
            for k in range(length if d >= 0 else 0):
                if is_open[u, k]:
                    row_inflows[r, k] += (
                        running_lots[p, d, k]
                        * available[available_row[u, p], k]
                        * tonnes_per_lot[r, k]
                    )
        for h in range(stock_count):
            for k in range(length):
                workspace.max_refill[h, k] = (
                    max_refill[h, k] * is_covered[u, network.stock_form[h], k]
                )
        solve_network(
            network,
            row,
            row_inflows[:form_count],
            row_inflows[form_count:],
            arrived,
            workspace,
            shortage,
            price,
            stock_price,
        )
        dual_sum = 0.0
        for k in range(length):
            for f in range(form_count if workspace.column[k] >= 0 else 0):
                for j in range(step_count):
                    if shortage[f, j, k] > coverage_tolerance * network.total_demand[row, f, k]:
                        damage[u] += exact_value[f, j, k] * shortage[f, j, k]
                        if missing_by_step.size:
                            missing_by_step[u, f, j, k] = shortage[f, j, k] / tonnes_per_lot[f, k]
            if with_subgradients and workspace.column[k] >= 0:
                dual_sum += _period_dual_bound(
                    network, row, inflows[u], k, tonnes_per_lot, exact_value, workspace
                )
        if not with_subgradients:
            continue
        for h in range(stock_count):
            dual_sum -= initial[h] * workspace.arrival_value[h, 0]
            for k in range(length):
                dual_sum -= workspace.max_refill[h, k] * stock_price[h, k]
        for w in range(class_weights.shape[0]):
            weight = class_weights[w, u]
            if weight <= 0.0:
                continue
            constant[w] += weight * dual_sum
            for p in range(inflow_row.shape[0]):
                r, d = inflow_row[p], realization[u, p]
                for k in range(length if d >= 0 else 0):
                    if workspace.column[k] >= 0:
                        lots = nameplate[p] * available[available_row[u, p], k]
                        per_output[w, p, d, year_of[k]] += weight * row_value[r, k] * lots
            for h in range(stock_count):
                for k in range(length):
                    per_purchase[w, h, k] += weight * workspace.arrival_value[h, k]
            for i in range(empty_retention.shape[0]):
                # A lot would serve the most valuable shortage of this and later periods.
                best_value, f = 0.0, empty_form[i]
                for k in range(length - 1, -1, -1):
                    best_value = max(
                        best_value * empty_retention[i], price[f, k] * tonnes_per_lot[f, k]
                    )
                    per_empty_stock[w, i, k] += weight * best_value


@inlined
def _period_dual_bound(network, row, inflows, k, tonnes_per_lot, exact_value, workspace):
    """Return the part of the dual bound that belongs to period k, without projects and inflows of
    stocks.

    ``row_value`` of the workspace is set to the marginal value of a lot in each row.
    """
    form_count, step_count, _ = network.step_value.shape
    price, stock_price, row_value, bound = (
        workspace.form_price,
        workspace.stock_price,
        workspace.row_value,
        0.0,
    )
    for f in range(form_count):
        row_value[f, k] = price[f, k] * tonnes_per_lot[f, k]
        if price[f, k] > 0.0:
            bound += price[f, k] * network.total_demand[row, f, k] - row_value[f, k] * inflows[f, k]
            for j in range(step_count):
                bound -= network.step_demand[row, f, j, k] * max(
                    0.0, price[f, k] - exact_value[f, j, k]
                )
    for c in range(network.conversion_forms.shape[0]):
        margin = price[network.conversion_forms[c, 1], k] - price[network.conversion_forms[c, 0], k]
        row_value[form_count + c, k] = max(0.0, margin) * tonnes_per_lot[form_count + c, k]
        bound -= row_value[form_count + c, k] * inflows[form_count + c, k]
    for h in range(network.stock_form.shape[0]):
        bound -= network.max_release[h, k] * max(
            0.0, price[network.stock_form[h], k] - stock_price[h, k]
        )
    return bound


@compiled
def solve_network(network, row, supply, capacity, arrived, workspace, shortage, price, stock_price):
    """Serve the demand of a chain in one state class optimally. Return the damage.

    All amounts are contained, first-period tonnes, and finite (1e300 stands for no limit).

    row: row of the network's demand
    supply (F, K), capacity (C, K): supply of each form and limit of each conversion in this class
    arrived (H, K): cumulative inflow of stocks by the end of each period; never falls
    shortage (F, J, K), price (F, K), stock_price (H, K): set; tonnes missing, and potentials of a
        tonne of a form and of an outstanding tonne of a stock. ``workspace.max_refill`` (H, K) is
        given. ``workspace.arrival_value`` (H, K) is set to the value of a tonne of stock that comes
        in by then: the sum of all falls of stock_price from then on. Without refills this is
        stock_price, which then never rises. At any supply, capacity and arrivals damage is at
        least (with equality here) the sum over periods of::

            sum_f price (total - supply) - sum_fj limit max(0, price - value)
            - sum_c capacity max(0, price[output] - price[input])
            - sum_h (max_release max(0, price[form] - stock_price) + max_refill stock_price)
            - sum_h arrival_value (arrived - arrived before)"""
    form_count, _, length = network.step_value.shape
    stock_count = network.stock_form.shape[0]
    periods, column, visit_stamp, queue = (
        workspace.periods,
        workspace.column,
        workspace.visit_stamp,
        workspace.queue,
    )
    shortage[:] = 0.0
    price[:] = 0.0
    stock_price[:] = 0.0
    workspace.arrival_value[:] = 0.0
    column_count = INT_ZERO
    for k in range(length):
        column[k] = -1
        if not _is_covered_greedily(
            network, row, supply, capacity, k, workspace.need
        ) and _serve_from_period_supply(
            network, row, supply, capacity, k, column_count, workspace, shortage
        ):
            column[k] = column_count
            periods[column_count] = k
            for h in range(stock_count):
                workspace.refillable[h, column_count] = workspace.max_refill[h, k]
            column_count += 1
            continue
        has_refill = False
        for h in range(stock_count if column_count > 0 else 0):
            has_refill |= workspace.max_refill[h, k] > 0.0
        if has_refill:
            if column[periods[column_count - 1]] >= 0:
                for h in range(stock_count):
                    workspace.refillable[h, column_count] = 0.0
                column_count += 1
            periods[column_count - 1] = k
            for h in range(stock_count):
                workspace.refillable[h, column_count - 1] += workspace.max_refill[h, k]
    if column_count == 0:
        return 0.0
    for h in range(stock_count):
        for n in range(column_count):
            k = periods[n]
            workspace.released[h, n] = workspace.outstanding[h, n] = 0.0
            workspace.releasable[h, n] = network.max_release[h, k] if column[k] >= 0 else 0.0
            workspace.brought[h, n] = workspace.slack[h, n] = arrived[h, k]
            workspace.stock_stamp[h, n] = 0
        find_drain_columns(h, column_count, workspace)
    damage = 0.0
    for position in range(network.step_order.shape[1]):
        f, j, k = (
            network.step_order[0, position],
            network.step_order[1, position],
            network.step_order[2, position],
        )
        wanted = shortage[f, j, k]
        if wanted <= 0.0:
            continue
        value, root = network.step_value[f, j, k], column[k] * form_count + f
        if visit_stamp[root] != SATURATED:
            tolerance = ROUNDING_SHARE * network.step_demand[row, f, j, k]
            wanted, tail = augment(
                network, root, wanted, tolerance, column_count, stock_count, workspace
            )
            for m in range(tail):
                v = queue[m]
                visit_stamp[v] = SATURATED
                price[
                    v - workspace.node_column[v] * form_count, periods[workspace.node_column[v]]
                ] = value
            for h in range(stock_count if tail > 0 else 0):
                for m in range(column_count):
                    if workspace.stock_stamp[h, m] == workspace.search_count[0]:
                        stock_price[h, periods[m]] = value
                        workspace.stock_stamp[h, m] = SATURATED
            shortage[f, j, k] = wanted
        damage += value * wanted
    # An outstanding tonne costs at most what the stock could still serve and, without refills, at
    # least as much as later on: an equal bound here, and a better one where more comes in.
    for h in range(stock_count):
        max_price, later_price, min_price, total_falls = 0.0, 0.0, 0.0, 0.0
        for k in range(length - 1, -1, -1):
            if column[k] >= 0:
                max_price, min_price = max(max_price, price[network.stock_form[h], k]), 0.0
            current = max(min(stock_price[h, k], max_price), min_price)
            if column[k] < 0:
                min_price = current  # one column stands for all these periods
            if workspace.max_refill[h, k] <= 0.0:
                current = max(current, later_price)
            total_falls += max(0.0, current - later_price)
            stock_price[h, k], workspace.arrival_value[h, k] = current, total_falls
            later_price = current
    return damage


@compiled
def _is_covered_greedily(network, row, supply, capacity, k, need):
    """Return whether a greedy heuristic covers all demand in period k: each form is made in the
    quantity that demand and its outputs need."""
    conversion_count = network.conversion_forms.shape[0]
    for f in range(need.shape[0]):
        need[f] = network.total_demand[row, f, k]
    for f in network.outputs_first:
        missing, tolerance = need[f] - supply[f, k], ROUNDING_SHARE * need[f]
        if missing <= tolerance:
            continue
        for w in range(network.arc_start[f], network.plain_arc_end[f]):
            c = network.arcs[w]
            if c < conversion_count:
                amount = min(missing, capacity[c, k])
                need[network.conversion_forms[c, 0]] += amount
                missing -= amount
        if missing > tolerance:
            return False
    return True


@compiled
def _serve_from_period_supply(network, row, supply, capacity, k, n, workspace, shortage):
    """Serve the demand of period k, in column n, from the supply of that period. Return whether
    there is a shortage."""
    form_count, conversion_count = network.step_value.shape[0], network.conversion_forms.shape[0]
    first_node, is_short = n * form_count, False
    for f in range(form_count):
        workspace.spare_supply[first_node + f] = supply[f, k]
        workspace.visit_stamp[first_node + f] = 0
    for c in range(conversion_count):
        workspace.flow[n, c] = 0.0
        workspace.spare_capacity[n, c] = capacity[c, k]
    for w in range(network.period_step_order.shape[2]):
        f, j = network.period_step_order[0, k, w], network.period_step_order[1, k, w]
        wanted, v = network.step_demand[row, f, j, k], first_node + f
        if wanted > 0.0 and workspace.visit_stamp[v] != SATURATED:
            wanted, tail = augment(
                network, v, wanted, ROUNDING_SHARE * wanted, n + 1, INT_ZERO, workspace
            )
            for m in range(tail):
                workspace.visit_stamp[workspace.queue[m]] = SATURATED
        if wanted > 0.0:
            shortage[f, j, k] = wanted
            is_short = True
    for f in range(form_count):
        workspace.visit_stamp[first_node + f] = 0
    return is_short
