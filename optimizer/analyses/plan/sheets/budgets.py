"""The sheet on budgets: how far each line is used, and what all funders are charged and provide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.language import tr
from models.results import BudgetLineUse
from optimizer.analyses.plan.sheets import columns as col
from optimizer.analyses.plan.sheets.columns import Cell, Row, SheetWording
from optimizer.report.document import Check, Section, SheetChart, Table
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line

OWN = "budget"
"""The id of a funder's own budget among its lines."""


def sections(say: SheetWording) -> list[Section]:
    """How far each budget line is used, and what all funders are charged and provide."""
    note = tr(
        "{unit}, undiscounted. Available: granted in the year, with what is carried over. Of a "
        "guarantee stock: what is outstanding at the year's end, and over all years the most.",
        unit=say.million,
    )
    spend, committed = say.found.spend_meur, say.found.committed_meur
    charged = _by_funder(say, "spend", tr("Charged to budgets, by funder"), spend)
    provided = _by_funder(say, "committed", tr("Provided, by funder"), committed)
    title = tr("What budgets are charged")
    return [col.sheet("budgets", tr("Budgets"), title, note, _lines(say), charged, provided)]


def _lines(say: SheetWording) -> Table:
    columns = [
        *col.words(funder=tr("Funder"), line=tr("Budget line"), figure=tr("Figure")),
        *col.years(say.horizon, "money"),
        col.cell(tr("All years"), "all", "money"),
        col.cell(tr("Granted in all"), "granted", "money", origin="scenario"),
        col.cell(tr("Share used"), "part", "share"),
        col.cell(tr("Above what is available"), "over", "deviation"),
        *col.keys("funder_id", "line_id", "field"),
    ]
    return Table(
        "", [row for use in say.found.budget_lines for row in _line(say, use)], columns, "budgets",
        empty=tr("No funder has a limited budget."), freeze=1,
        ruled=lambda row: row["field"] == "used_meur",
    )  # fmt: skip


def _line(say: SheetWording, use: BudgetLineUse) -> Iterator[Row]:
    """What is used of a line, and what is available and left where years have a limit."""
    limit, available = use.total_meur, use.available_meur

    def row(figure: str, field: str, **more: Cell) -> Row:
        about: dict[str, Cell] = {"funder": say.payer(use.funder), "line": say.line_of(use)}
        ids: dict[str, Cell] = {"funder_id": use.funder, "line_id": use.line, "field": field}
        return Row("money", {**about, "figure": figure, **ids, **more})

    def reached(line: Line) -> ex.Expression:
        stock = use.kind == "guarantee_stock"
        return ex.largest(col.over_years(line)) if stock else col.sum_of_years(line)

    def over(line: Line) -> ex.Expression:
        above = [] if limit is None else [line["all"] - line["granted"]]
        if available is not None:
            above.append(ex.overrun(col.over_years(line), col.over_years(line, 1)))
        return ex.largest(ex.of(0), *above)

    def part(line: Line) -> ex.Expression | None:
        return None if limit is None else ex.ratio(line["all"], line["granted"])

    def left(line: Line, year: str) -> ex.Expression:
        return line.table.cell(line.place - 1, year) - line.table.cell(line.place - 2, year)

    more: dict[str, Cell] = {"all": reached, "granted": limit, "part": part, "over": over}
    yield row(tr("used"), "used_meur", **say.filled(use.used_meur), **more)
    if available is not None:
        yield row(tr("available"), "available_meur", **say.filled(available))
        yield row(tr("left"), "", **col.each(say.horizon, left))


def _by_funder(
    say: SheetWording, name: str, title: str, money: Mapping[str, Mapping[str, float]]
) -> Table:
    def row(funder: str) -> Row:
        about: dict[str, Cell] = {"funder": say.payer(funder), "kind": say.kind(funder)}
        ids = {"unit": say.million, "funder_id": funder, "kind_id": say.kind_id(funder)}
        return Row("money", {**about, **ids, **say.filled(money[funder]), "all": col.sum_of_years})

    columns = [
        *col.words(funder=tr("Funder"), kind=tr("Kind"), unit=tr("Unit")),
        *col.years(say.horizon, "money", total=True),
        col.cell(tr("All years"), "all", "money", total=True),
        *col.keys("funder_id", "kind_id"),
    ]
    charged = {funder for funder, figures in money.items() if any(figures.values())}
    chart = SheetChart(
        "stacked", tr("Charged to budgets by year, {unit}", unit=say.million),
        series=say.horizon, rows=lambda row: row["funder_id"] in charged,
    )  # fmt: skip
    return Table(
        title, [row(funder) for funder in money], columns, name, total=tr("All together"),
        key=lambda row: row["funder_id"], empty=tr("There are no funders."),
        sheet_chart=chart if name == "spend" and charged else None,
    )  # fmt: skip


def checks(say: SheetWording) -> Iterator[Check]:
    """Budgets are used as their funders are charged, and none is exceeded."""
    if not say.found.budget_lines:
        return
    limited = {use.funder for use in say.found.budget_lines if use.line == OWN}

    def charged(book: Formulas) -> ex.Expression:
        its = [book["spend"].find(f, "all") for f in say.found.spend_meur if f in limited]
        return ex.total(*its) if its else ex.of(0)

    used = col.where("budgets", "all", line_id=OWN, field="used_meur")
    says = tr("Use of the funders' own budgets equals what these funders are charged")
    yield Check(says, "budgets", used, charged)
    says, granted = tr("No budget is exceeded, in any year or in all"), "granted"
    over, all_ = col.summed("budgets", "over"), col.summed("budgets", granted)
    yield Check(says, "budgets", over, all_, summed=True)
