"""How far a plan can be from the best: the multiple replications procedure.

Each replication is a fresh sample of states, for which the best plan is sought and the given one
is put beside it. Nobody knows the best plan for the world, but the best for a sample is, in the
mean, at least as good on its sample as the best for the world is on it: the mean of what a plan is
above it estimates from above how far it is from the best (Mak, Morton and Wood 1999).
"""

from collections.abc import Callable, Sequence
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
from optimizer.solve.decomposition import CutPool
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.planner import Problem, certify, choose_method, default_jobs, solve_problem
from optimizer.solve.recourse import RecourseEvaluator

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
    """Put a plan beside the best for each of several samples of states.

    Samples have as many states as the plan's own where ``states`` is None, are drawn as these are,
    and have seeds of their own. Problems are solved side by side, each to ``gap``; a gap that is
    left is counted against the plan, since it is measured from the proven bound.

    Raises NoPlan if nothing was proven of a sample by the limit, Interrupted if it was stopped.
    """
    given = fresh_evaluation.saved_plan
    sample = given.reading.case.uncertainty.sample if given.reading.case.uncertainty else None
    if sample is None:
        raise ValueError("written-out states are all there are: there is nothing to sample")
    instance, size = given.problem.instance, states_per_sample or len(given.problem.states)
    usual = default_jobs(instance, given.problem.states)
    many = min(choose_worker_count(jobs, usual), replications)
    found, level = fresh_evaluation.with_plan, float(instance.case.objective.cvar.level)
    eta, threads = (
        estimates.tail_quantile(found.probability, found.damage, level),
        threads_per_worker(many),
    )
    plan = given.solution.commitment
    asked = (instance, plan, eta, size, sample.method, gap, time_limit, threads)
    tell, done = on_done or (lambda _done: None), count(1)
    with Workers[int, Replication](make_replication_solver, asked, many) as workers:
        own = replication_seeds(given, fresh_evaluation.seed, replications)
        return summarize_gaps(size, workers.map(own, lambda *_: tell(next(done))))


def replication_seeds(saved_plan: SavedPlan, fresh_seed: int | None, seed_count: int) -> list[int]:
    """The next seeds after those of the fresh states that are not the plan's own."""
    own = seed_of_plan(saved_plan)
    return list(islice((seed for seed in count((fresh_seed or 0) + 1) if seed != own), seed_count))


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
    """What answers the replications of one process, each starting from the cuts of the others.

    ``threshold`` is the damage from which on a state counts to the worst; ``method`` and ``size``
    say how states are drawn, and how many.
    """
    pool = CutPool()

    def answer(seed: int) -> Replication:
        states = sample_states(instance, state_count, seed, method)
        recourse = RecourseEvaluator(instance, states, threads=threads)
        problem = Problem(instance, states, 0.0, recourse)
        cuts = None if choose_method(instance, states) == "extensive" else pool
        solved = solve_problem(problem, gap=gap, time_limit=time_limit, threads=threads, pool=cuts)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before all samples were solved"))
        bound, ended = solved.solution.bound, solved.solution.solver_status
        if bound is None:
            raise NoPlan(tr("nothing was proven before the limit ({ended})", ended=ended))
        (there,) = outcomes.evaluate_commitments(
            instance, states, [commitment], threads=threads, recourse=recourse
        )
        cost = weighted_cost(instance, commitment)
        found = outcomes.objective_value(instance, there, cost)
        if solved.commitment is not None:
            best = certify(problem, solved, gap=gap, started_at=0.0, threads=threads)
            found = min(found, best.objective)
        candidate = objective_with_threshold(there, instance, threshold, cost)
        left = candidate - bound
        return Replication(seed=seed, candidate=candidate, found=found, bound=bound, gap=left)

    return answer


def objective_with_threshold(
    evaluation: PlanEvaluation, instance: Instance, threshold: float, weighted_cost: float
) -> float:
    """The objective of a commitment, its tail measured from a threshold that is settled before.

    The CVaR of a sample is a minimum over thresholds, and so too low in the mean: the plan would
    have the same luck as the best for the sample, and the gap be understated. From any settled
    threshold η, E max(0, D - η) / (1 - level) + η is not below the true CVaR, and its mean over
    samples is exact. Where the objective gives the tail no weight, this changes nothing.
    """
    level, weight = estimates.RiskMeasure.of_case(instance.case)
    beyond = float(evaluation.probability @ np.maximum(0.0, evaluation.damage - threshold))
    tail = threshold + beyond / (1 - level)
    return (1 - weight) * evaluation.expected + weight * tail + weighted_cost


def summarize_gaps(states_per_sample: int, replications: Sequence[Replication]) -> OptimalityGap:
    """What several replications tell together: the mean of their gaps, and what it is not above by
    Student's t with one degree less than there are gaps."""
    gaps = np.array([one.gap for one in replications])
    bounds = np.array([one.bound for one in replications])
    mean = estimates.estimate_with_error(float(gaps.mean()), gaps)
    reach = float(special.stdtrit(len(gaps) - 1, CONFIDENCE)) * (mean.standard_error or 0.0)
    return OptimalityGap(
        states=states_per_sample,
        replications=tuple(replications),
        mean=mean,
        confidence=CONFIDENCE,
        upper=mean.value + reach,
        solver_share=float(np.mean([one.found - one.bound for one in replications])),
        lower_bound=estimates.estimate_with_error(float(bounds.mean()), bounds),
    )
