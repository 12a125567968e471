"""Compiled recourse of one node in one state class, and augmenting paths in the network of a chain.

Stock is counted in first-period lots: a lot released in period k uses ``retention ** -k`` of them.
The possible releases of a stock then form a polymatroid: the releases up to the end of a period are
at most what has come in until then, and the release in a period is at most its limit. The releases
of several stocks that lose at the same rate form the sum of these polymatroids. It is therefore
optimal to serve shortages by descending value (Edmonds 1970), provided that earlier releases may be
exchanged between stocks (matroid union, Edmonds 1968).

The latest deliveries are released first. They can serve the fewest periods, so such a release never
blocks another shortage. A period can get more if there is a delivery before it that is not used up;
the last such delivery is found with a disjoint-set forest (Tarjan 1975).

If the search for an exchange fails, it has found a set of periods that can get no more. The value
of the shortage for which it failed becomes the price of these periods, and of the stock that has
come in up to the last full prefix of each stock that the search reached. Since values descend, a
price that is set remains; the prices form an optimal dual solution. Any prices of stock that never
rise over time yield a valid cut.

Here ``k`` is a period, and ``i``, ``n`` and ``donor`` are positions among the short periods.
"""

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
def remaining_amount(amount, given, scale):
    """Return ``amount - given``; 0 if that is only a rounding error relative to ``scale``."""
    remaining = amount - given
    return remaining if remaining > ROUNDING_SHARE * scale else 0.0


@inlined
def augment(network, root, wanted, tolerance, column_count, stock_count, workspace):
    """Bring ``wanted`` tonnes to node ``root``. The first ``stock_count`` stocks may be used.

    Return the tonnes that are still missing (0 if these are within ``tolerance``), and the number
    of nodes in the queue that can get no more. This number is 0 unless a search found no path.
    """
    for _ in range(8 * (column_count + 1) * (network.step_value.shape[0] + stock_count)):
        first_node, h, tail = find_augmenting_path(
            network, root, column_count, stock_count, workspace
        )
        if first_node < 0:
            return wanted, tail
        wanted -= push_flow(network, root, first_node, h, wanted, column_count, workspace)
        if wanted <= tolerance:
            return 0.0, 0
    return wanted, 0


@inlined
def visit_node(network, v, n, f, arc, next_node, stock_count, queue_end, workspace):
    """Append node v, which is form f in column n, to the queue. The arc leads from it to
    ``next_node``, from which the search came.

    Return what can feed the node at once: -1 for its supply, h for stock h, -2 for nothing.
    """
    workspace.visit_stamp[v] = workspace.search_count[0]
    workspace.entry_arc[v] = arc
    workspace.predecessor[v] = next_node
    workspace.queue[queue_end] = v
    if workspace.spare_supply[v] > 0.0:
        return -1
    for w in range(network.plain_arc_end[f], network.arc_start[f + 1] if stock_count > 0 else 0):
        h = network.arcs[w] - 2 * network.conversion_forms.shape[0]
        if workspace.drain_column[h, n] >= 0 and workspace.releasable[h, n] > 0.0:
            return h
    return -2


@inlined
def find_augmenting_path(network, root, column_count, stock_count, workspace):
    """Search breadth-first for the shortest path from a source to node ``root``.

    Return the first node of the path, its source (-1 for supply, h for stock h), and the length of
    the queue. Without a path the first node is -1; then the queue contains all nodes that could
    feed the root, and the stocks that could feed it are stamped.
    """
    form_count, conversion_count = network.step_value.shape[0], network.conversion_forms.shape[0]
    visit_stamp, stock_stamp = workspace.visit_stamp, workspace.stock_stamp
    workspace.search_count[0] += 1
    stamp = workspace.search_count[0]
    n = workspace.node_column[root]
    source = visit_node(
        network, root, n, root - n * form_count, INT_ZERO, root, stock_count, INT_ZERO, workspace
    )
    if source > -2:
        return root, source, 1
    head, tail = INT_ZERO, INT_ZERO + 1
    while head < tail:
        v = workspace.queue[head]
        head += 1
        n = workspace.node_column[v]
        f = v - n * form_count
        for w in range(network.arc_start[f], network.plain_arc_end[f]):
            arc = network.arcs[w]
            if arc < conversion_count:
                amount, g = workspace.spare_capacity[n, arc], network.conversion_forms[arc, 0]
            else:
                amount, g = (
                    workspace.flow[n, arc - conversion_count],
                    network.conversion_forms[arc - conversion_count, 1],
                )
            u = n * form_count + g
            if amount > 0.0 and visit_stamp[u] < stamp:
                source = visit_node(network, u, n, g, arc, v, stock_count, tail, workspace)
                tail += 1
                if source > -2:
                    return u, source, tail
        for w in range(
            network.plain_arc_end[f], network.arc_start[f + 1] if stock_count > 0 else 0
        ):
            h = network.arcs[w] - 2 * conversion_count
            if stock_stamp[h, n] >= stamp or workspace.releasable[h, n] <= 0.0:
                continue
            m, step = n, 1
            while step:  # forward to the first column without slack, then backward
                stock_stamp[h, m] = stamp
                u = m * form_count + f
                if workspace.released[h, m] > 0.0 and visit_stamp[u] < stamp:
                    source = visit_node(
                        network, u, m, f, network.arcs[w], v, stock_count, tail, workspace
                    )
                    tail += 1
                    if source > -2:
                        return u, source, tail
                if step > 0 and (
                    m + 1 == column_count
                    or workspace.slack[h, m] <= 0.0
                    or stock_stamp[h, m + 1] >= stamp
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
def push_flow(network, root, start, h, wanted, column_count, workspace):
    """Push ``wanted`` tonnes, or as much as possible, along the path that starts at node ``start``,
    from its supply (h = -1) or from stock h. Return the tonnes pushed."""
    conversion_count = network.conversion_forms.shape[0]
    flow, spare_capacity, released, releasable, slack = (
        workspace.flow,
        workspace.spare_capacity,
        workspace.released,
        workspace.releasable,
        workspace.slack,
    )
    entry_arc, predecessor, node_column, spare_supply = (
        workspace.entry_arc,
        workspace.predecessor,
        workspace.node_column,
        workspace.spare_supply,
    )
    amount = min(wanted, spare_supply[start] if h < 0 else releasable[h, node_column[start]])
    drain_column = workspace.drain_column[h, node_column[start]] if h >= 0 else column_count
    for m in range(node_column[start], drain_column if h >= 0 else 0):
        amount = min(amount, slack[h, m])
    if drain_column < column_count:
        amount = min(amount, workspace.refillable[h, drain_column])
    v = start
    while v != root:
        arc, next_node, n = entry_arc[v], predecessor[v], node_column[v]
        if arc < conversion_count:
            amount = min(amount, spare_capacity[n, arc])
        elif arc < 2 * conversion_count:
            amount = min(amount, flow[n, arc - conversion_count])
        else:
            g, i = arc - 2 * conversion_count, node_column[next_node]
            amount = min(amount, released[g, n], releasable[g, i])
            for m in range(i, n):
                amount = min(amount, slack[g, m])
            for m in range(n, i):
                amount = min(amount, workspace.outstanding[g, m])
        v = next_node
    if h < 0:
        spare_supply[start] = remaining_amount(spare_supply[start], amount, spare_supply[start])
    else:
        release_stock(h, node_column[start], drain_column, amount, workspace)
        if drain_column < column_count:
            workspace.refillable[h, drain_column] = remaining_amount(
                workspace.refillable[h, drain_column],
                amount,
                workspace.refillable[h, drain_column] + amount,
            )
        find_drain_columns(h, column_count, workspace)
    v = start
    while v != root:
        arc, next_node, n = entry_arc[v], predecessor[v], node_column[v]
        if arc < conversion_count:
            flow[n, arc] += amount
            spare_capacity[n, arc] = remaining_amount(
                spare_capacity[n, arc], amount, spare_capacity[n, arc] + flow[n, arc] - amount
            )
        elif arc < 2 * conversion_count:
            c = arc - conversion_count
            spare_capacity[n, c] += amount
            flow[n, c] = remaining_amount(flow[n, c], amount, flow[n, c])
        else:
            g, i = arc - 2 * conversion_count, node_column[next_node]
            release_stock(g, i, n, amount, workspace)
            releasable[g, n] += amount
            released[g, n] = remaining_amount(released[g, n], amount, released[g, n])
            for m in range(n, i):
                slack[g, m] += amount
                workspace.outstanding[g, m] = remaining_amount(
                    workspace.outstanding[g, m], amount, workspace.brought[g, m]
                )
        v = next_node
    return amount


@inlined
def release_stock(h, n, end, given, workspace):
    """Release ``given`` tonnes of stock h in column n. In column ``end`` they are refilled, or its
    release is reduced by as much."""
    workspace.releasable[h, n] = remaining_amount(
        workspace.releasable[h, n], given, workspace.releasable[h, n] + workspace.released[h, n]
    )
    workspace.released[h, n] += given
    for m in range(n, end):
        workspace.slack[h, m] = remaining_amount(
            workspace.slack[h, m], given, workspace.brought[h, m]
        )
        workspace.outstanding[h, m] += given


@inlined
def find_drain_columns(h, column_count, workspace):
    """Set for each column the column in which a release of stock h is refilled.

    It is the first column from there on with remaining refill; ``column_count`` if there is none;
    -1 if slack runs out before.
    """
    drain = column_count
    for n in range(column_count - 1, -1, -1):
        if workspace.slack[h, n] <= 0.0:
            drain = -1
        if workspace.refillable[h, n] > 0.0:
            drain = n
        workspace.drain_column[h, n] = drain


BIT_POSITION = np.zeros(37, dtype=np.int64)  # exponent of a power of two, by its remainder mod 37
for _bit in range(32):
    BIT_POSITION[(1 << _bit) % 37] = _bit


# Nothing here allocates; without reference counting, run time falls by up to a half.


@compiled
def allocate_shortage(uncovered, step_limit, row, k, shortage, column):
    """Allocate the uncovered demand of period k to the damage steps, least damage first.

    The limits of the steps are in row ``row`` of ``step_limit`` (N, J, K), in the order of
    descending damage. The result is written to column ``column`` of ``shortage``.
    """
    remaining = uncovered
    for j in range(step_limit.shape[1] - 1, -1, -1):
        amount = min(remaining, step_limit[row, j, k])
        shortage[j, column] = amount
        remaining -= amount


@compiled
def allocate_stocks(
    short_count, periods, period_position, order, rank, value, arrived, max_release, kept_share,
    shortage, released_lots, releasable, lots_left, delivery_parent, last_served, price,
    stock_value, visited, queue, exchange_stock, exchange_target, full_prefix, known_full_prefix,
    change, short_bits,
):  # fmt: skip
    """Release stocks to shortages, in place, and compute dual prices.

    short_count, periods, period_position (K): number of short periods, these periods, and the
        position of each period among them
    order (2, J*K), rank, value (J, K): pairs of a step and a period by descending value of a
        first-period lot, the rank of each pair, and the values
    arrived, max_release (H, K): cumulative first-period lots by the end of a period; release limit
    kept_share (K): share that is left of a lot of the first period
    shortage (J, short_count): missing lots, before the releases on entry and after them on return
    price (short_count), stock_value (H, short_count): set to the marginal value of a first-period
        lot of demand and of stock
    released_lots, releasable, lots_left, delivery_parent, last_served (H, K): lots released;
        remaining release; remainder of each delivery; parents in the disjoint-set forest of
        deliveries; last period served from each delivery

    All other arguments are work arrays.
    """
    stock_count = arrived.shape[0]
    for h in range(stock_count):
        for i in range(short_count):
            releasable[h, i] = max_release[h, periods[i]]
            released_lots[h, i] = 0.0
            stock_value[h, i] = -1.0
        known_full_prefix[h] = -1
        _reset_stock(h, short_count, periods, arrived, lots_left, delivery_parent, last_served)
    for i in range(short_count):
        price[i] = -1.0
    unpriced = short_count
    # Only few steps and periods are short: a bit set marks them by their rank.
    for w in range(short_bits.shape[0]):
        short_bits[w] = 0
    for i in range(short_count):
        for j in range(shortage.shape[0]):
            if shortage[j, i] > 0.0:
                position = rank[j, periods[i]]
                short_bits[position >> 5] |= 1 << (position & 31)
    word, position = 0, 0
    while unpriced > 0:
        while word < short_bits.shape[0] and short_bits[word] == 0:
            word += 1
        if word == short_bits.shape[0]:
            break
        lowest = short_bits[word] & -short_bits[word]
        short_bits[word] ^= lowest
        position = word * 32 + BIT_POSITION[lowest % 37]
        k = order[1, position]
        i = period_position[k]
        if price[i] >= 0.0:
            continue
        j = order[0, position]
        wanted = shortage[j, i] / kept_share[k]
        tolerance = wanted * ROUNDING_SHARE
        for h in range(stock_count):
            released = _release_latest(
                h,
                i,
                min(wanted, releasable[h, i]),
                periods,
                arrived,
                lots_left,
                delivery_parent,
                last_served,
            )
            if released > 0.0:
                wanted -= released
                _record_release(h, i, released, periods, released_lots, releasable, max_release)
                if wanted <= tolerance:
                    break
        moves = 0
        while wanted > tolerance and moves < 8 * short_count * stock_count:
            end = _find_stock_exchange(
                i, short_count, stock_count, released_lots, releasable, delivery_parent,
                last_served, visited, queue, exchange_stock, exchange_target, full_prefix,
                known_full_prefix,
            )  # fmt: skip
            if end < 0:
                for n in range(short_count):
                    if visited[n] and price[n] < 0.0:
                        price[n] = value[j, k]
                        unpriced -= 1
                for h in range(stock_count):
                    for n in range(known_full_prefix[h] + 1, full_prefix[h] + 1):
                        stock_value[h, n] = value[j, k]
                    known_full_prefix[h] = full_prefix[h]
                break
            moves += 1
            released = _apply_stock_exchange(
                i, end, wanted, short_count, stock_count, periods, released_lots, releasable,
                lots_left, delivery_parent, last_served, exchange_stock, exchange_target, change,
                arrived, max_release,
            )  # fmt: skip
            if released <= 0.0:
                break
            wanted -= released
        shortage[j, i] = wanted * kept_share[k] if wanted > tolerance else 0.0
    for i in range(short_count):
        price[i] = max(price[i], 0.0)
        for h in range(stock_count):
            stock_value[h, i] = max(stock_value[h, i], 0.0)


@compiled
def _reset_stock(h, short_count, periods, arrived, lots_left, delivery_parent, last_served):
    """Reset stock h to its deliveries, without any releases."""
    earlier_lots = 0.0
    for i in range(short_count):
        arrived_lots = arrived[h, periods[i]]
        delivered = arrived_lots - earlier_lots
        earlier_lots = arrived_lots
        if delivered <= ROUNDING_SHARE * arrived_lots:
            delivered = 0.0
        lots_left[h, i] = delivered
        delivery_parent[h, i] = i if delivered > 0.0 else i - 1
        last_served[h, i] = -1


@compiled
def _last_delivery(h, i, delivery_parent):
    """Return the last delivery of stock h up to short period i that is not used up; -1 if there is
    none."""
    root = i
    while root >= 0 and delivery_parent[h, root] != root:
        root = delivery_parent[h, root]
    while i >= 0 and i != root:
        next_delivery = delivery_parent[h, i]
        delivery_parent[h, i] = root
        i = next_delivery
    return root


@compiled
def _release_latest(h, i, wanted, periods, arrived, lots_left, delivery_parent, last_served):
    """Release up to ``wanted`` lots of stock h for short period i, from the latest deliveries.
    Return the lots released."""
    released = 0.0
    while wanted > released:
        delivery = _last_delivery(h, i, delivery_parent)
        if delivery < 0:
            break
        amount = min(wanted - released, lots_left[h, delivery])
        released += amount
        lots_left[h, delivery] -= amount
        last_served[h, delivery] = max(last_served[h, delivery], i)
        if lots_left[h, delivery] <= ROUNDING_SHARE * arrived[h, periods[delivery]]:
            lots_left[h, delivery] = 0.0
            delivery_parent[h, delivery] = delivery - 1
        if amount <= 0.0:
            break
    return released


@compiled
def _record_release(h, i, lots, periods, released_lots, releasable, max_release):
    """Record a release of ``lots`` lots of stock h in short period i."""
    released_lots[h, i] += lots
    releasable[h, i] -= lots
    if releasable[h, i] <= ROUNDING_SHARE * max_release[h, periods[i]]:
        releasable[h, i] = 0.0


@compiled
def _find_stock_exchange(
    i, short_count, stock_count, released_lots, releasable, delivery_parent, last_served, visited,
    queue, exchange_stock, exchange_target, full_prefix, known_full_prefix,
):  # fmt: skip
    """Search breadth-first for a chain of exchanges between stocks by which period i gets more.

    If one exists, return ``h * short_count + n``, where stock h can release more in period n at the
    end of the chain. Otherwise return -1; then ``visited`` marks the periods that can get no more,
    and ``full_prefix`` is the full prefix of each stock. Prefixes up to ``known_full_prefix`` were
    found to be full earlier and remain so.
    """
    for n in range(short_count):
        visited[n] = False
    for h in range(stock_count):
        full_prefix[h] = known_full_prefix[h]
    visited[i] = True
    exchange_stock[i] = -1
    queue[0] = i
    head, tail = 0, 1
    while head < tail:
        n = queue[head]
        head += 1
        for h in range(stock_count):
            if releasable[h, n] <= 0.0 or n <= full_prefix[h]:
                continue
            if _last_delivery(h, n, delivery_parent) >= 0:
                return h * short_count + n
            # All deliveries up to n are used up, some of them later: extend to the full prefix.
            full_end, checked = n, full_prefix[h] + 1
            while checked <= full_end:
                full_end = max(full_end, last_served[h, checked])
                checked += 1
            for donor in range(full_prefix[h] + 1, full_end + 1):
                if released_lots[h, donor] > 0.0 and not visited[donor]:
                    visited[donor] = True
                    exchange_stock[donor] = h
                    exchange_target[donor] = n
                    queue[tail] = donor
                    tail += 1
            full_prefix[h] = full_end
    return -1


@compiled
def _apply_stock_exchange(
    i, end, wanted, short_count, stock_count, periods, released_lots, releasable, lots_left,
    delivery_parent, last_served, exchange_stock, exchange_target, change, arrived, max_release,
):  # fmt: skip
    """Release lots along the chain of exchanges that ends at ``end``. Return the lots that period i
    gains."""
    for h in range(stock_count):
        for n in range(short_count):
            change[h, n] = 0
    h, n = end // short_count, end % short_count
    amount = min(wanted, releasable[h, n])
    change[h, n] += 1
    while n != i:
        g, target = exchange_stock[n], exchange_target[n]
        amount = min(amount, released_lots[g, n], releasable[g, target])
        change[g, n] -= 1
        change[g, target] += 1
        n = target
    for h in range(stock_count):
        released, net_change = 0.0, 0
        for last in range(short_count):
            released += released_lots[h, last]
            net_change += change[h, last]
            if net_change > 0:
                amount = min(amount, (arrived[h, periods[last]] - released) / net_change)
    if amount <= 0.0:
        return 0.0
    for h in range(stock_count):
        is_changed = False
        for n in range(short_count):
            if change[h, n] != 0:
                is_changed = True
                _record_release(
                    h, n, change[h, n] * amount, periods, released_lots, releasable, max_release
                )
                if released_lots[h, n] <= ROUNDING_SHARE * amount:
                    released_lots[h, n] = 0.0
        if is_changed:
            _reset_stock(h, short_count, periods, arrived, lots_left, delivery_parent, last_served)
            for n in range(short_count):
                if released_lots[h, n] > 0.0:
                    _release_latest(
                        h,
                        n,
                        released_lots[h, n],
                        periods,
                        arrived,
                        lots_left,
                        delivery_parent,
                        last_served,
                    )
    return amount
