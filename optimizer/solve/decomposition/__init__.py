"""Benders decomposition with exact recourse evaluation, as branch and cut in a single tree.

Benders (1962); Van Slyke and Wets (1969). Recourse is continuous and always feasible, so only
optimality cuts are needed.
"""

from optimizer.solve.decomposition.benders import solve_by_decomposition as solve_by_decomposition
from optimizer.solve.decomposition.cut_pool import (
    CutPool as CutPool,
    pool_key as pool_key,
    read_pool as read_pool,
    write_pool as write_pool,
)
from optimizer.solve.decomposition.cuts import (
    CutOracle as CutOracle,
    recourse_by_part as recourse_by_part,
)
from optimizer.solve.decomposition.master_model import MasterModel as MasterModel
from optimizer.solve.decomposition.mga import (
    FarthestPortfolioProgram as FarthestPortfolioProgram,
    Portfolio as Portfolio,
    PortfolioItem as PortfolioItem,
    max_useful_lots as max_useful_lots,
)
