"""Budgets: what they are charged, how far each line is used, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from models.language import tr
from models.results import BudgetLineUse
from models.results.option import BudgetUse
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.words import PlanWording, summed
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL,
    Check,
    Column,
    Heading,
    Part,
    Section,
    SheetChart,
    Table,
    by_year,
)
from optimizer.report.figures import NOISE, NONE
from optimizer.report.wording import capital
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line

OWN = "budget"
"""The id of a funder's own budget among its lines."""


class Charged(NamedTuple):
    """What the budget of a funder is charged, and what is committed, by year."""

    funder: str
    charged: dict[str, float]
    committed: dict[str, float]


def charges(say: PlanWording) -> Iterator[Part]:
    """Charges on budgets by funder and year, as a terminal shows them; pages show every budget."""
    spent, committed = say.plan.spend_meur, say.plan.committed_meur
    rows = [Charged(f, spent.get(f, {}), committed.get(f, {})) for f in {**spent, **committed}]
    rows = [
        row for row in rows if max(sum(row.charged.values()), sum(row.committed.values())) > NOISE
    ]
    used = [int(y) for row in rows for y, amount in row.charged.items() if abs(amount) > NOISE]
    name = Column(tr("Charged to"), lambda row: say.source(row.funder), "text")
    if used:
        years = by_year(range(min(used), max(used) + 1), lambda row: row.charged, total=True)
        caption = tr("Charged to budgets by year ({unit}, not discounted)", unit=say.million)
        total = tr("All together")
        yield Table(caption, rows, [name, *years], "charged", total=total, on=TERMINAL)
    charged = tr("Charged to budgets, {unit}", unit=say.million)
    money = tr("Money committed, {unit}", unit=say.million)
    columns = [
        Column(tr("Over all years"), name.of, "text"),
        Column(charged, lambda row: sum(row.charged.values()), "money", total=True),
        Column(money, lambda row: sum(row.committed.values()), "money", total=True),
    ]
    if rows:
        yield Table("", rows, columns, "committed", total=tr("All together"), on=TERMINAL)


def lines(say: PlanWording) -> Iterator[Part]:
    """How far each line is used, over all years and in each."""

    def left(use: BudgetUse) -> float | None:
        return None if use.granted_meur is None else max(0.0, use.granted_meur - use.used_meur)

    columns = [
        Column(tr("Budget line"), lambda use: say.budget_line(use.funder, use.line), "text"),
        Column(tr("Kind"), lambda use: capital(say.line_kind(use.kind)), "text"),
        summed(tr("Granted"), "granted_meur"),
        summed(tr("Used"), "used_meur"),
        summed(tr("Left"), left),
        Column(
            tr("Share used"),
            lambda use: use.used_meur / use.granted_meur if use.granted_meur else None,
            "share",
        ),
    ]
    note = tr(
        "Over all years. A guarantee uses its provision of a budget; of a stock of guarantees the "
        "year of the highest use counts. {dash}: no limit.",
        dash=NONE,
    )
    if say.cost.budgets:
        yield Heading(tr("Budgets"), PAGE)
        caption = tr("Budgets and how far they are used ({unit}, not discounted)", unit=say.million)
        yield Table(caption, say.cost.budgets, columns, "budgets", note)
    yield from _line_years(say)


def _line_years(say: PlanWording) -> Iterator[Part]:
    """What is used of each budget year by year: of public funders, and where years are limited."""
    columns = [Column(tr("Year"), str, "text", mark=lambda year: "line")]
    for line in say.plan.budget_lines:
        if line.available_meur is not None or say.kinds.get(line.funder) == "public":
            columns += _of_line(say, line)
    note = tr(
        "Public budgets, and others that are granted by year. Available: the grant of the year and "
        "what is carried over from the years before."
    )
    if len(columns) > 1:
        caption = tr("Budgets by year ({unit}, not discounted)", unit=say.million)
        yield Table(caption, say.years, columns, "budget-years", note, on=PAGE)


def _of_line(say: PlanWording, line: BudgetLineUse) -> Iterator[Column]:
    name, available = say.budget_line(line.funder, line.line), line.available_meur
    if available is not None:
        yield Column(tr("Available"), lambda y: available.get(str(y)), "money", group=name)
    yield Column(tr("Used"), lambda y: line.used_meur.get(str(y)), "money", group=name)


def sheets(say: PlanWording) -> list[Section]:
    """How far each budget line is used, and what all funders are charged and provide."""
    note = tr(
        "{unit}, undiscounted. Available: granted in the year, with what is carried over. Of a "
        "guarantee stock: what is outstanding at the year's end, and over all years the most.",
        unit=say.million,
    )
    spend, committed = say.plan.spend_meur, say.plan.committed_meur
    charged = _by_funder(say, "spend", tr("Charged to budgets, by funder"), spend)
    provided = _by_funder(say, "committed", tr("Provided, by funder"), committed)
    title = tr("What budgets are charged")
    parts: list[Part] = [note, _by_line(say), charged, provided]
    return [Section("budgets", title, parts, SHEET, tab=tr("Budgets"))]


def _by_line(say: PlanWording) -> Table:
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
        "", [row for use in say.plan.budget_lines for row in _line(say, use)], columns, "lines",
        empty=tr("No funder has a limited budget."), freeze=1,
        ruled=lambda row: row["field"] == "used_meur",
    )  # fmt: skip


def _line(say: PlanWording, use: BudgetLineUse) -> Iterator[Row]:
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
    say: PlanWording, name: str, title: str, money: Mapping[str, Mapping[str, float]]
) -> Table:
    def row(funder: str) -> Row:
        about: dict[str, Cell] = {"funder": say.payer(funder), "kind": say.kind(funder)}
        ids = {"unit": say.million, "funder_id": funder, "kind_id": say.kinds.get(funder, "")}
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


def checks(say: PlanWording) -> Iterator[Check]:
    """Budgets are used as their funders are charged, and none is exceeded."""
    if not say.plan.budget_lines:
        return
    limited = {use.funder for use in say.plan.budget_lines if use.line == OWN}

    def charged(book: Formulas) -> ex.Expression:
        its = [book["spend"].find(f, "all") for f in say.plan.spend_meur if f in limited]
        return ex.total(*its) if its else ex.of(0)

    used = col.where("lines", "all", line_id=OWN, field="used_meur")
    says = tr("Use of the funders' own budgets equals what these funders are charged")
    yield Check(says, "lines", used, charged)
    says, granted = tr("No budget is exceeded, in any year or in all"), "granted"
    over, all_ = col.summed("lines", "over"), col.summed("lines", granted)
    yield Check(says, "lines", over, all_, summed=True)
