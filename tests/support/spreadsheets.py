"""Reading workbooks back: their results, their formulas, and what another program makes of them."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

Row = dict[str, Any]

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
with_libreoffice = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")


def results(content: bytes) -> Any:
    """The workbook with the results that are stored beside formulas."""
    return openpyxl.load_workbook(io.BytesIO(content), data_only=True)


def formulas(content: bytes) -> Any:
    """The workbook with its formulas."""
    return openpyxl.load_workbook(io.BytesIO(content))


def records(sheet: Any, *headers: str) -> list[Row]:
    """The rows below the first header that has all of these, up to an empty first cell."""
    rows = list(sheet.iter_rows(values_only=True))
    at = next(n for n, row in enumerate(rows) if set(headers) <= set(row))
    header = rows[at]
    found = []
    for row in rows[at + 1 :]:
        if row[0] is None:
            break
        found.append({str(h): cell for h, cell in zip(header, row, strict=True) if h is not None})
    return found


def cells(book: Any) -> Iterator[tuple[str, Any]]:
    """All cells with something in them, with their sheets."""
    for sheet in book:
        for row in sheet.iter_rows():
            yield from ((sheet.title, cell) for cell in row if cell.value is not None)


def recalculated(
    folder: Path, changes: dict[str, Callable[[Any], None]], content: bytes
) -> dict[str, Any]:
    """Copies of a workbook, each changed in its way, with results that LibreOffice calculates.

    openpyxl writes formulas without results, so that none of those stored before can remain.
    """
    assert SOFFICE is not None
    made, answers = folder / "made", folder / "answers"
    made.mkdir()
    for name, change in changes.items():
        book = formulas(content)
        change(book)
        book.save(made / f"{name}.xlsx")
    profile = (folder / "profile").as_uri()
    subprocess.run(
        [SOFFICE, f"-env:UserInstallation={profile}", "--headless", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(answers),
         *(str(made / f"{name}.xlsx") for name in changes)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return {name: results((answers / f"{name}.xlsx").read_bytes()) for name in changes}


def same_in_libreoffice(folder: Path, content: bytes) -> None:
    """LibreOffice calculates each formula to the result that is stored beside it."""
    book = recalculated(folder, {"same": lambda _: None}, content)["same"]
    stored = results(content)
    for tab, cell in cells(formulas(content)):
        if cell.data_type == "f":
            ours, theirs = (b[tab][cell.coordinate].value for b in (stored, book))
            wanted = pytest.approx(ours) if isinstance(ours, (int, float)) else ours
            assert theirs == wanted or not (theirs or ours), (tab, cell.coordinate, cell.value)


def displayed(folder: Path, content: bytes) -> list[str]:
    """The first column as LibreOffice shows it, row by row."""
    assert SOFFICE is not None
    made = folder / "shown.xlsx"
    made.write_bytes(content)
    subprocess.run(
        [SOFFICE, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless",
         "--convert-to", "csv:Text - txt - csv (StarCalc):9,34,76", "--outdir", str(folder),
         str(made)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    lines = (folder / "shown.csv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0].strip('"') for line in lines]
