"""Master problem in the solver: the first stage as a linear program to which cuts are added."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import (
    MIN_COEFFICIENT,
    Cut,
    CutOracle,
    CutRow,
    InactiveCuts,
    merge_coefficients,
    offtake_unit,
    rows_to_matrix,
    without_tiny_coefficients,
)
from optimizer.solve.decomposition.master_columns import ColumnIndices, MasterColumns
from optimizer.solve.decomposition.master_model import (
    DualProof,
    ExtraRow,
    MasterModel,
    StackedMasterModel,
    VariableBounds,
)

MAX_DAMPING_EXPONENT = 24  # largest power of two by which a cut is scaled down
# Ratio of coefficient to right-hand side above which a tiny start would satisfy the whole cut.
HUGE_COEFFICIENT_RATIO = 2.0**20
# The scale of a violation grows with the cut's right-hand side up to so many units.
MAX_VIOLATION_UNITS = 2.0**15
MAX_REMEMBERED_ROWS = 6000  # cached rows of cuts that are passed on to the next problem
MAX_UNIT_CHANGE = 8.0  # the objective's unit is kept if it would change by no more than this factor
MAX_CARRIED_CUT_AGE = 2  # largest age of a cut (updates since it was binding) that is passed on
BASIC_STATUS = 1  # basis status of a basic row, for new rows
MAX_RECOVERABLE_CUTS = 100  # recoverable cuts that may stay though they are not binding
ROUNDING_VIOLATION = 1e-14  # smaller violations relative to the right-hand side are rounding errors


class Master(MasterColumns):
    """Master problem in the solver.

    The objective and the columns that cuts bound are multiplied by ``objective_factor``, a power of
    two, in the solver. ``exact`` selects the smallest tolerances. ``previous`` is the master
    problem of a similar problem, whose cached cut rows are reused; :meth:`resume_from` also starts
    from its basis.
    """

    def __init__(
        self,
        cut_oracle: CutOracle,
        master_model: MasterModel | StackedMasterModel | None = None,
        objective_factor: float = 1.0,
        exact: bool = False,
        previous: Master | None = None,
    ) -> None:
        tree = cut_oracle.tree
        super().__init__(
            cut_oracle,
            master_model
            or StackedMasterModel.for_sets(tree, [None] * len(cut_oracle.part_oracles)),
        )
        program = self.program
        if previous is not None and previous.layout.columns != self.layout.columns:
            previous = None
        if (
            previous is not None
            and 1 / MAX_UNIT_CHANGE <= objective_factor * previous.objective_unit <= MAX_UNIT_CHANGE
        ):
            objective_factor = 1 / previous.objective_unit
        self.objective_unit: float = 1 / objective_factor  # objective that is 1 in the solver
        tail_cost_columns = [
            part.tail_cost_column for part in self.part_columns if part.tail_cost_column is not None
        ]
        recourse_cost_columns = [*self.cost_to_go_columns.values(), *tail_cost_columns]
        units = np.full(len(program.cost), np.nan)
        units[recourse_cost_columns] = self.objective_unit
        if not tree.measure.is_additive:
            units[-1] = self.objective_unit  # upper bound of the objectives of all assumption sets
        self._max_values = program.upper.copy()  # largest values of columns
        for part, leaf in zip(self.part_columns, tree.leaves, strict=True):
            offtake_columns = part.offtake_columns
            for c, p in zip(offtake_columns, part.offtake_projects, strict=True):
                units[c] = np.fmin(units[c], offtake_unit(leaf.instance, p))
            self._max_values[offtake_columns] = np.minimum(
                self._max_values[offtake_columns], part.offtake_max
            )
            exact |= bool((units[offtake_columns] < 1).any())
        if previous is not None:  # keep the scaling, so that cached rows of cuts stay valid
            units = previous.simplex.column_units
            exact = exact or previous.simplex.uses_exact_tolerances
        self.simplex: highs.DualSimplex = highs.DualSimplex(program, objective_factor, units, exact)
        # Values closer to an integer count as integer.
        self.integrality_tolerance = 1e-9 if self.simplex.uses_exact_tolerances else 1e-6
        self.largest_coefficient = 0.0  # of a cut, in the solver's units, before scaling
        self._lazy_row_factors = highs.compute_row_factors(
            self.reduced_program.lazy_rows,
            self.reduced_program.lazy_upper,
            self.simplex.column_units,
        )
        self._chains = cut_oracle.chains
        self._first_stage_costs = self.reduced_program.set_costs.copy()
        self._first_stage_costs[:, recourse_cost_columns] = 0.0
        self.base_row_count = self.simplex.row_count
        self.is_empty = False  # whether bounds of the current node contradict one another
        self.row_ages = np.zeros(0, np.int64)
        self.extra_rows: list[ExtraRow] = []  # rows added to those of the program
        # All cuts that any bound has rested on, if they are traced.
        self.traced_cuts: dict[int, Cut] | None = {} if cut_oracle.traces_cuts else None
        self._inactive_cuts = InactiveCuts(len(program.cost), self.violation_scale)
        # Keyed by identity; the cut is stored as well, so that its id is not reused.
        self._cut_row_cache: dict[int, tuple[Cut, CutRow]] = {}
        keeps_cache = previous is not None and len(previous._cut_row_cache) <= MAX_REMEMBERED_ROWS
        if previous is not None and keeps_cache and self._has_same_cut_rows(previous):
            self._cut_row_cache = previous._cut_row_cache

    def _has_same_cut_rows(self, previous: Master) -> bool:
        """Return whether every cut has the same row in this and in another master problem."""
        return (
            self.layout.columns == previous.layout.columns
            and all(
                part.recourse.columns.offtake_columns
                == previous_part.recourse.columns.offtake_columns
                for part, previous_part in zip(
                    self.part_columns, previous.part_columns, strict=True
                )
            )
            and self.objective_unit == previous.objective_unit
            and bool(np.array_equal(self.simplex.column_units, previous.simplex.column_units))
        )

    def resume_from(self, previous: Master) -> set[int]:
        """Start from the cuts and the basis of another master problem if they fit. Return the
        Python ids of the cuts that were taken over."""
        if (
            not self._has_same_cut_rows(previous)
            or self.simplex.uses_exact_tolerances != previous.simplex.uses_exact_tolerances
        ):
            return set()
        lazy_row_index = {key: r for r, key in enumerate(self.layout.lazy_rows)}
        kept_rows: list[tuple[int, ExtraRow]] = []
        for n in np.flatnonzero(previous.row_ages <= MAX_CARRIED_CUT_AGE).tolist():
            row = previous.extra_rows[n]
            if not isinstance(row, int):
                kept_rows.append((n, row))
            elif (r := lazy_row_index.get(previous.layout.lazy_rows[row], -1)) >= 0:
                kept_rows.append((n, r))
        self._add_extra_rows([row for _, row in kept_rows])
        kept_indices = np.array([n for n, _ in kept_rows], dtype=np.int64)
        row_statuses, column_statuses = previous.simplex.basis_statuses()
        previous_statuses = dict(
            zip(previous.layout.rows, row_statuses[: previous.base_row_count].tolist(), strict=True)
        )
        base_statuses = [previous_statuses.get(key, BASIC_STATUS) for key in self.layout.rows]
        row_statuses = np.concatenate(
            [base_statuses, row_statuses[previous.base_row_count + kept_indices]]
        ).astype(np.int8)
        self.simplex.set_basis(highs.build_basis(row_statuses, column_statuses))
        return {id(row) for _, row in kept_rows if isinstance(row, Cut)}

    def _add_extra_rows(self, extra_rows: Sequence[ExtraRow]) -> None:
        """Add cuts and lazy rows from an earlier state of this or of another master problem."""
        if not extra_rows:
            return
        rows = [self.extra_row(extra) for extra in extra_rows]
        factors = np.array(
            [
                self._lazy_row_factors[extra]
                if isinstance(extra, int)
                else self._row_factor(*row[:2])
                for extra, row in zip(extra_rows, rows, strict=True)
            ]
        )
        lower, upper = (np.array([row[n] for row in rows]) for n in (2, 3))
        self._add_rows(lower, upper, rows_to_matrix(rows, len(self._max_values)), factors)
        self.extra_rows += extra_rows

    def first_stage_costs(self, x: Floats) -> Floats:
        """Return the first-stage part of a solution's objective under each assumption set (K)."""
        costs: Floats = self._first_stage_costs @ x + self.reduced_program.set_offsets
        return costs

    # Cuts

    def violation_scale(self, rhs: Floats) -> Floats:
        """Return the scale in which violations of cuts are measured, given the right-hand sides of
        the cuts."""
        size = np.abs(rhs)
        clipped = np.clip(size, self.objective_unit, MAX_VIOLATION_UNITS * self.objective_unit)
        return np.asarray(np.maximum(clipped, ROUNDING_VIOLATION / 1e-9 * size), dtype=float)

    def cut_row(self, cut: Cut) -> CutRow:
        """Return the columns, the coefficients and the right-hand side of a cut's row."""
        cached = self._cut_row_cache.get(id(cut))
        if cached is not None:
            return cached[1]
        row, is_bound_independent = self._build_cut_row(cut)
        if is_bound_independent:
            self._cut_row_cache[id(cut)] = cut, row
        return row

    def extra_row(self, extra: ExtraRow) -> tuple[ColumnIndices, Floats, float, float]:
        """Return the columns, the coefficients, and the lower and upper bound of an extra row (a
        cut or a lazy row)."""
        self._trace(extra)
        if not isinstance(extra, int):
            return *(self.cut_row(extra) if isinstance(extra, Cut) else extra), math.inf
        lazy_rows = self.reduced_program.lazy_rows
        entries = slice(lazy_rows.indptr[extra], lazy_rows.indptr[extra + 1])
        return (
            lazy_rows.indices[entries],
            lazy_rows.data[entries],
            -math.inf,
            float(self.reduced_program.lazy_upper[extra]),
        )

    def _trace(self, extra: ExtraRow) -> None:
        if self.traced_cuts is not None and isinstance(extra, Cut):
            self.traced_cuts[id(extra)] = extra

    def dual_proof(self) -> DualProof | None:
        """Return the dual multipliers of the last solve as a proof of its bound; None if they are
        not available."""
        duals = self.simplex.row_duals()
        if not np.isfinite(duals).all():
            return None
        extra_duals = duals[self.base_row_count :]
        proving_rows = np.flatnonzero(extra_duals)
        row_statuses, column_statuses = self.simplex.basis_statuses()
        return DualProof(
            duals[: self.base_row_count],
            tuple(self.extra_rows[n] for n in proving_rows),
            extra_duals[proving_rows],
            row_statuses[: self.base_row_count],
            column_statuses,
        )

    def restore_basis(self, proof: DualProof) -> None:
        """Set the basis that a proof comes from. Rows of the proof that are missing are added."""
        present_keys = {row if isinstance(row, int) else id(row) for row in self.extra_rows}
        proof_rows = {row if isinstance(row, int) else id(row): row for row in proof.extra_rows}
        self._add_extra_rows([row for key, row in proof_rows.items() if key not in present_keys])
        keys = [row if isinstance(row, int) else id(row) for row in self.extra_rows]
        extra_statuses = np.array(
            [0 if row in proof_rows else BASIC_STATUS for row in keys], dtype=np.int8
        )
        row_statuses = np.concatenate([proof.row_statuses, extra_statuses])
        self.simplex.set_basis(highs.build_basis(row_statuses, proof.column_statuses))

    def _build_cut_row(self, cut: Cut) -> tuple[CutRow, bool]:
        """Build the row of a cut. Also return whether the row is the same for any bounds of the
        columns."""
        columns, entries = merge_coefficients(
            [(self.cut_columns(v), subgradient) for v, subgradient in cut.subgradients.items()]
        )
        rhs = 0.0
        for subgradient in cut.subgradients.values():
            rhs += float(subgradient.constant[0])
        factor = self._row_factor(columns, entries)
        units, max_values = self.simplex.column_units[columns], self._max_values[columns]
        entries, lost_amount, is_dropped = without_tiny_coefficients(
            entries, max_values, units, factor, self.objective_unit
        )
        is_nonzero = entries != 0
        columns = np.append(columns[is_nonzero], self.bounded_column(cut)).astype(np.int32)
        return (columns, np.append(entries[is_nonzero], 1.0), rhs - lost_amount), not is_dropped

    def add_violated_cuts(
        self, cuts: Sequence[Cut], x: Floats | None = None, min_violation: float = 0.0
    ) -> dict[int, float]:
        """Add the cuts that ``x`` violates by more than ``min_violation``, relative to their scale,
        or all cuts if ``x`` is None.

        Return the sum of the violations of each chain's cuts, by chain id; the key -1 stands for
        cuts on the CVaR.
        """
        violated_rows, violations = [], dict[int, float]()
        for cut in cuts:
            columns, entries, rhs = row = self.cut_row(cut)
            excess = math.inf if x is None else float(rhs - entries @ x[columns])
            if excess > min_violation * float(self.violation_scale(np.array(rhs))):
                violated_rows.append((cut, row))
                v = -1 if cut.is_tail else cut.chain_id
                violations[v] = violations.get(v, 0.0) + excess
        self._append_cut_rows(violated_rows)
        return violations

    def _append_cut_rows(self, new_rows: Sequence[tuple[ExtraRow, CutRow]]) -> None:
        if not new_rows:
            return
        for extra, _ in new_rows:
            self._trace(extra)
        if self.simplex.uses_exact_tolerances:
            start_rows = [self._bound_by_starts(row) for _, row in new_rows]
            new_rows = [*new_rows, *((row, row) for row in start_rows if row is not None)]
        rows = [row for _, row in new_rows]
        factors = np.array([self._row_factor(*row[:2]) for row in rows])
        rhs = np.array([row[2] for row in rows])
        self._add_rows(
            rhs, np.full(len(rows), np.inf), rows_to_matrix(rows, len(self._max_values)), factors
        )
        self.extra_rows += [cut for cut, _ in new_rows]

    def _add_rows(
        self, lower: Floats, upper: Floats, rows: sparse.csr_array, factors: Floats
    ) -> None:
        start, index = rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32)
        self.simplex.add_rows(lower, upper, start, index, rows.data, factors)
        self.row_ages = np.concatenate([self.row_ages, np.zeros(len(lower), np.int64)])

    def _bound_by_starts(self, row: CutRow) -> CutRow | None:
        """Return a valid row with start columns in place of offtake columns that have huge
        coefficients; None if there are no such columns.

        The row is valid because offtake requires a start, and the damage that the cut bounds is not
        negative.
        """
        columns, entries, rhs = row
        is_huge = (entries > HUGE_COEFFICIENT_RATIO * rhs) & (self.start_column_of[columns] >= 0)
        if rhs <= 0 or not is_huge.any():
            return None
        start_columns = np.unique(self.start_column_of[columns[is_huge]]).astype(np.int32)
        columns = np.concatenate([start_columns, columns[~is_huge]])
        entries = np.concatenate([np.full(len(start_columns), rhs), entries[~is_huge]])
        is_negligible = rhs * self._row_factor(columns, entries) < MIN_COEFFICIENT
        return None if is_negligible else (columns, entries, rhs)

    def _row_factor(self, columns: ColumnIndices, entries: Floats) -> float:
        """Return the factor by which the row of a cut is scaled.

        Usually it makes the coefficient of the bounded column 1. With exact tolerances the largest
        coefficient and that of the bounded column are placed symmetrically around 1, so that
        neither the multiplier nor the violation is lost within the tolerances of the solver.
        """
        solver_entries = np.abs(entries) * self.simplex.column_units[columns] / self.objective_unit
        self.largest_coefficient = max(
            self.largest_coefficient, float(solver_entries.max(initial=0.0))
        )
        if not self.simplex.uses_exact_tolerances:
            return 1 / self.objective_unit
        exponent = math.ceil(math.log2(float(solver_entries.max(initial=1.0))) / 2)
        return 2.0 ** -min(exponent, MAX_DAMPING_EXPONENT) / self.objective_unit

    def deactivate_cuts(self, cuts: Sequence[Cut]) -> None:
        """Store cuts outside the solver, to be activated when a solution violates them. Cuts whose
        bounded column is missing are dropped."""
        pairs = [(cut, self.bounded_column_or_none(cut)) for cut in cuts]
        self._inactive_cuts.add([(cut, self.cut_row(cut), c) for cut, c in pairs if c is not None])

    def bounded_column_or_none(self, cut: Cut) -> int | None:
        """Return the column that a cut bounds; None if the master problem lacks it."""
        if not cut.is_tail:
            return self.cost_to_go_columns.get(cut.chain_id)
        part = self.part_columns_of(cut.chain_id) if cut.subgradients else self.part_columns[0]
        return part.tail_cost_column

    def activate_violated_cuts(self, x: Floats, min_violation: float) -> int:
        """Add inactive cuts that ``x`` violates by more than ``min_violation``, as selected by
        :meth:`InactiveCuts.take_violated`. Return the number of cuts added."""
        taken_cuts = self._inactive_cuts.take_violated(x, min_violation)
        self._append_cut_rows(taken_cuts)
        return len(taken_cuts)

    def bounded_column(self, cut: Cut) -> int:
        """Return the column that a cut bounds."""
        column = self.bounded_column_or_none(cut)
        assert column is not None
        return column

    def all_cuts(self) -> list[Cut]:
        """Return all cuts: active ones, most recently binding first, then inactive ones."""
        order = np.argsort(self.row_ages, kind="stable")
        active_cuts = [cut for cut in (self.extra_rows[n] for n in order) if isinstance(cut, Cut)]
        return active_cuts + self._inactive_cuts.stored_cuts()

    def add_violated_lazy_rows(self, x: Floats, tolerance: float = 1e-7) -> int:
        """Add the lazy rows that ``x`` violates. Return their number."""
        violated_rows = self.reduced_program.violated_lazy_rows(
            x, self._lazy_row_factors, tolerance
        )
        if len(violated_rows):
            lower = np.full(len(violated_rows), -np.inf)
            upper = self.reduced_program.lazy_upper[violated_rows]
            factors = self._lazy_row_factors[violated_rows]
            self._add_rows(lower, upper, self.reduced_program.lazy_rows[violated_rows], factors)
            self.extra_rows += [int(r) for r in violated_rows]
        return len(violated_rows)

    def age_rows(self) -> None:
        """Update the age of each extra row: the number of updates since it was last binding."""
        duals = np.abs(self.simplex.row_duals()[self.base_row_count :])
        self.row_ages = np.where(duals > 1e-9, 0, self.row_ages + 1)

    def drop_idle_recoverable_cuts(self) -> None:
        """Remove nonbinding cuts that can be recovered from cached evaluations, if there are many
        recoverable cuts."""
        is_recoverable = np.array(
            [isinstance(cut, Cut) and cut.is_recoverable for cut in self.extra_rows], dtype=bool
        )
        if is_recoverable.sum() > MAX_RECOVERABLE_CUTS:
            is_nonbinding = np.abs(self.simplex.row_duals()[self.base_row_count :]) <= 1e-9
            self._remove_rows(is_recoverable & is_nonbinding)

    def remove_old_rows(self, max_age: int) -> None:
        """Remove extra rows that are older than ``max_age`` if there are many."""
        self._remove_rows(self.row_ages > max_age)

    def _remove_rows(self, to_remove: NDArray[np.bool_]) -> None:
        """Remove the marked extra rows from the solver if there are many. Their cuts become
        inactive; recoverable cuts are dropped."""
        if to_remove.sum() < 50:
            return
        self.simplex.delete_rows((self.base_row_count + np.flatnonzero(to_remove)).astype(np.int32))
        self.row_ages = self.row_ages[~to_remove]
        removed_rows = [
            cut for cut, is_removed in zip(self.extra_rows, to_remove, strict=True) if is_removed
        ]
        self.deactivate_cuts(
            [cut for cut in removed_rows if isinstance(cut, Cut) and not cut.is_recoverable]
        )
        self.extra_rows = [
            cut
            for cut, is_removed in zip(self.extra_rows, to_remove, strict=True)
            if not is_removed
        ]

    # Nodes of the search tree

    def apply_bounds(
        self, variable_bounds: VariableBounds, fixed_to_zero: NDArray[np.bool_] | None = None
    ) -> None:
        """Set the variable bounds of a node in the solver.

        ``fixed_to_zero`` marks binaries that are zero in the whole tree.
        """
        lower, upper = self.binary_bounds(variable_bounds, fixed_to_zero)
        # The solver rejects columns with contradicting bounds.
        self.is_empty = bool((lower > upper).any())
        self.simplex.set_column_bounds(self.binary_columns, np.minimum(lower, upper), upper)
        must = variable_bounds.must_start.astype(float)
        self.simplex.set_row_bounds(self.start_once_rows, must, np.ones(len(must)))

    @contextmanager
    def fixing_recourse_columns(self, x: Floats, chain_ids: Collection[int]) -> Iterator[None]:
        """Fix, within the context, the continuous columns that the recourse of the given chains
        depends on to their values in ``x``."""
        program, chains = self.program, self._chains
        column_lists = [
            self.cut_columns(v).columns for chain_id in chain_ids for v in chains[chain_id]
        ]
        columns = np.unique(np.concatenate([*column_lists, []])).astype(np.int32)
        columns = columns[~program.is_integer[columns]]
        lower, upper = program.lower[columns], program.upper[columns]
        values = np.clip(x[columns], lower, upper)
        self.simplex.set_column_bounds(columns, values, values)
        try:
            yield
        finally:
            self.simplex.set_column_bounds(columns, lower, upper)
