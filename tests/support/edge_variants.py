"""The same planning situation in other words.

Each wording changes a file so that its optimum stays as it is, or grows by a known factor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

Raw = dict[str, Any]
Changed = tuple[Raw, float]
"""A changed file, and the objective's factor."""

MASS = re.compile(r"(.*_)?t(_per_(year|period))?")


def scaled(node: Any, factor_of: Callable[[str], float], factor: float = 1.0) -> Any:
    """A file whose numbers are multiplied by the factor of the innermost key that has one."""
    if isinstance(node, Mapping):
        return {
            key: scaled(
                value, factor_of, (factor_of(key) if isinstance(key, str) else 1.0) * factor
            )
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [scaled(value, factor_of, factor) for value in node]
    number = isinstance(node, (int, float)) and not isinstance(node, bool)
    return node * factor if number and factor != 1.0 else node


def in_thousands(raw: Raw) -> Changed:
    """Money in thousands where the file has millions."""
    raw = scaled(raw, lambda key: 1e3 if "eur_per_t" in key or key.endswith("_meur") else 1.0)
    if raw["objective"]["measure"] == "damage":
        return raw, 1e3
    raw["objective"]["cost_weight"] /= 1e3
    return raw, 1.0


def in_kilograms(raw: Raw) -> Changed:
    """Mass in kilograms where the file has tonnes."""

    def factor(key: str) -> float:
        if "eur_per_t" in key:
            return 1e-3
        return 1e3 if MASS.fullmatch(key) else 1.0

    raw = scaled(raw, factor)
    if raw["objective"]["measure"] != "tonnes":
        return raw, 1.0
    raw["objective"]["cost_weight"] *= 1e3
    return raw, 1e3


def with_a_state_in_halves(raw: Raw) -> Changed | None:
    """The first state twice, each with half its probability."""
    states = raw.get("uncertainty", {}).get("states")
    if not states:
        return None
    states[0]["probability"] /= 2
    states.append(deepcopy(states[0]))
    return raw, 1.0


def with_a_twin(raw: Raw) -> Changed | None:
    """The first project twice, of which one at most can be built."""
    uncertainty, projects = raw.get("uncertainty", {}), raw["projects"]
    if not projects:
        return None
    one = next(iter(projects))
    certain = (
        projects[one].get("success_probability", 1) == 1 and "delay_years" not in projects[one]
    )
    if "sample" in uncertainty and not certain:
        return None  # a project's luck is drawn by its name
    twin = "twin"
    for project in projects.values():
        if one in project.get("excludes", ()):
            project["excludes"] = [*project["excludes"], twin]
    projects[twin] = deepcopy(projects[one])
    projects[twin]["excludes"] = [*projects[twin].get("excludes", ()), one]
    for state in uncertainty.get("states", ()):
        if one in state.get("failed_projects", ()):
            state["failed_projects"] = [*state["failed_projects"], twin]
        if one in state.get("delayed_projects", {}):
            state["delayed_projects"][twin] = state["delayed_projects"][one]
    if one in raw["policy"].get("must_not_build", ()):
        raw["policy"]["must_not_build"] = [*raw["policy"]["must_not_build"], twin]
    return raw, 1.0


WORDINGS: dict[str, Callable[[Raw], Changed | None]] = {
    "in thousands": in_thousands,
    "in kilograms": in_kilograms,
    "a state in halves": with_a_state_in_halves,
    "with a twin": with_a_twin,
}
