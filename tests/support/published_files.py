"""Files in the shapes in which publishers offer them for download, with made-up figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

MCS_2025 = (
    "SOURCE,COMMODITY,COUNTRY,TYPE,UNIT_MEAS,PROD_2023,PROD_EST_ 2024,PROD_NOTES,CAP_2023,"
    "CAP_EST_ 2024,CAP_NOTES,RESERVES_2024,RESERVE_NOTES"
)
MCS_2026 = (
    "MCS chapter,Section,Commodity,Country,Statistics,Statistics_detail,Unit,Year,Value,"
    "Notes,Is critical mineral 2025,Other notes"
)
MINE = "Mine production, cobalt content"
COMTRADE = (
    "typeCode,freqCode,refPeriodId,refYear,refMonth,period,reporterCode,reporterISO,"
    "reporterDesc,flowCode,flowDesc,partnerCode,partnerISO,partnerDesc,partner2Code,"
    "partner2ISO,partner2Desc,classificationCode,classificationSearchCode,"
    "isOriginalClassification,cmdCode,cmdDesc,aggrLevel,isLeaf,customsCode,customsDesc,"
    "mosCode,motCode,motDesc,qtyUnitCode,qtyUnitAbbr,qty,isQtyEstimated,altQtyUnitCode,"
    "altQtyUnitAbbr,altQty,isAltQtyEstimated,netWgt,isNetWgtEstimated,grossWgt,"
    "isGrossWgtEstimated,cifvalue,fobvalue,primaryValue,legacyEstimationFlag,isReported,"
    "isAggregate"
)
PARTNERS = {
    "world": ("0", "W00", "World"),
    "CD": ("180", "COD", "Dem. Rep. of the Congo"),
    "CI": ("384", "CIV", "Côte d'Ivoire"),
    "FR": ("251", "FRA", "France"),
    "HK": ("344", "HKG", "China, Hong Kong SAR"),
    "TW": ("490", "S19", "Other Asia, nes"),
    "XX": ("899", "_X", "Areas, nes"),
}


def csv_bytes(
    header: Sequence[Any],
    rows: Iterable[list[Any]],
    encoding: str = "utf-8",
    line_end: str = "\n",
    tail: str = "",
) -> bytes:
    """A CSV file; ``tail`` follows each row but the header."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=line_end).writerow(header)
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="").writerow(row)
        stream.write(line.getvalue() + tail + line_end)
    return stream.getvalue().encode(encoding)


def by_name(header: str, cells: Mapping[str, Any]) -> list[Any]:
    names = header.split(",")
    assert set(cells) <= set(names)
    return [cells.get(name, "") for name in names]


def mcs_2025(
    path: Path, figures: Iterable[tuple[str, str, str]], commodity: str = "Cobalt", **other: str
) -> Path:
    """The wide file of one edition, in Windows-1252: country, figures of 2023 and of 2024."""
    rows = []
    for country, first, second in figures:
        cells = {"SOURCE": "MCS2025", "COMMODITY": commodity, "COUNTRY": country, "TYPE": MINE}
        cells |= {"UNIT_MEAS": "metric tons", "PROD_2023": first, "PROD_EST_ 2024": second}
        rows.append(by_name(MCS_2025, cells | other))
    path.write_bytes(csv_bytes(MCS_2025.split(","), rows, "cp1252", "\r\n"))
    return path


def mcs_2026(path: Path, figures: Iterable[tuple[str, str, str]]) -> Path:
    """The long file: country, year and figure; reserves and a section on one country as well."""
    base = {"MCS chapter": "COBALT", "Commodity": "Cobalt", "Unit": "thousand metric tons"}
    base |= {"Section": "World Mine Production and Reserves", "Statistics": "Production"}
    base |= {"Statistics_detail": "Mine production"}
    rows = [
        {**base, "Country": "United States", "Section": "Salient Statistics—United States"}
        | {"Year": "2025", "Value": "99"},
        {**base, "Country": "Cuba", "Statistics": "Reserves", "Year": "2025", "Value": "500"},
    ]
    for country, year, figure in figures:
        row = base | {"Country": country, "Year": year, "Value": figure}
        if country.startswith("World"):
            row["Statistics_detail"] += ": rounded"
        rows.append(row)
    path.write_bytes(
        csv_bytes(MCS_2026.split(","), (by_name(MCS_2026, row) for row in rows), "cp1252")
    )
    return path


def trade(partner: str, weight: object, **cells: str) -> dict[str, Any]:
    """A row of German imports of cobalt in 2023, in kg."""
    code, iso, name = PARTNERS[partner]
    row = {"typeCode": "C", "freqCode": "A", "refYear": "2023", "refMonth": "52", "period": "2023"}
    row |= {"reporterCode": "276", "reporterISO": "DEU", "reporterDesc": "Germany"}
    row |= {"flowCode": "M", "flowDesc": "Import", "partnerCode": code, "partnerISO": iso}
    row |= {"partnerDesc": name, "partner2Code": "0", "partner2ISO": "W00", "cmdCode": "810520"}
    row |= {"cmdDesc": "Cobalt; mattes, unwrought", "customsCode": "C00", "mosCode": "0"}
    row |= {"motCode": "0", "netWgt": str(weight), "isNetWgtEstimated": "False"}
    return {**row, "primaryValue": "1000", "legacyEstimationFlag": "0", **cells}


def comtrade(path: Path, rows: Iterable[Mapping[str, Any]], encoding: str = "cp1252") -> Path:
    """A file of the present form, whose rows end with a comma more than the header."""
    table = (by_name(COMTRADE, row) for row in rows)
    path.write_bytes(csv_bytes(COMTRADE.split(","), table, encoding, tail=","))
    return path


PINK_SHEET: list[list[Any]] = [
    ["World Bank Commodity Price Data (The Pink Sheet)"],
    ["monthly prices in nominal US dollars, 1960 to present"],
    ["(monthly series are available from 1960M01)"],
    ["Updated on May 04, 2026"],
    [None, "Crude oil, average", "Nickel", "Tin **", "Gold"],
    [None, "($/bbl)", "($/mt)", "($/mt)", "($/troy oz)"],
    ["2022M12", 80.5, "28,000", 24000, 1800],
    ["2023M01", 80.5, 28000.5, "…", 1900],
    ["2023M02", 80.5, 26000, 25000, 1800],
    ["2024M01", 80.5, 16000, 25000, 2000],
]


def pink_sheet(path: Path) -> Path:
    """The workbook, or the sheet of monthly prices as CSV, according to the name."""
    if path.suffix == ".csv":
        width = max(map(len, PINK_SHEET))
        rows = [[*row, *[None] * (width - len(row))] for row in PINK_SHEET]
        path.write_bytes(csv_bytes(rows[0], rows[1:]))
        return path
    book = Workbook()
    assert book.active is not None
    book.active.title = "AFOSHEET"
    sheet = book.create_sheet("Monthly Prices")
    for row in PINK_SHEET:
        sheet.append(row)
    book.save(path)
    return path
