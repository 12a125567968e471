"""What stands in a frontier: points, and what changes from one to the next."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from models.results import FrontierPoint, FrontierStep, Marginal, PlanDiff, WithoutPlan
from models.scenario.case import Case
from optimizer.analyses.frontier.parametric_points import ParametricPoint
from optimizer.model.commitment import Commitment, budget_use, planned_stock
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.gap import relative_gap

MIN_TONNES_HELD = 1e-6
"""Tonnes below which nothing is held."""
STOCK_CHANGE_SHARE = 0.01
"""A stock has changed if it has by more than this share of the larger of the two."""
JUMP_SHARE = 0.05
"""Of all that is avoided between first and last point, the share that makes a step a jump."""
FIGURE_TOLERANCE = 1e-9
"""Figures that differ by less, relatively, are equal."""


def describe_points(
    solved_points: Sequence[ParametricPoint], case: Case, *, varies_tail_weight: bool = False
) -> tuple[FrontierPoint, ...]:
    """The points of a frontier, by rising value."""
    points = [_describe_point(spot, case) for spot in solved_points]
    return tuple(
        point.model_copy(
            update={"dominated": varies_tail_weight and any(_dominates(o, point) for o in points)}
        )
        for point in points
    )


def _describe_point(solved_point: ParametricPoint, case: Case) -> FrontierPoint:
    found, instance, least = solved_point.solution, solved_point.instance, solved_point.damage
    reached: dict[str, Any] = dict.fromkeys(
        ("objective", "gap", "expected", "cvar", "worst", "net_cost_meur", "public_meur")
    )
    reached |= {"expected_bound": least.expected, "cvar_bound": least.cvar, "spend_meur": {}}
    reached["expected_under"] = {}
    reached |= {
        "projects": {},
        "stocks_t": {},
        "status": "infeasible" if solved_point.is_infeasible else "none",
    }
    if found is not None:
        used = {
            f: float(years.sum()) for f, years in budget_use(instance, found.commitment).items()
        }
        cvar = found.with_plan.cvar(float(instance.case.objective.cvar.level))
        start, expected = found.commitment.start, found.with_plan.expected
        public = (money for f, money in used.items() if case.funders[f].kind == "public")
        reached = {
            "status": found.certificate.status,
            "objective": found.objective,
            "gap": relative_gap(found.objective, solved_point.bound, found.objective_floor),
            "expected": expected,
            # Without what rounding puts above a plan.
            "expected_bound": None if least.expected is None else min(least.expected, expected),
            "cvar": cvar,
            "cvar_bound": None if least.cvar is None else min(least.cvar, cvar),
            "worst": found.with_plan.worst,
            "expected_under": found.expected_by_set,
            "net_cost_meur": found.net_cost,
            "public_meur": math.fsum(public),
            "spend_meur": used,
            "projects": {p: start[p] for p in case.projects if p in start},
            "stocks_t": largest_stocks(instance, found.commitment),
        }
    return FrontierPoint(
        value=solved_point.value,
        bound=solved_point.bound,
        plan_of=solved_point.plan_from_value if found is not None else None,
        bound_of=solved_point.bound_from_value,
        dominated=False,
        conflict=solved_point.conflict if found is None else (),
        seconds=solved_point.seconds,
        **reached,
    )


def largest_stocks(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Tonnes that each stockpile holds at most; those that hold nothing are left out."""
    stocks = {
        h: float(planned_stock(instance, commitment, h).max()) * instance.lot_tonnes[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    return {h: tonnes for h, tonnes in stocks.items() if tonnes > MIN_TONNES_HELD}


def outcome_without_plan(solution: CheckedSolution) -> WithoutPlan:
    """What comes without any plan."""
    nothing, level = solution.without_plan, float(solution.instance.case.objective.cvar.level)
    return WithoutPlan(expected=nothing.expected, cvar=nothing.cvar(level), worst=nothing.worst)


def _dominates(point: FrontierPoint, other: FrontierPoint) -> bool:
    """Whether a point has a lower mean and a lower CVaR, or one of them and the other equal."""
    pairs = ((point.expected, other.expected), (point.cvar, other.cvar))
    lower = [
        0 if abs(a - b) <= FIGURE_TOLERANCE * max(1.0, abs(a)) else 1 if a < b else -1
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
        changes = diff_plans(lower.projects, higher.projects, lower.stocks_t, higher.stocks_t)
        swapped = bool(changes.entering or changes.leaving)
        steps.append(
            FrontierStep(
                from_value=lower.value,
                to_value=higher.value,
                **vars(changes),
                avoided=had - has,
                jump=swapped and abs(had - has) > JUMP_SHARE * whole > 0,
                marginal=_marginal_damage(lower, higher, had, has) if loosens else None,
            )
        )
    return tuple(steps)


def diff_plans(
    starts_before: Mapping[str, int],
    starts_after: Mapping[str, int],
    stocks_before: Mapping[str, float],
    stocks_after: Mapping[str, float],
) -> PlanDiff:
    """What another plan does otherwise, by start years and what stocks hold at most."""
    stocks = {
        h: (stocks_before.get(h, 0.0), stocks_after.get(h, 0.0))
        for h in [*stocks_before, *stocks_after]
    }
    return PlanDiff(
        entering=tuple(p for p in starts_after if p not in starts_before),
        leaving=tuple(p for p in starts_before if p not in starts_after),
        moved={
            p: (y, starts_after[p]) for p, y in starts_before.items() if starts_after.get(p, y) != y
        },
        stocks_t={
            h: b - a for h, (a, b) in stocks.items() if abs(b - a) > STOCK_CHANGE_SHARE * max(a, b)
        },
    )


def _marginal_damage(
    lower: FrontierPoint, higher: FrontierPoint, damage_before: float, damage_after: float
) -> Marginal:
    """Damage avoided per unit: between the least damage that can be had at either value.

    The least lies between the bound and the plan; that it never rises is put to use.
    """
    width, least, most = higher.value - lower.value, lower.expected_bound, higher.expected_bound
    return Marginal(
        low=max(0.0, 0.0 if least is None else least - damage_after) / width,
        plans=max(0.0, damage_before - damage_after) / width,
        high=None if most is None else max(0.0, damage_before - most) / width,
    )
