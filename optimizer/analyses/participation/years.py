"""What shares take and bring by year: all of them for a workbook, the best ones for a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from models.language import tr
from optimizer.analyses.participation.tables import At, first_of_curve
from optimizer.analyses.participation.words import curve_name
from optimizer.report.document import SHEET, TEXT, Column, Form, Table, by_year
from optimizer.report.workbook.expressions import Expression, total
from optimizer.report.workbook.formulas import Line


def with_materials(rows: Iterable[At]) -> list[At]:
    """A row for each material of which tonnes are reserved at a share."""
    return [At(*at[:2], id) for at in rows for id in at.point.offtake_t]


def tonnes(at: At) -> Mapping[str, float]:
    """Tonnes of the material of a row, by year."""
    return at.point.offtake_t[at.material]


def outlay(at: At) -> Mapping[str, float]:
    """Undiscounted million EUR that the company pays, by year."""
    return at.point.outlay_by_year_meur


def across(
    name: str,
    rows: Sequence[At],
    of: Callable[[At], Mapping[str, float]],
    form: Form,
    more: Sequence[Column] = (),
    note: str = "",
    empty: str = "",
) -> Table:
    """A row a share and a column a year, with sums as formulas; ``more`` stands before years."""
    known = sorted({int(year) for at in rows for year in of(at)})

    def summed(line: Line) -> Expression | None:
        return total(line.span(str(known[0]), str(known[-1]))) if known else None

    columns = [
        Column(tr("The others"), lambda at: curve_name(at.curve), "text", width=36),
        Column(tr("Share"), "point.share", "share", origin="scenario"),
        *more,
        *by_year(known, of, form),
        Column(tr("All years"), lambda at: sum(of(at).values()), form, key="all", formula=summed),
    ]
    return Table(
        "", rows, columns, name, note, on=SHEET, freeze=2, ruled=first_of_curve, empty=empty
    )


def down(
    name: str,
    caption: str,
    figures: Sequence[tuple[str, str, Mapping[str, float]]],
    form: Form,
    note: str = "",
) -> Table:
    """A row a year from the first to the last, and a column each for figures by year: their
    header, the one above it, and the figures."""

    def at(by_year: Mapping[str, float], year: int) -> float:
        return by_year.get(str(year), 0.0)

    met = {int(year) for _, _, by_year in figures for year in by_year}
    columns = [
        Column(tr("Year"), lambda year: year, "year"),
        *(
            Column(header, partial(at, by_year), form, group, total=True)
            for header, group, by_year in figures
        ),
    ]
    years = range(min(met), max(met) + 1) if met else []
    return Table(caption, years, columns, name, note, total=tr("All years"), on=TEXT)
