"""The tables of a document as pandas data frames, and long tables as frames, datasets and files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from models.language import mark_translatable, tr
from models.spelling import unknown_name_hint
from optimizer.errors import Misuse, UnknownName
from optimizer.report import cells
from optimizer.report.document import SHEET, Document, Table
from optimizer.report.figure_columns import (
    FigureColumn,
    figure_columns,
    header_with_unit,
    unique_name,
)

FORM_UNITS = {
    **dict.fromkeys(("share", "gap", "ratio", "count"), "1"),
    **dict.fromkeys(("year", "mean_year"), mark_translatable("year")),
}
"""Units of figures that have the same one in all results, by form."""
STATED_UNITS = (
    mark_translatable("t"),
    mark_translatable("t a year"),
    mark_translatable("days"),
    mark_translatable("years"),
)
"""Units that headers and texts of rows state."""


class DataFrames(Mapping[str, "pd.DataFrame"]):
    """The tables of a document's workbook as pandas frames by name, each built on request.

    A range has two columns, and an estimate one more for its error. Names of columns of money,
    damage or tonnes have their unit; shares are fractions of one. Totals are left out. ``attrs`` of
    a frame hold its ``caption`` and its ``note``.
    """

    def __init__(self, document: Document) -> None:
        self._units = document.units
        self._tables: dict[str, Table] = {}
        for section in document.sections_for(SHEET):
            for part in section.parts:
                if isinstance(part, Table) and part.rows:
                    self._tables[unique_name(part.name or section.id, self._tables, "-")] = part

    def __getitem__(self, name: str) -> pd.DataFrame:
        # Imported on request, as the import of pandas is slow.
        import pandas as pd

        if name not in self._tables:
            hint = unknown_name_hint(str(name), self._tables)
            raise UnknownName(tr("there is no table '{name}'; {hint}", name=name, hint=hint))
        table = self._tables[name]
        columns: dict[str, list[Any]] = {}
        for position, column in enumerate(figure_columns(table)):
            content = _column_content(table, column)
            # x == x is false for NaN.
            if column.header != "" or any(x is not None and x == x for x in content):
                header = header_with_unit(column, position, self._units)
                columns[unique_name(header, columns, " ")] = content
        frame = pd.DataFrame(columns)
        frame.attrs |= {"caption": table.caption, "note": table.note}
        return frame

    def long(self, name: str) -> pd.DataFrame:
        """Return a table in long form: one row for each figure.

        Columns of texts identify the row. ``figure`` is the header of the figure's column without
        its unit; where columns are years, it is the caption or name of the table.
        ``unit`` is the unit of ``value``: "1" for shares and counts, and empty if neither the table
        nor a text in the row states it. Cells without a figure are left out. Raise UnknownName if
        there is no such table.
        """
        import pandas as pd

        frame = self[name]
        table, year_header = self._tables[name], tr("Year")
        texts: dict[str, list[Any]] = {}
        figures: list[tuple[FigureColumn, str, list[Any]]] = []
        years: list[Any] | None = None
        for position, column in enumerate(figure_columns(table)):
            content = _column_content(table, column)
            if str(column.header) == year_header:
                years = content
            elif any(isinstance(value, str) for value in content) or column.column.form == "text":
                if str(column.header) and any(value is not None for value in content):
                    header = header_with_unit(column, position, {})
                    texts[unique_name(header, texts, " ")] = content
            else:
                figures.append((column, header_with_unit(column, position, {}), content))
        rows: list[dict[str, Any]] = []
        for index, row in enumerate(table.rows):
            fixed = {header: content[index] for header, content in texts.items()}
            for figure_column, header, content in figures:
                value = content[index]
                if value is None or value != value:  # NaN
                    continue
                form = cells.value_form(figure_column.column, row)
                in_row = filter(None, map(self._stated_unit, filter(None, fixed.values())))
                own_unit = figure_column.column.unit
                unit = (
                    (own_unit(row) if callable(own_unit) else own_unit)
                    or self._stated_unit(header)
                    or self._units.get(form)
                    or next(in_row, "")
                    or tr(FORM_UNITS.get(form, ""))
                )
                figure = _without_unit(header, unit)
                year = None if years is None else years[index]
                if re.fullmatch(r"\d{4}", figure):
                    year, figure = figure, table.caption or name
                labels = {"figure": figure, "year": None if year is None else int(year)}
                rows.append({**fixed, **labels, "unit": unit, "value": float(value)})
        long = pd.DataFrame(rows, columns=[*texts, "figure", "year", "unit", "value"])
        long["year"] = long["year"].astype("Int64")
        long.attrs |= frame.attrs
        return long

    def _stated_unit(self, text: str) -> str:
        """Return the unit with which a header or a text ends, as in ``Bought, t``; empty if none
        is known."""
        units = {*self._units.values(), *map(tr, STATED_UNITS)}
        last_part = str(text).rpartition(", ")[2]
        return last_part if last_part in units else ""

    def __repr__(self) -> str:
        return f"<tables {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def _without_unit(header: str, unit: str) -> str:
    """Return a header without its unit at the end."""
    pattern = rf"[,:]?\s*\(?{re.escape(unit)}\)?$"
    return re.sub(pattern, "", header) or header if unit else header


def _column_content(table: Table, figure_column: FigureColumn) -> list[Any]:
    """Return the cells of a column: texts, or figures with NaN for empty cells."""
    column = figure_column.column
    content: list[Any] = []
    for row, value in zip(table.rows, figure_column.figures(table), strict=True):
        is_integer = cells.value_form(column, row) in ("count", "year")
        is_whole = isinstance(value, float) and value.is_integer()
        content.append(int(value or 0) if is_integer and is_whole else value)
    if column.form == "text" or any(isinstance(value, str) for value in content):
        return content
    return [math.nan if value is None else value for value in content]


MAX_CELLS = 50_000_000
"""Largest number of cells of a dataset, which is dense."""
HIDDEN = "position"
"""Column by which rows are sorted, and which is then dropped."""


class LongFrame(pd.DataFrame):
    """A frame with a row for each combination of its keys, which ``attrs["keys"]`` names."""

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame  # what is derived from it need not be long

    def to_xarray(self) -> Any:  # type: ignore[misc]  # declared final by the stubs only
        """Return the figures as an xarray dataset whose dimensions are the keys.

        Raise Misuse without xarray, or if the dataset would be too large.
        """
        if find_spec("xarray") is None:
            raise Misuse(tr("to_xarray needs xarray, which is not installed: pip install xarray"))
        keys = list(self.attrs["keys"])
        frame = pd.DataFrame(self)
        if math.prod(frame[key].nunique() for key in keys) > MAX_CELLS:
            raise Misuse(
                tr("the dataset would have too many cells; name fewer columns, such as {example}",
                   example=f"by={keys[:2]}")
            )  # fmt: skip
        dataset = frame.set_index(keys).to_xarray()
        if "probability" in dataset:
            probability = frame.drop_duplicates("state").set_index("state")["probability"]
            dataset = dataset.drop_vars("probability").assign_coords(
                probability=("state", probability.loc[dataset["state"].values].to_numpy())
            )
        dataset.attrs |= {name: value for name, value in self.attrs.items() if name != "keys"}
        return dataset


def join_rows(
    blocks: Sequence[Mapping[str, Any]], keys: Sequence[str], attributes: Mapping[str, Any]
) -> LongFrame:
    """Return a frame of blocks of columns, each an array or a value that is equal in all rows.

    Rows with equal ``keys`` are added up. Rows are in the order of the states.
    """
    with_state = "state" in keys
    leading = [*keys[:1], "probability", *keys[1:]] if with_state else [*keys]
    figures = dict.fromkeys(
        name for block in blocks for name in block if name not in (*leading, HIDDEN)
    )
    names = [*leading, *figures, *([HIDDEN] if with_state else [])]
    sizes = [
        max((len(x) for x in block.values() if isinstance(x, np.ndarray)), default=1)
        for block in blocks
    ]
    columns = {}
    for name in names:
        parts = [
            value if isinstance(value := block[name], np.ndarray) else np.full(size, value, object)
            for block, size in zip(blocks, sizes, strict=True)
        ]
        columns[name] = np.concatenate(parts) if parts else np.zeros(0)
    frame = pd.DataFrame(columns)
    groups = [*leading, *([HIDDEN] if with_state else [])]
    if not keys:
        frame = frame.sum().to_frame().T
    elif frame.duplicated([HIDDEN if key == "state" else key for key in keys]).any():
        frame = frame.groupby(groups, sort=False, as_index=False).sum()
    if with_state:
        frame = frame.sort_values(HIDDEN, kind="stable").drop(columns=HIDDEN)
    result = LongFrame(frame.reset_index(drop=True))
    result.attrs |= {**attributes, "keys": tuple(keys)}
    return result


def render_frame(frame: pd.DataFrame, suffix: str) -> bytes:
    """Return a frame as the content of a file: Parquet for ``.parquet``, else CSV.

    Raise Misuse without pyarrow.
    """
    if suffix != ".parquet":
        return frame.to_csv(index=False, lineterminator="\n").encode()
    if find_spec("pyarrow") is None:
        raise Misuse(
            tr(
                "Parquet files need pyarrow, which is not installed: pip install {package}",
                package="'vorrat[data]'",
            )
        )
    stream = io.BytesIO()
    pd.DataFrame(frame).to_parquet(stream, index=False)
    return stream.getvalue()
