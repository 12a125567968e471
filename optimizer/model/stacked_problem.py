"""Stacked problem: the programs of several assumption sets and review branches as one program.

Decision columns are shared by all sets, and those before the review also by all branches. All other
columns and rows belong to one block.
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
"""Components of decisions, which all assumption sets share."""
ZERO_IF_MISSING = ("start", "share", "market", "offtake", "buy")
"""Shared components whose columns are fixed at 0 if a set lacks them."""
EPIGRAPH_COLUMN = ("most", "all")
"""Upper bound of the objectives of all sets, for the worst case and regret."""
SET_COLUMNS = ("eta", "worst", "tail_cost")
"""Components of CVaR and ambiguity, which all branches of a set share."""


@dataclass(frozen=True, eq=False)
class StackedProblem:
    """The programs of all blocks as one. A key identifies a column or row by component and index,
    and by its block unless it is shared. ``column_positions`` and ``row_positions`` have, for each
    block, the positions of its columns and rows in ``program``."""

    program: LinearProgram
    column_keys: list[ColumnKey]
    row_keys: list[ColumnKey]
    column_positions: tuple[Integers, ...]
    row_positions: tuple[Integers, ...]
    set_costs: Floats  # (sets, columns) objective coefficients of each set
    set_offsets: Floats


def decision_year(instance: Instance, key: ColumnKey) -> int:
    """Return the year of a decision column. For ``takes_part``, which has no year, return the last
    start year of its project."""
    name, index = key[:2]
    if name == "takes_part":
        return max(instance.projects[index[0]].start_years, default=0)
    return int(index[-1] if name in ("start", "share", "market", "buy") else index[1])


def stacked_column_key(block: ProblemBlock, key: ColumnKey) -> tuple[ColumnKey, Any]:
    """Return the key in the stacked problem of a column of a block, and who shares it: "all", the
    index of a branch, ("set", index of the set), or None for a column of this block alone."""
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
    """Stack the programs of all blocks; ``column_keys`` and ``rows`` are the keys of their columns
    and rows. A shared column occurs once, with bounds that satisfy all blocks. Of identical rows
    that have only shared columns, one is kept."""
    blocks = assumption_sets.blocks
    if len(programs) == 1 and assumption_sets.is_additive and blocks[0].branch_index is None:
        lp, block_columns, block_rows = programs[0], list(column_keys[0]), list(rows[0])
        identity = (np.arange(len(block_columns)),), (np.arange(len(block_rows)),)
        costs, offsets = lp.cost[None], np.array([lp.offset])
        return StackedProblem(lp, block_columns, block_rows, *identity, costs, offsets)
    position_of_key: dict[ColumnKey, int] = {}
    keys: list[ColumnKey] = []
    scopes: list[Any] = []
    column_positions: list[Integers] = []
    for block, block_keys in zip(blocks, column_keys, strict=True):
        positions = np.zeros(len(block_keys), dtype=np.int64)
        for n, key in enumerate(block_keys):
            stacked_key, key_scope = stacked_column_key(block, key)
            if key_scope is not None and stacked_key in position_of_key:
                positions[n] = position_of_key[stacked_key]
                continue
            # Columns of two states may have the same key.
            positions[n] = position_of_key[stacked_key] = len(keys)
            keys.append(stacked_key)
            scopes.append(key_scope)
        column_positions.append(positions)
    keys += [] if assumption_sets.is_additive else [EPIGRAPH_COLUMN]
    width, sets = len(keys), len(assumption_sets.instances)
    lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
    integer = np.zeros(width, dtype=np.int64)
    cost, offset = np.zeros(width), 0.0
    costs, offsets = np.zeros((sets, width)), np.zeros(sets)
    is_common, is_on_branch = (
        np.array([test(scope) for scope in scopes] + [False] * (width - len(scopes)), dtype=bool)
        for test in (lambda scope: scope == "all", lambda scope: isinstance(scope, int))
    )
    is_required = np.array([key[0] in ZERO_IF_MISSING for key in keys], dtype=bool)
    for block, lp, positions in zip(blocks, programs, column_positions, strict=True):
        lower[positions], upper[positions] = (
            np.maximum(lower[positions], lp.lower),
            np.minimum(upper[positions], lp.upper),
        )
        integer[positions] += lp.integer
        costs[block.set_index, positions] += block.probability * lp.cost
        offsets[block.set_index] += block.probability * lp.offset
        in_branch = (
            [scope == block.branch_index for scope in scopes]
            if block.branch_index is not None
            else []
        )
        is_missing = is_required & (
            is_common | np.array([*in_branch, *[False] * (width - len(in_branch))])
        )
        is_missing[positions] = False
        upper[is_missing] = np.minimum(upper[is_missing], 0.0)
    is_shared = is_common | is_on_branch
    row_of_content: dict[Any, int] = {}
    row_positions: list[Integers] = []
    row_keys: list[ColumnKey] = []
    matrices: list[Any] = []
    kept_rows: list[Integers] = []
    for block, keys_of_rows, lp, positions in zip(
        blocks, rows, programs, column_positions, strict=True
    ):
        matrix = relocate_columns(lp.matrix, positions, width)
        row_place, kept_block_rows = np.zeros(matrix.shape[0], dtype=np.int64), list[int]()
        block_label = (
            block.set_index if block.branch_index is None else (block.set_index, block.branch_index)
        )
        for r in range(matrix.shape[0]):
            entries = slice(matrix.indptr[r], matrix.indptr[r + 1])
            if is_shared[matrix.indices[entries]].all():
                numbers = matrix.indices[entries].tobytes(), matrix.data[entries].tobytes()
                content = (*keys_of_rows[r], *numbers, lp.row_lower[r], lp.row_upper[r])
                if content in row_of_content:
                    row_place[r] = row_of_content[content]
                    continue
                row_of_content[content] = len(row_keys)
            row_place[r] = len(row_keys)
            row_keys.append((*keys_of_rows[r], block_label))
            kept_block_rows.append(r)
        row_positions.append(row_place)
        kept_rows.append(np.array(kept_block_rows, dtype=np.int64))
        matrices.append(matrix[kept_rows[-1]])
    sides = [
        np.concatenate(
            [
                getattr(lp, side)[positions]
                for lp, positions in zip(programs, kept_rows, strict=True)
            ]
        )
        for side in ("row_lower", "row_upper")
    ]
    if assumption_sets.is_additive:
        cost, offset = assumption_sets.weights @ costs, float(assumption_sets.weights @ offsets)
    else:
        # The epigraph column is at least each set's objective minus its reference objective.
        cost[-1], epigraph_rows = 1.0, -costs
        epigraph_rows[:, -1] = 1.0
        matrices.append(sparse.csr_array(epigraph_rows))
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
    return StackedProblem(
        program, keys, row_keys, tuple(column_positions), tuple(row_positions), costs, offsets
    )


def stack_models(
    models: Sequence[CompiledModel],
    substituted: Sequence[SubstitutedProgram],
    assumption_sets: AssumptionSets,
) -> StackedProblem:
    """Stack the models of all blocks. ``substituted`` are their programs after the defined columns
    have been substituted."""
    columns = [
        [model.column_keys[int(c)] for c in program.kept_columns]
        for model, program in zip(models, substituted, strict=True)
    ]
    return stack_programs(
        [model.program for model in substituted],
        columns,
        [model.row_keys for model in models],
        assumption_sets,
    )


def relocate_columns(matrix: Any, positions: Integers, width: int) -> sparse.csr_array:
    """Return the matrix with ``width`` columns, in which column n of ``matrix`` is at
    ``positions[n]``."""
    coo = sparse.coo_array(matrix)
    return sparse.csr_array((coo.data, (coo.row, positions[coo.col])), shape=(coo.shape[0], width))


class _LazyNames(Sequence[str]):
    """Names of rows or columns for messages, each computed from its key when it is read."""

    def __init__(self, keys: Sequence[ColumnKey]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, position: Any) -> Any:
        name, index = self._keys[position][:2]
        parts = index if isinstance(index, tuple) else (index,)
        return f"{name}[{','.join(map(str, parts))}]"
