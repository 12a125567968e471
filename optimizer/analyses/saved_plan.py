"""A saved plan in the form that analyses use, decisions of it that some funders keep, and fields
that results share.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.base import display_name
from models.files import LoadedScenario
from models.files.reading import read_case_data
from models.language import current_language, tr
from models.results import Plan, WithoutPlan
from models.results.base import TitledDocument
from models.scenario.case import Case
from optimizer.errors import CheckFailed, Misuse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import COMMON_GROUP, FixedDecisions, Instance, company_group
from optimizer.model.rule_declaration import current_extra_rules
from optimizer.solve.certification import recompute_plan
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum, input_hash
from optimizer.solve.plan_document import (
    MEASURE_UNITS,
    commitment_from_plan,
    solved_scenario_json,
    unknown_ids,
)
from optimizer.solve.planner import Problem, package_versions

OBJECTIVE_TOLERANCE = 1e-6
"""Relative tolerance of the objective of a saved plan against the recomputed one."""


@dataclass(frozen=True, eq=False)
class SavedPlan:
    """A saved plan, with its scenario and its recomputed outcomes."""

    plan: Plan
    reading: LoadedScenario
    """Its scenario as it was solved; ``reading.with_settings`` varies it."""
    problem: Problem
    """That scenario's instance and states, with recourse."""
    solution: CheckedSolution
    """The plan's commitment, checked, with its outcomes on its own states and its certificate."""


def load_saved_plan(
    plan: Plan, source_name: str = "plan.json", threads: int | None = None
) -> SavedPlan:
    """Read a saved plan, check its commitment, and recompute its outcomes.

    ``source_name`` is the name of the plan's scenario in error messages. Raises ScenarioError if
    the scenario has faults, and CheckFailed if the plan refers to items that its scenario does not
    have, breaks a rule, or has another objective than the recomputed one. The file was then
    changed, or written by another version.
    """
    _check_extra_rules(plan)
    started_at = time.perf_counter()
    loaded_scenario = read_case_data(plan.scenario, source_name)
    loaded_problem = Problem.from_case(loaded_scenario.case)
    instance, saved_outcomes = loaded_problem.instance, {saved.id: saved for saved in plan.under}
    with_recourse, seconds = loaded_problem.with_recourse(threads), time.perf_counter() - started_at
    reference_optima = [
        ReferenceOptimum(outcome.best, outcome.best_bound)
        for name in loaded_scenario.case.assumptions
        if (outcome := saved_outcomes.get(name)) is not None and outcome.best is not None
    ]
    problem = replace(
        with_recourse,
        read_seconds=seconds,
        reference_optima=tuple(reference_optima) if loaded_problem.set_problems else (),
    )
    if reference_optima and len(reference_optima) != len(loaded_problem.set_problems):
        raise CheckFailed("the plan does not contain the best plan of each set of assumptions")
    if unknown := unknown_ids(instance, plan):
        names = ", ".join(dict.fromkeys(unknown))
        raise CheckFailed(f"the plan speaks of {names}, which its scenario does not have")
    commitment = commitment_from_plan(instance, plan)
    recomputed = recompute_plan(problem, commitment, threads=threads)
    objective = recomputed.objective
    claimed_objective = plan.certificate.objective
    if abs(objective - claimed_objective) > OBJECTIVE_TOLERANCE * max(1.0, abs(objective)):
        raise CheckFailed(
            f"the plan's objective is {objective:.9g}, but its file says {claimed_objective:.9g}"
        )
    certificate = plan.certificate.model_copy(update={"objective": objective})
    return SavedPlan(
        plan, loaded_scenario, problem, recomputed.to_checked_solution(certificate, threads=threads)
    )


def _check_extra_rules(plan: Plan) -> None:
    """Raise Misuse unless the rules in Python are those that the plan was made with."""
    rules, record = current_extra_rules(), plan.extra
    if (None if rules is None else rules.sha256) == (None if record is None else record.sha256):
        return
    if record is None:
        raise Misuse("the plan was made without rules in Python: leave out extra=")
    message = tr(
        "the plan was made with rules in Python: pass the function '{name}', unchanged, as extra=",
        name=record.name,
    )
    raise Misuse(message)


def fix_decisions(
    instance: Instance,
    plan: Commitment,
    funders: Collection[str],
    certain_starts: Callable[[Commitment], Mapping[str, int]],
) -> FixedDecisions:
    """Return the decisions of a plan that funders keep, on each review branch.

    These are their shares and offtake in projects that are started, and purchases for stockpiles
    that any of them pays for. ``certain_starts`` returns the start years of projects that are built
    in any case; offtake of the common group is reserved for all.
    """
    if plan.branches:
        branch_plans = enumerate(plan.branches)
        fixed_branches = tuple(
            fix_decisions(instance.on_branch(g), branch_plan, funders, certain_starts)
            for g, branch_plan in branch_plans
        )
        return FixedDecisions(frozenset(funders), branches=fixed_branches)
    groups = frozenset(map(company_group, funders)) & frozenset(instance.offtake_groups)
    share = {
        (p, plan.start[p], f, i): share
        for (p, f, i), share in plan.share.items()
        if f in funders and p in plan.start
    }
    offtake = {
        (p, year, g): plan.offtake.get((p, g), 0.0)
        for p, year in plan.start.items()
        for g in (COMMON_GROUP, *groups)
        if g in instance.groups_with_right(p)
    }
    paid_stockpiles = [
        h for h, x in instance.stockpiles.items() if any(f in funders for f in x.payers)
    ]
    buy = {h: plan.expected_purchases(instance, h) for h in paid_stockpiles}
    return FixedDecisions(frozenset(funders), groups, certain_starts(plan), share, offtake, buy)


def common_result_fields(
    result: type[TitledDocument],
    case: Case,
    title: str | None,
    variant: str | None,
    start_time: float | None = None,
    state_count: int | None = None,
    gap_target: float | None = None,
) -> dict[str, Any]:
    """Return those common fields of results that the class ``result`` has, by name.

    ``case`` is the scenario as it was solved; its title is used if ``title`` is None.
    ``start_time`` is the value of ``time.perf_counter()`` at the start of the analysis; if it is
    None, ``seconds`` is left out.
    """
    objective = case.objective
    common_fields: dict[str, Any] = {
        "title": title or display_name(case.title, "scenario", current_language()),
        "variant": variant,
        "currency": case.currency,
        "measure": objective.measure,
        "unit": MEASURE_UNITS[objective.measure].format(currency=case.currency),
        "cvar_level": float(objective.cvar.level),
        "states": state_count,
        "gap_target": gap_target,
        "input_sha256": input_hash(case),
        "versions": package_versions(),
        "scenario": solved_scenario_json(case, variant),
    }
    if start_time is not None:
        common_fields["seconds"] = time.perf_counter() - start_time
    return {name: value for name, value in common_fields.items() if name in result.model_fields}


MIN_TONNES_HELD = 1e-6
"""Tonnes up to which a stock counts as empty."""


def largest_stocks(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Return the largest stock in tonnes that each stockpile holds; stockpiles that stay empty are
    left out."""
    stocks = {
        h: float(planned_stock(instance, commitment, h).max())
        * instance.lot_tonnes[stockpile.material]
        for h, stockpile in instance.stockpiles.items()
    }
    return {h: tonnes for h, tonnes in stocks.items() if tonnes > MIN_TONNES_HELD}


def outcome_without_plan(solution: CheckedSolution) -> WithoutPlan:
    """Return the mean, CVaR and maximum of damage without any plan."""
    outcome, level = solution.without_plan, float(solution.instance.case.objective.cvar.level)
    return WithoutPlan(expected=outcome.expected, cvar=outcome.cvar(level), worst=outcome.worst)
