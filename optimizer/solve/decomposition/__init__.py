"""The L-shaped method on exact recourse: a small master, cuts from sweeps, a tree of its own.

Benders (1962), Van Slyke and Wets (1969); in one tree, as branch and cut. Recourse is always
feasible and continuous, so that cuts of optimality are all there is.
"""

from optimizer.solve.decomposition.cuts import Appraiser as Appraiser
from optimizer.solve.decomposition.cuts import in_parts as in_parts
from optimizer.solve.decomposition.method import solve_by_decomposition as solve_by_decomposition
from optimizer.solve.decomposition.mga import Farthest as Farthest
from optimizer.solve.decomposition.mga import Mark as Mark
from optimizer.solve.decomposition.mga import Portfolio as Portfolio
from optimizer.solve.decomposition.mga import most_lots as most_lots
from optimizer.solve.decomposition.pool import CutPool as CutPool
from optimizer.solve.decomposition.pool import pool_key as pool_key
from optimizer.solve.decomposition.pool import read_pool as read_pool
from optimizer.solve.decomposition.pool import write_pool as write_pool
from optimizer.solve.decomposition.reduced import Frame as Frame
