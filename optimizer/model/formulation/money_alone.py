"""The first stage with money as its objective: the dearest plan, the one of least spending, and the
one in which some carry most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.perspective import carried_and_started
from optimizer.model.instance import Instance, Stake


def add_dearest(model: Any) -> None:
    """Let the plan be sought whose net cost is highest."""
    model.objective = pyo.Objective(expr=-model.net_cost)


def add_least_spending(model: Any, instance: Instance, funders: Sequence[str]) -> None:
    """Let the plan be sought that uses least of these funders' budgets, over all years."""
    spent = [model.spend[f, year] for f in funders for year in instance.years]
    model.objective = pyo.Objective(expr=pyo.quicksum(spent) + model.nothing)


def add_greatest_stake(model: Any, instance: Instance, stake: Stake) -> None:
    """Let the plan be sought in which the funders of a stake carry most above its share, of at
    least one of its projects (H1)."""
    carried, started = carried_and_started(model, instance, stake)

    @model.Constraint(["any"], doc="one of the projects at least is started")
    def some_start(model: Any, _: str) -> Any:
        starts = [model.start[p, y] for p, y in instance.starts if p in stake.projects]
        return pyo.quicksum(starts) + model.nothing >= 1

    model.objective = pyo.Objective(expr=stake.share * started - carried + model.nothing)
