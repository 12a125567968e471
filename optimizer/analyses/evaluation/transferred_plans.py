"""A plan in the states of another scenario, or with a longer horizon."""

import time

from models.files import LoadedScenario
from models.language import tr
from models.results import LongerHorizon
from optimizer.analyses.evaluation import estimates
from optimizer.analyses.evaluation.fresh_states import seed_of_plan
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment, net_cost, residual_value
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import read_states, sample_states
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


def evaluate_longer_horizon(
    saved_plan: SavedPlan, extra_years: int, state_count: int, seed: int
) -> LongerHorizon:
    """Evaluate a plan with a longer horizon, without new decisions in the added years.

    Stocks are still held, at their cost of storage and financing, and projects still deliver to the
    end of their lives, so that figures need no residual value. Net cost can fall or rise:
    instalments that were due in the former last year are paid in their proper years, where they are
    discounted more; price floors pay and receive in more years; and where supply is entitled, a
    stock is divided according to demand over all years. Budgets and rules are not checked.

    ``state_count`` states are drawn with ``seed``, for the longer horizon and for the plan's
    horizon; in the years of both they are the same. Explicit states have no events in the added
    years. ``avoided_within`` is the damage that the plan avoids within its original horizon
    if no stock is reserved for the added years. Raises errors like :func:`extend_horizon`.
    """
    solution = saved_plan.solution
    instance = extend_horizon(saved_plan, extra_years)
    is_sampled = seed_of_plan(saved_plan) is not None
    commitment = commitment_from_plan(instance, saved_plan.plan)

    def evaluate_both(scenario: Instance, plan: Commitment) -> list[outcomes.PlanEvaluation]:
        states = sample_states(scenario, state_count, seed) if is_sampled else read_states(scenario)
        return outcomes.evaluate_commitments(scenario, states, [plan, Commitment()])

    with_plan, without_plan = evaluate_both(instance, commitment)
    own_outcome, own_without_plan = evaluate_both(solution.instance, solution.commitment)
    level = float(instance.case.objective.cvar.level)
    return LongerHorizon(
        years=extra_years,
        last_year=instance.years[-1],
        with_plan=estimates.estimate_performance(with_plan, level, sampled=is_sampled),
        without_plan=estimates.estimate_performance(without_plan, level, sampled=is_sampled),
        avoided=estimates.mean_estimate(
            without_plan.probability, without_plan.damage - with_plan.damage, sampled=is_sampled
        ),
        net_cost_meur=net_cost(instance, commitment),
        avoided_within=own_without_plan.expected - own_outcome.expected,
        net_cost_within_meur=solution.net_cost,
        residual_meur=residual_value(solution.instance, solution.commitment),
    )


def extend_horizon(saved_plan: SavedPlan, extra_years: int) -> Instance:
    """Return the instance of the plan's scenario with ``extra_years`` additional years, and without
    residual values at the end.

    Raises ValueError if ``extra_years`` is not positive, and ScenarioError if the extended scenario
    is invalid.
    """
    if extra_years < 1:
        raise ValueError(f"{extra_years} is no number of years to add")
    case, last_year = saved_plan.reading.case, saved_plan.solution.instance.years[-1] + extra_years
    paths = ["horizon"]
    paths += [f"projects.{p}" for p, x in case.projects.items() if x.residual_value is not None]
    paths += [f"stockpiles.{s.id}" for s in case.stockpiles if s.residual_value is not None]
    settings = [f"horizon.last_year={last_year}", *(f"{path}.residual_value=0" for path in paths)]
    return read_instance(saved_plan.reading.with_settings(settings).case)
