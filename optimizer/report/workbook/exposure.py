"""The sheets on what is left: damage, shortage by year, where supply comes from, the spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from models.language import tr
from models.results import ConsumerOutcome, MaterialOutcome, MaterialYear, SupplyMix
from optimizer.report import prose
from optimizer.report.workbook.book import Column, Line, Sheet, Table, key_column, printed, years
from optimizer.report.workbook.draft import Draft, deviation_column
from optimizer.report.workbook.expressions import (
    Expression,
    distance,
    distance_to,
    largest,
    of,
    ratio,
    squares,
    total,
    total_where,
    words,
)
from optimizer.report.workbook.styles import tonnes

Side = Literal["with", "without"]


def damage(draft: Draft) -> None:
    """What is expected to be left, by material and by consumer."""
    sheet = draft.book.sheet(tr("Damage"), _what_is_left(draft))
    plan = draft.plan
    _parts(draft, sheet, "materials", tr("Material"), plan.materials)
    _parts(draft, sheet, "consumers", tr("Consumer"), plan.consumers)
    sheet.freeze(draft.tables["materials"], 1, repeat=False)


def _what_is_left(draft: Draft) -> str:
    unit = prose.unit(draft.plan)
    if draft.plan.outcome.measure == "damage":
        return tr("What is left of the damage ({unit})", unit=unit)
    return tr("What is left of the shortage ({unit})", unit=unit)


def _parts(
    draft: Draft,
    sheet: Sheet,
    name: str,
    header: str,
    items: Sequence[MaterialOutcome | ConsumerOutcome],
) -> None:
    columns = [
        Column("name", header, width=40),
        Column("without", tr("Without plan"), "outcome", 20),
        Column("with", tr("With plan"), "outcome", 20),
        Column("avoided", tr("Avoided"), "outcome", 14),
        Column("reduction", tr("Reduction"), "share", 14),
        Column("part", tr("Share of all that is avoided"), "share", 16),
        key_column("id", tr("Id"), 20),
    ]
    table = draft.tables[name] = sheet.table(columns)
    named = draft.names.material if name == "materials" else draft.names.consumer
    lines: list[Line] = []
    for item in items:
        line = table.line()
        lines.append(line)
        line.words("name", named(item.id))
        without = line.optimizer("without", item.expected_without_plan)
        reached = line.optimizer("with", item.expected)
        avoided = line.put("avoided", without - reached)
        line.put("reduction", ratio(avoided, without))
        line.key("id", item.id)
    if not lines:
        table.nothing(tr("There are none."))
    totals = table.totals(tr("All together"), ["without", "with", "avoided"])
    if lines:
        for line in lines:
            line.put("part", ratio(line.cells["avoided"], totals.cells["avoided"]))
        reduction = ratio(totals.cells["avoided"], totals.cells["without"])
        totals.put("reduction", reduction)
    draft.cells[f"{name}_with"] = totals.cells["with"]
    draft.cells[f"{name}_without"] = totals.cells["without"]
    sheet.row += 1


def shortage(draft: Draft) -> None:
    """Demand, shortage and cover of each material by year."""
    sheet = draft.book.sheet(tr("Shortage"), tr("What is missing, and how long stocks last"))
    columns = [
        Column("name", tr("Material"), width=30),
        Column("figure", tr("Figure"), width=36),
        Column("unit", tr("Unit"), width=7),
        *years(draft.years, "tonnes"),
        deviation_column(),
        key_column("id", tr("Id of the material"), 16),
        key_column("field", tr("Field"), 26),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Shortage: mean of all states. A year is short if more than a millionth of demand is "
            "missing in one of its periods. Cover: planned stock at the year's end, of all "
            "stockpiles, in days of the year's demand."
        ),
        printed(columns),
    )
    table = draft.tables["shortage"] = sheet.table(columns)
    for material in draft.plan.materials:
        _short(draft, table, material)
    sheet.freeze(table, 2)


def _short(draft: Draft, table: Table, material: MaterialOutcome) -> None:
    def labelled(figure: str, unit: str, field: str) -> Line:
        line = table.line(ruled=field == "demand_t")
        line.words("name", draft.names.material(material.id))
        line.words("figure", figure)
        line.words("unit", unit)
        line.key("id", material.id)
        line.key("field", field)
        return line

    def given(figure: str, unit: str, field: str) -> Line:
        line = labelled(figure, unit, field)
        values = {year: getattr(found, field) for year, found in material.by_year.items()}
        form = tonnes(values.values()) if unit == "t" else None
        for year, value in values.items():
            line.optimizer(year, value, form)
        return line

    demand = given(tr("demand"), "t", "demand_t")
    missing = given(tr("expected shortage with plan"), "t", "expected_shortage_t")
    given(tr("expected shortage without plan"), "t", "expected_shortage_without_plan_t")
    part = labelled(tr("share of demand that is missing"), "%", "")
    chance = labelled(tr("chance of a shortage"), "%", "probability_of_shortage")
    stated = given(tr("cover"), tr("days"), "days_of_cover")
    cover = labelled(tr("cover, by planned stock"), tr("days"), "")
    stocks = draft.tables["stockpiles"]
    its = (stocks.area("material_id"), part.cells["id"])
    planned = (stocks.area("field"), words("planned_t"))
    for year, found in material.by_year.items():
        part.put(year, ratio(missing.cells[year], demand.cells[year]), "share")
        chance.optimizer(year, found.probability_of_shortage, "share")
        if found.days_of_cover is not None:
            stock = total_where(stocks.area(year), its, planned)
            cover.put(year, ratio(stock * of(365), demand.cells[year]))
    if draft.years:
        first, last = draft.years[0], draft.years[-1]
        cover.put("deviation", distance(stated.area(first, last), cover.area(first, last)))


def supply(draft: Draft) -> None:
    """Where supply comes from, with the plan and without it, on a sheet each."""
    for side, tab, title in (
        ("with", tr("Supply"), tr("Where supply comes from, with the plan")),
        ("without", tr("Supply without plan"), tr("Where supply comes from, without the plan")),
    ):
        _mix(draft, "without" if side == "without" else "with", tab, title)


def _mix_of(year: MaterialYear, side: Side) -> SupplyMix | None:
    return year.supply if side == "with" else year.supply_without_plan


def _mix(draft: Draft, side: Side, tab: str, title: str) -> None:
    sheet = draft.book.sheet(tab, title)
    columns = [
        Column("name", tr("Material"), width=30),
        Column("country", tr("Country or figure"), width=34),
        *years(draft.years, "share"),
        deviation_column(),
        key_column("id", tr("Id of the material"), 16),
        key_column("field", tr("Field"), 16),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Shares of supply, undisturbed and on time. Index: Herfindahl-Hirschman, the sum of "
            "squared shares in percent, from 0 to 10,000. The Critical Raw Materials Act names "
            "65 % as the most from one country."
        ),
        printed(columns),
    )
    table = draft.tables[f"supply_{side}"] = sheet.table(columns)
    for material in draft.plan.materials:
        mixes = {year: _mix_of(of, side) for year, of in material.by_year.items()}
        known = {year: mix for year, mix in mixes.items() if mix is not None}
        if known:
            _countries(draft, table, side, material.id, known)
    if not table.count:
        table.nothing(tr("The plan does not say where supply comes from."))
    sheet.freeze(table, 2)


def _countries(
    draft: Draft, table: Table, side: Side, material: str, mixes: dict[str, SupplyMix]
) -> None:
    """The shares of a material's countries, their sum and what they mean for dependence."""
    top = table.sheet.row

    def labelled(figure: str, field: str) -> Line:
        line = table.line(ruled=table.sheet.row == top)
        line.words("name", draft.names.material(material))
        line.words("country", figure)
        line.key("id", material)
        line.key("field", field)
        return line

    first = next(iter(mixes.values()))
    countries = dict.fromkeys(first.by_country)
    countries |= dict.fromkeys(c for mix in mixes.values() for c in mix.by_country)
    home = draft.case.home if draft.case else ()
    for country in countries:
        line = labelled(country, "by_country")
        for year, mix in mixes.items():
            line.optimizer(year, mix.by_country.get(country, 0.0), "share")
    bottom = table.sheet.row - 1
    together = labelled(tr("All together"), "sum")
    leading = labelled(tr("largest supplier's share"), "largest")
    index = labelled(tr("index of concentration"), "hhi")
    stated = labelled(tr("index, as the plan has it"), "hhi_of_plan")
    imported = labelled(tr("imports"), "imports") if home else None
    for year, mix in mixes.items():
        at = table.at(year)
        shares = table.sheet.area((top, at), (bottom, at))
        together.put(year, total(shares), "share")
        leading.put(year, largest(shares), "share")
        index.put(year, squares(shares) * of(10_000), "count")
        stated.optimizer(year, mix.hhi, "count")
        if imported is not None:
            domestic = [c for c in countries if c in home]
            rows = [top + i for i, c in enumerate(countries) if c in domestic]
            cells = [table.sheet.area((row, at), (row, at)) for row in rows]
            inside: Expression = total(*cells) if cells else of(0)
            imported.put(year, of(1) - inside, "share")
    ends = draft.years[0], draft.years[-1]
    together.put("deviation", distance_to(together.area(*ends), 1))
    index.put("deviation", distance(index.area(*ends), stated.area(*ends)))


def distribution(draft: Draft) -> None:
    """Damage over the states as quantiles, with a chart."""
    spread = draft.plan.outcome.distribution
    if spread is None:
        return
    unit = prose.unit(draft.plan)
    sheet = draft.book.sheet(tr("Distribution"), tr("How the outcome is spread over the states"))
    columns = [
        Column("level", tr("Share of states that are no worse"), "share", 16),
        Column("with", f"{tr('With plan')}, {unit}", "outcome", 16),
        Column("without", f"{tr('Without plan')}, {unit}", "outcome", 16),
        Column("avoided", f"{tr('Avoided in the same state')}, {unit}", "outcome", 16),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Each figure is not exceeded with the probability beside it. What is avoided is "
            "ordered by itself: it is no difference of the two columns before it."
        ),
        4,
    )
    table = draft.tables["distribution"] = sheet.table(columns)
    for level, reached, without, avoided in zip(
        spread.levels, spread.with_plan, spread.without_plan, spread.avoided, strict=True
    ):
        line = table.line()
        line.optimizer("level", level)
        line.optimizer("with", reached)
        line.optimizer("without", without)
        line.optimizer("avoided", avoided)
    sheet.freeze(table, 1)
    chart = draft.book.workbook.add_chart({"type": "line"})
    top, bottom = table.rows()
    for column, dash in (("with", "solid"), ("without", "dash")):
        at = table.at(column)
        chart.add_series(
            {
                "name": [sheet.tab, table.header_row, at],
                "categories": [sheet.tab, top, 0, bottom, 0],
                "values": [sheet.tab, top, at, bottom, at],
                "line": {"dash_type": dash, "width": 2},
            }
        )
    title = tr("Outcome by share of states, {unit}", unit=unit)
    chart.set_title({"name": title, "name_font": {"size": 11}})
    chart.set_x_axis({"num_format": "0%", "interval_unit": 10, "interval_tick": 10})
    chart.set_y_axis({"num_format": draft.book.styles.axis})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 680, "height": 420})
    # Below the header, which each page repeats with all that touches it.
    place = {"description": title, "y_offset": 6}
    sheet.worksheet.insert_chart(top, 5, chart, place)
    sheet.printed_columns = 17


def worst_of(draft: Draft, side: Side) -> Expression | None:
    """The last quantile."""
    table = draft.tables.get("distribution")
    if table is None:
        return None
    row, at = table.rows()[1], table.at(side)
    found = table.sheet.area((row, at), (row, at))
    return Expression(found.text.split(":")[0], found.values[0])
