"""The first stage without what a linear program solved a thousand times need not carry.

Planned stock is defined by purchases (S2) and put in for them; a rule on one column is a bound of
it; rules that mostly hold by themselves wait outside until a solution breaks one.
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
from scipy import sparse

from optimizer.model import highs
from optimizer.model.assumption_sets import AssumptionSets, Integers
from optimizer.model.commitment import Commitment
from optimizer.model.formulation import build_master, read_commitment, substitute_planned_stock
from optimizer.model.highs import LinearProgram, SubstitutedProgram
from optimizer.model.instance import Floats, Instance
from optimizer.model.stacked_problem import relocate_columns, stack_programs
from optimizer.solve.decomposition.search_tree import ProgramLayout

LAZY_CONSTRAINTS = (
    "share_needs_start",
    "market_finance_limit",
    "offtake_limit",
    "public_share_limit",
    "storage_limit",
)  # rules that wait outside


@dataclass(frozen=True, eq=False)
class MasterModel:
    """The master without any cut, compiled once it is asked for: alike whatever the states are, so
    that problems which differ in their states alone can share one."""

    instance: Instance

    @cached_property
    def pyomo_model(self) -> Any:
        """In Pyomo."""
        with _garbage_collection_off():
            return build_master(self.instance)

    @cached_property
    def compiled(self) -> highs.CompiledModel:
        """All columns and rows."""
        model = self.pyomo_model
        with _garbage_collection_off():
            return highs.compile_model(model)

    @cached_property
    def reduced_program(self) -> ReducedProgram:
        """Those that the solver gets."""
        return reduce_program(self.compiled)

    def read_plan(self, x: Floats) -> Commitment:
        """The commitment in a solution of the reduced program."""
        self.compiled.load_solution(self.reduced_program.expand(x))
        return read_commitment(self.instance, self.pyomo_model)


@dataclass(frozen=True, eq=False)
class StackedMasterModel:
    """The same of several sets of assumptions that one plan is made for, and of the paths of each:
    one of each part."""

    assumption_sets: AssumptionSets
    master_models: tuple[MasterModel, ...]

    @classmethod
    def for_sets(
        cls, assumption_sets: AssumptionSets, known_models: Sequence[MasterModel | None]
    ) -> MasterModel | StackedMasterModel:
        """The frames of all sets, as far as they are there, and those that are not."""
        known = {own.instance: own for own in known_models if own is not None}
        for part in assumption_sets.blocks:
            known.setdefault(part.instance, MasterModel(part.instance))
        parts = assumption_sets.blocks
        if len(parts) == 1 and assumption_sets.is_additive and parts[0].branch_index is None:
            return known[parts[0].instance]
        return cls(assumption_sets, tuple(known[part.instance] for part in parts))

    @cached_property
    def reduced_program(self) -> ReducedProgram:
        """The reduced programs as one."""
        return join_reduced_programs(
            [own.reduced_program for own in self.master_models], self.assumption_sets
        )

    def read_plan(self, x: Floats) -> Commitment:
        """The commitment in a solution, as all sets allow it."""
        of_first = zip(
            self.master_models,
            self.reduced_program.part_columns,
            self.assumption_sets.blocks,
            strict=True,
        )
        return self.assumption_sets.combine_block_plans(
            [own.read_plan(x[at]) for own, at, part in of_first if not part.set_index]
        )


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Without the collection of garbage that many new objects set off: none of them is any yet, and
    to look through all that a session holds takes longer than to build a model."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass(frozen=True, eq=False)
class PartIndex:
    """Where the columns and rows of a part are, by component and index."""

    column_index: dict[Any, int]
    row_index: dict[Any, int]


@dataclass(frozen=True, eq=False)
class ReducedProgram:
    """The reduced program, the rows that wait, and the way back."""

    program: LinearProgram
    lazy_rows: sparse.csr_array  # rows of the full program that wait, at most ``upper``
    lazy_upper: Floats
    layout: ProgramLayout
    part_columns: tuple[Integers, ...]  # of each part, where its own columns are
    set_costs: Floats  # (sets, columns) what the objective of each is
    set_offsets: Floats  # (sets) and its constant
    part_indices: tuple[PartIndex, ...]
    _substituted: SubstitutedProgram | None = None

    def expand(self, x: Floats) -> Floats:
        """Values of all columns of the full program."""
        assert self._substituted is not None
        return self._substituted.expand(x)

    @cached_property
    def lazy_row_group(self) -> Integers:
        """Of the waiting rows: of each group the one broken most joins first. Storage limits of one
        stockpile go together, since periods of a year are much alike, and rules of several sets."""
        groups = [
            (rule, index[0] if rule == "storage_limit" else index)
            for rule, index, *_ in self.layout.lazy_rows
        ]
        number = {key: n for n, key in enumerate(dict.fromkeys(groups))}
        return np.array([number[key] for key in groups], dtype=np.int64)

    def violated_lazy_rows(self, x: Floats, factor: Floats, tolerance: float) -> NDArray[np.int64]:
        """Waiting rows that a solution breaks, each scaled by a factor; of each group the one it
        breaks most."""
        excess = (self.lazy_rows @ x - self.lazy_upper) * factor
        broken = np.flatnonzero(excess > tolerance)
        broken = broken[np.argsort(-excess[broken], kind="stable")]
        _, first = np.unique(self.lazy_row_group[broken], return_index=True)
        return np.sort(broken[first])


def reduce_program(compiled: highs.CompiledModel) -> ReducedProgram:
    """Reduce a compiled master."""
    keys = compiled.row_keys
    rules = np.array([rule for rule, _ in keys])
    substituted = substitute_planned_stock(compiled)
    full, kept = highs.tighten_bounds(substituted.program), substituted.kept_columns
    rest = sparse.csr_array(full.matrix)
    lower, upper, bottom, top = full.row_lower, full.row_upper, full.lower, full.upper
    definition = np.zeros(len(rules), dtype=bool)
    definition[substituted.definition_rows] = True

    waits = np.isin(rules, LAZY_CONSTRAINTS)
    single = (np.diff(rest.indptr) == 1) & ~waits
    single[rules == "start_once"] = False  # the search sets its sides
    for r in np.flatnonzero(single):
        c, entry = rest.indices[rest.indptr[r]], rest.data[rest.indptr[r]]
        sides = sorted((lower[r] / entry, upper[r] / entry))
        bottom[c], top[c] = max(bottom[c], sides[0]), min(top[c], sides[1])
    outside = np.flatnonzero(waits)
    waiting = sparse.csr_array(rest[outside])
    top = _bound_unbounded_columns(top, waiting, upper[outside])
    inside = ~waits & ~single & ~definition
    program = replace(
        full,
        matrix=sparse.csc_array(rest[inside]),
        row_lower=lower[inside],
        row_upper=upper[inside],
        lower=bottom,
        upper=top,
        row_names=highs.NameSubset(full.row_names, np.flatnonzero(inside)),
    )
    columns = [compiled.column_keys[int(c)] for c in kept]
    rows = [keys[int(r)] for r in np.flatnonzero(inside)]
    layout = ProgramLayout(columns, rows, [keys[int(r)] for r in outside])
    whole = np.arange(len(columns))
    where = PartIndex(
        dict(zip(columns, whole.tolist(), strict=True)), {key: r for r, key in enumerate(rows)}
    )
    costs, offsets = program.cost[None], np.array([program.offset])
    alone = (whole,), costs, offsets, (where,)
    return ReducedProgram(program, waiting, upper[outside], layout, *alone, substituted)


def join_reduced_programs(
    reduced_programs: Sequence[ReducedProgram], assumption_sets: AssumptionSets
) -> ReducedProgram:
    """The reduced programs of several parts as one."""
    layouts = [own.layout for own in reduced_programs]
    whole = stack_programs(
        [own.program for own in reduced_programs],
        [own.columns for own in layouts],
        [own.rows for own in layouts],
        assumption_sets,
    )
    width, waiting = len(whole.column_keys), list[Any]()
    for k, own in enumerate(layouts):
        waiting += [(*key, k) for key in own.lazy_rows]
    rows = [
        relocate_columns(own.lazy_rows, at, width)
        for own, at in zip(reduced_programs, whole.column_positions, strict=True)
    ]
    where = tuple(
        PartIndex(
            {key: int(c) for key, c in zip(own.columns, at, strict=True)},
            {key: int(r) for key, r in zip(own.rows, of_rows, strict=True)},
        )
        for own, at, of_rows in zip(
            layouts, whole.column_positions, whole.row_positions, strict=True
        )
    )
    return ReducedProgram(
        whole.program,
        sparse.csr_array(sparse.vstack(rows, format="csr")),
        np.concatenate([own.lazy_upper for own in reduced_programs]),
        ProgramLayout(whole.column_keys, whole.row_keys, waiting),
        whole.column_positions,
        whole.set_costs,
        whole.set_offsets,
        where,
    )


def _bound_unbounded_columns(
    column_upper: Floats, lazy_rows: sparse.csr_array, lazy_upper: Floats
) -> Floats:
    """Upper bounds of columns, by rows that wait where nothing else bounds them, or a solution
    could be without bound for want of the rows."""
    row = np.repeat(np.arange(lazy_rows.shape[0]), np.diff(lazy_rows.indptr))
    mixed = np.unique(row[lazy_rows.data < 0])
    own = ~np.isin(row, mixed) & np.isinf(column_upper[lazy_rows.indices])
    bounded = column_upper.copy()
    np.minimum.at(bounded, lazy_rows.indices[own], lazy_upper[row[own]] / lazy_rows.data[own])
    return bounded
