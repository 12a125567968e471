"""Reading of Parquet files, for which pyarrow is needed, and of tables given by their columns."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from models.faults import SourceLocation
from models.files.decoding import MAX_CELLS, count_toward_limits, fatal_error, find_unprintable
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, Sheet

Column = tuple[str, list[Any]]
"""Name and values of a column."""


def read_parquet(raw: bytes, file: str, location: SourceLocation) -> Sheet:
    """Return the columns and the non-empty rows of a Parquet file.

    Locations count lines as if the file were a CSV file: the names of the columns are line 1, and
    columns are counted, not characters. ``location`` is the place that names the file. Raises
    ScenarioError if the file is no Parquet file or exceeds the limits, or if pyarrow is missing.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        message = "a Parquet file needs pyarrow"
        hint = "pip install '{extra}', or save the table as .csv".format(extra="vorrat[data]")
        raise fatal_error(location, message, hint) from None
    try:
        parquet_file = pq.ParquetFile(pa.BufferReader(raw))
        metadata = parquet_file.metadata
        check_size(metadata.num_rows, metadata.num_columns, SourceLocation(file))
        table = parquet_file.read()
        columns = [
            (name, column.to_pylist())
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
    except (pa.ArrowException, OSError, ValueError) as error:
        message = f"'{file}' is no Parquet file that can be read"
        raise fatal_error(location, message, str(error).split("\n", 1)[0][:200]) from None
    return sheet_of_columns(columns, file)


def check_size(row_count: int, column_count: int, location: SourceLocation) -> None:
    """Raise ScenarioError if a table has too many rows, columns or cells."""
    if column_count > MAX_COLUMNS:
        raise fatal_error(location, f"more than {MAX_COLUMNS} columns")
    if row_count > MAX_ROWS:
        raise fatal_error(location, f"more than {MAX_ROWS} rows")
    if row_count * column_count > MAX_CELLS:
        raise fatal_error(location, f"more than {MAX_CELLS} cells")
    count_toward_limits("cells", row_count * column_count, location)


def sheet_of_columns(columns: Sequence[Column], file: str) -> Sheet:
    """Return the sheet with these columns, all of one length. None and NaN are empty cells."""
    header = [
        Cell(str(name), SourceLocation(file, 1, n + 1), n) for n, (name, _) in enumerate(columns)
    ]
    rows = []
    for line, values in enumerate(zip(*(column for _, column in columns), strict=True), start=2):
        place = partial(_location, file, line)
        cells = [
            Cell(None if _is_missing(value) else value, place, n) for n, value in enumerate(values)
        ]
        for cell in cells:
            if isinstance(cell.value, str) and (code := find_unprintable(cell.value)):
                message = f"character {code} does not belong into a text"
                raise fatal_error(cell.location, message, "remove it")
        if any(cell.is_filled for cell in cells):
            rows.append(cells)
    return Sheet(header, rows)


def _location(file: str, line: int, column: int) -> SourceLocation:
    return SourceLocation(file, line, column + 1)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
