"""A document as text for a terminal or a pipe.

Nothing depends on color, which a pipe does not have. Words are never broken, and columns never
overlap: a table that is too wide is written in blocks, each with the names of its rows.
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
from rich.table import Table as RichTable
from rich.text import Text as StyledText

from models.language import tr
from optimizer.report import document as doc
from optimizer.report.cells import Grid, build_grid
from optimizer.report.number_format import NO_BREAK_SPACE, format_number, sanitize

PIPE_WIDTH = 110
"""Width in characters if the output is not a terminal, or its width is not known."""
MIN_WIDTH, MAX_WIDTH = 80, 140
PROSE_WIDTH = 100
MIN_HEADER_WIDTH = 10
"""Width of the header of a column of numbers, unless the numbers are wider."""
COLUMN_GAP = 2
"""Spaces between columns."""
NO_BREAK_MARK = "\ue000"
"""Replaces a no-break space in cells, since rich breaks lines there as at any space."""
RULED_BOX = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
RULED_ASCII_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True)
class Screen:
    """Width and encoding of the output stream, and whether bold text is used."""

    width: int = PIPE_WIDTH
    encoding: str = "utf-8"
    uses_bold: bool = False

    @classmethod
    def for_stream(cls, stream: TextIO) -> Screen:
        """Return the properties of a stream.

        Bold type is used in a terminal only, and not if NO_COLOR is set.
        """
        encoding = getattr(stream, "encoding", None) or "utf-8"
        if not stream.isatty():
            return cls(encoding=encoding)
        width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
        is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        uses_bold = not is_plain and not detect_legacy_windows()
        return cls(min(max(width, MIN_WIDTH), MAX_WIDTH), encoding, uses_bold)

    def encodable(self, text: str) -> str:
        """Return a text in which each character that the encoding lacks is a question mark."""
        try:
            return text.encode(self.encoding, "replace").decode(self.encoding)
        except LookupError:
            return text.encode("ascii", "replace").decode("ascii")


class _TextColumn(NamedTuple):
    """A column of a table as texts: its header, its cells, and its least width in characters."""

    header: str
    cells: list[str]
    is_text: bool
    width: int


def print_document(document: doc.Document, stream: TextIO) -> None:
    """Write a document as text to a stream, adapted to its width and encoding."""
    stream.write(render_text(document, Screen.for_stream(stream)))


def render_text(document: doc.Document, screen: Screen = Screen()) -> str:
    """Return a document as text for a screen."""
    buffer = StringIO()
    console = Console(
        file=buffer, width=10_000, force_terminal=screen.uses_bold, no_color=True, highlight=False,
        color_system="standard" if screen.uses_bold else None, legacy_windows=False, markup=False,
        emoji=False,
    )  # fmt: skip
    for part in _document_parts(document, screen):
        # Rich would leave out columns of a table that is too wide: let lines be longer instead.
        min_width = Measurement.get(console, console.options, part).minimum
        console.print(part, width=max(screen.width, min_width), crop=False)
    text = re.sub(r" +$", "", buffer.getvalue(), flags=re.MULTILINE)
    return screen.encodable(text.replace(NO_BREAK_SPACE, " ").replace(NO_BREAK_MARK, " "))


def _document_parts(document: doc.Document, screen: Screen) -> Iterator[RenderableType]:
    answer, *sections = document.sections_for(doc.TERMINAL)
    yield StyledText(document.title, style="bold")
    if document.subtitle:
        yield StyledText(document.subtitle)
    yield StyledText()
    yield from _section_body("", answer.parts, screen)
    for section in sections:
        yield StyledText()
        yield StyledText(section.title, style="bold")
        yield from _section_body(section.title, section.parts, screen)


def _section_body(
    title: str, parts: Sequence[doc.Part], screen: Screen
) -> Iterator[RenderableType]:
    for position, part in enumerate(parts):
        if isinstance(part, doc.Table):
            if position:
                yield StyledText()
            # The only table of a section needs no second title, unless it states the unit.
            is_informative = len(parts) > 1 or part.caption.startswith(title)
            if (part.caption and part.caption != title and is_informative) or not title:
                yield _paragraph(part.caption, screen)
            yield from _table_blocks(part, screen)
        elif isinstance(part, doc.Heading):
            yield StyledText()
            yield StyledText(part.text, style="bold")
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
            remark = f" ({fact.remark})" if fact.remark else ""
            yield f"{fact.label}: {fact.figure}{remark}"
    elif isinstance(part, doc.Terms):
        yield from (f"{term}: {meaning}" for term, meaning in part.entries)


def _paragraph(text: str, screen: Screen) -> StyledText:
    width = min(screen.width, PROSE_WIDTH)
    indent = "  " if text.startswith("- ") else ""
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return StyledText(wrapper.fill(text))


def _table_blocks(table: doc.Table, screen: Screen) -> Iterator[RenderableType]:
    if not table.rows:
        yield _paragraph(table.empty_text, screen)
        return
    grid = build_grid(table, doc.TERMINAL)
    columns = _text_columns(grid)
    # Columns that fit on a line, with the first one repeated in each block.
    blocks = [[columns[0]]]
    for column in columns[1:]:
        block = blocks[-1]
        used_width = sum(COLUMN_GAP + c.width for c in block) + column.width
        if len(block) > 1 and used_width > screen.width:
            blocks.append(block := [columns[0]])
        block.append(column)
    for position, block in enumerate(blocks):
        if position:
            yield StyledText()
        yield _rich_table(block, grid.has_header, screen)
    if table.max_terminal_rows is not None and len(table.rows) > table.max_terminal_rows:
        yield _paragraph(
            tr("{count} more", count=format_number(len(table.rows) - table.max_terminal_rows)),
            screen,
        )
    if table.note:
        yield _paragraph(table.note, screen)


def _text_columns(table_grid: Grid) -> list[_TextColumn]:
    """Return the columns of a table as texts; if a header occurs twice, its group header is put
    before it."""
    headers = [grid_column.header for grid_column in table_grid.columns]
    columns = []
    for position, grid_column in enumerate(table_grid.columns):
        header = grid_column.header or grid_column.group
        if grid_column.group and grid_column.header and headers.count(grid_column.header) > 1:
            header = f"{grid_column.group}: {grid_column.header}"
        header, texts = sanitize(header), [row[position].text for row in table_grid.rows]
        if grid_column.is_text:  # at least as wide as its longest word
            words = [*header.split(), *(word for text in texts for word in text.split(" "))]
        else:  # the header is wrapped here, cells are not
            width = max([MIN_HEADER_WIDTH, *map(len, texts)])
            header = textwrap.fill(header, width, break_long_words=False)
            words = [*header.splitlines(), *texts]
        columns.append(
            _TextColumn(header, texts, grid_column.is_text, max(map(len, words), default=0))
        )
    return columns


def _rich_table(columns: Sequence[_TextColumn], has_header: bool, screen: Screen) -> RichTable:
    table_box = RULED_BOX if screen.encodable("─") == "─" else RULED_ASCII_BOX
    table = RichTable(
        box=table_box if has_header else None, show_header=has_header, show_edge=False,
        pad_edge=False, padding=(0, 1) if has_header else (0, COLUMN_GAP), collapse_padding=True,
        header_style="bold",
    )  # fmt: skip
    for column in columns:
        if column.is_text:
            table.add_column(column.header, min_width=column.width)
        else:
            table.add_column(column.header, justify="right", no_wrap=True)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(StyledText(text.replace(NO_BREAK_SPACE, NO_BREAK_MARK)) for text in row))
    return table
