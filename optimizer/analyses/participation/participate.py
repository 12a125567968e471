"""Participation analysis: what a company pays and gains at each share of a project that it may
take."""

import math
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from models.base import display_name
from models.files import LoadedScenario
from models.language import format_number, tr
from models.results import (
    CompanyOutcome,
    CompanyOutcomeRange,
    Participation,
    ShareCurve,
    SharePoint,
)
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import ParticipateOptions
from optimizer.analyses.participation.subproblem import (
    CompanyContext,
    ShareQuery,
    ShareReply,
    ShareSolver,
    build_instance,
    compute_standing,
    fix_decisions_of_others,
    read_company_context,
)
from optimizer.analyses.saved_plan import common_result_fields
from optimizer.analyses.variation import evenly_spaced
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

SHARE_TOLERANCE = 1e-6
"""Shares that differ by less are equal."""
INDIFFERENCE_TOLERANCE = 1e-6
"""Relative increase of a total up to which it counts as no worse."""
WEIGHTS_PER_SIDE = 2
"""Number of company weights tried with each sign."""
FIRST_TRADED_SHARE = 0.2
"""Share of the company's total that the first weight trades for the whole tolerance."""
WEIGHT_FACTOR = 4.0
"""Factor between one weight and the next."""


@dataclass(eq=False)
class RangeSearch:
    """Search among equally good plans for the best (or worst) one for the company.

    The company's total, with a small weight μ whose sign is ``sign``, is added to the objective. A
    plan counts as equally good if its original objective is within the tolerance. If L is the
    proven bound of the weighted problem and F the largest objective of an equally good plan, no
    such plan has a total below (L - F) / μ (Lagrangian relaxation of the tolerance; Geoffrion
    1974).
    """

    base_reply: ShareReply
    sign: int
    tolerance: float
    """Share of the objective."""
    replies: list[ShareReply] = field(default_factory=list)

    @property
    def max_objective(self) -> float:
        """The largest objective that an equally good plan may have."""
        assert self.base_reply.unweighted_objective is not None
        return self.base_reply.unweighted_objective + self.tolerance * abs(
            self.base_reply.unweighted_objective
        )

    def next_query(self, max_weight: float) -> ShareQuery | None:
        """Return the query with the next weight, at most ``max_weight``; None if it is 0 or was
        tried before."""
        assert self.base_reply.standing is not None
        assert self.base_reply.unweighted_objective is not None
        if self.replies:
            last_reply = self.replies[-1]
            is_within_tolerance = (
                last_reply.unweighted_objective is not None
                and last_reply.unweighted_objective <= self.max_objective
            )
            weight = abs(last_reply.query.company_weight) * (
                WEIGHT_FACTOR if is_within_tolerance else 1 / WEIGHT_FACTOR
            )
        else:
            scale = max(FIRST_TRADED_SHARE * abs(self.base_reply.standing.total), 1e-6)
            weight = (self.max_objective - self.base_reply.unweighted_objective) / scale
        weight = min(weight, max_weight)
        tried = any(abs(reply.query.company_weight) == weight for reply in self.replies)
        if weight <= 0 or tried:
            return None
        return replace(self.base_reply.query, company_weight=self.sign * weight)

    def equally_good_standings(self) -> Iterator[CompanyOutcome]:
        """Yield the company's outcome in each plan found whose objective is within the tolerance of
        the base plan's objective."""
        for reply in (self.base_reply, *self.replies):
            is_within_tolerance = (
                reply.unweighted_objective is not None
                and reply.unweighted_objective <= self.max_objective
            )
            if reply.standing is not None and is_within_tolerance:
                yield reply.standing

    def proven_total_bounds(self) -> Iterator[float]:
        """Yield proven bounds on the company's total over all equally good plans.

        They are lower bounds if ``sign`` is positive, and upper bounds if it is negative.
        """
        for reply in self.replies:
            if reply.bound is not None:
                yield (reply.bound - self.max_objective) / reply.query.company_weight


@dataclass(frozen=True)
class CurveSetting:
    """Settings that all points of a curve share: what the other funders do, and the public share
    (None if free)."""

    others_mode: Literal["reoptimize", "held"]
    public_share: float | None
    limit: float | None
    """Largest share of the company that the rules allow; None if no project can be built."""

    def query_at(self, share: float) -> ShareQuery:
        """Return the query for a point of this curve."""
        return ShareQuery(self.others_mode, share, self.public_share)


@dataclass(eq=False)
class ShareSearch:
    """The queries of an analysis and their replies."""

    context: CompanyContext
    options: ParticipateOptions
    replies: dict[ShareQuery, ShareReply] = field(default_factory=dict)
    curve_settings: list[CurveSetting] = field(default_factory=list)
    range_searches: dict[ShareQuery, tuple[RangeSearch, RangeSearch]] = field(default_factory=dict)
    interrupted: bool = False

    def solve_all(self, workers: Workers[ShareQuery, ShareReply]) -> None:
        """Solve all queries in rounds.

        KeyboardInterrupt leaves the replies that have arrived.
        """
        context, options = self.context, self.options
        self.curve_settings.extend(self._build_curve_settings())
        initial_queries = [ShareQuery("alone")] if context.is_entitled else []
        for curve in self.curve_settings:
            initial_queries.extend(map(curve.query_at, self._initial_shares(curve)))
        self._solve_queries(workers, initial_queries)
        for _ in range(options.refine):
            free_curves = (curve for curve in self.curve_settings if curve.public_share is None)
            self._solve_queries(
                workers,
                [curve.query_at(x) for curve in free_curves for x in self._refined_shares(curve)],
            )
        if context.is_entitled and options.ranges:
            self._search_ranges(workers, initial_queries)

    def _build_curve_settings(self) -> Iterator[CurveSetting]:
        context, levels = self.context, self.options.public

        def build_setting(
            others_mode: Literal["reoptimize", "held"], public_share: float | None
        ) -> CurveSetting:
            instance = build_instance(context, ShareQuery(others_mode, None, public_share))
            return CurveSetting(
                others_mode, public_share, context.find_max_share(instance, (context.company,))
            )

        yield build_setting("reoptimize", None)
        if context.is_entitled:
            yield build_setting("held", None)
        public_funders = context.instance.public_funders
        if (
            levels
            and public_funders
            and (max_share := context.find_max_share(context.instance, public_funders))
        ):
            for level in evenly_spaced(0.0, max_share, levels):
                yield build_setting("reoptimize", level)

    def _initial_shares(self, curve_setting: CurveSetting) -> list[float]:
        """Return an even grid of shares up to the limit of a curve.

        If public shares are free on the curve, the company's share in the free plan is added.
        """
        if not curve_setting.limit:
            initial_shares = [0.0]
        else:
            steps = (
                self.options.steps
                if curve_setting.public_share is None
                else max(2, self.options.steps // 2)
            )
            initial_shares = evenly_spaced(0.0, curve_setting.limit, steps + 1)
        plan = self.context.free_plan
        free_share = (
            None if plan is None else self.context.share_in_plan(plan, (self.context.company,))
        )
        if (
            free_share is None
            or curve_setting.public_share is not None
            or free_share > (curve_setting.limit or 0.0)
        ):
            return initial_shares
        if any(abs(free_share - x) < SHARE_TOLERANCE for x in initial_shares):
            return initial_shares
        return sorted([*initial_shares, free_share])

    def _solve_queries(
        self, workers: Workers[ShareQuery, ShareReply], queries: Iterable[ShareQuery]
    ) -> None:
        def store_reply(answered_query: ShareQuery, reply: ShareReply) -> None:
            self.replies[answered_query] = reply
            self.options.report_progress(len(self.replies), None, _query_name(answered_query))
            if reply.interrupted:
                raise KeyboardInterrupt

        workers.map(
            [query for query in dict.fromkeys(queries) if query not in self.replies], store_reply
        )

    def _refined_shares(self, curve_setting: CurveSetting) -> list[float]:
        """Return the midpoints between the best share and its neighbors, and above the indifferent
        share."""
        totals = self.totals_by_share(curve_setting)
        best_known_share, known_indifferent_share = best_share(totals), indifferent_share(totals)
        known_shares = [x.share for x in self.replies_on(curve_setting) if x.standing is not None]
        return [
            (low + high) / 2
            for low, high in pairwise(known_shares)
            if totals
            and high - low > 2 * SHARE_TOLERANCE
            and (best_known_share in (low, high) or low == known_indifferent_share)
        ]

    def _search_ranges(
        self, workers: Workers[ShareQuery, ShareReply], share_queries: Collection[ShareQuery]
    ) -> None:
        """Search for the best and worst equally good plans at the shares of ``share_queries``, on
        the first curve."""
        max_weight = 1.0 - float(self.context.instance.case.objective.cvar.weight)
        tolerance = self.options.tolerance
        self.range_searches = {
            reply.query: (RangeSearch(reply, 1, tolerance), RangeSearch(reply, -1, tolerance))
            for reply in self.replies_on(self.curve_settings[0])
            if reply.standing is not None and reply.query in share_queries
        }
        for _ in range(WEIGHTS_PER_SIDE):
            searches_and_queries = [
                (search, search.next_query(max_weight))
                for search_pair in self.range_searches.values()
                for search in search_pair
            ]
            self._solve_queries(
                workers, [query for _, query in searches_and_queries if query is not None]
            )
            for search, query in searches_and_queries:
                if query is not None:
                    search.replies.append(self.replies[query])

    # Results

    def replies_on(self, curve_setting: CurveSetting) -> list[ShareReply]:
        """Return the replies on a curve, by increasing share."""
        replies = [
            reply
            for query, reply in self.replies.items()
            if query.share is not None and replace(query, share=0.0) == curve_setting.query_at(0.0)
        ]
        return sorted(replies, key=lambda reply: reply.share)

    def totals_by_share(self, curve_setting: CurveSetting) -> list[tuple[float, float]]:
        """Return pairs of a share of a curve and the company's total at it.

        Shares above 0 are included only if a project is built.
        """
        return [
            (reply.share, reply.standing.total)
            for reply in self.replies_on(curve_setting)
            if reply.standing is not None
            and (reply.share == 0.0 or self.context.builds_project(reply.commitment))
        ]

    def standing_at(self, query: ShareQuery) -> CompanyOutcome | None:
        """Return the company's outcome for a query, if there is a plan."""
        reply = self.replies.get(query)
        return None if reply is None else reply.standing

    def standing_range(self, query: ShareQuery) -> CompanyOutcomeRange | None:
        """Return the range of the company's outcome over equally good plans; None if it was not
        searched."""
        if query not in self.range_searches:
            return None
        lower_search, upper_search = self.range_searches[query]
        standings = [*lower_search.equally_good_standings(), *upper_search.equally_good_standings()]
        best_standing, worst_standing = (
            min(standings, key=lambda s: s.total),
            max(standings, key=lambda s: s.total),
        )
        min_total = max(lower_search.proven_total_bounds(), default=None)
        max_total = min(upper_search.proven_total_bounds(), default=None)
        return CompanyOutcomeRange(
            best=best_standing,
            worst=worst_standing,
            least=None if min_total is None else min(min_total, best_standing.total),
            most=None if max_total is None else max(max_total, worst_standing.total),
        )


def _query_name(query: ShareQuery) -> str:
    """Return the name of a query for progress messages."""
    if query.share is None:
        return tr("acting alone")
    share = f"{format_number(round(100 * query.share, 2))} %"
    if query.others_mode == "held":
        return tr("{share}, others held", share=share)
    if query.company_weight:
        return tr("{share}, range", share=share)
    if query.public_share is not None:
        public_share_text = f"{format_number(round(100 * query.public_share, 2))} %"
        return tr("{share}, public {public}", share=share, public=public_share_text)
    return share


def best_share(share_totals: Sequence[tuple[float, float]]) -> float | None:
    """Return the share with the smallest total, the lowest of several such shares; None if there
    are no shares."""
    return min(share_totals, key=lambda item: (item[1], item[0]), default=(None, 0.0))[0]


def indifferent_share(share_totals: Sequence[tuple[float, float]]) -> float | None:
    """Return the largest share above 0 whose total is no higher than the total at share 0; None if
    there is none, or if share 0 is not among them.

    ``share_totals`` are pairs of share and total.
    """
    total_without_share = dict(share_totals).get(0.0)
    if total_without_share is None:
        return None
    max_total = total_without_share + INDIFFERENCE_TOLERANCE * max(1.0, abs(total_without_share))
    return max(
        (share for share, total in share_totals if share > 0 and total <= max_total), default=None
    )


MIN_COST_MEUR = 1e-9


def run_analysis(analysis_input: AnalysisInput, options: ParticipateOptions) -> AnalysisOutcome:
    """Run the command that finds the share which a company should take."""
    case, company, project = analysis_input.reading.case, options.company, options.project
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if company not in companies:
        known_companies = ", ".join(companies) or "-"
        raise Misuse(f"There is no company '{company}'; there are {known_companies}.")  # fmt: skip
    if project is not None and project not in case.projects:
        known_projects = ", ".join(case.projects) or "-"
        raise Misuse(f"There is no project '{project}'; there are {known_projects}.")  # fmt: skip
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
        raise Interrupted("stopped before any plan was found")
    if free_reply.status == "infeasible":
        raise Infeasible(irreducible_conflict(replace(context.instance, branches=())))
    if free_reply.commitment is None:
        raise NoPlan("no plan was found before the limit ({ended})".format(ended="time limit"))
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
