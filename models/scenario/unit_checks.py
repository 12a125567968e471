"""Figures that are probably in another unit than the one asked for: warnings, each at its place.

A slip of a unit moves a figure by a factor of 1,000 or 1,000,000. It is found by comparing figures
that go together: damage with a price, output with the demand for it, capex with the value of a
year's output, a price with what the material has cost. The limits leave room for the figures of
real projects and markets; ``docs/scenario-format.md`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from models.faults import Fault, PathStep
from models.field_marks import LocatedValue
from models.language import tr
from models.scenario import tonnage_checks
from models.scenario.currencies import (
    CURRENCY_CODES,
    UNITS_PER_EURO,
    currency_code_hint,
    reference_price,
)
from models.scenario.quantities import Number, YearlyQuantity, are_readable
from models.scenario.tonnage_checks import (
    SMALL_FACTOR,
    UNIT_FACTOR,
    format_figure,
    horizon_range,
    plausibility_warning,
)

if TYPE_CHECKING:
    from models.scenario.case import Case

_Path = tuple[PathStep, ...]
_Range = tuple[float, float]

_RATE_FIELDS = (
    "discount_rate",
    "interest_rate",
    "financing_rate",
    "expected_return",
    "fee_per_year",
)
_SHARE_FIELDS = ("offtake_per_share", "market_finance_per_share", "recovery", "budget_charge")
_USUAL_MAXIMUM = {
    **dict.fromkeys((*_RATE_FIELDS, "annual_loss"), 0.3),
    **dict.fromkeys(
        (*_SHARE_FIELDS, "purchase_premium", "premium_charge", "stock_charge", "charges"), 4.0
    ),
}  #: The most that is usual of fractions of one: rates per year, and shares that may exceed 1.
MIN_CAPEX_RATIO, MAX_CAPEX_RATIO = 0.035, 100.0
"""Capex as a multiple of the value of a year's output. Of the 20 projects for which capacity, capex
and a price of the product had been published by November 2026, the lowest have 0.11 (recycling of
batteries), 0.27 (spodumene) and 0.30 (tungsten), half lie between 0.5 and 6.4, the highest have 12
(gallium together with its alumina) and 34 (high-purity manganese at the price of ore). The limits
are three times as far out, so that a factor of 1,000 takes every one of them beyond."""
_PRICE_FACTOR = 30.0  #: Factor between the price of a material and other prices of it.
_REFERENCE_FACTOR = 50.0  #: Factor between a price and what the material cost in 2025.
_MAX_MEUR = 1e6  #: Million EUR, which is more than any programme.
_MAX_PRICE_YEAR_DISTANCE = 10  #: Years between those of prices and the first one planned for.
_MAX_INVENTED_PRICE = (
    10.0  #: Prices below it, per tonne, are those of an exercise, where all is invented;
)
_COSTLY_DAMAGE = 1e4  #: unless a tonne that is missing costs as much as this.


def unit_warnings(case: Case, values: list[LocatedValue]) -> Iterator[Fault]:
    """Every figure of a scenario that is unlike others, all values of which were ``found``."""
    yield from _single_figure_warnings(case, values)
    yield from _price_year_warning(case)
    prices = {
        name: horizon_range(case, one.price_eur_per_t) for name, one in case.materials.items()
    }
    currency = list(_currency_warnings(case, prices))
    yield from currency
    damage = max((s.eur_per_t for one in case.damage for s in one.steps), default=0.0)
    if (
        max((high for _, high in prices.values()), default=0.0) >= _MAX_INVENTED_PRICE
        or damage >= _COSTLY_DAMAGE
    ):
        needs = tonnage_checks.peak_needs(case)
        doubts = list(tonnage_checks.tonnage_warnings(case, needs))
        yield from doubts
        reported = {fault.path[:2] for fault in doubts}
        yield from _PriceComparison(case, prices, needs, currency_is_plausible=not currency).faults(
            reported
        )


def _single_figure_warnings(case: Case, values: list[LocatedValue]) -> Iterator[Fault]:
    """Percent where a fraction belongs, plain money where millions do, and years that jump."""
    most = _MAX_MEUR * UNITS_PER_EURO.get(case.currency, float("inf"))
    for path, value, _, _ in values:
        if isinstance(value, Number):
            rate = _rate_field(path)
            money = next((str(x) for x in path[-3:] if str(x).endswith("_meur")), "")
            about = {"name": rate or money, "value": format_figure(value)}
            if rate and value > _USUAL_MAXIMUM[rate]:
                about |= {"percent": format_figure(100 * value)}
                message = tr("{name} is a fraction of one: {value} means {percent} %", **about)
                if rate in _RATE_FIELDS:
                    message = tr("{name} is a real rate: {value} means {percent} % a year", **about)
                hint = tr("write {meant:g} for {value} %", meant=value / 100, **about)
                yield plausibility_warning(path, message, hint)
            elif money and value >= most:
                message = tr("{name} is in millions: {value} million is too much", **about)
                hint = tr(
                    "write {thousandth:g} if it is in thousands, {millionth:g} if in whole units",
                    thousandth=value / 1e3,
                    millionth=value / 1e6,
                )
                yield plausibility_warning(path, message, hint)
        elif isinstance(value, YearlyQuantity) and path[-1] not in ("share", "annual_probability"):
            for number, year in enumerate(value.years[1:]):
                low, high = sorted(value.values[number : number + 2])
                if low > 0 and high >= SMALL_FACTOR * low:
                    about = {"times": format_figure(high / low), "year": str(value.years[number])}
                    message = tr("a factor of {times} between {year} and this year", **about)
                    yield plausibility_warning((*path, str(year)), message, _same_unit_hint())


def _rate_field(path: _Path) -> str:
    """The field of a rate or share at a path, whatever the ids of items on it; else empty."""
    depth = (path[0], len(path))
    if depth == ("funders", 6):  # charges by budget line
        return "charges" if path[4] == "charges" else ""
    fields = (("horizon", 2), ("stockpiles", 3), ("funders", 3), ("funders", 5))
    name = str(path[-1])
    return name if depth in fields and name in _USUAL_MAXIMUM else ""


def _same_unit_hint() -> str:
    return tr("check that both are in the unit asked for")


def _price_year_warning(case: Case) -> Iterator[Fault]:
    year, first = case.price_year, case.horizon.first_year
    if (
        year is not None
        and are_readable(year, first)
        and abs(year - first) > _MAX_PRICE_YEAR_DISTANCE
    ):
        years = {"year": year, "first": first, "count": abs(year - first)}
        message = tr("price_year {year} is {count} years from first_year {first}", **years)
        yield plausibility_warning(
            ("price_year",), message, tr("write the year whose prices the amounts are in")
        )


def _currency_warnings(case: Case, prices: Mapping[str, _Range]) -> Iterator[Fault]:
    """A currency that does not exist, or in which the figures would be far too small.

    In a currency of small units, a wrong label shows in prices that are those of 2025 in EUR, or,
    where no material is known, in a largest capex below a million EUR or a highest price below 10.
    """
    code, rate = case.currency, UNITS_PER_EURO.get(case.currency, 1.0)
    if code not in CURRENCY_CODES:
        message = tr("'{value}' is not a currency code of ISO 4217", value=code)
        yield plausibility_warning(("currency",), message, currency_code_hint(code))
        return
    ratios = []
    for name, (_, price) in prices.items():
        known = _reference_price_of(case, name)
        ratios += [price / known] if known and price > 0 else []
    # Prices of other years may be a fifth of those of 2025, or five times as high.
    apart = 5 if abs((case.price_year or 0) - 2025) <= 3 else 25
    wrong = bool(ratios) and rate >= 5 and 0.2 <= median(ratios) <= min(5.0, rate / apart)
    capex = max((float(project.capex_meur) for project in case.projects.values()), default=0.0)
    dearest = max((high for _, high in prices.values()), default=0)
    small = 0 < capex < rate or _MAX_INVENTED_PRICE <= dearest < _MAX_INVENTED_PRICE * rate
    if wrong or (not ratios and rate > 20 and small):
        about = {"value": code, "rate": format_figure(rate)}
        message = tr(
            "the amounts are not those of {value}, about {rate} of which are 1 EUR", **about
        )
        yield plausibility_warning(
            ("currency",), message, tr("write the currency that the amounts are in")
        )


def _reference_price_of(case: Case, name: str) -> float | None:
    """What a material cost in 2025, in EUR per tonne, by its id or its name."""
    called = case.materials[name].name
    return reference_price((called.en or called.de if called else "") or name)


class _PriceComparison:
    """Compares prices of materials with damage, with capex and with other prices."""

    def __init__(
        self,
        case: Case,
        prices: dict[str, _Range],
        needs: dict[str, float],
        currency_is_plausible: bool,
    ) -> None:
        self.case, self.prices, self.needs = case, prices, needs
        self.units_per_euro = UNITS_PER_EURO.get(case.currency) if currency_is_plausible else None
        self.min_damage: dict[str, float] = {}  # the least damage of a tonne, by material
        for damage in case.damage:
            for cost in (float(step.eur_per_t) for step in damage.steps if step.eur_per_t > 0):
                least = self.min_damage.get(damage.material, cost)
                self.min_damage[damage.material] = min(least, cost)

    def faults(self, reported_paths: set[_Path]) -> Iterator[Fault]:
        """Every doubt, but of capex at the paths ``reported``, whose output was doubted."""
        ratios = {key: one for key in self.case.projects if (one := self._capex_ratio(key))}
        capex: dict[str, list[float]] = {}
        for key, ratio in ratios.items():
            for name in self.case.projects[key].output_t_per_year:
                capex.setdefault(name, []).append(ratio)
        doubted = set()
        for name, (low, high) in self.prices.items():
            if high > 0 and (reason := self._wrong_price(name, low, high, capex.get(name, ()))):
                doubted.add(name)
                yield plausibility_warning(("materials", name, "price_eur_per_t"), *reason)
        for key, ratio in ratios.items():
            path, outputs = ("projects", key), self.case.projects[key].output_t_per_year
            within = MIN_CAPEX_RATIO <= ratio <= MAX_CAPEX_RATIO
            if not within and path not in reported_paths and doubted.isdisjoint(outputs):
                message = tr(
                    "capex is {times} times the value of a year's output, that of published "
                    "projects is {least} to {most} times",
                    times=format_figure(ratio),
                    least=0.1,
                    most=34,
                )
                hint = tr("write capex in millions, and output in tonnes per year")
                yield plausibility_warning(
                    (*path, *self._suspect_field(outputs, ratio)), message, hint
                )
        for name in doubted:
            self.prices.pop(name)
        yield from self._damage_warnings()
        for at, name, value in self._other_prices():
            low, high = self.prices.get(name, (0.0, 0.0))
            least, most = horizon_range(self.case, value)
            if high > 0 and (least > high * _PRICE_FACTOR or 0 < most < low / _PRICE_FACTOR):
                about = {
                    "material": name,
                    "value": format_figure(most),
                    "price": format_figure(high),
                }
                message = tr(
                    "{value} per tonne is unlike the price of '{material}', {price}", **about
                )
                yield plausibility_warning(at, message, _same_unit_hint())
        for number, stock in enumerate(self.case.stockpiles):
            cost, (_, high) = stock.storage_eur_per_t_year, self.prices.get(stock.material, (0, 0))
            if 0 < high < cost:
                about = {
                    "material": stock.material,
                    "value": format_figure(cost),
                    "price": format_figure(high),
                }
                message = tr(
                    "storage for {value} per tonne and year costs more than '{material}', {price}",
                    **about,
                )
                yield plausibility_warning(
                    ("stockpiles", number, "storage_eur_per_t_year"), message, _same_unit_hint()
                )

    def _capex_ratio(self, key: str) -> float:
        """Capex as a multiple of the value of a year's output; 0 where it cannot be judged."""
        project = self.case.projects[key]
        capex = float(project.capex_meur) * 1e6
        outputs = project.output_t_per_year.items()
        value = sum(tonnes * self.prices.get(name, (0.0, 0.0))[1] for name, tonnes in outputs)
        return capex / value if value > 0 and project.capex_meur < _MAX_MEUR else 0.0

    def _suspect_field(self, outputs: Mapping[str, Number], ratio: float) -> _Path:
        """The output, where it is as unlike the demand as capex is unlike it; else capex."""
        for name, tonnes in outputs.items():
            need = self.needs.get(name, 0.0)
            if need > 0 and (tonnes > 5 * need if ratio < 1 else tonnes < need / UNIT_FACTOR):
                return ("output_t_per_year", name)
        return ("capex_meur",)

    def _wrong_price(
        self, name: str, low: float, high: float, capex: Sequence[float]
    ) -> tuple[str, str] | None:
        """Message and hint where it is the price, and not what is compared with it, that is wrong:
        by what the material cost, or by damage and the ratios of capex of all its projects."""
        about = {"material": name, "price": format_figure(high)}
        hint = tr("write the price of a tonne, in whole units of the currency")
        reference = _reference_price_of(self.case, name)
        if reference and self.units_per_euro:
            cost = reference * self.units_per_euro
            if cost / _REFERENCE_FACTOR <= high and low <= cost * _REFERENCE_FACTOR:
                return None
            message = tr(
                "{price} for a tonne of '{material}', which cost about {cost} in 2025",
                cost=format_figure(cost),
                **about,
            )
            return message, hint
        cheapest = self.min_damage.get(name, 0.0)
        below = all(ratio > MAX_CAPEX_RATIO for ratio in capex) and cheapest > UNIT_FACTOR * high
        above = all(ratio < MIN_CAPEX_RATIO for ratio in capex) and 0 < cheapest < low
        if not capex or not (below or above):
            return None
        message = tr(
            "{price} for a tonne of '{material}' is unlike its damage of {damage} and all capex",
            damage=format_figure(cheapest),
            **about,
        )
        return message, hint

    def _damage_warnings(self) -> Iterator[Fault]:
        """Damage below the price of the missing material, or far above it or above the step before.

        A first step may lie a little below the price, if it is cheap to use less.
        """
        for number, damage in enumerate(self.case.damage):
            low, high = self.prices.get(damage.material, (0.0, 0.0))
            steps = [float(step.eur_per_t) for step in damage.steps]
            for position, (before, value) in enumerate(pairwise(steps), 1):
                if 0 < before * SMALL_FACTOR <= value:
                    message = tr(
                        "a damage of {value} per tonne, where the step before has {other}",
                        value=format_figure(value),
                        other=format_figure(before),
                    )
                    at = ("damage", number, "steps", position, "eur_per_t")
                    yield plausibility_warning(at, message, _same_unit_hint())
            for position, value in enumerate(steps if high > 0 else ()):
                if value <= 0:
                    continue
                below = value < low and (value < low / 2 or steps[-1] < low)
                about = {"material": damage.material, "value": format_figure(value)}
                at = ("damage", number, "steps", position, "eur_per_t")
                if below:
                    message = tr(
                        "a damage of {value} per tonne is below the price of '{material}', {price}",
                        price=format_figure(low),
                        **about,
                    )
                    yield plausibility_warning(at, message, _same_unit_hint())
                elif value > high * SMALL_FACTOR:
                    message = tr(
                        "a damage of {value} per tonne is far above the price of '{material}', "
                        "{price}",
                        price=format_figure(high),
                        **about,
                    )
                    yield plausibility_warning(at, message, _same_unit_hint())
                break

    def _other_prices(self) -> Iterator[tuple[_Path, str, YearlyQuantity]]:
        """Other prices of materials: where they stand, of which material, and the price."""
        for name, material in self.case.materials.items():
            for number, state in enumerate(material.price_states):
                yield (
                    ("materials", name, "price_states", number, "eur_per_t"),
                    name,
                    state.eur_per_t,
                )
        for key, project in self.case.projects.items():
            for name, cost in project.cash_cost_eur_per_t.items():
                yield ("projects", key, "cash_cost_eur_per_t", name), name, cost
        for key, funder in self.case.funders.items():
            for id_, instrument in funder.instruments.items():
                for field in ("floor_eur_per_t", "upside_from_eur_per_t"):
                    for name, price in (getattr(instrument, field) or {}).items():
                        yield ("funders", key, "instruments", id_, field, name), name, price
