"""Reading of CSV tables, separated by commas, semicolons or tabs, in UTF-8 or UTF-16."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from models.faults import Fault, SourceLocation
from models.files.decoding import MAX_CELLS, count_toward_limits, decode_text, fatal_error
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, FaultReporter, Sheet


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
