"""What would be done if a plan were not carried out: what it is compared with."""

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
"""Lots; what buys less is rounding."""


def solve_counterfactual(
    saved_plan: SavedPlan,
    *,
    gap: float,
    time_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Counterfactual | None:
    """What would be done otherwise, on the plan's own states.

    It is the best plan of the variant that the scenario names, put upon what the plan was made for,
    or the best one if public funders provide nothing. None where the plan has no public money and
    no variant is named, where the plan is of that variant itself, or where no plan keeps all rules.
    ``gap`` and ``time_limit``, in seconds, are those of the solve.

    Raises ScenarioError if the variant does not fit the plan's scenario, Interrupted or NoPlan if
    the solve was stopped, or its limit was met before there was a plan.
    """
    case = saved_plan.reading.case
    public = [f for f, funder in case.funders.items() if funder.kind == "public"]
    name = case.counterfactual
    if name is not None and name == saved_plan.plan.variant:
        return None
    if name is None and not any(one.funder in public for one in saved_plan.plan.accounts):
        return None
    try:
        found = solve_and_certify(_counterfactual_problem(saved_plan, name, public), gap=gap, time_limit=time_limit,
                     on_progress=on_progress)  # fmt: skip
    except Infeasible:
        return None
    if found.interrupted:
        raise Interrupted(tr("stopped before it was found what would be done otherwise"))
    certificate, bought = found.certificate, found.commitment.expected_purchases
    instance = found.instance
    return Counterfactual(
        variant=name,
        expected=found.with_plan.expected,
        cvar=found.with_plan.cvar(float(case.objective.cvar.level)),
        net_cost_meur=found.net_cost,
        public_meur=_paid_present_value(found, public),
        objective=certificate.objective,
        bound=certificate.bound,
        gap=certificate.gap,
        projects=tuple(p for p in instance.projects if p in found.commitment.start),
        stockpiles=tuple(h for h in instance.stockpiles if bought(instance, h).sum() > MIN_LOTS),
    )


def _counterfactual_problem(
    saved_plan: SavedPlan, variant: str | None, public_funders: list[str]
) -> Problem:
    own = saved_plan.problem
    if variant is None:
        return Problem(
            change_perspective(own.instance, inactive_funders=public_funders),
            own.states,
            0.0,
            own.recourse,
        )
    patch = saved_plan.reading.case.variants[variant].set
    alone = [] if saved_plan.problem.set_problems else ["objective.over_assumptions=null"]
    settings = [f"{path}={json.dumps(v)}" for path, v in patch.items()]
    case = saved_plan.reading.with_settings([*settings, *alone]).case
    instance = read_instance(case)
    if pool_key(instance) != pool_key(own.instance):
        return Problem.from_case(case)
    return Problem(instance, own.states, 0.0, own.recourse)


def _paid_present_value(solution: CheckedSolution, funders: list[str]) -> float:
    """Present value of what these funders put up."""
    discount = dict(
        zip(map(str, solution.instance.years), solution.instance.discount_factor, strict=True)
    )
    return math.fsum(
        float(discount[year]) * amount
        for one in account_positions(solution.instance, solution.commitment)
        if one.funder in funders
        for year, amount in one.paid_meur.items()
    )
