"""What a standpoint settles: stakes, and what others hold to (H1 to H7)."""

from typing import Any

from optimizer.model.instance import Instance, Stake

SHARE_TOLERANCE = (
    1e-5  # a share that is less is the solver's rounding, and no coefficient to build on
)
FIXING_TOLERANCE = 5e-6
"""How far what is settled may move: plans keep their rules up to the solver's tolerances, and once
rounded to the last digit not even that."""


def add_stakes(model: Any, instance: Instance) -> None:
    """Add the shares of capex that some funders carry together (H1)."""

    @model.Constraint(range(len(instance.stakes)), doc="(H1) a stake is just so much of the capex")
    def stake(model: Any, number: int) -> Any:
        own = instance.stakes[number]
        carried, started = stake_terms(model, instance, own)
        return carried + model.nothing == own.share * started


def stake_terms(model: Any, instance: Instance, stake: Stake) -> tuple[Any, Any]:
    """What the funders of a stake carry of its projects, and what all carry together."""
    carriers = {(i.funder, i.id) for i in instance.instruments if i.carries_capex}
    capex = {p: stake_weight(instance, stake.projects, p) for p in stake.projects}
    carried = sum(
        capex[p] * share
        for (p, f, i, _), share in model.share.items()
        if p in capex and f in stake.funders and (f, i) in carriers
    )
    started = sum(capex[p] * model.start[p, y] for p, y in instance.start_options if p in capex)
    return carried, started


def stake_weight(instance: Instance, projects: tuple[str, ...], p: str) -> float:
    """How much a project counts in a stake: its capex in million EUR, or 1 if it is the only one,
    which may have none."""
    return instance.projects[p].capex if len(projects) > 1 else 1.0


def add_fixed_decisions(model: Any, instance: Instance) -> None:
    """Add what is settled of starts, shares, offtake and purchases (H2 to H7)."""
    held = instance.fixed_decisions
    shares = [key for key in model.share if key[1] in held.funders]
    reserved = [key for key in model.offtake if key[2] in held.groups]
    kept = [key for key in model.offtake if key[2] not in held.groups and key in held.offtake]
    bought = [(h, year) for h in held.buy for year in instance.years]

    def beyond(model: Any, column: Any, what: float, p: str, year: int) -> Any:
        """What a column has beyond a settled share of a project; of what is certain, beyond a
        number."""
        if held.certain_starts.get(p) == year:
            return column - what
        return column - (what if what > SHARE_TOLERANCE else 0.0) * model.start[p, year]

    @model.Constraint(list(held.certain_starts), doc="(H2) what is certain is built, and when")
    def held_start(model: Any, p: str) -> Any:
        return model.start[p, held.certain_starts[p]] == 1

    @model.Constraint(shares, doc="(H3) a settled share is carried if the project is started")
    def held_share(model: Any, p: str, f: str, i: str, year: int) -> Any:
        what = held.share.get((p, year, f, i), 0.0)
        if what == 0.0:
            return model.share[p, f, i, year] == 0.0
        return (
            -FIXING_TOLERANCE,
            beyond(model, model.share[p, f, i, year], what, p, year),
            FIXING_TOLERANCE,
        )

    @model.Constraint(reserved, doc="(H4) settled offtake is reserved if the project is started")
    def held_offtake(model: Any, p: str, year: int, group: str) -> Any:
        what = held.offtake.get((p, year, group), 0.0)
        if what == 0.0:
            return model.offtake[p, year, group] == 0.0
        return (
            -FIXING_TOLERANCE,
            beyond(model, model.offtake[p, year, group], what, p, year),
            FIXING_TOLERANCE,
        )

    @model.Constraint(kept, doc="(H5) what is settled of a free group's offtake is the least of it")
    def held_least(model: Any, p: str, year: int, group: str) -> Any:
        what = held.offtake[p, year, group]
        return beyond(model, model.offtake[p, year, group], what, p, year) >= -FIXING_TOLERANCE

    @model.Constraint(bought, doc="(H6) settled purchases are made")
    def held_purchase(model: Any, h: str, year: int) -> Any:
        lots = float(held.buy[h][year - instance.years[0]])
        if lots == 0.0:
            return model.buy[h, year] == 0.0
        return (
            lots - FIXING_TOLERANCE * (1 + lots),
            model.buy[h, year],
            lots + FIXING_TOLERANCE * (1 + lots),
        )

    @model.Constraint(
        list(held.min_total_purchases), doc="(H7) so much is bought in all years together"
    )
    def held_least_purchase(model: Any, h: str) -> Any:
        return sum(model.buy[h, year] for year in instance.years) >= held.min_total_purchases[h]
