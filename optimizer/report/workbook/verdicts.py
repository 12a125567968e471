"""What helps to read a workbook and to trust it: checks, how cells are marked, and its contents.

The sheet of checks holds what must add up, as formulas, and the totals that figures were given
with. An identity holds between figures of the optimizer, so that a wrong one shows whoever wrote
it. A control figure tells of figures that stand in no identity: what all figures of a sheet came to
when they were written, against what they come to now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from models.language import tr
from optimizer.report.document import Check, Column, Part, Section, Table, sheet_only
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.formulas import Formulas, Line
from optimizer.report.workbook.styles import Origin

TOLERANCE = 5e-6
"""Share of the figure compared: a little over what the check of a plan allows the solver."""
CONTROL_TOLERANCE = 1e-11
"""Share of a control figure: what adding up in another order may change."""
CHECKS = "checks"
"""The name of the table of checks."""


class _Compared(NamedTuple):
    """A line of the sheet: two figures, and the cell with the tolerance that holds for them."""

    says: str
    tab: str
    left: ex.Expression
    right: ex.Expression
    summed: bool
    limit: ex.Expression


def check_section(book: Book, formulas: Formulas, checks: Iterable[tuple[Check, Sheet]]) -> Section:
    """A section of all checks, each with its sheet, and control figures of all sheets so far."""
    limits = [
        (tr("Tolerance of identities"), ex.Expression("tolerance", TOLERANCE)),
        (tr("Tolerance of control figures"), ex.Expression("control_tolerance", CONTROL_TOLERANCE)),
    ]
    (_, limit), (_, control) = limits
    rows = [
        _Compared(c.says, sheet.tab, c.left(formulas), c.right(formulas), c.summed, limit)
        for c, sheet in checks
    ]
    says = tr("Control figure: the figures of this sheet are as they were written")
    rows += [
        _Compared(says, sheet.tab, now, ex.of(now.number), False, control)
        for sheet in book.sheets
        for now in sheet.controls()
    ]
    share = [
        Column(tr("Tolerance"), "0", "text", width=82),
        Column(tr("Share"), "1.value", "tolerance", name=lambda row: row[1].text, width=22),
    ]
    about = tr(
        "Each line is a formula. Tolerances are shares of the figure compared. Control figures "
        "add up LN(1 + |x|) over all figures of a sheet that no formula stands behind, as they "
        "were written: a figure that is overtyped shows up here."
    )
    parts: list[Part] = [about, Table("", limits, share, "limits"), _table(rows)]
    return Section("checks", tr("Do the figures add up?"), parts, tab=tr("Checks"))


def _table(rows: list[_Compared]) -> Table:
    def deviation(line: Line) -> ex.Expression:
        left, right = line["left"], line["right"]
        return left * ex.of(1) if line.row.summed else ex.absolute(left - right)

    def tolerance(line: Line) -> ex.Expression:
        limit: ex.Expression = line.row.limit
        return limit * ex.largest(ex.of(1), ex.absolute(line["right"]))

    def verdict(line: Line) -> ex.Expression:
        good, bad = tr("adds up"), tr("DOES NOT ADD UP")
        return ex.if_within(line["deviation"], line["tolerance"], good, bad)

    right = tr("Must equal, or is measured by")
    columns = [
        Column(tr("Check"), "says", "text", width=82),
        Column(tr("Sheet"), "tab", "text", width=22),
        sheet_only(tr("Figure"), "left", lambda line: line.row.left, "control", width=17),
        sheet_only(right, "right", lambda line: line.row.right, "control", width=17),
        sheet_only(tr("Deviation"), "deviation", deviation, "deviation", width=12),
        sheet_only(tr("Tolerance"), "tolerance", tolerance, "tolerance", width=11),
        sheet_only(tr("Result"), "verdict", verdict, "text", width=20),
    ]
    return Table("", rows, columns, CHECKS, freeze=1)


def show_verdict(book: Book, formulas: Formulas, row: int, across: int) -> None:
    """One cell of the first sheet that says whether all adds up; it turns red when it does not."""
    placed, sheet, styles = formulas[CHECKS], book.sheets[0], book.styles
    results, good = placed.area("verdict"), ex.words(tr("adds up")).text
    says = ex.if_all(
        results,
        tr("adds up"),
        tr("The figures of this workbook add up: all {count} checks hold.", count=placed.count),
        tr(
            "WARNING: figures of this workbook no longer add up. Checks that fail: {failing} of "
            "{count}; see the last sheet.",
            failing="{}",
            count=placed.count,
        ),
    )
    sheet.worksheet.merge_range(row, 0, row, across - 1, "", styles.shape("good"))
    cell = sheet.put(row, 0, says, "formula", "text")
    # The cell again, in a look of its own.
    sheet.worksheet.write_formula(row, 0, f"={says.text}", styles.shape("good"), says.value)
    sheet.worksheet.set_row(row, 18)
    wrong = f"=COUNTIF({results.text},{good})<ROWS({results.text})"
    look = {"type": "formula", "criteria": wrong, "format": styles.verdict(False)}
    sheet.worksheet.conditional_format(row, 0, row, across - 1, look)
    book.name("figures_add_up", cell)
    # Red on a result that is not the good one; the words say it as well.
    top, at = placed.header_row + 1, placed.at("verdict")
    for criteria, holds in (("!=", False), ("==", True)):
        look = {
            "type": "cell",
            "criteria": criteria,
            "value": good,
            "format": styles.verdict(holds),
        }
        book.sheets[-1].worksheet.conditional_format(top, at, top + placed.count - 1, at, look)


def legend(sheet: Sheet, across: int) -> None:
    """Where a figure comes from, told by colour and without."""
    sheet.heading(tr("How cells are marked"))
    styles, sample = sheet.book.styles, 1234.5
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
