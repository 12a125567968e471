"""What may be asked of a redaction."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator

from models.language import tr
from optimizer.analyses.options import Flag, SolveOptions, share
from optimizer.errors import Misuse

NARROWEST, WIDEST = 0.05, 9.0
SHORT_SECRET = 16


def _width(text: str) -> float:
    """A share of one, or a percentage with its sign."""
    if not NARROWEST <= (found := share(text)) <= WIDEST:
        raise ValueError(
            tr("'{value}' is not a width such as 25% or 0.25, from 5% to 900%.", value=text)
        )
    return found


Width = Annotated[float, Flag("SHARE", parse=_width)]
Ids = Annotated[tuple[str, ...], Flag("ID")]


class RedactOptions(SolveOptions):
    """Hide figures of the scenario FILE; say what the answer loses and what can be recovered."""

    heeded = ("gap", "time_limit", "threads")
    exits = (
        "Exit codes: 0 done; 1 a solve was stopped by a limit or by the user, all is written; 2 "
        "wrong usage or input; 3 the true or the redacted scenario has no plan that keeps all "
        "rules, the redacted scenario is written; 4 the same where no plan was found before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    place = "DIR|FILE"
    force = "Overwrite existing files."
    out = (
        "Write public/scenario.yaml, public/stand-in.yaml, public/plan.json and "
        "owner/redaction.json into this folder; or the redacted scenario alone to this file, which "
        "ends in .yaml or .yml."
    )

    consumers: Annotated[Ids, Flag(name="--consumer")] = ()
    """Hide the figures of this consumer: demand, its own damage curves and stocks; may be given
    often."""
    companies: Annotated[Ids, Flag(name="--company")] = ()
    """Hide the budgets of this company, and stocks that it alone pays for; may be given often."""
    band: Width | None = None
    """Replace each figure by the middle of a band so wide; 25% if neither this nor --scale is
    given."""
    scale: Width | None = None
    """Multiply figures by secret factors instead, up to so much above one or below."""
    seed: Annotated[str, Flag("TEXT")] | None = None
    """Draw the factors from this long, secret text, to get the same ones again; by chance if not
    given."""
    also: Annotated[tuple[str, ...], Flag("PATH")] = ()
    """Hide this figure as well, or all below this place; may be given often."""
    allow: Annotated[tuple[str, ...], Flag("PATH")] = ()
    """Leave this figure as it is although it agrees with hidden ones; what it tells is counted."""
    keep_texts: bool = False
    """Keep sources, notes and descriptions of others; by default the scenario has no texts but
    titles and names."""
    values: bool = False
    """Name the true figures in the owner's account."""
    solve: bool = True
    """Judge the file alone; solve nothing."""

    @model_validator(mode="after")
    def _fit(self) -> RedactOptions:
        if not self.consumers and not self.companies:
            raise Misuse(tr("Whose figures? Name --consumer or --company."))
        if self.band is not None and self.scale is not None:
            raise Misuse(tr("--band and --scale exclude each other."))
        if self.seed is not None and self.scale is None:
            raise Misuse(tr("--seed goes with --scale: bands have none."))
        if self.seed is not None and len(self.seed) < SHORT_SECRET:
            told = tr(
                "--seed is shorter than {least} characters: who knows one figure could try all "
                "such texts and get the others.",
                least=SHORT_SECRET,
            )
            raise Misuse(told)
        return self
