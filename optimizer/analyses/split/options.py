"""Options of the division of a joint gain."""

from typing import Annotated

from pydantic import Field

from models.results.split import PublicMoneyMode
from optimizer.analyses.options import (
    CliFlag,
    Count,
    CountFromTwo,
    ScenarioOptions,
    Seconds,
    SolveOptions,
)

MAX_EXACT_PLAYERS = 12
"""Largest number of players for which all coalitions may be solved."""


class SplitOptions(ScenarioOptions, SolveOptions):
    """Share what the companies of the scenario FILE gain together, and test who would leave."""

    exit_code_help = (
        "Exit codes: 0 done; 1 a coalition was stopped by the time limit, its range is "
        "wider; 2 wrong usage or input; 4 nothing was found before the limit; 5 failure; "
        "130 interrupted."
    )
    out_help = "Write split.json into this folder as well."

    mode: Annotated[PublicMoneyMode, CliFlag(name="--state")] = "every"
    """Public funders: in every coalition, their net cost counted with it; in none; as a player of
    their own; as a gift to every coalition; or as a gift to the coalition of all alone."""
    externality: bool = False
    """Solve the game once more with outsiders who each do what is best for them alone."""
    exact_up_to: Annotated[int, Field(ge=2, le=MAX_EXACT_PLAYERS), CliFlag("N")] = MAX_EXACT_PLAYERS
    """Solve all coalitions of up to this number of players; of more players, only the coalitions of
    sampled orders of joining."""
    orders: CountFromTwo = 20
    """Number of pairs of orders of joining that are sampled."""
    seed: Count = 1
    """Seed of the sampled orders."""
    time_limit: Seconds | None = None
    """Stop each coalition after this time with the best plan so far."""
