"""What is minimised: damage, its tail, and a little of the cost."""

from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.projects import premium_terms
from optimizer.model.formulation.stockpiles import stock_cost, stock_residual_value
from optimizer.model.instance import Instance
from optimizer.model.risk_measure import RiskMeasure


def add_net_cost(model: Any, instance: Instance) -> None:
    """Add ``net_cost``: discounted million EUR, of all funders, whatever their budget charges; and
    ``weighed_cost``: what of it counts in the objective."""
    model.net_cost = pyo.Expression(expr=_net_cost_expression(model, instance))
    weights = set(instance.cost_weights.values())
    alike = float(instance.case.objective.cost_weight) if not weights else weights.pop()
    by_funder = _net_cost_expression(model, instance, instance.cost_weights) if weights else None
    model.weighed_cost = pyo.Expression(
        expr=alike * model.net_cost if by_funder is None else by_funder
    )


def _net_cost_expression(
    model: Any, instance: Instance, funder_weights: Mapping[str, float] | None = None
) -> Any:
    """The net cost of all, or with each funder's part weighed by itself."""
    due, stocks, left = [], [], []

    def weight(f: str | None) -> float:
        return 1.0 if funder_weights is None or f is None else funder_weights[f]

    for (p, f, i, start), share in model.share.items():
        due.append(weight(f) * instance.cash_flows(p, f, i, start).net_cost * share)
    for f, year, paid in premium_terms(model, instance):
        due.append(weight(f) * float(instance.discount_factor[year - instance.years[0]]) * paid)
    for h, pile in instance.stockpiles.items():
        for payer in [None] if funder_weights is None else pile.payers:
            for year, at in zip(instance.years, instance.discount_factor, strict=True):
                cost = stock_cost(model, instance, h, year, payer)
                stocks.append(weight(payer) * float(at) * cost)
        for payer in (
            ([None] if funder_weights is None else pile.purchase_paid_by)
            if pile.end_value_per_lot > 0
            else ()
        ):
            left.append(weight(payer) * stock_residual_value(model, instance, h, payer))
    return pyo.quicksum(due) + pyo.quicksum(stocks) - pyo.quicksum(left)


def add_objective(
    model: Any,
    instance: Instance,
    weighted_damages: list[tuple[float, Any]],
    counted_damages: list[Any],
) -> None:
    """Add the objective over pairs of a probability and a damage, and what of each damage counts in
    the mean. The mean of the worst states is CVaR = min over η of η + Σ π max(0, damage - η) / (1 -
    α) (Rockafellar and Uryasev 2000): ``excess`` is what a state's damage has above η, and the
    minimum over η is taken together with everything else. Without weight on it neither exists. The
    least favourable mean in a ball of total variation is one of the worst 1 - radius, and radius
    times the worst state (Jiang and Guan 2018)."""
    risk = RiskMeasure.from_case(instance.case)
    assert risk.ambiguity != "modified_chi_square"  # no linear program has it
    states, mean = range(len(weighted_damages)), 1 - risk.cvar_weight
    in_tail = list(states) if risk.cvar_weight > 0 else []
    in_mean = (
        list(states)
        if risk.ambiguity is not None and mean * (1 - risk.ambiguity_radius) > 0
        else []
    )
    worst = list(states) if risk.ambiguity is not None and mean * risk.ambiguity_radius > 0 else []
    model.eta = pyo.Var(
        [key for key, some in (("all", in_tail), ("mean", in_mean)) if some],
        domain=pyo.NonNegativeReals,
        doc="damage at the quantile, which no state has less than none of",
    )
    model.excess = pyo.Var(
        in_tail, domain=pyo.NonNegativeReals, doc="damage of a state above the quantile"
    )

    @model.Constraint(in_tail, doc="(CVaR) excess is at least what damage has above the quantile")
    def excess_definition(model: Any, s: int) -> Any:
        return model.excess[s] >= weighted_damages[s][1] - model.eta["all"]

    terms = [model.weighed_cost]
    if in_tail:
        tail = pyo.quicksum(weighted_damages[s][0] * model.excess[s] for s in states) / (
            1 - risk.cvar_level
        )
        terms.append(risk.cvar_weight * (tail + model.eta["all"]))
    if risk.ambiguity is None:
        counts = pyo.quicksum(
            p * value for (p, _), value in zip(weighted_damages, counted_damages, strict=True)
        )
        terms.append(mean * counts)
    model.above = pyo.Var(
        in_mean, domain=pyo.NonNegativeReals, doc="damage of a state above that of the mean's best"
    )
    model.worst = pyo.Var(
        ["all"] if worst else [], domain=pyo.NonNegativeReals, doc="damage of the worst state"
    )

    @model.Constraint(in_mean, doc="(CVaR) what damage has above that of the states left out")
    def above_definition(model: Any, s: int) -> Any:
        return model.above[s] >= weighted_damages[s][1] - model.eta["mean"]

    @model.Constraint(
        [s for s in worst if weighted_damages[s][0] > 0],
        doc="(CVaR) no state is worse than the worst",
    )
    def worst_definition(model: Any, s: int) -> Any:
        return model.worst["all"] >= weighted_damages[s][1]

    if in_mean:
        above = pyo.quicksum(weighted_damages[s][0] * model.above[s] for s in states) / (
            1 - risk.ambiguity_radius
        )
        terms.append(mean * (1 - risk.ambiguity_radius) * (above + model.eta["mean"]))
    if worst:
        terms.append(mean * min(risk.ambiguity_radius, 1.0) * model.worst["all"])
    model.objective = pyo.Objective(expr=pyo.quicksum(terms))


def add_cost_to_go(model: Any, instance: Instance) -> None:
    """Add ``cost_to_go`` of each chain, by its head, ``tail_cost`` of all, and the objective over
    them: cuts bound the mean damage of a chain and the CVaR of all damage from below. Each exists
    only where the objective weighs it, and of chains that count. The least favourable mean is one
    of all damage together: ``tail_cost`` then bounds that and the CVaR by their weights."""
    risk = RiskMeasure.from_case(instance.case)
    weight = risk.cvar_weight if risk.ambiguity is None else 1.0
    model.cost_to_go = pyo.Var(
        [c.id for c in instance.chains if instance.nodes[c.id].damage_weight > 0 and weight < 1],
        domain=pyo.NonNegativeReals,
        doc="mean damage of a chain",
    )
    model.tail_cost = pyo.Var(
        ["all"] if weight > 0 else [], domain=pyo.NonNegativeReals, doc="CVaR of damage"
    )
    mean = pyo.quicksum(instance.nodes[v].damage_weight * x for v, x in model.cost_to_go.items())
    tail = pyo.quicksum(model.tail_cost[key] for key in model.tail_cost)
    model.objective = pyo.Objective(expr=(1 - weight) * mean + weight * tail + model.weighed_cost)
