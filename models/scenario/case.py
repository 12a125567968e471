"""The root model of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationInfo, model_validator

from models.faults import ScenarioError
from models.scenario import references
from models.scenario.quantities import YearlyQuantity
from models.scenario.sections import Sections


def child_at(node: Any, step: str) -> Any:
    """Return the part of a scenario that one step of a dotted path leads to; None if there is none.

    ``node`` is the scenario or a part of it.
    """
    index = int(step) if step.isdecimal() else None
    if isinstance(node, YearlyQuantity):
        return next(
            (x for year, x in zip(node.years, node.values, strict=True) if year == index), None
        )
    if isinstance(node, Mapping):
        return node.get(step, node.get(index))
    if isinstance(node, tuple):
        item_with_id = next((item for item in node if getattr(item, "id", None) == step), None)
        return item_with_id or (node[index] if index is not None and index < len(node) else None)
    return getattr(node, step, None) if step in getattr(type(node), "model_fields", {}) else None


class Case(Sections):
    """The content of one scenario file, with valid references between its sections."""

    @model_validator(mode="after")
    def _check_references(self, info: ValidationInfo) -> Case:
        if info.context and info.context.get("references_checked_elsewhere"):
            return self
        all_faults = references.check_references(self)
        faults = [fault for fault in all_faults if fault.severity == "error"]
        if faults:
            raise ValueError(str(ScenarioError(faults)))
        return self
