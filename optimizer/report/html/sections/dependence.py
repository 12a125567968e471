"""Whom supply depends on, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.language import tr
from optimizer.report.charts import Chart
from optimizer.report.charts import dependence as charts
from optimizer.report.countries import country
from optimizer.report.figures import NONE, number, percent
from optimizer.report.html.parts import (
    Cell,
    Column,
    Figure,
    Heading,
    Part,
    Section,
    Table,
    amounts,
    shares,
    words,
)
from optimizer.report.html.subject import Subject, capital
from optimizer.report.tables import dependence as frames
from optimizer.report.tables.frame import records

MOST_COUNTRIES = 11
"""Countries that have a column of their own."""


def dependence(subject: Subject) -> Section | None:
    """Largest suppliers, origins and benchmarks."""
    year = frames.year_shown(subject.plan)
    if year is None:
        return None
    frame = frames.suppliers(subject.plan, year)
    if frame.empty:
        return None
    rows = records(
        frame.sort_values(["share_without_plan", "share"], ascending=False, kind="stable")
    )
    parts: list[Part] = [_lead(rows, year), _largest(subject, rows, year)]
    parts += [
        Heading(tr("Where supply comes from")),
        _origins(subject, [row["material"] for row in rows], year),
        *_benchmarks(subject),
    ]
    return Section("dependence", tr("Dependence before and after"), parts)


def _lead(rows: list[dict[str, Any]], year: int) -> str:
    before = sum(row["above_without_plan"] for row in rows)
    after = sum(row["above"] for row in rows)
    return tr(
        "In {year}, {before} of {count} materials come to more than {share} from one third "
        "country without the plan, and {after} with it. Supply is counted undisturbed and on time.",
        year=year,
        before=number(before),
        after=number(after),
        count=number(len(rows)),
        share=percent(frames.THRESHOLD),
    )


def _largest(subject: Subject, rows: list[dict[str, Any]], year: int) -> Figure:
    marks = [
        charts.Largest(
            name=subject.name("material", row["material"]),
            country_before=row["country_without_plan"],
            before=row["share_without_plan"],
            country_after=row["country"],
            after=row["share"],
        )
        for row in rows
    ]
    chart = Chart(
        "dependence",
        tr("Share of the largest supplier in {year}, without and with the plan", year=year),
        tr(
            "One line a material: a hollow mark without the plan, a full one with it, each with "
            "the code of the country. A dashed line marks 65 %."
        ),
        lambda: charts.largest(marks, frames.THRESHOLD),
    )
    before, after = tr("Without plan"), tr("With plan")
    columns = [
        words(tr("Material"), [mark.name for mark in marks]),
        words(tr("Largest supplier"), [country(m.country_before) for m in marks], before),
        _marked(
            [(m.before, row["above_without_plan"]) for m, row in zip(marks, rows, strict=True)],
            before,
        ),
        amounts("HHI", [row["hhi_without_plan"] for row in rows], before, places=0),
        words(tr("Largest supplier"), [country(m.country_after) for m in marks], after),
        _marked([(m.after, row["above"]) for m, row in zip(marks, rows, strict=True)], after),
        amounts("HHI", [row["hhi"] for row in rows], after, places=0),
    ]
    if any(row["imports"] is not None and row["imports"] == row["imports"] for row in rows):
        imports = tr("Import dependency")
        columns.insert(4, shares(imports, [row["imports_without_plan"] for row in rows], before))
        columns.append(shares(imports, [row["imports"] for row in rows], after))
    return Figure(
        chart,
        Table(
            tr("Largest supplier of each material in {year}", year=year),
            columns,
            name="suppliers",
            dense=len(columns) > 7,
            note=tr(
                "▲ more than 65 % from one third country, which Regulation (EU) 2024/1252 aims to "
                "avoid. HHI: Herfindahl-Hirschman index, from 0 (many suppliers) to {most} (one).",
                most=number(10_000),
            ),
        ),
    )


def _marked(values: list[tuple[float, bool]], group: str) -> Column:
    return Column(
        tr("Share"),
        [
            Cell(f"▲ {percent(value)}" if over else percent(value), value, "over" if over else "")
            for value, over in values
        ],
        "figures",
        group,
    )


def _origins(subject: Subject, materials: list[str], year: int) -> Table:
    """Shares of countries, before and after, as a matrix."""
    rows = records(frames.origins(subject.plan, year))
    found = {(r["material"], r["country"]): (r["share_without_plan"], r["share"]) for r in rows}
    weight: dict[str, float] = {}
    for row in rows:
        weight[row["country"]] = (
            weight.get(row["country"], 0.0) + row["share_without_plan"] + row["share"]
        )
    top = sorted(weight, key=lambda code: (-weight[code], code))[:MOST_COUNTRIES]
    columns = [words(tr("Material"), [subject.name("material", m) for m in materials])]
    for code in top:
        columns.append(
            Column(
                country(code),
                [
                    _moved(
                        *found.get((m, code), (0.0, 0.0)), third=frames.is_third(subject.plan, code)
                    )
                    for m in materials
                ],
            )
        )
    if len(weight) > len(top):
        rest = [
            tuple(
                sum(pair[n] for (of, code), pair in found.items() if of == m and code not in top)
                for n in (0, 1)
            )
            for m in materials
        ]
        columns.append(Column(tr("Others"), [_moved(a, b, third=False) for a, b in rest]))
    return Table(
        tr("Share of supply by country in {year}, without → with the plan (%)", year=year),
        columns,
        name="origins",
        dense=True,
        note=tr(
            "Shading grows with the share with the plan; ▲ more than 65 % from one third country. "
            "One figure alone means that the plan changes nothing."
        ),
    )


def _moved(before: float, after: float, third: bool) -> Cell:
    old, new = (number(round(100 * share), 0) for share in (before, after))
    if max(before, after) < 0.005:
        return Cell("–", after, "none")
    text = new if old == new else f"{old} → {new}"
    over = third and after > frames.THRESHOLD
    mark = f"s{1 + (after >= 0.2) + (after >= 0.4) + (after >= 0.65)}" if after >= 0.05 else ""
    return Cell(f"▲ {text}" if over else text, after, f"{mark} over" if over else mark)


def _benchmarks(subject: Subject) -> Iterator[Part]:
    rows = records(frames.benchmarks(subject.plan))
    if not rows:
        return
    stages = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }
    yield Heading(tr("Benchmarks of the Critical Raw Materials Act"))
    materials = list(dict.fromkeys(row["material"] for row in rows))
    columns = [words(tr("Material"), [subject.name("material", m) for m in materials])]
    for stage, name in stages.items():
        found = {row["material"]: row for row in rows if row["stage"] == stage}
        if not found:
            continue
        target = next(iter(found.values()))["target"]
        group = tr("{stage}: {target}", stage=capital(name), target=percent(target))
        for header, key in ((tr("Without plan"), "share_without_plan"), (tr("With plan"), "share")):
            values = [found[m][key] if m in found else None for m in materials]
            columns.append(Column(header, [_short_of(v, target) for v in values], "figures", group))
    yield Table(
        tr("Shares of demand from the Union in {year}, by stage", year=rows[0]["year"]),
        columns,
        name="benchmarks",
        dense=True,
        note=tr(
            "▽ short of the benchmark. Regulation (EU) 2024/1252, Article 5, aims at 10 % from "
            "extraction, 40 % from processing and 25 % from recycling in the Union by 2030, of the "
            "Union's consumption; here of the demand of this scenario."
        ),
    )


def _short_of(share: float | None, target: float) -> Cell:
    """A share, marked where it misses its benchmark."""
    if share is None:
        return Cell(NONE)
    short = share < target - 1e-9
    return Cell(f"▽ {percent(share)}" if short else percent(share), share, "short" if short else "")
