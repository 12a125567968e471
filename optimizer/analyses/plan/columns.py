"""Columns and rows of tables whose figures are of several kinds, by row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optimizer.report.document import Column, ValueForm

CellContent = float | str | None


@dataclass(frozen=True)
class SheetRow:
    """A row whose figures are all displayed in one ``form``."""

    form: ValueForm
    cells: Mapping[str, CellContent]

    def __getitem__(self, key: str) -> Any:
        return self.cells.get(key)


def row_column(
    header: str | int, key: str, form: ValueForm | None = None, **options: Any
) -> Column:
    """Return a column that shows one cell of each :class:`SheetRow`.

    Figures are displayed in the ``form``, by default that of the row.
    """
    get_form = form or (lambda row: row.form)
    return Column(header, lambda row: row[key], get_form, empty_text="", **options)


def text_columns(**headers: str) -> list[Column]:
    """Return text columns of a :class:`SheetRow`; each keyword is a cell key with its header."""
    return [row_column(header, key, "text") for key, header in headers.items()]


def year_columns(
    year_keys: Iterable[str], form: ValueForm | None = None, **options: Any
) -> list[Column]:
    """Return a column of :class:`SheetRow` cells for each year."""
    return [row_column(int(year), year, form, **options) for year in year_keys]
