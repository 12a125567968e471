"""Damage against a number of the scenario, point by point, each a full plan with its proof."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from models.base import named
from models.faults import ScenarioError
from models.language import language, tr
from models.results import Frontier, Plan, WithoutPlan
from optimizer.analyses.frontier.options import FrontierOptions
from optimizer.analyses.frontier.parametric_points import Solver, Spot, envelope
from optimizer.analyses.frontier.summary import describe_spots, describe_steps
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome, named_value
from optimizer.analyses.variation import TAIL, Variation, evenly, rounded_up, written
from optimizer.errors import ClusterError, Interrupted, Misuse, SolverError, VorratError
from optimizer.parallel import Team, Workers, side_by_side, threads_each
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem

NARROW = 1e-3
"""Steps narrower than this share of the whole range are not divided any further."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A frontier and the plans behind it, by value."""

    frontier: Frontier
    plans: Mapping[float, Plan]
    failures: Mapping[float, VorratError]
    """What went wrong at points that have no plan for it."""


USUAL = FrontierOptions()


def run(given: Input, options: FrontierOptions) -> Outcome:
    """Draw the frontier of the number that the options name."""
    if options.tail:
        number, last = Variation(given.reading, TAIL), 1.0 if options.last is None else options.last
        options = options.model_copy(update={"last": last if options.values is None else None})
    else:
        number = options.number(given.reading)
    if options.values is None:
        if options.last is None and number.funders is None:
            raise Misuse(tr("--vary {path} needs --to, or --values.", path=number.path))
        if options.last is not None and options.last <= options.begins:
            raise Misuse(tr("--to must lie above --from."))
    ends = (options.begins, *([] if options.last is None else [options.last]))
    for value in options.values or ends:
        number.at(value)  # a path that leads nowhere is told before the first solve
    drawn = draw(number, options, pool=given.pool, title=given.title, variant=given.variant)
    found, failures = drawn.frontier, drawn.failures
    if found.ended == "interrupted" and not drawn.plans:
        raise Interrupted(tr("interrupted"))
    failed = any(isinstance(error, (SolverError, ClusterError)) for error in failures.values())
    return Outcome(
        found,
        SolverError.exit_code if failed else _code(found),
        {f"plans/{written(value)}": plan for value, plan in drawn.plans.items()},
        [
            tr("at {value}: {problem}", value=named_value(value), problem=error)
            for value, error in failures.items()
        ],
    )


def _code(found: Frontier) -> int:
    states = {point.status for point in found.points}
    if not states & {"optimal", "limit"}:
        return 3 if states <= {"infeasible"} else 4
    return 1 if found.ended == "interrupted" or states & {"limit", "none"} else 0


def draw(
    variation: Variation,
    options: FrontierOptions = USUAL,
    *,
    pool: CutPool | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Drawn:
    """The frontier of a number.

    A first Ctrl-C ends it with the points found so far.

    Raises
    ------
    ScenarioError
        If the path leads nowhere, or a value does not fit there.
    SolverError, OutOfMemory, TimedOut
        If that is what became of all points; where some have a plan, the others are among the
        failures.
    """
    began = time.perf_counter()
    solver = Solver.starting(variation, options, pool)
    complete = _solve_all(solver, options)
    spots = [
        spot
        for value, spot in solver.spots.items()
        if math.isfinite(value) and not (spot.interrupted and spot.found is None)
    ]
    spots = envelope(spots, variation)
    case = variation.reading.case
    points = describe_spots(spots, case, tail=variation.path == TAIL)
    founds = {spot.value: spot.found for spot in spots if spot.found is not None}
    if solver.failures and not founds:
        raise next(iter(solver.failures.values()))
    frontier = Frontier(
        varied=variation.path,
        varied_unit=variation.unit,
        loosens=variation.loosens,
        without_plan=_without_plan(spots),
        points=points,
        steps=describe_steps(points, loosens=variation.loosens),
        ended="complete" if complete else "interrupted",
        project_names={
            p: named(case.projects[p].name, p, language())
            for p in dict.fromkeys(p for point in points for p in point.projects)
        },
        stockpile_names={
            pile.id: named(pile.name, pile.id, language())
            for pile in case.stockpiles
            if any(pile.id in point.stocks_t for point in points)
        },
        funder_names={f: named(funder.name, f, language()) for f, funder in case.funders.items()},
        **head(Frontier, case, title, variant, began, len(Problem.of(case).states), options.gap),
    )
    plans = {value: found.plan(title, variant) for value, found in founds.items()}
    return Drawn(frontier, plans, dict(solver.failures))


def _solve_all(solver: Solver, options: FrontierOptions) -> bool:
    """Solve the grid and what refines it; whether nobody stopped it.

    Side by side, each process starts from its own earlier points, and so many steps are divided at
    a time as there are processes.
    """

    def tell(value: float, total: int) -> None:
        options.tell(sum(map(math.isfinite, solver.spots)), total, named_value(value))

    try:
        values = _values(solver, options, tell)
        if any(spot.interrupted for spot in solver.spots.values()):
            return False
        wanted = len(values) + options.refine
        jobs = min(side_by_side(solver.options.jobs, 1), wanted)
        given = (solver if threads_each(jobs) is None else solver.lane(),)
        with Workers[float, Spot](lane, given, jobs) as workers:
            round_ = _Round(solver, workers, lambda value: tell(value, wanted))
            if not round_.solve(values):
                return False
            for error in round_.refused.values():
                raise error
            given_up: set[tuple[float, float]] = set()
            while (open_ := wanted - sum(map(math.isfinite, solver.spots))) > 0:
                middles = _middles(solver, given_up, min(jobs, open_))
                if not middles:
                    break
                if not round_.solve(list(middles)):
                    return False
                # Both ends are sound: a number in between does not fit, such as half a year.
                given_up |= {middles[value] for value in round_.refused}
    except KeyboardInterrupt:
        return False
    return True


def lane(solver: Solver) -> Callable[[float], Spot]:
    """What solves the values of one process, each starting from the cuts of the others."""
    return solver.solve


@dataclass(eq=False)
class _Round:
    """Solves several values side by side; what comes of them goes to the solver of all."""

    solver: Solver
    workers: Team[float, Spot]
    tell: Callable[[float], None]
    refused: dict[float, ScenarioError] = field(default_factory=dict)
    """Values of the last round that do not fit."""

    def solve(self, values: Sequence[float]) -> bool:
        """Solve several values; whether nobody stopped it, nor was a cluster lost with the rest."""
        self.refused = {}
        self.tell(values[0])
        try:
            return self._take(values)
        except ClusterError as error:
            if all(spot.found is None for spot in self.solver.spots.values()):
                raise
            for value in values:
                if value not in self.solver.spots and value not in self.refused:
                    self.solver.fail(value, error)
            return False

    def _take(self, values: Sequence[float]) -> bool:
        for done, arrival in enumerate(self.workers.arrivals(values), start=1):
            value, error = values[arrival.index], arrival.error
            if isinstance(error, ScenarioError):
                self.refused[value] = error
            elif error is not None:
                self.solver.fail(value, error)
            elif arrival.answer is not None:
                self.solver.spots[value] = arrival.answer
                if arrival.answer.interrupted:
                    return False
            if done < len(values):
                self.tell(values[done])
        return True


def _middles(
    solver: Solver, given_up: set[tuple[float, float]], most: int
) -> dict[float, tuple[float, float]]:
    """The middles of the widest steps, and the steps."""
    middles: dict[float, tuple[float, float]] = {}
    while len(middles) < most:
        step = widest(solver, given_up | set(middles.values()))
        if step is None:
            break
        middle = _middle(*step, whole=solver.variation.whole)
        if middle is None:
            given_up.add(step)
        else:
            middles[middle] = step
    return middles


def _values(
    solver: Solver, options: FrontierOptions, tell: Callable[[float, int], None]
) -> list[float]:
    """The values of the grid, in the order in which they are best solved."""
    if options.values:
        values = list(dict.fromkeys(options.values))
    else:
        last = options.last
        if last is None:
            tell(math.inf, options.points + options.refine)
            last = max(rounded_up(solver.without_limit()), options.begins)
        values = list(dict.fromkeys(evenly(options.begins, last, options.points)))
    # From above, a plan that is paid for is known before it is asked for.
    return sorted(values, reverse=solver.variation.loosens)


def widest(solver: Solver, given_up: set[tuple[float, float]]) -> tuple[float, float] | None:
    """The step between neighbouring points in which most is unknown: how far it falls times how
    wide it is. That finds jumps, which stay as high however narrow the step, and then bends."""
    spots = envelope([s for v, s in solver.spots.items() if math.isfinite(v)], solver.variation)
    if len(spots) < 2:
        return None
    width = spots[-1].value - spots[0].value
    known = [damage for spot in spots if (damage := _damage(spot, solver)) is not None]
    height = max(known) - min(known) if known else 0.0
    best, chosen = 0.0, None
    for lower, higher in pairwise(spots):
        step = (lower.value, higher.value)
        share = (higher.value - lower.value) / width
        fall = _fall(_damage(lower, solver), _damage(higher, solver), solver.options.gap, height)
        if step not in given_up and share > NARROW and fall * share > best:
            best, chosen = fall * share, step
    return chosen


def _damage(spot: Spot, solver: Solver) -> float | None:
    """What the curve shows: the mean, or the CVaR where its weight is varied."""
    if spot.found is None:
        return None
    reached, case = spot.found.with_plan, spot.instance.case
    tail = solver.variation.path == TAIL
    return reached.cvar(float(case.objective.cvar.level)) if tail else reached.expected


def _fall(lower: float | None, higher: float | None, gap: float, height: float) -> float:
    """By how much damage changes in a step; 0 where that may be the gap alone."""
    if lower is None and higher is None:
        return 0.0
    if lower is None or higher is None:
        return max(height, 1.0)
    change = abs(lower - higher)
    return change if change > 2 * max(gap, 1e-6) * max(abs(lower), abs(higher)) else 0.0


def _middle(lower: float, higher: float, *, whole: bool) -> float | None:
    middle = (lower + higher) / 2
    if not whole:
        return round(middle, 12)
    middle = float(math.floor(middle))
    return middle if lower < middle < higher else None


def _without_plan(spots: Sequence[Spot]) -> WithoutPlan | None:
    """What comes without any plan, if that is the same at all points."""
    outcomes = set()
    for spot in spots:
        if spot.found is not None:
            level = float(spot.instance.case.objective.cvar.level)
            nothing = spot.found.without_plan
            outcomes.add((nothing.expected, nothing.cvar(level), nothing.worst))
    if len(outcomes) != 1:
        return None
    ((expected, cvar, worst),) = outcomes
    return WithoutPlan(expected=expected, cvar=cvar, worst=worst)
