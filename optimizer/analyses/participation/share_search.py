"""Search over shares in rounds: an even grid, refinement, and ranges of equally good plans."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from models.language import format_number, tr
from models.results import CompanyOutcome, CompanyOutcomeRange
from optimizer.analyses.participation.company_context import CompanyContext
from optimizer.analyses.participation.options import ParticipateOptions
from optimizer.analyses.participation.subproblem import ShareQuery, ShareReply, build_instance
from optimizer.analyses.variation import evenly_spaced
from optimizer.parallel import Workers

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
