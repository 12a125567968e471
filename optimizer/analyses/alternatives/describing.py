"""A plan in figures."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.results import PlanFigures, WithoutPlan
from optimizer.analyses.alternatives.portfolios import portfolio_of
from optimizer.model.commitment import planned_stock, spend
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import Found

TRACE = 1e-6
"""Tonnes below which nothing is bought."""


def figures_of(found: Found, bound: float, least: Mapping[str, float]) -> PlanFigures:
    """What a plan builds and buys, what it leads to and costs."""
    instance, commitment, reached = found.instance, found.commitment, found.with_plan
    used = spend(instance, commitment)
    bought = {
        h: float(commitment.bought(instance, h).sum()) * instance.lot_t[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    chosen = portfolio_of(instance, commitment, least)
    return PlanFigures(
        objective=found.objective,
        above=max(0.0, found.objective - bound) / max(abs(bound), 1e-6),
        expected=reached.expected,
        cvar=reached.cvar(float(instance.case.objective.cvar.level)),
        worst=reached.worst,
        net_cost_meur=found.net_cost,
        public_meur=math.fsum(float(used[f].sum()) for f in instance.public_funders),
        projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
        bought_t={h: tonnes for h, tonnes in bought.items() if tonnes > TRACE},
        stockpiles=tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
        days_of_cover=_days_of_cover(found.instance, found),
    )


def _days_of_cover(instance: Instance, found: Found) -> dict[str, float]:
    """Days of the last year's demand in planned stock at its end, of what has stockpiles."""
    held: dict[str, float] = {}
    for h, pile in instance.stockpiles.items():
        last = float(planned_stock(instance, found.commitment, h)[-1])
        held[pile.material] = held.get(pile.material, 0.0) + last
    demand = {m: float(instance.material_demand[m][-1]) * instance.per_year for m in held}
    return {m: lots / demand[m] * 365 for m, lots in held.items() if demand[m] > 0}


def without_plan(found: Found) -> WithoutPlan:
    """What comes without any plan."""
    nothing = found.without_plan
    level = float(found.instance.case.objective.cvar.level)
    return WithoutPlan(expected=nothing.expected, cvar=nothing.cvar(level), worst=nothing.worst)
