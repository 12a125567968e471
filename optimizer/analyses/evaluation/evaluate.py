"""A saved plan judged: on fresh states, by a rule, against the best and against what is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

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
from optimizer.analyses.evaluation.elsewhere import in_world_of
from optimizer.analyses.evaluation.fresh import fresh_outcome, in_fresh_states
from optimizer.analyses.evaluation.information import information
from optimizer.analyses.evaluation.longer import longer, prolonged
from optimizer.analyses.evaluation.options import FEWEST_RARE, SAMPLING, EvaluateOptions
from optimizer.analyses.evaluation.rare import rare_events
from optimizer.analyses.evaluation.replications import replicate, seeds
from optimizer.analyses.evaluation.rule import rule_outcomes
from optimizer.analyses.evaluation.tail import tail_premium
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.errors import Misuse
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.gap import is_within

TAIL_WEIGHT = 0.5
"""What the worst states get where the scenario gives them no weight of their own."""
PART = 10
"""Rare events and a longer horizon are looked at in one state of so many fresh ones."""


USUAL = EvaluateOptions()


def run(given: Input, options: EvaluateOptions) -> Outcome:
    """Judge a saved plan, in its own world or in that of another scenario."""
    assert given.plan is not None
    seed = options.seed
    if seed is not None and seed == given.plan.plan.certificate.seed:
        raise Misuse(
            tr(
                "--seed {seed} is that of the plan's own states, on which it looks its best; take "
                "another.",
                seed=seed,
            )
        )
    there = None
    if options.states_of is not None:
        other = given.read(options.states_of, options.variant, options.settings)
        there = in_world_of(given.plan, other)
    uncertainty = (there or given.plan).reading.case.uncertainty
    idle = [option for option, value in options.given(SAMPLING) if value]
    if idle and (uncertainty is None or uncertainty.sample is None):
        options.listener.warn(
            tr(
                "warning: the scenario does not sample its states; without effect: {options}",
                options=", ".join(idle),
            )
        )
    found = evaluate(given.plan, options, there=there, there_variant=options.variant)
    return Outcome(found, 0 if is_complete(found, options.gap) else 1)


def evaluate(
    given: GivenPlan,
    options: EvaluateOptions = USUAL,
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
    judge = _Judge(given, there or given, options)
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

    def __init__(self, given: GivenPlan, there: GivenPlan, options: EvaluateOptions) -> None:
        self.given, self.there = given, there
        self.options = asked = options.without_solving if options.quick else options
        self.instance, self.commitment = there.problem.instance, there.found.commitment
        self.level = float(self.instance.case.objective.cvar.level)
        self.seconds = {"read": given.problem.seconds}
        if asked.longer and self.at_home:
            # A scenario that cannot have these years is told of before anything is solved.
            prolonged(given, asked.longer)
        with self._timed("fresh", tr("fresh states")):
            self.fresh = in_fresh_states(
                there, asked.states, asked.seed, made_in=given, jobs=asked.jobs
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
        self.options.tell(0, None, name)
        yield
        self.seconds[key] = time.perf_counter() - began

    def rules(self) -> tuple[RuleOutcome, ...]:
        with self._timed("rules", tr("release rule")):
            return rule_outcomes(
                self.instance,
                self.fresh.states,
                self.commitment,
                tuple(dict.fromkeys(self.options.reserves)),
                self.fresh.with_plan,
                self.level,
                jobs=self.options.jobs,
            )

    def rare(self) -> RareEvents | None:
        count = self.options.rare
        if count is None:
            count = self.fewer if self.fewer >= FEWEST_RARE else 0
        if not self.fresh.sampled or not count:
            return None
        # The seed after those of the replications: states of its own.
        seed = seeds(self.there, self.fresh.seed, self.options.replications + 1)[-1]
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
        many, name = self.options.replications, tr("samples solved")
        if not self.fresh.sampled or not many or not self.at_home:
            return None
        with self._timed("replications", name):
            return replicate(
                self.fresh,
                many,
                self.options.replication_states,
                gap=self.options.gap,
                time_limit=self.options.time_limit,
                jobs=self.options.jobs,
                on_done=lambda done, _: self.options.tell(done, many, name),
            )

    def information(self) -> Information | None:
        name = tr("states solved by themselves")
        if not self.options.wait_and_see or not self.at_home:
            return None
        with self._timed("information", name):
            return information(
                self.given,
                gap=self.options.gap,
                time_limit=self.options.time_limit,
                jobs=self.options.jobs,
                most_states=self.options.wait_and_see,
                on_done=lambda done, of: self.options.tell(done, of, name),
            )

    def tail(self) -> TailPremium | None:
        weight = self.options.tail_weight
        if weight is None:
            weight = float(self.instance.case.objective.cvar.weight) or TAIL_WEIGHT
        if not weight or not self.at_home:
            return None
        with self._timed("tail", tr("plans with and without weight on the worst states")):
            return tail_premium(
                self.given,
                weight=weight,
                gap=self.options.gap,
                time_limit=self.options.time_limit,
                threads=None,
                on_progress=self.options.on_progress,
            )

    def longer(self) -> LongerHorizon | None:
        if not self.options.longer or not self.at_home:
            return None
        with self._timed("longer", tr("longer horizon")):
            # The seed of the fresh states, so that these are the first of them.
            return longer(
                self.given, self.options.longer, self.fewer, self.fresh.seed or 0, threads=None
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
