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

from optimizer.model.highs.compilation import (
    CompiledModel as CompiledModel,
    NameSubset as NameSubset,
    SubstitutedProgram as SubstitutedProgram,
    compile_model as compile_model,
    substitute_defined_columns as substitute_defined_columns,
)
from optimizer.model.highs.program import (
    MIN_COEFFICIENT as MIN_COEFFICIENT,
    LinearProgram as LinearProgram,
    compute_objective_factor as compute_objective_factor,
    compute_row_factors as compute_row_factors,
    compute_scaling as compute_scaling,
    cost_unit as cost_unit,
    lift_small_rows as lift_small_rows,
    max_total_cost as max_total_cost,
    max_violation as max_violation,
    program_from_arrays as program_from_arrays,
)
from optimizer.model.highs.simplex import (
    ColumnwiseProgram as ColumnwiseProgram,
    DualSimplex as DualSimplex,
    WarmStartSolver as WarmStartSolver,
    build_basis as build_basis,
    status_numbers as status_numbers,
)
from optimizer.model.highs.solver import (
    DEFAULT_MIP_TOLERANCES as DEFAULT_MIP_TOLERANCES,
    EXACT_MIP_OPTIONS as EXACT_MIP_OPTIONS,
    Ending as Ending,
    FileProgram as FileProgram,
    FileSolution as FileSolution,
    ProgramOptimum as ProgramOptimum,
    ProgramSolution as ProgramSolution,
    Progress as Progress,
    build_highs_lp as build_highs_lp,
    load_solver as load_solver,
    solve as solve,
    solve_file as solve_file,
    solver_version as solver_version,
    stop_on_interrupt as stop_on_interrupt,
    tighten_bounds as tighten_bounds,
)
