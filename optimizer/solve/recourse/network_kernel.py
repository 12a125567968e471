"""Recourse of a chain of materials in one state, compiled: what is missing, and what all was worth.

Where each conversion takes in one form and all ways between two forms have one product of ratios,
all is counted in contained, first-period tonnes, and no arc of the network over forms and periods
gains or loses. What its sources can bring to a set of sinks is then a polymatroid (Megiddo 1974):
serving the steps of demand by falling value is optimal (Edmonds 1970), provided that what was
brought before may take another way. The ways are augmenting paths, the shortest first.

What a period gets from its own supply, with its own plants, is settled first. Supply cannot be
kept, and more sources never lower what a sink can get on top of others (Shapley 1961), so that no
step of greater value would take it back. Only periods still short then compete for stock. By the
end of a period no more of a stock is released than has come in; a period can get more if, from
then on, there is always some left, or in exchange for a release up to the first time there is not.

What is gone of a stock comes back in covered periods: as much as can at once, for it could be of
no more use later (what is gone only stands in the way of releases). What is gone is carried from
column to column, up to what has come in, and *drains* where it comes back; no arc of that gains or
loses. A column of a covered period that is not short stands for all of these between two that are.

Where a search fails, the nodes it has seen can get no more, for good: no later path leads through
them. The value of the step it failed for is their potential; the others have none. As values
fall, the potentials form an optimal dual solution, and prove a valid cut at any other supply.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled_with

ROUNDING_SHARE = 1e-12  # shares of a limit below this are rounding
INT_ZERO = np.int64(0)  # a plain 0 would be another type, for which all is compiled once more
SATURATED = 1 << 62  # stamp of a node that can get no more

# Nothing in here allocates. Without numba's counting of references a look takes a third of the
# time, and threads do not wait for each other to count.
compiled = compiled_with(_nrt=False)
# Calls would take as long again. Inlined by LLVM they are compiled in two thirds less time than
# inlined by numba.
inlined = compiled_with(_nrt=False, forceinline=True)


@compiled
def evaluate_network_classes(
    network, workspace, demand_row, inflows, is_open, tonnes_per_lot, exact, available_row, delay, available, running_lots, nameplate, inflow_row,
    is_covered, max_refill, year_of, arrived, initial, empty_retention, empty_form, class_weights, with_subgradients, coverage_tolerance, damage,
    missing_by_step, constant, per_output, per_purchase, per_empty_stock,
):  # fmt: skip
    """Sweep looks of a chain; where a look has no weight in any set it is left out. Rows are the F
    forms, of which supply comes, and behind them the C conversions, of which there is capacity.
    Tonnes are contained, first-period ones.

    row (U): of the limits of the network
    given (U, F+C, K): lots without projects; open_ (U, K): periods in which anything can be missing
    unit (F+C, K): tonnes in a lot; exact (F, J, K): value of ``network`` to the last digit
    pattern, delay (U, P): row of ``available`` (R, K) and place of the delay, -1 where it fails
    running (P, D, K), plate (P): lots that arrive undisturbed by delay, and at full nameplate
    back (U, F, K), refill (H, K): 1 in covered periods, else 0, and tonnes that come back in these
    arrived (H, K), initial (H): tonnes that have come in by then, and that were there before
    idle, idle_form (I): share that stocks which hold nothing keep over a period, and their forms
    chance (W, U): weights of the looks; ``priced`` asks for the last four
    covered: share of demand below which a shortage is rounding; into (P): row a project adds to
    damage (U), short (U, F, J, K): set, the latter in lots and if not empty
    constant (W), per_output (W, P, D, Y), per_purchase (W, H, K) by tonnes that come in, per_idle
        (W, I, K) by lots of the period itself: added to, as ``sweep_looks`` has them
    """
    forms, steps, length = network.step_value.shape
    conversions, stocks = network.conversion_forms.shape[0], network.stock_form.shape[0]
    rows, gain, worth, shortage, price = (
        workspace.inflows,
        workspace.row_value,
        workspace.stock_price,
        workspace.shortage,
        workspace.form_price,
    )
    for u in range(inflows.shape[0]):
        asked = False
        for w in range(class_weights.shape[0]):
            asked |= class_weights[w, u] > 0.0
        if not asked:
            continue
        own = demand_row[u]
        for k in range(length):
            for r in range(forms + conversions):
                calm = (
                    network.total_demand[own, r, k] if r < forms else 0.0
                )  # anything that covers demand
                rows[r, k] = inflows[u, r, k] * tonnes_per_lot[r, k] if is_open[u, k] else calm
        for p in range(inflow_row.shape[0]):
            r, d = inflow_row[p], delay[u, p]
            for k in range(length if d >= 0 else 0):
                if is_open[u, k]:
                    rows[r, k] += (
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
            network, own, rows[:forms], rows[forms:], arrived, workspace, shortage, price, worth
        )
        total = 0.0
        for k in range(length):
            for f in range(forms if workspace.column[k] >= 0 else 0):
                for j in range(steps):
                    if shortage[f, j, k] > coverage_tolerance * network.total_demand[own, f, k]:
                        damage[u] += exact[f, j, k] * shortage[f, j, k]
                        if missing_by_step.size:
                            missing_by_step[u, f, j, k] = shortage[f, j, k] / tonnes_per_lot[f, k]
            if with_subgradients and workspace.column[k] >= 0:
                total += _period_dual_bound(
                    network, own, inflows[u], k, tonnes_per_lot, exact, workspace
                )
        if not with_subgradients:
            continue
        for h in range(stocks):
            total -= initial[h] * workspace.arrival_value[h, 0]
            for k in range(length):
                total -= workspace.max_refill[h, k] * worth[h, k]
        for w in range(class_weights.shape[0]):
            weight = class_weights[w, u]
            if weight <= 0.0:
                continue
            constant[w] += weight * total
            for p in range(inflow_row.shape[0]):
                r, d = inflow_row[p], delay[u, p]
                for k in range(length if d >= 0 else 0):
                    if workspace.column[k] >= 0:
                        lots = nameplate[p] * available[available_row[u, p], k]
                        per_output[w, p, d, year_of[k]] += weight * gain[r, k] * lots
            for h in range(stocks):
                for k in range(length):
                    per_purchase[w, h, k] += weight * workspace.arrival_value[h, k]
            for i in range(empty_retention.shape[0]):
                # A lot would go where it is worth most, now or later.
                best, f = 0.0, empty_form[i]
                for k in range(length - 1, -1, -1):
                    best = max(best * empty_retention[i], price[f, k] * tonnes_per_lot[f, k])
                    per_empty_stock[w, i, k] += weight * best


@inlined
def _period_dual_bound(network, row, inflows, k, tonnes_per_lot, exact, workspace):
    """What potentials prove of period k, of projects and stocks that come in nothing; ``gain`` is
    set to what a lot of each row is worth."""
    forms, steps, _ = network.step_value.shape
    price, worth, gain, proven = (
        workspace.form_price,
        workspace.stock_price,
        workspace.row_value,
        0.0,
    )
    for f in range(forms):
        gain[f, k] = price[f, k] * tonnes_per_lot[f, k]
        if price[f, k] > 0.0:
            proven += price[f, k] * network.total_demand[row, f, k] - gain[f, k] * inflows[f, k]
            for j in range(steps):
                proven -= network.step_demand[row, f, j, k] * max(0.0, price[f, k] - exact[f, j, k])
    for c in range(network.conversion_forms.shape[0]):
        over = price[network.conversion_forms[c, 1], k] - price[network.conversion_forms[c, 0], k]
        gain[forms + c, k] = max(0.0, over) * tonnes_per_lot[forms + c, k]
        proven -= gain[forms + c, k] * inflows[forms + c, k]
    for h in range(network.stock_form.shape[0]):
        proven -= network.max_release[h, k] * max(
            0.0, price[network.stock_form[h], k] - worth[h, k]
        )
    return proven


@compiled
def solve_network(network, row, supply, capacity, arrived, workspace, shortage, price, worth):
    """Serve the demand of a chain in one look as well as can be; returns the damage.

    All amounts are contained, first-period tonnes, and finite (1e300 stands for no limit).

    row: of the limits that hold
    supply (F, K), capacity (C, K): of the look; what comes of forms by itself, limits of output
    arrived (H, K): come into stocks by the end of each period, all of it; never falls
    shortage (F, J, K), price (F, K), worth (H, K): set; tonnes missing, and potentials of a tonne
        of a form and of one that is gone of a stock. ``workspace.max_refill`` (H, K) tells what comes back at
        most, ``workspace.arrival_value`` (H, K) is set to what a tonne of stock that comes in by then is worth:
        the sum of all falls of worth from then on, so worth itself where nothing comes back, which
        then never rises. At any supply, capacity and arrivals damage is at least, and here just,
        the sum over periods of::

            sum_f price (total - supply) - sum_fj limit max(0, price - value)
            - sum_c capacity max(0, price[made] - price[taken in])
            - sum_h (most max(0, price[form] - worth) + drain worth)
            - sum_h buys (arrived - arrived before)
    """
    forms, _, length = network.step_value.shape
    stocks = network.stock_form.shape[0]
    periods, column, seen, queue = (
        workspace.periods,
        workspace.column,
        workspace.visit_stamp,
        workspace.queue,
    )
    shortage[:] = 0.0
    price[:] = 0.0
    worth[:] = 0.0
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
        drains = False
        for h in range(stocks if count > 0 else 0):
            drains |= workspace.max_refill[h, k] > 0.0
        if drains:
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
    for place in range(network.step_order.shape[1]):
        f, j, k = (
            network.step_order[0, place],
            network.step_order[1, place],
            network.step_order[2, place],
        )
        wanted = shortage[f, j, k]
        if wanted <= 0.0:
            continue
        value, root = network.step_value[f, j, k], column[k] * forms + f
        if seen[root] != SATURATED:
            least = ROUNDING_SHARE * network.step_demand[row, f, j, k]
            wanted, tail = _augment(network, root, wanted, least, count, stocks, workspace)
            for m in range(tail):
                v = queue[m]
                seen[v] = SATURATED
                price[v - workspace.node_column[v] * forms, periods[workspace.node_column[v]]] = (
                    value
                )
            for h in range(stocks if tail > 0 else 0):
                for m in range(count):
                    if workspace.stock_stamp[h, m] == workspace.search_count[0]:
                        worth[h, periods[m]] = value
                        workspace.stock_stamp[h, m] = SATURATED
            shortage[f, j, k] = wanted
        damage += value * wanted
    # What is gone costs no more than what the stock could still serve, and where nothing comes back
    # no less than later on: as good a proof here, a better one where more comes in.
    for h in range(stocks):
        dearest, later, between, falls = 0.0, 0.0, 0.0, 0.0
        for k in range(length - 1, -1, -1):
            if column[k] >= 0:
                dearest, between = max(dearest, price[network.stock_form[h], k]), 0.0
            own = max(min(worth[h, k], dearest), between)
            if column[k] < 0:
                between = own  # one column stands for all of these
            if workspace.max_refill[h, k] <= 0.0:
                own = max(own, later)
            falls += max(0.0, own - later)
            worth[h, k], workspace.arrival_value[h, k] = own, falls
            later = own
    return damage


@compiled
def _is_easily_covered(network, row, supply, capacity, k, need):
    """Whether period k is easily served in full: each form made as far as those after it need."""
    conversions = network.conversion_forms.shape[0]
    for f in range(need.shape[0]):
        need[f] = network.total_demand[row, f, k]
    for f in network.outputs_first:
        lacking, least = need[f] - supply[f, k], ROUNDING_SHARE * need[f]
        if lacking <= least:
            continue
        for w in range(network.way_start[f], network.plain_way_end[f]):
            c = network.ways[w]
            if c < conversions:
                part = min(lacking, capacity[c, k])
                need[network.conversion_forms[c, 0]] += part
                lacking -= part
        if lacking > least:
            return False
    return True


@compiled
def _serve_from_period_supply(network, row, supply, capacity, k, n, workspace, shortage):
    """Serve period k from its own supply, in column n; whether something is missing."""
    forms, conversions = network.step_value.shape[0], network.conversion_forms.shape[0]
    start, short = n * forms, False
    for f in range(forms):
        workspace.spare_supply[start + f] = supply[f, k]
        workspace.visit_stamp[start + f] = 0
    for c in range(conversions):
        workspace.flow[n, c] = 0.0
        workspace.spare_capacity[n, c] = capacity[c, k]
    for w in range(network.period_step_order.shape[2]):
        f, j = network.period_step_order[0, k, w], network.period_step_order[1, k, w]
        wanted, v = network.step_demand[row, f, j, k], start + f
        if wanted > 0.0 and workspace.visit_stamp[v] != SATURATED:
            wanted, tail = _augment(
                network, v, wanted, ROUNDING_SHARE * wanted, n + 1, INT_ZERO, workspace
            )
            for m in range(tail):
                workspace.visit_stamp[workspace.queue[m]] = SATURATED
        if wanted > 0.0:
            shortage[f, j, k] = wanted
            short = True
    for f in range(forms):
        workspace.visit_stamp[start + f] = 0
    return short


@compiled
def _remaining_amount(amount, given, scale):
    """What is left of an amount; a rounding error against its scale is nothing."""
    rest = amount - given
    return rest if rest > ROUNDING_SHARE * scale else 0.0


@inlined
def _augment(network, root, wanted, least, count, stocks, workspace):
    """Bring to node ``root`` what it wants, with the first ``stocks`` of all stocks; what it still
    wants then and, if that is more than rounding, how many nodes of the queue can get no more."""
    for _ in range(8 * (count + 1) * (network.step_value.shape[0] + stocks)):
        end, h, tail = _find_augmenting_path(network, root, count, stocks, workspace)
        if end < 0:
            return wanted, tail
        wanted -= _push_flow(network, root, end, h, wanted, count, workspace)
        if wanted <= least:
            return 0.0, 0
    return wanted, 0


@inlined
def _visit_node(network, v, n, f, way, back, stocks, queue_end, workspace):
    """Put node v, of form f in column n, at the tail of the queue, reached by ``way`` from node
    ``back``; what can feed it at once: -1 its supply, h stock h, -2 nothing."""
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
    """The shortest path to node ``root`` from a source, breadth first: the node where it begins,
    what feeds that (-1: supply, h: stock h), and how many nodes the queue holds. Without a path
    the node is -1, the queue holds all that could feed the root, ``reach`` up to where stock can.
    """
    forms, conversions = network.step_value.shape[0], network.conversion_forms.shape[0]
    seen, level = workspace.visit_stamp, workspace.stock_stamp
    workspace.search_count[0] += 1
    now = workspace.search_count[0]
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
            if amount > 0.0 and seen[u] < now:
                source = _visit_node(network, u, n, g, way, v, stocks, tail, workspace)
                tail += 1
                if source > -2:
                    return u, source, tail
        for w in range(network.plain_way_end[f], network.way_start[f + 1] if stocks > 0 else 0):
            h = network.ways[w] - 2 * conversions
            if level[h, n] >= now or workspace.releasable[h, n] <= 0.0:
                continue
            m, step = n, 1
            while step:  # up to the first column in which all that came in is gone, and back
                level[h, m] = now
                u = m * forms + f
                if workspace.released[h, m] > 0.0 and seen[u] < now:
                    source = _visit_node(
                        network, u, m, f, network.ways[w], v, stocks, tail, workspace
                    )
                    tail += 1
                    if source > -2:
                        return u, source, tail
                if step > 0 and (
                    m + 1 == count or workspace.slack[h, m] <= 0.0 or level[h, m + 1] >= now
                ):
                    m, step = n, -1
                if step < 0 and (
                    m == 0 or workspace.outstanding[h, m - 1] <= 0.0 or level[h, m - 1] >= now
                ):
                    step = 0
                m += step
    return -1, -2, tail


@inlined
def _push_flow(network, root, end, h, wanted, count, workspace):
    """Bring what is wanted, or as much as can be, along the path found; how much."""
    conversions = network.conversion_forms.shape[0]
    flow, free, used, left, slack = (
        workspace.flow,
        workspace.spare_capacity,
        workspace.released,
        workspace.releasable,
        workspace.slack,
    )
    via, back, where, spare = (
        workspace.entry_way,
        workspace.predecessor,
        workspace.node_column,
        workspace.spare_supply,
    )
    given = min(wanted, spare[end] if h < 0 else left[h, where[end]])
    out = workspace.drain_column[h, where[end]] if h >= 0 else count
    for m in range(where[end], out if h >= 0 else 0):
        given = min(given, slack[h, m])
    if out < count:
        given = min(given, workspace.refillable[h, out])
    v = end
    while v != root:
        way, to, n = via[v], back[v], where[v]
        if way < conversions:
            given = min(given, free[n, way])
        elif way < 2 * conversions:
            given = min(given, flow[n, way - conversions])
        else:
            g, i = way - 2 * conversions, where[to]
            given = min(given, used[g, n], left[g, i])
            for m in range(i, n):
                given = min(given, slack[g, m])
            for m in range(n, i):
                given = min(given, workspace.outstanding[g, m])
        v = to
    if h < 0:
        spare[end] = _remaining_amount(spare[end], given, spare[end])
    else:
        _release_stock(h, where[end], out, given, workspace)
        if out < count:
            workspace.refillable[h, out] = _remaining_amount(
                workspace.refillable[h, out], given, workspace.refillable[h, out] + given
            )
        _find_drain_columns(h, count, workspace)
    v = end
    while v != root:
        way, to, n = via[v], back[v], where[v]
        if way < conversions:
            flow[n, way] += given
            free[n, way] = _remaining_amount(
                free[n, way], given, free[n, way] + flow[n, way] - given
            )
        elif way < 2 * conversions:
            c = way - conversions
            free[n, c] += given
            flow[n, c] = _remaining_amount(flow[n, c], given, flow[n, c])
        else:
            g, i = way - 2 * conversions, where[to]
            _release_stock(g, i, n, given, workspace)
            left[g, n] += given
            used[g, n] = _remaining_amount(used[g, n], given, used[g, n])
            for m in range(n, i):
                slack[g, m] += given
                workspace.outstanding[g, m] = _remaining_amount(
                    workspace.outstanding[g, m], given, workspace.brought[g, m]
                )
        v = to
    return given


@inlined
def _release_stock(h, n, end, given, workspace):
    """Release of stock h in column n what is no longer gone, or released, in column ``end``."""
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
    """Set, for each column, where what is released of stock h in it leaves what is gone: the first
    column in which more can come back, ``count`` where it stays gone, -1 where neither can be."""
    out = count
    for n in range(count - 1, -1, -1):
        if workspace.slack[h, n] <= 0.0:
            out = -1
        if workspace.refillable[h, n] > 0.0:
            out = n
        workspace.drain_column[h, n] = out
