"""Tables in CSV files: comma, semicolon or tab, in any encoding a scenario may have."""

import csv
import io
from collections.abc import Iterator

from models.faults import Fault, SourceLocation
from models.files.decoding import MAX_CELLS, count_toward_limits, decode_text, fatal_error
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, FaultReporter, Sheet
from models.language import tr


def read_csv(raw: bytes, file: str, report: FaultReporter) -> Sheet:
    """The cells of a CSV file; the first row is the header."""
    text = decode_text(raw, file)
    # What stands most often outside of quotes in the header parts the cells.
    bare = "".join(text.lstrip("\r\n").split("\n", 1)[0].split('"')[::2])
    delimiter = max((",", ";", "\t"), key=bare.count)
    records = list(_read_records(text, delimiter, file))
    if not records:
        raise fatal_error(
            SourceLocation(file), tr("the table is empty"), tr("its first row names the columns")
        )
    header, *rows = records
    sheet = Sheet(header, [row for row in rows if any(cell.is_filled for cell in row)])
    for row in sheet.rows:
        if len(row) != len(header):
            more = len(row) > len(header)
            count = {"cells": len(row), "columns": len(header)}
            message = tr("{cells} cells in a row, but {columns} columns", **count)
            place = row[len(header)].location if more else row[-1].location
            report(Fault((), message, _delimiter_hint(delimiter, more), location=place))
    return sheet


def _delimiter_hint(delimiter: str, too_many: bool) -> str:
    """What to do about a row with too many or too few delimiters."""
    few, many = {
        ",": (tr("every cell needs its comma"), tr("put a text with a comma into quotes")),
        ";": (tr("every cell needs its semicolon"), tr("put a text with a semicolon into quotes")),
        "\t": (tr("every cell needs its tab"), tr("put a text with a tab into quotes")),
    }[delimiter]
    return many if too_many else few


def _read_records(text: str, delimiter: str, file: str) -> Iterator[list[Cell]]:
    lines = io.StringIO(text, newline="").readlines()
    # A reader over a list of lines tells how many of them each record took.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = cells = 0
    try:
        for number, values in enumerate(reader):
            place = SourceLocation(file, start + 1, 1)
            cells += len(values)
            if len(values) > MAX_COLUMNS:
                raise fatal_error(place, tr("more than {count} columns", count=MAX_COLUMNS))
            if cells > MAX_CELLS:
                raise fatal_error(place, tr("more than {count} cells", count=MAX_CELLS))
            if number > MAX_ROWS:
                raise fatal_error(place, tr("more than {count} rows", count=MAX_ROWS))
            places = _field_positions(lines[start : reader.line_num], start + 1, delimiter)
            places += places[-1:] * (len(values) - len(places))
            if values:
                found = enumerate(zip(values, places, strict=False))
                yield [
                    Cell(value, SourceLocation(file, *at), column) for column, (value, at) in found
                ]
            start = reader.line_num
        count_toward_limits("cells", cells, SourceLocation(file))
    except csv.Error as error:
        message = tr("this row is not valid CSV: {problem}", problem=tr(str(error)))
        hint = tr('a quote inside of a quoted text is written twice: ""')
        raise fatal_error(SourceLocation(file, start + 1, 1), message, hint) from None


def _field_positions(lines: list[str], first_line: int, delimiter: str) -> list[tuple[int, int]]:
    """Line and column where each field of a record begins."""
    places = [(first_line, 1)]
    quoted = False
    for number, line in enumerate(lines, start=first_line):
        for column, sign in enumerate(line, start=1):
            if sign == delimiter and not quoted:
                places.append((number, column + 1))
            elif sign == '"':
                quoted = not quoted
    return places
