"""Differences between two plans in projects, stocks and payments, and their description."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import fsum
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from models.language import tr
from models.results import Plan, ProjectPlan
from models.results.base import PlanDiff
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording

STOCK_TOLERANCE = 0.01
"""Difference of two stocks, relative to the larger, up to which results leave it out."""
SHARE_TOLERANCE = 0.005
"""Difference of shares of capex that counts as none."""
MARKET_ID = ".market"
"""Stands for lenders and investors among ids of funders, which contain no dots."""
MAX_STOCKS_NAMED = 3
"""Maximum number of stocks that are named; the others are counted."""

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")
EMPTY: Mapping[Any, Any] = MappingProxyType({})


def pair_up(
    before: Mapping[KeyT, ValueT], after: Mapping[KeyT, ValueT], missing: ValueT
) -> dict[KeyT, tuple[ValueT, ValueT]]:
    """Return the pair of values of each key; a mapping without the key contributes ``missing``."""
    keys = dict.fromkeys((*before, *after))
    return {key: (before.get(key, missing), after.get(key, missing)) for key in keys}


def differences(before: Mapping[KeyT, float], after: Mapping[KeyT, float]) -> dict[KeyT, float]:
    """Return for each key the value after less the value before; missing values count as 0."""
    return {key: b - a for key, (a, b) in pair_up(before, after, 0.0).items()}


def differs(before: float, after: float, share: float, least: float = 0.0) -> bool:
    """Return whether two figures differ by more than ``least`` and by more than ``share`` of the
    larger."""
    return abs(after - before) > max(least, share * max(abs(before), abs(after)))


class Decisions(NamedTuple):
    """Decisions of a plan, each by the items that the plan chooses."""

    starts: Mapping[str, int] = EMPTY  #: Year of the decision by project, the earliest at a review.
    stocks_t: Mapping[str, float] = EMPTY  #: Tonnes that each stockpile holds at most.
    shares: Mapping[str, Mapping[tuple[str, str], float]] = EMPTY
    """Shares of a project's capex by funder and instrument; for the market see ``MARKET_ID``."""
    stock_cost_meur: Mapping[str, float] = EMPTY  #: Undiscounted, by stockpile.
    offtake: Mapping[str, float] = EMPTY  #: Share of a project's output that is contracted.
    paid_meur: Mapping[tuple[str, str], Mapping[str, float]] = EMPTY
    """Undiscounted payments by item (its section and id) and payer."""

    @classmethod
    def of_plan(cls, plan: Plan) -> "Decisions":
        """Return the decisions of a saved plan."""
        built_plans = {p: project_plan for p, (project_plan, _) in built_projects(plan).items()}
        paid_amounts = {
            ("projects", p): {MARKET_ID: x.market_share * x.mean_capex_meur}
            for p, x in built_plans.items()
        }
        for account in plan.accounts:
            item = ("projects", account.project or "")
            if not account.project:
                item = ("stockpiles", account.stockpile or "")
            by_payer = paid_amounts.setdefault(item, {})
            amount = fsum(account.paid_meur.values())
            by_payer[account.funder] = by_payer.get(account.funder, 0.0) + amount
        return cls(
            starts={p: x.start for p, x in built_plans.items()},
            stocks_t={x.id: max(x.planned_t.values(), default=0.0) for x in plan.stockpiles},
            shares={p: _capex_shares(x) for p, x in built_plans.items()},
            stock_cost_meur={x.id: fsum(x.cost_meur.values()) for x in plan.stockpiles},
            offtake={p: x.offtake for p, x in built_plans.items()},
            paid_meur=paid_amounts,
        )


def built_projects(plan: Plan) -> dict[str, tuple[ProjectPlan, float]]:
    """Return the projects that a plan builds, by id.

    Each is given as decided in its earliest year, with the total probability that it is built.
    """
    plan_by_project: dict[str, tuple[ProjectPlan, float]] = {}
    for probability, project_plan in plan.projects_with_probability:
        first_plan, probability_before = plan_by_project.get(project_plan.id, (project_plan, 0.0))
        earliest = project_plan if project_plan.start < first_plan.start else first_plan
        plan_by_project[project_plan.id] = earliest, min(1.0, probability_before + probability)
    return {id: entry for id, entry in plan_by_project.items() if entry[1] > 0}


def _capex_shares(project_plan: ProjectPlan) -> dict[tuple[str, str], float]:
    shares_by_payer = {
        (f, i): share for f, by_i in project_plan.shares.items() for i, share in by_i.items()
    }
    return {**shares_by_payer, (MARKET_ID, ""): project_plan.market_share}


Pairs = dict[KeyT, tuple[float, float]]
"""The figures of the first and of the second plan, by item."""


class DecisionDiff(NamedTuple):
    """The difference of two plans: what the second decides otherwise than the first.

    Pairs have the figures of both plans, also where these are equal.
    """

    entering: tuple[str, ...]  #: Projects that the second plan alone builds.
    leaving: tuple[str, ...]  #: Projects that the first plan alone builds.
    moved: dict[str, tuple[int, int]]  #: Start years of projects that both build, if they differ.
    refinanced: tuple[str, ...]  #: Projects that start alike, but with other shares of capex.
    stocks_t: Pairs[str]
    stock_cost_meur: Pairs[str]
    offtake: Pairs[str]
    paid_meur: dict[tuple[str, str], Pairs[str]]  #: By item and payer.

    @classmethod
    def between(cls, before: Decisions, after: Decisions) -> "DecisionDiff":
        """Return the difference of two plans from their decisions."""
        starts = before.starts, after.starts
        moved = {p: (y, starts[1][p]) for p, y in starts[0].items() if starts[1].get(p, y) != y}
        return cls(
            entering=tuple(p for p in starts[1] if p not in starts[0]),
            leaving=tuple(p for p in starts[0] if p not in starts[1]),
            moved=moved,
            refinanced=tuple(
                p
                for p, share_pair in pair_up(before.shares, after.shares, EMPTY).items()
                if p in starts[0] and p in starts[1] and p not in moved
                if any(
                    differs(*x, 0.0, SHARE_TOLERANCE) for x in pair_up(*share_pair, 0.0).values()
                )
            ),
            stocks_t=pair_up(before.stocks_t, after.stocks_t, 0.0),
            stock_cost_meur=pair_up(before.stock_cost_meur, after.stock_cost_meur, 0.0),
            offtake=pair_up(before.offtake, after.offtake, 0.0),
            paid_meur={
                item: pair_up(*payments, 0.0)
                for item, payments in pair_up(before.paid_meur, after.paid_meur, EMPTY).items()
            },
        )

    @property
    def paid_by_payer_meur(self) -> Pairs[str]:
        """The total payments of each payer."""
        by_payer: dict[str, list[tuple[float, float]]] = {}
        for payer, amount_pair in chain.from_iterable(x.items() for x in self.paid_meur.values()):
            by_payer.setdefault(payer, []).append(amount_pair)
        return {f: (fsum(a for a, _ in x), fsum(b for _, b in x)) for f, x in by_payer.items()}

    def to_result(self) -> PlanDiff:
        """Return the part of the difference that results store."""
        stocks_t = {
            h: b - a for h, (a, b) in self.stocks_t.items() if differs(a, b, STOCK_TOLERANCE)
        }
        return PlanDiff(
            entering=self.entering, leaving=self.leaving, moved=self.moved, stocks_t=stocks_t
        )


def describe_plan_diff(
    wording: Wording[Any],
    diff: PlanDiff,
    largest_stocks: Mapping[str, float] = EMPTY,
    known_names: Mapping[str, str] = EMPTY,
    excluded_id: str = "",
) -> str:
    """Return a text on the projects that another plan adds, drops or moves, and on the largest
    differences in stocks.

    Stocks are ranked by their difference relative to ``largest_stocks``, since tonnes of different
    materials, such as gallium and magnesium, cannot be compared. ``known_names`` has the names of
    projects and stockpiles for use without a scenario. The item ``excluded_id`` is not named.
    """

    def name(kind: str, id: str) -> str:
        return wording.name(kind, id, known_names.get(id))

    def listed(ids: Sequence[str]) -> str:
        return ", ".join(name("projects", p) for p in ids if p != excluded_id)

    def describe_move(p: str, year_before: int, year_after: int) -> str:
        return tr("{project} in {year}, not {before}",
                  project=name("projects", p), year=year_after, before=year_before)  # fmt: skip

    tonnes = {h: difference for h, difference in diff.stocks_t.items() if h != excluded_id}
    ranked_stockpiles = sorted(
        tonnes, key=lambda h: -abs(tonnes[h]) / max(largest_stocks.get(h, 0.0), 1e-9)
    )
    stocks = [
        f"{name('stockpiles', h)} {'+' if tonnes[h] > 0 else '-'}"
        f"{format_number(abs(tonnes[h]))} {tr('t')}"
        for h in ranked_stockpiles[:MAX_STOCKS_NAMED]
    ]
    if len(ranked_stockpiles) > MAX_STOCKS_NAMED:
        stocks.append(
            tr("{count} more", count=format_number(len(ranked_stockpiles) - MAX_STOCKS_NAMED))
        )
    change_texts = [
        (names := listed(diff.entering)) and tr("with {projects}", projects=names),
        (names := listed(diff.leaving)) and tr("without {projects}", projects=names),
        ", ".join(describe_move(p, *years) for p, years in diff.moved.items()),
        stocks and tr("stocks: {stocks}", stocks=", ".join(stocks)),
    ]
    return "; ".join(text for text in change_texts if text)
