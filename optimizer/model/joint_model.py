"""One Pyomo model of all leaves of a decision tree.

Unlike :mod:`optimizer.model.stacked_problem`, which merges the columns that leaves share, it states
that they are equal. Every row and column keeps its name, after that of its leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from optimizer.model.decision_tree import DecisionTree, Node
from optimizer.model.stacked_problem import SHARED_COLUMNS, ZERO_IF_MISSING, column_node


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
