"""A saved plan with its scenario, states and commitment, in the form that analyses use."""

import time
from dataclasses import dataclass, replace

from models.files import LoadedScenario
from models.files.case_content import read_case_data
from models.language import tr
from models.results import Plan
from optimizer.errors import CheckFailed, Misuse
from optimizer.model.extra_rules import current_extra_rules
from optimizer.solve.certification import recompute_plan
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.plan_document import commitment_from_plan, unknown_ids
from optimizer.solve.planner import Problem
from optimizer.solve.set_outcomes import ReferenceOptimum

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
        raise CheckFailed(tr("the plan does not contain the best plan of each set of assumptions"))
    if unknown := unknown_ids(instance, plan):
        names = ", ".join(dict.fromkeys(unknown))
        raise CheckFailed(
            tr("the plan speaks of {names}, which its scenario does not have", names=names)
        )
    commitment = commitment_from_plan(instance, plan)
    recomputed = recompute_plan(problem, commitment, threads=threads)
    objective = recomputed.objective
    claimed_objective = plan.certificate.objective
    if abs(objective - claimed_objective) > OBJECTIVE_TOLERANCE * max(1.0, abs(objective)):
        raise CheckFailed(
            tr(
                "the plan's objective is {objective:.9g}, but its file says {claimed:.9g}",
                objective=objective,
                claimed=claimed_objective,
            )
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
        raise Misuse(tr("the plan was made without rules in Python: leave out extra="))
    message = tr(
        "the plan was made with rules in Python: pass the function '{name}', unchanged, as extra=",
        name=record.name,
    )
    raise Misuse(message)
