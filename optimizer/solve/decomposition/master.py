"""The master: the first stage as a linear program that cuts are added to, and its decisions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.columns import Columns, Positions, Windows
from optimizer.solve.decomposition.cuts import Appraiser, Cut, Row, Shelf, stacked
from optimizer.solve.decomposition.reduced import Frame, Frames
from optimizer.solve.decomposition.tree import Beyond, Proof

TINY = 1e-8  # slopes below this, in the solver's units, are rounded up where they must stay
SMALL_SHARE, LEAST_SHARE = -7, -40
"""Powers of two: shares of output that cover all use get own units below the first, and none below
the second, since the solver refuses what counts 1e15 of them."""
NOTHING = 1e-12
"""Slopes below this are rounding: of a column without a bound a trillion units would have to be
had for them to matter, and rounded up they would make those worth having."""
DAMPED = 24  # powers of two by which a cut is scaled down at most
GIANT = 2.0**20  # a slope so many times what a cut bounds makes a trace of a project worth it all
LARGE = 2.0**15  # left sides above so many units do not make a violation count for less
MOST_ROWS = 6000  # of cuts that are remembered from one problem to the next
NEARBY = 8.0  # an objective that is larger or smaller by less keeps the unit it had
YOUNG = 2  # solves since a cut mattered, up to which it is taken to the next problem
BASIC = 1  # status of a row that has joined, as bases number them
AT_HAND = 100  # cuts at hand any time that may stay though they do not matter
DIGITS = 1e-14  # a violation of a cut that is a smaller share of its side is rounding


def _unit_of_offtake(instance: Instance, p: str) -> float:
    """The share of a project's output that covers all that can be used of it, as a power of two, in
    the (geometric) mean of materials that anybody misses; NaN where it is no small one."""
    covers = [
        math.log2(float(instance.usable[m].max()) / lots)
        for m, lots in instance.projects[p].output.items()
        if m in instance.missed
    ]
    exponent = math.fsum(covers) / max(1, len(covers))
    return 2.0 ** max(round(exponent), LEAST_SHARE) if exponent < SMALL_SHARE else math.nan


class Master(Columns):
    """The master in the solver, which sees the objective, and what cuts bound, times
    ``objective_factor``, a power of two; ``exact`` holds it to its smallest tolerances. ``last`` is
    the master of a problem much like it: rows of cuts are taken from it, and its basis is where
    this one starts (``resume``)."""

    def __init__(
        self,
        appraise: Appraiser,
        frame: Frame | Frames | None = None,
        objective_factor: float = 1.0,
        exact: bool = False,
        last: Master | None = None,
    ) -> None:
        together = appraise.together
        super().__init__(appraise, frame or Frames.of(together, [None] * len(appraise.parts)))
        program = self.program
        if last is not None and last.layout.columns != self.layout.columns:
            last = None
        if last is not None and 1 / NEARBY <= objective_factor * last.unit <= NEARBY:
            objective_factor = 1 / last.unit
        self.unit: float = (
            1 / objective_factor
        )  # of objective and damage: what counts one in the solver
        tails = [view.tail_cost for view in self.views if view.tail_cost is not None]
        ahead = [*self.cost_to_go.values(), *tails]
        units = np.full(len(program.cost), np.nan)
        units[ahead] = self.unit
        if not together.adds_up:
            units[-1] = self.unit  # what the objectives of all sets are below
        self._most = program.upper.copy()  # what columns come to at most
        for view, part in zip(self.views, together.parts, strict=True):
            own = view.offtake
            for c, p in zip(own, view.offtake_of, strict=True):
                units[c] = np.fmin(units[c], _unit_of_offtake(part.instance, p))
            self._most[own] = np.minimum(self._most[own], view.offtake_most)
            exact |= bool((units[own] < 1).any())
        if last is not None:  # what rows of cuts look like in the solver stays as it was
            units, exact = last.simplex.units, exact or last.simplex.exact
        self.simplex: highs.Simplex = highs.Simplex(program, objective_factor, units, exact)
        self.whole = 1e-9 if self.simplex.exact else 1e-6  # what is closer to a whole number is one
        self.steepest = 0.0  # largest slope of a cut, in the solver's units, before it is scaled
        self._waiting_factor = highs.row_factors(
            self.reduced.waiting, self.reduced.upper, self.simplex.units
        )
        self._chains = appraise.chains
        self._known_costs = self.reduced.costs.copy()
        self._known_costs[:, ahead] = 0.0
        self.base_rows = self.simplex.rows
        self.empty = False  # whether the current branch holds nothing, whatever the solver says
        self.age = np.zeros(0, np.int64)
        self.cuts: list[Beyond] = []  # rows beyond the base
        self._shelf = Shelf(len(program.cost), self.size_of)
        # By identity, with the cut itself, so that no other takes its place.
        self._known_rows: dict[int, tuple[Cut, Row]] = {}
        few = last is not None and len(last._known_rows) <= MOST_ROWS
        if last is not None and few and self._reads_alike(last):
            self._known_rows = last._known_rows

    def _reads_alike(self, last: Master) -> bool:
        """Whether cuts have the same rows as in another master."""
        return (
            self.layout.columns == last.layout.columns
            and all(
                own.recourse.columns.offtake == other.recourse.columns.offtake
                for own, other in zip(self.views, last.views, strict=True)
            )
            and self.unit == last.unit
            and bool(np.array_equal(self.simplex.units, last.simplex.units))
        )

    def resume(self, last: Master) -> set[int]:
        """Go on from another master's cuts and basis, where they fit; the cuts that were taken, by
        identity."""
        if not self._reads_alike(last) or self.simplex.exact != last.simplex.exact:
            return set()
        waits = {key: r for r, key in enumerate(self.layout.waiting)}
        kept: list[tuple[int, Beyond]] = []
        for n in np.flatnonzero(last.age <= YOUNG).tolist():
            own = last.cuts[n]
            if not isinstance(own, int):
                kept.append((n, own))
            elif (r := waits.get(last.layout.waiting[own], -1)) >= 0:
                kept.append((n, r))
        self._join([own for _, own in kept])
        at = np.array([n for n, _ in kept], dtype=np.int64)
        of_rows, of_columns = last.simplex.statuses()
        before = dict(zip(last.layout.rows, of_rows[: last.base_rows].tolist(), strict=True))
        base = [before.get(key, BASIC) for key in self.layout.rows]
        of_rows = np.concatenate([base, of_rows[last.base_rows + at]]).astype(np.int8)
        self.simplex.set_basis(highs.basis_of(of_rows, of_columns))
        return {id(own) for _, own in kept if isinstance(own, Cut)}

    def _join(self, beyond: Sequence[Beyond]) -> None:
        """Add rows that were there before, in this master or another."""
        if not beyond:
            return
        rows = [self.row_of(own) for own in beyond]
        factors = np.array(
            [
                self._waiting_factor[own] if isinstance(own, int) else self._factor(*row[:2])
                for own, row in zip(beyond, rows, strict=True)
            ]
        )
        lower, upper = (np.array([row[side] for row in rows]) for side in (2, 3))
        self._add_rows(lower, upper, stacked(rows, len(self._most)), factors)
        self.cuts += beyond

    def known_costs(self, x: Floats) -> Floats:
        """The part of the objective under each set of assumptions that no state has a part in."""
        costs: Floats = self._known_costs @ x + self.reduced.offsets
        return costs

    # Cuts

    def size_of(self, sides: Floats) -> Floats:
        """What violations of cuts are a share of, by their left sides."""
        size = np.abs(sides)
        clipped = np.clip(size, self.unit, LARGE * self.unit)
        return np.asarray(np.maximum(clipped, DIGITS / 1e-9 * size), dtype=float)

    def row(self, cut: Cut) -> Row:
        """Columns, entries and left side of a cut: entries times columns are at least that."""
        known = self._known_rows.get(id(cut))
        if known is not None:
            return known[1]
        row, alike = self._row(cut)
        if alike:
            self._known_rows[id(cut)] = cut, row
        return row

    def row_of(self, own: Beyond) -> tuple[Positions, Floats, float, float]:
        """Columns, entries and sides of a row beyond the base."""
        if not isinstance(own, int):
            return *(self.row(own) if isinstance(own, Cut) else own), math.inf
        waiting = self.reduced.waiting
        at = slice(waiting.indptr[own], waiting.indptr[own + 1])
        return waiting.indices[at], waiting.data[at], -math.inf, float(self.reduced.upper[own])

    def proof(self) -> Proof | None:
        """The multipliers of the last solve; None where they cannot be told."""
        duals = self.simplex.row_duals()
        if not np.isfinite(duals).all():
            return None
        of_beyond = duals[self.base_rows :]
        used = np.flatnonzero(of_beyond)
        of_rows, of_columns = self.simplex.statuses()
        return Proof(
            duals[: self.base_rows],
            tuple(self.cuts[n] for n in used),
            of_beyond[used],
            of_rows[: self.base_rows],
            of_columns,
        )

    def go_on_from(self, proof: Proof) -> None:
        """Return to the basis of a proof, as far as its rows are there."""
        there = {own if isinstance(own, int) else id(own) for own in self.cuts}
        used = {own if isinstance(own, int) else id(own): own for own in proof.beyond}
        self._join([own for key, own in used.items() if key not in there])
        ids = [own if isinstance(own, int) else id(own) for own in self.cuts]
        beyond = np.array([0 if own in used else BASIC for own in ids], dtype=np.int8)
        of_rows = np.concatenate([proof.of_rows, beyond])
        self.simplex.set_basis(highs.basis_of(of_rows, proof.of_columns))

    def _row(self, cut: Cut) -> tuple[Row, bool]:
        """The row of a cut, and whether it is the same whatever bounds the columns have."""
        patterns = [(self.pattern(v), slopes) for v, slopes in cut.slopes.items()]
        side = 0.0
        for slopes in cut.slopes.values():
            side += float(slopes.constant[0])
        parts = [pattern.entries(slopes) for pattern, slopes in patterns]
        if len(patterns) == 1:
            columns, entries = patterns[0][0].columns, parts[0]
        else:  # beside the parts of nodes an empty one, since there may be no node at all
            places = [np.zeros(0, np.int32), *(pattern.columns for pattern, _ in patterns)]
            once, place = np.unique(np.concatenate(places), return_inverse=True)
            columns = once.astype(np.int32)
            entries = np.bincount(place, np.concatenate([[], *parts]), len(columns)).astype(float)
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
        nothing = entries[rising] * worth[rising] < NOTHING
        entries[rising] = np.where(nothing, 0.0, TINY / seen[rising])
        used = entries != 0
        columns = np.append(columns[used], self.ahead(cut)).astype(np.int32)
        return (columns, np.append(entries[used], 1.0), side), not bounded.any()

    def add(
        self, cuts: Sequence[Cut], x: Floats | None = None, least: float = 0.0
    ) -> dict[int, float]:
        """Add the cuts that ``x`` violates by more than ``least`` of their side; by how much, by
        node."""
        kept, found = [], dict[int, float]()
        for cut in cuts:
            columns, entries, side = row = self.row(cut)
            excess = math.inf if x is None else float(side - entries @ x[columns])
            if excess > least * float(self.size_of(np.array(side))):
                kept.append((cut, row))
                v = -1 if cut.tail else cut.head
                found[v] = found.get(v, 0.0) + excess
        self._append(kept)
        return found

    def _append(self, kept: Sequence[tuple[Beyond, Row]]) -> None:
        if not kept:
            return
        if self.simplex.exact:
            whole = [self._by_starts(row) for _, row in kept]
            kept = [*kept, *((row, row) for row in whole if row is not None)]
        rows = [row for _, row in kept]
        factors = np.array([self._factor(*row[:2]) for row in rows])
        sides = np.array([row[2] for row in rows])
        self._add_rows(sides, np.full(len(rows), np.inf), stacked(rows, len(self._most)), factors)
        self.cuts += [cut for cut, _ in kept]

    def _add_rows(
        self, lower: Floats, upper: Floats, rows: sparse.csr_array, factors: Floats
    ) -> None:
        start, index = rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32)
        self.simplex.add_rows(lower, upper, start, index, rows.data, factors)
        self.age = np.concatenate([self.age, np.zeros(len(lower), np.int64)])

    def _by_starts(self, row: Row) -> Row | None:
        """What a cut says of projects of which a trace would be worth all that it bounds: that much
        for the whole of them; None for a cut without any. It holds since offtake comes of what is
        started alone, and what is bounded is never negative."""
        columns, entries, side = row
        giant = (entries > GIANT * side) & (self.start_of[columns] >= 0)
        if side <= 0 or not giant.any():
            return None
        starts = np.unique(self.start_of[columns[giant]]).astype(np.int32)
        columns = np.concatenate([starts, columns[~giant]])
        entries = np.concatenate([np.full(len(starts), side), entries[~giant]])
        drowns = side * self._factor(columns, entries) < TINY
        return None if drowns else (columns, entries, side)

    def _factor(self, columns: Positions, entries: Floats) -> float:
        """What a cut is multiplied by: what it bounds counts one in a program that is near one; in
        another the largest entry counts as much above one as what it bounds counts below, so that
        neither the cut's multiplier nor its violation drowns in the solver's tolerances."""
        seen = np.abs(entries) * self.simplex.units[columns] / self.unit
        self.steepest = max(self.steepest, float(seen.max(initial=0.0)))
        if not self.simplex.exact:
            return 1 / self.unit
        exponent = math.ceil(math.log2(float(seen.max(initial=1.0))) / 2)
        return 2.0 ** -min(exponent, DAMPED) / self.unit

    def shelve(self, cuts: Sequence[Cut]) -> None:
        """Keep cuts at hand outside the solver, to be recalled where a solution violates them."""
        own = [cut for cut in cuts if self.weighs(cut)]
        self._shelf.put([(cut, self.row(cut), self.ahead(cut)) for cut in own])

    def weighs(self, cut: Cut) -> bool:
        """Whether the master has the column that a cut bounds."""
        if not cut.tail:
            return cut.head in self.cost_to_go
        return self._tail_cost(cut) is not None

    def _tail_cost(self, cut: Cut) -> int | None:
        """The column of the CVaR that a cut bounds."""
        view = self.view_of(cut.head) if cut.slopes else self.views[0]
        return view.tail_cost

    def recall(self, x: Floats, least: float) -> int:
        """Take cuts off the shelf that ``x`` violates (:meth:`Shelf.take`); returns how many."""
        taken = self._shelf.take(x, least)
        self._append(taken)
        return len(taken)

    def ahead(self, cut: Cut) -> int:
        """The column that a cut bounds."""
        if not cut.tail:
            return self.cost_to_go[cut.head]
        column = self._tail_cost(cut)
        assert column is not None
        return column

    def all_cuts(self) -> list[Cut]:
        """Cuts in the solver, those that mattered last first, then those on the shelf."""
        order = np.argsort(self.age, kind="stable")
        active = [cut for cut in (self.cuts[n] for n in order) if isinstance(cut, Cut)]
        return active + self._shelf.cuts()

    def call_in(self, x: Floats, tolerance: float = 1e-7) -> int:
        """Let rules that wait join where ``x`` breaks them; returns how many did."""
        broken = self.reduced.broken(x, self._waiting_factor, tolerance)
        if len(broken):
            lower, upper = np.full(len(broken), -np.inf), self.reduced.upper[broken]
            factors = self._waiting_factor[broken]
            self._add_rows(lower, upper, self.reduced.waiting[broken], factors)
            self.cuts += [int(r) for r in broken]
        return len(broken)

    def grow_older(self) -> None:
        """Count for each cut the solves since it last mattered."""
        duals = np.abs(self.simplex.row_duals()[self.base_rows :])
        self.age = np.where(duals > 1e-9, 0, self.age + 1)

    def let_go(self) -> None:
        """Take out cuts that do not matter now, and are at hand any time."""
        at_hand = np.array([isinstance(cut, Cut) and cut.at_hand for cut in self.cuts], dtype=bool)
        if at_hand.sum() > AT_HAND:
            idle = np.abs(self.simplex.row_duals()[self.base_rows :]) <= 1e-9
            self._take_out(at_hand & idle)

    def purge(self, oldest: int) -> None:
        """Take out cuts that have not mattered for so many solves."""
        self._take_out(self.age > oldest)

    def _take_out(self, old: NDArray[np.bool_]) -> None:
        """Shelve cuts, if there are many; what is at hand any time is dropped."""
        if old.sum() < 50:
            return
        self.simplex.delete_rows((self.base_rows + np.flatnonzero(old)).astype(np.int32))
        self.age = self.age[~old]
        gone = [cut for cut, out in zip(self.cuts, old, strict=True) if out]
        self.shelve([cut for cut in gone if isinstance(cut, Cut) and not cut.at_hand])
        self.cuts = [cut for cut, out in zip(self.cuts, old, strict=True) if not out]

    # Branches

    def restrict(self, windows: Windows, fixed: NDArray[np.bool_] | None = None) -> None:
        """Let the solver see a branch; ``fixed`` names binaries that are out in all of them."""
        lower, upper = self.bounds_of(windows, fixed)
        # The solver takes no column whose bounds exclude each other.
        self.empty = bool((lower > upper).any())
        self.simplex.bound_columns(self.binaries, np.minimum(lower, upper), upper)
        must = windows.must.astype(float)
        self.simplex.bound_rows(self.once, must, np.ones(len(must)))

    @contextmanager
    def held(self, x: Floats, heads: Collection[int]) -> Iterator[None]:
        """With what the recourse of some chains sees held to the values of a solution."""
        program, chains = self.program, self._chains
        parts = [self.pattern(v).columns for head in heads for v in chains[head]]
        seen = np.unique(np.concatenate([*parts, []])).astype(np.int32)
        seen = seen[~program.integer[seen]]
        lower, upper = program.lower[seen], program.upper[seen]
        at = np.clip(x[seen], lower, upper)
        self.simplex.bound_columns(seen, at, at)
        try:
            yield
        finally:
            self.simplex.bound_columns(seen, lower, upper)
