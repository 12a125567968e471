"""Faults as a sheet of the user's own workbook, which keeps all else as it was."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from urllib.parse import quote

from models.files.tabs import FAULTS, names_of
from models.language import tr
from optimizer.report.fault_sheet.drawing import add_styles, sheet_xml
from optimizer.report.fault_sheet.finding import Finding, finding_of, placed
from optimizer.report.fault_sheet.package import NotPlainError, Package, SheetEntry

__all__ = ["Finding", "NotPlainError", "finding_of", "listing", "placed", "with_findings",
           "without_findings"]  # fmt: skip


def with_findings(raw: bytes, findings: Sequence[Finding]) -> bytes:
    """A workbook with these findings on its sheet of faults.

    It comes to the front where there is anything but warnings.

    Raises NotPlainError where the workbook cannot be changed without touching anything else.
    """
    package = _opened(raw)
    content = sheet_xml(_title(findings), findings, add_styles(package))
    entry = _fault_sheet(package)
    if entry is None:
        position = package.add_sheet(tr(FAULTS), content)
    else:
        position = entry.position
        package.put(entry.part, content)
        folder, _, name = entry.part.rpartition("/")
        package.drop(f"{folder}/_rels/{name}.rels")
    if any(one.severity != "warning" for one in findings):
        package.show(position)
    return _readable(package.packed())


def without_findings(raw: bytes) -> bytes | None:
    """A workbook without its sheet of faults; None where it has none.

    Where formulas speak of the sheet it stays and says that there are no faults.
    """
    package = _opened(raw)
    entry = _fault_sheet(package)
    if entry is None:
        return None
    if package.mentions(entry) or "<f" in package.text(entry.part):
        content = sheet_xml(tr("No faults"), (), add_styles(package))
        if package.text(entry.part) == content:
            return None
        package.put(entry.part, content)
    else:
        package.drop_sheet(entry)
    return _readable(package.packed())


def listing(findings: Sequence[Finding], file: str) -> bytes:
    """A workbook of its own with the findings, whose links lead into the workbook ``file``."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.hyperlink import Hyperlink

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = tr(FAULTS)
    heads = (tr("No."), tr("Severity"), tr("Sheet"), tr("Cell"), tr("What is wrong"),
             tr("What would be right"))  # fmt: skip
    rows = [
        (str(n), one.label, one.sheet, one.cell, one.message, one.hint)
        for n, one in enumerate(findings, start=1)
    ]
    for number, values in enumerate(((_title(findings),), (file,), heads, *rows), start=1):
        for column, value in enumerate(values, start=1):
            cell = sheet.cell(number, column, value)
            cell.data_type = "s"
            cell.alignment = Alignment(vertical="top", wrap_text=number > 2)
            if number == 3:
                cell.font = Font(bold=True, color="FFFFFF")
                cell.fill = PatternFill("solid", fgColor="B42318")
    sheet["A1"].font = Font(bold=True, size=14, color="B42318")
    for number, one in enumerate(findings, start=4):
        if one.target:
            link = Hyperlink(ref=f"D{number}", target=quote(file), location=one.target)
            sheet[f"D{number}"].hyperlink = link
            sheet[f"D{number}"].font = Font(color="0563C1", underline="single")
    for letter, width in zip("ABCDEF", (6, 12, 20, 10, 70, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A4"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _title(findings: Sequence[Finding]) -> str:
    conflict = any(one.severity == "conflict" for one in findings)
    if conflict:
        return tr("No plan keeps all of these rules together; relax one of them")
    return tr("Faults in this workbook")


def _opened(raw: bytes) -> Package:
    try:
        return Package(raw)
    except (zipfile.BadZipFile, UnicodeDecodeError, ValueError, OSError) as error:
        raise NotPlainError(str(error)) from None


def _fault_sheet(package: Package) -> SheetEntry | None:
    names = names_of(FAULTS)
    found = [entry for entry in package.sheets() if entry.name in names]
    return found[0] if found else None


def _readable(raw: bytes) -> bytes:
    """What was written, where a reader of workbooks takes it."""
    from openpyxl import load_workbook

    try:
        load_workbook(io.BytesIO(raw), read_only=True)
    except Exception as error:
        # A damaged workbook fails in many ways, none of them documented.
        raise NotPlainError(str(error)) from None
    return raw
