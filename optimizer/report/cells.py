"""Cells of a table as people read them: texts, with the figures behind them.

Columns of one group share their decimals; where rows are figures of different kinds, the cells of
a row do. A range is one cell in a terminal and two on a page.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple

from models.language import language, tr
from optimizer.report import figures as say
from optimizer.report.document import PAGE, Column, Form, Media, Shown, Table

TWO_SIDED = 1.959964
"""Standard errors to either side of an estimate that hold the true figure in 95 of 100 samples."""
SMALL_DIGIT = 3.55
"""An error whose first digits are less has two, or rounding would change it by a sixth."""
ALIKE = 5e-4
"""Ends of a range that differ by less of themselves are shown as one figure."""
LONG = 120
"""Characters of a cell beyond which a page sets its table small."""
_TOTAL: Any = object()
"""Stands for the row of totals."""


class Cell(NamedTuple):
    """What stands in a table: text, the figure behind it, a mark for styles, a link, and the
    language of the text where it is another one than that of the page."""

    text: str
    value: float | None = None
    mark: str = ""
    href: str = ""
    lang: str = ""


class Head(NamedTuple):
    """A column of finished cells: its header, what it holds, and the header over it."""

    header: str
    is_text: bool
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
        keys = [column.group or n for n, column in enumerate(self.columns)]
        spans = [(key, len(list(some))) for key, some in groupby(keys)]
        return [(key if isinstance(key, str) else "", span) for key, span in spans]


def form_of(column: Column, row: Any) -> Form:
    """What kind of figure a column holds of a row."""
    form: Form = column.form(row) if callable(column.form) else column.form
    return form


def values_of(table: Table, column: Column) -> list[Any]:
    """What a column holds of each row; what is no number at all is None."""
    read = along(column.of) if isinstance(column.of, str) else column.of
    return [_known(read(row)) for row in table.rows]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> float | None:
    """The one figure of a value: of a range its upper end, of an estimate the estimate."""
    if isinstance(value, bool | str) or value is None:
        return None
    value = getattr(value, "high" if hasattr(value, "low") else "value", value)
    return None if value is None else float(value)


def grid(table: Table, medium: Media) -> Grid:
    """A table whose columns are those of a medium, as finished cells."""
    # Sums are taken of what is shown below them; a terminal that leaves rows out has none.
    cut = table.most if medium not in PAGE else None
    total = bool(table.total) and (cut is None or len(table.rows) <= cut)
    some = Table("", table.rows[:cut], table.columns)
    held = [values_of(some, column) for column in table.columns]
    rows = [*some.rows, *([_TOTAL] if total else [])]
    for n, (column, values) in enumerate(zip(table.columns, held, strict=True)):
        if total and column.whole is not None:
            values.append(_known(column.whole(some.rows)))
        elif total and n and column.total is True:
            known = [x for x in map(_plain, values) if x is not None]
            values.append(math.fsum(known) if known else None)
        elif total:
            values.append(Shown("") if n else table.total)
    heads, columns = [], []
    places = _all_places(table.columns, held)
    for column, values, digits in zip(table.columns, held, places, strict=True):
        digits = digits if column.places is None else [column.places] * len(digits)
        for head, own in _ends(column, values, digits, medium):
            heads.append(head)
            columns.append(_texts(column, rows, own, digits))
    return Grid(table.caption, heads, [list(row) for row in zip(*columns, strict=True)],
                table.name, table.note, total, table.headed)  # fmt: skip


def _all_places(columns: Sequence[Column], held: Sequence[list[Any]]) -> list[list[int]]:
    """Decimals of each cell, by column: those of its row where rows are figures of different kinds,
    else those of neighbouring columns alike."""
    if any(callable(column.form) for column in columns):
        by_row = [_places(row) for row in zip(*held, strict=True)]
        return [by_row for _ in columns]
    found: list[list[int]] = []
    alike = [column.like or column.group or n for n, column in enumerate(columns)]
    for _, some in groupby(zip(alike, held, strict=True), lambda pair: pair[0]):
        values = [values for _, values in some]
        places = _places([value for column in values for value in column])
        found += [[places] * len(column) for column in values]
    return found


def _places(values: Iterable[Any]) -> int:
    """Decimals that some figures have in common."""
    values = [value for value in values if not isinstance(value, Shown)]
    ranges = [(v.low, v.high) if hasattr(v, "low") else (_plain(v),) for v in values]
    figures = [float(x) for ends in ranges for x in ends if x is not None]
    errors = [e for value in values if (e := error(value)) > 0]
    if not errors:
        return 0 if all(map(say.is_whole, figures)) else say.decimals(figures)
    # An error is told to one digit, or to two where the first is small.
    lead = math.floor(math.log10(min(errors)))
    sensible = (1 if min(errors) / 10.0**lead < SMALL_DIGIT else 0) - lead
    return min(say.decimals(figures), max(0, sensible))


def error(value: Any) -> float:
    """How far chance may have moved an estimate, to either side, in 95 of 100 samples; 0 where
    nothing was sampled."""
    deviation = getattr(value, "standard_error", None)
    return 0.0 if deviation is None else TWO_SIDED * float(deviation)


def _ends(
    column: Column, values: list[Any], places: Sequence[int], medium: Media
) -> Iterator[tuple[Head, list[Any]]]:
    """The columns that one becomes in a medium."""
    header, is_text = str(column.header), column.form == "text"
    if medium not in PAGE or not any(hasattr(value, "low") for value in values):
        yield Head(header, is_text, column.group), values
        return
    for end, text in (("low", tr("At least")), ("high", tr("At most"))):
        under = f"{header}: {text}" if column.group else text
        own = [_end(value, end, digits) for value, digits in zip(values, places, strict=True)]
        yield Head(under, is_text, column.group or header), own


def _end(value: Any, end: str, places: int) -> Any:
    """One end of a range, rounded outwards; what is no range as it is."""
    own = getattr(value, end) if hasattr(value, "low") else value
    if own is value or own is None or _alike(value):
        return own
    return say.outwards(own, places, up=end == "high")


def _texts(
    column: Column, rows: Sequence[Any], values: Sequence[Any], places: Sequence[int]
) -> list[Cell]:
    cells = []
    for row, value, digits in zip(rows, values, places, strict=True):
        form: Form = "number" if callable(column.form) else column.form
        mark = href = lang = ""
        if row is not _TOTAL:
            form = form_of(column, row)
            mark = column.mark(row) if column.mark is not None else ""
            href = column.link(row) if column.link is not None else ""
            lang = (column.lang(row) or "") if column.lang is not None else ""
        lang = "" if lang == language() else lang
        text = written(value, form, digits, column.empty)
        cells.append(Cell(text, _plain(value), mark, href, lang))
    return cells


def written(value: Any, form: Form, places: int | None, empty: str = say.NONE) -> str:
    """A value as text, in its form; a text is shown as it is."""
    if value is None:
        return empty
    if isinstance(value, Shown):
        return value.text
    if isinstance(value, str):
        return say.unbroken(value) or empty
    if hasattr(value, "low"):
        return between(value, places)
    if hasattr(value, "standard_error"):
        spread, text = error(value), say.number(value.value, places)
        return f"{text} ± {say.number(spread, places)}" if spread > 0 else text
    match form:
        case "year":
            return f"{value:.0f}"
        case "mean_year":
            text = say.number(value, None if round(value, 1) % 1 == 0 else 1)
            return text.replace(say.NO_BREAK, "")
        case "share":
            return say.percent(value)
        case "gap":
            return say.small_percent(value)
        case "count":
            return say.number(value, 0)
        case "exact":
            return say.exact(value)
        case "ratio":
            return say.number(value, 2 if places is None else places)
    text = say.number(value, places)
    signed = form in ("signed", "signed_outcome") and value > say.NOISE and text[0] != "<"
    return f"+{text}" if signed else text


def about(estimate: Any) -> str:
    """An estimate in a sentence: with what chance leaves open, and the digits that this allows."""
    return written(estimate, "estimate", _places([estimate]))


def between(proven: Any, places: int | None = None) -> str:
    """What is proven of a figure, rounded outwards: one number where both ends are alike; a dash
    for None."""
    if proven is None:
        return say.NONE
    if _alike(proven):
        return say.number(proven.high, places)
    places = _places([proven]) if places is None else places
    low, high = (_end(proven, end, places) for end in ("low", "high"))
    shown = say.number(low, places), say.number(high, places)
    if high is None:
        return tr("at least {low}", low=shown[0])
    if low is None or low <= 0 < high:
        return tr("at most {high}", high=shown[1])
    return shown[1] if low == high else tr("{low} to {high}", low=shown[0], high=shown[1])


def _alike(proven: Any) -> bool:
    """Whether both ends of a range are known and differ by next to nothing."""
    low, high = proven.low or 0.0, proven.high
    return high is not None and high - low <= max(ALIKE * abs(high), say.NOISE)


def along(path: str) -> Callable[[Any], Any]:
    """The function that follows a path of attributes, and of places in tuples; None where there is
    nothing on the way."""
    steps = [int(step) if step.isdecimal() else step for step in path.split(".")]

    def step(at: Any, step: int | str) -> Any:
        if at is None:
            return None
        return at[step] if isinstance(step, int) else getattr(at, step)

    return lambda row: reduce(step, steps, row)
