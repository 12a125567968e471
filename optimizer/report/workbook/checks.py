"""Aids for readers of a workbook: checks, a legend of cell styles, and a table of contents.

The sheet of checks holds identities between figures of the optimizer as formulas, so that a wrong
figure shows. Figures that are in no identity are covered by control figures: the sum over all
figures of a sheet is compared with its value when the workbook was written.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.language import tr
from optimizer.report import expressions as ex
from optimizer.report.document import Check, Column, Section, Table, sheet_only_column
from optimizer.report.wording import capitalize
from optimizer.report.workbook.book import Book, Sheet, cell_address
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables

CHECK_TOLERANCE = 5e-6
"""Relative tolerance, a little over what the check of a plan allows the solver."""
CONTROL_TOLERANCE = 1e-11
"""Relative tolerance of a control figure, for summation in another order."""
CHECKS_TABLE = "checks"
"""Name of the table of checks."""


class _CheckRow(NamedTuple):
    """A row of the sheet of checks: two expressions that must be equal within a tolerance relative
    to the second."""

    statement: str
    tab: str
    left: ex.Expression
    right: ex.Expression
    relative_tolerance: float
    is_deviation_sum: bool = False


def build_checks_section(
    book: Book, formulas: WorkbookTables, checks: Iterable[tuple[Check, Sheet]]
) -> Section:
    """Return a section with all checks and the control figures of the sheets written so far.

    ``checks`` has each check with the sheet that it is about.
    """
    rows = [
        _CheckRow(
            check.statement,
            sheet.tab,
            check.left(formulas),
            check.right(formulas),
            CHECK_TOLERANCE,
            check.is_deviation_sum,
        )
        for check, sheet in checks
    ]
    statement = tr("Control figure: the figures of this sheet are as they were written")
    rows += [
        _CheckRow(statement, sheet.tab, figure, ex.as_expression(figure.number), CONTROL_TOLERANCE)
        for sheet in book.sheets
        for figure in sheet.control_figures()
    ]
    explanation = tr(
        "Each line is a formula. Tolerances are shares of the figure compared. Control figures "
        "add up LN(1 + |x|) over all figures of a sheet that no formula stands behind, as they "
        "were written: a figure that is overtyped shows up here."
    )

    def deviation(row_cells: FormulaRow) -> ex.Expression:
        left, right = row_cells["left"], row_cells["right"]
        if row_cells.row.is_deviation_sum:
            return left * ex.as_expression(1)
        return ex.absolute_value(left - right)

    def tolerance(row_cells: FormulaRow) -> ex.Expression:
        return ex.as_expression(row_cells.row.relative_tolerance) * ex.max_of(
            ex.as_expression(1), ex.absolute_value(row_cells["right"])
        )

    def verdict(row_cells: FormulaRow) -> ex.Expression:
        good_text, bad_text = tr("adds up"), tr("DOES NOT ADD UP")
        return ex.if_within(row_cells["deviation"], row_cells["tolerance"], good_text, bad_text)

    right_header = tr("Must equal, or is measured by")
    columns = [
        Column(tr("Check"), "statement", "text", width=82),
        Column(tr("Sheet"), "tab", "text", width=22),
        sheet_only_column(
            tr("Figure"), "left", lambda row_cells: row_cells.row.left, "control", width=17
        ),
        sheet_only_column(
            right_header, "right", lambda row_cells: row_cells.row.right, "control", width=17
        ),
        sheet_only_column(tr("Deviation"), "deviation", deviation, "deviation", width=12),
        sheet_only_column(tr("Tolerance"), "tolerance", tolerance, "tolerance", width=11),
        sheet_only_column(tr("Result"), "verdict", verdict, "text", width=20),
    ]
    table = Table("", rows, columns, CHECKS_TABLE, frozen_columns=1)
    return Section(
        "checks", tr("Do the figures add up?"), [explanation, table], sheet_name=tr("Checks")
    )


def write_verdict(book: Book, formulas: WorkbookTables, row: int, column_count: int) -> None:
    """Write a cell of the first sheet that states whether all checks hold; it turns red if not."""
    placed, sheet, styles = formulas[CHECKS_TABLE], book.sheets[0], book.styles
    verdicts, good_text = placed.column_area("verdict"), ex.text_expression(tr("adds up")).text
    verdict = ex.if_all_equal(
        verdicts,
        tr("adds up"),
        tr("The figures of this workbook add up: all {count} checks hold.", count=placed.row_count),
        tr(
            "WARNING: figures of this workbook no longer add up. Checks that fail: {failing} of "
            "{count}; see the last sheet.",
            failing="{}",
            count=placed.row_count,
        ),
    )
    sheet.worksheet.merge_range(row, 0, row, column_count - 1, "", styles.text_format("good"))
    sheet.worksheet.write_formula(
        row, 0, f"={verdict.text}", styles.text_format("good"), verdict.value
    )
    sheet.worksheet.set_row(row, 18)
    failure = f"=COUNTIF({verdicts.text},{good_text})<ROWS({verdicts.text})"
    rule = {"type": "formula", "criteria": failure, "format": styles.verdict_format(False)}
    sheet.worksheet.conditional_format(row, 0, row, column_count - 1, rule)
    book.define_name(
        "figures_add_up", ex.Expression(f"{sheet.prefix}{cell_address(row, 0)}", verdict.value)
    )
    # Results that fail are red; their text states it as well.
    first_row, position = placed.header_row + 1, placed.column_position("verdict")
    for criteria, is_good in (("!=", False), ("==", True)):
        rule = {
            "type": "cell",
            "criteria": criteria,
            "value": good_text,
            "format": styles.verdict_format(is_good),
        }
        book.sheets[-1].worksheet.conditional_format(
            first_row, position, first_row + placed.row_count - 1, position, rule
        )


def write_legend(sheet: Sheet, column_count: int) -> None:
    """Write a legend that explains how color and type mark the origin of figures."""
    sheet.write_heading(tr("How cells are marked"))
    for text in (
        tr("from the optimizer: blue, upright. Overtyped, it fails a check"),
        tr("from the scenario: yellow, in a dotted frame"),
        tr("formula of this workbook: white, italic"),
        tr(
            "A dash is nothing at all. Amounts are undiscounted unless a header says otherwise. "
            "Names for formulas can be used in other workbooks that refer to this one."
        ),
    ):
        sheet.write_paragraph(capitalize(text), column_count)


def write_contents(sheet: Sheet) -> None:
    """Write a table of contents with links to all other sheets."""
    sheet.write_heading(tr("Sheets"))
    link = sheet.book.styles.text_format("link")
    text_format = sheet.book.styles.cell_format("words", "text")
    for other in sheet.book.sheets[1:]:
        sheet.worksheet.write_url(
            sheet.next_row, 0, f"internal:{other.prefix}A1", link, string=other.tab
        )
        sheet.worksheet.write_string(sheet.next_row, 1, other.title, text_format)
        sheet.next_row += 1
