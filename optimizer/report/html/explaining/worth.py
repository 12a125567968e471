"""What one more million, or one more percentage point, is worth."""

from __future__ import annotations

from models.language import tr
from models.results import Explanation
from optimizer.report.explaining import sections as explained
from optimizer.report.html.parts import Cell, Column, Part, Section, Table
from optimizer.report.sections import Grid
from optimizer.report.sections import Section as Told


def worth(found: Explanation) -> Section | None:
    """Budgets, then limits; None where neither was asked after."""
    told = [one for one in (explained.budgets(found), explained.shares(found)) if one is not None]
    if not told:
        return None
    parts: list[Part] = []
    for one, name in zip(told, ("budgets", "limits"), strict=False):
        parts += _table(one, name)
    return Section("worth", tr("What more of a budget or a limit is worth"), parts)


def _table(told: Told, name: str) -> list[Part]:
    grid, note = told.parts
    assert isinstance(grid, Grid)
    assert isinstance(note, str)
    columns = [
        Column(header, [Cell(row[place]) for row in grid.rows], kind)
        for place, (header, kind) in enumerate(grid.columns.items())
    ]
    return [Table(told.title, columns, name=name, note=note)]
