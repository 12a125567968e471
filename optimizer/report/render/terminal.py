"""A document as text for a terminal or a pipe.

Nothing is told by colour; in a pipe there is none. Words are never broken inside, and columns never
run into each other: a table that is too wide is written in blocks, each with the names of its rows.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import NamedTuple, TextIO

from rich import box
from rich.console import Console, RenderableType, detect_legacy_windows
from rich.measure import Measurement
from rich.table import Table as Drawn
from rich.text import Text as Styled

from models.language import tr
from optimizer.report import document as doc
from optimizer.report.cells import Grid, build_grid
from optimizer.report.number_format import NO_BREAK_SPACE, format_number, sanitize

PIPE_WIDTH = 110
"""Columns where there is no window to ask."""
MIN_WIDTH, MAX_WIDTH = 80, 140
PROSE_WIDTH = 100
MIN_HEADER_WIDTH = 10
"""Of a column of numbers, unless these are wider."""
COLUMN_GAP = 2
"""Spaces between columns."""
NO_BREAK_MARK = "\ue000"
"""Stands for a no-break space in cells, since rich breaks lines there as at any space."""
RULED_BOX = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
RULED_ASCII_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True)
class Screen:
    """What a document is written to."""

    width: int = PIPE_WIDTH
    encoding: str = "utf-8"
    bold: bool = False

    @classmethod
    def for_stream(cls, stream: TextIO) -> Screen:
        """What a stream can show; bold type only in a terminal, and never with NO_COLOR."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        if not stream.isatty():
            return cls(encoding=encoding)
        width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        bold = not plain and not detect_legacy_windows()
        return cls(min(max(width, MIN_WIDTH), MAX_WIDTH), encoding, bold)

    def encodable(self, text: str) -> str:
        """The text with a question mark for each character that the encoding lacks."""
        try:
            return text.encode(self.encoding, "replace").decode(self.encoding)
        except LookupError:
            return text.encode("ascii", "replace").decode("ascii")


class _TextColumn(NamedTuple):
    """A column of a table: its header, its cells, whether they are texts, and its least width."""

    header: str
    cells: list[str]
    is_text: bool
    width: int


def print_document(document: doc.Document, stream: TextIO) -> None:
    """Write a document to a stream, as well as the stream can show it."""
    stream.write(render_text(document, Screen.for_stream(stream)))


def render_text(document: doc.Document, screen: Screen = Screen()) -> str:
    """A document as text."""
    buffer = StringIO()
    console = Console(
        file=buffer, width=10_000, force_terminal=screen.bold, no_color=True, highlight=False,
        color_system="standard" if screen.bold else None, legacy_windows=False, markup=False,
        emoji=False,
    )  # fmt: skip
    for part in _document_parts(document, screen):
        # A table that cannot be narrower makes long lines: rich would leave columns out.
        least = Measurement.get(console, console.options, part).minimum
        console.print(part, width=max(screen.width, least), crop=False)
    text = re.sub(r" +$", "", buffer.getvalue(), flags=re.MULTILINE)
    return screen.encodable(text.replace(NO_BREAK_SPACE, " ").replace(NO_BREAK_MARK, " "))


def _document_parts(document: doc.Document, screen: Screen) -> Iterator[RenderableType]:
    answer, *sections = document.sections_for(doc.TERMINAL)
    yield Styled(document.title, style="bold")
    if document.subtitle:
        yield Styled(document.subtitle)
    yield Styled()
    yield from _section_body("", answer.parts, screen)
    for section in sections:
        yield Styled()
        yield Styled(section.title, style="bold")
        yield from _section_body(section.title, section.parts, screen)


def _section_body(
    title: str, parts: Sequence[doc.Part], screen: Screen
) -> Iterator[RenderableType]:
    for position, part in enumerate(parts):
        if isinstance(part, doc.Table):
            if position:
                yield Styled()
            # A table that is all there is to a section needs no second title, unless for its unit.
            says_more = len(parts) > 1 or part.caption.startswith(title)
            if (part.caption and part.caption != title and says_more) or not title:
                yield _paragraph(part.caption, screen)
            yield from _table_blocks(part, screen)
        elif isinstance(part, doc.Heading):
            yield Styled()
            yield Styled(part.text, style="bold")
        else:
            yield from (_paragraph(text, screen) for text in _part_sentences(part))


def _part_sentences(part: doc.Part) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, doc.Caution):
        yield from part.items
    elif isinstance(part, doc.Bullets):
        yield from (f"- {item}" for item in part.items)
    elif isinstance(part, doc.Facts):
        for fact in part.facts:
            beside = f" ({fact.remark})" if fact.remark else ""
            yield f"{fact.label}: {fact.figure}{beside}"
    elif isinstance(part, doc.Terms):
        yield from (f"{term}: {meaning}" for term, meaning in part.entries)


def _paragraph(text: str, screen: Screen) -> Styled:
    width = min(screen.width, PROSE_WIDTH)
    indent = "  " if text.startswith("- ") else ""
    broken = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return Styled(broken.fill(text))


def _table_blocks(table: doc.Table, screen: Screen) -> Iterator[RenderableType]:
    if not table.rows:
        yield _paragraph(table.empty_text, screen)
        return
    made = build_grid(table, doc.TERMINAL)
    columns = _text_columns(made)
    # Columns that fit on a line together, the first one in each block.
    blocks = [[columns[0]]]
    for column in columns[1:]:
        some = blocks[-1]
        used = sum(COLUMN_GAP + one.width for one in some) + column.width
        if len(some) > 1 and used > screen.width:
            blocks.append(some := [columns[0]])
        some.append(column)
    for position, some in enumerate(blocks):
        if position:
            yield Styled()
        yield _rich_table(some, made.has_header, screen)
    if table.max_terminal_rows is not None and len(table.rows) > table.max_terminal_rows:
        yield _paragraph(
            tr("{count} more", count=format_number(len(table.rows) - table.max_terminal_rows)),
            screen,
        )
    if table.note:
        yield _paragraph(table.note, screen)


def _text_columns(table_grid: Grid) -> list[_TextColumn]:
    """The columns with headers that tell them apart: that over several stands before its own where
    another column has the same."""
    own = [head.header for head in table_grid.columns]
    columns = []
    for position, head in enumerate(table_grid.columns):
        header = head.header or head.group
        if head.group and head.header and own.count(head.header) > 1:
            header = f"{head.group}: {head.header}"
        header, texts = sanitize(header), [row[position].text for row in table_grid.rows]
        if head.is_text:  # At least as wide as its longest word.
            words = [*header.split(), *(word for text in texts for word in text.split(" "))]
        else:  # Its header is broken already, and its cells are not.
            wide = max([MIN_HEADER_WIDTH, *map(len, texts)])
            header = textwrap.fill(header, wide, break_long_words=False)
            words = [*header.splitlines(), *texts]
        columns.append(_TextColumn(header, texts, head.is_text, max(map(len, words), default=0)))
    return columns


def _rich_table(columns: Sequence[_TextColumn], has_header: bool, screen: Screen) -> Drawn:
    ruled = RULED_BOX if screen.encodable("─") == "─" else RULED_ASCII_BOX
    table = Drawn(
        box=ruled if has_header else None, show_header=has_header, show_edge=False, pad_edge=False,
        padding=(0, 1) if has_header else (0, COLUMN_GAP), collapse_padding=True, header_style="bold",
    )  # fmt: skip
    for one in columns:
        if one.is_text:
            table.add_column(one.header, min_width=one.width)
        else:
            table.add_column(one.header, justify="right", no_wrap=True)
    for row in zip(*(one.cells for one in columns), strict=True):
        table.add_row(*(Styled(text.replace(NO_BREAK_SPACE, NO_BREAK_MARK)) for text in row))
    return table
