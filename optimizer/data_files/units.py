"""Units of published tables in tonnes, prices per tonne, and numbers as texts of a table."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint

_MULTIPLIERS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "hundred": 1e2}
_MASSES = {
    "metric ton": "metric_ton",
    "metric dry ton": "metric_ton",
    "dry metric ton": "metric_ton",
    "tonne": "metric_ton",
    "ton": "",  # short, long or metric
    "t": "metric_ton",
    "mt": "metric_ton",
    "kt": "1e3 metric_ton",
    "mmt": "1e6 metric_ton",
    "kilogram": "kilogram",
    "kg": "kilogram",
    "gram": "gram",
    "g": "gram",
    "pound": "pound",
    "lb": "pound",
    "carat": "carat",
    "ct": "carat",
    "kct": "1e3 carat",
    "mct": "1e6 carat",
    "troy ounce": "troy_ounce",
    "troy oz": "troy_ounce",
    "toz": "troy_ounce",
    "short ton": "US_ton",
    "long ton": "UK_ton",
    "76-pound flask": "76 pound",
    "flask": "76 pound",
}
"""Names of masses as publishers write them, and the same as expressions of pint."""
_CURRENCIES = {"$": "USD", "us$": "USD", "usd": "USD", "us dollars": "USD", "dollars": "USD"}
_CURRENCIES |= {"€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "¥": "JPY"}
_CENTS = {"¢", "cents", "us cents", "usc", "cent"}


@cache
def _registry() -> "pint.UnitRegistry[float]":
    import pint

    return pint.UnitRegistry()


def tonnes_per(unit: str) -> tuple[float, str] | None:
    """Return the tonnes in one unit of mass, such as ``thousand metric tons``, and the words that
    follow the unit, such as ``contained cobalt``. None if it is not a unit of mass."""
    text = " ".join(unit.lower().replace(".", "").split())
    factor = 1.0
    while (word := text.split(" ")[0]) in _MULTIPLIERS:
        factor *= _MULTIPLIERS[word]
        text = text.removeprefix(word).strip()
    for name in sorted(_MASSES, key=len, reverse=True):
        match = re.match(rf"{re.escape(name)}s?(?![a-z])", text)
        if match and _MASSES[name]:
            mass = _registry()(_MASSES[name])
            return factor * float(mass.to("metric_ton").magnitude), text[match.end() :].strip(" ,")
    return None


def price_unit(text: str) -> tuple[str, float] | None:
    """Return the currency of a unit of price such as ``$/mt`` or ``cents per pound``, and the
    factor that makes it a price per tonne. None if it is not money per mass."""
    money, _, mass = re.sub(r"\s+per\s+", "/", text.strip().strip("()")).partition("/")
    tonnes = tonnes_per(mass)
    if tonnes is None or tonnes[1]:
        return None
    name = money.strip().lower()
    factor = 0.01 if name in _CENTS else 1.0
    currency = "USD" if name in _CENTS else _CURRENCIES.get(name, money.strip())
    return (currency, factor / tonnes[0]) if re.fullmatch("[A-Z]{3}", currency) else None


def number_text(value: float) -> str:
    """Return a number as a table of a scenario states it, with 12 significant digits.

    Three digits after the point are written as four, since they could be taken for thousands.
    """
    text = f"{value:.12g}"
    if "e" in text:
        text = f"{value:.25f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.0f}"
    return text + "0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", text) else text
