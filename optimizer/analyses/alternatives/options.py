"""Options of the search for alternatives."""

import re
from typing import Annotated, NamedTuple

from pydantic import Field

from models.language import tr
from optimizer.analyses.options import (
    CliFlag,
    Number,
    ScenarioOptions,
    Seconds,
    SolveOptions,
    parse_share,
)

_SETTING_SEPARATOR = re.compile(r",\s*(?=[\w.]+=)")
"""Matches a comma between two settings, but not a comma within a value."""


class StatedAssumptions(NamedTuple):
    """Assumptions given on the command line: a name, and settings as ``path=value``."""

    name: str
    settings: tuple[str, ...]


def _parse_share(text: str) -> float:
    """Parse a share such as ``2%`` or ``0.02``; raises ValueError if it is not in [0, 1]."""
    if not 0 <= (share := parse_share(text)) <= 1:
        raise ValueError(tr("'{value}' is not a share such as 2% or 0.02.", value=text))
    return share


def _parse_stated(texts: tuple[str, ...]) -> tuple[StatedAssumptions, ...]:
    """Parse texts such as ``NAME: PATH=VALUE, PATH=VALUE``; raises ValueError for other texts."""
    stated_assumptions = []
    for text in texts:
        name, colon, settings_text = text.partition(":")
        settings = tuple(part.strip() for part in _SETTING_SEPARATOR.split(settings_text.strip()))
        if not colon or not name.strip() or not all("=" in part for part in settings):
            raise ValueError(
                tr("'{value}' is not of the form 'NAME: PATH=VALUE, PATH=VALUE'.", value=text)
            )
        stated_assumptions.append(StatedAssumptions(name.strip(), settings))
    return tuple(stated_assumptions)


class AlternativesOptions(ScenarioOptions, SolveOptions):
    """Find other plans that are nearly as good and as unlike as can be, and how robust choices are.

    FILE_OR_PLAN is a scenario file, or a saved plan: a plan.json or the folder it is in.
    """

    exit_code_help = (
        "Exit codes: 0 done; 1 stopped by a limit or by the user before all was found or "
        "solved; 2 wrong usage or input; 3 no plan keeps all rules; 4 no plan before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_help = (
        "Write alternatives.json and plans/N/plan.json into this folder as well; plan 0 is the one "
        "compared with."
    )

    within: Annotated[
        float, Field(ge=0), CliFlag("SHARE", parse=_parse_share, default_text="2%")
    ] = 0.02
    """How far above the best plan an alternative may be, for example 2% or 0.02."""
    count: Annotated[int, Field(ge=1, le=100), CliFlag("N")] = 10
    """How many alternatives."""
    least_days: Annotated[Number, Field(gt=0), CliFlag("DAYS")] = 1.0
    """A stockpile counts as filled from so many days of the need that it serves."""
    stated: Annotated[
        tuple[StatedAssumptions, ...], CliFlag("'NAME: PATH=VALUE, ...'", "--assume", _parse_stated)
    ] = ()
    """Solve under these assumptions as well; may be given often."""
    variants: bool = True
    """Leave out the variants of the file."""
    assumptions: bool = True
    """Leave out the low and the high of each group of assumptions."""
    time_limit: Seconds | None = None
    """Stop each single solve after this time and use its best result."""
