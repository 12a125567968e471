"""What is minimised: damage, its tail, and a little of the cost."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from optimizer.formulation.stockpiles import stock_cost
from optimizer.instance import Instance


def add_net_cost(model: Any, instance: Instance) -> None:
    """Add ``net_cost``: discounted million EUR, of all funders, whatever their budget charges."""
    years, first = instance.years, instance.years[0]
    due = pyo.quicksum(
        instance.money(p, f, i, start).net_cost(
            instance.discount, instance.instrument[f, i].terms.recovery
        )
        * share
        for (p, f, i, start), share in model.share.items()
    )
    stocks = pyo.quicksum(
        float(instance.discount[year - first]) * stock_cost(model, instance, h, year)
        for h in instance.stockpiles
        for year in years
    )
    model.net_cost = pyo.Expression(expr=due + stocks)


def add_objective(model: Any, instance: Instance, damage: list[tuple[float, Any]]) -> None:
    """Add the objective over pairs of a probability and a damage.

    The mean of the worst states is CVaR = min over η of η + Σ π max(0, damage - η) / (1 - α)
    (Rockafellar and Uryasev 2000): ``excess`` is what a state's damage has above η, and the
    minimum over η is taken together with everything else. Without weight on it neither exists.
    """
    objective = instance.case.objective
    level, weight = float(objective.cvar.level), float(objective.cvar.weight)
    states = range(len(damage)) if weight > 0 else range(0)
    model.eta = pyo.Var(["all"] if weight > 0 else [], doc="damage at the quantile")
    model.excess = pyo.Var(
        list(states), domain=pyo.NonNegativeReals, doc="damage of a state above the quantile"
    )

    @model.Constraint(
        list(states), doc="(CVaR) excess is at least what damage has above the quantile"
    )
    def excess_definition(model: Any, s: int) -> Any:
        return model.excess[s] >= damage[s][1] - model.eta["all"]

    mean = pyo.quicksum(probability * value for probability, value in damage)
    tail = pyo.quicksum(damage[s][0] * model.excess[s] for s in states) / (1 - level)
    tail += sum(model.eta[key] for key in model.eta)
    cost = float(objective.cost_weight) * model.net_cost
    model.objective = pyo.Objective(expr=(1 - weight) * mean + weight * tail + cost)
