"""Stockpiles of a plan: purchases, days of cover, costs and the balance of stocks."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import StockpilePlan
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.stock_use import stock_use_caption, stock_use_columns
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
from optimizer.report.wording import join_with_and


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
    text = tr("Planned: stock at the year's end if nothing is ever released.")
    yield doc.Text(text, SHEET)
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

    def column(year: int) -> Column:
        return Column(
            year,
            lambda material: days[material.id].get(str(year)) or 0.0,
            "count",
            decimals_group="years",
            decimals=0,
            unit=tr("days"),
        )

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
        Column(tr("Material"), lambda material: wording.name("materials", material.id), "text"),
        *map(column, wording.years),
    ]
    note = tr(
        "All stocks of a material, if nothing is ever released, over that year's need. 365 days "
        "are 100 % of annual need."
    )
    yield Table(
        title,
        materials,
        columns,
        "cover",
        note,
        chart=chart,
        is_collapsed=True,
        media=PAGE_AND_SHEET,
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
    """Return a table with the yearly rows of each stockpile."""
    figures: dict[str, tuple[doc.ValueForm, str]] = {
        "buy_t": ("tonnes", tr("Bought, t")),
        "planned_t": ("tonnes", tr("Planned, end of year, t")),
        "cost_meur": ("money", tr("Cost, undiscounted, {unit}", unit=wording.money_unit)),
    }
    rows = [
        col.SheetRow(
            form,
            {
                "name": wording.name("stockpiles", stockpile.id),
                "material": wording.name("materials", stockpile.material),
                "figure": figure,
                **wording.fill_years(getattr(stockpile, field)),
            },
        )
        for stockpile in stockpiles
        for field, (form, figure) in figures.items()
    ]
    columns = [
        *col.text_columns(name=tr("Stockpile"), material=tr("Material"), figure=tr("Figure")),
        *col.year_columns(wording.year_keys),
    ]
    empty_text = tr("Nothing is held.")
    return Table("", rows, columns, "stockpiles", empty_text=empty_text, media=SHEET)


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that stocks follow from purchases, and that accounts pay for the purchases."""
    plan = wording.plan
    terms_by_id = {x.id: x for x in wording.case.stockpiles} if wording.case else {}
    if wording.case is not None and plan.stockpiles:
        periods = int(wording.case.horizon.periods_per_year)
        deviations = []
        for stockpile in plan.stockpiles:
            terms = terms_by_id[stockpile.id]
            stock, retention = float(terms.initial_t), 1 - float(terms.annual_loss)
            # Purchases are made in equal parts at the start of each period, and lose tonnes until
            # the end of the year.
            kept = math.fsum(retention ** (k / periods) for k in range(periods)) / periods
            for year in wording.year_keys:
                stock = stock * retention + stockpile.buy_t.get(year, 0.0) * kept
                planned = stockpile.planned_t.get(year, 0.0)
                deviations.append(abs(stock - planned))
                stock = planned
        scale = max(
            x for stockpile in plan.stockpiles for x in (0.0, *stockpile.planned_t.values())
        )
        statement = tr("Planned stock is what the year before leaves, and what is bought")
        yield Check(statement, max(deviations), scale=scale)
    unpaid = {(x.id, year): cost for x in plan.stockpiles for year, cost in x.cost_meur.items()}
    total = math.fsum(unpaid.values())
    for position in plan.accounts:
        for year, paid in position.paid_meur.items() if position.stockpile else ():
            key = position.stockpile or "", year
            unpaid[key] = unpaid.get(key, 0.0) - paid
    statement = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield Check(statement, max(map(abs, unpaid.values()), default=0.0), scale=total)
