"""Runs of HiGHS on a program or a file, the bounds tightened before, and assessment of how they
ended.

An empty budget forbids a purchase of ten euros, but a solver with a tolerance of 1e-6 million
allows it. Also, columns are scaled by the width of their bounds, and rows may imply narrower ones.
The bounds are computed from row activities (Savelsbergh 1994).
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import InvalidModelData, SolverError, UnknownOption
from optimizer.model.highs.program import (
    Floats,
    LinearProgram,
    Scaling,
    check_finite,
    check_solver_limits,
    compute_scaling,
)

MAX_ROUNDS = 100  # a budget that is carried over, but empty, takes one round per year
ROUNDING_SHARE = 1e-9  # slack of implied bounds, relative to the terms of the row
MIN_RELATIVE_WIDTH = 1e-6  # narrower ranges, relative to the bounds, are not set unless empty
ROW_TOLERANCE = 1e-6  # smaller violations, relative to the terms of the row, count as satisfied
ZERO_TOLERANCE = 1e-30  # smaller absolute violations count as satisfied
MIN_SHRINK_FACTOR = 0.5  # a bound is moved if the range shrinks to at most this share
INTEGER_TOLERANCE = 1e-6  # values closer to an integer are one


def tighten_bounds(program: LinearProgram) -> LinearProgram:
    """Return the program with tighter column bounds, as its rows imply them. If all numbers of the
    program are near one, only columns that rows fix are changed, since the solver's presolve
    tightens the others."""
    program = _tighten(program, fix_only=True)
    if compute_scaling(program, 1.0).is_near_one:
        return program
    return _tighten(program, fix_only=False)


def _tighten(program: LinearProgram, fix_only: bool) -> LinearProgram:
    matrix = sparse.csc_array(program.matrix)
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    lower, upper = program.lower.copy(), program.upper.copy()
    for _ in range(MAX_ROUNDS):
        previous_bounds = lower.copy(), upper.copy()
        for entries, rhs in ((matrix.data, program.row_upper), (-matrix.data, -program.row_lower)):
            implied_lower, implied_upper = _implied_bounds(
                entries, matrix.indices, column, rhs, lower, upper
            )
            is_integer = program.is_integer
            implied_lower[is_integer] = np.ceil(implied_lower[is_integer] - INTEGER_TOLERANCE)
            implied_upper[is_integer] = np.floor(implied_upper[is_integer] + INTEGER_TOLERANCE)
            # A bound beyond the opposite one makes its row infeasible, which is marked below.
            implied_lower = np.minimum(implied_lower, upper)
            implied_upper = np.maximum(implied_upper, lower)
            width = upper - lower
            is_tighter = (implied_lower > lower) & _is_worthwhile(
                implied_lower, upper, width, fix_only
            )
            lower = np.where(is_tighter, implied_lower, lower)
            is_tighter = (implied_upper < upper) & _is_worthwhile(
                lower, implied_upper, width, fix_only
            )
            upper = np.where(is_tighter, implied_upper, upper)
        if (lower == previous_bounds[0]).all() and (upper == previous_bounds[1]).all():
            break
    return _mark_infeasible_rows(replace(program, matrix=matrix, lower=lower, upper=upper))


def _mark_infeasible_rows(program: LinearProgram) -> LinearProgram:
    """Replace each row that no values within the column bounds satisfy by 0 <= -1. Row bounds that
    are violated by rounding only are moved instead. Feasibility then does not depend on a
    tolerance: an empty budget that has to pay a cent is infeasible."""
    matrix = program.matrix
    row_count = matrix.shape[0]
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    min_values = np.where(matrix.data > 0, program.lower[column], program.upper[column])
    max_values = np.where(matrix.data > 0, program.upper[column], program.lower[column])
    is_infeasible = np.zeros(row_count, dtype=bool)
    row_lower, row_upper = program.row_lower.copy(), program.row_upper.copy()
    for sign, extremes, rhs in ((1, min_values, row_upper), (-1, max_values, row_lower)):
        terms = matrix.data * extremes
        size = np.bincount(matrix.indices, np.abs(terms), row_count)
        is_finite = np.isfinite(rhs) & np.isfinite(size)
        finite_rhs, activity = (
            rhs[is_finite],
            np.bincount(matrix.indices, terms, row_count)[is_finite],
        )
        excess = sign * (activity - finite_rhs)
        is_violated = (
            excess > ROW_TOLERANCE * (size[is_finite] + np.abs(finite_rhs)) + ZERO_TOLERANCE
        )
        is_infeasible[is_finite] |= is_violated
        rhs[is_finite] = np.where((excess > 0) & ~is_violated, activity, finite_rhs)
    program = replace(program, row_lower=row_lower, row_upper=row_upper)
    if not is_infeasible.any():
        return program
    reduced_matrix = sparse.csc_array(matrix, copy=True)
    reduced_matrix.data[is_infeasible[reduced_matrix.indices]] = 0.0
    reduced_matrix.eliminate_zeros()
    return replace(
        program,
        matrix=reduced_matrix,
        row_lower=np.where(is_infeasible, -np.inf, row_lower),
        row_upper=np.where(is_infeasible, -1.0, row_upper),
    )


def _is_worthwhile(
    lower: Floats, upper: Floats, width: Floats, fix_only: bool
) -> NDArray[np.bool_]:
    """Return for each column whether the bounds ``lower`` and ``upper`` should be set: they fix the
    column, or are much narrower than ``width``, its present range. With ``fix_only`` only columns
    that they fix are marked."""
    new_width, magnitude = upper - lower, np.maximum(np.abs(lower), np.abs(upper))
    is_fixed = new_width <= 0
    if fix_only:
        return np.asarray(is_fixed)
    return np.asarray(
        is_fixed
        | ((new_width <= MIN_SHRINK_FACTOR * width) & (new_width >= MIN_RELATIVE_WIDTH * magnitude))
    )


def _implied_bounds(
    entries: Floats,
    row: NDArray[Any],
    column: NDArray[Any],
    rhs: Floats,
    lower: Floats,
    upper: Floats,
) -> tuple[Floats, Floats]:
    """Return the lower and upper bounds of all columns that are implied by the rows A @ x <=
    ``rhs``, where A has ``entries`` at the positions ``row`` and ``column``."""
    row_count = len(rhs)
    is_positive = entries > 0
    term = entries * np.where(is_positive, lower[column], upper[column])
    is_unbounded = np.isinf(term)
    finite_term = np.where(is_unbounded, 0.0, term)
    min_activity = np.bincount(row, finite_term, row_count)
    finite_rhs = np.where(np.isfinite(rhs), rhs, 0.0)
    size = np.bincount(row, np.abs(finite_term), row_count) + np.abs(finite_rhs)
    unbounded_count = np.bincount(row, is_unbounded, row_count)
    # A bound follows only if all other columns of the row are bounded on the relevant side.
    is_usable = np.isfinite(rhs)[row] & (unbounded_count[row] == is_unbounded)
    slack = (finite_rhs[row] - (min_activity[row] - finite_term) + ROUNDING_SHARE * size[row])[
        is_usable
    ]
    bound = slack / entries[is_usable]
    implied_lower, implied_upper = np.full(len(lower), -np.inf), np.full(len(upper), np.inf)
    gives_upper = is_positive[is_usable]
    np.minimum.at(implied_upper, column[is_usable][gives_upper], bound[gives_upper])
    np.maximum.at(implied_lower, column[is_usable][~gives_upper], bound[~gives_upper])
    return implied_lower, implied_upper


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
