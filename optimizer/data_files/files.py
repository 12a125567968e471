"""Downloaded files as frames of texts, and the figures in them as tables of a scenario."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from models.faults import Fault, ScenarioError, SourceLocation, escape_unprintable
from models.files.decoding import fatal_error, read_bytes, replace_unprintable
from models.files.table_source import field_positions
from models.spelling import closest_name
from optimizer.data_files.countries import normalized_name
from optimizer.data_files.units import number_text
from optimizer.errors import Misuse

MAX_BYTES = 100_000_000  #: Of one file; UN Comtrade gives 250,000 rows of about 300 bytes at most.
MAX_CELLS = 20_000_000  #: Of one CSV file, with all rows as long as the longest.
_NONE = {"": "an empty cell", "w": "withheld by the publisher", "xx": "not applicable"}
_NONE |= dict.fromkeys(("na", "n.a.", "n/a", ".", "..", "…"), "not available")
_BOUNDS = {"<": "an upper bound", ">": "a lower bound"}
_NUMBER = re.compile(
    r"([<>]?) ?(-?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|(?:\d+\.?\d*|\.\d+)(?:e[-+]\d{1,3})?)) ?(e?)"
)


@dataclass
class DataFile:
    """The rows of a downloaded file that are not empty, as texts, and notices about its content.

    ``table`` has the numbers of the lines as index and those of the columns, from 0, as columns.
    Cells that a row of a CSV file lacks are None.
    """

    path: Path
    table: pd.DataFrame
    lines: list[str] = field(default_factory=list)
    delimiter: str = ""
    sheet: str = ""
    notices: list[str] = field(default_factory=list)

    def location(self, line: Any, column: int = 0) -> SourceLocation:
        """Return the location of a cell."""
        if self.sheet:
            from openpyxl.utils import get_column_letter

            cell = f"{self.sheet}!{get_column_letter(column + 1)}{line}"
            return SourceLocation(str(self.path), cell=cell)
        lines = self.lines[line - 1 : line + 49]  # enough for any row with line breaks
        positions = field_positions(lines, line, self.delimiter)
        return SourceLocation(str(self.path), *positions[min(column, len(positions) - 1)])

    def note(self, line: Any, message: str, column: int = 0) -> None:
        """Record a notice about a cell, or about the file if ``line`` is None."""
        place = SourceLocation(str(self.path)) if line is None else self.location(line, column)
        self.notices.append(f"{place}: {escape_unprintable(message)}")

    def fault(self, line: Any, message: str, hint: str = "", column: int = 0) -> ScenarioError:
        """Return the error for a cell, or for the file if ``line`` is None."""
        place = SourceLocation(str(self.path)) if line is None else self.location(line, column)
        return ScenarioError([Fault((), message, hint, location=place)])

    def keys(self) -> list[str]:
        """Return the names in the first row without case, spaces and punctuation."""
        return [re.sub(r"[^a-z0-9]", "", str(name or "").lower()) for name in self.table.iloc[0]]

    def records(self, needed: Sequence[str], publisher: str) -> pd.DataFrame:
        """Return the rows below the first one, with :meth:`keys` as columns.

        Raises ScenarioError if a needed column is missing, or if a row is shorter than the first
        one or has a text beyond it. Rows of UN Comtrade end with a comma.
        """
        keys, first = self.keys(), self.table.index[0]
        if missing := [key for key in needed if key not in keys]:
            message = f"these are not the columns of {publisher}: {', '.join(missing)} missing"
            raise self.fault(first, message, f"download the data of {publisher} as CSV again")
        width = int(self.table.iloc[0].notna().sum())
        rows = self.table.iloc[1:]
        is_wrong = rows.iloc[:, :width].isna().any(axis=1)
        is_wrong |= rows.iloc[:, width:].fillna("").astype(bool).any(axis=1)
        for line in rows.index[is_wrong]:
            message = f"this row has more or fewer cells than the {width} columns"
            raise self.fault(line, message, "download the file again")
        return rows.set_axis(keys, axis=1).loc[:, ~pd.Index(keys).duplicated()]

    def number(
        self, line: Any, column: int, text: str, item: str, dash: float | None = None
    ) -> tuple[float | None, str]:
        """Return the number in a cell, and whether it is a bound; None for a missing figure.

        ``dash`` is what a dash stands for. A cell that is not a plain number is noted. Raises
        ScenarioError if it has no known meaning.
        """
        folded = re.sub(r"less than (½|1/2) unit", "<0.5", text.lower())
        match = _NUMBER.fullmatch(folded)
        bound, value = "", dash
        if re.fullmatch("[-‐‑‒–—−]{1,3}", text):
            meaning = "not available" if dash is None else "zero"
        elif folded in _NONE:
            value, meaning = None, _NONE[folded]
        elif match is None or not math.isfinite(value := float(match[2].replace(",", ""))):
            hint = "write a number such as 1,200.5, or NA if there is none"
            raise self.fault(line, f"{item}: '{text}' is no number", hint, column)
        else:
            bound = _BOUNDS.get(match[1], "")
            meaning = bound or ("estimated" if match[3] else "")
        if meaning:
            result = "left out" if value is None else f"read as {number_text(value)}"
            self.note(line, f"{item}: '{text}' is {meaning}; {result}", column)
        return value, bound


def read_file(path: Path, prefer_sheets: Sequence[str] = ()) -> DataFile:
    """Return the rows of a CSV file or of a sheet of an Excel file: the first of ``prefer_sheets``
    that exists, else the first one. Raises ScenarioError if the file cannot be read."""
    location = SourceLocation(str(path))
    raw = read_bytes(path, location, limit=MAX_BYTES, role="table")
    data = DataFile(path, pd.DataFrame())
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        rows = _read_sheet(data, raw, prefer_sheets)
    else:
        rows = _read_csv(data, raw)
    if not rows:
        raise fatal_error(location, "the file is empty")
    width = max(map(len, rows.values()))
    if len(rows) * width > MAX_CELLS:
        raise fatal_error(location, f"more than {MAX_CELLS} cells")
    cells = [[*texts, *[None] * (width - len(texts))] for texts in rows.values()]
    data.table = pd.DataFrame(cells, index=list(rows), dtype=object)
    return data


def _read_csv(data: DataFile, raw: bytes) -> dict[int, list[str]]:
    location = SourceLocation(str(data.path))
    if b"\0" in raw[:1000]:
        hint = "unpack it, or save it as .csv in UTF-8 or as .xlsx"
        raise fatal_error(location, "this is no text file", hint)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        data.note(None, "the file is not UTF-8; read as Windows-1252")
        text = raw.decode("cp1252", "replace")
    data.lines = io.StringIO(replace_unprintable(text), newline="").readlines()
    sample = "".join("".join(data.lines[:20]).split('"')[::2])  # without quoted texts
    data.delimiter = max((";", "\t", ","), key=sample.count)
    reader = csv.reader(data.lines, delimiter=data.delimiter)
    rows, start = {}, 1
    try:
        for cells in reader:
            if any(texts := [" ".join(cell.split()) for cell in cells]):
                rows[start] = texts
            start = reader.line_num + 1
    except csv.Error as error:
        message = f"this row is not valid CSV: {error!s}"
        raise fatal_error(SourceLocation(str(data.path), start, 1), message) from None
    return rows


def _read_sheet(data: DataFile, raw: bytes, prefer_sheets: Sequence[str]) -> dict[int, list[str]]:
    """Return the texts of a sheet by row, all of the same length. Faulty cells are noted."""
    from models.files.workbook import open_workbook, read_rows

    location = SourceLocation(str(data.path))
    book = open_workbook(raw, str(data.path), location)
    data.sheet = next((n for n in (*prefer_sheets, *book.sheetnames) if n in book.sheetnames), "")
    if not data.sheet:
        return {}
    rows = read_rows(
        book[data.sheet],
        str(data.path),
        location,
        lambda fault: data.notices.append(f"{fault.location or location}: {fault.message}"),
    )
    width = max(map(len, rows), default=0)
    texts = {}
    for row in rows:
        cells = [" ".join(str("" if c.value is None else c.value).split()) for c in row]
        texts[int(row[0].location.cell.rpartition("!A")[2])] = cells + [""] * (width - len(row))
    return texts


@dataclass(frozen=True)
class Selection:
    """Options that select what is read from a file.

    ``materials`` are ids for ``commodities``, in their order. ``years`` are the first and the last
    one. ``countries`` has codes by normalized names.
    """

    commodities: Sequence[str] = ()
    materials: Sequence[str] = ()
    years: tuple[int, int] = (0, 9999)
    countries: Mapping[str, str] = field(default_factory=dict)

    def materials_by_commodity(self, offered: Sequence[str], prefix: str = "") -> dict[str, str]:
        """Return the id of the material for each chosen commodity.

        A file with a single commodity needs no choice. Raises Misuse if the choice is missing or
        names a commodity that the file lacks.
        """
        by_lowercase = {name.lower(): name for name in offered}
        names = ", ".join(by_lowercase.values())
        if not self.commodities and len(offered) != 1:
            raise Misuse(f"Choose with --commodity from {names}.")
        if self.materials and len(self.materials) != max(1, len(self.commodities)):
            raise Misuse("Give one --material for each --commodity, in the same order.")
        chosen: dict[str, str] = {}
        for number, text in enumerate(self.commodities or offered):
            folded = text.strip().lower()
            if folded not in by_lowercase:
                near = by_lowercase.get(closest_name(folded, by_lowercase)) or names
                raise Misuse(f"The file has no commodity '{text}'; it has {near}.")
            name = by_lowercase[folded]
            chosen[name] = (self.materials or {number: make_id(prefix + name)})[number]
        return chosen

    def check_countries(self, names: Iterable[str]) -> None:
        """Raise Misuse if the file lacks a country for which a code is given."""
        absent = set(self.countries) - set(map(normalized_name, names))
        if absent:
            raise Misuse(f"The file has no country '{min(absent)}', which --country names.")

    def takes(self, years: pd.Series[Any]) -> pd.Series[bool]:
        """Return for each figure whether its year is taken. Raises Misuse if none is."""
        is_taken = years.between(*self.years)
        if not is_taken.any():
            names = ", ".join(map(str, sorted(set(years))))
            raise Misuse(f"The file has none of these years; it has {names}.")
        return is_taken


@dataclass
class YearlyTable:
    """A section of a scenario with a figure for each item and year.

    ``figures`` has the columns ``keys``, which identify an item, ``year``, ``value`` and ``note``.
    Values of the same item and year are added up. ``column`` is the name of the values.
    """

    section: str
    keys: list[str]
    column: str
    figures: pd.DataFrame

    def by_year(self) -> pd.DataFrame:
        """Return the values with a row for each item and a column for each year."""
        return self.figures.groupby([*self.keys, "year"])["value"].sum().unstack("year")

    def csv_text(self, source: str) -> str:
        """Return the table as CSV, as a scenario reads it."""
        wide = self.by_year().map(lambda value: "" if math.isnan(value) else number_text(value))
        wide.columns = pd.Index([f"{self.column}.{year}" for year in wide.columns])
        wide[f"{self.column}.source"] = source
        noted = self.figures[self.figures["note"] != ""]
        if len(noted):
            texts = noted["year"].astype(str) + ": " + noted["note"]
            notes = texts.groupby([noted[key] for key in self.keys]).unique().map("; ".join)
            wide[f"{self.column}.note"] = notes
        return wide.to_csv(lineterminator="\n")


@dataclass
class Extract:
    """What a file gives to a scenario: tables, their source, and notices on what was not taken as
    it stands. ``currency`` is that of prices, if there are any."""

    kind: str
    data: DataFile
    tables: list[YearlyTable]
    source_id: str
    source: dict[str, str]
    currency: str = ""

    def files(self, stem: str) -> dict[str, bytes]:
        """Return the files of the extract by name: the tables, and a scenario file to be included,
        which names them and contains the source."""
        path = self.data.path
        date = datetime.date.fromtimestamp(path.stat().st_mtime)  # for most programs the download
        text = f"{self.source['text']}; file {path.name} of {date.isoformat()}"
        sources = {self.source_id: {**self.source, "text": text, "kind": "read"}}
        document: dict[str, object] = {"currency": self.currency} if self.currency else {}
        document["sources"] = sources
        contents = {}
        for number, table in enumerate(self.tables):
            name = f"{stem}_{table.section}.csv" if number else f"{stem}.csv"
            contents[name] = table.csv_text(self.source_id).encode()
            document[table.section] = {"table": name}
        fragment = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
        return contents | {f"{stem}.yaml": f"# vorrat data {self.kind}\n{fragment}".encode()}


def make_id(text: str) -> str:
    """Return an id that is made from a name."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "material"
