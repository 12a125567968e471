"""Formatting of table cells: each cell has its text and the figure behind the text.

Columns of one group share their number of decimals. If a table sets the kind of figure by row, the
cells of a row share it instead. A range takes one cell in a terminal and two on a page.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple

from models.language import current_language, tr
from optimizer.report import number_format as formats
from optimizer.report.document import PAGE, Column, DisplayedValue, Media, Table, ValueForm

Z_95 = 1.959964
"""Half width of a 95 % confidence interval, in standard errors."""
TWO_DIGIT_LIMIT = 3.55
"""An error whose digits begin with a smaller number is shown with two digits, since rounding to one
would change it by up to a sixth."""
SAME_VALUE_TOLERANCE = 5e-4
"""Ends of a range with a smaller relative difference are shown as one figure."""
LONG_TEXT_LETTERS = 120
"""Characters of a cell above which a page sets its table in small type."""
_TOTAL_ROW: Any = object()
"""Marks the row of totals."""


class Cell(NamedTuple):
    """A formatted cell: text, figure, CSS class, link, and language of the text.

    The language is empty if it is the language of the page.
    """

    text: str
    value: float | None = None
    css_class: str = ""
    href: str = ""
    lang: str = ""


class ColumnHead(NamedTuple):
    """Head of a column: header, whether the column holds texts, and the group header above it."""

    header: str
    is_text: bool
    group: str = ""


@dataclass(frozen=True)
class Grid:
    """A table of formatted cells, row by row; with ``has_total``, the last row holds the totals."""

    caption: str
    columns: Sequence[ColumnHead]
    rows: Sequence[Sequence[Cell]]
    name: str = ""
    note: str = ""
    has_total: bool = False
    has_header: bool = True

    @property
    def is_dense(self) -> bool:
        """Whether it has so many columns or so long texts that a page sets it in small type."""
        has_long_text = any(len(cell.text) > LONG_TEXT_LETTERS for row in self.rows for cell in row)
        return has_long_text or len(self.columns) > 7

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Group headers and the number of columns that each spans; empty if no column has one."""
        if not any(column.group for column in self.columns):
            return []
        keys = [column.group or n for n, column in enumerate(self.columns)]
        spans = [(key, len(list(members))) for key, members in groupby(keys)]
        return [(key if isinstance(key, str) else "", span) for key, span in spans]


def value_form(column: Column, row: Any) -> ValueForm:
    """Return the kind of figure (``ValueForm``) that a column shows in a row."""
    form: ValueForm = column.form(row) if callable(column.form) else column.form
    return form


def column_values(table: Table, column: Column) -> list[Any]:
    """Return the values of a column, one for each row; numbers that are not finite become None."""
    getter = attribute_getter(column.value) if isinstance(column.value, str) else column.value
    return [_finite_or_none(getter(row)) for row in table.rows]


def _finite_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _single_figure(value: Any) -> float | None:
    """Return one number for a value: the upper end of a range, the central value of an estimate.

    Texts, booleans and None give None.
    """
    if isinstance(value, bool | str) or value is None:
        return None
    value = getattr(value, "high" if hasattr(value, "low") else "value", value)
    return None if value is None else float(value)


def build_grid(table: Table, medium: Media) -> Grid:
    """Return a table as formatted cells for one medium.

    The columns of ``table`` must be restricted to that medium already.
    """
    # Totals are of the rows shown; a terminal that leaves rows out has no totals.
    max_rows = table.max_terminal_rows if medium not in PAGE else None
    has_total = bool(table.total_label) and (max_rows is None or len(table.rows) <= max_rows)
    shown_table = Table("", table.rows[:max_rows], table.columns)
    values_by_column = [column_values(shown_table, column) for column in table.columns]
    rows = [*shown_table.rows, *([_TOTAL_ROW] if has_total else [])]
    for n, (column, values) in enumerate(zip(table.columns, values_by_column, strict=True)):
        if has_total and column.text_total is not None:
            values.append(_finite_or_none(column.text_total(shown_table.rows)))
        elif has_total and n and column.total is True:
            figures = [x for x in map(_single_figure, values) if x is not None]
            values.append(math.fsum(figures) if figures else None)
        elif has_total:
            values.append(DisplayedValue("") if n else table.total_label)
    heads, columns = [], []
    decimals_by_column = _decimals_by_column(table.columns, values_by_column)
    for column, values, digits in zip(
        table.columns, values_by_column, decimals_by_column, strict=True
    ):
        digits = digits if column.decimals is None else [column.decimals] * len(digits)
        for head, head_values in _split_range(column, values, digits, medium):
            heads.append(head)
            columns.append(_text_cells(column, rows, head_values, digits))
    return Grid(table.caption, heads, [list(row) for row in zip(*columns, strict=True)],
                table.name, table.note, has_total, table.has_header)  # fmt: skip


def _decimals_by_column(
    columns: Sequence[Column], values_by_column: Sequence[list[Any]]
) -> list[list[int]]:
    """Return the number of decimals of each cell, as a list for each column.

    If the kind of figure depends on the row, all cells of a row share their decimals; otherwise
    neighboring columns of one group do.
    """
    if any(callable(column.form) for column in columns):
        by_row = [_shared_decimals(row) for row in zip(*values_by_column, strict=True)]
        return [by_row for _ in columns]
    decimals: list[list[int]] = []
    group_keys = [column.decimals_group or column.group or n for n, column in enumerate(columns)]
    for _, group in groupby(zip(group_keys, values_by_column, strict=True), lambda pair: pair[0]):
        values = [values for _, values in group]
        decimal_count = _shared_decimals([value for column in values for value in column])
        decimals += [[decimal_count] * len(column) for column in values]
    return decimals


def _shared_decimals(values: Iterable[Any]) -> int:
    """Return the common number of decimals of figures: what the largest needs, but no more than the
    smallest sampling error allows."""
    values = [value for value in values if not isinstance(value, DisplayedValue)]
    ranges = [(v.low, v.high) if hasattr(v, "low") else (_single_figure(v),) for v in values]
    figures = [float(x) for ends in ranges for x in ends if x is not None]
    errors = [error for value in values if (error := half_width_95(value)) > 0]
    if not errors:
        return 0 if all(map(formats.is_whole, figures)) else formats.decimals_needed(figures)
    # An error is shown with one digit, or with two where the first is small.
    exponent = math.floor(math.log10(min(errors)))
    error_decimals = (1 if min(errors) / 10.0**exponent < TWO_DIGIT_LIMIT else 0) - exponent
    return min(formats.decimals_needed(figures), max(0, error_decimals))


def half_width_95(value: Any) -> float:
    """Return the half width of the 95 % confidence interval of an estimate; 0 for other values."""
    deviation = getattr(value, "standard_error", None)
    return 0.0 if deviation is None else Z_95 * float(deviation)


def _split_range(
    column: Column, values: list[Any], digits_by_row: Sequence[int], medium: Media
) -> Iterator[tuple[ColumnHead, list[Any]]]:
    """Yield the columns, with their values, that show one column in a medium.

    On a page, a column of ranges becomes two columns, one for each end.
    """
    header, is_text = str(column.header), column.form == "text"
    if medium not in PAGE or not any(hasattr(value, "low") for value in values):
        yield ColumnHead(header, is_text, column.group), values
        return
    for end, text in (("low", tr("At least")), ("high", tr("At most"))):
        end_header = f"{header}: {text}" if column.group else text
        end_values = [
            _range_end(value, end, digits)
            for value, digits in zip(values, digits_by_row, strict=True)
        ]
        yield ColumnHead(end_header, is_text, column.group or header), end_values


def _range_end(value: Any, end: str, digits: int) -> Any:
    """Return one end of a range, rounded outwards to ``digits`` decimals.

    Other values are returned unchanged.
    """
    end_value = getattr(value, end) if hasattr(value, "low") else value
    if end_value is value or end_value is None or _is_single_value(value):
        return end_value
    return formats.round_outwards(end_value, digits, up=end == "high")


def _text_cells(
    column: Column, rows: Sequence[Any], values: Sequence[Any], digits_by_row: Sequence[int]
) -> list[Cell]:
    cells = []
    for row, value, digits in zip(rows, values, digits_by_row, strict=True):
        form: ValueForm = "number" if callable(column.form) else column.form
        css_class = href = lang = ""
        if row is not _TOTAL_ROW:
            form = value_form(column, row)
            css_class = column.css_class(row) if column.css_class is not None else ""
            href = column.link(row) if column.link is not None else ""
            lang = (column.lang(row) or "") if column.lang is not None else ""
        lang = "" if lang == current_language() else lang
        text = format_value(value, form, digits, column.empty_text)
        cells.append(Cell(text, _single_figure(value), css_class, href, lang))
    return cells


def format_value(
    value: Any, form: ValueForm, digits: int | None, empty_text: str = formats.NO_VALUE
) -> str:
    """Return a value as text, formatted by its kind ``form``; texts are only cleaned.

    None and empty texts give ``empty_text``.
    """
    if value is None:
        return empty_text
    if isinstance(value, DisplayedValue):
        return value.text
    if isinstance(value, str):
        return formats.sanitize_keep_nbsp(value) or empty_text
    if hasattr(value, "low"):
        return format_range(value, digits)
    if hasattr(value, "standard_error"):
        half_width, text = half_width_95(value), formats.format_number(value.value, digits)
        return f"{text} ± {formats.format_number(half_width, digits)}" if half_width > 0 else text
    match form:
        case "year":
            return f"{value:.0f}"
        case "mean_year":
            text = formats.format_number(value, None if round(value, 1) % 1 == 0 else 1)
            return text.replace(formats.NO_BREAK_SPACE, "")
        case "share":
            return formats.format_percent(value)
        case "gap":
            return formats.format_small_percent(value)
        case "count":
            return formats.format_number(value, 0)
        case "exact":
            return formats.format_exact(value)
        case "ratio":
            return formats.format_number(value, 2 if digits is None else digits)
    text = formats.format_number(value, digits)
    shows_plus = (
        form in ("signed", "signed_outcome") and value > formats.ZERO_TOLERANCE and text[0] != "<"
    )
    return f"+{text}" if shows_plus else text


def format_estimate(estimate: Any) -> str:
    """Return an estimate as text with its sampling error, rounded to the digits that the error
    allows."""
    return format_value(estimate, "estimate", _shared_decimals([estimate]))


def format_range(bounds: Any, digits: int | None = None) -> str:
    """Return a proven range as text, rounded outwards.

    If the ends are equal the text is one number; if only one is known, "at least" or "at most"; for
    None it is a dash.
    """
    if bounds is None:
        return formats.NO_VALUE
    if _is_single_value(bounds):
        return formats.format_number(bounds.high, digits)
    digits = _shared_decimals([bounds]) if digits is None else digits
    low_text, high_text = (_range_end(bounds, end, digits) for end in ("low", "high"))
    texts = formats.format_number(low_text, digits), formats.format_number(high_text, digits)
    if high_text is None:
        return tr("at least {low}", low=texts[0])
    if low_text is None or low_text <= 0 < high_text:
        return tr("at most {high}", high=texts[1])
    return texts[1] if low_text == high_text else tr("{low} to {high}", low=texts[0], high=texts[1])


def _is_single_value(bounds: Any) -> bool:
    """Return whether the ends of a range are equal within a tolerance."""
    low, high = bounds.low or 0.0, bounds.high
    return high is not None and high - low <= max(
        SAME_VALUE_TOLERANCE * abs(high), formats.ZERO_TOLERANCE
    )


def attribute_getter(path: str) -> Callable[[Any], Any]:
    """Return a function that reads a path of attributes and tuple indexes from an object.

    The function returns None as soon as a step of the path gives None.
    """
    steps = [int(step) if step.isdecimal() else step for step in path.split(".")]

    def follow(value: Any, step: int | str) -> Any:
        if value is None:
            return None
        return value[step] if isinstance(step, int) else getattr(value, step)

    return lambda row: reduce(follow, steps, row)
