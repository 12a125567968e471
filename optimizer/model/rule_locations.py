"""Fields of scenario files that rules refer to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from models.faults import PathStep
from models.language import format_number
from models.scenario.case import Case
from models.scenario.funding import COMMON_GROUP
from models.scenario.quantities import YearlyQuantity


class RuleContext(Protocol):
    """The part of an instance that is needed to find a rule in the scenario file."""

    @property
    def case(self) -> Case:
        """The scenario as read from its file."""

    @property
    def instruments(self) -> Sequence[Any]:
        """The instruments of the scenario, as InstrumentData."""


class RuleLocation(NamedTuple):
    """Path of a rule in a scenario, and the values for its sentence."""

    path: tuple[PathStep, ...]
    sentence_values: dict[str, Any]
    uses_alternative_text: bool = False  # whether the second of the rule's sentences says it


def of_project(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a field of a project."""
    p = index[0] if isinstance(index, tuple) else index
    value = format_number(getattr(instance.case.projects[p], field))
    return RuleLocation(("projects", p, field), {"p": p, "value": value})


def of_instrument(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a field of an instrument."""
    _, f, i = index[:3]
    value = format_number(getattr(instance.case.funders[f].instruments[i], field))
    return RuleLocation(("funders", f, "instruments", i, field), {"f": f, "i": i, "value": value})


def of_stockpile(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a field of a stockpile."""
    position = [s.id for s in instance.case.stockpiles].index(index[0])
    return RuleLocation(("stockpiles", position, field), {"h": index[0]})


def of_project_pair(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a relation of two projects."""
    p, other = index[:2]
    if other not in getattr(instance.case.projects[p], field):
        p, other = other, p
    position = getattr(instance.case.projects[p], field).index(other)
    return RuleLocation(("projects", p, field, position), {"p": p, "other": other})


def of_policy(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a limit of the policy."""
    value: Any = instance.case.policy
    path = field.split(".")
    for step in path:
        value = getattr(value, step)
    if isinstance(value, tuple):
        return RuleLocation(("policy", *path, value.index(index)), {"p": index})
    m, country = index[:2] if isinstance(index, tuple) else (index, None)
    shown = format_number(value) if isinstance(value, float) else ""
    return RuleLocation(("policy", *path), {"p": index, "m": m, "country": country, "value": shown})


def of_starts_by_year(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a limit on the starts by a year."""
    most = getattr(instance.case.policy, field)[index]
    about = {"value": format_number(most), "year": index}
    return RuleLocation(("policy", field, str(index)), about)


def of_offtake_right(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate what gives a group its right to offtake."""
    p, _, group = index
    if group == COMMON_GROUP:
        return RuleLocation(("projects", p, field), {"p": p})
    path = ("funders", group.removesuffix("."), "instruments")
    return RuleLocation(path, {"f": group, "p": p}, uses_alternative_text=True)


def of_market_finance(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate the limit on market finance of a project."""
    supported = any(
        i.market_finance_per_share > 0 and i.max_share > 0 and index[0] in i.eligible_projects
        for i in instance.instruments
    )
    return of_project(instance, index, field)._replace(uses_alternative_text=supported)


def of_funder(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate a field of a funder, which may differ by year."""
    f, year = index if isinstance(index, tuple) else (index, None)
    value = getattr(instance.case.funders[f], field)
    return in_year(("funders", f, field), {"f": f}, value, year)


def of_budget_line(instance: RuleContext, index: Any, field: str) -> RuleLocation:
    """Locate the limit of a budget line."""
    f, id, year = (*index, None)[:3]
    value = getattr(instance.case.funders[f].budget_lines[id], field)
    return in_year(("funders", f, "budget_lines", id, field), {"f": f, "id": id}, value, year)


def in_year(
    path: tuple[PathStep, ...], values: dict[str, Any], value: Any, year: Any
) -> RuleLocation:
    """Return the location of a rule whose value may depend on the year. If the value is the same in
    all years, so is the location, and the rule counts once although it may bind in several
    years."""
    years = (
        value.years
        if isinstance(value, YearlyQuantity)
        else value
        if isinstance(value, dict)
        else ()
    )
    path = (*path, str(year)) if year in years else path
    changes = bool(years) or isinstance(value, dict)
    if isinstance(value, YearlyQuantity):
        value = value.at(year)
    elif isinstance(value, dict):
        value = value.get(year, 0.0)
    return RuleLocation(
        path, {**values, "value": format_number(value or 0.0), "year": year}, changes
    )
