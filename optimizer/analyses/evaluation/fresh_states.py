"""A plan in states that were drawn anew, released with foresight or by a rule without any.

A plan is the best for its own states, and so looks better on them than on others: what it promises
is what it does on others. Many of these are looked at in blocks, each drawn where it is looked at,
so that nothing but its number travels to a process or machine; figures are added in the order of
the blocks, and so are the same to the last digit whoever looked at which.
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
from optimizer.solve.set_outcomes import collect_set_outcomes

BLOCK_SIZE = 5000
"""States in a block."""
MIN_PARALLEL_BLOCKS = 4
"""Fewer blocks take less time than processes take to begin."""

BlockResult = TypeVar("BlockResult", PlanEvaluation, ReleasePolicyResult)
EvaluateStates = Callable[..., Sequence[BlockResult]]


@dataclass(frozen=True, eq=False)
class SampledStates:
    """So many states of a scenario, each drawn when it is needed."""

    instance: Instance
    count: int
    seed: int

    def __len__(self) -> int:
        return self.count


States = Sequence[State] | SampledStates
"""States that are there, or those that are still to be drawn."""


def evaluate_in_blocks(
    evaluate_states: EvaluateStates[BlockResult],
    join_results: Callable[[Sequence[BlockResult]], BlockResult],
    instance: Instance,
    states: States,
    jobs: int | None = None,
) -> Sequence[BlockResult]:
    """All that ``find`` finds in states, joined over their blocks where they are to be drawn."""
    if not isinstance(states, SampledStates):
        return evaluate_states(instance, states)
    starts = range(0, states.count, BLOCK_SIZE)
    usual = usable_cores() if len(starts) >= MIN_PARALLEL_BLOCKS else 1
    many = min(choose_worker_count(jobs, usual), len(starts))
    asked = (evaluate_states, states, threads_per_worker(many))
    with Workers[int, Sequence[BlockResult]](make_block_evaluator, asked, many) as workers:
        return [join_results(parts) for parts in zip(*workers.map(starts), strict=True)]


def make_block_evaluator(
    evaluate_states: EvaluateStates[BlockResult], states: SampledStates, threads: int | None
) -> Callable[[int], Sequence[BlockResult]]:
    """What looks at one block after the other."""
    instance, count, seed = states.instance, states.count, states.seed

    def answer(start: int) -> Sequence[BlockResult]:
        block = slice(start, min(start + BLOCK_SIZE, count))
        return evaluate_states(
            instance, sample_states(instance, count, seed, block=block), threads=threads
        )

    return answer


@dataclass(frozen=True, eq=False)
class FreshEvaluation:
    """States, and what comes in them with a plan and without."""

    saved_plan: SavedPlan
    states: States
    seed: int | None
    """None where the scenario writes its states out, so that there are no others: they are no
    sample then, and figures have no errors."""
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation

    @property
    def is_sampled(self) -> bool:
        """Whether the states are a sample, so that figures have errors."""
        return self.seed is not None


def seed_of_plan(saved_plan: SavedPlan) -> int | None:
    """The seed of the plan's own states; None where its scenario writes them out."""
    uncertainty = saved_plan.reading.case.uncertainty
    sample = uncertainty.sample if uncertainty else None
    return None if sample is None else int(sample.seed)


def evaluate_fresh_states(
    saved_plan: SavedPlan,
    state_count: int,
    seed: int | None = None,
    original: SavedPlan | None = None,
    jobs: int | None = None,
) -> FreshEvaluation:
    """A plan in so many states that are drawn anew, each by itself.

    They are independent draws whatever the plan's own states are, since that is what standard
    errors are reckoned for. The seed is the next after the scenario's that is not the plan's where
    none is given. Where the scenario writes its states out, those are all there are.

    ``made_in`` is the plan where it was made, if ``given`` is it in another scenario: what both
    have in common is drawn alike by one seed, so that its seed is the one that is not fresh.

    Raises ValueError for the seed of the states that the plan was made for.
    """
    own, made_by = seed_of_plan(saved_plan), seed_of_plan(original or saved_plan)
    if own is None:
        found = saved_plan.solution
        return FreshEvaluation(
            saved_plan, saved_plan.problem.states, None, found.with_plan, found.without_plan
        )
    if seed is None:
        seed = own + 2 if own + 1 == made_by else own + 1
    if seed == made_by:
        raise ValueError(f"seed {seed} is that of the plan's own states")
    states = SampledStates(saved_plan.problem.instance, state_count, seed)
    find = partial(
        outcomes.evaluate_commitments, commitments=[saved_plan.solution.commitment, Commitment()]
    )
    both = evaluate_in_blocks(find, outcomes.join_evaluations, states.instance, states, jobs)
    return FreshEvaluation(saved_plan, states, seed, *both)


def describe_fresh_evaluation(
    fresh_evaluation: FreshEvaluation, original: SavedPlan | None = None
) -> FreshOutcome:
    """What is told of a plan in fresh states; ``made_in`` as above.

    The error of ``optimism`` is that of both samples: the plan's own might have been a lucky one.
    One state alone tells nothing of its spread; it is taken from the fresh ones then.
    """
    found, sampled, made = (
        fresh_evaluation.saved_plan.solution,
        fresh_evaluation.is_sampled,
        original or fresh_evaluation.saved_plan,
    )
    instance, commitment = found.instance, found.commitment
    with_plan, without = fresh_evaluation.with_plan, fresh_evaluation.without_plan
    chance, damage, own = with_plan.probability, with_plan.damage, made.solution.with_plan
    risk, measure = (
        estimates.RiskMeasure.of_case(instance.case),
        model_risk.RiskMeasure.from_case(instance.case),
    )
    here = estimates.estimate_performance(with_plan, risk.level, sampled=sampled)
    was_sampled = seed_of_plan(made) is not None
    costs = [
        weighted_cost(there, plan) for _, there, plan in weighted_branches(instance, commitment)
    ]
    cost = np.array(costs)[with_plan.branch]
    own_mean = estimates.mean_estimate(own.probability, own.damage, sampled=was_sampled)
    if was_sampled and sampled and len(made.problem.states) == 1:
        own_mean = own_mean.model_copy(update={"standard_error": float(np.std(damage, ddof=1))})
    return FreshOutcome(
        states=len(fresh_evaluation.states),
        sampled=sampled,
        seed=fresh_evaluation.seed,
        with_plan=here,
        without_plan=estimates.estimate_performance(without, risk.level, sampled=sampled),
        avoided=estimates.mean_estimate(chance, without.damage - damage, sampled=sampled),
        objective=estimates.estimate_with_error(
            float(measure.worst_case_weights(chance, damage) @ damage)
            + float(chance @ cost / chance.sum()),
            # Of the least favourable probabilities no error is told.
            risk.influence(chance, damage) + cost
            if sampled and measure.ambiguity is None
            else None,
        ),
        optimism=estimates.difference_of_estimates(here.expected, own_mean),
        distribution=damage_distribution(with_plan, without),
        by_year={
            str(year): YearOutcome(
                expected=float(with_plan.damage_by_year[y]),
                expected_without_plan=float(without.damage_by_year[y]),
            )
            for y, year in enumerate(instance.years)
        },
        materials=material_outcomes(instance, commitment, with_plan, without),
        consumers=consumer_outcomes(instance, with_plan, without),
    )


def fresh_outcomes_by_set(
    saved_plan: SavedPlan, state_count: int, seed: int | None, jobs: int | None = None
) -> Iterator[FreshSetOutcome]:
    """What a plan leads to under each set of assumptions of its scenario, in so many states of it
    that are drawn anew, or in those that it writes out."""
    found, case = saved_plan.solution, saved_plan.reading.case
    find = partial(outcomes.evaluate_commitments, commitments=[found.commitment, Commitment()])
    for (id, told), own in zip(case.assumptions.items(), collect_set_outcomes(found), strict=True):
        instance, both = own.instance, [own.with_plan, own.without_plan]
        uncertainty = instance.case.uncertainty
        sampled = uncertainty is not None and uncertainty.sample is not None and seed is not None
        if sampled and seed is not None:
            states = SampledStates(instance, state_count, seed)
            both = list(evaluate_in_blocks(find, outcomes.join_evaluations, instance, states, jobs))
        with_plan, without = both
        level = float(instance.case.objective.cvar.level)
        yield FreshSetOutcome(
            id=id,
            title=display_name(told.title, id, current_language()),
            weight=float(told.weight),
            with_plan=estimates.estimate_performance(with_plan, level, sampled=sampled),
            without_plan=estimates.estimate_performance(without, level, sampled=sampled),
            avoided=estimates.mean_estimate(
                without.probability, without.damage - with_plan.damage, sampled=sampled
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
    """What a commitment leads to under the release rule, once with each reserve: a share of the
    planned stock that is kept for the dearer steps.

    Recourse foresees its own state, so that it keeps stock for the worse month to come; an agency
    does not. ``foresight`` is the same commitment in the same states with recourse: the two figures
    bracket what can be had. ``level`` is that of the CVaR.
    """
    sampled, names = isinstance(states, SampledStates), instance.case.materials.items()
    find = partial(simulate_release_policy, commitment=commitment, reserve_shares=tuple(reserves))
    return tuple(
        ReleasePolicyOutcome(
            reserve=found.reserve_share,
            performance=estimates.estimate_performance(found, level, sampled=sampled),
            above_foresight=estimates.mean_estimate(
                found.probability, found.damage - with_foresight.damage, sampled=sampled
            ),
            materials=tuple(
                RuleMaterialOutcome(
                    id=m,
                    name=display_name(material.name, m),
                    expected=found.damage_by_material[m],
                    expected_with_foresight=with_foresight.damage_by_material[m],
                )
                for m, material in names
            ),
            stock_use=found.stock_use(instance, commitment),
        )
        for found in evaluate_in_blocks(find, join_blocks, instance, states, jobs)
    )
