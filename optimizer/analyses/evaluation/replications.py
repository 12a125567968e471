"""Estimate of a plan's optimality gap by the multiple replications procedure.

Each replication draws a fresh sample of states, solves for the best plan for it, and compares that
with the given plan. On its sample, the best plan for the sample is on average at least as good as
the truly best plan. The mean excess of the given plan over it therefore estimates the optimality
gap from above (Mak, Morton and Wood 1999).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Literal

import numpy as np
from scipy import special

from models.language import tr
from models.results import OptimalityGap, Replication
from optimizer.analyses.evaluation import estimates
from optimizer.analyses.evaluation.fresh_states import FreshEvaluation, seed_of_plan
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, weighted_cost
from optimizer.model.instance import Instance
from optimizer.model.states import sample_states
from optimizer.parallel import Workers, choose_worker_count, threads_per_worker
from optimizer.solve import outcomes
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.planner import Problem, default_jobs
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.session import Session

CONFIDENCE = 0.95


def estimate_optimality_gap(
    fresh_evaluation: FreshEvaluation,
    replications: int,
    states_per_sample: int | None = None,
    *,
    gap: float,
    time_limit: float | None = None,
    jobs: int | None = None,
    on_done: Callable[[int], None] | None = None,
) -> OptimalityGap:
    """Estimate the optimality gap of a plan from several samples of states.

    Each sample has ``states_per_sample`` states (as many as the plan was made for if None), another
    seed, and the sampling method of the plan. Problems are solved in parallel, each to ``gap``. The
    excess of the plan is measured from the proven bound, so that a remaining gap adds to the
    estimate.

    Raises ValueError if the scenario has explicit states, NoPlan if nothing was proven about a
    sample before the limit, and Interrupted if the search was stopped.
    """
    saved_plan = fresh_evaluation.saved_plan
    sample = (
        saved_plan.reading.case.uncertainty.sample if saved_plan.reading.case.uncertainty else None
    )
    if sample is None:
        raise ValueError("written-out states are all there are: there is nothing to sample")
    instance = saved_plan.problem.instance
    state_count = states_per_sample or len(saved_plan.problem.states)
    default_worker_count = default_jobs(instance, saved_plan.problem.states)
    worker_count = min(choose_worker_count(jobs, default_worker_count), replications)
    evaluation, level = fresh_evaluation.with_plan, float(instance.case.objective.cvar.level)
    threshold = estimates.tail_quantile(evaluation.probability, evaluation.damage, level)
    threads = threads_per_worker(worker_count)
    plan = saved_plan.solution.commitment
    args = (instance, plan, threshold, state_count, sample.method, gap, time_limit, threads)
    report, counter = on_done or (lambda _done: None), count(1)
    with Workers[int, Replication](make_replication_solver, args, worker_count) as workers:
        seeds = replication_seeds(saved_plan, fresh_evaluation.seed, replications)
        return summarize_gaps(state_count, workers.map(seeds, lambda *_: report(next(counter))))


def replication_seeds(saved_plan: SavedPlan, fresh_seed: int | None, seed_count: int) -> list[int]:
    """Return the next ``seed_count`` seeds after the seed of the fresh states, except the seed of
    the plan."""
    own_seed = seed_of_plan(saved_plan)
    return list(
        islice((seed for seed in count((fresh_seed or 0) + 1) if seed != own_seed), seed_count)
    )


def make_replication_solver(
    instance: Instance,
    commitment: Commitment,
    threshold: float,
    state_count: int,
    method: Literal["random", "stratified"],
    gap: float,
    time_limit: float | None,
    threads: int | None,
) -> Callable[[int], Replication]:
    """Return the function by which a worker solves replications, which share their cuts.

    ``threshold`` is the damage from which on a state counts as one of the worst. ``method`` and
    ``state_count`` are the sampling method and the size of the samples.
    """
    session = Session(threads, gap=gap, time_limit=time_limit)

    def solve_replication(seed: int) -> Replication:
        states = sample_states(instance, state_count, seed, method)
        recourse = RecourseEvaluator(instance, states, threads=threads)
        problem = Problem(instance, states, 0.0, recourse)
        answer = (replace(session, pool=None) if problem.is_small else session).search(problem)
        if answer.interrupted:
            raise Interrupted(tr("stopped before all samples were solved"))
        bound, solver_status = answer.bound, answer.result.solution.solver_status
        if bound is None:
            raise NoPlan(tr("nothing was proven before the limit ({ended})", ended=solver_status))
        (outcome,) = outcomes.evaluate_commitments(
            instance, states, [commitment], threads=threads, recourse=recourse
        )
        cost = weighted_cost(instance, commitment)
        objective = outcomes.objective_value(instance, outcome, cost)
        if (best_plan := answer.certified_plan()) is not None:
            objective = min(objective, best_plan.objective)
        candidate = objective_with_threshold(outcome, instance, threshold, cost)
        excess = candidate - bound
        return Replication(seed=seed, candidate=candidate, found=objective, bound=bound, gap=excess)

    return solve_replication


def objective_with_threshold(
    evaluation: PlanEvaluation, instance: Instance, threshold: float, weighted_cost: float
) -> float:
    """Compute the objective of a commitment with a fixed threshold for the tail.

    The CVaR of a sample is a minimum over thresholds, and is therefore biased downwards. With it,
    the objective of the plan would on average be too low, and the gap would be underestimated. For
    any fixed threshold η, E max(0, D - η) / (1 - level) + η is at least the true CVaR, and its
    sample mean is unbiased. Without weight on the tail the threshold has no effect.
    """
    level, weight = estimates.MeanCVaR.from_case(instance.case)
    excess = float(evaluation.probability @ np.maximum(0.0, evaluation.damage - threshold))
    tail = threshold + excess / (1 - level)
    return (1 - weight) * evaluation.expected + weight * tail + weighted_cost


def summarize_gaps(states_per_sample: int, replications: Sequence[Replication]) -> OptimalityGap:
    """Compute the mean of the replications' gaps, and its one-sided upper confidence limit.

    The limit uses Student's t distribution with one degree of freedom less than there are gaps.
    """
    gaps = np.array([replication.gap for replication in replications])
    bounds = np.array([replication.bound for replication in replications])
    mean = estimates.estimate_with_error(float(gaps.mean()), gaps)
    half_width = float(special.stdtrit(len(gaps) - 1, CONFIDENCE)) * (mean.standard_error or 0.0)
    return OptimalityGap(
        states=states_per_sample,
        replications=tuple(replications),
        mean=mean,
        confidence=CONFIDENCE,
        upper=mean.value + half_width,
        solver_share=float(
            np.mean([replication.found - replication.bound for replication in replications])
        ),
        lower_bound=estimates.estimate_with_error(float(bounds.mean()), bounds),
    )
