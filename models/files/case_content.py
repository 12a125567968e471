"""Reading of a scenario from its content, such as that of a plan."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from models.files.reading import LoadedScenario, read_case_text
from models.scenario.hazards import State, TableStates

MAX_STATES_IN_TEXT = 100
"""More states than these are not converted to a text, which would take long."""


def read_case_data(data: Mapping[str, Any] | None, name: str) -> LoadedScenario:
    """Read a scenario from its content, such as that of a plan; ``name`` stands for the file name.

    Raises ScenarioError with all faults.
    """
    content = dict(data) if data is not None else None
    uncertainty = content.get("uncertainty") if content is not None else None
    written_states = uncertainty.get("states") if isinstance(uncertainty, dict) else None
    states = None
    if isinstance(written_states, list) and len(written_states) > MAX_STATES_IN_TEXT:
        with suppress(ValidationError):  # a text has locations for the faults
            states = TableStates(State.model_validate(state) for state in written_states)
            content = {**(content or {}), "uncertainty": {**(uncertainty or {}), "states": None}}
    return read_case_text(json.dumps(content), name, states=states)
