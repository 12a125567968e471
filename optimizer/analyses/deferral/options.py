"""Options of the analysis of a review."""

from __future__ import annotations

from optimizer.analyses.options import Count, ScenarioOptions, SolveOptions


class ReviewOptions(ScenarioOptions, SolveOptions):
    """Compute the value of deferral for the review of the scenario FILE, and how it changes with
    one observation fewer or more."""

    supported_options = ("gap", "time_limit", "threads")
    exit_code_help = (
        "Exit codes: 0 all plans solved to the gap; 1 some stopped by a limit or by the user; 2 "
        "wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
        "130 interrupted with nothing to keep."
    )
    out_help = (
        "Write waiting.json and review/plan.json, the plan that waits, into this folder as well."
    )

    more: Count = 3
    """Number of further observations to try; those that explain most of the damage with the plan
    come first."""
