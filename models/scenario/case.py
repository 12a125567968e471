"""The root of a scenario file."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, StrictStr, ValidationInfo, field_validator, model_validator

from models.base import Base, Country, Id, Text, fault, left_out
from models.faults import ScenarioError
from models.language import tr
from models.scenario import references
from models.scenario.funding import Funder
from models.scenario.hazards import Hazard, Uncertainty
from models.scenario.materials import Consumer, Damage, Demand, Material, Supply
from models.scenario.policy import Objective, Policy
from models.scenario.projects import Project
from models.scenario.quantities import Bounds, NonNegative, Number, Share
from models.scenario.stockpiles import Stockpile
from models.scenario.years import Year, readable

PERIODS = (1, 2, 4, 12)


class Horizon(Base):
    """The years that are planned for."""

    first_year: Year
    """First calendar year."""
    last_year: Year
    """Last calendar year."""
    periods_per_year: Annotated[Number, Bounds(ge=1, whole=True)] = Number(1)
    """1, 2, 4 or 12."""
    discount_rate: NonNegative = Number(0)
    """Per year, on costs and damage, as a fraction of one."""
    residual_value: Share = Number(0)
    """Share of stocks' value and of capex that counts at the end; for all that give none."""

    @field_validator("periods_per_year")
    @classmethod
    def _even_periods(cls, periods: Number) -> Number:
        if not math.isnan(periods) and float(periods) not in PERIODS:
            message = tr("periods_per_year is {periods:g}", periods=periods)
            raise fault(message, tr("write 1, 2, 4 or 12"))
        return periods

    @model_validator(mode="after")
    def _in_order(self, info: ValidationInfo) -> Horizon:
        if left_out("order", info) or not readable(self.first_year, self.last_year):
            return self
        if self.last_year < self.first_year:
            raise fault(
                tr(
                    "last_year {last} lies before first_year {first}",
                    last=self.last_year,
                    first=self.first_year,
                ),
                at=("last_year",),
            )
        if self.last_year - self.first_year >= 200:
            raise fault(tr("a horizon of 200 years or more"), at=("last_year",))
        return self

    @property
    def years(self) -> range:
        """The calendar years, first to last."""
        return range(self.first_year, self.last_year + 1)


class Source(Base):
    """One entry of the bibliography."""

    text: Text
    """What it is: publisher, title, year; or the reasoning of an assumption."""
    kind: Literal["read", "reported", "assumption"]
    """Whether somebody opened it, took it from a report of it, or assumed it."""
    url: StrictStr | None = None
    """Where it can be found."""


class Variant(Base):
    """A named patch on the scenario file: a funding option."""

    title: Text | None = None
    """Title shown in reports; the id where absent."""
    description: Text | None = None
    """Free text."""
    set: dict[StrictStr, Any] = {}
    """Dotted paths and the values they get."""


class Case(Base):
    """A planning situation: everything that one scenario file says."""

    schema_version: Literal[1] = 1
    """Version of the format."""
    title: Text | None = None
    """Title shown in reports."""
    description: Text | None = None
    """Free text."""
    sources: dict[Id, Source] = {}
    """Bibliography, by id."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    """ISO 4217 label of all amounts; field names keep ``eur``."""
    price_year: Year | None = None
    """Year whose prices all amounts are in."""
    horizon: Horizon
    """The years that are planned for."""
    home: tuple[Country, ...] = ()
    """Countries whose deliveries are no imports; for reports."""
    materials: dict[Id, Material]
    """By id."""
    consumers: dict[Id, Consumer] = {}
    """Sectors and companies that need the materials, by id."""
    demand: tuple[Demand, ...] = ()
    """Who needs what."""
    damage: tuple[Damage, ...] = ()
    """What a missing tonne costs."""
    supply: tuple[Supply, ...] = ()
    """Today's imports and home output."""
    projects: dict[Id, Project] = {}
    """Candidate projects, by id."""
    funders: dict[Id, Funder] = {}
    """Purses, by id."""
    stockpiles: tuple[Stockpile, ...] = ()
    """Stockpiles."""
    hazards: dict[Id, Hazard] = {}
    """What can go wrong, by id."""
    uncertainty: Uncertainty | None = None
    """States of the world; one certain, undisturbed state where absent."""
    policy: Policy = Policy()
    """Rules that every plan must keep."""
    objective: Objective = Objective()
    """What a plan is measured by."""
    variants: dict[Id, Variant] = {}
    """Funding options to compare, by id."""

    @model_validator(mode="after")
    def _references(self, info: ValidationInfo) -> Case:
        if info.context and info.context.get("references_checked_elsewhere"):
            return self
        faults = [f for f in references.check(self) if f.severity == "error"]
        if faults:
            raise ValueError(str(ScenarioError(faults)))
        return self
