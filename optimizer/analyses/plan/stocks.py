"""What is bought for stock, how long it lasts, and the balance that ties stocks to purchases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from models.language import tr
from models.results import StockpilePlan
from models.scenario.case import Case
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.charts import Chart
from optimizer.report.charts import schedule as charts
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL,
    TEXT,
    Check,
    Column,
    Form,
    Part,
    Section,
    Shown,
    Table,
    Text,
    by_year,
)
from optimizer.report.figures import NOISE, number
from optimizer.report.wording import listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

COST = col.where("stockpiles", "all", field="cost_meur")
"""What all stockpiles cost, undiscounted."""


@dataclass(frozen=True)
class Held:
    """A stockpile, and the year in which it is highest."""

    stockpile: StockpilePlan
    cover: dict[str, float | None]
    """Days of demand that all stockpiles of its material cover at the end of each year."""

    @cached_property
    def year(self) -> str:
        """The year of the highest stock."""
        planned = self.stockpile.planned_t
        return max(planned, key=lambda year: planned[year], default="")

    @property
    def bought(self) -> float:
        """Tonnes bought over all years."""
        return sum(self.stockpile.buy_t.values())

    @property
    def most(self) -> float:
        """Tonnes held at most."""
        return max(self.stockpile.planned_t.values(), default=0.0)

    @property
    def days(self) -> float | None:
        """Days of cover in the year of the highest stock."""
        return self.cover.get(self.year)

    @property
    def cost(self) -> float:
        """What it costs, not discounted."""
        return sum(self.stockpile.cost_meur.values())


def used(say: PlanWording) -> list[StockpilePlan]:
    """Stockpiles of which anything is bought, held or paid."""

    def figures(pile: StockpilePlan) -> list[float]:
        return [*pile.buy_t.values(), *pile.planned_t.values(), *pile.cost_meur.values()]

    return [p for p in say.plan.stockpiles if any(abs(x) > NOISE for x in figures(p))]


def sections(say: PlanWording) -> list[Section]:
    """What is bought and held, for how many days it lasts, and what it costs."""
    piles = used(say)
    found = [Section("stocks", tr("What to stock"), list(_parts(say, piles)), tab=tr("Stockpiles"))]
    if say.case is not None and piles:
        title, terms = tr("What stockpiles start with and lose"), _terms(say, say.case)
        found.append(Section("stock_terms", title, [terms], SHEET, tab=tr("Stockpile terms")))
    return found


def _parts(say: PlanWording, piles: list[StockpilePlan]) -> Iterator[Part]:
    cover = {
        m.id: {year: of.days_of_cover for year, of in m.by_year.items()} for m in say.plan.materials
    }
    rows = [Held(pile, cover.get(pile.material, {})) for pile in piles]
    if rows:
        text = tr(
            "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
            cost=say.money(sum(row.cost for row in rows)),
        )
        yield Text(text, TEXT)
        yield from _cover(say, cover)
        yield _table(say, rows)
        yield from _purchases(say, rows)
    note = tr(
        "Planned: stock at the year's end if nothing is ever released. By balance: what the year "
        "before leaves, and what is bought; it must equal the planned stock."
    )
    yield Text(note, SHEET)
    yield _by_year(say, piles)
    idle = [say.name("stockpiles", p.id) for p in say.plan.stockpiles if p not in piles]
    if idle:
        text = tr("Nothing is held in: {stockpiles}.", stockpiles=listed(idle))
        yield Text(text, TEXT | SHEET if rows else SHEET)


def _cover(say: PlanWording, cover: dict[str, dict[str, float | None]]) -> Iterator[Part]:
    stocked = {pile.material for pile in say.plan.stockpiles if any(pile.planned_t.values())}
    rows = [m.id for m in say.plan.materials if m.id in stocked]
    if not rows:
        return
    drawn = [
        (say.name("materials", m), [cover[m].get(str(year)) or 0.0 for year in say.years])
        for m in rows
    ]
    title = tr("Planned stock at each year's end, in days of demand")
    chart = Chart(
        "timeline-stocks",
        title,
        tr("One small chart a material, all on one scale; the label is the highest stock."),
        lambda: charts.cover(drawn, say.years),
    )
    columns = [
        Column(tr("Material"), lambda m: say.name("materials", m), "text"),
        *by_year(
            say.years,
            lambda m: {year: days or 0.0 for year, days in cover[m].items()},
            "count",
            places=0,
        ),
    ]
    note = tr(
        "All stocks of a material, if nothing is ever released, over that year's demand of all "
        "consumers. 365 days are 100 % of annual demand."
    )
    yield Table(title, rows, columns, "cover", note, chart=chart, on=PAGE)


def _table(say: PlanWording, rows: list[Held]) -> Table:
    columns = [
        Column(tr("Stockpile"), lambda row: say.name("stockpiles", row.stockpile.id), "text"),
        Column(
            tr("Material"),
            lambda row: say.name("materials", row.stockpile.material),
            "text",
            on=TERMINAL,
        ),
        Column(tr("Bought, t"), lambda row: _tonnes(row.bought)),
        Column(tr("Held at most, t"), lambda row: _tonnes(row.most)),
        Column(tr("In year"), lambda row: int(row.year) if row.year else None, "year"),
        Column(tr("Cover then, days"), "days", "count", places=0),
        Column(
            tr("Share of that year's demand"),
            lambda row: None if row.days is None else row.days / 365,
            "share",
        ),
        Column(tr("Cost, {unit}", unit=say.million), "cost", "money", total=True),
    ]
    note = tr("Days of cover count all stockpiles of a material.")
    return Table(
        tr("What is bought and held"), rows, columns, "stocks", note, total=tr("Sum"), on=TEXT
    )


def _tonnes(tonnes: float) -> Shown:
    """Tonnes with digits of their own: of platinum two are bought, of magnesium thousands."""
    return Shown(number(tonnes), tonnes)


def _purchases(say: PlanWording, rows: list[Held]) -> Iterator[Part]:
    buying = [row for row in rows if any(t > NOISE for t in row.stockpile.buy_t.values())]
    used = [int(y) for row in buying for y, t in row.stockpile.buy_t.items() if t > NOISE]
    if used:
        columns = [
            Column(tr("Bought, t"), lambda row: say.name("stockpiles", row.stockpile.id), "text"),
            *by_year(
                range(min(used), max(used) + 1),
                lambda row: row.stockpile.buy_t,
                lambda row: "tonnes",
            ),
        ]
        caption = tr("What is bought, by year (t)")
        yield Table(caption, buying, columns, "purchases", on=TERMINAL)


def _by_year(say: PlanWording, piles: list[StockpilePlan]) -> Table:
    """Three rows a stockpile, and one that follows from them where the scenario is known."""
    columns = [
        *col.words(name=tr("Stockpile"), material=tr("Material")),
        *col.words(figure=tr("Figure"), unit=tr("Unit")),
        *col.years(say.horizon),
        col.cell(tr("All years"), "all"),
        col.deviation(),
        *col.keys("stockpile_id", "material_id", "field"),
    ]
    return Table(
        "", [row for pile in piles for row in _rows(say, pile)], columns, "stockpiles",
        key=lambda row: f"{row['stockpile_id']} {row['field']}", empty=tr("Nothing is held."),
        ruled=lambda row: row["field"] == "buy_t", on=SHEET,
    )  # fmt: skip


def _rows(say: PlanWording, pile: StockpilePlan) -> Iterator[Row]:
    name, material = say.name("stockpiles", pile.id), say.name("materials", pile.material)

    def row(figure: str, field: str, unit: str, **more: Cell) -> Row:
        about = {"name": name, "material": material, "figure": figure, "unit": unit}
        form: Form = "money" if field == "cost_meur" else "tonnes"
        ids = {"stockpile_id": pile.id, "material_id": pile.material, "field": field}
        return Row(form, {**about, **ids, **say.filled(getattr(pile, field, {})), **more})

    def balance(line: Line, year: str) -> ex.Expression:
        """What the year before leaves, and what is bought (S2)."""
        table, terms = line.table, line.book["stock_terms"]
        before, bought = str(int(year) - 1), table.find(f"{pile.id} buy_t", year)
        stock = (
            terms.find(pile.id, "initial") if year == say.horizon[0]
            else table.find(f"{pile.id} planned_t", before)
        )  # fmt: skip
        return stock * terms.find(pile.id, "kept") + bought * terms.find(pile.id, "part")

    def apart(line: Line) -> ex.Expression:
        return ex.distance(col.over_years(line, -2), col.over_years(line))

    yield row(tr("Bought"), "buy_t", tr("t"), all=col.sum_of_years)
    yield row(tr("Planned, end of year"), "planned_t", tr("t"))
    yield row(tr("Cost, undiscounted"), "cost_meur", say.million, all=col.sum_of_years)
    if say.case is not None:
        follows = {**col.each(say.horizon, balance), "deviation": apart}
        yield row(tr("Planned, by balance"), "balance_t", tr("t"), **follows)


def _terms(say: PlanWording, case: Case) -> Table:
    held, periods = {pile.id for pile in used(say)}, int(case.horizon.periods_per_year)

    def part(line: Line) -> ex.Expression:
        # Bought in equal parts at the start of each period: the first part is kept n - 1 periods.
        n = line["periods"]
        return ex.total(*(line["kept"] ** (ex.of(j) / n) for j in range(periods))) / n

    known = {"origin": "scenario", "width": 16}
    columns = [
        col.text(tr("Stockpile"), lambda row: say.name("stockpiles", row.id)),
        col.given(tr("Stock before the first year, t"), "initial", "tonnes", "initial_t", **known),
        col.given(tr("Lost per year, share"), "loss", "share", "annual_loss", **known),
        col.given(tr("Periods per year"), "periods", "count", lambda _: periods, **known),
        col.calc(tr("Kept over a year"), "kept", lambda line: ex.of(1) - line["loss"], "control"),
        col.calc(tr("Kept of what is bought"), "part", part, "control"),
    ]
    piles = [pile for pile in case.stockpiles if pile.id in held]
    return Table("", piles, columns, "stock_terms", key=lambda row: row.id)


def checks(say: PlanWording) -> Iterator[Check]:
    """Stocks follow from what is bought, and accounts pay for them."""
    if not used(say):
        return
    if say.case is not None:
        says = tr("Planned stock is what the year before leaves, and what is bought")
        yield col.check_rows(says, "stockpiles", col.summed("stockpiles", say.horizon[-1]))
    says = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield col.check_rows(says, "stockpiles_by_accounts", COST)
