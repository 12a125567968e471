"""What is bought for stock, how long it lasts, and the balance that ties stocks to purchases."""

from collections.abc import Callable, Iterator
from typing import Any

from models.language import tr
from models.results import StockpilePlan, StockUse
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import CellContent, SheetRow
from optimizer.analyses.plan.damage import need_exceeds_demand
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
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
from optimizer.report.wording import Wording, join_with_and
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.placed_tables import FormulaRow

TOTAL_COST = col.sum_where("stockpiles", "all", field="cost_meur")
"""What all stockpiles cost, undiscounted."""


def stocks_section(wording: PlanWording) -> Section:
    """What is bought and held, for how many days it lasts, and what it costs."""
    return Section(
        "stocks", tr("What to stock"), list(_stock_parts(wording)), sheet_name=tr("Stockpiles")
    )


def _stock_parts(wording: PlanWording) -> Iterator[Part]:
    def figures(pile: StockpilePlan) -> list[float]:
        return [*pile.buy_t.values(), *pile.planned_t.values(), *pile.cost_meur.values()]

    piles = [p for p in wording.plan.stockpiles if any(abs(x) > ZERO_TOLERANCE for x in figures(p))]
    cost = sum(sum(pile.cost_meur.values()) for pile in piles)
    if piles:
        text = tr(
            "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
            cost=wording.money_amount(cost),
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)
        yield from _cover_parts(wording)
        yield _holdings_table(wording, piles)
    used = [use for use in wording.plan.stock_use if use.times is not None]
    if used:
        note = tr(
            "By a rule without foresight: stock is released at once while demand is not covered, "
            "and filled again at once where the market covers it. Times used: what is released in "
            "all years over the highest planned stock. Stocks that hold nothing, or that the "
            "scenario does not fill again, are left out."
        )
        columns = stock_use_columns(wording, lambda use: use)
        yield Table(
            stock_use_caption(),
            used,
            columns,
            "stock-use",
            note,
            is_folded=True,
            media=TERMINAL_AND_PAGE,
        )
    note = tr(
        "Planned: stock at the year's end if nothing is ever released. By balance: what the year "
        "before leaves, and what is bought; it must equal the planned stock."
    )
    yield doc.Text(note, SHEET)
    yield _yearly_table(wording, piles)
    idle = [wording.name("stockpiles", p.id) for p in wording.plan.stockpiles if p not in piles]
    if idle:
        text = tr("Nothing is held in: {stockpiles}.", stockpiles=join_with_and(idle))
        yield doc.Text(text, doc.ALL_MEDIA if piles else SHEET)


def stock_use_caption() -> str:
    """The caption of a table with :func:`use_columns`."""
    return tr("How often stocks are used and filled again, expected in all years")


def stock_use_columns(
    wording: Wording[Any], get_stock_use: Callable[[Any], StockUse]
) -> list[Column]:
    """What is said of how often a stockpile is used, which is ``of`` a row."""
    return [
        Column(
            tr("Stockpile"), lambda row: wording.name("stockpiles", get_stock_use(row).id), "text"
        ),
        Column(tr("Released, t"), lambda row: get_stock_use(row).released_t, "tonnes"),
        Column(tr("Comes back, t"), lambda row: get_stock_use(row).refilled_t, "tonnes"),
        Column(tr("Times used"), lambda row: get_stock_use(row).times, decimals=1),
    ]


def _cover_parts(wording: PlanWording) -> Iterator[Part]:
    stocked = {pile.material for pile in wording.plan.stockpiles if any(pile.planned_t.values())}
    found = [m for m in wording.plan.materials if m.id in stocked]
    days = {m.id: {year: of.days_of_cover for year, of in m.by_year.items()} for m in found}
    needs = {m.id: "need_t" if need_exceeds_demand(m) else "demand_t" for m in found}

    def planned(line: FormulaRow, year: str) -> ex.Expression | None:
        material, shortage = line.row["material_id"], line.tables["shortage"]
        if days[material].get(year) is None:
            return None
        its = {"material_id": line["material_id"]}
        held = col.sum_where("stockpiles", year, its, field="planned_t")(line.tables)
        return ex.ratio_or_empty(
            held * ex.as_expression(365), shortage.find_cell(f"{material} {needs[material]}", year)
        )

    def column(year: int) -> Column:
        return col.formula_column(
            year, str(year), lambda line: planned(line, str(year)), "count",
            lambda row: days[row["material_id"]].get(str(year)) or 0.0, decimals_group="years", decimals=0,
            unit=tr("days"),
        )  # fmt: skip

    rows = [
        SheetRow("count", {"material": wording.name("materials", m.id), "material_id": m.id})
        for m in found
    ]
    drawn = [
        (wording.name("materials", m.id), [days[m.id].get(y) or 0.0 for y in wording.year_keys])
        for m in found
    ]
    title = tr("Planned stock at each year's end, in days of need")
    told = tr("One small chart a material, all on one scale; the label is the highest stock.")
    chart = Chart("timeline-stocks", title, told, lambda: charts.cover_charts(drawn, wording.years))
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
        title, rows, columns, "cover", note, chart=chart, is_folded=True, media=PAGE_AND_SHEET
    )


def _holdings_table(wording: PlanWording, stockpiles: list[StockpilePlan]) -> Table:
    days = {
        (m.id, year): of.days_of_cover
        for m in wording.plan.materials
        for year, of in m.by_year.items()
    }

    def year(pile: StockpilePlan) -> str:
        """The year of the highest stock."""
        return max(pile.planned_t, key=lambda y: pile.planned_t[y], default="")

    paying: dict[str, dict[str, None]] = {pile.id: {} for pile in stockpiles}
    for one in wording.plan.accounts:
        if one.stockpile in paying and any(one.paid_meur.values()):
            paying[one.stockpile][one.funder] = None

    def tonnes(amount: float) -> doc.DisplayedValue:
        """With digits of its own: of platinum two are bought, of magnesium thousands."""
        return doc.DisplayedValue(format_number(amount), amount)

    def cover(pile: StockpilePlan) -> float | None:
        return days.get((pile.material, year(pile)))

    columns = [
        Column(tr("Stockpile"), lambda pile: wording.name("stockpiles", pile.id), "text"),
        Column(tr("Paid by"), lambda pile: join_with_and(list(map(wording.payer_header, paying[pile.id]))), "text"),
        Column(tr("Bought, t"), lambda pile: tonnes(sum(pile.buy_t.values()))),
        Column(
            tr("Held at most, t"), lambda pile: tonnes(max(pile.planned_t.values(), default=0.0))
        ),
        Column(tr("In year"), lambda pile: int(year(pile)) if year(pile) else None, "year"),
        Column(tr("Cover then, days"), cover, "count", decimals=0),
        Column(
            tr("Cost, {unit}", unit=wording.money_unit), lambda pile: sum(pile.cost_meur.values()),
            "money", total=True,
        ),
    ]  # fmt: skip
    caption, total = tr("What is bought and held"), tr("Sum")
    return Table(caption, stockpiles, columns, "stocks", total_label=total, media=TERMINAL_AND_PAGE)


def _yearly_table(wording: PlanWording, stockpiles: list[StockpilePlan]) -> Table:
    """Three rows a stockpile, and one that follows from them where the scenario is known."""
    columns = [
        *col.text_columns(name=tr("Stockpile"), material=tr("Material"), figure=tr("Figure")),
        *col.year_columns(wording.year_keys),
        col.row_column(tr("All years"), "all"),
        col.row_column(tr("Deviation"), "deviation", "deviation"),
        *col.id_columns("stockpile_id", "material_id", "field"),
    ]
    rows = [row for pile in stockpiles for row in _stockpile_rows(wording, pile)]
    return Table(
        "", rows, columns, "stockpiles", empty_text=tr("Nothing is held."),
        row_key=lambda row: f"{row['stockpile_id']} {row['field']}",
        has_rule_above=lambda row: row["field"] == "buy_t", media=SHEET, frozen_columns=1,
    )  # fmt: skip


def _stockpile_rows(wording: PlanWording, stockpile: StockpilePlan) -> Iterator[SheetRow]:
    about: dict[str, CellContent] = {
        "name": wording.name("stockpiles", stockpile.id), "stockpile_id": stockpile.id,
        "material": wording.name("materials", stockpile.material), "material_id": stockpile.material,
    }  # fmt: skip

    known = {p.id: p for p in wording.case.stockpiles}.get(stockpile.id) if wording.case else None
    initial, kept = (float(known.initial_t), 1 - float(known.annual_loss)) if known else (0.0, 1.0)
    # Bought in equal parts at the start of each period: the first part is kept n - 1 periods.
    n = int(wording.case.horizon.periods_per_year) if wording.case else 1
    part = sum(kept ** (period / n) for period in range(n)) / n

    def row(figure: str, field: str, **more: CellContent) -> SheetRow:
        form: doc.ValueForm = "money" if field == "cost_meur" else "tonnes"
        amounts = wording.fill_years(getattr(stockpile, field, {}))
        return SheetRow(form, {**about, "figure": figure, "field": field, **amounts, **more})

    def balance(line: FormulaRow, year: str) -> ex.Expression:
        """What the year before leaves, and what is bought (S2)."""
        table, before = line.table, str(int(year) - 1)
        stock = ex.as_expression(initial)
        if year != wording.year_keys[0]:
            stock = table.find_cell(f"{stockpile.id} planned_t", before)
        return stock * ex.as_expression(kept) + table.find_cell(
            f"{stockpile.id} buy_t", year
        ) * ex.as_expression(part)

    def apart(line: FormulaRow) -> ex.Expression:
        return ex.sum_abs_differences(col.row_year_cells(line, -2), col.row_year_cells(line))

    def unpaid(line: FormulaRow) -> ex.Expression:
        return col.deviation_from_accounts(
            line, {"paid_for": line["stockpile_id"]}, wording.year_keys
        )

    cost = tr("Cost, undiscounted, {unit}", unit=wording.money_unit)
    yield row(tr("Bought, t"), "buy_t", all=col.sum_of_years)
    yield row(tr("Planned, end of year, t"), "planned_t")
    yield row(cost, "cost_meur", all=col.sum_of_years, deviation=unpaid)
    if wording.case is not None:
        follows = {**col.formulas_by_year(wording.year_keys, balance), "deviation": apart}
        yield row(tr("Planned, by balance, t"), "balance_t", **follows)


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Stocks follow from what is bought, and accounts pay for them."""
    off = {f: col.sum_where("stockpiles", "deviation", field=f) for f in ("balance_t", "cost_meur")}
    if wording.case is not None:
        says = tr("Planned stock is what the year before leaves, and what is bought")
        scale = col.sum_where("stockpiles", wording.year_keys[-1], field="planned_t")
        yield Check(says, "stockpiles", off["balance_t"], scale, is_deviation_sum=True)
    says = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield Check(says, "stockpiles", off["cost_meur"], TOTAL_COST, is_deviation_sum=True)
