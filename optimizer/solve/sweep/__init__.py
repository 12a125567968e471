"""Exact recourse of one commitment in many states of the world at once.

Values for reports, slopes for cuts, and for comparison recourse by a rule without foresight. The
compiled parts are in :mod:`optimizer.solve.sweep.chain` and :mod:`optimizer.solve.sweep.passes`.
"""

from optimizer.solve.sweep.nodes import Columns, NodeData, Point
from optimizer.solve.sweep.recourse import Recourse, Shortages, Slopes, Swept, in_blocks
from optimizer.solve.sweep.release_rule import ByRule, by_rule, joined

__all__ = [
    "ByRule",
    "Columns",
    "NodeData",
    "Point",
    "Recourse",
    "Shortages",
    "Slopes",
    "Swept",
    "by_rule",
    "in_blocks",
    "joined",
]
