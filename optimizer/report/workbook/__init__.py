"""Workbooks of results: every figure of a plan, with live formulas and checks that it adds up.

Written with XlsxWriter, which stores the result of each formula beside it: who only previews the
file, or reads it with pandas, sees figures and not empty cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from models.results import Frontier, Participation, Plan, Result
from models.results.reservations import NONE, Doubts
from optimizer.report import document
from optimizer.report.html.alone import alone_of
from optimizer.report.workbook import (
    accounts,
    budgets,
    building,
    evidence,
    exposure,
    stocks,
    totals,
)
from optimizer.report.workbook.answer import answer
from optimizer.report.workbook.book import Book
from optimizer.report.workbook.checks import Check, checks
from optimizer.report.workbook.draft import Draft
from optimizer.report.workbook.from_page import write_page
from optimizer.report.workbook.identities import identities
from optimizer.report.workbook.participation import write_participation
from optimizer.report.workbook.points import frontier_sheet
from optimizer.report.workbook.styles import places

__all__ = ["write", "write_alone", "write_participation"]

SMALL = 100
"""Below so many million, amounts are shown with two decimals."""


def write(
    plan: Plan,
    *,
    frontier: Frontier | None = None,
    split: tuple[Sequence[document.Section], Sequence[document.Check]] = ((), ()),
    doubts: Doubts = NONE,
) -> bytes:
    """A plan as an Excel workbook in the current language.

    A frontier of its scenario gets a sheet of its own; ``split`` are the sheets of a split, and
    what must hold in them. ``doubts`` are sentences on the first sheet that speak against any of
    them.
    """
    amounts = [plan.outcome.net_cost_meur, *(p.capex_meur for p in plan.projects)]
    amounts += [cost for pile in plan.stockpiles for cost in pile.cost_meur.values()]
    spread = (plan.outcome.without_plan.worst, plan.outcome.worst)
    draft = Draft(Book(plan.title, _places(amounts), places(spread), doubts), plan)
    draft.book.title = draft.names.title()
    first = draft.book.sheet(tr("Answer"), draft.names.title())
    building.projects_and_funding(draft)
    stocks.stockpiles(draft)
    budgets.budgets(draft)
    accounts.accounts(draft)
    totals.overview(draft)
    exposure.damage(draft)
    exposure.shortage(draft)
    exposure.supply(draft)
    exposure.distribution(draft)
    more = [] if frontier is None else frontier_sheet(draft.book, frontier)
    more += _sheets(draft.book, *split)
    evidence.figures_and_sources(draft)
    evidence.certificate(draft)
    totals.reconciliation(draft)
    answer(draft, first, checks(draft.book, [*identities(draft), *more]))
    return draft.book.finished()


def _sheets(
    book: Book, sections: Sequence[document.Section], identities: Sequence[document.Check]
) -> list[Check]:
    """Sheets that are written as part of a document, and what must hold in them."""
    from optimizer.report.render.workbook import Writer

    writer = Writer(book)
    for section in sections:
        if parts := document.shown(section.parts, document.SHEET):
            writer.place(section, parts)
    writer.fill()
    held = writer.formulas
    return [
        Check(one.says, writer.sheet_of(one.table), one.left(held), one.right(held), one.summed)
        for one in identities
    ]


def write_alone(found: Result, doubts: Doubts = NONE) -> bytes:
    """A result that stands alone as an Excel workbook in the current language.

    ``doubts`` are sentences on the first sheet that speak against it.
    """
    if isinstance(found, Participation):
        return write_participation(found, doubts)
    alone = alone_of(found)
    return write_page(alone.title, alone.sections, doubts)


def _places(amounts: list[float]) -> int:
    return 2 if max(map(abs, amounts), default=0.0) < SMALL else 1
