"""The master: the first stage as a linear program that cuts are added to, and its decisions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.formulation import build_master
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cut_store import Row, Shelf
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.decomposition.reduced import Reduced, reduce
from optimizer.solve.sweep import Point, Recourse, Slopes

Positions = NDArray[np.int32]
Places = NDArray[np.int64]

TINY = 1e-8
"""Slopes below this, in the solver's units, are rounded up where they cannot be left out."""

SMALL_SHARE = -7
"""Shares of output below this power of two that cover all demand are counted in units of their
own."""

NOTHING = 1e-12
"""Slopes below this are rounding: of a column without a bound a trillion units would have to be
had for them to matter, and rounded up they would make those worth having."""

DAMPED = 24
"""Powers of two by which a cut is scaled down at most."""

GIANT = 2.0**20
"""A slope that is so many times what a cut bounds makes a trace of a project worth all of it."""

DERIVED = -1
"""Stands among the cuts for a row that follows from one (``Master._by_starts``); none is kept for
later."""

LARGE = 2.0**15
"""Left sides of cuts above so many units do not make a violation of theirs count for less."""

DIGITS = 1e-14
"""A violation of a cut that is a smaller share of its side is rounding."""


@dataclass(frozen=True, eq=False)
class Windows:
    """What a branch of the search still allows.

    A project starts at a place of its start years from ``first`` to ``last``, if at all, and for
    certain where ``must``; a ticket is taken where ``least`` is 1, and cannot be where ``most`` is
    0.
    """

    first: Places
    last: Places
    must: Places
    least: Places
    most: Places


@dataclass(frozen=True, eq=False)
class Pattern:
    """Columns of the master that the damage of a node depends on."""

    columns: Positions
    """(U) rising, each once."""
    place: NDArray[np.intp]
    """Among these, of each offtake column, then of each stockpile's purchases by year."""
    arriving: sparse.csr_array
    """(offtake columns, P*D*Y) share of nameplate that arrives in a year."""

    def entries(self, slopes: Slopes) -> Floats:
        """(U) what a cut says of each of them."""
        offtake = self.arriving @ slopes.output[0].ravel()
        both = np.concatenate([offtake, slopes.purchases[0].ravel()])
        entries: Floats = np.bincount(self.place, both, len(self.columns)).astype(float)
        return entries


@dataclass(frozen=True, eq=False)
class Frame:
    """The master without any cut, compiled once it is asked for: alike whatever the states are, so
    that problems which differ in their states alone can share one."""

    instance: Instance
    groups: int = 1

    @cached_property
    def model(self) -> Any:
        """In Pyomo."""
        return build_master(self.instance, self.groups)

    @cached_property
    def compiled(self) -> highs.Compiled:
        """All columns and rows."""
        return highs.compile_model(self.model)

    @cached_property
    def reduced(self) -> Reduced:
        """Those that the solver gets."""
        return reduce(self.compiled)


def _unit_of_offtake(instance: Instance, p: str) -> float:
    """The share of a project's output that covers all demand for it, as a power of two, in the
    (geometric) mean of materials that anybody misses; NaN where it is no small one."""
    missed = {
        node.material for node in instance.nodes if any(step.weight.any() for step in node.steps)
    }
    covers = [
        math.log2(float(instance.material_demand[m].max()) / lots)
        for m, lots in instance.projects[p].output.items()
        if m in missed
    ]
    exponent = math.fsum(covers) / max(1, len(covers))
    return 2.0 ** round(exponent) if exponent < SMALL_SHARE else math.nan


class Master:
    """The master in the solver, and where its columns are.

    ``start`` lists the columns of each project's start years in order, ``ticket`` those of
    tickets with a minimum. The solver sees the objective, and what cuts bound, times
    ``objective_factor``, a power of two; ``exact`` holds it to its smallest tolerances.
    """

    def __init__(
        self,
        instance: Instance,
        recourse: Recourse,
        groups: int = 1,
        frame: Frame | None = None,
        objective_factor: float = 1.0,
        exact: bool = False,
    ) -> None:
        self.instance, self.recourse = instance, recourse
        frame = frame or Frame(instance, groups)
        self.model, self.compiled, self.reduced = frame.model, frame.compiled, frame.reduced
        self.program = self.reduced.program
        self.unit = 1 / objective_factor
        """Of the objective and of damage: what counts as one in the solver."""
        column = {
            id(v): int(c) for v, c in zip(self.compiled.variables, self.reduced.column, strict=True)
        }
        row = {
            id(rule): int(r)
            for rule, r in zip(self.compiled.constraints, self.reduced.row, strict=True)
        }
        self.projects = [p for p in instance.projects if instance.projects[p].starts]
        self.start = [
            np.array(
                [column[id(self.model.start[p, y])] for y in instance.projects[p].starts], np.int32
            )
            for p in self.projects
        ]
        self.ticket = np.array([column[id(v)] for v in self.model.takes_part.values()], np.int32)
        self._tickets = list(self.model.takes_part)
        self._taken = [
            np.array(
                [column[id(self.model.share[p, f, i, y])] for y in instance.projects[p].starts],
                np.int32,
            )
            for p, f, i in self._tickets
        ]
        """Columns of the shares behind each ticket."""
        self.once = np.array([row[id(self.model.start_once[p])] for p in self.projects], np.int32)
        self.binaries = np.concatenate([*self.start, self.ticket]).astype(np.int32)
        self.offset = np.cumsum([0, *(len(own) for own in self.start)])
        # Where recourse's columns are; those the model lacks are zero.
        columns = recourse.columns
        self._offtake = np.array(
            [
                column[id(self.model.offtake[key])] if key in self.model.offtake else -1
                for key in columns.offtake
            ],
            dtype=np.int64,
        )
        self._held = np.flatnonzero(self._offtake >= 0)
        """Of recourse's offtake columns, those that the model has."""
        held = [columns.offtake[c] for c in self._held]
        self._offtake_start = np.array(
            [column[id(self.model.start[p, y])] for p, y, _ in held], dtype=np.int64
        )
        self._start_of = np.full(len(self.program.cost), -1, dtype=np.int64)
        """Of each column that is offtake, that of its start."""
        self._start_of[self._offtake[self._held]] = self._offtake_start
        self._offtake_most = np.array([instance.projects[p].offtake_max for p, *_ in held])
        rights = np.array([row[id(self.model.offtake_right[key])] for key in held], dtype=np.int64)
        # A right that became a bound has no row.
        known = sparse.diags_array((rights >= 0).astype(float))
        self._rights = sparse.csr_array(known @ sparse.csr_array(self.program.matrix)[rights])
        self._rights_upper = np.where(rights >= 0, self.program.row_upper[rights], 0.0)
        self.purchases = np.array(
            [
                [column[id(self.model.buy[h, y])] for y in instance.years]
                for h in columns.stockpiles
            ],
            dtype=np.int64,
        ).reshape(len(columns.stockpiles), len(instance.years))
        self.cost_to_go: dict[tuple[int, int], int] = {
            key: column[id(x)] for key, x in self.model.cost_to_go.items()
        }
        self.tail_cost = next((column[id(x)] for x in self.model.tail_cost.values()), None)
        ahead = [*self.cost_to_go.values(), *([] if self.tail_cost is None else [self.tail_cost])]
        units = np.full(len(self.program.cost), np.nan)
        units[ahead] = self.unit
        for c in self._held:
            units[self._offtake[c]] = _unit_of_offtake(instance, columns.offtake[c][0])
        self._most = self.program.upper.copy()
        """What columns come to at most."""
        own = self._offtake[self._held]
        self._most[own] = np.minimum(self._most[own], self._offtake_most)
        exact |= bool((units[self._offtake[self._held]] < 1).any())
        self.simplex = highs.Simplex(self.program, objective_factor, units, exact)
        self.whole = 1e-9 if self.simplex.exact else 1e-6
        """What is closer to a whole number is one."""
        self.steepest = 0.0
        """Largest slope of a cut, in the solver's units, before the cut is scaled."""
        self._waiting_factor = highs.row_factors(
            self.reduced.waiting, self.reduced.upper, self.simplex.units
        )
        self.first_stage_cost = self.program.cost.copy()
        self.first_stage_cost[ahead] = 0.0
        self.base_rows = self.simplex.rows
        self.empty = False
        """Whether the current branch holds nothing, whatever the solver says."""
        self.age = np.zeros(0, np.int64)
        self.cuts: list[Cut | int] = []
        """Rows beyond the base: cuts, numbers of rules that were waiting, and ``DERIVED``."""
        self._shelf = Shelf(len(self.program.cost), self.size_of)
        self._patterns: dict[int, Pattern] = {}

    # Points and costs

    def point(self, x: Floats) -> Point:
        """What recourse sees of values of the columns.

        The solver takes a little more offtake than there is a right to, and of a project that is
        not started: of one far larger than demand that little would be worth much.
        """
        offtake = np.where(self._offtake >= 0, x[self._offtake], 0.0)
        most = self._offtake_most * np.clip(x[self._offtake_start], 0.0, 1.0)
        surplus = np.maximum(self._rights @ x - self._rights_upper, 0.0)
        offtake[self._held] = np.minimum(offtake[self._held] - surplus, most)
        return Point(np.clip(offtake, 0.0, 1.0), np.maximum(x[self.purchases], 0.0))

    def claimed(self, x: Floats) -> dict[int, float]:
        """Mean damage of each node as cuts know it."""
        claimed: dict[int, float] = {}
        for (v, _), column in self.cost_to_go.items():
            claimed[v] = claimed.get(v, 0.0) + float(x[column])
        return claimed

    def known_cost(self, x: Floats) -> float:
        """The part of the objective that does not depend on the state."""
        return float(self.first_stage_cost @ x) + self.program.offset

    # Cuts

    def size_of(self, sides: Floats) -> Floats:
        """What violations of cuts are a share of, by their left sides."""
        size = np.abs(sides)
        clipped = np.clip(size, self.unit, LARGE * self.unit)
        return np.asarray(np.maximum(clipped, DIGITS / 1e-9 * size), dtype=float)

    def _pattern(self, v: int) -> Pattern:
        """Columns that node v's damage depends on."""
        if v not in self._patterns:
            node = self.recourse.nodes[v]
            own = np.unique(node.arriving.indices)
            own = own[self._offtake[own] >= 0]
            columns = np.concatenate([self._offtake[own], self.purchases[node.piles].ravel()])
            once, place = np.unique(columns, return_inverse=True)
            self._patterns[v] = Pattern(once.astype(np.int32), place, node.arriving.T.tocsr()[own])
        return self._patterns[v]

    def row(self, cut: Cut) -> Row:
        """Columns, entries and left side of a cut: entries times columns are at least that."""
        side = 0.0
        # Beside the parts of nodes an empty one, since there may be no node at all.
        places: list[Positions] = [np.zeros(0, np.int32)]
        parts: list[Floats] = [np.zeros(0)]
        for v, slopes in cut.slopes.items():
            pattern = self._pattern(v)
            places.append(pattern.columns)
            parts.append(pattern.entries(slopes))
            side += float(slopes.constant[0])
        if len(cut.slopes) == 1:
            columns, entries = places[1], parts[1]
        else:
            once, place = np.unique(np.concatenate(places), return_inverse=True)
            columns = once.astype(np.int32)
            entries = np.bincount(place, np.concatenate(parts), len(columns)).astype(float)
        # The solver drops the tiniest entries. An entry left out would make the cut too strong:
        # what it could give at most comes off the side, or it is rounded up.
        factor = self._factor(columns, entries)
        worth = self.simplex.units[columns] / self.unit
        seen = self.simplex.units[columns] * factor
        small = (entries != 0) & (entries * seen < TINY)
        top = self._most[columns]
        bounded = small & np.isfinite(top)
        bounded[bounded] = entries[bounded] * top[bounded] * factor < TINY
        side -= float(np.maximum(entries[bounded], 0.0) @ top[bounded])
        entries[bounded] = 0.0
        rising = small & ~bounded
        entries[rising] = np.where(
            entries[rising] * worth[rising] < NOTHING, 0.0, TINY / seen[rising]
        )
        used = entries != 0
        return (
            np.append(columns[used], self._ahead(cut)).astype(np.int32),
            np.append(entries[used], 1.0),
            side,
        )

    def add(
        self, cuts: Sequence[Cut], x: Floats | None = None, least: float = 0.0
    ) -> dict[int, float]:
        """Add the cuts that ``x`` violates by more than ``least`` of their side; by how much, by
        node."""
        kept, found = [], dict[int, float]()
        for cut in cuts:
            row = self.row(cut)
            columns, entries, side = row
            excess = math.inf if x is None else float(side - entries @ x[columns])
            if excess > least * float(self.size_of(np.array(side))):
                kept.append((cut, row))
                v = -1 if cut.tail else cut.bounds[0]
                found[v] = found.get(v, 0.0) + excess
        self._append(kept)
        return found

    def _append(self, kept: Sequence[tuple[Cut | int, Row]]) -> None:
        if not kept:
            return
        if self.simplex.exact:
            whole = [self._by_starts(row) for _, row in kept]
            kept = [*kept, *((DERIVED, row) for row in whole if row is not None)]
        rows = [row for _, row in kept]
        self.simplex.add_rows(
            np.array([row[2] for row in rows]),
            np.full(len(rows), np.inf),
            np.cumsum([0, *(len(row[0]) for row in rows[:-1])]).astype(np.int32),
            np.concatenate([row[0] for row in rows]),
            np.concatenate([row[1] for row in rows]),
            np.array([self._factor(*row[:2]) for row in rows]),
        )
        self.cuts += [cut for cut, _ in kept]
        self.age = np.concatenate([self.age, np.zeros(len(rows), np.int64)])

    def _by_starts(self, row: Row) -> Row | None:
        """What a cut says of projects of which a trace would be worth all that it bounds: that much
        for the whole of them, started or not; None for a cut without any.

        It holds since offtake comes of what is started alone, and what is bounded is never
        negative. A trace of a start, which counts as none, is worth a trace by it.
        """
        columns, entries, side = row
        giant = (entries > GIANT * side) & (self._start_of[columns] >= 0)
        if side <= 0 or not giant.any():
            return None
        starts = np.unique(self._start_of[columns[giant]]).astype(np.int32)
        columns = np.concatenate([starts, columns[~giant]])
        entries = np.concatenate([np.full(len(starts), side), entries[~giant]])
        drowns = side * self._factor(columns, entries) < TINY
        return None if drowns else (columns, entries, side)

    def _factor(self, columns: Positions, entries: Floats) -> float:
        """What a cut is multiplied by: what it bounds counts one in a program that is near one.

        In another the largest entry counts as much above one as what it bounds counts below, so
        that neither the cut's multiplier nor its violation drowns in the solver's tolerances.
        """
        seen = np.abs(entries) * self.simplex.units[columns] / self.unit
        self.steepest = max(self.steepest, float(seen.max(initial=0.0)))
        if not self.simplex.exact:
            return 1 / self.unit
        exponent = math.ceil(math.log2(float(seen.max(initial=1.0))) / 2)
        return 2.0 ** -min(exponent, DAMPED) / self.unit

    def shelve(self, cuts: Sequence[Cut]) -> None:
        """Keep cuts at hand outside the solver, to be recalled where a solution violates them."""
        own = [cut for cut in cuts if self.weighs(cut)]
        self._shelf.put([(cut, self.row(cut), self._ahead(cut)) for cut in own])

    def weighs(self, cut: Cut) -> bool:
        """Whether the master has the column that a cut bounds."""
        if cut.tail:
            return self.tail_cost is not None
        return cut.bounds in self.cost_to_go

    def recall(self, x: Floats, least: float) -> int:
        """Take cuts off the shelf that ``x`` violates by more than ``least`` of their side: the
        deepest for each column that cuts bound, since the next solution needs few of the others."""
        taken = self._shelf.take(x, least)
        self._append(taken)
        return len(taken)

    def _ahead(self, cut: Cut) -> int:
        """The column that a cut bounds."""
        if cut.tail:
            assert self.tail_cost is not None
            return self.tail_cost
        return self.cost_to_go[cut.bounds]

    def all_cuts(self) -> list[Cut]:
        """Cuts in the solver, those that mattered last first, then those on the shelf."""
        order = np.argsort(self.age, kind="stable")
        active = [cut for cut in (self.cuts[n] for n in order) if isinstance(cut, Cut)]
        return active + self._shelf.cuts()

    def call_in(self, x: Floats, tolerance: float = 1e-7) -> int:
        """Let rules that wait join where ``x`` breaks them; returns how many did."""
        broken = self.reduced.broken(x, self._waiting_factor, tolerance)
        if len(broken):
            rows = self.reduced.waiting[broken]
            self.simplex.add_rows(
                np.full(len(broken), -np.inf),
                self.reduced.upper[broken],
                rows.indptr[:-1].astype(np.int32),
                rows.indices.astype(np.int32),
                rows.data,
                self._waiting_factor[broken],
            )
            self.cuts += [int(r) for r in broken]
            self.age = np.concatenate([self.age, np.zeros(len(broken), np.int64)])
        return len(broken)

    def grow_older(self) -> None:
        """Count for each cut the solves since it last mattered."""
        duals = np.abs(self.simplex.row_duals()[self.base_rows :])
        self.age = np.where(duals > 1e-9, 0, self.age + 1)

    def purge(self, oldest: int) -> None:
        """Take out cuts that have not mattered for so many solves."""
        old = self.age > oldest
        if old.sum() < 50:
            return
        self.simplex.delete_rows((self.base_rows + np.flatnonzero(old)).astype(np.int32))
        self.age = self.age[~old]
        gone = [cut for cut, out in zip(self.cuts, old, strict=True) if out]
        self.shelve([cut for cut in gone if isinstance(cut, Cut)])
        self.cuts = [cut for cut, out in zip(self.cuts, old, strict=True) if not out]

    # Decisions

    def everything(self) -> Windows:
        """No restriction beyond the master's own."""
        count, tickets = len(self.projects), len(self.ticket)
        return Windows(
            np.zeros(count, np.int64),
            np.array([len(own) - 1 for own in self.start], np.int64),
            np.zeros(count, np.int64),
            np.zeros(tickets, np.int64),
            np.ones(tickets, np.int64),
        )

    def restrict(self, windows: Windows, fixed: NDArray[np.bool_] | None = None) -> None:
        """Let the solver see a branch; ``fixed`` names binaries that are out in all of them."""
        place = np.arange(self.offset[-1]) - np.repeat(self.offset[:-1], np.diff(self.offset))
        first = np.repeat(windows.first, np.diff(self.offset))
        last = np.repeat(windows.last, np.diff(self.offset))
        upper = np.concatenate([(place >= first) & (place <= last), windows.most]).astype(float)
        lower = np.concatenate([np.zeros(self.offset[-1]), windows.least]).astype(float)
        if fixed is not None:
            upper[fixed] = 0.0
        lower = np.maximum(lower, self.program.lower[self.binaries])
        upper = np.minimum(upper, self.program.upper[self.binaries])
        # The solver takes no column whose bounds exclude each other.
        self.empty = bool((lower > upper).any())
        self.simplex.bound_columns(self.binaries, np.minimum(lower, upper), upper)
        must = windows.must.astype(float)
        self.simplex.bound_rows(self.once, must, np.ones(len(must)))

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
        built = place >= 0
        takes = (self.taken(x) > 0.5).astype(np.int64)
        return Windows(
            np.where(built, place, 1).astype(np.int64),
            np.where(built, place, 0).astype(np.int64),
            built.astype(np.int64),
            takes,
            takes.copy(),
        )

    def read(self, x: Floats) -> Any:
        """Values of the columns loaded into the model."""
        self.compiled.load(self.reduced.expand(x))
        return self.model
