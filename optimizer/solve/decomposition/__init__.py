"""Benders decomposition with exact recourse evaluation, as branch and cut in a single tree.

Benders (1962); Van Slyke and Wets (1969). Recourse is continuous and always feasible, so only
optimality cuts are needed.
"""

from optimizer.solve.decomposition.benders import solve_by_decomposition as solve_by_decomposition
from optimizer.solve.decomposition.cut_pool import CutPool as CutPool
from optimizer.solve.decomposition.cut_pool import pool_key as pool_key
from optimizer.solve.decomposition.cuts import CutOracle as CutOracle
from optimizer.solve.decomposition.cuts import recourse_by_part as recourse_by_part
from optimizer.solve.decomposition.master_model import MasterModel as MasterModel
from optimizer.solve.decomposition.mga import FarthestPortfolioProgram as FarthestPortfolioProgram
from optimizer.solve.decomposition.mga import Portfolio as Portfolio
from optimizer.solve.decomposition.mga import PortfolioItem as PortfolioItem
from optimizer.solve.decomposition.mga import max_useful_lots as max_useful_lots
from optimizer.solve.decomposition.pool_file import read_pool as read_pool
from optimizer.solve.decomposition.pool_file import write_pool as write_pool
