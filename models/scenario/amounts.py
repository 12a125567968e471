"""Tonnes that are probably kilotonnes or kilograms: supply, output and purchases unlike demand."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from models.faults import Fault, Step
from models.language import tr
from models.scenario import chains
from models.scenario.quantities import Yearly

if TYPE_CHECKING:
    from models.scenario.case import Case

_Path = tuple[Step, ...]
APART = 100.0  #: Factor between amounts of one material that are not of one unit.
_PLANT = 200.0  #: The same where a single plant is larger than all demand; 156 is published.
_MARKET = 20.0  #: The same where supply or a yearly purchase is larger than all demand.
_PILOT = 5_000.0  #: The same where a plant makes little of it.
SMALL = 300.0  #: The same where a purchase is smaller than the demand, or one row of demand
#: than another one; also between one year and the next one named, and two steps of damage.
_OF_STOCKS = (
    ("max_purchase_t_per_year", SMALL, _MARKET),
    ("refill_t_per_year", math.inf, _MARKET),
    ("initial_t", math.inf, APART),
    ("max_t", math.inf, APART),
)  #: What of a stockpile is compared with the demand: how small, and how large, it may be.


class _Amount(NamedTuple):
    """Tonnes per year of a material, and where they stand."""

    at: _Path
    tonnes: float
    below: float = APART  #: Factor by which the demand may exceed it.
    above: float = APART  #: Factor by which it may exceed the demand.
    part: float = 1.0  #: Part of the demand that it is for.
    by: str = ""  #: Consumer whose demand it is.

    def suits(self, need: float) -> bool:
        """Whether it may be in the unit of the demand, as far as that can be told."""
        return need * self.part / self.below <= self.tonnes <= need * self.part * self.above

    def strays(self, need: float) -> bool:
        """Whether a demand in another unit may be the reason why it is unlike the demand."""
        return (
            self.tonnes >= need * APART / 2 or self.tonnes * APART <= need or not self.suits(need)
        )


def doubt(path: _Path, message: str, hint: str = "", at_key: bool = False) -> Fault:
    """Make a warning about a value that is valid but probably a mistake."""
    return Fault(path, message, hint, "warning", at_key)


def figure(value: float) -> str:
    """A number without an exponent, where it has no more than four digits behind the point."""
    return f"{value:.0f}" if value >= 9999.5 else f"{value:.4g}"


def extremes(case: Case, value: Yearly) -> tuple[float, float]:
    """The least and the most that a quantity is in years of the horizon."""
    first, last = case.horizon.first_year, case.horizon.last_year
    years = (first, *(year for year in value.years if first < year < last), last)
    amounts = [value.at(year) for year in years]
    return min(amounts), max(amounts)


def needs_of(case: Case) -> dict[str, float]:
    """Tonnes per year of each material that are needed at most, if all projects are built."""
    needs: dict[str, float] = defaultdict(float)
    for year in _years(case):
        for name, tonnes in chains.need(case, year).items():
            needs[name] = max(needs[name], tonnes)
    for project in case.projects.values():
        made = sum(map(float, project.output_t_per_year.values()))
        for name, ratio in project.inputs_t_per_t.items():
            needs[name] += float(ratio) * made
    return needs


def _years(case: Case) -> list[int]:
    """Some years of the horizon, its first and its last among them."""
    years = case.horizon.years
    return [*years[:: max(1, len(years) // 4)], years[-1]]


def warnings(case: Case, needs: dict[str, float]) -> Iterator[Fault]:
    """Supply, output, capacity and purchases that are unlike the demand; a row of the demand
    instead, where most of them are."""
    rows = _demand_rows(case)
    for name, listed in _listed(case, rows).items():
        need, demanded = needs[name], rows.get(name, ())
        far = [one for one in listed if need > 0 and not one.suits(need)]
        about = {"material": name, "need": figure(need)}
        middle = median(one.tonnes for one in listed or (_Amount((), 0.0),))
        usual = [one for one in far if middle / APART <= one.tonnes <= middle * APART]
        sides = {one.tonnes > need for one in far}
        strayed = sum((one.tonnes > need) in sides and one.strays(need) for one in listed)
        alike = bool(usual) and len(sides) == 1 and strayed > len(listed) / 2
        if alike and demanded:
            message = tr(
                "{need} t of '{material}' are needed per year, unlike {tonnes} t elsewhere",
                tonnes=figure(usual[0].tonnes),
                **about,
            )
            factor = -1.0 if need > middle else 999.0  # of the largest row, or the one that fits
            row = min(demanded, key=lambda one: abs(need + factor * one.tonnes - middle))
            yield doubt(row.at, message, _in_tonnes())
        for one in far:
            if alike and demanded and len(listed) > 1 and one in usual:
                continue
            about["tonnes"] = figure(one.tonnes)
            message = tr("{tonnes} t per year, where {need} t of '{material}' are needed", **about)
            if one.at[-1] in ("initial_t", "max_t"):
                message = tr(
                    "{tonnes} t, where {need} t of '{material}' are needed a year", **about
                )
            yield doubt(one.at, message, _in_tonnes())
    available = _available(case)
    for name, amounts in rows.items():
        most = max(one.tonnes for one in amounts)
        for one in amounts:
            if 0 < one.tonnes <= most / SMALL and (
                one.tonnes < 1 or _fits(available[name], one, needs[name])
            ):
                yield _small(name, one, most)
    yield from _small_supply(case)


def _available(case: Case) -> Mapping[str, float]:
    """Tonnes per year that all projects make of each material, or that are supplied, if more."""
    made: dict[str, float] = defaultdict(float)
    supplied: dict[str, float] = defaultdict(float)
    for project in case.projects.values():
        for name, tonnes in project.output_t_per_year.items():
            made[name] += float(tonnes)
    for row in case.supply:
        if row.t_per_year is not None:
            supplied[row.material] += extremes(case, row.t_per_year)[1]
    return defaultdict(float, {m: max(made[m], supplied[m]) for m in {*made, *supplied}})


def _fits(available: float, row: _Amount, need: float) -> bool:
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
        for name, need in chains.need(case, year).items():
            few, total, shares = [], 0.0, 0.0
            for number, row in rows[name]:
                if row.share is not None:
                    shares += need * row.share.at(year)
                elif row.t_per_year is not None:
                    tonnes = row.t_per_year.at(year)
                    few += [(number, tonnes)] if 0 < tonnes <= need / APART else []
                    total += tonnes
            other, all_few = total + shares, sum(tonnes for _, tonnes in few)
            judged = shares or (year == case.horizon.first_year and other > need / APART)
            if name in made or not judged or other > 0.7 * need:
                continue
            for number, tonnes in few:
                factors = (1e3, 1e6, 1e3 * all_few / tonnes)
                if any(0.9 * need <= other + tonnes * factor <= 1.1 * need for factor in factors):
                    one = _Amount(("supply", number, "t_per_year"), tonnes)
                    found.setdefault(one.at, _small(name, one, other - tonnes))
    yield from found.values()


def _small(material: str, one: _Amount, other: float) -> Fault:
    message = tr(
        "{tonnes} t per year of '{material}', beside {other} t in other rows",
        material=material,
        tonnes=figure(one.tonnes),
        other=figure(other),
    )
    return doubt(one.at, message, _in_tonnes())


def _in_tonnes() -> str:
    return tr("check that both are in tonnes, not in kt or kg")


def _demand_rows(case: Case) -> dict[str, list[_Amount]]:
    """The rows of demand for each material, at their highest."""
    rows: dict[str, list[_Amount]] = defaultdict(list)
    for number, row in enumerate(case.demand):
        at = ("demand", number, "t_per_year")
        rows[row.material].append(_Amount(at, extremes(case, row.t_per_year)[1], by=row.consumer))
    return dict(rows)


def _listed(case: Case, rows: dict[str, list[_Amount]]) -> dict[str, list[_Amount]]:
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
            tonnes = max(row.t_per_year.at(year) for year in _years(case))
            supply[row.material].append(_Amount(("supply", number, "t_per_year"), tonnes))
    for name, amounts in supply.items():
        total = sum(one.tonnes for one in amounts)
        largest = max(amounts, key=lambda one: one.tonnes)
        below = math.inf if name in made else APART
        found[name].append(_Amount(largest.at, total, below, _MARKET))
    for key, project in case.projects.items():
        for name, output in project.output_t_per_year.items():
            at = ("projects", key, "output_t_per_year", name)
            found[name].append(_Amount(at, float(output), _PILOT, _PLANT))
    for key, conversion in case.conversions.items():
        capacity = extremes(case, conversion.capacity_t_per_year)[1]
        place = ("conversions", key, "capacity_t_per_year")
        found[conversion.output].append(_Amount(place, capacity, _PILOT, _PLANT))
    demanded: dict[tuple[str, str], float] = defaultdict(float)
    for name, amounts in rows.items():
        for one in amounts:
            for consumer in ("", one.by):  # all of them, and this one
                demanded[name, consumer] += one.tonnes
    for number, stock in enumerate(case.stockpiles):
        all_of = demanded.get((stock.material, ""), 0.0)
        served = sum(demanded.get((stock.material, by), 0.0) for by in stock.serves or ("",))
        part = served / (all_of or 1)
        for field, below, above in _OF_STOCKS:
            if part > 0 and (amount := getattr(stock, field)) is not None:
                tonnes = extremes(case, amount)[1] if isinstance(amount, Yearly) else float(amount)
                one = _Amount(("stockpiles", number, field), tonnes, below, above, part)
                found[stock.material].append(one)
    return {name: [one for one in some if one.tonnes > 0] for name, some in found.items()}
