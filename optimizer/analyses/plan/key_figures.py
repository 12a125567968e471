"""Key figures of a plan, for a sheet: what is left with it and without, and what it costs."""

from collections.abc import Iterator

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.damage import outcome_table
from optimizer.analyses.plan.funding import funding_shares
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.plan.stocks import TOTAL_COST
from optimizer.report.document import SHEET, Part, Table, Text
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import INDENT
from optimizer.report.workbook.placed_tables import FormulaRow


def key_figures(wording: PlanWording) -> list[Part]:
    """For a sheet: what is left with the plan and without it, and what it costs."""
    year, unit = wording.case.price_year if wording.case else None, wording.money_unit
    about = tr("Amounts in {unit}.", unit=unit)
    if year is not None:
        about = tr("Amounts in {unit}, prices of {year}.", unit=unit, year=int(year))
    columns = [
        *col.text_columns(what=""),
        col.row_column(tr("Amount"), "amount", cell_name=lambda row: row["name"]),
        col.row_column(tr("Share"), "share", "share"),
        *(col.text_column(""), col.text_column("")),
        *col.text_columns(name=tr("Name for formulas")),
    ]
    caption, rows = tr("What it costs ({unit})", unit=unit), list(_cost_rows(wording))
    cost = Table(caption, rows, columns, "cost", row_key=lambda row: row["name"], media=SHEET)
    return [Text(about, SHEET), outcome_table(wording, SHEET), cost]


def _cost_rows(wording: PlanWording) -> Iterator[col.SheetRow]:
    def row(
        what: str, name: str, amount: float | col.BookFormula, **more: col.CellContent
    ) -> col.SheetRow:
        held = (lambda line: amount(line.tables)) if callable(amount) else amount
        return col.SheetRow("money", {"what": what, "name": name, "amount": held, **more})

    def ratio(what: str, name: str, amount: col.CellContent) -> col.SheetRow:
        return col.SheetRow("ratio", {"what": what, "name": name, "amount": amount})

    def own(line: FormulaRow, name: str) -> ex.Expression:
        return line.table.find_cell(name, "amount")

    def leverage(line: FormulaRow) -> ex.Expression:
        public = own(line, "capital_public")
        return ex.ratio_or_empty(own(line, "capital_cost") - public, public)

    def part(line: FormulaRow) -> ex.Expression:
        return ex.ratio_or_empty(line["amount"], own(line, "capital_cost"))

    def per_cost(line: FormulaRow) -> ex.Expression:
        return ex.ratio_or_empty(
            line.tables["gain"].find_cell("expected", "avoided"), own(line, "net_cost")
        )

    reached = wording.plan.outcome
    yield row(tr("Net cost, discounted"), "net_cost", reached.net_cost_meur)
    if reached.residual_meur:
        what = tr("Residual value at the end, discounted")
        yield row(what, "residual_value", reached.residual_meur)
    yield row(
        tr("Capital cost of projects"), "capital_cost", col.column_sum("projects", "mean_capex")
    )
    sources = {
        "public": tr("of that from public funders"),
        "company": tr("of that from companies"),
        "private": tr("of that from private funders"),
        "market": tr("of that from lenders and investors"),
    }
    paying = {wording.funder_kinds.get(one.funder) for one in funding_shares(wording) if one.meur}
    for kind in sources:
        if kind in {*paying, "public", "market"}:
            paid = col.sum_where("funding", "meur", kind_id=kind)
            yield row(INDENT + sources[kind], f"capital_{kind}", paid, share=part)
    yield row(tr("Cost of stockpiles, undiscounted"), "stockpile_cost", TOTAL_COST)
    if any(one.budget_class == "premium" for one in wording.plan.accounts):
        premium = col.sum_where("accounts", "paid", class_id="premium")
        yield row(tr("Premiums on secured output, undiscounted"), "premium", premium)
    charged = col.sum_where("spend", "all", kind_id="public")
    yield row(tr("Charged to public budgets, undiscounted"), "public_budget_charge", charged)
    lost = col.column_sum("accounts", "maximum_loss")
    yield row(tr("Lost at most by all funders"), "maximum_loss", lost)
    yield ratio(tr("Other money per public unit of money, in projects"), "leverage", leverage)
    if wording.counts_damage:
        what = tr("Damage avoided per unit of net cost of all funders")
        yield ratio(what, "avoided_per_net_cost", per_cost)
