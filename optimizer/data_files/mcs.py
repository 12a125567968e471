"""World production of the Mineral Commodity Summaries of the U.S. Geological Survey, as supply.

The data releases have had three shapes: a file for each commodity with a column for each year,
whose name contains the unit (until 2024); one file of all commodities with a column for each year
(2025); and one file with a row for each figure (from 2026).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.faults import Fault, ScenarioError
from optimizer.data_files.cells import read_number
from optimizer.data_files.countries import (
    UNKNOWN,
    WORLD,
    check_installed,
    country_code,
    normalized_name,
)
from optimizer.data_files.rows import DataFile, Row, check_widths, header_key, read_file
from optimizer.data_files.selection import Selection
from optimizer.data_files.tables import Extract, YearlyTable, file_date, number_text
from optimizer.data_files.units import tonnes_per
from optimizer.errors import Misuse

DOIS = {2024: "10.5066/P144BA54", 2025: "10.5066/P13XCP3R", 2026: "10.5066/P1WKQ63T"}
"""Digital object identifiers of the data releases by the year of the edition."""
_PRODUCTION_COLUMN = re.compile(r"prod([a-z]{1,3}?)??(est)?((?:19|20)\d\d)")


@dataclass(frozen=True)
class _Figure:
    """One published figure of the production of a commodity in a country."""

    row: Row
    column: int
    country_column: int
    commodity: str
    kind: str
    country: str
    unit: str
    year: int
    is_estimate: bool


def read_mcs(
    path: Path,
    selection: Selection,
    kind: str = "",
    shares: bool = False,
    countries: Mapping[str, str] | None = None,
) -> Extract:
    """Return production by country as a table of supply, in tonnes or as shares of the sum.

    ``kind`` is a part of the name of the kind of production, such as ``mine``. ``countries`` has
    codes of further names of countries, by their normalized names. Raises Misuse for a choice that
    the file does not offer, ScenarioError for a file that cannot be read.
    """
    check_installed()
    data = read_file(path)
    check_widths(data)
    figures = _figures(data)
    offered = {figure.commodity: figure.commodity for figure in figures}
    chosen = selection.materials_by_commodity(offered)
    edition = _edition(data)
    source_id = f"mcs_{edition}" if edition else "mcs"
    table = YearlyTable(
        "supply", ("material", "country"), "share" if shares else "t_per_year", source_id
    )
    selection.check_any_year([f.year for f in figures if f.commodity in chosen])
    faults: list[Fault] = []
    kinds: dict[str, str] = {}
    for commodity, material in chosen.items():
        taken = [f for f in figures if f.commodity == commodity and selection.takes(f.year)]
        kinds[commodity] = _choose_kind(taken, commodity, kind)
        _note_estimates(data, taken)
        faults += _fill(data, table, taken, kinds[commodity], material, countries or {})
    if faults:
        raise ScenarioError(list(dict.fromkeys(faults)))
    if shares:
        _divide_by_sums(table)
    title = f"U.S. Geological Survey, Mineral Commodity Summaries {edition or ''}".strip()
    content = "; ".join(f"{commodity}: {name or 'production'}" for commodity, name in kinds.items())
    source = {
        "text": f"{title}, data release; {content}; file {path.name} of {file_date(path)}",
        "kind": "read",
    }
    if edition in DOIS:
        source["url"] = f"https://doi.org/{DOIS[edition]}"
    return Extract("mcs", [table], source_id, source, data.notices)


def _figures(data: DataFile) -> list[_Figure]:
    """Return all figures of production. Raises ScenarioError if the columns are not those of a
    known edition."""
    header, *rows = data.rows
    columns = {header_key(name): index for index, name in reversed([*enumerate(header.cells)])}
    if {"statistics", "value", "year", "country", "commodity"} <= set(columns):
        return _long_figures(data, rows, columns)
    years = {
        index: match
        for index, name in enumerate(header.cells)
        if (match := _PRODUCTION_COLUMN.fullmatch(header_key(name)))
    }
    if "country" not in columns or not years:
        message = "these are not the columns of world data of the Mineral Commodity Summaries"
        hint = "expected: COUNTRY and PROD_..., or Country, Statistics, Year and Value"
        raise data.fault(header, message, hint)
    unit_column = next(
        (columns[key] for key in ("unitmeas", "unitmeasure", "unit") if key in columns), None
    )
    return [
        _Figure(
            row,
            index,
            columns["country"],
            row.text(columns.get("commodity")) or _commodity_of_file(data.path),
            row.text(columns.get("type")),
            row.text(columns["country"]),
            match[1] or row.text(unit_column),
            int(match[3]),
            bool(match[2]),
        )
        for row in rows
        for index, match in years.items()
    ]


def _long_figures(data: DataFile, rows: list[Row], columns: dict[str, int]) -> list[_Figure]:
    figures = []
    for row in rows:
        year = re.fullmatch(
            r"((?:19|20)\d\d)[\W_]*(e|est|estimated)?", row.text(columns["year"]).lower()
        )
        is_world = row.text(columns.get("section")).lower().startswith("world")
        is_production = row.text(columns["statistics"]).lower().startswith("production")
        if not is_production or not (is_world or "section" not in columns):
            continue
        if year is None:
            text = row.text(columns["year"])
            data.note(row, f"'{text}' is no single year; left out", columns["year"])
            continue
        notes = row.text(columns.get("notes"))
        figures.append(
            _Figure(
                row,
                columns["value"],
                columns["country"],
                row.text(columns["commodity"]),
                row.text(columns.get("statisticsdetail")),
                row.text(columns["country"]),
                row.text(columns.get("unit")),
                int(year[1]),
                bool(year[2]) or "estimated" in notes.lower(),
            )
        )
    if not figures:
        raise data.fault(data.rows[0], "the file has no world production")
    return figures


def _commodity_of_file(path: Path) -> str:
    """Return the commodity in the name of a file such as ``mcs2024-cobal_world.csv``."""
    match = re.search(r"mcs\d{4}[-_](.+?)(?:[-_]world.*)?$", path.stem, re.IGNORECASE)
    return match[1] if match else path.stem


def _edition(data: DataFile) -> int | None:
    """Return the year of the edition, which a column of the first row or the file's name states."""
    texts = (data.rows[-1].text(0), data.path.name)
    found = (re.search(r"mcs[ _-]?(\d{4})", text, re.IGNORECASE) for text in texts)
    return next((int(match[1]) for match in found if match), None)


def _plain_kind(text: str) -> str:
    return re.sub(r"[:,]?\s*\(?rounded\)?$", "", text.lower()).strip()


def _choose_kind(figures: list[_Figure], commodity: str, kind: str) -> str:
    """Return the only kind of production that countries have and whose name contains ``kind``."""
    by_country = [f for f in figures if country_code(f.country) != WORLD]
    stated = [f for f in by_country if f.row.text(f.column)] or by_country
    kinds = {_plain_kind(f.kind): f.kind for f in stated}
    matching = [plain for plain in kinds if kind.lower() in plain]
    if len(matching) != 1:
        names = "; ".join(f"'{name}'" for name in kinds.values())
        values = {"commodity": commodity, "names": names}
        raise Misuse(
            "Choose with --type one kind of production of {commodity}: {names}.".format(**values)
        )
    return matching[0]


def _note_estimates(data: DataFile, figures: list[_Figure]) -> None:
    if years := sorted({figure.year for figure in figures if figure.is_estimate}):
        names = ", ".join(map(str, years))
        data.note(None, f"figures of {names} are estimates of the publisher")


def _fill(
    data: DataFile,
    table: YearlyTable,
    figures: list[_Figure],
    kind: str,
    material: str,
    countries: Mapping[str, str],
) -> list[Fault]:
    """Add the figures of one kind to the table. Return faults of countries and units."""
    faults: list[Fault] = []
    world: dict[int, tuple[_Figure, float]] = {}
    remarks: Counter[str] = Counter()
    for figure in figures:
        code = countries.get(normalized_name(figure.country)) or country_code(figure.country)
        plain = _plain_kind(figure.kind)
        if plain != kind and not (code == WORLD and kind.startswith(plain)):
            continue
        unit = tonnes_per(figure.unit)
        if unit is None:
            message = f"'{figure.unit}' is no known unit of mass"
            faults.append(Fault((), message, location=data.location(figure.row)))
            break
        if not code and (code := country_code(figure.country.partition("(")[0])):
            message = f"'{figure.country}' is read as {code}"
            data.note(figure.row, message, figure.country_column)
        if not code:
            message = f"'{figure.country}' is no known country"
            hint = f'add --country "{figure.country}=CODE"; XX if it is several'
            location = data.location(figure.row, figure.country_column)
            faults.append(Fault((), message, hint, location=location))
            continue
        if unit[1]:
            remarks[unit[1]] += 1
        reading = read_number(figure.row.cells[figure.column])
        values = {
            "text": figure.row.text(figure.column),
            "country": figure.country,
            "year": figure.year,
            "meaning": reading.meaning,
        }
        if reading.value is None:
            message = "{country}, {year}: '{text}' is {meaning}; left out".format(**values)
            data.note(figure.row, message, figure.column)
            continue
        tonnes = reading.value * unit[0]
        if code == WORLD:
            world[figure.year] = (figure, tonnes)
            continue
        if reading.meaning:
            values["value"] = number_text(reading.value)
            message = "{country}, {year}: '{text}' is {meaning}; read as {value}".format(**values)
            data.note(figure.row, message, figure.column)
        elif code == UNKNOWN:
            message = "{country}, {year}: no single country; kept as XX".format(**values)
            data.note(figure.row, message, figure.column)
        note = reading.meaning if reading.is_bound else ""
        is_repeated = table.add((material, code), figure.year, tonnes, note)
        if is_repeated and code != UNKNOWN:
            message = "{country}, {year}: a second figure; added to the first".format(**values)
            data.note(figure.row, message, figure.column)
    for text in remarks:
        data.note(None, f"{material}: the unit is tonnes, '{text}'")
    _compare_with_world(data, table, world, material)
    return faults


def _compare_with_world(
    data: DataFile, table: YearlyTable, world: dict[int, tuple[_Figure, float]], material: str
) -> None:
    """Note by how much the sum over the countries differs from the sum that the file states."""
    for year, (figure, stated) in sorted(world.items()):
        total = sum(v.get(year, 0.0) for key, v in table.values.items() if key[0] == material)
        values = {"sum": number_text(total), "stated": number_text(stated), "year": year}
        message = "{year}: the countries add up to {sum} t; the file states {stated} t".format(
            **values
        )
        data.note(figure.row, message, figure.column)


def _divide_by_sums(table: YearlyTable) -> None:
    """Replace tonnes by shares of the sum over all countries of a material in a year."""
    sums: Counter[tuple[str, int]] = Counter()
    for key, values in table.values.items():
        for year, value in values.items():
            sums[key[0], year] += value  # type: ignore[assignment]
    for key, values in table.values.items():
        table.values[key] = {y: v / (sums[key[0], y] or 1.0) for y, v in values.items()}
