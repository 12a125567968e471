"""The only door to the solver: a Pyomo model or bare arrays in, a solution or an error out.

HiGHS refuses rows with a coefficient of 1e15 or more, drops coefficients under 1e-9, and takes
NaN for a cost, and Pyomo's own interfaces call what is left of such a model optimal. So the
model is compiled to sparse arrays here, checked, handed over as arrays, and compared with what
arrived. An unknown option is an error, and how a solve ended is judged together with whether
there is an incumbent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy import sparse

from optimizer.errors import ModelRefused, SolverError, UnknownOption

LARGEST = 1e15
"""From here on HiGHS takes a number for infinite."""
SMALLEST = 1e-9
"""Below this HiGHS drops a coefficient of the matrix."""
LARGEST_RANGE = 1e9
"""Largest ratio of two non-zero coefficients of the matrix that is trusted."""

Ending = Literal["optimal", "limit", "infeasible", "unbounded"]


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A mixed-integer linear program to be minimised, as arrays.

    ``rows`` and ``columns`` name each row and column for messages; ``matrix`` is a csc array
    (rows by columns); missing sides and bounds are infinite.
    """

    cost: NDArray[np.float64]
    offset: float
    matrix: Any
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: NDArray[np.bool_]
    rows: Sequence[str]
    columns: Sequence[str]

    @property
    def size(self) -> dict[str, int]:
        """Rows, columns, integer columns and non-zeros."""
        return {
            "rows": self.matrix.shape[0],
            "columns": self.matrix.shape[1],
            "integers": int(self.integer.sum()),
            "nonzeros": int(self.matrix.nnz),
        }

    def without_rows(self, dropped: NDArray[np.bool_]) -> LinearProgram:
        """The same program with some rows free."""
        return replace(
            self,
            row_lower=np.where(dropped, -np.inf, self.row_lower),
            row_upper=np.where(dropped, np.inf, self.row_upper),
        )

    def feasibility(self) -> LinearProgram:
        """The same program with nothing to minimise."""
        return replace(self, cost=np.zeros_like(self.cost), offset=0.0)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A Pyomo model as arrays, and the Pyomo objects behind its rows and columns."""

    program: LinearProgram
    constraints: Sequence[Any]
    variables: Sequence[Any]

    def load(self, values: NDArray[np.float64]) -> None:
        """Set the variables of the Pyomo model to a solution."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.set_value(float(value), skip_validation=True)


@dataclass(frozen=True)
class Progress:
    """One line of a running solve."""

    seconds: float
    objective: float
    """Of the best solution so far; infinite where there is none."""
    bound: float
    """Proven lower bound; minus infinity where there is none."""
    gap: float
    nodes: int


@dataclass(frozen=True, eq=False)
class Solution:
    """How a solve ended, and what it found."""

    ending: Ending
    ended: str
    """In the solver's own words."""
    values: NDArray[np.float64] | None
    """Of the columns; None where there is no feasible solution."""
    objective: float | None
    bound: float | None
    """Proven lower bound; None where there is none."""
    nodes: int
    seconds: float
    interrupted: bool = False
    """True if the user stopped it."""
    history: tuple[Progress, ...] = field(default=(), repr=False)


def compile_model(model: Any) -> Compiled:
    """Compile a Pyomo model to arrays.

    Raises
    ------
    ModelRefused
        If a constraint has no row, or the objective is not to be minimised.
    """
    form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    if len(form.objectives) != 1 or form.objectives[0].sense != pyo.minimize:
        raise ModelRefused("the model needs exactly one objective, to be minimised")
    compiled = {id(row.constraint) for row in form.rows}
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        if id(constraint) not in compiled:
            raise ModelRefused(f"{constraint.name} has no variable and was dropped")
    matrix = form.A.tocsc()
    matrix.eliminate_zeros()
    sides = np.asarray(form.rhs, dtype=float)
    kinds = np.array([row.bound_type for row in form.rows], dtype=int)
    program = LinearProgram(
        cost=np.asarray(form.c.todense(), dtype=float).ravel(),
        offset=float(form.c_offset[0]),
        matrix=matrix,
        row_lower=np.where(kinds == 1, -np.inf, sides),
        row_upper=np.where(kinds == -1, np.inf, sides),
        lower=np.array([-np.inf if v.lb is None else v.lb for v in form.columns], dtype=float),
        upper=np.array([np.inf if v.ub is None else v.ub for v in form.columns], dtype=float),
        integer=np.array([not v.is_continuous() for v in form.columns], dtype=bool),
        rows=_Names([row.constraint for row in form.rows]),
        columns=_Names(form.columns),
    )
    return Compiled(program, [row.constraint for row in form.rows], list(form.columns))


class _Names(Sequence[str]):
    """Names of Pyomo objects, made only when they are asked for."""

    def __init__(self, components: Sequence[Any]) -> None:
        self._components = components

    def __len__(self) -> int:
        return len(self._components)

    def __getitem__(self, position: Any) -> Any:
        return self._components[position].name


def check(program: LinearProgram) -> None:
    """Refuse data that the solver would misread, naming where it stands.

    Raises
    ------
    ModelRefused
        For non-finite numbers, numbers of 1e15 or more, coefficients under 1e-9, and a range
        of coefficients above 1e9.
    """
    _check_vector(program.cost, program.columns, "the cost of")
    _check_vector(np.array([program.offset]), ["the objective"], "the constant of")
    for side in (program.row_lower, program.row_upper):
        _check_vector(side, program.rows, "a side of", infinite=True)
    for bound in (program.lower, program.upper):
        _check_vector(bound, program.columns, "a bound of", infinite=True)
    if np.isposinf(program.row_lower).any() or np.isneginf(program.row_upper).any():
        raise ModelRefused("a row has a side that nothing can meet")
    data = np.abs(program.matrix.data)
    if not data.size:
        return
    if not np.isfinite(data).all():
        raise ModelRefused(
            f"the coefficient of {_entry(program, ~np.isfinite(data))} is not finite"
        )
    if data.max() >= LARGEST:
        raise ModelRefused(
            f"the coefficient of {_entry(program, data == data.max())} is {data.max():.3g}, "
            f"which the solver would take for infinite"
        )
    if data.min() < SMALLEST:
        raise ModelRefused(
            f"the coefficient of {_entry(program, data == data.min())} is {data.min():.3g}, "
            f"which the solver would drop"
        )
    if data.max() / data.min() > LARGEST_RANGE:
        raise ModelRefused(
            f"coefficients range from {data.min():.3g} ({_entry(program, data == data.min())}) to "
            f"{data.max():.3g} ({_entry(program, data == data.max())}), too far apart to be solved "
            f"reliably"
        )


def _check_vector(
    vector: NDArray[np.float64], names: Sequence[str], what: str, infinite: bool = False
) -> None:
    bad = np.isnan(vector) if infinite else ~np.isfinite(vector)
    if bad.any():
        raise ModelRefused(f"{what} {names[int(np.argmax(bad))]} is not a finite number")
    size = np.where(np.isfinite(vector), np.abs(vector), 0.0)
    if size.size and size.max() >= LARGEST:
        raise ModelRefused(f"{what} {names[int(np.argmax(size))]} is {size.max():.3g}, too large")


def _entry(program: LinearProgram, where: NDArray[np.bool_]) -> str:
    position = int(np.argmax(where))
    row = program.rows[int(program.matrix.indices[position])]
    column = int(np.searchsorted(program.matrix.indptr, position, side="right")) - 1
    return f"{program.columns[column]} in {row}"


@contextlib.contextmanager
def _stdout_closed() -> Iterator[None]:
    """Keep the banner that HiGHS prints to file descriptor 1, unasked, off the results."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError, AttributeError):
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _new_solver() -> highspy.Highs:
    with _stdout_closed():
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
    return solver


_threads_in_use: int | None = None


def _set_options(solver: highspy.Highs, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise UnknownOption(f"the solver knows no option {name} = {value!r}")


def hand_over(program: LinearProgram) -> highspy.Highs:
    """A solver that holds the program, checked against what was sent.

    Raises
    ------
    ModelRefused
        If the data would be misread, or anything was lost on the way.
    """
    check(program)
    rows, columns = program.matrix.shape
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows, columns
    lp.sense_ = highspy.ObjSense.kMinimize
    lp.col_cost_, lp.offset_ = program.cost, program.offset
    lp.row_lower_, lp.row_upper_ = program.row_lower, program.row_upper
    lp.col_lower_, lp.col_upper_ = program.lower, program.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.num_row_, lp.a_matrix_.num_col_ = rows, columns
    lp.a_matrix_.start_ = program.matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = program.matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = program.matrix.data
    if program.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[i] for i in program.integer.astype(int)]
    solver = _new_solver()
    status = solver.passModel(lp)
    arrived = (solver.getNumRow(), solver.getNumCol(), solver.getNumNz())
    sent = (rows, columns, int(program.matrix.nnz))
    if status != highspy.HighsStatus.kOk or arrived != sent:
        raise ModelRefused(
            f"the solver took {arrived} rows, columns and non-zeros of {sent} ({status.name})"
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
) -> Solution:
    """Minimise a program.

    Ctrl-C in the main thread stops the search and keeps the incumbent; a second one is left to
    Python. ``gap`` is relative; ``threads`` is None for the solver's own choice; HiGHS keeps one
    count for a process, so its scheduler is reset where another is asked for.

    Raises
    ------
    ModelRefused, UnknownOption, SolverError
    """
    global _threads_in_use
    if threads != _threads_in_use:
        highspy.Highs.resetGlobalScheduler(True)
        _threads_in_use = threads
    solver = hand_over(program)
    # Progress is reported only where the log is on; it goes to the callback alone.
    settings: dict[str, Any] = {"log_to_console": False, "output_flag": on_progress is not None}
    settings |= {"mip_rel_gap": float(gap), "mip_abs_gap": 0.0}
    if time_limit is not None:
        settings["time_limit"] = float(time_limit)
    if threads is not None:
        settings["threads"] = threads
    _set_options(solver, {**settings, **(options or {})})
    history: list[Progress] = []
    _watch(solver, history, on_progress)
    began = time.perf_counter()
    interrupted, status = _run(solver)
    seconds = time.perf_counter() - began
    solution = _read_solution(solver, program, status, seconds, interrupted, tuple(history))
    if solver.getModelStatus() == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        with_nothing_to_gain = solve(program.feasibility(), threads=threads)
        if with_nothing_to_gain.ending == "optimal":
            return replace(solution, ending="unbounded")
    return solution


def _watch(
    solver: highspy.Highs,
    history: list[Progress],
    on_progress: Callable[[Progress], None] | None,
) -> None:
    def note(event: Any) -> None:
        # An exception that reaches the solver's side ruins the solve: none may.
        with contextlib.suppress(Exception):
            data = event.data_out
            progress = Progress(
                seconds=float(data.running_time),
                objective=float(data.mip_primal_bound),
                bound=float(data.mip_dual_bound),
                gap=float(data.mip_gap),
                nodes=int(data.mip_node_count),
            )
            history.append(progress)
            if on_progress is not None:
                on_progress(progress)

    solver.cbMipLogging.subscribe(note)


def _run(solver: highspy.Highs) -> tuple[bool, Any]:
    """Run the solver in its own thread, cancelling it on Ctrl-C; whether it was, and the status."""
    stop = threading.Event()
    in_main = threading.current_thread() is threading.main_thread()
    previous = None

    def on_interrupt(_signal: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    solver.HandleKeyboardInterrupt = True  # arms the callbacks that cancelSolve needs
    if in_main:
        previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        solver.startSolve()
        cancelled = False
        while True:
            done, status = solver.wait(0.05)
            if done:
                return cancelled, status
            if stop.is_set() and not cancelled:
                solver.cancelSolve()
                cancelled = True
    finally:
        if in_main:
            signal.signal(signal.SIGINT, previous)


# By name, since not every version of highspy has all of them.
_ENDINGS: dict[str, Ending] = {
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


def _read_solution(
    solver: highspy.Highs,
    program: LinearProgram,
    status: Any,
    seconds: float,
    interrupted: bool,
    history: tuple[Progress, ...],
) -> Solution:
    how = solver.getModelStatus()
    ended = solver.modelStatusToString(how)
    ending = _ENDINGS.get(how.name)
    if ending is None or status == highspy.HighsStatus.kError:
        raise SolverError(f"the solver failed: {ended}")
    info = solver.getInfo()
    mixed = bool(program.integer.any())
    found = ending == "optimal" or (ending == "limit" and info.primal_solution_status == 2)
    objective = float(info.objective_function_value) if found else None
    bound: float | None = None
    if mixed and np.isfinite(info.mip_dual_bound) and abs(info.mip_dual_bound) < 1e100:
        bound = float(info.mip_dual_bound)
    elif not mixed and ending == "optimal":
        bound = objective
    values = np.array(solver.getSolution().col_value, dtype=float) if found else None
    if ending == "optimal" and values is not None and len(values) != len(program.cost):
        raise SolverError("the solver calls the model optimal but gives no solution")
    return Solution(
        ending=ending,
        ended=ended,
        values=values,
        objective=objective,
        bound=bound if ending in ("optimal", "limit") else None,
        nodes=max(0, int(info.mip_node_count)),
        seconds=seconds,
        interrupted=interrupted,
        history=history,
    )


def violation(program: LinearProgram, values: NDArray[np.float64]) -> float:
    """Largest amount by which values break a row, a bound or the wholeness of a column."""
    activity = program.matrix @ values
    astray = np.abs(values - np.round(values))[program.integer]
    return max(
        float(np.max(excess, initial=0.0))
        for excess in (
            program.row_lower - activity,
            activity - program.row_upper,
            program.lower - values,
            values - program.upper,
            astray,
        )
    )


def arrays(
    cost: Sequence[float] | NDArray[np.float64],
    matrix: Any,
    row_lower: Sequence[float] | NDArray[np.float64],
    row_upper: Sequence[float] | NDArray[np.float64],
    lower: Sequence[float] | NDArray[np.float64],
    upper: Sequence[float] | NDArray[np.float64],
) -> LinearProgram:
    """A linear program without integers from plain sequences, its rows and columns numbered."""
    csc = sparse.csc_array(matrix)
    csc.eliminate_zeros()
    return LinearProgram(
        cost=np.asarray(cost, dtype=float),
        offset=0.0,
        matrix=csc,
        row_lower=np.asarray(row_lower, dtype=float),
        row_upper=np.asarray(row_upper, dtype=float),
        lower=np.asarray(lower, dtype=float),
        upper=np.asarray(upper, dtype=float),
        integer=np.zeros(csc.shape[1], dtype=bool),
        rows=[f"row {i}" for i in range(csc.shape[0])],
        columns=[f"column {j}" for j in range(csc.shape[1])],
    )
