"""Options of a stress test."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses.options import CliFlag, ScenarioOptions, SolveOptions
from optimizer.errors import Misuse

_EVENT_PATTERN = re.compile(
    r"(?P<hazard>\S+)\s+(?P<year>\d{1,5})(?:\.(?P<period>[1-9]\d{0,2}))?"
    r"(?:\s+for\s+(?P<count>[1-9]\d{0,3})\s+(?P<unit>period|quarter|month|year)s?)?"
    r"(?:\s+at\s+(?P<loss>\d{1,3}(?:\.\d{1,9})?)\s*%)?"
)


class HazardEvent(NamedTuple):
    """A hazard, when it starts, and how long it lasts."""

    hazard: str
    year: int
    period: Annotated[int, Field(ge=1)] = 1
    """Period of the year, from 1."""
    length: Annotated[int, Field(ge=1)] | None = None
    """Length in ``unit``; None for the length of the hazard's profile."""
    unit: Literal["period", "quarter", "month", "year"] = "period"
    """Unit of ``length``."""
    loss: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of affected supply that is lost in each period; None for the losses of the profile."""


def parse_events(texts: tuple[str, ...]) -> tuple[HazardEvent, ...]:
    """Return the events that texts such as 'HAZARD 2027 for 2 years' state; raise ValueError if one
    does not parse."""
    events = []
    for text in texts:
        match = _EVENT_PATTERN.fullmatch(text.strip())
        share = None if match is None or match["loss"] is None else float(match["loss"]) / 100
        if match is None or (share is not None and share > 1):
            message = tr(
                "'{value}' is not such as 'HAZARD 2027', 'HAZARD 2027.2 for 8 quarters' or 'HAZARD "
                "2027 for 2 years at 100 %'.",
                value=text,
            )
            raise ValueError(message)
        unit: Any
        hazard, year, period, count, unit, _ = match.groups()
        length = None if count is None else int(count)
        events.append(
            HazardEvent(hazard, int(year), int(period or 1), length, unit or "period", share)
        )
    return tuple(events)


class StressOptions(ScenarioOptions, SolveOptions):
    """Show period by period what a disruption does, without the plan and with it.

    FILE_OR_PLAN is a scenario file, whose best plan is solved first, or a saved plan: a plan.json
    or the folder it is in.
    """

    exit_code_help = (
        "Exit codes: 0 done; 1 the plan was stopped by a limit; 2 wrong usage or input; 3 no plan "
        "keeps all rules; 4 no plan before the limit; 5 failure; 130 interrupted."
    )
    out_help = (
        "Write stress.json into this folder as well, and the plan as plan/plan.json if solved."
    )
    supported_options = ("gap", "time_limit", "threads")

    events: Annotated[
        tuple[HazardEvent, ...],
        CliFlag("'HAZARD YEAR[.PERIOD] [for N UNITS] [at SHARE%]'", "--event", parse_events),
    ] = ()
    """A hazard of the scenario strikes in this year, or in this period of it; for so many periods,
    quarters, months or years, or as long as its effects say; with this loss throughout, or with
    those of its effects; may be given often. One with profiles is named as HAZARD.PROFILE."""
    state: Annotated[str, CliFlag("NAME")] | None = None
    """Test this explicit state of the scenario, by its name or its number."""
    plan: Annotated[str, CliFlag("PLAN")] | None = None
    """Take this saved plan instead of solving the scenario file."""

    @model_validator(mode="after")
    def _check_combination(self) -> StressOptions:
        if bool(self.events) == (self.state is not None):
            raise Misuse(tr("Say what comes: either --event or --state."))
        return self
