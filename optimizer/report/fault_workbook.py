"""Workbook that lists the faults of a scenario workbook, with links to the faulty cells."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from models.faults import Fault, SourceLocation
from models.files.shapes import FAULTS_SHEET
from models.language import tr

Severity = Literal["error", "warning", "conflict"]
_HEADER_RED = "B42318"


@dataclass(frozen=True)
class Finding:
    """A fault in a cell of a workbook, and how to correct it.

    The severity ``conflict`` marks a rule in a set of rules that cannot all hold. ``cell`` may be a
    location outside the workbook.
    """

    severity: Severity
    sheet: str
    cell: str
    message: str
    hint: str = ""


def finding_from_fault(fault: Fault, file: str) -> Finding:
    """Return the finding for a fault of a scenario file."""
    return finding_at_place(fault.severity, fault.location, fault.message, fault.hint, file)


def finding_at_place(
    severity: Severity, place: SourceLocation | None, message: str, hint: str, file: str
) -> Finding:
    """Return the finding for a message at a location of a scenario file.

    The sheet is empty if the location is not a cell of the workbook ``file``.
    """
    if place is not None and place.cell and place.file == file:
        sheet, _, cell = place.cell.rpartition("!")
        return Finding(severity, sheet, cell, message, hint)
    location = str(place) if place is not None and str(place) != file else ""
    return Finding(severity, "", location, message, hint)


def build_fault_workbook(findings: Sequence[Finding], file: str) -> bytes:
    """Return an Excel workbook that lists the findings, with links into the workbook ``file``.

    ``file`` is the path of that workbook relative to the folder of the list, with forward slashes.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.hyperlink import Hyperlink

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = tr(FAULTS_SHEET)
    title = tr("Faults in this workbook")
    if any(finding.severity == "conflict" for finding in findings):
        title = tr("No plan keeps all of these rules together; relax one of them")
    severity_words = {"error": tr("Error"), "warning": tr("Warning"), "conflict": tr("Rule")}
    headers = (tr("No."), tr("Severity"), tr("Sheet"), tr("Cell"), tr("What is wrong"),
             tr("What would be right"))  # fmt: skip
    rows = [
        (str(number), severity_words[f.severity], f.sheet, f.cell, f.message, f.hint)
        for number, f in enumerate(findings, start=1)
    ]
    for number, row_values in enumerate(((title,), (file,), headers, *rows), start=1):
        for column, value in enumerate(row_values, start=1):
            cell = sheet.cell(number, column, value)
            cell.data_type = "s"  # a text stays a text, even if it looks like a formula
            cell.alignment = Alignment(vertical="top", wrap_text=number > 2)
            if number == 3:
                cell.font = Font(bold=True, color="FFFFFF")
                cell.fill = PatternFill("solid", fgColor=_HEADER_RED)
    sheet["A1"].font = Font(bold=True, size=14, color=_HEADER_RED)
    for number, finding in enumerate(findings, start=4):
        if finding.severity == "error":
            sheet[f"B{number}"].font = Font(bold=True, color=_HEADER_RED)
        if finding.sheet:
            target = "'" + finding.sheet.replace("'", "''") + f"'!{finding.cell}"
            link = Hyperlink(ref=f"D{number}", target=quote(file), location=target)
            sheet[f"D{number}"].hyperlink = link
            sheet[f"D{number}"].font = Font(color="0563C1", underline="single")
    for letter, width in zip("ABCDEF", (6, 12, 20, 10, 70, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A4"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
