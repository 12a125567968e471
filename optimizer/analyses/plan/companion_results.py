"""Companion results of a plan: their kinds, and whether a result belongs to a plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from models.results import (
    Disagreement,
    Evaluation,
    Explanation,
    Frontier,
    Plan,
    Result,
    Sensitivity,
    Split,
    Stress,
    Waiting,
)

OBJECTIVE_TOLERANCE = 1e-6
"""Relative difference up to which two objectives count as those of the same plan."""


@dataclass(frozen=True)
class CompanionResults:
    """Results of other analyses that the document of a plan includes, by kind.

    A tuple field can hold several results. A new kind needs a field here and sections, for example
    by an entry in ``document.COMPANION_SECTIONS``.
    """

    frontier: Frontier | None = None
    split: Split | None = None
    stress: tuple[Stress, ...] = ()
    evaluation: Evaluation | None = None
    explanation: Explanation | None = None
    sensitivity: Sensitivity | None = None
    disagreement: Disagreement | None = None
    waiting: Waiting | None = None

    @property
    def available(self) -> dict[str, Any]:
        """The results that are present, by kind."""
        named_results = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {kind: result for kind, result in named_results if result}


COMPANION_KINDS = tuple(field.name for field in fields(CompanionResults))
REPEATABLE_KINDS = tuple(x.name for x in fields(CompanionResults) if isinstance(x.default, tuple))
"""Kinds of which a plan can have several."""


def group_by_kind(results: Iterable[Result]) -> dict[str, Any]:
    """Return results by kind, as arguments for :class:`CompanionResults`.

    Results of other kinds are left out.
    """
    by_kind: dict[str, Any] = {}
    for result in results:
        kind = result_kind(result)
        if kind in REPEATABLE_KINDS:
            by_kind[kind] = (*by_kind.get(kind, ()), result)
        elif kind in COMPANION_KINDS:
            by_kind[kind] = result
    return by_kind


def result_kind(result: Result) -> str:
    """Return the kind of a result, such as ``frontier``."""
    return type(result).__name__.lower()


def find_mismatch(result: Result, plan: Plan) -> Literal["", "scenario", "plan"]:
    """Return why a result does not belong to a plan, or an empty text if it does.

    ``"scenario"`` means that it was computed for another scenario, and ``"plan"`` for another plan
    of the same scenario.
    """
    if isinstance(result, Frontier):
        return "" if _same_scenario_except(result.varied, result, plan) else "scenario"
    if isinstance(result, Waiting) and plan.review is None:  # its scenario has a review
        return "" if _same_scenario_except("review", result, plan) else "scenario"
    if getattr(result, "input_sha256", None) != plan.certificate.input_sha256:
        return "scenario"
    plan_objective, objective = _plan_objective(result), plan.certificate.objective
    if plan_objective is None:
        return ""
    tolerance = OBJECTIVE_TOLERANCE * max(1.0, abs(plan_objective))
    return "" if abs(plan_objective - objective) <= tolerance else "plan"


def _plan_objective(result: Result) -> float | None:
    """Return the objective of the plan to which a result refers; None if it refers to a scenario
    only."""
    match result:
        case Evaluation():
            return result.own_objective
        case Explanation():
            return result.objective
        case Sensitivity():
            return result.own.objective
        case Stress():
            return result.plan_objective
    return None


def _same_scenario_except(path: str, result: Frontier | Waiting, plan: Plan) -> bool:
    """Return whether a result and a plan have the same scenario but for its variants and the value
    at ``path``; False if either does not carry its scenario."""
    contents = []
    for content in (plan.scenario, result.scenario):
        if content is None:
            return False
        contents.append(_without_value_at(json.loads(json.dumps(content)), path.split(".")))
        contents[-1].pop("variants", None)
    return bool(contents[0] == contents[1])


def _without_value_at(content: Any, steps: Sequence[str]) -> Any:
    """Return nested mappings without the value at a path.

    Mappings that become empty are removed.
    """
    if isinstance(content, dict) and content.get(steps[0]) is not None:
        value = content.pop(steps[0])
        if len(steps) > 1 and (remainder := _without_value_at(value, steps[1:])):
            content[steps[0]] = remainder
    return content
