"""Sheet of a plan's key figures: outcome with and without the plan, and costs."""

from collections.abc import Iterator

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.damage import outcome_table
from optimizer.analyses.plan.funding import funding_shares
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.plan.stocks import TOTAL_COST
from optimizer.report import expressions as ex
from optimizer.report.document import SHEET, Part, Table, Text
from optimizer.report.workbook.book import INDENT
from optimizer.report.workbook.placed_tables import FormulaRow


def key_figures(wording: PlanWording) -> list[Part]:
    """Return the parts of the key-figures sheet."""
    year, unit = wording.case.price_year if wording.case else None, wording.money_unit
    text = tr("Amounts in {unit}.", unit=unit)
    if year is not None:
        text = tr("Amounts in {unit}, prices of {year}.", unit=unit, year=int(year))
    columns = [
        *col.text_columns(what=""),
        col.row_column(tr("Amount"), "amount", cell_name=lambda row: row["name"]),
        col.row_column(tr("Share"), "share", "share"),
        *(col.text_column(""), col.text_column("")),
        *col.text_columns(name=tr("Name for formulas")),
    ]
    caption, rows = tr("What it costs ({unit})", unit=unit), list(_cost_rows(wording))
    cost_table = Table(caption, rows, columns, "cost", row_key=lambda row: row["name"], media=SHEET)
    return [Text(text, SHEET), outcome_table(wording, SHEET), cost_table]


def _cost_rows(wording: PlanWording) -> Iterator[col.SheetRow]:
    def row(
        label: str, name: str, amount: float | col.BookFormula, **cells: col.CellContent
    ) -> col.SheetRow:
        cell = (lambda row_cells: amount(row_cells.tables)) if callable(amount) else amount
        return col.SheetRow("money", {"what": label, "name": name, "amount": cell, **cells})

    def ratio(label: str, name: str, amount: col.CellContent) -> col.SheetRow:
        return col.SheetRow("ratio", {"what": label, "name": name, "amount": amount})

    def amount_cell(row_cells: FormulaRow, name: str) -> ex.Expression:
        return row_cells.table.find_cell(name, "amount")

    def leverage(row_cells: FormulaRow) -> ex.Expression:
        public_capital = amount_cell(row_cells, "capital_public")
        return ex.ratio_or_empty(
            amount_cell(row_cells, "capital_cost") - public_capital, public_capital
        )

    def capital_share(row_cells: FormulaRow) -> ex.Expression:
        return ex.ratio_or_empty(row_cells["amount"], amount_cell(row_cells, "capital_cost"))

    def per_cost(row_cells: FormulaRow) -> ex.Expression:
        avoided = row_cells.tables["gain"].find_cell("expected", "avoided")
        return ex.ratio_or_empty(avoided, amount_cell(row_cells, "net_cost"))

    outcome = wording.plan.outcome
    yield row(tr("Net cost, discounted"), "net_cost", outcome.net_cost_meur)
    if outcome.residual_meur:
        label = tr("Residual value at the end, discounted")
        yield row(label, "residual_value", outcome.residual_meur)
    yield row(
        tr("Capital cost of projects"), "capital_cost", col.column_sum("projects", "mean_capex")
    )
    sources = {
        "public": tr("of that from public funders"),
        "company": tr("of that from companies"),
        "private": tr("of that from private funders"),
        "market": tr("of that from lenders and investors"),
    }
    paying_kinds = {wording.funder_kinds.get(x.funder) for x in funding_shares(wording) if x.meur}
    for kind in sources:
        if kind in {*paying_kinds, "public", "market"}:
            paid_formula = col.sum_where("funding", "meur", kind_id=kind)
            yield row(INDENT + sources[kind], f"capital_{kind}", paid_formula, share=capital_share)
    yield row(tr("Cost of stockpiles, undiscounted"), "stockpile_cost", TOTAL_COST)
    if any(entry.budget_class == "premium" for entry in wording.plan.accounts):
        premium_formula = col.sum_where("accounts", "paid", class_id="premium")
        yield row(tr("Premiums on secured output, undiscounted"), "premium", premium_formula)
    charge_formula = col.sum_where("spend", "all", kind_id="public")
    yield row(tr("Charged to public budgets, undiscounted"), "public_budget_charge", charge_formula)
    loss_formula = col.column_sum("accounts", "maximum_loss")
    yield row(tr("Lost at most by all funders"), "maximum_loss", loss_formula)
    yield ratio(tr("Other money per public unit of money, in projects"), "leverage", leverage)
    if wording.counts_damage:
        label = tr("Damage avoided per unit of net cost of all funders")
        yield ratio(label, "avoided_per_net_cost", per_cost)
