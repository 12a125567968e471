"""Warnings of figures that are suspicious by themselves, or beside one other figure.

These are percentages, months, whole units, budgets, stocks, and rows that are written twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.currencies import UNITS_PER_EURO
from models.faults import Fault, PathStep, warning
from models.field_marks import LocatedValue
from models.scenario.number_hints import percent_hint
from models.scenario.quantities import Number, YearlyQuantity
from models.scenario.sections import Sections
from models.scenario.tonnage_checks import (
    SMALL_FACTOR,
    UNIT_FACTOR,
    format_figure,
    horizon_range,
    slip_hint,
)

_Path = tuple[PathStep, ...]

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
