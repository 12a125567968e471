"""Suggestions for field names with another unit: ``kt_per_year`` where ``t_per_year`` is known."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from models.currencies import UNITS_PER_EURO
from models.language import tr

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
