"""Rules in Python for functions of the interface: the argument ``extra``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from models.scenario.references import Case
from optimizer.model.rule_declaration import ExtraRules, applying
from vorrat.scenario import Scenario

ExtraFunction = Callable[[Any, Scenario], object]
"""Function that adds Pyomo constraints over first-stage variables to its first argument, the model.
Its second argument is the scenario with the figures of the model, such as those of a set."""


def applying_extra(
    extra: ExtraFunction | None, scenario: Scenario | None
) -> AbstractContextManager[None]:
    """Return a context in which all problems have the rules of a function, if there is one.

    ``scenario`` is passed to the function with the figures of each problem.
    """
    if extra is None:
        return applying(None)

    def add(model: Any, case: Case) -> None:
        given: Any = scenario
        if scenario is not None:
            given = replace(scenario, reading=replace(scenario.reading, case=case))
        extra(model, given)

    return applying(ExtraRules.of(extra, add))
