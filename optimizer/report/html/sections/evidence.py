"""What the answer rests on: figures, their sources and how far they are to be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from models.language import language, tr
from optimizer.report.figures import NONE, clean, exact, number, percent
from optimizer.report.html.parts import (
    Cell,
    Column,
    Heading,
    Part,
    Section,
    Table,
    alike,
    amounts,
    shares,
    words,
)
from optimizer.report.html.subject import Subject, capital
from optimizer.report.html.wording import field_name, kind_name, part_name, standing_name
from optimizer.report.tables import evidence as frames
from optimizer.report.tables.frame import records


def evidence(subject: Subject) -> Section | None:
    """Shares of figures and of benefit that rest on assumptions, and every source."""
    found = frames.by_part(subject.plan)
    total = int(found["count"].sum())
    if not total:
        return None
    assumed = int(found["assumption"].sum())
    unsourced = int(found["none"].sum())
    parts: list[Part] = [
        tr(
            "The scenario has {total} figures; {assumed} of them ({share}) are assumptions with a "
            "written reason, and {unsourced} carry no source.",
            total=number(total),
            assumed=number(assumed),
            share=percent(assumed / total),
            unsourced=number(unsourced),
        ),
        *_benefit(subject),
        Heading(tr("Figures by part of the scenario")),
        _by_part(records(found)),
        *_sources(subject),
    ]
    return Section("evidence", tr("Assumptions and sources"), parts)


def _standings(rows: list[dict[str, Any]]) -> list[str]:
    """Kinds of sources that occur."""
    return [s for s in frames.STANDINGS if any(row[s] > 0 for row in rows)]


def _benefit(subject: Subject) -> Iterator[Part]:
    rows = records(frames.rests_on(subject.plan))
    if not rows:
        return
    heading = (
        tr("What share of the avoided damage rests on assumptions")
        if subject.of_damage
        else tr("What share of the avoided shortage rests on assumptions")
    )
    yield Heading(heading)
    kinds = _standings(rows)
    caption = (
        tr("Share of the avoided damage by kind of figure and of source")
        if subject.of_damage
        else tr("Share of the avoided shortage by kind of figure and of source")
    )
    yield Table(
        caption,
        [
            words(tr("Kind of figure"), [capital(kind_name(row["kind"])) for row in rows]),
            *(shares(capital(standing_name(s)), [row[s] for row in rows]) for s in kinds),
        ],
        name="rests-on",
        note=tr(
            "Each material's part of what is avoided is split by the sources of its figures of "
            "that kind, weighted by their size. Each row adds up to 100 %: what is avoided needs "
            "figures of all kinds."
        ),
    )
    yield _by_material(subject)


def _by_material(subject: Subject) -> Table:
    rows = records(frames.resting(subject.plan))
    by_material: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_material.setdefault(row["material"], {})[row["kind"]] = row
    order = sorted(by_material, key=lambda m: -next(iter(by_material[m].values()))["avoided"])
    kinds = [k for k in frames.KINDS if any(k in of for of in by_material.values())]
    avoided = [next(iter(by_material[m].values()))["avoided"] for m in order]
    header = (
        tr("Avoided damage, {unit}", unit=subject.unit)
        if subject.of_damage
        else tr("Avoided shortage, {unit}", unit=subject.unit)
    )
    columns = [words(tr("Material"), [subject.name("material", m) for m in order])]
    columns += alike({header: avoided})
    columns += [
        shares(
            capital(kind_name(kind)),
            [by_material[m][kind]["assumption"] if kind in by_material[m] else None for m in order],
            tr("Share that is assumed, of figures on"),
        )
        for kind in kinds
    ]
    return Table(tr("Assumed figures by material"), columns, name="assumed-by-material", dense=True)


def _by_part(rows: list[dict[str, Any]]) -> Table:
    kinds = _standings(rows)
    columns = [words(tr("Part"), [*(part_name(row["part"]) for row in rows), tr("Sum")])]
    for standing in kinds:
        counts = [row[standing] for row in rows]
        columns.append(amounts(capital(standing_name(standing)), [*counts, sum(counts)], places=0))
    counts = [row["count"] for row in rows]
    columns.append(amounts(tr("Figures"), [*counts, sum(counts)], places=0))
    assumed = [row["assumption"] for row in rows]
    of = [a / c for a, c in zip([*assumed, sum(assumed)], [*counts, sum(counts)], strict=True)]
    columns.append(shares(tr("Share assumed"), of))
    return Table(
        tr("Figures of the scenario by part and kind of source"),
        columns,
        total=True,
        name="figures",
        note=tr(
            "Read: somebody opened the source. Reported: taken from a report of it. Assumption: "
            "reasoned judgement. What stands at the default of the format is not counted."
        ),
    )


def _sources(subject: Subject) -> Iterator[Part]:
    rows = records(frames.by_source(subject.plan))
    by_source: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_source.setdefault(row["source"], []).append(row)
    groups = {
        "assumption": tr("Assumptions, by number of figures"),
        "read": tr("Sources that were read"),
        "reported": tr("Sources known from reports"),
        "other": tr("Sources that are no entry of the bibliography"),
        "none": tr("Figures without a source"),
    }
    yield Heading(tr("Every source and what rests on it"))
    for standing, caption in groups.items():
        found = {s: of for s, of in by_source.items() if of[0]["standing"] == standing}
        if found:
            order = sorted(found, key=lambda s: -sum(row["count"] for row in found[s]))
            yield _source_table(subject, {s: found[s] for s in order}, caption, standing)


def _source_table(
    subject: Subject, found: dict[str, list[dict[str, Any]]], caption: str, standing: str
) -> Table:
    counts = [sum(row["count"] for row in rows) for rows in found.values()]
    return Table(
        caption,
        [
            Column(tr("Source or reason"), [_told(subject, source) for source in found], "words"),
            words(
                tr("What rests on it (figures, smallest to largest)"), map(_used, found.values())
            ),
            words(tr("Confidence"), map(_confidence, found.values())),
            amounts(tr("Figures"), counts, places=0),
        ],
        dense=True,
        name=f"sources-{standing}",
    )


def _told(subject: Subject, source: str) -> Cell:
    """The text of a source with its id, and where it leads."""
    known = subject.case.sources.get(source)
    if known is None:
        return Cell(clean(source) or NONE)
    href = known.url if known.url and urlsplit(known.url).scheme in ("http", "https") else ""
    return Cell(f"{clean(known.text.read(language()))} [{source}]", mark="break", href=href)


def _used(rows: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{part_name(row['part'])}: {field_name(row['field'])} ({_range(row)})" for row in rows
    )


def _range(row: dict[str, Any]) -> str:
    low, high = (exact(row[key]) for key in ("least", "most"))
    values = low if low == high else tr("{low} to {high}", low=low, high=high)
    return f"{number(row['count'])}: {values}"


def _confidence(rows: list[dict[str, Any]]) -> str:
    words_of = {
        "high": tr("high"),
        "medium": tr("medium"),
        "low": tr("low"),
        "unsaid": tr("not stated"),
    }
    sums = {level: sum(row[level] for row in rows) for level in words_of}
    met = {level: count for level, count in sums.items() if count}
    if len(met) == 1:
        return capital(words_of[next(iter(met))])
    return ", ".join(f"{words_of[level]} {number(count)}" for level, count in met.items())
