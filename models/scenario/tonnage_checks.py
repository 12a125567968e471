"""Warnings of amounts in tonnes that are probably in another unit, and of other suspicious figures.

These are percentages, months, whole units, budgets, stocks, and rows that are written twice.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

from models.faults import Fault, PathStep, warning
from models.field_marks import LocatedValue
from models.scenario import chains
from models.scenario.quantities import Number, YearlyQuantity, percent_hint
from models.scenario.sections import Sections
from models.unit_names import UNITS_PER_EURO

_Path = tuple[PathStep, ...]
UNIT_FACTOR = 100.0  #: Ratio of amounts of one material from which on units differ.
_PLANT_FACTOR = 200.0  #: The same for a plant larger than all demand; a real one has 156.
_MARKET_FACTOR = 20.0  #: The same for supply or a yearly purchase larger than all demand.
_PILOT_FACTOR = 5_000.0  #: The same for a plant far smaller than demand.
SMALL_FACTOR = 300.0
"""The same for a purchase below demand, and between rows of demand, years or damage steps."""
_DAYS = 365.0  #: The same for the largest stock below demand: it covers less than a day.
_FLOW_FACTOR = 1_000.0  #: The same for a first stock or a yearly refill below demand.
_WORTHLESS_FACTOR = 500.0
"""The median value of the rows of demand of a file, as a multiple of that of a worthless row."""
_MIN_VALUED_ROWS = 5  #: Rows of demand from which on their median value is used.
_COSTLY_FACTOR = 200.0  #: Value of a far too large row of demand, as a multiple of their median.
_MIN_AGREEING = 3  #: Other rows from which on their median is used as well.
_GAP_FACTOR = 30.0  #: Smallest of these as a multiple of a far too small row.
_SURPLUS_FACTOR = 5.0  #: Supply of a far too large row, as a multiple of the need.
_STOCKPILE_LIMITS = (
    ("max_purchase_t_per_year", SMALL_FACTOR, _MARKET_FACTOR),
    ("refill_t_per_year", _FLOW_FACTOR, _MARKET_FACTOR),
    ("initial_t", _FLOW_FACTOR, UNIT_FACTOR),
    ("max_t", _DAYS, UNIT_FACTOR),
    ("max_release_t_per_period", _PILOT_FACTOR, math.inf),
)  #: Fields of a stockpile with the factors by which they may be below and above demand.


class _Amount(NamedTuple):
    """An amount of a material in tonnes per year, with its path and the limits of comparison."""

    path: _Path
    tonnes: float
    max_factor_below: float = UNIT_FACTOR  #: Factor by which the demand may exceed the amount.
    max_factor_above: float = UNIT_FACTOR  #: Factor by which the amount may exceed the demand.
    demand_share: float = 1.0  #: Share of the demand with which the amount is compared.
    consumer: str = ""  #: Consumer, if the amount is a row of demand.

    def is_plausible(self, need: float) -> bool:
        """Return whether the amount may have the same unit as ``need``, by its size."""
        return (
            need * self.demand_share / self.max_factor_below
            <= self.tonnes
            <= need * self.demand_share * self.max_factor_above
        )

    def may_reveal_wrong_need(self, need: float) -> bool:
        """Return whether the amount suggests that the need is in a wrong unit."""
        return (
            self.tonnes >= need * UNIT_FACTOR / 2
            or self.tonnes * UNIT_FACTOR <= need
            or not self.is_plausible(need)
        )


def format_figure(value: float) -> str:
    """Return a number as text with four significant digits.

    Numbers from 9,999.5 on are rounded to integers; only very small ones have an exponent.
    """
    return f"{value:.0f}" if value >= 9999.5 else f"{value:.4g}"


def horizon_range(case: Sections, quantity: YearlyQuantity) -> tuple[float, float]:
    """Return the minimum and maximum of a quantity in the years of the horizon."""
    first_year, last_year = case.horizon.first_year, case.horizon.last_year
    years = (
        first_year,
        *(year for year in quantity.years if first_year < year < last_year),
        last_year,
    )
    amounts = [quantity.at(year) for year in years]
    return min(amounts), max(amounts)


def peak_needs(case: Sections) -> dict[str, float]:
    """Return the largest need of each material in some years of the horizon, in tonnes per year.

    It includes the inputs of all projects, as if all were built.
    """
    needs: dict[str, float] = defaultdict(float)
    for year in _sampled_years(case):
        for name, tonnes in chains.material_needs(case, year).items():
            needs[name] = max(needs[name], tonnes)
    for project in case.projects.values():
        output = sum(map(float, project.output_t_per_year.values()))
        for name, ratio in project.inputs_t_per_t.items():
            needs[name] += float(ratio) * output
    return needs


def _sampled_years(case: Sections) -> list[int]:
    """Return some years of the horizon, the first and the last included."""
    years = case.horizon.years
    return [*years[:: max(1, len(years) // 4)], years[-1]]


def tonnage_warnings(
    case: Sections, needs: dict[str, float], prices: Mapping[str, tuple[float, float]]
) -> Iterator[Fault]:
    """Yield warnings of amounts that do not fit the need: supply, output, capacity, purchases.

    If most of them do not fit, a row of the demand is reported instead. Also yield warnings of rows
    of demand and of supply that are far smaller than the other rows, or, at the lowest and highest
    ``prices``, hardly worth anything.
    """
    rows = _demand_rows(case)
    for name, compared in _compared_amounts(case, rows).items():
        need, demand_rows = needs[name], rows.get(name, ())
        implausible = [amount for amount in compared if need > 0 and not amount.is_plausible(need)]
        values = {"material": name, "need": format_figure(need)}
        median_t = median(amount.tonnes for amount in compared or (_Amount((), 0.0),))
        near_median = [
            amount
            for amount in implausible
            if median_t / UNIT_FACTOR <= amount.tonnes <= median_t * UNIT_FACTOR
        ]
        directions = {amount.tonnes > need for amount in implausible}
        suspicious_count = sum(
            (amount.tonnes > need) in directions and amount.may_reveal_wrong_need(need)
            for amount in compared
        )
        is_need_wrong = (
            bool(near_median) and len(directions) == 1 and suspicious_count > len(compared) / 2
        )
        if is_need_wrong and demand_rows:
            message = (
                "{need} t of '{material}' are needed per year, unlike {tonnes} t elsewhere".format(
                    tonnes=format_figure(near_median[0].tonnes), **values
                )
            )
            factor = -1.0 if need > median_t else 999.0  # without the row, or with 1,000 times it
            nearest_row = min(
                demand_rows, key=lambda amount: abs(need + factor * amount.tonnes - median_t)
            )
            hint = slip_hint(_tonnes_hint(), nearest_row.tonnes, median_t)
            yield warning(nearest_row.path, message, hint)
        for amount in implausible:
            if is_need_wrong and demand_rows and len(compared) > 1 and amount in near_median:
                continue
            values["tonnes"] = format_figure(amount.tonnes)
            message = "{tonnes} t per year, where {need} t of '{material}' are needed".format(
                **values
            )
            if amount.path[-1] in ("initial_t", "max_t"):
                message = "{tonnes} t, where {need} t of '{material}' are needed a year".format(
                    **values
                )
            compared_t = need * amount.demand_share
            yield warning(
                amount.path, message, slip_hint(_tonnes_hint(), amount.tonnes, compared_t)
            )
    available = _available_tonnes(case)
    for name, amounts in rows.items():
        largest_amount = max(amount.tonnes for amount in amounts)
        for amount in amounts:
            if (amount.tonnes < 1 and 0 < amount.tonnes <= largest_amount / SMALL_FACTOR) or (
                0 < amount.tonnes <= largest_amount / UNIT_FACTOR
                and _suggests_wrong_unit(available[name], amount, needs[name])
            ):
                yield _unusual_row_warning(name, amount, largest_amount)
    yield from _small_supply(case)
    yield from _rows_unlike_the_others(case, rows, needs, prices)


def _rows_unlike_the_others(
    case: Sections,
    demand: Mapping[str, list[_Amount]],
    needs: Mapping[str, float],
    prices: Mapping[str, tuple[float, float]],
) -> Iterator[Fault]:
    """Yield warnings of rows of demand and supply that are far from the others of their material.

    Such a row is a hundredth of each of two others or more that are within a factor of 100; or,
    with three or more of these, a 300th of their median and well below each; or a hundredth of the
    largest other one, and worth next to nothing beside the rows of demand of the whole file.

    Also yield warnings of rows a hundred times each other one, if demand is worth far more than the
    other rows of the file, or supply is far above the need.
    """
    worth = [
        amount.tonnes * prices[name][1]
        for name, amounts in demand.items()
        for amount in amounts
        if prices.get(name, (0.0, 0.0))[1] > 0 and amount.tonnes > 0
    ]
    has_median = len(worth) >= _MIN_VALUED_ROWS
    min_worth = median(worth) / _WORTHLESS_FACTOR if has_median else 0.0
    max_worth = median(worth) * _COSTLY_FACTOR if has_median else math.inf
    supply: dict[str, list[_Amount]] = defaultdict(list)
    for position, row in enumerate(case.supply):
        if row.t_per_year is not None:
            path, tonnes = ("supply", position, "t_per_year"), row.t_per_year
            entry = _Amount(path, horizon_range(case, tonnes)[1])
        elif row.share is not None:
            share = horizon_range(case, row.share)[1]
            entry = _Amount((), share * needs.get(row.material, 0.0))
        supply[row.material].append(entry)
    for name, amounts in (*demand.items(), *supply.items()):
        for amount in amounts if len(amounts) > 1 else ():
            others = [entry.tonnes for entry in amounts if entry is not amount and entry.tonnes > 0]
            if not amount.path or amount.tonnes <= 0 or not others:
                continue
            agree = len(others) > 1 and max(others) <= UNIT_FACTOR * min(others)
            value = amount.tonnes * prices.get(name, (0.0, 0.0))[1]
            compared = max(others) if value < min_worth else min(others) if agree else 0.0
            is_small = amount.tonnes <= compared / UNIT_FACTOR or (
                agree
                and len(others) >= _MIN_AGREEING
                and amount.tonnes <= min(median(others) / SMALL_FACTOR, min(others) / _GAP_FACTOR)
            )
            is_excessive = (
                value > max_worth
                if amount.path[0] == "demand"
                else amount.tonnes > _SURPLUS_FACTOR * needs.get(name, math.inf)
            )
            is_large = is_excessive and amount.tonnes >= UNIT_FACTOR * max(others)
            if is_small or is_large:
                yield _unusual_row_warning(name, amount, max(others))


def _available_tonnes(case: Sections) -> Mapping[str, float]:
    """Return the larger of project output and supply of each material, in tonnes per year."""
    output: dict[str, float] = defaultdict(float)
    supplied: dict[str, float] = defaultdict(float)
    for project in case.projects.values():
        for name, tonnes in project.output_t_per_year.items():
            output[name] += float(tonnes)
    for row in case.supply:
        if row.t_per_year is not None:
            supplied[row.material] += horizon_range(case, row.t_per_year)[1]
    return defaultdict(
        float, {name: max(output[name], supplied[name]) for name in {*output, *supplied}}
    )


def _suggests_wrong_unit(available: float, row: _Amount, need: float) -> bool:
    """Return whether a row of demand times 1,000 fits the available tonnes better.

    This is checked only if more than twice the need is available.
    """
    return need * 2 < available and need * (need + 999 * row.tonnes) <= available**2


def _small_supply(case: Sections) -> Iterator[Fault]:
    """Yield warnings of small rows of supply that are probably in thousands or millions of tonnes.

    Such rows would then meet the need of the first year or, if other rows are given as shares, also
    that of the last year.
    """
    converted_materials = {conversion.output for conversion in case.conversions.values()}
    warnings: dict[_Path, Fault] = {}
    rows = defaultdict(list)
    for position, row in enumerate(case.supply):
        rows[row.material].append((position, row))
    for year in (case.horizon.first_year, case.horizon.last_year):
        for name, need in chains.material_needs(case, year).items():
            small_rows, total_t, share_t = [], 0.0, 0.0
            for position, row in rows[name]:
                if row.share is not None:
                    share_t += need * row.share.at(year)
                elif row.t_per_year is not None:
                    tonnes = row.t_per_year.at(year)
                    small_rows += [(position, tonnes)] if 0 < tonnes <= need / UNIT_FACTOR else []
                    total_t += tonnes
            supplied_t, small_t = total_t + share_t, sum(tonnes for _, tonnes in small_rows)
            is_first_year = year == case.horizon.first_year
            is_checked = share_t or (is_first_year and supplied_t > need / UNIT_FACTOR)
            if name in converted_materials or not is_checked or supplied_t > 0.7 * need:
                continue
            for position, tonnes in small_rows:
                sums = [supplied_t + tonnes * x for x in (1e3, 1e6, 1e3 * small_t / tonnes)]
                if any(0.9 * need <= total <= 1.1 * need for total in sums):
                    amount = _Amount(("supply", position, "t_per_year"), tonnes)
                    warnings.setdefault(
                        amount.path, _unusual_row_warning(name, amount, supplied_t - tonnes)
                    )
    yield from warnings.values()


def _unusual_row_warning(material: str, amount: _Amount, other_tonnes: float) -> Fault:
    message = (
        f"{format_figure(amount.tonnes)} t per year of '{material}', but "
        f"{format_figure(other_tonnes)} t in other rows"
    )
    return warning(amount.path, message, slip_hint(_tonnes_hint(), amount.tonnes, other_tonnes))


def slip_hint(hint: str, value: float, usual: float) -> str:
    """Return a hint with the value that was probably meant, if ``usual`` says so.

    This is 1,000 or 1,000,000 times the value, or that part of it, if ``usual`` is within a factor
    of 30 of the result. Otherwise ``hint`` is returned unchanged.
    """
    ratio = usual / value if value > 0 else 0.0
    factor = next((x for x in (1e3, 1e6, 1e-3, 1e-6) if x / 30 < ratio < 30 * x), None)
    if factor is None:
        return hint
    texts = {"meant": format_figure(value * factor), "times": format_figure(factor)}
    return f"{hint}; {'did you mean {meant} ({times} times)?'.format(**texts)}"


def _tonnes_hint() -> str:
    return "check that both are in tonnes, not in kt or kg"


def _demand_rows(case: Sections) -> dict[str, list[_Amount]]:
    """Return the rows of demand for each material, with their maxima over the horizon."""
    rows: dict[str, list[_Amount]] = defaultdict(list)
    for position, row in enumerate(case.demand):
        path = ("demand", position, "t_per_year")
        rows[row.material].append(
            _Amount(path, horizon_range(case, row.t_per_year)[1], consumer=row.consumer)
        )
    return dict(rows)


def _compared_amounts(case: Sections, rows: dict[str, list[_Amount]]) -> dict[str, list[_Amount]]:
    """Return the amounts that are compared with the need for each material, without zeros.

    These are the total supply in tonnes, and each output, capacity and amount of a stockpile. The
    total supply may be far below the need if shares or conversions supply the material as well.
    """
    amounts_by_material: dict[str, list[_Amount]] = defaultdict(list)
    supply: dict[str, list[_Amount]] = defaultdict(list)
    supplied_by_others = {conversion.output for conversion in case.conversions.values()}
    for position, row in enumerate(case.supply):
        if row.t_per_year is None:
            supplied_by_others.add(row.material)
        else:
            tonnes = max(row.t_per_year.at(year) for year in _sampled_years(case))
            supply[row.material].append(_Amount(("supply", position, "t_per_year"), tonnes))
    for name, amounts in supply.items():
        total_supply = sum(entry.tonnes for entry in amounts)
        largest_amount = max(amounts, key=lambda entry: entry.tonnes)
        max_below = math.inf if name in supplied_by_others else UNIT_FACTOR
        amounts_by_material[name].append(
            _Amount(largest_amount.path, total_supply, max_below, _MARKET_FACTOR)
        )
    for key, project in case.projects.items():
        for name, output in project.output_t_per_year.items():
            path = ("projects", key, "output_t_per_year", name)
            amounts_by_material[name].append(
                _Amount(path, float(output), _PILOT_FACTOR, _PLANT_FACTOR)
            )
    for key, conversion in case.conversions.items():
        capacity = horizon_range(case, conversion.capacity_t_per_year)[1]
        path_of_conversion = ("conversions", key, "capacity_t_per_year")
        amounts_by_material[conversion.output].append(
            _Amount(path_of_conversion, capacity, _PILOT_FACTOR, _MARKET_FACTOR)
        )
    demanded_t: dict[tuple[str, str], float] = defaultdict(float)
    for name, amounts in rows.items():
        for entry in amounts:
            for consumer in ("", entry.consumer):  # "" for all consumers together
                demanded_t[name, consumer] += entry.tonnes
    for position, stockpile in enumerate(case.stockpiles):
        total_demand = demanded_t.get((stockpile.material, ""), 0.0)
        served_demand = sum(
            demanded_t.get((stockpile.material, consumer_id), 0.0)
            for consumer_id in stockpile.serves or ("",)
        )
        # What is only made into other materials has no demand of its own, but a need.
        demand_share = served_demand / total_demand if total_demand else 1.0
        for field, max_below, max_above in _STOCKPILE_LIMITS:
            if total_demand == 0 and stockpile.serves is not None:
                max_below = math.inf
            if demand_share > 0 and (field_value := getattr(stockpile, field)) is not None:
                tonnes = (
                    horizon_range(case, field_value)[1]
                    if isinstance(field_value, YearlyQuantity)
                    else float(field_value)
                )
                entry = _Amount(
                    ("stockpiles", position, field), tonnes, max_below, max_above, demand_share
                )
                amounts_by_material[stockpile.material].append(entry)
    return {
        name: [entry for entry in compared if entry.tonnes > 0]
        for name, compared in amounts_by_material.items()
    }


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
}  #: Usual maximum of rates per year, and of shares that may exceed 1.
_MIN_MONTHS = {
    "construction_years": 18,
    "lifetime_years": 120,
    "term_years": 60,
    "grace_years": 12,
    "delay_years": 12,
}  #: Multiples of 6 from which on years are probably months.
_MAX_DEMAND_FACTOR = 10.0  #: Factors on demand from which on they are probably percentages.
_MAX_TURNOVER = 10.0  #: Yearly purchases as a multiple of the largest stock.
MAX_MEUR = 1e6  #: Million EUR; no programme is larger.


def single_figure_warnings(case: Sections, values: list[LocatedValue]) -> Iterator[Fault]:
    """Yield warnings of figures that are suspicious without comparison to other fields.

    These are durations in months, rates and factors in percent, money that is not in millions, and
    jumps between years.
    """
    max_money = MAX_MEUR * UNITS_PER_EURO.get(case.currency, float("inf"))
    for path, value, _, _ in values:
        if isinstance(value, Number | int) and (name := _months_field(path, value)):
            texts = {"name": name, "value": format_figure(value)}
            message = "{name} is in years, {value} is probably in months".format(**texts)
            yield warning(path, message, f"write {value / 12:g} if it is")
        elif isinstance(value, Number):
            rate_field = _rate_field(path)
            money_field = next((str(step) for step in path[-3:] if str(step).endswith("_meur")), "")
            texts = {"name": rate_field or money_field, "value": format_figure(value)}
            if rate_field and value > _USUAL_MAXIMUM[rate_field]:
                texts |= {"percent": format_figure(100 * value)}
                message = "{name} is a fraction of one: {value} means {percent} %".format(**texts)
                if rate_field in _RATE_FIELDS:
                    message = "{name} is a real rate: {value} means {percent} % a year".format(
                        **texts
                    )
                elif rate_field == "annual_loss":
                    message = (
                        "{name} is a fraction of one: {value} means {percent} % a year".format(
                            **texts
                        )
                    )
                yield warning(path, message, percent_hint(value))
            elif money_field and value >= max_money:
                message = "{name} is in millions: {value} million is too much".format(**texts)
                hint = (
                    f"write {value / 1e3:g} if it is in thousands, "
                    f"{value / 1e6:g} if in whole units"
                )
                yield warning(path, message, hint)
            elif path[:2] == ("uncertainty", "demand") and value >= _MAX_DEMAND_FACTOR:
                yield _demand_factor_warning(path, value)
        elif isinstance(value, YearlyQuantity) and path[-1] not in ("share", "annual_probability"):
            for position, year in enumerate(value.years[1:]):
                lower_figure, higher_figure = sorted(value.values[position : position + 2])
                if lower_figure > 0 and higher_figure >= SMALL_FACTOR * lower_figure:
                    texts = {
                        "times": format_figure(higher_figure / lower_figure),
                        "year": str(value.years[position]),
                    }
                    message = "a factor of {times} between {year} and this year".format(**texts)
                    yield warning((*path, str(year)), message, same_unit_hint())
            highest = max(value.values)
            if path[::3] == ("uncertainty", "demand") and highest >= _MAX_DEMAND_FACTOR:
                yield _demand_factor_warning(path, highest)


def _demand_factor_warning(path: _Path, factor: float) -> Fault:
    texts = {"value": format_figure(factor)}
    message = "a factor of {value} means {value} times the demand".format(**texts)
    return warning(path, message, percent_hint(factor))


def _rate_field(path: _Path) -> str:
    """Return the name of the rate or share at a path, ignoring ids of items; else empty."""
    section_and_depth = (path[0], len(path))
    if section_and_depth == ("funders", 6):  # charges by budget line
        return "charges" if path[4] == "charges" else ""
    fields_with_depth = (("horizon", 2), ("stockpiles", 3), ("funders", 3), ("funders", 5))
    name = str(path[-1])
    return name if section_and_depth in fields_with_depth and name in _USUAL_MAXIMUM else ""


def _months_field(path: _Path, value: float) -> str:
    """Return the name of a duration in years that looks like one in months; else empty.

    Such a duration is unusually long, and a multiple of 6.
    """
    is_key = isinstance(value, int) and len(path) == 4  # a delay is the key of its probability
    name = str(path[-2 if is_key else -1])
    is_duration = (path[0], len(path) - is_key) in (("projects", 3), ("funders", 5))
    return (
        name if is_duration and value >= _MIN_MONTHS.get(name, value + 1) and value % 6 == 0 else ""
    )


def budget_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of budgets that are far from the capex of the projects they may fund.

    Such a budget is below a hundredth of the smallest project, or above 100 times all projects.
    Budgets that also pay for stockpiles may be small or large.
    """
    stock_payers = {name for stockpile in case.stockpiles for name in stockpile.paid_by}
    for name, funder in case.funders.items():
        projects = [
            project
            for project in case.projects.values()
            if any(item.accepts_project(project) for item in funder.instruments.values())
        ]
        capex = [float(project.capex_meur) for project in projects if project.capex_meur > 0]
        limits: list[tuple[_Path, float]] = [(("budget_meur",), float(funder.budget_meur or 0))]
        for key, line in funder.budget_lines.items():
            limit = horizon_range(case, line.limit_meur)[1] if line.limit_meur else 0.0
            for field, amount in (
                ("total_meur", float(line.total_meur or 0)),
                ("limit_meur", limit),
            ):
                limits.append((("budget_lines", key, field), amount))
        for path, amount in limits if capex and name not in stock_payers else ():
            values = {"amount": format_figure(amount), "total": format_figure(sum(capex))}
            if 0 < amount < min(capex) / UNIT_FACTOR:
                message = (
                    "{amount} million, but the smallest project that may be funded costs {least} "
                    "million"
                ).format(least=format_figure(min(capex)), **values)
            elif sum(capex) * UNIT_FACTOR < amount < MAX_MEUR:
                message = (
                    "{amount} million, but all projects that may be funded cost {total} million"
                ).format(**values)
            else:
                continue
            hint = slip_hint("write amounts in millions", amount, sum(capex))
            yield warning(("funders", name, *path), message, hint)


def stock_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of largest stocks that can never be reached, or that are bought many times.

    Such a stock is 100 times all that can be there in the horizon, or a tenth of what can be bought
    in a year.
    """
    for position, stockpile in enumerate(case.stockpiles):
        if stockpile.max_t is None or stockpile.max_purchase_t_per_year is None:
            continue
        most, path = float(stockpile.max_t), ("stockpiles", position)
        bought = horizon_range(case, stockpile.max_purchase_t_per_year)[1]
        reached = float(stockpile.initial_t) + bought * len(case.horizon.years)
        values = {"most": format_figure(most), "bought": format_figure(bought)}
        if 0 < reached < most / UNIT_FACTOR:
            message = "{most} t, but no more than {reached} t can be stored by {year}".format(
                reached=format_figure(reached), year=case.horizon.last_year, **values
            )
            hint = slip_hint(same_unit_hint(), most, reached)
            yield warning((*path, "max_t"), message, hint)
        elif 0 < most * _MAX_TURNOVER < bought:
            message = "{bought} t per year for a stock of at most {most} t".format(**values)
            hint = slip_hint(same_unit_hint(), bought, most)
            yield warning((*path, "max_purchase_t_per_year"), message, hint)


def repeated_row_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of rows of demand and supply that equal an earlier row, and add to it."""
    for section, rows in (("demand", case.demand), ("supply", case.supply)):
        positions: dict[str, int] = {}
        for position, row in enumerate(rows):
            first_position = positions.setdefault(repr(row), position)
            if first_position != position:
                message = f"the same as row {first_position + 1}: their tonnes are added"
                yield warning((section, position), message, "delete one of them if it is a copy")


def same_unit_hint() -> str:
    """Return the hint for a figure that is unlike a related one."""
    return "check that both are in the unit asked for"
