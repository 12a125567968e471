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
