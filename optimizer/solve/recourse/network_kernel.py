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
on, there is always some left, or in exchange for a release up to the first period in which there is
not.

Stocks are refilled in covered periods, as much as possible at once, since the outstanding amount
(released and not refilled) only restricts releases. It is carried from column to column, up to what
has come in, and *drains* where it is refilled, without gains or losses. A column of covered periods
stands for all of these between two short ones.

If a search fails, the nodes that it has visited can get no more, for good: no later path leads
through them. The value of the step for which it failed is their potential; other nodes have
potential 0. As values descend, the potentials form an optimal dual solution, and yield a valid cut
at any supply."""

import numpy as np

from optimizer.solve.recourse.jit import compiled_with

ROUNDING_SHARE = 1e-12  # smaller shares of a limit are rounding
INT_ZERO = np.int64(0)  # a literal 0 has another type, so that functions would be compiled twice
SATURATED = 1 << 62  # stamp of a node that can get no more

# Nothing here allocates. Without reference counting, run time falls to a third, and threads do not
# contend for the counters.
compiled = compiled_with(_nrt=False)
# Calls would double the run time. Inlining by LLVM takes a third of the compile time of numba's.
inlined = compiled_with(_nrt=False, forceinline=True)


@compiled
def evaluate_network_classes(
    network, workspace, demand_row, inflows, is_open, tonnes_per_lot, exact, available_row, delay,
    available, running_lots, nameplate, inflow_row, is_covered, max_refill, year_of, arrived,
    initial, empty_retention, empty_form, class_weights, with_subgradients, coverage_tolerance,
    damage, missing_by_step, constant, per_output, per_purchase, per_empty_stock,
):  # fmt: skip
    """Evaluate the recourse of a chain in state classes (U) that have weight in any of W sets.
    Rows are the F forms, which have supply, then the C conversions, which have capacity. Tonnes are
    contained, first-period tonnes.

    demand_row (U): row of the network's demand
    inflows (U, F+C, K): lots without projects; is_open (U, K): periods with possible shortages
    tonnes_per_lot (F+C, K); exact (F, J, K): step_value of the network before rounding
    available_row, delay (U, P): row of ``available`` (R, K), and index of the realisation, -1 if
        the project fails
    running_lots (P, D, K), nameplate (P): lots that arrive by realisation, and at full nameplate
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
    forms, steps, length = network.step_value.shape
    conversions, stocks = network.conversion_forms.shape[0], network.stock_form.shape[0]
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
            for r in range(forms + conversions):
                # In a calm period any supply that covers demand is equivalent.
                calm_supply = network.total_demand[row, r, k] if r < forms else 0.0
                row_inflows[r, k] = (
                    inflows[u, r, k] * tonnes_per_lot[r, k] if is_open[u, k] else calm_supply
                )
        for p in range(inflow_row.shape[0]):
            r, d = inflow_row[p], delay[u, p]
            for k in range(length if d >= 0 else 0):
                if is_open[u, k]:
                    row_inflows[r, k] += (
                        running_lots[p, d, k]
                        * available[available_row[u, p], k]
                        * tonnes_per_lot[r, k]
                    )
        for h in range(stocks):
            for k in range(length):
                workspace.max_refill[h, k] = (
                    max_refill[h, k] * is_covered[u, network.stock_form[h], k]
                )
        solve_network(
            network,
            row,
            row_inflows[:forms],
            row_inflows[forms:],
            arrived,
            workspace,
            shortage,
            price,
            stock_price,
        )
        dual_sum = 0.0
        for k in range(length):
            for f in range(forms if workspace.column[k] >= 0 else 0):
                for j in range(steps):
                    if shortage[f, j, k] > coverage_tolerance * network.total_demand[row, f, k]:
                        damage[u] += exact[f, j, k] * shortage[f, j, k]
                        if missing_by_step.size:
                            missing_by_step[u, f, j, k] = shortage[f, j, k] / tonnes_per_lot[f, k]
            if with_subgradients and workspace.column[k] >= 0:
                dual_sum += _period_dual_bound(
                    network, row, inflows[u], k, tonnes_per_lot, exact, workspace
                )
        if not with_subgradients:
            continue
        for h in range(stocks):
            dual_sum -= initial[h] * workspace.arrival_value[h, 0]
            for k in range(length):
                dual_sum -= workspace.max_refill[h, k] * stock_price[h, k]
        for w in range(class_weights.shape[0]):
            weight = class_weights[w, u]
            if weight <= 0.0:
                continue
            constant[w] += weight * dual_sum
            for p in range(inflow_row.shape[0]):
                r, d = inflow_row[p], delay[u, p]
                for k in range(length if d >= 0 else 0):
                    if workspace.column[k] >= 0:
                        lots = nameplate[p] * available[available_row[u, p], k]
                        per_output[w, p, d, year_of[k]] += weight * row_value[r, k] * lots
            for h in range(stocks):
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
def _period_dual_bound(network, row, inflows, k, tonnes_per_lot, exact, workspace):
    """Return the part of the dual bound that belongs to period k, without projects and inflows of
    stocks.

    ``row_value`` of the workspace is set to the marginal value of a lot in each row.
    """
    forms, steps, _ = network.step_value.shape
    price, stock_price, row_value, bound = (
        workspace.form_price,
        workspace.stock_price,
        workspace.row_value,
        0.0,
    )
    for f in range(forms):
        row_value[f, k] = price[f, k] * tonnes_per_lot[f, k]
        if price[f, k] > 0.0:
            bound += price[f, k] * network.total_demand[row, f, k] - row_value[f, k] * inflows[f, k]
            for j in range(steps):
                bound -= network.step_demand[row, f, j, k] * max(0.0, price[f, k] - exact[f, j, k])
    for c in range(network.conversion_forms.shape[0]):
        margin = price[network.conversion_forms[c, 1], k] - price[network.conversion_forms[c, 0], k]
        row_value[forms + c, k] = max(0.0, margin) * tonnes_per_lot[forms + c, k]
        bound -= row_value[forms + c, k] * inflows[forms + c, k]
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
    supply (F, K), capacity (C, K): supply of each form, limits of output of the class
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
    forms, _, length = network.step_value.shape
    stocks = network.stock_form.shape[0]
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
    count = INT_ZERO
    for k in range(length):
        column[k] = -1
        if not _is_easily_covered(
            network, row, supply, capacity, k, workspace.need
        ) and _serve_from_period_supply(
            network, row, supply, capacity, k, count, workspace, shortage
        ):
            column[k] = count
            periods[count] = k
            for h in range(stocks):
                workspace.refillable[h, count] = workspace.max_refill[h, k]
            count += 1
            continue
        has_refill = False
        for h in range(stocks if count > 0 else 0):
            has_refill |= workspace.max_refill[h, k] > 0.0
        if has_refill:
            if column[periods[count - 1]] >= 0:
                for h in range(stocks):
                    workspace.refillable[h, count] = 0.0
                count += 1
            periods[count - 1] = k
            for h in range(stocks):
                workspace.refillable[h, count - 1] += workspace.max_refill[h, k]
    if count == 0:
        return 0.0
    for h in range(stocks):
        for n in range(count):
            k = periods[n]
            workspace.released[h, n] = workspace.outstanding[h, n] = 0.0
            workspace.releasable[h, n] = network.max_release[h, k] if column[k] >= 0 else 0.0
            workspace.brought[h, n] = workspace.slack[h, n] = arrived[h, k]
            workspace.stock_stamp[h, n] = 0
        _find_drain_columns(h, count, workspace)
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
        value, root = network.step_value[f, j, k], column[k] * forms + f
        if visit_stamp[root] != SATURATED:
            tolerance = ROUNDING_SHARE * network.step_demand[row, f, j, k]
            wanted, tail = _augment(network, root, wanted, tolerance, count, stocks, workspace)
            for m in range(tail):
                v = queue[m]
                visit_stamp[v] = SATURATED
                price[v - workspace.node_column[v] * forms, periods[workspace.node_column[v]]] = (
                    value
                )
            for h in range(stocks if tail > 0 else 0):
                for m in range(count):
                    if workspace.stock_stamp[h, m] == workspace.search_count[0]:
                        stock_price[h, periods[m]] = value
                        workspace.stock_stamp[h, m] = SATURATED
            shortage[f, j, k] = wanted
        damage += value * wanted
    # An outstanding tonne costs at most what the stock could still serve and, without refills, at
    # least as much as later on: an equal bound here, and a better one where more comes in.
    for h in range(stocks):
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
def _is_easily_covered(network, row, supply, capacity, k, need):
    """Return whether a greedy heuristic covers all demand in period k: each form is made in the
    quantity that demand and its outputs need."""
    conversions = network.conversion_forms.shape[0]
    for f in range(need.shape[0]):
        need[f] = network.total_demand[row, f, k]
    for f in network.outputs_first:
        missing, tolerance = need[f] - supply[f, k], ROUNDING_SHARE * need[f]
        if missing <= tolerance:
            continue
        for w in range(network.way_start[f], network.plain_way_end[f]):
            c = network.ways[w]
            if c < conversions:
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
    forms, conversions = network.step_value.shape[0], network.conversion_forms.shape[0]
    first_node, is_short = n * forms, False
    for f in range(forms):
        workspace.spare_supply[first_node + f] = supply[f, k]
        workspace.visit_stamp[first_node + f] = 0
    for c in range(conversions):
        workspace.flow[n, c] = 0.0
        workspace.spare_capacity[n, c] = capacity[c, k]
    for w in range(network.period_step_order.shape[2]):
        f, j = network.period_step_order[0, k, w], network.period_step_order[1, k, w]
        wanted, v = network.step_demand[row, f, j, k], first_node + f
        if wanted > 0.0 and workspace.visit_stamp[v] != SATURATED:
            wanted, tail = _augment(
                network, v, wanted, ROUNDING_SHARE * wanted, n + 1, INT_ZERO, workspace
            )
            for m in range(tail):
                workspace.visit_stamp[workspace.queue[m]] = SATURATED
        if wanted > 0.0:
            shortage[f, j, k] = wanted
            is_short = True
    for f in range(forms):
        workspace.visit_stamp[first_node + f] = 0
    return is_short


@compiled
def _remaining_amount(amount, given, scale):
    """Return ``amount - given``; 0 if that is only a rounding error relative to ``scale``."""
    remaining = amount - given
    return remaining if remaining > ROUNDING_SHARE * scale else 0.0


@inlined
def _augment(network, root, wanted, tolerance, count, stocks, workspace):
    """Bring ``wanted`` tonnes to node ``root``, where the first ``stocks`` stocks may be used.

    Return the tonnes that are still missing. If these are more than rounding, also return the
    number of nodes in the queue that can get no more.
    """
    for _ in range(8 * (count + 1) * (network.step_value.shape[0] + stocks)):
        first_node, h, tail = _find_augmenting_path(network, root, count, stocks, workspace)
        if first_node < 0:
            return wanted, tail
        wanted -= _push_flow(network, root, first_node, h, wanted, count, workspace)
        if wanted <= tolerance:
            return 0.0, 0
    return wanted, 0


@inlined
def _visit_node(network, v, n, f, way, back, stocks, queue_end, workspace):
    """Append node v, which is form f in column n, to the queue. It was reached by arc ``way`` from
    node ``back``.

    Return what can feed the node at once: -1 for its supply, h for stock h, -2 for nothing.
    """
    workspace.visit_stamp[v] = workspace.search_count[0]
    workspace.entry_way[v] = way
    workspace.predecessor[v] = back
    workspace.queue[queue_end] = v
    if workspace.spare_supply[v] > 0.0:
        return -1
    for w in range(network.plain_way_end[f], network.way_start[f + 1] if stocks > 0 else 0):
        h = network.ways[w] - 2 * network.conversion_forms.shape[0]
        if workspace.drain_column[h, n] >= 0 and workspace.releasable[h, n] > 0.0:
            return h
    return -2


@inlined
def _find_augmenting_path(network, root, count, stocks, workspace):
    """Search breadth-first for the shortest path from a source to node ``root``.

    Return the first node of the path, its source (-1 for supply, h for stock h), and the length of
    the queue. Without a path the first node is -1; then the queue contains all nodes that could
    feed the root, and the stocks that could feed it are stamped.
    """
    forms, conversions = network.step_value.shape[0], network.conversion_forms.shape[0]
    visit_stamp, stock_stamp = workspace.visit_stamp, workspace.stock_stamp
    workspace.search_count[0] += 1
    stamp = workspace.search_count[0]
    n = workspace.node_column[root]
    source = _visit_node(
        network, root, n, root - n * forms, INT_ZERO, root, stocks, INT_ZERO, workspace
    )
    if source > -2:
        return root, source, 1
    head, tail = INT_ZERO, INT_ZERO + 1
    while head < tail:
        v = workspace.queue[head]
        head += 1
        n = workspace.node_column[v]
        f = v - n * forms
        for w in range(network.way_start[f], network.plain_way_end[f]):
            way = network.ways[w]
            if way < conversions:
                amount, g = workspace.spare_capacity[n, way], network.conversion_forms[way, 0]
            else:
                amount, g = (
                    workspace.flow[n, way - conversions],
                    network.conversion_forms[way - conversions, 1],
                )
            u = n * forms + g
            if amount > 0.0 and visit_stamp[u] < stamp:
                source = _visit_node(network, u, n, g, way, v, stocks, tail, workspace)
                tail += 1
                if source > -2:
                    return u, source, tail
        for w in range(network.plain_way_end[f], network.way_start[f + 1] if stocks > 0 else 0):
            h = network.ways[w] - 2 * conversions
            if stock_stamp[h, n] >= stamp or workspace.releasable[h, n] <= 0.0:
                continue
            m, step = n, 1
            while step:  # forward to the first column without slack, then backward
                stock_stamp[h, m] = stamp
                u = m * forms + f
                if workspace.released[h, m] > 0.0 and visit_stamp[u] < stamp:
                    source = _visit_node(
                        network, u, m, f, network.ways[w], v, stocks, tail, workspace
                    )
                    tail += 1
                    if source > -2:
                        return u, source, tail
                if step > 0 and (
                    m + 1 == count or workspace.slack[h, m] <= 0.0 or stock_stamp[h, m + 1] >= stamp
                ):
                    m, step = n, -1
                if step < 0 and (
                    m == 0
                    or workspace.outstanding[h, m - 1] <= 0.0
                    or stock_stamp[h, m - 1] >= stamp
                ):
                    step = 0
                m += step
    return -1, -2, tail


@inlined
def _push_flow(network, root, end, h, wanted, count, workspace):
    """Push ``wanted`` tonnes, or as much as possible, along the path found. Return the tonnes
    pushed."""
    conversions = network.conversion_forms.shape[0]
    flow, spare_capacity, released, releasable, slack = (
        workspace.flow,
        workspace.spare_capacity,
        workspace.released,
        workspace.releasable,
        workspace.slack,
    )
    entry_way, predecessor, node_column, spare_supply = (
        workspace.entry_way,
        workspace.predecessor,
        workspace.node_column,
        workspace.spare_supply,
    )
    amount = min(wanted, spare_supply[end] if h < 0 else releasable[h, node_column[end]])
    drain_column = workspace.drain_column[h, node_column[end]] if h >= 0 else count
    for m in range(node_column[end], drain_column if h >= 0 else 0):
        amount = min(amount, slack[h, m])
    if drain_column < count:
        amount = min(amount, workspace.refillable[h, drain_column])
    v = end
    while v != root:
        arc, next_node, n = entry_way[v], predecessor[v], node_column[v]
        if arc < conversions:
            amount = min(amount, spare_capacity[n, arc])
        elif arc < 2 * conversions:
            amount = min(amount, flow[n, arc - conversions])
        else:
            g, i = arc - 2 * conversions, node_column[next_node]
            amount = min(amount, released[g, n], releasable[g, i])
            for m in range(i, n):
                amount = min(amount, slack[g, m])
            for m in range(n, i):
                amount = min(amount, workspace.outstanding[g, m])
        v = next_node
    if h < 0:
        spare_supply[end] = _remaining_amount(spare_supply[end], amount, spare_supply[end])
    else:
        _release_stock(h, node_column[end], drain_column, amount, workspace)
        if drain_column < count:
            workspace.refillable[h, drain_column] = _remaining_amount(
                workspace.refillable[h, drain_column],
                amount,
                workspace.refillable[h, drain_column] + amount,
            )
        _find_drain_columns(h, count, workspace)
    v = end
    while v != root:
        arc, next_node, n = entry_way[v], predecessor[v], node_column[v]
        if arc < conversions:
            flow[n, arc] += amount
            spare_capacity[n, arc] = _remaining_amount(
                spare_capacity[n, arc], amount, spare_capacity[n, arc] + flow[n, arc] - amount
            )
        elif arc < 2 * conversions:
            c = arc - conversions
            spare_capacity[n, c] += amount
            flow[n, c] = _remaining_amount(flow[n, c], amount, flow[n, c])
        else:
            g, i = arc - 2 * conversions, node_column[next_node]
            _release_stock(g, i, n, amount, workspace)
            releasable[g, n] += amount
            released[g, n] = _remaining_amount(released[g, n], amount, released[g, n])
            for m in range(n, i):
                slack[g, m] += amount
                workspace.outstanding[g, m] = _remaining_amount(
                    workspace.outstanding[g, m], amount, workspace.brought[g, m]
                )
        v = next_node
    return amount


@inlined
def _release_stock(h, n, end, given, workspace):
    """Release ``given`` tonnes of stock h in column n. In column ``end`` they are refilled, or the
    release of another column is reduced."""
    workspace.releasable[h, n] = _remaining_amount(
        workspace.releasable[h, n], given, workspace.releasable[h, n] + workspace.released[h, n]
    )
    workspace.released[h, n] += given
    for m in range(n, end):
        workspace.slack[h, m] = _remaining_amount(
            workspace.slack[h, m], given, workspace.brought[h, m]
        )
        workspace.outstanding[h, m] += given


@inlined
def _find_drain_columns(h, count, workspace):
    """Set for each column the column in which a release of stock h is refilled.

    It is the first column with remaining refill; ``count`` if there is none; -1 if slack runs out
    before it.
    """
    drain = count
    for n in range(count - 1, -1, -1):
        if workspace.slack[h, n] <= 0.0:
            drain = -1
        if workspace.refillable[h, n] > 0.0:
            drain = n
        workspace.drain_column[h, n] = drain
