"""Sensitivity analysis: each input at its low and high value, break-evens, and screening."""

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import permutations
from typing import Any

import numpy as np

from models.base import display_name
from models.faults import ScenarioError
from models.files import LoadedScenario
from models.language import tr
from models.results import (
    ElementaryEffects,
    MorrisScreening,
    ProvenRange,
    Sensitivity,
    SensitivityInput,
    SensitivityPoint,
)
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import SensitivityOptions
from optimizer.analyses.assumptions import Assumption, InvalidAssumption, list_assumptions
from optimizer.analyses.saved_plan import SavedPlan, common_result_fields, largest_stocks
from optimizer.analyses.sensitivity.subproblem import (
    BestKnownPlan,
    InputQuery,
    InputReply,
    InputSolver,
    PlanAtValues,
    RangeEnd,
    ScreenFigures,
    ScreenSolver,
    StudiedPlan,
    classify_decision,
    compute_regret,
    evaluate_plan,
)
from optimizer.errors import Interrupted, NoPlan, VorratError
from optimizer.model.instance import Floats
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, default_jobs, solve_and_certify
from optimizer.solve.session import Session
from optimizer.solve.solver_result import relative_gap

GRID_LEVELS = 4


class ScreeningUnavailable(VorratError):
    """Error: SALib, which screening needs, is not installed."""

    exit_code = 2


def check_installed() -> None:
    """Check that SALib is installed; raises ScreeningUnavailable if not."""
    if find_spec("SALib") is None:
        raise ScreeningUnavailable(
            "a screen needs SALib: install Vorrat with its extra {extra}".format(extra="'screen'")
        )


def screen_inputs(
    studied_plan: StudiedPlan, inputs: Sequence[Assumption], jobs: int, options: SensitivityOptions
) -> MorrisScreening:
    """Compute the elementary effects of a selection of independent inputs on each figure of the
    screening."""
    screened_inputs = independent_inputs(inputs)
    unit_points, settings = sample_points(screened_inputs, options)
    done_count = 0

    def count_point(_settings: tuple[str, ...], _figures: ScreenFigures) -> None:
        nonlocal done_count
        done_count += 1
        options.report_progress(done_count, len(settings), tr("screen"))

    with Workers[tuple[str, ...], ScreenFigures](
        ScreenSolver, (studied_plan, options.resolve), jobs
    ) as workers:
        figures = workers.map(settings, count_point)
    best_objectives = [figure.best for figure in figures if figure.best is not None]
    all_solved = options.resolve and len(best_objectives) == len(figures)
    figure_gaps = [relative_gap(f.best, f.bound) for f in figures if f.best is not None]
    return MorrisScreening(
        trajectories=options.trajectories or 0,
        levels=GRID_LEVELS,
        seed=options.seed,
        evaluations=len(figures),
        left_out=tuple(assumption.id for assumption in inputs if assumption not in screened_inputs),
        own=elementary_effects(
            screened_inputs, options, unit_points, [figure.objective for figure in figures]
        ),
        own_expected=elementary_effects(
            screened_inputs, options, unit_points, [figure.expected for figure in figures]
        ),
        best=elementary_effects(screened_inputs, options, unit_points, best_objectives)
        if all_solved
        else None,
        best_gap=max((gap for gap in figure_gaps if gap is not None), default=None)
        if all_solved
        else None,
    )


def independent_inputs(inputs: Sequence[Assumption]) -> list[Assumption]:
    """Return a selection of inputs of which no two change the same number.

    Inputs for single projects or materials are preferred to those for all items of a kind.
    """
    chosen_inputs: list[Assumption] = []
    used_paths: set[str] = set()
    for assumption in sorted(inputs, key=lambda assumption: assumption.subject is None):
        settings = [
            *assumption.settings_at(assumption.high),
            *assumption.settings_at(assumption.low),
        ]
        paths = {setting.partition("=")[0] for setting in settings}
        if not paths & used_paths:
            chosen_inputs.append(assumption)
            used_paths |= paths
    return [assumption for assumption in inputs if assumption in chosen_inputs]


def sample_points(
    inputs: Sequence[Assumption], options: SensitivityOptions
) -> tuple[Floats, list[tuple[str, ...]]]:
    """Sample points in the unit box, and return them (points, inputs) with the settings of each
    point.

    Raises ScreeningUnavailable if SALib is not installed.
    """
    check_installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations in the imports of SALib
        from SALib.sample import morris

        problem, paths = _salib_problem(inputs), options.trajectories
        unit_points = morris.sample(problem, paths, num_levels=GRID_LEVELS, seed=options.seed)
    settings = [
        tuple(
            setting
            for assumption, share in zip(inputs, row, strict=True)
            for setting in assumption.settings_at(value_at_share(assumption, float(share)))
        )
        for row in unit_points
    ]
    return unit_points, settings


def value_at_share(assumption: Assumption, share: float) -> float:
    """Return the value of an assumption at a share (0 to 1) of its range.

    Factors are interpolated in their logarithm.
    """
    if assumption.is_factor and assumption.low > 0:
        return assumption.low * math.exp(share * math.log(assumption.high / assumption.low))
    return assumption.round_if_integer(assumption.low + share * (assumption.high - assumption.low))


def elementary_effects(
    inputs: Sequence[Assumption],
    options: SensitivityOptions,
    unit_points: Floats,
    outcomes: Sequence[float],
) -> tuple[ElementaryEffects, ...]:
    """Compute the elementary effects of all inputs on a figure, the largest mean absolute effect
    first.

    ``outcomes`` are the values of the figure at ``unit_points``. Effects are per full range of an
    input.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from SALib.analyze import morris

        problem, outcome_values = _salib_problem(inputs), np.array(outcomes)
        effects = morris.analyze(
            problem, unit_points, outcome_values, num_levels=GRID_LEVELS, seed=options.seed
        )
    salib_names = {"mu": "mu", "mu_star": "mu_star", "mu_star_confidence": "mu_star_conf"}
    salib_names |= {"sigma": "sigma"}
    rows = [
        ElementaryEffects(
            id=assumption.id,
            **{
                name: float(np.nan_to_num(effects[salib_name][n]))
                for name, salib_name in salib_names.items()
            },
        )
        for n, assumption in enumerate(inputs)
    ]
    return tuple(sorted(rows, key=lambda row: -row.mu_star))


def _salib_problem(inputs: Sequence[Assumption]) -> dict[str, Any]:
    names = [assumption.id for assumption in inputs]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


RANGE_ENDS: tuple[RangeEnd, RangeEnd] = ("low", "high")


def run_analysis(analysis_input: AnalysisInput, options: SensitivityOptions) -> AnalysisOutcome:
    """Run the command that analyzes the sensitivity of a scenario's best plan, or of a saved
    plan."""
    case, with_parts, only = analysis_input.reading.case, options.each, options.only
    inputs = list_assumptions(
        case, include_parts=with_parts, ranges=options.ranges, only=only, inputs=options.inputs
    )
    if options.trajectories is not None:
        check_installed()
    result = analyze_sensitivity(
        analysis_input.reading,
        inputs,
        options,
        given_plan=analysis_input.saved_plan,
        **analysis_input.labels,
    )
    if result.ended == "interrupted" and not result.inputs:
        raise Interrupted("interrupted")
    points = [
        point for varied_input in result.inputs for point in (varied_input.low, varied_input.high)
    ]
    is_incomplete = result.decision == "open" or any(
        p.status in ("limit", "none") or p.decision == "open" for p in points
    )
    return AnalysisOutcome(result, 1 if is_incomplete or result.ended == "interrupted" else 0)


def analyze_sensitivity(
    loaded_scenario: LoadedScenario,
    inputs: Sequence[Assumption],
    options: SensitivityOptions,
    *,
    given_plan: SavedPlan | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Sensitivity:
    """Evaluate a plan with each input at its low and at its high value; return the results.

    The plan is the best plan of the scenario, or ``given_plan``. States are sampled with the same
    random numbers for all values (common random numbers), so that differences come from the input
    alone. Ctrl-C ends the analysis with the inputs done so far.

    Raises InvalidAssumption or ScenarioError if an input changes the planning years or does not fit
    the scenario, and Infeasible, NoPlan or Interrupted if the scenario itself has no plan, or none
    was found before the solve was stopped.
    """
    started_at, case = time.perf_counter(), loaded_scenario.case
    inputs = [_check_assumption(loaded_scenario, assumption) for assumption in inputs]
    studied_plan, evaluation, best_known = _prepare_studied_plan(
        loaded_scenario, given_plan, options
    )
    instance = studied_plan.instance
    states = evaluation.problem.states
    plan = studied_plan.commitment
    best_outcome = best_known.to_best_outcome(evaluation.problem.instance)
    if best_outcome is None:
        name = title or display_name(case.title, "scenario")
        raise NoPlan(f"{name}: nothing was proven before the limit")
    decision = classify_decision(studied_plan, evaluation, best_known)
    # Break-evens exist only for a plan that is right in the unchanged scenario.
    steps = options.steps if decision == "same" else 0
    queries = [
        InputQuery(assumption, toward, steps) for assumption in inputs for toward in RANGE_ENDS
    ]
    replies: list[InputReply] = []
    screening: MorrisScreening | None = None
    is_complete = True
    jobs = choose_worker_count(options.jobs, default_jobs(instance, states))

    def store_reply(query: InputQuery, reply: InputReply) -> None:
        replies.append(reply)
        options.report_progress(len(replies), len(queries), query.assumption.id)

    try:
        with Workers[InputQuery, InputReply](InputSolver, (studied_plan,), jobs) as workers:
            workers.map(queries, store_reply)
        if options.trajectories is not None:
            screening = screen_inputs(studied_plan, inputs, jobs, options)
    except (KeyboardInterrupt, Interrupted):
        is_complete = False
    sample = case.uncertainty.sample if case.uncertainty else None
    return Sensitivity(
        seed=int(sample.seed) if sample else None,
        given=given_plan is not None,
        tolerance=options.tolerance,
        own=evaluation.own_outcome,
        best=best_outcome,
        regret=compute_regret(evaluation, best_known),
        decision=decision,
        projects={p: plan.start[p] for p in case.projects if p in plan.start},
        stocks_t=largest_stocks(instance, plan),
        inputs=_input_results(inputs, replies, evaluation, best_outcome.objective),
        screen=screening,
        ended="complete" if is_complete else "interrupted",
        **common_result_fields(
            Sensitivity, case, title, variant, started_at, len(states), options.gap
        ),
    )


def _check_assumption(loaded_scenario: LoadedScenario, assumption: Assumption) -> Assumption:
    """Check that the ends of an input's range fit the scenario and keep its planning years.

    Return the input, marked as integer if fractional values do not fit.
    """
    range_ends, base_horizon = (assumption.low, assumption.high), loaded_scenario.case.horizon
    for value in range_ends:
        horizon = loaded_scenario.with_settings(assumption.settings_at(value)).case.horizon
        if (horizon.years, horizon.periods_per_year) != (
            base_horizon.years,
            base_horizon.periods_per_year,
        ):
            raise InvalidAssumption(f"{assumption.id} changes the years that are planned for")
    if assumption.is_factor or not all(
        float(end).is_integer() for end in (*range_ends, assumption.base)
    ):
        return assumption
    try:
        loaded_scenario.with_settings(
            assumption.settings_at(
                assumption.base + (0.5 if assumption.base < assumption.high else -0.5)
            )
        )
    except ScenarioError:
        return replace(assumption, is_integer=True)
    return assumption


def _prepare_studied_plan(
    loaded_scenario: LoadedScenario, given_plan: SavedPlan | None, options: SensitivityOptions
) -> tuple[StudiedPlan, PlanAtValues, BestKnownPlan]:
    """Return the plan under study, its evaluation in the unchanged scenario, and the best plan
    known there.

    This first solve also fills the cut pool from which all other solves start.
    """
    problem = Problem.from_case(loaded_scenario.case) if given_plan is None else given_plan.problem
    instance = problem.instance
    pool = None if choose_method(instance, problem.states) == "extensive" else CutPool()
    solved_problem = solve_and_certify(problem, pool=pool, **options.solver_options)
    if solved_problem.interrupted:
        raise Interrupted("stopped before all values were looked at")
    commitment = solved_problem.commitment if given_plan is None else given_plan.solution.commitment
    session = Session(1, pool, gap=options.gap, time_limit=options.time_limit)
    studied_plan = StudiedPlan(loaded_scenario, instance, commitment, options.tolerance, session)
    evaluation = evaluate_plan(studied_plan, (), threads=None)
    bound, status = solved_problem.certificate.bound, solved_problem.certificate.status
    best_plan = commitment, evaluation.objective, evaluation.outcome
    if solved_problem.objective < evaluation.objective:
        best_plan = solved_problem.commitment, solved_problem.objective, solved_problem.with_plan
    return studied_plan, evaluation, BestKnownPlan(status, bound, *best_plan)


def _input_results(
    inputs: Sequence[Assumption],
    replies: Sequence[InputReply],
    evaluation: PlanAtValues,
    base_objective_range: ProvenRange,
) -> tuple[SensitivityInput, ...]:
    """Return results of inputs of which both ends are solved, the widest swing first."""
    reply_by_end = {(reply.query.assumption.id, reply.query.range_end): reply for reply in replies}
    input_results = []
    for assumption in inputs:
        end_replies = [
            reply_by_end[assumption.id, x] for x in RANGE_ENDS if (assumption.id, x) in reply_by_end
        ]
        if len(end_replies) == len(RANGE_ENDS):
            low, high = (reply.point for reply in end_replies)
            outcomes = [evaluation.own_outcome, low.own, high.own]
            objectives = [x.objective for x in outcomes]
            damages = [x.expected for x in outcomes]
            input_results.append(
                SensitivityInput(
                    id=assumption.id,
                    kind=assumption.kind,
                    subject=assumption.subject,
                    base=assumption.base,
                    base_number=assumption.single_number_at(assumption.base),
                    low=low,
                    high=high,
                    swing=_objective_swing((low, high), base_objective_range),
                    own_swing=max(objectives) - min(objectives),
                    own_swing_expected=max(damages) - min(damages),
                    break_evens=tuple(
                        x.break_even for x in end_replies if x.break_even is not None
                    ),
                )
            )

    def swing_size(result: SensitivityInput) -> float:
        # An end without a feasible plan ranks first; one without a plan before the limit,
        # last.
        if "infeasible" in (result.low.status, result.high.status):
            return math.inf
        return -1.0 if result.swing is None else result.swing.low + result.swing.high

    return tuple(sorted(input_results, key=lambda x: (-swing_size(x), -x.own_swing)))


def _objective_swing(
    points: Sequence[SensitivityPoint], base_objective_range: ProvenRange
) -> ProvenRange | None:
    """Return the largest difference between the best plans' objectives, as a proven range.

    ``points`` are the two ends of an input, and ``base_objective_range`` is the objective in the
    unchanged scenario. Return None if an end has no plan.
    """
    objective_ranges = [
        base_objective_range,
        *(point.best.objective for point in points if point.best is not None),
    ]
    if len(objective_ranges) <= len(points):
        return None
    min_swing = max(
        first_range.low - second_range.high
        for first_range in objective_ranges
        for second_range in objective_ranges
    )
    max_swing = max(
        first_range.high - second_range.low
        for first_range, second_range in permutations(objective_ranges, 2)
    )
    return ProvenRange(low=max(0.0, min_swing), high=max(0.0, max_swing))
