"""Combination of several documents of one kind into one document."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from models.language import tr
from optimizer.report.document import Document, DropDown, Heading, Part, Section, Table, Terms


def combine_documents(documents: Mapping[str, Document]) -> Document:
    """Return one document with the sections of all documents; the parts of each have its label.

    A single document is returned unchanged. A combination of several has figures instead of
    formulas and no checks, since formulas and checks find tables by name.
    """
    first_document, *other_documents = documents.values()
    if not other_documents:
        return first_document
    sections_by_id: dict[str, list[tuple[str, Document, Section]]] = {}
    for label, document in documents.items():
        for section in document.sections:
            sections_by_id.setdefault(section.id, []).append((label, document, section))
    sections = []
    for group in sections_by_id.values():
        section = group[0][2]
        # Terms are listed once.
        if not all(isinstance(part, Terms) for part in section.parts):
            labeled_parts = [
                part
                for label, document, source_section in group
                for part in _labeled_parts(label, document, source_section.parts)
            ]
            section = replace(section, parts=labeled_parts, fits_one_page=False)
        sections.append(section)
    return Document(
        first_document.title,
        first_document.document_kind,
        tr("Side by side: {labels}", labels=", ".join(documents)),
        [
            part
            for label, document in documents.items()
            for part in _labeled_parts(label, document, document.answer)
        ],
        sections,
        first_document.versions,
        answer_title=first_document.answer_title,
        money_amounts=[
            amount for document in documents.values() for amount in document.money_amounts
        ],
        outcome_amounts=[
            outcome for document in documents.values() for outcome in document.outcome_amounts
        ],
    )


def _labeled_parts(label: str, part_document: Document, parts: Sequence[Part]) -> Iterator[Part]:
    shown_parts = [part for part in parts if not isinstance(part, DropDown)]
    if shown_parts:
        yield Heading(f"{label}: {part_document.subtitle}" if part_document.subtitle else label)
    for part in shown_parts:
        yield _without_formulas(label, part) if isinstance(part, Table) else part


def _without_formulas(label: str, table: Table) -> Table:
    """Return a table with figures instead of formulas, renamed with a label.

    The names of the table and of its chart stay unique in the combined document.
    """
    columns = [
        replace(column, formula=None, cell_name=None)
        for column in table.columns
        if not column.key or column.formula is None
    ]
    chart, suffix = table.chart, re.sub("[^a-z0-9]", "-", label.lower())
    if chart is not None:
        chart = replace(chart, name=f"{chart.name}-{suffix}", title=f"{chart.title}: {label}")
    name = table.name and f"{table.name}-{suffix}"
    caption = f"{table.caption}: {label}" if table.caption else label
    renamed_table = replace(table, columns=columns, name=name, chart=chart, caption=caption)
    return replace(renamed_table, sheet_chart=None)
