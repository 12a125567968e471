"""A saved plan judged: on fresh states, by a rule, against the best and against what is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.base import named
from models.language import language, tr
from models.results import (
    Evaluation,
    Information,
    LongerHorizon,
    OptimalityGap,
    RareEvents,
    RuleOutcome,
    StatesOf,
    TailPremium,
)
from optimizer.analyses.evaluation.fresh import fresh_outcome, in_fresh_states
from optimizer.analyses.evaluation.information import information
from optimizer.analyses.evaluation.longer import longer, prolonged
from optimizer.analyses.evaluation.rare import FEWEST, rare_events
from optimizer.analyses.evaluation.replications import replicate, seeds
from optimizer.analyses.evaluation.rule import rule_outcomes
from optimizer.analyses.evaluation.tail import tail_premium
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.model.highs import Progress
from optimizer.solve.checked_solution import input_hash, is_within

STATES = 100_000
RESERVES = (0.0, 0.25, 0.5)
REPLICATIONS = 10
WAIT_AND_SEE = 200
LONGER = 5
TAIL_WEIGHT = 0.5
"""What the worst states get where the scenario gives them no weight of their own."""
PART = 10
"""Rare events and a longer horizon are looked at in one state of so many fresh ones."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a plan; a part is left out by 0."""

    states: int = STATES
    """Fresh states."""
    seed: int | None = None
    """Theirs; the one after the plan's where None."""
    reserves: tuple[float, ...] = RESERVES
    """Shares of planned stock that the release rule keeps for the dearer steps."""
    replications: int = REPLICATIONS
    replication_states: int | None = None
    """States of each; as many as the plan has where None."""
    wait_and_see: int = WAIT_AND_SEE
    """States that are solved by themselves."""
    tail_weight: float | None = None
    """Weight of the worst states in the plan that minds them; the scenario's where None."""
    rare: int | None = None
    """States in which rare events are drawn more often; a tenth of the fresh ones where None."""
    longer: int = LONGER
    """Years that the horizon is prolonged by."""


@dataclass(frozen=True)
class Effort:
    """How hard each problem is tried, by how many processes, and who is told."""

    gap: float = 1e-4
    time_limit: float | None = None
    """Seconds for each problem."""
    jobs: int | None = None
    """Where None all usable cores, and one for problems that are solved in no time."""
    on_start: Callable[[int, int | None, str], None] | None = None
    """Told how many are done, of how many where that is known, and what they are."""
    on_progress: Callable[[Progress], None] | None = None

    def starts(self, name: str, done: int = 0, of: int | None = None) -> None:
        """Tell what comes next."""
        if self.on_start is not None:
            self.on_start(done, of, name)


USUAL = Effort()


def evaluate(
    given: GivenPlan,
    asked: Asked = Asked(),
    effort: Effort = USUAL,
    *,
    there: GivenPlan | None = None,
    there_variant: str | None = None,
) -> Evaluation:
    """Judge a plan.

    ``there`` is the same plan in another scenario (:func:`.elsewhere.in_world_of`), in whose states
    it is looked at then; what is solved rests on the plan's own and is left out.

    Raises
    ------
    ValueError
        If the fresh states are asked for by the seed of the plan's own, or too few rare ones.
    ScenarioError
        If the scenario has faults with a longer horizon.
    NoPlan
        If a limit was met before anything was known of a problem.
    Interrupted
        If the user stopped the search.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    plan, found = given.plan, given.found
    case = given.reading.case
    judge = _Judge(given, there or given, asked, effort)
    states_of = None
    if there is not None:
        other = there.reading.case
        applied = other.variants.get(there_variant) if there_variant else None
        states_of = StatesOf(
            title=named(other.title, given.plan.title, language()),
            variant=there_variant,
            variant_title=named(applied.title, there_variant or "", language())
            if applied
            else None,
            input_sha256=input_hash(other),
        )
    return Evaluation(
        own_states=len(given.problem.states),
        own_expected=found.with_plan.expected,
        own_cvar=found.with_plan.cvar(judge.level),
        own_objective=found.objective,
        own_gap=found.certificate.gap,
        net_cost_meur=found.net_cost,
        states_of=states_of,
        net_cost_there_meur=None if there is None else there.found.net_cost,
        fresh=judge.told,
        rules=judge.rules(),
        rare=judge.rare(),
        gap=judge.replications(),
        information=judge.information(),
        tail=judge.tail(),
        longer=judge.longer(),
        seconds=judge.seconds,
        **head(Evaluation, case, plan.title, plan.variant),
    )


class _Judge:
    """The parts of an evaluation one by one, each timed; None where one was not asked for.

    The fresh states come first, since the others are measured against them.
    """

    def __init__(self, given: GivenPlan, there: GivenPlan, asked: Asked, effort: Effort) -> None:
        self.given, self.there, self.asked, self.effort = given, there, asked, effort
        self.instance, self.commitment = there.problem.instance, there.found.commitment
        self.level = float(self.instance.case.objective.cvar.level)
        self.seconds = {"read": given.problem.seconds}
        if asked.longer and self.at_home:
            # A scenario that cannot have these years is told of before anything is solved.
            prolonged(given, asked.longer)
        with self._timed("fresh", tr("fresh states")):
            self.fresh = in_fresh_states(
                there, asked.states, asked.seed, made_in=given, jobs=effort.jobs
            )
            self.told = fresh_outcome(self.fresh, given)
        self.fewer = max(2, asked.states // PART)

    @property
    def at_home(self) -> bool:
        """Whether the states are those of the plan's own scenario."""
        return self.there is self.given

    @contextmanager
    def _timed(self, key: str, name: str) -> Iterator[None]:
        began = time.perf_counter()
        self.effort.starts(name)
        yield
        self.seconds[key] = time.perf_counter() - began

    def rules(self) -> tuple[RuleOutcome, ...]:
        with self._timed("rules", tr("release rule")):
            return rule_outcomes(
                self.instance,
                self.fresh.states,
                self.commitment,
                self.asked.reserves,
                self.fresh.with_plan,
                self.level,
                jobs=self.effort.jobs,
            )

    def rare(self) -> RareEvents | None:
        count = self.asked.rare
        if count is None:
            count = self.fewer if self.fewer >= FEWEST else 0
        if not self.fresh.sampled or not count:
            return None
        # The seed after those of the replications: states of its own.
        seed = seeds(self.there, self.fresh.seed, self.asked.replications + 1)[-1]
        with self._timed("rare", tr("rare events")):
            return rare_events(
                self.instance,
                self.commitment,
                count,
                seed,
                self.fresh.with_plan,
                self.level,
                threads=None,
            )

    def replications(self) -> OptimalityGap | None:
        many, name = self.asked.replications, tr("samples solved")
        if not self.fresh.sampled or not many or not self.at_home:
            return None
        with self._timed("replications", name):
            return replicate(
                self.fresh,
                many,
                self.asked.replication_states,
                gap=self.effort.gap,
                time_limit=self.effort.time_limit,
                jobs=self.effort.jobs,
                on_done=lambda done, _: self.effort.starts(name, done, many),
            )

    def information(self) -> Information | None:
        name = tr("states solved by themselves")
        if not self.asked.wait_and_see or not self.at_home:
            return None
        with self._timed("information", name):
            return information(
                self.given,
                gap=self.effort.gap,
                time_limit=self.effort.time_limit,
                jobs=self.effort.jobs,
                most_states=self.asked.wait_and_see,
                on_done=lambda done, of: self.effort.starts(name, done, of),
            )

    def tail(self) -> TailPremium | None:
        weight = self.asked.tail_weight
        if weight is None:
            weight = float(self.instance.case.objective.cvar.weight) or TAIL_WEIGHT
        if not weight or not self.at_home:
            return None
        with self._timed("tail", tr("plans with and without weight on the worst states")):
            return tail_premium(
                self.given,
                weight=weight,
                gap=self.effort.gap,
                time_limit=self.effort.time_limit,
                threads=None,
                on_progress=self.effort.on_progress,
            )

    def longer(self) -> LongerHorizon | None:
        if not self.asked.longer or not self.at_home:
            return None
        with self._timed("longer", tr("longer horizon")):
            # The seed of the fresh states, so that these are the first of them.
            return longer(
                self.given, self.asked.longer, self.fewer, self.fresh.seed or 0, threads=None
            )


def is_complete(evaluation: Evaluation, gap: float) -> bool:
    """Whether every solve behind it was proven to the gap."""
    proven: list[tuple[float, float]] = []
    if evaluation.gap is not None:
        proven += [(one.found, one.bound) for one in evaluation.gap.replications]
    known = evaluation.information
    if known is not None:
        proven += [(p.high, p.low) for p in (known.mean_value_problem, known.wait_and_see)]
    within = all(is_within(found, bound, gap) for found, bound in proven)
    plans = [] if evaluation.tail is None else [evaluation.tail.neutral, evaluation.tail.averse]
    return within and all(p.gap is not None and is_within(1.0, 1.0 - p.gap, gap) for p in plans)
