"""How bad it can get, and where and when what remains falls."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from models.language import tr
from models.results import ConsumerOutcome, Distribution, MaterialOutcome, MaterialYear
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.event_clustering import clustering_parts
from optimizer.analyses.plan.plan_wording import PlanWording, relative_reduction
from optimizer.analyses.plan.shortage_durations import shortage_duration_parts
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL_AND_PAGE,
    Check,
    Column,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import ZERO_TOLERANCE
from optimizer.report.wording import capitalize, join_with_and
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.placed_tables import FormulaRow, PlacedTable, WorkbookTables

PAGE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles that a page lists."""
MIN_NAMED_PROBABILITY = 0.5
"""Probability above which a project that comes unaided is named."""
MAX_BARS = 14
"""Materials or consumers with a bar of their own; what is left of more is one bar."""


def build_sections(wording: PlanWording) -> list[Section]:
    """What is left and where, what is missing when, and how outcomes are spread."""
    title = tr("{what} with and without the plan", what=capitalize(wording.outcome_word))
    missing, spread = tr("What is missing in each year"), wording.plan.outcome.distribution
    how = tr("How the outcome is spread over the states")
    found = [
        Section("damage", title, list(_damage_parts(wording)), sheet_name=tr("Damage")),
        Section(
            "shortage", missing, [_yearly_shortage_table(wording)], SHEET, sheet_name=tr("Shortage")
        ),
    ]
    if spread is not None:
        parts = list(_quantile_parts(wording, spread, SHEET))
        found.append(Section("spread", how, parts, SHEET, sheet_name=tr("Distribution")))
    return found


def _damage_parts(wording: PlanWording) -> Iterator[Part]:
    anyway = wording.plan.outcome.without_plan.avoided_anyway
    if anyway is not None and anyway > ZERO_TOLERANCE:
        text = tr(
            "Without any plan, projects that come all the same avoid {avoided}; the plan is not "
            "credited with it.",
            avoided=wording.amount_for_sentence(anyway),
        )
        likely = [one.id for one in wording.plan.unaided if one.probability > MIN_NAMED_PROBABILITY]
        if likely:
            projects = join_with_and([wording.name("projects", id) for id in likely])
            text += " " + tr("More likely than not these come: {projects}.", projects=projects)
        yield doc.Text(text, TERMINAL_AND_PAGE)
    yield outcome_table(wording, TERMINAL_AND_PAGE)
    if spread := wording.plan.outcome.distribution:
        yield from _quantile_parts(wording, spread, PAGE)
    yield doc.Heading(tr("By material"), PAGE)
    yield _outcome_breakdown_table(wording, "materials")
    yield from _worst_year_parts(wording)
    yield from shortage_duration_parts(wording, wording.plan.adaptation)
    yield doc.Heading(tr("By consumer"), PAGE)
    yield _outcome_breakdown_table(wording, "consumers")
    yield from clustering_parts(wording)


def outcome_table(wording: PlanWording, on: doc.Media) -> Table:
    """The mean, the worst states and the worst one, with the plan and without."""
    reached, bare = wording.plan.outcome, wording.plan.outcome.without_plan
    rows = {
        "expected": tr("Expected: mean of all states"),
        "cvar": wording.tail_label,
        "worst": tr("Worst of the states computed"),
    }
    if reached.worst_mean is not None:
        rows["worst_mean"] = tr("Mean by the least favourable probabilities")
    shares = {"decimals_group": "all", "width": 16}
    columns = [
        col.text_column("" if on is SHEET else tr("Key figure"), lambda row: rows[row]),
        col.figure_column(
            tr("Without plan"), "without", "outcome", lambda row: getattr(bare, row),
            cell_name=lambda row: f"{row}_outcome_without_plan", **shares,
        ),
        col.figure_column(
            tr("With plan"), "with", "outcome", lambda row: getattr(reached, row),
            cell_name=lambda row: f"{row}_outcome", **shares,
        ),
        col.formula_column(
            tr("Avoided"), "avoided", col.difference("without", "with"), "outcome",
            lambda row: getattr(bare, row) - getattr(reached, row), **shares,
        ),
        col.formula_column(
            tr("Reduction"), "reduction", col.quotient("avoided", "without"), "share",
            lambda row: relative_reduction(getattr(reached, row), getattr(bare, row)), width=16,
        ),
        col.text_column(
            tr("Name for formulas"), lambda row: f"{row}_outcome, {row}_outcome_without_plan",
            media=SHEET,
        ),
    ]  # fmt: skip
    spread = reached.distribution if on is TERMINAL_AND_PAGE else None
    chart = None if spread is None else _exceedance_chart(wording, spread)
    title = tr("What is left of the shortage ({unit})", unit=wording.unit)
    if wording.counts_damage:
        title = tr("What is left of the damage ({unit})", unit=wording.unit)
    return Table(title, list(rows), columns, "gain", row_key=str, chart=chart, media=on)


def _exceedance_chart(wording: PlanWording, distribution: Distribution) -> Chart:
    reached, bare = wording.plan.outcome, wording.plan.outcome.without_plan
    marks = [
        (tr("Expected"), bare.expected, reached.expected),
        (tr("Worst {share}", share=wording.worst_share), bare.cvar, reached.cvar),
        (tr("Worst state"), bare.worst, reached.worst),
    ]
    title = (
        tr("Probability of higher damage, and three figures of it ({unit})", unit=wording.unit)
        if wording.counts_damage
        else tr(
            "Probability of a larger shortage, and three figures of it ({unit})", unit=wording.unit
        )
    )
    told = tr(
        "Left, a dashed curve without the plan and a full one with it, which lies lower. Right, "
        "bars of the mean, of the worst states and of the worst one."
    )
    of = list(distribution.levels), list(distribution.without_plan), list(distribution.with_plan)
    return Chart(
        "damage-distribution",
        title,
        told,
        lambda: charts.exceedance_curves(*of, marks, wording.unit),
    )


def _outcome_breakdown_table(
    wording: PlanWording, kind: Literal["materials", "consumers"]
) -> Table:
    """What is expected to be left of each, and what the plan avoids of it."""
    found: Sequence[MaterialOutcome | ConsumerOutcome] = getattr(wording.plan, kind)
    rows = sorted(found, key=lambda one: (-one.expected_without_plan, -one.expected))
    about = {"what": capitalize(wording.expected_outcome), "unit": wording.unit}
    header, name, title = tr("Material"), "by-material", tr("{what} by material ({unit})", **about)
    if kind == "consumers":
        header, name = tr("Consumer"), "by-consumer"
        title = tr("{what} by consumer ({unit})", **about)
    drawn = [one for one in rows if max(one.expected, one.expected_without_plan) > ZERO_TOLERANCE]
    few = drawn if len(drawn) <= MAX_BARS + 1 else drawn[:MAX_BARS]
    names = [wording.name(kind, one.id) for one in few]
    bars = [[getattr(one, of) for one in few] for of in ("expected_without_plan", "expected")]
    if rest := drawn[len(few) :]:
        names.append(tr("{count} more", count=len(rest)))
        bars[0].append(sum(one.expected_without_plan for one in rest))
        bars[1].append(sum(one.expected for one in rest))
    told = tr("Hatched bars without the plan, full ones with it; both figures stand beside them.")
    chart = Chart(
        f"damage-{name}",
        title,
        told,
        lambda: charts.with_and_without_bars(names, bars[0], bars[1], wording.unit),
    )
    before, after = (
        sum(getattr(x, f"expected{end}") for x in rows) for end in ("_without_plan", "")
    )

    def avoided(one: MaterialOutcome | ConsumerOutcome) -> float:
        return one.expected_without_plan - one.expected

    def of_all(line: FormulaRow) -> ex.Expression:
        return ex.ratio_or_empty(line["avoided"], line.table.column_total("avoided"))

    def reduced(table: PlacedTable) -> ex.Expression:
        return ex.ratio_or_empty(table.column_total("avoided"), table.column_total("without"))

    more: dict[str, Any] = {"form": "outcome", "decimals_group": "all", "total": True}
    columns = [
        col.text_column(header, lambda one: wording.name(kind, one.id)),
        col.figure_column(tr("Without plan"), "without", getter="expected_without_plan", **more),
        col.figure_column(tr("With plan"), "with", getter="expected", **more),
        col.formula_column(tr("Avoided"), "avoided", col.difference("without", "with"), getter=avoided, **more),
        col.formula_column(
            tr("Reduction"), "reduction", col.quotient("avoided", "without"), "share",
            lambda one: relative_reduction(one.expected, one.expected_without_plan),
            total=reduced, text_total=lambda rows: relative_reduction(after, before),
        ),
        col.formula_column(
            tr("Share of all avoided"), "part", of_all, "share",
            lambda one: avoided(one) / (before - after) if before > after else None, total=True,
        ),
        *col.id_columns(id="id"),
    ]  # fmt: skip
    return Table(
        title, rows, columns, name, total_label=tr("Sum"), chart=chart if drawn else None, is_folded=True,
        frozen_columns=1,
        empty_text=tr("There are none."), media=doc.ALL_MEDIA if rows else SHEET,
    )  # fmt: skip


def _missing_share(material_year: MaterialYear) -> float:
    return (
        material_year.expected_shortage_t / material_year.demand_t
        if material_year.demand_t
        else 0.0
    )


def _worst_year_parts(wording: PlanWording) -> Iterator[Part]:
    """In which year most is missing, how much, and how likely that is."""
    rows = []
    for material in wording.plan.materials:
        years = material.by_year
        short = (
            max(y.expected_shortage_t, y.expected_shortage_without_plan_t) for y in years.values()
        )
        if max(short, default=0.0) > ZERO_TOLERANCE:
            worst = max(years, key=lambda year: _missing_share(years[year]))
            rows.append(
                (wording.name("materials", material.id), int(worst), years[worst], material)
            )
    columns = [
        Column(tr("Material"), "0", "text"),
        Column(tr("Year"), "1", "year"),
        Column(tr("Demand, t"), "2.demand_t"),
        Column(tr("Missing without plan, t"), "2.expected_shortage_without_plan_t"),
        Column(tr("Missing with plan, t"), "2.expected_shortage_t"),
        Column(
            tr("Of demand"),
            lambda row: _missing_share(row[2]) if row[2].demand_t else None,
            "share",
        ),
        Column(tr("Risk of shortage in that year"), "2.probability_of_shortage", "share"),
    ]
    note = tr(
        "Of each material the year in which the largest share of demand is missing; tonnes are the "
        "mean of all states. Risk of shortage: probability that at least one period of that year "
        "is short with the plan."
    )
    caption = tr("What is missing in the worst year with the plan")
    yield Table(caption, rows, columns, "shortages", note, media=TERMINAL_AND_PAGE)
    met = [row[3] for row in rows]
    # What is missing of a form that nobody demands is missing in what is made of it.
    demanded = [
        m for m in wording.plan.materials if any(y.demand_t > 0 for y in m.by_year.values())
    ]
    safe = [wording.name("materials", m.id) for m in demanded if m not in met]
    if safe and rows:
        text = tr(
            "Never short, with or without the plan: {materials}.", materials=join_with_and(safe)
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)


def need_exceeds_demand(material: MaterialOutcome) -> bool:
    """Whether more is needed of a material than is demanded: conversions take it in."""
    return any(abs(of.need_t - of.demand_t) > ZERO_TOLERANCE for of in material.by_year.values())


def _yearly_shortage_table(wording: PlanWording) -> Table:
    """Demand, need where it is more, and shortage of each material by year."""
    figures: list[tuple[str, doc.ValueForm, str]] = [
        ("demand_t", "tonnes", tr("demand, t")),
        ("need_t", "tonnes", tr("need, t")),
        ("expected_shortage_t", "tonnes", tr("expected shortage with plan, t")),
        ("expected_shortage_without_plan_t", "tonnes", tr("expected shortage without plan, t")),
        ("probability_of_shortage", "share", tr("chance of a shortage")),
    ]
    rows = [
        col.SheetRow(form, {
            "name": wording.name("materials", one.id), "figure": figure, "material_id": one.id,
            "field": field, **{year: getattr(of, field) for year, of in one.by_year.items()},
        })
        for one in wording.plan.materials
        for field, form, figure in figures
        if field != "need_t" or need_exceeds_demand(one)
    ]  # fmt: skip
    columns = [
        *col.text_columns(name=tr("Material"), figure=tr("Figure")),
        *col.year_columns(wording.year_keys),
        *col.id_columns("material_id", "field"),
    ]
    note = tr(
        "Shortage: mean of all states. A year is short if more than a millionth of demand is "
        "missing in one of its periods."
    )
    return Table(
        "", rows, columns, "shortage", note, empty_text=tr("There are none."), frozen_columns=2,
        row_key=lambda row: f"{row['material_id']} {row['field']}",
        has_rule_above=lambda row: row["field"] == "demand_t",
    )  # fmt: skip


def _quantile_parts(
    wording: PlanWording, distribution: Distribution, on: doc.Media
) -> Iterator[Part]:
    """The outcome over the states as quantiles; a page has some, a sheet all, with a chart."""
    figures = (
        (tr("With plan"), "with"),
        (tr("Without plan"), "without"),
        (tr("Avoided in the same state"), "avoided"),
    )
    columns = [col.figure_column(tr("Share of states that are no worse"), "level", "share", "0")]
    columns += [
        col.figure_column(f"{header}, {wording.unit}", key, "outcome", str(n))
        for n, (header, key) in enumerate(figures, 1)
    ]
    every = zip(
        distribution.levels,
        distribution.with_plan,
        distribution.without_plan,
        distribution.avoided,
        strict=True,
    )
    rows = [
        row
        for row in every
        if on is SHEET or any(abs(row[0] - x) < ZERO_TOLERANCE for x in PAGE_QUANTILES)
    ]
    title = tr("Outcome by share of states, {unit}", unit=wording.unit)
    chart = doc.SheetChart("scatter", title, "level", ("with", "without"))
    note = tr(
        "Each figure is not exceeded with the probability beside it. What is avoided is ordered by "
        "itself: it is no difference of the two columns before it."
    )
    caption = tr("How the outcome is spread over the states")
    # On a page it is folded away with the table.
    yield doc.Text(note, on & SHEET)
    below = "" if on is SHEET else note
    yield Table(
        caption, rows, columns, "quantiles", below, sheet_chart=chart, is_folded=True, media=on
    )


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Parts add up to what is expected, and figures of a spread are in order."""
    sides = {"with": tr("with the plan"), "without": tr("without a plan")}
    spread = wording.plan.outcome.distribution

    def over(side: str) -> col.BookFormula:
        def amount(book: WorkbookTables) -> ex.Expression:
            rows = ("expected", "cvar", "worst")
            mean, tail, worst = (book["gain"].find_cell(row, side) for row in rows)
            return ex.max_of(ex.as_expression(0), mean - tail, tail - worst)

        return amount

    def last(side: str, place: int) -> col.BookFormula:
        return lambda book: book["quantiles"].cell_reference(place, side)

    for side, which in sides.items():
        mean, worst = col.find_cell("gain", "expected", side), col.find_cell("gain", "worst", side)
        says = tr("Parts of all materials add up to what is expected {which}", which=which)
        yield Check(says, "by-material", col.column_sum("by-material", side), mean)
        says = tr("Parts of all consumers add up to what is expected {which}", which=which)
        yield Check(says, "by-consumer", col.column_sum("by-consumer", side), mean)
        says = tr(
            "The mean is at most the CVaR, and this at most the worst state, {which}", which=which
        )
        yield Check(says, "gain", over(side), worst, is_deviation_sum=True)
        if spread is not None:
            says = tr("The last quantile {which} is the worst state", which=which)
            yield Check(says, "quantiles", last(side, len(spread.levels) - 1), worst)
