"""Evaluation of a saved plan: fresh states, release policies, optimality gap, information."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from models.base import display_name
from models.language import current_language, tr
from models.results import Evaluation, FreshSetOutcome, StatesScenario
from models.scenario.case import Case
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.evaluation.budget_risk import compute_budget_risk
from optimizer.analyses.evaluation.counterfactual import solve_counterfactual
from optimizer.analyses.evaluation.fresh_states import (
    describe_fresh_evaluation,
    evaluate_fresh_states,
    fresh_outcomes_by_set,
    release_policy_outcomes,
)
from optimizer.analyses.evaluation.information_value import (
    compute_information_value,
    compute_tail_premium,
)
from optimizer.analyses.evaluation.options import SAMPLING_OPTIONS, EvaluateOptions
from optimizer.analyses.evaluation.replications import estimate_optimality_gap
from optimizer.analyses.evaluation.transferred_plans import transfer_plan
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import Misuse
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.gap import is_gap_closed
from optimizer.solve.problem import check_supported

DEFAULT_TAIL_WEIGHT = 0.5
"""Weight of the worst states if the scenario gives them none."""


def run_analysis(analysis_input: AnalysisInput, options: EvaluateOptions) -> AnalysisOutcome:
    """Evaluate a saved plan, in its own scenario or in another one."""
    assert analysis_input.saved_plan is not None
    seed, transferred_plan = options.seed, None
    if seed is not None and seed == analysis_input.saved_plan.plan.certificate.seed:
        message = tr(
            "--seed {seed} is that of the plan's own states, on which it looks its best; take "
            "another.",
            seed=seed,
        )
        raise Misuse(message)
    if options.states_of is not None:
        case = analysis_input.saved_plan.reading.case
        check_supported(case, with_assumption_sets=True, with_ambiguity=True)
        other_scenario = analysis_input.read_scenario(
            options.states_of, options.variant, options.settings
        )
        transferred_plan = transfer_plan(analysis_input.saved_plan, other_scenario)
    uncertainty = (transferred_plan or analysis_input.saved_plan).reading.case.uncertainty
    projects = (transferred_plan or analysis_input.saved_plan).problem.instance.projects
    starts = analysis_input.saved_plan.solution.commitment.start
    has_overruns = any(projects[p].overruns for p in starts)
    # States and seed apply to overruns as well.
    state_options = SAMPLING_OPTIONS[2:] if has_overruns else SAMPLING_OPTIONS
    given_options = options.given_options(state_options)
    unused_options = ", ".join(option for option, value in given_options if value)
    if unused_options and (uncertainty is None or uncertainty.sample is None):
        warning = tr(
            "warning: the scenario does not sample its states; without effect: {options}",
            options=unused_options,
        )
        options.listener.warn(warning)
    evaluation = evaluate_plan(
        analysis_input.saved_plan,
        options,
        transferred_plan=transferred_plan,
        other_variant=options.variant,
    )
    return AnalysisOutcome(evaluation, 0 if is_complete(evaluation, options.gap) else 1)


def evaluate_plan(
    saved_plan: SavedPlan,
    options: EvaluateOptions,
    *,
    transferred_plan: SavedPlan | None = None,
    other_variant: str | None = None,
) -> Evaluation:
    """Evaluate a saved plan, and measure the time of each part; parts that were not requested are
    None.

    ``transferred_plan`` is the same plan in another scenario, in whose states it is evaluated
    (:func:`.transferred_plans.transfer_plan`). Parts that solve problems are then left out, since
    they need the plan's original scenario.

    Raises ValueError for the seed of the states that the plan was made for, NoPlan if a limit was
    reached before anything was proven about a problem, and Interrupted if the user stopped the
    search.
    """
    seconds = {"read": saved_plan.problem.read_seconds}

    @contextmanager
    def timed(key: str, name: str) -> Iterator[None]:
        started_at = time.perf_counter()
        options.report_progress(0, None, name)
        yield
        seconds[key] = time.perf_counter() - started_at

    # The parts that solve support neither assumption sets nor a review nor ambiguity.
    is_ambiguous = saved_plan.reading.case.objective.ambiguity is not None
    is_unsupported = (
        bool(saved_plan.problem.set_problems or saved_plan.problem.instance.branches)
        or is_ambiguous
    )
    solves_problems = transferred_plan is None and not options.quick and not is_unsupported
    jobs = options.jobs
    if is_unsupported and not options.quick:
        options.listener.note(
            tr("The plan is over sets of assumptions: it is evaluated without solving problems.")
            if saved_plan.problem.set_problems
            else tr("The plan decides again at a review: it is evaluated without solving problems.")
            if saved_plan.problem.instance.branches
            else tr("Probabilities are ambiguous: the plan is evaluated without solving problems.")
        )
    limits: dict[str, Any] = {"gap": options.gap, "time_limit": options.time_limit}
    tail_weight = options.tail_weight
    if tail_weight is None:
        tail_weight = float(saved_plan.reading.case.objective.cvar.weight) or DEFAULT_TAIL_WEIGHT
    evaluated_plan = transferred_plan or saved_plan
    instance, commitment = evaluated_plan.problem.instance, evaluated_plan.solution.commitment
    level = float(instance.case.objective.cvar.level)
    # The other parts use the fresh states as their reference.
    with timed("fresh", tr("fresh states")):
        fresh_evaluation = evaluate_fresh_states(
            evaluated_plan, options.states, options.seed, saved_plan, jobs
        )
        fresh_outcome = describe_fresh_evaluation(fresh_evaluation, saved_plan)
    with_plan, reserves = fresh_evaluation.with_plan, tuple(dict.fromkeys(options.reserves))
    with timed("rules", tr("release rule")):
        rules = release_policy_outcomes(
            instance, fresh_evaluation.states, commitment, reserves, with_plan, level, jobs
        )
    part_names = ("gap", "information", "tail", "counterfactual")
    results_by_part: dict[str, Any] = dict.fromkeys(part_names)
    overrun_seed = fresh_evaluation.seed if fresh_evaluation.seed is not None else options.seed or 0
    results_by_part["budget_risk"] = compute_budget_risk(
        instance, commitment, options.states, overrun_seed
    )
    if (replications := options.replications) and fresh_evaluation.is_sampled and solves_problems:
        samples, states_per_sample = tr("samples solved"), options.replication_states
        report_count = partial(options.report_progress, total=replications, step_name=samples)
        with timed("replications", samples):
            results_by_part["gap"] = estimate_optimality_gap(
                fresh_evaluation,
                replications,
                states_per_sample,
                jobs=jobs,
                on_done=report_count,
                **limits,
            )
    if (max_states := options.wait_and_see) and solves_problems:
        step_name = tr("states solved by themselves")
        with timed("information", step_name):
            report_done = partial(options.report_progress, step_name=step_name)
            results_by_part["information"] = compute_information_value(
                saved_plan, max_states=max_states, jobs=jobs, on_done=report_done, **limits
            )
    if tail_weight and solves_problems:
        with timed("tail", tr("plans with and without weight on the worst states")):
            progress = options.on_progress
            results_by_part["tail"] = compute_tail_premium(
                saved_plan, weight=tail_weight, on_progress=progress, **limits
            )
    if solves_problems and not options.no_counterfactual:
        with timed("counterfactual", tr("what would be done otherwise")):
            progress = options.on_progress
            results_by_part["counterfactual"] = solve_counterfactual(
                saved_plan, on_progress=progress, **limits
            )
    case, solution = saved_plan.reading.case, saved_plan.solution
    set_outcomes: tuple[FreshSetOutcome, ...] = ()
    if case.assumptions and transferred_plan is None:
        with timed("under", tr("fresh states of each set of assumptions")):
            set_outcomes = tuple(
                fresh_outcomes_by_set(saved_plan, options.states, fresh_evaluation.seed, jobs)
            )
    return Evaluation(
        own_states=len(saved_plan.problem.states),
        own_expected=solution.with_plan.expected,
        own_cvar=solution.with_plan.cvar(level),
        own_objective=solution.objective,
        own_gap=solution.certificate.gap,
        net_cost_meur=solution.net_cost,
        states_of=None
        if transferred_plan is None
        else _describe_other_scenario(saved_plan, transferred_plan.reading.case, other_variant),
        net_cost_there_meur=transferred_plan and transferred_plan.solution.net_cost,
        fresh=fresh_outcome,
        rules=rules,
        under=set_outcomes,
        seconds=seconds,
        **results_by_part,
        **common_result_fields(Evaluation, case, saved_plan.plan.title, saved_plan.plan.variant),
    )


def _describe_other_scenario(
    saved_plan: SavedPlan, other_case: Case, variant: str | None
) -> StatesScenario:
    """Return the title, variant and hash of the other scenario in whose states the plan is
    evaluated."""
    variant_info, language = other_case.variants.get(variant or ""), current_language()
    return StatesScenario(
        title=display_name(other_case.title, saved_plan.plan.title, language),
        variant=variant,
        variant_title=display_name(variant_info.title, variant or "", language)
        if variant_info
        else None,
        input_sha256=input_hash(other_case),
    )


def is_complete(evaluation: Evaluation, gap: float) -> bool:
    """Return whether every solve of the evaluation closed the gap."""
    information, tail = evaluation.information, evaluation.tail
    samples = () if evaluation.gap is None else evaluation.gap.replications
    found_and_bounds: list[tuple[float, float | None]] = [(x.found, x.bound) for x in samples]
    if information is not None:
        found_and_bounds += [
            (x.high, x.low) for x in (information.mean_value_problem, information.wait_and_see)
        ]
    plans = [] if tail is None else [tail.neutral, tail.averse]
    for plan in (*plans, evaluation.counterfactual):
        if plan is not None:
            found_and_bounds.append((1.0, None if plan.gap is None else 1.0 - plan.gap))
    return all(is_gap_closed(objective, bound, gap) for objective, bound in found_and_bounds)
