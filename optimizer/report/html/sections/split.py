"""What goes with a plan and is written as part of a document: what joint action is worth."""

from __future__ import annotations

from optimizer.report import document
from optimizer.report.cells import grid
from optimizer.report.html.parts import Cell, Column, Figure, Part, Section, Table
from optimizer.report.html.subject import Subject


def split(subject: Subject) -> Section | None:
    """The section on a split that was computed for this scenario; None without one."""
    given = subject.split
    if given is None:
        return None
    parts = [_part(part) for part in document.shown(given.parts, document.PAGE)]
    return Section(given.id, given.title, parts)


def _part(part: document.Part) -> Part:
    if not isinstance(part, document.Table):
        return part  # type: ignore[return-value]  # a text or a list, which templates take alike
    made = grid(part, document.PAGE)
    columns = [
        Column(
            head.header,
            [Cell(row[n].text, row[n].value, row[n].mark, row[n].href) for row in made.rows],
            head.kind,
            head.group,
        )
        for n, head in enumerate(made.columns)
    ]
    table = Table(made.caption, columns, made.total, made.note, made.dense, made.name)
    return table if part.chart is None else Figure(part.chart, table)
