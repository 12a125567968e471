"""Series of prices, as prices of materials by year.

Read are the Pink Sheet of the World Bank (the workbook, or a sheet of it as CSV), and any table
whose first column contains dates and whose other columns contain prices. Prices within a year are
averaged.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from optimizer.data_files.files import DataFile, Extract, Selection, YearlyTable, make_id, read_file
from optimizer.data_files.units import number_text, price_unit
from optimizer.errors import Misuse

PINK_SHEETS = ("Monthly Prices", "Annual Prices (Nominal)")
_DATE = (
    r"^((?:18|19|20|21)\d\d)(?:[-/. ]?[MQ]\d{1,2}|[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ][\d:.]+)?"
    r"|(?:0[1-9]|1[0-2])(?:[0-3]\d)?)?$|^\d{1,2}[-/.]\d{1,2}[-/.]((?:18|19|20|21)\d\d)$"
)


def read_prices(
    path: Path,
    selection: Selection,
    unit: str = "",
    currency: str = "",
    rate: float | None = None,
    origin: Mapping[str, str] | None = None,
) -> Extract:
    """Return mean prices by year as a table of materials.

    ``unit`` is that of the file, such as ``USD/kg``, if the file does not state it. ``currency`` is
    that of the scenario, and ``rate`` is how much of it one unit of the file's currency buys.
    ``origin`` has the text and the URL of the source. Raises Misuse for a choice that the file does
    not offer, ScenarioError for a file that cannot be read.
    """
    data = read_file(path, PINK_SHEETS)
    table = data.table.fillna("")
    found = table[0].str.extract(_DATE)
    years = found[0].fillna(found[1])
    first = int(years.notna().argmax())
    if not first:  # no dates, or no row above them
        message = "the first column has no dates below the names of the series"
        hint = "expected: dates such as 2024, 2024-03 or 2024M03 in the first column"
        raise data.fault(table.index[0], message, hint)
    headers, rows = table.iloc[:first], table.iloc[first:]
    for line in rows.index[years[rows.index].isna()]:
        data.note(line, f"'{rows[0][line]}' is no date; the row is left out")
    years = years.dropna().astype(int)
    series = _series(headers)
    chosen = selection.materials_by_commodity([*series])
    years = years[selection.takes(years)]
    figures, currencies = [], set()
    for name, material in chosen.items():
        column, stated = series[name]
        money, factor = _unit_of(name, unit or stated)
        currencies.add(money)
        means = _yearly_means(data, rows[column], years, name, column)
        figures += [(material, year, mean * factor * (rate or 1.0)) for year, mean in means.items()]
    if len(currencies) > 1:
        raise Misuse(f"The chosen series have several currencies: {', '.join(currencies)}.")
    if not figures:
        raise data.fault(None, "the file has no price in these years", "choose other --years")
    if (money != (currency or money)) != (rate is not None):
        text = f"add --currency and --rate, the {currency or 'units of it'} for one {money}"
        raise Misuse(f"The prices are in {money}: {text}.")
    frame = pd.DataFrame(figures, columns=["id", "year", "value"]).assign(note="")
    source_id, source = make_id(path.stem), dict(origin or {})
    if "pink sheet" in " ".join(headers.iloc[0]).lower():
        source_id = "world_bank_pink_sheet"
        updated = [text for text in headers[0] if text.lower().startswith("updated on")]
        title = ", ".join(["World Bank, Commodity Price Data (The Pink Sheet)", *updated, *chosen])
        source = {"text": title, "url": "https://www.worldbank.org/en/research/commodity-markets"}
        source |= origin or {}
    elif "text" not in source:
        data.note(None, "the publisher is not known; --source states it")
        source["text"] = ", ".join(chosen)
    if rate:
        source["text"] += f"; converted by {number_text(rate)} {currency} for one {money}"
    prices = YearlyTable("materials", ["id"], "price_eur_per_t", frame)
    return Extract("prices", data, [prices], source_id, source, currency or money)


def _series(headers: pd.DataFrame) -> dict[str, tuple[int, str]]:
    """Return the column and the unit of the series by the names in the header.

    A row of units in parentheses below the names is recognized, and a unit in parentheses at the
    end of a name.
    """
    is_unit = headers.iloc[1:, 1:].apply(lambda column: column.str.fullmatch(r"\(.+\)"))
    unit_lines = is_unit.index[is_unit.any(axis=1)]
    at = [*headers.index].index(unit_lines[0]) if len(unit_lines) else 0
    series: dict[str, tuple[int, str]] = {}
    for column in range(1, headers.shape[1]):
        name = str(headers[column].iloc[at - 1]).rstrip(
            "* "
        )  # -1 without a row of units: the last row
        unit = str(headers[column].iloc[at]) if at else ""
        match = re.fullmatch(r"(.*\S)\s*[(\[]([^()]*/[^()]*|[^()]* per [^()]*)[)\]]", name)
        if match and not unit:
            name, unit = match[1], match[2]
        if name:
            series.setdefault(name, (column, unit))
    return series


def _unit_of(name: str, unit: str) -> tuple[str, float]:
    """Return the currency of a series and the factor to prices per tonne."""
    result = price_unit(unit)
    if result is None:
        problem = f"'{unit}' is no price per mass" if unit else "the file states no unit"
        raise Misuse(f"{name}: {problem}; state one, such as --unit USD/kg.")
    return result


def _yearly_means(
    data: DataFile, cells: "pd.Series[str]", years: "pd.Series[int]", name: str, column: int
) -> "pd.Series[float]":
    """Return the mean of the prices of each year, in the unit of the file."""
    values = {
        line: data.number(line, column, cells[line], f"{name}, {data.table[0][line]}")[0]
        for line in years.index
    }
    prices = pd.Series(values, dtype=float).dropna().groupby(years)
    counts = prices.count()
    for year, count in counts[counts < counts.max()].items():
        text = f"prices in the mean: {count}; other years have up to {counts.max()}"
        data.note(None, f"{name}, {year}: {text}")
    return prices.mean()
