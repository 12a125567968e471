"""Options and results that both solution methods have in common, and the relative gap of a plan."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from optimizer.model.commitment import Commitment

if TYPE_CHECKING:
    from optimizer.model.highs import ProgramSolution, Progress


MIN_GAP_TARGET = 1e-6  # smallest effective gap target, given the solver's arithmetic
RELATIVE_OBJECTIVE_FLOOR = 1e-6
"""Smallest denominator of a relative gap, as a share of the objective without a plan; this value
itself if that objective is at most as large."""


@dataclass(frozen=True)
class GapScale:
    """Smallest denominator of an objective's relative gap, and the size of rounding errors."""

    objective_floor: float  # smallest denominator of a relative gap
    rounding: float  # differences up to this are rounding errors


def compute_objective_floor(objective_without_plan: float) -> float:
    """Return the smallest denominator of relative gaps, given the objective without a plan."""
    return RELATIVE_OBJECTIVE_FLOOR * (
        objective_without_plan if objective_without_plan > RELATIVE_OBJECTIVE_FLOOR else 1.0
    )


def relative_gap(
    objective: float, bound: float | None, objective_floor: float = RELATIVE_OBJECTIVE_FLOOR
) -> float | None:
    """Return the distance of the objective from the bound, relative to the objective or to
    ``objective_floor``, whichever is larger; None without a bound."""
    return (
        None
        if bound is None
        else max(0.0, objective - bound) / max(abs(objective), objective_floor)
    )


def is_gap_closed(
    objective: float,
    bound: float | None,
    gap_target: float,
    objective_floor: float = RELATIVE_OBJECTIVE_FLOOR,
) -> bool:
    """Return whether the relative gap between objective and bound is at most ``gap_target``."""
    gap = relative_gap(objective, bound, objective_floor)
    return gap is not None and gap <= max(gap_target, MIN_GAP_TARGET) * (1 + 1e-9)


Method = Literal["extensive", "decomposition"]
DEFAULT_GAP = 1e-4  # default relative gap at which a search ends
SCALED_OBJECTIVE = 2.0**15
"""Value that the objective is scaled to for the solver: first the objective without a plan, then
that of the best plan if it is smaller by more than this factor."""

# Solver statuses of both methods:
NODE_LIMIT = "node limit"  # the node limit was reached
NUMERICAL_LIMIT = "numerical limit"  # the solver's arithmetic allows no further progress
INFINITE_BOUND = 1e100  # larger bounds count as absent


class SolverOptions(TypedDict, total=False):
    """Options of a solve: accuracy, limits and callbacks."""

    gap: float  # relative gap at which the search ends; default 1e-4
    time_limit: float | None  # seconds; the best plan so far is returned
    node_limit: int | None  # nodes of the search; a reproducible limit
    threads: int | None  # of the solver and the recourse evaluation; their default if None
    on_progress: Callable[[Progress], None] | None
    on_incumbent: Callable[[Incumbent], None] | None  # called with better plans
    stop: threading.Event | None  # ends the search when set, as Ctrl-C does
    traces_cuts: bool  # whether the result keeps the master problem with all cuts


_observer: ContextVar[tuple[Any, Any]] = ContextVar("observer", default=(None, None))
"""Receivers of progress and of incumbents of all searches in the context."""


@contextlib.contextmanager
def observing(
    on_progress: Callable[[Progress], None] | None, on_incumbent: Callable[[Incumbent], None] | None
) -> Iterator[None]:
    """Within the context, report the progress and the incumbents of each search of this thread
    that has no receivers of its own. Searches in other processes are not observed."""
    token = _observer.set((on_progress, on_incumbent))
    try:
        yield
    finally:
        _observer.reset(token)


def with_observers(solve_options: SolverOptions) -> SolverOptions:
    """Return options with the receivers of the context where they have none."""
    on_progress, on_incumbent = _observer.get()
    return {
        **solve_options,
        "on_progress": solve_options.get("on_progress") or on_progress,
        "on_incumbent": solve_options.get("on_incumbent") or on_incumbent,
    }


@dataclass(frozen=True, eq=False)
class SolverResult:
    """Result of a solve: the solution and its commitment, the time of each step, the size of the
    model and the work done."""

    method: Method
    solution: ProgramSolution
    commitment: Commitment | None
    seconds_by_step: dict[str, float]  # wall time by step
    model_size: dict[str, int]  # of the solved model
    # Evaluations, cuts, nodes and the like.
    work_counts: dict[str, int] = field(default_factory=dict)
    is_doubtful: bool = False  # whether solves with several tolerances disagree
    is_well_scaled: bool = True  # whether magnitudes suit the solver's tolerances
    search: Any = None
    """The ``SearchRun`` that proved the bound, with all cuts, if they were traced."""


@dataclass(frozen=True, eq=False)
class Incumbent:
    """Best plan that a search has found so far, with its bound."""

    method: Method
    commitment: Commitment = field(repr=False)
    objective: float  # as computed by the search
    bound: float | None  # proven lower bound on all plans; None if there is none
    final: bool = False  # whether the search has ended with it


class IncumbentReporter:
    """Reporter of better plans and bounds while a search runs, at limited intervals.

    ``read_commitment`` is called in the thread of the search. Errors of the callback do not end the
    search.
    """

    MIN_INTERVAL = 1.0  # seconds between two reports; the first plan is reported at once
    MAX_TIME_SHARE = 0.02  # share of the search time that reports may take

    def __init__(
        self,
        method: Method,
        on_incumbent: Callable[[Incumbent], None] | None,
        read_commitment: Callable[[NDArray[np.float64]], Commitment],
    ) -> None:
        self._method = method
        self._on_incumbent = on_incumbent
        self._read_commitment = read_commitment
        self._reported_values: NDArray[np.float64] | None = None
        self._commitment = Commitment()
        self._reported_bound = -math.inf
        self._next_report_at = -math.inf

    def report(self, values: NDArray[np.float64] | None, objective: float, bound: float) -> None:
        """Report the plan and the bound if they are new and enough time has passed since the last
        report."""
        if self._on_incumbent is None or values is None:
            return
        if values is self._reported_values and bound <= self._reported_bound:
            return
        started_at = time.monotonic()
        if started_at < self._next_report_at:
            return
        with contextlib.suppress(Exception):
            if values is not self._reported_values:
                self._commitment, self._reported_values = self._read_commitment(values), values
            self._reported_bound = bound
            proven_bound = min(bound, objective) if abs(bound) < INFINITE_BOUND else None
            self._on_incumbent(Incumbent(self._method, self._commitment, objective, proven_bound))
        ended_at = time.monotonic()
        self._next_report_at = ended_at + max(
            self.MIN_INTERVAL, (ended_at - started_at) / self.MAX_TIME_SHARE
        )


def seconds_left(time_limit: float | None, started_at: float) -> float | None:
    """Return the rest of a time limit that began at ``started_at`` (``time.perf_counter``)."""
    if time_limit is None:
        return None
    return max(0.0, started_at + time_limit - time.perf_counter())
