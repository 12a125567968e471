"""Options of a sensitivity analysis."""

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
    ScenarioOptions,
    SolveOptions,
    parse_named_values,
)
from optimizer.errors import Misuse

Ranges = dict[str, tuple[float, float]]


def _parse_ranges(texts: tuple[str, ...]) -> Ranges:
    """Parse texts such as 'hazards=0.5..2' into low and high values, by id or path."""

    def parse_bounds(text: str) -> tuple[float, float]:
        low, dots, high = text.partition("..")
        bounds = (float(low), float(high))
        if not dots or not all(map(math.isfinite, bounds)):
            raise ValueError
        return bounds

    return parse_named_values(texts, parse_bounds,
        lambda text: tr("'{value}' is not such as hazards=0.5..2.",
                                                value=text))  # fmt: skip


class SensitivityOptions(ScenarioOptions, SolveOptions):
    """Vary what is uncertain, and find what moves the answer and what would turn it.

    Of a scenario its best plan is judged; of a saved plan, in a file or the folder it is in, that
    plan.
    """

    exit_code_help = (
        "Exit codes: 0 all values looked at; 1 some stopped by a limit or by the user; 2 "
        "wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 "
        "failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write sensitivity.json into this folder as well."

    only: Annotated[tuple[str, ...], CliFlag("ID")] = ()
    """Vary this input alone, for example hazards or damage.gallium; may be given often."""
    each: bool = False
    """Vary projects and materials one by one as well as all together."""
    ranges: Annotated[Ranges, CliFlag("ID=LOW..HIGH", "--range", _parse_ranges)] = Field(
        default_factory=dict
    )
    """Vary an input between these factors; may be given often."""
    inputs: Annotated[Ranges, CliFlag("PATH=LOW..HIGH", "--input", _parse_ranges)] = Field(
        default_factory=dict
    )
    """Vary any number of the scenario between these values, by its path as in --set; may be given
    often."""
    tolerance: Annotated[Number, Field(ge=0), CliFlag("SHARE")] = 0.01
    """The decision turns where another plan is better by more than this share of the objective."""
    steps: Count = 6
    """Largest number of values that are tried for each break-even, whose search ends at 2 % of the
    range; 0 leaves out break-evens."""
    trajectories: Annotated[CountFromTwo, CliFlag("R", "--morris")] | None = None
    """Screen all inputs together as well, along this number of random paths (needs SALib)."""
    resolve: bool = False
    """Search for the best plan at every point of the screening."""
    seed: Count = 1
    """Seed of the random paths of the screening."""

    @model_validator(mode="after")
    def _check_resolve(self) -> SensitivityOptions:
        if self.resolve and self.trajectories is None:
            raise Misuse(tr("--resolve goes with --morris."))
        return self
