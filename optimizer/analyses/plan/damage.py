"""Outcome of a plan: its distribution over states, and its parts by material, consumer and year."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from models.language import tr
from models.results import ConsumerOutcome, Distribution, MaterialOutcome, MaterialYear
from models.scenario.equal_steps import equal_steps_note
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.event_clustering import clustering_parts
from optimizer.analyses.plan.plan_wording import PlanWording, relative_reduction
from optimizer.analyses.shortage_durations import shortage_duration_parts
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

PAGE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Levels of the quantiles that a page lists."""
MIN_NAMED_PROBABILITY = 0.5
"""Probability above which an unaided project is named."""
MAX_BARS = 14
"""Number of materials or consumers with separate bars, if the others share one bar."""


def build_sections(wording: PlanWording) -> list[Section]:
    """Build the sections on damage, on shortages by year and on the distribution."""
    title = tr("{what} with and without the plan", what=capitalize(wording.outcome_word))
    shortages, shortage_title = _yearly_shortage_table(wording), tr("What is missing in each year")
    sections = [
        Section("damage", title, list(_damage_parts(wording)), sheet_name=tr("Damage")),
        Section("shortage", shortage_title, [shortages], SHEET, sheet_name=tr("Shortage")),
    ]
    if (distribution := wording.plan.outcome.distribution) is not None:
        title = tr("How the outcome is spread over the states")
        section_parts = list(_quantile_parts(wording, distribution, SHEET))
        sections.append(
            Section("spread", title, section_parts, SHEET, sheet_name=tr("Distribution"))
        )
    return sections


def _damage_parts(wording: PlanWording) -> Iterator[Part]:
    avoided_anyway = wording.plan.outcome.without_plan.avoided_anyway
    if avoided_anyway is not None and avoided_anyway > ZERO_TOLERANCE:
        text = tr(
            "Without any plan, projects that come all the same avoid {avoided}; the plan is not "
            "credited with it.",
            avoided=wording.amount_for_sentence(avoided_anyway),
        )
        likely_ids = [x.id for x in wording.plan.unaided if x.probability > MIN_NAMED_PROBABILITY]
        if likely_ids:
            projects = join_with_and([wording.name("projects", id) for id in likely_ids])
            text += " " + tr("More likely than not these come: {projects}.", projects=projects)
        yield doc.Text(text, TERMINAL_AND_PAGE)
    yield _outcome_table(wording)
    if distribution := wording.plan.outcome.distribution:
        yield from _quantile_parts(wording, distribution, PAGE)
    yield doc.Heading(tr("By material"), PAGE)
    yield _outcome_breakdown_table(wording, "materials")
    yield from _worst_year_parts(wording)
    yield from shortage_duration_parts(wording, wording.plan.adaptation)
    yield doc.Heading(tr("By consumer"), PAGE)
    yield _outcome_breakdown_table(wording, "consumers")
    yield from clustering_parts(wording)


def _outcome_table(wording: PlanWording) -> Table:
    """Return a table with mean, CVaR and worst state of the outcome, with and without the plan."""
    outcome, without_plan = wording.plan.outcome, wording.plan.outcome.without_plan
    rows = {
        "expected": tr("Expected: mean of all states"),
        "cvar": wording.tail_label,
        "worst": tr("Worst of the states computed"),
    }
    if outcome.worst_mean is not None:
        rows["worst_mean"] = tr("Mean by the least favorable probabilities")
    options: dict[str, Any] = {"decimals_group": "all"}
    columns = [
        Column(tr("Key figure"), lambda row: rows[row], "text"),
        Column(
            tr("Without plan"),
            lambda row: getattr(without_plan, row),
            "outcome",
            key="without",
            **options,
        ),
        Column(
            tr("With plan"), lambda row: getattr(outcome, row), "outcome", key="with", **options
        ),
        Column(
            tr("Avoided"),
            lambda row: getattr(without_plan, row) - getattr(outcome, row),
            "outcome",
            difference=("without", "with"),
            **options,
        ),
        Column(
            tr("Reduction"),
            lambda row: relative_reduction(getattr(outcome, row), getattr(without_plan, row)),
            "share",
        ),
    ]
    distribution = outcome.distribution
    chart = None if distribution is None else _exceedance_chart(wording, distribution)
    title = tr("What is left of the shortage ({unit})", unit=wording.unit)
    if wording.counts_damage:
        title = tr("What is left of the damage ({unit})", unit=wording.unit)
    return Table(title, list(rows), columns, "gain", chart=chart)


def _exceedance_chart(wording: PlanWording, distribution: Distribution) -> Chart:
    outcome, without_plan = wording.plan.outcome, wording.plan.outcome.without_plan
    chart_marks = [
        (tr("Expected"), without_plan.expected, outcome.expected),
        (tr("Worst {share}", share=wording.worst_share), without_plan.cvar, outcome.cvar),
        (tr("Worst state"), without_plan.worst, outcome.worst),
    ]
    title = (
        tr("Probability of higher damage, and three figures of it ({unit})", unit=wording.unit)
        if wording.counts_damage
        else tr(
            "Probability of a larger shortage, and three figures of it ({unit})", unit=wording.unit
        )
    )
    description = tr(
        "Left, a dashed curve without the plan and a full one with it, which lies lower. Right, "
        "bars of the mean, of the worst states and of the worst one."
    )
    curves = (
        list(distribution.levels),
        list(distribution.without_plan),
        list(distribution.with_plan),
    )
    return Chart(
        "damage-distribution",
        title,
        description,
        lambda: charts.exceedance_curves(*curves, chart_marks, wording.unit),
    )


def _outcome_breakdown_table(
    wording: PlanWording, kind: Literal["materials", "consumers"]
) -> Table:
    """Return a table with the expected outcome of each material or consumer, and the part that the
    plan avoids."""
    outcomes: Sequence[MaterialOutcome | ConsumerOutcome] = getattr(wording.plan, kind)
    rows = sorted(outcomes, key=lambda outcome: (-outcome.expected_without_plan, -outcome.expected))
    caption_fields = {"what": capitalize(wording.expected_outcome), "unit": wording.unit}
    note = ""
    header, name, title = (
        tr("Material"),
        "by-material",
        tr("{what} by material ({unit})", **caption_fields),
    )
    if kind == "consumers":
        header, name = tr("Consumer"), "by-consumer"
        title = tr("{what} by consumer ({unit})", **caption_fields)
        note = "" if wording.case is None else equal_steps_note(wording.case)
    nonzero = [x for x in rows if max(x.expected, x.expected_without_plan) > ZERO_TOLERANCE]
    shown_rows = nonzero if len(nonzero) <= MAX_BARS + 1 else nonzero[:MAX_BARS]
    names = [wording.name(kind, outcome.id) for outcome in shown_rows]
    fields = ("expected_without_plan", "expected")
    bars = [[getattr(outcome, field) for outcome in shown_rows] for field in fields]
    if remaining_rows := nonzero[len(shown_rows) :]:
        names.append(tr("{count} more", count=len(remaining_rows)))
        for heights, field in zip(bars, fields, strict=True):
            heights.append(sum(getattr(outcome, field) for outcome in remaining_rows))
    description = tr(
        "Hatched bars without the plan, full ones with it; both figures stand beside them."
    )
    chart = Chart(
        f"damage-{name}",
        title,
        description,
        lambda: charts.with_and_without_bars(names, bars[0], bars[1], wording.unit),
    )
    total_before, total_after = (
        sum(getattr(outcome, field) for outcome in rows) for field in fields
    )

    def avoided(outcome: MaterialOutcome | ConsumerOutcome) -> float:
        return outcome.expected_without_plan - outcome.expected

    options: dict[str, Any] = {"form": "outcome", "decimals_group": "all", "total": True}
    columns = [
        Column(header, lambda outcome: wording.name(kind, outcome.id), "text"),
        Column(tr("Without plan"), "expected_without_plan", key="without", **options),
        Column(tr("With plan"), "expected", key="with", **options),
        Column(tr("Avoided"), avoided, difference=("without", "with"), **options),
        Column(
            tr("Reduction"),
            lambda outcome: relative_reduction(outcome.expected, outcome.expected_without_plan),
            "share",
            text_total=lambda rows: relative_reduction(total_after, total_before),
        ),
        Column(
            tr("Share of all avoided"),
            lambda outcome: (
                avoided(outcome) / (total_before - total_after)
                if total_before > total_after
                else None
            ),
            "share",
            total=True,
        ),
    ]
    return Table(
        title,
        rows,
        columns,
        name,
        note,
        tr("Sum"),
        chart=chart if nonzero else None,
        is_collapsed=True,
        empty_text=tr("There are none."),
        media=doc.ALL_MEDIA if rows else SHEET,
    )


def _missing_share(material_year: MaterialYear) -> float:
    if material_year.demand_t:
        return material_year.expected_shortage_t / material_year.demand_t
    return 0.0


def _worst_year_parts(wording: PlanWording) -> Iterator[Part]:
    """Yield the table of each material's year with the largest missing share of demand, and the
    materials that are never short."""
    rows = []
    for material in wording.plan.materials:
        years = material.by_year
        shortages = (
            max(y.expected_shortage_t, y.expected_shortage_without_plan_t) for y in years.values()
        )
        if max(shortages, default=0.0) > ZERO_TOLERANCE:
            year = max(years, key=lambda year: _missing_share(years[year]))
            name = wording.name("materials", material.id)
            rows.append((name, int(year), years[year], material))
    columns = [
        Column(tr("Material"), "0", "text"),
        Column(tr("Year"), "1", "year"),
        Column(tr("Demand, t"), "2.demand_t"),
        Column(tr("Missing without plan, t"), "2.expected_shortage_without_plan_t"),
        Column(tr("Missing with plan, t"), "2.expected_shortage_t"),
        Column(tr("Of demand"), lambda row: _missing_share(row[2]) if row[2].demand_t else None,
               "share"),
        Column(tr("Risk of shortage in that year"), "2.probability_of_shortage", "share"),
    ]  # fmt: skip
    note = tr(
        "Of each material the year in which the largest share of demand is missing; tonnes are the "
        "mean of all states. Risk of shortage: probability that at least one period of that year "
        "is short with the plan."
    )
    caption = tr("What is missing in the worst year with the plan")
    yield Table(caption, rows, columns, "shortages", note, media=TERMINAL_AND_PAGE)
    short_materials = [row[3] for row in rows]
    # A shortage of a form without demand shows as a shortage of its products.
    demanded_materials = [
        m for m in wording.plan.materials if any(y.demand_t > 0 for y in m.by_year.values())
    ]
    never_short = [
        wording.name("materials", m.id) for m in demanded_materials if m not in short_materials
    ]
    if never_short and rows:
        names = join_with_and(never_short)
        text = tr("Never short, with or without the plan: {materials}.", materials=names)
        yield doc.Text(text, TERMINAL_AND_PAGE)


def need_exceeds_demand(material: MaterialOutcome) -> bool:
    """Return whether conversions take in some of a material, so that need exceeds demand."""
    return any(abs(x.need_t - x.demand_t) > ZERO_TOLERANCE for x in material.by_year.values())


def _yearly_shortage_table(wording: PlanWording) -> Table:
    """Return a table of each material by year: demand, need if it differs from demand, and
    shortage."""
    row_specs: list[tuple[str, doc.ValueForm, str]] = [
        ("demand_t", "tonnes", tr("demand, t")),
        ("need_t", "tonnes", tr("need, t")),
        ("expected_shortage_t", "tonnes", tr("expected shortage with plan, t")),
        ("expected_shortage_without_plan_t", "tonnes", tr("expected shortage without plan, t")),
        ("probability_of_shortage", "share", tr("chance of a shortage")),
    ]
    rows = [
        col.SheetRow(form,
            {"name": wording.name("materials", material.id), "figure": figure,
            **{year: getattr(entry, field) for year, entry in material.by_year.items()}})
        for material in wording.plan.materials
        for field, form, figure in row_specs
        if field != "need_t" or need_exceeds_demand(material)
    ]  # fmt: skip
    columns = [
        *col.text_columns(name=tr("Material"), figure=tr("Figure")),
        *col.year_columns(wording.year_keys),
    ]
    note = tr(
        "Shortage: mean of all states. A year is short if more than a millionth of demand is "
        "missing in one of its periods."
    )
    return Table(
        "", rows, columns, "shortage", note, empty_text=tr("There are none."),
    )  # fmt: skip


def _quantile_parts(
    wording: PlanWording, distribution: Distribution, media: doc.Media
) -> Iterator[Part]:
    """Yield the table of quantiles of the outcome: a selection on a page, all in a sheet."""
    headers = (tr("With plan"), tr("Without plan"), tr("Avoided in the same state"))
    columns = [Column(tr("Share of states that are no worse"), "0", "share")]
    columns += [
        Column(f"{header}, {wording.unit}", str(n), "outcome")
        for n, header in enumerate(headers, 1)
    ]
    fields = ("levels", "with_plan", "without_plan", "avoided")
    all_rows = zip(*(getattr(distribution, field) for field in fields), strict=True)
    rows = [
        row
        for row in all_rows
        if media is SHEET or any(abs(row[0] - x) < ZERO_TOLERANCE for x in PAGE_QUANTILES)
    ]
    note = tr(
        "Each figure is not exceeded with the probability beside it. What is avoided is ordered by "
        "itself: it is no difference of the two columns before it."
    )
    caption = tr("How the outcome is spread over the states")
    # On a page the note is collapsed together with the table.
    yield doc.Text(note, media & SHEET)
    note = "" if media is SHEET else note
    yield Table(caption, rows, columns, "quantiles", note, is_collapsed=True, media=media)


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that parts add up to the expected outcome, and that mean, CVaR and worst state
    are in order."""
    plan, without_plan = wording.plan, wording.plan.outcome.without_plan
    distribution = plan.outcome.distribution
    for title, outcome, field, quantiles in (
        (tr("with the plan"), plan.outcome, "expected", "with_plan"),
        (tr("without a plan"), without_plan, "expected_without_plan", "without_plan"),
    ):
        by_material = math.fsum(getattr(material, field) for material in plan.materials)
        statement = tr("Parts of all materials add up to what is expected {which}", which=title)
        yield Check(statement, by_material, outcome.expected)
        by_consumer = math.fsum(getattr(consumer, field) for consumer in plan.consumers)
        statement = tr("Parts of all consumers add up to what is expected {which}", which=title)
        yield Check(statement, by_consumer, outcome.expected)
        statement = tr(
            "The mean is at most the CVaR, and this at most the worst state, {which}", which=title
        )
        violation = max(0.0, outcome.expected - outcome.cvar, outcome.cvar - outcome.worst)
        yield Check(statement, violation, scale=outcome.worst)
        if distribution is not None:
            statement = tr("The last quantile {which} is the worst state", which=title)
            yield Check(statement, getattr(distribution, quantiles)[-1], outcome.worst)
