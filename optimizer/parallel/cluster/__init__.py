"""Tasks answered by the workers of a dask.distributed cluster, which is an extra.

What travels is plain data, and functions by their names: never a model of the solver. The place of
the scheduler is in ``address``; ``connecting`` keeps the connection and knows which workers are fit
for use; ``dealing`` hands one task at a time to each; ``serving`` is what runs there.
"""

from optimizer.parallel.cluster.address import LOCAL, Tls, check_installed, located
from optimizer.parallel.cluster.connecting import Cluster

__all__ = ["LOCAL", "Cluster", "Tls", "check_installed", "located"]
