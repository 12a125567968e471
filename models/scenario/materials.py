"""Materials, consumers, demand, damage of shortages, and today's supply and conversions."""

from __future__ import annotations

import itertools

from pydantic import ValidationInfo, field_validator, model_validator

from models import base
from models.base import Base, ConsumerId, Country, FunderId, LocalizedText, MaterialId, Stage
from models.scenario.quantities import (
    NonNegative,
    Number,
    PositiveInteger,
    Ratio,
    Share,
    YearlyNonNegative,
)


class PriceState(Base):
    """One possible price path of a material, with its probability."""

    name: LocalizedText | None = None  #: Name shown in reports.
    probability: Share  #: Probability of this price; those of a material add up to 1.
    eur_per_t: YearlyNonNegative  #: Price in EUR per tonne; may change over the years.

    def is_named(self, name: str) -> bool:
        """Return whether ``name`` is the state's name in either language."""
        return self.name is not None and name in (self.name.en, self.name.de)


class Material(Base):
    """A raw material, counted in tonnes of one stated form."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text, for example the form that is counted.
    price_eur_per_t: YearlyNonNegative  #: Price in EUR per tonne; may change over the years.
    price_states: tuple[PriceState, ...] = ()
    """Possible prices, for price floors and idle plants; by default only ``price_eur_per_t``."""
    secured_premium_eur_per_t: YearlyNonNegative | None = None
    """Price premium on secured output, in EUR per tonne; may change over the years."""
    premium_paid_by: dict[FunderId, Share] | None = None
    """Share of the premium on secured output that each funder pays; adds up to 1."""

    _payers_sum_to_one = base.sums_to_one("premium_paid_by")
    _probabilities_sum_to_one = base.sums_to_one(
        "price_states",
        description="the probability of price_states",
        share_field="probability",
        allow_empty=True,
    )

    @model_validator(mode="after")
    def _premium_has_payers(self, info: ValidationInfo) -> Material:
        premium, payers = self.secured_premium_eur_per_t, self.premium_paid_by
        if base.skips_check("order", info) or (premium is None) == (payers is None):
            return self
        if payers is None:
            message = "secured_premium_eur_per_t needs premium_paid_by"
            hint = "say who pays it, such as premium_paid_by: {fund: 1}"
            raise base.validation_error(message, hint, ("secured_premium_eur_per_t",))
        message = "premium_paid_by needs secured_premium_eur_per_t"
        hint = "say what a tonne of secured output costs above the market, or leave it out"
        raise base.validation_error(message, hint, ("premium_paid_by",))


class Consumer(Base):
    """A sector or a single company that uses materials."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    company: FunderId | None = None  #: Id of the company funder that pays for this consumer.


class Demand(Base):
    """The demand of one consumer for one material; rows of the same pair are added up."""

    consumer: ConsumerId  #: Id of the consumer.
    material: MaterialId  #: Id of the material.
    t_per_year: YearlyNonNegative  #: Demand in tonnes per year; may change over the years.


class DamageStep(Base):
    """One step of the damage curve: a share of demand with one damage per tonne."""

    share: Share  #: Share of the demand in a period that this step covers, as a fraction of one.
    eur_per_t: NonNegative  #: Damage of a tonne missing on this step, in EUR per tonne.


class Adaptation(Base):
    """Adaptation of users to a shortage: the demand on damage steps above the first falls.

    A clock starts at 0 in the first period that is hit, and counts every period until it ends.
    """

    per_year: Share  #: Share of demand on later damage steps that adaptation removes in a year.
    floor: Share = Number(0)  #: Share of demand on later damage steps that is never removed.
    trigger_loss: Share = Number(0.2)
    """A period counts as hit if more than this share of market supply is lost."""
    reset_periods: PositiveInteger = Number(4)
    """Number of consecutive periods without a hit after which adaptation ends."""


class Damage(Base):
    """Damage per missing tonne of a material, in increasing steps."""

    material: MaterialId  #: Id of the material.
    consumer: ConsumerId | None = None  #: Id of a consumer, if the entry applies only to it.
    steps: tuple[DamageStep, ...]  #: From the first missing tonne to the last; shares add up to 1.
    adaptation: Adaptation | None = None  #: How users adapt during a shortage; by default not.

    @field_validator("steps")
    @classmethod
    def _steps_rise_and_add_up(
        cls, steps: tuple[DamageStep, ...], info: ValidationInfo
    ) -> tuple[DamageStep, ...]:
        if base.skips_check("sum", info):
            return steps
        faults = base.sum_faults((step.share for step in steps), "the share of the steps")
        for position, (previous_step, next_step) in enumerate(itertools.pairwise(steps), start=1):
            if next_step.eur_per_t < previous_step.eur_per_t:
                values = {"before": previous_step.eur_per_t, "after": next_step.eur_per_t}
                message = "damage falls from {before:g} to {after:g} EUR per tonne".format(**values)
                hint = "order the steps from the cheapest tonne to the most expensive"
                faults.append(((position, "eur_per_t"), message, hint))
        if faults:
            raise base.combined_error(faults)
        return steps


class Supply(Base):
    """Market supply of a material from one country, before any plan; rows are added up."""

    material: MaterialId  #: Id of the material.
    country: Country  #: ISO 3166 code of the country of origin.
    share: YearlyNonNegative | None = None
    """Supply as a share of the year's need, as a fraction of one; above 1 is a surplus."""
    t_per_year: YearlyNonNegative | None = None  #: Tonnes per year; instead of ``share``.
    stages: tuple[Stage, ...] = ()  #: Stages of production: extraction, processing, recycling.

    @model_validator(mode="after")
    def _has_share_or_tonnes(self, info: ValidationInfo) -> Supply:
        if base.skips_check("order", info):
            return self
        if (self.share is None) == (self.t_per_year is None):
            hint = "leave one out" if self.share is not None else "add one of them"
            raise base.validation_error("supply needs either 'share' or 't_per_year'", hint)
        return self


class Conversion(Base):
    """Existing plants in one country that make one material from others."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    country: Country  #: ISO 3166 code of the country in which the plants are.
    output: MaterialId  #: Id of the material that the plants make.
    inputs_t_per_t: dict[MaterialId, Ratio]
    """Tonnes of each input material per tonne of output; all inputs are needed."""
    capacity_t_per_year: YearlyNonNegative
    """Largest output in tonnes per year; may change over the years."""

    _inputs_are_not_empty = base.must_not_be_empty(
        "inputs_t_per_t",
        "a conversion without inputs",
        "state the tonnes of each input per tonne of output",
    )
