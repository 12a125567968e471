"""Options of a redaction."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator

from models.language import tr
from optimizer.analyses.options import CliFlag, SolveOptions, parse_share
from optimizer.errors import Misuse

MIN_WIDTH, MAX_WIDTH = 0.05, 9.0
MIN_SECRET_LENGTH = 16


def _parse_width(text: str) -> float:
    """Parse a width such as 0.25 or 25%; raise ValueError if it is out of range."""
    if not MIN_WIDTH <= (width := parse_share(text)) <= MAX_WIDTH:
        raise ValueError(
            tr("'{value}' is not a width such as 25% or 0.25, from 5% to 900%.", value=text)
        )
    return width


Width = Annotated[float, CliFlag("SHARE", parse=_parse_width)]
Ids = Annotated[tuple[str, ...], CliFlag("ID")]


class RedactOptions(SolveOptions):
    """Hide figures of the scenario FILE; say what the answer loses and what can be recovered."""

    supported_options = ("gap", "time_limit", "threads")
    exit_code_help = (
        "Exit codes: 0 done; 1 a solve was stopped by a limit or by the user, all is written; 2 "
        "wrong usage or input; 3 the true or the redacted scenario has no plan that keeps all "
        "rules, the redacted scenario is written; 4 the same where no plan was found before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_metavar = "DIR|FILE"
    force_help = "Overwrite existing files."
    out_help = (
        "Write public/scenario.yaml, public/stand-in.yaml, public/plan.json and "
        "owner/redaction.json into this folder; or the redacted scenario alone to this file, which "
        "ends in .yaml or .yml."
    )

    consumers: Annotated[Ids, CliFlag(name="--consumer")] = ()
    """Hide the figures of this consumer: demand, its own damage curves and stocks; may be given
    often."""
    companies: Annotated[Ids, CliFlag(name="--company")] = ()
    """Hide the budgets of this company, and stocks that it alone pays for; may be given often."""
    band: Width | None = None
    """Replace each figure by the middle of a band of this relative width; 25% if neither this nor
    --scale is given."""
    scale: Width | None = None
    """Multiply figures by secret factors instead, between 1 / (1 + SHARE) and 1 + SHARE."""
    seed: Annotated[str, CliFlag("TEXT")] | None = None
    """Draw the factors from this long, secret text, so that the same ones can be drawn again; at
    random if not given."""
    also: Annotated[tuple[str, ...], CliFlag("PATH")] = ()
    """Hide this figure as well, or all figures below this path; may be given often."""
    allow: Annotated[tuple[str, ...], CliFlag("PATH")] = ()
    """Leave this figure as it is although it agrees with hidden ones; what it reveals is
    counted."""
    keep_texts: bool = False
    """Keep sources, notes and descriptions of others; by default the scenario has no texts but
    titles and names."""
    values: bool = False
    """State the true figures in the account for their owner."""
    solve: bool = True
    """Judge the file alone; solve nothing."""

    @model_validator(mode="after")
    def _check_combination(self) -> RedactOptions:
        if not self.consumers and not self.companies:
            raise Misuse(tr("Whose figures? Name --consumer or --company."))
        if self.band is not None and self.scale is not None:
            raise Misuse(tr("--band and --scale exclude each other."))
        if self.seed is not None and self.scale is None:
            raise Misuse(tr("--seed goes with --scale: bands have none."))
        if self.seed is not None and len(self.seed) < MIN_SECRET_LENGTH:
            message = tr(
                "--seed is shorter than {least} characters: who knows one figure could try all "
                "such texts and get the others.",
                least=MIN_SECRET_LENGTH,
            )
            raise Misuse(message)
        return self
