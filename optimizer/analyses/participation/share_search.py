"""All questions that a company asks, in rounds: shares evenly spread, then closer ones, then the
best and the worst for it among plans that are equally good for what all are after."""

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
"""Shares that differ by less are one."""
INDIFFERENCE_TOLERANCE = 1e-6
"""A total that is higher by less, relatively, is no worse."""
WEIGHTS_PER_SIDE = 2
"""Leans that are tried to each side."""
FIRST_TRADED_SHARE = 0.2
"""Share of the company's total that the first lean would trade for the whole tolerance."""
WEIGHT_FACTOR = 4.0
"""Factor between one lean and the next."""


@dataclass(eq=False)
class RangeSearch:
    """The search to one side of one plan: for what is good for the company, or what is ill.

    A little of the company's own total is added to the objective, or taken from it. What is found
    so is as good as the others if the objective itself is within the tolerance. Its bound tells of
    every such plan: with lean μ, proven L and objectives up to F, none has a total below
    (L - F) / μ (Lagrangian relaxation of the tolerance; Geoffrion 1974).
    """

    base_reply: ShareReply
    sign: int
    tolerance: float
    """Share of the objective."""
    replies: list[ShareReply] = field(default_factory=list)

    @property
    def max_objective(self) -> float:
        """The objective of a plan that is as good as the others, at most."""
        assert self.base_reply.unweighted_objective is not None
        return self.base_reply.unweighted_objective + self.tolerance * abs(
            self.base_reply.unweighted_objective
        )

    def next_query(self, max_weight: float) -> ShareQuery | None:
        """The next lean to try, None when there is none; ``cap`` is the greatest allowed."""
        assert self.base_reply.standing is not None
        assert self.base_reply.unweighted_objective is not None
        if self.replies:
            last = self.replies[-1]
            good = (
                last.unweighted_objective is not None
                and last.unweighted_objective <= self.max_objective
            )
            size = abs(last.query.company_weight) * (WEIGHT_FACTOR if good else 1 / WEIGHT_FACTOR)
        else:
            scale = max(FIRST_TRADED_SHARE * abs(self.base_reply.standing.total), 1e-6)
            size = (self.max_objective - self.base_reply.unweighted_objective) / scale
        size = min(size, max_weight)
        tried = any(abs(reply.query.company_weight) == size for reply in self.replies)
        return (
            None
            if size <= 0 or tried
            else replace(self.base_reply.query, company_weight=self.sign * size)
        )

    def equally_good_standings(self) -> Iterator[CompanyOutcome]:
        """How the company fares with plans that are as good as the others."""
        for reply in (self.base_reply, *self.replies):
            as_good = (
                reply.unweighted_objective is not None
                and reply.unweighted_objective <= self.max_objective
            )
            if reply.standing is not None and as_good:
                yield reply.standing

    def proven_total_bounds(self) -> Iterator[float]:
        """None of these plans leaves the company less (more, to the other side)."""
        for reply in self.replies:
            if reply.bound is not None:
                yield (reply.bound - self.max_objective) / reply.query.company_weight


@dataclass(frozen=True)
class CurveSetting:
    """A curve: how the others behave, and what public funders carry, None where that is free."""

    others_mode: Literal["reoptimize", "held"]
    public_share: float | None
    limit: float | None

    def query_at(self, share: float) -> ShareQuery:
        """The question at one share."""
        return ShareQuery(self.others_mode, share, self.public_share)


@dataclass(eq=False)
class ShareSearch:
    """Questions and their replies."""

    context: CompanyContext
    options: ParticipateOptions
    replies: dict[ShareQuery, ShareReply] = field(default_factory=dict)
    curve_settings: list[CurveSetting] = field(default_factory=list)
    range_searches: dict[ShareQuery, tuple[RangeSearch, RangeSearch]] = field(default_factory=dict)
    interrupted: bool = False

    def solve_all(self, workers: Workers[ShareQuery, ShareReply]) -> None:
        """Ask everything. KeyboardInterrupt leaves the replies so far."""
        desk, options = self.context, self.options
        self.curve_settings.extend(self._build_curve_settings())
        first = [ShareQuery("alone")] if desk.is_entitled else []
        for line in self.curve_settings:
            first.extend(map(line.query_at, self._initial_shares(line)))
        self._solve_queries(workers, first)
        for _ in range(options.refine):
            free = (line for line in self.curve_settings if line.public_share is None)
            self._solve_queries(
                workers, [line.query_at(x) for line in free for x in self._refined_shares(line)]
            )
        if desk.is_entitled and options.ranges:
            self._search_ranges(workers, first)

    def _build_curve_settings(self) -> Iterator[CurveSetting]:
        desk, levels = self.context, self.options.public

        def line(way: Literal["reoptimize", "held"], public: float | None) -> CurveSetting:
            instance = build_instance(desk, ShareQuery(way, None, public))
            return CurveSetting(way, public, desk.find_max_share(instance, (desk.company,)))

        yield line("reoptimize", None)
        if desk.is_entitled:
            yield line("held", None)
        public = desk.instance.public_funders
        if levels and public and (most := desk.find_max_share(desk.instance, public)):
            for level in evenly_spaced(0.0, most, levels):
                yield line("reoptimize", level)

    def _initial_shares(self, curve_setting: CurveSetting) -> list[float]:
        """Shares evenly spread, and, where public funders are free, that of the scenario's plan."""
        if not curve_setting.limit:
            shares = [0.0]
        else:
            steps = (
                self.options.steps
                if curve_setting.public_share is None
                else max(2, self.options.steps // 2)
            )
            shares = evenly_spaced(0.0, curve_setting.limit, steps + 1)
        plan = self.context.free_plan
        free = None if plan is None else self.context.share_in_plan(plan, (self.context.company,))
        if (
            free is None
            or curve_setting.public_share is not None
            or free > (curve_setting.limit or 0.0)
        ):
            return shares
        return (
            shares
            if any(abs(free - x) < SHARE_TOLERANCE for x in shares)
            else sorted([*shares, free])
        )

    def _solve_queries(
        self, workers: Workers[ShareQuery, ShareReply], queries: Iterable[ShareQuery]
    ) -> None:
        def done(ask: ShareQuery, reply: ShareReply) -> None:
            self.replies[ask] = reply
            self.options.report_progress(len(self.replies), None, _query_name(ask))
            if reply.interrupted:
                raise KeyboardInterrupt

        workers.map([ask for ask in dict.fromkeys(queries) if ask not in self.replies], done)

    def _refined_shares(self, curve_setting: CurveSetting) -> list[float]:
        """Half way from the best share to its neighbours, and from the indifferent one upwards."""
        told = self.totals_by_share(curve_setting)
        best, indifferent = best_share(told), indifferent_share(told)
        shares = [
            reply.share for reply in self.replies_on(curve_setting) if reply.standing is not None
        ]
        return [
            (low + high) / 2
            for low, high in pairwise(shares)
            if told
            and high - low > 2 * SHARE_TOLERANCE
            and (best in (low, high) or low == indifferent)
        ]

    def _search_ranges(
        self, workers: Workers[ShareQuery, ShareReply], share_queries: Collection[ShareQuery]
    ) -> None:
        """Look for the best and the worst of equally good plans, at all these shares of the first
        line at once."""
        cap = 1.0 - float(self.context.instance.case.objective.cvar.weight)
        tolerance = self.options.tolerance
        self.range_searches = {
            reply.query: (RangeSearch(reply, 1, tolerance), RangeSearch(reply, -1, tolerance))
            for reply in self.replies_on(self.curve_settings[0])
            if reply.standing is not None and reply.query in share_queries
        }
        for _ in range(WEIGHTS_PER_SIDE):
            asks = [
                (lean, lean.next_query(cap))
                for both in self.range_searches.values()
                for lean in both
            ]
            self._solve_queries(workers, [ask for _, ask in asks if ask is not None])
            for lean, ask in asks:
                if ask is not None:
                    lean.replies.append(self.replies[ask])

    # What was found

    def replies_on(self, curve_setting: CurveSetting) -> list[ShareReply]:
        """The replies on a line, by rising share."""
        own = [
            reply
            for ask, reply in self.replies.items()
            if ask.share is not None and replace(ask, share=0.0) == curve_setting.query_at(0.0)
        ]
        return sorted(own, key=lambda reply: reply.share)

    def totals_by_share(self, curve_setting: CurveSetting) -> list[tuple[float, float]]:
        """Shares at which there is a plan in which something is built, and none, with the company's
        total there; a share of what is not built is no share."""
        return [
            (reply.share, reply.standing.total)
            for reply in self.replies_on(curve_setting)
            if reply.standing is not None
            and (reply.share == 0.0 or self.context.builds_project(reply.commitment))
        ]

    def standing_at(self, query: ShareQuery) -> CompanyOutcome | None:
        """How the company fares by a reply, if there is one with a plan."""
        reply = self.replies.get(query)
        return None if reply is None else reply.standing

    def standing_range(self, query: ShareQuery) -> CompanyOutcomeRange | None:
        """The range over plans that are equally good, where it was looked for."""
        if query not in self.range_searches:
            return None
        lower, upper = self.range_searches[query]
        every = [*lower.equally_good_standings(), *upper.equally_good_standings()]
        best, worst = min(every, key=lambda s: s.total), max(every, key=lambda s: s.total)
        least, most = (
            max(lower.proven_total_bounds(), default=None),
            min(upper.proven_total_bounds(), default=None),
        )
        return CompanyOutcomeRange(
            best=best,
            worst=worst,
            least=None if least is None else min(least, best.total),
            most=None if most is None else max(most, worst.total),
        )


def _query_name(query: ShareQuery) -> str:
    """A question as progress names it."""
    if query.share is None:
        return tr("acting alone")
    share = f"{format_number(round(100 * query.share, 2))} %"
    if query.others_mode == "held":
        return tr("{share}, others held", share=share)
    if query.company_weight:
        return tr("{share}, range", share=share)
    if query.public_share is not None:
        public = f"{format_number(round(100 * query.public_share, 2))} %"
        return tr("{share}, public {public}", share=share, public=public)
    return share


def best_share(share_totals: Sequence[tuple[float, float]]) -> float | None:
    """The share at which the total is least, the smallest of several; None without any."""
    return min(share_totals, key=lambda item: (item[1], item[0]), default=(None, 0.0))[0]


def indifferent_share(share_totals: Sequence[tuple[float, float]]) -> float | None:
    """The largest share above 0 at which the total is no higher than at 0; None without any."""
    nothing = dict(share_totals).get(0.0)
    if nothing is None:
        return None
    most = nothing + INDIFFERENCE_TOLERANCE * max(1.0, abs(nothing))
    return max(
        (share for share, total in share_totals if share > 0 and total <= most), default=None
    )
