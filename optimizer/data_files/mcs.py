"""World production of the Mineral Commodity Summaries of the U.S. Geological Survey, as supply.

Read are the file with a row for each figure (from 2026), and the one of all commodities with a
column for each year (2025).
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from models.faults import Fault, ScenarioError
from optimizer.data_files.countries import (
    UNKNOWN,
    WORLD,
    check_installed,
    country_code,
    normalized_name,
)
from optimizer.data_files.files import DataFile, Extract, Selection, YearlyTable, read_file
from optimizer.data_files.units import number_text, tonnes_per
from optimizer.errors import Misuse

DOIS = {2025: "10.5066/P13XCP3R", 2026: "10.5066/P1WKQ63T"}
"""Digital object identifiers of the data releases by the year of the edition."""
_NAME = "the Mineral Commodity Summaries"
_LONG = [
    "section",
    "commodity",
    "country",
    "statistics",
    "statisticsdetail",
    "unit",
    "year",
    "value",
    "notes",
]
_WIDE = ("commodity", "country", "type", "unitmeas")


def read_mcs(path: Path, selection: Selection, kind: str = "") -> Extract:
    """Return production by country as a table of supply, in tonnes.

    ``kind`` is a part of the name of the kind of production, such as ``mine``. Raises Misuse for a
    choice that the file does not offer, ScenarioError for a file that cannot be read.
    """
    check_installed()
    data = read_file(path)
    figures = _figures(data)
    chosen = selection.materials_by_commodity([*figures["commodity"].unique()])
    selection.check_countries(figures["country"])
    figures = figures[figures["commodity"].isin([*chosen])]
    figures = figures[selection.takes(figures["year"])]
    if years := sorted({*figures.loc[figures["estimated"], "year"]}):
        names = ", ".join(map(str, years))
        data.note(None, f"figures of {names} are estimates of the publisher")
    figures["code"] = [
        selection.countries.get(normalized_name(name)) or country_code(name)
        for name in figures["country"]
    ]
    rows, kinds = [], []
    for commodity, material in chosen.items():
        own = figures[figures["commodity"] == commodity]
        plain = _choose_kind(own, commodity, kind)
        kinds.append(f"{commodity}: {plain or 'production'}")
        is_world = own["code"] == WORLD
        # The sum may have a shorter name, such as "mine production" without a content.
        short = own["kind"].map(plain.startswith)
        rows += _tonnes(data, own[(own["kind"] == plain) | (is_world & short)], material)
    if not rows:
        raise data.fault(None, "the file has no figure for this choice", "choose other --years")
    columns = ["material", "country", "year", "value", "note"]
    table = YearlyTable("supply", columns[:2], "t_per_year", pd.DataFrame(rows, columns=columns))
    first = " ".join((path.name, *data.table.iloc[1].fillna("")))
    match = re.search(r"mcs[ _-]?(\d{4})", first, re.IGNORECASE)
    edition = int(match[1]) if match else 0
    title = f"U.S. Geological Survey, Mineral Commodity Summaries {edition or ''}".strip()
    source = {"text": f"{title}, data release; {'; '.join(kinds)}"}
    if edition in DOIS:
        source["url"] = f"https://doi.org/{DOIS[edition]}"
    return Extract("mcs", data, [table], f"mcs_{edition}" if edition else "mcs", source)


def _figures(data: DataFile) -> pd.DataFrame:
    """Return all figures of production with the line and column of each. Raises ScenarioError if
    the columns are not those of a known edition."""
    keys = data.keys()
    produced = {key: m for key in keys if (m := re.fullmatch(r"prod(est)?(\d{4})", key))}
    if produced:
        records = data.records(_WIDE, _NAME).rename_axis("line").reset_index()
        figures = records.melt(["line", *_WIDE], [*produced], "key", "value")
        figures = figures.rename(columns={"type": "kind", "unitmeas": "unit"})
        figures = figures.sort_values("line", kind="stable")
        figures["year"] = [int(produced[key][2]) for key in figures["key"]]
        figures["estimated"] = [bool(produced[key][1]) for key in figures["key"]]
    else:
        records = data.records(_LONG, _NAME).rename_axis("line").reset_index()
        is_world = records["section"].str.lower().str.startswith("world")
        is_production = records["statistics"].str.lower().str.startswith("production")
        figures = records[is_world & is_production].rename(columns={"statisticsdetail": "kind"})
        stated = figures["year"].str.lower().str.extract(r"^(\d{4})[\W_]*(e|est|estimated)?$")
        for index in figures.index[stated[0].isna()]:
            text = f"'{figures['year'][index]}' is no single year; left out"
            data.note(figures["line"][index], text, keys.index("year"))
        estimated = stated[1].notna() | figures["notes"].str.lower().str.contains("estimated")
        figures = figures.assign(year=stated[0], estimated=estimated, key="value")
        figures = figures[stated[0].notna()].astype({"year": int})
    if figures.empty:
        raise data.fault(None, "the file has no world production", f"expected: data of {_NAME}")
    figures["kind"] = (
        figures["kind"].str.lower().str.replace(r"[:,]?\s*\(?rounded\)?$", "", regex=True)
    )
    figures["column"] = figures["key"].map(keys.index)
    return figures


def _choose_kind(figures: pd.DataFrame, commodity: str, kind: str) -> str:
    """Return the only kind of production that countries have and whose name contains ``kind``."""
    countries = figures[figures["code"] != WORLD]
    kinds = [*(countries[countries["value"] != ""]["kind"].unique())]
    matching = [name for name in kinds if kind.lower() in name]
    if len(matching) != 1:
        names = "; ".join(f"'{name}'" for name in kinds)
        raise Misuse(f"Choose with --type one kind of production of {commodity}: {names}.")
    return str(matching[0])


def _tonnes(data: DataFile, figures: pd.DataFrame, material: str) -> list[tuple[Any, ...]]:
    """Return material, country, year, tonnes and note of each figure; compare the sum over the
    countries with that of the file. Raises ScenarioError for unknown countries and units."""
    column = data.keys().index("country")
    faults: list[Fault] = []
    for line, name in figures.loc[figures["code"] == "", ["line", "country"]].values:
        hint = f'add --country "{name}=CODE"; XX if it is several'
        faults += data.fault(line, f"'{name}' is no known country", hint, column).faults
    if faults:
        raise ScenarioError(list(dict.fromkeys(faults)))
    rows: list[tuple[Any, ...]] = []
    seen: set[tuple[str, int]] = set()
    world: list[tuple[Any, float]] = []
    row: Any
    for row in figures.itertuples():
        unit = tonnes_per(row.unit)
        if unit is None:
            hint = "only figures in units of mass can be taken"
            raise data.fault(row.line, f"'{row.unit}' is no known unit of mass", hint)
        item = f"{row.country}, {row.year}"
        value, bound = data.number(row.line, row.column, row.value, item, dash=0.0)
        if value is None:
            continue
        if row.code == WORLD:
            world.append((row, value * unit[0]))
            continue
        if row.code == UNKNOWN:
            data.note(row.line, f"{item}: no single country; kept as XX", row.column)
        elif (row.code, row.year) in seen:
            data.note(row.line, f"{item}: a second figure; added to the first", row.column)
        seen.add((row.code, row.year))
        rows.append((material, row.code, row.year, value * unit[0], bound))
    for unit_text in figures["unit"].unique():
        if (known := tonnes_per(unit_text)) and known[1]:
            data.note(None, f"{material}: the unit is tonnes, '{known[1]}'")
    for row, stated in world:
        total = number_text(sum(r[3] for r in rows if r[2] == row.year))
        text = f"the countries add up to {total} t; the file states {number_text(stated)} t"
        data.note(row.line, f"{row.year}: {text}", row.column)
    return rows
