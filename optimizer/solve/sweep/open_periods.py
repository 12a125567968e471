"""A program of recourse without the periods that cover their demand, compiled.

There nothing is missing, released or made, and what is said of stock is added up: a stock keeps
what it has over closed periods, so its rows of these are added to that of the next open one, each
times what is kept since. Rows with a single column of the program become bounds of it.
"""

import numpy as np
from numba import njit

compiled = njit(nogil=True, cache=True, error_model="numpy")


@compiled
def placed(open_, period, follows, keeps, bounding):
    """Where each of R rows of a program goes if only periods that are ``open_`` (K) are there.

    period, follows (R): of each row, and the row of the same stock a period later, -1 for none
    keeps (R): share of the stock that is left a period later
    bounding (R): rows that are bounds instead

    Returns place and factor (R): the row that each is added to, -1 for none, and times what; and
    the rows there are, in order.
    """
    place = np.full(period.size, -1, np.int64)
    factor = np.ones(period.size)
    count = 0
    for r in range(period.size):
        if open_[period[r]] and not bounding[r]:
            place[r] = count
            count += 1
    rows = np.empty(count, np.int64)
    for r in range(period.size):
        if place[r] >= 0:
            rows[place[r]] = r
    for r in range(period.size):
        if open_[period[r]] or follows[r] < 0:
            continue
        at = r
        while at >= 0 and not open_[period[at]]:
            factor[r] *= keeps[at]
            at = follows[at]
        if at >= 0:
            place[r] = place[at]
    return place, factor, rows


@compiled
def entries(columns, start, index, value, place, factor, unit, scale, least):
    """The entries of some ``columns`` (C) of a program, by column as the solver takes them.

    start, index, value: the program's by column; place, factor: as :func:`placed` has them
    unit (columns of the program), scale (rows there are): what entries are multiplied by
    least: an entry that is no larger is none
    """
    most = 0
    for c in columns:
        most += start[c + 1] - start[c]
    starts = np.empty(columns.size, np.int32)
    rows, values = np.empty(most, np.int32), np.empty(most)
    count = 0
    for n in range(columns.size):
        c = columns[n]
        starts[n] = count
        for e in range(start[c], start[c + 1]):
            r = index[e]
            if place[r] < 0:
                continue
            entry = value[e] * factor[r] * scale[place[r]] * unit[c]
            if abs(entry) > least:
                rows[count], values[count] = place[r], entry
                count += 1
    return starts, rows[:count], values[:count]


@compiled
def added(side, place, factor, scale):
    """Sides of the rows there are, of those of all rows (R)."""
    sides = np.zeros(scale.size)
    for r in range(side.size):
        if place[r] >= 0:
            sides[place[r]] += side[r] * factor[r]
    return sides * scale


@compiled
def spread(duals, place, factor, scale, into):
    """Multipliers of all rows ``into`` (R), of those of the rows there are."""
    for r in range(into.size):
        if place[r] >= 0:
            into[r] = duals[place[r]] * scale[place[r]] * factor[r]
