"""Columns and rows of the sheets of a plan."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from models.language import tr
from optimizer.report.document import Column, Form, Formula, Of, ids, nothing
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line, Placed

FormOf = Form | Callable[[Any], Form]
Cell = float | str | None | Formula
InBook = Callable[[Formulas], Expression]


@dataclass(frozen=True)
class Row:
    """Figures of one kind, given or calculated, by the keys of their columns."""

    form: Form
    cells: Mapping[str, Cell]

    def __getitem__(self, key: str) -> Any:
        return self.cells.get(key)


def text(header: str, of: Of = "", **more: Any) -> Column:
    """A column of texts."""
    return Column(header, of or nothing, "text", **more)


def given(header: str, key: str, form: FormOf = "money", of: Of = "", **more: Any) -> Column:
    """A column of figures of the optimizer, or of the scenario."""
    return Column(header, of or key, form, key=key, **more)


def calc(
    header: str | int,
    key: str,
    formula: Formula,
    form: Form = "money",
    of: Of = nothing,
    **more: Any,
) -> Column:
    """A column of formulas; ``of`` gives what media without formulas show."""
    return Column(header, of, form, key=key, formula=formula, **more)


def cell(header: str | int, key: str, form: Form | None = None, **more: Any) -> Column:
    """A column of what a :class:`Row` holds, in the form of the row if none is given."""

    def held(row: Row) -> float | str | None:
        return None if callable(row[key]) else row[key]

    def formula(line: Line) -> Expression | None:
        return line.row[key](line) if callable(line.row[key]) else None

    own = form or (lambda row: row.form)
    return Column(header, held, own, key=key, formula=formula, empty="", **more)


def words(**headers: str) -> list[Column]:
    """Columns of texts that a :class:`Row` holds, by their keys."""
    return [cell(header, key, "text") for key, header in headers.items()]


def keys(*held: str, **of: Of) -> list[Column]:
    """Columns of ids that only let formulas find rows; ``held`` are those of a :class:`Row`."""
    headers = {
        "id": tr("Id"),
        "project_id": tr("Id of the project"),
        "funder_id": tr("Id of the funder"),
        "instrument_id": tr("Id of the instrument"),
        "stockpile_id": tr("Id of the stockpile"),
        "material_id": tr("Id of the material"),
        "line_id": tr("Id of the line"),
        "kind_id": tr("Key of the kind"),
        "class_id": tr("Key of the class"),
        "paid_by": tr("Id of the funder that provides it"),
        "paid_for": tr("Id of the stockpile that it is for"),
        "field": tr("Field"),
        "path": tr("Path in the scenario"),
    }
    own = {key: itemgetter(key) for key in held}
    return [ids(headers[key], key, read) for key, read in {**own, **of}.items()]


def years(known: Iterable[str], form: Form | None = None, **more: Any) -> list[Column]:
    """A column for each year."""
    return [cell(int(year), year, form, **more) for year in known]


def each(known: Iterable[str], of: Callable[[Line, str], Expression | None]) -> dict[str, Cell]:
    """A formula for each year."""

    def at(year: str) -> Formula:
        return lambda line: of(line, year)

    return {year: at(year) for year in known}


def off_accounts(
    line: Line, its: Mapping[str, Expression], known: Iterable[str], times: str = ""
) -> Expression:
    """How far the years of a row are from what these accounts provide in them."""
    apart = (where("by_year", year, its, times=times)(line.book) - line[year] for year in known)
    return ex.total(*map(ex.absolute, apart))


def minus(a: str, b: str) -> Formula:
    """The difference of two cells of a row."""
    return lambda line: line[a] - line[b]


def per(a: str, b: str) -> Formula:
    """The quotient of two cells of a row; empty where there is nothing to divide by."""
    return lambda line: ex.ratio(line[a], line[b])


def by_year(table: Placed, row: int) -> ex.Area:
    """The cells of a row in all years."""
    known = [one.key for one in table.columns if isinstance(one.header, int)]
    return table.span(row, known[0], known[-1])


def over_years(line: Line, below: int = 0) -> ex.Area:
    """The same of the row of a formula, or of one so many rows below it."""
    return by_year(line.table, line.place + below)


def sum_of_years(line: Line) -> Expression:
    """The sum of a row over all years."""
    return ex.total(over_years(line))


def found(table: str, row: str, key: str) -> InBook:
    """A cell of a table, by the keys of its row and column."""
    return lambda book: book[table].find(row, key)


def summed(table: str, key: str) -> InBook:
    """The sum of a column."""
    return lambda book: book[table].total(key)


def where(
    table: str, key: str, its: Mapping[str, Expression] = {}, *, times: str = "", **wanted: str
) -> InBook:
    """The sum of a column, times another, over the rows that hold these texts or those of cells."""
    held = {**its, **{k: ex.words(w) for k, w in wanted.items()}}

    def amount(book: Formulas) -> Expression:
        of = book[table]
        tests = ((of.area(k), w) for k, w in held.items())
        return ex.total_where(of.area(key), *tests, times=of.area(times) if times else None)

    return amount
