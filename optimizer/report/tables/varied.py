"""Plans at several values of a number, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.results import Frontier
from optimizer.report.tables.frame import frame

if TYPE_CHECKING:
    import pandas as pd


def points(frontier: Frontier) -> pd.DataFrame:
    """One row a value: what can be had there, and what changes against the value before.

    ``low`` and ``high`` bound what each further unit of the number avoids since the value before;
    None where that is not known.
    """
    steps = {step.to_value: step for step in frontier.steps}
    rows = []
    for point in frontier.points:
        step = steps.get(point.value)
        marginal = step.marginal if step is not None else None
        rows.append(
            {
                "value": point.value,
                "status": point.status,
                "expected": point.expected,
                "expected_bound": point.expected_bound,
                "cvar": point.cvar,
                "worst": point.worst,
                "net_cost_meur": point.net_cost_meur,
                "public_meur": point.public_meur,
                "projects": len(point.projects),
                "avoided": step.avoided if step is not None else None,
                "low": marginal.low if marginal is not None else None,
                "high": marginal.high if marginal is not None else None,
                "jump": step is not None and step.jump,
                "entering": step.entering if step is not None else (),
                "leaving": step.leaving if step is not None else (),
            }
        )
    columns = ["value", "status", "expected", "expected_bound", "cvar", "worst", "net_cost_meur"]
    columns += ["public_meur", "projects", "avoided", "low", "high", "jump", "entering", "leaving"]
    return frame(rows, columns)
