"""Rules of a scenario as an explanation names them: by ids, years and their number."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from models.results import BindingRule
from models.scenario.quantities import Yearly
from optimizer.model.instance import COMMON, Instance
from optimizer.solve.conflicts import RULES

INDEXED: dict[str, tuple[str, ...]] = {
    "market_finance_limit": ("project", ""),
    "share_limit": ("", "funder", "instrument"),
    "share_needs_start": ("", "funder", "instrument", ""),
    "ticket_min": ("", "funder", "instrument"),
    "ticket_max": ("", "funder", "instrument"),
    "offtake_right": ("project", "", "funder"),
    "offtake_limit": ("project", ""),
    "public_share_limit": (),
    "state_aid_limit": ("project",),
    "requires": ("project", "other", ""),
    "excludes": ("project", "other"),
    "must_build": ("project",),
    "must_not_build": ("project",),
    "max_projects": (),
    "purchase_limit": ("stockpile", "year"),
    "storage_limit": ("stockpile", "period"),
    "days_of_demand": ("stockpile", "year"),
    "funder_budget_by_year": ("funder", "year"),
    "funder_budget": ("funder",),
    "public_budget": (),
    "budget_line_by_year": ("funder", "line", "year"),
    "budget_line_total": ("funder", "line"),
    "guarantee_stock_limit": ("funder", "line", "year"),
    "country_share_limit": ("material", "country", "year"),
}
"""What the parts of the index of each rule are; an empty one is not told."""

YEAR_BY_YEAR = {"funder_budget_by_year", "budget_line_by_year", "guarantee_stock_limit"}
"""Rules of which each year is one by itself."""

EARLIEST_START = "earliest_start"
"""Not a rule of the first stage but the end of its range: no sooner year can be chosen."""


@dataclass(frozen=True)
class Key:
    """What rows of the first stage are one rule to a reader."""

    name: str
    about: tuple[tuple[str, str], ...]
    year: int | None = None


def key_of(instance: Instance, name: str, index: Any) -> tuple[Key, int | None]:
    """The rule that a row belongs to, and the year that the row is for."""
    parts = index if isinstance(index, tuple) else (index,)
    about, year = [], None
    for what, part in zip(INDEXED[name], parts, strict=False):
        if what == "year":
            year = int(part)
        elif what == "period":
            year = instance.years[int(part) // instance.per_year]
        elif what == "funder" and part == COMMON and name == "offtake_right":
            continue
        elif what:
            about.append((what, str(part).removesuffix(".")))
    name = "share_limit" if name == "share_needs_start" else name
    return Key(name, tuple(about), year if name in YEAR_BY_YEAR else None), year


def described(
    instance: Instance,
    key: Key,
    index: Any,
    years: Iterable[int] = (),
    alone: bool | None = None,
) -> BindingRule:
    """A rule for a reader; ``index`` is that of one of its rows."""
    rule = RULES[key.name](instance, index)
    listed = (key.year,) if key.year is not None else tuple(sorted(set(years)))
    return BindingRule(
        tag=rule.tag,
        name=key.name,
        path=".".join(map(str, rule.path)),
        about=dict(key.about),
        years=listed,
        limit=_limit(instance, key, listed),
        alone=alone,
    )


def earliest_start(instance: Instance, project: str) -> BindingRule:
    """That a project starts as early as it can."""
    year = instance.projects[project].starts[0]
    return BindingRule(
        tag="P1",
        name=EARLIEST_START,
        path=f"projects.{project}.earliest_start",
        about={"project": project},
        years=(year,),
        limit=None,
        alone=None,
    )


def _limit(instance: Instance, key: Key, years: tuple[int, ...]) -> float | None:
    """The number of a rule, where it has one."""
    about, case = dict(key.about), instance.case
    value: Any = None
    if key.name in ("share_limit", "ticket_min", "ticket_max"):
        field = {"share_limit": "max_share"}.get(key.name, key.name)
        value = getattr(instance.instrument[about["funder"], about["instrument"]], field)
    elif key.name in ("market_finance_limit", "offtake_limit"):
        field = "offtake_max" if key.name == "offtake_limit" else "market_finance_max"
        value = getattr(instance.projects[about["project"]], field)
    elif key.name == "public_share_limit":
        value = case.policy.max_public_share
    elif key.name == "state_aid_limit":
        value = aid_limit(instance, about["project"])
    elif key.name == "max_projects":
        value = case.policy.max_projects
    elif key.name == "public_budget":
        value = case.policy.budget_meur
    elif key.name == "funder_budget":
        value = case.funders[about["funder"]].budget_meur
    elif key.name == "funder_budget_by_year":
        granted = case.funders[about["funder"]].budget_by_year_meur or {}
        value = granted.get(years[0], 0.0)
    elif key.name in ("budget_line_by_year", "budget_line_total", "guarantee_stock_limit"):
        value = _of_line(instance, key.name, about, years)
    elif key.name == "country_share_limit":
        value = (
            None if case.policy.max_country_share is None else case.policy.max_country_share.limit
        )
    elif key.name in ("storage_limit", "purchase_limit"):
        value = _of_stock(instance, key.name, about["stockpile"], years)
    return None if value is None or not math.isfinite(float(value)) else float(value)


def _of_line(
    instance: Instance, name: str, about: dict[str, str], years: tuple[int, ...]
) -> float | None:
    line = instance.lines[about["funder"], about["line"]]
    if name == "budget_line_total":
        return line.total
    position = years[0] - instance.years[0]
    if name == "guarantee_stock_limit":
        return float(line.limit[position])
    return None if line.by_year is None else float(line.by_year[position])


def _of_stock(instance: Instance, name: str, h: str, years: tuple[int, ...]) -> float | None:
    pile = instance.stockpiles[h]
    lot = instance.lot_t[pile.material]
    if name == "storage_limit":
        return pile.max_stock * lot
    asked = years or tuple(instance.years)
    limits = {float(pile.max_purchase[year - instance.years[0]]) for year in asked}
    return limits.pop() * lot if len(limits) == 1 else None


def aid_limit(instance: Instance, project: str) -> float:
    """Million EUR of grant equivalents that a project may get; infinite without a limit."""
    aid, capex = instance.case.policy.state_aid, instance.projects[project].capex
    if aid is None:
        return math.inf
    by_share = math.inf if aid.max_intensity is None else float(aid.max_intensity) * capex
    return min(by_share, math.inf if aid.max_meur is None else float(aid.max_meur))


def has_years(value: Any) -> bool:
    """Whether a quantity is given by year."""
    return isinstance(value, Yearly) and bool(value.years)
