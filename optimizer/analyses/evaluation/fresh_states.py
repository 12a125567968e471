"""Evaluation of a plan in fresh states, with foresight or under a release policy.

A plan is optimal for the states that it was made for, and so its performance in these is better
than in others: the performance in others is what counts. Many fresh states are evaluated in blocks.
Each block is sampled where it is evaluated, so that only its number is sent to a process or
machine. Figures are summed in the order of the blocks, so that results do not depend on the number
of workers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from models.base import display_name
from models.language import current_language
from models.results import (
    FreshOutcome,
    FreshSetOutcome,
    ReleasePolicyOutcome,
    RuleMaterialOutcome,
    YearOutcome,
)
from optimizer.analyses.evaluation import estimates
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.model import risk_measure as model_risk
from optimizer.model.commitment import Commitment, weighted_branches, weighted_cost
from optimizer.model.cores import usable_cores
from optimizer.model.instance import Instance
from optimizer.model.states import State, sample_states
from optimizer.parallel import Workers, choose_worker_count, threads_per_worker
from optimizer.solve import outcomes
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.plan_document import consumer_outcomes, damage_distribution, material_outcomes
from optimizer.solve.recourse import ReleasePolicyResult, join_blocks, simulate_release_policy

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
    risk = estimates.MeanCVaR.from_case(instance.case)
    measure = model_risk.RiskMeasure.from_case(instance.case)
    performance = estimates.estimate_performance(with_plan, risk.level, sampled=is_sampled)
    was_sampled = seed_of_plan(original_plan) is not None
    costs = [
        weighted_cost(branch_instance, plan)
        for _, branch_instance, plan in weighted_branches(instance, commitment)
    ]
    cost = np.array(costs)[with_plan.branch]
    own_mean = estimates.mean_estimate(
        own_outcome.probability, own_outcome.damage, sampled=was_sampled
    )
    if was_sampled and is_sampled and len(original_plan.problem.states) == 1:
        own_mean = own_mean.model_copy(update={"standard_error": float(np.std(damage, ddof=1))})
    return FreshOutcome(
        states=len(fresh_evaluation.states),
        sampled=is_sampled,
        seed=fresh_evaluation.seed,
        with_plan=performance,
        without_plan=estimates.estimate_performance(without_plan, risk.level, sampled=is_sampled),
        avoided=estimates.mean_estimate(
            probability, without_plan.damage - damage, sampled=is_sampled
        ),
        objective=estimates.estimate_with_error(
            float(measure.weights(probability, damage) @ damage)
            + float(probability @ cost / probability.sum()),
            # There is no error for the least favorable probabilities.
            risk.influence(probability, damage) + cost
            if is_sampled and not measure.mean.is_ambiguous
            else None,
        ),
        optimism=estimates.difference_of_estimates(performance.expected, own_mean),
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
            with_plan=estimates.estimate_performance(with_plan, level, sampled=sampled),
            without_plan=estimates.estimate_performance(without_plan, level, sampled=sampled),
            avoided=estimates.mean_estimate(
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
            performance=estimates.estimate_performance(policy, level, sampled=sampled),
            above_foresight=estimates.mean_estimate(
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
