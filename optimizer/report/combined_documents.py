"""Documents of one kind side by side."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from models.language import tr
from optimizer.report.document import Document, DropDown, Heading, Part, Section, Table, Terms


def combine_documents(documents: Mapping[str, Document]) -> Document:
    """Several documents of one kind as one: each section has the parts of all, each under its
    label. A single document stays as it is.

    Formulas and checks of workbooks find tables by name, so that with several there are none: the
    figures of each stand as they are.
    """
    first, *more = documents.values()
    if not more:
        return first
    own: dict[str, list[tuple[str, Document, Section]]] = {}
    for label, made in documents.items():
        for section in made.sections:
            own.setdefault(section.id, []).append((label, made, section))
    sections = []
    for some in own.values():
        section = some[0][2]
        # What the words mean is said once.
        if not all(isinstance(part, Terms) for part in section.parts):
            parts = [
                part
                for label, made, one in some
                for part in _labelled_parts(label, made, one.parts)
            ]
            section = replace(section, parts=parts, fits_one_page=False)
        sections.append(section)
    return Document(
        first.title,
        first.kicker,
        tr("Side by side: {labels}", labels=", ".join(documents)),
        [
            part
            for label, made in documents.items()
            for part in _labelled_parts(label, made, made.answer)
        ],
        sections,
        first.versions,
        answer_title=first.answer_title,
        money_amounts=[amount for made in documents.values() for amount in made.money_amounts],
        outcome_amounts=[
            outcome for made in documents.values() for outcome in made.outcome_amounts
        ],
    )


def _labelled_parts(label: str, part_document: Document, parts: Sequence[Part]) -> Iterator[Part]:
    shown = [part for part in parts if not isinstance(part, DropDown)]
    if shown:
        yield Heading(f"{label}: {part_document.subtitle}" if part_document.subtitle else label)
    for part in shown:
        yield _without_formulas(label, part) if isinstance(part, Table) else part


def _without_formulas(label: str, table: Table) -> Table:
    """A table under a name of its own, its chart too, with figures instead of formulas."""
    columns = [
        replace(column, formula=None, cell_name=None)
        for column in table.columns
        if not column.key or column.formula is None
    ]
    chart, word = table.chart, re.sub("[^a-z0-9]", "-", label.lower())
    if chart is not None:
        chart = replace(chart, name=f"{chart.name}-{word}", title=f"{chart.title}: {label}")
    name = table.name and f"{table.name}-{word}"
    caption = f"{table.caption}: {label}" if table.caption else label
    kept = replace(table, columns=columns, name=name, chart=chart, caption=caption)
    return replace(kept, sheet_chart=None)
