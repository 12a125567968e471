"""Options of a participation analysis."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses import options as kinds
from optimizer.analyses.options import ScenarioOptions, SolveOptions
from optimizer.errors import Misuse

Allocation = Literal["entitled", "pooled"]


class ParticipateOptions(ScenarioOptions, SolveOptions):
    """Find the share of a project of the scenario FILE that a company should take."""

    exit_code_help = (
        "Exit codes: 0 done; 1 stopped by a limit or by the user, what was found is "
        "written; 2 wrong usage or input; 3 no plan keeps all rules; 4 no plan before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write participation.json into this folder as well."

    company: kinds.Id
    """The company, by the id of its funder."""
    project: kinds.Id | None = None
    """The project of which the company takes a share; all projects that are built if not given."""
    allocation: Allocation = "entitled"
    """Who receives secured tonnes: those who paid for them, or those who miss them most."""
    steps: kinds.PositiveCount = 6
    """Number of steps between no share and the largest share that the rules allow."""
    refine: kinds.Count = 2
    """Number of rounds in which shares near the best and the indifferent share are tried."""
    public: kinds.Count = 3
    """Number of levels of public co-financing, from none to the most that the rules allow; 0 leaves
    it free."""
    tolerance: Annotated[kinds.Number, Field(gt=0), kinds.CliFlag("SHARE")] = 1e-3
    """Plans count as equally good up to this share of the objective."""
    ranges: Annotated[bool, kinds.CliFlag(name="--no-range")] = True
    """Do not look for the best and the worst of these plans."""
    time_limit: kinds.Seconds | None = None
    """Stop each share after this time with the best plan so far."""

    @model_validator(mode="after")
    def _check_tolerance(self) -> ParticipateOptions:
        if self.tolerance < self.gap:
            raise Misuse(
                tr("--tolerance lies below --gap: plans within the gap cannot be distinguished.")
            )
        return self
