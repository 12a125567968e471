"""A document as text for a terminal or a pipe.

Nothing is told by colour; in a pipe there is none. Words are never broken inside, and columns never
run into each other: a table that is too wide is written in blocks, each with the names of its rows.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType, detect_legacy_windows
from rich.measure import Measurement
from rich.table import Table as Drawn
from rich.text import Text as Styled

from models.language import tr
from optimizer.report.cells import Cell, Grid, Head, grid
from optimizer.report.document import (
    TERMINAL,
    Bullets,
    Caution,
    Document,
    Facts,
    Heading,
    Part,
    Section,
    Table,
    Terms,
    shown,
)
from optimizer.report.figures import NO_BREAK, clean, number

PIPE_WIDTH = 110
"""Columns where there is no window to ask."""
NARROWEST, WIDEST = 80, 140
PROSE_WIDTH = 100
UNLIMITED = 10_000
HEADER_WIDTH = 10
"""Of a column of numbers, unless these are wider."""
APART = 2
"""Spaces between columns."""
HOLD = "\ue000"
"""Stands for a no-break space in cells, since rich breaks lines there as at any space."""

RULED = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
RULED_ASCII = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True)
class Screen:
    """What a document is written to."""

    width: int = PIPE_WIDTH
    encoding: str = "utf-8"
    bold: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Screen:
        """What a stream can show; bold type only in a terminal, and never with NO_COLOR."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        if not stream.isatty():
            return cls(encoding=encoding)
        width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        bold = not plain and not detect_legacy_windows()
        return cls(min(max(width, NARROWEST), WIDEST), encoding, bold)

    def can_show(self, text: str) -> bool:
        """Whether the encoding has these characters."""
        try:
            text.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True


def write(document: Document, stream: TextIO) -> None:
    """Write a document to a stream, as well as the stream can show it."""
    stream.write(render(document, Screen.of(stream)))


def render(document: Document, screen: Screen = Screen()) -> str:
    """A document as text."""
    return _text(_parts(document, screen), screen)


def _text(parts: Iterable[RenderableType], screen: Screen) -> str:
    buffer = StringIO()
    console = Console(
        file=buffer,
        width=UNLIMITED,
        force_terminal=screen.bold,
        color_system="standard" if screen.bold else None,
        no_color=True,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for part in parts:
        # A table that cannot be narrower makes long lines: rich would leave columns out.
        least = Measurement.get(console, console.options, part).minimum
        console.print(part, width=max(screen.width, least), crop=False)
    text = re.sub(r" +$", "", buffer.getvalue(), flags=re.MULTILINE)
    text = text.replace(NO_BREAK, " ").replace(HOLD, " ")
    return text if screen.can_show(text) else _spelt_out(text, screen.encoding)


def _spelt_out(text: str, encoding: str) -> str:
    """The text with a question mark for each character that the encoding lacks."""
    try:
        return text.encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "replace").decode("ascii")


def _parts(document: Document, screen: Screen) -> Iterator[RenderableType]:
    yield Styled(document.title, style="bold")
    if document.subtitle:
        yield Styled(document.subtitle)
    yield Styled()
    yield from _body("", shown(document.answer, TERMINAL), screen)
    for section in document.sections:
        yield from _section(section, screen)


def _section(section: Section, screen: Screen) -> Iterator[RenderableType]:
    parts = shown(section.parts, TERMINAL) if TERMINAL in section.on else []
    if not parts:
        return
    yield Styled()
    yield Styled(section.title, style="bold")
    yield from _body(section.title, parts, screen)


def _body(title: str, parts: Sequence[Part], screen: Screen) -> Iterator[RenderableType]:
    for position, part in enumerate(parts):
        if isinstance(part, Table):
            if position:
                yield Styled()
            # A table that is all there is to a section needs no second title.
            if (part.caption and part.caption != title and len(parts) > 1) or not title:
                yield _paragraph(part.caption, screen)
            yield from _table(part, screen)
        elif isinstance(part, Heading):
            yield Styled()
            yield Styled(part.text, style="bold")
        else:
            yield from (_paragraph(text, screen) for text in _sentences(part))


def _sentences(part: Part) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Caution):
        yield from part.items
    elif isinstance(part, Bullets):
        yield from (f"- {item}" for item in part.items)
    elif isinstance(part, Facts):
        for fact in part.facts:
            beside = f" ({fact.beside})" if fact.beside else ""
            yield f"{fact.label}: {fact.figure}{beside}"
    elif isinstance(part, Terms):
        yield from (f"{term}: {meaning}" for term, meaning in part.entries)


def _paragraph(text: str, screen: Screen) -> Styled:
    width = min(screen.width, PROSE_WIDTH)
    indent = "  " if text.startswith("- ") else ""
    filled = textwrap.fill(
        text, width, break_on_hyphens=False, break_long_words=False, subsequent_indent=indent
    )
    return Styled(filled)


def _table(table: Table, screen: Screen) -> Iterator[RenderableType]:
    if not table.rows:
        yield _paragraph(table.empty, screen)
        return
    made = grid(table, TERMINAL)
    for position, some in enumerate(_blocks(made, screen)):
        if position:
            yield Styled()
        yield _drawn(made, some, screen)
    if table.most is not None and len(table.rows) > table.most:
        yield _paragraph(tr("{count} more", count=number(len(table.rows) - table.most)), screen)
    if table.note:
        yield _paragraph(table.note, screen)


def _cells(made: Grid, position: int) -> list[str]:
    return [row[position].text for row in made.rows]


def _narrowest(head: Head, texts: Sequence[str]) -> int:
    """Characters that a column takes at least: its longest word, or its longest figure."""
    header = _header(head, texts)
    if head.kind == "figures":  # Its header is broken already, and its cells are not.
        return max(map(len, [*header.splitlines(), *texts]), default=0)
    words = max(map(len, header.split()), default=0)
    return max([words, *(len(word) for text in texts for word in text.split(" "))])


def _named(made: Grid) -> list[Head]:
    """The columns with headers that tell them apart: that over several stands before its own where
    another column has the same."""
    own = [head.header for head in made.columns]
    named = []
    for head in made.columns:
        header = head.header or head.group
        if head.group and head.header and own.count(head.header) > 1:
            header = f"{head.group}: {head.header}"
        named.append(Head(clean(header), head.kind))
    return named


def _header(head: Head, texts: Sequence[str]) -> str:
    text = head.header
    if head.kind == "words":
        return text
    longest = max(map(len, texts), default=0)
    return textwrap.fill(text, max(HEADER_WIDTH, longest), break_long_words=False)


def _blocks(made: Grid, screen: Screen) -> Iterator[list[int]]:
    """Columns that fit on a line together, the first one in each block."""
    widths = [_narrowest(head, _cells(made, n)) for n, head in enumerate(_named(made))]
    some, used = [0], widths[0]
    for position in range(1, len(widths)):
        if len(some) > 1 and used + APART + widths[position] > screen.width:
            yield some
            some, used = [0], widths[0]
        some.append(position)
        used += APART + widths[position]
    yield some


def _drawn(made: Grid, positions: Sequence[int], screen: Screen) -> Drawn:
    ruled = RULED if screen.can_show("─") else RULED_ASCII
    table = Drawn(
        box=ruled if made.headed else None,
        show_header=made.headed,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1) if made.headed else (0, APART),
        collapse_padding=True,
        header_style="bold",
    )
    named = _named(made)
    for n in positions:
        head, texts = named[n], _cells(made, n)
        if head.kind == "figures":
            table.add_column(_header(head, texts), justify="right", no_wrap=True)
        else:
            table.add_column(_header(head, texts), min_width=_narrowest(head, texts))
    for row in made.rows:
        table.add_row(*(_shown(row[n]) for n in positions))
    return table


def _shown(cell: Cell) -> Styled:
    return Styled(cell.text.replace(NO_BREAK, HOLD))
