"""Options of the analysis of assumption sets."""

from __future__ import annotations

from typing import Literal

from optimizer.analyses.options import ScenarioOptions, SolveOptions


class AssumptionsOptions(ScenarioOptions, SolveOptions):
    """Find the best plan for each set of assumptions of the scenario FILE, look at it under all
    others, and put one plan for all of them beside it."""

    supported_options = ("gap", "time_limit", "threads")
    exit_code_help = (
        "Exit codes: 0 all plans solved to the gap; 1 some stopped by a limit or by the user; 2 "
        "wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
        "130 interrupted with nothing to keep."
    )
    out_help = "Write disagreement.json and sets/SET/plan.json into this folder as well."

    over: Literal["mean", "worst", "regret"] | None = None
    """What the plan for all sets minimizes: the mean by weight, the worst of them, or the largest
    regret; as the file says, and else the mean, if not given."""
