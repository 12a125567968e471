"""Documents of one kind side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from models.language import tr
from optimizer.report.document import Choice, Document, Heading, Part, Section, Table, Terms


def together(documents: Mapping[str, Document]) -> Document:
    """Several documents of one kind as one: each section has the parts of all, each under its
    label. A single document stays as it is.

    Formulas and checks of workbooks find tables by name, so that with several there are none: the
    figures of each stand as they are.
    """
    first = next(iter(documents.values()))
    if len(documents) == 1:
        return first
    order = dict.fromkeys(section.id for made in documents.values() for section in made.sections)
    return Document(
        first.title,
        first.kicker,
        tr("Side by side: {labels}", labels=", ".join(documents)),
        [part for label, made in documents.items() for part in _parts(label, made, made.answer)],
        [_section(id, documents) for id in order],
        first.versions,
        answer_title=first.answer_title,
        amounts=[amount for made in documents.values() for amount in made.amounts],
        outcomes=[outcome for made in documents.values() for outcome in made.outcomes],
    )


def _section(id: str, documents: Mapping[str, Document]) -> Section:
    """A section with the parts of all; what the words mean is said once."""
    own = [
        (label, made, section)
        for label, made in documents.items()
        for section in made.sections
        if section.id == id
    ]
    _, _, first = own[0]
    if all(isinstance(part, Terms) for part in first.parts):
        return first
    parts = [part for label, made, one in own for part in _parts(label, made, one.parts)]
    return replace(first, parts=parts, one_page=False)


def _parts(label: str, made: Document, parts: Sequence[Part]) -> Iterator[Part]:
    shown = [part for part in parts if not isinstance(part, Choice)]
    if shown:
        yield Heading(label if made.subtitle == "" else f"{label}: {made.subtitle}")
    for part in shown:
        yield _plain(label, part) if isinstance(part, Table) else part


def _plain(label: str, table: Table) -> Table:
    """A table under a name of its own, its chart too, with figures instead of formulas."""
    columns = [
        replace(column, formula=None, name=None)
        for column in table.columns
        if not column.key or column.formula is None
    ]
    chart = table.chart
    if chart is not None:
        chart = replace(chart, name=f"{chart.name}-{_word(label)}", title=f"{chart.title}: {label}")
    name = f"{table.name}-{_word(label)}" if table.name else ""
    return replace(table, columns=columns, name=name, chart=chart, sheet_chart=None,
                   caption=f"{table.caption}: {label}" if table.caption else label)  # fmt: skip


def _word(label: str) -> str:
    """A label as part of a name: small letters, digits and hyphens."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in label.lower())
