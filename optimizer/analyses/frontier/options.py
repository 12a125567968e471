"""Options of a frontier."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses.options import (
    CliFlag,
    Count,
    CountFromTwo,
    Number,
    PositiveCount,
    SolveOptions,
)
from optimizer.analyses.variation import VariedNumberOptions
from optimizer.errors import Misuse


def _parse_numbers(text: str) -> tuple[float, ...]:
    """Parse numbers separated by commas."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(tr("'{value}' is not a list such as 0,250,500.", value=text))
    return numbers


class FrontierOptions(VariedNumberOptions, SolveOptions):
    """Draw damage against a budget, or any number of the scenario FILE; each point is a plan."""

    exit_code_help = (
        "Exit codes: 0 all points solved to the gap, or proven to have no plan; 1 some "
        "stopped by a limit or by the user; 2 wrong usage or input; 3 no plan keeps all "
        "rules at any point; 4 no plan before the limit at any point; 5 failure; 130 "
        "interrupted with nothing to keep."
    )
    out_help = "Write frontier.json and plans/VALUE/plan.json into this folder as well."

    supported_options = ("gap", "time_limit", "threads", "jobs")

    tail: bool = False
    """Vary the weight of the tail, objective.cvar.weight, from 0 to 1: mean against CVaR."""
    first: Annotated[Number, CliFlag("VALUE", "--from")] | None = None
    """Lowest value; 0 if not given."""
    last: Annotated[Number, CliFlag("VALUE", "--to")] | None = None
    """Highest value; for a budget, if not given, what the best plan would spend without this
    limit."""
    points: CountFromTwo = 11
    """Number of values, equally far apart."""
    values: (
        Annotated[tuple[Number, ...], Field(min_length=1), CliFlag("A,B,...", parse=_parse_numbers)]
        | None
    ) = None
    """Solve at these values instead of a range."""
    refine: Count = 0
    """Number of further points, where the curve jumps or bends most."""
    jobs: PositiveCount | None = None
    """Number of points that are solved in parallel, each by one process; one after the other if not
    given, or on all workers of --scheduler."""

    @model_validator(mode="after")
    def _check_combination(self) -> FrontierOptions:
        if self.values is not None and (self.first is not None or self.last is not None):
            raise Misuse(tr("--values and --from or --to exclude each other."))
        if self.tail and (self.vary is not None or self.funder is not None):
            raise Misuse(tr("--tail varies a number of its own."))
        return self

    @property
    def lowest_value(self) -> float:
        """The lowest value of the number."""
        return self.first or 0.0
