"""Programs of several sets of assumptions, and of paths after a review, as one.

Decisions are columns that all sets share, and until the review all paths; what follows from them,
and the rules that hold, each part has of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.model.assumption_sets import AssumptionSets, Integers, ProblemBlock
from optimizer.model.highs import CompiledModel, LinearProgram, SubstitutedProgram
from optimizer.model.instance import Floats, Instance

ColumnKey = tuple[Any, ...]

SHARED_COLUMNS = ("start", "takes_part", "share", "market", "offtake", "floored", "buy")
"""Columns of decisions, which mean the same under all assumptions."""
ZERO_IF_MISSING = ("start", "share", "market", "offtake", "buy")
"""Those that are nought where a set lacks them: there nobody may decide on it."""
EPIGRAPH_COLUMN = ("most", "all")
"""The column that the objectives of all sets are below, where the worst counts."""
SET_COLUMNS = ("eta", "worst", "tail_cost")
"""Columns of the mean of the worst states, which are those of a set whatever path they go."""


@dataclass(frozen=True, eq=False)
class StackedProblem:
    """Programs of all parts as one. ``columns`` and ``rows`` name it by component and index, and
    by whose they are where they are not of all; ``column`` and ``row`` are where those of each
    part's program stand in it."""

    program: LinearProgram
    column_keys: list[ColumnKey]
    row_keys: list[ColumnKey]
    column_positions: tuple[Integers, ...]
    row_positions: tuple[Integers, ...]
    set_costs: Floats  # (sets, columns) what each set's objective is
    set_offsets: Floats


def decision_year(instance: Instance, key: ColumnKey) -> int:
    """The year in which a column of a decision is decided; of a ticket the last it may be."""
    name, index = key[:2]
    if name == "takes_part":
        return max(instance.projects[index[0]].start_years, default=0)
    return int(index[-1] if name in ("start", "share", "market", "buy") else index[1])


def stacked_column_key(block: ProblemBlock, key: ColumnKey) -> tuple[ColumnKey, Any]:
    """The name of a part's column among those of all parts, and what it may be shared by: all, a
    path or a set; nothing where it is the part's own."""
    if key[0] in SHARED_COLUMNS:
        if block.branch_index is None or block.instance.is_decided_before_review(
            decision_year(block.instance, key)
        ):
            return key, "all"
        return (*key, ("path", block.branch_index)), block.branch_index
    if block.branch_index is None:
        return (*key, block.set_index), None
    if key[0] in SET_COLUMNS:
        return (*key, block.set_index), ("set", block.set_index)
    return (*key, (block.set_index, block.branch_index)), None


def stack_programs(
    programs: Sequence[LinearProgram],
    column_keys: Sequence[Sequence[ColumnKey]],
    rows: Sequence[Sequence[ColumnKey]],
    assumption_sets: AssumptionSets,
) -> StackedProblem:
    """Programs of parts, whose columns and rows have these keys, as one: shared columns stand once,
    within the bounds of all, and rows on nothing else that say the same."""
    parts = assumption_sets.blocks
    if len(programs) == 1 and assumption_sets.is_additive and parts[0].branch_index is None:
        only, of_columns, of_rows = programs[0], list(column_keys[0]), list(rows[0])
        alone = (np.arange(len(of_columns)),), (np.arange(len(of_rows)),)
        costs, offsets = only.cost[None], np.array([only.offset])
        return StackedProblem(only, of_columns, of_rows, *alone, costs, offsets)
    place: dict[ColumnKey, int] = {}
    keys: list[ColumnKey] = []
    shared_by: list[Any] = []
    column: list[Integers] = []
    for part, of_part in zip(parts, column_keys, strict=True):
        at = np.zeros(len(of_part), dtype=np.int64)
        for c, key in enumerate(of_part):
            name, shared = stacked_column_key(part, key)
            if shared is not None and name in place:
                at[c] = place[name]
                continue
            at[c] = place[name] = len(keys)  # columns of two states may have one name
            keys.append(name)
            shared_by.append(shared)
        column.append(at)
    keys += [] if assumption_sets.is_additive else [EPIGRAPH_COLUMN]
    width, sets = len(keys), len(assumption_sets.instances)
    lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
    integer = np.zeros(width, dtype=np.int64)
    cost, offset = np.zeros(width), 0.0
    costs, offsets = np.zeros((sets, width)), np.zeros(sets)
    of_all, of_path = (
        np.array([ok(own) for own in shared_by] + [False] * (width - len(shared_by)), dtype=bool)
        for ok in (lambda own: own == "all", lambda own: isinstance(own, int))
    )
    required = np.array([key[0] in ZERO_IF_MISSING for key in keys], dtype=bool)
    for part, own, at in zip(parts, programs, column, strict=True):
        lower[at], upper[at] = np.maximum(lower[at], own.lower), np.minimum(upper[at], own.upper)
        integer[at] += own.integer
        costs[part.set_index, at] += part.probability * own.cost
        offsets[part.set_index] += part.probability * own.offset
        here = (
            [of == part.branch_index for of in shared_by] if part.branch_index is not None else []
        )
        lacking = required & (of_all | np.array([*here, *[False] * (width - len(here))]))
        lacking[at] = False
        upper[lacking] = np.minimum(upper[lacking], 0.0)
    common = of_all | of_path
    said: dict[Any, int] = {}
    row: list[Integers] = []
    row_keys: list[ColumnKey] = []
    matrices: list[Any] = []
    kept: list[Integers] = []
    for part, keys_of, own, at in zip(parts, rows, programs, column, strict=True):
        matrix = relocate_columns(own.matrix, at, width)
        places, chosen = np.zeros(matrix.shape[0], dtype=np.int64), list[int]()
        whose = part.set_index if part.branch_index is None else (part.set_index, part.branch_index)
        for r in range(matrix.shape[0]):
            entries = slice(matrix.indptr[r], matrix.indptr[r + 1])
            if common[matrix.indices[entries]].all():
                numbers = matrix.indices[entries].tobytes(), matrix.data[entries].tobytes()
                says = (*keys_of[r], *numbers, own.row_lower[r], own.row_upper[r])
                if says in said:
                    places[r] = said[says]
                    continue
                said[says] = len(row_keys)
            places[r] = len(row_keys)
            row_keys.append((*keys_of[r], whose))
            chosen.append(r)
        row.append(places)
        kept.append(np.array(chosen, dtype=np.int64))
        matrices.append(matrix[kept[-1]])
    sides = [
        np.concatenate([getattr(own, side)[at] for own, at in zip(programs, kept, strict=True)])
        for side in ("row_lower", "row_upper")
    ]
    if assumption_sets.is_additive:
        cost, offset = assumption_sets.weights @ costs, float(assumption_sets.weights @ offsets)
    else:
        # That column is no less than what each objective is above what it is compared with.
        cost[-1], most = 1.0, -costs
        most[:, -1] = 1.0
        matrices.append(sparse.csr_array(most))
        sides[0] = np.concatenate([sides[0], offsets - assumption_sets.reference_objectives])
        sides[1] = np.concatenate([sides[1], np.full(sets, np.inf)])
        row_keys += [("most_of", k) for k in range(sets)]
    program = LinearProgram(
        cost=cost,
        offset=offset,
        matrix=sparse.csc_array(sparse.vstack(matrices, format="csc")),
        row_lower=sides[0],
        row_upper=sides[1],
        lower=lower,
        upper=upper,
        integer=integer > 0,
        row_names=_LazyNames(row_keys),
        column_names=_LazyNames(keys),
    )
    return StackedProblem(program, keys, row_keys, tuple(column), tuple(row), costs, offsets)


def stack_models(
    models: Sequence[CompiledModel],
    substituted: Sequence[SubstitutedProgram],
    assumption_sets: AssumptionSets,
) -> StackedProblem:
    """Models of parts, of which this is left once defined columns are put in for, as one."""
    columns = [
        [own.column_keys[int(c)] for c in kept.kept_columns]
        for own, kept in zip(models, substituted, strict=True)
    ]
    return stack_programs(
        [own.program for own in substituted],
        columns,
        [own.row_keys for own in models],
        assumption_sets,
    )


def relocate_columns(matrix: Any, positions: Integers, width: int) -> sparse.csr_array:
    """A matrix whose columns stand elsewhere among so many."""
    own = sparse.coo_array(matrix)
    return sparse.csr_array((own.data, (own.row, positions[own.col])), shape=(own.shape[0], width))


class _LazyNames(Sequence[str]):
    """Names for messages, made of keys only when they are asked for."""

    def __init__(self, keys: Sequence[ColumnKey]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, position: Any) -> Any:
        name, index = self._keys[position][:2]
        parts = index if isinstance(index, tuple) else (index,)
        return f"{name}[{','.join(map(str, parts))}]"
