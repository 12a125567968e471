"""Trade of UN Comtrade: imports by country of origin as supply, and net imports as demand.

A file may contain the same trade several times: with the world as partner and by partner, in total
and by mode of transport, customs procedure or second partner. Totals count where the file has them,
and the sum of the parts where it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from models.countries import EU_27, corrected_code
from models.faults import Fault, ScenarioError
from optimizer.data_files.countries import (
    UNKNOWN,
    WORLD,
    check_installed,
    code_of_trade_row,
    normalized_name,
)
from optimizer.data_files.files import DataFile, Extract, Selection, YearlyTable, read_file
from optimizer.data_files.units import number_text
from optimizer.errors import Misuse

_TOTALS = {"partner2code": "0", "customscode": "C00", "moscode": "0", "motcode": "0"}
"""Code of the total, for each column by which the same trade may be broken down."""
_NEEDED = [
    "refyear",
    "freqcode",
    "reporteriso",
    "reporterdesc",
    "partneriso",
    "partnerdesc",
    "flowcode",
    "cmdcode",
]
_NEEDED += ["netwgt", "isnetwgtestimated", *_TOTALS]
_SAME_TRADE = ["cmdcode", "refyear", "flowcode", "reporteriso", "partneriso", "partnerdesc"]
_BY_YEAR = ["material", "refyear"]
KILOGRAMS_PER_TONNE = 1000.0


def read_comtrade(
    path: Path, selection: Selection, home: Sequence[str] = (), consumer: str = ""
) -> Extract:
    """Return imports by origin as a table of supply, in tonnes of net weight.

    ``home`` are codes of the importing countries; ``EU`` stands for its members. Trade between them
    is left out. With ``consumer``, the second table has imports less exports as its demand.
    Raises Misuse for a choice that the file does not offer, ScenarioError for a file that cannot
    be read.
    """
    check_installed()
    data = read_file(path)
    records = data.records(_NEEDED, "UN Comtrade")
    chosen = selection.materials_by_commodity([*records["cmdcode"].unique()], "hs_")
    for part, whole in product(chosen, chosen):
        if part != whole and part.startswith(whole):
            raise Misuse(f"{part} is a part of {whole}; choose one.")
    selection.check_countries([*records["reporterdesc"], *records["partnerdesc"]])
    trades = _trades(data, records[records["cmdcode"].isin([*chosen])], selection)
    trades["material"] = trades["cmdcode"].map(chosen)
    importers = _home_codes(home, {*trades["reporter"]})
    trades = trades[trades["reporter"].isin([*importers])]
    trades = _without_parts(data, _without_repetitions(data, trades))
    is_inner = trades["partner"].isin([*importers])
    if is_inner.any():
        tonnes = trades.loc[is_inner & (trades["flowcode"] == "M"), "value"].sum()
        text = "trade among the importing countries left out"
        data.note(None, f"{text}: rows {is_inner.sum()}, imports {number_text(tonnes)} t")
    trades = trades[~is_inner]
    row: Any
    for row in trades[trades["value"] == 0.0].itertuples():
        data.note(row.Index, f"{row.partner}, {row.refyear}: no net weight; left out")
    imports = trades[trades["flowcode"] == "M"]
    supply = _supply(data, imports)
    tables = [YearlyTable("supply", ["material", "country"], "t_per_year", supply)]
    if consumer:
        exports = trades[trades["flowcode"] == "X"]
        demand = _net_imports(data, supply, exports).assign(consumer=consumer)
        tables.append(YearlyTable("demand", ["consumer", "material"], "t_per_year", demand))
    codes = ", ".join(f"HS {code}" for code in chosen)
    source = {
        "text": "United Nations Statistics Division, UN Comtrade, imports of "
        f"{', '.join(sorted(importers))}, {codes}",
        "url": "https://comtradeplus.un.org",
    }
    return Extract("comtrade", data, tables, "_".join(("comtrade", *chosen)), source)


def _trades(data: DataFile, records: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Return the imports and exports of the chosen years, with codes of countries, and tonnes as
    ``value``. Raises ScenarioError for months, and for faulty years, weights and countries."""
    keys = data.keys()
    for key, form, right in (("refyear", r"\d{4}", "a year"), ("freqcode", "A", "A, annual data")):
        for line in records.index[~records[key].str.fullmatch(form)]:
            text = f"'{records[key][line]}' is not {right}"
            raise data.fault(line, text, "download annual data", keys.index(key))
    records = records.astype({"refyear": int})
    trades = records[selection.takes(records["refyear"])].copy()
    is_taken = trades["flowcode"].isin(["M", "X"])
    for name, count in trades.loc[~is_taken, "flowcode"].value_counts(sort=False).items():
        data.note(None, f"rows of the flow '{name}' left out: {count}")
    trades = trades[is_taken].copy()
    faults: list[Fault] = []
    for side in ("reporter", "partner"):
        names = trades[f"{side}desc"]
        trades[side] = [
            selection.countries.get(normalized_name(name)) or code_of_trade_row(code, name)
            for code, name in zip(trades[f"{side}iso"], names, strict=True)
        ]
        for line in trades.index[trades[side] == ""]:
            hint = f'add --country "{names[line]}=CODE"; XX if it is several'
            text = f"'{names[line]}' is no known country"
            faults += data.fault(line, text, hint, keys.index(f"{side}desc")).faults
    if faults:
        raise ScenarioError(list(dict.fromkeys(faults)))
    weights = pd.to_numeric(trades["netwgt"].replace("", "0"), errors="coerce")
    for line in trades.index[~weights.between(0, 1e15)]:
        text = f"'{trades['netwgt'][line]}' is no net weight"
        raise data.fault(line, text, "write kilograms, such as 1200.5", keys.index("netwgt"))
    trades["value"] = weights / KILOGRAMS_PER_TONNE
    is_estimated = trades["isnetwgtestimated"].str.lower().isin(("true", "1"))
    trades["note"] = is_estimated.map({True: "net weight estimated", False: ""})
    for name, total in _TOTALS.items():
        trades[name] = trades[name].str.removesuffix(".0").replace(total, "")
    return trades


def _home_codes(home: Sequence[str], reporters: Collection[str]) -> set[str]:
    """Return the codes of the importing countries, by default all that report."""
    if not home:
        return set(reporters)
    codes: set[str] = set()
    for code in (corrected_code(text.upper()) or text.upper() for text in home):
        codes |= EU_27 if code == "EU" and "EU" not in reporters else {code}
    absent = codes - set(reporters)
    if not codes & set(reporters) or absent - EU_27:
        names, known = ", ".join(sorted(absent)), ", ".join(sorted(reporters))
        raise Misuse(f"The file has no reporter {names}; it has {known}.")
    return codes & set(reporters)


def _without_repetitions(data: DataFile, trades: pd.DataFrame) -> pd.DataFrame:
    """Return the trades without rows that repeat an earlier one. Raises ScenarioError if such a row
    has another weight."""
    same = trades.assign(line=trades.index).groupby([*_SAME_TRADE, *_TOTALS], sort=False)
    lines, weights = same["line"].transform("first"), same["value"].transform("first")
    for line in trades.index[lines != trades.index]:
        if weights[line] != trades["value"][line]:
            message = f"line {lines[line]} has another net weight for the same trade"
            raise data.fault(line, message, "keep one of them")
        data.note(line, f"the same as line {lines[line]}; left out")
    return trades[lines == trades.index]


def _without_parts(data: DataFile, trades: pd.DataFrame) -> pd.DataFrame:
    """Return the trades without rows that a total of the same trade contains.

    Raises ScenarioError if the rows that remain of a trade are broken down in different ways, since
    they may contain each other.
    """
    kept: list[Any] = []
    for _, group in trades.groupby(_SAME_TRADE, sort=False):
        codes = dict(zip(group.index, group[[*_TOTALS]].itertuples(index=False), strict=True))
        known = {tuple(row) for row in codes.values()}
        whole = {
            line: row for line, row in codes.items() if known.isdisjoint(_totals_of(tuple(row)))
        }
        kept += whole
        patterns = {tuple(map(bool, row)): line for line, row in whole.items()}
        if len(patterns) > 1:
            first, *_, last = sorted(patterns.values())
            message = f"the same trade as in line {first}, broken down in another way"
            raise data.fault(last, message, "keep one of the ways, or the totals")
    if len(kept) < len(trades):
        data.note(None, f"rows left out as parts of a total: {len(trades) - len(kept)}")
    return trades.loc[kept]


def _totals_of(codes: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the codes of all totals to which a row with these codes belongs."""
    choices = ((code, "") if code else ("",) for code in codes)
    return (total for total in product(*choices) if total != codes)


def _supply(data: DataFile, imports: pd.DataFrame) -> pd.DataFrame:
    """Return imports by partner. Imports are 0 in the years for which the file has a material but
    no row of a partner. Sums, estimated weights and unnamed partners are noted."""
    is_world = imports["partner"] == WORLD
    stated = imports[~is_world].rename(columns={"partner": "country", "refyear": "year"})
    supply = stated.loc[stated["value"] > 0, ["material", "country", "year", "value", "note"]]
    if supply.empty:
        raise data.fault(None, "the file has no imports by partner with a net weight")
    for line in supply.index[supply["country"] == UNKNOWN]:
        data.note(line, f"{UNKNOWN}, {supply['year'][line]}: no single country; kept as {UNKNOWN}")
    zeros = []
    for (material, year), rows in imports.groupby(_BY_YEAR):
        named = {*supply.loc[supply["material"] == material, "country"]}
        if absent := sorted(named - {*rows["partner"]}):
            data.note(None, f"{material}, {year}: no rows of {', '.join(absent)}; 0 t")
            zeros += [(material, country, year, 0.0, "") for country in absent]
        world = rows["partner"] == WORLD
        total = number_text(rows.loc[~world, "value"].sum())
        if estimated := rows.loc[~world & (rows["note"] != ""), "value"].sum():
            data.note(None, f"{material}, {year}: {number_text(estimated)} t are estimated")
        if world.any():
            text = f"the countries add up to {total} t; the file states "
            text += f"{number_text(rows.loc[world, 'value'].sum())} t"
            data.note(rows.index[world][0], f"{material}, {year}: {text}")
    return pd.concat([supply, pd.DataFrame(zeros, columns=supply.columns).astype(supply.dtypes)])


def _net_imports(data: DataFile, supply: pd.DataFrame, exports: pd.DataFrame) -> pd.DataFrame:
    """Return imports less exports. Exports to the world count for reporters without exports by
    partner."""
    is_world = exports["partner"] == WORLD
    same = [exports[name] for name in ("cmdcode", "refyear", "reporter")]
    counted = exports[~is_world | is_world.groupby(same).transform("all")]
    exported = counted.groupby(_BY_YEAR)["value"].sum().to_dict()
    demand: pd.Series[Any] = supply.groupby(["material", "year"])["value"].sum()
    key: Any
    for key, tonnes in demand.items():
        out = exported.get(key, 0.0)
        if not out:
            data.note(None, f"{key[0]}, {key[1]}: no exports; demand is all imports")
        elif out > tonnes:
            data.note(None, f"{key[0]}, {key[1]}: exports exceed imports; demand is 0")
        demand.loc[key] = max(0.0, tonnes - out)
    return demand.reset_index().assign(note="")
