"""The head of a result: what every analysis says of the scenario, and how long it took."""

import time
from typing import Any

from models.base import named
from models.language import language
from models.results.base import Titled
from models.scenario.case import Case
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.plan_document import UNITS, as_solved
from optimizer.solve.planner import versions


def head(
    result: type[Titled],
    case: Case,
    title: str | None,
    variant: str | None,
    began: float | None = None,
    states: int | None = None,
    gap: float | None = None,
) -> dict[str, Any]:
    """The fields that results have in common, by name: of ``result``, those that it has.

    ``case`` is the scenario as it was solved, whose own title counts without another. ``began`` is
    what ``time.perf_counter()`` said when the analysis began; without it ``seconds`` are left out.
    """
    objective = case.objective
    common: dict[str, Any] = {
        "title": title or named(case.title, "scenario", language()),
        "variant": variant,
        "currency": case.currency,
        "measure": objective.measure,
        "unit": UNITS[objective.measure].format(currency=case.currency),
        "cvar_level": float(objective.cvar.level),
        "states": states,
        "gap_target": gap,
        "input_sha256": input_hash(case),
        "versions": versions(),
        "scenario": as_solved(case, variant),
    }
    if began is not None:
        common["seconds"] = time.perf_counter() - began
    return {name: value for name, value in common.items() if name in result.model_fields}
