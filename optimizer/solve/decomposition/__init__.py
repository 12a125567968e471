"""The L-shaped method on exact recourse: a small master, cuts from sweeps, a tree of its own.

Benders (1962), Van Slyke and Wets (1969); in one tree, as branch and cut. Recourse is always
feasible and continuous, so that cuts of optimality are all there is.
"""

from optimizer.solve.decomposition.method import solve_by_decomposition
from optimizer.solve.decomposition.mga import Farthest, Mark, Portfolio, most_lots
from optimizer.solve.decomposition.pool import CutPool, pool_key, read_pool, write_pool
from optimizer.solve.decomposition.reduced import Frame

__all__ = [
    "CutPool",
    "Farthest",
    "Frame",
    "Mark",
    "Portfolio",
    "most_lots",
    "pool_key",
    "read_pool",
    "solve_by_decomposition",
    "write_pool",
]
