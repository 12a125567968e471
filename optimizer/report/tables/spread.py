"""How the outcome is spread over the states of the world, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.results import Plan
from optimizer.report.tables.frame import frame

if TYPE_CHECKING:
    import pandas as pd


def quantiles(plan: Plan) -> pd.DataFrame:
    """One row a level: least outcome not exceeded with this probability, in the measure's unit."""
    spread = plan.outcome.distribution
    columns = ["level", "without_plan", "with_plan", "avoided"]
    if spread is None:
        return frame([], columns)
    rows = zip(spread.levels, spread.without_plan, spread.with_plan, spread.avoided, strict=True)
    return frame((dict(zip(columns, row, strict=True)) for row in rows), columns)


def avoided(plan: Plan, low: float = 0.05, high: float = 0.95) -> tuple[float, float, float] | None:
    """Expected outcome avoided, and its quantiles at two levels; None without a distribution."""
    spread = plan.outcome.distribution
    if spread is None:
        return None
    by_level = {
        round(level, 4): value for level, value in zip(spread.levels, spread.avoided, strict=True)
    }
    mean = plan.outcome.without_plan.expected - plan.outcome.expected
    return mean, by_level[round(low, 4)], by_level[round(high, 4)]
