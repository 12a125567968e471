"""Many solves side by side: in this process, in processes of this machine, or on a cluster.

Analyses open ``Workers`` and know nothing of where these are: the engine that is in use decides,
processes of this machine where nothing else is said.
"""

from optimizer.engine.interface import Arrival, Dealing, Engine, Limits, Team
from optimizer.engine.processes import Workers

__all__ = ["Arrival", "Dealing", "Engine", "Limits", "Team", "Workers"]
