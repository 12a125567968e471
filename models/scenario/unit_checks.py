"""Warnings of figures that are probably in a wrong unit.

These are found for materials whose price in 2025 is not known. Which of two figures is wrong is
decided by the file itself: it is the one that is farther from the median of its kind.

A wrong unit changes a figure by a factor of 1,000 or 1,000,000. It is found by comparing related
figures: damage with a price, output with demand, capex with the value of a year's output, a price
with the material's price in 2025. The limits leave room for the figures of real projects and
markets; ``docs/scenario-format.md`` lists them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from models.faults import Fault, PathStep, warning
from models.field_marks import LocatedValue
from models.language import tr
from models.scenario import chains, tonnage_checks, tonnage_checks as single_figures
from models.scenario.quantities import Number, YearlyQuantity, are_readable
from models.scenario.sections import Sections
from models.scenario.tonnage_checks import (
    SMALL_FACTOR,
    UNIT_FACTOR,
    format_figure,
    horizon_range,
    same_unit_hint,
    slip_hint,
)
from models.unit_names import CURRENCY_CODES, UNITS_PER_EURO, currency_code_hint, reference_price

_MIN_COMPARED_PRICES = 3  #: Materials from which on a median says what is usual in a file.
_DEAR_INPUTS = 20.0  #: Value of all inputs of a tonne, as a multiple of its price.
_CHEAP_INPUTS = 1 / 200.0
"""The same for inputs of at most ``_MAX_INPUT`` tonnes: those of ores and brines may be cheaper."""
_MAX_INPUT = 5.0
_MAX_DEAR_INPUT = 100.0  #: Tonnes from which on the tonnes are more suspicious than the prices.


def contradicted_prices(
    case: Sections,
    prices: Mapping[str, float],
    min_damage: Mapping[str, float],
    confirmed: Collection[str],
) -> dict[str, str]:
    """Return a message for each material whose price is probably wrong, by its id.

    ``prices`` and ``min_damage`` are positive and per tonne. Materials in ``confirmed`` have a
    price that is known to be right.
    """
    positive = {name: price for name, price in prices.items() if price > 0}
    messages = [
        *_chain_contradictions(case, positive, confirmed),
        *_damage_contradictions(positive, min_damage),
    ]
    return {name: message for name, message in messages if name not in confirmed}


def _distance(value: float, values: Collection[float]) -> float:
    """Return the decades between a value and the median of all values."""
    return abs(math.log10(value) - median(map(math.log10, values)))


def _damage_contradictions(
    prices: Mapping[str, float], min_damage: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """Yield materials whose damage is unlike their price, of which the price is the unusual one."""
    compared = {name for name in prices if min_damage.get(name, 0.0) > 0}
    if len(compared) < _MIN_COMPARED_PRICES:
        return
    usual_prices = [prices[name] for name in compared]
    usual_damage = [min_damage[name] for name in compared]
    for name in compared:
        price, damage = prices[name], min_damage[name]
        is_unlike = damage > SMALL_FACTOR * price or damage * UNIT_FACTOR < price
        if is_unlike and _distance(price, usual_prices) > _distance(damage, usual_damage):
            texts = {"material": name, "price": format_figure(price)}
            yield (
                name,
                tr(
                    "{price} for a tonne of '{material}' is unlike its damage of {damage}, and "
                    "unlike the other prices",
                    damage=format_figure(damage),
                    **texts,
                ),
            )


def _chain_contradictions(
    case: Sections, prices: Mapping[str, float], confirmed: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield materials whose price is unlike that of what they are made from, or made into."""
    inputs: dict[tuple[str, ...], list[chains.ChainLink]] = defaultdict(list)
    for link in chains.chain_links(case):
        inputs[*link.path[:2], link.output].append(link)
    for links in inputs.values():
        output = links[0].output
        if output not in prices or not all(link.input in prices for link in links):
            continue
        values = {link.input: link.ratio * prices[link.input] for link in links}
        tonnes, value = sum(link.ratio for link in links), sum(values.values())
        main_input = max(values, key=values.__getitem__)
        is_cheap = tonnes <= _MAX_INPUT and 0 < value < _CHEAP_INPUTS * prices[output]
        is_dear = tonnes < _MAX_DEAR_INPUT and value > _DEAR_INPUTS * prices[output]
        if not is_cheap and not is_dear:
            continue
        known = prices.values()
        suspects = [name for name in (main_input, output) if name not in confirmed]
        yield (
            max(suspects or [output], key=lambda name: _distance(prices[name], known)),
            tr(
                "what a tonne of '{output}' is made from costs {value}, the tonne itself {price}",
                output=output,
                value=format_figure(value),
                price=format_figure(prices[output]),
            ),
        )


_Path = tuple[PathStep, ...]
_Range = tuple[float, float]

MIN_CAPEX_RATIO, MAX_CAPEX_RATIO = 0.035, 100.0
"""Capex as a multiple of the value of a year's output. Of the 20 projects for which capacity, capex
and a price of the product had been published by November 2026, the lowest have 0.11 (recycling of
batteries), 0.27 (spodumene) and 0.30 (tungsten), half lie between 0.5 and 6.4, the highest have 12
(gallium together with its alumina) and 34 (high-purity manganese at the price of ore). The limits
are three times as far out, so that a factor of 1,000 takes every project beyond them."""
_USUAL_CAPEX = 2.0  #: The median of these projects.
_PRICE_FACTOR = 30.0  #: Factor between the price of a material and other prices of it.
_PREMIUM_FACTOR = 1_000.0  #: Factor by which a premium may be below a price.
_REFERENCE_FACTOR = 50.0  #: Factor between a price and that of the material in 2025.
_MAX_PRICE_YEAR_DISTANCE = 10  #: Distance of ``price_year`` from the first year.
_MAX_MARKET_EUR = 3e11  #: Larger than the market of any metal with a known price.
_MIN_WORTH, _MIN_PART_OF_NEED = 1 / 300, 0.01
"""Parts of a project's revenue and of a need, below both of which an output is no product."""
_MIN_COMPARED = 3  #: Other stockpiles from which on the cost of storage is compared with theirs.
_MAX_INVENTED_PRICE = 10.0
"""A scenario whose prices per tonne are all lower is an exercise with invented figures."""
_COSTLY_DAMAGE = 1e4  #: Damage per tonne from which on a scenario is no exercise.


def unit_warnings(case: Sections, values: list[LocatedValue]) -> Iterator[Fault]:
    """Yield warnings of all figures that are probably in a wrong unit.

    ``values`` are all values of the case, as from :func:`.collect_values`.
    """
    yield from single_figures.single_figure_warnings(case, values)
    yield from _price_year_warning(case)
    yield from _exchange_rate_warnings(case)
    yield from single_figures.budget_warnings(case)
    yield from single_figures.stock_warnings(case)
    yield from single_figures.repeated_row_warnings(case)
    prices = {
        name: horizon_range(case, item.price_eur_per_t) for name, item in case.materials.items()
    }
    currency_faults = list(_currency_warnings(case, prices))
    yield from currency_faults
    max_damage = max(
        (step.eur_per_t for damage_entry in case.damage for step in damage_entry.steps), default=0.0
    )
    if (
        max((high_price for _, high_price in prices.values()), default=0.0) >= _MAX_INVENTED_PRICE
        or max_damage >= _COSTLY_DAMAGE
    ):
        needs = tonnage_checks.peak_needs(case)
        tonnage_faults = list(tonnage_checks.tonnage_warnings(case, needs, prices))
        yield from tonnage_faults
        reported_paths = {fault.path[:2] for fault in tonnage_faults}
        yield from _PriceComparison(
            case, prices, needs, currency_is_plausible=not currency_faults
        ).faults(reported_paths)


def _price_year_warning(case: Sections) -> Iterator[Fault]:
    year, first_year = case.price_year, case.horizon.first_year
    if (
        year is not None
        and are_readable(year, first_year)
        and abs(year - first_year) > _MAX_PRICE_YEAR_DISTANCE
    ):
        values = {"year": year, "first": first_year, "count": abs(year - first_year)}
        message = "price_year {year} is {count} years from first_year {first}".format(**values)
        yield warning(("price_year",), message, "write the year whose prices the amounts are in")


def _exchange_rate_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of exchange rates that differ from those of 2025 by a factor of 5."""
    for name, rate in (case.units.exchange_rates if case.units else {}).items():
        own, _, other = name.partition("_per_")
        usual = UNITS_PER_EURO.get(own, 0) / UNITS_PER_EURO.get(other, 1)
        if usual > 0 and own != other and not usual / 5 <= rate <= usual * 5:
            texts = {"name": name, "rate": format_figure(rate), "usual": format_figure(usual)}
            message = "{name} is {rate}, and was about {usual} in 2025".format(**texts)
            hint = f"{own}_per_{other} is what one {other} costs in {own}"
            yield warning(("units", "exchange_rates", name), message, hint)


def _currency_warnings(case: Sections, prices: Mapping[str, _Range]) -> Iterator[Fault]:
    """Yield a warning if the currency does not exist or does not fit the figures.

    A currency of which one euro buys many units does not fit if prices equal those of 2025 in EUR.
    If no material is known, it does not fit if, converted to EUR, the largest capex is below a
    million or the largest price below 10.
    """
    code, rate = case.currency, UNITS_PER_EURO.get(case.currency, 1.0)
    if code not in CURRENCY_CODES:
        message = f"'{code}' is not a currency code of ISO 4217"
        yield warning(("currency",), message, currency_code_hint(code))
        return
    ratios = []
    for name, (_, price) in prices.items():
        reference = _reference_price_of(case, name)
        ratios += [price / reference] if reference and price > 0 else []
    # Prices of other years may be a fifth of those of 2025, or five times as high.
    tolerance = 5 if abs((case.price_year or 0) - 2025) <= 3 else 25
    prices_are_in_eur = (
        bool(ratios) and rate >= 5 and 0.2 <= median(ratios) <= min(5.0, rate / tolerance)
    )
    max_capex = max((float(project.capex_meur) for project in case.projects.values()), default=0.0)
    max_price = max((high_price for _, high_price in prices.values()), default=0)
    figures_are_small = (
        0 < max_capex < rate or _MAX_INVENTED_PRICE <= max_price < _MAX_INVENTED_PRICE * rate
    )
    if prices_are_in_eur or (not ratios and rate > 20 and figures_are_small):
        values = {"value": code, "rate": format_figure(rate)}
        message = "the amounts are not those of {value}, about {rate} of which are 1 EUR".format(
            **values
        )
        yield warning(("currency",), message, "write the currency that the amounts are in")


def _reference_price_of(case: Sections, name: str) -> float | None:
    """Return the 2025 price of a material, in EUR per tonne, by its name or id; None if unknown."""
    name_texts = case.materials[name].name if name in case.materials else None
    return reference_price((name_texts.en or name_texts.de if name_texts else "") or name)


class _PriceComparison:
    """Comparison of prices of materials with damage, with capex and with other prices."""

    def __init__(
        self,
        case: Sections,
        prices: dict[str, _Range],
        needs: dict[str, float],
        currency_is_plausible: bool,
    ) -> None:
        self.case, self.prices, self.needs = case, prices, needs
        self.units_per_euro = UNITS_PER_EURO.get(case.currency) if currency_is_plausible else None
        self.min_damage: dict[str, float] = {}  # per tonne, by material
        for entry in case.damage:
            for damage in (float(step.eur_per_t) for step in entry.steps if step.eur_per_t > 0):
                least_so_far = self.min_damage.get(entry.material, damage)
                self.min_damage[entry.material] = min(least_so_far, damage)

    def faults(self, reported_paths: set[_Path]) -> Iterator[Fault]:
        """Yield all warnings, except those of capex of projects at ``reported_paths``."""
        all_ratios = {key: self._capex_ratio(key) for key in self.case.projects}
        ratios = {key: ratio for key, ratio in all_ratios.items() if ratio}
        capex: dict[str, list[float]] = {}
        for key, ratio in ratios.items():
            for name in self.case.projects[key].output_t_per_year:
                capex.setdefault(name, []).append(ratio)
        mispriced = set()
        contradictions = contradicted_prices(
            self.case,
            {name: high_price for name, (_, high_price) in self.prices.items()},
            self.min_damage,
            {name for name in self.prices if self._price_in_2025(name)},
        )
        for name, (low_price, high_price) in self.prices.items():
            message = high_price > 0 and (
                self._wrong_price(name, low_price, high_price, capex.get(name, ()))
                or contradictions.get(name)
            )
            if message:
                mispriced.add(name)
                usual = self._price_in_2025(name) or self.min_damage.get(name, 0.0) / 2
                hint = "write the price of a tonne, in whole units of the currency"
                at_price = ("materials", name, "price_eur_per_t")
                yield warning(at_price, message, slip_hint(hint, high_price, usual))
        for key, ratio in ratios.items():
            path, outputs = ("projects", key), self.case.projects[key].output_t_per_year
            is_plausible = MIN_CAPEX_RATIO <= ratio <= MAX_CAPEX_RATIO
            if not is_plausible and path not in reported_paths and mispriced.isdisjoint(outputs):
                message = (
                    f"capex is {format_figure(ratio)} times the value of a "
                    "year's output, that of published "
                    f"projects is {0.1} to {34} times"
                )
                hint = "write capex in millions, and output in tonnes per year"
                suspect = self._suspect_field(outputs, ratio)
                figure, times = float(self.case.projects[key].capex_meur), _USUAL_CAPEX / ratio
                if suspect[0] != "capex_meur":
                    figure, times = float(outputs[str(suspect[1])]), 1 / times
                yield warning((*path, *suspect), message, slip_hint(hint, figure, figure * times))
        yield from self._output_warnings(reported_paths, mispriced)
        for name in mispriced:
            self.prices.pop(name)
        yield from self._market_warnings(reported_paths)
        yield from self._damage_warnings()
        for price_path, name, price in self._other_prices():
            low_price, high_price = self.prices.get(name, (0.0, 0.0))
            lowest, highest = horizon_range(self.case, price)
            is_premium = price_path[-1] == "secured_premium_eur_per_t"
            max_below = _PREMIUM_FACTOR if is_premium else _PRICE_FACTOR
            if high_price > 0 and (
                lowest > high_price * _PRICE_FACTOR or 0 < highest < low_price / max_below
            ):
                values = {
                    "material": name,
                    "value": format_figure(highest),
                    "price": format_figure(high_price),
                }
                message = "{value} per tonne is unlike the price of '{material}', {price}".format(
                    **values
                )
                hint = slip_hint(same_unit_hint(), highest, high_price)
                yield warning(price_path, message, hint)
        yield from self._storage_warnings()

    def _output_warnings(self, reported_paths: set[_Path], mispriced: set[str]) -> Iterator[Fault]:
        """Yield warnings of outputs that count neither for their project nor for the need."""
        for key, project in self.case.projects.items():
            outputs = {name: float(x) for name, x in project.output_t_per_year.items()}
            revenue = {
                name: x * self.prices.get(name, (0.0, 0.0))[1] for name, x in outputs.items()
            }
            if ("projects", key) in reported_paths or not mispriced.isdisjoint(outputs):
                continue
            for name, tonnes in outputs.items():
                need = self.needs.get(name, 0.0)
                if (
                    0 < revenue[name] < _MIN_WORTH * sum(revenue.values())
                    and tonnes < _MIN_PART_OF_NEED * need
                ):
                    message = (
                        f"{format_figure(tonnes)} t per year of '{name}' are "
                        f"1/{format_figure(round(sum(revenue.values()) / revenue[name]))} "
                        "of the value of all "
                        f"outputs, and {format_figure(need)} t are needed"
                    )
                    path = ("projects", key, "output_t_per_year", name)
                    yield warning(path, message, slip_hint(same_unit_hint(), tonnes, need))

    def _market_warnings(self, reported_paths: set[_Path]) -> Iterator[Fault]:
        """Yield warnings of demand for a metal that is worth more than any metal market."""
        for position, row in enumerate(self.case.demand):
            tonnes = horizon_range(self.case, row.t_per_year)[1]
            worth = tonnes * self._price_in_2025(row.material)
            path = ("demand", position)
            if path not in reported_paths and worth > _MAX_MARKET_EUR * (self.units_per_euro or 1):
                message = (
                    f"{format_figure(tonnes)} t of '{row.material}' cost "
                    f"{format_figure(worth / 1e6)} million in 2025, more than the world "
                    "market of any metal"
                )
                yield warning((*path, "t_per_year"), message, same_unit_hint())

    def _storage_warnings(self) -> Iterator[Fault]:
        """Yield warnings of storage that costs more than the material.

        Also yield warnings of storage that costs a hundredth of that of each of three other
        stockpiles or more, or a hundred times as much.
        """
        costs = [float(stockpile.storage_eur_per_t_year) for stockpile in self.case.stockpiles]
        for position, cost in enumerate(costs):
            material = self.case.stockpiles[position].material
            _, high_price = self.prices.get(material, (0, 0))
            others = [x for n, x in enumerate(costs) if n != position and x > 0]
            is_unlike = len(others) >= _MIN_COMPARED and not (
                min(others) / UNIT_FACTOR < cost < max(others) * UNIT_FACTOR
            )
            message, values = "", {"material": material, "value": format_figure(cost)}
            if 0 < high_price < cost:
                message = (
                    "storage for {value} per tonne and year costs more than '{material}', {price}"
                ).format(price=format_figure(high_price), **values)
            elif cost > 0 and is_unlike:
                message = (
                    "storage of '{material}' for {value} per tonne and year is unlike all others"
                ).format(**values)
            if message:
                path = ("stockpiles", position, "storage_eur_per_t_year")
                yield warning(path, message, same_unit_hint())

    def _capex_ratio(self, key: str) -> float:
        """Return a project's capex divided by the value of a year's output; 0 if unknown."""
        project = self.case.projects[key]
        capex = float(project.capex_meur) * 1e6
        outputs = project.output_t_per_year.items()
        value = sum(tonnes * self.prices.get(name, (0.0, 0.0))[1] for name, tonnes in outputs)
        return capex / value if value > 0 and project.capex_meur < single_figures.MAX_MEUR else 0.0

    def _suspect_field(self, outputs: Mapping[str, Number], ratio: float) -> _Path:
        """Return the path, within the project, of the field that is probably wrong.

        This is an output if it does not fit the need for its material either, otherwise capex.
        """
        for name, tonnes in outputs.items():
            need = self.needs.get(name, 0.0)
            if need > 0 and (tonnes > 5 * need if ratio < 1 else tonnes < need / UNIT_FACTOR):
                return ("output_t_per_year", name)
        return ("capex_meur",)

    def _price_in_2025(self, name: str) -> float:
        """Return the 2025 price of a material in the currency of the file; 0 if unknown."""
        return (_reference_price_of(self.case, name) or 0.0) * (self.units_per_euro or 0.0)

    def _wrong_price(
        self, name: str, low_price: float, high_price: float, capex: Sequence[float]
    ) -> str | None:
        """Return a message if a material's price is probably wrong, else None.

        The price is compared with that of 2025 or, if this is not known, with damage and with the
        capex of all projects that deliver the material. ``low_price`` and ``high_price`` are its
        range over the horizon.
        """
        values = {"material": name, "price": format_figure(high_price)}
        if price_2025 := self._price_in_2025(name):
            if (
                price_2025 / _REFERENCE_FACTOR <= high_price
                and low_price <= price_2025 * _REFERENCE_FACTOR
            ):
                return None
            return "{price} for a tonne of '{material}', which cost about {cost} in 2025".format(
                cost=format_figure(price_2025), **values
            )
        min_damage = self.min_damage.get(name, 0.0)
        is_too_low = (
            all(ratio > MAX_CAPEX_RATIO for ratio in capex)
            and min_damage > UNIT_FACTOR * high_price
        )
        is_too_high = all(ratio < MIN_CAPEX_RATIO for ratio in capex) and 0 < min_damage < low_price
        if not capex or not (is_too_low or is_too_high):
            return None
        return (
            "{price} for a tonne of '{material}' is unlike its damage of {damage} and all capex"
        ).format(damage=format_figure(min_damage), **values)

    def _damage_warnings(self) -> Iterator[Fault]:
        """Yield warnings of damage per tonne below or far above the price.

        Also yield warnings of damage far above the previous step. A first step may be slightly
        below the price, since some uses can be given up at low cost.
        """
        for entry_position, damage in enumerate(self.case.damage):
            low_price, high_price = self.prices.get(damage.material, (0.0, 0.0))
            steps = [float(step.eur_per_t) for step in damage.steps]
            for position, (previous_value, value) in enumerate(pairwise(steps), 1):
                if 0 < previous_value * SMALL_FACTOR <= value:
                    message = (
                        f"a damage of {format_figure(value)} per tonne, where the "
                        f"step before has {format_figure(previous_value)}"
                    )
                    path = ("damage", entry_position, "steps", position, "eur_per_t")
                    hint = slip_hint(same_unit_hint(), value, previous_value)
                    yield warning(path, message, hint)
            for position, value in enumerate(steps if high_price > 0 else ()):
                if value <= 0:
                    continue
                is_below_price = value < low_price and (
                    value < low_price / 2 or steps[-1] < low_price
                )
                values = {"material": damage.material, "value": format_figure(value)}
                path = ("damage", entry_position, "steps", position, "eur_per_t")
                if is_below_price:
                    message = (
                        "a damage of {value} per tonne is below the price of '{material}', {price}"
                    ).format(price=format_figure(low_price), **values)
                    yield warning(path, message, slip_hint(same_unit_hint(), value, low_price))
                elif value > high_price * SMALL_FACTOR:
                    message = (
                        "a damage of {value} per tonne is far above the price of '{material}', "
                        "{price}"
                    ).format(price=format_figure(high_price), **values)
                    yield warning(path, message, slip_hint(same_unit_hint(), value, high_price))
                break

    def _other_prices(self) -> Iterator[tuple[_Path, str, YearlyQuantity]]:
        """Yield path, material and price: of price states, premiums, cash costs and floors."""
        for name, material in self.case.materials.items():
            if (premium := material.secured_premium_eur_per_t) is not None:
                yield ("materials", name, "secured_premium_eur_per_t"), name, premium
            for position, state in enumerate(material.price_states):
                yield (
                    ("materials", name, "price_states", position, "eur_per_t"),
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
