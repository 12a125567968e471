"""What may be asked of the least budget that reaches a goal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses.options import Flag, Number, SolveOptions, Year, by_name, share
from optimizer.analyses.variation import Varied
from optimizer.errors import Misuse

Days = Annotated[float, Field(ge=0, lt=1e6)]
Figure = Literal["expected", "cvar", "worst"]


def _share(text: str) -> float:
    """A share above 0."""
    if not 0 < (found := share(text)) <= 1:
        raise ValueError(
            tr("'{value}' is not a share such as 60% or 0.6, above 0 and at most 1.", value=text)
        )
    return found


def _days(texts: tuple[str, ...]) -> dict[str, float]:
    """Days by the id of a stockpile or material."""

    def value(text: str) -> float:
        if not 0 <= (days := float(text)) < 1e6:
            raise ValueError
        return days

    return by_name(texts, value, lambda text: tr("'{value}' is not such as gallium=90.",
                                                 value=text))  # fmt: skip


class TargetOptions(Varied, SolveOptions):
    """Find the least budget of the scenario FILE that reaches a goal, proven from both sides."""

    exits = (
        "Exit codes: 0 proven to the tolerance; 1 stopped by a limit or by the user, what "
        "was found is written; 2 wrong usage or input; 3 no value reaches the goal; 4 "
        "nothing was found before the limit; 5 failure; 130 interrupted with nothing to "
        "keep."
    )
    out = "Write target.json and plan.json into this folder as well."

    heeded = ("gap", "time_limit", "threads")

    below: Annotated[Number, Field(ge=0), Flag("LEVEL")] | None = None
    """Bring damage to this level or below, in the unit of the measure."""
    reduction: Annotated[float, Field(gt=0, le=1), Flag("SHARE", "--reduce", _share)] | None = None
    """Bring damage so much below what comes without any plan, for example 60%."""
    figure: Figure = "expected"
    """Which figure of damage: the mean, the mean of the worst states, or the worst state."""
    days: Annotated[dict[str, Days], Flag("ID=DAYS", parse=_days)] = Field(default_factory=dict)
    """Keep so many days of need in stock: of a material, a stockpile, or all; may be given
    often."""
    from_year: Year | None = None
    """First year in which stocks must last so long."""
    first: Annotated[Number, Flag("VALUE", "--from")] | None = None
    """Lowest value; 0 if not given."""
    last: Annotated[Number, Flag("VALUE", "--to")] | None = None
    """Highest value; no limit for a budget if not given."""
    tolerance: Annotated[Number, Field(gt=0), Flag("WIDTH")] | None = None
    """How far apart what is reached and what is ruled out may be; a thousandth of the range if not
    given, and 1 at most for a budget."""

    @model_validator(mode="after")
    def _fit(self) -> TargetOptions:
        if self.below is not None and self.reduction is not None:
            raise Misuse(tr("--below and --reduce exclude each other."))
        if self.below is None and self.reduction is None and not self.days:
            raise Misuse(tr("A goal is missing: --below, --reduce or --days."))
        if self.from_year is not None and not self.days:
            raise Misuse(tr("--from-year goes with --days."))
        return self

    @property
    def begins(self) -> float:
        """The lowest value."""
        return self.first or 0.0
