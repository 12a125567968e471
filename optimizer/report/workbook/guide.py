"""What helps to read a workbook: how cells are marked, and where the sheets are."""

from __future__ import annotations

from models.language import tr
from optimizer.report.workbook.book import Sheet
from optimizer.report.workbook.styles import Origin


def legend(sheet: Sheet, across: int) -> None:
    """Where a figure comes from, told by colour and without."""
    sheet.heading(tr("How cells are marked"))
    styles = sheet.book.styles
    sample = 1234.5
    marks: dict[Origin, str] = {
        "optimizer": tr("from the optimizer: blue, upright. Overtyped, it fails a check"),
        "scenario": tr("from the scenario: yellow, in a dotted frame"),
        "formula": tr("formula of this workbook: white, italic"),
    }
    for origin, says in marks.items():
        style = styles.cell(origin, "money")
        if origin == "formula":
            sheet.worksheet.write_formula(sheet.row, 0, f"={sample}", style, sample)
        else:
            sheet.worksheet.write_number(sheet.row, 0, sample, style)
        sheet.worksheet.write_string(sheet.row, 1, says, styles.cell("words", "text"))
        sheet.row += 1
    sheet.note(
        tr(
            "A dash is nothing at all. Amounts are undiscounted unless a header says otherwise. "
            "Names for formulas can be used in other workbooks that refer to this one."
        ),
        across,
    )


def contents(sheet: Sheet, second: int = 4) -> None:
    """Links to all other sheets; the second half begins in a column of its own."""
    sheet.heading(tr("Sheets"))
    link, about = sheet.book.styles.shape("link"), sheet.book.styles.cell("words", "text")
    others = sheet.book.sheets[1:]
    half = -(-len(others) // 2)
    sheet.widen(second, max((len(other.tab) for other in others[half:]), default=0))
    for position, other in enumerate(others):
        row, column = sheet.row + position % half, 0 if position < half else second
        target = f"internal:{other.prefix}A1"
        sheet.worksheet.write_url(row, column, target, link, string=other.tab)
        sheet.worksheet.write_string(row, column + 1, other.title, about)
    sheet.row += half
