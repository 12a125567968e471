"""Key figures of a plan, for a sheet: what is left with it and without, and what it costs."""

from collections.abc import Iterator

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.damage import gain
from optimizer.analyses.plan.funding import payers
from optimizer.analyses.plan.stocks import COST
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import SHEET, Part, Table, Text
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import INSET
from optimizer.report.workbook.formulas import Line


def key_figures(say: PlanWording) -> list[Part]:
    """For a sheet: what is left with the plan and without it, and what it costs."""
    year, unit = say.case.price_year if say.case else None, say.million
    about = tr("Amounts in {unit}.", unit=unit)
    if year is not None:
        about = tr("Amounts in {unit}, prices of {year}.", unit=unit, year=int(year))
    columns = [
        *col.words(what=""),
        col.cell(tr("Amount"), "amount", name=lambda row: row["name"]),
        col.cell(tr("Share"), "share", "share"),
        *(col.text(""), col.text("")),
        *col.words(name=tr("Name for formulas")),
    ]
    caption, rows = tr("What it costs ({unit})", unit=unit), list(_amounts(say))
    cost = Table(caption, rows, columns, "cost", key=lambda row: row["name"], on=SHEET)
    return [Text(about, SHEET), gain(say, SHEET), cost]


def _amounts(say: PlanWording) -> Iterator[col.Row]:
    def row(what: str, name: str, amount: float | col.InBook, **more: col.Cell) -> col.Row:
        held = (lambda line: amount(line.book)) if callable(amount) else amount
        return col.Row("money", {"what": what, "name": name, "amount": held, **more})

    def ratio(what: str, name: str, amount: col.Cell) -> col.Row:
        return col.Row("ratio", {"what": what, "name": name, "amount": amount})

    def own(line: Line, name: str) -> ex.Expression:
        return line.table.find(name, "amount")

    def leverage(line: Line) -> ex.Expression:
        public = own(line, "capital_public")
        return ex.ratio(own(line, "capital_cost") - public, public)

    def part(line: Line) -> ex.Expression:
        return ex.ratio(line["amount"], own(line, "capital_cost"))

    def per_cost(line: Line) -> ex.Expression:
        return ex.ratio(line.book["gain"].find("expected", "avoided"), own(line, "net_cost"))

    reached = say.plan.outcome
    yield row(tr("Net cost, discounted"), "net_cost", reached.net_cost_meur)
    if reached.residual_meur:
        what = tr("Residual value at the end, discounted")
        yield row(what, "residual_value", reached.residual_meur)
    yield row(tr("Capital cost of projects"), "capital_cost", col.summed("projects", "mean_capex"))
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
    if any(one.budget_class == "premium" for one in say.plan.accounts):
        premium = col.where("accounts", "paid", class_id="premium")
        yield row(tr("Premiums on secured output, undiscounted"), "premium", premium)
    charged = col.where("spend", "all", kind_id="public")
    yield row(tr("Charged to public budgets, undiscounted"), "public_budget_charge", charged)
    lost = col.summed("accounts", "maximum_loss")
    yield row(tr("Lost at most by all funders"), "maximum_loss", lost)
    yield ratio(tr("Other money per public unit of money, in projects"), "leverage", leverage)
    if say.of_damage:
        what = tr("Damage avoided per unit of net cost of all funders")
        yield ratio(what, "avoided_per_net_cost", per_cost)
