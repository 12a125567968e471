"""Many solves side by side: in this process, in processes of this machine, or on a cluster.

Analyses open ``Workers`` and know nothing of where these are: the engine that is in use decides,
processes of this machine where nothing else is said.
"""

from optimizer.parallel.choice import (
    Workers,
    in_use,
    most_side_by_side,
    side_by_side,
    threads_each,
    using,
)
from optimizer.parallel.in_process import InProcess
from optimizer.parallel.interface import Arrival, Dealing, Engine, Limits, Team
from optimizer.parallel.processes import Processes

__all__ = [
    "Arrival",
    "Dealing",
    "Engine",
    "InProcess",
    "Limits",
    "Processes",
    "Team",
    "Workers",
    "in_use",
    "most_side_by_side",
    "side_by_side",
    "threads_each",
    "using",
]
