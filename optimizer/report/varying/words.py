"""Names, units and numbers that frontiers and targets share."""

from __future__ import annotations

from collections.abc import Iterable

from models.base import named
from models.language import language, tr
from models.results import Frontier, Target
from models.scenario.case import Case
from optimizer.report.figures import NONE, clean, number

Varied = Frontier | Target

BUDGET = "policy.budget_meur"
TAIL = "objective.cvar.weight"


def case_of(result: Varied) -> Case | None:
    """The scenario that a result carries, if it does."""
    if isinstance(result, Frontier):
        return result.case
    return None if result.plan is None else result.plan.case


def title(result: Varied) -> str:
    """The title of the scenario in the current language."""
    case = case_of(result)
    return clean(named(None if case is None else case.title, result.title, language()))


def million(currency: str) -> str:
    """The unit of money."""
    return tr("million {currency}", currency=currency)


def outcome_unit(result: Varied) -> str:
    """The unit of damage."""
    if result.measure == "damage":
        return million(result.currency)
    return tr("t") if result.measure == "tonnes" else tr("years of demand")


def value_unit(result: Varied) -> str:
    """The unit of the varied number; empty where its name does not tell."""
    unit = result.varied_unit
    if unit is None:
        return ""
    if unit.startswith("million"):
        return million(result.currency)
    return tr("t") if unit == "t" else tr("years")


def called(result: Varied) -> str:
    """The varied number in words; its path where there are none."""
    if result.varied == BUDGET:
        return tr("public budget")
    if result.varied == TAIL:
        return tr("weight of the tail")
    steps = result.varied.split(".")
    if len(steps) == 3 and steps[0] == "funders" and steps[2] == "budget_meur":
        return tr("its own budget: {funder}", funder=funder_name(result, steps[1]))
    return result.varied


def headed(result: Varied) -> str:
    """The varied number as the head of a column."""
    unit = value_unit(result)
    name = called(result)
    # A long path is broken at its dots.
    name = name[:1].upper() + name[1:] if name != result.varied else name.replace(".", ". ")
    return f"{name}, {unit}" if unit else name


def amount(value: float | None, unit: str) -> str:
    """A number and its unit."""
    return f"{number(value)} {unit}" if unit and value is not None else number(value)


def values(result: Varied, several: Iterable[float]) -> list[str]:
    """Values of the varied number: as many decimals as tell them apart, six at most."""
    several = list(several)
    if result.varied.endswith("_year"):
        return [f"{value:g}" for value in several]
    for places in range(4):
        if all(abs(round(value, places) - value) < 1e-9 for value in several):
            return [number(value, places) for value in several]
    cells: list[str] = []
    for places in range(2, 7):
        cells = [number(value, places) for value in several]
        if len(set(cells)) == len(set(several)):
            break
    return cells


def span(low: str, high: str) -> str:
    """From one value to another."""
    return tr("{low} to {high}", low=low, high=high)


def damage(result: Varied) -> str:
    """What is counted, in a word."""
    return tr("damage") if result.measure == "damage" else tr("shortage")


def project_name(frontier: Frontier, project: str) -> str:
    """The name of a project in the current language."""
    case = frontier.case
    if case is not None and project in case.projects:
        return clean(named(case.projects[project].name, project, language()))
    return clean(frontier.project_names.get(project, project))


def stockpile_name(result: Varied, stockpile: str) -> str:
    """The name of a stockpile in the current language."""
    case = case_of(result)
    for pile in () if case is None else case.stockpiles:
        if pile.id == stockpile:
            return clean(named(pile.name, stockpile, language()))
    names = result.stockpile_names if isinstance(result, Frontier) else {}
    return clean(names.get(stockpile, stockpile))


def funder_name(result: Varied, funder: str) -> str:
    """The name of a funder in the current language."""
    case = case_of(result)
    if case is not None and funder in case.funders:
        return clean(named(case.funders[funder].name, funder, language()))
    return clean(funder)


def joined(names: Iterable[str]) -> str:
    """Names in one cell."""
    return ", ".join(names) or NONE
