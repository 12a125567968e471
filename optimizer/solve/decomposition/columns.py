"""Where the decisions are among the columns of the master, and what values of these say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import Pattern
from optimizer.solve.decomposition.reduced import Frame
from optimizer.solve.sweep import Point, Recourse

Positions = NDArray[np.int32]
Places = NDArray[np.int64]


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


class Columns:
    """The master's columns. ``start`` lists those of each project's start years in order,
    ``ticket`` those of tickets with a minimum, ``offtake`` those of offtake, which are of the
    projects ``offtake_of``; ``start_of`` is, of a column that is offtake, that of its start, else
    -1. What is closer to a whole number than ``whole`` is one."""

    whole = 1e-9

    def __init__(self, instance: Instance, recourse: Recourse, frame: Frame) -> None:
        self.instance, self.recourse = instance, recourse
        self.model, self.compiled, self.reduced = frame.model, frame.compiled, frame.reduced
        model, program = self.model, self.reduced.program
        self.program, self.layout = program, self.reduced.layout
        objects = [*self.compiled.variables, *self.compiled.constraints]
        places = [*self.reduced.column, *self.reduced.row]
        at = {id(it): int(place) for it, place in zip(objects, places, strict=True)}
        self.projects = [p for p in instance.projects if instance.projects[p].starts]
        starts = {p: instance.projects[p].starts for p in self.projects}
        self.start = [
            np.array([at[id(model.start[p, y])] for y in own], np.int32)
            for p, own in starts.items()
        ]
        self.ticket = np.array([at[id(v)] for v in model.takes_part.values()], np.int32)
        self._tickets = list(model.takes_part)
        self._taken = [  # columns of the shares behind each ticket
            np.array([at[id(model.share[p, f, i, y])] for y in starts[p]], np.int32)
            for p, f, i in self._tickets
        ]
        self.once: Positions = np.array(
            [at[id(model.start_once[p])] for p in self.projects], np.int32
        )
        self.binaries: Positions = np.concatenate([*self.start, self.ticket]).astype(np.int32)
        self.offset = np.cumsum([0, *(len(own) for own in self.start)])
        # Where recourse's columns are; those the model lacks are zero.
        columns, offtake = recourse.columns, dict(model.offtake.items())
        unaided = {columns.unaided(instance, p): x for p, x in model.unaided.items()}
        floored = {columns.floored(key): x for key, x in model.floored.items()}
        seen = [(offtake | unaided | floored).get(key) for key in columns.offtake]
        self._offtake = np.array([-1 if x is None else at[id(x)] for x in seen], np.int64)
        # Of these, those of offtake that the model has.
        self._held = np.flatnonzero([key in offtake for key in columns.offtake])
        held = [columns.offtake[c] for c in self._held]
        own = self.offtake = self._offtake[self._held]
        self.offtake_of = [p for p, *_ in held]
        self._offtake_start = np.array([at[id(model.start[p, y])] for p, y, _ in held], np.int64)
        # Of each column that is offtake, that of its start.
        self.start_of = np.full(len(program.cost), -1, dtype=np.int64)
        self.start_of[own] = self._offtake_start
        self.offtake_most = np.array([instance.projects[p].offtake_max for p, *_ in held])
        rights = np.array([at[id(model.offtake_right[key])] for key in held], np.int64)
        # A right that became a bound has no row.
        known = sparse.diags_array((rights >= 0).astype(float))
        self._rights = sparse.csr_array(known @ sparse.csr_array(program.matrix)[rights])
        self._rights_upper = np.where(rights >= 0, program.row_upper[rights], 0.0)
        years, piles = instance.years, columns.stockpiles
        self.purchases = np.array(
            [[at[id(model.buy[h, y])] for y in years] for h in piles], np.int64
        ).reshape(len(piles), len(years))
        self.cost_to_go: dict[int, int] = {v: at[id(x)] for v, x in model.cost_to_go.items()}
        self.tail_cost = next((at[id(x)] for x in model.tail_cost.values()), None)
        self._patterns: dict[int, Pattern] = {}

    # Points

    def point(self, x: Floats) -> Point:
        """What recourse sees of values of the columns. The solver takes a little more offtake than
        there is a right to, and of a project that is not started: of one far larger than demand
        that little would be worth much."""
        offtake = np.where(self._offtake >= 0, x[self._offtake], 0.0)
        most = self.offtake_most * np.clip(x[self._offtake_start], 0.0, 1.0)
        surplus = np.maximum(self._rights @ x - self._rights_upper, 0.0)
        offtake[self._held] = np.minimum(offtake[self._held] - surplus, most)
        return Point(np.clip(offtake, 0.0, 1.0), np.maximum(x[self.purchases], 0.0))

    def claimed(self, x: Floats) -> dict[int, float]:
        """Mean damage of each node as cuts know it."""
        return {v: float(x[column]) for v, column in self.cost_to_go.items()}

    def pattern(self, v: int) -> Pattern:
        """Columns that node v's damage depends on."""
        if v not in self._patterns:
            node = self.recourse.nodes[v]
            own = np.unique(node.arriving.indices)
            own = own[self._offtake[own] >= 0]
            columns = np.concatenate([self._offtake[own], self.purchases[node.piles].ravel()])
            once, place = np.unique(columns, return_inverse=True)
            self._patterns[v] = Pattern(once.astype(np.int32), place, node.arriving.T.tocsr()[own])
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
        taken = np.zeros(len(self._tickets))
        for n, (p, f, i) in enumerate(self._tickets):
            capex = self.instance.projects[p].capex
            taken[n] = capex * x[self._taken[n]].sum() / self.instance.instrument[f, i].ticket_min
        return taken

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

    def read(self, x: Floats) -> Any:
        """Values of the columns loaded into the model."""
        self.compiled.load(self.reduced.expand(x))
        return self.model
