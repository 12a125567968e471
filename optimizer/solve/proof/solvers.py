"""Solvers that verify a proof: HiGHS, SCIP and Gurobi, each on a program file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy import sparse

from optimizer.errors import Misuse
from optimizer.model import highs
from optimizer.model.highs import FileSolution, ProgramOptimum
from optimizer.model.instance import Floats

SolverName = Literal["scip", "highs", "gurobi"]
TOLERANCE = 1e-9  # of rows, bounds and integrality


class LinearFile(Protocol):
    """A linear program of a file, which is minimized with several costs, fixed columns and further
    rows."""

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` (columns in the order of the file) with some columns fixed."""

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""


class FileSolver(NamedTuple):
    """A solver of programs in files. ``solve`` minimizes a program: it takes the path of the file,
    a bound at which it may stop (infinite for none), and a time limit in seconds (None for none).
    ``read_linear`` takes the path of a linear program, and the time limit of each of its solves."""

    label: str  # its name and version
    solve: Callable[[Path, float, float | None], FileSolution]
    read_linear: Callable[[Path, float | None], LinearFile]


def find_solver(name: SolverName) -> FileSolver:
    """Return a solver by name. Raise Misuse if it is not installed."""
    if name == "highs":
        label = f"HiGHS {highs.solver_version()[0]}"
        return FileSolver(label, _solve_by_highs, highs.FileProgram)
    module, package = (
        ("pyscipopt", "'vorrat[verify]'") if name == "scip" else ("gurobipy", "gurobipy")
    )
    if find_spec(module) is None:
        raise Misuse(f"The solver {name} is not installed: pip install {package}")
    if name == "scip":
        from pyscipopt import Model

        return FileSolver(f"SCIP {Model().version():.1f}", _solve_by_scip, _ScipLinearFile)
    return FileSolver(f"Gurobi {version('gurobipy')}", _solve_by_gurobi, _GurobiLinearFile)


def _solve_by_highs(path: Path, target_bound: float, time_limit: float | None) -> FileSolution:
    return highs.solve_file(path, target_bound=target_bound, time_limit=time_limit)


def _solve_by_scip(path: Path, target_bound: float, time_limit: float | None) -> FileSolution:
    from pyscipopt import Model

    model: Any = Model()
    model.hideOutput()
    model.readProblem(str(path))
    model.setParams({"numerics/feastol": TOLERANCE, "numerics/dualfeastol": TOLERANCE})
    if math.isfinite(target_bound) and "limits/dual" in model.getParams():
        model.setParam("limits/dual", target_bound)
    if time_limit is not None:
        model.setParam("limits/time", time_limit)
    model.optimize()
    status = str(model.getStatus())
    names = {"inforunbd": "unbounded", "timelimit": "limit", "duallimit": "limit"}
    ending = names.get(status, status)
    has_bound = ending in ("optimal", "limit")
    bound = float(model.getDualbound()) if has_bound else -math.inf
    if abs(bound) >= model.infinity():
        bound = -math.inf
    has_solution = has_bound and model.getNSols() > 0
    return FileSolution(ending, bound, float(model.getObjVal()) if has_solution else math.inf)


class _ScipLinearFile:
    """A linear program in the solver of linear programs that SCIP uses."""

    def __init__(self, path: Path, time_limit: float | None) -> None:
        from pyscipopt import LP, SCIP_LPPARAM

        self._lp: Any = LP()
        self._lp.readLP(str(path).encode())
        self._has_limit = time_limit is not None
        settings = {SCIP_LPPARAM.FEASTOL: TOLERANCE, SCIP_LPPARAM.DUALFEASTOL: TOLERANCE}
        settings |= {} if time_limit is None else {SCIP_LPPARAM.LPTILIM: time_limit}
        for parameter, value in settings.items():
            self._lp.setRealParam(parameter, value)
        self._bounds = list(zip(*self._lp.getBounds(), strict=True))
        self._cost: Floats = np.full(self._lp.ncols(), np.nan)
        self._fixed: dict[int, float] = {}
        self._has_new_rows = False

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""
        rows = [
            list(zip(*(x[a:b].tolist() for x in (matrix.indices, matrix.data)), strict=True))
            for a, b in itertools.pairwise(matrix.indptr.tolist())
        ]
        self._lp.addRows(rows, lower.tolist(), [self._lp.infinity()] * len(rows))
        self._has_new_rows = True

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` with some columns fixed."""
        for c in np.flatnonzero(cost != self._cost).tolist():
            self._lp.chgObj(c, float(cost[c]))
        for c in self._fixed.keys() | fixed.keys():
            value = fixed.get(c)
            self._lp.chgBound(c, *(self._bounds[c] if value is None else (value, value)))
        self._cost, self._fixed = cost.copy(), dict(fixed)
        # If only the costs have changed, the basis is still feasible.
        self._lp.solve(dual=bool(fixed) or self._has_new_rows)
        self._has_new_rows = False
        if not self._lp.isOptimal():
            is_unbounded = self._lp.getPrimalRay() is not None
            ending = "limit" if self._has_limit and not is_unbounded else "not optimal"
            return ProgramOptimum(ending, math.inf, np.zeros(0), np.zeros(0))
        values, reduced = (np.array(x) for x in (self._lp.getPrimal(), self._lp.getRedcost()))
        return ProgramOptimum("optimal", float(cost @ values), values, reduced)


def _solve_by_gurobi(path: Path, target_bound: float, time_limit: float | None) -> FileSolution:
    model = _read_by_gurobi(path, time_limit)
    settings: dict[str, float] = {"IntFeasTol": TOLERANCE, "MIPGap": 0.0, "MIPGapAbs": 0.0}
    if math.isfinite(target_bound) and model.IsMIP:
        settings["BestBdStop"] = target_bound
    for name, value in settings.items():
        model.setParam(name, value)
    model.optimize()
    ending = GUROBI_ENDINGS.get(model.Status, f"status {model.Status}")
    bound = -math.inf
    if ending in ("optimal", "limit"):
        bound = float(model.ObjBound if model.IsMIP or ending == "limit" else model.ObjVal)
    return FileSolution(ending, bound, float(model.ObjVal) if model.SolCount else math.inf)


GUROBI_ENDINGS = {2: "optimal", 3: "infeasible", 4: "unbounded", 5: "unbounded", 9: "limit"}
GUROBI_ENDINGS |= {15: "limit"}  # the bound of BestBdStop is reached


def _read_by_gurobi(path: Path, time_limit: float | None) -> Any:
    import gurobipy

    model = gurobipy.read(str(path), gurobipy.Env(params={"OutputFlag": 0}))
    settings: dict[str, float] = {"FeasibilityTol": TOLERANCE, "OptimalityTol": TOLERANCE}
    settings |= {} if time_limit is None else {"TimeLimit": time_limit}
    for name, value in settings.items():
        model.setParam(name, value)
    return model


class _GurobiLinearFile:
    """A linear program in Gurobi."""

    def __init__(self, path: Path, time_limit: float | None) -> None:
        self._model: Any = _read_by_gurobi(path, time_limit)
        self._variables: Any = self._model.getVars()
        self._bounds = [(x.LB, x.UB) for x in self._variables]

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` with some columns fixed."""
        lower, upper = (np.array(x) for x in zip(*self._bounds, strict=True))
        for c, value in fixed.items():
            lower[c] = upper[c] = value
        self._model.setAttr("Obj", self._variables, cost.tolist())
        self._model.setAttr("LB", self._variables, lower.tolist())
        self._model.setAttr("UB", self._variables, upper.tolist())
        self._model.optimize()
        ending = GUROBI_ENDINGS.get(self._model.Status, f"status {self._model.Status}")
        if ending != "optimal":
            return ProgramOptimum(ending, math.inf, np.zeros(0), np.zeros(0))
        values, reduced = (
            np.array(self._model.getAttr(name, self._variables)) for name in ("X", "RC")
        )
        return ProgramOptimum(ending, float(self._model.ObjVal), values, reduced)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""
        self._model.addMConstr(matrix, self._variables, ">", lower)
