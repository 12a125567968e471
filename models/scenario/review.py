"""The review: a year from which decisions may depend on what has been observed.

Only events that no decision influences can be observed: whether an event of a hazard has started,
the regime of the preceding year, and the price state of a material.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ValidationInfo, model_validator

from models import base
from models.base import Base, Id, MaterialId
from models.faults import Fault
from models.field_marks import InSection
from models.language import tr
from models.scenario.quantities import Year, are_readable

if TYPE_CHECKING:
    from models.scenario.case import Case


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


def check_review(case: Case, is_partial: bool = False) -> Iterator[Fault]:
    """Yield faults of a review: no earlier year, no observations, or impossible ones.

    ``is_partial`` states that observations may be missing because they were faulty.
    """
    review, uncertainty = case.review, case.uncertainty
    if review is None:
        return
    first = case.horizon.first_year
    if are_readable(review.year, first) and review.year == first:
        message = tr("nothing is seen before {year}, the first year", year=first)
        yield Fault(("review", "year"), message, tr("write a later year"))
    if not review.observe and not is_partial:
        message = tr("nothing is observed before the review")
        yield Fault(("review", "observe"), message, tr("write {value}", value="[{hazard: ...}]"))
    seen: dict[Observation, int] = {}
    for position, observation in enumerate(review.observe):
        path = ("review", "observe", position)
        if observation in seen:
            message = tr(
                "this is observed already, by {other}", other=f"observe.{seen[observation]}"
            )
            yield Fault(path, message, tr("leave it out"))
        seen.setdefault(observation, position)
        if observation.regime and not (
            uncertainty is not None
            and (uncertainty.regimes or any(state.regimes for state in uncertainty.states or ()))
        ):
            message = tr("the states of the world have no regimes")
            yield Fault((*path, "regime"), message, tr("add uncertainty.regimes, or leave it out"))
        material = case.materials.get(observation.price or "")
        if material is not None and len(material.price_states) < 2:
            message = tr(
                "the price of '{material}' is the same in all states", material=observation.price
            )
            hint = tr("add price_states to the material, or leave it out")
            yield Fault((*path, "price"), message, hint)
