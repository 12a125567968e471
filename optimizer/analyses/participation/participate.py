"""Participation analysis: what a company pays and gains at each share of a project that it may
take."""

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
)
from optimizer.analyses.result_fields import common_result_fields
from optimizer.errors import Infeasible, Interrupted, Misuse, NoPlan
from optimizer.model.commitment import Commitment, expected_outlay, weighted_branches
from optimizer.model.instance import company_group
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve import outcomes
from optimizer.solve.accounts import values_by_year
from optimizer.solve.conflicts import irreducible_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.plan_document import MEASURE_UNITS
from optimizer.solve.planner import default_jobs
from optimizer.solve.session import Session, create_worker_solver

MIN_COST_MEUR = 1e-9


def run_analysis(analysis_input: AnalysisInput, options: ParticipateOptions) -> AnalysisOutcome:
    """Run the command that finds the share which a company should take."""
    case, company, project = analysis_input.reading.case, options.company, options.project
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if company not in companies:
        known_companies = ", ".join(companies) or "-"
        raise Misuse(tr("There is no company '{company}'; there are {known}.",
                        company=company, known=known_companies))  # fmt: skip
    if project is not None and project not in case.projects:
        known_projects = ", ".join(case.projects) or "-"
        raise Misuse(tr("There is no project '{project}'; there are {known}.",
                        project=project, known=known_projects))  # fmt: skip
    result = analyze_participation(
        analysis_input.reading, options, pool=analysis_input.pool, **analysis_input.labels
    )
    points = [point for curve in result.curves for point in curve.points]
    stopped_early = any(point.status in ("limit", "none") for point in points)
    return AnalysisOutcome(result, 1 if stopped_early or result.ended == "interrupted" else 0)


def analyze_participation(
    loaded_scenario: LoadedScenario,
    options: ParticipateOptions,
    *,
    pool: CutPool | None = None,
    title: str,
    variant: str | None = None,
) -> Participation:
    """Compute a company's cost and benefit at each share of a project, or of all projects.

    At each share, the other funders either optimize again by the scenario's objective, or keep
    their decisions of the plan in which the share is free. With pooled supply, damage cannot be
    attributed to the company in advance; then ranges are not computed, and neither is the case in
    which the company acts alone. Ctrl-C ends the analysis with the points found so far.

    Raises Infeasible or NoPlan if the scenario itself has no plan, Interrupted if the analysis was
    stopped before there was one, ScenarioError if the scenario does not allow what the analysis
    requires, and SolverError if the solver fails or its answer fails the check.
    """
    started_at = time.perf_counter()
    company, project, case = options.company, options.project, loaded_scenario.case
    session = Session(pool=CutPool() if pool is None else pool, **options.solver_options)
    context = read_company_context(loaded_scenario, company, project, options.allocation)
    free_reply = ShareSolver(context, session)(ShareQuery("free"))
    if free_reply.interrupted:
        raise Interrupted(tr("stopped before any plan was found"))
    if free_reply.status == "infeasible":
        raise Infeasible(irreducible_conflict(replace(context.instance, branches=())))
    if free_reply.commitment is None:
        raise NoPlan(tr("no plan was found before the limit ({ended})", ended="time limit"))
    context = replace(
        context,
        free_plan=free_reply.commitment,
        decisions_of_others=fix_decisions_of_others(context, free_reply.commitment),
    )
    empty_plan = Commitment()
    evaluation = outcomes.evaluate_commitments(
        context.instance, context.states, [empty_plan], consumers=context.consumers
    )[0]
    standing = compute_standing(context, context.instance, evaluation, empty_plan)
    no_plan = standing, evaluation.expected
    search = ShareSearch(context, options)
    jobs = choose_worker_count(options.jobs, default_jobs(context.instance, context.states))
    try:
        solver_arguments = (ShareSolver, context, session.for_worker())
        with Workers[ShareQuery, ShareReply](
            create_worker_solver, solver_arguments, jobs
        ) as workers:
            search.solve_all(workers)
    except KeyboardInterrupt:
        search.interrupted = True
    return Participation(
        company=company,
        name=display_name(case.funders[company].name, company),
        consumers=context.consumers,
        project=project,
        project_name=project and display_name(case.projects[project].name, project),
        allocation=options.allocation,
        tolerance=options.tolerance,
        without_plan=standing,
        alone=search.standing_at(ShareQuery("alone")),
        free=free_reply.standing,
        free_share=context.share_in_plan(free_reply.commitment, (company,)),
        curves=tuple(_share_curve(context, search, x, no_plan) for x in search.curve_settings),
        project_names={p: display_name(x.name, p) for p, x in case.projects.items()},
        material_names={m: display_name(x.name, m) for m, x in case.materials.items()},
        ended="interrupted" if search.interrupted else "complete",
        **common_result_fields(
            Participation, case, title, variant, started_at, len(context.states), options.gap
        )
        | {"unit": MEASURE_UNITS["damage"].format(currency=case.currency)},
    )


def _share_curve(
    context: CompanyContext,
    share_search: ShareSearch,
    curve_setting: CurveSetting,
    no_plan: tuple[CompanyOutcome, float],
) -> ShareCurve:
    replies = share_search.replies_on(curve_setting)
    totals = share_search.totals_by_share(curve_setting)
    without_share = share_search.standing_at(curve_setting.query_at(0.0))
    indifferent = indifferent_share(totals)
    tried_shares = [reply.share for reply in replies if reply.standing is not None]
    indifferent_within = None
    if indifferent is not None:
        shares_above = (share for share in tried_shares if share > indifferent)
        indifferent_within = min(shares_above, default=indifferent) - indifferent
    return ShareCurve(
        others=curve_setting.others_mode,
        public_share=curve_setting.public_share,
        limit=curve_setting.limit,
        points=tuple(
            _share_point(context, share_search, reply, no_plan, without_share) for reply in replies
        ),
        best_share=best_share(totals),
        indifferent_share=indifferent,
        indifferent_within=indifferent_within,
    )


def _share_point(
    context: CompanyContext,
    share_search: ShareSearch,
    reply: ShareReply,
    no_plan: tuple[CompanyOutcome, float],
    without_share: CompanyOutcome | None,
) -> SharePoint:
    """Return the result at one share.

    ``no_plan`` is the company's outcome and the mean total damage without a plan, ``without_share``
    the company's outcome at share 0.
    """
    plan, standing = reply.commitment, reply.standing
    figures = ("stake_meur", "avoided", "avoided_per_euro", "to_others", "gain", "gain_per_euro")
    computed_fields: dict[str, Any] = dict.fromkeys(figures) | {
        "outlay_by_year_meur": {},
        "offtake_t": {},
    }
    if plan is not None and standing is not None and reply.damage is not None:
        avoided, total_avoided = no_plan[0].expected - standing.expected, no_plan[1] - reply.damage
        capex = {p: project.capex for p, project in context.instance.projects.items()}
        computed_fields |= {
            "stake_meur": math.fsum(
                capex[p] * x for p, x in context.carried_shares(plan, (context.company,))
            ),
            "outlay_by_year_meur": values_by_year(
                context.instance, expected_outlay(context.instance, plan)[context.company]
            ),
            "offtake_t": _offtake_tonnes(context, plan),
            "avoided": avoided,
            "avoided_per_euro": _ratio(avoided, standing.net_cost_meur),
            "to_others": _ratio(total_avoided - avoided, total_avoided),
        }
        if without_share is not None:
            additional_cost = standing.net_cost_meur - without_share.net_cost_meur
            computed_fields["gain"] = without_share.total - standing.total
            avoided_by_share = without_share.expected - standing.expected
            computed_fields["gain_per_euro"] = _ratio(avoided_by_share, additional_cost)
    return SharePoint(
        share=reply.share,
        status=reply.status,
        objective=reply.objective,
        bound=reply.bound,
        gap=reply.gap,
        built=context.builds_project(plan),
        projects={} if plan is None else plan.earliest_starts,
        standing=standing,
        range=share_search.standing_range(reply.query),
        seconds=reply.seconds,
        **computed_fields,
    )


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > MIN_COST_MEUR else None


def _offtake_tonnes(context: CompanyContext, plan: Commitment) -> dict[str, dict[str, float]]:
    """Return the company's offtake in tonnes by material and year, if no project is late or
    fails."""
    instance, group = context.instance, company_group(context.company)
    tonnes: dict[str, np.ndarray] = {}
    for probability, _, decisions in weighted_branches(instance, plan):
        for (p, g), share in decisions.offtake.items():
            if g == group and p in decisions.start:
                project = instance.projects[p]
                running = probability * project.running_shares(instance.years, decisions.start[p])
                for m, lots in project.output.items():
                    lot_tonnes = instance.lot_tonnes[m]
                    tonnes_by_year = share * lots * instance.periods_per_year * lot_tonnes * running
                    tonnes[m] = tonnes.get(m, np.zeros(len(instance.years))) + tonnes_by_year
    return {m: values_by_year(instance, tonnes_by_year) for m, tonnes_by_year in tonnes.items()}
