"""The sheet of checks: what must add up, as formulas, and the totals that figures were given with.

An identity holds between figures of the optimizer, so that a wrong one shows whoever wrote it. A
control figure tells of figures that stand in no identity: what all figures of a sheet came to when
they were written, against what they come to now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from models.language import tr
from optimizer.report.workbook.book import Book, Column, Sheet, Table
from optimizer.report.workbook.expressions import (
    Area,
    Expression,
    absolute,
    if_all,
    if_within,
    largest,
    of,
    words,
)

TOLERANCE = 5e-6
"""Share of the figure compared: a little over what the check of a plan allows the solver."""
CONTROL_TOLERANCE = 1e-11
"""Share of a control figure: what adding up in another order may change."""


@dataclass(frozen=True)
class Check:
    """Two figures that must be equal, or a deviation that must be none (right is its scale)."""

    says: str
    sheet: Sheet
    left: Expression
    right: Expression
    summed: bool = False
    """Whether ``left`` is a sum of deviations rather than a figure."""


@dataclass(frozen=True)
class Verdict:
    """Whether all checks hold: what it says, and the cells of their results."""

    says: Expression
    results: Area


def checks(book: Book, identities: Iterable[Check]) -> Verdict:
    """A sheet of all checks, with control figures of all sheets before it."""
    written = list(book.sheets)
    sheet = book.sheet(tr("Checks"), tr("Do the figures add up?"))
    columns = [
        Column("says", tr("Check"), width=82),
        Column("sheet", tr("Sheet"), width=22),
        Column("left", tr("Figure"), "control", 17),
        Column("right", tr("Must equal, or is measured by"), "control", 17),
        Column("deviation", tr("Deviation"), "deviation", 12),
        Column("tolerance", tr("Tolerance"), "tolerance", 11),
        Column("verdict", tr("Result"), width=20),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Each line is a formula. Tolerances are shares of the figure compared. Control figures "
            "add up LN(1 + |x|) over all figures of a sheet that no formula stands behind, as they "
            "were written: whoever overtypes one of them finds it here."
        ),
        7,
    )
    limit = _limit(sheet, tr("Tolerance of identities"), TOLERANCE)
    control = _limit(sheet, tr("Tolerance of control figures"), CONTROL_TOLERANCE)
    limit = book.name("tolerance", limit)
    control = book.name("control_tolerance", control)
    sheet.row += 1
    table = sheet.table(columns)
    for check in identities:
        _write(table, check, limit)
    for check in _controls(written):
        _write(table, check, control)
    _colour(sheet, table)
    sheet.freeze(table, 1)
    says = if_all(
        table.area("verdict"),
        tr("adds up"),
        tr("The figures of this workbook add up: all {count} checks hold.", count=table.count),
        tr(
            "WARNING: figures of this workbook no longer add up. Checks that fail: {failing} of "
            "{count}; see the last sheet.",
            failing="{}",
            count=table.count,
        ),
    )
    return Verdict(says, table.area("verdict"))


def show(sheet: Sheet, verdict: Verdict, across: int) -> None:
    """One cell that says whether all adds up; it turns red when it does not.

    Before it stands what speaks against the results as they were read.
    """
    sheet.warn(across)
    styles, row = sheet.book.styles, sheet.row
    sheet.worksheet.merge_range(row, 0, row, across - 1, "", styles.shape("good"))
    cell = sheet.put(row, 0, verdict.says, "formula", "text")
    # The cell again, in a look of its own.
    sheet.worksheet.write_formula(
        row, 0, f"={verdict.says.text}", styles.shape("good"), verdict.says.value
    )
    sheet.worksheet.set_row(row, 18)
    results, good = verdict.results.text, words(tr("adds up")).text
    look = {"format": styles.verdict(False)}
    wrong = f"=COUNTIF({results},{good})<ROWS({results})"
    sheet.worksheet.conditional_format(
        row, 0, row, across - 1, {"type": "formula", "criteria": wrong, **look}
    )
    sheet.book.name("figures_add_up", cell)
    sheet.row += 1


def _limit(sheet: Sheet, what: str, value: float) -> Expression:
    sheet.put(sheet.row, 0, what, "words", "text")
    cell = sheet.put(sheet.row, 2, value, "words", "tolerance")
    sheet.row += 1
    return cell


def _write(table: Table, check: Check, limit: Expression) -> None:
    line = table.line()
    line.words("says", check.says, wrap=True)
    line.words("sheet", check.sheet.tab)
    left = line.put("left", check.left)
    right = line.put("right", check.right)
    deviation = line.put("deviation", left * of(1) if check.summed else absolute(left - right))
    tolerance = line.put("tolerance", limit * largest(of(1), absolute(right)))
    verdict = if_within(deviation, tolerance, tr("adds up"), tr("DOES NOT ADD UP"))
    line.put("verdict", verdict, "text")


def _colour(sheet: Sheet, table: Table) -> None:
    """Red on a result that is not the good one; the words say it as well."""
    top, bottom = table.rows()
    at = table.at("verdict")
    styles = sheet.book.styles
    good = words(tr("adds up")).text
    sheet.worksheet.conditional_format(
        top,
        at,
        bottom,
        at,
        {"type": "cell", "criteria": "!=", "value": good, "format": styles.verdict(False)},
    )
    sheet.worksheet.conditional_format(
        top,
        at,
        bottom,
        at,
        {"type": "cell", "criteria": "==", "value": good, "format": styles.verdict(True)},
    )


def _controls(sheets: Iterable[Sheet]) -> Iterator[Check]:
    says = tr("Control figure: the figures of this sheet are as they were written")
    for sheet in sheets:
        for now in sheet.controls():
            yield Check(says, sheet, now, of(now.number))
