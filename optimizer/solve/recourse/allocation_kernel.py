"""Compiled recourse of one node in one state class: shortages and their dual prices.

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

BIT_POSITION = np.zeros(37, dtype=np.int64)  # exponent of a power of two, by its remainder mod 37
for _bit in range(32):
    BIT_POSITION[(1 << _bit) % 37] = _bit

ROUNDING_SHARE = 1e-12  # smaller shares of a limit are rounding

# Nothing here allocates; without reference counting, run time falls by up to a half.
compiled = compiled_with(_nrt=False)


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
