"""What one plan does otherwise than another, in words."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from models.language import tr
from models.results.base import Instead
from optimizer.report.figures import number
from optimizer.report.wording import Wording

STOCKS_SHOWN = 3
"""Stocks that are named; the others are counted."""


def changes(
    say: Wording[Any],
    other: Instead,
    held: Mapping[str, float] = MappingProxyType({}),
    names: Mapping[str, str] = MappingProxyType({}),
    but: str = "",
) -> str:
    """What another plan has and lacks, what it starts in other years, and which stocks differ most.

    ``held`` is what each stock holds at most, since tonnes of gallium and magnesium do not compare;
    ``names`` are those of projects and stocks whose scenario is not there; ``but`` is an id that is
    not named.
    """

    def name(kind: str, id: str) -> str:
        return say.name(kind, id, names.get(id))

    def listed(ids: Sequence[str]) -> str:
        return ", ".join(name("projects", p) for p in ids if p != but)

    def moved(p: str, before: int, year: int) -> str:
        project = name("projects", p)
        return tr("{project} in {year}, not {before}", project=project, year=year, before=before)

    tonnes = {h: t for h, t in other.stocks_t.items() if h != but}
    ranked = sorted(tonnes, key=lambda h: -abs(tonnes[h]) / max(held.get(h, 0.0), 1e-9))
    stocks = [
        f"{name('stockpiles', h)} {'+' if tonnes[h] > 0 else '-'}{number(abs(tonnes[h]))} {tr('t')}"
        for h in ranked[:STOCKS_SHOWN]
    ]
    if len(ranked) > STOCKS_SHOWN:
        stocks.append(tr("{count} more", count=number(len(ranked) - STOCKS_SHOWN)))
    told = [
        (some := listed(other.entering)) and tr("with {projects}", projects=some),
        (some := listed(other.leaving)) and tr("without {projects}", projects=some),
        ", ".join(moved(p, *years) for p, years in other.moved.items()),
        stocks and tr("stocks: {stocks}", stocks=", ".join(stocks)),
    ]
    return "; ".join(text for text in told if text)
