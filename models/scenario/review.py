"""The review: a year from which decisions may depend on what has been observed.

Only events that no decision influences can be observed: whether an event of a hazard has started,
the regime of the preceding year, and the price state of a material.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ValidationInfo, model_validator

from models import base
from models.base import Base, Id, MaterialId
from models.field_marks import InSection
from models.scenario.quantities import Year


class Observation(Base):
    """One thing that is observed before the review: a hazard, the regime, or a price."""

    hazard: Annotated[Id, InSection("hazards")] | None = None
    """Id of a hazard, of which it is observed whether an event started before the review."""
    regime: Literal[True] | None = None  #: Whether the last regime before the review is observed.
    price: MaterialId | None = None  #: Id of a material whose price state is observed.

    @model_validator(mode="after")
    def _names_one_thing(self, info: ValidationInfo) -> Observation:
        if not base.skips_check("order", info) and len(self.model_dump(exclude_none=True)) != 1:
            message = "an observation is one of 'hazard', 'regime' and 'price'"
            raise base.validation_error(message, "write an entry for each thing that is observed")
        return self


class Review(Base):
    """The year of the review, and what is observed before it."""

    year: Annotated[Year, InSection("years")]
    """First year whose decisions may depend on what has been observed before it."""
    observe: tuple[Observation, ...]
    """Observations. States in which all of them are alike form a group; at most 8 groups."""
    in_plans: bool = True
    """Whether plans leave decisions to the review. If not, they decide everything now, and only
    ``vorrat review`` shows what the review could decide."""
