"""Trade of UN Comtrade: imports by country of origin as supply, and net imports as demand.

A file may contain the same trade several times: with the world as partner and by partner, in total
and by mode of transport, customs procedure or second partner, by month and by year. Totals count
where the file has them, and the sum of the parts where it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.countries import EU_27, corrected_code
from models.faults import Fault, ScenarioError
from optimizer.data_files.cells import read_number
from optimizer.data_files.countries import (
    UNKNOWN,
    WORLD,
    check_installed,
    code_of_trade_row,
    normalized_name,
)
from optimizer.data_files.rows import DataFile, check_widths, header_key, read_file
from optimizer.data_files.selection import Selection
from optimizer.data_files.tables import Extract, YearlyTable, file_date, number_text
from optimizer.errors import Misuse

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = {
    "year": ("refyear", "year"),
    "period": ("period",),
    "reporter_code": ("reporteriso",),
    "reporter": ("reporterdesc", "reporter"),
    "partner_code": ("partneriso",),
    "partner": ("partnerdesc", "partner"),
    "flow": ("flowcode", "tradeflowcode"),
    "flow_name": ("flowdesc", "tradeflow"),
    "commodity": ("cmdcode", "commoditycode"),
    "weight": ("netwgt", "netweightkg"),
    "value": ("primaryvalue", "tradevalueus"),
    "estimated": ("isnetwgtestimated",),
    "flag": ("flag",),
    "frequency": ("freqcode",),
    "partner2": ("partner2code", "2ndpartnercode"),
    "customs": ("customscode", "customsproccode"),
    "supply_mode": ("moscode",),
    "transport": ("motcode", "modeoftransportcode"),
}
"""Columns by the keys of their names, in the present form of the files and in the former one."""
_NEEDED = {
    "netWgt": ("weight",),
    "cmdCode": ("commodity",),
    "refYear": ("year", "period"),
    "flowCode": ("flow", "flow_name"),
    "reporterISO": ("reporter_code", "reporter"),
    "partnerISO": ("partner_code", "partner"),
}
"""For each needed column, those of which one has to be there."""
_TOTALS = {
    "partner2": "0",
    "customs": "C00",
    "supply_mode": "0",
    "transport": "0",
    "frequency": "A",
}
"""Code of the total, for each column by which the same trade may be broken down."""
_FLOWS = {"m": "M", "1": "M", "import": "M", "imports": "M"}
_FLOWS |= {"x": "X", "2": "X", "export": "X", "exports": "X"}
"""Imports and exports. Imports include re-imports, exports include re-exports, which have rows of
their own as well."""
_ESTIMATED_FLAGS = ("4", "6")  #: Of the former files: net weight estimated, also with quantity.
KILOGRAMS_PER_TONNE = 1000.0
_SAME_TRADE = ["commodity", "year", "flow", "reporter_label", "partner_label"]


def read_comtrade(
    path: Path,
    selection: Selection,
    home: Sequence[str] = (),
    consumer: str = "",
    countries: Mapping[str, str] | None = None,
) -> Extract:
    """Return imports by origin as a table of supply, in tonnes of net weight.

    ``home`` are codes of the importing countries; ``EU`` stands for its members. Trade between them
    is left out. With ``consumer``, the second table has imports less exports as its demand.
    Raises Misuse for a choice that the file does not offer, ScenarioError for a file that cannot
    be read.
    """
    check_installed()
    data = read_file(path)
    check_widths(data)
    texts = _texts(data)
    offered = {code: f"hs_{code}" for code in texts["commodity"].unique() if code}
    chosen = selection.materials_by_commodity(offered)
    for part, whole in product(chosen, chosen):
        if part != whole and part.startswith(whole):
            raise Misuse(f"{part} is a part of {whole}; choose one.")
    trades = _trades(data, texts[texts["commodity"].isin([*chosen])], selection, countries or {})
    trades["material"] = trades["commodity"].map(chosen)
    importers = _home_codes(home, {*trades["reporter"]})
    trades = trades[trades["reporter"].isin([*importers])]
    trades = _without_parts(data, _without_repetitions(data, trades))
    is_inner = trades["partner"].isin([*importers])
    if is_inner.any():
        tonnes = trades.loc[is_inner & (trades["flow"] == "M"), "tonnes"].sum()
        text = "trade among the importing countries left out"
        data.note(None, f"{text}: rows {is_inner.sum()}, imports {number_text(tonnes)} t")
    trades = trades[~is_inner]
    row: Any
    for row in trades[trades["tonnes"] == 0.0].itertuples():
        text = f"{row.partner}, {row.year}: no net weight; {number_text(row.value)} USD left out"
        data.note(data.rows[row.Index], text)
    weighed = trades[trades["tonnes"] != 0.0]
    source_id = "_".join(("comtrade", *chosen))
    supply = _supply(data, trades, weighed[weighed["flow"] == "M"], source_id)
    tables = [supply]
    if consumer:
        tables.append(_net_imports(data, supply, trades[trades["flow"] == "X"], consumer))
    codes = ", ".join(f"HS {code}" for code in chosen)
    source = {
        "text": f"United Nations Statistics Division, UN Comtrade, imports of "
        f"{', '.join(sorted(importers))}, {codes}; file {path.name} of {file_date(path)}",
        "kind": "read",
        "url": "https://comtradeplus.un.org",
    }
    return Extract("comtrade", tables, source_id, source, data.notices)


def _texts(data: DataFile) -> pd.DataFrame:
    """Return the texts of the known columns by the index of their row. Raises ScenarioError if a
    column is missing."""
    import pandas as pd

    positions = {header_key(name): n for n, name in reversed([*enumerate(data.rows[0].cells)])}
    columns = {
        name: next((positions[key] for key in keys if key in positions), None)
        for name, keys in _COLUMNS.items()
    }
    missing = [n for n, names in _NEEDED.items() if all(columns[name] is None for name in names)]
    if missing:
        message = f"these are not the columns of UN Comtrade: {', '.join(missing)} missing"
        raise data.fault(data.rows[0], message, "download trade data as CSV, with all columns")
    rows = data.rows[1:]
    texts = {name: [row.text(index) for row in rows] for name, index in columns.items()}
    return pd.DataFrame(texts, index=range(1, len(data.rows)), dtype=object)


def _trades(
    data: DataFile, texts: pd.DataFrame, selection: Selection, countries: Mapping[str, str]
) -> pd.DataFrame:
    """Return the imports and exports of the chosen years, with codes of countries and tonnes."""
    import pandas as pd

    trades = texts.assign(year=texts["year"].where(texts["year"] != "", texts["period"]).str[:4])
    for index, text in trades["year"].items():
        if not text.isdecimal():
            raise data.fault(data.rows[index], f"'{text}' is no year")  # type: ignore[call-overload]
    trades["year"] = trades["year"].astype(int)
    years = [*trades["year"]]
    trades = trades[[selection.takes(year) for year in years]]
    flows = [trades[name].str.lower().map(_FLOWS) for name in ("flow", "flow_name")]
    flow = flows[0].fillna(flows[1])
    others = trades["flow_name"].where(trades["flow_name"] != "", trades["flow"])[flow.isna()]
    trades = trades.assign(flow=flow)[flow.notna()]
    faults = []
    for side in ("reporter", "partner"):
        names, codes = trades[side], trades[f"{side}_code"]
        trades[f"{side}_label"] = codes + " " + names
        trades[side] = [
            countries.get(normalized_name(name)) or code_of_trade_row(code, name)
            for code, name in zip(codes, names, strict=True)
        ]
        for index in trades.index[trades[side] == ""]:
            name = names[index] or codes[index]
            hint = f'add --country "{name}=CODE"; XX if it is several'
            location = data.location(data.rows[index])
            faults.append(Fault((), f"'{name}' is no known country", hint, location=location))
    if faults:
        raise ScenarioError(list(dict.fromkeys(faults)))
    selection.check_any_year(years)
    for name, count in others.value_counts(sort=False).items():
        data.note(None, f"rows of '{name}' left out: {count}")
    for name in ("weight", "value"):  # None for a missing number, which is not a 0
        numbers = [read_number(text, dash="missing").value for text in trades[name]]
        trades[name] = pd.Series(numbers, trades.index, dtype=object)
    trades["tonnes"] = [(weight or 0.0) / KILOGRAMS_PER_TONNE for weight in trades["weight"]]
    trades["value"] = [value or 0.0 for value in trades["value"]]
    is_flagged = trades["flag"].isin(_ESTIMATED_FLAGS)
    trades["estimated"] = trades["estimated"].str.lower().isin(("true", "1")) | is_flagged
    for name, total in _TOTALS.items():
        trades[name] = trades[name].str.removesuffix(".0").replace(total, "")
    trades["month"] = trades["period"].str[4:]
    trades["breakdown"] = [*zip(*(trades[name] for name in (*_TOTALS, "month")), strict=True)]
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
    keys = [*_SAME_TRADE, "breakdown"]
    first = trades.drop_duplicates(keys)
    earlier = {
        tuple(row): index for index, row in zip(first.index, first[keys].values, strict=True)
    }
    for index in trades.index.difference(first.index):
        same = earlier[tuple(trades.loc[index, keys])]
        line = data.rows[same].line
        if trades["weight"][same] != trades["weight"][index]:
            message = f"line {line} has another net weight for the same trade"
            raise data.fault(data.rows[index], message, "keep one of them")
        data.note(data.rows[index], f"the same as line {line}; left out")
    return first


def _without_parts(data: DataFile, trades: pd.DataFrame) -> pd.DataFrame:
    """Return the trades without rows that a total of the same trade contains.

    Raises ScenarioError if the rows that remain of a trade are broken down in different ways, since
    they may contain each other.
    """
    kept: list[int] = []
    for _, group in trades.groupby(_SAME_TRADE, sort=False):
        known = {*group["breakdown"]}
        whole = {
            index: codes
            for index, codes in group["breakdown"].items()
            if not any(total in known for total in _totals_of(codes))
        }
        kept += whole  # type: ignore[arg-type]
        patterns = {tuple(map(bool, codes)): index for index, codes in whole.items()}
        if len(patterns) > 1:
            rows = sorted((data.rows[n] for n in patterns.values()), key=lambda row: row.line)  # type: ignore[call-overload]
            message = f"the same trade as in line {rows[0].line}, broken down in another way"
            raise data.fault(rows[-1], message, "keep one of the ways, or the totals")
    if len(kept) < len(trades):
        data.note(None, f"rows left out as parts of a total: {len(trades) - len(kept)}")
    return trades.loc[kept]


def _totals_of(codes: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the codes of all totals to which a row with these codes belongs."""
    choices = ((code, "") if code else ("",) for code in codes)
    return (total for total in product(*choices) if total != codes)


def _supply(
    data: DataFile, trades: pd.DataFrame, imports: pd.DataFrame, source_id: str
) -> YearlyTable:
    """Return imports by partner. Imports are 0 in the years for which the file has a material but
    no row of a partner. Sums, estimated weights and missing months are noted."""
    table = YearlyTable("supply", ("material", "country"), "t_per_year", source_id)
    partners = imports[imports["partner"] != WORLD]
    row: Any
    for row in partners.itertuples():
        note = "net weight estimated" if row.estimated else ""
        table.add((row.material, row.partner), row.year, row.tonnes, note)
        if row.partner == UNKNOWN:
            text = f"{row.partner}, {row.year}: no single country; kept as XX"
            data.note(data.rows[row.Index], text)
    if not table.values:
        raise data.fault(None, "the file has no imports by partner with a net weight")
    stated = trades.loc[trades["flow"] == "M", ["material", "partner", "year"]]
    present = {*map(tuple, stated.values)}
    for year in sorted({*stated["year"]}):
        materials = {*stated.loc[stated["year"] == year, "material"]}
        absent = [
            key
            for key in sorted(table.values)
            if key[0] in materials and (*key, year) not in present
        ]
        for key in absent:
            table.values[key][year] = 0.0
        if absent:
            names = ", ".join(dict.fromkeys(code for _, code in absent))
            data.note(None, f"{year}: no rows of {names}; 0 t")
    for (material, year), rows in imports.groupby(["material", "year"]):
        _note_totals(data, f"{material}, {year}", str(year), rows)
    return table


def _note_totals(data: DataFile, item: str, year: str, imports: pd.DataFrame) -> None:
    is_world = imports["partner"] == WORLD
    partners, world = imports[~is_world], imports[is_world]
    total, dollars = float(partners["tonnes"].sum()), float(partners["value"].sum())
    if dollars:
        price = number_text(round(dollars / total, 2))
        data.note(None, f"{item}: imports of {number_text(total)} t at {price} USD/t")
    estimated = partners[partners["estimated"]]
    if len(estimated):
        lines = ", ".join(str(data.rows[index].line) for index in estimated.index)
        tonnes = number_text(float(estimated["tonnes"].sum()))
        data.note(None, f"{item}: net weight of {tonnes} t estimated, lines {lines}")
    months = {*partners["month"]}
    if "" not in months and 0 < len(months) < 12:
        data.note(None, f"{item}: months in the file: {len(months)} of 12")
    if len(world):
        sums = number_text(total), number_text(float(world["tonnes"].sum()))
        text = f"{year}: the countries add up to {sums[0]} t; the file states {sums[1]} t"
        data.note(data.rows[world.index[0]], text)


def _net_imports(
    data: DataFile, supply: YearlyTable, exports: pd.DataFrame, consumer: str
) -> YearlyTable:
    """Return imports less exports as demand of a consumer. Exports to the world count for reporters
    without exports by partner."""
    demand = YearlyTable("demand", ("consumer", "material"), "t_per_year", supply.source)
    same = [exports[name] for name in ("commodity", "year", "reporter")]
    is_world = exports["partner"] == WORLD
    counted = exports[~is_world | is_world.groupby(same).transform("all")]
    weighed = counted[counted["tonnes"] != 0.0]
    exported = weighed.groupby(["material", "year"])["tonnes"].sum().to_dict()
    imported: dict[tuple[str, int], float] = {}
    for (material, _), years in supply.values.items():
        for year, tonnes in years.items():
            imported[material, year] = imported.get((material, year), 0.0) + tonnes
    for (material, year), tonnes in sorted(imported.items()):
        net = tonnes - exported.get((material, year), 0.0)
        if (material, year) not in exported:
            data.note(None, f"{material}, {year}: no exports; demand is all imports")
        elif net < 0:
            data.note(None, f"{material}, {year}: exports exceed imports; demand is 0")
        demand.add((consumer, material), year, max(0.0, net))
    return demand
