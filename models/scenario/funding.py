"""Funders and their budgets, which may have lines with different rules of charging."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import StrictBool, ValidationInfo, model_validator

from models import base
from models.base import Base, BudgetYear, Id, LocalizedText, PartFault, validation_error
from models.scenario.instruments import Instrument
from models.scenario.quantities import NonNegative, Number, YearlyNonNegative

COMMON_GROUP = "common"
"""The group of all domestic consumers; output can be reserved for it, as for a company."""


class BudgetLine(Base):
    """One line of a funder's budget, with its limits and charges."""

    KIND_FIELDS: ClassVar = (
        "total_meur",
        "by_year_meur",
        "carry_over",
        "limit_meur",
        "stock_charge",
        "premium_charge",
    )
    """Fields that mean something only once the kind is known."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    kind: Literal["commitment", "cash", "guarantee_stock"]
    """``commitment`` (charged when decided), ``cash`` (when due) or ``guarantee_stock``."""
    total_meur: NonNegative | None = None  #: Limit over the horizon in million EUR, if limited.
    by_year_meur: dict[BudgetYear, NonNegative] | None = None
    """Limit of each year, in million EUR; zero in years not named."""
    carry_over: StrictBool = False  #: Whether amounts that are left in a year may be used later.
    limit_meur: YearlyNonNegative | None = None
    """Largest amount of guarantees outstanding at a year's end, in million EUR."""
    stock_charge: NonNegative | None = None
    """Charge to the line per EUR of stockpile cost that the funder pays; by default 1."""
    premium_charge: NonNegative | None = None
    """Charge to a cash line per EUR of premium on secured output; by default 1."""

    @model_validator(mode="after")
    def _check_kind_fields(self, info: ValidationInfo) -> BudgetLine:
        if base.skips_check("order", info):
            return self
        other_fields, hint = ["limit_meur"], "write total_meur or by_year_meur"
        if is_guarantee_stock := self.kind == "guarantee_stock":
            other_fields = [name for name in self.KIND_FIELDS if name != "limit_meur"]
            hint = "it is limited by limit_meur"
        faults: list[PartFault] = []
        for name in other_fields:
            if (value := getattr(self, name)) is not None and value is not False:
                values = {"name": name, "kind": self.kind}
                message = "{name} means nothing for a line of kind {kind}".format(**values)
                faults.append(((name, "[key]"), message, hint))
        if faults:
            raise base.combined_error(faults)
        if is_guarantee_stock and self.limit_meur is None:
            message = "'limit_meur' is missing for a line of kind guarantee_stock"
            raise validation_error(message, "write what may be outstanding at most")
        if self.carry_over and self.by_year_meur is None:
            raise validation_error(
                "carry_over needs by_year_meur", "name the years", ("carry_over",)
            )
        return self


class Funder(Base):
    """A funder: the state, a company, or another investor."""

    kind: Literal["public", "company", "private"]
    """``public``, ``company`` (reserves output for its own consumers) or ``private``."""
    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    budget_meur: NonNegative | None = None  #: Budget over the horizon in million EUR, if limited.
    budget_by_year_meur: dict[BudgetYear, NonNegative] | None = None
    """Budget of each year in million EUR; zero in years not named."""
    carry_over: StrictBool = False  #: Whether budget that is left in a year may be spent later.
    premium_charge: NonNegative = Number(1)
    """Budget used per EUR of premium on secured output that the funder pays."""
    budget_lines: dict[Id, BudgetLine] = {}
    """Lines of the funder's budget, by id; all lines apply."""
    instruments: dict[Id, Instrument] = {}
    """Instruments, by id, for example ``equity`` or ``guarantee``."""
