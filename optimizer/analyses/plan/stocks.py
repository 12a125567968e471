"""What is bought for stock, how long it lasts, and the balance that ties stocks to purchases."""

from collections.abc import Callable, Iterator
from typing import Any

from models.language import tr
from models.results import StockpilePlan, StockUse
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.damage import needs_more
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import schedule as charts
from optimizer.report.document import DETAIL, SHEET, TEXT, Check, Column, Part, Section, Table
from optimizer.report.figures import NOISE, number
from optimizer.report.wording import Wording, listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

COST = col.where("stockpiles", "all", field="cost_meur")
"""What all stockpiles cost, undiscounted."""


def section(say: PlanWording) -> Section:
    """What is bought and held, for how many days it lasts, and what it costs."""
    return Section("stocks", tr("What to stock"), list(_parts(say)), tab=tr("Stockpiles"))


def _parts(say: PlanWording) -> Iterator[Part]:
    def figures(pile: StockpilePlan) -> list[float]:
        return [*pile.buy_t.values(), *pile.planned_t.values(), *pile.cost_meur.values()]

    piles = [p for p in say.plan.stockpiles if any(abs(x) > NOISE for x in figures(p))]
    cost = sum(sum(pile.cost_meur.values()) for pile in piles)
    if piles:
        text = tr(
            "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
            cost=say.money(cost),
        )
        yield doc.Text(text, TEXT)
        yield from _cover(say)
        yield _held(say, piles)
    used = [use for use in say.plan.stock_use if use.times is not None]
    if used:
        note = tr(
            "By a rule without foresight: stock is released at once while demand is not covered, "
            "and filled again at once where the market covers it. Times used: what is released in "
            "all years over the highest planned stock. Stocks that hold nothing, or that the "
            "scenario does not fill again, are left out."
        )
        columns = use_columns(say, lambda use: use)
        yield Table(used_caption(), used, columns, "stock-use", note, folded=True, on=TEXT)
    note = tr(
        "Planned: stock at the year's end if nothing is ever released. By balance: what the year "
        "before leaves, and what is bought; it must equal the planned stock."
    )
    yield doc.Text(note, SHEET)
    yield _by_year(say, piles)
    idle = [say.name("stockpiles", p.id) for p in say.plan.stockpiles if p not in piles]
    if idle:
        text = tr("Nothing is held in: {stockpiles}.", stockpiles=listed(idle))
        yield doc.Text(text, doc.EVERYWHERE if piles else SHEET)


def used_caption() -> str:
    """The caption of a table with :func:`use_columns`."""
    return tr("How often stocks are used and filled again, expected in all years")


def use_columns(say: Wording[Any], of: Callable[[Any], StockUse]) -> list[Column]:
    """What is said of how often a stockpile is used, which is ``of`` a row."""
    return [
        Column(tr("Stockpile"), lambda row: say.name("stockpiles", of(row).id), "text"),
        Column(tr("Released, t"), lambda row: of(row).released_t, "tonnes"),
        Column(tr("Comes back, t"), lambda row: of(row).refilled_t, "tonnes"),
        Column(tr("Times used"), lambda row: of(row).times, places=1),
    ]


def _cover(say: PlanWording) -> Iterator[Part]:
    stocked = {pile.material for pile in say.plan.stockpiles if any(pile.planned_t.values())}
    found = [m for m in say.plan.materials if m.id in stocked]
    days = {m.id: {year: of.days_of_cover for year, of in m.by_year.items()} for m in found}
    needs = {m.id: "need_t" if needs_more(m) else "demand_t" for m in found}

    def planned(line: Line, year: str) -> ex.Expression | None:
        material, shortage = line.row["material_id"], line.book["shortage"]
        if days[material].get(year) is None:
            return None
        its = {"material_id": line["material_id"]}
        held = col.where("stockpiles", year, its, field="planned_t")(line.book)
        return ex.ratio(held * ex.of(365), shortage.find(f"{material} {needs[material]}", year))

    def column(year: int) -> Column:
        return col.calc(
            year, str(year), lambda line: planned(line, str(year)), "count",
            lambda row: days[row["material_id"]].get(str(year)) or 0.0, like="years", places=0,
            unit=tr("days"),
        )  # fmt: skip

    rows = [
        Row("count", {"material": say.name("materials", m.id), "material_id": m.id}) for m in found
    ]
    drawn = [
        (say.name("materials", m.id), [days[m.id].get(y) or 0.0 for y in say.horizon])
        for m in found
    ]
    title = tr("Planned stock at each year's end, in days of need")
    told = tr("One small chart a material, all on one scale; the label is the highest stock.")
    chart = Chart("timeline-stocks", title, told, lambda: charts.cover(drawn, say.years))
    columns = [
        *col.words(material=tr("Material")),
        *map(column, say.years),
        *col.keys("material_id"),
    ]
    note = tr(
        "All stocks of a material, if nothing is ever released, over that year's need. 365 days "
        "are 100 % of annual need."
    )
    yield Table(title, rows, columns, "cover", note, chart=chart, folded=True, on=DETAIL)


def _held(say: PlanWording, piles: list[StockpilePlan]) -> Table:
    days = {
        (m.id, year): of.days_of_cover for m in say.plan.materials for year, of in m.by_year.items()
    }

    def year(pile: StockpilePlan) -> str:
        """The year of the highest stock."""
        return max(pile.planned_t, key=lambda y: pile.planned_t[y], default="")

    paying: dict[str, dict[str, None]] = {pile.id: {} for pile in piles}
    for one in say.plan.accounts:
        if one.stockpile in paying and any(one.paid_meur.values()):
            paying[one.stockpile][one.funder] = None

    def tonnes(amount: float) -> doc.Shown:
        """With digits of its own: of platinum two are bought, of magnesium thousands."""
        return doc.Shown(number(amount), amount)

    def cover(pile: StockpilePlan) -> float | None:
        return days.get((pile.material, year(pile)))

    columns = [
        Column(tr("Stockpile"), lambda pile: say.name("stockpiles", pile.id), "text"),
        Column(tr("Paid by"), lambda pile: listed(list(map(say.source, paying[pile.id]))), "text"),
        Column(tr("Bought, t"), lambda pile: tonnes(sum(pile.buy_t.values()))),
        Column(
            tr("Held at most, t"), lambda pile: tonnes(max(pile.planned_t.values(), default=0.0))
        ),
        Column(tr("In year"), lambda pile: int(year(pile)) if year(pile) else None, "year"),
        Column(tr("Cover then, days"), cover, "count", places=0),
        Column(
            tr("Cost, {unit}", unit=say.million), lambda pile: sum(pile.cost_meur.values()),
            "money", total=True,
        ),
    ]  # fmt: skip
    caption, total = tr("What is bought and held"), tr("Sum")
    return Table(caption, piles, columns, "stocks", total=total, on=TEXT)


def _by_year(say: PlanWording, piles: list[StockpilePlan]) -> Table:
    """Three rows a stockpile, and one that follows from them where the scenario is known."""
    columns = [
        *col.words(name=tr("Stockpile"), material=tr("Material"), figure=tr("Figure")),
        *col.years(say.horizon),
        col.cell(tr("All years"), "all"),
        col.cell(tr("Deviation"), "deviation", "deviation"),
        *col.keys("stockpile_id", "material_id", "field"),
    ]
    rows = [row for pile in piles for row in _rows(say, pile)]
    return Table(
        "", rows, columns, "stockpiles", empty=tr("Nothing is held."),
        key=lambda row: f"{row['stockpile_id']} {row['field']}",
        ruled=lambda row: row["field"] == "buy_t", on=SHEET, freeze=1,
    )  # fmt: skip


def _rows(say: PlanWording, pile: StockpilePlan) -> Iterator[Row]:
    about: dict[str, Cell] = {
        "name": say.name("stockpiles", pile.id), "stockpile_id": pile.id,
        "material": say.name("materials", pile.material), "material_id": pile.material,
    }  # fmt: skip

    known = {p.id: p for p in say.case.stockpiles}.get(pile.id) if say.case else None
    initial, kept = (float(known.initial_t), 1 - float(known.annual_loss)) if known else (0.0, 1.0)
    # Bought in equal parts at the start of each period: the first part is kept n - 1 periods.
    n = int(say.case.horizon.periods_per_year) if say.case else 1
    part = sum(kept ** (period / n) for period in range(n)) / n

    def row(figure: str, field: str, **more: Cell) -> Row:
        form: doc.Form = "money" if field == "cost_meur" else "tonnes"
        amounts = say.filled(getattr(pile, field, {}))
        return Row(form, {**about, "figure": figure, "field": field, **amounts, **more})

    def balance(line: Line, year: str) -> ex.Expression:
        """What the year before leaves, and what is bought (S2)."""
        table, before = line.table, str(int(year) - 1)
        stock = ex.of(initial)
        if year != say.horizon[0]:
            stock = table.find(f"{pile.id} planned_t", before)
        return stock * ex.of(kept) + table.find(f"{pile.id} buy_t", year) * ex.of(part)

    def apart(line: Line) -> ex.Expression:
        return ex.distance(col.over_years(line, -2), col.over_years(line))

    def unpaid(line: Line) -> ex.Expression:
        return col.off_accounts(line, {"paid_for": line["stockpile_id"]}, say.horizon)

    cost = tr("Cost, undiscounted, {unit}", unit=say.million)
    yield row(tr("Bought, t"), "buy_t", all=col.sum_of_years)
    yield row(tr("Planned, end of year, t"), "planned_t")
    yield row(cost, "cost_meur", all=col.sum_of_years, deviation=unpaid)
    if say.case is not None:
        follows = {**col.each(say.horizon, balance), "deviation": apart}
        yield row(tr("Planned, by balance, t"), "balance_t", **follows)


def checks(say: PlanWording) -> Iterator[Check]:
    """Stocks follow from what is bought, and accounts pay for them."""
    off = {f: col.where("stockpiles", "deviation", field=f) for f in ("balance_t", "cost_meur")}
    if say.case is not None:
        says = tr("Planned stock is what the year before leaves, and what is bought")
        scale = col.where("stockpiles", say.horizon[-1], field="planned_t")
        yield Check(says, "stockpiles", off["balance_t"], scale, summed=True)
    says = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield Check(says, "stockpiles", off["cost_meur"], COST, summed=True)
