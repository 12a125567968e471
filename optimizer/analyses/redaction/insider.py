"""What somebody who knows all figures except one can infer from published results.

Such an insider is the strongest attacker: they compute the outcome of the true plan for other
values of the figure, and keep the values that reproduce the published results to the printed
precision.
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
"""Kinds of figures on which the outcome of a given plan depends."""


def with_figure_values(case: Case, values: Mapping[ScenarioFigure, float]) -> Case:
    """Return the scenario with other values of some figures."""
    changed_case: Any = case
    for figure, value in values.items():
        changed_case = _replace_value(changed_case, figure.path, figure.year, value)
    result: Case = changed_case
    return result


def _replace_value(item: Any, path: tuple[PathStep, ...], year: int | None, value: float) -> Any:
    if path:
        step, remaining_path = path[0], path[1:]
        if isinstance(item, BaseModel):
            inner_item = _replace_value(getattr(item, str(step)), remaining_path, year, value)
            return item.model_copy(update={str(step): inner_item})
        if isinstance(item, tuple):
            index = int(step)
            return (
                *item[:index],
                _replace_value(item[index], remaining_path, year, value),
                *item[index + 1 :],
            )
        return {**item, step: _replace_value(item[step], remaining_path, year, value)}
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
    """Evaluator of a published plan in scenarios that differ from one another in figures alone,
    with common states."""

    states: Sequence[State]
    plan: Plan
    """The published plan, which is followed."""

    @classmethod
    def for_plan(cls, case: Case, plan: Plan) -> OutcomeEvaluator:
        """Return an evaluator of a published plan that uses the states of a scenario."""
        return cls(read_states(read_instance(case)), plan)

    def chain_outcomes(self, case: Case, material: str) -> tuple[PlanEvaluation, PlanEvaluation]:
        """Return the outcomes of a material's chain, with the plan and without any."""
        instance = read_instance(case)
        # Recourse of one chain does not depend on another.
        chain_instance = instance.restrict_to_materials(chain_of(case, material))
        commitments = [commitment_from_plan(instance, self.plan), Commitment()]
        with_plan, without_plan = evaluate_commitments(
            chain_instance, self.states, commitments, threads=1
        )
        return with_plan, without_plan


@dataclass(frozen=True, eq=False)
class Insider:
    """The knowledge of somebody who has the true scenario except for one figure, and its plan as
    printed."""

    case: Case
    plan: Plan
    evaluator: OutcomeEvaluator

    def recover_range(
        self, figure: ScenarioFigure, low: float, high: float, *, by_consumer: bool = False
    ) -> tuple[Range, str | None]:
        """Return the range that published outcomes leave for the figure, and the result that
        narrows it most.

        The outcomes are the totals or, with ``by_consumer``, those of the consumer that owns the
        figure. The result is None if none narrows the range from ``low`` to ``high``.
        """
        material, owner, narrowest, result_name = figure.material, figure.owner, (low, high), None
        if material is None or figure.kind not in OUTCOME_KINDS:
            return narrowest, result_name
        plan_outcome = self.plan.outcome
        totals_by_result = {
            "outcome.without_plan.expected": (plan_outcome.without_plan.expected, 1),
            "outcome.expected": (plan_outcome.expected, 0),
        }
        if by_consumer:
            totals_by_result = {}
            for consumer in self.plan.consumers:
                if consumer.id == owner:
                    totals_by_result["consumers.expected_without_plan"] = (
                        consumer.expected_without_plan,
                        1,
                    )
                    totals_by_result["consumers.expected"] = consumer.expected, 0

        @cache
        def outcomes(x: float) -> tuple[PlanEvaluation, PlanEvaluation]:
            return self.evaluator.chain_outcomes(
                with_figure_values(self.case, {figure: x}), material
            )

        def damage(outcome_index: int, x: float) -> float:
            outcome = outcomes(x)[outcome_index]
            if by_consumer:
                return outcome.damage_by_consumer[owner]
            return chain_damage(outcome, self.case, material)

        # Damage may jump where the value equals that of another step, as their order changes.
        jump_points = [
            float(step.eur_per_t)
            for entry in self.case.damage
            if figure.kind == "damage_value" and entry.material == material
            for step in entry.steps
        ]
        for name, (total, outcome_index) in totals_by_result.items():
            # An insider can subtract the damage of other materials from the total.
            printed_total = round_as_printed(total)
            damage_at = partial(damage, outcome_index)
            target = printed_total - (total - damage_at(figure.value))
            fitting = find_fitting_range(
                damage_at, low, high, target, printed_slack(printed_total), jump_points
            )
            width = narrowest[1] - narrowest[0]
            if fitting is not None and fitting[1] - fitting[0] < width * (1 - 1e-6):
                narrowest, result_name = fitting, name
        return narrowest, result_name


def chain_damage(outcome: PlanEvaluation, case: Case, material: str) -> float:
    """Return the total damage of the materials in a material's chain.

    The total increases with the damage per tonne of each material. The damage of a single material
    may decrease, since tonnes move to where a shortage costs most.
    """
    return math.fsum(outcome.damage_by_material.get(name, 0.0) for name in chain_of(case, material))


def round_as_printed(value: float) -> float:
    """Return a total as a report prints it: whole from 100 on, else with three digits."""
    if abs(value) < ZERO_TOLERANCE:
        return 0.0
    return float(round(value)) if abs(value) >= 100 else round_significant(value)


def printed_slack(printed_total: float) -> float:
    """Return half a unit of the last digit of a printed total."""
    return max(0.5 if abs(printed_total) >= 100 else half_last_digit(printed_total), ZERO_TOLERANCE)
