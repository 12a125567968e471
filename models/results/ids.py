"""Ids and years in results, each marked with where it stands in the scenario of its document."""

from typing import Annotated

from pydantic import Field

from models.marks import Every, In

EVERY = Every()
Project = Annotated[str, In("projects")]
Stockpile = Annotated[str, In("stockpiles")]
Funder = Annotated[str, In("funders")]
Instrument = Annotated[str, In("instruments")]
Material = Annotated[str, In("materials")]
Consumer = Annotated[str, In("consumers")]
Variant = Annotated[str, In("variants")]
Assumptions = Annotated[str, In("assumptions")]
Hazard = Annotated[str, In("hazards")]
HorizonYear = Annotated[str, In("years")]
YearNumber = Annotated[int, In("years")]
Year = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]  #: One that may lie outside the horizon.
ByYear = Annotated[dict[HorizonYear, float], EVERY]  #: A figure for each year of the horizon.
