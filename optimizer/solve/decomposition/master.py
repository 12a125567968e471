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
from optimizer.solve.decomposition.cuts import Cut, CutOracle, CutRow, InactiveCuts, rows_to_matrix
from optimizer.solve.decomposition.master_columns import (
    ColumnIndices,
    MasterColumns,
    VariableBounds,
)
from optimizer.solve.decomposition.master_model import MasterModel, StackedMasterModel
from optimizer.solve.decomposition.search_tree import DualProof, ExtraRow

MIN_COEFFICIENT = (
    1e-8  # slopes below this, in the solver's units, are rounded up where they must stay
)
SMALL_SHARE_EXPONENT, MIN_SHARE_EXPONENT = -7, -40
"""Powers of two: shares of output that cover all use get own units below the first, and none below
the second, since the solver refuses what counts 1e15 of them."""
ROUNDING_COEFFICIENT = 1e-12
"""Slopes below this are rounding: of a column without a bound a trillion units would have to be
had for them to matter, and rounded up they would make those worth having."""
MAX_DAMPING_EXPONENT = 24  # powers of two by which a cut is scaled down at most
HUGE_COEFFICIENT_RATIO = (
    2.0**20
)  # a slope so many times what a cut bounds makes a trace of a project worth it all
MAX_VIOLATION_UNITS = (
    2.0**15
)  # left sides above so many units do not make a violation count for less
MAX_REMEMBERED_ROWS = 6000  # of cuts that are remembered from one problem to the next
MAX_UNIT_CHANGE = 8.0  # an objective that is larger or smaller by less keeps the unit it had
MAX_CARRIED_CUT_AGE = 2  # solves since a cut mattered, up to which it is taken to the next problem
BASIC_STATUS = 1  # status of a row that has joined, as bases number them
MAX_RECOVERABLE_CUTS = 100  # cuts at hand any time that may stay though they do not matter
ROUNDING_VIOLATION = 1e-14  # a violation of a cut that is a smaller share of its side is rounding


def _offtake_unit(instance: Instance, p: str) -> float:
    """The share of a project's output that covers all that can be used of it, as a power of two, in
    the (geometric) mean of materials that anybody misses; NaN where it is no small one."""
    covers = [
        math.log2(float(instance.max_useful_lots[m].max()) / lots)
        for m, lots in instance.projects[p].output.items()
        if m in instance.materials_with_damage
    ]
    exponent = math.fsum(covers) / max(1, len(covers))
    return (
        2.0 ** max(round(exponent), MIN_SHARE_EXPONENT)
        if exponent < SMALL_SHARE_EXPONENT
        else math.nan
    )


class Master(MasterColumns):
    """The master in the solver, which sees the objective, and what cuts bound, times
    ``objective_factor``, a power of two; ``exact`` holds it to its smallest tolerances. ``last`` is
    the master of a problem much like it: rows of cuts are taken from it, and its basis is where
    this one starts (``resume``)."""

    def __init__(
        self,
        cut_oracle: CutOracle,
        master_model: MasterModel | StackedMasterModel | None = None,
        objective_factor: float = 1.0,
        exact: bool = False,
        previous: Master | None = None,
    ) -> None:
        together = cut_oracle.assumption_sets
        super().__init__(
            cut_oracle,
            master_model
            or StackedMasterModel.for_sets(together, [None] * len(cut_oracle.part_oracles)),
        )
        program = self.program
        if previous is not None and previous.layout.columns != self.layout.columns:
            previous = None
        if (
            previous is not None
            and 1 / MAX_UNIT_CHANGE <= objective_factor * previous.objective_unit <= MAX_UNIT_CHANGE
        ):
            objective_factor = 1 / previous.objective_unit
        self.objective_unit: float = (
            1 / objective_factor
        )  # of objective and damage: what counts one in the solver
        tails = [
            view.tail_cost_column for view in self.part_columns if view.tail_cost_column is not None
        ]
        ahead = [*self.cost_to_go_columns.values(), *tails]
        units = np.full(len(program.cost), np.nan)
        units[ahead] = self.objective_unit
        if not together.is_additive:
            units[-1] = self.objective_unit  # what the objectives of all sets are below
        self._max_values = program.upper.copy()  # what columns come to at most
        for view, part in zip(self.part_columns, together.blocks, strict=True):
            own = view.offtake_columns
            for c, p in zip(own, view.offtake_projects, strict=True):
                units[c] = np.fmin(units[c], _offtake_unit(part.instance, p))
            self._max_values[own] = np.minimum(self._max_values[own], view.offtake_max)
            exact |= bool((units[own] < 1).any())
        if previous is not None:  # what rows of cuts look like in the solver stays as it was
            units, exact = (
                previous.simplex.column_units,
                exact or previous.simplex.uses_exact_tolerances,
            )
        self.simplex: highs.DualSimplex = highs.DualSimplex(program, objective_factor, units, exact)
        self.integrality_tolerance = (
            1e-9 if self.simplex.uses_exact_tolerances else 1e-6
        )  # what is closer to a whole number is one
        self.largest_coefficient = (
            0.0  # largest slope of a cut, in the solver's units, before it is scaled
        )
        self._lazy_row_factors = highs.compute_row_factors(
            self.reduced_program.lazy_rows,
            self.reduced_program.lazy_upper,
            self.simplex.column_units,
        )
        self._chains = cut_oracle.chains
        self._first_stage_costs = self.reduced_program.set_costs.copy()
        self._first_stage_costs[:, ahead] = 0.0
        self.base_row_count = self.simplex.row_count
        self.is_empty = False  # whether the current branch holds nothing, whatever the solver says
        self.row_ages = np.zeros(0, np.int64)
        self.extra_rows: list[ExtraRow] = []  # rows beyond the base
        self._inactive_cuts = InactiveCuts(len(program.cost), self.violation_scale)
        # By identity, with the cut itself, so that no other takes its place.
        self._cut_row_cache: dict[int, tuple[Cut, CutRow]] = {}
        few = previous is not None and len(previous._cut_row_cache) <= MAX_REMEMBERED_ROWS
        if previous is not None and few and self._has_same_cut_rows(previous):
            self._cut_row_cache = previous._cut_row_cache

    def _has_same_cut_rows(self, previous: Master) -> bool:
        """Whether cuts have the same rows as in another master."""
        return (
            self.layout.columns == previous.layout.columns
            and all(
                own.recourse.columns.offtake_columns == other.recourse.columns.offtake_columns
                for own, other in zip(self.part_columns, previous.part_columns, strict=True)
            )
            and self.objective_unit == previous.objective_unit
            and bool(np.array_equal(self.simplex.column_units, previous.simplex.column_units))
        )

    def resume_from(self, previous: Master) -> set[int]:
        """Go on from another master's cuts and basis, where they fit; the cuts that were taken, by
        identity."""
        if (
            not self._has_same_cut_rows(previous)
            or self.simplex.uses_exact_tolerances != previous.simplex.uses_exact_tolerances
        ):
            return set()
        waits = {key: r for r, key in enumerate(self.layout.lazy_rows)}
        kept: list[tuple[int, ExtraRow]] = []
        for n in np.flatnonzero(previous.row_ages <= MAX_CARRIED_CUT_AGE).tolist():
            own = previous.extra_rows[n]
            if not isinstance(own, int):
                kept.append((n, own))
            elif (r := waits.get(previous.layout.lazy_rows[own], -1)) >= 0:
                kept.append((n, r))
        self._add_extra_rows([own for _, own in kept])
        at = np.array([n for n, _ in kept], dtype=np.int64)
        of_rows, of_columns = previous.simplex.basis_statuses()
        before = dict(
            zip(previous.layout.rows, of_rows[: previous.base_row_count].tolist(), strict=True)
        )
        base = [before.get(key, BASIC_STATUS) for key in self.layout.rows]
        of_rows = np.concatenate([base, of_rows[previous.base_row_count + at]]).astype(np.int8)
        self.simplex.set_basis(highs.build_basis(of_rows, of_columns))
        return {id(own) for _, own in kept if isinstance(own, Cut)}

    def _add_extra_rows(self, extra_rows: Sequence[ExtraRow]) -> None:
        """Add rows that were there before, in this master or another."""
        if not extra_rows:
            return
        rows = [self.extra_row(own) for own in extra_rows]
        factors = np.array(
            [
                self._lazy_row_factors[own] if isinstance(own, int) else self._row_factor(*row[:2])
                for own, row in zip(extra_rows, rows, strict=True)
            ]
        )
        lower, upper = (np.array([row[side] for row in rows]) for side in (2, 3))
        self._add_rows(lower, upper, rows_to_matrix(rows, len(self._max_values)), factors)
        self.extra_rows += extra_rows

    def first_stage_costs(self, x: Floats) -> Floats:
        """The part of the objective under each set of assumptions that no state has a part in."""
        costs: Floats = self._first_stage_costs @ x + self.reduced_program.set_offsets
        return costs

    # Cuts

    def violation_scale(self, sides: Floats) -> Floats:
        """What violations of cuts are a share of, by their left sides."""
        size = np.abs(sides)
        clipped = np.clip(size, self.objective_unit, MAX_VIOLATION_UNITS * self.objective_unit)
        return np.asarray(np.maximum(clipped, ROUNDING_VIOLATION / 1e-9 * size), dtype=float)

    def cut_row(self, cut: Cut) -> CutRow:
        """Columns, entries and left side of a cut: entries times columns are at least that."""
        known = self._cut_row_cache.get(id(cut))
        if known is not None:
            return known[1]
        row, alike = self._build_cut_row(cut)
        if alike:
            self._cut_row_cache[id(cut)] = cut, row
        return row

    def extra_row(self, extra: ExtraRow) -> tuple[ColumnIndices, Floats, float, float]:
        """Columns, entries and sides of a row beyond the base."""
        if not isinstance(extra, int):
            return *(self.cut_row(extra) if isinstance(extra, Cut) else extra), math.inf
        waiting = self.reduced_program.lazy_rows
        at = slice(waiting.indptr[extra], waiting.indptr[extra + 1])
        return (
            waiting.indices[at],
            waiting.data[at],
            -math.inf,
            float(self.reduced_program.lazy_upper[extra]),
        )

    def dual_proof(self) -> DualProof | None:
        """The multipliers of the last solve; None where they cannot be told."""
        duals = self.simplex.row_duals()
        if not np.isfinite(duals).all():
            return None
        of_beyond = duals[self.base_row_count :]
        used = np.flatnonzero(of_beyond)
        of_rows, of_columns = self.simplex.basis_statuses()
        return DualProof(
            duals[: self.base_row_count],
            tuple(self.extra_rows[n] for n in used),
            of_beyond[used],
            of_rows[: self.base_row_count],
            of_columns,
        )

    def restore_basis(self, proof: DualProof) -> None:
        """Return to the basis of a proof, as far as its rows are there."""
        there = {own if isinstance(own, int) else id(own) for own in self.extra_rows}
        used = {own if isinstance(own, int) else id(own): own for own in proof.extra_rows}
        self._add_extra_rows([own for key, own in used.items() if key not in there])
        ids = [own if isinstance(own, int) else id(own) for own in self.extra_rows]
        beyond = np.array([0 if own in used else BASIC_STATUS for own in ids], dtype=np.int8)
        of_rows = np.concatenate([proof.row_statuses, beyond])
        self.simplex.set_basis(highs.build_basis(of_rows, proof.column_statuses))

    def _build_cut_row(self, cut: Cut) -> tuple[CutRow, bool]:
        """The row of a cut, and whether it is the same whatever bounds the columns have."""
        patterns = [(self.cut_columns(v), slopes) for v, slopes in cut.subgradients.items()]
        side = 0.0
        for slopes in cut.subgradients.values():
            side += float(slopes.constant[0])
        parts = [pattern.coefficients(slopes) for pattern, slopes in patterns]
        if len(patterns) == 1:
            columns, entries = patterns[0][0].columns, parts[0]
        else:  # beside the parts of nodes an empty one, since there may be no node at all
            places = [np.zeros(0, np.int32), *(pattern.columns for pattern, _ in patterns)]
            once, place = np.unique(np.concatenate(places), return_inverse=True)
            columns = once.astype(np.int32)
            entries = np.bincount(place, np.concatenate([[], *parts]), len(columns)).astype(float)
        # The solver drops the tiniest entries. An entry left out would make the cut too strong:
        # what it could give at most comes off the side, or it is rounded up.
        factor = self._row_factor(columns, entries)
        worth = self.simplex.column_units[columns] / self.objective_unit
        seen = self.simplex.column_units[columns] * factor
        small = (entries != 0) & (entries * seen < MIN_COEFFICIENT)
        top = self._max_values[columns]
        bounded = small & np.isfinite(top)
        bounded[bounded] = entries[bounded] * top[bounded] * factor < MIN_COEFFICIENT
        side -= float(np.maximum(entries[bounded], 0.0) @ top[bounded])
        entries[bounded] = 0.0
        rising = small & ~bounded
        nothing = entries[rising] * worth[rising] < ROUNDING_COEFFICIENT
        entries[rising] = np.where(nothing, 0.0, MIN_COEFFICIENT / seen[rising])
        used = entries != 0
        columns = np.append(columns[used], self.bounded_column(cut)).astype(np.int32)
        return (columns, np.append(entries[used], 1.0), side), not bounded.any()

    def add_violated_cuts(
        self, cuts: Sequence[Cut], x: Floats | None = None, min_violation: float = 0.0
    ) -> dict[int, float]:
        """Add the cuts that ``x`` violates by more than ``least`` of their side; by how much, by
        node."""
        kept, found = [], dict[int, float]()
        for cut in cuts:
            columns, entries, side = row = self.cut_row(cut)
            excess = math.inf if x is None else float(side - entries @ x[columns])
            if excess > min_violation * float(self.violation_scale(np.array(side))):
                kept.append((cut, row))
                v = -1 if cut.is_tail else cut.chain_id
                found[v] = found.get(v, 0.0) + excess
        self._append_cut_rows(kept)
        return found

    def _append_cut_rows(self, new_rows: Sequence[tuple[ExtraRow, CutRow]]) -> None:
        if not new_rows:
            return
        if self.simplex.uses_exact_tolerances:
            whole = [self._bound_by_starts(row) for _, row in new_rows]
            new_rows = [*new_rows, *((row, row) for row in whole if row is not None)]
        rows = [row for _, row in new_rows]
        factors = np.array([self._row_factor(*row[:2]) for row in rows])
        sides = np.array([row[2] for row in rows])
        self._add_rows(
            sides, np.full(len(rows), np.inf), rows_to_matrix(rows, len(self._max_values)), factors
        )
        self.extra_rows += [cut for cut, _ in new_rows]

    def _add_rows(
        self, lower: Floats, upper: Floats, rows: sparse.csr_array, factors: Floats
    ) -> None:
        start, index = rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32)
        self.simplex.add_rows(lower, upper, start, index, rows.data, factors)
        self.row_ages = np.concatenate([self.row_ages, np.zeros(len(lower), np.int64)])

    def _bound_by_starts(self, row: CutRow) -> CutRow | None:
        """What a cut says of projects of which a trace would be worth all that it bounds: that much
        for the whole of them; None for a cut without any. It holds since offtake comes of what is
        started alone, and what is bounded is never negative."""
        columns, entries, side = row
        giant = (entries > HUGE_COEFFICIENT_RATIO * side) & (self.start_column_of[columns] >= 0)
        if side <= 0 or not giant.any():
            return None
        starts = np.unique(self.start_column_of[columns[giant]]).astype(np.int32)
        columns = np.concatenate([starts, columns[~giant]])
        entries = np.concatenate([np.full(len(starts), side), entries[~giant]])
        drowns = side * self._row_factor(columns, entries) < MIN_COEFFICIENT
        return None if drowns else (columns, entries, side)

    def _row_factor(self, columns: ColumnIndices, entries: Floats) -> float:
        """What a cut is multiplied by: what it bounds counts one in a program that is near one; in
        another the largest entry counts as much above one as what it bounds counts below, so that
        neither the cut's multiplier nor its violation drowns in the solver's tolerances."""
        seen = np.abs(entries) * self.simplex.column_units[columns] / self.objective_unit
        self.largest_coefficient = max(self.largest_coefficient, float(seen.max(initial=0.0)))
        if not self.simplex.uses_exact_tolerances:
            return 1 / self.objective_unit
        exponent = math.ceil(math.log2(float(seen.max(initial=1.0))) / 2)
        return 2.0 ** -min(exponent, MAX_DAMPING_EXPONENT) / self.objective_unit

    def deactivate_cuts(self, cuts: Sequence[Cut]) -> None:
        """Keep cuts at hand outside the solver, to be recalled where a solution violates them."""
        own = [cut for cut in cuts if self.has_bounded_column(cut)]
        self._inactive_cuts.add([(cut, self.cut_row(cut), self.bounded_column(cut)) for cut in own])

    def has_bounded_column(self, cut: Cut) -> bool:
        """Whether the master has the column that a cut bounds."""
        if not cut.is_tail:
            return cut.chain_id in self.cost_to_go_columns
        return self._tail_cost_column(cut) is not None

    def _tail_cost_column(self, cut: Cut) -> int | None:
        """The column of the CVaR that a cut bounds."""
        view = self.part_columns_of(cut.chain_id) if cut.subgradients else self.part_columns[0]
        return view.tail_cost_column

    def activate_violated_cuts(self, x: Floats, min_violation: float) -> int:
        """Take cuts off the shelf that ``x`` violates (:meth:`Shelf.take`); returns how many."""
        taken = self._inactive_cuts.take_violated(x, min_violation)
        self._append_cut_rows(taken)
        return len(taken)

    def bounded_column(self, cut: Cut) -> int:
        """The column that a cut bounds."""
        if not cut.is_tail:
            return self.cost_to_go_columns[cut.chain_id]
        column = self._tail_cost_column(cut)
        assert column is not None
        return column

    def all_cuts(self) -> list[Cut]:
        """Cuts in the solver, those that mattered last first, then those on the shelf."""
        order = np.argsort(self.row_ages, kind="stable")
        active = [cut for cut in (self.extra_rows[n] for n in order) if isinstance(cut, Cut)]
        return active + self._inactive_cuts.stored_cuts()

    def add_violated_lazy_rows(self, x: Floats, tolerance: float = 1e-7) -> int:
        """Let rules that wait join where ``x`` breaks them; returns how many did."""
        broken = self.reduced_program.violated_lazy_rows(x, self._lazy_row_factors, tolerance)
        if len(broken):
            lower, upper = np.full(len(broken), -np.inf), self.reduced_program.lazy_upper[broken]
            factors = self._lazy_row_factors[broken]
            self._add_rows(lower, upper, self.reduced_program.lazy_rows[broken], factors)
            self.extra_rows += [int(r) for r in broken]
        return len(broken)

    def age_rows(self) -> None:
        """Count for each cut the solves since it last mattered."""
        duals = np.abs(self.simplex.row_duals()[self.base_row_count :])
        self.row_ages = np.where(duals > 1e-9, 0, self.row_ages + 1)

    def drop_idle_recoverable_cuts(self) -> None:
        """Take out cuts that do not matter now, and are at hand any time."""
        at_hand = np.array(
            [isinstance(cut, Cut) and cut.is_recoverable for cut in self.extra_rows], dtype=bool
        )
        if at_hand.sum() > MAX_RECOVERABLE_CUTS:
            idle = np.abs(self.simplex.row_duals()[self.base_row_count :]) <= 1e-9
            self._remove_rows(at_hand & idle)

    def remove_old_rows(self, max_age: int) -> None:
        """Take out cuts that have not mattered for so many solves."""
        self._remove_rows(self.row_ages > max_age)

    def _remove_rows(self, to_remove: NDArray[np.bool_]) -> None:
        """Shelve cuts, if there are many; what is at hand any time is dropped."""
        if to_remove.sum() < 50:
            return
        self.simplex.delete_rows((self.base_row_count + np.flatnonzero(to_remove)).astype(np.int32))
        self.row_ages = self.row_ages[~to_remove]
        gone = [cut for cut, out in zip(self.extra_rows, to_remove, strict=True) if out]
        self.deactivate_cuts(
            [cut for cut in gone if isinstance(cut, Cut) and not cut.is_recoverable]
        )
        self.extra_rows = [
            cut for cut, out in zip(self.extra_rows, to_remove, strict=True) if not out
        ]

    # Branches

    def apply_bounds(
        self, variable_bounds: VariableBounds, fixed_to_zero: NDArray[np.bool_] | None = None
    ) -> None:
        """Let the solver see a branch; ``fixed`` names binaries that are out in all of them."""
        lower, upper = self.binary_bounds(variable_bounds, fixed_to_zero)
        # The solver takes no column whose bounds exclude each other.
        self.is_empty = bool((lower > upper).any())
        self.simplex.set_column_bounds(self.binary_columns, np.minimum(lower, upper), upper)
        must = variable_bounds.must_start.astype(float)
        self.simplex.set_row_bounds(self.start_once_rows, must, np.ones(len(must)))

    @contextmanager
    def fixing_recourse_columns(self, x: Floats, chain_ids: Collection[int]) -> Iterator[None]:
        """With what the recourse of some chains sees held to the values of a solution."""
        program, chains = self.program, self._chains
        parts = [self.cut_columns(v).columns for head in chain_ids for v in chains[head]]
        seen = np.unique(np.concatenate([*parts, []])).astype(np.int32)
        seen = seen[~program.integer[seen]]
        lower, upper = program.lower[seen], program.upper[seen]
        at = np.clip(x[seen], lower, upper)
        self.simplex.set_column_bounds(seen, at, at)
        try:
            yield
        finally:
            self.simplex.set_column_bounds(seen, lower, upper)
