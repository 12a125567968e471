"""Why each project and each stock is in or out, in sentences."""

from __future__ import annotations

from models.language import tr
from models.results import Explanation
from optimizer.report.explaining import prose
from optimizer.report.explaining.sections import grouped
from optimizer.report.html.parts import Bullets, Section


def projects_in(found: Explanation) -> Section | None:
    """Projects that are built."""
    return _section(found, "projects-in", tr("Projects that are in"), "project", True)


def projects_out(found: Explanation) -> Section | None:
    """Projects that are not."""
    return _section(found, "projects-out", tr("Projects that are out"), "project", False)


def stocks_in(found: Explanation) -> Section | None:
    """Stocks that are bought."""
    return _section(found, "stocks-in", tr("Stocks that are bought"), "stockpile", True)


def stocks_out(found: Explanation) -> Section | None:
    """Stocks that buy nothing."""
    return _section(found, "stocks-out", tr("Stocks that buy nothing"), "stockpile", False)


def _section(found: Explanation, id: str, title: str, kind: str, chosen: bool) -> Section | None:
    some = grouped(found, kind, chosen)
    if not some:
        return None
    return Section(id, title, [Bullets([prose.item(found, one) for one in some])])
