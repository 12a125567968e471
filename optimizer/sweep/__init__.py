"""Exact recourse of one commitment in many states of the world at once.

Values for reports, and slopes for cuts. The compiled parts are in :mod:`optimizer.sweep.chain`
and :mod:`optimizer.sweep.passes`.
"""

from optimizer.sweep.nodes import Columns, NodeData, Point
from optimizer.sweep.recourse import Recourse, Shortages, Slopes, Swept, in_blocks, usable_cores

__all__ = [
    "Columns",
    "NodeData",
    "Point",
    "Recourse",
    "Shortages",
    "Slopes",
    "Swept",
    "in_blocks",
    "usable_cores",
]
