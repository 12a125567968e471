"""What a method of solving returns."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from optimizer.model.commitment import Commitment

if TYPE_CHECKING:  # the solver comes with it, which those who read a plan do without
    from optimizer.model.highs import ProgramSolution, Progress

Method = Literal["extensive", "decomposition"]
DEFAULT_GAP = 1e-4  # the relative gap between plan and bound at which a search may stop by default
SCALED_OBJECTIVE = 2.0**15
"""What the objective is scaled to for the solver: that without a plan first, and that of the best
plan where it is smaller by more than this."""

# How a search ended, in either method's words:
NODE_LIMIT = "node limit"  # it had as many nodes as it was allowed
NUMERICAL_LIMIT = "numerical limit"  # the solver's arithmetic left it nothing to go on with
INFINITE_BOUND = 1e100  # from here on a bound is none


class SolverOptions(TypedDict, total=False):
    """How hard a problem is tried, and who is told."""

    gap: float  # relative, between plan and bound, at which the search may stop; 1e-4
    time_limit: float | None  # seconds from the call on; the best plan so far comes back
    node_limit: int | None  # nodes of the search; the same, but at the same place each time
    threads: int | None  # of the solver and the sweep; their own choice where None
    on_progress: Callable[[Progress], None] | None
    on_incumbent: Callable[[Incumbent], None] | None  # told the best plan now and then
    stop: threading.Event | None  # ends the search once it is set, as a Ctrl-C does


@dataclass(frozen=True, eq=False)
class SolverResult:
    """A solution, the commitment in it, and the time and size it took."""

    method: Method
    solution: ProgramSolution
    commitment: Commitment | None
    seconds_by_step: dict[str, float]  # wall time by step
    model_size: dict[str, int]  # of the model that was solved
    work_counts: dict[str, int] = field(default_factory=dict)  # sweeps, cuts, nodes and the like
    is_doubtful: bool = False  # whether solves by several tolerances told different things
    is_well_scaled: bool = True  # whether all figures lie where tolerances are what they seem


@dataclass(frozen=True, eq=False)
class Incumbent:
    """The best plan of a search so far, and what is proven of all others."""

    method: Method
    commitment: Commitment = field(repr=False)
    objective: float  # as the search reckons it
    bound: float | None  # proven lower bound on the objective of any plan; None where there is none
    final: bool = False  # whether the search has ended with it


class IncumbentReporter:
    """Tells the best plan of a running search, and a bound that rises under it, now and then.
    ``read`` makes a commitment of the values of a solution, in the thread of the search. What goes
    wrong in telling does not cost the search its plan."""

    MIN_INTERVAL = 1.0  # seconds between two tellings; the first plan is told at once
    MAX_TIME_SHARE = 0.02  # of the time of a search, what telling may take

    def __init__(
        self,
        method: Method,
        on_incumbent: Callable[[Incumbent], None] | None,
        read_commitment: Callable[[NDArray[np.float64]], Commitment],
    ) -> None:
        self._method, self._on_incumbent, self._read_commitment = (
            method,
            on_incumbent,
            read_commitment,
        )
        self._reported_values: NDArray[np.float64] | None = None
        self._commitment, self._reported_bound, self._next_report_at = (
            Commitment(),
            -math.inf,
            -math.inf,
        )

    def report(self, values: NDArray[np.float64] | None, objective: float, bound: float) -> None:
        """Tell what is known by now, if it is new and there is time for it."""
        if self._on_incumbent is None or values is None:
            return
        if values is self._reported_values and bound <= self._reported_bound:
            return
        began = time.monotonic()
        if began < self._next_report_at:
            return
        with contextlib.suppress(Exception):
            if values is not self._reported_values:
                self._commitment, self._reported_values = self._read_commitment(values), values
            self._reported_bound = bound
            proven = min(bound, objective) if abs(bound) < INFINITE_BOUND else None
            self._on_incumbent(Incumbent(self._method, self._commitment, objective, proven))
        ended = time.monotonic()
        self._next_report_at = ended + max(self.MIN_INTERVAL, (ended - began) / self.MAX_TIME_SHARE)
