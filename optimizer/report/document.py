"""A result as a document: its sentences and tables, independent of the medium.

A terminal, a page and a workbook all show the same document (:mod:`optimizer.report.render`). A
column states how to read its value *from a row* and the kind of figure, but no layout: a range is
one cell in a terminal, two columns on a page and two numbers in a sheet. A part can be limited to
some media (``media=PAGE``), but its content does not depend on the medium.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Flag
from typing import Any, Literal

from models.language import tr
from optimizer.report.charts.drawing import Chart
from optimizer.report.number_format import NO_VALUE


class Media(Flag):
    """Media in which a part of a document is shown."""

    TERMINAL = 1
    PAGE = 2
    SHEET = 4


TERMINAL, PAGE, SHEET = Media.TERMINAL, Media.PAGE, Media.SHEET
PAGE_AND_SHEET = PAGE | SHEET  # for long tables
TERMINAL_AND_PAGE = TERMINAL | PAGE  # for sentences
ALL_MEDIA = TERMINAL | PAGE | SHEET

ValueForm = Literal[
    "text",  # a text
    "number",  # a number with about three digits, all of a column with the same decimals
    "exact",  # a number as it was written
    "money",  # million of the currency
    "outcome",  # damage or shortage, in the unit of the result
    "tonnes",
    "count",  # a whole number
    "year",
    "mean_year",  # a mean of years, which may lie between two of them
    "share",  # a fraction of one, written as a percentage with one decimal
    "gap",  # a fraction of one that is likely to be tiny
    "ratio",  # a number with two decimals
    "objective",  # an objective or its bound, with enough digits for a proof
    "range",  # a proven range, with ``low`` and ``high``
    "estimate",  # an estimate, with ``value`` and ``standard_error``
    "signed",  # a difference of money, with its sign
    "signed_outcome",  # the same of damage or shortage
]
"""Kind of figure in a column."""

CHECK_TOLERANCE = 5e-6
"""Relative tolerance of checks, a little over what the check of a plan allows the solver."""

Row = Any
ValueGetter = Callable[[Row], Any] | str


@dataclass(frozen=True)
class DisplayedValue:
    """A value that is shown as a given text instead of a formatted number."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, and how to read its value from a row.

    ``value`` is a function of the row, or a path of attributes and tuple indexes. It gives a figure
    of the kind ``form``, a text in place of a figure, or None.
    """

    header: str | int  # a year is a number
    value: ValueGetter
    # A function of the row gives all cells of a row common decimals.
    form: ValueForm | Callable[[Row], ValueForm] = "number"
    group: str = ""  # a header above it and its neighbors, which share decimals
    decimals_group: str = ""  # neighbors with the same word share decimals as well
    media: Media = ALL_MEDIA
    decimals: int | None = None  # fixed number of decimals
    total: bool = False  # whether the row of totals has its sum
    text_total: Callable[[Sequence[Row]], Any] | None = None
    """Function of the rows that returns their total, if it is not the sum."""
    unit: str | Callable[[Row], str | None] = ""
    """Unit of figures, where neither header nor form implies it, or a function of the row."""
    empty_text: str = NO_VALUE  # text where there is no value
    css_class: Callable[[Row], str] | None = None  # class of the style sheet of pages
    link: Callable[[Row], str] | None = None  # URL of the cell
    lang: Callable[[Row], str | None] | None = None  # language of a text, if known
    key: str = ""  # by which differences refer to it
    difference: tuple[str, str] | tuple[()] = ()
    """Keys of two columns whose difference it is; a workbook computes it from their cells."""


def year_columns(
    years: Sequence[int],
    amounts: Callable[[Row], Mapping[str, float | None]],
    form: ValueForm | Callable[[Row], ValueForm] = "money",
    **options: Any,
) -> list[Column]:
    """Return one column for each year.

    ``amounts`` gives the figures of a row by year; a missing year counts as 0.
    """

    def amount_of(year: int) -> Callable[[Row], float | None]:
        return lambda row: amounts(row).get(str(year), 0.0)

    return [
        Column(year, amount_of(year), form, decimals_group="years", **options) for year in years
    ]


@dataclass(frozen=True)
class Table:
    """Rows of a result, and the columns that are read from each row; the first column names the
    row."""

    caption: str
    rows: Sequence[Row]
    columns: Sequence[Column]
    name: str = ""  # key for pages and data frames; unique in a document
    note: str = ""
    total_label: str = ""  # label of the row of totals; there is none if empty
    chart: Chart | None = None  # drawn above it on a page
    is_collapsed: bool = False
    """Whether a page shows it on request only, and not in print."""
    media: Media = ALL_MEDIA
    max_terminal_rows: int | None = None  # further rows are only counted in a terminal
    has_header: bool = True  # whether the columns have headers
    empty_text: str = ""  # text without rows; if empty, the table is left out


@dataclass(frozen=True)
class Text:
    """A paragraph for some media; a plain string is shown in all."""

    text: str
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Bullets:
    """A bulleted list."""

    items: Sequence[str]
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Caution:
    """Warnings, each a sentence, that are shown prominently."""

    items: Sequence[str]
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Fact:
    """A figure in large type, with a label and a remark."""

    label: str
    figure: str
    remark: str = ""


@dataclass(frozen=True)
class Facts:
    """A group of figures in large type."""

    facts: Sequence[Fact]
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Terms:
    """A list of terms with their definitions."""

    entries: Sequence[tuple[str, str]]
    media: Media = PAGE_AND_SHEET


Part = str | Text | Table | Heading | Bullets | Facts | Caution | Terms


@dataclass(frozen=True)
class Section:
    """A section with a title and parts; it is left out if it has no parts."""

    id: str
    title: str
    parts: Sequence[Part] = ()
    media: Media = ALL_MEDIA
    fits_one_page: bool = False  # whether it is one page of its own in print
    sheet_name: str = ""  # name of its sheet, if the title is too long for one
    contents_hint: str = ""  # summary for a table of contents


@dataclass(frozen=True)
class Check:
    """Two figures of a result that must be equal.

    ``scale`` is the size to which their difference is relative, that of ``expected`` if not given.
    """

    statement: str
    value: float
    expected: float = 0.0
    scale: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the figures agree within the tolerance."""
        scale = abs(self.expected if self.scale is None else self.scale)
        return abs(self.value - self.expected) <= CHECK_TOLERANCE * max(1.0, scale)


@dataclass(frozen=True)
class Document:
    """A result as a document: title, answer, sections, units and versions."""

    title: str
    document_kind: str  # in words, such as "Vorrat: brief"
    subtitle: str  # the variant, or another distinction
    answer: Sequence[Part]
    sections: Sequence[Section] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # of programs, by name
    checks: Sequence[Check] = ()  # identities, which a workbook lists
    answer_title: str = ""  # title of the first section, if not the default
    units: Mapping[str, str] = field(default_factory=dict)  # units of figures by form

    def sections_for(self, medium: Media, answer_title: str = "") -> list[Section]:
        """Return the sections that a medium shows, reduced to the parts that it shows; the answer
        comes first."""
        title = self.answer_title or answer_title
        answer = Section("answer", title, parts_for_medium(self.answer, medium), fits_one_page=True)
        shown_sections = [section for section in self.sections if medium in section.media]
        sections = [
            replace(section, parts=parts_for_medium(section.parts, medium))
            for section in shown_sections
        ]
        return [answer, *(section for section in sections if section.parts)]


def parts_for_medium(parts: Sequence[Part], medium: Media) -> list[Part]:
    """Return the nonempty parts that a medium shows; tables keep only the columns that it shows."""
    shown_parts: list[Part] = []
    for part in parts:
        if isinstance(part, str):
            shown_parts += [part] if part else []
        elif medium not in part.media or (isinstance(part, Bullets | Caution) and not part.items):
            continue
        elif isinstance(part, Table) and (part.rows or part.empty_text):
            columns = [column for column in part.columns if medium in column.media]
            shown_parts.append(replace(part, columns=columns))
        elif not isinstance(part, Table):
            shown_parts.append(part.text if isinstance(part, Text) else part)
    return shown_parts


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
