"""Names of units and currencies: prices and exchange rates by which wrong units are detected, and
suggestions for field names with another unit.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from models.language import tr

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCY_CODES = frozenset(_CODES.split())  #: Currencies of ISO 4217.
_CODE_BY_NAME = {
    "$": "USD", "us$": "USD", "dollar": "USD", "yen": "JPY", "¥": "JPY", "rmb": "CNY",
    "renminbi": "CNY", "yuan": "CNY", "元": "CNY", "£": "GBP", "pound": "GBP", "€": "EUR",
    "euro": "EUR",
}  # fmt: skip
UNITS_PER_EURO = {
    "EUR": 1, "USD": 1.13, "GBP": 0.86, "CHF": 0.94, "AUD": 1.75, "CAD": 1.58, "NZD": 1.94,
    "SGD": 1.47, "BGN": 1.96, "ILS": 3.9, "PEN": 4, "AED": 4.2, "PLN": 4.2, "SAR": 4.2, "MYR": 4.8,
    "RON": 5, "BRL": 6.3, "DKK": 7.5, "CNY": 8.1, "HKD": 8.8, "SEK": 11, "NOK": 12, "MXN": 22,
    "ZAR": 20, "CZK": 25, "TWD": 35, "THB": 37, "TRY": 45, "UAH": 47, "EGP": 56, "PHP": 65,
    "RUB": 94, "INR": 98, "RSD": 117, "ISK": 143, "JPY": 169, "PKR": 318, "HUF": 398, "KZT": 590,
    "CLP": 1075, "ARS": 1400, "KRW": 1610, "NGN": 1730, "COP": 4600, "IDR": 18600, "VND": 29500,
    "GEL": 3.1, "TND": 3.4, "BOB": 7.8, "TJS": 11, "GHS": 13, "MAD": 10.5, "BWP": 15, "NAD": 20,
    "ZMW": 28, "MZN": 72, "KGS": 99, "BDT": 138, "KES": 146, "DZD": 147, "XPF": 119, "LKR": 340,
    "AMD": 440, "XAF": 656, "XOF": 656, "AOA": 1050, "RWF": 1630, "MMK": 2370, "TZS": 2900,
    "CDF": 3200, "MNT": 4000, "UGX": 4100, "MGA": 5100, "PYG": 8400, "GNF": 9800, "UZS": 14200,
    "LAK": 24500,
}  # fmt: skip
"""Approximate units of a currency per euro in 2025."""
_REFERENCE_PRICES = {
    "ndpr|(neo|praseo)dym(ium)?": 61_000, "dysprosium": 198_000, "terbium": 717_000,
    "lithium": 8_000, "[ck]obalt": 29_000, "nickel": 13_000, "gra(ph|f)ite?": 900,
    "gallium": 513_000, "germanium": 3_600_000, "antimony?": 49_000, "tungsten|wolfram": 42_000,
    "magnesium": 2_200, "sili[ck]on|sili[zc]ium": 2_500, "titan(ium)?": 11_000,
    "vanadium": 17_000, "bismuth?": 39_000, "indium": 336_000, "platin(um)?": 34_000_000,
    "palladium": 31_000_000, "copper|kupfer": 8_600, "tantal(um)?": 195_000, "niob(ium)?": 23_000,
}  # fmt: skip
"""EUR per tonne, 2025 averages of the USGS Mineral Commodity Summaries 2026, by the name of the
metal."""
_METAL_FORMS = (
    r"\b((high|hoch)[ -]?(purity|pure|rein)|refined|raffiniert|primary|primär|natural|as|als|and"
    r"|und|in|lce|(class|klasse) 1|(technical|battery)([ -]grade)?|technischer qualität)\b"
    r"|natur|metall?s?\b|sponge|schwamm|(tri|pent)?oxid(es?)?\b|hydroxide?"
    r"|(?<!magnesium)(?<!magnesium )[ck]arbonate?"
)  #: Words and parts of words that do not change which metal a name means.


_EUR_OR_QUOTED = re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"|„[^“]*“|\bEUR\b")
"""The currency in a message, or a quoted text of the user, which is kept."""


def replace_currency(text: str, code: str) -> str:
    """Return a message in which another currency code replaces EUR.

    Quoted parts of the message are not changed.
    """
    return _EUR_OR_QUOTED.sub(lambda match: code if match[0] == "EUR" else match[0], text)


@lru_cache(20_000)
def reference_price(name: str) -> float | None:
    """Return the 2025 price of a material in EUR per tonne, by its name.

    None if the price is unknown, as for ores, scrap and products.
    """
    prices = [
        price for metal, price in _REFERENCE_PRICES.items() if re.search(f"(?i){metal}", name)
    ]
    if re.sub(
        rf"(?i){_METAL_FORMS}|{'|'.join(_REFERENCE_PRICES)}|[\W_]", "", name.replace("_", " ")
    ):
        return None
    return float(prices[0]) if prices and max(prices) < 10 * min(prices) else None


def currency_code_hint(currency: str) -> str:
    """Return a hint with the ISO 4217 code that the name of a currency probably means."""
    name = currency.strip().lower()
    code = _CODE_BY_NAME.get(name.removesuffix("s"), name.upper())
    if code in CURRENCY_CODES:
        return tr("write {value}", value=code)
    return tr("write a code of ISO 4217 such as EUR or USD")


_TONNES_BY_UNIT = {
    "t": 1.0,
    "tonne": 1,
    "tonnes": 1,
    "ton": 1,
    "tons": 1,
    "kt": 1e3,
    "kilotonnes": 1e3,
}
_TONNES_BY_UNIT |= {
    "kilotons": 1e3,
    "ktonnes": 1e3,
    "mt": 1e6,
    "megatonnes": 1e6,
    "kg": 1e-3,
    "g": 1e-6,
}
_TONNES_BY_UNIT |= {"lb": 4.53592e-4, "lbs": 4.53592e-4, "oz": 3.11035e-5}
_YEARS_BY_UNIT = {
    "year": 1.0,
    "years": 1,
    "yr": 1,
    "y": 1,
    "a": 1,
    "month": 1 / 12,
    "months": 1 / 12,
}
_YEARS_BY_UNIT |= {
    "quarter": 0.25,
    "quarters": 0.25,
    "week": 7 / 365,
    "weeks": 7 / 365,
    "day": 1 / 365,
    "days": 1 / 365,
}
_YEARS_BY_FREQUENCY = {
    "annual": 1.0,
    "yearly": 1,
    "quarterly": 0.25,
    "monthly": 1 / 12,
    "weekly": 7 / 365,
}
_YEARS_BY_FREQUENCY |= {"daily": 1 / 365}
_SHARE_FACTORS = {"percent": 0.01, "pct": 0.01, "bp": 1e-4, "bps": 1e-4, "rate": 1.0, "share": 1}
_MULTIPLIERS = {"k": 1e3, "tsd": 1e3, "thousand": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "mio": 1e6}
_MULTIPLIERS |= {
    "million": 1e6,
    "millions": 1e6,
    "bn": 1e9,
    "billion": 1e9,
    "billions": 1e9,
    "mrd": 1e9,
}
_COMPOUNDING_WORDS = frozenset({"probability", "loss"})
"""Words of quantities that compound over periods instead of adding up."""
_MONEY_PATTERN = re.compile(
    rf"(t|{'|'.join(_MULTIPLIERS)})?(euros?|dollars?|yen|yuan|rmb|{'|'.join(UNITS_PER_EURO).lower()})"
)


class _ParsedUnit(NamedTuple):
    """The unit that a field name contains: dimensions, currency, size, and the remaining words.

    ``factor`` is the size of one unit of the field, in tonnes, years and single units of money.
    """

    numerator: frozenset[str]
    denominator: frozenset[str]
    currency: str
    factor: float
    other_words: tuple[str, ...]


@lru_cache(maxsize=1024)
def _parse_unit(name: str) -> _ParsedUnit:
    name = re.sub(r"(?<![^_])([km]?t)p[ay](?![^_])", r"\1_per_year", name.lower())
    name = re.sub(r"(?<![^_])per(t|kg|year)(?![^_])", r"per_\1", name)
    name = re.sub(r"(?<![^_])by_(year|quarter|month|week)(?![^_])", r"\1ly", name)
    unit_size, in_denominator, has_multiplier, currency = 1.0, False, False, ""
    numerator: set[str] = set()
    denominator: set[str] = set()
    other_words = []
    for word in name.split("_"):
        unit = word.lstrip("0123456789")
        dimensions, factor = (
            denominator if in_denominator else numerator,
            float(word.removesuffix(unit) or 1) or 1.0,
        )
        if money := _MONEY_PATTERN.fullmatch(unit):
            dimensions.add("money")
            currency = "eur" if money[2].startswith("euro") else money[2]
            factor *= 1e3 if money[1] == "t" else _MULTIPLIERS.get(money[1] or "", 1)
        elif unit in _TONNES_BY_UNIT or unit in _YEARS_BY_UNIT:
            # As in eur_kg and t_year, a second unit divides the first.
            dimensions = denominator if numerator & {"money", "mass"} else dimensions
            is_calendar_year = unit == "year" and dimensions is numerator
            dimensions.add(
                "mass" if unit in _TONNES_BY_UNIT else "calendar" if is_calendar_year else "time"
            )
            factor *= _TONNES_BY_UNIT.get(unit) or _YEARS_BY_UNIT[unit]
        elif word in _YEARS_BY_FREQUENCY:
            dimensions, factor = denominator, _YEARS_BY_FREQUENCY[word]
            dimensions.add("time")
        elif word in _MULTIPLIERS:
            has_multiplier, factor = True, _MULTIPLIERS[word]
        elif word in _SHARE_FACTORS:
            factor = _SHARE_FACTORS[word]
        elif word == "per":
            in_denominator = True
            continue
        else:
            other_words.append(word)
            denominator |= {"?"} if in_denominator else set()
            continue
        unit_size = unit_size / factor if dimensions is denominator else unit_size * factor
    if has_multiplier and not numerator:
        numerator.add("money")
    return _ParsedUnit(
        frozenset(numerator), frozenset(denominator), currency, unit_size, tuple(other_words)
    )


def other_unit_hint(word: str, names: Iterable[str]) -> str:
    """Return a hint if ``word`` is one of ``names`` with another unit, or an operating cost.

    For another unit the hint gives the known name and the factor of conversion. Otherwise empty.
    """
    parsed = _parse_unit(word)
    if "opex" in parsed.other_words:
        return tr(
            "operating costs are no part of a scenario; cash_cost_eur_per_t is the price below "
            "which a plant is idle"
        )
    for name in names:
        unit = _parse_unit(name)
        if (unit.numerator, unit.denominator, unit.other_words) != (
            parsed.numerator,
            parsed.denominator,
            parsed.other_words,
        ):
            continue
        if re.search(r"(?<![^_])mt(p[ay])?(?![^_])", word.lower()):
            return tr("mt means metric tonnes or million tonnes: write '{name}', in t", name=name)
        factor = parsed.factor / unit.factor
        values = {"factor": _format_factor(max(factor, 1 / factor)), "name": name}
        hints = []
        if (
            factor > 1.001
            and _COMPOUNDING_WORDS.intersection(parsed.other_words)
            and "time" in parsed.denominator
        ):
            hints = [tr("another period: write 1 - (1 - p)^{factor} as '{name}'", **values)]
        elif factor > 1.001:
            hints = [tr("another unit: multiply by {factor}, and write '{name}'", **values)]
        elif factor < 0.999:
            hints = [tr("another unit: divide by {factor}, and write '{name}'", **values)]
        if hints and (example := _example_with_unit(word, name)):
            hints.append(tr("or write {value}", value=example))
        if parsed.currency and unit.currency != parsed.currency:
            rename_hint = tr("write '{name}'", name=name)
            hints = hints or [rename_hint]
            hints.append(tr("amounts are in the currency of the file"))
        return "; ".join(hints) or tr("did you mean '{name}'?", name=name)
    return ""


def _example_with_unit(word: str, name: str) -> str:
    """Return a figure for the field ``name`` with the unit of mass in ``word``; else empty.

    Examples: ``t_per_year: {value: 1.2, unit: kt}``, ``eur_per_t: {value: 1.2, unit: EUR/kg}``.
    """
    units = [part for part in word.lower().split("_") if part in ("kt", "kg", "lb", "g")]
    if len(units) != 1 or re.search(r"(?<![^_])t(?![^_])", name) is None:
        return ""
    unit = f"EUR/{units[0]}" if "eur" in name.split("_") else units[0]
    return f"{name}: {{value: 1.2, unit: {unit}}}"


def names_other_quantity(word: str, name: str) -> bool:
    """Return whether ``word`` contains a unit and names another quantity than ``name``.

    It does if the units differ, or if the names have few other words in common. A ``word`` without
    its period, such as ``output_t``, may match the ``name`` with it.
    """
    word_unit, name_unit = _parse_unit(word), _parse_unit(name)
    if not word_unit.numerator & {"money", "mass"} and word_unit.factor == 1:
        return False
    denominator, missing_words = (
        word_unit.denominator - {"?"},
        name_unit.denominator - word_unit.denominator,
    )
    may_match = "?" in word_unit.denominator or missing_words <= {"time"}
    if (
        word_unit.numerator != name_unit.numerator
        or not denominator <= name_unit.denominator
        or not may_match
    ):
        return True
    if abs(word_unit.factor / name_unit.factor - 1) > 0.001:
        return True
    if not word_unit.other_words or not name_unit.other_words:
        return False
    return (
        SequenceMatcher(
            None, "_".join(word_unit.other_words), "_".join(name_unit.other_words)
        ).ratio()
        < 0.6
    )


def _format_factor(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 1e5 else f"{factor:.6g}"
