"""Near-optimal portfolios that differ from each other as much as possible, and the robustness of
each choice.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.files import LoadedScenario, read_case
from models.language import tr
from models.results import Alternative, Alternatives, Plan, RobustnessCase
from models.scenario.case import Case
from optimizer.analyses.alternatives import portfolios
from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolio_search import AlternativeSearch, PlanAlternative
from optimizer.analyses.alternatives.portfolios import (
    CaseToSolve,
    list_other_cases,
    make_case_solver,
)
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.plan_figures import outcome_without_plan
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import NoPlan
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import Portfolio
from optimizer.solve.gap import RELATIVE_OBJECTIVE_FLOOR, is_gap_closed, relative_gap
from optimizer.solve.planner import Problem, default_jobs
from optimizer.solve.session import Session


@dataclass(frozen=True, eq=False)
class AlternativesResult:
    """The result on alternatives, and the plans by the number of the alternative; 0 is the plan
    itself."""

    alternatives: Alternatives
    plans: Mapping[int, Plan]
    gap_scale_floor: float = RELATIVE_OBJECTIVE_FLOOR
    """Lower limit of the denominator of relative gaps."""


def run_analysis(analysis_input: AnalysisInput, options: AlternativesOptions) -> AnalysisOutcome:
    """Run the command that finds near-optimal alternatives to the best plan, or to a saved plan."""
    variant_cases: dict[str, Case] = {}
    if analysis_input.saved_plan is None and options.variants:
        ids = [id for id in analysis_input.reading.case.variants if id != analysis_input.variant]
        variant_cases = {
            id: read_case(analysis_input.file, id, options.settings).case for id in ids
        }
    elif options.variants:
        options.listener.note(tr("A plan carries no variants of its file: none are solved."))
    search_result = find_alternatives(
        analysis_input.reading,
        options,
        saved_plan=analysis_input.saved_plan,
        variants=variant_cases,
        **analysis_input.labels,
    )
    alternatives = search_result.alternatives
    is_short = len(alternatives.alternatives) < alternatives.wanted and not alternatives.exhausted
    has_stopped_cases = any(other.status in ("limit", "none") for other in alternatives.others)
    # For a saved plan the distance from the bound says nothing about the quality of the solve.
    gap_arguments = alternatives.plan.objective, alternatives.bound, alternatives.gap_target
    is_proven = alternatives.given or is_gap_closed(*gap_arguments, search_result.gap_scale_floor)
    is_complete = (
        is_proven and not is_short and not has_stopped_cases and alternatives.ended == "complete"
    )
    plans = {f"plans/{number}": plan for number, plan in search_result.plans.items()}
    return AnalysisOutcome(alternatives, 0 if is_complete else 1, plans)


def find_alternatives(
    loaded_scenario: LoadedScenario,
    options: AlternativesOptions,
    *,
    saved_plan: SavedPlan | None = None,
    variants: Mapping[str, Case] | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> AlternativesResult:
    """Find portfolios whose objective is near the optimum and that differ as much as possible, and
    the robustness of choices.

    The best plan is solved for first, since the limit is relative to its bound. If there is a
    ``saved_plan``, alternatives are compared with it, else with the best plan. ``variants`` are
    those of the scenario file by id; a saved plan has none.

    Raises ScenarioError if a setting of a stated assumption set is invalid, and Infeasible or
    NoPlan if there is no plan, or if nothing was proven about the best plan before a limit.
    """
    started_at = time.perf_counter()
    other_cases = list_other_cases(loaded_scenario, variants or {}, options)
    problem = Problem.from_case(loaded_scenario.case) if saved_plan is None else saved_plan.problem
    problem = problem.with_recourse(options.threads)
    instance = problem.instance
    session = Session(**options.solver_options)
    options.report_progress(0, 1, tr("the best plan"))
    # The limit is relative to the bound, so a narrow limit needs an equally tight bound.
    narrow_gap = max(options.within / 10, 1e-6)
    best_plan = session.solve(problem, method="decomposition", gap=min(options.gap, narrow_gap))
    bound = best_plan.certificate.bound
    if problem.uses_reference_optima:
        problem = replace(
            problem,
            reference_optima=tuple(
                x.reference_optimum for x in best_plan.set_outcomes if x.reference_optimum
            ),
        )
        # Gaps of a regret are relative to the objective of the best plans, not to the regret
        # itself.
        if bound is not None and not is_gap_closed(best_plan.objective, bound, narrow_gap):
            gap = min(options.gap, narrow_gap * abs(bound) / best_plan.objective_floor)
            best_plan = session.solve(problem, method="decomposition", gap=max(gap, 1e-6))
            bound = best_plan.certificate.bound
    if bound is None:
        raise NoPlan(tr("nothing was proven of the best plan before the limit"))
    plan = best_plan if saved_plan is None else saved_plan.solution.with_bound(bound)
    states = best_plan.certificate.states
    sets = problem.tree.instances
    min_lots = portfolios.min_lots_by_stockpile(instance, options.least_days, *sets)
    base_portfolio = portfolios.plan_portfolio(instance, plan.commitment, min_lots)
    search = AlternativeSearch(
        problem, session, min_lots, bound, options, interrupted=best_plan.interrupted
    )
    alternatives, solved_cases = _run_search(search, base_portfolio, options, other_cases)
    items, chosen_portfolios = search.farthest_program.items, [x.portfolio for x in alternatives]
    result = Alternatives(
        last_year=instance.years[-1],
        within=options.within,
        bound=bound,
        limit=search.limit,
        least_days=options.least_days,
        marks=len(items),
        gap=relative_gap(plan.objective, bound, plan.objective_floor) or 0.0,
        given=saved_plan is not None,
        without_plan=outcome_without_plan(plan),
        plan=portfolios.plan_figures(plan, bound, min_lots),
        alternatives=tuple(
            _describe_alternative(n, x, base_portfolio, bound, min_lots)
            for n, x in enumerate(alternatives, 1)
        ),
        wanted=options.count,
        exhausted=search.exhausted,
        others=tuple(solved_cases),
        items=portfolios.robustness_indices(
            items, base_portfolio, search.settled_items, chosen_portfolios, solved_cases
        ),
        ended="interrupted" if search.interrupted else "complete",
        **common_result_fields(
            Alternatives, loaded_scenario.case, title, variant, started_at, states, options.gap
        ),
    )
    plans = {
        n: x.solution.to_plan(title, variant, with_details=False)
        for n, x in enumerate(alternatives, 1)
    }
    gap_scale_floor = max(problem.objective_floor, RELATIVE_OBJECTIVE_FLOOR)
    return AlternativesResult(result, {0: plan.to_plan(title, variant), **plans}, gap_scale_floor)


def _run_search(
    search: AlternativeSearch,
    base_portfolio: Portfolio,
    options: AlternativesOptions,
    other_cases: Sequence[CaseToSolve],
) -> tuple[list[PlanAlternative], list[RobustnessCase]]:
    """Search for alternatives and solve the other cases; return the results of both.

    If the user interrupts the search, those that are complete by then are returned.
    """
    alternatives: list[PlanAlternative] = []
    solved_cases_by_index: dict[int, RobustnessCase] = {}

    def record(other: CaseToSolve, solved_case: RobustnessCase) -> None:
        solved_cases_by_index[other_cases.index(other)] = solved_case
        options.report_progress(
            len(solved_cases_by_index), len(other_cases), tr("variants and assumptions")
        )

    try:
        search.settle_items(
            base_portfolio,
            lambda done, total: options.report_progress(
                done, total, tr("what all plans within have")
            ),
        )
        options.report_progress(0, options.count, tr("alternatives"))
        for alternative in search.generate(base_portfolio, options.count):
            alternatives.append(alternative)
            options.report_progress(len(alternatives), options.count, tr("alternatives"))
        if other_cases and not search.interrupted:
            default_worker_count = default_jobs(search.instance, search.problem.states)
            jobs = min(choose_worker_count(options.jobs, default_worker_count), len(other_cases))
            solver_arguments = (options.least_days, options.gap, options.time_limit)
            options.report_progress(0, len(other_cases), tr("variants and assumptions"))
            with Workers[CaseToSolve, RobustnessCase](
                make_case_solver, solver_arguments, jobs
            ) as workers:
                workers.map(other_cases, record)
    except KeyboardInterrupt:
        search.interrupted = True
    return alternatives, [solved_cases_by_index[n] for n in sorted(solved_cases_by_index)]


def _describe_alternative(
    number: int,
    alternative: PlanAlternative,
    base_portfolio: Portfolio,
    bound: float,
    min_lots: Mapping[str, float],
) -> Alternative:
    """Return the result on an alternative: its figures, and its differences from the base
    portfolio."""
    instance = alternative.solution.instance

    def ids(kind: str, portfolio: Portfolio) -> tuple[str, ...]:
        order = instance.projects if kind == "project" else instance.stockpiles
        return tuple(id for id in order if (kind, id) in portfolio)

    items_added, items_removed = (
        alternative.portfolio - base_portfolio,
        base_portfolio - alternative.portfolio,
    )
    return Alternative(
        number=number,
        plan=portfolios.plan_figures(alternative.solution, bound, min_lots),
        portfolio_bound=alternative.portfolio_bound,
        unlike=alternative.distance,
        unlike_at_most=alternative.max_distance,
        unlike_proven=alternative.distance == alternative.max_distance,
        unlike_plan=len(alternative.portfolio ^ base_portfolio),
        entering=ids("project", items_added),
        leaving=ids("project", items_removed),
        bought_up=ids("stockpile", items_added),
        given_up=ids("stockpile", items_removed),
    )
