"""How bad it can get, and where what remains falls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from models.language import tr
from models.results import ConsumerOutcome, MaterialOutcome, MaterialYear
from optimizer.analyses.plan.words import PlanWording, reduction, summed
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import PAGE, Column, Heading, Part, Table, Text
from optimizer.report.figures import NOISE, number
from optimizer.report.wording import capital, listed

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles that the table lists."""


def damage(say: PlanWording) -> Iterator[Part]:
    """The distribution, and its parts by material and consumer."""
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
    yield from _parts(say, "materials", plan.materials)
    yield from _shortages(say)
    yield from _parts(say, "consumers", plan.consumers)


def title(say: PlanWording) -> str:
    """The title of the section."""
    return tr("{what} with and without the plan", what=capital(say.counted))


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


def _parts(
    say: PlanWording, kind: str, found: Sequence[MaterialOutcome | ConsumerOutcome]
) -> Iterator[Part]:
    rows = [one for one in found if max(one.expected, one.expected_without_plan) > NOISE]
    rows.sort(key=lambda one: (-one.expected_without_plan, -one.expected))
    if not rows:
        return
    about = {"what": capital(say.expected), "unit": say.unit}
    if kind == "materials":
        header, name, heading = tr("Material"), "by-material", tr("By material")
        title = tr("{what} by material ({unit})", **about)
    else:
        header, name, heading = tr("Consumer"), "by-consumer", tr("By consumer")
        title = tr("{what} by consumer ({unit})", **about)
    chart = Chart(
        f"damage-{name}",
        title,
        tr("Hatched bars without the plan, full ones with it; both figures stand beside them."),
        lambda: charts.compared(
            [say.name(kind, one.id) for one in rows],
            [one.expected_without_plan for one in rows],
            [one.expected for one in rows],
            say.unit,
        ),
    )
    before = sum(one.expected_without_plan for one in rows)
    after = sum(one.expected for one in rows)
    columns = [
        Column(header, lambda one: say.name(kind, one.id), "text"),
        summed(tr("Without plan"), "expected_without_plan", "outcome"),
        summed(tr("With plan"), "expected", "outcome"),
        summed(tr("Avoided"), lambda one: one.expected_without_plan - one.expected, "outcome"),
        Column(
            tr("Reduction"),
            lambda one: reduction(one.expected, one.expected_without_plan),
            "share",
            whole=lambda rows: reduction(after, before),
        ),
    ]
    if before > after:
        columns.append(
            Column(
                tr("Share of all avoided"),
                lambda one: (one.expected_without_plan - one.expected) / (before - after),
                "share",
                total=True,
            )
        )
    yield Heading(heading, PAGE)
    yield Table(title, rows, columns, name, total=tr("Sum"), chart=chart)


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
