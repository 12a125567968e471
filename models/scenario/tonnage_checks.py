"""Tonnes that are probably kilotonnes or kilograms: supply, output and purchases unlike demand."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from models.faults import Fault, PathStep
from models.language import tr
from models.scenario import chains
from models.scenario.quantities import YearlyQuantity

if TYPE_CHECKING:
    from models.scenario.case import Case

_Path = tuple[PathStep, ...]
UNIT_FACTOR = 100.0  #: Factor between amounts of one material that are not of one unit.
_PLANT_FACTOR = 200.0  #: The same where a single plant is larger than all demand; 156 is published.
_MARKET_FACTOR = 20.0  #: The same where supply or a yearly purchase is larger than all demand.
_PILOT_FACTOR = 5_000.0  #: The same where a plant makes little of it.
SMALL_FACTOR = 300.0  #: The same where a purchase is smaller than the demand, or one row of demand
#: than another one; also between one year and the next one named, and two steps of damage.
_STOCKPILE_LIMITS = (
    ("max_purchase_t_per_year", SMALL_FACTOR, _MARKET_FACTOR),
    ("refill_t_per_year", math.inf, _MARKET_FACTOR),
    ("initial_t", math.inf, UNIT_FACTOR),
    ("max_t", math.inf, UNIT_FACTOR),
)  #: What of a stockpile is compared with the demand: how small, and how large, it may be.


class _Amount(NamedTuple):
    """Tonnes per year of a material, and where they stand."""

    path: _Path
    tonnes: float
    max_factor_below: float = UNIT_FACTOR  #: Factor by which the demand may exceed it.
    max_factor_above: float = UNIT_FACTOR  #: Factor by which it may exceed the demand.
    demand_share: float = 1.0  #: Part of the demand that it is for.
    consumer: str = ""  #: Consumer whose demand it is.

    def is_plausible(self, need: float) -> bool:
        """Whether it may be in the unit of the demand, as far as that can be told."""
        return (
            need * self.demand_share / self.max_factor_below
            <= self.tonnes
            <= need * self.demand_share * self.max_factor_above
        )

    def may_reveal_wrong_need(self, need: float) -> bool:
        """Whether a demand in another unit may be the reason why it is unlike the demand."""
        return (
            self.tonnes >= need * UNIT_FACTOR / 2
            or self.tonnes * UNIT_FACTOR <= need
            or not self.is_plausible(need)
        )


def plausibility_warning(path: _Path, message: str, hint: str = "", at_key: bool = False) -> Fault:
    """Make a warning about a value that is valid but probably a mistake."""
    return Fault(path, message, hint, "warning", at_key)


def format_figure(value: float) -> str:
    """A number without an exponent, where it has no more than four digits behind the point."""
    return f"{value:.0f}" if value >= 9999.5 else f"{value:.4g}"


def horizon_range(case: Case, value: YearlyQuantity) -> tuple[float, float]:
    """The least and the most that a quantity is in years of the horizon."""
    first, last = case.horizon.first_year, case.horizon.last_year
    years = (first, *(year for year in value.years if first < year < last), last)
    amounts = [value.at(year) for year in years]
    return min(amounts), max(amounts)


def peak_needs(case: Case) -> dict[str, float]:
    """Tonnes per year of each material that are needed at most, if all projects are built."""
    needs: dict[str, float] = defaultdict(float)
    for year in _sampled_years(case):
        for name, tonnes in chains.material_needs(case, year).items():
            needs[name] = max(needs[name], tonnes)
    for project in case.projects.values():
        made = sum(map(float, project.output_t_per_year.values()))
        for name, ratio in project.inputs_t_per_t.items():
            needs[name] += float(ratio) * made
    return needs


def _sampled_years(case: Case) -> list[int]:
    """Some years of the horizon, its first and its last among them."""
    years = case.horizon.years
    return [*years[:: max(1, len(years) // 4)], years[-1]]


def tonnage_warnings(case: Case, needs: dict[str, float]) -> Iterator[Fault]:
    """Supply, output, capacity and purchases that are unlike the demand; a row of the demand
    instead, where most of them are."""
    rows = _demand_rows(case)
    for name, listed in _compared_amounts(case, rows).items():
        need, demanded = needs[name], rows.get(name, ())
        far = [one for one in listed if need > 0 and not one.is_plausible(need)]
        about = {"material": name, "need": format_figure(need)}
        middle = median(one.tonnes for one in listed or (_Amount((), 0.0),))
        usual = [one for one in far if middle / UNIT_FACTOR <= one.tonnes <= middle * UNIT_FACTOR]
        sides = {one.tonnes > need for one in far}
        strayed = sum(
            (one.tonnes > need) in sides and one.may_reveal_wrong_need(need) for one in listed
        )
        alike = bool(usual) and len(sides) == 1 and strayed > len(listed) / 2
        if alike and demanded:
            message = tr(
                "{need} t of '{material}' are needed per year, unlike {tonnes} t elsewhere",
                tonnes=format_figure(usual[0].tonnes),
                **about,
            )
            factor = -1.0 if need > middle else 999.0  # of the largest row, or the one that fits
            row = min(demanded, key=lambda one: abs(need + factor * one.tonnes - middle))
            yield plausibility_warning(row.path, message, _tonnes_hint())
        for one in far:
            if alike and demanded and len(listed) > 1 and one in usual:
                continue
            about["tonnes"] = format_figure(one.tonnes)
            message = tr("{tonnes} t per year, where {need} t of '{material}' are needed", **about)
            if one.path[-1] in ("initial_t", "max_t"):
                message = tr(
                    "{tonnes} t, where {need} t of '{material}' are needed a year", **about
                )
            yield plausibility_warning(one.path, message, _tonnes_hint())
    available = _available_tonnes(case)
    for name, amounts in rows.items():
        most = max(one.tonnes for one in amounts)
        for one in amounts:
            if 0 < one.tonnes <= most / SMALL_FACTOR and (
                one.tonnes < 1 or _suggests_wrong_unit(available[name], one, needs[name])
            ):
                yield _small_amount_warning(name, one, most)
    yield from _small_supply(case)


def _available_tonnes(case: Case) -> Mapping[str, float]:
    """Tonnes per year that all projects make of each material, or that are supplied, if more."""
    made: dict[str, float] = defaultdict(float)
    supplied: dict[str, float] = defaultdict(float)
    for project in case.projects.values():
        for name, tonnes in project.output_t_per_year.items():
            made[name] += float(tonnes)
    for row in case.supply:
        if row.t_per_year is not None:
            supplied[row.material] += horizon_range(case, row.t_per_year)[1]
    return defaultdict(float, {m: max(made[m], supplied[m]) for m in {*made, *supplied}})


def _suggests_wrong_unit(available: float, row: _Amount, need: float) -> bool:
    """Whether the tonnes ``available`` are over twice the need, and the need comes
    nearer to it if this row of demand is multiplied by 1,000."""
    return need * 2 < available and need * (need + 999 * row.tonnes) <= available**2


def _small_supply(case: Case) -> Iterator[Fault]:
    """Rows of supply, far smaller than the need, that would close the gap of the first year if
    they counted thousands or millions; of the last year too, if other rows are shares."""
    made = {conversion.output for conversion in case.conversions.values()}
    found: dict[_Path, Fault] = {}
    rows = defaultdict(list)
    for number, row in enumerate(case.supply):
        rows[row.material].append((number, row))
    for year in (case.horizon.first_year, case.horizon.last_year):
        for name, need in chains.material_needs(case, year).items():
            few, total, shares = [], 0.0, 0.0
            for number, row in rows[name]:
                if row.share is not None:
                    shares += need * row.share.at(year)
                elif row.t_per_year is not None:
                    tonnes = row.t_per_year.at(year)
                    few += [(number, tonnes)] if 0 < tonnes <= need / UNIT_FACTOR else []
                    total += tonnes
            other, all_few = total + shares, sum(tonnes for _, tonnes in few)
            judged = shares or (year == case.horizon.first_year and other > need / UNIT_FACTOR)
            if name in made or not judged or other > 0.7 * need:
                continue
            for number, tonnes in few:
                factors = (1e3, 1e6, 1e3 * all_few / tonnes)
                if any(0.9 * need <= other + tonnes * factor <= 1.1 * need for factor in factors):
                    one = _Amount(("supply", number, "t_per_year"), tonnes)
                    found.setdefault(one.path, _small_amount_warning(name, one, other - tonnes))
    yield from found.values()


def _small_amount_warning(material: str, amount: _Amount, other_tonnes: float) -> Fault:
    message = tr(
        "{tonnes} t per year of '{material}', beside {other} t in other rows",
        material=material,
        tonnes=format_figure(amount.tonnes),
        other=format_figure(other_tonnes),
    )
    return plausibility_warning(amount.path, message, _tonnes_hint())


def _tonnes_hint() -> str:
    return tr("check that both are in tonnes, not in kt or kg")


def _demand_rows(case: Case) -> dict[str, list[_Amount]]:
    """The rows of demand for each material, at their highest."""
    rows: dict[str, list[_Amount]] = defaultdict(list)
    for number, row in enumerate(case.demand):
        at = ("demand", number, "t_per_year")
        rows[row.material].append(
            _Amount(at, horizon_range(case, row.t_per_year)[1], consumer=row.consumer)
        )
    return dict(rows)


def _compared_amounts(case: Case, rows: dict[str, list[_Amount]]) -> dict[str, list[_Amount]]:
    """What is compared with the need for each material, without what is zero: the supply in all, if
    it is all in tonnes, and each output, capacity and purchase.
    """
    found: dict[str, list[_Amount]] = defaultdict(list)
    supply: dict[str, list[_Amount]] = defaultdict(list)
    made = {conversion.output for conversion in case.conversions.values()}
    for number, row in enumerate(case.supply):
        if row.t_per_year is None:
            made.add(row.material)
        else:
            tonnes = max(row.t_per_year.at(year) for year in _sampled_years(case))
            supply[row.material].append(_Amount(("supply", number, "t_per_year"), tonnes))
    for name, amounts in supply.items():
        total = sum(one.tonnes for one in amounts)
        largest = max(amounts, key=lambda one: one.tonnes)
        below = math.inf if name in made else UNIT_FACTOR
        found[name].append(_Amount(largest.path, total, below, _MARKET_FACTOR))
    for key, project in case.projects.items():
        for name, output in project.output_t_per_year.items():
            at = ("projects", key, "output_t_per_year", name)
            found[name].append(_Amount(at, float(output), _PILOT_FACTOR, _PLANT_FACTOR))
    for key, conversion in case.conversions.items():
        capacity = horizon_range(case, conversion.capacity_t_per_year)[1]
        place = ("conversions", key, "capacity_t_per_year")
        found[conversion.output].append(_Amount(place, capacity, _PILOT_FACTOR, _PLANT_FACTOR))
    demanded: dict[tuple[str, str], float] = defaultdict(float)
    for name, amounts in rows.items():
        for one in amounts:
            for consumer in ("", one.consumer):  # all of them, and this one
                demanded[name, consumer] += one.tonnes
    for number, stock in enumerate(case.stockpiles):
        all_of = demanded.get((stock.material, ""), 0.0)
        served = sum(demanded.get((stock.material, by), 0.0) for by in stock.serves or ("",))
        part = served / (all_of or 1)
        for field, below, above in _STOCKPILE_LIMITS:
            if part > 0 and (amount := getattr(stock, field)) is not None:
                tonnes = (
                    horizon_range(case, amount)[1]
                    if isinstance(amount, YearlyQuantity)
                    else float(amount)
                )
                one = _Amount(("stockpiles", number, field), tonnes, below, above, part)
                found[stock.material].append(one)
    return {name: [one for one in some if one.tonnes > 0] for name, some in found.items()}
