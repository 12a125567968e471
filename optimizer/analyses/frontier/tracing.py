"""Computation of a frontier: damage at each value of a varied number, with a certified plan at each
point."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models.base import display_name
from models.faults import ScenarioError
from models.language import current_language, tr
from models.results import Frontier, FrontierPoint, FrontierStep, Marginal, Plan
from models.scenario.case import Case
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome, describe_value
from optimizer.analyses.analysis_options import FrontierOptions
from optimizer.analyses.frontier.parametric_points import (
    ParametricPoint,
    ParametricSolver,
    propagate_plans,
    start_session,
)
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.analyses.saved_plan import common_result_fields, largest_stocks, outcome_without_plan
from optimizer.analyses.variation import (
    TAIL_WEIGHT_PATH,
    Variation,
    evenly_spaced,
    format_setting,
    round_up,
)
from optimizer.errors import ClusterError, Interrupted, Misuse, SolverError, VorratError
from optimizer.model.commitment import budget_use
from optimizer.parallel import Executor, Workers, choose_worker_count, threads_per_worker
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem
from optimizer.solve.solver_result import relative_gap

JUMP_SHARE = 0.05
"""Share of the range of damage above which a step that changes projects is a jump."""
FIGURE_TOLERANCE = 1e-9
"""Relative difference of figures that counts as none."""


def describe_points(
    solved_points: Sequence[ParametricPoint], case: Case, *, varies_tail_weight: bool = False
) -> tuple[FrontierPoint, ...]:
    """Return the results for the points of a frontier, by increasing value.

    If the number is the tail weight (``varies_tail_weight``), dominated points are marked.
    """
    points = [_describe_point(solved_point, case) for solved_point in solved_points]
    return tuple(
        point.model_copy(
            update={"dominated": varies_tail_weight and any(_dominates(x, point) for x in points)}
        )
        for point in points
    )


def _describe_point(solved_point: ParametricPoint, case: Case) -> FrontierPoint:
    """Return the result for a point: the figures of its plan, or the reason why there is no
    plan."""
    solution = solved_point.solution
    instance = solved_point.instance
    bound = solved_point.damage
    figures: dict[str, Any] = dict.fromkeys(
        ("objective", "gap", "expected", "cvar", "worst", "net_cost_meur", "public_meur")
    )
    figures |= {"expected_bound": bound.expected, "cvar_bound": bound.cvar, "spend_meur": {}}
    figures["expected_under"] = {}
    figures |= {
        "projects": {},
        "stocks_t": {},
        "status": "infeasible" if solved_point.is_infeasible else "none",
    }
    if solution is not None:
        spending = {
            f: float(use.sum()) for f, use in budget_use(instance, solution.commitment).items()
        }
        cvar = solution.with_plan.cvar(float(instance.case.objective.cvar.level))
        start_by_project, expected_damage = solution.commitment.start, solution.with_plan.expected
        public_spending = (
            funder_spending
            for f, funder_spending in spending.items()
            if case.funders[f].kind == "public"
        )
        figures = {
            "status": solution.certificate.status,
            "objective": solution.objective,
            "gap": relative_gap(solution.objective, solved_point.bound, solution.objective_floor),
            "expected": expected_damage,
            # Rounding must not put the bound above the plan.
            "expected_bound": None
            if bound.expected is None
            else min(bound.expected, expected_damage),
            "cvar": cvar,
            "cvar_bound": None if bound.cvar is None else min(bound.cvar, cvar),
            "worst": solution.with_plan.worst,
            "expected_under": solution.expected_by_set,
            "net_cost_meur": solution.net_cost,
            "public_meur": math.fsum(public_spending),
            "spend_meur": spending,
            "projects": {p: start_by_project[p] for p in case.projects if p in start_by_project},
            "stocks_t": largest_stocks(instance, solution.commitment),
        }
    return FrontierPoint(
        value=solved_point.value,
        bound=solved_point.bound,
        plan_of=solved_point.plan_from_value if solution is not None else None,
        bound_of=solved_point.bound_from_value,
        dominated=False,
        conflict=solved_point.conflict if solution is None else (),
        seconds=solved_point.seconds,
        **figures,
    )


def _dominates(point: FrontierPoint, other_point: FrontierPoint) -> bool:
    """Return whether a point is no worse in mean and CVaR, and better in one of them."""
    damage_pairs = ((point.expected, other_point.expected), (point.cvar, other_point.cvar))
    signs = [
        0 if abs(a - b) <= FIGURE_TOLERANCE * max(1.0, abs(a)) else 1 if a < b else -1
        for a, b in damage_pairs
        if a is not None and b is not None
    ]
    return len(signs) == len(damage_pairs) and min(signs) >= 0 and max(signs) > 0


def describe_steps(points: Sequence[FrontierPoint], *, loosens: bool) -> tuple[FrontierStep, ...]:
    """Return the changes between consecutive points that have a plan.

    With ``loosens``, a higher value only loosens rules, and the marginal damage is computed as
    well.
    """
    damage_by_value = {p.value: p.expected for p in points if p.expected is not None}
    with_plan = [point for point in points if point.value in damage_by_value]
    full_range = max(damage_by_value.values(), default=0.0) - min(
        damage_by_value.values(), default=0.0
    )
    steps = []
    for lower_point, higher_point in pairwise(with_plan):
        damage_before, damage_after = (
            damage_by_value[lower_point.value],
            damage_by_value[higher_point.value],
        )
        changes = DecisionDiff.between(
            Decisions(lower_point.projects, lower_point.stocks_t),
            Decisions(higher_point.projects, higher_point.stocks_t),
        ).to_result()
        swaps = bool(changes.entering or changes.leaving)
        steps.append(
            FrontierStep(
                from_value=lower_point.value,
                to_value=higher_point.value,
                **vars(changes),
                avoided=damage_before - damage_after,
                jump=swaps and abs(damage_before - damage_after) > JUMP_SHARE * full_range > 0,
                marginal=_marginal_damage(lower_point, higher_point, damage_before, damage_after)
                if loosens
                else None,
            )
        )
    return tuple(steps)


def _marginal_damage(
    lower: FrontierPoint, higher: FrontierPoint, damage_before: float, damage_after: float
) -> Marginal:
    """Compute the damage avoided per unit of the varied number, with proven bounds.

    At each value of that number the minimum damage lies between the lower bound and the damage of
    the plan; it does not increase with the number.
    """
    width = higher.value - lower.value
    lower_bound = lower.expected_bound
    higher_bound = higher.expected_bound
    return Marginal(
        low=max(0.0, 0.0 if lower_bound is None else lower_bound - damage_after) / width,
        plans=max(0.0, damage_before - damage_after) / width,
        high=None if higher_bound is None else max(0.0, damage_before - higher_bound) / width,
    )


MIN_STEP_SHARE = 1e-3
"""Width of a step, as a share of the whole range, below which it is not refined."""

ValueInterval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class TracedFrontier:
    """A frontier, and the plans of its points by the value of the varied number."""

    frontier: Frontier
    plans: Mapping[float, Plan]
    failures: Mapping[float, VorratError]
    """Errors at points without a plan."""


def run_analysis(analysis_input: AnalysisInput, options: FrontierOptions) -> AnalysisOutcome:
    """Run the command that traces the frontier of a number of the scenario."""
    if options.tail:
        number = Variation(analysis_input.reading, TAIL_WEIGHT_PATH)
        last_value = 1.0 if options.last is None else options.last
        options = options.model_copy(
            update={"last": last_value if options.values is None else None}
        )
    else:
        number = options.variation(analysis_input.reading)
    if options.values is None:
        if options.last is None and number.limited_funders is None:
            raise Misuse(f"--vary {number.path} needs --to, or --values.")
        if options.last is not None and options.last <= options.lowest_value:
            raise Misuse("--to must lie above --from.")
    end_values = (options.lowest_value, *([] if options.last is None else [options.last]))
    for value in options.values or end_values:
        number.with_value(value)  # raises for an invalid path before the first solve
    traced = trace_frontier(number, options, pool=analysis_input.pool, **analysis_input.labels)
    frontier, failures = traced.frontier, traced.failures
    statuses = {point.status for point in frontier.points}
    if frontier.ended == "interrupted" and not traced.plans:
        raise Interrupted("interrupted")
    if any(isinstance(error, (SolverError, ClusterError)) for error in failures.values()):
        code = SolverError.exit_code
    elif not statuses & {"optimal", "limit"}:
        code = 3 if statuses <= {"infeasible"} else 4
    else:
        code = 1 if frontier.ended == "interrupted" or statuses & {"limit", "none"} else 0
    return AnalysisOutcome(
        frontier,
        code,
        {f"plans/{format_setting(value)}": plan for value, plan in traced.plans.items()},
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
    """Compute the frontier of a varied number of the scenario.

    A first Ctrl-C ends the computation with the points found so far. Raises ScenarioError for an
    invalid path or value, and any other error if it occurred at all points; if some points have a
    plan, these errors are in ``failures``.
    """
    started_at, case = time.perf_counter(), variation.reading.case
    solver = ParametricSolver(variation, start_session(case, options, pool))
    is_complete = True
    try:
        _solve_grid(solver, options)
    except KeyboardInterrupt:
        is_complete = False
    solved_points = [
        x for x in _finite_points(solver) if not (x.interrupted and x.solution is None)
    ]
    solved_points = propagate_plans(solved_points, variation)
    points = describe_points(
        solved_points, case, varies_tail_weight=variation.path == TAIL_WEIGHT_PATH
    )
    solutions = {x.value: x.solution for x in solved_points if x.solution is not None}
    if solver.failures and not solutions:
        raise next(iter(solver.failures.values()))
    outcomes_without_plan = {outcome_without_plan(solution) for solution in solutions.values()}
    frontier = Frontier(
        varied=variation.path,
        varied_unit=variation.unit,
        loosens=variation.only_loosens_rules,
        without_plan=outcomes_without_plan.pop() if len(outcomes_without_plan) == 1 else None,
        points=points,
        steps=describe_steps(points, loosens=variation.only_loosens_rules),
        ended="complete" if is_complete else "interrupted",
        project_names={
            p: display_name(case.projects[p].name, p, current_language())
            for p in dict.fromkeys(p for point in points for p in point.projects)
        },
        stockpile_names={
            stockpile.id: display_name(stockpile.name, stockpile.id, current_language())
            for stockpile in case.stockpiles
            if any(stockpile.id in point.stocks_t for point in points)
        },
        funder_names={
            f: display_name(funder.name, f, current_language())
            for f, funder in case.funders.items()
        },
        **common_result_fields(
            Frontier,
            case,
            title,
            variant,
            started_at,
            len(Problem.from_case(case).states),
            options.gap,
        ),
    )
    plans = {
        value: solution.to_plan(title, variant, with_details=False)
        for value, solution in solutions.items()
    }
    return TracedFrontier(frontier, plans, dict(solver.failures))


def _finite_points(solver: ParametricSolver) -> list[ParametricPoint]:
    """Return the points solved so far, except the point at an infinite value."""
    return [point for value, point in solver.points.items() if math.isfinite(value)]


def _solve_grid(solver: ParametricSolver, options: FrontierOptions) -> None:
    """Solve at the values of the grid, then at midpoints of its steps for refinement.

    Each worker process starts from the points that it has solved before. As many steps are refined
    at a time as there are workers. Raises KeyboardInterrupt if the user stopped the search or the
    cluster was lost.
    """
    grid_values = list(options.values or ())
    if not grid_values:
        last_value = options.last
        if last_value is None:
            options.report_progress(0, options.points + options.refine, describe_value(math.inf))
            last_value = max(round_up(solver.spending_without_limit()), options.lowest_value)
            if solver.points[math.inf].interrupted:
                raise KeyboardInterrupt
        grid_values = evenly_spaced(options.lowest_value, last_value, options.points)
    # From the highest value down, an affordable plan is known before it is needed.
    grid_values = sorted(dict.fromkeys(grid_values), reverse=solver.variation.only_loosens_rules)
    total_point_count = len(grid_values) + options.refine
    jobs = min(choose_worker_count(options.jobs, 1), total_point_count)
    worker_arguments = (solver if threads_per_worker(jobs) is None else solver.for_worker(),)
    with Workers[float, ParametricPoint](make_worker, worker_arguments, jobs) as workers:
        for error in _solve_values(
            solver, workers, grid_values, options, total_point_count
        ).values():
            raise error
        invalid_steps: set[ValueInterval] = set()
        while (remaining_point_count := total_point_count - len(_finite_points(solver))) > 0:
            middles = _refinement_points(solver, invalid_steps, min(jobs, remaining_point_count))
            if not middles:
                break
            errors = _solve_values(solver, workers, list(middles), options, total_point_count)
            # Both ends are valid; a value between them does not fit, such as half a year.
            invalid_steps |= {middles[value] for value in errors}


def make_worker(solver: ParametricSolver) -> Callable[[float], ParametricPoint]:
    """Return the function by which a worker solves at a value; each solve starts from the cuts of
    earlier ones."""
    return solver.solve


def _solve_values(
    solver: ParametricSolver,
    workers: Executor[float, ParametricPoint],
    values: Sequence[float],
    options: FrontierOptions,
    total_count: int,
) -> dict[float, ScenarioError]:
    """Solve several values in parallel and store the points in ``solver``.

    Return the errors of values that do not fit the scenario.
    """
    errors_by_value: dict[float, ScenarioError] = {}

    def report(value: float) -> None:
        options.report_progress(len(_finite_points(solver)), total_count, describe_value(value))

    report(values[0])
    try:
        for done_count, arrival in enumerate(workers.as_completed(values), start=1):
            value, error = values[arrival.task_index], arrival.error
            if isinstance(error, ScenarioError):
                errors_by_value[value] = error
            elif error is not None:
                solver.record_failure(value, error)
            elif arrival.answer is not None:
                solver.points[value] = arrival.answer
                if arrival.answer.interrupted:
                    raise KeyboardInterrupt
            if done_count < len(values):
                report(values[done_count])
    except ClusterError as error:
        if all(point.solution is None for point in solver.points.values()):
            raise
        for value in values:
            if value not in solver.points and value not in errors_by_value:
                solver.record_failure(value, error)
        raise KeyboardInterrupt from error
    return errors_by_value


def _refinement_points(
    solver: ParametricSolver, invalid: set[ValueInterval], max_count: int
) -> dict[float, ValueInterval]:
    """Return the midpoints of the steps that are most uncertain, with the steps to which they
    belong.

    Uncertainty is measured by the change of damage times the width of the step. Jumps are found
    first, since their height stays the same however narrow the step is; bends come next.
    """
    is_tail, gap = solver.variation.path == TAIL_WEIGHT_PATH, max(solver.session.gap, 1e-6)

    def damage(point: ParametricPoint) -> float | None:
        """Return the damage that the refinement considers: the mean, or the CVaR if the tail weight
        is varied."""
        if point.solution is None:
            return None
        level = float(point.instance.case.objective.cvar.level)
        outcome = point.solution.with_plan
        return outcome.cvar(level) if is_tail else outcome.expected

    curve = [
        (point.value, damage(point))
        for point in propagate_plans(_finite_points(solver), solver.variation)
    ]
    known_heights = [height for _, height in curve if height is not None]
    priority: dict[ValueInterval, float] = {}
    for (lower_value, damage_before), (higher_value, damage_after) in pairwise(curve):
        share, change = (higher_value - lower_value) / (curve[-1][0] - curve[0][0]), 0.0
        if damage_before is not None and damage_after is not None:
            # A difference within the gaps is none.
            change = abs(damage_before - damage_after)
            change = (
                change if change > 2 * gap * max(abs(damage_before), abs(damage_after)) else 0.0
            )
        elif damage_before is not damage_after:
            change = max(max(known_heights) - min(known_heights), 1.0)
        if (lower_value, higher_value) not in invalid and share > MIN_STEP_SHARE and change > 0:
            priority[lower_value, higher_value] = change * share
    middles: dict[float, ValueInterval] = {}
    for lower_value, higher_value in sorted(priority, key=priority.__getitem__, reverse=True):
        middle = (lower_value + higher_value) / 2
        middle = float(math.floor(middle)) if solver.variation.is_integer else round(middle, 12)
        if lower_value < middle < higher_value and len(middles) < max_count:
            middles[middle] = (lower_value, higher_value)
    return middles
