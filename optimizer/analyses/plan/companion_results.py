"""Results that go with a plan: which kinds there are, and whether a result is of that plan."""

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
"""How far the objective of a plan may be from that of the plan a result is of, as a share."""


@dataclass(frozen=True)
class CompanionResults:
    """Results that go with a plan, by kind; of a kind that is a tuple there may be several.

    A new kind takes a field here, and what it shows a line in ``document.SECTIONS``.
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
        """What there is, by kind."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {kind: found for kind, found in pairs if found}


COMPANION_KINDS = tuple(field.name for field in fields(CompanionResults))
REPEATABLE_KINDS = tuple(
    field.name for field in fields(CompanionResults) if isinstance(field.default, tuple)
)
"""Kinds of which several go with one plan."""


def group_by_kind(results: Iterable[Result]) -> dict[str, Any]:
    """What goes with a plan among some results, as the fields of :class:`Beside`."""
    found: dict[str, Any] = {}
    for result in results:
        kind = result_kind(result)
        if kind in REPEATABLE_KINDS:
            found[kind] = (*found.get(kind, ()), result)
        elif kind in COMPANION_KINDS:
            found[kind] = result
    return found


def result_kind(result: Result) -> str:
    """The kind of a result, as its document states it."""
    return type(result).__name__.lower()


def find_mismatch(result: Result, plan: Plan) -> Literal["", "scenario", "plan"]:
    """In what a result differs from a plan that it was given with: it was computed for another
    scenario, or for another plan of it; nothing where it goes with the plan."""
    if isinstance(result, Frontier):
        return "" if _same_scenario_except(result.varied, result, plan) else "scenario"
    if isinstance(result, Waiting) and plan.review is None:  # of the same without its review
        return "" if _same_scenario_except("review", result, plan) else "scenario"
    if getattr(result, "input_sha256", None) != plan.certificate.input_sha256:
        return "scenario"
    own, objective = _plan_objective(result), plan.certificate.objective
    return (
        ""
        if own is None or abs(own - objective) <= OBJECTIVE_TOLERANCE * max(1.0, abs(own))
        else "plan"
    )


def _plan_objective(result: Result) -> float | None:
    """The objective of the plan that a result is of; None of one that is of a scenario alone."""
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
    """Whether a result is of the scenario of a plan, but for what stands at a path there."""
    pair = []
    for content in (plan.scenario, result.scenario):
        if content is None:
            return False
        pair.append(_without_value_at(json.loads(json.dumps(content)), path.split(".")))
        pair[-1].pop("variants", None)
    return bool(pair[0] == pair[1])


def _without_value_at(content: Any, steps: Sequence[str]) -> Any:
    """Nested mappings without a value, and without mappings that are empty then."""
    if isinstance(content, dict) and content.get(steps[0]) is not None:
        value = content.pop(steps[0])
        if len(steps) > 1 and (inside := _without_value_at(value, steps[1:])):
            content[steps[0]] = inside
    return content
