"""Figures of plans that several analyses report."""

from models.results import WithoutPlan
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import CheckedSolution

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
