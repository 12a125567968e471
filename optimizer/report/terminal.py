"""A plan for those who decide, as text for a terminal or a pipe.

The order is that of their questions: what does it gain at what cost, what is built, who pays,
what is stocked, what does it cost and when, what damage is left, who stays exposed, and how
good the proof is. Nothing is told by colour; in a pipe there is none.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType, detect_legacy_windows
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from models.results import Result
from optimizer.report import sections
from optimizer.report.answers import Answer, answer_of, variant_line
from optimizer.report.figures import NO_BREAK

PIPE_WIDTH = 110
"""Columns where there is no window to ask."""
NARROWEST, WIDEST = 80, 140
PROSE_WIDTH = 100
UNLIMITED = 10_000
HEADER_WIDTH = 10
"""Of a column of numbers, unless these are wider."""
NARROW_WORD = 14
"""Longer words may be broken where a line is short."""
HOLD = "\ue000"
"""Stands for a no-break space in cells, since rich breaks lines there as at any space."""

RULED = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
RULED_ASCII = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True)
class Screen:
    """What a plan is written to."""

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


def write(found: Result, stream: TextIO) -> None:
    """Write a result to a stream, as well as the stream can show it."""
    stream.write(render(found, Screen.of(stream)))


def render(found: Result, screen: Screen = Screen()) -> str:
    """A result as text."""
    return _text(_parts(answer_of(found, screen.width), screen), screen)


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


def _parts(answer: Answer, screen: Screen) -> Iterator[RenderableType]:
    yield Text(answer.title, style="bold")
    if answer.variant is not None:
        yield Text(variant_line(answer.variant))
    yield Text()
    yield from (_paragraph(paragraph, screen) for paragraph in answer.headline)
    yield from _sections(answer.sections, screen)


def _sections(some: Iterable[sections.Section], screen: Screen) -> Iterator[RenderableType]:
    for section in some:
        yield Text()
        yield Text(section.title, style="bold")
        for position, part in enumerate(section.parts):
            if position and isinstance(part, sections.Grid):
                yield Text()
            yield _paragraph(part, screen) if isinstance(part, str) else _grid(part, screen)


def _paragraph(text: str, screen: Screen) -> Text:
    return Text(textwrap.fill(text, min(screen.width, PROSE_WIDTH), break_on_hyphens=False))


def _grid(grid: sections.Grid, screen: Screen) -> Table:
    ruled = RULED if screen.can_show("─") else RULED_ASCII
    table = Table(
        box=ruled if grid.headed else None,
        show_header=grid.headed,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=screen.width < PIPE_WIDTH,
        header_style="bold",
    )
    for position, (header, kind) in enumerate(grid.columns.items()):
        cells = [row[position] for row in grid.rows]
        longest = max(map(len, cells), default=0)
        # A number is never broken or cut; its header takes as many lines as it likes. Words wrap.
        if kind == "figures":
            header = textwrap.fill(header, max(HEADER_WIDTH, longest), break_long_words=False)
            table.add_column(header, justify="right", no_wrap=True)
        else:
            word = max((len(word) for cell in cells for word in cell.split(" ")), default=0)
            table.add_column(header, overflow="fold", min_width=min(word, NARROW_WORD))
    for row in grid.rows:
        table.add_row(*(Text(cell.replace(NO_BREAK, HOLD)) for cell in row))
    return table
