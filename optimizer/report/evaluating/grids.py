"""Tables of an evaluation, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimizer.report.sections import Grid, Kind

MOST_ROWS = 10
"""Materials that are shown, those that lose most first; the others are counted."""

Columns = Mapping[str, tuple[Kind, Sequence[str]]]
"""Headers with what their columns hold, and the cells."""


def table(columns: Columns) -> Grid:
    """A grid by its columns."""
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    return Grid({header: kind for header, (kind, _) in columns.items()}, rows)
