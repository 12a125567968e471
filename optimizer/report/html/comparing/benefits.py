"""What each option buys."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.figures import NO_BREAK, NONE, number, percent
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import (
    Cell,
    Column,
    Part,
    Section,
    Table,
    alike,
    amounts,
    shares,
    words,
    years,
)

SAME = 0.0005
"""Shares that differ by less are shown alike."""


def benefits(side: Side) -> Section:
    """Damage, cover, dependence and benchmarks."""
    parts: list[Part] = [
        tr(
            "Cover and dependence are those of {year}, dependence without disturbance and delay.",
            year=side.comparison.year,
        ),
        _damage(side),
        _security(side),
        *_benchmarks(side),
    ]
    return Section("buys", tr("What each option buys"), parts)


def _damage(side: Side) -> Table:
    found = [o.benefit for o in side.options]
    spans = [b.avoided_range for b in found]
    columns = [words(tr("Option"), side.names)]
    columns += alike(
        {
            tr("Expected"): side.likely("damage", [b.expected.avoided for b in found]),
            tr("In 95 % of states more than"): side.likely(
                "damage", [s.low if s else None for s in spans]
            ),
            tr("In 5 % of states more than"): side.likely(
                "damage", [s.high if s else None for s in spans]
            ),
        },
        tr("Avoided ({unit})", unit=side.unit),
    )
    columns.append(
        shares(tr("Share avoided"), side.likely("damage", [b.expected.share for b in found]))
    )
    columns += alike(
        {
            tr("Mean of the worst states"): side.likely("tail", [b.cvar.with_plan for b in found]),
            tr("Worst state"): side.likely("tail", [b.worst.with_plan for b in found]),
        },
        tr("Left ({unit})", unit=side.unit),
    )
    caption = (
        tr("Damage avoided and left ({unit})", unit=side.unit)
        if side.of_damage
        else tr("Shortage avoided and left ({unit})", unit=side.unit)
    )
    return Table(caption, columns, name="buys")


def _security(side: Side) -> Table:
    found = [o.benefit for o in side.options]
    mixes = [b.dependence.with_plan for b in found]
    columns = [
        words(tr("Option"), side.names),
        amounts(tr("Cover, days"), [b.cover.days for b in found], places=0),
        shares(
            tr("Largest third country"),
            side.likely("dependence", [m.third_share if m else None for m in mixes]),
        ),
        amounts("HHI", side.likely("dependence", [m.hhi if m else None for m in mixes]), places=0),
    ]
    if any(m is not None and m.imports is not None for m in mixes):
        columns.append(
            shares(
                tr("Import dependency"),
                side.likely("dependence", [m.imports if m else None for m in mixes]),
            )
        )
    columns += [
        amounts(
            tr("Materials above 65 %"),
            side.likely("dependence", [float(len(b.dependence.above_limit)) for b in found]),
            places=0,
        ),
        years(
            tr("First output"),
            [b.first_tonne.year if b.first_tonne is not None else None for b in found],
        ),
        Column(
            tr("First output expected"),
            [_expected(b.first_tonne.expected_year if b.first_tonne else None) for b in found],
        ),
    ]
    without = side.base.benefit.dependence
    mix = without.without_plan
    note = tr(
        "Means over all materials, by value of demand. Materials above 65 %: one third country "
        "supplies more than {limit}, without any plan {count}.",
        limit=percent(0.65),
        count=number(len(without.above_limit_without_plan)),
    )
    if mix is not None:
        note += " " + tr(
            "Without any plan the largest third country has {share} on average.",
            share=percent(mix.third_share),
        )
    return Table(
        tr("Cover, dependence and time in {year}", year=side.comparison.year),
        columns,
        name="security",
        note=note,
    )


def _expected(year: float | None) -> Cell:
    """A mean of years, which has no thousands."""
    return Cell(NONE if year is None else number(year, 1).replace(NO_BREAK, ""), year)


def _benchmarks(side: Side) -> Iterator[Part]:
    first = side.base.benefit.crma
    if not first:
        return
    stages = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }
    by_option = [
        {(share.material, share.stage): share.share for share in option.benefit.crma}
        for option in side.options
    ]
    first = tuple(
        share
        for share in first
        if any(
            abs(found.get((share.material, share.stage), 0.0) - share.share_without_plan) > SAME
            for found in by_option
        )
    )
    if not first:
        return
    keys = [(share.material, share.stage) for share in first]
    columns = [
        words(tr("Material"), [side.item("materials", m) for m, _ in keys]),
        words(tr("Stage"), [stages[stage] for _, stage in keys]),
        shares(tr("Benchmark"), [share.target for share in first]),
        shares(tr("Without plan"), [share.share_without_plan for share in first]),
    ]
    for name, found in zip(side.names, by_option, strict=True):
        columns.append(shares(name, [found.get(key) for key in keys], tr("With the option")))
    yield Table(
        tr("Shares of demand from the Union in {year}, by stage", year=first[0].year),
        columns,
        name="benchmarks",
        dense=True,
        note=tr("Materials and stages that some option changes."),
    )
