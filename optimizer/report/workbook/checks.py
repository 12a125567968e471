"""What helps to read a workbook and to trust it: checks, how cells are marked, and its contents.

The sheet of checks holds what must add up, as formulas, and the totals that figures were given
with. An identity holds between figures of the optimizer, so that a wrong one shows whoever wrote
it. A control figure tells of figures that stand in no identity: what all figures of a sheet came to
when they were written, against what they come to now.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.language import tr
from optimizer.report.document import Check, Column, Section, Table, sheet_only_column
from optimizer.report.wording import capitalize
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import Book, Sheet, cell_address
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables

CHECK_TOLERANCE = 5e-6
"""Share of the figure compared: a little over what the check of a plan allows the solver."""
CONTROL_TOLERANCE = 1e-11
"""Share of a control figure: what adding up in another order may change."""
CHECKS_TABLE = "checks"
"""The name of the table of checks."""


class _CheckRow(NamedTuple):
    """A line of the sheet: two figures, and the share of the second that they may be apart."""

    statement: str
    tab: str
    left: ex.Expression
    right: ex.Expression
    relative_tolerance: float
    is_deviation_sum: bool = False


def build_checks_section(
    book: Book, formulas: WorkbookTables, checks: Iterable[tuple[Check, Sheet]]
) -> Section:
    """A section of all checks, each with its sheet, and control figures of all sheets so far."""
    rows = [
        _CheckRow(
            c.statement,
            sheet.tab,
            c.left(formulas),
            c.right(formulas),
            CHECK_TOLERANCE,
            c.is_deviation_sum,
        )
        for c, sheet in checks
    ]
    says = tr("Control figure: the figures of this sheet are as they were written")
    rows += [
        _CheckRow(says, sheet.tab, now, ex.as_expression(now.number), CONTROL_TOLERANCE)
        for sheet in book.sheets
        for now in sheet.control_figures()
    ]
    about = tr(
        "Each line is a formula. Tolerances are shares of the figure compared. Control figures "
        "add up LN(1 + |x|) over all figures of a sheet that no formula stands behind, as they "
        "were written: a figure that is overtyped shows up here."
    )

    def deviation(line: FormulaRow) -> ex.Expression:
        left, right = line["left"], line["right"]
        return (
            left * ex.as_expression(1)
            if line.row.is_deviation_sum
            else ex.absolute_value(left - right)
        )

    def tolerance(line: FormulaRow) -> ex.Expression:
        return ex.as_expression(line.row.relative_tolerance) * ex.max_of(
            ex.as_expression(1), ex.absolute_value(line["right"])
        )

    def verdict(line: FormulaRow) -> ex.Expression:
        good, bad = tr("adds up"), tr("DOES NOT ADD UP")
        return ex.if_within(line["deviation"], line["tolerance"], good, bad)

    right = tr("Must equal, or is measured by")
    columns = [
        Column(tr("Check"), "statement", "text", width=82),
        Column(tr("Sheet"), "tab", "text", width=22),
        sheet_only_column(tr("Figure"), "left", lambda line: line.row.left, "control", width=17),
        sheet_only_column(right, "right", lambda line: line.row.right, "control", width=17),
        sheet_only_column(tr("Deviation"), "deviation", deviation, "deviation", width=12),
        sheet_only_column(tr("Tolerance"), "tolerance", tolerance, "tolerance", width=11),
        sheet_only_column(tr("Result"), "verdict", verdict, "text", width=20),
    ]
    table = Table("", rows, columns, CHECKS_TABLE, frozen_columns=1)
    return Section("checks", tr("Do the figures add up?"), [about, table], sheet_name=tr("Checks"))


def write_verdict(book: Book, formulas: WorkbookTables, row: int, across: int) -> None:
    """One cell of the first sheet that says whether all adds up; it turns red when it does not."""
    placed, sheet, styles = formulas[CHECKS_TABLE], book.sheets[0], book.styles
    results, good = placed.column_area("verdict"), ex.text_expression(tr("adds up")).text
    says = ex.if_all_equal(
        results,
        tr("adds up"),
        tr("The figures of this workbook add up: all {count} checks hold.", count=placed.row_count),
        tr(
            "WARNING: figures of this workbook no longer add up. Checks that fail: {failing} of "
            "{count}; see the last sheet.",
            failing="{}",
            count=placed.row_count,
        ),
    )
    sheet.worksheet.merge_range(row, 0, row, across - 1, "", styles.text_format("good"))
    sheet.worksheet.write_formula(row, 0, f"={says.text}", styles.text_format("good"), says.value)
    sheet.worksheet.set_row(row, 18)
    wrong = f"=COUNTIF({results.text},{good})<ROWS({results.text})"
    look = {"type": "formula", "criteria": wrong, "format": styles.verdict_format(False)}
    sheet.worksheet.conditional_format(row, 0, row, across - 1, look)
    book.define_name(
        "figures_add_up", ex.Expression(f"{sheet.prefix}{cell_address(row, 0)}", says.value)
    )
    # Red on a result that is not the good one; the words say it as well.
    top, at = placed.header_row + 1, placed.column_position("verdict")
    for criteria, holds in (("!=", False), ("==", True)):
        look = {
            "type": "cell",
            "criteria": criteria,
            "value": good,
            "format": styles.verdict_format(holds),
        }
        book.sheets[-1].worksheet.conditional_format(top, at, top + placed.row_count - 1, at, look)


def write_legend(sheet: Sheet, across: int) -> None:
    """Where a figure comes from, told by colour and without."""
    sheet.write_heading(tr("How cells are marked"))
    for says in (
        tr("from the optimizer: blue, upright. Overtyped, it fails a check"),
        tr("from the scenario: yellow, in a dotted frame"),
        tr("formula of this workbook: white, italic"),
        tr(
            "A dash is nothing at all. Amounts are undiscounted unless a header says otherwise. "
            "Names for formulas can be used in other workbooks that refer to this one."
        ),
    ):
        sheet.write_paragraph(capitalize(says), across)


def write_contents(sheet: Sheet) -> None:
    """Links to all other sheets."""
    sheet.write_heading(tr("Sheets"))
    link, about = (
        sheet.book.styles.text_format("link"),
        sheet.book.styles.cell_format("words", "text"),
    )
    for other in sheet.book.sheets[1:]:
        sheet.worksheet.write_url(
            sheet.next_row, 0, f"internal:{other.prefix}A1", link, string=other.tab
        )
        sheet.worksheet.write_string(sheet.next_row, 1, other.title, about)
        sheet.next_row += 1
