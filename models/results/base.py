"""What all results have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from models.results.seal import SEAL, seal_of


class Result(BaseModel):
    """Base of all results: frozen, unknown keys refused, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Result):
    """A result that stands by itself as a JSON document, and is sealed when it is written."""

    @model_serializer(mode="wrap")
    def _sealed(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if info.mode == "json" and info.include is None and info.exclude is None:
            content[SEAL] = seal_of(content)
        return content

    @model_validator(mode="before")
    @classmethod
    def _without_seal(cls, content: Any) -> Any:
        # Whether it is right is for those to ask who have the document as it was written.
        if isinstance(content, dict) and SEAL in content:
            return {key: value for key, value in content.items() if key != SEAL}
        return content


VOLATILE = Field(json_schema_extra={"volatile": True})
"""Marks what may differ between two runs that are the same: how long something took, and what a
manifest compares by itself."""

Seconds = Annotated[float, Field(ge=0), VOLATILE]
"""Wall time."""
Versions = Annotated[dict[str, str], VOLATILE]
"""Versions of the project and of what it rests on, by name."""


@dataclass(frozen=True)
class In:
    """Marks an id or a year that has to stand in the scenario which the document carries."""

    section: str
    """Where: a section of the scenario, ``instruments`` of any funder, or ``years``."""


@dataclass(frozen=True)
class Every:
    """Marks a mapping or a list in which all of that stand that the scenario has, each once."""


EVERY = Every()
ProjectId = Annotated[str, In("projects")]
StockpileId = Annotated[str, In("stockpiles")]
FunderId = Annotated[str, In("funders")]
InstrumentId = Annotated[str, In("instruments")]
MaterialId = Annotated[str, In("materials")]
ConsumerId = Annotated[str, In("consumers")]
VariantId = Annotated[str, In("variants")]
HorizonYear = Annotated[str, In("years")]
YearNumber = Annotated[int, In("years")]
Year = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
"""One that may lie outside the horizon."""
ByYear = Annotated[dict[HorizonYear, float], EVERY]
"""A figure for each year of the horizon."""
ROUNDING = 1e-6
Share = Annotated[float, Field(ge=-ROUNDING, le=1 + ROUNDING)]
"""A share or a probability, to the rounding of a solver."""
