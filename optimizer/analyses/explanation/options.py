"""Options of an explanation."""

from typing import Annotated

from pydantic import Field

from optimizer.analyses.options import CliFlag, Gap, Number, SolveOptions

Days = Annotated[Number, Field(gt=0), CliFlag("N")]


class ExplainOptions(SolveOptions):
    """Say of each project and each stock of a saved PLAN why it is in or out.

    PLAN is a plan.json or the folder it is in. Each decision is made the other way and everything
    else decided again; budgets and limits are loosened by steps.
    """

    exit_code_help = (
        "Exit codes: 0 done; 1 stopped by a limit or by the user, what was found is "
        "written; 2 wrong usage, or a file that holds no plan; 4 nothing proven before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write explanation.json into this folder as well."

    only: Annotated[tuple[str, ...], CliFlag("ID")] = ()
    """Explain this project or stockpile alone; may be given often."""
    days: Days = 30.0
    """Days of need that a stockpile without purchases is made to hold, to find what that costs."""
    values: bool = True
    """Do not compute the value of larger budgets and limits."""
    gap: Gap = 1e-4
    """How close each answer is proven, as a share of the objective, or to a tenth of what the other
    decision costs or saves where that is more."""
