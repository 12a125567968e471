"""A scenario with other figures, and what somebody who knows all but one of them learns of it.

Such an insider, for whom results do their worst, computes what the true plan would lead to if the
figure were another, and keeps the values that agree with what was published, as far as it was
printed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from pydantic import BaseModel

from models.faults import PathStep
from models.results import Plan
from models.scenario.case import Case
from models.scenario.chains import chain_of
from models.scenario.quantities import Number, YearlyQuantity
from optimizer.analyses.redaction.hidden_figures import (
    ScenarioFigure,
    half_last_digit,
    round_significant,
)
from optimizer.analyses.redaction.ranges import ZERO_TOLERANCE, Range, find_fitting_range
from optimizer.model.commitment import Commitment
from optimizer.model.instance import read_instance
from optimizer.model.states import State, read_states
from optimizer.solve.outcomes import PlanEvaluation, evaluate_commitments
from optimizer.solve.plan_document import commitment_from_plan

OUTCOME_KINDS = ("demand", "damage_value", "stock")
"""Kinds that the outcome of a given plan depends on, each by itself."""


def with_figure_values(case: Case, values: Mapping[ScenarioFigure, float]) -> Case:
    """The scenario with other values of some figures."""
    changed: Any = case
    for figure, value in values.items():
        changed = _replace_value(changed, figure.path, figure.year, value)
    made: Case = changed
    return made


def _replace_value(item: Any, path: tuple[PathStep, ...], year: int | None, value: float) -> Any:
    if path:
        step, rest = path[0], path[1:]
        if isinstance(item, BaseModel):
            inner = _replace_value(getattr(item, str(step)), rest, year, value)
            return item.model_copy(update={str(step): inner})
        if isinstance(item, tuple):
            at = int(step)
            return (*item[:at], _replace_value(item[at], rest, year, value), *item[at + 1 :])
        return {**item, step: _replace_value(item[step], rest, year, value)}
    if year is None:
        return (
            YearlyQuantity((), (Number(value),))
            if isinstance(item, YearlyQuantity)
            else Number(value)
        )
    if isinstance(item, YearlyQuantity):
        values = zip(item.years, item.values, strict=True)
        return YearlyQuantity(
            item.years, tuple(Number(value) if y == year else v for y, v in values)
        )
    return {**item, year: Number(value)}


@dataclass(frozen=True, eq=False)
class OutcomeEvaluator:
    """The states of a scenario, in which others that differ in figures alone are looked at."""

    states: Sequence[State]
    plan: Plan
    """That was published, and is followed."""

    @classmethod
    def for_plan(cls, case: Case, plan: Plan) -> OutcomeEvaluator:
        """The states of a scenario, and a plan that was published."""
        return cls(read_states(read_instance(case)), plan)

    def material_outcome(self, case: Case, material: str) -> tuple[PlanEvaluation, PlanEvaluation]:
        """What comes of one material, and of those tied to it, with the plan and without any."""
        instance = read_instance(case)
        # Recourse of one chain does not depend on another.
        own = instance.restrict_to_materials(chain_of(case, material))
        both = [commitment_from_plan(instance, self.plan), Commitment()]
        with_plan, without = evaluate_commitments(own, self.states, both, threads=1)
        return with_plan, without


@dataclass(frozen=True, eq=False)
class Insider:
    """Somebody who knows the true scenario but for one figure, and a plan of it as printed."""

    case: Case
    plan: Plan
    evaluator: OutcomeEvaluator

    def recover_range(
        self, figure: ScenarioFigure, low: float, high: float, *, by_consumer: bool = False
    ) -> tuple[Range, str | None]:
        """The range that the outcome of all together leaves, or that of the figure's consumer, and
        the result that tells most."""
        material, owner, found, by = figure.material, figure.owner, (low, high), None
        if material is None or figure.kind not in OUTCOME_KINDS:
            return found, by
        total_of = self.plan.outcome
        results = {
            "outcome.without_plan.expected": (total_of.without_plan.expected, 1),
            "outcome.expected": (total_of.expected, 0),
        }
        if by_consumer:
            results = {}
            for one in (one for one in self.plan.consumers if one.id == owner):
                results["consumers.expected_without_plan"] = one.expected_without_plan, 1
                results["consumers.expected"] = one.expected, 0

        @cache
        def outcomes(x: float) -> tuple[PlanEvaluation, PlanEvaluation]:
            return self.evaluator.material_outcome(
                with_figure_values(self.case, {figure: x}), material
            )

        def outcome(which: int, x: float) -> float:
            one = outcomes(x)[which]
            return (
                one.damage_by_consumer[owner]
                if by_consumer
                else tied_damage(one, self.case, material)
            )

        # Whose tonnes are missing first changes where a value meets that of another step.
        ties = [
            float(step.eur_per_t)
            for entry in self.case.damage
            if figure.kind == "damage_value" and entry.material == material
            for step in entry.steps
        ]
        for name, (total, which) in results.items():
            # What other materials add to the total is known to an insider, and taken off.
            printed = round_as_printed(total)
            target, told = printed - (total - outcome(which, figure.value)), partial(outcome, which)
            fits = find_fitting_range(told, low, high, target, printed_slack(printed), ties)
            if fits is not None and fits[1] - fits[0] < (found[1] - found[0]) * (1 - 1e-6):
                found, by = fits, name
        return found, by


def tied_damage(outcome: PlanEvaluation, case: Case, material: str) -> float:
    """Damage of a material and of those tied to it: it rises with the value of any of them, while
    that of one alone may fall, since tonnes go where they are missed most."""
    return math.fsum(outcome.damage_by_material.get(name, 0.0) for name in chain_of(case, material))


def round_as_printed(value: float) -> float:
    """A total as a report prints it: whole from 100 on, else with three digits."""
    if abs(value) < ZERO_TOLERANCE:
        return 0.0
    return float(round(value)) if abs(value) >= 100 else round_significant(value)


def printed_slack(printed: float) -> float:
    """Half of the last digit that a printed total has."""
    return max(0.5 if abs(printed) >= 100 else half_last_digit(printed), ZERO_TOLERANCE)
