"""What a company gets for its share, from none to all that it may take."""

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from models.base import display_name
from models.files import LoadedScenario
from models.language import tr
from models.results import CompanyOutcome, Participation, ShareCurve, SharePoint
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.participation.company_context import (
    CompanyContext,
    fix_decisions_of_others,
    read_company_context,
)
from optimizer.analyses.participation.options import ParticipateOptions
from optimizer.analyses.participation.share_search import (
    CurveSetting,
    ShareSearch,
    best_share,
    indifferent_share,
)
from optimizer.analyses.participation.subproblem import (
    ShareQuery,
    ShareReply,
    ShareSolver,
    compute_standing,
    create_solver,
)
from optimizer.analyses.problem_series import ProblemSeries
from optimizer.analyses.result_fields import common_result_fields
from optimizer.errors import Infeasible, Interrupted, Misuse, NoPlan
from optimizer.model.commitment import Commitment, expected_outlay, weighted_branches
from optimizer.model.instance import company_group
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve import outcomes
from optimizer.solve.accounts import values_by_year
from optimizer.solve.conflicts import smallest_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.plan_document import MEASURE_UNITS
from optimizer.solve.planner import default_jobs

MIN_COST_MEUR = 1e-9


def run_analysis(analysis_input: AnalysisInput, options: ParticipateOptions) -> AnalysisOutcome:
    """Look for the share that a company should take."""
    case, company, project = analysis_input.reading.case, options.company, options.project
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if company not in companies:
        known = ", ".join(companies) or "-"
        raise Misuse(
            tr("There is no company '{company}'; there are {known}.", company=company, known=known)
        )
    if project is not None and project not in case.projects:
        known = ", ".join(case.projects) or "-"
        raise Misuse(
            tr("There is no project '{project}'; there are {known}.", project=project, known=known)
        )
    found = analyze_participation(
        analysis_input.reading,
        options,
        pool=analysis_input.pool,
        title=analysis_input.title,
        variant=analysis_input.variant,
    )
    cut = any(p.status in ("limit", "none") for curve in found.curves for p in curve.points)
    return AnalysisOutcome(found, 1 if cut or found.ended == "interrupted" else 0)


def analyze_participation(
    reading: LoadedScenario,
    options: ParticipateOptions,
    *,
    pool: CutPool | None = None,
    title: str,
    variant: str | None = None,
) -> Participation:
    """What each share of a project, or of all that is built, costs a company and brings it.

    Everybody else decides anew at each share, by the scenario's objective, or sticks to the plan
    in which the company's share is free. When supply is pooled a company's damage cannot be told
    from that of others before it has come about, so that there is neither a range nor an answer
    to what it would do by itself. A Ctrl-C ends it with the points so far.

    Raises Infeasible or NoPlan if the scenario itself has no plan, Interrupted if it was stopped
    before there was one, ScenarioError if it does not allow what the question needs, and
    SolverError if the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    company, project, case = options.company, options.project, reading.case
    pool = CutPool() if pool is None else pool
    desk = read_company_context(reading, company, project, options.allocation)
    alike = (desk.instance, desk.states, options.gap, pool, options.time_limit)
    first = ShareSolver(desk, ProblemSeries(*alike, threads=None, on_progress=options.on_progress))
    free = first(ShareQuery("free"))
    if free.interrupted:
        raise Interrupted(tr("stopped before any plan was found"))
    if free.status == "infeasible":
        raise Infeasible(smallest_conflict(replace(desk.instance, branches=())))
    if free.commitment is None:
        raise NoPlan(tr("no plan was found before the limit ({ended})", ended="time limit"))
    desk = replace(
        desk,
        free_plan=free.commitment,
        decisions_of_others=fix_decisions_of_others(desk, free.commitment),
    )
    nobody = Commitment()
    found = outcomes.evaluate_commitments(
        desk.instance, desk.states, [nobody], consumers=desk.consumers
    )[0]
    without = compute_standing(desk, desk.instance, found, nobody), found.expected
    talk = ShareSearch(desk, options)
    jobs = choose_worker_count(options.jobs, default_jobs(desk.instance, desk.states))
    try:
        shared = (desk, options.gap, pool, options.time_limit)
        with Workers[ShareQuery, ShareReply](create_solver, shared, jobs) as workers:
            talk.solve_all(workers)
    except KeyboardInterrupt:
        talk.interrupted = True
    return Participation(
        company=company,
        name=display_name(case.funders[company].name, company),
        consumers=desk.consumers,
        project=project,
        project_name=None
        if project is None
        else display_name(case.projects[project].name, project),
        allocation=options.allocation,
        tolerance=options.tolerance,
        without_plan=without[0],
        alone=talk.standing_at(ShareQuery("alone")),
        free=free.standing,
        free_share=desk.share_in_plan(free.commitment, (company,)),
        curves=tuple(_share_curve(desk, talk, line, without) for line in talk.curve_settings),
        project_names={p: display_name(x.name, p) for p, x in case.projects.items()},
        material_names={m: display_name(x.name, m) for m, x in case.materials.items()},
        ended="interrupted" if talk.interrupted else "complete",
        **common_result_fields(
            Participation, case, title, variant, began, len(desk.states), options.gap
        )
        | {"unit": MEASURE_UNITS["damage"].format(currency=case.currency)},
    )


def _share_curve(
    context: CompanyContext,
    share_search: ShareSearch,
    curve_setting: CurveSetting,
    no_plan: tuple[CompanyOutcome, float],
) -> ShareCurve:
    replies, told, nothing = (
        share_search.replies_on(curve_setting),
        share_search.totals_by_share(curve_setting),
        share_search.standing_at(curve_setting.query_at(0.0)),
    )
    last = indifferent_share(told)
    tried = [reply.share for reply in replies if reply.standing is not None]
    above = min((share for share in tried if last is not None and share > last), default=last)
    return ShareCurve(
        others=curve_setting.others_mode,
        public_share=curve_setting.public_share,
        limit=curve_setting.limit,
        points=tuple(
            _share_point(context, share_search, reply, no_plan, nothing) for reply in replies
        ),
        best_share=best_share(told),
        indifferent_share=last,
        indifferent_within=None if last is None or above is None else above - last,
    )


def _share_point(
    context: CompanyContext,
    share_search: ShareSearch,
    reply: ShareReply,
    no_plan: tuple[CompanyOutcome, float],
    without_share: CompanyOutcome | None,
) -> SharePoint:
    """What one share leads to: ``without`` is how the company fares without any plan, and the mean
    damage of all then, ``nothing`` how it fares at share 0."""
    plan, here = reply.commitment, reply.standing
    figures = ("stake_meur", "avoided", "avoided_per_euro", "to_others", "gain", "gain_per_euro")
    led: dict[str, Any] = dict.fromkeys(figures) | {"outlay_by_year_meur": {}, "offtake_t": {}}
    if plan is not None and here is not None and reply.damage is not None:
        avoided, together = no_plan[0].expected - here.expected, no_plan[1] - reply.damage
        capex = {p: project.capex for p, project in context.instance.projects.items()}
        led |= {
            "stake_meur": math.fsum(
                capex[p] * x for p, x in context.carried_shares(plan, (context.company,))
            ),
            "outlay_by_year_meur": values_by_year(
                context.instance, expected_outlay(context.instance, plan)[context.company]
            ),
            "offtake_t": _offtake_tonnes(context, plan),
            "avoided": avoided,
            "avoided_per_euro": _ratio(avoided, here.net_cost_meur),
            "to_others": _ratio(together - avoided, together),
        }
        if without_share is not None:
            more = here.net_cost_meur - without_share.net_cost_meur
            led["gain"] = without_share.total - here.total
            led["gain_per_euro"] = _ratio(without_share.expected - here.expected, more)
    return SharePoint(
        share=reply.share,
        status=reply.status,
        objective=reply.objective,
        bound=reply.bound,
        gap=reply.gap,
        built=context.builds_project(plan),
        projects={} if plan is None else plan.earliest_starts,
        standing=here,
        range=share_search.standing_range(reply.query),
        seconds=reply.seconds,
        **led,
    )


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > MIN_COST_MEUR else None


def _offtake_tonnes(context: CompanyContext, plan: Commitment) -> dict[str, dict[str, float]]:
    """Tonnes a year by material, at full running without delay or failure, of all projects."""
    instance, group = context.instance, company_group(context.company)
    tonnes: dict[str, np.ndarray] = {}
    for chance, _, own in weighted_branches(instance, plan):
        for (p, g), share in own.offtake.items():
            if g == group and p in own.start:
                project = instance.projects[p]
                running = chance * project.running_shares(instance.years, own.start[p])
                for m, lots in project.output.items():
                    yearly = (
                        share * lots * instance.periods_per_year * instance.lot_tonnes[m] * running
                    )
                    tonnes[m] = tonnes.get(m, np.zeros(len(instance.years))) + yearly
    return {m: values_by_year(instance, yearly) for m, yearly in tonnes.items()}
