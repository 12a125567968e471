"""Columns and rows of the sheets of a plan."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from models.language import tr
from optimizer.report import expressions as ex
from optimizer.report.document import (
    Column,
    FormulaBuilder,
    ValueForm,
    ValueGetter,
    id_column,
    no_value,
)
from optimizer.report.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow, PlacedTable, WorkbookTables

FormOrFunction = ValueForm | Callable[[Any], ValueForm]
CellContent = float | str | None | FormulaBuilder
BookFormula = Callable[[WorkbookTables], Expression]


@dataclass(frozen=True)
class SheetRow:
    """A row whose figures are all displayed in one ``form``.

    A cell holds a value or a function that builds a formula.
    """

    form: ValueForm
    cells: Mapping[str, CellContent]

    def __getitem__(self, key: str) -> Any:
        return self.cells.get(key)


def text_column(header: str, getter: ValueGetter = "", **options: Any) -> Column:
    """Return a column of texts."""
    return Column(header, getter or no_value, "text", **options)


def figure_column(
    header: str, key: str, form: FormOrFunction = "money", getter: ValueGetter = "", **options: Any
) -> Column:
    """Return a column of figures from the optimizer or the scenario."""
    return Column(header, getter or key, form, key=key, **options)


def formula_column(
    header: str | int,
    key: str,
    formula: FormulaBuilder,
    form: ValueForm = "money",
    getter: ValueGetter = no_value,
    **options: Any,
) -> Column:
    """Return a column of formulas; ``getter`` reads the value for media that have no formulas."""
    return Column(header, getter, form, key=key, formula=formula, **options)


def row_column(
    header: str | int, key: str, form: ValueForm | None = None, **options: Any
) -> Column:
    """Return a column that shows one cell of each :class:`SheetRow`.

    Figures are displayed in the ``form``, by default that of the row.
    """

    def get_value(row: SheetRow) -> float | str | None:
        return None if callable(row[key]) else row[key]

    def formula(row_cells: FormulaRow) -> Expression | None:
        return row_cells.row[key](row_cells) if callable(row_cells.row[key]) else None

    get_form = form or (lambda row: row.form)
    return Column(header, get_value, get_form, key=key, formula=formula, empty_text="", **options)


def text_columns(**headers: str) -> list[Column]:
    """Return text columns of a :class:`SheetRow`; each keyword is a cell key with its header."""
    return [row_column(header, key, "text") for key, header in headers.items()]


def id_columns(*row_keys: str, **getters: ValueGetter) -> list[Column]:
    """Return columns of ids by which formulas find rows.

    ``row_keys`` are keys of cells of a :class:`SheetRow`; ``getters`` read the ids of further
    columns, by the key of the column.
    """
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
    row_getters = {key: itemgetter(key) for key in row_keys}
    return [
        id_column(headers[key], key, read_id) for key, read_id in {**row_getters, **getters}.items()
    ]


def year_columns(
    year_keys: Iterable[str], form: ValueForm | None = None, **options: Any
) -> list[Column]:
    """Return a column of :class:`SheetRow` cells for each year."""
    return [row_column(int(year), year, form, **options) for year in year_keys]


def formulas_by_year(
    year_keys: Iterable[str], year_formula: Callable[[FormulaRow, str], Expression | None]
) -> dict[str, CellContent]:
    """Return the formula builders of a row by year; ``year_formula`` builds the formula of one
    year."""

    def formula_for(year: str) -> FormulaBuilder:
        return lambda row_cells: year_formula(row_cells, year)

    return {year: formula_for(year) for year in year_keys}


def deviation_from_accounts(
    row_cells: FormulaRow,
    matching_cells: Mapping[str, Expression],
    year_keys: Iterable[str],
    weight_column: str = "",
) -> Expression:
    """Return the sum over years of the absolute deviations between a row and the yearly accounts
    that match it.

    With ``weight_column``, the amounts of accounts are multiplied by that column.
    """
    deviations = (
        sum_where("by_year", year, matching_cells, weight_column=weight_column)(row_cells.tables)
        - row_cells[year]
        for year in year_keys
    )
    return ex.sum_of(*map(ex.absolute_value, deviations))


def difference(left_key: str, right_key: str) -> FormulaBuilder:
    """Return a formula builder for the difference of two cells in a row."""
    return lambda row_cells: row_cells[left_key] - row_cells[right_key]


def quotient(left_key: str, right_key: str) -> FormulaBuilder:
    """Return a formula builder for the quotient of two cells in a row; it is empty if the divisor
    is 0."""
    return lambda row_cells: ex.ratio_or_empty(row_cells[left_key], row_cells[right_key])


def year_cells(placed_table: PlacedTable, row: int) -> ex.CellArea:
    """Return the cells of a row in all years."""
    year_keys = [column.key for column in placed_table.columns if isinstance(column.header, int)]
    return placed_table.row_area(row, year_keys[0], year_keys[-1])


def row_year_cells(row_cells: FormulaRow, row_offset: int = 0) -> ex.CellArea:
    """Return the year cells of the formula's row, or of the row ``row_offset`` below it."""
    return year_cells(row_cells.table, row_cells.row_index + row_offset)


def sum_of_years(row_cells: FormulaRow) -> Expression:
    """Return the formula of the sum of a row over all years."""
    return ex.sum_of(row_year_cells(row_cells))


def find_cell(table: str, row: str, key: str) -> BookFormula:
    """Return a function that refers to the cell of a table with these keys of row and column."""
    return lambda book: book[table].find_cell(row, key)


def column_sum(table: str, key: str) -> BookFormula:
    """Return a function that refers to the sum of a table's column."""
    return lambda book: book[table].column_total(key)


def sum_where(
    table: str,
    key: str,
    matching_cells: Mapping[str, Expression] = {},
    *,
    weight_column: str = "",
    **matching_texts: str,
) -> BookFormula:
    """Return a function that sums a column of a table over matching rows.

    A row matches if its cells equal ``matching_cells`` and ``matching_texts``, both given by column
    key. With ``weight_column``, each amount is multiplied by that column.
    """
    value_by_key = {
        **matching_cells,
        **{k: ex.text_expression(value) for k, value in matching_texts.items()},
    }

    def amount(book: WorkbookTables) -> Expression:
        placed_table = book[table]
        column_tests = ((placed_table.column_area(k), value) for k, value in value_by_key.items())
        return ex.sum_where(
            placed_table.column_area(key),
            *column_tests,
            factor_area=placed_table.column_area(weight_column) if weight_column else None,
        )

    return amount
