"""The sheet on stockpiles: bought, held and paid by year, and the balance that ties them."""

from __future__ import annotations

from models.language import tr
from models.results import StockpilePlan
from optimizer.report.figures import NOISE
from optimizer.report.workbook.book import Column, Line, key_column, printed, years
from optimizer.report.workbook.draft import Draft, deviation_column
from optimizer.report.workbook.expressions import distance, of, total
from optimizer.report.workbook.styles import Form, tonnes

_Balances = dict[str, Line]


def stockpiles(draft: Draft) -> None:
    """Three rows a stockpile, and one that follows from them where the scenario is known."""
    plan = draft.plan
    sheet = draft.book.sheet(tr("Stockpiles"), tr("What to stock"))
    columns = [
        Column("name", tr("Stockpile"), width=34),
        Column("material", tr("Material"), width=22),
        Column("figure", tr("Figure"), width=24),
        Column("unit", tr("Unit"), width=9),
        *years(draft.years, "tonnes"),
        Column("all", tr("All years"), "tonnes", 9),
        deviation_column(),
        key_column("id", tr("Id of the stockpile"), 16),
        key_column("material_id", tr("Id of the material"), 13),
        key_column("field", tr("Field"), 11),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Planned: stock at the year's end if nothing is ever released. By balance: what the "
            "year before leaves, and what is bought; it must equal the planned stock."
        ),
        printed(columns),
    )
    table = draft.tables["stockpiles"] = sheet.table(columns)
    used = [pile for pile in plan.stockpiles if _used(pile)]
    balances: _Balances = {}
    for pile in used:
        for field, figure, unit, by_year in (
            ("buy_t", tr("Bought"), "t", pile.buy_t),
            ("planned_t", tr("Planned, end of year"), "t", pile.planned_t),
            ("cost_meur", tr("Cost, undiscounted"), draft.million, pile.cost_meur),
        ):
            line = draft.stock_lines[pile.id, field] = _labelled(draft, pile, field, figure, unit)
            form: Form = "money" if field == "cost_meur" else tonnes(pile.planned_t.values())
            line.by_year(by_year, form)
            if field != "planned_t" and draft.years:
                line.put("all", total(line.area(draft.years[0], draft.years[-1])), form)
        if draft.case is not None:
            text = tr("Planned, by balance")
            balances[pile.id] = _labelled(draft, pile, "balance_t", text, "t")
    if not used:
        table.nothing(tr("Nothing is held."))
    sheet.freeze(table, 1)
    idle = [draft.names.stockpile(pile.id) for pile in plan.stockpiles if not _used(pile)]
    if idle:
        sheet.row += 1
        sheet.note(
            tr("Nothing is held in: {stockpiles}.", stockpiles=", ".join(idle)), printed(columns)
        )
    _balances(draft, used, balances)


def _used(pile: StockpilePlan) -> bool:
    figures = (*pile.buy_t.values(), *pile.planned_t.values(), *pile.cost_meur.values())
    return any(abs(figure) > NOISE for figure in figures)


def _labelled(draft: Draft, pile: StockpilePlan, field: str, figure: str, unit: str) -> Line:
    line = draft.tables["stockpiles"].line(ruled=field == "buy_t")
    line.words("name", draft.names.stockpile(pile.id))
    line.words("material", draft.names.material(pile.material))
    line.words("figure", figure)
    line.words("unit", unit)
    line.key("id", pile.id)
    line.key("material_id", pile.material)
    line.key("field", field)
    return line


def _balances(draft: Draft, used: list[StockpilePlan], balances: _Balances) -> None:
    """What each stock would be by its balance (S2), from terms in a table of their own."""
    if draft.case is None or not used:
        return
    sheet = draft.book.sheet(tr("Stockpile terms"), tr("What stockpiles start with and lose"))
    columns = [
        Column("name", tr("Stockpile"), width=34),
        Column("initial", tr("Stock before the first year, t"), "tonnes", 16),
        Column("loss", tr("Lost per year, share"), "share", 14),
        Column("periods", tr("Periods per year"), "count", 14),
        Column("kept", tr("Kept over a year"), "factor", 14),
        Column("part", tr("Kept of what is bought"), "factor", 14),
    ]
    table = sheet.table(columns)
    sheet.freeze(table, 1)
    known = {pile.id: pile for pile in draft.case.stockpiles}
    periods = int(draft.case.horizon.periods_per_year)
    for pile in used:
        terms = known[pile.id]
        line = table.line()
        line.words("name", draft.names.stockpile(pile.id))
        before = line.scenario("initial", float(terms.initial_t))
        loss = line.scenario("loss", float(terms.annual_loss))
        n = line.scenario("periods", periods)
        kept = line.put("kept", of(1) - loss)
        # Bought in equal parts at the start of each period: the first part is kept n - 1 periods.
        ages = [kept ** (of(j) / n) for j in range(periods)]
        part = line.put("part", total(*ages) / n)
        bought = draft.stock_lines[pile.id, "buy_t"]
        planned = draft.stock_lines[pile.id, "planned_t"]
        for year in draft.years:
            balance = before * kept + bought.cells[year] * part
            balances[pile.id].put(year, balance, tonnes(pile.planned_t.values()))
            before = planned.cells[year]
        ends = draft.years[0], draft.years[-1]
        row = balances[pile.id]
        row.put("deviation", distance(planned.area(*ends), row.area(*ends)))
