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

from models.language import language, tr
from models.results import (
    Comparison,
    Evaluation,
    Frontier,
    Participation,
    Plan,
    Redaction,
    Split,
    Target,
)
from optimizer.reporting import prose, redacting, sections
from optimizer.reporting.comparing import prose as comparing
from optimizer.reporting.comparing import sections as compared
from optimizer.reporting.evaluating import prose as evaluating
from optimizer.reporting.evaluating import sections as evaluated
from optimizer.reporting.evaluating import words as judged
from optimizer.reporting.figures import NO_BREAK, clean
from optimizer.reporting.names import Names
from optimizer.reporting.participating import prose as participating
from optimizer.reporting.participating import sections as participated
from optimizer.reporting.participating import words as share
from optimizer.reporting.splitting import prose as splitting
from optimizer.reporting.splitting import sections as shared
from optimizer.reporting.splitting.game import Game
from optimizer.reporting.varying import frontier as varied
from optimizer.reporting.varying import target as reached
from optimizer.reporting.varying.words import title

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


def write(plan: Plan, stream: TextIO) -> None:
    """Write a plan to a stream, as well as the stream can show it."""
    stream.write(render(plan, Screen.of(stream)))


def write_comparison(comparison: Comparison, stream: TextIO) -> None:
    """Write a comparison to a stream, as well as the stream can show it."""
    stream.write(render_comparison(comparison, Screen.of(stream)))


def write_frontier(frontier: Frontier, stream: TextIO) -> None:
    """Write a frontier to a stream, as well as the stream can show it."""
    stream.write(render_frontier(frontier, Screen.of(stream)))


def write_target(target: Target, stream: TextIO) -> None:
    """Write a target to a stream, as well as the stream can show it."""
    stream.write(render_target(target, Screen.of(stream)))


def write_split(split: Split, stream: TextIO) -> None:
    """Write a split to a stream, as well as the stream can show it."""
    stream.write(render_split(split, Screen.of(stream)))


def write_participation(participation: Participation, stream: TextIO) -> None:
    """Write a participation to a stream, as well as the stream can show it."""
    stream.write(render_participation(participation, Screen.of(stream)))


def write_redaction(redaction: Redaction, stream: TextIO) -> None:
    """Write the account of a redaction to a stream, as well as the stream can show it."""
    stream.write(render_redaction(redaction, Screen.of(stream)))


def write_evaluation(evaluation: Evaluation, stream: TextIO) -> None:
    """Write an evaluation to a stream, as well as the stream can show it."""
    stream.write(render_evaluation(evaluation, Screen.of(stream)))


def write_result(
    found: Evaluation | Frontier | Target | Participation | Split | Redaction, stream: TextIO
) -> None:
    """Write what a command has found to a stream, whatever it is."""
    if isinstance(found, Frontier):
        write_frontier(found, stream)
    elif isinstance(found, Target):
        write_target(found, stream)
    elif isinstance(found, Participation):
        write_participation(found, stream)
    elif isinstance(found, Split):
        write_split(found, stream)
    elif isinstance(found, Evaluation):
        write_evaluation(found, stream)
    else:
        write_redaction(found, stream)


def render(plan: Plan, screen: Screen = Screen()) -> str:
    """A plan as text."""
    return _text(_parts(plan, screen), screen)


def render_comparison(comparison: Comparison, screen: Screen = Screen()) -> str:
    """A comparison as text."""
    return _text(_parts_of_comparison(comparison, screen), screen)


def render_frontier(frontier: Frontier, screen: Screen = Screen()) -> str:
    """A frontier as text."""
    return _text(_parts_of_frontier(frontier, screen), screen)


def render_target(target: Target, screen: Screen = Screen()) -> str:
    """A target as text, with its plan."""
    return _text(_parts_of_target(target, screen), screen)


def render_split(split: Split, screen: Screen = Screen()) -> str:
    """A split as text."""
    return _text(_parts_of_split(split, screen), screen)


def render_participation(participation: Participation, screen: Screen = Screen()) -> str:
    """A participation as text."""
    return _text(_parts_of_participation(participation, screen), screen)


def render_redaction(redaction: Redaction, screen: Screen = Screen()) -> str:
    """The account of a redaction as text."""
    return _text(_parts_of_redaction(redaction, screen), screen)


def render_evaluation(evaluation: Evaluation, screen: Screen = Screen()) -> str:
    """An evaluation as text."""
    return _text(_parts_of_evaluation(evaluation, screen), screen)


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


def _parts(plan: Plan, screen: Screen) -> Iterator[RenderableType]:
    names = Names(plan)
    yield Text(clean(names.title()), style="bold")
    if plan.variant is not None:
        title, name = names.variant() or "", plan.variant
        shown = name if title == name else f"{title} ({name})"
        yield Text(tr("Variant: {variant}", variant=clean(shown)))
    yield Text()
    for paragraph in prose.headline(plan):
        yield _paragraph(paragraph, screen)
    yield from _sections(sections.all_of(plan, screen.width), screen)


def _parts_of_comparison(comparison: Comparison, screen: Screen) -> Iterator[RenderableType]:
    title = comparison.title.de if language() == "de" else comparison.title.en
    yield Text(clean(title), style="bold")
    yield Text()
    for paragraph in comparing.headline(comparison):
        yield _paragraph(paragraph, screen)
    yield from _sections(compared.all_of(comparison), screen)


def _parts_of_frontier(frontier: Frontier, screen: Screen) -> Iterator[RenderableType]:
    yield from _head(title(frontier), frontier.variant)
    for paragraph in varied.headline(frontier):
        yield _paragraph(paragraph, screen)
    yield from _sections(varied.all_of(frontier), screen)


def _parts_of_target(target: Target, screen: Screen) -> Iterator[RenderableType]:
    yield from _head(title(target), target.variant)
    for paragraph in reached.headline(target):
        yield _paragraph(paragraph, screen)
    yield from _sections(reached.all_of(target), screen)
    if target.plan is not None:
        yield from _sections(sections.all_of(target.plan, screen.width), screen)


def _parts_of_split(split: Split, screen: Screen) -> Iterator[RenderableType]:
    game = Game(split)
    yield from _head(game.title, game.variant)
    for position, paragraph in enumerate(splitting.headline(game)):
        if position:
            yield Text()
        yield _paragraph(paragraph, screen)
    yield from _sections(shared.all_of(game), screen)


def _parts_of_participation(found: Participation, screen: Screen) -> Iterator[RenderableType]:
    yield from _head(share.title(found), share.variant(found))
    for paragraph in (*participating.headline(found), *participating.cautions(found)):
        yield _paragraph(paragraph, screen)
    yield from _sections(participated.all_of(found), screen)


def _parts_of_redaction(redaction: Redaction, screen: Screen) -> Iterator[RenderableType]:
    yield from _head(clean(redaction.title), None)
    for paragraph in redacting.headline(redaction):
        yield _paragraph(paragraph, screen)
    yield from _sections(redacting.all_of(redaction), screen)


def _parts_of_evaluation(found: Evaluation, screen: Screen) -> Iterator[RenderableType]:
    yield from _head(judged.title(found), judged.variant(found))
    for paragraph in (*evaluating.headline(found), *evaluating.cautions(found)):
        yield _paragraph(paragraph, screen)
    yield from _sections(evaluated.all_of(found), screen)


def _head(named: str, variant: str | None) -> Iterator[RenderableType]:
    yield Text(named, style="bold")
    if variant is not None:
        yield Text(tr("Variant: {variant}", variant=clean(variant)))
    yield Text()


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
