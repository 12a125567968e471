"""A date at which to decide again, by what has been seen until then.

Only what no decision influences can be observed: whether a hazard has struck, the regime of the
year before, and the price state of a material.
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
    """One thing that is seen before the review: a hazard, the regime, or a price."""

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
    """A date at which to decide again."""

    year: Annotated[Year, InSection("years")]
    """First year whose decisions may depend on what has been observed before it."""
    observe: tuple[Observation, ...]
    """What is observed. States that look alike in all of it form a group; at most 8 groups."""
    in_plans: bool = True
    """Whether plans wait for it. If not, they decide all now, and only ``vorrat review`` looks at
    what could be left to it."""


def check_review(case: Case, is_partial: bool = False) -> Iterator[Fault]:
    """Faults of a review: a year before which nothing is seen, and what cannot be observed. Some
    observations may be missing of one that is ``partial``."""
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
    for number, one in enumerate(review.observe):
        at = ("review", "observe", number)
        if one in seen:
            message = tr("this is observed already, by {other}", other=f"observe.{seen[one]}")
            yield Fault(at, message, tr("leave it out"))
        seen.setdefault(one, number)
        if one.regime and not (
            uncertainty is not None
            and (uncertainty.regimes or any(own.regimes for own in uncertainty.states or ()))
        ):
            message = tr("the states of the world have no regimes")
            yield Fault((*at, "regime"), message, tr("add uncertainty.regimes, or leave it out"))
        material = case.materials.get(one.price or "")
        if material is not None and len(material.price_states) < 2:
            message = tr("the price of '{material}' is the same in all states", material=one.price)
            hint = tr("add price_states to the material, or leave it out")
            yield Fault((*at, "price"), message, hint)
