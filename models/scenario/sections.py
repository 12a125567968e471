"""The sections of a scenario file, and the rules that every plan has to keep."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, StrictStr, ValidationInfo, field_validator, model_validator

from models import base
from models.base import (
    Base,
    BudgetYear,
    Country,
    Id,
    LocalizedText,
    MaterialsOrAll,
    ProjectId,
    VariantId,
)
from models.scenario import quantities
from models.scenario.funding import Funder
from models.scenario.hazards import Hazard, Uncertainty
from models.scenario.materials import Consumer, Conversion, Damage, Demand, Material, Supply
from models.scenario.projects import Project
from models.scenario.quantities import (
    Fraction,
    NonNegative,
    Number,
    PositiveInteger,
    Share,
    WholeNumber,
    Year,
)
from models.scenario.review import Review
from models.scenario.stockpiles import Stockpile
from models.scenario.units import Units
from models.scenario.user_rules import UserRule

ALLOWED_PERIODS = (1, 2, 4, 12)


class Horizon(Base):
    """The planning horizon and its discount rate."""

    first_year: Year  #: First calendar year.
    last_year: Year  #: Last calendar year.
    periods_per_year: PositiveInteger = Number(1)  #: Number of periods in a year: 1, 2, 4 or 12.
    discount_rate: NonNegative = Number(0)
    """Real discount rate per year on costs and damage, as a fraction of one."""
    residual_value: Share = Number(0)  #: Default share of asset value that counts at the end.

    @field_validator("periods_per_year")
    @classmethod
    def _check_periods(cls, periods: Number) -> Number:
        if not math.isnan(periods) and float(periods) not in ALLOWED_PERIODS:
            message = f"periods_per_year is {periods:g}"
            raise base.validation_error(message, "write 1, 2, 4 or 12")
        return periods

    @model_validator(mode="after")
    def _check_year_order(self, info: ValidationInfo) -> Horizon:
        if base.skips_check("order", info) or not quantities.are_readable(
            self.first_year, self.last_year
        ):
            return self
        if self.last_year < self.first_year:
            values = {"last": self.last_year, "first": self.first_year}
            message = "last_year {last} lies before first_year {first}".format(**values)
            raise base.validation_error(message, path=("last_year",))
        if self.last_year - self.first_year >= 200:
            raise base.validation_error("a horizon of 200 years or more", path=("last_year",))
        return self

    @property
    def years(self) -> range:
        """The calendar years of the horizon, from the first to the last."""
        return range(self.first_year, self.last_year + 1)


class StateAid(Base):
    """Limit on the grant equivalents of public support for one project.

    If both fields are given, the lower limit binds.
    """

    max_intensity: Share | None = None  #: Largest grant equivalent, as a share of project capex.
    max_meur: NonNegative | None = None  #: Largest grant equivalent, in million EUR.


class CountryLimit(Base):
    """Limit on the share of need that may be supplied by a single country."""

    limit: Share  #: Largest share of a year's need for a material that one country may meet.
    from_year: Year | None = None  #: First year of the limit; by default the first of the horizon.
    materials: MaterialsOrAll = None  #: Ids of the materials under the limit, or ``all``.
    except_: tuple[Country, ...] = Field(default=(), alias="except")
    """Countries to which the limit does not apply, usually the home countries."""


class Policy(Base):
    """Rules that every plan must satisfy; an absent field sets no limit."""

    budget_meur: NonNegative | None = None  #: Budget of all public funders, in million EUR.
    max_public_share: Share | None = None  #: Largest share of capex from public funders.
    state_aid: StateAid | None = None  #: Limit on grant equivalents, per project.
    max_country_share: CountryLimit | None = None
    """Limit on the share of need that is met from one country."""
    max_projects: WholeNumber | None = None  #: Largest number of projects that may be built.
    max_starts_by_year: dict[BudgetYear, WholeNumber] = {}
    """Largest number of projects that may start in a year; unlimited in years not named."""
    contingency: Share | None = None
    """Probability with which budgets cover the cost of projects; by default they cover the mean."""
    must_build: tuple[ProjectId, ...] = ()  #: Ids of projects that must be built.
    must_not_build: tuple[ProjectId, ...] = ()  #: Ids of projects that must not be built.
    rules: dict[Id, UserRule] = {}
    """Rules of the user's own, by id: limits on sums of projects, money, output and stocks."""


class Cvar(Base):
    """Level of the CVaR (conditional value at risk), and its weight in the objective."""

    level: Fraction = Number(0.95)  #: Level; 0.95 takes the mean of the worst 5 % of states.
    weight: Share = Number(0)  #: Weight of the CVaR, from 0 to 1; expected damage has the rest.


class Ambiguity(Base):
    """Distributions within a distance of the stated one; the least favorable one counts."""

    kind: Literal["total_variation", "modified_chi_square"]
    """Distance: ``total_variation`` is half the sum of all differences, ``modified_chi_square`` the
    root of the mean square of relative differences."""
    radius: NonNegative
    """Largest distance of the least favorable probabilities from the stated ones."""


class Assumptions(Base):
    """An assumption set: a named patch of figures on the scenario file."""

    title: LocalizedText | None = None  #: Title shown in reports; by default the id.
    weight: Share  #: Weight of this assumption set; all weights add up to 1.
    set: dict[StrictStr, Any] = {}
    """Dotted paths and their figures; empty if the set changes nothing."""


class Objective(Base):
    """The objective of a plan: damage measure, weights, and the treatment of assumption sets."""

    measure: Literal["damage", "tonnes", "share_of_demand"] = "damage"
    """What is minimized: ``damage`` (million EUR), missing ``tonnes`` or ``share_of_demand``."""
    cost_weight: NonNegative = Number(0.001)
    """Weight of net cost; 1 weighs it like damage, 0.001 only avoids spending without effect."""
    cvar: Cvar = Cvar()  #: Weight on the worst states.
    ambiguity: Ambiguity | None = None
    """Set of distributions whose worst mean counts; by default only the stated probabilities."""
    allocation: Literal["pooled", "entitled"] = "pooled"
    """``pooled``: each tonne goes where it avoids most damage; ``entitled``: to its owner."""
    over_assumptions: Literal["mean", "worst", "regret"] | None = None
    """Risk measure over the objectives of all assumption sets: the weighted ``mean``, the
    ``worst``, or the largest ``regret`` (excess over the best plan for a set). By default, the
    plan is made for the file without assumption sets."""


class Source(Base):
    """One entry of the bibliography of a scenario file."""

    text: LocalizedText  #: Publisher, title and year of the source, or reasons for an assumption.
    kind: Literal["read", "reported", "assumption"]
    """Whether the source was read, is cited from another report, or is an assumption."""
    url: StrictStr | None = None  #: Web address of the source.


class Variant(Base):
    """A named patch on the scenario file: a funding option."""

    title: LocalizedText | None = None  #: Title shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    set: dict[StrictStr, Any] = {}  #: Dotted paths and their values.


class Sections(Base):
    """The content of one scenario file, whose references between sections are not checked."""

    __repr__ = __str__ = base.short_repr

    schema_version: Literal[1] = 1  #: Version of the format.
    title: LocalizedText | None = None  #: Title shown in reports.
    description: LocalizedText | None = None  #: Free text.
    sources: dict[Id, Source] = {}  #: Bibliography, by id.
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    """ISO 4217 code of all amounts, only a label; field names keep ``eur``."""
    price_year: Year | None = None  #: Year whose prices all amounts are in.
    units: Units | None = None  #: Exchange rates and deflators for figures with a unit.
    horizon: Horizon  #: Years of the plan and the discount rate.
    home: tuple[Country, ...] = ()  #: Countries whose deliveries are no imports; for reports.
    materials: dict[Id, Material]  #: Materials, by id.
    consumers: dict[Id, Consumer] = {}  #: Sectors and companies that need the materials, by id.
    demand: tuple[Demand, ...] = ()  #: Demand of consumers for materials.
    damage: tuple[Damage, ...] = ()  #: Damage per tonne of shortage.
    supply: tuple[Supply, ...] = ()  #: Today's imports and domestic output.
    conversions: dict[Id, Conversion] = {}
    """Plants that run today and make one material from others, by id."""
    projects: dict[Id, Project] = {}  #: Candidate projects, by id.
    funders: dict[Id, Funder] = {}  #: Funders and their instruments, by id.
    stockpiles: tuple[Stockpile, ...] = ()  #: Stockpiles.
    hazards: dict[Id, Hazard] = {}  #: Causes of supply loss, by id.
    uncertainty: Uncertainty | None = None
    """States of the world; if not given, a single state without events."""
    policy: Policy = Policy()  #: Rules that every plan must satisfy.
    objective: Objective = Objective()  #: Objective of a plan.
    review: Review | None = None  #: Later date of decisions; by default everything is decided now.
    assumptions: dict[Id, Assumptions] = {}  #: Assumption sets of experts, by id.
    variants: dict[Id, Variant] = {}  #: Funding options to compare, by id.
    counterfactual: VariantId | None = None
    """Variant that plans are compared with; if not given, the best plan without public money."""

    @property
    def planned_review(self) -> Review | None:
        """The review on which plans depend; None if everything is decided now."""
        return self.review if self.review is not None and self.review.in_plans else None

    _weights_sum_to_one = base.sums_to_one(
        "assumptions", description="the weight of all sets", share_field="weight", allow_empty=True
    )
