"""The objective, and the rules of a perspective: stakes of a group of funders, and decisions of
others that are fixed (H1 to H7).
"""

from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.projects import premium_terms
from optimizer.model.formulation.recourse import stock_cost, stock_residual_value
from optimizer.model.instance import Instance, Stake
from optimizer.model.risk_measure import RiskMeasure


def add_net_cost(model: Any, instance: Instance) -> None:
    """Add the expressions ``net_cost``, the discounted net cost of all funders in million EUR, and
    ``weighed_cost``, its term in the objective. Net cost includes payments that no budget is
    charged with."""
    model.net_cost = pyo.Expression(expr=_net_cost_expression(model, instance))
    weights = set(instance.cost_weights.values())
    common_weight = float(instance.case.objective.cost_weight) if not weights else weights.pop()
    by_funder = _net_cost_expression(model, instance, instance.cost_weights) if weights else None
    model.weighed_cost = pyo.Expression(
        expr=common_weight * model.net_cost if by_funder is None else by_funder
    )


def _net_cost_expression(
    model: Any, instance: Instance, funder_weights: Mapping[str, float] | None = None
) -> Any:
    """Return the net cost of all funders as an expression; with ``funder_weights``, the weighted
    sum of the funders' net costs."""
    funding_terms, stock_terms, residual_terms = [], [], []

    def weight(f: str | None) -> float:
        return 1.0 if funder_weights is None or f is None else funder_weights[f]

    for (p, f, i, start), share in model.share.items():
        funding_terms.append(weight(f) * instance.cash_flows(p, f, i, start).net_cost * share)
    for f, year, premium in premium_terms(model, instance):
        funding_terms.append(
            weight(f) * float(instance.discount_factor[year - instance.years[0]]) * premium
        )
    for h, stockpile in instance.stockpiles.items():
        for payer in [None] if funder_weights is None else stockpile.payers:
            for year, factor in zip(instance.years, instance.discount_factor, strict=True):
                cost = stock_cost(model, instance, h, year, payer)
                stock_terms.append(weight(payer) * float(factor) * cost)
        for payer in (
            ([None] if funder_weights is None else stockpile.purchase_paid_by)
            if stockpile.end_value_per_lot > 0
            else ()
        ):
            residual_terms.append(weight(payer) * stock_residual_value(model, instance, h, payer))
    return pyo.quicksum(funding_terms) + pyo.quicksum(stock_terms) - pyo.quicksum(residual_terms)


def add_objective(
    model: Any,
    instance: Instance,
    weighted_damages: list[tuple[float, Any]],
    counted_damages: list[Any],
) -> None:
    """Add the objective of the extensive form. ``weighted_damages`` are pairs of a probability and
    the damage of a state; ``counted_damages`` are the damages with the weights of consumers, from
    which the mean is computed.

    CVaR = min over η of η + Σ π max(0, damage - η) / (1 - α) (Rockafellar and Uryasev 2000), where
    ``excess`` is a state's damage above η. The worst-case mean within a total variation distance is
    (1 - radius) times the CVaR whose α is the radius, plus radius times the damage of the worst
    state (Jiang and Guan 2018). Variables exist only for terms with positive weight.
    """
    risk = RiskMeasure.from_case(instance.case)
    assert risk.mean.is_linear
    states, cvar_terms = range(len(weighted_damages)), risk.cvar_terms
    tail_states, mean_states = (
        list(states) if key in cvar_terms else [] for key in ("all", "mean")
    )
    worst_states = list(states) if risk.worst_weight > 0 else []
    model.eta = pyo.Var(
        list(cvar_terms),
        domain=pyo.NonNegativeReals,
        doc="damage at the quantile of a CVaR term, 0 or more",
    )
    model.excess = pyo.Var(
        tail_states, domain=pyo.NonNegativeReals, doc="damage of a state above the quantile"
    )

    @model.Constraint(
        tail_states, doc="(CVaR) excess is at least the damage of a state above the quantile"
    )
    def excess_definition(model: Any, s: int) -> Any:
        return model.excess[s] >= weighted_damages[s][1] - model.eta["all"]

    model.above = pyo.Var(
        mean_states,
        domain=pyo.NonNegativeReals,
        doc="damage of a state above the quantile of the ambiguous mean",
    )
    model.worst = pyo.Var(
        ["all"] if worst_states else [],
        domain=pyo.NonNegativeReals,
        doc="damage of the worst state",
    )

    @model.Constraint(
        mean_states, doc="(CVaR) above is at least the damage above the quantile of the mean"
    )
    def above_definition(model: Any, s: int) -> Any:
        return model.above[s] >= weighted_damages[s][1] - model.eta["mean"]

    @model.Constraint(
        [s for s in worst_states if weighted_damages[s][0] > 0],
        doc="(CVaR) the worst damage is at least the damage of each state",
    )
    def worst_definition(model: Any, s: int) -> Any:
        return model.worst["all"] >= weighted_damages[s][1]

    def tail_term(key: str, excess: Any) -> Any:
        tail = pyo.quicksum(weighted_damages[s][0] * excess[s] for s in states)
        weight, level = cvar_terms[key]
        return weight * (tail / (1 - level) + model.eta[key])

    terms = [model.weighed_cost]
    if tail_states:
        terms.append(tail_term("all", model.excess))
    if not risk.mean.is_ambiguous:
        counted_mean = pyo.quicksum(
            p * value for (p, _), value in zip(weighted_damages, counted_damages, strict=True)
        )
        terms.append((1 - risk.cvar_weight) * counted_mean)
    if mean_states:
        terms.append(tail_term("mean", model.above))
    if worst_states:
        terms.append(risk.worst_weight * model.worst["all"])
    model.objective = pyo.Objective(expr=pyo.quicksum(terms))


def add_cost_to_go(model: Any, instance: Instance) -> None:
    """Add the columns ``cost_to_go``, one for each chain by its id, and ``tail_cost`` for all
    chains together, and the objective over them. Cuts bound ``cost_to_go`` by the mean damage of
    the chain, and ``tail_cost`` by the CVaR of all damage, from below. A column exists only if it
    has weight in the objective. With ambiguity the worst-case mean depends on the damage of all
    chains together: ``tail_cost`` is then a bound on the weighted sum of this mean and CVaR."""
    risk = RiskMeasure.from_case(instance.case)
    weight = risk.joint_weight
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


SHARE_TOLERANCE = 1e-5  # smaller fixed values are the solver's rounding, and count as 0
FIXING_TOLERANCE = 5e-6
"""Slack of fixed decisions, since plans keep their rules only up to tolerances and rounding."""


def add_stakes(model: Any, instance: Instance) -> None:
    """Add the rule that the funders of a stake together carry exactly its share of capex (H1)."""

    @model.Constraint(
        range(len(instance.stakes)), doc="(H1) the funders of a stake carry its share of capex"
    )
    def stake(model: Any, number: int) -> Any:
        current_stake = instance.stakes[number]
        carried_capex, started_capex = stake_terms(model, instance, current_stake)
        return carried_capex + model.nothing == current_stake.share * started_capex


def stake_terms(model: Any, instance: Instance, stake: Stake) -> tuple[Any, Any]:
    """Return two expressions for the projects of a stake: the capex that its funders carry, and the
    capex of the started projects. Capex is that of :func:`stake_weight`."""
    carriers = {(i.funder, i.id) for i in instance.instruments if i.carries_capex}
    weight = {p: stake_weight(instance, stake.projects, p) for p in stake.projects}
    carried_capex = sum(
        weight[p] * share
        for (p, f, i, _), share in model.share.items()
        if p in weight and f in stake.funders and (f, i) in carriers
    )
    started_capex = sum(
        weight[p] * model.start[p, y] for p, y in instance.start_options if p in weight
    )
    return carried_capex, started_capex


def stake_weight(instance: Instance, projects: tuple[str, ...], p: str) -> float:
    """Return the weight of a project in a stake of ``projects``: its capex in million EUR, or 1 if
    it is the only one, which may have no capex."""
    return instance.projects[p].capex if len(projects) > 1 else 1.0


def add_fixed_decisions(model: Any, instance: Instance) -> None:
    """Add the rules that fix starts, shares, offtake and purchases (H2 to H7)."""
    fixed_decisions = instance.fixed_decisions
    fixed_shares = [key for key in model.share if key[1] in fixed_decisions.funders]
    fixed_offtakes = [key for key in model.offtake if key[2] in fixed_decisions.groups]
    bounded_offtakes = [
        key
        for key in model.offtake
        if key[2] not in fixed_decisions.groups and key in fixed_decisions.offtake
    ]
    fixed_purchases = [(h, year) for h in fixed_decisions.buy for year in instance.years]

    def deviation(model: Any, column: Any, value: float, p: str, year: int) -> Any:
        """Return the expression of a column minus its fixed value. The fixed value is multiplied by
        the start of the project, unless this start is certain."""
        if fixed_decisions.certain_starts.get(p) == year:
            return column - value
        return column - (value if value > SHARE_TOLERANCE else 0.0) * model.start[p, year]

    @model.Constraint(
        list(fixed_decisions.certain_starts), doc="(H2) a certain start takes place in its year"
    )
    def held_start(model: Any, p: str) -> Any:
        return model.start[p, fixed_decisions.certain_starts[p]] == 1

    @model.Constraint(fixed_shares, doc="(H3) a settled share is carried if the project is started")
    def held_share(model: Any, p: str, f: str, i: str, year: int) -> Any:
        value = fixed_decisions.share.get((p, year, f, i), 0.0)
        if value == 0.0:
            return model.share[p, f, i, year] == 0.0
        return (
            -FIXING_TOLERANCE,
            deviation(model, model.share[p, f, i, year], value, p, year),
            FIXING_TOLERANCE,
        )

    @model.Constraint(
        fixed_offtakes, doc="(H4) settled offtake is reserved if the project is started"
    )
    def held_offtake(model: Any, p: str, year: int, group: str) -> Any:
        value = fixed_decisions.offtake.get((p, year, group), 0.0)
        if value == 0.0:
            return model.offtake[p, year, group] == 0.0
        return (
            -FIXING_TOLERANCE,
            deviation(model, model.offtake[p, year, group], value, p, year),
            FIXING_TOLERANCE,
        )

    @model.Constraint(
        bounded_offtakes, doc="(H5) the offtake of a free group is at least its settled part"
    )
    def held_least(model: Any, p: str, year: int, group: str) -> Any:
        value = fixed_decisions.offtake[p, year, group]
        return deviation(model, model.offtake[p, year, group], value, p, year) >= -FIXING_TOLERANCE

    @model.Constraint(fixed_purchases, doc="(H6) settled purchases are made")
    def held_purchase(model: Any, h: str, year: int) -> Any:
        lots = float(fixed_decisions.buy[h][year - instance.years[0]])
        if lots == 0.0:
            return model.buy[h, year] == 0.0
        return (
            lots - FIXING_TOLERANCE * (1 + lots),
            model.buy[h, year],
            lots + FIXING_TOLERANCE * (1 + lots),
        )

    @model.Constraint(
        list(fixed_decisions.min_total_purchases),
        doc="(H7) purchases of all years together reach a lower bound",
    )
    def held_least_purchase(model: Any, h: str) -> Any:
        return (
            sum(model.buy[h, year] for year in instance.years)
            >= fixed_decisions.min_total_purchases[h]
        )
