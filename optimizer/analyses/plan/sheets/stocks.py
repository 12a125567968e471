"""The sheets on stockpiles: bought, held and paid by year, and the balance that ties them."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import StockpilePlan
from models.scenario.case import Case
from optimizer.analyses.plan.sheets import columns as col
from optimizer.analyses.plan.sheets.columns import Cell, Row, SheetWording
from optimizer.report.document import Check, Form, Section, Table
from optimizer.report.figures import NOISE
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

COST = col.where("stockpiles", "all", field="cost_meur")
"""What all stockpiles cost, undiscounted."""


def used(say: SheetWording) -> list[StockpilePlan]:
    """Stockpiles of which anything is bought, held or paid."""

    def idle(pile: StockpilePlan) -> bool:
        figures = (*pile.buy_t.values(), *pile.planned_t.values(), *pile.cost_meur.values())
        return all(abs(figure) <= NOISE for figure in figures)

    return [pile for pile in say.found.stockpiles if not idle(pile)]


def sections(say: SheetWording) -> list[Section]:
    """What is stocked, and what stocks start with and lose."""
    piles = used(say)
    idle = say.names("stockpiles", (one.id for one in say.found.stockpiles if one not in piles))
    note = tr(
        "Planned: stock at the year's end if nothing is ever released. By balance: what the year "
        "before leaves, and what is bought; it must equal the planned stock."
    )
    rest = tr("Nothing is held in: {stockpiles}.", stockpiles=idle) if idle else ""
    title = tr("What to stock")
    found = [col.sheet("stockpiles", tr("Stockpiles"), title, note, _stockpiles(say), rest)]
    if say.case is not None and piles:
        title, terms = tr("What stockpiles start with and lose"), _terms(say, say.case)
        found.append(col.sheet("stock_terms", tr("Stockpile terms"), title, terms))
    return found


def _stockpiles(say: SheetWording) -> Table:
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
        "", [row for pile in used(say) for row in _rows(say, pile)], columns, "stockpiles",
        key=lambda row: f"{row['stockpile_id']} {row['field']}", empty=tr("Nothing is held."),
        ruled=lambda row: row["field"] == "buy_t",
    )  # fmt: skip


def _rows(say: SheetWording, pile: StockpilePlan) -> Iterator[Row]:
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


def _terms(say: SheetWording, case: Case) -> Table:
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


def checks(say: SheetWording) -> Iterator[Check]:
    """Stocks follow from what is bought, and accounts pay for them."""
    if not used(say):
        return
    if say.case is not None:
        says = tr("Planned stock is what the year before leaves, and what is bought")
        yield col.check_rows(says, "stockpiles", col.summed("stockpiles", say.horizon[-1]))
    says = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield col.check_rows(says, "stockpiles_by_accounts", COST)
