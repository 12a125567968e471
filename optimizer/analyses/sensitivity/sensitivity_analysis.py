"""What the answer rests on: each input low and high, where the decision turns, and a screen."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from models.base import display_name
from models.faults import ScenarioError
from models.files import LoadedScenario
from models.language import tr
from models.results import (
    MorrisScreening,
    ProvenRange,
    Sensitivity,
    SensitivityInput,
    SensitivityPoint,
)
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.assumptions import Assumption, InvalidAssumption, list_assumptions
from optimizer.analyses.frontier.summary import largest_stocks
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.analyses.sensitivity.options import SensitivityOptions
from optimizer.analyses.sensitivity.plan_evaluation import (
    BestKnownPlan,
    PlanAtValues,
    StudiedPlan,
    classify_decision,
    compute_regret,
    evaluate_plan,
)
from optimizer.analyses.sensitivity.screening import check_installed, screen_inputs
from optimizer.analyses.sensitivity.subproblem import InputQuery, InputReply, InputSolver, RangeEnd
from optimizer.errors import Interrupted, NoPlan
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, default_jobs, solve_and_certify

RANGE_ENDS: tuple[RangeEnd, RangeEnd] = ("low", "high")


def run_analysis(analysis_input: AnalysisInput, options: SensitivityOptions) -> AnalysisOutcome:
    """Find what the best plan, or a given one, rests on."""
    case, each, only = analysis_input.reading.case, options.each, options.only
    made = list_assumptions(
        case, include_parts=each, ranges=options.ranges, only=only, inputs=options.inputs
    )
    if options.trajectories is not None:
        check_installed()
    found = analyze_sensitivity(
        analysis_input.reading,
        made,
        options,
        given_plan=analysis_input.saved_plan,
        title=analysis_input.title,
        variant=analysis_input.variant,
    )
    if found.ended == "interrupted" and not found.inputs:
        raise Interrupted(tr("interrupted"))
    points = [point for one in found.inputs for point in (one.low, one.high)]
    limited = found.decision == "open" or any(
        p.status in ("limit", "none") or p.decision == "open" for p in points
    )
    return AnalysisOutcome(found, 1 if limited or found.ended == "interrupted" else 0)


def analyze_sensitivity(
    reading: LoadedScenario,
    inputs: Sequence[Assumption],
    options: SensitivityOptions,
    *,
    given_plan: SavedPlan | None = None,
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
    inputs = [_check_assumption(reading, made) for made in inputs]
    subject, seen, first = _prepare_studied_plan(reading, given_plan, options)
    instance, states, plan = subject.instance, seen.problem.states, subject.commitment
    known = first.to_best_outcome(seen.problem.instance)
    if known is None:
        name = title or display_name(case.title, "scenario")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    decision = classify_decision(subject, seen, first)
    # Only of a plan that is right in the scenario as it is can be said where that ends.
    steps = options.steps if decision == "same" else 0
    quests = [InputQuery(made, toward, steps) for made in inputs for toward in RANGE_ENDS]
    replies: list[InputReply] = []
    screened: MorrisScreening | None = None
    complete = True
    jobs = choose_worker_count(options.jobs, default_jobs(instance, states))

    def done(quest: InputQuery, reply: InputReply) -> None:
        replies.append(reply)
        options.report_progress(len(replies), len(quests), quest.assumption.id)

    try:
        with Workers[InputQuery, InputReply](InputSolver, (subject,), jobs) as workers:
            workers.map(quests, done)
        if options.trajectories is not None:
            screened = screen_inputs(subject, inputs, jobs, options)
    except (KeyboardInterrupt, Interrupted):
        complete = False
    sample = case.uncertainty.sample if case.uncertainty else None
    return Sensitivity(
        seed=int(sample.seed) if sample else None,
        given=given_plan is not None,
        tolerance=options.tolerance,
        own=seen.own_outcome,
        best=known,
        regret=compute_regret(seen, first),
        decision=decision,
        projects={p: plan.start[p] for p in case.projects if p in plan.start},
        stocks_t=largest_stocks(instance, plan),
        inputs=_input_results(inputs, replies, seen, known.objective),
        screen=screened,
        ended="complete" if complete else "interrupted",
        **common_result_fields(Sensitivity, case, title, variant, began, len(states), options.gap),
    )


def _check_assumption(reading: LoadedScenario, assumption: Assumption) -> Assumption:
    """An input whose values fit and change no years that are planned for; one that takes whole
    numbers alone where no other fits."""
    ends, kept = (assumption.low, assumption.high), reading.case.horizon
    for value in ends:
        changed = reading.with_settings(assumption.settings_at(value)).case.horizon
        if (changed.years, changed.periods_per_year) != (kept.years, kept.periods_per_year):
            raise InvalidAssumption(
                tr("{id} changes the years that are planned for", id=assumption.id)
            )
    if assumption.is_factor or not all(float(end).is_integer() for end in (*ends, assumption.base)):
        return assumption
    try:
        reading.with_settings(
            assumption.settings_at(
                assumption.base + (0.5 if assumption.base < assumption.high else -0.5)
            )
        )
    except ScenarioError:
        return replace(assumption, is_integer=True)
    return assumption


def _prepare_studied_plan(
    reading: LoadedScenario, given_plan: SavedPlan | None, options: SensitivityOptions
) -> tuple[StudiedPlan, PlanAtValues, BestKnownPlan]:
    """The plan that is judged, how it fares in the scenario as it is, and the best plan there.

    The solve also fills the pool that all others start from.
    """
    problem = Problem.from_case(reading.case) if given_plan is None else given_plan.problem
    instance, limit = problem.instance, options.time_limit
    pool = None if choose_method(instance, problem.states) == "extensive" else CutPool()
    tell = options.on_progress
    found = solve_and_certify(
        problem, gap=options.gap, time_limit=limit, pool=pool, on_progress=tell
    )
    if found.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    own = found.commitment if given_plan is None else given_plan.solution.commitment
    subject = StudiedPlan(reading, instance, own, options.gap, options.tolerance, limit, pool)
    seen = evaluate_plan(subject, (), threads=None)
    bound, status = found.certificate.bound, found.certificate.status
    if seen.objective <= found.objective:
        return subject, seen, BestKnownPlan(status, bound, own, seen.objective, seen.outcome)
    return (
        subject,
        seen,
        BestKnownPlan(status, bound, found.commitment, found.objective, found.with_plan),
    )


def _input_results(
    inputs: Sequence[Assumption],
    replies: Sequence[InputReply],
    evaluation: PlanAtValues,
    best_range: ProvenRange,
) -> tuple[SensitivityInput, ...]:
    """The inputs of which both ends are known, what moves the best objective most first."""
    by_end = {(reply.quest.assumption.id, reply.quest.range_end): reply for reply in replies}
    made = []
    for one in inputs:
        ends = [by_end[one.id, toward] for toward in RANGE_ENDS if (one.id, toward) in by_end]
        if len(ends) == len(RANGE_ENDS):
            low, high = (reply.point for reply in ends)
            outcomes = [evaluation.own_outcome, low.own, high.own]
            objectives = [own.objective for own in outcomes]
            damages = [own.expected for own in outcomes]
            made.append(
                SensitivityInput(
                    id=one.id,
                    kind=one.kind,
                    subject=one.subject,
                    base=one.base,
                    base_number=one.single_number_at(one.base),
                    low=low,
                    high=high,
                    swing=_objective_swing((low, high), best_range),
                    own_swing=max(objectives) - min(objectives),
                    own_swing_expected=max(damages) - min(damages),
                    break_evens=tuple(
                        reply.break_even for reply in ends if reply.break_even is not None
                    ),
                )
            )

    def size(one: SensitivityInput) -> float:
        # Where an end has no plan at all, nothing moves the answer more; where none was found in
        # time, nothing is known.
        if "infeasible" in (one.low.status, one.high.status):
            return math.inf
        return -1.0 if one.swing is None else one.swing.low + one.swing.high

    return tuple(sorted(made, key=lambda one: (-size(one), -one.own_swing)))


def _objective_swing(
    points: Sequence[SensitivityPoint], best_range: ProvenRange
) -> ProvenRange | None:
    """The largest difference of best objectives: at least what lies between disjoint ranges."""
    ranges = [best_range, *(point.best.objective for point in points if point.best is not None)]
    if len(ranges) <= len(points):
        return None
    apart = max(one.low - other.high for one in ranges for other in ranges)
    widest = max(one.high - other.low for one, other in permutations(ranges, 2))
    return ProvenRange(low=max(0.0, apart), high=max(0.0, widest))
