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
from models.language import tr
from models.scenario.quantities import Year


class Observation(Base):
    """One thing that is observed before the review: a hazard, the regime, or a price."""

    hazard: Annotated[Id, InSection("hazards")] | None = None
    """Id of a hazard: whether an event of it has started before the year of the review."""
    regime: Literal[True] | None = None  #: The regime of the year before the review.
    price: MaterialId | None = None  #: Id of a material: which of its price states it is.

    @model_validator(mode="after")
    def _names_one_thing(self, info: ValidationInfo) -> Observation:
        if not base.skips_check("order", info) and len(self.model_dump(exclude_none=True)) != 1:
            message = tr("an observation is one of 'hazard', 'regime' and 'price'")
            raise base.validation_error(
                message, tr("write an entry for each thing that is observed")
            )
        return self


class Review(Base):
    """The year of the review, and what is observed before it."""

    year: Annotated[Year, InSection("years")]
    """First year whose decisions may depend on what has been observed before it."""
    observe: tuple[Observation, ...]
    """What is observed. States that look alike in all of it form a group; at most 8 groups."""
    in_plans: bool = True
    """Whether plans wait for it. If not, they decide all now, and only ``vorrat review`` looks at
    what could be left to it."""
