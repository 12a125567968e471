"""How bad it can get, and where what remains falls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from models.language import tr
from optimizer.report import prose
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.figures import NOISE, number, percent
from optimizer.report.html.parts import (
    Column,
    Figure,
    Heading,
    Part,
    Section,
    Table,
    alike,
    amounts,
    shares,
    with_total,
    words,
)
from optimizer.report.html.subject import Subject, listed
from optimizer.report.tables import consumers, material_years, materials, outcome, reduction, spread
from optimizer.report.tables.frame import records

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Quantiles that the table lists."""


def damage(subject: Subject) -> Section:
    """The distribution, and its parts by material and consumer."""
    title = (
        tr("Damage with and without the plan")
        if subject.of_damage
        else tr("Shortage with and without the plan")
    )
    parts: list[Part] = [
        _lead(subject),
        *_distribution(subject),
        *_parts_of(subject, "material", records(materials(subject.plan))),
        *_shortages(subject),
        *_parts_of(subject, "consumer", records(consumers(subject.plan))),
    ]
    return Section("damage", title, parts)


def _lead(subject: Subject) -> str:
    plan = subject.plan
    return tr(
        "The plan lowers {tail} from {before} to {after}, and the worst state from {worst_before} "
        "to {worst_after}.",
        tail=tr(
            "the mean of the worst {share} of states", share=percent(1 - plan.outcome.cvar_level)
        ),
        before=number(plan.outcome.without_plan.cvar),
        after=subject.outcome(plan.outcome.cvar),
        worst_before=number(plan.outcome.without_plan.worst),
        worst_after=subject.outcome(plan.outcome.worst),
    )


def _distribution(subject: Subject) -> Iterator[Part]:
    plan = subject.plan
    figures = {row["figure"]: row for row in records(outcome(plan))}
    labels = {
        "expected": tr("Expected: mean of all states"),
        "cvar": prose.tail_noun(plan),
        "worst": tr("Worst state"),
    }
    frame = spread.quantiles(plan)
    picked = [row for row in records(frame) if round(row["level"], 4) in LEVELS[:-1]]
    rows: list[tuple[str, float, float, float | None]] = [
        (
            tr("Not exceeded in {share} of states", share=percent(row["level"])),
            row["without_plan"],
            row["with_plan"],
            row["avoided"],
        )
        for row in picked
    ]
    rows += [
        (labels[key], of["without_plan"], of["with_plan"], None) for key, of in figures.items()
    ]
    table = Table(
        tr("Distribution over the states ({unit})", unit=subject.unit),
        [
            words(tr("Key figure"), [row[0] for row in rows]),
            *alike(
                {
                    tr("Without plan"): [row[1] for row in rows],
                    tr("With plan"): [row[2] for row in rows],
                    tr("Avoided in the same state"): [row[3] for row in rows],
                }
            ),
            shares(tr("Reduction"), [reduction(row[2], row[1]) for row in rows]),
        ],
        name="distribution",
        note=tr(
            "The column of what is avoided has its own order: its quantiles are those of the "
            "difference within each state."
        )
        if picked
        else "",
    )
    if frame.empty:
        yield table
        return
    marks = [
        (tr("Expected"), figures["expected"]["without_plan"], figures["expected"]["with_plan"]),
        (
            tr("Worst {share}", share=percent(1 - plan.outcome.cvar_level)),
            figures["cvar"]["without_plan"],
            figures["cvar"]["with_plan"],
        ),
        (tr("Worst state"), figures["worst"]["without_plan"], figures["worst"]["with_plan"]),
    ]
    title = (
        tr(
            "Chance that damage is higher than a value, and three figures of it ({unit})",
            unit=subject.unit,
        )
        if subject.of_damage
        else tr(
            "Chance that shortage is higher than a value, and three figures of it ({unit})",
            unit=subject.unit,
        )
    )
    chart = Chart(
        "damage-distribution",
        title,
        tr(
            "Left, a dashed curve without the plan and a full one with it, which lies lower. "
            "Right, bars of the mean, of the worst states and of the worst one."
        ),
        lambda: charts.exceedance(
            list(frame["level"]),
            list(frame["without_plan"]),
            list(frame["with_plan"]),
            marks,
            subject.unit,
        ),
    )
    yield Figure(chart, table)


def _parts_of(subject: Subject, kind: str, found: list[dict[str, Any]]) -> Iterator[Part]:
    met = [row for row in found if max(row["expected"], row["expected_without_plan"]) > NOISE]
    met.sort(key=lambda row: (-row["expected_without_plan"], -row["expected"]))
    if not met:
        return
    names = [subject.name(kind, row[kind]) for row in met]
    before = [row["expected_without_plan"] for row in met]
    after = [row["expected"] for row in met]
    if kind == "material":
        heading, header = tr("By material"), tr("Material")
        title = (
            tr("Expected damage by material ({unit})", unit=subject.unit)
            if subject.of_damage
            else tr("Expected shortage by material ({unit})", unit=subject.unit)
        )
    else:
        heading, header = tr("By consumer"), tr("Consumer")
        title = (
            tr("Expected damage by consumer ({unit})", unit=subject.unit)
            if subject.of_damage
            else tr("Expected shortage by consumer ({unit})", unit=subject.unit)
        )
    yield Heading(heading)
    chart = Chart(
        f"damage-by-{kind}",
        title,
        tr("Hatched bars without the plan, full ones with it; both figures stand beside them."),
        lambda: charts.compared(names, before, after, subject.unit),
    )
    yield Figure(chart, _compared(header, names, before, after, title, f"by-{kind}"))


def _compared(
    header: str,
    names: Sequence[str],
    before: Sequence[float],
    after: Sequence[float],
    caption: str,
    name: str,
) -> Table:
    avoided = [b - a for b, a in zip(before, after, strict=True)]
    total = sum(avoided)
    falls = [reduction(a, b) for a, b in zip(after, before, strict=True)]
    columns: list[Column] = [words(header, [*names, tr("Sum")])]
    columns += alike(
        {
            tr("Without plan"): with_total(before),
            tr("With plan"): with_total(after),
            tr("Avoided"): with_total(avoided),
        }
    )
    columns.append(shares(tr("Reduction"), [*falls, reduction(sum(after), sum(before))]))
    if total > 0:
        of_all = [value / total for value in avoided]
        columns.append(shares(tr("Share of all avoided"), with_total(of_all)))
    return Table(caption, columns, total=True, name=name)


def _shortages(subject: Subject) -> Iterator[Part]:
    """In which years how much is missing."""
    by_material: dict[str, list[dict[str, Any]]] = {}
    for row in records(material_years(subject.plan)):
        by_material.setdefault(row["material"], []).append(row)
    worst = {
        m: max(
            of,
            key=lambda row: row["expected_shortage_t"] / row["demand_t"] if row["demand_t"] else 0,
        )
        for m, of in by_material.items()
        if any(
            max(row["expected_shortage_t"], row["expected_shortage_without_plan_t"]) > NOISE
            for row in of
        )
    }
    if not worst:
        return
    rows = list(worst.values())
    demand = [row["demand_t"] for row in rows]
    after = [row["expected_shortage_t"] for row in rows]
    before = [row["expected_shortage_without_plan_t"] for row in rows]
    yield Table(
        tr("What is missing in the worst year with the plan (mean of all states)"),
        [
            words(tr("Material"), [subject.name("material", m) for m in worst]),
            words(tr("Year"), [str(row["year"]) for row in rows]),
            amounts(tr("Demand, t"), demand),
            amounts(tr("Missing without plan, t"), before),
            amounts(tr("Missing with plan, t"), after),
            shares(
                tr("Of demand"), [a / d if d else None for a, d in zip(after, demand, strict=True)]
            ),
            shares(tr("Chance of shortage"), [row["probability_of_shortage"] for row in rows]),
        ],
        name="shortages",
        dense=True,
        note=tr(
            "Worst year: the one with the largest share of demand missing. Chance of shortage: "
            "probability that at least one period of that year is short with the plan."
        ),
    )
    safe = [m.id for m in subject.plan.materials if m.id not in worst]
    if safe:
        yield tr(
            "Never short, with or without the plan: {materials}.",
            materials=listed([subject.name("material", m) for m in safe]),
        )
