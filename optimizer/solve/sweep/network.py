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

from optimizer.solve.sweep.jit import cached

ROUNDING = 1e-12  # shares of a limit below this are rounding
ZERO = np.int64(0)  # a plain 0 would be another type, for which all is compiled once more
CLOSED = 1 << 62  # stamp of a node that can get no more

# Nothing in here allocates. Without numba's counting of references a look takes a third of the
# time, and threads do not wait for each other to count.
compiled = cached(_nrt=False)
# Calls would take as long again. Inlined by LLVM they are compiled in two thirds less time than
# inlined by numba.
inlined = cached(_nrt=False, forceinline=True)


@compiled
def sweep_network(
    network, room, row, given, open_, unit, exact, pattern, delay, available, running, plate, into,
    back, refill, year_of, arrived, initial, idle, idle_form, chance, priced, covered, damage,
    short, constant, per_output, per_purchase, per_idle,
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
    forms, steps, length = network.value.shape
    conversions, stocks = network.near.shape[0], network.form.shape[0]
    rows, gain, worth, shortage, price = room.rows, room.gain, room.worth, room.shortage, room.price
    for u in range(given.shape[0]):
        asked = False
        for w in range(chance.shape[0]):
            asked |= chance[w, u] > 0.0
        if not asked:
            continue
        own = row[u]
        for k in range(length):
            for r in range(forms + conversions):
                calm = network.total[own, r, k] if r < forms else 0.0  # anything that covers demand
                rows[r, k] = given[u, r, k] * unit[r, k] if open_[u, k] else calm
        for p in range(into.shape[0]):
            r, d = into[p], delay[u, p]
            for k in range(length if d >= 0 else 0):
                if open_[u, k]:
                    rows[r, k] += running[p, d, k] * available[pattern[u, p], k] * unit[r, k]
        for h in range(stocks):
            for k in range(length):
                room.drain[h, k] = refill[h, k] * back[u, network.form[h], k]
        serve_network(
            network, own, rows[:forms], rows[forms:], arrived, room, shortage, price, worth
        )
        total = 0.0
        for k in range(length):
            for f in range(forms if room.column[k] >= 0 else 0):
                for j in range(steps):
                    if shortage[f, j, k] > covered * network.total[own, f, k]:
                        damage[u] += exact[f, j, k] * shortage[f, j, k]
                        if short.size:
                            short[u, f, j, k] = shortage[f, j, k] / unit[f, k]
            if priced and room.column[k] >= 0:
                total += _prove(network, own, given[u], k, unit, exact, room)
        if not priced:
            continue
        for h in range(stocks):
            total -= initial[h] * room.buys[h, 0]
            for k in range(length):
                total -= room.drain[h, k] * worth[h, k]
        for w in range(chance.shape[0]):
            weight = chance[w, u]
            if weight <= 0.0:
                continue
            constant[w] += weight * total
            for p in range(into.shape[0]):
                r, d = into[p], delay[u, p]
                for k in range(length if d >= 0 else 0):
                    if room.column[k] >= 0:
                        lots = plate[p] * available[pattern[u, p], k]
                        per_output[w, p, d, year_of[k]] += weight * gain[r, k] * lots
            for h in range(stocks):
                for k in range(length):
                    per_purchase[w, h, k] += weight * room.buys[h, k]
            for i in range(idle.shape[0]):
                # A lot would go where it is worth most, now or later.
                best, f = 0.0, idle_form[i]
                for k in range(length - 1, -1, -1):
                    best = max(best * idle[i], price[f, k] * unit[f, k])
                    per_idle[w, i, k] += weight * best


@inlined
def _prove(network, row, given, k, unit, exact, room):
    """What potentials prove of period k, of projects and stocks that come in nothing; ``gain`` is
    set to what a lot of each row is worth."""
    forms, steps, _ = network.value.shape
    price, worth, gain, proven = room.price, room.worth, room.gain, 0.0
    for f in range(forms):
        gain[f, k] = price[f, k] * unit[f, k]
        if price[f, k] > 0.0:
            proven += price[f, k] * network.total[row, f, k] - gain[f, k] * given[f, k]
            for j in range(steps):
                proven -= network.limit[row, f, j, k] * max(0.0, price[f, k] - exact[f, j, k])
    for c in range(network.near.shape[0]):
        over = price[network.near[c, 1], k] - price[network.near[c, 0], k]
        gain[forms + c, k] = max(0.0, over) * unit[forms + c, k]
        proven -= gain[forms + c, k] * given[forms + c, k]
    for h in range(network.form.shape[0]):
        proven -= network.most[h, k] * max(0.0, price[network.form[h], k] - worth[h, k])
    return proven


@compiled
def serve_network(network, row, supply, capacity, arrived, room, shortage, price, worth):
    """Serve the demand of a chain in one look as well as can be; returns the damage.

    All amounts are contained, first-period tonnes, and finite (1e300 stands for no limit).

    row: of the limits that hold
    supply (F, K), capacity (C, K): of the look; what comes of forms by itself, limits of output
    arrived (H, K): come into stocks by the end of each period, all of it; never falls
    shortage (F, J, K), price (F, K), worth (H, K): set; tonnes missing, and potentials of a tonne
        of a form and of one that is gone of a stock. ``room.drain`` (H, K) tells what comes back at
        most, ``room.buys`` (H, K) is set to what a tonne of stock that comes in by then is worth:
        the sum of all falls of worth from then on, so worth itself where nothing comes back, which
        then never rises. At any supply, capacity and arrivals damage is at least, and here just,
        the sum over periods of::

            sum_f price (total - supply) - sum_fj limit max(0, price - value)
            - sum_c capacity max(0, price[made] - price[taken in])
            - sum_h (most max(0, price[form] - worth) + drain worth)
            - sum_h buys (arrived - arrived before)
    """
    forms, _, length = network.value.shape
    stocks = network.form.shape[0]
    periods, column, seen, queue = room.periods, room.column, room.seen, room.queue
    shortage[:] = 0.0
    price[:] = 0.0
    worth[:] = 0.0
    room.buys[:] = 0.0
    count = ZERO
    for k in range(length):
        column[k] = -1
        if not _covered(network, row, supply, capacity, k, room.need) and _serve_period(
            network, row, supply, capacity, k, count, room, shortage
        ):
            column[k] = count
            periods[count] = k
            for h in range(stocks):
                room.back[h, count] = room.drain[h, k]
            count += 1
            continue
        drains = False
        for h in range(stocks if count > 0 else 0):
            drains |= room.drain[h, k] > 0.0
        if drains:
            if column[periods[count - 1]] >= 0:
                for h in range(stocks):
                    room.back[h, count] = 0.0
                count += 1
            periods[count - 1] = k
            for h in range(stocks):
                room.back[h, count - 1] += room.drain[h, k]
    if count == 0:
        return 0.0
    for h in range(stocks):
        for n in range(count):
            k = periods[n]
            room.used[h, n] = room.gone[h, n] = 0.0
            room.left[h, n] = network.most[h, k] if column[k] >= 0 else 0.0
            room.brought[h, n] = room.slack[h, n] = arrived[h, k]
            room.level[h, n] = 0
        _find_ways_out(h, count, room)
    damage = 0.0
    for place in range(network.order.shape[1]):
        f, j, k = network.order[0, place], network.order[1, place], network.order[2, place]
        wanted = shortage[f, j, k]
        if wanted <= 0.0:
            continue
        value, root = network.value[f, j, k], column[k] * forms + f
        if seen[root] != CLOSED:
            least = ROUNDING * network.limit[row, f, j, k]
            wanted, tail = _bring(network, root, wanted, least, count, stocks, room)
            for m in range(tail):
                v = queue[m]
                seen[v] = CLOSED
                price[v - room.where[v] * forms, periods[room.where[v]]] = value
            for h in range(stocks if tail > 0 else 0):
                for m in range(count):
                    if room.level[h, m] == room.searches[0]:
                        worth[h, periods[m]] = value
                        room.level[h, m] = CLOSED
            shortage[f, j, k] = wanted
        damage += value * wanted
    # What is gone costs no more than what the stock could still serve, and where nothing comes back
    # no less than later on: as good a proof here, a better one where more comes in.
    for h in range(stocks):
        dearest, later, between, falls = 0.0, 0.0, 0.0, 0.0
        for k in range(length - 1, -1, -1):
            if column[k] >= 0:
                dearest, between = max(dearest, price[network.form[h], k]), 0.0
            own = max(min(worth[h, k], dearest), between)
            if column[k] < 0:
                between = own  # one column stands for all of these
            if room.drain[h, k] <= 0.0:
                own = max(own, later)
            falls += max(0.0, own - later)
            worth[h, k], room.buys[h, k] = own, falls
            later = own
    return damage


@compiled
def _covered(network, row, supply, capacity, k, need):
    """Whether period k is easily served in full: each form made as far as those after it need."""
    conversions = network.near.shape[0]
    for f in range(need.shape[0]):
        need[f] = network.total[row, f, k]
    for f in network.late:
        lacking, least = need[f] - supply[f, k], ROUNDING * need[f]
        if lacking <= least:
            continue
        for w in range(network.first[f], network.plain[f]):
            c = network.ways[w]
            if c < conversions:
                part = min(lacking, capacity[c, k])
                need[network.near[c, 0]] += part
                lacking -= part
        if lacking > least:
            return False
    return True


@compiled
def _serve_period(network, row, supply, capacity, k, n, room, shortage):
    """Serve period k from its own supply, in column n; whether something is missing."""
    forms, conversions = network.value.shape[0], network.near.shape[0]
    start, short = n * forms, False
    for f in range(forms):
        room.spare[start + f] = supply[f, k]
        room.seen[start + f] = 0
    for c in range(conversions):
        room.flow[n, c] = 0.0
        room.free[n, c] = capacity[c, k]
    for w in range(network.own.shape[2]):
        f, j = network.own[0, k, w], network.own[1, k, w]
        wanted, v = network.limit[row, f, j, k], start + f
        if wanted > 0.0 and room.seen[v] != CLOSED:
            wanted, tail = _bring(network, v, wanted, ROUNDING * wanted, n + 1, ZERO, room)
            for m in range(tail):
                room.seen[room.queue[m]] = CLOSED
        if wanted > 0.0:
            shortage[f, j, k] = wanted
            short = True
    for f in range(forms):
        room.seen[start + f] = 0
    return short


@compiled
def _rest(amount, given, scale):
    """What is left of an amount; a rounding error against its scale is nothing."""
    rest = amount - given
    return rest if rest > ROUNDING * scale else 0.0


@inlined
def _bring(network, root, wanted, least, count, stocks, room):
    """Bring to node ``root`` what it wants, with the first ``stocks`` of all stocks; what it still
    wants then and, if that is more than rounding, how many nodes of the queue can get no more."""
    for _ in range(8 * (count + 1) * (network.value.shape[0] + stocks)):
        end, h, tail = _search(network, root, count, stocks, room)
        if end < 0:
            return wanted, tail
        wanted -= _move(network, root, end, h, wanted, count, room)
        if wanted <= least:
            return 0.0, 0
    return wanted, 0


@inlined
def _discover(network, v, n, f, way, back, stocks, tail, room):
    """Put node v, of form f in column n, at the tail of the queue, reached by ``way`` from node
    ``back``; what can feed it at once: -1 its supply, h stock h, -2 nothing."""
    room.seen[v] = room.searches[0]
    room.via[v] = way
    room.from_[v] = back
    room.queue[tail] = v
    if room.spare[v] > 0.0:
        return -1
    for w in range(network.plain[f], network.first[f + 1] if stocks > 0 else 0):
        h = network.ways[w] - 2 * network.near.shape[0]
        if room.exit[h, n] >= 0 and room.left[h, n] > 0.0:
            return h
    return -2


@inlined
def _search(network, root, count, stocks, room):
    """The shortest path to node ``root`` from a source, breadth first: the node where it begins,
    what feeds that (-1: supply, h: stock h), and how many nodes the queue holds. Without a path
    the node is -1, the queue holds all that could feed the root, ``reach`` up to where stock can.
    """
    forms, conversions = network.value.shape[0], network.near.shape[0]
    seen, level = room.seen, room.level
    room.searches[0] += 1
    now = room.searches[0]
    n = room.where[root]
    source = _discover(network, root, n, root - n * forms, ZERO, root, stocks, ZERO, room)
    if source > -2:
        return root, source, 1
    head, tail = ZERO, ZERO + 1
    while head < tail:
        v = room.queue[head]
        head += 1
        n = room.where[v]
        f = v - n * forms
        for w in range(network.first[f], network.plain[f]):
            way = network.ways[w]
            if way < conversions:
                amount, g = room.free[n, way], network.near[way, 0]
            else:
                amount, g = room.flow[n, way - conversions], network.near[way - conversions, 1]
            u = n * forms + g
            if amount > 0.0 and seen[u] < now:
                source = _discover(network, u, n, g, way, v, stocks, tail, room)
                tail += 1
                if source > -2:
                    return u, source, tail
        for w in range(network.plain[f], network.first[f + 1] if stocks > 0 else 0):
            h = network.ways[w] - 2 * conversions
            if level[h, n] >= now or room.left[h, n] <= 0.0:
                continue
            m, step = n, 1
            while step:  # up to the first column in which all that came in is gone, and back
                level[h, m] = now
                u = m * forms + f
                if room.used[h, m] > 0.0 and seen[u] < now:
                    source = _discover(network, u, m, f, network.ways[w], v, stocks, tail, room)
                    tail += 1
                    if source > -2:
                        return u, source, tail
                if step > 0 and (
                    m + 1 == count or room.slack[h, m] <= 0.0 or level[h, m + 1] >= now
                ):
                    m, step = n, -1
                if step < 0 and (m == 0 or room.gone[h, m - 1] <= 0.0 or level[h, m - 1] >= now):
                    step = 0
                m += step
    return -1, -2, tail


@inlined
def _move(network, root, end, h, wanted, count, room):
    """Bring what is wanted, or as much as can be, along the path found; how much."""
    conversions = network.near.shape[0]
    flow, free, used, left, slack = room.flow, room.free, room.used, room.left, room.slack
    via, back, where, spare = room.via, room.from_, room.where, room.spare
    given = min(wanted, spare[end] if h < 0 else left[h, where[end]])
    out = room.exit[h, where[end]] if h >= 0 else count
    for m in range(where[end], out if h >= 0 else 0):
        given = min(given, slack[h, m])
    if out < count:
        given = min(given, room.back[h, out])
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
                given = min(given, room.gone[g, m])
        v = to
    if h < 0:
        spare[end] = _rest(spare[end], given, spare[end])
    else:
        _release(h, where[end], out, given, room)
        if out < count:
            room.back[h, out] = _rest(room.back[h, out], given, room.back[h, out] + given)
        _find_ways_out(h, count, room)
    v = end
    while v != root:
        way, to, n = via[v], back[v], where[v]
        if way < conversions:
            flow[n, way] += given
            free[n, way] = _rest(free[n, way], given, free[n, way] + flow[n, way] - given)
        elif way < 2 * conversions:
            c = way - conversions
            free[n, c] += given
            flow[n, c] = _rest(flow[n, c], given, flow[n, c])
        else:
            g, i = way - 2 * conversions, where[to]
            _release(g, i, n, given, room)
            left[g, n] += given
            used[g, n] = _rest(used[g, n], given, used[g, n])
            for m in range(n, i):
                slack[g, m] += given
                room.gone[g, m] = _rest(room.gone[g, m], given, room.brought[g, m])
        v = to
    return given


@inlined
def _release(h, n, end, given, room):
    """Release of stock h in column n what is no longer gone, or released, in column ``end``."""
    room.left[h, n] = _rest(room.left[h, n], given, room.left[h, n] + room.used[h, n])
    room.used[h, n] += given
    for m in range(n, end):
        room.slack[h, m] = _rest(room.slack[h, m], given, room.brought[h, m])
        room.gone[h, m] += given


@inlined
def _find_ways_out(h, count, room):
    """Set, for each column, where what is released of stock h in it leaves what is gone: the first
    column in which more can come back, ``count`` where it stays gone, -1 where neither can be."""
    out = count
    for n in range(count - 1, -1, -1):
        if room.slack[h, n] <= 0.0:
            out = -1
        if room.back[h, n] > 0.0:
            out = n
        room.exit[h, n] = out
