"""What a plan is to reach: a level of damage, and stocks that last."""

from __future__ import annotations

from collections.abc import Mapping

from models.faults import Fault, ScenarioError
from models.files import Reading
from models.scenario.case import Case
from models.scenario.stockpiles import Stockpile
from optimizer.analyses.target.options import Figure
from optimizer.analyses.variation import written
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.planner import Problem

ROUNDING = 1e-6
"""A level is reached by a figure that lies above it by no more, relatively."""


def figure_of(evaluation: Evaluation, figure: Figure, case: Case) -> float:
    """A figure of damage."""
    if figure == "cvar":
        return evaluation.cvar(float(case.objective.cvar.level))
    return evaluation.expected if figure == "expected" else evaluation.worst


def reached(value: float, level: float) -> bool:
    """Whether a figure is at or below a level, rounding apart."""
    return value <= accepted(level)


def accepted(level: float) -> float:
    """The greatest figure that still counts as the level."""
    return level + ROUNDING * max(abs(level), 1e-3)


def figure_alone(reading: Reading, figure: Figure) -> Reading:
    """The scenario with nothing but one figure of damage as its objective.

    The worst state is the CVaR at a level that leaves the least probable state alone: whatever
    state is the worst, it then fills the tail.
    """
    weight = 0 if figure == "expected" else 1
    settings = ["objective.cost_weight=0", f"objective.cvar.weight={weight}"]
    if figure == "worst":
        states = Problem.of(reading.case).states
        least = min(state.probability for state in states if state.probability > 0)
        # Just below one where there is one state alone.
        settings.append(f"objective.cvar.level={written(max(0.0, 1 - least))}")
    return reading.changed(settings)


def stocks_of(case: Case, asked: Mapping[str, float]) -> dict[str, float]:
    """Days by stockpile, from days by stockpile, by material that has one stockpile, or ``all``.

    Raises ScenarioError naming what is not there.
    """
    found: dict[str, float] = {}
    known = [pile.id for pile in case.stockpiles]
    faults = []
    for name, days in asked.items():
        own = [pile.id for pile in case.stockpiles if pile.material == name]
        if name == "all" and known:
            found |= dict.fromkeys(known, days)
        elif name in known or len(own) == 1:
            found[name if name in known else own[0]] = days
        elif own:
            message = f"the material '{name}' has several stockpiles"
            faults.append(Fault(("stockpiles",), message, f"name one of {', '.join(own)}"))
        else:
            message = f"there is no stockpile and no material with a stockpile named '{name}'"
            there = f"there are {', '.join(known)}" if known else "the scenario has no stockpiles"
            faults.append(Fault(("stockpiles",), message, there))
    if faults:
        raise ScenarioError(faults)
    return found


def with_days(reading: Reading, days: Mapping[str, float], from_year: int | None) -> Reading:
    """The scenario in which stocks must last so many days, and what it asked for before.

    Raises ScenarioError for a year outside the horizon.
    """
    case, horizon = reading.case, reading.case.horizon
    first = horizon.first_year if from_year is None else from_year
    if first not in horizon.years:
        years = f"{horizon.first_year} to {horizon.last_year}"
        message = f"the year {first} lies outside the horizon"
        raise ScenarioError([Fault(("horizon",), message, f"write a year from {years}")])
    settings = []
    for pile in case.stockpiles:
        if pile.id in days:
            wanted = _at_least(pile, days[pile.id], first, case)
            by_year = ", ".join(f"{year}: {written(value)}" for year, value in wanted.items())
            settings.append(f"stockpiles.{pile.id}.min_days_of_demand={{{by_year}}}")
    return reading.changed(settings)


def _at_least(pile: Stockpile, days: float, first: int, case: Case) -> dict[int, float]:
    """Days in each year from the first with a rule: the greater of old and new."""
    old = pile.min_days_of_demand
    begins = case.horizon.first_year if old is None else old.first_year or case.horizon.first_year
    wanted: dict[int, float] = {}
    for year in case.horizon.years:
        before = old.at(year) if old is not None and year >= begins else 0.0
        now = days if year >= first else 0.0
        if wanted or max(before, now) > 0:
            wanted[year] = max(before, now)
    return wanted or {first: days}
