"""Exact recourse of one commitment in many states of the world at once.

Values for reports, slopes for cuts, and for comparison recourse by a rule without foresight. The
compiled parts are in :mod:`optimizer.solve.sweep.chain`, :mod:`optimizer.solve.sweep.network` and
:mod:`optimizer.solve.sweep.passes`.
"""

from optimizer.solve.sweep.looking import Slopes as Slopes
from optimizer.solve.sweep.nodes import NodeData as NodeData
from optimizer.solve.sweep.nodes import Point as Point
from optimizer.solve.sweep.recourse import Recourse as Recourse
from optimizer.solve.sweep.recourse import Swept as Swept
from optimizer.solve.sweep.recourse import added as added
from optimizer.solve.sweep.recourse import in_blocks as in_blocks
from optimizer.solve.sweep.release_rule import ByRule as ByRule
from optimizer.solve.sweep.release_rule import by_rule as by_rule
from optimizer.solve.sweep.release_rule import joined as joined
