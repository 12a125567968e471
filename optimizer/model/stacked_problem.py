"""The programs of all leaves of a decision tree as one program, or as one Pyomo model.

The columns of a decision belong to the node at which it is made, and are shared by all leaves below
that node. All other columns and rows belong to one leaf.

Unlike :mod:`optimizer.model.stacked_problem`, which merges the columns that leaves share, it states
that they are equal. Every row and column keeps its name, after that of its leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from scipy import sparse

from optimizer.model.decision_tree import ROOT, DecisionTree, Integers, Leaf, Node
from optimizer.model.highs import CompiledModel, LinearProgram, SubstitutedProgram
from optimizer.model.instance import Floats, Instance

ColumnKey = tuple[Any, ...]

SHARED_COLUMNS = ("start", "takes_part", "share", "market", "offtake", "floored", "buy")
"""Components of decisions."""
ZERO_IF_MISSING = ("start", "share", "market", "offtake", "buy")
"""Decisions whose columns are fixed at 0 if a leaf below their node lacks them."""
EPIGRAPH_COLUMN = ("most", "all")
"""Upper bound of the objectives of all sets, for the worst case and regret."""
SET_COLUMNS = ("eta", "worst", "tail_cost")
"""Components of CVaR and ambiguity, which all branches of a set share."""


@dataclass(frozen=True, eq=False)
class StackedProblem:
    """The programs of all leaves as one. A key identifies a column or row by component and index,
    and by its node unless that is the root. ``column_positions`` and ``row_positions`` have, for
    each leaf, the positions of its columns and rows in ``program``."""

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


def column_node(leaf: Leaf, key: ColumnKey) -> Node:
    """Return the node to which a column of a leaf belongs."""
    if key[0] in SHARED_COLUMNS:
        return leaf.decision_node(decision_year(leaf.instance, key))
    return Node(leaf.set_index) if key[0] in SET_COLUMNS else leaf.node


def stack_programs(
    programs: Sequence[LinearProgram],
    leaf_column_keys: Sequence[Sequence[ColumnKey]],
    leaf_row_keys: Sequence[Sequence[ColumnKey]],
    tree: DecisionTree,
) -> StackedProblem:
    """Stack the programs of all leaves, with the keys of the columns and rows of each. A shared
    column occurs once, with bounds that satisfy all its leaves. Of identical rows that have only
    columns of decisions, one is kept."""
    leaves, measure = tree.leaves, tree.measure
    if tree.is_single_leaf:
        lp, column_keys, row_keys = programs[0], [*leaf_column_keys[0]], [*leaf_row_keys[0]]
        identity = (np.arange(len(column_keys)),), (np.arange(len(row_keys)),)
        costs, offsets = lp.cost[None], np.array([lp.offset])
        return StackedProblem(lp, column_keys, row_keys, *identity, costs, offsets)
    position_of_key: dict[ColumnKey, int] = {}
    keys: list[ColumnKey] = []
    nodes: list[Node] = []
    column_positions: list[Integers] = []
    for leaf, leaf_keys in zip(leaves, leaf_column_keys, strict=True):
        positions = np.zeros(len(leaf_keys), dtype=np.int64)
        for n, key in enumerate(leaf_keys):
            node = column_node(leaf, key)
            stacked_key = key if node == ROOT else (*key, node)
            if node != leaf.node and stacked_key in position_of_key:
                positions[n] = position_of_key[stacked_key]
                continue
            # Columns of two states may have the same key.
            positions[n] = position_of_key[stacked_key] = len(keys)
            keys.append(stacked_key)
            nodes.append(node)
        column_positions.append(positions)
    if not measure.is_additive:
        keys.append(EPIGRAPH_COLUMN)
        nodes.append(Node(-1))  # of no leaf
    width, set_count = len(keys), len(tree.instances)
    lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
    integer_count = np.zeros(width, dtype=np.int64)
    costs, offsets = np.zeros((set_count, width)), np.zeros(set_count)
    is_decision = np.array([node.set_index is None for node in nodes], dtype=bool)
    is_required = is_decision & np.array([key[0] in ZERO_IF_MISSING for key in keys], dtype=bool)
    for leaf, lp, positions in zip(leaves, programs, column_positions, strict=True):
        lower[positions], upper[positions] = (
            np.maximum(lower[positions], lp.lower),
            np.minimum(upper[positions], lp.upper),
        )
        integer_count[positions] += lp.is_integer
        costs[leaf.set_index, positions] += leaf.probability * lp.cost
        offsets[leaf.set_index] += leaf.probability * lp.offset
        is_missing = is_required & np.array([node.contains(leaf.node) for node in nodes])
        is_missing[positions] = False
        upper[is_missing] = np.minimum(upper[is_missing], 0.0)
    row_of_content: dict[Any, int] = {}
    row_positions: list[Integers] = []
    row_keys = []
    matrices: list[Any] = []
    kept_rows: list[Integers] = []
    for leaf, keys_of_rows, lp, positions in zip(
        leaves, leaf_row_keys, programs, column_positions, strict=True
    ):
        matrix = relocate_columns(lp.matrix, positions, width)
        row_place, kept_leaf_rows = np.zeros(matrix.shape[0], dtype=np.int64), list[int]()
        for r in range(matrix.shape[0]):
            entries = slice(matrix.indptr[r], matrix.indptr[r + 1])
            if is_decision[matrix.indices[entries]].all():
                numbers = matrix.indices[entries].tobytes(), matrix.data[entries].tobytes()
                content = (*keys_of_rows[r], *numbers, lp.row_lower[r], lp.row_upper[r])
                if content in row_of_content:
                    row_place[r] = row_of_content[content]
                    continue
                row_of_content[content] = len(row_keys)
            row_place[r] = len(row_keys)
            row_keys.append((*keys_of_rows[r], leaf.node))
            kept_leaf_rows.append(r)
        row_positions.append(row_place)
        kept_rows.append(np.array(kept_leaf_rows, dtype=np.int64))
        matrices.append(matrix[kept_rows[-1]])
    cost, offset, measure_rows, measure_lower = measure.linear_objective(costs, offsets)
    row_lower, row_upper = (
        np.concatenate([*(x[kept] for x, kept in zip(bounds, kept_rows, strict=True)), last])
        for bounds, last in (
            ([lp.row_lower for lp in programs], measure_lower),
            ([lp.row_upper for lp in programs], np.full(len(measure_lower), np.inf)),
        )
    )
    row_keys += [("most_of", k) for k in range(len(measure_lower))]
    matrix = sparse.vstack([*matrices, sparse.csr_array(measure_rows)], format="csc")
    program = LinearProgram(
        cost=cost,
        offset=offset,
        matrix=sparse.csc_array(matrix),
        row_lower=row_lower,
        row_upper=row_upper,
        lower=lower,
        upper=upper,
        is_integer=integer_count > 0,
        row_names=_LazyNames(row_keys),
        column_names=_LazyNames(keys),
    )
    return StackedProblem(
        program, keys, row_keys, tuple(column_positions), tuple(row_positions), costs, offsets
    )


def stack_models(
    models: Sequence[CompiledModel], substituted: Sequence[SubstitutedProgram], tree: DecisionTree
) -> StackedProblem:
    """Stack the models of all leaves. ``substituted`` are their programs without the defined
    columns, which have been substituted."""
    columns = [
        [model.column_keys[int(c)] for c in program.kept_columns]
        for model, program in zip(models, substituted, strict=True)
    ]
    return stack_programs(
        [x.program for x in substituted], columns, [model.row_keys for model in models], tree
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


def join_models(tree: DecisionTree, models: Sequence[Any]) -> Any:
    """Join the models of all leaves, each with its own objective, into one. A single leaf's model
    is returned unchanged; otherwise each becomes ``leaf[n]`` of the joint model, with

    - ``same``: decisions are equal in all leaves below the node at which they are made (V1), and
      zero where a leaf lacks them;
    - ``most_of``: with the largest objective or regret, ``most`` is at least that of each set.
    """
    if tree.is_single_leaf:
        return models[0]
    joint = pyo.ConcreteModel()
    joint.leaf = pyo.Block(range(len(models)))
    joint.same = pyo.ConstraintList(doc="(V1) a decision is the same in all leaves that share it")
    copies: dict[Any, list[Any]] = {}
    leaf_nodes: dict[Any, Node] = {}
    for n, (leaf, model) in enumerate(zip(tree.leaves, models, strict=True)):
        joint.leaf[n].transfer_attributes_from(model)
        block = joint.leaf[n]
        block.objective.deactivate()
        for variable in block.component_data_objects(pyo.Var, descend_into=False):
            key = (variable.parent_component().local_name, variable.index())
            node = column_node(leaf, key)
            if node != leaf.node:
                copies.setdefault((*key, node), []).append(variable)
                leaf_nodes[(*key, node)] = node
    for key, variables in copies.items():
        for variable in variables[1:]:
            joint.same.add(variable == variables[0])
        sharing = sum(leaf_nodes[key].contains(leaf.node) for leaf in tree.leaves)
        if key[0] in ZERO_IF_MISSING and key[0] in SHARED_COLUMNS and len(variables) < sharing:
            joint.same.add(variables[0] == 0)
    objectives = [
        pyo.quicksum(
            leaf.probability * joint.leaf[n].objective.expr
            for n, leaf in enumerate(tree.leaves)
            if leaf.set_index == k
        )
        for k in range(len(tree.instances))
    ]
    measure = tree.measure
    if measure.is_additive:
        weighted = (measure.set_weight(k) * theta for k, theta in enumerate(objectives))
        joint.objective = pyo.Objective(expr=pyo.quicksum(weighted))
        return joint
    joint.most = pyo.Var(["all"], doc="largest objective, or regret, of the sets")

    @joint.Constraint(range(len(objectives)), doc="most is at least the objective of each set")
    def most_of(joint: Any, k: int) -> Any:
        return joint.most["all"] >= objectives[k] - measure.reference_objectives[k]

    joint.objective = pyo.Objective(expr=joint.most["all"])
    return joint
