"""The root model of a scenario file."""

from __future__ import annotations

from pydantic import ValidationInfo, model_validator

from models.faults import ScenarioError
from models.scenario import references
from models.scenario.sections import Sections


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
