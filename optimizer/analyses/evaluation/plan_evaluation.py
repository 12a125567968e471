"""Evaluation of a saved plan: fresh states, release policies, optimality gap, information."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from models.base import display_name
from models.language import current_language, tr
from models.results import (
    BudgetOdds,
    BudgetRisk,
    Counterfactual,
    Estimate,
    Evaluation,
    FreshSetOutcome,
    StatesScenario,
)
from models.results.plan import WHOLE_BUDGET
from models.scenario.case import Case
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import SAMPLING_OPTIONS, EvaluateOptions
from optimizer.analyses.evaluation.fresh_states import (
    describe_fresh_evaluation,
    estimate_optimality_gap,
    evaluate_fresh_states,
    fresh_outcomes_by_set,
    release_policy_outcomes,
    transfer_plan,
)
from optimizer.analyses.evaluation.information_value import (
    compute_information_value,
    compute_tail_premium,
)
from optimizer.analyses.saved_plan import SavedPlan, common_result_fields
from optimizer.errors import Infeasible, Interrupted, Misuse
from optimizer.model.commitment import Commitment, budget_line_use, budget_use
from optimizer.model.highs import Progress
from optimizer.model.instance import Floats, Instance, change_perspective, read_instance
from optimizer.model.states import sample_overruns
from optimizer.model.user_rule_values import RELATIVE_TOLERANCE
from optimizer.solve.accounts import account_positions
from optimizer.solve.checked_solution import CheckedSolution, input_hash
from optimizer.solve.decomposition import pool_key
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.problem import check_supported
from optimizer.solve.solver_result import is_gap_closed

BudgetKey = tuple[str | None, str]
"""Funder and budget line; the funder is None for all public funders together."""


class BudgetLimit(NamedTuple):
    """The limits of a budget or budget line: amounts by year (Y), a total, or both."""

    key: BudgetKey
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    by_year: Floats | None
    total: float | None
    carry_over: bool = False


def compute_budget_risk(
    instance: Instance, commitment: Commitment, draw_count: int, seed: int
) -> BudgetRisk | None:
    """Estimate the probability that each budget and budget line holds, from a sample of overruns.

    Return None if no project of the plan may overrun, if no budget with a limit is used, or if the
    plan has a review.
    """
    if commitment.branches:
        return None
    risky_projects = [p for p in commitment.start if instance.projects[p].overruns]
    limits = [x for x in _budget_limits(instance) if x.by_year is not None or x.total is not None]
    if not risky_projects or not limits:
        return None
    draws = np.array([sample_overruns(instance, p, draw_count, seed) for p in risky_projects])
    overruns, draw_counts = np.unique(draws, axis=1, return_counts=True)
    planned_uses, without_projects = (
        _budget_uses(instance, commitment, factors)
        for factors in ({}, dict.fromkeys(risky_projects, 0.0))
    )
    single_uses = [
        _budget_uses(instance, commitment, dict.fromkeys(risky_projects, 0.0) | {p: 1.0})
        for p in risky_projects
    ]  # use with one project at announced cost and the others at zero
    budget_odds, fails_anywhere = [], np.zeros(len(draw_counts), dtype=bool)
    for limit in limits:
        project_uses = (
            np.outer(1 + overrun, single_use[limit.key] - without_projects[limit.key])
            for overrun, single_use in zip(overruns, single_uses, strict=True)
        )
        used_amount = sum(project_uses, without_projects[limit.key])
        for year, available, planned, use in _budget_periods(
            instance, limit, planned_uses[limit.key], used_amount
        ):
            missing_amount = np.maximum(0.0, use - available)
            fails = missing_amount > RELATIVE_TOLERANCE * np.maximum(available, use)
            fails_anywhere |= fails
            count = int(draw_counts[fails].sum())
            budget_odds.append(
                BudgetOdds(
                    funder=limit.key[0],
                    line=limit.key[1],
                    kind=limit.kind,
                    year=year,
                    available_meur=float(draw_counts @ available / draw_count),
                    planned_meur=planned,
                    mean_meur=float(draw_counts @ use / draw_count),
                    holds=_share_estimate(draw_count - count, draw_count),
                    missing_meur=float(draw_counts @ np.where(fails, missing_amount, 0)) / count
                    if count
                    else None,
                )
            )
    if not budget_odds:
        return None
    count = int(draw_counts[~fails_anywhere].sum())
    return BudgetRisk(
        draws=draw_count,
        seed=seed,
        all_hold=_share_estimate(count, draw_count),
        budgets=tuple(budget_odds),
    )


def _share_estimate(hits: int, draw_count: int) -> Estimate:
    """Return the share of draws that are ``hits``, with its standard error (None for one draw)."""
    share = hits / draw_count
    error = math.sqrt(share * (1 - share) / (draw_count - 1)) if draw_count > 1 else None
    return Estimate(value=share, standard_error=error)


def _budget_uses(
    instance: Instance, commitment: Commitment, capex_factors: Mapping[str, float]
) -> dict[BudgetKey, Floats]:
    """Compute the use in million EUR (Y) of each budget and budget line.

    ``capex_factors`` replace the factors by which budgets multiply the announced capex of projects.
    """
    projects = {
        p: replace(x, budgeted_cost_factor=capex_factors[p]) if p in capex_factors else x
        for p, x in instance.projects.items()
    }
    scaled_instance = replace(instance, projects=projects)
    use_by_funder = budget_use(scaled_instance, commitment)
    public_use = sum(
        (use_by_funder[f] for f in instance.public_funders), np.zeros(len(instance.years))
    )
    line_use: dict[BudgetKey, Floats] = dict(budget_line_use(scaled_instance, commitment).items())
    return (
        line_use
        | {(f, WHOLE_BUDGET): x for f, x in use_by_funder.items()}
        | {(None, WHOLE_BUDGET): public_use}
    )


def _budget_limits(instance: Instance) -> Iterator[BudgetLimit]:
    """Yield the limits of all budgets and budget lines; the joint limit of all public funders comes
    last."""
    for f, funder in instance.case.funders.items():
        for (owner, id), line in instance.budget_lines.items():
            if owner == f and line.kind == "guarantee_stock":
                yield BudgetLimit((f, id), line.kind, line.guarantee_limit, None)
            elif owner == f:
                total_budget = line.total if math.isfinite(line.total) else None
                yield BudgetLimit(
                    (f, id), line.kind, line.yearly_budget, total_budget, line.carry_over
                )
        budget_by_year, total_budget = funder.budget_by_year_meur, funder.budget_meur
        yearly_limit = None
        if budget_by_year is not None:
            yearly_limit = np.array(
                [float(budget_by_year.get(year, 0.0)) for year in instance.years]
            )
        total_limit = None if total_budget is None else float(total_budget)
        yield BudgetLimit((f, WHOLE_BUDGET), "budget", yearly_limit, total_limit, funder.carry_over)
    if (policy_limit := instance.case.policy.budget_meur) is not None and instance.public_funders:
        yield BudgetLimit((None, WHOLE_BUDGET), "budget", None, float(policy_limit))


def _budget_periods(
    instance: Instance, limit: BudgetLimit, planned_uses: Floats, uses: Floats
) -> Iterator[tuple[int | None, Floats, float, Floats]]:
    """Yield the use of a budget over all years if it has a total, and in each year if it has yearly
    limits; years without any use are left out.

    ``uses`` has the use of each draw and year (N, Y). Each entry has the year (None for all years),
    and for the N draws the available amounts (N), the planned use, and the use (N).
    """
    if limit.total is not None and (planned_uses.any() or uses.any()):
        available_total = np.full(len(uses), limit.total)
        yield None, available_total, float(planned_uses.sum()), uses.sum(axis=1)
    if limit.by_year is None:
        return
    carried_over = np.zeros(len(uses))
    for y, year in enumerate(instance.years):
        available = limit.by_year[y] + (carried_over if limit.carry_over else np.zeros(len(uses)))
        carried_over = np.maximum(0.0, available - uses[:, y])
        if planned_uses[y] > 0 or uses[:, y].any():
            yield year, available, float(planned_uses[y]), uses[:, y]


MIN_LOTS = 1e-6
"""Lots up to which a purchase counts as none."""


def solve_counterfactual(
    saved_plan: SavedPlan,
    *,
    gap: float,
    time_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Counterfactual | None:
    """Solve for the counterfactual of a plan, with the plan's states if they are valid for it.

    It is the best plan of the variant that the scenario names as counterfactual, applied to the
    case of the plan. If the scenario names none, it is the best plan if public funders provide
    nothing. Return None if the plan has no public money and no variant is named, if the plan itself
    is of that variant, or if no plan satisfies all rules. ``time_limit`` is in seconds.

    Raises ScenarioError if the variant does not fit the plan's scenario, Interrupted if the solve
    was stopped, and NoPlan if it found no plan within its limit.
    """
    case = saved_plan.reading.case
    public_funders = [f for f, funder in case.funders.items() if funder.kind == "public"]
    name = case.counterfactual
    if name is not None and name == saved_plan.plan.variant:
        return None
    if name is None and not any(
        position.funder in public_funders for position in saved_plan.plan.accounts
    ):
        return None
    try:
        problem = _counterfactual_problem(saved_plan, name, public_funders)
        solution = solve_and_certify(
            problem, gap=gap, time_limit=time_limit, on_progress=on_progress
        )
    except Infeasible:
        return None
    if solution.interrupted:
        raise Interrupted("stopped before it was found what would be done otherwise")
    certificate, expected_purchases = solution.certificate, solution.commitment.expected_purchases
    instance = solution.instance
    return Counterfactual(
        variant=name,
        expected=solution.with_plan.expected,
        cvar=solution.with_plan.cvar(float(case.objective.cvar.level)),
        net_cost_meur=solution.net_cost,
        public_meur=_paid_present_value(solution, public_funders),
        objective=certificate.objective,
        bound=certificate.bound,
        gap=certificate.gap,
        projects=tuple(p for p in instance.projects if p in solution.commitment.start),
        stockpiles=tuple(
            h for h in instance.stockpiles if expected_purchases(instance, h).sum() > MIN_LOTS
        ),
    )


def _counterfactual_problem(
    saved_plan: SavedPlan, variant: str | None, public_funders: list[str]
) -> Problem:
    """Build the problem of the counterfactual, with the states of the plan if these are valid for
    it."""
    problem = saved_plan.problem
    if variant is None:
        return Problem(
            change_perspective(problem.instance, inactive_funders=public_funders),
            problem.states,
            0.0,
            problem.recourse,
        )
    patch = saved_plan.reading.case.variants[variant].set
    set_override = [] if saved_plan.problem.set_problems else ["objective.over_assumptions=null"]
    settings = [f"{path}={json.dumps(v)}" for path, v in patch.items()]
    case = saved_plan.reading.with_settings([*settings, *set_override]).case
    instance = read_instance(case)
    if pool_key(instance) != pool_key(problem.instance):
        return Problem.from_case(case)
    return Problem(instance, problem.states, 0.0, problem.recourse)


def _paid_present_value(solution: CheckedSolution, funders: list[str]) -> float:
    """Return the present value of the funders' payments in a solution, in million EUR."""
    discount = dict(
        zip(map(str, solution.instance.years), solution.instance.discount_factor, strict=True)
    )
    return math.fsum(
        float(discount[year]) * amount
        for position in account_positions(solution.instance, solution.commitment)
        if position.funder in funders
        for year, amount in position.paid_meur.items()
    )


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
