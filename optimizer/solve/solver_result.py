"""What a method of solving returns."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from optimizer.model.commitment import Commitment

if TYPE_CHECKING:  # the solver comes with it, which those who read a plan do without
    from optimizer.model.highs import Solution

Method = Literal["extensive", "decomposition"]
TOP = 2.0**15
"""What the objective is scaled to for the solver: that without a plan first, and that of the best
plan where it is smaller by more than this."""


NODE_LIMIT = "node limit"
"""How a search ended that had as many nodes as it was allowed, in either method's words."""


NUMERICAL_LIMIT = "numerical limit"
"""How it ended where the solver's arithmetic left it nothing to go on with."""


@dataclass(frozen=True, eq=False)
class Solved:
    """A solution, the commitment in it, and the time and size it took."""

    method: Method
    solution: Solution
    commitment: Commitment | None
    seconds: dict[str, float]
    """Wall time by step."""
    size: dict[str, int]
    """Of the model that was solved."""
    work: dict[str, int] = field(default_factory=dict)
    """What it took: sweeps, cuts, nodes and the like."""
    doubtful: bool = False
    """Whether solves by several tolerances told different things, so that none is trusted."""
    near_one: bool = True
    """Whether all figures of the model lie where the solver's tolerances are what they seem."""


@dataclass(frozen=True, eq=False)
class Incumbent:
    """The best plan of a search so far, and what is proven of all others."""

    method: Method
    commitment: Commitment
    objective: float
    """As the search reckons it."""
    bound: float | None
    """Proven lower bound on the objective of any plan; None where there is none."""
    final: bool = False
    """Whether the search has ended with it."""


INFINITE = 1e100
"""From here on a bound is none."""


class Teller:
    """Tells the best plan of a running search, and a bound that rises under it, now and then.

    Parameters
    ----------
    on_incumbent
        Is told; None for nobody. What goes wrong there does not cost the search its plan.
    read
        The commitment in the values of a solution; it is called in the thread of the search.
    """

    EVERY = 1.0
    """Seconds between two tellings; the first plan is told at once."""
    SHARE = 0.02
    """Of the time of a search, what telling may take."""

    def __init__(
        self,
        method: Method,
        on_incumbent: Callable[[Incumbent], None] | None,
        read: Callable[[NDArray[np.float64]], Commitment],
    ) -> None:
        self._method, self._on_incumbent, self._read = method, on_incumbent, read
        self._told: NDArray[np.float64] | None = None
        self._commitment = Commitment()
        self._bound = -math.inf
        self._due = -math.inf

    def tell(self, values: NDArray[np.float64] | None, objective: float, bound: float) -> None:
        """Tell what is known by now, if it is new and there is time for it."""
        if self._on_incumbent is None or values is None:
            return
        if values is self._told and bound <= self._bound:
            return
        began = time.monotonic()
        if began < self._due:
            return
        with contextlib.suppress(Exception):
            if values is not self._told:
                self._commitment, self._told = self._read(values), values
            self._bound = bound
            proven = min(bound, objective) if abs(bound) < INFINITE else None
            self._on_incumbent(Incumbent(self._method, self._commitment, objective, proven))
        ended = time.monotonic()
        self._due = ended + max(self.EVERY, (ended - began) / self.SHARE)
