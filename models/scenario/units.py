"""The section ``units``: exchange rates and deflators of figures that carry a unit of money."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from models import base
from models.base import Base
from models.currencies import CURRENCY_CODES, currency_code_hint
from models.language import tr
from models.scenario.quantities import Number, NumberBounds, Ratio, YearlyBounds, YearlyQuantity


def _check_currency(code: Any) -> str:
    if code not in CURRENCY_CODES and code != base.UNREADABLE_TEXT:
        message = tr("'{value}' is not a currency code of ISO 4217", value=code)
        raise base.validation_error(message, currency_code_hint(str(code)))
    return str(code)


def _check_rate_name(name: Any) -> str:
    match = re.fullmatch(r"([A-Z]{3})_per_([A-Z]{3})", str(name))
    if name == base.UNREADABLE_TEXT:
        return str(name)
    if match is None:
        message = tr("'{value}' is not the name of an exchange rate", value=name)
        hint = tr("write {value} for the euros that a dollar costs", value="EUR_per_USD")
        raise base.validation_error(message, hint)
    for code in match.groups():
        _check_currency(code)
    return str(name)


class Units(Base):
    """Exchange rates and deflators, with which figures with a unit are converted."""

    exchange_rates: dict[Annotated[str, BeforeValidator(_check_rate_name)], Ratio] = {}
    """Rates at ``price_year``, by name: ``EUR_per_USD`` is the number of euros for one dollar."""
    deflators: dict[
        Annotated[str, BeforeValidator(_check_currency)],
        Annotated[YearlyQuantity, YearlyBounds(NumberBounds(gt=0))],
    ] = {}
    """Price index by currency, in the years that figures name and in ``price_year``."""

    @field_validator("exchange_rates")
    @classmethod
    def _check_directions(cls, rates: dict[str, Number]) -> dict[str, Number]:
        for name in rates:
            other_name = "_per_".join(reversed(name.split("_per_")))
            if other_name != name and other_name in rates:
                message = tr("'{first}' and '{second}' give the same rate", first=name,
                             second=other_name)  # fmt: skip
                raise base.validation_error(message, tr("keep one of them"), (name,))
        return rates
