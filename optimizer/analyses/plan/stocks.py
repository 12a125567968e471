"""What is bought for stock, and how long it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from models.language import tr
from models.results import StockpilePlan
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.charts import Chart
from optimizer.report.charts import schedule as charts
from optimizer.report.document import (
    PAGE,
    TERMINAL,
    Column,
    Part,
    Shown,
    Table,
    by_year,
)
from optimizer.report.figures import NOISE, number
from optimizer.report.wording import listed


@dataclass(frozen=True)
class Held:
    """A stockpile that is used, and the year in which it is highest."""

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


def stocks(say: PlanWording) -> Iterator[Part]:
    """What is bought and held, for how many days it lasts, and what it costs."""
    cover = {
        m.id: {year: of.days_of_cover for year, of in m.by_year.items()} for m in say.plan.materials
    }
    rows = [Held(pile, cover.get(pile.material, {})) for pile in say.plan.stockpiles if _used(pile)]
    if not rows:
        return
    total = sum(row.cost for row in rows)
    yield tr(
        "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
        cost=say.money(total),
    )
    yield from _cover(say, cover)
    yield _table(say, rows)
    yield from _purchases(say, rows)
    idle = [say.name("stockpiles", p.id) for p in say.plan.stockpiles if not _used(p)]
    if idle:
        yield tr("Nothing is held in: {stockpiles}.", stockpiles=listed(idle))


def _used(pile: StockpilePlan) -> bool:
    figures = [*pile.buy_t.values(), *pile.planned_t.values(), *pile.cost_meur.values()]
    return any(abs(figure) > NOISE for figure in figures)


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
    return Table(tr("What is bought and held"), rows, columns, "stocks", note, total=tr("Sum"))


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
