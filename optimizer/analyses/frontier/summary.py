"""Results of a frontier: its points, and the steps between them."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from models.results import FrontierPoint, FrontierStep, Marginal
from models.scenario.case import Case
from optimizer.analyses.frontier.parametric_points import ParametricPoint
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.analyses.plan_figures import largest_stocks
from optimizer.model.commitment import budget_use
from optimizer.solve.gap import relative_gap

JUMP_SHARE = 0.05
"""Share of the range of damage above which a step that changes projects is a jump."""
FIGURE_TOLERANCE = 1e-9
"""Relative difference of figures that counts as none."""


def describe_points(
    solved_points: Sequence[ParametricPoint], case: Case, *, varies_tail_weight: bool = False
) -> tuple[FrontierPoint, ...]:
    """Return the results for the points of a frontier, by increasing value.

    If the number is the tail weight (``varies_tail_weight``), dominated points are marked.
    """
    points = [_describe_point(solved_point, case) for solved_point in solved_points]
    return tuple(
        point.model_copy(
            update={"dominated": varies_tail_weight and any(_dominates(x, point) for x in points)}
        )
        for point in points
    )


def _describe_point(solved_point: ParametricPoint, case: Case) -> FrontierPoint:
    """Return the result for a point: the figures of its plan, or the reason why there is no
    plan."""
    solution = solved_point.solution
    instance = solved_point.instance
    bound = solved_point.damage
    figures: dict[str, Any] = dict.fromkeys(
        ("objective", "gap", "expected", "cvar", "worst", "net_cost_meur", "public_meur")
    )
    figures |= {"expected_bound": bound.expected, "cvar_bound": bound.cvar, "spend_meur": {}}
    figures["expected_under"] = {}
    figures |= {
        "projects": {},
        "stocks_t": {},
        "status": "infeasible" if solved_point.is_infeasible else "none",
    }
    if solution is not None:
        spending = {
            f: float(use.sum()) for f, use in budget_use(instance, solution.commitment).items()
        }
        cvar = solution.with_plan.cvar(float(instance.case.objective.cvar.level))
        start_by_project, expected_damage = solution.commitment.start, solution.with_plan.expected
        public_spending = (
            funder_spending
            for f, funder_spending in spending.items()
            if case.funders[f].kind == "public"
        )
        figures = {
            "status": solution.certificate.status,
            "objective": solution.objective,
            "gap": relative_gap(solution.objective, solved_point.bound, solution.objective_floor),
            "expected": expected_damage,
            # Rounding must not put the bound above the plan.
            "expected_bound": None
            if bound.expected is None
            else min(bound.expected, expected_damage),
            "cvar": cvar,
            "cvar_bound": None if bound.cvar is None else min(bound.cvar, cvar),
            "worst": solution.with_plan.worst,
            "expected_under": solution.expected_by_set,
            "net_cost_meur": solution.net_cost,
            "public_meur": math.fsum(public_spending),
            "spend_meur": spending,
            "projects": {p: start_by_project[p] for p in case.projects if p in start_by_project},
            "stocks_t": largest_stocks(instance, solution.commitment),
        }
    return FrontierPoint(
        value=solved_point.value,
        bound=solved_point.bound,
        plan_of=solved_point.plan_from_value if solution is not None else None,
        bound_of=solved_point.bound_from_value,
        dominated=False,
        conflict=solved_point.conflict if solution is None else (),
        seconds=solved_point.seconds,
        **figures,
    )


def _dominates(point: FrontierPoint, other_point: FrontierPoint) -> bool:
    """Return whether a point is no worse in mean and CVaR, and better in one of them."""
    damage_pairs = ((point.expected, other_point.expected), (point.cvar, other_point.cvar))
    signs = [
        0 if abs(a - b) <= FIGURE_TOLERANCE * max(1.0, abs(a)) else 1 if a < b else -1
        for a, b in damage_pairs
        if a is not None and b is not None
    ]
    return len(signs) == len(damage_pairs) and min(signs) >= 0 and max(signs) > 0


def describe_steps(points: Sequence[FrontierPoint], *, loosens: bool) -> tuple[FrontierStep, ...]:
    """Return the changes between consecutive points that have a plan.

    With ``loosens``, a higher value only loosens rules, and the marginal damage is computed as
    well.
    """
    damage_by_value = {p.value: p.expected for p in points if p.expected is not None}
    with_plan = [point for point in points if point.value in damage_by_value]
    full_range = max(damage_by_value.values(), default=0.0) - min(
        damage_by_value.values(), default=0.0
    )
    steps = []
    for lower_point, higher_point in pairwise(with_plan):
        damage_before, damage_after = (
            damage_by_value[lower_point.value],
            damage_by_value[higher_point.value],
        )
        changes = DecisionDiff.between(
            Decisions(lower_point.projects, lower_point.stocks_t),
            Decisions(higher_point.projects, higher_point.stocks_t),
        ).to_result()
        swaps = bool(changes.entering or changes.leaving)
        steps.append(
            FrontierStep(
                from_value=lower_point.value,
                to_value=higher_point.value,
                **vars(changes),
                avoided=damage_before - damage_after,
                jump=swaps and abs(damage_before - damage_after) > JUMP_SHARE * full_range > 0,
                marginal=_marginal_damage(lower_point, higher_point, damage_before, damage_after)
                if loosens
                else None,
            )
        )
    return tuple(steps)


def _marginal_damage(
    lower: FrontierPoint, higher: FrontierPoint, damage_before: float, damage_after: float
) -> Marginal:
    """Compute the damage avoided per unit of the varied number, with proven bounds.

    At each value of that number the minimum damage lies between the lower bound and the damage of
    the plan; it does not increase with the number.
    """
    width = higher.value - lower.value
    lower_bound = lower.expected_bound
    higher_bound = higher.expected_bound
    return Marginal(
        low=max(0.0, 0.0 if lower_bound is None else lower_bound - damage_after) / width,
        plans=max(0.0, damage_before - damage_after) / width,
        high=None if higher_bound is None else max(0.0, damage_before - higher_bound) / width,
    )
