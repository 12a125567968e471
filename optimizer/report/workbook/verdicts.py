"""What helps to read a workbook and to trust it: checks, how cells are marked, and its contents.

The sheet of checks holds what must add up, as formulas, and the totals that figures were given
with. An identity holds between figures of the optimizer, so that a wrong one shows whoever wrote
it. A control figure tells of figures that stand in no identity: what all figures of a sheet came to
when they were written, against what they come to now.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.language import tr
from optimizer.report.document import Check, Column, Section, Table, sheet_only
from optimizer.report.wording import capital
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import Book, Sheet, address
from optimizer.report.workbook.formulas import Formulas, Line

TOLERANCE = 5e-6
"""Share of the figure compared: a little over what the check of a plan allows the solver."""
CONTROL_TOLERANCE = 1e-11
"""Share of a control figure: what adding up in another order may change."""
CHECKS = "checks"
"""The name of the table of checks."""


class _Compared(NamedTuple):
    """A line of the sheet: two figures, and the share of the second that they may be apart."""

    says: str
    tab: str
    left: ex.Expression
    right: ex.Expression
    limit: float
    summed: bool = False


def check_section(book: Book, formulas: Formulas, checks: Iterable[tuple[Check, Sheet]]) -> Section:
    """A section of all checks, each with its sheet, and control figures of all sheets so far."""
    rows = [
        _Compared(c.says, sheet.tab, c.left(formulas), c.right(formulas), TOLERANCE, c.summed)
        for c, sheet in checks
    ]
    says = tr("Control figure: the figures of this sheet are as they were written")
    rows += [
        _Compared(says, sheet.tab, now, ex.of(now.number), CONTROL_TOLERANCE)
        for sheet in book.sheets
        for now in sheet.controls()
    ]
    about = tr(
        "Each line is a formula. Tolerances are shares of the figure compared. Control figures "
        "add up LN(1 + |x|) over all figures of a sheet that no formula stands behind, as they "
        "were written: a figure that is overtyped shows up here."
    )

    def deviation(line: Line) -> ex.Expression:
        left, right = line["left"], line["right"]
        return left * ex.of(1) if line.row.summed else ex.absolute(left - right)

    def tolerance(line: Line) -> ex.Expression:
        return ex.of(line.row.limit) * ex.largest(ex.of(1), ex.absolute(line["right"]))

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
    table = Table("", rows, columns, CHECKS, freeze=1)
    return Section("checks", tr("Do the figures add up?"), [about, table], tab=tr("Checks"))


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
    sheet.worksheet.write_formula(row, 0, f"={says.text}", styles.shape("good"), says.value)
    sheet.worksheet.set_row(row, 18)
    wrong = f"=COUNTIF({results.text},{good})<ROWS({results.text})"
    look = {"type": "formula", "criteria": wrong, "format": styles.verdict(False)}
    sheet.worksheet.conditional_format(row, 0, row, across - 1, look)
    book.name("figures_add_up", ex.Expression(f"{sheet.prefix}{address(row, 0)}", says.value))
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
    for says in (
        tr("from the optimizer: blue, upright. Overtyped, it fails a check"),
        tr("from the scenario: yellow, in a dotted frame"),
        tr("formula of this workbook: white, italic"),
        tr(
            "A dash is nothing at all. Amounts are undiscounted unless a header says otherwise. "
            "Names for formulas can be used in other workbooks that refer to this one."
        ),
    ):
        sheet.note(capital(says), across)


def contents(sheet: Sheet) -> None:
    """Links to all other sheets."""
    sheet.heading(tr("Sheets"))
    link, about = sheet.book.styles.shape("link"), sheet.book.styles.cell("words", "text")
    for other in sheet.book.sheets[1:]:
        sheet.worksheet.write_url(
            sheet.row, 0, f"internal:{other.prefix}A1", link, string=other.tab
        )
        sheet.worksheet.write_string(sheet.row, 1, other.title, about)
        sheet.row += 1
