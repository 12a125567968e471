"""What all results have in common."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from models.results import ids
from models.results.seal import SEAL, seal_of
from models.scenario.case import Case


class Result(BaseModel):
    """Base of all results: frozen, unknown keys refused, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Result):
    """A result that stands by itself as a JSON document, and is sealed when it is written."""

    schema_version: Literal[1] = 1
    """Version of this format."""

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


class OfScenario(Document):
    """A document that carries the scenario it is of: the last of its fields, ``scenario``."""

    kind: str
    """What this document is."""
    title: str
    """Title of the scenario."""
    variant: ids.Variant | None
    """Id of the variant, if one was applied."""
    currency: str
    """Label of all amounts."""
    if TYPE_CHECKING:
        scenario: dict[str, Any] | None

    @cached_property
    def case(self) -> Case | None:
        """The scenario; None in a document that does not carry it.

        Raises pydantic.ValidationError where it has been tampered with.
        """
        return None if self.scenario is None else Case.model_validate(self.scenario)


VOLATILE = Field(json_schema_extra={"volatile": True})
"""Marks what may differ between two runs that are the same: how long something took, and what a
manifest compares by itself."""

Seconds = Annotated[float, Field(ge=0), VOLATILE]
"""Wall time."""
Versions = Annotated[dict[str, str], VOLATILE]
"""Versions of the project and of what it rests on, by name."""
ROUNDING = 1e-6
Share = Annotated[float, Field(ge=-ROUNDING, le=1 + ROUNDING)]
"""A share or a probability, to the rounding of a solver."""
