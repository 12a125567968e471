"""The first stage with money as its objective: the dearest plan, and the one of least spending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from optimizer.instance import Instance


def add_dearest(model: Any) -> None:
    """Let the plan be sought whose net cost is highest."""
    model.objective = pyo.Objective(expr=-model.net_cost)


def add_least_spending(model: Any, instance: Instance, funders: Sequence[str]) -> None:
    """Let the plan be sought that uses least of these funders' budgets, over all years."""
    spent = [model.spend[f, year] for f in funders for year in instance.years]
    model.objective = pyo.Objective(expr=pyo.quicksum(spent) + model.nothing)
