"""What the answer rests on: each input low and high, where the decision turns, and a screen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from optimizer.analyses.assumptions import Assumption, NoSuchAssumption
from optimizer.analyses.frontier.summary import stocks_held
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.sensitivity.describing import best_of, own_of, regret_of
from optimizer.analyses.sensitivity.looking import Best, Look, Subject, decided, look
from optimizer.analyses.sensitivity.screening import Path, samples, screen_of, usable
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
from optimizer.model.highs import Progress
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, find, usual_jobs

TOLERANCE = 0.01
"""Share of its objective by which a plan may be worse than the best and still be right."""

WIDTH = 0.02
"""Share of an input's range to which break-evens are narrowed down."""

STEPS = 6
"""Values that this takes at most: half a range is halved so often."""


@dataclass(frozen=True)
class Effort:
    """How hard each problem is tried, and who is told of it."""

    gap: float = 1e-4
    time_limit: float | None = None
    """Seconds for each solve."""
    jobs: int | None = None
    tolerance: float = TOLERANCE
    steps: int = STEPS
    """Values tried for each break-even at most; 0 for none."""
    on_count: Callable[[int, int | None, str], None] | None = None
    on_progress: Callable[[Progress], None] | None = None


USUAL = Effort()
ENDS: tuple[Toward, Toward] = ("low", "high")


def sensitivity(
    reading: Reading,
    inputs: Sequence[Assumption],
    effort: Effort = USUAL,
    *,
    given: GivenPlan | None = None,
    path: Path | None = None,
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
    path
        How inputs are moved together for a screen; none is made if None.

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
    subject, seen, first = _subject(reading, given, effort)
    known, regret = best_of(seen, first), regret_of(seen, first)
    if known is None:
        name = title or named(reading.case.title, "scenario")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    right = decided(subject, seen, first) == "same"
    quests = [Quest(made, toward, effort.steps, WIDTH) for made in inputs for toward in ENDS]
    replies: list[Reply] = []
    screen: Screen | None = None
    complete = True
    jobs = side_by_side(effort.jobs, usual_jobs(subject.instance, seen.problem.states))
    try:
        with Workers[Quest, Reply](examiner, (subject, right), jobs) as workers:

            def done(quest: Quest, reply: Reply) -> None:
                replies.append(reply)
                if effort.on_count is not None:
                    effort.on_count(len(replies), len(quests), quest.assumption.id)

            workers.map(quests, done)
        if path is not None:
            screen = _screen(subject, inputs, path, jobs, effort)
    except (KeyboardInterrupt, Interrupted):
        complete = False
    case = reading.case
    sample = case.uncertainty.sample if case.uncertainty else None
    return Sensitivity(
        seed=int(sample.seed) if sample else None,
        given=given is not None,
        tolerance=effort.tolerance,
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
        **head(Sensitivity, case, title, variant, began, len(seen.problem.states), effort.gap),
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
    reading: Reading, given: GivenPlan | None, effort: Effort
) -> tuple[Subject, Look, Best]:
    """The plan that is judged, how it fares in the scenario as it is, and the best plan there.

    The solve also fills the pool that all others start from.
    """
    problem = Problem.of(reading.case) if given is None else given.problem
    small = choose_method(problem.instance, problem.states) == "extensive"
    pool = None if small else CutPool()
    found = find(
        problem,
        gap=effort.gap,
        time_limit=effort.time_limit,
        pool=pool,
        on_progress=effort.on_progress,
    )
    if found.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    own = found.commitment if given is None else given.found.commitment
    subject = Subject(
        reading, problem.instance, own, effort.gap, effort.tolerance, effort.time_limit, pool
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
    subject: Subject, inputs: Sequence[Assumption], path: Path, jobs: int, effort: Effort
) -> Screen:
    """All inputs moved together, as Morris does."""
    chosen = usable(inputs)
    points = samples(chosen, path)
    told = 0

    def done(_sample: Sample, _figures: Figures) -> None:
        nonlocal told
        told += 1
        if effort.on_count is not None:
            effort.on_count(told, len(points.settings), tr("screen"))

    tasks = [Sample(settings, path.resolve) for settings in points.settings]
    with Workers[Sample, Figures](screener, (subject,), jobs) as workers:
        figures = workers.map(tasks, done)
    return screen_of(inputs, chosen, path, points, figures)
