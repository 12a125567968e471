"""A plan in the states of another scenario."""

import time

from models.files import LoadedScenario
from models.language import tr
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.planner import Problem
from optimizer.solve.recourse import RecourseEvaluator


def transfer_plan(
    saved_plan: SavedPlan, loaded_scenario: LoadedScenario, threads: int | None = None
) -> SavedPlan:
    """Transfer the decisions of a plan to another scenario, or to a variant of the same scenario.

    Hazards, demand, damage, prices and realizations of projects are those of the other scenario.
    Whether the plan keeps the budgets of the other scenario is not checked, and the plan's
    certificate does not apply there.

    Raises CheckFailed if the other scenario has other years, periods, materials, consumers,
    projects, funders, instruments or stockpiles, so that the plan has no meaning there, or another
    measure or currency, so that figures cannot be compared.
    """
    started_at = time.perf_counter()
    loaded_problem = Problem.from_case(loaded_scenario.case)
    instance, states = loaded_problem.instance, loaded_problem.states
    differing_names = _decision_names(saved_plan.problem.instance) ^ _decision_names(instance)
    if differing_names:
        message = tr(
            "the plan cannot be put on these states: only one of the two scenarios has {names}",
            names=", ".join(sorted(differing_names)),
        )
        raise CheckFailed(message)
    commitment = commitment_from_plan(instance, saved_plan.plan)
    recourse = RecourseEvaluator(instance, states, threads=threads)
    problem = Problem(instance, states, time.perf_counter() - started_at, recourse)
    with_plan, without_plan = outcomes.evaluate_commitments(
        instance, states, [commitment, Commitment()], threads=threads, recourse=recourse
    )
    certificate = saved_plan.solution.certificate
    solution = CheckedSolution(instance, states, commitment, with_plan, without_plan, certificate)
    return SavedPlan(saved_plan.plan, loaded_scenario, problem, solution)


def _decision_names(instance: Instance) -> set[str]:
    """Return what two scenarios must have in common if they are to share decisions, as error
    messages name it: ids, years, periods per year, measure and currency."""
    case = instance.case
    return {
        f"periods_per_year={instance.periods_per_year}",
        f"measure={case.objective.measure}",
        f"currency={case.currency}",
        *(str(year) for year in instance.years),
        *case.materials,
        *case.consumers,
        *case.projects,
        *(f"{i.funder}.{i.id}" for i in instance.instruments),
        *(f"{stockpile.id} ({stockpile.material})" for stockpile in case.stockpiles),
    }
