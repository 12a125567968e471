"""What a frontier may be asked."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses.options import (
    Count,
    Flag,
    Number,
    Pair,
    Positive,
    SolveOptions,
)
from optimizer.analyses.variation import Varied
from optimizer.errors import Misuse


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise ValueError(tr("'{value}' is not a list such as 0,250,500.", value=text))
    return found


class FrontierOptions(Varied, SolveOptions):
    """Draw damage against a budget, or any number of the scenario FILE; each point is a plan."""

    exits = (
        "Exit codes: 0 all points solved to the gap, or proven to have no plan; 1 some "
        "stopped by a limit or by the user; 2 wrong usage or input; 3 no plan keeps all "
        "rules at any point; 4 no plan before the limit at any point; 5 failure; 130 "
        "interrupted with nothing to keep."
    )
    out = "Write frontier.json and plans/VALUE/plan.json into this folder as well."

    heeded = ("gap", "time_limit", "threads", "jobs")

    tail: bool = False
    """Vary the weight of the tail, objective.cvar.weight, from 0 to 1: mean against CVaR."""
    first: Annotated[Number, Flag("VALUE", "--from")] | None = None
    """Lowest value; 0 if not given."""
    last: Annotated[Number, Flag("VALUE", "--to")] | None = None
    """Highest value; for a budget, if not given, that from which on nothing more is bought."""
    points: Pair = 11
    """How many values, equally far apart."""
    values: (
        Annotated[tuple[Number, ...], Field(min_length=1), Flag("A,B,...", parse=_numbers)] | None
    ) = None
    """These values instead of a range."""
    refine: Count = 0
    """So many more points where the curve jumps or bends most."""
    jobs: Positive | None = None
    """Points that are solved side by side, each by one process; if not given one after the other,
    or on all workers of --scheduler."""

    @model_validator(mode="after")
    def _fit(self) -> FrontierOptions:
        if self.values is not None and (self.first is not None or self.last is not None):
            raise Misuse(tr("--values and --from or --to exclude each other."))
        if self.tail and (self.vary is not None or self.funder is not None):
            raise Misuse(tr("--tail varies a number of its own."))
        return self

    @property
    def begins(self) -> float:
        """The lowest value."""
        return self.first or 0.0
