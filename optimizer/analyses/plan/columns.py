"""Columns and rows of the sheets of a plan."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from models.language import tr
from optimizer.report.document import (
    Column,
    FormulaBuilder,
    ValueForm,
    ValueGetter,
    id_column,
    no_value,
)
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow, PlacedTable, WorkbookTables

FormOrFunction = ValueForm | Callable[[Any], ValueForm]
CellContent = float | str | None | FormulaBuilder
BookFormula = Callable[[WorkbookTables], Expression]


@dataclass(frozen=True)
class SheetRow:
    """Figures of one kind, given or calculated, by the keys of their columns."""

    form: ValueForm
    cells: Mapping[str, CellContent]

    def __getitem__(self, key: str) -> Any:
        return self.cells.get(key)


def text_column(header: str, getter: ValueGetter = "", **more: Any) -> Column:
    """A column of texts."""
    return Column(header, getter or no_value, "text", **more)


def figure_column(
    header: str, key: str, form: FormOrFunction = "money", getter: ValueGetter = "", **more: Any
) -> Column:
    """A column of figures of the optimizer, or of the scenario."""
    return Column(header, getter or key, form, key=key, **more)


def formula_column(
    header: str | int,
    key: str,
    formula: FormulaBuilder,
    form: ValueForm = "money",
    getter: ValueGetter = no_value,
    **more: Any,
) -> Column:
    """A column of formulas; ``of`` gives what media without formulas show."""
    return Column(header, getter, form, key=key, formula=formula, **more)


def row_column(header: str | int, key: str, form: ValueForm | None = None, **more: Any) -> Column:
    """A column of what a :class:`Row` holds, in the form of the row if none is given."""

    def held(row: SheetRow) -> float | str | None:
        return None if callable(row[key]) else row[key]

    def formula(line: FormulaRow) -> Expression | None:
        return line.row[key](line) if callable(line.row[key]) else None

    own = form or (lambda row: row.form)
    return Column(header, held, own, key=key, formula=formula, empty_text="", **more)


def text_columns(**headers: str) -> list[Column]:
    """Columns of texts that a :class:`Row` holds, by their keys."""
    return [row_column(header, key, "text") for key, header in headers.items()]


def id_columns(*row_keys: str, **getter: ValueGetter) -> list[Column]:
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
    own = {key: itemgetter(key) for key in row_keys}
    return [id_column(headers[key], key, read) for key, read in {**own, **getter}.items()]


def year_columns(
    year_keys: Iterable[str], form: ValueForm | None = None, **more: Any
) -> list[Column]:
    """A column for each year."""
    return [row_column(int(year), year, form, **more) for year in year_keys]


def formulas_by_year(
    year_keys: Iterable[str], year_formula: Callable[[FormulaRow, str], Expression | None]
) -> dict[str, CellContent]:
    """A formula for each year."""

    def at(year: str) -> FormulaBuilder:
        return lambda line: year_formula(line, year)

    return {year: at(year) for year in year_keys}


def deviation_from_accounts(
    line: FormulaRow,
    matching_cells: Mapping[str, Expression],
    year_keys: Iterable[str],
    weight_column: str = "",
) -> Expression:
    """How far the years of a row are from what these accounts provide in them."""
    apart = (
        sum_where("by_year", year, matching_cells, weight_column=weight_column)(line.tables)
        - line[year]
        for year in year_keys
    )
    return ex.sum_of(*map(ex.absolute_value, apart))


def difference(left_key: str, right_key: str) -> FormulaBuilder:
    """The difference of two cells of a row."""
    return lambda line: line[left_key] - line[right_key]


def quotient(left_key: str, right_key: str) -> FormulaBuilder:
    """The quotient of two cells of a row; empty where there is nothing to divide by."""
    return lambda line: ex.ratio_or_empty(line[left_key], line[right_key])


def year_cells(placed_table: PlacedTable, row: int) -> ex.CellArea:
    """The cells of a row in all years."""
    known = [one.key for one in placed_table.columns if isinstance(one.header, int)]
    return placed_table.row_area(row, known[0], known[-1])


def row_year_cells(line: FormulaRow, row_offset: int = 0) -> ex.CellArea:
    """The same of the row of a formula, or of one so many rows below it."""
    return year_cells(line.table, line.row_index + row_offset)


def sum_of_years(line: FormulaRow) -> Expression:
    """The sum of a row over all years."""
    return ex.sum_of(row_year_cells(line))


def find_cell(table: str, row: str, key: str) -> BookFormula:
    """A cell of a table, by the keys of its row and column."""
    return lambda book: book[table].find_cell(row, key)


def column_sum(table: str, key: str) -> BookFormula:
    """The sum of a column."""
    return lambda book: book[table].column_total(key)


def sum_where(
    table: str,
    key: str,
    matching_cells: Mapping[str, Expression] = {},
    *,
    weight_column: str = "",
    **matching_texts: str,
) -> BookFormula:
    """The sum of a column, times another, over the rows that hold these texts or those of cells."""
    held = {**matching_cells, **{k: ex.text_expression(w) for k, w in matching_texts.items()}}

    def amount(book: WorkbookTables) -> Expression:
        of = book[table]
        tests = ((of.column_area(k), w) for k, w in held.items())
        return ex.sum_where(
            of.column_area(key),
            *tests,
            factor_area=of.column_area(weight_column) if weight_column else None,
        )

    return amount
