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

from models.base import named
from models.language import language
from models.results import FreshOutcome, FreshUnder, RuleMaterial, RuleOutcome, YearOutcome
from optimizer.analyses.evaluation import estimates
from optimizer.analyses.given import GivenPlan
from optimizer.model import risk as model_risk
from optimizer.model.commitment import Commitment, by_chance, weighed_cost
from optimizer.model.cores import usable_cores
from optimizer.model.instance import Instance
from optimizer.model.states import State, draw_states
from optimizer.parallel import Workers, side_by_side, threads_each
from optimizer.solve import outcomes
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.plan_document import consumers_of, distribution, materials_of
from optimizer.solve.sweep import ByRule, by_rule, joined
from optimizer.solve.under_sets import told_sets

BLOCK = 5000
"""States in a block."""
WORTH_SHARING = 4
"""Fewer blocks take less time than processes take to begin."""

Found = TypeVar("Found", Evaluation, ByRule)
Find = Callable[..., Sequence[Found]]


@dataclass(frozen=True, eq=False)
class Draw:
    """So many states of a scenario, each drawn when it is needed."""

    instance: Instance
    count: int
    seed: int

    def __len__(self) -> int:
        return self.count


States = Sequence[State] | Draw
"""States that are there, or those that are still to be drawn."""


def in_all(
    find: Find[Found],
    join: Callable[[Sequence[Found]], Found],
    instance: Instance,
    states: States,
    jobs: int | None = None,
) -> Sequence[Found]:
    """All that ``find`` finds in states, joined over their blocks where they are to be drawn."""
    if not isinstance(states, Draw):
        return find(instance, states)
    starts = range(0, states.count, BLOCK)
    usual = usable_cores() if len(starts) >= WORTH_SHARING else 1
    many = min(side_by_side(jobs, usual), len(starts))
    asked = (find, states, threads_each(many))
    with Workers[int, Sequence[Found]](finder, asked, many) as workers:
        return [join(parts) for parts in zip(*workers.map(starts), strict=True)]


def finder(
    find: Find[Found], states: Draw, threads: int | None
) -> Callable[[int], Sequence[Found]]:
    """What looks at one block after the other."""
    instance, count, seed = states.instance, states.count, states.seed

    def answer(start: int) -> Sequence[Found]:
        block = slice(start, min(start + BLOCK, count))
        return find(instance, draw_states(instance, count, seed, block=block), threads=threads)

    return answer


@dataclass(frozen=True, eq=False)
class Fresh:
    """States, and what comes in them with a plan and without."""

    given: GivenPlan
    states: States
    seed: int | None
    """None where the scenario writes its states out, so that there are no others: they are no
    sample then, and figures have no errors."""
    with_plan: Evaluation
    without_plan: Evaluation

    @property
    def sampled(self) -> bool:
        """Whether the states are a sample, so that figures have errors."""
        return self.seed is not None


def own_seed(given: GivenPlan) -> int | None:
    """The seed of the plan's own states; None where its scenario writes them out."""
    uncertainty = given.reading.case.uncertainty
    sample = uncertainty.sample if uncertainty else None
    return None if sample is None else int(sample.seed)


def in_fresh_states(
    given: GivenPlan,
    count: int,
    seed: int | None = None,
    made_in: GivenPlan | None = None,
    jobs: int | None = None,
) -> Fresh:
    """A plan in so many states that are drawn anew, each by itself.

    They are independent draws whatever the plan's own states are, since that is what standard
    errors are reckoned for. The seed is the next after the scenario's that is not the plan's where
    none is given. Where the scenario writes its states out, those are all there are.

    ``made_in`` is the plan where it was made, if ``given`` is it in another scenario: what both
    have in common is drawn alike by one seed, so that its seed is the one that is not fresh.

    Raises ValueError for the seed of the states that the plan was made for.
    """
    own, made_by = own_seed(given), own_seed(made_in or given)
    if own is None:
        found = given.found
        return Fresh(given, given.problem.states, None, found.with_plan, found.without_plan)
    if seed is None:
        seed = own + 2 if own + 1 == made_by else own + 1
    if seed == made_by:
        raise ValueError(f"seed {seed} is that of the plan's own states")
    states = Draw(given.problem.instance, count, seed)
    find = partial(outcomes.evaluate, commitments=[given.found.commitment, Commitment()])
    both = in_all(find, outcomes.joined, states.instance, states, jobs)
    return Fresh(given, states, seed, *both)


def fresh_outcome(fresh: Fresh, made_in: GivenPlan | None = None) -> FreshOutcome:
    """What is told of a plan in fresh states; ``made_in`` as above.

    The error of ``optimism`` is that of both samples: the plan's own might have been a lucky one.
    One state alone tells nothing of its spread; it is taken from the fresh ones then.
    """
    found, sampled, made = fresh.given.found, fresh.sampled, made_in or fresh.given
    instance, commitment = found.instance, found.commitment
    with_plan, without = fresh.with_plan, fresh.without_plan
    chance, damage, own = with_plan.probability, with_plan.damage, made.found.with_plan
    risk, measure = estimates.Risk.of(instance.case), model_risk.Risk.of(instance.case)
    here = estimates.performance(with_plan, risk.level, sampled=sampled)
    was_sampled = own_seed(made) is not None
    costs = [weighed_cost(there, plan) for _, there, plan in by_chance(instance, commitment)]
    cost = np.array(costs)[with_plan.path]
    own_mean = estimates.mean(own.probability, own.damage, sampled=was_sampled)
    if was_sampled and sampled and len(made.problem.states) == 1:
        own_mean = own_mean.model_copy(update={"standard_error": float(np.std(damage, ddof=1))})
    return FreshOutcome(
        states=len(fresh.states),
        sampled=sampled,
        seed=fresh.seed,
        with_plan=here,
        without_plan=estimates.performance(without, risk.level, sampled=sampled),
        avoided=estimates.mean(chance, without.damage - damage, sampled=sampled),
        objective=estimates.estimate(
            float(measure.weights(chance, damage) @ damage) + float(chance @ cost / chance.sum()),
            # Of the least favourable probabilities no error is told.
            risk.influence(chance, damage) + cost if sampled and measure.ball is None else None,
        ),
        optimism=estimates.apart(here.expected, own_mean),
        distribution=distribution(with_plan, without),
        by_year={
            str(year): YearOutcome(
                expected=float(with_plan.by_year[y]),
                expected_without_plan=float(without.by_year[y]),
            )
            for y, year in enumerate(instance.years)
        },
        materials=materials_of(instance, commitment, with_plan, without),
        consumers=consumers_of(instance, with_plan, without),
    )


def fresh_under(
    given: GivenPlan, count: int, seed: int | None, jobs: int | None = None
) -> Iterator[FreshUnder]:
    """What a plan leads to under each set of assumptions of its scenario, in so many states of it
    that are drawn anew, or in those that it writes out."""
    found, case = given.found, given.reading.case
    find = partial(outcomes.evaluate, commitments=[found.commitment, Commitment()])
    for (id, told), own in zip(case.assumptions.items(), told_sets(found), strict=True):
        instance, both = own.instance, [own.with_plan, own.without_plan]
        uncertainty = instance.case.uncertainty
        sampled = uncertainty is not None and uncertainty.sample is not None and seed is not None
        if sampled and seed is not None:
            states = Draw(instance, count, seed)
            both = list(in_all(find, outcomes.joined, instance, states, jobs))
        with_plan, without = both
        level = float(instance.case.objective.cvar.level)
        yield FreshUnder(
            id=id,
            title=named(told.title, id, language()),
            weight=float(told.weight),
            with_plan=estimates.performance(with_plan, level, sampled=sampled),
            without_plan=estimates.performance(without, level, sampled=sampled),
            avoided=estimates.mean(
                without.probability, without.damage - with_plan.damage, sampled=sampled
            ),
        )


def rule_outcomes(
    instance: Instance,
    states: States,
    commitment: Commitment,
    reserves: Sequence[float],
    foresight: Evaluation,
    level: float,
    jobs: int | None = None,
) -> tuple[RuleOutcome, ...]:
    """What a commitment leads to under the release rule, once with each reserve: a share of the
    planned stock that is kept for the dearer steps.

    Recourse foresees its own state, so that it keeps stock for the worse month to come; an agency
    does not. ``foresight`` is the same commitment in the same states with recourse: the two figures
    bracket what can be had. ``level`` is that of the CVaR.
    """
    sampled, names = isinstance(states, Draw), instance.case.materials.items()
    find = partial(by_rule, commitment=commitment, reserves=tuple(reserves))
    return tuple(
        RuleOutcome(
            reserve=found.reserve,
            performance=estimates.performance(found, level, sampled=sampled),
            above_foresight=estimates.mean(
                found.probability, found.damage - foresight.damage, sampled=sampled
            ),
            materials=tuple(
                RuleMaterial(
                    id=m,
                    name=named(material.name, m),
                    expected=found.by_material[m],
                    expected_with_foresight=foresight.by_material[m],
                )
                for m, material in names
            ),
            stock_use=found.stock_use(instance, commitment),
        )
        for found in in_all(find, joined, instance, states, jobs)
    )
