"""What is minimised: damage, its tail, and a little of the cost."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.stockpiles import stock_cost, stock_residual, valued
from optimizer.model.instance import Instance


def add_net_cost(model: Any, instance: Instance) -> None:
    """Add ``net_cost``: discounted million EUR, of all funders, whatever their budget charges; and
    ``weighed_cost``: what of it counts in the objective."""
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
    left = pyo.quicksum(stock_residual(model, instance, h) for h in valued(instance))
    model.net_cost = pyo.Expression(expr=due + stocks - left)
    weights = set(instance.cost_counts.values())
    alike = float(instance.case.objective.cost_weight) if not weights else weights.pop()
    model.weighed_cost = pyo.Expression(
        expr=_by_funder(model, instance) if weights else alike * model.net_cost
    )


def _by_funder(model: Any, instance: Instance) -> Any:
    """The net cost with each funder's part weighed by itself."""
    counts, discount = instance.cost_counts, instance.discount
    due = pyo.quicksum(
        counts[f]
        * instance.money(p, f, i, start).net_cost(
            discount, instance.instrument[f, i].terms.recovery
        )
        * share
        for (p, f, i, start), share in model.share.items()
    )
    stocks = pyo.quicksum(
        counts[f] * float(at) * stock_cost(model, instance, h, year, f)
        for h, pile in instance.stockpiles.items()
        for f in pile.payers
        for year, at in zip(instance.years, discount, strict=True)
    )
    left = pyo.quicksum(
        counts[f] * stock_residual(model, instance, h, f)
        for h in valued(instance)
        for f in instance.stockpiles[h].paid_by
    )
    return due + stocks - left


def add_objective(
    model: Any, instance: Instance, damage: list[tuple[float, Any]], counted: list[Any]
) -> None:
    """Add the objective over pairs of a probability and a damage, and what of each damage counts
    in the mean.

    The mean of the worst states is CVaR = min over η of η + Σ π max(0, damage - η) / (1 - α)
    (Rockafellar and Uryasev 2000): ``excess`` is what a state's damage has above η, and the
    minimum over η is taken together with everything else. Without weight on it neither exists.
    """
    objective = instance.case.objective
    level, weight = float(objective.cvar.level), float(objective.cvar.weight)
    states = range(len(damage)) if weight > 0 else range(0)
    model.eta = pyo.Var(
        ["all"] if weight > 0 else [],
        domain=pyo.NonNegativeReals,
        doc="damage at the quantile, which no state has less than none of",
    )
    model.excess = pyo.Var(
        list(states), domain=pyo.NonNegativeReals, doc="damage of a state above the quantile"
    )

    @model.Constraint(
        list(states), doc="(CVaR) excess is at least what damage has above the quantile"
    )
    def excess_definition(model: Any, s: int) -> Any:
        return model.excess[s] >= damage[s][1] - model.eta["all"]

    mean = pyo.quicksum(p * value for (p, _), value in zip(damage, counted, strict=True))
    tail = pyo.quicksum(damage[s][0] * model.excess[s] for s in states) / (1 - level)
    tail += sum(model.eta[key] for key in model.eta)
    model.objective = pyo.Objective(expr=(1 - weight) * mean + weight * tail + model.weighed_cost)
