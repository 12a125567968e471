"""How bad it can get, and where and when what remains falls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from models.language import tr
from models.results import ConsumerOutcome, Distribution, MaterialOutcome, MaterialYear
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.words import PlanWording, reduction, summed
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import (
    EVERYWHERE,
    PAGE,
    SHEET,
    TEXT,
    Check,
    Column,
    Form,
    Heading,
    Part,
    Section,
    SheetChart,
    Table,
    Text,
)
from optimizer.report.figures import NOISE, number
from optimizer.report.wording import capital, listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line, Placed

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles that the table lists."""


def section(say: PlanWording) -> Section:
    """The distribution, and its parts by material and consumer, for those who read."""
    title = tr("{what} with and without the plan", what=capital(say.counted))
    return Section("damage", title, list(_told(say)), TEXT)


def sheets(say: PlanWording) -> list[Section]:
    """What is left and where, what is missing when, and how outcomes are spread."""
    spread = say.plan.outcome.distribution
    missing = tr("What is missing, and how long stocks last")
    cover = tr(
        "Shortage: mean of all states. A year is short if more than a millionth of demand is "
        "missing in one of its periods. Cover: planned stock at the year's end, of all stockpiles, "
        "in days of the year's demand."
    )
    parts = [_parts(say, "materials"), _parts(say, "consumers")]
    found = [
        Section("damage_parts", say.left, parts, SHEET, tab=tr("Damage")),
        Section("shortage", missing, [cover, _shortage(say)], SHEET, tab=tr("Shortage")),
    ]
    return [*found, _quantiles(say, spread)] if spread else found


def _told(say: PlanWording) -> Iterator[Part]:
    plan = say.plan
    text = tr(
        "The plan lowers the mean of the worst {share} of states from {before} to {after}, and the "
        "worst of the states computed from {worst_before} to {worst_after}.",
        share=say.worst_share,
        before=say.spoken(plan.outcome.without_plan.cvar),
        after=say.spoken(plan.outcome.cvar),
        worst_before=say.spoken(plan.outcome.without_plan.worst),
        worst_after=say.spoken(plan.outcome.worst),
    )
    if plan.outcome.cvar < plan.outcome.without_plan.cvar - NOISE:
        yield Text(text, PAGE)
    yield _distribution(say)
    if plan.materials:
        yield Heading(tr("By material"), PAGE)
        yield _parts(say, "materials")
        yield from _shortages(say)
    if plan.consumers:
        yield Heading(tr("By consumer"), PAGE)
        yield _parts(say, "consumers")


class Level(NamedTuple):
    """A figure of the distribution over the states, with the plan and without."""

    name: str
    without: float
    reached: float
    avoided: float | None = None


def _distribution(say: PlanWording) -> Table:
    reached, without = say.plan.outcome, say.plan.outcome.without_plan
    figures = [
        Level(tr("Expected: mean of all states"), without.expected, reached.expected),
        Level(say.tail, without.cvar, reached.cvar),
        Level(say.worst, without.worst, reached.worst),
    ]
    spread = reached.distribution
    rows, chart, note = figures, None, ""
    if spread is not None:
        at = [
            n
            for n, level in enumerate(spread.levels)
            if min(abs(level - wanted) for wanted in LEVELS) < NOISE
        ]
        rows = [
            Level(
                tr("{level} % quantile", level=number(round(100 * spread.levels[n], 6))),
                spread.without_plan[n],
                spread.with_plan[n],
                spread.avoided[n],
            )
            for n in at
        ] + figures
        chart = _exceedance(say, figures)
        note = tr(
            "The column of what is avoided has its own order: its quantiles are those of the "
            "difference within each state."
        )
    columns = [
        Column(tr("Key figure"), "name", "text"),
        summed(tr("Without plan"), "without", "outcome"),
        summed(tr("With plan"), "reached", "outcome"),
        summed(tr("Avoided in the same state"), "avoided", "outcome"),
        Column(tr("Reduction"), lambda row: reduction(row.reached, row.without), "share"),
    ]
    caption = tr("Distribution over the states ({unit})", unit=say.unit)
    return Table(caption, rows, columns, "distribution", note, chart=chart)


def _exceedance(say: PlanWording, figures: Sequence[Level]) -> Chart:
    spread = say.plan.outcome.distribution
    assert spread is not None
    names = (tr("Expected"), tr("Worst {share}", share=say.worst_share), tr("Worst state"))
    marks = [(name, of.without, of.reached) for name, of in zip(names, figures, strict=True)]
    title = (
        tr("Probability of higher damage, and three figures of it ({unit})", unit=say.unit)
        if say.of_damage
        else tr("Probability of a larger shortage, and three figures of it ({unit})", unit=say.unit)
    )
    return Chart(
        "damage-distribution",
        title,
        tr(
            "Left, a dashed curve without the plan and a full one with it, which lies lower. "
            "Right, bars of the mean, of the worst states and of the worst one."
        ),
        lambda: charts.exceedance(
            list(spread.levels), list(spread.without_plan), list(spread.with_plan), marks, say.unit
        ),
    )


def _parts(say: PlanWording, kind: Literal["materials", "consumers"]) -> Table:
    """What is expected to be left of each, and what the plan avoids of it."""
    found: Sequence[MaterialOutcome | ConsumerOutcome] = getattr(say.plan, kind)
    rows = sorted(found, key=lambda one: (-one.expected_without_plan, -one.expected))
    about = {"what": capital(say.expected), "unit": say.unit}
    if kind == "materials":
        header, name, title = (
            tr("Material"),
            "by-material",
            tr("{what} by material ({unit})", **about),
        )
    else:
        header, name, title = (
            tr("Consumer"),
            "by-consumer",
            tr("{what} by consumer ({unit})", **about),
        )
    drawn = [one for one in rows if max(one.expected, one.expected_without_plan) > NOISE]
    chart = Chart(
        f"damage-{name}",
        title,
        tr("Hatched bars without the plan, full ones with it; both figures stand beside them."),
        lambda: charts.compared(
            [say.name(kind, one.id) for one in drawn],
            [one.expected_without_plan for one in drawn],
            [one.expected for one in drawn],
            say.unit,
        ),
    )
    before = sum(one.expected_without_plan for one in rows)
    after = sum(one.expected for one in rows)

    def avoided(one: MaterialOutcome | ConsumerOutcome) -> float:
        return one.expected_without_plan - one.expected

    def part(one: MaterialOutcome | ConsumerOutcome) -> float | None:
        return avoided(one) / (before - after) if before > after else None

    def of_all(line: Line) -> ex.Expression:
        return ex.ratio(line["avoided"], line.table.total("avoided"))

    def reduced(table: Placed) -> ex.Expression:
        return ex.ratio(table.total("avoided"), table.total("without"))

    more: dict[str, Any] = {"form": "outcome", "like": "all", "total": True}
    columns = [
        col.text(header, lambda one: say.name(kind, one.id)),
        col.given(tr("Without plan"), "without", of="expected_without_plan", **more),
        col.given(tr("With plan"), "with", of="expected", **more),
        col.calc(tr("Avoided"), "avoided", col.minus("without", "with"), of=avoided, **more),
        col.calc(
            tr("Reduction"),
            "reduction",
            col.per("avoided", "without"),
            "share",
            lambda one: reduction(one.expected, one.expected_without_plan),
            total=reduced,
            whole=lambda rows: reduction(after, before),
        ),
        col.calc(
            tr("Share of all avoided"), "part", of_all, "share", part, total=True,
            on=EVERYWHERE if before > after else SHEET,
        ),
        *col.keys(id="id"),
    ]  # fmt: skip
    return Table(
        title, rows, columns, name, total=tr("Sum"), chart=chart if drawn else None, freeze=1,
        empty=tr("There are none."),
    )  # fmt: skip


class Short(NamedTuple):
    """A material in the year in which the largest share of its demand is missing with the plan."""

    material: str
    year: int
    of: MaterialYear


def _shortages(say: PlanWording) -> Iterator[Part]:
    """In which year most is missing, how much, and how likely that is."""

    def missing(of: MaterialYear) -> float:
        return of.expected_shortage_t / of.demand_t if of.demand_t else 0.0

    rows = []
    for material in say.plan.materials:
        years = material.by_year
        short = [
            max(y.expected_shortage_t, y.expected_shortage_without_plan_t) for y in years.values()
        ]
        if max(short, default=0.0) > NOISE:
            worst = max(years, key=lambda year: missing(years[year]))
            rows.append(Short(material.id, int(worst), years[worst]))
    columns = [
        Column(tr("Material"), lambda row: say.name("materials", row.material), "text"),
        Column(tr("Year"), "year", "year"),
        Column(tr("Demand, t"), "of.demand_t"),
        Column(tr("Missing without plan, t"), "of.expected_shortage_without_plan_t"),
        Column(tr("Missing with plan, t"), "of.expected_shortage_t"),
        Column(tr("Of demand"), lambda row: missing(row.of) if row.of.demand_t else None, "share"),
        Column(tr("Risk of shortage in that year"), "of.probability_of_shortage", "share"),
    ]
    note = tr(
        "Of each material the year in which the largest share of demand is missing; tonnes are the "
        "mean of all states. Risk of shortage: probability that at least one period of that year "
        "is short with the plan."
    )
    if rows:
        caption = tr("What is missing in the worst year with the plan")
        yield Table(caption, rows, columns, "shortages", note)
    met = {row.material for row in rows}
    safe = [say.name("materials", m.id) for m in say.plan.materials if m.id not in met]
    if safe and rows:
        text = tr("Never short, with or without the plan: {materials}.", materials=listed(safe))
        yield text


def _shortage(say: PlanWording) -> Table:
    """Demand, shortage and cover of each material by year."""
    columns = [
        *col.words(name=tr("Material"), figure=tr("Figure"), unit=tr("Unit")),
        *col.years(say.horizon),
        col.deviation(),
        *col.keys("material_id", "field"),
    ]
    return Table(
        "", [row for one in say.plan.materials for row in _short(say, one)], columns, "shortage",
        empty=tr("There are none."), freeze=2, ruled=lambda row: row["field"] == "demand_t",
    )  # fmt: skip


def _short(say: PlanWording, material: MaterialOutcome) -> Iterator[Row]:
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


def _quantiles(say: PlanWording, spread: Distribution) -> Section:
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
    table = Table("", list(rows), columns, "quantiles", sheet_chart=chart)
    return Section("spread", title, [note, table], SHEET, tab=tr("Distribution"))


def checks(say: PlanWording) -> Iterator[Check]:
    """Parts add up to what is expected, and figures of a spread are in order."""
    spread = say.plan.outcome.distribution

    def parts(says: str, table: str, side: str, end: str = "") -> Check:
        return Check(says, table, col.summed(table, side), col.proven(f"expected{end}"))

    def last(says: str, key: str, end: str = "") -> list[Check]:
        row = -1 if spread is None else len(spread.levels) - 1
        check = Check(
            says, "quantiles", lambda book: book["quantiles"].cell(row, key),
            col.proven(f"worst{end}"),
        )  # fmt: skip
        return [] if spread is None else [check]

    says = tr("Parts of all materials add up to what is expected with the plan")
    yield parts(says, "by-material", "with")
    says = tr("Parts of all consumers add up to what is expected with the plan")
    yield parts(says, "by-consumer", "with")
    says = tr("Parts of all materials add up to what is expected without a plan")
    yield parts(says, "by-material", "without", "_without")
    says = tr("Parts of all consumers add up to what is expected without a plan")
    yield parts(says, "by-consumer", "without", "_without")
    yield from last(tr("The last quantile with the plan is the worst state"), "with")
    says = tr("The last quantile without a plan is the worst state")
    yield from last(says, "without", "_without")
    if say.plan.materials:
        cover = col.where("shortage", say.horizon[-1], field="days_of_cover")
        yield col.check_rows(tr("Days of cover are planned stock over demand"), "shortage", cover)
