"""A scenario with other figures, and what a given commitment leads to in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel

from models.faults import Step
from models.results import Plan
from models.scenario.case import Case
from models.scenario.quantities import Number, Yearly
from optimizer.analyses.redaction.hidden import Figure
from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON, Instance, group_of, read_instance
from optimizer.model.states import State, read_states
from optimizer.solve.outcomes import Evaluation, evaluate


def with_values(case: Case, values: Mapping[Figure, float]) -> Case:
    """The scenario with other values of some figures."""
    changed: Any = case
    for figure, value in values.items():
        changed = _put(changed, figure.path, figure.year, value)
    made: Case = changed
    return made


def _put(item: Any, path: tuple[Step, ...], year: int | None, value: float) -> Any:
    if not path:
        return _leaf(item, year, value)
    step, rest = path[0], path[1:]
    if isinstance(item, BaseModel):
        inner = _put(getattr(item, str(step)), rest, year, value)
        return item.model_copy(update={str(step): inner})
    if isinstance(item, tuple):
        at = int(step)
        return (*item[:at], _put(item[at], rest, year, value), *item[at + 1 :])
    return {**item, step: _put(item[step], rest, year, value)}


def _leaf(item: Any, year: int | None, value: float) -> Any:
    if isinstance(item, Yearly):
        if year is None:
            return Yearly((), (Number(value),))
        values = zip(item.years, item.values, strict=True)
        return Yearly(item.years, tuple(Number(value) if y == year else v for y, v in values))
    if isinstance(item, dict) and year is not None:
        return {**item, year: Number(value)}
    return Number(value)


@dataclass(frozen=True, eq=False)
class Published:
    """What a plan says was decided, so that it can be followed in another scenario."""

    plan: Plan

    def commitment(self, instance: Instance) -> Commitment:
        """The plan as a commitment; purchases in the lots of an instance."""
        start, share, market, offtake = {}, {}, {}, {}
        for project in self.plan.projects:
            p = project.id
            start[p], market[p] = project.start, project.market_share
            for carried in (project.shares, project.supports):
                share.update({(p, f, i): x for f, own in carried.items() for i, x in own.items()})
            if project.offtake_common > 0:
                offtake[p, COMMON] = project.offtake_common
            for company, x in project.offtake_by_company.items():
                offtake[p, group_of(company)] = x
        buy = {
            pile.id: np.array([pile.buy_t[str(year)] for year in instance.years])
            / instance.lot_t[pile.material]
            for pile in self.plan.stockpiles
        }
        return Commitment(start, share, market, offtake, buy)


@dataclass(frozen=True, eq=False)
class World:
    """The states of a scenario, in which others that differ in figures alone are looked at."""

    states: Sequence[State]
    published: Published

    @classmethod
    def of(cls, case: Case, plan: Plan) -> World:
        """The states of a scenario, and a plan that was published."""
        return cls(read_states(read_instance(case)), Published(plan))

    def outcome(self, case: Case, material: str) -> tuple[Evaluation, Evaluation]:
        """What comes of one material with the plan, and without any."""
        instance = read_instance(case)
        # Recourse of one material does not depend on another.
        nodes = tuple(node for node in instance.nodes if node.material == material)
        plan = self.published.commitment(instance)
        with_plan, without = evaluate(
            replace(instance, nodes=nodes), self.states, [plan, Commitment()], threads=1
        )
        return with_plan, without
