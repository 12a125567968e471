"""The co-operative game of the companies of a scenario."""

from optimizer.analyses.split.coalition_values import Costs, Effort, Play, play
from optimizer.analyses.split.players import NoGame, Table, table_of
from optimizer.analyses.split.split import MOST_EXACT, Draw, split

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
