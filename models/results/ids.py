"""Ids and years in results, each marked with where it stands in the scenario of its document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class In:
    """Marks an id or a year that has to stand in the scenario which the document carries."""

    section: str
    """Where: a section of the scenario, ``instruments`` of any funder, or ``years``."""


@dataclass(frozen=True)
class Every:
    """Marks a mapping or a list in which all of that stand that the scenario has, each once."""


EVERY = Every()
Project = Annotated[str, In("projects")]
Stockpile = Annotated[str, In("stockpiles")]
Funder = Annotated[str, In("funders")]
Instrument = Annotated[str, In("instruments")]
Material = Annotated[str, In("materials")]
Consumer = Annotated[str, In("consumers")]
Variant = Annotated[str, In("variants")]
Hazard = Annotated[str, In("hazards")]
HorizonYear = Annotated[str, In("years")]
YearNumber = Annotated[int, In("years")]
Year = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
"""One that may lie outside the horizon."""
ByYear = Annotated[dict[HorizonYear, float], EVERY]
"""A figure for each year of the horizon."""
