"""Trade of UN Comtrade: imports by country of origin as supply, and net imports as demand."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from models.countries import EU_27, corrected_code
from models.language import tr
from optimizer.data_files.countries import UNKNOWN, WORLD, check_installed
from optimizer.data_files.rows import DataFile, check_widths, read_file
from optimizer.data_files.selection import Selection
from optimizer.data_files.tables import Extract, YearlyTable, file_date, number_text
from optimizer.data_files.trade_rows import (
    Trade,
    find_columns,
    read_trades,
    without_parts,
    without_repetitions,
)
from optimizer.errors import Misuse

_Amounts = dict[tuple[str, int], float]
"""Tonnes by material and year."""


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
    columns = find_columns(data)
    offered = dict.fromkeys(row.text(columns["commodity"]) for row in data.rows[1:])
    chosen = selection.materials_by_commodity({code: f"hs_{code}" for code in offered if code})
    _check_overlap(chosen)
    trades = read_trades(data, columns, chosen, selection, countries or {})
    reporters = {trade.reporter for trade in trades}
    importers = _home_codes(home, reporters)
    trades = [trade for trade in trades if trade.reporter in importers]
    trades = without_parts(data, without_repetitions(data, trades))
    trades = _without_home_trade(data, trades, importers)
    source_id = "_".join(("comtrade", *chosen))
    supply = YearlyTable("supply", ("material", "country"), "t_per_year", source_id)
    tables = [supply]
    exported = _add_trade(data, supply, trades, chosen)
    _fill_absent_years(data, supply, trades, chosen)
    _note_totals(data, trades, chosen)
    if not supply.values:
        raise data.fault(None, tr("the file has no imports by partner with a net weight"))
    if consumer:
        tables.append(_net_imports(data, supply, exported, consumer, source_id))
    codes = ", ".join(f"HS {code}" for code in chosen)
    source = {
        "text": f"United Nations Statistics Division, UN Comtrade, imports of "
        f"{', '.join(sorted(importers))}, {codes}; file {path.name} of {file_date(path)}",
        "kind": "read",
        "url": "https://comtradeplus.un.org",
    }
    return Extract("comtrade", tables, source_id, source, data.notices)


def _check_overlap(chosen: Collection[str]) -> None:
    """Raise Misuse if a chosen code of the Harmonized System contains another one."""
    for code in chosen:
        for other in chosen:
            if other != code and other.startswith(code):
                raise Misuse(tr("{part} is a part of {whole}; choose one.", part=other, whole=code))


def _home_codes(home: Sequence[str], reporters: Collection[str]) -> set[str]:
    """Return the codes of the importing countries, by default all that report."""
    if not home:
        return set(reporters)
    codes: set[str] = set()
    for code in (corrected_code(text.upper()) or text.upper() for text in home):
        codes |= EU_27 if code == "EU" and "EU" not in reporters else {code}
    absent = codes - set(reporters)
    if not codes & set(reporters) or absent - EU_27:
        values = {"names": ", ".join(sorted(absent)), "known": ", ".join(sorted(reporters))}
        raise Misuse(tr("The file has no reporter {names}; it has {known}.", **values))
    return codes & set(reporters)


def _without_home_trade(
    data: DataFile, trades: Iterable[Trade], importers: Collection[str]
) -> list[Trade]:
    """Return the trades without those among the importing countries, and of one with itself."""
    kept: list[Trade] = []
    inner: list[Trade] = []
    for trade in trades:
        (inner if trade.partner in importers else kept).append(trade)
    if inner:
        tonnes = sum(trade.tonnes for trade in inner if trade.flow == "M")
        values = {"count": len(inner), "tonnes": number_text(tonnes)}
        data.note(
            None,
            tr(
                "trade among the importing countries left out: rows {count}, imports {tonnes} t",
                **values,
            ),
        )
    return kept


def _add_trade(
    data: DataFile, supply: YearlyTable, trades: Sequence[Trade], materials: Mapping[str, str]
) -> _Amounts:
    """Add imports by partner to the table of supply. Return exports in tonnes."""
    exported: _Amounts = {}
    with_partners = {
        (t.commodity, t.year, t.reporter) for t in trades if t.flow == "X" and t.partner != WORLD
    }
    for trade in trades:
        key = (materials[trade.commodity], trade.year)
        values = {"country": trade.partner, "year": trade.year}
        if not trade.weight:
            message = tr(
                "{country}, {year}: no net weight; {dollars} USD left out",
                dollars=number_text(trade.value),
                **values,
            )
            data.note(trade.row, message)
        elif trade.flow == "X":
            is_counted = (trade.commodity, trade.year, trade.reporter) not in with_partners
            if trade.partner != WORLD or is_counted:
                exported[key] = exported.get(key, 0.0) + trade.tonnes
        elif trade.partner != WORLD:
            note = tr("net weight estimated") if trade.is_estimated else ""
            supply.add((key[0], trade.partner), trade.year, trade.tonnes, note)
            if trade.partner == UNKNOWN:
                data.note(
                    trade.row, tr("{country}, {year}: no single country; kept as XX", **values)
                )
    return exported


def _fill_absent_years(
    data: DataFile, supply: YearlyTable, trades: Sequence[Trade], materials: Mapping[str, str]
) -> None:
    """Set imports to 0 in the years for which the file has a material but no row of a partner."""
    imports = [trade for trade in trades if trade.flow == "M"]
    stated = {(materials[t.commodity], t.partner, t.year) for t in imports}
    absent: dict[int, list[str]] = defaultdict(list)
    for material, year in sorted({(material, year) for material, _, year in stated}):
        for key in sorted(key for key in supply.values if key[0] == material):
            if (*key, year) not in stated:
                supply.values[key][year] = 0.0
                absent[year].append(key[1])
    for year, codes in sorted(absent.items()):
        names = ", ".join(dict.fromkeys(codes))
        data.note(None, tr("{year}: no rows of {names}; 0 t", year=year, names=names))


def _note_totals(data: DataFile, trades: Sequence[Trade], materials: Mapping[str, str]) -> None:
    """Note the sum and the mean value of imports of each year, how much of the weight is estimated,
    missing months, and the sum that the file states for the world."""
    groups: dict[tuple[str, int], list[Trade]] = defaultdict(list)
    for trade in trades:
        if trade.flow == "M" and trade.weight:
            groups[materials[trade.commodity], trade.year].append(trade)
    for (material, year), group in sorted(groups.items()):
        by_partner = [trade for trade in group if trade.partner != WORLD]
        world = [trade for trade in group if trade.partner == WORLD]
        estimated = [trade for trade in by_partner if trade.is_estimated]
        months = {trade.breakdown[-1] for trade in by_partner}
        total = sum(trade.tonnes for trade in by_partner)
        values = {"material": material, "year": year, "tonnes": number_text(total)}
        if dollars := sum(trade.value for trade in by_partner):
            price = number_text(round(dollars / total, 2))
            message = tr(
                "{material}, {year}: imports of {tonnes} t at {price} USD/t", price=price, **values
            )
            data.note(None, message)
        if estimated:
            values["tonnes"] = number_text(sum(trade.tonnes for trade in estimated))
            lines = ", ".join(str(trade.row.line) for trade in estimated)
            data.note(
                None,
                tr(
                    "{material}, {year}: net weight of {tonnes} t estimated, lines {lines}",
                    lines=lines,
                    **values,
                ),
            )
        if "" not in months and 0 < len(months) < 12:
            data.note(
                None,
                tr(
                    "{material}, {year}: months in the file: {count} of 12",
                    count=len(months),
                    **values,
                ),
            )
        if world:
            stated = number_text(sum(trade.tonnes for trade in world))
            facts = {"year": year, "sum": number_text(total), "stated": stated}
            data.note(
                world[0].row,
                tr("{year}: the countries add up to {sum} t; the file states {stated} t", **facts),
            )


def _net_imports(
    data: DataFile, supply: YearlyTable, exported: _Amounts, consumer: str, source_id: str
) -> YearlyTable:
    """Return imports less exports as demand of a consumer."""
    demand = YearlyTable("demand", ("consumer", "material"), "t_per_year", source_id)
    imported: dict[tuple[str, int], float] = defaultdict(float)
    for (material, _), years in supply.values.items():
        for year, tonnes in years.items():
            imported[material, year] += tonnes
    for (material, year), tonnes in sorted(imported.items()):
        net = tonnes - exported.get((material, year), 0.0)
        item = {"material": material, "year": year}
        if (material, year) not in exported:
            data.note(None, tr("{material}, {year}: no exports; demand is all imports", **item))
        elif net < 0:
            data.note(None, tr("{material}, {year}: exports exceed imports; demand is 0", **item))
        demand.add((consumer, material), year, max(0.0, net))
    return demand
