"""Files of tables in CSV and Parquet, and the values of their cells."""

import csv
import datetime
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from models.faults import Fault, SourceLocation
from models.files.decoding import (
    MAX_CELLS,
    count_toward_limits,
    decode_text,
    fatal_error,
    find_unprintable,
    path_in_folder_of,
    read_bytes,
)
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, FaultReporter, Node, NodePath, Sheet


def read_csv(raw: bytes, file: str, report: FaultReporter) -> Sheet:
    """Return the header and the non-empty rows of a CSV file; its first row is the header.

    Raises ScenarioError if the file is not valid CSV, is empty or exceeds the limits. Rows with a
    wrong number of cells are reported.
    """
    text = decode_text(raw, file)
    # The delimiter is the one that is most frequent in the header outside of quotes.
    unquoted_header = "".join(text.lstrip("\r\n").split("\n", 1)[0].split('"')[::2])
    delimiter = max((",", ";", "\t"), key=unquoted_header.count)
    records = list(_read_records(text, delimiter, file))
    if not records:
        raise fatal_error(
            SourceLocation(file), "the table is empty", "its first row names the columns"
        )
    header, *rows = records
    sheet = Sheet(header, [row for row in rows if any(cell.is_filled for cell in row)])
    for row in sheet.rows:
        if len(row) != len(header):
            has_too_many = len(row) > len(header)
            cell_counts = {"cells": len(row), "columns": len(header)}
            message = "{cells} cells in a row, but {columns} columns".format(**cell_counts)
            location = row[len(header)].location if has_too_many else row[-1].location
            hint = _delimiter_hint(delimiter, has_too_many)
            if has_too_many and (cut_text := _cut_text(row, delimiter)):
                hint = f'{hint}: "{cut_text}"'
            report(Fault((), message, hint, location=location))
    return sheet


def _cut_text(row: list[Cell], delimiter: str) -> str:
    """Return the text that a delimiter and a space have probably cut, else an empty text."""
    for first, second in pairwise(row):
        if first.is_filled and str(second.value).startswith(" ") and second.is_filled:
            return f"{first.value}{delimiter}{second.value}"
    return ""


def _delimiter_hint(delimiter: str, has_too_many: bool) -> str:
    """Return the hint for a row with too many or too few delimiters."""
    too_few_hint, too_many_hint = {
        ",": ("every cell needs its comma", "put a text with a comma into quotes"),
        ";": ("every cell needs its semicolon", "put a text with a semicolon into quotes"),
        "\t": ("every cell needs its tab", "put a text with a tab into quotes"),
    }[delimiter]
    return too_many_hint if has_too_many else too_few_hint


def _read_records(text: str, delimiter: str, file: str) -> Iterator[list[Cell]]:
    lines = io.StringIO(text, newline="").readlines()
    # With a list of lines, ``csv_reader.line_num`` is the number of lines read so far.
    csv_reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = cell_count = 0
    try:
        for row_number, field_values in enumerate(csv_reader):
            location = SourceLocation(file, start + 1, 1)
            cell_count += len(field_values)
            if len(field_values) > MAX_COLUMNS:
                raise fatal_error(location, f"more than {MAX_COLUMNS} columns")
            if cell_count > MAX_CELLS:
                raise fatal_error(location, f"more than {MAX_CELLS} cells")
            if row_number > MAX_ROWS:
                raise fatal_error(location, f"more than {MAX_ROWS} rows")
            if field_values:
                place = _RecordPlace(file, lines, start, csv_reader.line_num, delimiter)
                yield [Cell(value, place, column) for column, value in enumerate(field_values)]
            start = csv_reader.line_num
        count_toward_limits("cells", cell_count, SourceLocation(file))
    except csv.Error as error:
        message = f"this row is not valid CSV: {error!s}"
        hint = 'a quote inside of a quoted text is written twice: ""'
        raise fatal_error(SourceLocation(file, start + 1, 1), message, hint) from None


@dataclass(slots=True)
class _RecordPlace:
    """The place of a record: the numbers of its lines, from ``start`` to ``end``."""

    file: str
    lines: list[str]
    start: int
    end: int
    delimiter: str

    def __call__(self, column: int) -> SourceLocation:
        """Return the source location of the field with a column number."""
        record = self.lines[self.start : self.end]
        positions = field_positions(record, self.start + 1, self.delimiter)
        return SourceLocation(self.file, *positions[min(column, len(positions) - 1)])


def field_positions(lines: list[str], first_line: int, delimiter: str) -> list[tuple[int, int]]:
    """Return line and column where each field of a record begins."""
    positions = [(first_line, 1)]
    is_quoted = False
    for line_number, line in enumerate(lines, start=first_line):
        for column, character in enumerate(line, start=1):
            if character == delimiter and not is_quoted:
                positions.append((line_number, column + 1))
            elif character == '"':
                is_quoted = not is_quoted
    return positions


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


_NUMBER_PATTERN = re.compile(r"[-+]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][-+]?\d{1,4})?")
_TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")
DATE_TYPES = (datetime.date, datetime.time, datetime.timedelta)


def read_table_sheet(
    section: NodePath, node: Node, file: str, report: FaultReporter
) -> Sheet | None:
    """Return the content of the table that ``node``, a mapping ``{table: ..., sheet: ...}``, names.

    ``section`` is the path of the mapping, ``file`` the scenario file. Returns None, with a fault
    reported, if the mapping is faulty. Raises ScenarioError if the table cannot be read.
    """

    def report_at(location: SourceLocation, message: str, hint: str, path: NodePath = ()) -> None:
        report(Fault((*section, *path), message, hint, location=location))

    for key, child in node.value.items():
        if key not in ("table", "sheet"):
            message = f"'{key}' is not known next to 'table'"
            hint = "a table takes 'table' and 'sheet'"
            report_at(child.key_location or child.location, message, hint, (key,))
    table_node, sheet_node = node.value["table"], node.child("sheet")
    if not isinstance(table_node.value, str) or not table_node.value:
        message = "'table' takes the name of a file"
        report_at(table_node.location, message, "write {value}".format(value="projects.csv"))
        return None
    if sheet_node is not None and not isinstance(sheet_node.value, (str, type(None))):
        message = "'sheet' takes the name of a sheet"
        report_at(
            sheet_node.location, message, "write {value}".format(value=f'"{sheet_node.raw_text}"')
        )
        return None
    # A patch has no folder; its tables are relative to the scenario file.
    path = path_in_folder_of(
        table_node.location.file if table_node.location.line else file, table_node.value
    )
    # The table has to be in the folder of the file that names it, or below.
    if path is None:
        message = "a table lies in the folder of the scenario file"
        report_at(table_node.location, message, "move it to that folder")
        return None
    if path.suffix.lower() not in _TABLE_SUFFIXES:
        message = f"'{path.suffix}' is no kind of table"
        report_at(table_node.location, message, "save it as .csv, .xlsx or .parquet")
        return None
    raw = read_bytes(path, table_node.location, role="table")
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        from models.files.workbook import read_workbook

        return read_workbook(raw, str(path), sheet_node, table_node.location, report)
    if sheet_node is not None and sheet_node.value is not None:
        hint = "leave it out" if path.suffix else "name an Excel file"
        report_at(
            sheet_node.key_location or sheet_node.location, "only an Excel file has sheets", hint
        )
    if path.suffix.lower() == ".parquet":
        return read_parquet(raw, str(path), table_node.location)
    return read_csv(raw, str(path), report)


def parse_number_cell(text: str, location: SourceLocation) -> Node:
    """Return the node of a cell with a number.

    Text that is not a number is kept as text, and validation then refuses it.
    """
    if len(text) < 300 and _NUMBER_PATTERN.fullmatch(text):
        is_integer = re.fullmatch(r"[-+]?\d+", text)
        return Node(int(text) if is_integer else float(text), location, location, raw_text=text)
    return Node(text, location, location)


def as_text(value: Any) -> str:
    """Return the text of a cell's value; whole numbers are written without a decimal point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
