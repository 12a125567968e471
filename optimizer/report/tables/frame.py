"""How rows become a pandas frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MARKET = "market"
"""Stands for lenders and other investors where a funder's id would stand."""


def frame(rows: Iterable[Mapping[Any, Any]], columns: Sequence[str | int]) -> pd.DataFrame:
    """Rows as a frame with these columns, which it keeps without rows."""
    # pandas takes a good part of a second to import: only those who want a table wait for it.
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as mappings."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
