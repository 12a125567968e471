"""Runs of HiGHS on a program, and assessment of how they ended."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray

from optimizer.errors import InvalidModelData, SolverError, UnknownOption
from optimizer.model.highs.bound_tightening import tighten_bounds
from optimizer.model.highs.program import Floats, LinearProgram, check_finite, check_solver_limits
from optimizer.model.highs.scaling import Scaling, compute_scaling

Ending = Literal["optimal", "limit", "infeasible", "unbounded"]
IncumbentCallback = Callable[[NDArray[np.float64], float, float], None]
"""Called with values, objective and bound."""


@dataclass(frozen=True)
class Progress:
    """Objective, bound, gap and node count at one moment of a solve."""

    seconds: float
    objective: float  # of the incumbent; infinite if there is none
    bound: float  # proven lower bound; minus infinity if there is none
    gap: float
    nodes: int


@dataclass(frozen=True, eq=False)
class ProgramSolution:
    """Result of a solve: how it ended, the values of the columns, objective and bound."""

    ending: Ending
    solver_status: str  # in the solver's own words
    values: NDArray[np.float64] | None  # of the columns; None without a feasible solution
    objective: float | None
    bound: float | None  # proven lower bound; None if there is none
    nodes: int
    seconds: float
    interrupted: bool = False  # by the user
    history: tuple[Progress, ...] = field(default=(), repr=False)


_stdout_lock = threading.Lock()
"""Held while file descriptor 1 is redirected; concurrent threads would not restore it."""


@contextlib.contextmanager
def _stdout_silenced() -> Iterator[None]:
    """Suppress the banner that HiGHS prints to file descriptor 1."""
    try:
        sys.stdout.flush()
        saved_stdout = os.dup(1)
    except (OSError, ValueError, AttributeError):
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(saved_stdout, 1)
        os.close(saved_stdout)
        os.close(null)


def create_silent_solver() -> highspy.Highs:
    """Create a solver without output."""
    with _stdout_lock, _stdout_silenced():
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
    return solver


def tolerance_options(linear: float, integer: float | None = None) -> dict[str, float]:
    """Return the solver options for two tolerances: ``linear`` of rows, bounds and reduced costs,
    and ``integer`` of integrality."""
    names = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")
    options = dict.fromkeys(names, linear)
    if integer is not None:
        options["mip_feasibility_tolerance"] = integer
    return options


DEFAULT_LP_TOLERANCES = tolerance_options(1e-7)  # the solver's default
COARSE_LP_TOLERANCES = tolerance_options(1e-6)  # if the default yields no basis
EXACT_LP_TOLERANCES = tolerance_options(1e-9)  # for repeated solves of badly scaled LPs
DEFAULT_MIP_TOLERANCES = tolerance_options(1e-7, 1e-6)  # the solver's default
# For MIPs whose numbers are not near one; with smaller tolerances presolve loses solutions.
FINE_MIP_TOLERANCES = tolerance_options(1e-8, 1e-8)
EXACT_MIP_OPTIONS = tolerance_options(1e-9, 1e-9) | {"presolve": "off"}  # to verify solutions
FALLBACK_OPTIONS = (
    {"presolve": "off"},
    COARSE_LP_TOLERANCES | {"presolve": "on"},
    COARSE_LP_TOLERANCES | {"presolve": "off"},
)
"""Options that are tried in turn if the solver fails."""

_threads_in_use: int | None = None


def set_options(solver: highspy.Highs, options: Mapping[str, Any]) -> None:
    """Set options of the solver. Raise UnknownOption if it refuses one."""
    for name, value in options.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise UnknownOption(f"the solver knows no option {name} = {value!r}")


def build_highs_lp(matrix: Any, cost: Floats, lower: Floats, upper: Floats) -> highspy.HighsLp:
    """Build the object in which HiGHS takes a linear program. Its row bounds are not set."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.sense_ = highspy.ObjSense.kMinimize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.num_row_, lp.a_matrix_.num_col_ = matrix.shape
    lp.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = matrix.data
    return lp


def load_solver(program: LinearProgram) -> highspy.Highs:
    """Create a solver and pass the program to it. Raise InvalidModelData if the solver would
    misread the data or has not received all of it."""
    check_solver_limits(program)
    rows, columns = program.matrix.shape
    lp = build_highs_lp(program.matrix, program.cost, program.lower, program.upper)
    lp.offset_ = program.offset
    lp.row_lower_, lp.row_upper_ = program.row_lower, program.row_upper
    if program.is_integer.any():
        types = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [types[i] for i in program.is_integer.astype(int)]
    solver = create_silent_solver()
    status = solver.passModel(lp)
    received = (solver.getNumRow(), solver.getNumCol(), solver.getNumNz())
    sent = (rows, columns, int(program.matrix.nnz))
    if status != highspy.HighsStatus.kOk or received != sent:
        raise InvalidModelData(
            f"the solver took {received} rows, columns and non-zeros of {sent} ({status.name})"
        )
    return solver


def solve(
    program: LinearProgram,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    threads: int | None = None,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: IncumbentCallback | None = None,
    objective_factor: float | None = None,
    absolute_gap: float = 0.0,
) -> ProgramSolution:
    """Minimize a program; it is scaled for the solver, and the solution is unscaled. The search
    ends at the relative ``gap`` or the ``absolute_gap``. Ctrl-C in the main thread stops the search
    and keeps the incumbent; a second one raises KeyboardInterrupt. Raise InvalidModelData for data
    that the solver would misread, UnknownOption for invalid options, SolverError if it fails.

    If ``threads`` is None, the solver chooses their number. HiGHS has one number of threads per
    process, so its scheduler is reset if another is requested. ``on_incumbent`` is called often, in
    the caller's thread, with the incumbent (the same array until there is a better one), its
    objective, and the bound (minus infinity if there is none).
    """
    if not gap >= 0 or (time_limit is not None and not time_limit >= 0):
        raise UnknownOption(f"gap {gap} and time limit {time_limit} must be 0 or more")
    global _threads_in_use
    if threads != _threads_in_use:
        highspy.Highs.resetGlobalScheduler(True)
        _threads_in_use = threads
    check_finite(program)
    program = tighten_bounds(program)
    scaling = compute_scaling(program, objective_factor)
    solver = load_solver(scaling.scale(program))
    # The solver reports progress only if its log is on; the log goes to the callback only.
    needs_log = on_progress is not None or on_incumbent is not None
    settings: dict[str, Any] = {"log_to_console": False, "output_flag": needs_log}
    if not scaling.is_near_one:
        settings |= FINE_MIP_TOLERANCES
    settings |= {"mip_rel_gap": float(gap), "mip_abs_gap": absolute_gap * scaling.objective_factor}
    if time_limit is not None:
        settings["time_limit"] = float(time_limit)
    if threads is not None:
        settings["threads"] = threads
    set_options(solver, {**settings, **(options or {})})
    monitor = _SolveMonitor(solver, scaling, on_progress, on_incumbent)
    started_at = time.perf_counter()
    interrupted, status = _run_until_done(solver, monitor.report_incumbent)
    for fallback in FALLBACK_OPTIONS:
        if not _has_failed(solver, status):
            break
        solver.clearSolver()
        set_options(solver, fallback)
        interrupted, status = _run_until_done(solver, monitor.report_incumbent)
    if _has_failed(solver, status):
        ended = solver.modelStatusToString(solver.getModelStatus())
        raise SolverError(f"the solver failed: {ended}")
    seconds = time.perf_counter() - started_at
    solution = _read_solution(solver, program, scaling)
    solution = replace(
        solution, seconds=seconds, interrupted=interrupted, history=tuple(monitor.history)
    )
    if solver.getModelStatus() == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        feasibility = solve(program.without_objective(), time_limit=time_limit, threads=threads)
        if feasibility.ending != "infeasible":
            ending: Ending = "limit" if feasibility.ending == "limit" else "unbounded"
            return replace(solution, ending=ending)
    return solution


class _SolveMonitor:
    """Observer of a running solve. It records progress in the solver's thread, and reports
    incumbents in the caller's thread."""

    def __init__(
        self,
        solver: highspy.Highs,
        scaling: Scaling,
        on_progress: Callable[[Progress], None] | None,
        on_incumbent: IncumbentCallback | None,
    ) -> None:
        self.history: list[Progress] = []
        self._scaling, self._on_progress, self._on_incumbent = scaling, on_progress, on_incumbent
        self._incumbent: tuple[NDArray[np.float64], float] | None = None
        self._bound = -np.inf
        solver.cbMipLogging.subscribe(self._record_progress)
        if on_incumbent is not None:
            solver.cbMipImprovingSolution.subscribe(self._record_incumbent)

    # No exception may reach the solver's C++ code.

    def _record_progress(self, event: Any) -> None:
        with contextlib.suppress(Exception):
            data, factor = event.data_out, self._scaling.objective_factor
            objective = float(data.mip_primal_bound) / factor
            bound = float(data.mip_dual_bound) / factor
            seconds, gap, nodes = data.running_time, data.mip_gap, data.mip_node_count
            progress = Progress(float(seconds), objective, bound, float(gap), int(nodes))
            self.history.append(progress)
            if self._on_progress is not None:
                self._on_progress(progress)

    def _record_incumbent(self, event: Any) -> None:
        with contextlib.suppress(Exception):
            data, factor = event.data_out, self._scaling.objective_factor
            values = np.array(data.mip_solution, dtype=float) * self._scaling.column_unit
            self._bound = max(self._bound, float(data.mip_dual_bound) / factor)
            self._incumbent = (values, float(data.objective_function_value) / factor)

    def report_incumbent(self) -> None:
        if self._incumbent is None or self._on_incumbent is None:
            return
        if self.history:
            self._bound = max(self._bound, self.history[-1].bound)
        self._on_incumbent(*self._incumbent, self._bound)


@contextlib.contextmanager
def stop_on_interrupt(stop: threading.Event) -> Iterator[None]:
    """Within the context, set ``stop`` at the first Ctrl-C in the main thread, and raise
    KeyboardInterrupt at the second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(_signal: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    previous_handler = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous_handler)


def _run_until_done(solver: highspy.Highs, poll: Callable[[], None]) -> tuple[bool, Any]:
    """Run the solver in a separate thread, and cancel it on Ctrl-C. Return whether it was
    cancelled, and the status that it returned."""
    stop, is_cancelled = threading.Event(), False
    solver.HandleKeyboardInterrupt = True  # arms the callbacks that cancelSolve needs
    with stop_on_interrupt(stop):
        solver.startSolve()
        while True:
            is_done, status = solver.wait(0.05)
            if is_done:
                return is_cancelled, status
            if stop.is_set() and not is_cancelled:
                solver.cancelSolve()
                is_cancelled = True
            poll()


# By name, since not every version of highspy has all of these.
_ENDING_BY_STATUS: dict[str, Ending] = {
    "kOptimal": "optimal",
    "kModelEmpty": "optimal",
    "kInfeasible": "infeasible",
    "kUnboundedOrInfeasible": "infeasible",
    "kUnbounded": "unbounded",
    "kTimeLimit": "limit",
    "kIterationLimit": "limit",
    "kSolutionLimit": "limit",
    "kInterrupt": "limit",
    "kHighsInterrupt": "limit",
    "kMemoryLimit": "limit",
}


def _has_failed(solver: highspy.Highs, status: Any) -> bool:
    """Check whether a run ended with an error, or with a status that says nothing about the
    program."""
    is_known = solver.getModelStatus().name in _ENDING_BY_STATUS
    return not is_known or bool(status == highspy.HighsStatus.kError)


def _read_solution(
    solver: highspy.Highs, program: LinearProgram, scaling: Scaling
) -> ProgramSolution:
    model_status = solver.getModelStatus()
    info = solver.getInfo()
    is_mip = bool(program.is_integer.any())
    ending, bound = _ENDING_BY_STATUS[model_status.name], None
    has_solution = ending == "optimal" or (ending == "limit" and info.primal_solution_status == 2)
    objective = (
        float(info.objective_function_value) / scaling.objective_factor if has_solution else None
    )
    if is_mip and np.isfinite(info.mip_dual_bound) and abs(info.mip_dual_bound) < 1e100:
        bound = float(info.mip_dual_bound) / scaling.objective_factor
    elif not is_mip and ending == "optimal":
        bound = objective
    values = np.array(solver.getSolution().col_value, dtype=float) if has_solution else None
    if ending == "optimal" and values is not None and len(values) != len(program.cost):
        raise SolverError("the solver calls the model optimal but gives no solution")
    if values is not None:
        values *= scaling.column_unit
    return ProgramSolution(
        ending=ending,
        solver_status=solver.modelStatusToString(model_status),
        values=values,
        objective=objective,
        bound=bound if ending in ("optimal", "limit") else None,
        nodes=max(0, int(info.mip_node_count)),
        seconds=0.0,
    )


def solver_version() -> tuple[str, str]:
    """Return the version and the git revision of HiGHS."""
    solver = create_silent_solver()
    return str(solver.version()), str(solver.githash())
