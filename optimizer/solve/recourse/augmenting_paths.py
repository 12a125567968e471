"""Augmenting paths in the network of a chain, over which stocks and supply reach a shortage."""

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
def augment(network, root, wanted, tolerance, count, stocks, workspace):
    """Bring ``wanted`` tonnes to node ``root``, where the first ``stocks`` stocks may be used.

    Return the tonnes that are still missing. If these are more than rounding, also return the
    number of nodes in the queue that can get no more.
    """
    for _ in range(8 * (count + 1) * (network.step_value.shape[0] + stocks)):
        first_node, h, tail = find_augmenting_path(network, root, count, stocks, workspace)
        if first_node < 0:
            return wanted, tail
        wanted -= push_flow(network, root, first_node, h, wanted, count, workspace)
        if wanted <= tolerance:
            return 0.0, 0
    return wanted, 0


@inlined
def visit_node(network, v, n, f, way, back, stocks, queue_end, workspace):
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
def find_augmenting_path(network, root, count, stocks, workspace):
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
    source = visit_node(
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
                source = visit_node(network, u, n, g, way, v, stocks, tail, workspace)
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
                    source = visit_node(
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
def push_flow(network, root, end, h, wanted, count, workspace):
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
        spare_supply[end] = remaining_amount(spare_supply[end], amount, spare_supply[end])
    else:
        release_stock(h, node_column[end], drain_column, amount, workspace)
        if drain_column < count:
            workspace.refillable[h, drain_column] = remaining_amount(
                workspace.refillable[h, drain_column],
                amount,
                workspace.refillable[h, drain_column] + amount,
            )
        find_drain_columns(h, count, workspace)
    v = end
    while v != root:
        arc, next_node, n = entry_way[v], predecessor[v], node_column[v]
        if arc < conversions:
            flow[n, arc] += amount
            spare_capacity[n, arc] = remaining_amount(
                spare_capacity[n, arc], amount, spare_capacity[n, arc] + flow[n, arc] - amount
            )
        elif arc < 2 * conversions:
            c = arc - conversions
            spare_capacity[n, c] += amount
            flow[n, c] = remaining_amount(flow[n, c], amount, flow[n, c])
        else:
            g, i = arc - 2 * conversions, node_column[next_node]
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
    """Release ``given`` tonnes of stock h in column n. In column ``end`` they are refilled, or the
    release of another column is reduced."""
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
def find_drain_columns(h, count, workspace):
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
