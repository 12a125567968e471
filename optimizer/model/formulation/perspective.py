"""Rules of a perspective: stakes of a group of funders, and decisions of others that are fixed (H1
to H7)."""

from typing import Any

from optimizer.model.instance import Instance, Stake

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
