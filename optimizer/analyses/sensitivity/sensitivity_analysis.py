"""Sensitivity analysis: each input at its low and high value, and break-evens."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from models.base import display_name
from models.faults import ScenarioError
from models.files import LoadedScenario
from models.results import ProvenRange, Sensitivity, SensitivityInput, SensitivityPoint
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
    StudiedPlan,
    classify_decision,
    compute_regret,
    evaluate_plan,
)
from optimizer.errors import Interrupted, NoPlan
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, default_jobs, solve_and_certify
from optimizer.solve.session import Session

GRID_LEVELS = 4


RANGE_ENDS: tuple[RangeEnd, RangeEnd] = ("low", "high")


def run_analysis(analysis_input: AnalysisInput, options: SensitivityOptions) -> AnalysisOutcome:
    """Run the command that analyzes the sensitivity of a scenario's best plan, or of a saved
    plan."""
    case, with_parts, only = analysis_input.reading.case, options.each, options.only
    inputs = list_assumptions(
        case, include_parts=with_parts, ranges=options.ranges, only=only, inputs=options.inputs
    )
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
    is_complete = True
    jobs = choose_worker_count(options.jobs, default_jobs(instance, states))

    def store_reply(query: InputQuery, reply: InputReply) -> None:
        replies.append(reply)
        options.report_progress(len(replies), len(queries), query.assumption.id)

    try:
        with Workers[InputQuery, InputReply](InputSolver, (studied_plan,), jobs) as workers:
            workers.map(queries, store_reply)
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
