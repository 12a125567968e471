"""The first sheet: key figures, each with a name for formulas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.budgets import OWN
from optimizer.analyses.plan.certificate import outcomes
from optimizer.analyses.plan.columns import InBook, Row
from optimizer.analyses.plan.funding import payers
from optimizer.analyses.plan.stocks import COST
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import SHEET, Formula, Part, Table, Text
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import INSET
from optimizer.report.workbook.formulas import Line


def parts(say: PlanWording) -> list[Part]:
    """Tables of the first sheet; all their figures are formulas over other sheets."""
    year, unit = say.case.price_year if say.case else None, say.million
    about = tr("Amounts in {unit}.", unit=unit)
    if year is not None:
        about = tr("Amounts in {unit}, prices of {year}.", unit=unit, year=int(year))
    tables = [_gain(say), _money(say), _funders(say)]
    return [Text(about, SHEET), *(replace(table, on=SHEET) for table in tables)]


def _gain(say: PlanWording) -> Table:
    """What is left with the plan and without it."""

    def outcome(line: Line, end: str = "") -> ex.Expression:
        return line.book["proven"].find(f"{line.row[0]}{end}", "figure")

    def reached(row: tuple[str, str]) -> str:
        return f"{row[0]}_outcome"

    def bare(row: tuple[str, str]) -> str:
        return f"{row[0]}_outcome_without_plan"

    left = partial(outcome, end="_without")
    columns = [
        col.text("", lambda row: row[1]),
        col.calc(tr("Without plan"), "without", left, "outcome", name=bare, width=16),
        col.calc(tr("With plan"), "with", outcome, "outcome", name=reached, width=16),
        col.calc(tr("Avoided"), "avoided", col.minus("without", "with"), "outcome", width=16),
        col.calc(tr("Reduction"), "reduction", col.per("avoided", "without"), "share", width=16),
        col.text(tr("Name for formulas"), lambda row: f"{reached(row)}, {bare(row)}"),
    ]
    return Table(say.left, outcomes(say), columns, "gain", key=lambda row: row[0])


def _money(say: PlanWording) -> Table:
    """What the plan costs, and how much other money stands beside a public euro."""
    columns = [
        *col.words(what=""),
        col.cell(tr("Amount"), "amount", name=lambda row: row["name"]),
        col.cell(tr("Share"), "share", "share"),
        *(col.text(""), col.text("")),
        *col.words(name=tr("Name for formulas")),
    ]
    caption = tr("What it costs ({unit})", unit=say.million)
    return Table(caption, list(_amounts(say)), columns, "cost", key=lambda row: row["name"])


def _amounts(say: PlanWording) -> Iterator[Row]:
    def row(what: str, name: str, amount: InBook, **more: Formula) -> Row:
        amounts: dict[str, Formula] = {"amount": lambda line: amount(line.book), **more}
        return Row("money", {"what": what, "name": name, **amounts})

    def own(line: Line, name: str) -> ex.Expression:
        return line.table.find(name, "amount")

    def leverage(line: Line) -> ex.Expression:
        public = own(line, "capital_public")
        return ex.ratio(own(line, "capital_cost") - public, public)

    def part(line: Line) -> ex.Expression:
        return ex.ratio(line["amount"], own(line, "capital_cost"))

    def per_cost(line: Line) -> ex.Expression:
        return ex.ratio(line.book["gain"].find("expected", "avoided"), own(line, "net_cost"))

    yield row(tr("Net cost, discounted"), "net_cost", col.proven("net_cost"))
    if say.plan.outcome.residual_meur:
        what = tr("Residual value at the end, discounted")
        yield row(what, "residual_value", col.proven("residual"))
    yield row(tr("Capital cost of projects"), "capital_cost", col.summed("projects", "capex"))
    sources = {
        "public": tr("of that from public funders"),
        "company": tr("of that from companies"),
        "private": tr("of that from private funders"),
        "market": tr("of that from lenders and investors"),
    }
    paying = {say.kinds.get(one.funder) for one in payers(say) if one.meur}
    for kind in sources:
        if kind in {*paying, "public", "market"}:
            paid = col.where("funding", "meur", kind_id=kind)
            yield row(INSET + sources[kind], f"capital_{kind}", paid, share=part)
    yield row(tr("Cost of stockpiles, undiscounted"), "stockpile_cost", COST)
    charged = col.where("spend", "all", kind_id="public")
    yield row(tr("Charged to public budgets, undiscounted"), "public_budget_charge", charged)
    lost = col.summed("accounts", "maximum_loss")
    yield row(tr("Lost at most by all funders"), "maximum_loss", lost)
    what = tr("Other money per public unit of money, in projects")
    yield Row("ratio", {"what": what, "name": "leverage", "amount": leverage})
    if say.of_damage:
        what = tr("Damage avoided per unit of net cost of all funders")
        name = "avoided_per_net_cost"
        yield Row("ratio", {"what": what, "name": name, "amount": per_cost})


def _funders(say: PlanWording) -> Table:
    """What each funder provides, and what its budget is charged."""
    limited = {use.funder for use in say.plan.budget_lines if use.line == OWN and use.total_meur}

    def for_stocks(line: Line) -> ex.Expression:
        held = {"funder_id": line.row, "purpose_kind": "stockpile"}
        return col.where("accounts", "paid", **held)(line.book)

    def for_projects(line: Line) -> ex.Expression:
        return col.where("accounts", "paid", funder_id=line.row)(line.book) - line["stocks"]

    def charged(line: Line) -> ex.Expression:
        return line.book["spend"].find(line.row, "all")

    def share(line: Line) -> ex.Expression | None:
        own = col.where("lines", "granted", funder_id=line.row, line_id=OWN)
        return ex.ratio(line["charged"], own(line.book)) if line.row in limited else None

    columns = [
        col.text(tr("Funder"), say.payer),
        col.calc(tr("For projects"), "projects", for_projects, total=True),
        col.calc(tr("For stockpiles"), "stocks", for_stocks, total=True),
        col.calc(tr("Charged to its budget"), "charged", charged, total=True),
        col.calc(tr("Share of its budget"), "share", share, "share"),
        col.text(tr("Kind"), say.kind),
    ]
    caption = tr("What each funder provides ({unit}, undiscounted)", unit=say.million)
    total, empty = tr("All together"), tr("There are no funders.")
    rows = list(say.plan.spend_meur)
    return Table(caption, rows, columns, "providing", total=total, empty=empty)
