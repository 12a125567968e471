"""Stockpiles, with their limits, costs and payers."""

from __future__ import annotations

from typing import Annotated

from pydantic import ValidationInfo, model_validator

from models import base
from models.base import Base, ConsumerId, FunderId, Id, LocalizedText, MaterialId, NamesOrKeyword
from models.scenario.quantities import Fraction, NonNegative, Number, Share, YearlyNonNegative


class Stockpile(Base):
    """A stock of one material, from which tonnes are released in a shortage."""

    id: Id  #: Id of the stockpile.
    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    material: MaterialId  #: Id of the material.
    initial_t: NonNegative = Number(0)  #: Stock before the first period, in tonnes.
    max_t: NonNegative | None = None  #: Largest stock, in tonnes.
    max_purchase_t_per_year: YearlyNonNegative | None = None
    """Tonnes per year that can be bought without moving the price."""
    purchase_premium: NonNegative = Number(0)  #: Premium on the purchase price, as a share of it.
    storage_eur_per_t_year: NonNegative = Number(0)  #: Cost of storage in EUR per tonne and year.
    financing_rate: NonNegative = Number(0)  #: Real rate per year on the value of the stock.
    annual_loss: Fraction = Number(0)  #: Share that spoils or is lost in rotation, per year.
    max_release_t_per_period: NonNegative | None = None  #: Largest release in a period, in tonnes.
    refill_t_per_year: YearlyNonNegative | None = None
    """Largest refill of released tonnes in a year in which the market covers demand, in tonnes per
    year; by default none."""
    min_days_of_demand: YearlyNonNegative | None = None
    """Least planned stock at a year's end, in days of need served; from the first year named."""
    residual_value: Share | None = None
    """Share of the stock's value that counts at the end; by default that of the horizon."""
    paid_by: dict[FunderId, Share]  #: Share of the cost that each funder pays; adds up to 1.
    storage_paid_by: dict[FunderId, Share] | None = None  #: Same for storage; default ``paid_by``.
    financing_paid_by: dict[FunderId, Share] | None = None  #: Same for financing; same default.
    serves: Annotated[tuple[ConsumerId, ...] | None, NamesOrKeyword("all")] = None
    """Ids of consumers of the material or its products that the stock serves, or ``all``."""

    _shares_sum_to_one = base.sums_to_one("paid_by", "storage_paid_by", "financing_paid_by")

    @model_validator(mode="after")
    def _check_initial_stock(self, info: ValidationInfo) -> Stockpile:
        if base.skips_check("order", info):
            return self
        if self.max_t is not None and self.initial_t > self.max_t:
            message = f"initial_t {self.initial_t:g} is above max_t {self.max_t:g}"
            raise base.validation_error(message, path=("initial_t",))
        return self
