"""Layout of master problems, and the linear program, reduced because it is solved many times.

Planned stock is replaced by purchases (S2), rows with a single column become bounds, and rows that
are rarely binding are lazy: they are added only when a solution violates them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyomo.repn import generate_standard_repn
from scipy import sparse

from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import DecisionTree, Integers
from optimizer.model.formulation import build_master, read_commitment, substitute_planned_stock
from optimizer.model.highs import LinearProgram, SubstitutedProgram
from optimizer.model.instance import Floats, Instance
from optimizer.model.instance_comparison import same_except_total_budgets
from optimizer.model.stacked_problem import relocate_columns, stack_programs
from optimizer.solve.decomposition.cuts import Cut, CutRow

ExtraRow = Cut | int | CutRow
"""A row beyond the program's own: a cut, the index of a lazy row, or a row derived from a cut."""


BasisStatuses = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class DualProof:
    """Dual multipliers that prove a bound, for the rows of the program and for cuts and lazy rows,
    and the basis that they come from.

    Extra rows are basic unless they have a multiplier.
    """

    base_duals: Floats  # (R) rows of the program
    extra_rows: tuple[ExtraRow, ...]
    extra_duals: Floats
    row_statuses: BasisStatuses  # (R)
    column_statuses: BasisStatuses


@dataclass(frozen=True, eq=False)
class ProgramLayout:
    """Columns and rows of a program by component and index. Dual proofs can be reused where these
    agree."""

    columns: Sequence[Any]
    rows: Sequence[Any]
    lazy_rows: Sequence[Any]


@dataclass(frozen=True, eq=False)
class VariableBounds:
    """Bounds on the starts and tickets at one node of the search tree.

    Start arrays have one entry for each project, or one for each review branch if the project may
    start after the review; ticket arrays have one entry for each ticket. A project may start at the
    indices ``first_start`` to ``last_start`` of its start years, and must start if ``must_start``
    is 1. A ticket is taken if ``min_ticket`` is 1, and not taken if ``max_ticket`` is 0.
    """

    first_start: Integers
    last_start: Integers
    must_start: Integers
    min_ticket: Integers
    max_ticket: Integers

    def with_project_bounds(
        self, p: int, first_start: int, last_start: int, must_start: int
    ) -> VariableBounds:
        """Return a copy in which one project may start only at the given indices. The range from 1
        to 0 stands for never."""
        values = np.array([self.first_start, self.last_start, self.must_start])
        values[:, p] = first_start, last_start, must_start
        return replace(self, first_start=values[0], last_start=values[1], must_start=values[2])

    def with_fixed_starts(self, start_indices: Integers) -> VariableBounds:
        """Return a copy in which each project is fixed to one start index; -1 stands for never."""
        is_started = start_indices >= 0
        first_start = np.where(is_started, start_indices, 1)
        last_start = np.where(is_started, start_indices, 0)
        return replace(
            self,
            first_start=first_start,
            last_start=last_start,
            must_start=is_started.astype(np.int64),
        )


LAZY_CONSTRAINTS = (
    "share_needs_start",
    "market_finance_limit",
    "offtake_limit",
    "public_share_limit",
    "storage_limit",
)  # rows that are added when violated


@dataclass(frozen=True, eq=False)
class MasterModel:
    """Master problem without cuts, built on first use.

    It does not depend on the states of the world, so problems that differ only in their states can
    share it.
    """

    instance: Instance

    @cached_property
    def pyomo_model(self) -> Any:
        """Pyomo model of the master problem."""
        with _garbage_collection_off():
            return build_master(self.instance)

    @cached_property
    def compiled(self) -> highs.CompiledModel:
        """Compiled program with all columns and rows."""
        model = self.pyomo_model
        with _garbage_collection_off():
            return highs.compile_model(model)

    @cached_property
    def reduced_program(self) -> ReducedProgram:
        """Reduced program, which is passed to the solver."""
        return reduce_program(self.compiled)

    def for_other_budgets(self, instance: Instance) -> MasterModel | None:
        """Return the master problem of an instance that differs at most in total budgets (B1, B2).
        It shares the Pyomo model. Return None if other figures differ, or before this model is
        compiled."""
        if "compiled" not in self.__dict__ or not same_except_total_budgets(
            instance, self.instance
        ):
            return None
        program = self.compiled.program
        row_upper = program.row_upper.copy()
        budgets, earlier_budgets = _total_budgets(instance), _total_budgets(self.instance)
        for r, key in enumerate(self.compiled.row_keys):
            if budgets.get(key) != earlier_budgets.get(key):
                constant = generate_standard_repn(self.compiled.constraints[r].body).constant
                row_upper[r] = budgets[key] - constant
        changed_model = MasterModel(instance)
        changed_model.__dict__["pyomo_model"] = self.pyomo_model
        changed_model.__dict__["compiled"] = replace(
            self.compiled, program=replace(program, row_upper=row_upper)
        )
        return changed_model

    def read_plan(self, x: Floats) -> Commitment:
        """Return the commitment that a solution of the reduced program represents."""
        self.compiled.load_solution(self.reduced_program.expand(x))
        return read_commitment(self.instance, self.pyomo_model)


def _total_budgets(instance: Instance) -> dict[tuple[str, Any], float]:
    """Return the budgets for all years together, in million EUR, by the keys of their rows."""
    case = instance.case
    budgets = {("funder_budget", f): x.budget_meur for f, x in case.funders.items()}
    budgets["public_budget", "all"] = case.policy.budget_meur
    return {key: float(budget) for key, budget in budgets.items() if budget is not None}


@dataclass(frozen=True, eq=False)
class StackedMasterModel:
    """Master problem of several parts (assumption sets and review branches), with one model for
    each part."""

    tree: DecisionTree
    master_models: tuple[MasterModel, ...]

    @classmethod
    def for_sets(
        cls, tree: DecisionTree, known_models: Sequence[MasterModel | None]
    ) -> MasterModel | StackedMasterModel:
        """Return the master problem of all parts. Models in ``known_models`` are reused for the
        same instances."""
        model_by_instance = {model.instance: model for model in known_models if model is not None}
        models = tuple(
            model_by_instance.setdefault(part.instance, MasterModel(part.instance))
            for part in tree.leaves
        )
        return models[0] if tree.is_single_leaf else cls(tree, models)

    @cached_property
    def reduced_program(self) -> ReducedProgram:
        """Reduced programs of all parts, stacked into one program."""
        return join_reduced_programs(
            [model.reduced_program for model in self.master_models], self.tree
        )

    def read_plan(self, x: Floats) -> Commitment:
        """Return the commitment that a solution of the stacked program represents."""
        part_data = zip(
            self.master_models, self.reduced_program.part_columns, self.tree.leaves, strict=True
        )
        return self.tree.combine_leaf_plans(
            [
                model.read_plan(x[columns])
                for model, columns, part in part_data
                if not part.set_index
            ]
        )


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Disable garbage collection within the context.

    Building a model creates many objects that stay in memory. The collections that this triggers
    would take longer than building the model.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True, eq=False)
class PartIndex:
    """Positions of one part's columns and rows in the stacked program, by Pyomo component and
    index."""

    column_index: dict[Any, int]
    row_index: dict[Any, int]


@dataclass(frozen=True, eq=False)
class ReducedProgram:
    """Reduced program with its lazy rows, and the mapping back to the full program."""

    program: LinearProgram
    lazy_rows: sparse.csr_array  # lazy rows; each is at most its ``lazy_upper``
    lazy_upper: Floats
    layout: ProgramLayout
    part_columns: tuple[Integers, ...]  # columns of each part
    set_costs: Floats  # (sets, columns) objective coefficients of each assumption set
    set_offsets: Floats  # (sets) objective constants
    part_indices: tuple[PartIndex, ...]
    _substituted: SubstitutedProgram | None = None

    def expand(self, x: Floats) -> Floats:
        """Return the values of all columns of the full program, given a solution of the reduced
        one."""
        assert self._substituted is not None
        return self._substituted.expand(x)

    @cached_property
    def lazy_row_group(self) -> Integers:
        """Group number of each lazy row. Only the most violated row of a group is added at a time.

        The storage limits of one stockpile form a group, since its periods are similar. So do rows
        of several assumption sets that represent the same constraint.
        """
        groups = [
            (rule, index[0] if rule == "storage_limit" else index)
            for rule, index, *_ in self.layout.lazy_rows
        ]
        number = {key: n for n, key in enumerate(dict.fromkeys(groups))}
        return np.array([number[key] for key in groups], dtype=np.int64)

    def violated_lazy_rows(self, x: Floats, factor: Floats, tolerance: float) -> NDArray[np.int64]:
        """Return the indices of the lazy rows that a solution violates by more than ``tolerance``,
        at most one from each group.

        ``factor`` scales the violation of each row.
        """
        excess = (self.lazy_rows @ x - self.lazy_upper) * factor
        violated_rows = np.flatnonzero(excess > tolerance)
        violated_rows = violated_rows[np.argsort(-excess[violated_rows], kind="stable")]
        _, first_positions = np.unique(self.lazy_row_group[violated_rows], return_index=True)
        return np.sort(violated_rows[first_positions])


def reduce_program(compiled: highs.CompiledModel) -> ReducedProgram:
    """Return the reduced program of a compiled master problem."""
    row_keys = compiled.row_keys
    rule_names = np.array([rule for rule, _ in row_keys])
    substituted = substitute_planned_stock(compiled)
    full_program, kept_columns = highs.tighten_bounds(substituted.program), substituted.kept_columns
    matrix = sparse.csr_array(full_program.matrix)
    row_lower = full_program.row_lower
    row_upper = full_program.row_upper
    lower = full_program.lower
    upper = full_program.upper
    is_definition = np.zeros(len(rule_names), dtype=bool)
    is_definition[substituted.definition_rows] = True

    is_lazy = np.isin(rule_names, LAZY_CONSTRAINTS)
    is_singleton = (np.diff(matrix.indptr) == 1) & ~is_lazy
    is_singleton[rule_names == "start_once"] = False  # the search changes their bounds
    for r in np.flatnonzero(is_singleton):
        c, entry = matrix.indices[matrix.indptr[r]], matrix.data[matrix.indptr[r]]
        implied_bounds = sorted((row_lower[r] / entry, row_upper[r] / entry))
        lower[c], upper[c] = max(lower[c], implied_bounds[0]), min(upper[c], implied_bounds[1])
    lazy_indices = np.flatnonzero(is_lazy)
    lazy_rows = sparse.csr_array(matrix[lazy_indices])
    upper = _bound_unbounded_columns(upper, lazy_rows, row_upper[lazy_indices])
    is_kept = ~is_lazy & ~is_singleton & ~is_definition
    program = replace(
        full_program,
        matrix=sparse.csc_array(matrix[is_kept]),
        row_lower=row_lower[is_kept],
        row_upper=row_upper[is_kept],
        lower=lower,
        upper=upper,
        row_names=highs.NameSubset(full_program.row_names, np.flatnonzero(is_kept)),
    )
    columns = [compiled.column_keys[int(c)] for c in kept_columns]
    rows = [row_keys[int(r)] for r in np.flatnonzero(is_kept)]
    layout = ProgramLayout(columns, rows, [row_keys[int(r)] for r in lazy_indices])
    all_columns = np.arange(len(columns))
    part_index = PartIndex(
        dict(zip(columns, all_columns.tolist(), strict=True)),
        {key: r for r, key in enumerate(rows)},
    )
    costs, offsets = program.cost[None], np.array([program.offset])
    single_part = (all_columns,), costs, offsets, (part_index,)
    return ReducedProgram(
        program, lazy_rows, row_upper[lazy_indices], layout, *single_part, substituted
    )


def join_reduced_programs(
    reduced_programs: Sequence[ReducedProgram], tree: DecisionTree
) -> ReducedProgram:
    """Stack the reduced programs of all parts into one program."""
    layouts = [part.layout for part in reduced_programs]
    stacked = stack_programs(
        [part.program for part in reduced_programs],
        [part.columns for part in layouts],
        [part.rows for part in layouts],
        tree,
    )
    width, lazy_keys = len(stacked.column_keys), list[Any]()
    for k, part in enumerate(layouts):
        lazy_keys += [(*key, k) for key in part.lazy_rows]
    rows = [
        relocate_columns(part.lazy_rows, columns, width)
        for part, columns in zip(reduced_programs, stacked.column_positions, strict=True)
    ]
    part_indices = tuple(
        PartIndex(
            {key: int(c) for key, c in zip(part.columns, columns, strict=True)},
            {key: int(r) for key, r in zip(part.rows, row_positions, strict=True)},
        )
        for part, columns, row_positions in zip(
            layouts, stacked.column_positions, stacked.row_positions, strict=True
        )
    )
    return ReducedProgram(
        stacked.program,
        sparse.csr_array(sparse.vstack(rows, format="csr")),
        np.concatenate([part.lazy_upper for part in reduced_programs]),
        ProgramLayout(stacked.column_keys, stacked.row_keys, lazy_keys),
        stacked.column_positions,
        stacked.set_costs,
        stacked.set_offsets,
        part_indices,
    )


def _bound_unbounded_columns(
    column_upper: Floats, lazy_rows: sparse.csr_array, lazy_upper: Floats
) -> Floats:
    """Return upper bounds of all columns. A column without an upper bound gets one that its lazy
    rows imply.

    Otherwise a solution could be unbounded until these rows are added.
    """
    row = np.repeat(np.arange(lazy_rows.shape[0]), np.diff(lazy_rows.indptr))
    mixed_sign_rows = np.unique(row[lazy_rows.data < 0])
    is_bounding = ~np.isin(row, mixed_sign_rows) & np.isinf(column_upper[lazy_rows.indices])
    new_upper = column_upper.copy()
    np.minimum.at(
        new_upper,
        lazy_rows.indices[is_bounding],
        lazy_upper[row[is_bounding]] / lazy_rows.data[is_bounding],
    )
    return new_upper
