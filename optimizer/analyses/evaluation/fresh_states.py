"""Evaluation of a plan in fresh states, with foresight or under a release policy.

A plan is optimal for the states that it was made for, and so its performance in these is better
than in others: the performance in others is what counts. Many fresh states are evaluated in blocks.
Each block is sampled where it is evaluated, so that only its number is sent to a process or
machine. Figures are summed in the order of the blocks, so that results do not depend on the number
of workers.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice
from typing import Literal, TypeVar

import numpy as np
from scipy import special

from models.base import display_name
from models.files import LoadedScenario
from models.language import current_language, tr
from models.results import (
    FreshOutcome,
    FreshSetOutcome,
    OptimalityGap,
    ReleasePolicyOutcome,
    Replication,
    RuleMaterialOutcome,
    YearOutcome,
)
from optimizer.analyses.evaluation import information_value
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import CheckFailed, Interrupted, NoPlan
from optimizer.model import risk_measure as model_risk
from optimizer.model.commitment import Commitment, weighted_branches, weighted_cost
from optimizer.model.cores import usable_cores
from optimizer.model.instance import Instance
from optimizer.model.states import State, sample_states
from optimizer.parallel import Workers, choose_worker_count, threads_per_worker
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.plan_document import (
    commitment_from_plan,
    consumer_outcomes,
    damage_distribution,
    material_outcomes,
)
from optimizer.solve.planner import Problem, default_jobs
from optimizer.solve.recourse import (
    RecourseEvaluator,
    ReleasePolicyResult,
    join_blocks,
    simulate_release_policy,
)
from optimizer.solve.session import Session


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


BLOCK_SIZE = 5000
"""Number of states in a block."""
MIN_PARALLEL_BLOCKS = 4
"""Number of blocks from which on starting worker processes pays off."""

BlockResult = TypeVar("BlockResult", PlanEvaluation, ReleasePolicyResult)
EvaluateStates = Callable[..., Sequence[BlockResult]]


@dataclass(frozen=True, eq=False)
class SampledStates:
    """A sample of ``count`` states of a scenario, which are drawn when they are needed."""

    instance: Instance
    count: int
    seed: int

    def __len__(self) -> int:
        return self.count


States = Sequence[State] | SampledStates
"""Explicit states, or a sample that is drawn on demand."""


def evaluate_in_blocks(
    evaluate_states: EvaluateStates[BlockResult],
    join_results: Callable[[Sequence[BlockResult]], BlockResult],
    instance: Instance,
    states: States,
    jobs: int | None = None,
) -> Sequence[BlockResult]:
    """Evaluate states, in parallel blocks if they are sampled.

    ``evaluate_states`` returns a sequence of results for the states of a block; ``join_results``
    joins the results of all blocks, for each position in that sequence.
    """
    if not isinstance(states, SampledStates):
        return evaluate_states(instance, states)
    starts = range(0, states.count, BLOCK_SIZE)
    default_worker_count = usable_cores() if len(starts) >= MIN_PARALLEL_BLOCKS else 1
    worker_count = min(choose_worker_count(jobs, default_worker_count), len(starts))
    args = (evaluate_states, states, threads_per_worker(worker_count))
    with Workers[int, Sequence[BlockResult]](make_block_evaluator, args, worker_count) as workers:
        return [
            join_results(block_results) for block_results in zip(*workers.map(starts), strict=True)
        ]


def make_block_evaluator(
    evaluate_states: EvaluateStates[BlockResult], states: SampledStates, threads: int | None
) -> Callable[[int], Sequence[BlockResult]]:
    """Return the function by which a worker evaluates a block of states, given the index of its
    first state."""
    instance, count, seed = states.instance, states.count, states.seed

    def evaluate_block(start: int) -> Sequence[BlockResult]:
        block = slice(start, min(start + BLOCK_SIZE, count))
        return evaluate_states(
            instance, sample_states(instance, count, seed, block=block), threads=threads
        )

    return evaluate_block


@dataclass(frozen=True, eq=False)
class FreshEvaluation:
    """The evaluations in fresh states of a plan and of no plan."""

    saved_plan: SavedPlan
    states: States
    seed: int | None
    """None if the scenario has explicit states: these are evaluated, and figures have no sampling
    errors."""
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation

    @property
    def is_sampled(self) -> bool:
        """Whether the states are a sample, so that figures have errors."""
        return self.seed is not None


def seed_of_plan(saved_plan: SavedPlan) -> int | None:
    """Return the seed of the states that a plan was made for; None if its scenario has explicit
    states."""
    uncertainty = saved_plan.reading.case.uncertainty
    sample = uncertainty.sample if uncertainty else None
    return None if sample is None else int(sample.seed)


def evaluate_fresh_states(
    saved_plan: SavedPlan,
    state_count: int,
    seed: int | None = None,
    original_plan: SavedPlan | None = None,
    jobs: int | None = None,
) -> FreshEvaluation:
    """Evaluate a plan in states that are drawn independently.

    Standard errors assume independence, so states are drawn independently even if the plan's states
    were sampled by another method. The default ``seed`` is the first after the scenario's seed that
    is not the plan's seed. If the scenario has explicit states, these are used, since there are no
    others.

    If ``saved_plan`` is the transfer of a plan to another scenario, ``original_plan`` is the plan
    in the scenario that it was made for. The same seed draws the same values of everything that
    both scenarios have in common, so that the original's seed gives no fresh states.

    Raises ValueError if ``seed`` is that of the states that the plan was made for.
    """
    scenario_seed, original_seed = (
        seed_of_plan(saved_plan),
        seed_of_plan(original_plan or saved_plan),
    )
    if scenario_seed is None:
        solution = saved_plan.solution
        return FreshEvaluation(
            saved_plan, saved_plan.problem.states, None, solution.with_plan, solution.without_plan
        )
    if seed is None:
        seed = scenario_seed + 2 if scenario_seed + 1 == original_seed else scenario_seed + 1
    if seed == original_seed:
        raise ValueError(f"seed {seed} is that of the plan's own states")
    states = SampledStates(saved_plan.problem.instance, state_count, seed)
    evaluate = partial(
        outcomes.evaluate_commitments, commitments=[saved_plan.solution.commitment, Commitment()]
    )
    evaluations = evaluate_in_blocks(
        evaluate, outcomes.join_evaluations, states.instance, states, jobs
    )
    return FreshEvaluation(saved_plan, states, seed, *evaluations)


def describe_fresh_evaluation(
    fresh_evaluation: FreshEvaluation, original: SavedPlan | None = None
) -> FreshOutcome:
    """Return the performance of a plan in fresh states as a result.

    ``original`` is the ``original_plan`` of :func:`evaluate_fresh_states`. ``optimism`` is the
    expected damage in fresh states less that in the plan's states; its error includes the errors of
    both samples. If the plan was made for a single state, its variance cannot be
    estimated from that state, and the variance in the fresh states is used.
    """
    solution = fresh_evaluation.saved_plan.solution
    is_sampled = fresh_evaluation.is_sampled
    original_plan = original or fresh_evaluation.saved_plan
    instance, commitment = solution.instance, solution.commitment
    with_plan, without_plan = fresh_evaluation.with_plan, fresh_evaluation.without_plan
    probability = with_plan.probability
    damage = with_plan.damage
    own_outcome = original_plan.solution.with_plan
    risk = information_value.MeanCVaR.from_case(instance.case)
    measure = model_risk.RiskMeasure.from_case(instance.case)
    performance = information_value.estimate_performance(with_plan, risk.level, sampled=is_sampled)
    was_sampled = seed_of_plan(original_plan) is not None
    costs = [
        weighted_cost(branch_instance, plan)
        for _, branch_instance, plan in weighted_branches(instance, commitment)
    ]
    cost = np.array(costs)[with_plan.branch]
    own_mean = information_value.mean_estimate(
        own_outcome.probability, own_outcome.damage, sampled=was_sampled
    )
    if was_sampled and is_sampled and len(original_plan.problem.states) == 1:
        own_mean = own_mean.model_copy(update={"standard_error": float(np.std(damage, ddof=1))})
    return FreshOutcome(
        states=len(fresh_evaluation.states),
        sampled=is_sampled,
        seed=fresh_evaluation.seed,
        with_plan=performance,
        without_plan=information_value.estimate_performance(
            without_plan, risk.level, sampled=is_sampled
        ),
        avoided=information_value.mean_estimate(
            probability, without_plan.damage - damage, sampled=is_sampled
        ),
        objective=information_value.estimate_with_error(
            float(measure.weights(probability, damage) @ damage)
            + float(probability @ cost / probability.sum()),
            # There is no error for the least favorable probabilities.
            risk.influence(probability, damage) + cost
            if is_sampled and not measure.mean.is_ambiguous
            else None,
        ),
        optimism=information_value.difference_of_estimates(performance.expected, own_mean),
        distribution=damage_distribution(with_plan, without_plan),
        by_year={
            str(year): YearOutcome(
                expected=float(with_plan.damage_by_year[y]),
                expected_without_plan=float(without_plan.damage_by_year[y]),
            )
            for y, year in enumerate(instance.years)
        },
        materials=material_outcomes(instance, commitment, with_plan, without_plan),
        consumers=consumer_outcomes(instance, with_plan, without_plan),
    )


def fresh_outcomes_by_set(
    saved_plan: SavedPlan, state_count: int, seed: int | None, jobs: int | None = None
) -> Iterator[FreshSetOutcome]:
    """Yield the performance of a plan under each assumption set, in fresh states of the set.

    The states of the plan are used if they are explicit.
    """
    solution, case = saved_plan.solution, saved_plan.reading.case
    evaluate = partial(
        outcomes.evaluate_commitments, commitments=[solution.commitment, Commitment()]
    )
    for (id, assumption_set), outcome in zip(
        case.assumptions.items(), solution.outcomes_of_all_sets(), strict=True
    ):
        instance, evaluations = outcome.instance, [outcome.with_plan, outcome.without_plan]
        uncertainty = instance.case.uncertainty
        sampled = uncertainty is not None and uncertainty.sample is not None and seed is not None
        if sampled and seed is not None:
            states = SampledStates(instance, state_count, seed)
            evaluations = list(
                evaluate_in_blocks(evaluate, outcomes.join_evaluations, instance, states, jobs)
            )
        with_plan, without_plan = evaluations
        level = float(instance.case.objective.cvar.level)
        yield FreshSetOutcome(
            id=id,
            title=display_name(assumption_set.title, id, current_language()),
            weight=float(assumption_set.weight),
            with_plan=information_value.estimate_performance(with_plan, level, sampled=sampled),
            without_plan=information_value.estimate_performance(
                without_plan, level, sampled=sampled
            ),
            avoided=information_value.mean_estimate(
                without_plan.probability, without_plan.damage - with_plan.damage, sampled=sampled
            ),
        )


def release_policy_outcomes(
    instance: Instance,
    states: States,
    commitment: Commitment,
    reserves: Sequence[float],
    with_foresight: PlanEvaluation,
    level: float,
    jobs: int | None = None,
) -> tuple[ReleasePolicyOutcome, ...]:
    """Simulate a commitment under the release policy, once with each reserve.

    A reserve is the share of the planned stock that is kept for damage steps with high damage.
    ``with_foresight`` is the evaluation of the same commitment in the same states with optimal
    recourse, which foresees the rest of the state, as an agency cannot. The damage that can be
    attained lies between the two. ``level`` is the level of the CVaR.
    """
    sampled, materials = isinstance(states, SampledStates), instance.case.materials.items()
    simulate = partial(
        simulate_release_policy, commitment=commitment, reserve_shares=tuple(reserves)
    )
    return tuple(
        ReleasePolicyOutcome(
            reserve=policy.reserve_share,
            performance=information_value.estimate_performance(policy, level, sampled=sampled),
            above_foresight=information_value.mean_estimate(
                policy.probability, policy.damage - with_foresight.damage, sampled=sampled
            ),
            materials=tuple(
                RuleMaterialOutcome(
                    id=m,
                    name=display_name(material.name, m),
                    expected=policy.damage_by_material[m],
                    expected_with_foresight=with_foresight.damage_by_material[m],
                )
                for m, material in materials
            ),
            stock_use=policy.stock_use(instance, commitment),
        )
        for policy in evaluate_in_blocks(simulate, join_blocks, instance, states, jobs)
    )


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
    threshold = information_value.tail_quantile(evaluation.probability, evaluation.damage, level)
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
            raise Interrupted("stopped before all samples were solved")
        bound, solver_status = answer.bound, answer.result.solution.solver_status
        if bound is None:
            raise NoPlan(f"nothing was proven before the limit ({solver_status})")
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
    level, weight = information_value.MeanCVaR.from_case(instance.case)
    excess = float(evaluation.probability @ np.maximum(0.0, evaluation.damage - threshold))
    tail = threshold + excess / (1 - level)
    return (1 - weight) * evaluation.expected + weight * tail + weighted_cost


def summarize_gaps(states_per_sample: int, replications: Sequence[Replication]) -> OptimalityGap:
    """Compute the mean of the replications' gaps, and its one-sided upper confidence limit.

    The limit uses Student's t distribution with one degree of freedom less than there are gaps.
    """
    gaps = np.array([replication.gap for replication in replications])
    bounds = np.array([replication.bound for replication in replications])
    mean = information_value.estimate_with_error(float(gaps.mean()), gaps)
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
        lower_bound=information_value.estimate_with_error(float(bounds.mean()), bounds),
    )
