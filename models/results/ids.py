"""Types of ids and years in results, marked with their section of the document's scenario."""

from typing import Annotated

from pydantic import Field

from models.field_marks import InSection

Project = Annotated[str, InSection("projects")]
Stockpile = Annotated[str, InSection("stockpiles")]
Funder = Annotated[str, InSection("funders")]
Instrument = Annotated[str, InSection("instruments")]
Material = Annotated[str, InSection("materials")]
Consumer = Annotated[str, InSection("consumers")]
Variant = Annotated[str, InSection("variants")]
Assumptions = Annotated[str, InSection("assumptions")]
Hazard = Annotated[str, InSection("hazards")]
HorizonYear = Annotated[str, InSection("years")]
YearNumber = Annotated[int, InSection("years")]
Year = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]  #: It may lie outside the horizon.
ByYear = dict[HorizonYear, float]  #: A figure for each year of the horizon.
