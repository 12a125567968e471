"""The optimization problem in Pyomo: one file a chapter of ``docs/formulation.md``.

Rules carry the tags and names of that document. Here is the order of assembly and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation import projects
from optimizer.model.formulation.answer import read_commitment
from optimizer.model.formulation.objective import add_cost_to_go, add_net_cost, add_objective
from optimizer.model.formulation.perspective import add_held, add_stakes, carried_and_started
from optimizer.model.formulation.public_money import (
    add_budget_lines,
    add_budgets,
    add_public_limits,
)
from optimizer.model.formulation.recourse import add_delivered, add_recourse
from optimizer.model.formulation.stockpiles import add_stockpiles, substitute_planned_stock
from optimizer.model.instance import Instance, Stake
from optimizer.model.states import Outlook, State, outlook

__all__ = [
    "build_commitment",
    "build_dearest",
    "build_extensive_form",
    "build_for_outlooks",
    "build_greatest_stake",
    "build_least_spending",
    "build_master",
    "read_commitment",
    "substitute_planned_stock",
]


def build_commitment(instance: Instance) -> Any:
    """The first stage: everything that is decided before the state is known."""
    model = pyo.ConcreteModel()
    # a column fixed at zero, so that a rule which nothing can influence is still a row.
    model.nothing = pyo.Var(bounds=(0, 0))
    projects.add_projects(model, instance)
    projects.add_support_rules(model, instance)
    projects.add_project_rules(model, instance)
    add_stockpiles(model, instance)
    add_public_limits(model, instance)
    add_budgets(model, instance)
    add_budget_lines(model, instance)
    projects.add_country_limit(model, instance)
    add_stakes(model, instance)
    add_held(model, instance)
    add_net_cost(model, instance)
    return model


def build_extensive_form(instance: Instance, states: tuple[State, ...]) -> Any:
    """All states in one model."""
    return build_for_outlooks(instance, [(s.probability, outlook(instance, s)) for s in states])


def build_for_outlooks(instance: Instance, weighed: Sequence[tuple[float, Outlook]]) -> Any:
    """The same for pairs of a probability and what a state, or a mean of states, leaves."""
    model = build_commitment(instance)
    add_delivered(model, instance, [own for _, own in weighed])
    model.state = pyo.Block(range(len(weighed)))
    for number, (_, own) in enumerate(weighed):
        add_recourse(model.state[number], instance, own, model)
    damage = [(chance, model.state[s].damage) for s, (chance, _) in enumerate(weighed)]
    counted = [model.state[s].counted for s in range(len(weighed))]
    add_objective(model, instance, damage, counted)
    return model


def build_master(instance: Instance) -> Any:
    """The first stage with the cost of recourse as columns, without any cut."""
    model = build_commitment(instance)
    add_cost_to_go(model, instance)
    return model


def build_dearest(instance: Instance) -> Any:
    """The first stage alone, to find the highest net cost that a plan can have."""
    model = build_commitment(instance)
    model.objective = pyo.Objective(expr=-model.net_cost)
    return model


def build_least_spending(instance: Instance, funders: Sequence[str]) -> Any:
    """The first stage alone, to find how little of their budgets these funders can spend."""
    model = build_commitment(instance)
    spent = [model.spend[f, year] for f in funders for year in instance.years]
    model.objective = pyo.Objective(expr=pyo.quicksum(spent) + model.nothing)
    return model


def build_greatest_stake(instance: Instance, stake: Stake) -> Any:
    """The first stage alone, to find how much more than its share the funders of a stake can carry
    of its projects, of which one at least is started (H1)."""
    model = build_commitment(instance)
    carried, started = carried_and_started(model, instance, stake)

    @model.Constraint(["any"], doc="one of the projects at least is started")
    def some_start(model: Any, _: str) -> Any:
        starts = [model.start[p, y] for p, y in instance.starts if p in stake.projects]
        return pyo.quicksum(starts) + model.nothing >= 1

    model.objective = pyo.Objective(expr=stake.share * started - carried + model.nothing)
    return model
