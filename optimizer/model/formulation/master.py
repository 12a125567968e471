"""The master of the decomposition: the first stage, and what recourse costs as cuts know it."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from optimizer.model.instance import Instance


def add_cost_to_go(model: Any, instance: Instance, groups: int) -> None:
    """Add ``cost_to_go`` of each node and group, ``tail_cost`` of all, and the objective over them.

    Cuts bound the first from below by what a group of states adds to the mean damage of a node, the
    second by the CVaR of all damage. Each exists only where the objective weighs it, and of nodes
    that count.
    """
    objective = instance.case.objective
    weight = float(objective.cvar.weight)
    model.cost_to_go = pyo.Var(
        [v for v, node in enumerate(instance.nodes) if node.counts > 0 and weight < 1],
        range(groups),
        domain=pyo.NonNegativeReals,
        doc="what a group of states adds to the mean damage of a node",
    )
    model.tail_cost = pyo.Var(
        ["all"] if weight > 0 else [], domain=pyo.NonNegativeReals, doc="CVaR of damage"
    )
    mean = pyo.quicksum(
        instance.nodes[v].counts * model.cost_to_go[v, g] for v, g in model.cost_to_go
    )
    tail = pyo.quicksum(model.tail_cost[key] for key in model.tail_cost)
    model.objective = pyo.Objective(expr=(1 - weight) * mean + weight * tail + model.weighed_cost)
