"""Tables in CSV files: comma, semicolon or tab, in any encoding a scenario may have."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from models.faults import Fault, Place
from models.files.decoding import MAX_CELLS, count_cells, decode, refuse
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, Report, Sheet
from models.language import tr


def read_csv(raw: bytes, file: str, report: Report) -> Sheet:
    """The cells of a CSV file; the first row is the header."""
    text = decode(raw, file)
    delimiter = _delimiter(text)
    records = list(_records(text, delimiter, file))
    if not records:
        raise refuse(Place(file), tr("the table is empty"), tr("its first row names the columns"))
    header, *rows = records
    sheet = Sheet(header, [])
    for row in rows:
        if not any(cell.filled for cell in row):
            continue
        if len(row) != len(header):
            report(_wrong_width(row, header, delimiter))
        sheet.rows.append(row)
    return sheet


def _wrong_width(row: list[Cell], header: list[Cell], delimiter: str) -> Fault:
    more = len(row) > len(header)
    place = row[len(header)].place if more else row[-1].place
    message = tr(
        "{cells} cells in a row, but {columns} columns", cells=len(row), columns=len(header)
    )
    return Fault((), message, _delimiter_hint(delimiter, more), place=place)


def _delimiter_hint(delimiter: str, more: bool) -> str:
    """What to do about a row with too many or too few delimiters."""
    few, many = {
        ",": (tr("every cell needs its comma"), tr("put a text with a comma into quotes")),
        ";": (tr("every cell needs its semicolon"), tr("put a text with a semicolon into quotes")),
        "\t": (tr("every cell needs its tab"), tr("put a text with a tab into quotes")),
    }[delimiter]
    return many if more else few


def _delimiter(text: str) -> str:
    """The sign that stands most often outside of quotes in the header."""
    header = text.lstrip("\r\n").split("\n", 1)[0]
    bare = "".join(header.split('"')[::2])
    return max((",", ";", "\t"), key=bare.count)


def _records(text: str, delimiter: str, file: str) -> Iterator[list[Cell]]:
    lines = io.StringIO(text, newline="").readlines()
    # A reader over a list of lines tells how many of them each record took.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = cells = 0
    try:
        for number, values in enumerate(reader):
            place = Place(file, start + 1, 1)
            if len(values) > MAX_COLUMNS:
                raise refuse(place, tr("more than {count} columns", count=MAX_COLUMNS))
            cells += len(values)
            if cells > MAX_CELLS:
                raise refuse(place, tr("more than {count} cells", count=MAX_CELLS))
            if number > MAX_ROWS:
                raise refuse(place, tr("more than {count} rows", count=MAX_ROWS))
            places = _places(lines[start : reader.line_num], start + 1, delimiter)
            if values:
                places += places[-1:] * (len(values) - len(places))
                yield [
                    Cell(value, Place(file, *place), column)
                    for column, (value, place) in enumerate(zip(values, places, strict=False))
                ]
            start = reader.line_num
        count_cells(cells, Place(file))
    except csv.Error as error:
        message = tr("this row is not valid CSV: {problem}", problem=tr(str(error)))
        hint = tr('a quote inside of a quoted text is written twice: ""')
        raise refuse(Place(file, start + 1, 1), message, hint) from None


def _places(lines: list[str], first: int, delimiter: str) -> list[tuple[int, int]]:
    """Line and column where each field of a record begins."""
    places = [(first, 1)]
    quoted, fresh = False, True
    for number, line in enumerate(lines, start=first):
        for column, sign in enumerate(line, start=1):
            if sign == '"' and (quoted or fresh):
                quoted, fresh = not quoted, False
            elif sign == delimiter and not quoted:
                places.append((number, column + 1))
                fresh = True
            elif sign == '"':
                quoted = not quoted
            else:
                fresh = False
    return places
