"""What stands in a frontier: points, and what changes from one to the next."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from models.results import FrontierPoint, FrontierStep, Instead, Marginal, WithoutPlan
from models.scenario.case import Case
from optimizer.analyses.frontier.parametric_points import Spot
from optimizer.model.commitment import Commitment, planned_stock, spend
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import Found
from optimizer.solve.gap import gap_of

HELD = 1e-6
"""Tonnes below which nothing is held."""
CHANGED = 0.01
"""A stock has changed if it has by more than this share of the larger of the two."""
JUMP = 0.05
"""Of all that is avoided between first and last point, the share that makes a step a jump."""
EQUAL = 1e-9
"""Figures that differ by less, relatively, are equal."""


def describe_spots(
    spots: Sequence[Spot], case: Case, *, tail: bool = False
) -> tuple[FrontierPoint, ...]:
    """The points of a frontier, by rising value."""
    points = [_point(spot, case) for spot in spots]
    return tuple(
        point.model_copy(update={"dominated": tail and any(_beats(o, point) for o in points)})
        for point in points
    )


def _point(spot: Spot, case: Case) -> FrontierPoint:
    found, instance, least = spot.found, spot.instance, spot.damage
    reached: dict[str, Any] = dict.fromkeys(
        ("objective", "gap", "expected", "cvar", "worst", "net_cost_meur", "public_meur")
    )
    reached |= {"expected_bound": least.expected, "cvar_bound": least.cvar, "spend_meur": {}}
    reached["expected_under"] = {}
    reached |= {
        "projects": {},
        "stocks_t": {},
        "status": "infeasible" if spot.infeasible else "none",
    }
    if found is not None:
        used = {f: float(years.sum()) for f, years in spend(instance, found.commitment).items()}
        cvar = found.with_plan.cvar(float(instance.case.objective.cvar.level))
        start, expected = found.commitment.start, found.with_plan.expected
        public = (money for f, money in used.items() if case.funders[f].kind == "public")
        reached = {
            "status": found.certificate.status,
            "objective": found.objective,
            "gap": gap_of(found.objective, spot.bound, found.least),
            "expected": expected,
            # Without what rounding puts above a plan.
            "expected_bound": None if least.expected is None else min(least.expected, expected),
            "cvar": cvar,
            "cvar_bound": None if least.cvar is None else min(least.cvar, cvar),
            "worst": found.with_plan.worst,
            "expected_under": found.expected_under,
            "net_cost_meur": found.net_cost,
            "public_meur": math.fsum(public),
            "spend_meur": used,
            "projects": {p: start[p] for p in case.projects if p in start},
            "stocks_t": stocks_held(instance, found.commitment),
        }
    return FrontierPoint(
        value=spot.value,
        bound=spot.bound,
        plan_of=spot.plan_of if found is not None else None,
        bound_of=spot.bound_of,
        dominated=False,
        conflict=spot.conflict if found is None else (),
        seconds=spot.seconds,
        **reached,
    )


def stocks_held(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Tonnes that each stockpile holds at most; those that hold nothing are left out."""
    stocks = {
        h: float(planned_stock(instance, commitment, h).max()) * instance.lot_t[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    return {h: tonnes for h, tonnes in stocks.items() if tonnes > HELD}


def without_plan(found: Found) -> WithoutPlan:
    """What comes without any plan."""
    nothing, level = found.without_plan, float(found.instance.case.objective.cvar.level)
    return WithoutPlan(expected=nothing.expected, cvar=nothing.cvar(level), worst=nothing.worst)


def _beats(one: FrontierPoint, other: FrontierPoint) -> bool:
    """Whether a point has a lower mean and a lower CVaR, or one of them and the other equal."""
    pairs = ((one.expected, other.expected), (one.cvar, other.cvar))
    lower = [
        0 if abs(a - b) <= EQUAL * max(1.0, abs(a)) else 1 if a < b else -1
        for a, b in pairs
        if a is not None and b is not None
    ]
    return len(lower) == len(pairs) and min(lower) >= 0 and max(lower) > 0


def describe_steps(points: Sequence[FrontierPoint], *, loosens: bool) -> tuple[FrontierStep, ...]:
    """What changes between neighbouring points that have a plan."""
    damages = {p.value: p.expected for p in points if p.expected is not None}
    planned = [point for point in points if point.value in damages]
    whole = max(damages.values(), default=0.0) - min(damages.values(), default=0.0)
    steps = []
    for lower, higher in pairwise(planned):
        had, has = damages[lower.value], damages[higher.value]
        changes = otherwise(lower.projects, higher.projects, lower.stocks_t, higher.stocks_t)
        swapped = bool(changes.entering or changes.leaving)
        steps.append(
            FrontierStep(
                from_value=lower.value,
                to_value=higher.value,
                **vars(changes),
                avoided=had - has,
                jump=swapped and abs(had - has) > JUMP * whole > 0,
                marginal=_marginal(lower, higher, had, has) if loosens else None,
            )
        )
    return tuple(steps)


def otherwise(
    before: Mapping[str, int],
    after: Mapping[str, int],
    held: Mapping[str, float],
    holds: Mapping[str, float],
) -> Instead:
    """What another plan does otherwise, by start years and what stocks hold at most."""
    stocks = {h: (held.get(h, 0.0), holds.get(h, 0.0)) for h in [*held, *holds]}
    return Instead(
        entering=tuple(p for p in after if p not in before),
        leaving=tuple(p for p in before if p not in after),
        moved={p: (y, after[p]) for p, y in before.items() if after.get(p, y) != y},
        stocks_t={h: b - a for h, (a, b) in stocks.items() if abs(b - a) > CHANGED * max(a, b)},
    )


def _marginal(lower: FrontierPoint, higher: FrontierPoint, had: float, has: float) -> Marginal:
    """Damage avoided per unit: between the least damage that can be had at either value.

    The least lies between the bound and the plan; that it never rises is put to use.
    """
    width, least, most = higher.value - lower.value, lower.expected_bound, higher.expected_bound
    return Marginal(
        low=max(0.0, 0.0 if least is None else least - has) / width,
        plans=max(0.0, had - has) / width,
        high=None if most is None else max(0.0, had - most) / width,
    )
