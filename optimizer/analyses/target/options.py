"""Options of the search for the least value that reaches a goal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses.options import (
    CliFlag,
    Number,
    SolveOptions,
    Year,
    parse_named_values,
    parse_share,
)
from optimizer.analyses.variation import VariedNumberOptions
from optimizer.errors import Misuse

DaysOfNeed = Annotated[float, Field(ge=0, lt=1e6)]
DamageFigure = Literal["expected", "cvar", "worst"]


def _parse_share(text: str) -> float:
    """Parse a share above 0 and at most 1; raise ValueError for any other text."""
    if not 0 < (share := parse_share(text)) <= 1:
        raise ValueError(
            tr("'{value}' is not a share such as 60% or 0.6, above 0 and at most 1.", value=text)
        )
    return share


def _parse_days(texts: tuple[str, ...]) -> dict[str, float]:
    """Parse texts such as 'gallium=90' into days of need, by the id of a stockpile or material."""

    def parse_days(text: str) -> float:
        if not 0 <= (days := float(text)) < 1e6:
            raise ValueError
        return days

    return parse_named_values(
        texts, parse_days, lambda text: tr("'{value}' is not such as gallium=90.", value=text)
    )


class TargetOptions(VariedNumberOptions, SolveOptions):
    """Find the least budget of the scenario FILE that reaches a goal, proven from both sides."""

    exit_code_help = (
        "Exit codes: 0 proven to the tolerance; 1 stopped by a limit or by the user, what "
        "was found is written; 2 wrong usage or input; 3 no value reaches the goal; 4 "
        "nothing was found before the limit; 5 failure; 130 interrupted with nothing to "
        "keep."
    )
    out_help = "Write target.json and plan.json into this folder as well."

    supported_options = ("gap", "time_limit", "threads")

    below: Annotated[Number, Field(ge=0), CliFlag("LEVEL")] | None = None
    """Bring damage to this level or below, in the unit of the measure."""
    reduction: (
        Annotated[float, Field(gt=0, le=1), CliFlag("SHARE", "--reduce", _parse_share)] | None
    ) = None
    """Reduce damage by this share of the damage without any plan, for example 60%."""
    figure: DamageFigure = "expected"
    """Figure of damage: the mean, the mean of the worst states, or the worst state."""
    days: Annotated[dict[str, DaysOfNeed], CliFlag("ID=DAYS", parse=_parse_days)] = Field(
        default_factory=dict
    )
    """Hold this number of days of need in stock, of a material, a stockpile, or all; may be given
    often."""
    from_year: Year | None = None
    """First year in which stocks must cover these days."""
    first: Annotated[Number, CliFlag("VALUE", "--from")] | None = None
    """Lowest value; 0 if not given."""
    last: Annotated[Number, CliFlag("VALUE", "--to")] | None = None
    """Highest value; no limit for a budget if not given."""
    tolerance: Annotated[Number, Field(gt=0), CliFlag("WIDTH")] | None = None
    """Largest difference between a value that reaches the goal and one that is ruled out; a
    thousandth of the range if not given, and at most 1 for a budget."""

    @model_validator(mode="after")
    def _check_combination(self) -> TargetOptions:
        if self.below is not None and self.reduction is not None:
            raise Misuse(tr("--below and --reduce exclude each other."))
        if self.below is None and self.reduction is None and not self.days:
            raise Misuse(tr("A goal is missing: --below, --reduce or --days."))
        if self.from_year is not None and not self.days:
            raise Misuse(tr("--from-year goes with --days."))
        return self

    @property
    def lowest_value(self) -> float:
        """The lowest value of the number."""
        return self.first or 0.0
