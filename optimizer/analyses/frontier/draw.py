"""Damage against a number of the scenario, point by point, each a full plan with its proof."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from models.base import named
from models.faults import ScenarioError
from models.language import language, tr
from models.results import Frontier, Plan
from optimizer.analyses.frontier.options import FrontierOptions
from optimizer.analyses.frontier.parametric_points import Solver, Spot, envelope, own_pool
from optimizer.analyses.frontier.summary import describe_spots, describe_steps, without_plan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome, named_value
from optimizer.analyses.variation import TAIL, Variation, evenly, rounded_up, written
from optimizer.errors import ClusterError, Interrupted, Misuse, SolverError, VorratError
from optimizer.parallel import Team, Workers, side_by_side, threads_each
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem

NARROW = 1e-3
"""Steps narrower than this share of the whole range are not divided any further."""

Step = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A frontier and the plans behind it, by value."""

    frontier: Frontier
    plans: Mapping[float, Plan]
    failures: Mapping[float, VorratError]
    """What went wrong at points that have no plan for it."""


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
    states = {point.status for point in found.points}
    if found.ended == "interrupted" and not drawn.plans:
        raise Interrupted(tr("interrupted"))
    if any(isinstance(error, (SolverError, ClusterError)) for error in failures.values()):
        code = SolverError.exit_code
    elif not states & {"optimal", "limit"}:
        code = 3 if states <= {"infeasible"} else 4
    else:
        code = 1 if found.ended == "interrupted" or states & {"limit", "none"} else 0
    return Outcome(
        found,
        code,
        {f"plans/{written(value)}": plan for value, plan in drawn.plans.items()},
        [
            tr("at {value}: {problem}", value=named_value(value), problem=error)
            for value, error in failures.items()
        ],
    )


def draw(
    variation: Variation,
    options: FrontierOptions,
    *,
    pool: CutPool | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Drawn:
    """The frontier of a number.

    A first Ctrl-C ends it with the points found so far.

    Raises ScenarioError if the path leads nowhere, or a value does not fit there, and any other
    error if it is what became of all points; where some have a plan, the others are among the
    failures.
    """
    began, case = time.perf_counter(), variation.reading.case
    solver = Solver(variation, options, own_pool(case) if pool is None else pool)
    complete = True
    try:
        _solve_all(solver, options)
    except KeyboardInterrupt:
        complete = False
    spots = [spot for spot in _finite(solver) if not (spot.interrupted and spot.found is None)]
    spots = envelope(spots, variation)
    points = describe_spots(spots, case, tail=variation.path == TAIL)
    founds = {spot.value: spot.found for spot in spots if spot.found is not None}
    if solver.failures and not founds:
        raise next(iter(solver.failures.values()))
    nothing = {without_plan(found) for found in founds.values()}
    frontier = Frontier(
        varied=variation.path,
        varied_unit=variation.unit,
        loosens=variation.loosens,
        without_plan=nothing.pop() if len(nothing) == 1 else None,
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
    plans = {value: found.plan(title, variant, chains=False) for value, found in founds.items()}
    return Drawn(frontier, plans, dict(solver.failures))


def _finite(solver: Solver) -> list[Spot]:
    """What is known, apart from what comes without any limit."""
    return [spot for value, spot in solver.spots.items() if math.isfinite(value)]


def _solve_all(solver: Solver, options: FrontierOptions) -> None:
    """Solve the grid and what refines it.

    Side by side, each process starts from its own earlier points, and so many steps are divided at
    a time as there are processes. Raises KeyboardInterrupt where it was stopped, or a cluster lost.
    """
    values = list(options.values or ())
    if not values:
        last = options.last
        if last is None:
            options.tell(0, options.points + options.refine, named_value(math.inf))
            last = max(rounded_up(solver.without_limit()), options.begins)
            if solver.spots[math.inf].interrupted:
                raise KeyboardInterrupt
        values = evenly(options.begins, last, options.points)
    # From above, a plan that is paid for is known before it is asked for.
    values = sorted(dict.fromkeys(values), reverse=solver.variation.loosens)
    wanted = len(values) + options.refine
    jobs = min(side_by_side(options.jobs, 1), wanted)
    given = (solver if threads_each(jobs) is None else solver.lane(),)
    with Workers[float, Spot](lane, given, jobs) as workers:
        for error in _round(solver, workers, values, options, wanted).values():
            raise error
        given_up: set[Step] = set()
        while (open_ := wanted - len(_finite(solver))) > 0:
            middles = _middles(solver, given_up, min(jobs, open_))
            if not middles:
                break
            refused = _round(solver, workers, list(middles), options, wanted)
            # Both ends are sound: a number in between does not fit, such as half a year.
            given_up |= {middles[value] for value in refused}


def lane(solver: Solver) -> Callable[[float], Spot]:
    """What solves the values of one process, each starting from the cuts of the others."""
    return solver.solve


def _round(
    solver: Solver,
    workers: Team[float, Spot],
    values: Sequence[float],
    options: FrontierOptions,
    wanted: int,
) -> dict[float, ScenarioError]:
    """Solve several values side by side; what comes of them goes to the solver of all. Those that
    do not fit are returned."""
    refused: dict[float, ScenarioError] = {}

    def tell(value: float) -> None:
        options.tell(len(_finite(solver)), wanted, named_value(value))

    tell(values[0])
    try:
        for done, arrival in enumerate(workers.arrivals(values), start=1):
            value, error = values[arrival.index], arrival.error
            if isinstance(error, ScenarioError):
                refused[value] = error
            elif error is not None:
                solver.fail(value, error)
            elif arrival.answer is not None:
                solver.spots[value] = arrival.answer
                if arrival.answer.interrupted:
                    raise KeyboardInterrupt
            if done < len(values):
                tell(values[done])
    except ClusterError as error:
        if all(spot.found is None for spot in solver.spots.values()):
            raise
        for value in values:
            if value not in solver.spots and value not in refused:
                solver.fail(value, error)
        raise KeyboardInterrupt from error
    return refused


def _middles(solver: Solver, given_up: set[Step], most: int) -> dict[float, Step]:
    """The middles of those steps between neighbouring points in which most is unknown, and the
    steps: how far damage falls times how wide it is. That finds jumps, which stay as high however
    narrow the step, and then bends."""
    tail, gap = solver.variation.path == TAIL, max(solver.options.gap, 1e-6)

    def damage(spot: Spot) -> float | None:
        """What the curve shows: the mean, or the CVaR where its weight is varied."""
        if spot.found is None:
            return None
        level = float(spot.instance.case.objective.cvar.level)
        return spot.found.with_plan.cvar(level) if tail else spot.found.with_plan.expected

    curve = [(spot.value, damage(spot)) for spot in envelope(_finite(solver), solver.variation)]
    known = [height for _, height in curve if height is not None]
    worth: dict[Step, float] = {}
    for (lower, before), (higher, after) in pairwise(curve):
        share, fall = (higher - lower) / (curve[-1][0] - curve[0][0]), 0.0
        if before is not None and after is not None:
            # What may be the gap alone is none.
            fall = abs(before - after)
            fall = fall if fall > 2 * gap * max(abs(before), abs(after)) else 0.0
        elif before is not after:
            fall = max(max(known) - min(known), 1.0)
        if (lower, higher) not in given_up and share > NARROW and fall > 0:
            worth[lower, higher] = fall * share
    middles: dict[float, Step] = {}
    for lower, higher in sorted(worth, key=worth.__getitem__, reverse=True):
        middle = (lower + higher) / 2
        middle = float(math.floor(middle)) if solver.variation.whole else round(middle, 12)
        if lower < middle < higher and len(middles) < most:
            middles[middle] = (lower, higher)
    return middles
