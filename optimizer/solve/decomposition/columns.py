"""Where the decisions are among the columns of the master, and what values of these say."""

from __future__ import annotations

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
    """What a branch of the search still allows: a project starts at a place of its start years from
    ``first`` to ``last``, if at all, and for certain where ``must``; a ticket is taken where
    ``least`` is 1, and cannot be where ``most`` is 0."""

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
    """Where the columns are that recourse sees under one set of assumptions: those that the model
    lacks are zero. ``offtake`` lists columns of offtake, ``offtake_of`` their projects; its chains
    have numbers from ``first`` on, so that no two sets have one in common."""

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
    """The master's columns. ``start`` lists those of each project's start years in order,
    ``ticket`` those of tickets with a minimum; ``start_of`` is, of a column that is offtake, that
    of its start, else -1. What is closer to a whole number than ``whole`` is one."""

    whole = 1e-9

    def __init__(self, appraise: Appraiser, frame: Frame | Frames) -> None:
        instances = appraise.together.instances
        self.instance, self.frame, self.reduced = instances[0], frame, frame.reduced
        self.program, self.layout = self.reduced.program, self.reduced.layout
        sets = self.reduced.sets
        self.views = [
            View(instance, seen.recourse, self.reduced, where, seen.first)
            for instance, seen, where in zip(instances, appraise.parts, sets, strict=True)
        ]
        column, row = sets[0].column, sets[0].row
        self.projects = [p for p, own in self.instance.projects.items() if own.starts]
        starts = {p: self.instance.projects[p].starts for p in self.projects}
        self.start = [
            np.array([column["start", (p, y)] for y in own], np.int32) for p, own in starts.items()
        ]
        # Of each ticket the columns of the shares behind it, and what of the least ticket a whole
        # share comes to: under several sets of assumptions, where it comes to least.
        tickets: dict[Any, tuple[int, Places, float]] = {}
        for instance, where in zip(instances, sets, strict=True):
            for (name, key), c in where.column.items():
                if name == "takes_part":
                    p, f, i = key
                    shares = np.array([where.column["share", (*key, y)] for y in starts.get(p, ())])
                    least = instance.projects[p].capex / instance.instrument[f, i].ticket_min
                    if key in tickets:
                        least = min(least, tickets[key][2])
                    tickets[key] = c, shares.astype(np.int64), least
        self.ticket = np.array([c for c, *_ in tickets.values()], np.int32)
        self._taken = [own[1:] for own in tickets.values()]
        self.once: Positions = np.array([row["start_once", p] for p in self.projects], np.int32)
        self.binaries: Positions = np.concatenate([*self.start, self.ticket]).astype(np.int32)
        self.offset = np.cumsum([0, *(len(own) for own in self.start)])
        self.start_of = np.full(len(self.program.cost), -1, dtype=np.int64)
        for view in self.views:
            self.start_of[view.offtake] = view.offtake_start
        self.cost_to_go: dict[int, int] = {
            v: c for view in self.views for v, c in view.cost_to_go.items()
        }
        self._patterns: dict[int, Pattern] = {}

    # Points

    def point(self, x: Floats) -> Points:
        """What recourse sees of values of the columns, under each set of assumptions."""
        return tuple(view.point(x) for view in self.views)

    def claimed(self, x: Floats) -> dict[int, float]:
        """Mean damage of each node as cuts know it."""
        return {v: float(x[column]) for v, column in self.cost_to_go.items()}

    def view_of(self, v: int) -> View:
        """The set of assumptions that a node is of."""
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
        upper = np.concatenate([(place >= first) & (place <= last), windows.most]).astype(float)
        lower = np.concatenate([np.zeros(self.offset[-1]), windows.least]).astype(float)
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
        return replace(self.everything().starting(place), least=takes, most=takes.copy())

    def values_of(self, plan: Commitment) -> Floats:
        """The columns of a plan's decisions; the others, which follow from these, are 0."""
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
        return np.array([values.get(key, 0.0) for key in self.layout.columns])
