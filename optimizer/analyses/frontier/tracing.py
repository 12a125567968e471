"""Damage against a number of the scenario, point by point, each a full plan with its proof."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from models.base import display_name
from models.faults import ScenarioError
from models.language import current_language, tr
from models.results import Frontier, Plan
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome, describe_value
from optimizer.analyses.frontier.options import FrontierOptions
from optimizer.analyses.frontier.parametric_points import (
    ParametricPoint,
    ParametricSolver,
    make_cut_pool,
    propagate_plans,
)
from optimizer.analyses.frontier.summary import (
    describe_points,
    describe_steps,
    outcome_without_plan,
)
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.variation import (
    TAIL_WEIGHT_PATH,
    Variation,
    evenly_spaced,
    format_setting,
    round_up,
)
from optimizer.errors import ClusterError, Interrupted, Misuse, SolverError, VorratError
from optimizer.parallel import Team, Workers, choose_worker_count, threads_per_worker
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem

MIN_STEP_SHARE = 1e-3
"""Steps narrower than this share of the whole range are not divided any further."""

ValueInterval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class TracedFrontier:
    """A frontier and the plans behind it, by value."""

    frontier: Frontier
    plans: Mapping[float, Plan]
    failures: Mapping[float, VorratError]
    """What went wrong at points that have no plan for it."""


def run_analysis(analysis_input: AnalysisInput, options: FrontierOptions) -> AnalysisOutcome:
    """Draw the frontier of the number that the options name."""
    if options.tail:
        number, last = (
            Variation(analysis_input.reading, TAIL_WEIGHT_PATH),
            1.0 if options.last is None else options.last,
        )
        options = options.model_copy(update={"last": last if options.values is None else None})
    else:
        number = options.variation(analysis_input.reading)
    if options.values is None:
        if options.last is None and number.limited_funders is None:
            raise Misuse(tr("--vary {path} needs --to, or --values.", path=number.path))
        if options.last is not None and options.last <= options.lowest_value:
            raise Misuse(tr("--to must lie above --from."))
    ends = (options.lowest_value, *([] if options.last is None else [options.last]))
    for value in options.values or ends:
        number.with_value(value)  # a path that leads nowhere is told before the first solve
    drawn = trace_frontier(
        number,
        options,
        pool=analysis_input.pool,
        title=analysis_input.title,
        variant=analysis_input.variant,
    )
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
    return AnalysisOutcome(
        found,
        code,
        {f"plans/{format_setting(value)}": plan for value, plan in drawn.plans.items()},
        [
            tr("at {value}: {problem}", value=describe_value(value), problem=error)
            for value, error in failures.items()
        ],
    )


def trace_frontier(
    variation: Variation,
    options: FrontierOptions,
    *,
    pool: CutPool | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> TracedFrontier:
    """The frontier of a number.

    A first Ctrl-C ends it with the points found so far.

    Raises ScenarioError if the path leads nowhere, or a value does not fit there, and any other
    error if it is what became of all points; where some have a plan, the others are among the
    failures.
    """
    began, case = time.perf_counter(), variation.reading.case
    solver = ParametricSolver(variation, options, make_cut_pool(case) if pool is None else pool)
    complete = True
    try:
        _solve_grid(solver, options)
    except KeyboardInterrupt:
        complete = False
    spots = [
        spot for spot in _finite_points(solver) if not (spot.interrupted and spot.solution is None)
    ]
    spots = propagate_plans(spots, variation)
    points = describe_points(spots, case, varies_tail_weight=variation.path == TAIL_WEIGHT_PATH)
    founds = {spot.value: spot.solution for spot in spots if spot.solution is not None}
    if solver.failures and not founds:
        raise next(iter(solver.failures.values()))
    nothing = {outcome_without_plan(found) for found in founds.values()}
    frontier = Frontier(
        varied=variation.path,
        varied_unit=variation.unit,
        loosens=variation.only_loosens_rules,
        without_plan=nothing.pop() if len(nothing) == 1 else None,
        points=points,
        steps=describe_steps(points, loosens=variation.only_loosens_rules),
        ended="complete" if complete else "interrupted",
        project_names={
            p: display_name(case.projects[p].name, p, current_language())
            for p in dict.fromkeys(p for point in points for p in point.projects)
        },
        stockpile_names={
            pile.id: display_name(pile.name, pile.id, current_language())
            for pile in case.stockpiles
            if any(pile.id in point.stocks_t for point in points)
        },
        funder_names={
            f: display_name(funder.name, f, current_language())
            for f, funder in case.funders.items()
        },
        **common_result_fields(
            Frontier, case, title, variant, began, len(Problem.from_case(case).states), options.gap
        ),
    )
    plans = {
        value: found.to_plan(title, variant, with_details=False) for value, found in founds.items()
    }
    return TracedFrontier(frontier, plans, dict(solver.failures))


def _finite_points(solver: ParametricSolver) -> list[ParametricPoint]:
    """What is known, apart from what comes without any limit."""
    return [spot for value, spot in solver.points.items() if math.isfinite(value)]


def _solve_grid(solver: ParametricSolver, options: FrontierOptions) -> None:
    """Solve the grid and what refines it.

    Side by side, each process starts from its own earlier points, and so many steps are divided at
    a time as there are processes. Raises KeyboardInterrupt where it was stopped, or a cluster lost.
    """
    values = list(options.values or ())
    if not values:
        last = options.last
        if last is None:
            options.report_progress(0, options.points + options.refine, describe_value(math.inf))
            last = max(round_up(solver.spending_without_limit()), options.lowest_value)
            if solver.points[math.inf].interrupted:
                raise KeyboardInterrupt
        values = evenly_spaced(options.lowest_value, last, options.points)
    # From above, a plan that is paid for is known before it is asked for.
    values = sorted(dict.fromkeys(values), reverse=solver.variation.only_loosens_rules)
    wanted = len(values) + options.refine
    jobs = min(choose_worker_count(options.jobs, 1), wanted)
    given = (solver if threads_per_worker(jobs) is None else solver.for_worker(),)
    with Workers[float, ParametricPoint](make_worker, given, jobs) as workers:
        for error in _solve_values(solver, workers, values, options, wanted).values():
            raise error
        given_up: set[ValueInterval] = set()
        while (open_ := wanted - len(_finite_points(solver))) > 0:
            middles = _refinement_points(solver, given_up, min(jobs, open_))
            if not middles:
                break
            refused = _solve_values(solver, workers, list(middles), options, wanted)
            # Both ends are sound: a number in between does not fit, such as half a year.
            given_up |= {middles[value] for value in refused}


def make_worker(solver: ParametricSolver) -> Callable[[float], ParametricPoint]:
    """What solves the values of one process, each starting from the cuts of the others."""
    return solver.solve


def _solve_values(
    solver: ParametricSolver,
    workers: Team[float, ParametricPoint],
    values: Sequence[float],
    options: FrontierOptions,
    total: int,
) -> dict[float, ScenarioError]:
    """Solve several values side by side; what comes of them goes to the solver of all. Those that
    do not fit are returned."""
    refused: dict[float, ScenarioError] = {}

    def tell(value: float) -> None:
        options.report_progress(len(_finite_points(solver)), total, describe_value(value))

    tell(values[0])
    try:
        for done, arrival in enumerate(workers.iter_results(values), start=1):
            value, error = values[arrival.task_index], arrival.error
            if isinstance(error, ScenarioError):
                refused[value] = error
            elif error is not None:
                solver.record_failure(value, error)
            elif arrival.answer is not None:
                solver.points[value] = arrival.answer
                if arrival.answer.interrupted:
                    raise KeyboardInterrupt
            if done < len(values):
                tell(values[done])
    except ClusterError as error:
        if all(spot.solution is None for spot in solver.points.values()):
            raise
        for value in values:
            if value not in solver.points and value not in refused:
                solver.record_failure(value, error)
        raise KeyboardInterrupt from error
    return refused


def _refinement_points(
    solver: ParametricSolver, given_up: set[ValueInterval], max_count: int
) -> dict[float, ValueInterval]:
    """The middles of those steps between neighbouring points in which most is unknown, and the
    steps: how far damage falls times how wide it is. That finds jumps, which stay as high however
    narrow the step, and then bends."""
    tail, gap = solver.variation.path == TAIL_WEIGHT_PATH, max(solver.options.gap, 1e-6)

    def damage(spot: ParametricPoint) -> float | None:
        """What the curve shows: the mean, or the CVaR where its weight is varied."""
        if spot.solution is None:
            return None
        level = float(spot.instance.case.objective.cvar.level)
        return spot.solution.with_plan.cvar(level) if tail else spot.solution.with_plan.expected

    curve = [
        (spot.value, damage(spot))
        for spot in propagate_plans(_finite_points(solver), solver.variation)
    ]
    known = [height for _, height in curve if height is not None]
    worth: dict[ValueInterval, float] = {}
    for (lower, before), (higher, after) in pairwise(curve):
        share, fall = (higher - lower) / (curve[-1][0] - curve[0][0]), 0.0
        if before is not None and after is not None:
            # What may be the gap alone is none.
            fall = abs(before - after)
            fall = fall if fall > 2 * gap * max(abs(before), abs(after)) else 0.0
        elif before is not after:
            fall = max(max(known) - min(known), 1.0)
        if (lower, higher) not in given_up and share > MIN_STEP_SHARE and fall > 0:
            worth[lower, higher] = fall * share
    middles: dict[float, ValueInterval] = {}
    for lower, higher in sorted(worth, key=worth.__getitem__, reverse=True):
        middle = (lower + higher) / 2
        middle = float(math.floor(middle)) if solver.variation.is_integer else round(middle, 12)
        if lower < middle < higher and len(middles) < max_count:
            middles[middle] = (lower, higher)
    return middles
