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

from models.language import current_language, tr
from optimizer.report import number_format as say
from optimizer.report.document import PAGE, Column, DisplayedValue, Media, Table, ValueForm

Z_95 = 1.959964
"""Standard errors to either side of an estimate that hold the true figure in 95 of 100 samples."""
TWO_DIGIT_LIMIT = 3.55
"""An error whose first digits are less has two, or rounding would change it by a sixth."""
SAME_VALUE_TOLERANCE = 5e-4
"""Ends of a range that differ by less of themselves are shown as one figure."""
LONG_TEXT_LETTERS = 120
"""Characters of a cell beyond which a page sets its table small."""
_TOTAL_ROW: Any = object()
"""Stands for the row of totals."""


class Cell(NamedTuple):
    """What stands in a table: text, the figure behind it, a mark for styles, a link, and the
    language of the text where it is another one than that of the page."""

    text: str
    value: float | None = None
    css_class: str = ""
    href: str = ""
    lang: str = ""


class ColumnHead(NamedTuple):
    """A column of finished cells: its header, what it holds, and the header over it."""

    header: str
    is_text: bool
    group: str = ""


@dataclass(frozen=True)
class Grid:
    """A table of finished cells; ``rows`` lie across, a row of totals last."""

    caption: str
    columns: Sequence[ColumnHead]
    rows: Sequence[Sequence[Cell]]
    name: str = ""
    note: str = ""
    total: bool = False
    has_header: bool = True

    @property
    def dense(self) -> bool:
        """Whether it has so many columns, or so long texts, that a page sets it small."""
        long = any(len(cell.text) > LONG_TEXT_LETTERS for row in self.rows for cell in row)
        return long or len(self.columns) > 7

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headers over columns, and how many columns each spans; none where no column has one."""
        if not any(column.group for column in self.columns):
            return []
        keys = [column.group or n for n, column in enumerate(self.columns)]
        spans = [(key, len(list(some))) for key, some in groupby(keys)]
        return [(key if isinstance(key, str) else "", span) for key, span in spans]


def value_form(column: Column, row: Any) -> ValueForm:
    """What kind of figure a column holds of a row."""
    form: ValueForm = column.form(row) if callable(column.form) else column.form
    return form


def column_values(table: Table, column: Column) -> list[Any]:
    """What a column holds of each row; what is no number at all is None."""
    read = attribute_getter(column.value) if isinstance(column.value, str) else column.value
    return [_finite_or_none(read(row)) for row in table.rows]


def _finite_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _single_figure(value: Any) -> float | None:
    """The one figure of a value: of a range its upper end, of an estimate the estimate."""
    if isinstance(value, bool | str) or value is None:
        return None
    value = getattr(value, "high" if hasattr(value, "low") else "value", value)
    return None if value is None else float(value)


def build_grid(table: Table, medium: Media) -> Grid:
    """A table whose columns are those of a medium, as finished cells."""
    # Sums are taken of what is shown below them; a terminal that leaves rows out has none.
    cut = table.max_terminal_rows if medium not in PAGE else None
    total = bool(table.total_label) and (cut is None or len(table.rows) <= cut)
    some = Table("", table.rows[:cut], table.columns)
    held = [column_values(some, column) for column in table.columns]
    rows = [*some.rows, *([_TOTAL_ROW] if total else [])]
    for n, (column, values) in enumerate(zip(table.columns, held, strict=True)):
        if total and column.text_total is not None:
            values.append(_finite_or_none(column.text_total(some.rows)))
        elif total and n and column.total is True:
            known = [x for x in map(_single_figure, values) if x is not None]
            values.append(math.fsum(known) if known else None)
        elif total:
            values.append(DisplayedValue("") if n else table.total_label)
    heads, columns = [], []
    places = _decimals_by_column(table.columns, held)
    for column, values, digits in zip(table.columns, held, places, strict=True):
        digits = digits if column.decimals is None else [column.decimals] * len(digits)
        for head, own in _split_range(column, values, digits, medium):
            heads.append(head)
            columns.append(_text_cells(column, rows, own, digits))
    return Grid(table.caption, heads, [list(row) for row in zip(*columns, strict=True)],
                table.name, table.note, total, table.has_header)  # fmt: skip


def _decimals_by_column(
    columns: Sequence[Column], values_by_column: Sequence[list[Any]]
) -> list[list[int]]:
    """Decimals of each cell, by column: those of its row where rows are figures of different kinds,
    else those of neighbouring columns alike."""
    if any(callable(column.form) for column in columns):
        by_row = [_shared_decimals(row) for row in zip(*values_by_column, strict=True)]
        return [by_row for _ in columns]
    found: list[list[int]] = []
    alike = [column.decimals_group or column.group or n for n, column in enumerate(columns)]
    for _, some in groupby(zip(alike, values_by_column, strict=True), lambda pair: pair[0]):
        values = [values for _, values in some]
        places = _shared_decimals([value for column in values for value in column])
        found += [[places] * len(column) for column in values]
    return found


def _shared_decimals(values: Iterable[Any]) -> int:
    """Decimals that some figures have in common."""
    values = [value for value in values if not isinstance(value, DisplayedValue)]
    ranges = [(v.low, v.high) if hasattr(v, "low") else (_single_figure(v),) for v in values]
    figures = [float(x) for ends in ranges for x in ends if x is not None]
    errors = [e for value in values if (e := half_width_95(value)) > 0]
    if not errors:
        return 0 if all(map(say.is_whole, figures)) else say.decimals_needed(figures)
    # An error is told to one digit, or to two where the first is small.
    lead = math.floor(math.log10(min(errors)))
    sensible = (1 if min(errors) / 10.0**lead < TWO_DIGIT_LIMIT else 0) - lead
    return min(say.decimals_needed(figures), max(0, sensible))


def half_width_95(value: Any) -> float:
    """How far chance may have moved an estimate, to either side, in 95 of 100 samples; 0 where
    nothing was sampled."""
    deviation = getattr(value, "standard_error", None)
    return 0.0 if deviation is None else Z_95 * float(deviation)


def _split_range(
    column: Column, values: list[Any], digits_by_row: Sequence[int], medium: Media
) -> Iterator[tuple[ColumnHead, list[Any]]]:
    """The columns that one becomes in a medium."""
    header, is_text = str(column.header), column.form == "text"
    if medium not in PAGE or not any(hasattr(value, "low") for value in values):
        yield ColumnHead(header, is_text, column.group), values
        return
    for end, text in (("low", tr("At least")), ("high", tr("At most"))):
        under = f"{header}: {text}" if column.group else text
        own = [
            _range_end(value, end, digits)
            for value, digits in zip(values, digits_by_row, strict=True)
        ]
        yield ColumnHead(under, is_text, column.group or header), own


def _range_end(value: Any, end: str, digits: int) -> Any:
    """One end of a range, rounded outwards; what is no range as it is."""
    own = getattr(value, end) if hasattr(value, "low") else value
    if own is value or own is None or _is_single_value(value):
        return own
    return say.round_outwards(own, digits, up=end == "high")


def _text_cells(
    column: Column, rows: Sequence[Any], values: Sequence[Any], digits_by_row: Sequence[int]
) -> list[Cell]:
    cells = []
    for row, value, digits in zip(rows, values, digits_by_row, strict=True):
        form: ValueForm = "number" if callable(column.form) else column.form
        mark = href = lang = ""
        if row is not _TOTAL_ROW:
            form = value_form(column, row)
            mark = column.css_class(row) if column.css_class is not None else ""
            href = column.link(row) if column.link is not None else ""
            lang = (column.lang(row) or "") if column.lang is not None else ""
        lang = "" if lang == current_language() else lang
        text = format_value(value, form, digits, column.empty_text)
        cells.append(Cell(text, _single_figure(value), mark, href, lang))
    return cells


def format_value(
    value: Any, form: ValueForm, digits: int | None, empty_text: str = say.NO_VALUE
) -> str:
    """A value as text, in its form; a text is shown as it is."""
    if value is None:
        return empty_text
    if isinstance(value, DisplayedValue):
        return value.text
    if isinstance(value, str):
        return say.sanitize_keep_nbsp(value) or empty_text
    if hasattr(value, "low"):
        return format_range(value, digits)
    if hasattr(value, "standard_error"):
        spread, text = half_width_95(value), say.format_number(value.value, digits)
        return f"{text} ± {say.format_number(spread, digits)}" if spread > 0 else text
    match form:
        case "year":
            return f"{value:.0f}"
        case "mean_year":
            text = say.format_number(value, None if round(value, 1) % 1 == 0 else 1)
            return text.replace(say.NO_BREAK_SPACE, "")
        case "share":
            return say.format_percent(value)
        case "gap":
            return say.format_small_percent(value)
        case "count":
            return say.format_number(value, 0)
        case "exact":
            return say.format_exact(value)
        case "ratio":
            return say.format_number(value, 2 if digits is None else digits)
    text = say.format_number(value, digits)
    signed = form in ("signed", "signed_outcome") and value > say.ZERO_TOLERANCE and text[0] != "<"
    return f"+{text}" if signed else text


def format_estimate(estimate: Any) -> str:
    """An estimate in a sentence: with what chance leaves open, and the digits that this allows."""
    return format_value(estimate, "estimate", _shared_decimals([estimate]))


def format_range(bounds: Any, digits: int | None = None) -> str:
    """What is proven of a figure, rounded outwards: one number where both ends are alike; a dash
    for None."""
    if bounds is None:
        return say.NO_VALUE
    if _is_single_value(bounds):
        return say.format_number(bounds.high, digits)
    digits = _shared_decimals([bounds]) if digits is None else digits
    low, high = (_range_end(bounds, end, digits) for end in ("low", "high"))
    shown = say.format_number(low, digits), say.format_number(high, digits)
    if high is None:
        return tr("at least {low}", low=shown[0])
    if low is None or low <= 0 < high:
        return tr("at most {high}", high=shown[1])
    return shown[1] if low == high else tr("{low} to {high}", low=shown[0], high=shown[1])


def _is_single_value(bounds: Any) -> bool:
    """Whether both ends of a range are known and differ by next to nothing."""
    low, high = bounds.low or 0.0, bounds.high
    return high is not None and high - low <= max(
        SAME_VALUE_TOLERANCE * abs(high), say.ZERO_TOLERANCE
    )


def attribute_getter(path: str) -> Callable[[Any], Any]:
    """The function that follows a path of attributes, and of places in tuples; None where there is
    nothing on the way."""
    steps = [int(step) if step.isdecimal() else step for step in path.split(".")]

    def step(at: Any, step: int | str) -> Any:
        if at is None:
            return None
        return at[step] if isinstance(step, int) else getattr(at, step)

    return lambda row: reduce(step, steps, row)
