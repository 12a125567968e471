"""What else would do: portfolios within a distance of the best, and how robust each choice is.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from optimizer.analyses.frontier.summary import outcome_without_plan
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import NoPlan
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import CutPool, Portfolio
from optimizer.solve.gap import RELATIVE_OBJECTIVE_FLOOR, is_gap_closed, relative_gap
from optimizer.solve.planner import Problem, default_jobs, solve_and_certify


@dataclass(frozen=True, eq=False)
class AlternativesResult:
    """The alternatives, and the plans behind them by number; 0 is the plan itself."""

    alternatives: Alternatives
    plans: Mapping[int, Plan]
    gap_scale_floor: float = RELATIVE_OBJECTIVE_FLOOR
    """What an objective counts as at least where a gap is taken of it."""


def run_analysis(analysis_input: AnalysisInput, options: AlternativesOptions) -> AnalysisOutcome:
    """Find what else would do beside the best plan, or beside a given one."""
    others: dict[str, Case] = {}
    if analysis_input.saved_plan is None and options.variants:
        wanted = [id for id in analysis_input.reading.case.variants if id != analysis_input.variant]
        others = {id: read_case(analysis_input.file, id, options.settings).case for id in wanted}
    elif options.variants:
        options.listener.note(tr("A plan carries no variants of its file: none are solved."))
    about = {"title": analysis_input.title, "variant": analysis_input.variant}
    sighted = find_alternatives(
        analysis_input.reading,
        options,
        saved_plan=analysis_input.saved_plan,
        variants=others,
        **about,
    )
    found = sighted.alternatives
    short = len(found.alternatives) < found.wanted and not found.exhausted
    stopped = any(other.status in ("limit", "none") for other in found.others)
    # Of a given plan the distance from the bound says nothing of the solve.
    known = found.plan.objective, found.bound, found.gap_target
    proven = found.given or is_gap_closed(*known, sighted.gap_scale_floor)
    whole = proven and not short and not stopped and found.ended == "complete"
    plans = {f"plans/{number}": plan for number, plan in sighted.plans.items()}
    return AnalysisOutcome(found, 0 if whole else 1, plans)


def find_alternatives(
    reading: LoadedScenario,
    options: AlternativesOptions,
    *,
    saved_plan: SavedPlan | None = None,
    variants: Mapping[str, Case] | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> AlternativesResult:
    """Portfolios within a distance of the best, as unlike as can be, and the robustness index.

    The best plan is solved first, if only for its bound; a ``given`` plan stays the one that all
    others are compared with. ``variants`` are those of the file, by id; a plan carries none.

    Raises ScenarioError if a setting of a stated assumption set leads nowhere or does not fit, and
    Infeasible or NoPlan if there is no plan, or nothing was proven of the best before a limit.
    """
    began = time.perf_counter()
    others = list_other_cases(reading, variants or {}, options)
    problem = Problem.from_case(reading.case) if saved_plan is None else saved_plan.problem
    problem = problem.with_recourse(options.threads)
    instance = problem.instance
    pool = CutPool()
    options.report_progress(0, 1, tr("the best plan"))
    # The limit is counted from the bound: a narrow one needs a bound as good.
    narrow = max(options.within / 10, 1e-6)
    how: dict[str, Any] = {
        name: getattr(options, name) for name in ("time_limit", "threads", "on_progress")
    }
    how |= {"method": "decomposition", "pool": pool}
    best = solve_and_certify(problem, gap=min(options.gap, narrow), **how)
    bound = best.certificate.bound
    if problem.assumption_sets.criterion == "regret":
        problem = replace(
            problem,
            reference_optima=tuple(
                own.reference_optimum for own in best.set_outcomes if own.reference_optimum
            ),
        )
        # Gaps of a regret are shares of what the best plans come to, not of itself.
        if bound is not None and not is_gap_closed(best.objective, bound, narrow):
            gap = min(options.gap, narrow * abs(bound) / best.objective_floor)
            best = solve_and_certify(problem, gap=max(gap, 1e-6), **how)
            bound = best.certificate.bound
    if bound is None:
        raise NoPlan(tr("nothing was proven of the best plan before the limit"))
    plan, states = (
        best if saved_plan is None else saved_plan.solution.with_bound(bound),
        best.certificate.states,
    )
    sets = problem.assumption_sets.instances
    least = portfolios.min_lots_by_stockpile(instance, options.least_days, *sets)
    first = portfolios.plan_portfolio(instance, plan.commitment, least)
    seeker = AlternativeSearch(problem, pool, least, bound, options, interrupted=best.interrupted)
    found, solved = _run_search(seeker, first, options, others)
    marks, chosen = seeker.farthest.items, [own.portfolio for own in found]
    numbered = list(enumerate(found, start=1))
    document = Alternatives(
        last_year=instance.years[-1],
        within=options.within,
        bound=bound,
        limit=seeker.limit,
        least_days=options.least_days,
        marks=len(marks),
        gap=relative_gap(plan.objective, bound, plan.objective_floor) or 0.0,
        given=saved_plan is not None,
        without_plan=outcome_without_plan(plan),
        plan=portfolios.plan_figures(plan, bound, least),
        alternatives=tuple(
            _describe_alternative(n, own, first, bound, least) for n, own in numbered
        ),
        wanted=options.count,
        exhausted=seeker.exhausted,
        others=tuple(solved),
        items=portfolios.robustness_indices(marks, first, seeker.settled_marks, chosen, solved),
        ended="interrupted" if seeker.interrupted else "complete",
        **common_result_fields(
            Alternatives, reading.case, title, variant, began, states, options.gap
        ),
    )
    plans = {n: own.solution.to_plan(title, variant, with_details=False) for n, own in numbered}
    least_size = max(problem.objective_floor, RELATIVE_OBJECTIVE_FLOOR)
    return AlternativesResult(document, {0: plan.to_plan(title, variant), **plans}, least_size)


def _run_search(
    search_state: AlternativeSearch,
    base_portfolio: Portfolio,
    options: AlternativesOptions,
    other_cases: Sequence[CaseToSolve],
) -> tuple[list[PlanAlternative], list[RobustnessCase]]:
    """The alternatives, and the other cases solved; what an interrupt leaves."""
    found: list[PlanAlternative] = []
    solved: dict[int, RobustnessCase] = {}

    def tell(other: CaseToSolve, told: RobustnessCase) -> None:
        solved[other_cases.index(other)] = told
        options.report_progress(len(solved), len(other_cases), tr("variants and assumptions"))

    try:
        search_state.settle_marks(
            base_portfolio,
            lambda done, of: options.report_progress(done, of, tr("what all plans within have")),
        )
        options.report_progress(0, options.count, tr("alternatives"))
        for own in search_state.generate(base_portfolio, options.count):
            found.append(own)
            options.report_progress(len(found), options.count, tr("alternatives"))
        if other_cases and not search_state.interrupted:
            usual = default_jobs(search_state.instance, search_state.problem.states)
            jobs = min(choose_worker_count(options.jobs, usual), len(other_cases))
            given = (options.least_days, options.gap, options.time_limit)
            options.report_progress(0, len(other_cases), tr("variants and assumptions"))
            with Workers[CaseToSolve, RobustnessCase](make_case_solver, given, jobs) as workers:
                workers.map(other_cases, tell)
    except KeyboardInterrupt:
        search_state.interrupted = True
    return found, [solved[n] for n in sorted(solved)]


def _describe_alternative(
    number: int,
    alternative: PlanAlternative,
    base_portfolio: Portfolio,
    bound: float,
    min_lots: Mapping[str, float],
) -> Alternative:
    instance = alternative.solution.instance

    def ids(kind: str, some: Portfolio) -> tuple[str, ...]:
        order = instance.projects if kind == "project" else instance.stockpiles
        return tuple(id for id in order if (kind, id) in some)

    more, less = alternative.portfolio - base_portfolio, base_portfolio - alternative.portfolio
    return Alternative(
        number=number,
        plan=portfolios.plan_figures(alternative.solution, bound, min_lots),
        portfolio_bound=alternative.portfolio_bound,
        unlike=alternative.distance,
        unlike_at_most=alternative.max_distance,
        unlike_proven=alternative.distance == alternative.max_distance,
        unlike_plan=len(alternative.portfolio ^ base_portfolio),
        entering=ids("project", more),
        leaving=ids("project", less),
        bought_up=ids("stockpile", more),
        given_up=ids("stockpile", less),
    )
