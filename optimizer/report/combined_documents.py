"""Combination of several documents of one kind into one document."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from models.language import tr
from optimizer.report.document import Document, Heading, Part, Section, Table, Terms


def combine_documents(documents: Mapping[str, Document]) -> Document:
    """Return one document with the sections of all documents; the parts of each have its label.

    A single document is returned unchanged.
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
        checks=[
            replace(check, statement=f"{label}: {check.statement}")
            for label, document in documents.items()
            for check in document.checks
        ],
    )


def _labeled_parts(label: str, part_document: Document, parts: Sequence[Part]) -> Iterator[Part]:
    if parts:
        yield Heading(f"{label}: {part_document.subtitle}" if part_document.subtitle else label)
    for part in parts:
        yield _labeled_table(label, part) if isinstance(part, Table) else part


def _labeled_table(label: str, table: Table) -> Table:
    """Return a table whose name, and that of its chart, stay unique in the combined document."""
    chart, suffix = table.chart, re.sub("[^a-z0-9]", "-", label.lower())
    if chart is not None:
        chart = replace(chart, name=f"{chart.name}-{suffix}", title=f"{chart.title}: {label}")
    name = table.name and f"{table.name}-{suffix}"
    caption = f"{table.caption}: {label}" if table.caption else label
    return replace(table, name=name, chart=chart, caption=caption)
