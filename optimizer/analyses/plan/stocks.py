"""Stockpiles of a plan: purchases, days of cover, costs and the balance of stocks."""

from collections.abc import Iterator

from models.language import tr
from models.results import StockpilePlan
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import CellContent, SheetRow
from optimizer.analyses.plan.damage import need_exceeds_demand
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.stock_use import stock_use_caption, stock_use_columns
from optimizer.report import document as doc
from optimizer.report import expressions as ex
from optimizer.report.charts import Chart
from optimizer.report.charts import schedule as charts
from optimizer.report.document import (
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL_AND_PAGE,
    Check,
    Column,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import ZERO_TOLERANCE, format_number
from optimizer.report.wording import join_with_and
from optimizer.report.workbook.placed_tables import FormulaRow

TOTAL_COST = col.sum_where("stockpiles", "all", field="cost_meur")
"""Formula of the undiscounted cost of all stockpiles."""


def stocks_section(wording: PlanWording) -> Section:
    """Build the section on stockpiles: their purchases, days of cover and cost."""
    return Section(
        "stocks", tr("What to stock"), list(_stock_parts(wording)), sheet_name=tr("Stockpiles")
    )


def _stock_parts(wording: PlanWording) -> Iterator[Part]:
    def figures(entry: StockpilePlan) -> list[float]:
        return [*entry.buy_t.values(), *entry.planned_t.values(), *entry.cost_meur.values()]

    stockpiles = [
        p for p in wording.plan.stockpiles if any(abs(x) > ZERO_TOLERANCE for x in figures(p))
    ]
    cost = sum(sum(stockpile.cost_meur.values()) for stockpile in stockpiles)
    if stockpiles:
        text = tr(
            "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
            cost=wording.money_amount(cost),
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)
        yield from _cover_parts(wording)
        yield _holdings_table(wording, stockpiles)
    used_stocks = [use for use in wording.plan.stock_use if use.times is not None]
    if used_stocks:
        note = tr(
            "By a rule without foresight: stock is released at once while demand is not covered, "
            "and filled again at once where the market covers it. Times used: what is released in "
            "all years over the highest planned stock. Stocks that hold nothing, or that the "
            "scenario does not fill again, are left out."
        )
        columns = stock_use_columns(wording, lambda use: use)
        yield Table(stock_use_caption(), used_stocks, columns, "stock-use", note, is_collapsed=True,
                    media=TERMINAL_AND_PAGE)  # fmt: skip
    note = tr(
        "Planned: stock at the year's end if nothing is ever released. By balance: what the year "
        "before leaves, and what is bought; it must equal the planned stock."
    )
    yield doc.Text(note, SHEET)
    yield _yearly_table(wording, stockpiles)
    unheld_stockpiles = [
        wording.name("stockpiles", p.id) for p in wording.plan.stockpiles if p not in stockpiles
    ]
    if unheld_stockpiles:
        text = tr("Nothing is held in: {stockpiles}.", stockpiles=join_with_and(unheld_stockpiles))
        yield doc.Text(text, doc.ALL_MEDIA if stockpiles else SHEET)


def _cover_parts(wording: PlanWording) -> Iterator[Part]:
    stocked_materials = {x.material for x in wording.plan.stockpiles if any(x.planned_t.values())}
    materials = [m for m in wording.plan.materials if m.id in stocked_materials]
    days = {
        m.id: {year: material_year.days_of_cover for year, material_year in m.by_year.items()}
        for m in materials
    }
    need_fields = {m.id: "need_t" if need_exceeds_demand(m) else "demand_t" for m in materials}

    def cover_formula(row_cells: FormulaRow, year: str) -> ex.Expression | None:
        material, shortage = row_cells.row["material_id"], row_cells.tables["shortage"]
        if days[material].get(year) is None:
            return None
        matching_cells = {"material_id": row_cells["material_id"]}
        planned_stock = col.sum_where("stockpiles", year, matching_cells, field="planned_t")(
            row_cells.tables
        )
        return ex.ratio_or_empty(
            planned_stock * ex.as_expression(365),
            shortage.find_cell(f"{material} {need_fields[material]}", year),
        )

    def column(year: int) -> Column:
        return col.formula_column(
            year, str(year), lambda row_cells: cover_formula(row_cells, str(year)), "count",
            lambda row: days[row["material_id"]].get(str(year)) or 0.0, decimals_group="years",
            decimals=0,
            unit=tr("days"),
        )  # fmt: skip

    rows = [
        SheetRow("count", {"material": wording.name("materials", m.id), "material_id": m.id})
        for m in materials
    ]
    series = [
        (wording.name("materials", m.id), [days[m.id].get(y) or 0.0 for y in wording.year_keys])
        for m in materials
    ]
    title = tr("Planned stock at each year's end, in days of need")
    description = tr(
        "One small chart a material, all on one scale; the label is the highest stock."
    )
    chart = Chart(
        "timeline-stocks", title, description, lambda: charts.cover_charts(series, wording.years)
    )
    columns = [
        *col.text_columns(material=tr("Material")),
        *map(column, wording.years),
        *col.id_columns("material_id"),
    ]
    note = tr(
        "All stocks of a material, if nothing is ever released, over that year's need. 365 days "
        "are 100 % of annual need."
    )
    yield Table(
        title, rows, columns, "cover", note, chart=chart, is_collapsed=True, media=PAGE_AND_SHEET
    )


def _holdings_table(wording: PlanWording, stockpiles: list[StockpilePlan]) -> Table:
    days = {
        (m.id, year): material_year.days_of_cover
        for m in wording.plan.materials
        for year, material_year in m.by_year.items()
    }

    def peak_year(stockpile: StockpilePlan) -> str:
        """Return the year in which a stockpile is largest; empty if it has no planned stock."""
        return max(stockpile.planned_t, key=lambda y: stockpile.planned_t[y], default="")

    payers_by_stockpile: dict[str, dict[str, None]] = {stockpile.id: {} for stockpile in stockpiles}
    for position in wording.plan.accounts:
        if position.stockpile in payers_by_stockpile and any(position.paid_meur.values()):
            payers_by_stockpile[position.stockpile][position.funder] = None

    def payers_text(stockpile: StockpilePlan) -> str:
        return join_with_and(list(map(wording.payer_header, payers_by_stockpile[stockpile.id])))

    def tonnes(amount: float) -> doc.DisplayedValue:
        """Return tonnes with decimals for this amount alone, as magnitudes differ by material."""
        return doc.DisplayedValue(format_number(amount), amount)

    def cover(stockpile: StockpilePlan) -> float | None:
        return days.get((stockpile.material, peak_year(stockpile)))

    columns = [
        Column(tr("Stockpile"), lambda h: wording.name("stockpiles", h.id), "text"),
        Column(tr("Paid by"), payers_text, "text"),
        Column(tr("Bought, t"), lambda h: tonnes(sum(h.buy_t.values()))),
        Column(tr("Held at most, t"), lambda h: tonnes(max(h.planned_t.values(), default=0.0))),
        Column(tr("In year"), lambda h: int(peak_year(h)) if peak_year(h) else None, "year"),
        Column(tr("Cover then, days"), cover, "count", decimals=0),
        Column(tr("Cost, {unit}", unit=wording.money_unit), lambda h: sum(h.cost_meur.values()),
            "money", total=True),
    ]  # fmt: skip
    caption, total_label = tr("What is bought and held"), tr("Sum")
    return Table(
        caption, stockpiles, columns, "stocks", total_label=total_label, media=TERMINAL_AND_PAGE
    )


def _yearly_table(wording: PlanWording, stockpiles: list[StockpilePlan]) -> Table:
    """Return a table with the yearly rows of each stockpile, and its balance if the scenario is
    known."""
    columns = [
        *col.text_columns(name=tr("Stockpile"), material=tr("Material"), figure=tr("Figure")),
        *col.year_columns(wording.year_keys),
        col.row_column(tr("All years"), "all"),
        col.row_column(tr("Deviation"), "deviation", "deviation"),
        *col.id_columns("stockpile_id", "material_id", "field"),
    ]
    rows = [row for stockpile in stockpiles for row in _stockpile_rows(wording, stockpile)]
    return Table(
        "", rows, columns, "stockpiles", empty_text=tr("Nothing is held."),
        row_key=lambda row: f"{row['stockpile_id']} {row['field']}",
        has_rule_above=lambda row: row["field"] == "buy_t", media=SHEET, frozen_columns=1,
    )  # fmt: skip


def _stockpile_rows(wording: PlanWording, stockpile: StockpilePlan) -> Iterator[SheetRow]:
    shared_cells: dict[str, CellContent] = {
        "name": wording.name("stockpiles", stockpile.id), "stockpile_id": stockpile.id,
        "material": wording.name("materials", stockpile.material),
        "material_id": stockpile.material,
    }  # fmt: skip

    initial, retention = 0.0, 1.0
    for terms in wording.case.stockpiles if wording.case else ():
        if terms.id == stockpile.id:
            initial, retention = float(terms.initial_t), 1 - float(terms.annual_loss)
    # Purchases are made in equal parts at the start of each period, and lose tonnes until year end.
    periods_per_year = int(wording.case.horizon.periods_per_year) if wording.case else 1
    mean_retention = (
        sum(retention ** (period / periods_per_year) for period in range(periods_per_year))
        / periods_per_year
    )

    def row(figure: str, field: str, **derived: CellContent) -> SheetRow:
        form: doc.ValueForm = "money" if field == "cost_meur" else "tonnes"
        amounts = wording.fill_years(getattr(stockpile, field, {}))
        return SheetRow(
            form, {**shared_cells, "figure": figure, "field": field, **amounts, **derived}
        )

    def balance(row_cells: FormulaRow, year: str) -> ex.Expression:
        """Return the stock of a year by the stock balance (S2): what remains of the last year, plus
        purchases."""
        table, previous_year = row_cells.table, str(int(year) - 1)
        stock = ex.as_expression(initial)
        if year != wording.year_keys[0]:
            stock = table.find_cell(f"{stockpile.id} planned_t", previous_year)
        return stock * ex.as_expression(retention) + table.find_cell(
            f"{stockpile.id} buy_t", year
        ) * ex.as_expression(mean_retention)

    def cost_deviation(row_cells: FormulaRow) -> ex.Expression:
        return col.deviation_from_accounts(
            row_cells, {"paid_for": row_cells["stockpile_id"]}, wording.year_keys
        )

    cost = tr("Cost, undiscounted, {unit}", unit=wording.money_unit)
    yield row(tr("Bought, t"), "buy_t", all=col.sum_of_years)
    yield row(tr("Planned, end of year, t"), "planned_t")
    yield row(cost, "cost_meur", all=col.sum_of_years, deviation=cost_deviation)
    if wording.case is not None:
        yield row(
            tr("Planned, by balance, t"), "balance_t",
            **col.formulas_by_year(wording.year_keys, balance),
            deviation=lambda row_cells: ex.sum_abs_differences(
                col.row_year_cells(row_cells, -2), col.row_year_cells(row_cells)),
        )  # fmt: skip


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that stocks follow from purchases, and that accounts pay for the purchases."""
    deviations = {
        f: col.sum_where("stockpiles", "deviation", field=f) for f in ("balance_t", "cost_meur")
    }
    if wording.case is not None:
        statement = tr("Planned stock is what the year before leaves, and what is bought")
        scale = col.sum_where("stockpiles", wording.year_keys[-1], field="planned_t")
        yield Check(statement, "stockpiles", deviations["balance_t"], scale, is_deviation_sum=True)
    statement = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield Check(statement, "stockpiles", deviations["cost_meur"], TOTAL_COST, is_deviation_sum=True)
