"""A saved plan judged: on fresh states, by a rule, against the best and against what is known."""

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
from optimizer.analyses.evaluation.importance_sampling import estimate_rare_events
from optimizer.analyses.evaluation.information_value import (
    compute_information_value,
    compute_tail_premium,
)
from optimizer.analyses.evaluation.options import MIN_RARE_STATES, SAMPLING_OPTIONS, EvaluateOptions
from optimizer.analyses.evaluation.replications import estimate_optimality_gap, replication_seeds
from optimizer.analyses.evaluation.transferred_plans import (
    evaluate_longer_horizon,
    extend_horizon,
    transfer_plan,
)
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import Misuse
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.gap import is_gap_closed
from optimizer.solve.problem import check_no_review

DEFAULT_TAIL_WEIGHT = 0.5
"""What the worst states get where the scenario gives them no weight of their own."""
REDUCED_SAMPLE_DIVISOR = 10
"""Rare events and a longer horizon are looked at in one state of so many fresh ones."""


def run_analysis(analysis_input: AnalysisInput, options: EvaluateOptions) -> AnalysisOutcome:
    """Judge a saved plan, in its own world or in that of another scenario."""
    assert analysis_input.saved_plan is not None
    seed, there = options.seed, None
    if seed is not None and seed == analysis_input.saved_plan.plan.certificate.seed:
        told = tr(
            "--seed {seed} is that of the plan's own states, on which it looks its best; take "
            "another.",
            seed=seed,
        )
        raise Misuse(told)
    if options.states_of is not None:
        check_no_review(analysis_input.saved_plan.reading.case)
        other = analysis_input.read_scenario(options.states_of, options.variant, options.settings)
        there = transfer_plan(analysis_input.saved_plan, other)
    uncertainty = (there or analysis_input.saved_plan).reading.case.uncertainty
    projects = (there or analysis_input.saved_plan).problem.instance.projects
    overruns = any(
        projects[p].overruns for p in analysis_input.saved_plan.solution.commitment.start
    )
    of_states = (
        SAMPLING_OPTIONS[2:] if overruns else SAMPLING_OPTIONS
    )  # states and seed are of overruns as well
    idle = ", ".join(option for option, value in options.given_options(of_states) if value)
    if idle and (uncertainty is None or uncertainty.sample is None):
        said = tr(
            "warning: the scenario does not sample its states; without effect: {options}",
            options=idle,
        )
        options.listener.warn(said)
    found = evaluate_plan(
        analysis_input.saved_plan, options, transferred=there, other_variant=options.variant
    )
    return AnalysisOutcome(found, 0 if is_complete(found, options.gap) else 1)


def evaluate_plan(
    saved_plan: SavedPlan,
    options: EvaluateOptions,
    *,
    transferred: SavedPlan | None = None,
    other_variant: str | None = None,
) -> Evaluation:
    """Judge a plan; parts that were not asked for are None, and each is timed.

    ``there`` is the same plan in another scenario (:func:`.elsewhere.in_world_of`), in whose states
    it is looked at then; what is solved rests on the plan's own and is left out.

    Raises ValueError for the seed of the plan's own states or too few rare ones, ScenarioError if
    the scenario has faults with a longer horizon, NoPlan if a limit was met before anything was
    known of a problem, Interrupted if the user stopped the search.
    """
    seconds = {"read": saved_plan.problem.read_seconds}

    @contextmanager
    def timed(key: str, name: str) -> Iterator[None]:
        began = time.perf_counter()
        options.report_progress(0, None, name)
        yield
        seconds[key] = time.perf_counter() - began

    # Nothing else is made for all sets, with a review, or by the least favourable probabilities.
    ball = saved_plan.reading.case.objective.ambiguity is not None
    over = bool(saved_plan.problem.set_problems or saved_plan.problem.instance.branches) or ball
    solving, jobs = transferred is None and not options.quick and not over, options.jobs
    if over and not options.quick:
        options.listener.note(
            tr("The plan is made over sets of assumptions: it is looked at, and nothing is solved.")
            if saved_plan.problem.set_problems
            else tr("The plan decides again at a review: it is looked at, and nothing is solved.")
            if saved_plan.problem.instance.branches
            else tr("Probabilities are ambiguous: the plan is looked at, and nothing is solved.")
        )
    limits: dict[str, Any] = {"gap": options.gap, "time_limit": options.time_limit}
    fewer, rare, weight = (
        max(2, options.states // REDUCED_SAMPLE_DIVISOR),
        options.rare,
        options.tail_weight,
    )
    if rare is None:
        rare = fewer if fewer >= MIN_RARE_STATES else 0
    if weight is None:
        weight = float(saved_plan.reading.case.objective.cvar.weight) or DEFAULT_TAIL_WEIGHT
    if options.longer and solving:
        extend_horizon(
            saved_plan, options.longer
        )  # what cannot be is told before anything is solved
    here = transferred or saved_plan
    instance, commitment = here.problem.instance, here.solution.commitment
    level = float(instance.case.objective.cvar.level)
    # The others are measured against the fresh states.
    with timed("fresh", tr("fresh states")):
        fresh = evaluate_fresh_states(here, options.states, options.seed, saved_plan, jobs)
        told = describe_fresh_evaluation(fresh, saved_plan)
    plain, reserves = fresh.with_plan, tuple(dict.fromkeys(options.reserves))
    with timed("rules", tr("release rule")):
        rules = release_policy_outcomes(
            instance, fresh.states, commitment, reserves, plain, level, jobs
        )
    names = ("rare", "gap", "information", "tail", "longer", "counterfactual")
    parts: dict[str, Any] = dict.fromkeys(names)
    drawn_from = fresh.seed if fresh.seed is not None else options.seed or 0
    parts["budget_risk"] = compute_budget_risk(instance, commitment, options.states, drawn_from)
    if rare and fresh.is_sampled:
        # The seed after those of the replications: states of its own.
        seed = replication_seeds(here, fresh.seed, (options.replications if solving else 0) + 1)[-1]
        with timed("rare", tr("rare events")):
            parts["rare"] = estimate_rare_events(instance, commitment, rare, seed, plain, level)
    if (many := options.replications) and fresh.is_sampled and solving:
        samples, size = tr("samples solved"), options.replication_states
        counted = partial(options.report_progress, total=many, step_name=samples)
        with timed("replications", samples):
            parts["gap"] = estimate_optimality_gap(
                fresh, many, size, jobs=jobs, on_done=counted, **limits
            )
    if (most := options.wait_and_see) and solving:
        alone = tr("states solved by themselves")
        with timed("information", alone):
            tell = partial(options.report_progress, step_name=alone)
            parts["information"] = compute_information_value(
                saved_plan, max_states=most, jobs=jobs, on_done=tell, **limits
            )
    if weight and solving:
        with timed("tail", tr("plans with and without weight on the worst states")):
            progress = options.on_progress
            parts["tail"] = compute_tail_premium(
                saved_plan, weight=weight, on_progress=progress, **limits
            )
    if solving and not options.no_counterfactual:
        with timed("counterfactual", tr("what would be done otherwise")):
            progress = options.on_progress
            parts["counterfactual"] = solve_counterfactual(
                saved_plan, on_progress=progress, **limits
            )
    if options.longer and solving:
        with timed("longer", tr("longer horizon")):
            # The seed of the fresh states, so that these are the first of them.
            parts["longer"] = evaluate_longer_horizon(
                saved_plan, options.longer, fewer, fresh.seed or 0
            )
    case, found = saved_plan.reading.case, saved_plan.solution
    under: tuple[FreshSetOutcome, ...] = ()
    if case.assumptions and transferred is None:
        with timed("under", tr("fresh states of each set of assumptions")):
            under = tuple(fresh_outcomes_by_set(saved_plan, options.states, fresh.seed, jobs))
    return Evaluation(
        own_states=len(saved_plan.problem.states),
        own_expected=found.with_plan.expected,
        own_cvar=found.with_plan.cvar(level),
        own_objective=found.objective,
        own_gap=found.certificate.gap,
        net_cost_meur=found.net_cost,
        states_of=None
        if transferred is None
        else _describe_other_scenario(saved_plan, transferred.reading.case, other_variant),
        net_cost_there_meur=None if transferred is None else transferred.solution.net_cost,
        fresh=told,
        rules=rules,
        under=under,
        seconds=seconds,
        **parts,
        **common_result_fields(Evaluation, case, saved_plan.plan.title, saved_plan.plan.variant),
    )


def _describe_other_scenario(
    saved_plan: SavedPlan, other_case: Case, variant: str | None
) -> StatesScenario:
    """What is told of the other scenario."""
    applied, speech = other_case.variants.get(variant or ""), current_language()
    return StatesScenario(
        title=display_name(other_case.title, saved_plan.plan.title, speech),
        variant=variant,
        variant_title=display_name(applied.title, variant or "", speech) if applied else None,
        input_sha256=input_hash(other_case),
    )


def is_complete(evaluation: Evaluation, gap: float) -> bool:
    """Whether every solve behind it was proven to the gap."""
    known, tail = evaluation.information, evaluation.tail
    samples = () if evaluation.gap is None else evaluation.gap.replications
    proven: list[tuple[float, float | None]] = [(one.found, one.bound) for one in samples]
    if known is not None:
        proven += [(p.high, p.low) for p in (known.mean_value_problem, known.wait_and_see)]
    plans = [] if tail is None else [tail.neutral, tail.averse]
    for plan in (*plans, evaluation.counterfactual):
        if plan is not None:
            proven.append((1.0, None if plan.gap is None else 1.0 - plan.gap))
    return all(is_gap_closed(found, bound, gap) for found, bound in proven)
