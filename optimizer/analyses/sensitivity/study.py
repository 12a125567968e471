"""What the answer rests on: each input low and high, where the decision turns, and a screen."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from models.base import named
from models.faults import ScenarioError
from models.files import Reading
from models.language import tr
from models.results import ProvenRange, Screen, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.analyses.assumptions import Assumption, NoSuchAssumption, assumptions
from optimizer.analyses.frontier.summary import stocks_held
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.sensitivity.looking import Best, Look, Subject, decided, look, regret
from optimizer.analyses.sensitivity.options import SensitivityOptions
from optimizer.analyses.sensitivity.screening import check_installed, screen
from optimizer.analyses.sensitivity.subproblem import Examiner, Quest, Reply, Toward
from optimizer.errors import Interrupted, NoPlan
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, find, usual_jobs

ENDS: tuple[Toward, Toward] = ("low", "high")


def run(given: Input, options: SensitivityOptions) -> Outcome:
    """Find what the best plan, or a given one, rests on."""
    case, each, only = given.reading.case, options.each, options.only
    made = assumptions(case, each=each, ranges=options.ranges, only=only, inputs=options.inputs)
    if options.trajectories is not None:
        check_installed()
    found = sensitivity(
        given.reading, made, options, given=given.plan, title=given.title, variant=given.variant
    )
    if found.ended == "interrupted" and not found.inputs:
        raise Interrupted(tr("interrupted"))
    points = [point for one in found.inputs for point in (one.low, one.high)]
    limited = found.decision == "open" or any(
        p.status in ("limit", "none") or p.decision == "open" for p in points
    )
    return Outcome(found, 1 if limited or found.ended == "interrupted" else 0)


def sensitivity(
    reading: Reading,
    inputs: Sequence[Assumption],
    options: SensitivityOptions,
    *,
    given: GivenPlan | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Sensitivity:
    """How the best plan, or a given one, fares where each input is low and high.

    All values are judged on states drawn from the same random numbers (common random numbers), so
    that differences are those of the input. A Ctrl-C ends it with the inputs so far.

    Raises NoSuchAssumption or ScenarioError if an input changes the years that are planned for or
    does not fit, and Infeasible, NoPlan or Interrupted if the scenario itself has no plan, or none
    was found before it was stopped.
    """
    began, case = time.perf_counter(), reading.case
    inputs = [_checked(reading, made) for made in inputs]
    subject, seen, first = _subject(reading, given, options)
    instance, states, plan = subject.instance, seen.problem.states, subject.commitment
    known = first.told(seen.problem.instance)
    if known is None:
        name = title or named(case.title, "scenario")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    decision = decided(subject, seen, first)
    # Only of a plan that is right in the scenario as it is can be said where that ends.
    steps = options.steps if decision == "same" else 0
    quests = [Quest(made, toward, steps) for made in inputs for toward in ENDS]
    replies: list[Reply] = []
    screened: Screen | None = None
    complete = True
    jobs = side_by_side(options.jobs, usual_jobs(instance, states))

    def done(quest: Quest, reply: Reply) -> None:
        replies.append(reply)
        options.tell(len(replies), len(quests), quest.assumption.id)

    try:
        with Workers[Quest, Reply](Examiner, (subject,), jobs) as workers:
            workers.map(quests, done)
        if options.trajectories is not None:
            screened = screen(subject, inputs, jobs, options)
    except (KeyboardInterrupt, Interrupted):
        complete = False
    sample = case.uncertainty.sample if case.uncertainty else None
    return Sensitivity(
        seed=int(sample.seed) if sample else None,
        given=given is not None,
        tolerance=options.tolerance,
        own=seen.own,
        best=known,
        regret=regret(seen, first),
        decision=decision,
        projects={p: plan.start[p] for p in case.projects if p in plan.start},
        stocks_t=stocks_held(instance, plan),
        inputs=_inputs(inputs, replies, seen, known.objective),
        screen=screened,
        ended="complete" if complete else "interrupted",
        **head(Sensitivity, case, title, variant, began, len(states), options.gap),
    )


def _checked(reading: Reading, made: Assumption) -> Assumption:
    """An input whose values fit and change no years that are planned for; one that takes whole
    numbers alone where no other fits."""
    ends, kept = (made.low, made.high), reading.case.horizon
    for value in ends:
        changed = reading.changed(made.settings(value)).case.horizon
        if (changed.years, changed.periods_per_year) != (kept.years, kept.periods_per_year):
            raise NoSuchAssumption(tr("{id} changes the years that are planned for", id=made.id))
    if made.is_factor or not all(float(end).is_integer() for end in (*ends, made.base)):
        return made
    try:
        reading.changed(made.settings(made.base + (0.5 if made.base < made.high else -0.5)))
    except ScenarioError:
        return replace(made, whole=True)
    return made


def _subject(
    reading: Reading, given: GivenPlan | None, options: SensitivityOptions
) -> tuple[Subject, Look, Best]:
    """The plan that is judged, how it fares in the scenario as it is, and the best plan there.

    The solve also fills the pool that all others start from.
    """
    problem = Problem.of(reading.case) if given is None else given.problem
    instance, limit = problem.instance, options.time_limit
    pool = None if choose_method(instance, problem.states) == "extensive" else CutPool()
    tell = options.on_progress
    found = find(problem, gap=options.gap, time_limit=limit, pool=pool, on_progress=tell)
    if found.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    own = found.commitment if given is None else given.found.commitment
    subject = Subject(reading, instance, own, options.gap, options.tolerance, limit, pool)
    seen = look(subject, (), threads=None)
    bound, status = found.certificate.bound, found.certificate.status
    if seen.objective <= found.objective:
        return subject, seen, Best(status, bound, own, seen.objective, seen.outcome)
    return subject, seen, Best(status, bound, found.commitment, found.objective, found.with_plan)


def _inputs(
    inputs: Sequence[Assumption], replies: Sequence[Reply], seen: Look, best: ProvenRange
) -> tuple[SensitivityInput, ...]:
    """The inputs of which both ends are known, what moves the best objective most first."""
    by_end = {(reply.quest.assumption.id, reply.quest.toward): reply for reply in replies}
    made = []
    for one in inputs:
        ends = [by_end[one.id, toward] for toward in ENDS if (one.id, toward) in by_end]
        if len(ends) == len(ENDS):
            low, high = (reply.point for reply in ends)
            outcomes = [seen.own, low.own, high.own]
            objectives = [own.objective for own in outcomes]
            damages = [own.expected for own in outcomes]
            made.append(
                SensitivityInput(
                    id=one.id,
                    kind=one.kind,
                    subject=one.subject,
                    base=one.base,
                    base_number=one.number(one.base),
                    low=low,
                    high=high,
                    swing=_swing((low, high), best),
                    own_swing=max(objectives) - min(objectives),
                    own_swing_expected=max(damages) - min(damages),
                    break_evens=tuple(reply.turn for reply in ends if reply.turn is not None),
                )
            )

    def size(one: SensitivityInput) -> float:
        # Where an end has no plan at all, nothing moves the answer more; where none was found in
        # time, nothing is known.
        if "infeasible" in (one.low.status, one.high.status):
            return math.inf
        return -1.0 if one.swing is None else one.swing.low + one.swing.high

    return tuple(sorted(made, key=lambda one: (-size(one), -one.own_swing)))


def _swing(points: Sequence[SensitivityPoint], best: ProvenRange) -> ProvenRange | None:
    """The largest difference of best objectives: at least what lies between disjoint ranges."""
    ranges = [best, *(point.best.objective for point in points if point.best is not None)]
    if len(ranges) <= len(points):
        return None
    apart = max(one.low - other.high for one in ranges for other in ranges)
    widest = max(one.high - other.low for one, other in permutations(ranges, 2))
    return ProvenRange(low=max(0.0, apart), high=max(0.0, widest))
