"""Where the decisions are among the columns of the master, and what values of these say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.model.together import Places
from optimizer.solve.decomposition.cuts import Appraiser, Pattern, Points
from optimizer.solve.decomposition.reduced import Frame, Frames, Reduced, Where
from optimizer.solve.sweep import Point, Recourse

Positions = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Windows:
    """What a branch of the search still allows: a project, on one path if it may start after the
    review, starts at a place of its start years from ``first`` to ``last``, if at all, and for
    certain where ``must``; a ticket is taken where ``least`` is 1, and cannot be where ``most`` is
    0."""

    first: Places
    last: Places
    must: Places
    least: Places
    most: Places

    def holding(self, p: int, first: int, last: int, must: int) -> Windows:
        """The same with one project held to these places; it never starts from 1 to 0."""
        values = np.array([self.first, self.last, self.must])
        values[:, p] = first, last, must
        return replace(self, first=values[0], last=values[1], must=values[2])

    def starting(self, place: Places) -> Windows:
        """The same with each project at one place, -1 for never."""
        built = place >= 0
        first, last = np.where(built, place, 1), np.where(built, place, 0)
        return replace(self, first=first, last=last, must=built.astype(np.int64))


class View:
    """Where the columns are that recourse of a part sees: those that the model lacks are zero.
    ``offtake`` lists columns of offtake, ``offtake_of`` their projects; its chains have numbers
    from ``first`` on, so that no two parts have one in common."""

    def __init__(
        self, instance: Instance, recourse: Recourse, reduced: Reduced, where: Where, first: int
    ) -> None:
        self.recourse, self.first, column = recourse, first, where.column
        columns, known = recourse.columns, dict[Any, int]()
        for (name, index), c in column.items():
            if name == "offtake":
                known[index] = c
            elif name == "unaided":
                known[columns.unaided(instance, index)] = c
            elif name == "floored":
                known[columns.floored(index)] = c
        self._offtake = np.array([known.get(key, -1) for key in columns.offtake], np.int64)
        # Of these, those of offtake that the model has.
        self._held = np.flatnonzero([("offtake", key) in column for key in columns.offtake])
        held = [columns.offtake[c] for c in self._held]
        self.offtake = self._offtake[self._held]
        self.offtake_of = [p for p, *_ in held]
        self.offtake_start = np.array([column["start", (p, y)] for p, y, _ in held], np.int64)
        self.offtake_most = np.array([instance.projects[p].offtake_max for p, *_ in held])
        # A right that became a bound has no row.
        rights = np.array([where.row.get(("offtake_right", key), -1) for key in held], np.int64)
        program = reduced.program
        rows = sparse.diags_array((rights >= 0).astype(float))
        self._rights = sparse.csr_array(rows @ sparse.csr_array(program.matrix)[rights])
        self._rights_upper = np.where(rights >= 0, program.row_upper[rights], 0.0)
        years, piles = instance.years, columns.stockpiles
        self.purchases = np.array(
            [[column["buy", (h, y)] for y in years] for h in piles], np.int64
        ).reshape(len(piles), len(years))
        self.cost_to_go = {first + v: c for (name, v), c in column.items() if name == "cost_to_go"}
        self.tail_cost = column.get(("tail_cost", "all"))

    def point(self, x: Floats) -> Point:
        """What recourse sees of values of the columns. The solver takes a little more offtake than
        there is a right to, and of a project that is not started: of one far larger than demand
        that little would be worth much."""
        offtake = np.where(self._offtake >= 0, x[self._offtake], 0.0)
        most = self.offtake_most * np.clip(x[self.offtake_start], 0.0, 1.0)
        surplus = np.maximum(self._rights @ x - self._rights_upper, 0.0)
        offtake[self._held] = np.minimum(offtake[self._held] - surplus, most)
        return Point(np.clip(offtake, 0.0, 1.0), np.maximum(x[self.purchases], 0.0))

    def pattern(self, v: int) -> Pattern:
        """Columns that the damage of a node depends on."""
        node = self.recourse.nodes[v - self.first]
        own = np.unique(node.arriving.indices)
        own = own[self._offtake[own] >= 0]
        columns = np.concatenate([self._offtake[own], self.purchases[node.piles].ravel()])
        once, place = np.unique(columns, return_inverse=True)
        return Pattern(once.astype(np.int32), place, node.arriving.T.tocsr()[own])


class Columns:
    """The master's columns. ``projects`` are those that can start, of those that can after the
    review one for each path (``path``); ``start`` lists the columns of each one's start years in
    order, ``ticket`` those of tickets with a minimum; ``start_of`` is, of a column that is offtake,
    that of its start, else -1. What is closer to a whole number than ``whole`` is one."""

    whole = 1e-9

    def __init__(self, appraise: Appraiser, frame: Frame | Frames) -> None:
        self.together, parts = appraise.together, appraise.together.parts
        self.instance, self.frame, self.reduced = self.together.first, frame, frame.reduced
        self.program, self.layout = self.reduced.program, self.reduced.layout
        places = self.reduced.parts
        self.views = [
            View(part.instance, seen.recourse, self.reduced, where, seen.first)
            for part, seen, where in zip(parts, appraise.parts, places, strict=True)
        ]
        self.projects: list[str] = []
        self.path: list[int | None] = []
        self.start: list[Positions] = []
        once = list[int]()
        starts = {p: own.starts for p, own in self.instance.projects.items() if own.starts}
        for p, years in starts.items():
            early = self.instance.decided_early(years[-1])
            for part, where in zip(parts, places, strict=True):
                if part.set or (early and part.path):
                    continue
                self.projects.append(p)
                self.path.append(None if early else part.path)
                columns = [where.column["start", (p, y)] for y in years]
                self.start.append(np.array(columns, np.int32))
                once.append(where.row["start_once", p])
        # Of each ticket the columns of the shares behind it, and what of the least ticket a whole
        # share comes to: under several sets of assumptions, where it comes to least.
        tickets: dict[int, tuple[Places, float]] = {}
        for part, where in zip(parts, places, strict=True):
            for (name, key), c in where.column.items():
                if name == "takes_part":
                    p, f, i = key
                    shares = np.array([where.column["share", (*key, y)] for y in starts.get(p, ())])
                    own = part.instance
                    least = own.projects[p].capex / own.instrument[f, i].ticket_min
                    if c in tickets:
                        least = min(least, tickets[c][1])
                    tickets[c] = shares.astype(np.int64), least
        self.ticket = np.array(list(tickets), np.int32)
        self._taken = list(tickets.values())
        self.once: Positions = np.array(once, np.int32)
        self.offset = np.cumsum([0, *(len(own) for own in self.start)])
        # What is started before the review is a column of all paths.
        of_starts = np.concatenate([*self.start, np.zeros(0, np.int32)])
        once_each, first = np.unique(of_starts, return_index=True)
        order = np.argsort(first)
        self.binaries: Positions = np.concatenate([once_each[order], self.ticket]).astype(np.int32)
        at = {int(c): n for n, c in enumerate(self.binaries)}
        self.place_of = np.array([at[int(c)] for c in of_starts], np.int64)  # among the binaries
        self.start_of = np.full(len(self.program.cost), -1, dtype=np.int64)
        for view in self.views:
            self.start_of[view.offtake] = view.offtake_start
        self.cost_to_go: dict[int, int] = {
            v: c for view in self.views for v, c in view.cost_to_go.items()
        }
        self._patterns: dict[int, Pattern] = {}

    # Points

    def point(self, x: Floats) -> Points:
        """What recourse sees of values of the columns, in each part."""
        return tuple(view.point(x) for view in self.views)

    def claimed(self, x: Floats) -> dict[int, float]:
        """Mean damage of each node as cuts know it."""
        return {v: float(x[column]) for v, column in self.cost_to_go.items()}

    def view_of(self, v: int) -> View:
        """The part that a node is of."""
        return next(view for view in reversed(self.views) if view.first <= v)

    def pattern(self, v: int) -> Pattern:
        """Columns that node v's damage depends on."""
        if v not in self._patterns:
            self._patterns[v] = self.view_of(v).pattern(v)
        return self._patterns[v]

    # Decisions

    def everything(self) -> Windows:
        """No restriction beyond the master's own."""
        count, tickets = len(self.projects), len(self.ticket)
        last = np.array([len(own) - 1 for own in self.start], np.int64)
        none, all_ = np.zeros(max(count, tickets), np.int64), np.ones(tickets, np.int64)
        return Windows(none[:count], last, none[:count], none[:tickets], all_)

    def bounds_of(
        self, windows: Windows, fixed: NDArray[np.bool_] | None = None
    ) -> tuple[Floats, Floats]:
        """Bounds of the binaries in a branch."""
        count = np.diff(self.offset)
        place = np.arange(self.offset[-1]) - np.repeat(self.offset[:-1], count)
        first, last = np.repeat(windows.first, count), np.repeat(windows.last, count)
        tickets = len(self.binaries) - len(self.ticket)
        upper, lower = np.ones(len(self.binaries)), np.zeros(len(self.binaries))
        allowed = ((place >= first) & (place <= last)).astype(float)
        np.minimum.at(upper, self.place_of, allowed)
        upper[tickets:], lower[tickets:] = windows.most, windows.least
        if fixed is not None:
            upper[fixed] = 0.0
        lower = np.maximum(lower, self.program.lower[self.binaries])
        upper = np.minimum(upper, self.program.upper[self.binaries])
        return lower, upper

    def started(self, x: Floats) -> list[Floats]:
        """Share of each project that is started up to each of its start years."""
        return [np.cumsum(np.clip(x[own], 0.0, 1.0)) for own in self.start]

    def taken(self, x: Floats) -> Floats:
        """Share of capex behind each ticket, as a share of the least there may be."""
        return np.array([least * x[shares].sum() for shares, least in self._taken])

    def loose_tickets(self, x: Floats) -> Places:
        """Tickets that are worth something, but less than the least."""
        taken = self.taken(x)
        return np.flatnonzero((taken > self.whole) & (taken < 1 - self.whole))

    def fix(self, place: Places, x: Floats) -> Windows:
        """The branch that starts each project at a place of its start years, -1 for never, and
        takes the tickets that ``x`` takes, or more than half takes."""
        takes = (self.taken(x) > 0.5).astype(np.int64)
        there = self.everything().starting(self._agreeing(place))
        return replace(there, least=takes, most=takes.copy())

    @property
    def names(self) -> list[str]:
        """Of each project that can start what it is called, with the path that it is on."""
        pairs = zip(self.projects, self.path, strict=True)
        return [p if g is None else f"{p} {g}" for p, g in pairs]

    def shifted(self, place: Places, n: int, other: int) -> Places:
        """Places with that of one project changed; on all paths where either is before the
        review."""
        place, years = place.copy(), self.instance.projects[self.projects[n]].starts
        ends = [years[at] for at in (place[n], other) if at >= 0]
        if self.path[n] is None or not any(map(self.instance.decided_early, ends)):
            place[n] = other
        else:
            place[[p == self.projects[n] for p in self.projects]] = other
        return place

    def _agreeing(self, place: Places) -> Places:
        """Places of start years on all paths, such that what starts before the review on the paths
        that are likelier than the others together starts so on all, and else on none."""
        if not self.instance.paths:
            return place
        place, at = place.copy(), dict[str, list[int]]()
        for n, p in enumerate(self.projects):
            at.setdefault(p, []).append(n)
        for p, several in at.items():
            years, chance = self.instance.projects[p].starts, dict[int, float]()
            for n in several if len(several) > 1 else ():
                early = place[n] >= 0 and self.instance.decided_early(years[place[n]])
                own = int(place[n]) if early else -1
                chance[own] = chance.get(own, 0.0) + self.instance.paths[self.path[n] or 0].chance
            if not chance:
                continue
            most = max(chance, key=lambda own: chance[own])
            for n in several:
                if most >= 0:
                    place[n] = most
                elif place[n] >= 0 and self.instance.decided_early(years[place[n]]):
                    later = [y for y, year in enumerate(years) if year >= self._review]
                    place[n] = later[0]
        return place

    @property
    def _review(self) -> float:
        review = self.instance.case.decides_again
        return math.inf if review is None else float(review.year)

    def values_of(self, plan: Commitment) -> Floats:
        """The columns of a plan's decisions; the others, which follow from these, are 0."""
        found = np.zeros(len(self.layout.columns))
        for part, where in zip(self.together.parts, self.reduced.parts, strict=True):
            for key, value in self._decided(plan.on(part.path)).items():
                if key in where.column:
                    found[where.column[key]] = value
        return found

    def _decided(self, plan: Commitment) -> dict[tuple[str, Any], float]:
        start, values = plan.start, dict[tuple[str, Any], float]()
        for p, year in start.items():
            values["start", (p, year)] = 1.0
            values["market", (p, year)] = plan.market.get(p, 0.0)
        for (p, f, i), share in plan.share.items():
            if p in start:
                values["share", (p, f, i, start[p])] = share
                values["takes_part", (p, f, i)] = 1.0
        for (p, group), share in plan.offtake.items():
            values["offtake", (p, start.get(p), group)] = share
        for (p, group, f, i), share in plan.floored.items():
            values["floored", (p, start.get(p), group, f, i)] = share
        for h, lots in plan.buy.items():
            values |= {
                ("buy", (h, year)): float(x)
                for year, x in zip(self.instance.years, lots, strict=True)
            }
        return values
