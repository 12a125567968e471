"""Grids with options across, and cells of figures for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from models.results import Comparison
from optimizer.report.figures import NOISE, NONE, clean, column, number, percent
from optimizer.report.sections import Grid, Kind

TELLING = frozenset({"expected_loss"})
"""Figures that say something even where they are not known for any option."""
BREAK = 10
"""Characters after which a label that heads a column is broken."""


def records_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame."""
    records: list[dict[str, Any]] = frame.to_dict("records")
    return records


def heading(label: str) -> str:
    """A label as the heading of a column: broken where it can be, or at last where it must."""
    parts, line = [], ""
    for piece in _pieces(clean(label)):
        if line and len(line) + len(piece) > BREAK:
            parts.append(line)
            line = ""
        line += piece
    return " ".join([*parts, line])


def _pieces(label: str) -> Iterator[str]:
    piece = ""
    for letter in label:
        piece += letter
        if letter in "_-. " or len(piece) == BREAK:
            yield piece
            piece = ""
    if piece:
        yield piece


def across(
    labels: Sequence[str], leading: Mapping[str, Sequence[str]], rows: Sequence[Sequence[str]]
) -> Grid:
    """A grid with options across behind the columns of words that lead."""
    columns: dict[str, Kind] = dict.fromkeys(leading, "words")
    for label in labels:
        header = heading(label)
        while header in columns:
            header += " "
        columns[header] = "figures"
    lead = list(zip(*leading.values(), strict=True))
    return Grid(columns, [[*first, *cells] for first, cells in zip(lead, rows, strict=True)])


def labels_of(comparison: Comparison) -> list[str]:
    """The labels of all options."""
    return [option.label for option in comparison.options]


def figures(
    comparison: Comparison,
    records: Sequence[Mapping[str, Any]],
    words: Mapping[str, tuple[str, Callable[[Sequence[Any]], list[str]]]],
) -> Grid:
    """Figures down, options across; a row without any figure is left out."""
    labels = labels_of(comparison)
    names, rows = [], []
    for record in records:
        values = [record[label] for label in labels]
        unknown = all(value is None for value in values)
        if record["figure"] not in words or (unknown and record["figure"] not in TELLING):
            continue
        name, cells = words[record["figure"]]
        names.append(name)
        rows.append(cells(values))
    return across(labels, {"": names}, rows)


def percents(values: Sequence[Any]) -> list[str]:
    """Shares of one."""
    return [percent(value) for value in values]


def whole(values: Sequence[Any]) -> list[str]:
    """Figures without decimals."""
    return [number(value, 0) for value in values]


def ratios(values: Sequence[Any]) -> list[str]:
    """Figures with two decimals."""
    return [number(value, 2) for value in values]


def years(values: Sequence[Any]) -> list[str]:
    """Years with a part of one, without spaces between their digits."""
    return [NONE if value is None else _year(value) for value in values]


def _year(value: float) -> str:
    whole_year, tenth = divmod(round(10 * value), 10)
    return f"{whole_year}{number(tenth / 10, 1)[1:]}" if tenth else str(whole_year)


def signed_rows(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    """Differences with their sign, all columns with the decimals of the largest."""
    flat = column([value for row in rows for value in row])
    marked = iter(
        f"+{cell}" if value > NOISE and cell[0] != "<" else cell
        for cell, value in zip(flat, (v for row in rows for v in row), strict=True)
    )
    return [[next(marked) for _ in row] for row in rows]
