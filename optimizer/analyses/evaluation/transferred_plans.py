"""A plan in another world: in the states of another scenario, or with some years more."""

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
    saved_plan: SavedPlan, reading: LoadedScenario, threads: int | None = None
) -> SavedPlan:
    """The same plan in another scenario, or in a variant of its own: its decisions alone go along.

    Hazards, demand, damage, prices and what comes of projects are those of the other scenario.
    Whether the plan would keep the other's budgets is not asked, and its certificate says nothing
    there.

    Raises CheckFailed where the other scenario has other years, materials, consumers, projects,
    funders, instruments or stockpiles, so that the plan means nothing there, or another measure or
    currency, so that figures of the two cannot be put side by side.
    """
    began = time.perf_counter()
    read = Problem.from_case(reading.case)
    instance, states = read.instance, read.states
    apart = _decision_names(saved_plan.problem.instance) ^ _decision_names(instance)
    if apart:
        told = tr(
            "the plan cannot be put on these states: only one of the two scenarios has {names}",
            names=", ".join(sorted(apart)),
        )
        raise CheckFailed(told)
    commitment = commitment_from_plan(instance, saved_plan.plan)
    recourse = RecourseEvaluator(instance, states, threads=threads)
    problem = Problem(instance, states, time.perf_counter() - began, recourse)
    with_plan, without = outcomes.evaluate_commitments(
        instance, states, [commitment, Commitment()], threads=threads, recourse=recourse
    )
    certificate = saved_plan.solution.certificate
    found = CheckedSolution(instance, states, commitment, with_plan, without, certificate)
    return SavedPlan(saved_plan.plan, reading, problem, found)


def _decision_names(instance: Instance) -> set[str]:
    """What a plan speaks of and in which units, as it is called in messages."""
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
    """What a plan is worth if its horizon ends some years later, in which nothing is decided.

    Stocks go on being held, for their cost of storage and financing, and projects go on delivering
    to the end of their lives. So the figures need no residual value. Instalments that were due in
    the old last year fall in years of their own, where they weigh less, price floors pay and
    receive in years that were left out, and where supply is entitled a stock is divided by demand
    over all years: net cost can fall with the years, or rise. Budgets and rules are not asked.

    ``count`` states are drawn by ``seed``, with the longer horizon and with the plan's own: in the
    years of both they are the same. States that are written out go on undisturbed.
    ``avoided_within`` is what the plan avoids with its own horizon, so that nothing is held back
    for later. Raises as :func:`prolonged`.
    """
    found, instance, sampled = (
        saved_plan.solution,
        extend_horizon(saved_plan, extra_years),
        seed_of_plan(saved_plan) is not None,
    )
    commitment = commitment_from_plan(instance, saved_plan.plan)

    def both(here: Instance, decided: Commitment) -> list[outcomes.PlanEvaluation]:
        states = sample_states(here, state_count, seed) if sampled else read_states(here)
        return outcomes.evaluate_commitments(here, states, [decided, Commitment()])

    with_plan, without = both(instance, commitment)
    own, own_without = both(found.instance, found.commitment)
    level = float(instance.case.objective.cvar.level)
    return LongerHorizon(
        years=extra_years,
        last_year=instance.years[-1],
        with_plan=estimates.estimate_performance(with_plan, level, sampled=sampled),
        without_plan=estimates.estimate_performance(without, level, sampled=sampled),
        avoided=estimates.mean_estimate(
            without.probability, without.damage - with_plan.damage, sampled=sampled
        ),
        net_cost_meur=net_cost(instance, commitment),
        avoided_within=own_without.expected - own.expected,
        net_cost_within_meur=found.net_cost,
        residual_meur=residual_value(found.instance, found.commitment),
    )


def extend_horizon(saved_plan: SavedPlan, extra_years: int) -> Instance:
    """The plan's scenario with so many years more, and nothing left at their end.

    Raises ValueError if ``years`` is not positive, ScenarioError if the scenario has faults then.
    """
    if extra_years < 1:
        raise ValueError(f"{extra_years} is no number of years to add")
    case, last = saved_plan.reading.case, saved_plan.solution.instance.years[-1] + extra_years
    paths = ["horizon"]
    paths += [f"projects.{p}" for p, it in case.projects.items() if it.residual_value is not None]
    paths += [f"stockpiles.{s.id}" for s in case.stockpiles if s.residual_value is not None]
    settings = [f"horizon.last_year={last}", *(f"{path}.residual_value=0" for path in paths)]
    return read_instance(saved_plan.reading.with_settings(settings).case)
