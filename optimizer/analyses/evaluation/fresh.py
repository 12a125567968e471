"""States that a plan was not made for, and what it leads to there.

A plan is the best for its own states, and so looks better on them than on others: what it promises
is what it does on states that were drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.results import FreshOutcome, YearOutcome
from optimizer.analyses.evaluation import estimates
from optimizer.analyses.evaluation.blocks import Draw, States, evaluated
from optimizer.analyses.given import GivenPlan
from optimizer.model.commitment import Commitment, weighed_cost
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.plan_document import consumers_of, distribution, materials_of


@dataclass(frozen=True, eq=False)
class Fresh:
    """States, and what comes in them with a plan and without."""

    given: GivenPlan
    states: States
    seed: int | None
    """Null where the scenario writes its states out, so that there are no others."""
    with_plan: Evaluation
    without_plan: Evaluation

    @property
    def sampled(self) -> bool:
        """Whether the states are a sample, so that figures have errors."""
        return self.seed is not None

    @property
    def level(self) -> float:
        """Level of the scenario's CVaR."""
        return float(self.given.problem.instance.case.objective.cvar.level)

    @cached_property
    def threshold(self) -> float:
        """Damage with the plan from which on a state counts to the worst."""
        return estimates.threshold(self.with_plan.probability, self.with_plan.damage, self.level)


def own_seed(given: GivenPlan) -> int | None:
    """The seed of the plan's own states; None where its scenario writes them out."""
    uncertainty = given.reading.case.uncertainty
    sample = uncertainty.sample if uncertainty else None
    return None if sample is None else int(sample.seed)


def in_fresh_states(
    given: GivenPlan,
    count: int,
    seed: int | None = None,
    threads: int | None = None,
    made_in: GivenPlan | None = None,
    jobs: int | None = None,
) -> Fresh:
    """A plan in so many states that are drawn anew, each by itself.

    They are independent draws whatever the plan's own states are, since that is what standard
    errors are reckoned for. The seed is the next after the scenario's that is not the plan's where
    none is given. Where the scenario writes its states out, those are all there are: the plan in
    its own states.

    ``made_in`` is the plan where it was made, if ``given`` is it in another scenario: what both
    have in common is drawn alike by one seed, so that its seed is the one that is not fresh.

    Raises ValueError for the seed of the states that the plan was made for.
    """
    own, made_by = own_seed(given), own_seed(made_in or given)
    if own is None:
        found = given.found
        return Fresh(given, given.problem.states, None, found.with_plan, found.without_plan)
    after = own + 2 if own + 1 == made_by else own + 1
    chosen = after if seed is None else seed
    if chosen == made_by:
        raise ValueError(f"seed {chosen} is that of the plan's own states")
    instance = given.problem.instance
    states = Draw(instance, count, chosen)
    with_plan, without = evaluated(
        instance, states, [given.found.commitment, Commitment()], threads, jobs
    )
    return Fresh(given, states, chosen, with_plan, without)


def fresh_outcome(fresh: Fresh, made_in: GivenPlan | None = None) -> FreshOutcome:
    """What is told of a plan in fresh states; ``made_in`` is the plan where it was made, if the
    states are those of another scenario.

    The error of ``optimism`` is that of both samples: the plan's own might have been a lucky one.
    One state alone tells nothing of its spread; it is taken from the fresh ones then.
    """
    found, sampled, level = fresh.given.found, fresh.sampled, fresh.level
    made = made_in or fresh.given
    instance, commitment = found.instance, found.commitment
    with_plan, without = fresh.with_plan, fresh.without_plan
    here = estimates.performance(with_plan, level, sampled=sampled)
    own = estimates.performance(made.found.with_plan, level, sampled=own_seed(made) is not None)
    expected = own.expected
    if own_seed(made) is not None and len(made.problem.states) == 1 and sampled:
        contributions = estimates.weighed(with_plan.probability, with_plan.damage)
        spread = float(np.std(contributions, ddof=1))
        expected = expected.model_copy(update={"standard_error": spread})
    return FreshOutcome(
        states=len(fresh.states),
        sampled=sampled,
        seed=fresh.seed,
        with_plan=here,
        without_plan=estimates.performance(without, level, sampled=sampled),
        avoided=estimates.difference(without, with_plan, sampled=sampled),
        objective=estimates.objective(
            with_plan,
            float(instance.case.objective.cvar.weight),
            level,
            weighed_cost(instance, commitment),
            sampled=sampled,
        ),
        optimism=estimates.apart(here.expected, expected),
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
