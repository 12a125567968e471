"""Stockpiles, with their limits, costs and payers."""

from __future__ import annotations

from typing import Annotated

from pydantic import ValidationInfo, model_validator

from models import base
from models.base import Base, ConsumerId, FunderId, Id, LocalizedText, MaterialId, NamesOrKeyword
from models.language import tr
from models.scenario.quantities import Fraction, NonNegative, Number, Share, YearlyNonNegative


class Stockpile(Base):
    """A stock of one material, from which tonnes are released in a shortage."""

    id: Id  #: Id of the stockpile.
    name: LocalizedText | None = None  #: Name shown in reports; the id where absent.
    description: LocalizedText | None = None  #: Free text.
    material: MaterialId  #: Id of the material.
    initial_t: NonNegative = Number(0)  #: Stock before the first period, in tonnes.
    max_t: NonNegative | None = None  #: Room for stock, in tonnes.
    max_purchase_t_per_year: YearlyNonNegative | None = None
    """What the market gives without moving, in tonnes per year."""
    purchase_premium: NonNegative = Number(0)  #: Added to the price when buying, as a share.
    storage_eur_per_t_year: NonNegative = Number(0)  #: Cost of storage in EUR per tonne and year.
    financing_rate: NonNegative = Number(0)  #: Per year, in real terms, on the value held.
    annual_loss: Fraction = Number(0)  #: Share that spoils or is lost in rotation, per year.
    max_release_t_per_period: NonNegative | None = None  #: Tonnes that can leave in one period.
    refill_t_per_year: YearlyNonNegative | None = None
    """What of its releases can come back in a year in which the market covers its demand, in tonnes
    per year; none where absent."""
    min_days_of_demand: YearlyNonNegative | None = None
    """Planned stock at a year's end, in days of the need served; from the first year named."""
    residual_value: Share | None = None
    """Share of the stock's value that counts at the end; that of the horizon where absent."""
    paid_by: dict[FunderId, Share]  #: Share of its cost that each funder pays; adds up to 1.
    storage_paid_by: dict[FunderId, Share] | None = None  #: The same of storage; or ``paid_by``.
    financing_paid_by: dict[FunderId, Share] | None = None  #: The same of financing.
    serves: Annotated[tuple[ConsumerId, ...] | None, NamesOrKeyword("all")] = None
    """Ids of the consumers it serves, also of what is made of it, or ``all``."""

    _shares_sum_to_one = base.sums_to_one("paid_by", "storage_paid_by", "financing_paid_by")

    @model_validator(mode="after")
    def _check_initial_stock(self, info: ValidationInfo) -> Stockpile:
        if base.skips_check("order", info):
            return self
        if self.max_t is not None and self.initial_t > self.max_t:
            message = tr(
                "initial_t {initial:g} is above max_t {most:g}",
                initial=self.initial_t,
                most=self.max_t,
            )
            raise base.validation_error(message, path=("initial_t",))
        return self
