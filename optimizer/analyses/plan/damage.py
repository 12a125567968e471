"""How bad it can get, and where and when what remains falls."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from models.language import tr
from models.results import ConsumerOutcome, Distribution, MaterialOutcome, MaterialYear
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.clustering import clustering
from optimizer.analyses.plan.lasting import lasting
from optimizer.analyses.plan.words import PlanWording, reduction
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import PAGE, SHEET, TEXT, Check, Column, Part, Section, Table
from optimizer.report.figures import NOISE
from optimizer.report.wording import capital, listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line, Placed

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles that a page lists."""
LIKELY = 0.5
"""Probability above which a project that comes unaided is named."""
MOST_DRAWN = 14
"""Materials or consumers with a bar of their own; what is left of more is one bar."""


def sections(say: PlanWording) -> list[Section]:
    """What is left and where, what is missing when, and how outcomes are spread."""
    title = tr("{what} with and without the plan", what=capital(say.counted))
    missing, spread = tr("What is missing in each year"), say.plan.outcome.distribution
    how = tr("How the outcome is spread over the states")
    found = [
        Section("damage", title, list(_told(say)), tab=tr("Damage")),
        Section("shortage", missing, [_by_year(say)], SHEET, tab=tr("Shortage")),
    ]
    if spread is not None:
        parts = list(_quantiles(say, spread, SHEET))
        found.append(Section("spread", how, parts, SHEET, tab=tr("Distribution")))
    return found


def _told(say: PlanWording) -> Iterator[Part]:
    anyway = say.plan.outcome.without_plan.avoided_anyway
    if anyway is not None and anyway > NOISE:
        text = tr(
            "Without any plan, projects that come all the same avoid {avoided}; the plan is not "
            "credited with it.",
            avoided=say.spoken(anyway),
        )
        likely = [one.id for one in say.plan.unaided if one.probability > LIKELY]
        if likely:
            projects = listed([say.name("projects", id) for id in likely])
            text += " " + tr("More likely than not these come: {projects}.", projects=projects)
        yield doc.Text(text, TEXT)
    yield gain(say, TEXT)
    if spread := say.plan.outcome.distribution:
        yield from _quantiles(say, spread, PAGE)
    yield doc.Heading(tr("By material"), PAGE)
    yield _parts(say, "materials")
    yield from _shortages(say)
    yield from lasting(say, say.plan.adaptation)
    yield doc.Heading(tr("By consumer"), PAGE)
    yield _parts(say, "consumers")
    yield from clustering(say)


def gain(say: PlanWording, on: doc.Media) -> Table:
    """The mean, the worst states and the worst one, with the plan and without."""
    reached, bare = say.plan.outcome, say.plan.outcome.without_plan
    rows = {
        "expected": tr("Expected: mean of all states"),
        "cvar": say.tail,
        "worst": tr("Worst of the states computed"),
    }
    if reached.worst_mean is not None:
        rows["worst_mean"] = tr("Mean by the least favourable probabilities")
    shares = {"like": "all", "width": 16}
    columns = [
        col.text("" if on is SHEET else tr("Key figure"), lambda row: rows[row]),
        col.given(
            tr("Without plan"), "without", "outcome", lambda row: getattr(bare, row),
            name=lambda row: f"{row}_outcome_without_plan", **shares,
        ),
        col.given(
            tr("With plan"), "with", "outcome", lambda row: getattr(reached, row),
            name=lambda row: f"{row}_outcome", **shares,
        ),
        col.calc(
            tr("Avoided"), "avoided", col.minus("without", "with"), "outcome",
            lambda row: getattr(bare, row) - getattr(reached, row), **shares,
        ),
        col.calc(
            tr("Reduction"), "reduction", col.per("avoided", "without"), "share",
            lambda row: reduction(getattr(reached, row), getattr(bare, row)), width=16,
        ),
        col.text(
            tr("Name for formulas"), lambda row: f"{row}_outcome, {row}_outcome_without_plan",
            on=SHEET,
        ),
    ]  # fmt: skip
    spread = reached.distribution if on is TEXT else None
    chart = None if spread is None else _exceedance(say, spread)
    title = tr("What is left of the shortage ({unit})", unit=say.unit)
    if say.of_damage:
        title = tr("What is left of the damage ({unit})", unit=say.unit)
    return Table(title, list(rows), columns, "gain", key=str, chart=chart, on=on)


def _exceedance(say: PlanWording, spread: Distribution) -> Chart:
    reached, bare = say.plan.outcome, say.plan.outcome.without_plan
    marks = [
        (tr("Expected"), bare.expected, reached.expected),
        (tr("Worst {share}", share=say.worst_share), bare.cvar, reached.cvar),
        (tr("Worst state"), bare.worst, reached.worst),
    ]
    title = (
        tr("Probability of higher damage, and three figures of it ({unit})", unit=say.unit)
        if say.of_damage
        else tr("Probability of a larger shortage, and three figures of it ({unit})", unit=say.unit)
    )
    told = tr(
        "Left, a dashed curve without the plan and a full one with it, which lies lower. Right, "
        "bars of the mean, of the worst states and of the worst one."
    )
    of = list(spread.levels), list(spread.without_plan), list(spread.with_plan)
    return Chart(
        "damage-distribution", title, told, lambda: charts.exceedance(*of, marks, say.unit)
    )


def _parts(say: PlanWording, kind: Literal["materials", "consumers"]) -> Table:
    """What is expected to be left of each, and what the plan avoids of it."""
    found: Sequence[MaterialOutcome | ConsumerOutcome] = getattr(say.plan, kind)
    rows = sorted(found, key=lambda one: (-one.expected_without_plan, -one.expected))
    about = {"what": capital(say.expected), "unit": say.unit}
    header, name, title = tr("Material"), "by-material", tr("{what} by material ({unit})", **about)
    if kind == "consumers":
        header, name = tr("Consumer"), "by-consumer"
        title = tr("{what} by consumer ({unit})", **about)
    drawn = [one for one in rows if max(one.expected, one.expected_without_plan) > NOISE]
    few = drawn if len(drawn) <= MOST_DRAWN + 1 else drawn[:MOST_DRAWN]
    names = [say.name(kind, one.id) for one in few]
    bars = [[getattr(one, of) for one in few] for of in ("expected_without_plan", "expected")]
    if rest := drawn[len(few) :]:
        names.append(tr("{count} more", count=len(rest)))
        bars[0].append(sum(one.expected_without_plan for one in rest))
        bars[1].append(sum(one.expected for one in rest))
    told = tr("Hatched bars without the plan, full ones with it; both figures stand beside them.")
    chart = Chart(
        f"damage-{name}", title, told, lambda: charts.compared(names, bars[0], bars[1], say.unit)
    )
    before, after = (
        sum(getattr(x, f"expected{end}") for x in rows) for end in ("_without_plan", "")
    )

    def avoided(one: MaterialOutcome | ConsumerOutcome) -> float:
        return one.expected_without_plan - one.expected

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
            tr("Reduction"), "reduction", col.per("avoided", "without"), "share",
            lambda one: reduction(one.expected, one.expected_without_plan),
            total=reduced, whole=lambda rows: reduction(after, before),
        ),
        col.calc(
            tr("Share of all avoided"), "part", of_all, "share",
            lambda one: avoided(one) / (before - after) if before > after else None, total=True,
        ),
        *col.keys(id="id"),
    ]  # fmt: skip
    return Table(
        title, rows, columns, name, total=tr("Sum"), chart=chart if drawn else None, folded=True,
        freeze=1,
        empty=tr("There are none."), on=doc.EVERYWHERE if rows else SHEET,
    )  # fmt: skip


def _missing(of: MaterialYear) -> float:
    return of.expected_shortage_t / of.demand_t if of.demand_t else 0.0


def _shortages(say: PlanWording) -> Iterator[Part]:
    """In which year most is missing, how much, and how likely that is."""
    rows = []
    for material in say.plan.materials:
        years = material.by_year
        short = (
            max(y.expected_shortage_t, y.expected_shortage_without_plan_t) for y in years.values()
        )
        if max(short, default=0.0) > NOISE:
            worst = max(years, key=lambda year: _missing(years[year]))
            rows.append((say.name("materials", material.id), int(worst), years[worst], material))
    columns = [
        Column(tr("Material"), "0", "text"),
        Column(tr("Year"), "1", "year"),
        Column(tr("Demand, t"), "2.demand_t"),
        Column(tr("Missing without plan, t"), "2.expected_shortage_without_plan_t"),
        Column(tr("Missing with plan, t"), "2.expected_shortage_t"),
        Column(tr("Of demand"), lambda row: _missing(row[2]) if row[2].demand_t else None, "share"),
        Column(tr("Risk of shortage in that year"), "2.probability_of_shortage", "share"),
    ]
    note = tr(
        "Of each material the year in which the largest share of demand is missing; tonnes are the "
        "mean of all states. Risk of shortage: probability that at least one period of that year "
        "is short with the plan."
    )
    caption = tr("What is missing in the worst year with the plan")
    yield Table(caption, rows, columns, "shortages", note, on=TEXT)
    met = [row[3] for row in rows]
    # What is missing of a form that nobody demands is missing in what is made of it.
    demanded = [m for m in say.plan.materials if any(y.demand_t > 0 for y in m.by_year.values())]
    safe = [say.name("materials", m.id) for m in demanded if m not in met]
    if safe and rows:
        text = tr("Never short, with or without the plan: {materials}.", materials=listed(safe))
        yield doc.Text(text, TEXT)


def needs_more(material: MaterialOutcome) -> bool:
    """Whether more is needed of a material than is demanded: conversions take it in."""
    return any(abs(of.need_t - of.demand_t) > NOISE for of in material.by_year.values())


def _by_year(say: PlanWording) -> Table:
    """Demand, need where it is more, and shortage of each material by year."""
    figures: list[tuple[str, doc.Form, str]] = [
        ("demand_t", "tonnes", tr("demand, t")),
        ("need_t", "tonnes", tr("need, t")),
        ("expected_shortage_t", "tonnes", tr("expected shortage with plan, t")),
        ("expected_shortage_without_plan_t", "tonnes", tr("expected shortage without plan, t")),
        ("probability_of_shortage", "share", tr("chance of a shortage")),
    ]
    rows = [
        col.Row(form, {
            "name": say.name("materials", one.id), "figure": figure, "material_id": one.id,
            "field": field, **{year: getattr(of, field) for year, of in one.by_year.items()},
        })
        for one in say.plan.materials
        for field, form, figure in figures
        if field != "need_t" or needs_more(one)
    ]  # fmt: skip
    columns = [
        *col.words(name=tr("Material"), figure=tr("Figure")),
        *col.years(say.horizon),
        *col.keys("material_id", "field"),
    ]
    note = tr(
        "Shortage: mean of all states. A year is short if more than a millionth of demand is "
        "missing in one of its periods."
    )
    return Table(
        "", rows, columns, "shortage", note, empty=tr("There are none."), freeze=2,
        key=lambda row: f"{row['material_id']} {row['field']}",
        ruled=lambda row: row["field"] == "demand_t",
    )  # fmt: skip


def _quantiles(say: PlanWording, spread: Distribution, on: doc.Media) -> Iterator[Part]:
    """The outcome over the states as quantiles; a page has some, a sheet all, with a chart."""
    figures = (
        (tr("With plan"), "with"),
        (tr("Without plan"), "without"),
        (tr("Avoided in the same state"), "avoided"),
    )
    columns = [col.given(tr("Share of states that are no worse"), "level", "share", "0")]
    columns += [
        col.given(f"{header}, {say.unit}", key, "outcome", str(n))
        for n, (header, key) in enumerate(figures, 1)
    ]
    every = zip(spread.levels, spread.with_plan, spread.without_plan, spread.avoided, strict=True)
    rows = [row for row in every if on is SHEET or any(abs(row[0] - x) < NOISE for x in LEVELS)]
    title = tr("Outcome by share of states, {unit}", unit=say.unit)
    chart = doc.SheetChart("scatter", title, "level", ("with", "without"))
    note = tr(
        "Each figure is not exceeded with the probability beside it. What is avoided is ordered by "
        "itself: it is no difference of the two columns before it."
    )
    caption = tr("How the outcome is spread over the states")
    # On a page it is folded away with the table.
    yield doc.Text(note, on & SHEET)
    below = "" if on is SHEET else note
    yield Table(caption, rows, columns, "quantiles", below, sheet_chart=chart, folded=True, on=on)


def checks(say: PlanWording) -> Iterator[Check]:
    """Parts add up to what is expected, and figures of a spread are in order."""
    sides = {"with": tr("with the plan"), "without": tr("without a plan")}
    spread = say.plan.outcome.distribution

    def over(side: str) -> col.InBook:
        def amount(book: Formulas) -> ex.Expression:
            rows = ("expected", "cvar", "worst")
            mean, tail, worst = (book["gain"].find(row, side) for row in rows)
            return ex.largest(ex.of(0), mean - tail, tail - worst)

        return amount

    def last(side: str, place: int) -> col.InBook:
        return lambda book: book["quantiles"].cell(place, side)

    for side, which in sides.items():
        mean, worst = col.found("gain", "expected", side), col.found("gain", "worst", side)
        says = tr("Parts of all materials add up to what is expected {which}", which=which)
        yield Check(says, "by-material", col.summed("by-material", side), mean)
        says = tr("Parts of all consumers add up to what is expected {which}", which=which)
        yield Check(says, "by-consumer", col.summed("by-consumer", side), mean)
        says = tr(
            "The mean is at most the CVaR, and this at most the worst state, {which}", which=which
        )
        yield Check(says, "gain", over(side), worst, summed=True)
        if spread is not None:
            says = tr("The last quantile {which} is the worst state", which=which)
            yield Check(says, "quantiles", last(side, len(spread.levels) - 1), worst)
