"""What is minimised: damage, its tail, and a little of the cost."""

from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.projects import premium_terms
from optimizer.model.formulation.stockpiles import stock_cost, stock_residual
from optimizer.model.instance import Instance


def add_net_cost(model: Any, instance: Instance) -> None:
    """Add ``net_cost``: discounted million EUR, of all funders, whatever their budget charges; and
    ``weighed_cost``: what of it counts in the objective."""
    model.net_cost = pyo.Expression(expr=_net_cost(model, instance))
    weights = set(instance.cost_counts.values())
    alike = float(instance.case.objective.cost_weight) if not weights else weights.pop()
    by_funder = _net_cost(model, instance, instance.cost_counts) if weights else None
    model.weighed_cost = pyo.Expression(
        expr=alike * model.net_cost if by_funder is None else by_funder
    )


def _net_cost(model: Any, instance: Instance, counts: Mapping[str, float] | None = None) -> Any:
    """The net cost of all, or with each funder's part weighed by itself."""
    due, stocks, left = [], [], []

    def weight(f: str | None) -> float:
        return 1.0 if counts is None or f is None else counts[f]

    for (p, f, i, start), share in model.share.items():
        due.append(weight(f) * instance.money(p, f, i, start).net_cost * share)
    for f, year, paid in premium_terms(model, instance):
        due.append(weight(f) * float(instance.discount[year - instance.years[0]]) * paid)
    for h, pile in instance.stockpiles.items():
        for payer in [None] if counts is None else pile.payers:
            for year, at in zip(instance.years, instance.discount, strict=True):
                cost = stock_cost(model, instance, h, year, payer)
                stocks.append(weight(payer) * float(at) * cost)
        for payer in ([None] if counts is None else pile.paid_by) if pile.end_value > 0 else ():
            left.append(weight(payer) * stock_residual(model, instance, h, payer))
    return pyo.quicksum(due) + pyo.quicksum(stocks) - pyo.quicksum(left)


def add_objective(
    model: Any, instance: Instance, damage: list[tuple[float, Any]], counted: list[Any]
) -> None:
    """Add the objective over pairs of a probability and a damage, and what of each damage counts in
    the mean. The mean of the worst states is CVaR = min over η of η + Σ π max(0, damage - η) / (1 -
    α) (Rockafellar and Uryasev 2000): ``excess`` is what a state's damage has above η, and the
    minimum over η is taken together with everything else. Without weight on it neither exists."""
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


def add_cost_to_go(model: Any, instance: Instance) -> None:
    """Add ``cost_to_go`` of each chain, by its head, ``tail_cost`` of all, and the objective over
    them: cuts bound the mean damage of a chain and the CVaR of all damage from below. Each exists
    only where the objective weighs it, and of chains that count."""
    weight = float(instance.case.objective.cvar.weight)
    model.cost_to_go = pyo.Var(
        [c.head for c in instance.chains if instance.nodes[c.head].counts > 0 and weight < 1],
        domain=pyo.NonNegativeReals,
        doc="mean damage of a chain",
    )
    model.tail_cost = pyo.Var(
        ["all"] if weight > 0 else [], domain=pyo.NonNegativeReals, doc="CVaR of damage"
    )
    mean = pyo.quicksum(instance.nodes[v].counts * x for v, x in model.cost_to_go.items())
    tail = pyo.quicksum(model.tail_cost[key] for key in model.tail_cost)
    model.objective = pyo.Objective(expr=(1 - weight) * mean + weight * tail + model.weighed_cost)
