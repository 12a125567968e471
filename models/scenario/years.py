"""Calendar years of a scenario, which may say where they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from models.base import Reader, faults_together, read_year
from models.scenario.quantities import Confidence, Number, read_sourced, remarks, sourced_schema


class CalendarYear(int):
    """A year that remembers its source. Arithmetic gives plain whole numbers."""

    source: str | None
    confidence: Confidence | None
    note: str | None
    readable: bool
    """False for what stands in for a year that could not be read."""

    def __new__(
        cls,
        year: int,
        source: str | None = None,
        confidence: Confidence | None = None,
        note: str | None = None,
        readable: bool = True,
    ) -> CalendarYear:
        """Make a year from its number and what is known of it."""
        made = super().__new__(cls, year)
        made.source, made.confidence, made.note = source, confidence, note
        made.readable = readable
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (int(self), self.source, self.confidence, self.note, self.readable)

    def written(self) -> int | dict[str, Any]:
        """The year as a scenario file writes it."""
        about = remarks(self)
        return {"value": int(self), **about} if about else int(self)


@dataclass(frozen=True)
class YearReader(Reader):
    """Reads a bare year or ``{value: 2026, source: ...}``."""

    def read(self, value: Any) -> CalendarYear:
        """A year from what a file holds."""
        if isinstance(value, CalendarYear):
            return value
        if not isinstance(value, Mapping):
            return self._bare(value)
        year, about, faults = read_sourced(value, self._bare, "2026")
        if faults:
            raise faults_together(faults)
        return CalendarYear(year, **about, readable=year.readable)

    def _bare(self, value: Any) -> CalendarYear:
        if isinstance(value, Number) and math.isnan(value):
            return CalendarYear(0, readable=False)
        return CalendarYear(read_year(value))

    def write(self, value: int) -> int | dict[str, Any]:
        """The year as a scenario file writes it."""
        return value.written() if isinstance(value, CalendarYear) else value

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of a year with or without its source."""
        bare = {"type": "integer", "minimum": 0, "maximum": 9999}
        return {"anyOf": [bare, sourced_schema(bare)]}


def readable(*years: int | None) -> bool:
    """Whether all of these years are there and could be read."""
    return all(year is not None and getattr(year, "readable", True) for year in years)


Year = Annotated[int, YearReader()]
"""A calendar year, with or without its source."""
