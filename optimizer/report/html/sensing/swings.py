"""The tornado: how far each input moves the best plan, and this one."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from models.results import ProvenRange, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.report.charts import Chart
from optimizer.report.charts import sensitivity as charts
from optimizer.report.figures import NOISE
from optimizer.report.html.parts import Column, Figure, Section, Table, alike, words
from optimizer.report.sensing import words as said

DRAWN = 18
"""Inputs that a chart shows; its table has all."""


def swings(found: Sensitivity) -> Section | None:
    """What the best plan can reach with each input low and high."""
    some = found.inputs
    if not some:
        return None
    unit = said.unit(found)
    rows = [_bar(found, one, expected=False) for one in some[:DRAWN]]
    title = tr("Objective of the best plan, and of this one ({unit})", unit=unit)
    chart = Chart(
        "tornado",
        title,
        tr(
            "Two bars an input, from the objective as things are to that at the low and at the "
            "high end; below, framed, the same of this plan carried out all the same. The longest "
            "come first."
        ),
        lambda: charts.tornado(rows, found.best.objective.high, unit),
    )
    columns = [*_named(found, some)]
    columns += alike(
        {
            tr("At least"): [_end(one.low, "low") for one in some],
            tr("At most"): [_end(one.low, "high") for one in some],
        },
        tr("Best plan at low"),
    )
    columns += alike(
        {
            tr("At least"): [_end(one.high, "low") for one in some],
            tr("At most"): [_end(one.high, "high") for one in some],
        },
        tr("Best plan at high"),
    )
    columns += alike(
        {
            tr("At least"): [one.swing.low if one.swing else None for one in some],
            tr("At most"): [one.swing.high if one.swing else None for one in some],
        },
        tr("Swing"),
    )
    note = tr(
        "At least: the proven bound. At most: the best plan that is known. A swing of at least 0 "
        "may be none. As things are: {base}.",
        base=said.between(found.best.objective),
    )
    table = Table(title, columns, dense=True, name="swings", note=note)
    return Section("swings", tr("What moves the best plan"), [Figure(chart, table)])


def own(found: Sensitivity) -> Section | None:
    """How this plan fares with each input low and high."""
    some = sorted(found.inputs, key=lambda one: -one.own_swing_expected)
    if not some:
        return None
    unit = said.unit(found)
    moving = [one for one in some if one.own_swing_expected > NOISE]
    rows = [_bar(found, one, expected=True) for one in moving[:DRAWN]]
    title = tr("Expected damage with this plan ({unit})", unit=unit)
    if found.measure != "damage":
        title = tr("Expected shortage with this plan ({unit})", unit=unit)
    chart = Chart(
        "own-tornado",
        title,
        tr("Two bars an input, from the figure as things are to that at either end."),
        lambda: charts.own_tornado(rows, found.own.expected, unit),
    )
    columns = [*_named(found, some)]
    columns += alike(
        {
            tr("At low"): [one.low.own.expected for one in some],
            tr("At high"): [one.high.own.expected for one in some],
        },
        tr("Expected"),
    )
    for group, points in (
        (tr("Regret at low"), [one.low for one in some]),
        (tr("Regret at high"), [one.high for one in some]),
    ):
        regrets: list[ProvenRange | None] = [point.regret for point in points]
        columns += alike(
            {
                tr("At least"): [r.low if r else None for r in regrets],
                tr("At most"): [r.high if r else None for r in regrets],
            },
            group,
        )
    columns.append(words(tr("Breaks a rule"), [_breaks(one) for one in some]))
    note = tr(
        "Exact on the scenario's states. Regret: the plan's objective less that of the best plan "
        "there. Where the plan breaks a rule, its damage is shown as if carried out, and there is "
        "no regret."
    )
    table = Table(title, columns, dense=True, name="own", note=note)
    return Section("own", tr("How this plan fares"), [Figure(chart, table)])


def _named(found: Sensitivity, some: Sequence[SensitivityInput]) -> list[Column]:
    return [
        words(tr("Input"), [said.name(found, one) for one in some]),
        words(tr("Low"), [said.of_point(found, one, one.low) for one in some]),
        words(tr("High"), [said.of_point(found, one, one.high) for one in some]),
    ]


def _end(point: SensitivityPoint, end: str) -> float | None:
    if point.best is None:
        return None
    return point.best.objective.low if end == "low" else point.best.objective.high


def _breaks(one: SensitivityInput) -> str:
    parts = []
    if one.low.broken:
        parts.append(tr("low: {why}", why=said.reasons(one.low.broken)))
    if one.high.broken:
        parts.append(tr("high: {why}", why=said.reasons(one.high.broken)))
    return "; ".join(parts)


def _bar(found: Sensitivity, one: SensitivityInput, *, expected: bool) -> charts.Bar:
    points = (one.low, one.high)
    if expected:
        own_ends = (one.low.own.expected, one.high.own.expected)
        best: charts.Ends = (None, None)
    else:
        own_ends = (one.low.own.objective, one.high.own.objective)
        best = (_end(one.low, "high"), _end(one.high, "high"))
    marks = tuple(p.decision if p.decision in charts.SIGNS else "" for p in points)
    return charts.Bar(
        said.name(found, one),
        (said.of_point(found, one, one.low), said.of_point(found, one, one.high)),
        best,
        own_ends,
        (marks[0], marks[1]),
    )
