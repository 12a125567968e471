"""The tables of a document as pandas frames: figures and not texts, to be reckoned with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from models.language import tr
from optimizer.report import cells
from optimizer.report.document import SHEET, Choice, Document, Section, Table, shown
from optimizer.report.render.workbook import columns_of
from optimizer.report.workbook.expressions import Expression, Scalar
from optimizer.report.workbook.formulas import Formulas, Placed

if TYPE_CHECKING:
    import pandas as pd

WHOLE = ("count", "year")
"""Forms of whole numbers."""


class Frames(Mapping[str, "pd.DataFrame"]):
    """The tables that a workbook of a document has, by name; each is made when it is asked for.

    What a sheet calculates is a figure here. A range and an estimate have two columns each. A
    column of money, damage or tonnes has its unit in its name; shares are fractions of one. Totals
    are left out. ``attrs`` of a frame hold its ``caption`` and its ``note``.
    """

    def __init__(self, document: Document) -> None:
        self._units = document.units
        self._placed: dict[str, Placed] = {}
        formulas = Formulas()
        for section in (Section("answer", document.title, document.answer), *document.sections):
            for part in shown(section.parts, SHEET) if section.on & SHEET else ():
                if isinstance(part, Choice):
                    formulas.choices[part.name] = Expression("", part.options[0])
                elif isinstance(part, Table):
                    placed = Placed(part, columns_of(part), "", 0, formulas)
                    if part.name:
                        formulas.tables[part.name] = placed
                    if part.rows:
                        self._placed[_free(part.name or section.id, self._placed, "-")] = placed

    def __getitem__(self, name: str) -> pd.DataFrame:
        # pandas takes a good part of a second to import: only those who want a table wait for it.
        import pandas as pd

        placed = self._placed[name]
        columns: dict[str, list[Any]] = {}
        for position in range(len(placed.columns)):
            content = _content(placed, position)
            if placed.columns[position].header != "" or any(map(_is_there, content)):
                header = _headed(placed, position, self._units)
                columns[_free(header, columns, " ")] = content
        frame = pd.DataFrame(columns)
        frame.attrs |= {"caption": placed.table.caption, "note": placed.table.note}
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(self._placed)

    def __len__(self) -> int:
        return len(self._placed)


def _headed(placed: Placed, position: int, units: Mapping[str, str]) -> str:
    """The name of a column, with the unit of its figures."""
    one = placed.columns[position]
    header = str(one.header) or (tr("Figure") if position else tr("What"))
    unit = "" if callable(one.column.form) else units.get(one.column.form, "")
    named = not unit or re.search(rf"(?<!\w){re.escape(unit)}(?!\w)", header)
    return header if named else f"{header} ({unit})"


def _content(placed: Placed, position: int) -> list[Any]:
    """What stands in a column: figures, with NaN where there is none, or texts."""
    column = placed.columns[position].column
    found: list[Scalar | None] = []
    for row, of in enumerate(placed.table.rows):
        value = placed.value(row, position)
        whole = isinstance(value, float) and cells.form_of(column, of) in WHOLE
        found.append(int(value) if whole else None if value == "" else value)
    if column.form == "text" or any(isinstance(value, str) for value in found):
        return found
    return [math.nan if value is None else value for value in found]


def _is_there(value: Any) -> bool:
    return value is not None and value == value  # NaN is not


def _free(name: str, taken: Mapping[str, Any], between: str) -> str:
    """A name that is not taken: with a number behind it where it would be."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{between}{number}"
    return free
