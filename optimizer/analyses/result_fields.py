"""Fields that results of several analyses share."""

import time
from typing import Any

from models.base import display_name
from models.language import current_language
from models.results import WithoutPlan
from models.results.base import TitledDocument
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import CheckedSolution, input_hash
from optimizer.solve.plan_document import MEASURE_UNITS, solved_scenario_json
from optimizer.solve.planner import package_versions


def common_result_fields(
    result: type[TitledDocument],
    case: Case,
    title: str | None,
    variant: str | None,
    start_time: float | None = None,
    state_count: int | None = None,
    gap_target: float | None = None,
) -> dict[str, Any]:
    """Return those common fields of results that the class ``result`` has, by name.

    ``case`` is the scenario as it was solved; its title is used if ``title`` is None.
    ``start_time`` is the value of ``time.perf_counter()`` at the start of the analysis; if it is
    None, ``seconds`` is left out.
    """
    objective = case.objective
    common_fields: dict[str, Any] = {
        "title": title or display_name(case.title, "scenario", current_language()),
        "variant": variant,
        "currency": case.currency,
        "measure": objective.measure,
        "unit": MEASURE_UNITS[objective.measure].format(currency=case.currency),
        "cvar_level": float(objective.cvar.level),
        "states": state_count,
        "gap_target": gap_target,
        "input_sha256": input_hash(case),
        "versions": package_versions(),
        "scenario": solved_scenario_json(case, variant),
    }
    if start_time is not None:
        common_fields["seconds"] = time.perf_counter() - start_time
    return {name: value for name, value in common_fields.items() if name in result.model_fields}


MIN_TONNES_HELD = 1e-6
"""Tonnes up to which a stock counts as empty."""


def largest_stocks(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Return the largest stock in tonnes that each stockpile holds; stockpiles that stay empty are
    left out."""
    stocks = {
        h: float(planned_stock(instance, commitment, h).max())
        * instance.lot_tonnes[stockpile.material]
        for h, stockpile in instance.stockpiles.items()
    }
    return {h: tonnes for h, tonnes in stocks.items() if tonnes > MIN_TONNES_HELD}


def outcome_without_plan(solution: CheckedSolution) -> WithoutPlan:
    """Return the mean, CVaR and maximum of damage without any plan."""
    outcome, level = solution.without_plan, float(solution.instance.case.objective.cvar.level)
    return WithoutPlan(expected=outcome.expected, cvar=outcome.cvar(level), worst=outcome.worst)
