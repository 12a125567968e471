"""Which projects and stocks are in all, some or none of the options."""

from __future__ import annotations

from models.language import tr
from optimizer.report.figures import NONE, number
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import Cell, Column, Part, Section, Table, words
from optimizer.report.html.subject import projects_counted

ORDER = ("all", "some", "none")


def choices(side: Side) -> Section | None:
    """A matrix of projects and one of stocks."""
    parts: list[Part] = []
    projects = side.comparison.projects
    if projects:
        counts = {kind: sum(p.built_in == kind for p in projects) for kind in ORDER}
        parts.append(
            tr(
                "Of {projects}, {all} are in all options, {some} in some and {none} in none.",
                projects=projects_counted(len(projects)),
                all=number(counts["all"]),
                some=number(counts["some"]),
                none=number(counts["none"]),
            )
        )
        parts.append(_projects(side))
    stocks = [s for s in side.comparison.stockpiles if s.bought_in != "none"]
    if stocks:
        parts.append(_stocks(side))
    return (
        Section("choices", tr("Projects and stocks in all, some or none"), parts) if parts else None
    )


def _in_words(kind: str) -> str:
    return {"all": tr("in all"), "some": tr("in some"), "none": tr("in none")}[kind]


def _projects(side: Side) -> Table:
    rows = sorted(side.comparison.projects, key=lambda p: ORDER.index(p.built_in))
    columns = [
        words(tr("Project"), [side.item("projects", p.project) for p in rows]),
        words(tr("Chosen"), [_in_words(p.built_in) for p in rows], marks=["line"] * len(rows)),
    ]
    for name, option in zip(side.names, side.options, strict=True):
        found = [p.options.get(option.label) for p in rows]
        columns.append(
            Column(
                name,
                [
                    Cell(NONE, mark="none") if of is None else Cell(str(of.start), of.start)
                    for of in found
                ],
            )
        )
    return Table(
        tr("Year in which each option decides on a project"),
        columns,
        dense=True,
        name="choices",
        note=tr("{dash}: not supported.", dash=NONE),
    )


def _stocks(side: Side) -> Table:
    rows = sorted(
        (s for s in side.comparison.stockpiles if s.bought_in != "none"),
        key=lambda s: ORDER.index(s.bought_in),
    )
    columns = [
        words(tr("Stockpile"), [side.item("stockpiles", s.stockpile) for s in rows]),
        words(tr("Chosen"), [_in_words(s.bought_in) for s in rows], marks=["line"] * len(rows)),
    ]
    for name, option in zip(side.names, side.options, strict=True):
        found = [s.options.get(option.label) for s in rows]
        columns.append(
            Column(
                name,
                [
                    Cell(NONE, mark="none") if of is None else Cell(number(of.held_t), of.held_t)
                    for of in found
                ],
            )
        )
    return Table(tr("Stock held at most, t"), columns, dense=True, name="stock-choices")
