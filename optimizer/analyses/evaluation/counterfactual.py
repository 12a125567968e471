"""The counterfactual of a plan: what would be carried out in its place."""

import json
import math
from collections.abc import Callable

from models.language import tr
from models.results import Counterfactual
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import Infeasible, Interrupted
from optimizer.model.highs import Progress
from optimizer.model.instance import change_perspective, read_instance
from optimizer.solve.accounts import account_positions
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import pool_key
from optimizer.solve.planner import Problem, solve_and_certify

MIN_LOTS = 1e-6
"""Lots up to which a purchase counts as none."""


def solve_counterfactual(
    saved_plan: SavedPlan,
    *,
    gap: float,
    time_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Counterfactual | None:
    """Solve for the counterfactual of a plan, with the plan's states if they are valid for it.

    It is the best plan of the variant that the scenario names as counterfactual, applied to the
    case of the plan. If the scenario names none, it is the best plan if public funders provide
    nothing. Return None if the plan has no public money and no variant is named, if the plan itself
    is of that variant, or if no plan satisfies all rules. ``time_limit`` is in seconds.

    Raises ScenarioError if the variant does not fit the plan's scenario, Interrupted if the solve
    was stopped, and NoPlan if it found no plan within its limit.
    """
    case = saved_plan.reading.case
    public_funders = [f for f, funder in case.funders.items() if funder.kind == "public"]
    name = case.counterfactual
    if name is not None and name == saved_plan.plan.variant:
        return None
    if name is None and not any(
        position.funder in public_funders for position in saved_plan.plan.accounts
    ):
        return None
    try:
        problem = _counterfactual_problem(saved_plan, name, public_funders)
        solution = solve_and_certify(
            problem, gap=gap, time_limit=time_limit, on_progress=on_progress
        )
    except Infeasible:
        return None
    if solution.interrupted:
        raise Interrupted(tr("stopped before it was found what would be done otherwise"))
    certificate, expected_purchases = solution.certificate, solution.commitment.expected_purchases
    instance = solution.instance
    return Counterfactual(
        variant=name,
        expected=solution.with_plan.expected,
        cvar=solution.with_plan.cvar(float(case.objective.cvar.level)),
        net_cost_meur=solution.net_cost,
        public_meur=_paid_present_value(solution, public_funders),
        objective=certificate.objective,
        bound=certificate.bound,
        gap=certificate.gap,
        projects=tuple(p for p in instance.projects if p in solution.commitment.start),
        stockpiles=tuple(
            h for h in instance.stockpiles if expected_purchases(instance, h).sum() > MIN_LOTS
        ),
    )


def _counterfactual_problem(
    saved_plan: SavedPlan, variant: str | None, public_funders: list[str]
) -> Problem:
    """Build the problem of the counterfactual, with the states of the plan if these are valid for
    it."""
    problem = saved_plan.problem
    if variant is None:
        return Problem(
            change_perspective(problem.instance, inactive_funders=public_funders),
            problem.states,
            0.0,
            problem.recourse,
        )
    patch = saved_plan.reading.case.variants[variant].set
    set_override = [] if saved_plan.problem.set_problems else ["objective.over_assumptions=null"]
    settings = [f"{path}={json.dumps(v)}" for path, v in patch.items()]
    case = saved_plan.reading.with_settings([*settings, *set_override]).case
    instance = read_instance(case)
    if pool_key(instance) != pool_key(problem.instance):
        return Problem.from_case(case)
    return Problem(instance, problem.states, 0.0, problem.recourse)


def _paid_present_value(solution: CheckedSolution, funders: list[str]) -> float:
    """Return the present value of the funders' payments in a solution, in million EUR."""
    discount = dict(
        zip(map(str, solution.instance.years), solution.instance.discount_factor, strict=True)
    )
    return math.fsum(
        float(discount[year]) * amount
        for position in account_positions(solution.instance, solution.commitment)
        if position.funder in funders
        for year, amount in position.paid_meur.items()
    )
