"""Rules that every plan must keep, and what a plan is measured by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import AllOf, Base, Country, Id
from models.scenario.quantities import Bounds, NonNegative, Number, Share, Whole
from models.scenario.years import Year


class StateAid(Base):
    """Limit on the grant equivalents in one project; the lower of the two binds."""

    max_intensity: Share | None = None
    """Share of the project's capex."""
    max_meur: NonNegative | None = None
    """Million EUR."""


class CountryLimit(Base):
    """Limit on the share of demand that one country supplies."""

    limit: Share
    """Share of a year's demand for the material met from one country."""
    from_year: Year | None = None
    """First year in which it holds; the first year of the horizon where absent."""
    materials: AllOf = None
    """Ids of the materials it holds for, or ``all``."""
    except_: tuple[Country, ...] = Field(default=(), alias="except")
    """Countries that may supply more, home above all."""


class Policy(Base):
    """Rules that every plan must keep; a field left out sets no limit."""

    budget_meur: NonNegative | None = None
    """Million EUR over all public funders and years, on top of their own budgets."""
    max_public_share: Share | None = None
    """Share of any project's capex that public funders may carry together."""
    state_aid: StateAid | None = None
    """Limit on grant equivalents, per project."""
    max_country_share: CountryLimit | None = None
    """Limit on the share of demand met from one country."""
    max_projects: Whole | None = None
    """How many projects may be built at most."""
    must_build: tuple[Id, ...] = ()
    """Ids of projects that must be built."""
    must_not_build: tuple[Id, ...] = ()
    """Ids of projects that must not be built."""


class Cvar(Base):
    """Weight on the worst states (conditional value at risk)."""

    level: Annotated[Number, Bounds(ge=0, lt=1)] = Number(0.95)
    """0.95: the mean of the worst 5 % of states."""
    weight: Share = Number(0)
    """Weight of that mean beside the expected damage, from 0 to 1."""


class Objective(Base):
    """What a plan is measured by."""

    measure: Literal["damage", "tonnes", "share_of_demand"] = "damage"
    """``damage`` (million EUR), ``tonnes`` missing, or missing ``share_of_demand``."""
    cost_weight: NonNegative = Number(0.001)
    """Weight of net cost: 0.001 spends the budget, but not on nothing; 1 weighs both alike."""
    cvar: Cvar = Cvar()
    """Weight on the worst states."""
    allocation: Literal["pooled", "entitled"] = "pooled"
    """``pooled``: every tonne goes where it is missed most; ``entitled``: to whom it belongs."""
