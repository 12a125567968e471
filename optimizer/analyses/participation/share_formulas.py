"""What a workbook calculates of the shares that were tried; a row is one share on its curve."""

from __future__ import annotations

from models.results import ShareCurve
from optimizer.analyses.participation.words import planned, point_at
from optimizer.report.workbook.expressions import (
    Expression,
    absolute,
    largest,
    of,
    ratio,
    smallest,
)
from optimizer.report.workbook.formulas import Formulas, Line

STANDINGS, CURVES, POINTS, OUTLAYS = "standings", "curves", "points", "outlays"
"""Names of tables that formulas refer to."""


def row_of(book: Formulas, curve: ShareCurve, share: float | None) -> int | None:
    """The row of a share of a curve among all points, where it has a plan."""
    point, rows = point_at(curve, share), book[POINTS].table.rows
    return next((n for n, at in enumerate(rows) if at.point is point), None) if point else None


def least(line: Line) -> Expression | None:
    """The least damage plus cost of a curve at shares that can be best: none, and those of what is
    built."""
    curve = line.row
    if row_of(line.book, curve, curve.best_share) is None:
        return None
    counting = [point for point in planned(curve) if point.built or not point.share]
    rows = [row_of(line.book, curve, point.share) for point in counting]
    return smallest(*(line.book[POINTS].cell(n, "total") for n in rows if n is not None))


def _none(line: Line) -> int | None:
    """The row of no share on the same curve, for a row with a plan."""
    at = line.row
    return None if at.point.standing is None else row_of(line.book, at.curve, 0.0)


def outlay(line: Line) -> Expression | None:
    """What is paid over all years, from the table by year."""
    rows = line.book[OUTLAYS].table.rows
    row = next((n for n, at in enumerate(rows) if at.point is line.row.point), None)
    return None if row is None else line.book[OUTLAYS].cell(row, "all")


def gain(line: Line) -> Expression | None:
    """Damage plus cost of no share, less that of this one."""
    none = _none(line)
    return None if none is None else line.table.cell(none, "total") - line["total"]


def gain_per(line: Line) -> Expression | None:
    """Damage avoided against no share, by additional net cost."""
    none = _none(line)
    if none is None or line.row.point.gain_per_euro is None:
        return None
    less = line.table.cell(none, "expected") - line["expected"]
    return ratio(less, line["net_cost_meur"] - line.table.cell(none, "net_cost_meur"))


def avoided(line: Line) -> Expression | None:
    """Mean damage if nobody acts, less that with this share."""
    if line.row.point.standing is None:
        return None
    return line.book[STANDINGS].cell(0, "expected") - line["expected"]


def avoided_per(line: Line) -> Expression | None:
    """The same by net cost."""
    if line.row.point.avoided_per_euro is None:
        return None
    return ratio(line["avoided"], line["net_cost_meur"])


def gap(line: Line) -> Expression | None:
    """How far the objective may be from its bound, as a share of it."""
    if line.row.point.objective is None or line.row.point.bound is None:
        return None
    objective = line["objective"]
    return largest(of(0), objective - line["bound"]) / largest(absolute(objective), of(1e-6))
