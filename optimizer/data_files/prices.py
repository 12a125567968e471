"""Series of prices, as prices of materials by year.

Read are the Pink Sheet of the World Bank (the workbook, or a sheet of it as CSV), CSV files of
FRED, and any table whose first column contains dates and whose other columns contain prices. Prices
within a year are averaged.
"""

import datetime
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optimizer.data_files.cells import has_decimal_comma, read_number
from optimizer.data_files.rows import DataFile, Row, read_file
from optimizer.data_files.selection import Selection
from optimizer.data_files.tables import Extract, YearlyTable, file_date, material_id, number_text
from optimizer.data_files.units import price_unit
from optimizer.errors import Misuse

PINK_SHEETS = ("Monthly Prices", "Annual Prices (Nominal)")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(\d{4})(?:\.0)?",
        r"(\d{4})[-/. ]?[MQ]\d{1,2}",
        r"(\d{4})[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ][\d:.]+)?",
        r"(\d{4})(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?",
        r"\d{1,2}[-/.]\d{1,2}[-/.](\d{4})",
        r"\d{1,2}[-/.](\d{4})",
        rf"(\d{{4}})[- ]{_MONTH}",
        rf"(?:\d{{1,2}}[- ])?{_MONTH}[- ](\d{{4}})",
    )
]


@dataclass(frozen=True)
class _Series:
    """A column of prices: its name, unit and position."""

    name: str
    unit: str
    column: int


def read_prices(
    path: Path,
    selection: Selection,
    unit: str = "",
    currency: str = "",
    rate: float | None = None,
    origin: str = "",
    url: str = "",
    sheet: str | None = None,
) -> Extract:
    """Return mean prices by year as a table of materials.

    ``unit`` is that of the file, such as ``USD/kg``, if the file does not state it. ``currency`` is
    that of the scenario, and ``rate`` is how much of it one unit of the file's currency buys.
    ``origin`` is the text of the source. Raises Misuse for a choice that the file does not offer,
    ScenarioError for a file that cannot be read.
    """
    data = read_file(path, sheet, PINK_SHEETS)
    headers, rows = _split_header(data)
    series = _series(headers)
    offered = {one.name: one.name for one in series}
    chosen = selection.materials_by_commodity(offered)
    selection.check_any_year([_year(row.cells[0]) or 0 for row in rows])
    source_id, source = _source(data, headers, chosen, origin, url)
    table = YearlyTable("materials", ("id",), "price_eur_per_t", source_id)
    currencies = {}
    for one in (one for one in series if one.name in chosen):
        money, factor = _unit_of(data, one, unit)
        currencies[money] = one.name
        material = chosen[one.name]
        for year, mean in _yearly_means(data, rows, one, selection).items():
            table.add((material,), year, mean * factor)
    if len(currencies) > 1:
        names = ", ".join(currencies)
        raise Misuse(f"The chosen series have several currencies: {names}.")
    if not table.values:
        raise data.fault(None, "the file has no price in these years")
    money = next(iter(currencies))
    _convert(data, table, money, currency or money, rate)
    return Extract("prices", [table], source_id, source, data.notices, currency or money)


def _year(cell: object) -> int | None:
    """Return the year of a cell with a date, None for other cells."""
    if isinstance(cell, (datetime.date, datetime.datetime)):
        return cell.year
    matches = (pattern.fullmatch(" ".join(str(cell or "").split())) for pattern in _DATES)
    year = next((int(match[1]) for match in matches if match), 0)
    return year if 1800 <= year <= 2200 else None


def _split_header(data: DataFile) -> tuple[list[Row], list[Row]]:
    """Return the rows above the first date, and those with dates. Rows below that have no date are
    noted."""
    first = next((n for n, row in enumerate(data.rows) if _year(row.cells[0])), None)
    if not first:  # None, or no row above it
        message = "the first column has no dates below the names of the series"
        hint = "expected: dates such as 2024, 2024-03 or 2024M03 in the first column"
        raise data.fault(data.rows[0], message, hint)
    rows = []
    for row in data.rows[first:]:
        if _year(row.cells[0]):
            rows.append(row)
        else:
            data.note(row, f"'{row.text(0)}' is no date; the row is left out")
    return data.rows[:first], rows


def _series(headers: list[Row]) -> list[_Series]:
    """Return the series that the rows of the header name.

    A row of units in parentheses below the names is recognized, and a unit in parentheses at the
    end of a name.
    """
    is_unit = re.compile(r"\(.+\)")
    unit_rows = [
        n
        for n, row in enumerate(headers)
        if n and sum(map(bool, map(is_unit.fullmatch, map(str, row.cells[1:]))))
    ]
    name_row = headers[unit_rows[0] - 1] if unit_rows else headers[-1]
    unit_row = headers[unit_rows[0]] if unit_rows else None
    series = []
    for column in range(1, len(name_row.cells)):
        name = name_row.text(column).rstrip("* ")
        unit = unit_row.text(column) if unit_row else ""
        match = re.fullmatch(r"(.*\S)\s*[(\[]([^()]*/[^()]*|[^()]* per [^()]*)[)\]]", name)
        if match and not unit:
            name, unit = match[1], match[2]
        if name:
            series.append(_Series(name, unit, column))
    return series


def _unit_of(data: DataFile, series: _Series, unit: str) -> tuple[str, float]:
    """Return the currency of a series and the factor to prices per tonne."""
    result = price_unit(unit or series.unit)
    if result is not None:
        return result
    values = {"name": series.name, "unit": unit or series.unit}
    if unit:
        raise Misuse("'{unit}' is no price per mass, such as USD/kg.".format(**values))
    if series.unit:
        raise Misuse(
            "{name}: '{unit}' is no price per mass; --unit states another.".format(**values)
        )
    raise Misuse(
        "{name}: the file states no unit; add one, such as --unit USD/kg.".format(**values)
    )


def _yearly_means(
    data: DataFile, rows: list[Row], series: _Series, selection: Selection
) -> dict[int, float]:
    """Return the mean of the prices of each year, in the unit of the file."""
    cells = [row.cells[series.column] for row in rows if series.column < len(row.cells)]
    decimal: Literal[".", ","] = "."
    if data.delimiter != "," and any(map(has_decimal_comma, cells)):
        decimal = ","
        data.note(None, f"{series.name}: read with decimal commas")
    prices: dict[int, list[float]] = {}
    for row in rows:
        year = _year(row.cells[0]) or 0
        if not selection.takes(year):
            continue
        cell = row.cells[series.column] if series.column < len(row.cells) else None
        reading = read_number(cell, dash="missing", decimal=decimal)
        values = {
            "date": row.text(0),
            "text": row.text(series.column),
            "name": series.name,
            "meaning": reading.meaning,
        }
        if reading.value is None:
            message = "{name}, {date}: '{text}' is {meaning}; left out".format(**values)
            data.note(row, message, series.column)
            continue
        if reading.meaning:
            values["value"] = number_text(reading.value)
            message = "{name}, {date}: '{text}' is {meaning}; read as {value}".format(**values)
            data.note(row, message, series.column)
        prices.setdefault(year, []).append(reading.value)
    counts = Counter({year: len(values) for year, values in prices.items()})
    most = max(counts.values(), default=0)
    for year, count in sorted(counts.items()):
        if count < most:
            facts = {"name": series.name, "year": year, "count": count, "most": most}
            data.note(
                None,
                "{name}, {year}: prices in the mean: {count}; other years have up to {most}".format(
                    **facts
                ),
            )
    return {year: sum(values) / len(values) for year, values in sorted(prices.items())}


def _convert(
    data: DataFile, table: YearlyTable, money: str, currency: str, rate: float | None
) -> None:
    """Convert prices into the currency of the scenario, by one rate for all years."""
    if (money != currency) != (rate is not None):
        values = {"money": money, "currency": currency}
        if rate is None:
            raise Misuse(
                "The prices are in {money}: add --rate, the {currency} for one {money}.".format(
                    **values
                )
            )
        raise Misuse("The prices are in {money}; --rate needs --currency.".format(**values))
    if rate is None:
        return
    values = {"money": money, "currency": currency, "rate": number_text(rate)}
    note = "converted by {rate} {currency} for one {money}".format(**values)
    for key, years in table.values.items():
        table.values[key] = {year: price * rate for year, price in years.items()}
        table.notes.setdefault(key, []).append(note)
    data.note(None, note)


def _source(
    data: DataFile, headers: list[Row], chosen: dict[str, str], origin: str, url: str
) -> tuple[str, dict[str, str]]:
    """Return the id and the entry of the source: that of a publisher who is recognized, else of
    the file alone, with a notice."""
    names = ", ".join(chosen)
    title = " ".join(headers[0].text(column) for column in range(len(headers[0].cells))).strip()
    updated = [text for row in headers if (text := row.text(0)).lower().startswith("updated on")]
    file = f"file {data.path.name} of {file_date(data.path)}"
    source_id, text, address = material_id(data.path.stem), "", ""
    if "pink sheet" in title.lower():
        source_id = "world_bank_pink_sheet"
        date = f", {updated[0][0].lower()}{updated[0][1:]}" if updated else ""
        text = f"World Bank, Commodity Price Data (The Pink Sheet){date}, {names}"
        address = "https://www.worldbank.org/en/research/commodity-markets"
    elif headers[-1].text(0).lower() in ("date", "observation_date") and re.fullmatch(
        r"[A-Z0-9_]+", names
    ):
        source_id = f"fred_{names.lower()}"
        text = f"Federal Reserve Bank of St. Louis, FRED, series {names}"
        address = f"https://fred.stlouisfed.org/series/{names}"
    elif not origin:
        data.note(None, "the publisher is not known; --source states it")
    entry = {"text": f"{origin or text or names}; {file}", "kind": "read"}
    if url or address:
        entry["url"] = url or address
    return source_id, entry
