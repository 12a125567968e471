"""A saved plan judged: on fresh states, by a rule, against the best and against what is known."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from models.base import named
from models.language import language, tr
from models.results import Evaluation, FreshUnder, StatesOf
from models.scenario.case import Case
from optimizer.analyses.evaluation.counterfactual import counterfactual
from optimizer.analyses.evaluation.elsewhere import in_world_of, longer, prolonged
from optimizer.analyses.evaluation.fresh import (
    fresh_outcome,
    fresh_under,
    in_fresh_states,
    rule_outcomes,
)
from optimizer.analyses.evaluation.information import information, tail_premium
from optimizer.analyses.evaluation.options import FEWEST_RARE, SAMPLING, EvaluateOptions
from optimizer.analyses.evaluation.overruns import budget_risk
from optimizer.analyses.evaluation.rare import rare_events
from optimizer.analyses.evaluation.replications import replicate, seeds
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.errors import Misuse
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.gap import is_within
from optimizer.solve.problem import check_decided_now

TAIL_WEIGHT = 0.5
"""What the worst states get where the scenario gives them no weight of their own."""
PART = 10
"""Rare events and a longer horizon are looked at in one state of so many fresh ones."""


def run(given: Input, options: EvaluateOptions) -> Outcome:
    """Judge a saved plan, in its own world or in that of another scenario."""
    assert given.plan is not None
    seed, there = options.seed, None
    if seed is not None and seed == given.plan.plan.certificate.seed:
        told = tr(
            "--seed {seed} is that of the plan's own states, on which it looks its best; take "
            "another.",
            seed=seed,
        )
        raise Misuse(told)
    if options.states_of is not None:
        check_decided_now(given.plan.reading.case)
        other = given.read(options.states_of, options.variant, options.settings)
        there = in_world_of(given.plan, other)
    uncertainty = (there or given.plan).reading.case.uncertainty
    projects = (there or given.plan).problem.instance.projects
    overruns = any(projects[p].overruns for p in given.plan.found.commitment.start)
    of_states = SAMPLING[2:] if overruns else SAMPLING  # states and seed are of overruns as well
    idle = ", ".join(option for option, value in options.given(of_states) if value)
    if idle and (uncertainty is None or uncertainty.sample is None):
        said = tr(
            "warning: the scenario does not sample its states; without effect: {options}",
            options=idle,
        )
        options.listener.warn(said)
    found = evaluate(given.plan, options, there=there, there_variant=options.variant)
    return Outcome(found, 0 if is_complete(found, options.gap) else 1)


def evaluate(
    given: GivenPlan,
    options: EvaluateOptions,
    *,
    there: GivenPlan | None = None,
    there_variant: str | None = None,
) -> Evaluation:
    """Judge a plan; parts that were not asked for are None, and each is timed.

    ``there`` is the same plan in another scenario (:func:`.elsewhere.in_world_of`), in whose states
    it is looked at then; what is solved rests on the plan's own and is left out.

    Raises ValueError for the seed of the plan's own states or too few rare ones, ScenarioError if
    the scenario has faults with a longer horizon, NoPlan if a limit was met before anything was
    known of a problem, Interrupted if the user stopped the search.
    """
    seconds = {"read": given.problem.seconds}

    @contextmanager
    def timed(key: str, name: str) -> Iterator[None]:
        began = time.perf_counter()
        options.tell(0, None, name)
        yield
        seconds[key] = time.perf_counter() - began

    # Nothing else is made for all sets, with a review, or by the least favourable probabilities.
    ball = given.reading.case.objective.ambiguity is not None
    over = bool(given.problem.sets or given.problem.instance.paths) or ball
    solving, jobs = there is None and not options.quick and not over, options.jobs
    if over and not options.quick:
        options.listener.note(
            tr("The plan is made over sets of assumptions: it is looked at, and nothing is solved.")
            if given.problem.sets
            else tr("The plan decides again at a review: it is looked at, and nothing is solved.")
            if given.problem.instance.paths
            else tr("Probabilities are ambiguous: the plan is looked at, and nothing is solved.")
        )
    limits: dict[str, Any] = {"gap": options.gap, "time_limit": options.time_limit}
    fewer, rare, weight = max(2, options.states // PART), options.rare, options.tail_weight
    if rare is None:
        rare = fewer if fewer >= FEWEST_RARE else 0
    if weight is None:
        weight = float(given.reading.case.objective.cvar.weight) or TAIL_WEIGHT
    if options.longer and solving:
        prolonged(given, options.longer)  # what cannot be is told before anything is solved
    here = there or given
    instance, commitment = here.problem.instance, here.found.commitment
    level = float(instance.case.objective.cvar.level)
    # The others are measured against the fresh states.
    with timed("fresh", tr("fresh states")):
        fresh = in_fresh_states(here, options.states, options.seed, given, jobs)
        told = fresh_outcome(fresh, given)
    plain, reserves = fresh.with_plan, tuple(dict.fromkeys(options.reserves))
    with timed("rules", tr("release rule")):
        rules = rule_outcomes(instance, fresh.states, commitment, reserves, plain, level, jobs)
    names = ("rare", "gap", "information", "tail", "longer", "counterfactual")
    parts: dict[str, Any] = dict.fromkeys(names)
    drawn_from = fresh.seed if fresh.seed is not None else options.seed or 0
    parts["budget_risk"] = budget_risk(instance, commitment, options.states, drawn_from)
    if rare and fresh.sampled:
        # The seed after those of the replications: states of its own.
        seed = seeds(here, fresh.seed, (options.replications if solving else 0) + 1)[-1]
        with timed("rare", tr("rare events")):
            parts["rare"] = rare_events(instance, commitment, rare, seed, plain, level)
    if (many := options.replications) and fresh.sampled and solving:
        samples, size = tr("samples solved"), options.replication_states
        counted = partial(options.tell, of=many, name=samples)
        with timed("replications", samples):
            parts["gap"] = replicate(fresh, many, size, jobs=jobs, on_done=counted, **limits)
    if (most := options.wait_and_see) and solving:
        alone = tr("states solved by themselves")
        with timed("information", alone):
            tell = partial(options.tell, name=alone)
            parts["information"] = information(
                given, most_states=most, jobs=jobs, on_done=tell, **limits
            )
    if weight and solving:
        with timed("tail", tr("plans with and without weight on the worst states")):
            progress = options.on_progress
            parts["tail"] = tail_premium(given, weight=weight, on_progress=progress, **limits)
    if solving and not options.no_counterfactual:
        with timed("counterfactual", tr("what would be done otherwise")):
            progress = options.on_progress
            parts["counterfactual"] = counterfactual(given, on_progress=progress, **limits)
    if options.longer and solving:
        with timed("longer", tr("longer horizon")):
            # The seed of the fresh states, so that these are the first of them.
            parts["longer"] = longer(given, options.longer, fewer, fresh.seed or 0)
    case, found = given.reading.case, given.found
    under: tuple[FreshUnder, ...] = ()
    if case.assumptions and there is None:
        with timed("under", tr("fresh states of each set of assumptions")):
            under = tuple(fresh_under(given, options.states, fresh.seed, jobs))
    return Evaluation(
        own_states=len(given.problem.states),
        own_expected=found.with_plan.expected,
        own_cvar=found.with_plan.cvar(level),
        own_objective=found.objective,
        own_gap=found.certificate.gap,
        net_cost_meur=found.net_cost,
        states_of=None if there is None else _states_of(given, there.reading.case, there_variant),
        net_cost_there_meur=None if there is None else there.found.net_cost,
        fresh=told,
        rules=rules,
        under=under,
        seconds=seconds,
        **parts,
        **head(Evaluation, case, given.plan.title, given.plan.variant),
    )


def _states_of(given: GivenPlan, other: Case, variant: str | None) -> StatesOf:
    """What is told of the other scenario."""
    applied, speech = other.variants.get(variant or ""), language()
    return StatesOf(
        title=named(other.title, given.plan.title, speech),
        variant=variant,
        variant_title=named(applied.title, variant or "", speech) if applied else None,
        input_sha256=input_hash(other),
    )


def is_complete(evaluation: Evaluation, gap: float) -> bool:
    """Whether every solve behind it was proven to the gap."""
    known, tail = evaluation.information, evaluation.tail
    samples = () if evaluation.gap is None else evaluation.gap.replications
    proven: list[tuple[float, float | None]] = [(one.found, one.bound) for one in samples]
    if known is not None:
        proven += [(p.high, p.low) for p in (known.mean_value_problem, known.wait_and_see)]
    plans = [] if tail is None else [tail.neutral, tail.averse]
    for plan in (*plans, evaluation.counterfactual):
        if plan is not None:
            proven.append((1.0, None if plan.gap is None else 1.0 - plan.gap))
    return all(is_within(found, bound, gap) for found, bound in proven)
