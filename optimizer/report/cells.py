"""Cells of a table as people read them: texts, with the figures behind them.

Columns of one group share their decimals; where rows are figures of different kinds, the cells of
a row do. A range is one cell in a terminal and two on a page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from models.language import tr
from optimizer.report.document import PAGE, Column, Form, Media, Shown, Table
from optimizer.report.figures import (
    NO_BREAK,
    NOISE,
    NONE,
    clean,
    decimals,
    exact,
    number,
    percent,
    small_percent,
)

TWO_SIDED = 1.959964
"""Standard errors to either side of an estimate that hold the true figure in 95 of 100 samples."""
SMALL_DIGIT = 3.55
"""An error whose first digits are less has two, or rounding would change it by a sixth."""
ALIKE = 5e-4
"""Ends of a range that differ by less of themselves are shown as one figure."""

LONG = 120
"""Characters of a cell beyond which a page sets its table small."""
WORDS = frozenset({"text"})
PERCENT = frozenset({"share", "gap"})
SIGNED = frozenset({"signed", "signed_outcome"})


@dataclass(frozen=True)
class Cell:
    """What stands in a table: text, the figure behind it, a mark for styles, and a link."""

    text: str
    value: float | None = None
    mark: str = ""
    href: str = ""


@dataclass(frozen=True)
class Head:
    """A column of finished cells: its header, the one over it, and what it holds."""

    header: str
    kind: Literal["words", "figures"]
    group: str = ""


@dataclass(frozen=True)
class Grid:
    """A table of finished cells; ``rows`` lie across, a row of totals last."""

    caption: str
    columns: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    name: str = ""
    note: str = ""
    total: bool = False
    headed: bool = True

    @property
    def dense(self) -> bool:
        """Whether it has so many columns, or so long texts, that a page sets it small."""
        long = any(len(cell.text) > LONG for row in self.rows for cell in row)
        return long or len(self.columns) > 7

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headers over columns, and how many columns each spans; none where no column has one."""
        if not any(column.group for column in self.columns):
            return []
        spans: list[tuple[str, int]] = []
        for group, some in groupby(enumerate(self.columns), lambda at: at[1].group or str(at[0])):
            heads = list(some)
            spans.append((group if heads[0][1].group else "", len(heads)))
        return spans


def reader(column: Column) -> Callable[[Any], Any]:
    """The function that reads a column off a row."""
    return along(column.of) if isinstance(column.of, str) else column.of


def form_of(column: Column, row: Any) -> Form:
    """What kind of figure a column holds of a row."""
    form: Form = column.form(row) if callable(column.form) else column.form
    return form


def values_of(table: Table, column: Column) -> list[Any]:
    """What a column holds of each row; what is no number at all is None."""
    read = reader(column)
    return [_known(read(row)) for row in table.rows]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summed(values: Iterable[Any]) -> float | None:
    """The sum of the figures among some values; None where there is none."""
    known = [float(v) for v in map(_plain, values) if v is not None]
    return math.fsum(known) if known else None


def _plain(value: Any) -> float | None:
    """The one figure of a value: of a range its upper end, of an estimate the estimate."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return None
    if hasattr(value, "low"):
        return None if value.high is None else float(value.high)
    if hasattr(value, "value"):
        return None if value.value is None else float(value.value)
    return float(value)


def grid(table: Table, medium: Media) -> Grid:
    """A table whose columns are those of a medium, as finished cells."""
    # Sums are taken of what is shown below them; a terminal that leaves rows out has none.
    cut = table.most if medium not in PAGE else None
    total = bool(table.total) and (cut is None or len(table.rows) <= cut)
    shown = Table(table.caption, table.rows[:cut], table.columns)
    heads: list[Head] = []
    columns: list[list[Cell]] = []
    by_row = any(callable(column.form) for column in table.columns)
    for some in _alike(table.columns, by_row):
        held = [values_of(shown, column) for column in some]
        if total:
            for column, values in zip(some, held, strict=True):
                first = column is table.columns[0]
                values.append(
                    table.total if first else summed(values) if column.total is True else Shown("")
                )
        rows = [*shown.rows, *([_TOTAL] if total else [])]
        for column, values in zip(some, held, strict=True):
            if total and column.whole is not None:
                values[-1] = _known(column.whole(shown.rows))
        places = [_places(some, held, n) for n in range(len(rows))] if by_row else None
        even = None if by_row else _places(some, held, None)
        for column, values in zip(some, held, strict=True):
            for head, finished in _finished(column, rows, values, places, even, medium):
                heads.append(head)
                columns.append(finished)
    return Grid(
        table.caption,
        heads,
        [list(row) for row in zip(*columns, strict=True)],
        table.name,
        table.note,
        total,
        table.headed,
    )


_TOTAL: Any = object()
"""Stands for the row of totals."""


def _alike(columns: Sequence[Column], by_row: bool) -> Iterator[list[Column]]:
    """Neighbouring columns that share their decimals."""
    if by_row:
        yield list(columns)
        return

    def word(at: tuple[int, Column]) -> str | int:
        return at[1].like or at[1].group or at[0]

    for _, some in groupby(enumerate(columns), word):
        yield [column for _, column in some]


def _places(some: Sequence[Column], held: Sequence[list[Any]], row: int | None) -> int:
    """Decimals of the figures of several columns, or of one row of them."""
    values = [v for of in held for v in (of if row is None else of[row : row + 1])]
    figures = [x for value in values for x in _ends(value)]
    errors = [e for value in values if (e := error(value)) > 0]
    whole = all(abs(x - round(x)) < NOISE for x in figures) and not errors
    places = 0 if whole else decimals(figures)
    return min(places, _sensible(min(errors))) if errors else places


def _ends(value: Any) -> list[float]:
    if hasattr(value, "low"):
        return [float(x) for x in (value.low, value.high) if x is not None]
    plain = _plain(value)
    return [] if plain is None or isinstance(value, Shown) else [plain]


def error(value: Any) -> float:
    """How far chance may have moved an estimate, to either side, in 95 of 100 samples; 0 where
    nothing was sampled."""
    deviation = getattr(value, "standard_error", None)
    return 0.0 if deviation is None else TWO_SIDED * float(deviation)


def _sensible(least: float) -> int:
    """Decimals to which an error is told: one digit, or two where the first is small."""
    lead = math.floor(math.log10(least))
    return max(0, (1 if least / 10.0**lead < SMALL_DIGIT else 0) - lead)


def _finished(
    column: Column,
    rows: Sequence[Any],
    values: Sequence[Any],
    places: Sequence[int] | None,
    even: int | None,
    medium: Media,
) -> Iterator[tuple[Head, list[Cell]]]:
    """The columns that one becomes in a medium."""
    ends = medium in PAGE and any(hasattr(v, "low") for v in values)
    kind: Literal["words", "figures"] = "words" if column.form == "text" else "figures"
    header = str(column.header)
    if ends:
        group = column.group or header
        for end, text in (("low", tr("At least")), ("high", tr("At most"))):
            under = f"{header}: {text}" if column.group else text
            one = [getattr(v, end) if hasattr(v, "low") else v for v in values]
            yield Head(under, kind, group), _texts(column, rows, one, places, even)
        return
    yield Head(header, kind, column.group), _texts(column, rows, values, places, even)


def _texts(
    column: Column,
    rows: Sequence[Any],
    values: Sequence[Any],
    places: Sequence[int] | None,
    even: int | None,
) -> list[Cell]:
    cells = []
    for n, (row, value) in enumerate(zip(rows, values, strict=True)):
        digits = column.places
        if digits is None:
            digits = even if places is None else places[n]
        is_total = row is _TOTAL
        form: Form = "number" if is_total and callable(column.form) else form_of(column, row)
        text = written(value, form, digits, column.empty)
        mark = column.mark(row) if column.mark is not None and not is_total else ""
        href = column.link(row) if column.link is not None and not is_total else ""
        cells.append(Cell(text, _plain(value), mark, href))
    return cells


def written(value: Any, form: Form, places: int | None, empty: str = NONE) -> str:
    """A value as text, in its form; a text is shown as it is."""
    if value is None:
        return empty
    if isinstance(value, Shown):
        return value.text
    if isinstance(value, str):
        # No-break spaces hold numbers together: a line must not end inside of one.
        return NO_BREAK.join(map(clean, value.split(NO_BREAK))) or empty
    if hasattr(value, "low"):
        return between(value, places)
    if hasattr(value, "standard_error"):
        spread = error(value)
        shown = number(value.value, places)
        return f"{shown} ± {number(spread, places)}" if spread > 0 else shown
    if form == "year":
        return f"{value:.0f}"
    if form == "mean_year":
        return number(value, None if round(value, 1) % 1 == 0 else 1).replace(NO_BREAK, "")
    if form == "share":
        return percent(value)
    if form == "gap":
        return small_percent(value)
    if form == "count":
        return number(value, 0)
    if form == "exact":
        return exact(value)
    if form == "ratio":
        return number(value, 2 if places is None else places)
    text = number(value, places)
    return f"+{text}" if form in SIGNED and value > NOISE and text[0] != "<" else text


def about(estimate: Any) -> str:
    """An estimate in a sentence: with what chance leaves open, and the digits that this allows."""
    return written(estimate, "estimate", _places([], [[estimate]], None))


def between(proven: Any, places: int | None = None) -> str:
    """What is proven of a figure: one number where both ends show alike; a dash for None."""
    if proven is None:
        return NONE
    low, high = proven.low, proven.high
    shown = number(low, places), number(high, places)
    if shown[0] == shown[1] or (high is not None and high - (low or 0) <= ALIKE * abs(high)):
        return shown[1]
    if low is None or low <= 0 < high:
        return shown[1] if high <= NOISE else tr("at most {high}", high=shown[1])
    return tr("{low} to {high}", low=shown[0], high=shown[1])


def along(path: str) -> Callable[[Any], Any]:
    """The function that follows a path of attributes, and of places in tuples; None where there is
    nothing on the way."""
    steps = [int(step) if step.isdecimal() else step for step in path.split(".")]

    def follow(row: Any) -> Any:
        for step in steps:
            if row is None:
                return None
            row = row[step] if isinstance(step, int) else getattr(row, step)
        return row

    return follow
