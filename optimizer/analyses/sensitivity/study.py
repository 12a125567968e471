"""What the answer rests on: each input low and high, where the decision turns, and a screen."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from models.base import named
from models.faults import ScenarioError
from models.files import Reading
from models.language import tr
from models.results import (
    ProvenRange,
    Screen,
    Sensitivity,
    SensitivityInput,
    SensitivityPoint,
)
from optimizer.analyses.assumptions import Assumption, NoSuchAssumption, assumptions
from optimizer.analyses.frontier.summary import stocks_held
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.sensitivity.describing import best_of, own_of, regret_of
from optimizer.analyses.sensitivity.looking import Best, Look, Subject, decided, look
from optimizer.analyses.sensitivity.options import SensitivityOptions
from optimizer.analyses.sensitivity.screening import (
    Path,
    check_installed,
    samples,
    screen_of,
    usable,
)
from optimizer.analyses.sensitivity.subproblem import (
    Figures,
    Quest,
    Reply,
    Sample,
    Toward,
    examiner,
    screener,
)
from optimizer.errors import Interrupted, NoPlan
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, find, usual_jobs

WIDTH = 0.02
"""Share of an input's range to which break-evens are narrowed down."""

USUAL = SensitivityOptions()
ENDS: tuple[Toward, Toward] = ("low", "high")


def run(given: Input, options: SensitivityOptions) -> Outcome:
    """Find what the best plan, or a given one, rests on."""
    made = assumptions(
        given.reading.case,
        each=options.each,
        ranges=options.ranges,
        only=options.only,
        inputs=options.inputs,
    )
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
    options: SensitivityOptions = USUAL,
    *,
    given: GivenPlan | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Sensitivity:
    """How the best plan, and a given one, fare where each input is low and high.

    All values are judged on states drawn from the same random numbers (common random numbers), so
    that differences are those of the input. A Ctrl-C ends it with the inputs so far.

    Parameters
    ----------
    given
        The plan that is judged; the best one for the scenario if None.

    Raises
    ------
    NoSuchAssumption
        If an input changes the years that are planned for.
    Infeasible, NoPlan
        If the scenario itself has no plan, or nothing was proven of it before the limit.
    Interrupted
        If it was stopped before there was one.
    ScenarioError
        If a value does not fit the scenario.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    _refuse(reading, inputs)
    inputs = [_in_steps(reading, made) for made in inputs]
    subject, seen, first = _subject(reading, given, options)
    known, regret = best_of(seen, first), regret_of(seen, first)
    if known is None:
        name = title or named(reading.case.title, "scenario")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    right = decided(subject, seen, first) == "same"
    quests = [Quest(made, toward, options.steps, WIDTH) for made in inputs for toward in ENDS]
    replies: list[Reply] = []
    screen: Screen | None = None
    complete = True
    jobs = side_by_side(options.jobs, usual_jobs(subject.instance, seen.problem.states))
    try:
        with Workers[Quest, Reply](examiner, (subject, right), jobs) as workers:

            def done(quest: Quest, reply: Reply) -> None:
                replies.append(reply)
                options.tell(len(replies), len(quests), quest.assumption.id)

            workers.map(quests, done)
        if options.trajectories is not None:
            path = Path(options.trajectories, options.seed, options.resolve)
            screen = _screen(subject, inputs, path, jobs, options)
    except (KeyboardInterrupt, Interrupted):
        complete = False
    case = reading.case
    sample = case.uncertainty.sample if case.uncertainty else None
    return Sensitivity(
        seed=int(sample.seed) if sample else None,
        given=given is not None,
        tolerance=options.tolerance,
        own=own_of(seen),
        best=known,
        regret=regret,
        decision=decided(subject, seen, first),
        projects={p: subject.commitment.start[p] for p in case.projects
                  if p in subject.commitment.start},
        stocks_t=stocks_held(subject.instance, subject.commitment),
        inputs=_inputs(inputs, replies, seen, first),
        screen=screen,
        ended="complete" if complete else "interrupted",
        **head(Sensitivity, case, title, variant, began, len(seen.problem.states), options.gap),
    )  # fmt: skip


def _refuse(reading: Reading, inputs: Sequence[Assumption]) -> None:
    """Refuse, before anything is solved, values that do not fit or that change what years are
    planned for."""
    for made in inputs:
        for value in (made.low, made.high):
            changed = reading.changed(made.settings(value)).case.horizon
            kept = reading.case.horizon
            if (changed.years, changed.periods_per_year) != (kept.years, kept.periods_per_year):
                raise NoSuchAssumption(
                    tr("{id} changes the years that are planned for", id=made.id)
                )


def _in_steps(reading: Reading, made: Assumption) -> Assumption:
    """An input as it is, or one that takes whole numbers alone where no other fits."""
    ends = (made.low, made.base, made.high)
    if made.is_factor or not all(float(end).is_integer() for end in ends):
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
    small = choose_method(problem.instance, problem.states) == "extensive"
    pool = None if small else CutPool()
    found = find(
        problem,
        gap=options.gap,
        time_limit=options.time_limit,
        pool=pool,
        on_progress=options.on_progress,
    )
    if found.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    own = found.commitment if given is None else given.found.commitment
    subject = Subject(
        reading, problem.instance, own, options.gap, options.tolerance, options.time_limit, pool
    )
    seen = look(subject, (), threads=None)
    bound, status = found.certificate.bound, found.certificate.status
    if seen.objective <= found.objective:
        return subject, seen, Best(status, bound, own, seen.objective, seen.outcome)
    return subject, seen, Best(status, bound, found.commitment, found.objective, found.with_plan)


def _inputs(
    inputs: Sequence[Assumption], replies: Sequence[Reply], seen: Look, first: Best
) -> tuple[SensitivityInput, ...]:
    """The inputs of which both ends are known, what moves the best objective most first."""
    by_end = {(reply.quest.assumption.id, reply.quest.toward): reply for reply in replies}
    made = [
        _input(one, by_end[one.id, "low"], by_end[one.id, "high"], seen, first)
        for one in inputs
        if all((one.id, toward) in by_end for toward in ENDS)
    ]

    def size(one: SensitivityInput) -> float:
        # Where an end has no plan at all, nothing moves the answer more; where none was found in
        # time, nothing is known.
        if "infeasible" in (one.low.status, one.high.status):
            return math.inf
        return -1.0 if one.swing is None else one.swing.low + one.swing.high

    return tuple(sorted(made, key=lambda one: (-size(one), -one.own_swing)))


def _input(made: Assumption, low: Reply, high: Reply, seen: Look, first: Best) -> SensitivityInput:
    points, own = (low.point, high.point), own_of(seen)
    objectives = [own.objective, *(point.own.objective for point in points)]
    damages = [own.expected, *(point.own.expected for point in points)]
    return SensitivityInput(
        id=made.id,
        kind=made.kind,
        subject=made.subject,
        base=made.base,
        base_number=made.number(made.base),
        low=low.point,
        high=high.point,
        swing=_swing(points, first),
        own_swing=max(objectives) - min(objectives),
        own_swing_expected=max(damages) - min(damages),
        break_evens=tuple(turn for turn in (low.turn, high.turn) if turn is not None),
    )


def _swing(points: Sequence[SensitivityPoint], first: Best) -> ProvenRange | None:
    """The largest difference of best objectives: at least what lies between disjoint ranges."""
    if first.bound is None or first.objective is None:
        return None
    ranges = [(min(first.bound, first.objective), first.objective)]
    for point in points:
        if point.best is None:
            return None
        ranges.append((point.best.objective.low, point.best.objective.high))
    apart = max(one[0] - other[1] for one in ranges for other in ranges)
    widest = max(one[1] - other[0] for one, other in permutations(ranges, 2))
    return ProvenRange(low=max(0.0, apart), high=max(0.0, widest))


def _screen(
    subject: Subject,
    inputs: Sequence[Assumption],
    path: Path,
    jobs: int,
    options: SensitivityOptions,
) -> Screen:
    """All inputs moved together, as Morris does."""
    chosen = usable(inputs)
    points = samples(chosen, path)
    told = 0

    def done(_sample: Sample, _figures: Figures) -> None:
        nonlocal told
        told += 1
        options.tell(told, len(points.settings), tr("screen"))

    tasks = [Sample(settings, path.resolve) for settings in points.settings]
    with Workers[Sample, Figures](screener, (subject,), jobs) as workers:
        figures = workers.map(tasks, done)
    return screen_of(inputs, chosen, path, points, figures)
