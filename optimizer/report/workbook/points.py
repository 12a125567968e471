"""The sheet on a frontier: damage against a number of the scenario, point by point."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Frontier
from optimizer.report.varying import words as varied
from optimizer.report.workbook.book import Book, Column, Table, printed
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.expressions import Expression, largest, of, ratio, total

_Cells = list[tuple[Expression, Expression]]
"""Value and expected damage of each point with a plan."""


def frontier_sheet(book: Book, frontier: Frontier) -> list[Check]:
    """All points with their bounds, and what must hold between them."""
    unit = varied.outcome_unit(frontier)
    sheet = book.sheet(tr("Frontier"), varied.title(frontier))
    columns = [
        Column("value", varied.headed(frontier), "value", 18),
        Column("status", tr("Status"), width=14),
        Column("expected", tr("Expected, {unit}", unit=unit), "outcome", 14),
        Column("bound", tr("No plan lies below, {unit}", unit=unit), "outcome", 15),
        Column("cvar", tr("CVaR, {unit}", unit=unit), "outcome", 14),
        Column("worst", tr("Worst state, {unit}", unit=unit), "outcome", 14),
        Column("avoided", tr("Avoided against no plan, {unit}", unit=unit), "outcome", 15),
        Column(
            "gain", tr("Avoided more than at the point before, {unit}", unit=unit), "outcome", 17
        ),
        Column("per", tr("The same per unit of the number"), "ratio", 15),
        Column(
            "cost",
            tr("Net cost, {unit}", unit=varied.million(frontier.currency)),
            "money",
            13,
        ),
        Column("projects", tr("Projects built"), "count", 10),
        Column("below", tr("Below what is proven by"), "deviation", 12),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Each row is a plan of its own, solved with the number in the first column. No plan "
            "lies below: proven for this number. Points without a plan have no figures."
        ),
        printed(columns),
    )
    table = sheet.table(columns)
    bare = frontier.without_plan
    without = None if bare is None else sheet.put(1, 2, bare.expected, "optimizer", "outcome")
    if without is not None:
        sheet.put(1, 0, tr("Expected without any plan, {unit}", unit=unit), "words", "text")
    known: _Cells = []
    for point in frontier.points:
        line = table.line()
        value = line.scenario("value", point.value)
        line.words("status", _status(point.status))
        expected = line.optimizer("expected", point.expected)
        bound = line.optimizer("bound", point.expected_bound)
        line.optimizer("cvar", point.cvar)
        line.optimizer("worst", point.worst)
        line.optimizer("cost", point.net_cost_meur)
        if point.expected is None:
            continue
        line.optimizer("projects", len(point.projects))
        if without is not None:
            line.put("avoided", without - expected)
        if point.expected_bound is not None:
            line.put("below", largest(of(0), bound - expected))
        if known:
            before, left = known[-1]
            gain = line.put("gain", left - expected)
            line.put("per", ratio(gain, value - before))
        known.append((value, expected))
    sheet.freeze(table, 1)
    _draw(book, table, unit, frontier)
    return list(_checks(table, frontier, known))


def _status(status: str) -> str:
    return {
        "optimal": tr("to the gap"),
        "limit": tr("stopped early"),
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
    }[status]


def _draw(book: Book, table: Table, unit: str, frontier: Frontier) -> None:
    sheet, (top, bottom) = table.sheet, table.rows()
    chart = book.workbook.add_chart({"type": "scatter", "subtype": "straight_with_markers"})
    for column in ("expected", "bound"):
        at = table.at(column)
        chart.add_series(
            {
                "name": [sheet.tab, table.header_row, at],
                "categories": [sheet.tab, top, 0, bottom, 0],
                "values": [sheet.tab, top, at, bottom, at],
                "line": {"dash_type": "solid" if column == "expected" else "dash", "width": 2},
            }
        )
    title = tr("Expected, {unit}", unit=unit)
    chart.set_title({"name": title, "name_font": {"size": 11}})
    chart.set_x_axis({"name": varied.headed(frontier)})
    chart.set_y_axis({"num_format": book.styles.axis})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 400})
    sheet.worksheet.insert_chart(sheet.row + 1, 0, chart, {"description": title})
    sheet.lowest = sheet.row + 28


def _checks(table: Table, frontier: Frontier, known: _Cells) -> Iterator[Check]:
    if not known:
        return
    yield Check(
        tr("No point of the frontier lies below what is proven for it"),
        table.sheet,
        total(table.area("below")),
        known[0][1],
        summed=True,
    )
    if frontier.steps:
        # Steps lie between neighbours with a plan, as the rows do.
        stated = of(sum(step.avoided for step in frontier.steps))
        yield Check(
            tr("Steps of the frontier add up to what is avoided from its first point to its last"),
            table.sheet,
            total(table.area("gain")),
            stated,
        )
