"""Text on the difference between two plans."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from models.language import tr
from models.results.base import PlanDiff
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording

MAX_STOCKS_NAMED = 3
"""Maximum number of stocks that are named; the others are counted."""


def describe_plan_diff(
    wording: Wording[Any],
    diff: PlanDiff,
    largest_stocks: Mapping[str, float] = MappingProxyType({}),
    known_names: Mapping[str, str] = MappingProxyType({}),
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

    def moved(p: str, before: int, year: int) -> str:
        project = name("projects", p)
        return tr("{project} in {year}, not {before}", project=project, year=year, before=before)

    tonnes = {h: difference for h, difference in diff.stocks_t.items() if h != excluded_id}
    ranked = sorted(tonnes, key=lambda h: -abs(tonnes[h]) / max(largest_stocks.get(h, 0.0), 1e-9))
    stocks = [
        f"{name('stockpiles', h)} {'+' if tonnes[h] > 0 else '-'}"
        f"{format_number(abs(tonnes[h]))} {tr('t')}"
        for h in ranked[:MAX_STOCKS_NAMED]
    ]
    if len(ranked) > MAX_STOCKS_NAMED:
        stocks.append(tr("{count} more", count=format_number(len(ranked) - MAX_STOCKS_NAMED)))
    parts = [
        (names := listed(diff.entering)) and tr("with {projects}", projects=names),
        (names := listed(diff.leaving)) and tr("without {projects}", projects=names),
        ", ".join(moved(p, *years) for p, years in diff.moved.items()),
        stocks and tr("stocks: {stocks}", stocks=", ".join(stocks)),
    ]
    return "; ".join(text for text in parts if text)
