"""The sheet on budgets: how far each line is used, and what all funders are charged and put up."""

from __future__ import annotations

from collections.abc import Mapping

from models.language import tr
from models.results import BudgetLineUse
from optimizer.report.workbook.book import Column, Line, Sheet, key_column, printed, years
from optimizer.report.workbook.draft import Draft, kind_name
from optimizer.report.workbook.expressions import largest, of, overrun, ratio, total


def budgets(draft: Draft) -> None:
    """How far each budget line is used, and what all funders are charged and put up."""
    sheet = draft.book.sheet(tr("Budgets"), tr("What budgets are charged"))
    columns = [
        Column("funder", tr("Funder"), width=28),
        Column("line", tr("Budget line"), width=22),
        Column("figure", tr("Figure"), width=16),
        *years(draft.years, "money"),
        Column("all", tr("All years"), "money", 10),
        Column("granted", tr("Granted in all"), "money", 10),
        Column("part", tr("Share used"), "share", 9),
        Column("over", tr("Above what there is"), "deviation", 10),
        key_column("funder_id", tr("Id of the funder"), 18),
        key_column("line_id", tr("Id of the line"), 12),
        key_column("field", tr("Field"), 13),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "{unit}, undiscounted. Available: granted in the year, with what is carried over. Of a "
            "guarantee stock: what is outstanding at the year's end, and over all years the most.",
            unit=draft.million,
        ),
        printed(columns),
    )
    table = draft.tables["budgets"] = sheet.table(columns)
    for use in draft.plan.budget_lines:
        _budget_line(draft, use)
    if not table.count:
        table.nothing(tr("No funder has a limited budget."))
    sheet.freeze(table, 1, repeat=False)
    _by_funder(draft, sheet, "spend", tr("Charged to budgets, by funder"), draft.plan.spend_meur)
    _by_funder(draft, sheet, "committed", tr("Put up, by funder"), draft.plan.committed_meur)
    _draw(draft, sheet)


def _line_name(draft: Draft, use: BudgetLineUse) -> str:
    kinds = {
        "budget": tr("budget"),
        "commitment": tr("commitment authority"),
        "cash": tr("cash"),
        "guarantee_stock": tr("guarantee stock"),
    }
    kind = kinds.get(use.kind, use.kind)
    name = draft.names.budget_line(use.funder, use.line)
    return kind if name == use.line else f"{name} ({kind})"


def _budget_line(draft: Draft, use: BudgetLineUse) -> None:
    table, (first, last) = draft.tables["budgets"], (draft.years[0], draft.years[-1])

    def labelled(figure: str, field: str) -> Line:
        line = table.line(ruled=field == "used_meur")
        line.words("funder", draft.names.funder(use.funder))
        line.words("line", _line_name(draft, use))
        line.words("figure", figure)
        line.key("funder_id", use.funder)
        line.key("line_id", use.line)
        line.key("field", field)
        return line

    used = labelled(tr("used"), "used_meur")
    used.by_year(use.used_meur)
    over_years = used.area(first, last)
    most = use.kind == "guarantee_stock"
    reached = used.put("all", largest(over_years) if most else total(over_years))
    over = [of(0)]
    if use.total_meur is not None:
        granted = used.scenario("granted", use.total_meur)
        used.put("part", ratio(reached, granted))
        over.append(reached - granted)
    if use.available_meur is not None:
        available = labelled(tr("available"), "available_meur")
        available.by_year(use.available_meur)
        left = labelled(tr("left"), "")
        for year in draft.years:
            left.put(year, available.cells[year] - used.cells[year])
        over.append(overrun(over_years, available.area(first, last)))
    used.put("over", largest(*over))


def _by_funder(
    draft: Draft, sheet: Sheet, name: str, title: str, money: Mapping[str, Mapping[str, float]]
) -> None:
    sheet.heading(title)
    columns = [
        Column("funder", tr("Funder"), width=28),
        Column("kind", tr("Kind"), width=22),
        Column("unit", tr("Unit"), width=16),
        *years(draft.years, "money"),
        Column("all", tr("All years"), "money", 10),
        Column("empty", "", width=10),
        Column("empty_too", "", width=9),
        Column("empty_three", "", width=10),
        key_column("funder_id", tr("Id of the funder"), 18),
        key_column("kind_id", tr("Key of the kind"), 12),
    ]
    table = draft.tables[name] = sheet.table(columns)
    for funder, by_year in money.items():
        kind = draft.kind_of(funder)
        line = table.line()
        line.words("funder", draft.names.funder(funder))
        line.words("kind", kind_name(kind))
        line.words("unit", draft.million)
        line.by_year(by_year)
        line.put("all", total(line.area(draft.years[0], draft.years[-1])))
        line.key("funder_id", funder)
        line.key("kind_id", kind)
    if not table.count:
        table.nothing(tr("There are no funders."))
    totals = table.totals(tr("All together"), [*draft.years, "all"])
    draft.cells[name] = totals.cells["all"]


def _draw(draft: Draft, sheet: Sheet) -> None:
    """A chart of what budgets are charged, year by year; its table stands above it."""
    table = draft.tables["spend"]
    first, last = table.at(draft.years[0]), table.at(draft.years[-1])
    rows = range(table.header_row + 1, table.header_row + 1 + table.count)
    charged = [row for row in rows if any(sheet.area((row, first), (row, last)).numbers)]
    if not charged:
        return
    chart = draft.book.workbook.add_chart({"type": "column", "subtype": "stacked"})
    for row in charged:
        chart.add_series(
            {
                "name": [sheet.tab, row, 0],
                "categories": [sheet.tab, table.header_row, first, table.header_row, last],
                "values": [sheet.tab, row, first, row, last],
                "gap": 60,
            }
        )
    title = tr("Charged to budgets by year, {unit}", unit=draft.million)
    chart.set_title({"name": title, "name_font": {"size": 11}})
    chart.set_y_axis({"num_format": "#,##0", "major_gridlines": {"visible": True}})
    chart.set_legend({"position": "right"})
    chart.set_size({"width": 1100, "height": 320})
    sheet.worksheet.insert_chart(sheet.row + 1, 0, chart, {"description": title})
    sheet.lowest = sheet.row + 26
