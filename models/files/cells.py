"""What a table is made of, whatever kind of file it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.faults import Place

MAX_ROWS = 100_000
MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its value, where it stands, and the number of its column from 0.

    ``faulty`` says that it holds something unreadable, which was reported.
    """

    value: Any
    place: Place
    number: int
    faulty: bool = False

    @property
    def filled(self) -> bool:
        """Whether there is anything in it."""
        if isinstance(self.value, str):
            return bool(self.value.strip())
        return self.value is not None or self.faulty


@dataclass(frozen=True)
class Sheet:
    """A header and the rows below it; rows of empty cells are left out."""

    header: list[Cell]
    rows: list[list[Cell]]
