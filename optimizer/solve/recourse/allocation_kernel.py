"""Recourse of one node in one state, compiled: what is missing, and what everything was worth.

Stock is counted in first-period lots: a lot released in period k uses ``keep ** -k`` of them.
What a stock can release is then a polymatroid: by the end of each period no more than has come
in, in each period no more than its limit. Several stocks of equal loss form the sum of theirs,
so that giving stock to the shortage of greatest value first is optimal (Edmonds 1970), provided
that what was given before may be moved from one stock to another (matroid union, Edmonds 1968).

What came in last is given first: it can serve the fewest periods, so that nothing given this way
ever stands in the way of another shortage, and to see whether a period can get more is to find
the last delivery before it of which something is left (a disjoint-set forest, Tarjan 1975).

Where a search for such a move fails, it has found a set of periods that can get no more. The
value of the shortage it failed for prices these periods, and the stock that has come in up to
the last full prefix of each stock it reached. As values fall, the first price of each stays; the
prices form an optimal dual solution. Any prices that never rise over time give a valid cut.
"""

import numpy as np

from optimizer.solve.recourse.jit import compiled_with

BIT_POSITION = np.zeros(
    37, dtype=np.int64
)  # place of the only bit in a power of two, by remainder of 37
for _bit in range(32):
    BIT_POSITION[(1 << _bit) % 37] = _bit

ROUNDING_SHARE = 1e-12  # shares of a limit below this are rounding

# Nothing in here allocates: without counted references a look takes down to half of the time.
compiled = compiled_with(_nrt=False)


@compiled
def allocate_shortage(uncovered, step_limit, row, k, shortage, column):
    """What is uncovered in period k falls on the cheapest steps (steps run from dear to cheap), by
    a row of the limits (N, J, K)."""
    rest = uncovered
    for j in range(step_limit.shape[1] - 1, -1, -1):
        part = min(rest, step_limit[row, j, k])
        shortage[j, column] = part
        rest -= part


@compiled
def allocate_stocks(
    count, periods, period_position, order, rank, value, arrived, max_release, kept_share, shortage,
    released_lots, releasable, lots_left, latest_delivery, last_served, price, stock_value, visited, queue, by_stock, by_period, full_prefix,
    known_full_prefix, change, short_bits,
):  # fmt: skip
    """Give stocks to shortages, in place, and price what runs out.

    count, periods, position (K): periods with a shortage, which, and where each stands among them
    order (2, J*K), rank, value (J, K): steps and periods by falling first-period value, the place
        of each in that order, and the value
    arrived, most (H, K): first-period lots in by a period's end; that can be released in it
    keep (K): what a lot of the first period has become
    shortage (J, count): lots missing; on return after release
    price (count), worth (H, count): of a first-period lot of demand and of stock, on return
    used, left, lots, before, furthest (H, K): released; still to be released at most; left of what
        came in since the period before; where to look for more; last period served from it
    All others are room to work in.
    """
    stocks = arrived.shape[0]
    for h in range(stocks):
        for i in range(count):
            releasable[h, i] = max_release[h, periods[i]]
            released_lots[h, i] = 0.0
            stock_value[h, i] = -1.0
        known_full_prefix[h] = -1
        _reset_stock(h, count, periods, arrived, lots_left, latest_delivery, last_served)
    for i in range(count):
        price[i] = -1.0
    unpriced = count
    # Few of all steps and periods are short: a bit for each that is, at its place in the order.
    for n in range(short_bits.shape[0]):
        short_bits[n] = 0
    for i in range(count):
        for j in range(shortage.shape[0]):
            if shortage[j, i] > 0.0:
                place = rank[j, periods[i]]
                short_bits[place >> 5] |= 1 << (place & 31)
    word, place = 0, 0
    while unpriced > 0:
        while word < short_bits.shape[0] and short_bits[word] == 0:
            word += 1
        if word == short_bits.shape[0]:
            break
        lowest = short_bits[word] & -short_bits[word]
        short_bits[word] ^= lowest
        place = word * 32 + BIT_POSITION[lowest % 37]
        k = order[1, place]
        i = period_position[k]
        if price[i] >= 0.0:
            continue
        j = order[0, place]
        wanted = shortage[j, i] / kept_share[k]
        least = wanted * ROUNDING_SHARE
        for h in range(stocks):
            given = _release_latest(
                h,
                i,
                min(wanted, releasable[h, i]),
                periods,
                arrived,
                lots_left,
                latest_delivery,
                last_served,
            )
            if given > 0.0:
                wanted -= given
                _record_release(h, i, given, periods, released_lots, releasable, max_release)
                if wanted <= least:
                    break
        moves = 0
        while wanted > least and moves < 8 * count * stocks:
            end = _find_stock_exchange(i, count, stocks, released_lots, releasable, latest_delivery, last_served, visited, queue,
                          by_stock, by_period, full_prefix, known_full_prefix)  # fmt: skip
            if end < 0:
                for n in range(count):
                    if visited[n] and price[n] < 0.0:
                        price[n] = value[j, k]
                        unpriced -= 1
                for h in range(stocks):
                    for n in range(known_full_prefix[h] + 1, full_prefix[h] + 1):
                        stock_value[h, n] = value[j, k]
                    known_full_prefix[h] = full_prefix[h]
                break
            moves += 1
            given = _apply_stock_exchange(i, end, wanted, count, stocks, periods, released_lots, releasable, lots_left, latest_delivery,
                          last_served, by_stock, by_period, change, arrived, max_release)  # fmt: skip
            if given <= 0.0:
                break
            wanted -= given
        shortage[j, i] = wanted * kept_share[k] if wanted > least else 0.0
    for i in range(count):
        price[i] = max(price[i], 0.0)
        for h in range(stocks):
            stock_value[h, i] = max(stock_value[h, i], 0.0)


@compiled
def _reset_stock(h, count, periods, arrived, lots_left, latest_delivery, last_served):
    """Stock h as it comes in, nothing released."""
    total = 0.0
    for i in range(count):
        now = arrived[h, periods[i]]
        came = now - total
        total = now
        if came <= ROUNDING_SHARE * now:
            came = 0.0
        lots_left[h, i] = came
        latest_delivery[h, i] = i if came > 0.0 else i - 1
        last_served[h, i] = -1


@compiled
def _last_delivery(h, i, latest_delivery):
    """The last delivery up to i of which something is left, -1 without any."""
    found = i
    while found >= 0 and latest_delivery[h, found] != found:
        found = latest_delivery[h, found]
    while i >= 0 and i != found:
        further = latest_delivery[h, i]
        latest_delivery[h, i] = found
        i = further
    return found


@compiled
def _release_latest(h, i, wanted, periods, arrived, lots_left, latest_delivery, last_served):
    """Take lots of stock h for period i from what came in last; returns how many."""
    given = 0.0
    while wanted > given:
        n = _last_delivery(h, i, latest_delivery)
        if n < 0:
            break
        part = min(wanted - given, lots_left[h, n])
        given += part
        lots_left[h, n] -= part
        last_served[h, n] = max(last_served[h, n], i)
        if lots_left[h, n] <= ROUNDING_SHARE * arrived[h, periods[n]]:
            lots_left[h, n] = 0.0
            latest_delivery[h, n] = n - 1
        if part <= 0.0:
            break
    return given


@compiled
def _record_release(h, n, given, periods, released_lots, releasable, max_release):
    """Take note of a release."""
    released_lots[h, n] += given
    releasable[h, n] -= given
    if releasable[h, n] <= ROUNDING_SHARE * max_release[h, periods[n]]:
        releasable[h, n] = 0.0


@compiled
def _find_stock_exchange(i, count, stocks, released_lots, releasable, latest_delivery, last_served, visited, queue,
            by_stock, by_period, full_prefix, known_full_prefix):  # fmt: skip
    """A chain of moves between stocks by which period i can get more, breadth first. Returns the
    place ``h * count + n`` where stock h can release more in period n, or -1; then ``visited``
    holds the periods that can get no more, ``reach`` the full prefix of each stock. Up to
    ``full_to`` it was found full before, for good: nothing in there is of any help."""
    for n in range(count):
        visited[n] = False
    for h in range(stocks):
        full_prefix[h] = known_full_prefix[h]
    visited[i] = True
    by_stock[i] = -1
    queue[0] = i
    head, tail = 0, 1
    while head < tail:
        n = queue[head]
        head += 1
        for h in range(stocks):
            if releasable[h, n] <= 0.0 or n <= full_prefix[h]:
                continue
            if _last_delivery(h, n, latest_delivery) >= 0:
                return h * count + n
            # All that came in up to n is used, some of it later: up to where, all is used by then.
            full, seen = n, full_prefix[h] + 1
            while seen <= full:
                full = max(full, last_served[h, seen])
                seen += 1
            for other in range(full_prefix[h] + 1, full + 1):
                if released_lots[h, other] > 0.0 and not visited[other]:
                    visited[other] = True
                    by_stock[other] = h
                    by_period[other] = n
                    queue[tail] = other
                    tail += 1
            full_prefix[h] = full
    return -1


@compiled
def _apply_stock_exchange(i, end, wanted, count, stocks, periods, released_lots, releasable, lots_left, latest_delivery, last_served,
          by_stock, by_period, change, arrived, max_release):  # fmt: skip
    """Release along the chain of moves that ends at ``end``; returns how much came of it."""
    for h in range(stocks):
        for n in range(count):
            change[h, n] = 0
    h, n = end // count, end % count
    given = min(wanted, releasable[h, n])
    change[h, n] += 1
    while n != i:
        g, to = by_stock[n], by_period[n]
        given = min(given, released_lots[g, n], releasable[g, to])
        change[g, n] -= 1
        change[g, to] += 1
        n = to
    for h in range(stocks):
        released, more = 0.0, 0
        for t in range(count):
            released += released_lots[h, t]
            more += change[h, t]
            if more > 0:
                given = min(given, (arrived[h, periods[t]] - released) / more)
    if given <= 0.0:
        return 0.0
    for h in range(stocks):
        changed = False
        for n in range(count):
            if change[h, n] != 0:
                changed = True
                _record_release(
                    h, n, change[h, n] * given, periods, released_lots, releasable, max_release
                )
                if released_lots[h, n] <= ROUNDING_SHARE * given:
                    released_lots[h, n] = 0.0
        if changed:
            _reset_stock(h, count, periods, arrived, lots_left, latest_delivery, last_served)
            for n in range(count):
                if released_lots[h, n] > 0.0:
                    _release_latest(
                        h,
                        n,
                        released_lots[h, n],
                        periods,
                        arrived,
                        lots_left,
                        latest_delivery,
                        last_served,
                    )
    return given
