"""Interface to the solver HiGHS. It takes a Pyomo model or arrays, and returns a solution or raises
an error.

HiGHS refuses rows with a coefficient of 1e15 or more, drops coefficients below 1e-9, and accepts
NaN as a cost. Pyomo's interfaces to it report the remaining model as optimal. Here the model is
compiled to sparse arrays, scaled, checked and passed on, and the arrays are compared with what the
solver received. An unknown option is an error. How a solve ended is assessed together with whether
there is an incumbent.
"""

from pyomo.common import dependencies

# When scipy is first used, Pyomo imports its statistics, integration and geometry, which are not
# needed here and take two thirds of a second. It imports them in this callback.
if hasattr(dependencies.scipy_available, "_callback"):
    dependencies.scipy_available._callback = None

from optimizer.model.highs.bound_tightening import tighten_bounds as tighten_bounds
from optimizer.model.highs.compilation import CompiledModel as CompiledModel
from optimizer.model.highs.compilation import NameSubset as NameSubset
from optimizer.model.highs.compilation import SubstitutedProgram as SubstitutedProgram
from optimizer.model.highs.compilation import compile_model as compile_model
from optimizer.model.highs.compilation import (
    substitute_defined_columns as substitute_defined_columns,
)
from optimizer.model.highs.file_solver import FileProgram as FileProgram
from optimizer.model.highs.file_solver import FileSolution as FileSolution
from optimizer.model.highs.file_solver import ProgramOptimum as ProgramOptimum
from optimizer.model.highs.file_solver import solve_file as solve_file
from optimizer.model.highs.program import MIN_COEFFICIENT as MIN_COEFFICIENT
from optimizer.model.highs.program import LinearProgram as LinearProgram
from optimizer.model.highs.program import max_violation as max_violation
from optimizer.model.highs.program import program_from_arrays as program_from_arrays
from optimizer.model.highs.scaling import compute_objective_factor as compute_objective_factor
from optimizer.model.highs.scaling import compute_row_factors as compute_row_factors
from optimizer.model.highs.scaling import compute_scaling as compute_scaling
from optimizer.model.highs.scaling import cost_unit as cost_unit
from optimizer.model.highs.scaling import lift_small_rows as lift_small_rows
from optimizer.model.highs.scaling import max_total_cost as max_total_cost
from optimizer.model.highs.simplex import ColumnwiseProgram as ColumnwiseProgram
from optimizer.model.highs.simplex import DualSimplex as DualSimplex
from optimizer.model.highs.simplex import WarmStartSolver as WarmStartSolver
from optimizer.model.highs.simplex import build_basis as build_basis
from optimizer.model.highs.simplex import status_numbers as status_numbers
from optimizer.model.highs.solver import DEFAULT_MIP_TOLERANCES as DEFAULT_MIP_TOLERANCES
from optimizer.model.highs.solver import EXACT_MIP_OPTIONS as EXACT_MIP_OPTIONS
from optimizer.model.highs.solver import Ending as Ending
from optimizer.model.highs.solver import ProgramSolution as ProgramSolution
from optimizer.model.highs.solver import Progress as Progress
from optimizer.model.highs.solver import build_highs_lp as build_highs_lp
from optimizer.model.highs.solver import load_solver as load_solver
from optimizer.model.highs.solver import solve as solve
from optimizer.model.highs.solver import solver_version as solver_version
from optimizer.model.highs.solver import stop_on_interrupt as stop_on_interrupt
