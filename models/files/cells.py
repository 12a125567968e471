"""What a table is made of, whatever kind of file it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.faults import Place

MAX_ROWS = 100_000
MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its value, where it stands, and the number of its column from 0."""

    value: Any
    place: Place
    number: int

    @property
    def filled(self) -> bool:
        """Whether there is anything in it."""
        return self.value is not None and (
            not isinstance(self.value, str) or bool(self.value.strip())
        )


@dataclass(frozen=True)
class Sheet:
    """A header and the rows below it; rows of empty cells are left out."""

    header: list[Cell]
    rows: list[list[Cell]]
