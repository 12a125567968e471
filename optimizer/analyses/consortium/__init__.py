"""The co-operative game of the companies of a scenario."""

from optimizer.analyses.consortium.coalition_values import Costs, Effort, Play, play
from optimizer.analyses.consortium.players import NoGame, Table, table_of
from optimizer.analyses.consortium.split import MOST_EXACT, Draw, split

__all__ = [
    "MOST_EXACT",
    "Costs",
    "Draw",
    "Effort",
    "NoGame",
    "Play",
    "Table",
    "play",
    "split",
    "table_of",
]
