"""Units that a figure of a scenario may carry, and their conversion to the unit of its field.

A unit is a product of known words such as ``kt``, ``USD/lb`` or ``million EUR``; other texts never
reach the library that converts, since scenarios are untrusted.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

from models.currencies import CURRENCY_CODES
from models.language import tr
from models.spelling import closest_name

_DEFINITIONS = (
    "kilo- = 1000",
    "mega- = 1000000",
    "milli- = 0.001",
    "tonne = [mass]",
    "gram = 0.000001 * tonne",
    "pound = 453.59237 * gram",
    "troy_ounce = 31.1034768 * gram",
    "short_ton = 2000 * pound",
    "long_ton = 2240 * pound",
    "year = [time]",
    "quarter = year / 4",
    "month = year / 12",
    "day = year / 365",
    "week = 7 * day",
    "period = [period]",
    "money = [money]",
    "percent = 0.01",
    "permille = 0.001",
    "basis_point = 0.0001",
    "parts_per_million = 0.000001",
)
_WORDS = {
    **dict.fromkeys(("t", "tonne", "tonnes"), "tonne"),
    **dict.fromkeys(("kt", "kilotonnes"), "kilotonne"),
    **dict.fromkeys(("Mt", "megatonnes"), "megatonne"),
    **dict.fromkeys(("kg", "kilograms"), "kilogram"),
    **dict.fromkeys(("g", "grams"), "gram"),
    "mg": "milligram",
    **dict.fromkeys(("lb", "lbs", "pounds"), "pound"),
    **dict.fromkeys(("oz_t", "troy_ounces"), "troy_ounce"),
    "short_ton": "short_ton",
    "long_ton": "long_ton",
    **dict.fromkeys(("year", "years", "yr", "y", "a"), "year"),
    **dict.fromkeys(("quarter", "quarters"), "quarter"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("week", "weeks"), "week"),
    **dict.fromkeys(("day", "days", "d"), "day"),
    **dict.fromkeys(("period", "periods"), "period"),
    **dict.fromkeys(("percent", "%"), "percent"),
    "permille": "permille",
    "bp": "basis_point",
    "ppm": "parts_per_million",
    "1": "dimensionless",
}
"""Words for units, and their names in ``_DEFINITIONS``, with prefixes."""
_SHARES = frozenset(("percent", "permille", "basis_point", "parts_per_million", "dimensionless"))
_TIMES = frozenset(("year", "quarter", "month", "week", "day", "period"))
_MAX_DENOMINATORS = 3
_PREFIXES = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "M": 10**6,
    "bn": 10**9,
}  #: Of currency codes, as in ``MEUR``.
_MULTIPLIERS = {"thousand": 10**3, "million": 10**6, "mn": 10**6, "billion": 10**9, "bn": 10**9}
_AMBIGUOUS = {
    **dict.fromkeys(("ton", "tons"), "t, short_ton or long_ton"),
    **dict.fromkeys(("mt", "MT"), "t or Mt"),
    "oz": "oz_t (troy) or lb",
    **dict.fromkeys(("m", "M"), "month or million"),
    "TEUR": "kEUR",
    "$": "USD, if US dollars are meant",
}  #: Words with several meanings, and what to write instead.
_CENTS = frozenset(("USc", "USC", "US¢", "¢", "c", "ct", "cent", "cents"))
_SYMBOLS = {"US$": "USD", "€": "EUR", "£": "GBP"}  #: Signs of money with one meaning.
_FIELD_UNITS = (
    (r"eur_per_t_year$", "money / tonne / year", "{currency}/t/year"),
    (r"eur_per_t$", "money / tonne", "{currency}/t"),
    (r"meur$|^(.*_)?money$|^capex$|^grant_equivalent$|^stock_cost$", "money", "M{currency}"),
    (r"^(.*_)?t_per_year$", "tonne / year", "t/year"),
    (r"_t_per_t$", "dimensionless", "t/t"),
    (r"_t_per_period$", "tonne / period", "t/period"),
    (r"_t$", "tonne", "t"),
    (r"^delay_years$", "dimensionless", "1"),
    (r"_years$|^delayed_projects$", "year", "year"),
    (r"_periods$", "period", "period"),
    (r"^min_days_of_demand$", "day", "day"),
    (r"(_rate|^annual_.*|^expected_return|^(fee_)?per_year)$", "1 / year", "1/year"),
)
"""Patterns of names of fields, with their unit for the library, and as a file writes it."""
_WITHOUT_UNIT = re.compile(
    r"(price_|first_|last_|from_)?year|((earliest_|latest_)?start)|states|seed|period|regime"
    r"|max_projects|max_starts_by_year|periods_per_year|schema_version|exchange_rates|deflators"
    r"|at_least|at_most|equals|starts"
)  #: Names of fields that are calendar years, counts, or numbers whose unit depends on others.
_EXAMPLES = {
    "money / tonne / year": "{currency}/t/year, {currency}/kg/month",
    "money / tonne": "{currency}/t, USD/lb, USD/kg",
    "money": "M{currency}, million USD, {currency}",
    "tonne / year": "t/year, kt, kg/month",
    "tonne / period": "t/period, kt/period",
    "tonne": "t, kt, kg",
    "year": "years, months",
    "period": "periods",
    "day": "days, weeks, months",
    "1 / year": "percent, 1/year",
    "dimensionless": "percent, permille, ppm",
}  #: Units that a hint names, by the unit of the field.


class UnitError(Exception):
    """Error raised for a text that is no unit of a field, with a message and a hint."""


class ParsedUnit(NamedTuple):
    """The currency of a unit, empty without money, and one unit as a multiple of the field's."""

    currency: str
    factor: Fraction


def field_unit(field: str, currency: str) -> str:
    """Return the unit of the numbers of a field, as a file writes it; empty if it takes none.

    ``field`` is its name, and ``currency`` the code of the file.
    """
    if _WITHOUT_UNIT.fullmatch(field):
        return ""
    return _field_units(field)[1].format(currency=currency)


@lru_cache(1024)
def _field_units(field: str) -> tuple[str, str]:
    found = (units for pattern, *units in _FIELD_UNITS if re.search(pattern, field))
    target, text = next(found, ("dimensionless", "1"))
    return target, text


@cache
def _registry() -> Any:
    # Deferred: few files have units, and the library takes half a second to import.
    import pint

    registry: Any = pint.UnitRegistry(None, non_int_type=Fraction)
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry


@lru_cache(4096)
def parse_unit(text: str, field: str, currency: str) -> ParsedUnit:
    """Return the currency of a unit and its size in the unit of a field.

    Raises UnitError, with what would be right, if it is unknown or measures something else.
    """
    target, _ = _field_units(field)
    example_hint = tr("write one of {names}", names=_EXAMPLES[target].format(currency=currency))
    if _WITHOUT_UNIT.fullmatch(field):
        message = tr("the field {field} takes no unit", field=field)
        raise UnitError(message, tr("write the number alone"))
    spelled_out = re.sub(r"^([kM]?t)pa$", r"\1/year", text.strip())
    numerator, *denominators = re.split(r"/|\s+per\s+", spelled_out)
    multiplier, _, unit = numerator.strip().rpartition(" ")
    factor = _MULTIPLIERS.get(multiplier.lower(), 0) if multiplier else 1
    if not factor or len(denominators) > _MAX_DENOMINATORS:
        raise UnitError(tr("there is no unit '{unit}'", unit=text), example_hint)
    codes: list[str] = []
    words = [word.strip() for word in (unit, *denominators)]
    names = []
    for word in words:
        size, name = _resolve_word(word, codes, example_hint)
        factor *= size
        names.append(name)
    is_wrong = len(codes) != ("money" in target) or "money" in names[1:]
    # Rates and probabilities compound, so that those of other periods cannot be converted.
    is_wrong |= target == "1 / year" and names[1:] not in ([], ["year"])
    is_wrong |= not _SHARES.isdisjoint(names[1:])
    is_wrong |= target == "dimensionless" and names[1:] != [] and not field.endswith("_t_per_t")
    is_wrong |= field.endswith("_t_per_t") and not _TIMES.isdisjoint(names)
    if not is_wrong:
        quantity = _registry().Quantity(Fraction(factor), " / ".join(names))
        implied = "year" if len(names) == 1 and target in ("tonne / year", "1 / year") else ""
        ratio = quantity / _registry().Quantity(Fraction(1), implied)
        ratio = (ratio / _registry().Quantity(Fraction(1), target)).to_base_units()
        if ratio.dimensionless:
            scale = 10**6 if target == "money" else 1
            return ParsedUnit(codes[0] if codes else "", Fraction(ratio.magnitude) / scale)
    raise UnitError(tr("'{unit}' is no unit of {field}", unit=text, field=field), example_hint)


def _resolve_word(word: str, codes: list[str], example_hint: str) -> tuple[int, str]:
    """Return a factor and the library's name for a word of a unit; add a currency to ``codes``.

    Raises UnitError for an unknown word.
    """
    if word in _WORDS:
        return 1, _WORDS[word]
    for prefix, size in _PREFIXES.items():
        code = word.removeprefix(prefix)
        code = _SYMBOLS.get(code, code)
        if word.startswith(prefix) and code in CURRENCY_CODES:
            codes.append(code)
            return size, "money"
    message = tr("there is no unit '{unit}'", unit=word)
    if word in _AMBIGUOUS:
        message = tr("'{unit}' has several meanings", unit=word)
        raise UnitError(message, tr("write {value}", value=_AMBIGUOUS[word]))
    if word in _CENTS:
        raise UnitError(message, tr("write the amount in {currency}, not in cents", currency="USD"))
    if dollars := re.fullmatch(r"(k|M|m|bn)?(?:US)?\$ ?(k|M|m|bn)?", word):
        size_prefix = (dollars[1] or dollars[2] or "").replace("m", "M")
        raise UnitError(message, tr("write {value}", value=f"{size_prefix}USD"))
    if suggestion := closest_name(word, [*_WORDS, *CURRENCY_CODES]):
        raise UnitError(message, tr("did you mean '{name}'?", name=suggestion))
    raise UnitError(message, example_hint)
