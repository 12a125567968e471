"""HiGHS on a program file, as it stands: without the compilation, bounds and scaling of this
package."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from optimizer.model.highs.program import Floats
from optimizer.model.highs.solver import create_silent_solver, set_options

FILE_TOLERANCE = 1e-9  # of rows, bounds and integrality
ENDINGS = {
    "kOptimal": "optimal",
    "kModelEmpty": "optimal",
    "kInfeasible": "infeasible",
    "kUnbounded": "unbounded",
    "kUnboundedOrInfeasible": "unbounded",
    "kTimeLimit": "limit",
    "kInterrupt": "limit",
}


@dataclass(frozen=True, eq=False)
class FileSolution:
    """What a solver found for a program file."""

    ending: str
    """``optimal``, ``infeasible``, ``unbounded``, ``limit``, or the solver's own word for another
    ending."""
    bound: float  # proven lower bound; minus infinity if there is none
    objective: float  # of the best solution; infinite without one


def solve_file(
    path: Path, *, target_bound: float = math.inf, time_limit: float | None = None
) -> FileSolution:
    """Minimize the program in an MPS or LP file to optimality, or until ``target_bound`` is proven.
    Raise OSError if HiGHS cannot read the file."""
    solver = create_silent_solver()
    if solver.readModel(str(path)) == highspy.HighsStatus.kError:
        raise OSError(f"HiGHS cannot read {path}")
    is_mip = any(x != highspy.HighsVarType.kContinuous for x in solver.getLp().integrality_)
    options: dict[str, Any] = {
        "mip_rel_gap": 0.0,
        "mip_abs_gap": 0.0,
        "primal_feasibility_tolerance": FILE_TOLERANCE,
        "dual_feasibility_tolerance": FILE_TOLERANCE,
        "mip_feasibility_tolerance": FILE_TOLERANCE,
    }
    if time_limit is not None:
        options["time_limit"] = float(time_limit)
    set_options(solver, options)
    if is_mip and math.isfinite(target_bound):

        def stop_at_target(event: Any) -> None:
            if event.data_out.mip_dual_bound >= target_bound:
                event.interrupt()

        solver.cbMipInterrupt.subscribe(stop_at_target)
    solver.run()
    ending = ENDINGS.get(solver.getModelStatus().name)
    if ending is None and is_mip is False:
        solver.clearSolver()
        set_options(solver, {"presolve": "off"})
        solver.run()
        ending = ENDINGS.get(solver.getModelStatus().name)
    info = solver.getInfo()
    has_solution = ending == "optimal" or (ending == "limit" and info.primal_solution_status == 2)
    objective = float(info.objective_function_value) if has_solution else math.inf
    bound = -math.inf
    if is_mip and abs(info.mip_dual_bound) < highspy.kHighsInf and ending in ("optimal", "limit"):
        bound = float(info.mip_dual_bound)
    elif ending == "optimal":
        bound = objective
    return FileSolution(
        ending or solver.modelStatusToString(solver.getModelStatus()), bound, objective
    )


@dataclass(frozen=True, eq=False)
class ProgramOptimum:
    """Optimum of a linear program."""

    ending: str  # as in :class:`FileSolution`
    objective: float  # infinite without a solution
    values: Floats  # of the columns; empty without a solution
    reduced_costs: Floats  # of the columns; empty without a solution


class FileProgram:
    """A linear program that is read from a file once, and minimized with several costs, fixed
    columns and further rows. Each solve starts from the previous basis."""

    def __init__(self, path: Path, time_limit: float | None) -> None:
        self._solver = create_silent_solver()
        if self._solver.readModel(str(path)) == highspy.HighsStatus.kError:
            raise OSError(f"HiGHS cannot read {path}")
        self._columns = np.arange(self._solver.getNumCol(), dtype=np.int32)
        lp = self._solver.getLp()
        self._lower, self._upper = np.array(lp.col_lower_), np.array(lp.col_upper_)
        tolerances = dict.fromkeys(
            ("primal_feasibility_tolerance", "dual_feasibility_tolerance"), FILE_TOLERANCE
        )
        self._time_limit = time_limit
        self._has_new_rows = False
        set_options(self._solver, tolerances)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""
        starts, columns = matrix.indptr[:-1], matrix.indices
        infinite = np.full(len(lower), highspy.kHighsInf)
        self._solver.addRows(len(lower), lower, infinite, matrix.nnz, starts, columns, matrix.data)
        self._has_new_rows = True

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` with some columns fixed at values."""
        solver, lower, upper = self._solver, self._lower.copy(), self._upper.copy()
        for column, value in fixed.items():
            lower[column] = upper[column] = value
        solver.changeColsCost(len(cost), self._columns, cost)
        solver.changeColsBounds(len(cost), self._columns, lower, upper)
        # If only the costs have changed, the basis is still feasible.
        set_options(solver, {"simplex_strategy": 1 if fixed or self._has_new_rows else 4})
        self._has_new_rows = False
        if self._time_limit is not None:  # its clock runs on from one solve to the next
            set_options(solver, {"time_limit": solver.getRunTime() + self._time_limit})
        solver.run()
        ending = ENDINGS.get(solver.getModelStatus().name)
        if ending is None:  # from the start, with another method
            solver.clearSolver()
            set_options(solver, {"presolve": "off", "simplex_strategy": 1})
            solver.run()
            ending = ENDINGS.get(solver.getModelStatus().name)
        if ending != "optimal":
            status = solver.modelStatusToString(solver.getModelStatus())
            return ProgramOptimum(ending or status, math.inf, np.zeros(0), np.zeros(0))
        solution, info = solver.getSolution(), solver.getInfo()
        return ProgramOptimum(
            ending,
            float(info.objective_function_value),
            np.array(solution.col_value),
            np.array(solution.col_dual),
        )
