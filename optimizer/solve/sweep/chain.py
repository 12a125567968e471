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

from optimizer.solve.sweep.jit import cached

BIT = np.zeros(37, dtype=np.int64)  # place of the only bit in a power of two, by remainder of 37
for _bit in range(32):
    BIT[(1 << _bit) % 37] = _bit

ROUNDING = 1e-12  # shares of a limit below this are rounding

# Nothing in here allocates: without counted references a look takes down to half of the time.
compiled = cached(_nrt=False)


@compiled
def uncovered_steps(uncovered, limit, row, k, shortage, column):
    """What is uncovered in period k falls on the cheapest steps (steps run from dear to cheap), by
    a row of the limits (N, J, K)."""
    rest = uncovered
    for j in range(limit.shape[1] - 1, -1, -1):
        part = min(rest, limit[row, j, k])
        shortage[j, column] = part
        rest -= part


@compiled
def serve(
    count, periods, position, order, rank, value, arrived, most, keep, shortage,
    used, left, lots, before, furthest, price, worth, visited, queue, by_stock, by_period, reach,
    full_to, change, marks,
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
            left[h, i] = most[h, periods[i]]
            used[h, i] = 0.0
            worth[h, i] = -1.0
        full_to[h] = -1
        _lay_in(h, count, periods, arrived, lots, before, furthest)
    for i in range(count):
        price[i] = -1.0
    unpriced = count
    # Few of all steps and periods are short: a bit for each that is, at its place in the order.
    for n in range(marks.shape[0]):
        marks[n] = 0
    for i in range(count):
        for j in range(shortage.shape[0]):
            if shortage[j, i] > 0.0:
                place = rank[j, periods[i]]
                marks[place >> 5] |= 1 << (place & 31)
    word, place = 0, 0
    while unpriced > 0:
        while word < marks.shape[0] and marks[word] == 0:
            word += 1
        if word == marks.shape[0]:
            break
        lowest = marks[word] & -marks[word]
        marks[word] ^= lowest
        place = word * 32 + BIT[lowest % 37]
        k = order[1, place]
        i = position[k]
        if price[i] >= 0.0:
            continue
        j = order[0, place]
        wanted = shortage[j, i] / keep[k]
        least = wanted * ROUNDING
        for h in range(stocks):
            given = _take(h, i, min(wanted, left[h, i]), periods, arrived, lots, before, furthest)
            if given > 0.0:
                wanted -= given
                _count(h, i, given, periods, used, left, most)
                if wanted <= least:
                    break
        moves = 0
        while wanted > least and moves < 8 * count * stocks:
            end = _search(i, count, stocks, used, left, before, furthest, visited, queue,
                          by_stock, by_period, reach, full_to)  # fmt: skip
            if end < 0:
                for n in range(count):
                    if visited[n] and price[n] < 0.0:
                        price[n] = value[j, k]
                        unpriced -= 1
                for h in range(stocks):
                    for n in range(full_to[h] + 1, reach[h] + 1):
                        worth[h, n] = value[j, k]
                    full_to[h] = reach[h]
                break
            moves += 1
            given = _move(i, end, wanted, count, stocks, periods, used, left, lots, before,
                          furthest, by_stock, by_period, change, arrived, most)  # fmt: skip
            if given <= 0.0:
                break
            wanted -= given
        shortage[j, i] = wanted * keep[k] if wanted > least else 0.0
    for i in range(count):
        price[i] = max(price[i], 0.0)
        for h in range(stocks):
            worth[h, i] = max(worth[h, i], 0.0)


@compiled
def _lay_in(h, count, periods, arrived, lots, before, furthest):
    """Stock h as it comes in, nothing released."""
    total = 0.0
    for i in range(count):
        now = arrived[h, periods[i]]
        came = now - total
        total = now
        if came <= ROUNDING * now:
            came = 0.0
        lots[h, i] = came
        before[h, i] = i if came > 0.0 else i - 1
        furthest[h, i] = -1


@compiled
def _last(h, i, before):
    """The last delivery up to i of which something is left, -1 without any."""
    found = i
    while found >= 0 and before[h, found] != found:
        found = before[h, found]
    while i >= 0 and i != found:
        further = before[h, i]
        before[h, i] = found
        i = further
    return found


@compiled
def _take(h, i, wanted, periods, arrived, lots, before, furthest):
    """Take lots of stock h for period i from what came in last; returns how many."""
    given = 0.0
    while wanted > given:
        n = _last(h, i, before)
        if n < 0:
            break
        part = min(wanted - given, lots[h, n])
        given += part
        lots[h, n] -= part
        furthest[h, n] = max(furthest[h, n], i)
        if lots[h, n] <= ROUNDING * arrived[h, periods[n]]:
            lots[h, n] = 0.0
            before[h, n] = n - 1
        if part <= 0.0:
            break
    return given


@compiled
def _count(h, n, given, periods, used, left, most):
    """Take note of a release."""
    used[h, n] += given
    left[h, n] -= given
    if left[h, n] <= ROUNDING * most[h, periods[n]]:
        left[h, n] = 0.0


@compiled
def _search(i, count, stocks, used, left, before, furthest, visited, queue,
            by_stock, by_period, reach, full_to):  # fmt: skip
    """A chain of moves between stocks by which period i can get more, breadth first. Returns the
    place ``h * count + n`` where stock h can release more in period n, or -1; then ``visited``
    holds the periods that can get no more, ``reach`` the full prefix of each stock. Up to
    ``full_to`` it was found full before, for good: nothing in there is of any help."""
    for n in range(count):
        visited[n] = False
    for h in range(stocks):
        reach[h] = full_to[h]
    visited[i] = True
    by_stock[i] = -1
    queue[0] = i
    head, tail = 0, 1
    while head < tail:
        n = queue[head]
        head += 1
        for h in range(stocks):
            if left[h, n] <= 0.0 or n <= reach[h]:
                continue
            if _last(h, n, before) >= 0:
                return h * count + n
            # All that came in up to n is used, some of it later: up to where, all is used by then.
            full, seen = n, reach[h] + 1
            while seen <= full:
                full = max(full, furthest[h, seen])
                seen += 1
            for other in range(reach[h] + 1, full + 1):
                if used[h, other] > 0.0 and not visited[other]:
                    visited[other] = True
                    by_stock[other] = h
                    by_period[other] = n
                    queue[tail] = other
                    tail += 1
            reach[h] = full
    return -1


@compiled
def _move(i, end, wanted, count, stocks, periods, used, left, lots, before, furthest,
          by_stock, by_period, change, arrived, most):  # fmt: skip
    """Release along the chain of moves that ends at ``end``; returns how much came of it."""
    for h in range(stocks):
        for n in range(count):
            change[h, n] = 0
    h, n = end // count, end % count
    given = min(wanted, left[h, n])
    change[h, n] += 1
    while n != i:
        g, to = by_stock[n], by_period[n]
        given = min(given, used[g, n], left[g, to])
        change[g, n] -= 1
        change[g, to] += 1
        n = to
    for h in range(stocks):
        released, more = 0.0, 0
        for t in range(count):
            released += used[h, t]
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
                _count(h, n, change[h, n] * given, periods, used, left, most)
                if used[h, n] <= ROUNDING * given:
                    used[h, n] = 0.0
        if changed:
            _lay_in(h, count, periods, arrived, lots, before, furthest)
            for n in range(count):
                if used[h, n] > 0.0:
                    _take(h, n, used[h, n], periods, arrived, lots, before, furthest)
    return given
