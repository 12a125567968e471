"""The sheets on what is left: damage, shortage by year, where supply comes from, the spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import ConsumerOutcome, Distribution, MaterialOutcome, SupplyMix
from optimizer.analyses.plan.sheets import columns as col
from optimizer.analyses.plan.sheets.columns import Cell, Row, SheetWording
from optimizer.report.document import Check, Form, Section, SheetChart, Table
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line, Placed

_Items = Sequence[MaterialOutcome] | Sequence[ConsumerOutcome]


def sections(say: SheetWording) -> list[Section]:
    """What is left and where, what is missing when, who supplies, and how outcomes are spread."""
    plan, spread = say.found, say.found.outcome.distribution
    materials = _parts(say, "materials", tr("Material"), plan.materials)
    consumers = _parts(say, "consumers", tr("Consumer"), plan.consumers)
    missing = tr("What is missing, and how long stocks last")
    cover = tr(
        "Shortage: mean of all states. A year is short if more than a millionth of demand is "
        "missing in one of its periods. Cover: planned stock at the year's end, of all stockpiles, "
        "in days of the year's demand."
    )
    shares = tr(
        "Shares of supply, undisturbed and on time. Index: Herfindahl-Hirschman, the sum of "
        "squared shares in percent, from 0 to 10,000. The Critical Raw Materials Act names 65 % as "
        "the most from one country."
    )
    title, title_without = (
        tr("Where supply comes from, with the plan"),
        tr("Where supply comes from, without the plan"),
    )
    bare = "supply_without_plan"
    without = tr("Supply without plan")
    found = [
        col.sheet("damage_parts", tr("Damage"), say.left, materials, consumers),
        col.sheet("shortage", tr("Shortage"), missing, cover, _shortage(say)),
        col.sheet("supply", tr("Supply"), title, shares, _supply(say, "supply")),
        col.sheet(bare, without, title_without, shares, _supply(say, bare)),
    ]
    return [*found, _distribution(say, spread)] if spread else found


def _parts(say: SheetWording, name: str, header: str, items: _Items) -> Table:
    """What is expected to be left of each, and what the plan avoids of it."""

    def reduced(table: Placed) -> ex.Expression:
        return ex.ratio(table.total("avoided"), table.total("without"))

    def part(line: Line) -> ex.Expression:
        return ex.ratio(line["avoided"], line.table.total("avoided"))

    avoided, reduction = col.minus("without", "with"), col.per("avoided", "without")
    columns = [
        col.text(header, lambda row: say.name(name, row.id)),
        col.given(tr("Without plan"), "without", "outcome", "expected_without_plan", total=True),
        col.given(tr("With plan"), "with", "outcome", "expected", total=True),
        col.calc(tr("Avoided"), "avoided", avoided, "outcome", total=True),
        col.calc(tr("Reduction"), "reduction", reduction, "share", total=reduced),
        col.calc(tr("Share of all that is avoided"), "part", part, "share"),
        *col.keys(id="id"),
    ]
    empty, total = tr("There are none."), tr("All together")
    return Table("", items, columns, name, total=total, empty=empty, freeze=1)


def _shortage(say: SheetWording) -> Table:
    """Demand, shortage and cover of each material by year."""
    columns = [
        *col.words(name=tr("Material"), figure=tr("Figure"), unit=tr("Unit")),
        *col.years(say.horizon),
        col.deviation(),
        *col.keys("material_id", "field"),
    ]
    return Table(
        "", [row for one in say.found.materials for row in _short(say, one)], columns, "shortage",
        empty=tr("There are none."), freeze=2, ruled=lambda row: row["field"] == "demand_t",
    )  # fmt: skip


def _short(say: SheetWording, material: MaterialOutcome) -> Iterator[Row]:
    known, name = material.by_year, say.name("materials", material.id)

    def row(figure: str, unit: str, form: Form, field: str, **more: Cell) -> Row:
        values = {year: getattr(of, field) for year, of in known.items()} if field else {}
        about = {"name": name, "figure": figure, "unit": unit, "field": field}
        return Row(form, {**about, "material_id": material.id, **values, **more})

    def part(line: Line, year: str) -> ex.Expression:
        missing = line.table.cell(line.place - 2, year)
        return ex.ratio(missing, line.table.cell(line.place - 3, year))

    def cover(line: Line, year: str) -> ex.Expression | None:
        if known[year].days_of_cover is None:
            return None
        planned = col.where("stockpiles", year, material_id=material.id, field="planned_t")
        return ex.ratio(planned(line.book) * ex.of(365), line.table.cell(line.place - 6, year))

    def apart(line: Line) -> ex.Expression:
        return ex.distance(col.over_years(line, -1), col.over_years(line))

    without = "expected_shortage_without_plan_t"
    stock: dict[str, Cell] = {**col.each(known, cover), "deviation": apart if known else None}
    yield row(tr("demand"), tr("t"), "tonnes", "demand_t")
    yield row(tr("expected shortage with plan"), tr("t"), "tonnes", "expected_shortage_t")
    yield row(tr("expected shortage without plan"), tr("t"), "tonnes", without)
    yield row(tr("share of demand that is missing"), "%", "share", "", **col.each(known, part))
    yield row(tr("chance of a shortage"), "%", "share", "probability_of_shortage")
    yield row(tr("cover"), tr("days"), "tonnes", "days_of_cover")
    yield row(tr("cover, by planned stock"), tr("days"), "tonnes", "", **stock)


def _supply(say: SheetWording, side: str) -> Table:
    """Where supply comes from, with the plan or without it."""
    columns = [
        *col.words(name=tr("Material"), country=tr("Country or figure")),
        *col.years(say.horizon),
        col.deviation(),
        *col.keys("material_id", "field"),
    ]
    return Table(
        "", [row for one in say.found.materials for row in _mix(say, side, one)], columns, side,
        empty=tr("The plan does not say where supply comes from."), freeze=2,
        ruled=lambda row: row["first"] is not None,
    )  # fmt: skip


def _mixes(side: str, material: MaterialOutcome) -> dict[str, SupplyMix]:
    """Where a material comes from in the years of which it is known."""
    found = {year: getattr(known, side) for year, known in material.by_year.items()}
    return {year: mix for year, mix in found.items() if mix is not None}


def _mix(say: SheetWording, side: str, material: MaterialOutcome) -> Iterator[Row]:
    """The shares of a material's countries, their sum and what they mean for dependence."""
    mixes, home = _mixes(side, material), say.case.home if say.case else ()
    countries = list(dict.fromkeys(c for mix in mixes.values() for c in mix.by_country))
    count, name = len(countries), say.name("materials", material.id)

    def row(figure: str, field: str, form: Form, **more: Cell) -> Row:
        about = {"name": name, "country": figure, "material_id": material.id, "field": field}
        return Row(form, {**about, **more})

    def shares(line: Line, year: str, below: int) -> ex.Area:
        """The shares of all countries, so many rows below them."""
        top = line.place - below - count
        return line.table.part(top, top + count, year)

    def imports(line: Line, year: str) -> ex.Expression:
        top = line.place - 4 - count
        inside = [line.table.cell(top + n, year) for n, c in enumerate(countries) if c in home]
        return ex.of(1) - (ex.total(*inside) if inside else ex.of(0))

    def apart(line: Line) -> ex.Expression:
        return ex.distance(col.over_years(line), col.over_years(line, 1))

    if not mixes:
        return
    for n, country in enumerate(countries):
        figures = {year: mix.by_country.get(country, 0.0) for year, mix in mixes.items()}
        yield row(country, "by_country", "share", first=None if n else "", **figures)
    together = col.each(mixes, lambda line, year: ex.total(shares(line, year, 0)))
    together["deviation"] = lambda line: ex.distance_to(col.over_years(line), 1)
    leading = col.each(mixes, lambda line, year: ex.largest(shares(line, year, 1)))
    index = col.each(mixes, lambda line, year: ex.squares(shares(line, year, 2)) * ex.of(10_000))
    index["deviation"] = apart
    stated = {year: mix.hhi for year, mix in mixes.items()}
    yield row(tr("All together"), "sum", "share", **together)
    yield row(tr("largest supplier's share"), "largest", "share", **leading)
    yield row(tr("index of concentration"), "hhi", "count", **index)
    yield row(tr("index, as the plan has it"), "hhi_of_plan", "count", **stated)
    if home:
        yield row(tr("imports"), "imports", "share", **col.each(mixes, imports))


def _distribution(say: SheetWording, spread: Distribution) -> Section:
    """Damage over the states as quantiles, with a chart."""
    title, unit = tr("Outcome by share of states, {unit}", unit=say.unit), say.unit
    avoided = f"{tr('Avoided in the same state')}, {unit}"
    states = tr("Share of states that are no worse")
    columns = [
        col.given(states, "level", "share", lambda row: row[0]),
        col.given(f"{tr('With plan')}, {unit}", "with", "outcome", lambda row: row[1]),
        col.given(f"{tr('Without plan')}, {unit}", "without", "outcome", lambda row: row[2]),
        col.given(avoided, "avoided", "outcome", lambda row: row[3]),
    ]
    rows = zip(spread.levels, spread.with_plan, spread.without_plan, spread.avoided, strict=True)
    chart = SheetChart("scatter", title, "level", ("with", "without"))
    note = tr(
        "Each figure is not exceeded with the probability beside it. What is avoided is ordered by "
        "itself: it is no difference of the two columns before it."
    )
    title = tr("How the outcome is spread over the states")
    table = Table("", list(rows), columns, "distribution", sheet_chart=chart)
    return col.sheet("spread", tr("Distribution"), title, note, table)


def checks(say: SheetWording) -> Iterator[Check]:
    """Parts add up to what is expected, and figures of a spread are in order."""
    spread = say.found.outcome.distribution

    def parts(says: str, table: str, side: str, end: str = "") -> Check:
        return Check(says, table, col.summed(table, side), col.proven(f"expected{end}"))

    def last(says: str, key: str, end: str = "") -> list[Check]:
        row = -1 if spread is None else len(spread.levels) - 1
        check = Check(
            says, "distribution", lambda book: book["distribution"].cell(row, key),
            col.proven(f"worst{end}"),
        )  # fmt: skip
        return [] if spread is None else [check]

    def mixed(says: str, side: str, field: str, scale: float) -> list[Check]:
        known = any(_mixes(side, one) for one in say.found.materials)
        apart = col.where(side, "deviation", field=field)
        return [Check(says, side, apart, lambda _: ex.of(scale), summed=True)] if known else []

    says = tr("Parts of all materials add up to what is expected with the plan")
    yield parts(says, "materials", "with")
    says = tr("Parts of all consumers add up to what is expected with the plan")
    yield parts(says, "consumers", "with")
    says = tr("Parts of all materials add up to what is expected without a plan")
    yield parts(says, "materials", "without", "_without")
    says = tr("Parts of all consumers add up to what is expected without a plan")
    yield parts(says, "consumers", "without", "_without")
    yield from last(tr("The last quantile with the plan is the worst state"), "with")
    says = tr("The last quantile without a plan is the worst state")
    yield from last(says, "without", "_without")
    if say.found.materials:
        cover = col.where("shortage", say.horizon[-1], field="days_of_cover")
        yield col.check_rows(tr("Days of cover are planned stock over demand"), "shortage", cover)
    bare = "supply_without_plan"
    says = tr("Shares of supply add up to 1 in each year, with the plan")
    yield from mixed(says, "supply", "sum", 1.0)
    says = tr("The index of concentration is the sum of squared shares, with the plan")
    yield from mixed(says, "supply", "hhi", 10_000.0)
    says = tr("Shares of supply add up to 1 in each year, without the plan")
    yield from mixed(says, bare, "sum", 1.0)
    says = tr("The index of concentration is the sum of squared shares, without the plan")
    yield from mixed(says, bare, "hhi", 10_000.0)
