"""What may be asked of the game of companies."""

from typing import Annotated

from pydantic import Field

from models.results.split import StateMode
from optimizer.analyses.options import Count, Flag, OfScenario, Pair, Seconds, SolveOptions

MOST_EXACT = 12
"""Players up to which all coalitions are solved."""


class SplitOptions(OfScenario, SolveOptions):
    """Share what the companies of the scenario FILE gain together, and test who would leave."""

    exits = (
        "Exit codes: 0 done; 1 a coalition was stopped by the time limit, its range is "
        "wider; 2 wrong usage or input; 4 nothing was found before the limit; 5 failure; "
        "130 interrupted."
    )
    out = "Write split.json into this folder as well."

    mode: Annotated[StateMode, Flag(name="--state")] = "every"
    """Public funders: in every coalition, their net cost counted with it; in none; as a player of
    their own; as a gift to every coalition; or as a gift to the coalition of all alone."""
    externality: bool = False
    """Solve the game once more with outsiders who each do what is best for them alone."""
    exact_up_to: Annotated[int, Field(ge=2, le=MOST_EXACT), Flag("N")] = MOST_EXACT
    """Solve all coalitions of up to so many players; of more, those of sampled orders."""
    orders: Pair = 20
    """Pairs of orders of joining that are sampled."""
    seed: Count = 1
    """Of the sampled orders."""
    time_limit: Seconds | None = None
    """Stop each coalition after this time with the best plan so far."""
