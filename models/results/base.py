"""What all results have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Result(BaseModel):
    """Base of all results: frozen, unknown keys refused, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


VOLATILE = Field(json_schema_extra={"volatile": True})
"""Marks what may differ between two runs that are the same: how long something took, and what a
manifest compares by itself."""

Seconds = Annotated[float, VOLATILE]
"""Wall time."""
Versions = Annotated[dict[str, str], VOLATILE]
"""Versions of the project and of what it rests on, by name."""
