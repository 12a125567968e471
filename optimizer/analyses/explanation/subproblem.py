"""One question after the other: what is lost, or gained, if one thing were otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from models.files import Reading
from models.results import BindingRule
from optimizer.analyses.explanation.forcing import Force, conflict, forced
from optimizer.analyses.series import Series
from optimizer.errors import NoPlan
from optimizer.model.commitment import Commitment, net_cost, weighed_cost
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import State
from optimizer.solve.decomposition import CutPool

COARSE = (1e-3, 1e-4)
"""Gaps that are tried before the one that was asked for: most answers need no more."""
ENOUGH = 0.1
"""A range is narrow enough where it is no wider than this share of its upper end."""


@dataclass(frozen=True)
class Loosen:
    """A number of the scenario that is loosened, by each of some steps."""

    path: str
    now: float
    steps: tuple[float, ...]
    """By rising step, in the unit of the number."""
    years: tuple[int, ...] = ()


Ask = Force | Loosen


@dataclass(frozen=True, eq=False)
class Desk:
    """What questions are about."""

    instance: Instance
    states: tuple[State, ...]
    reading: Reading
    best: float
    """The lowest objective that is known."""
    bound: float
    """No plan has a lower one."""
    gap: float


@dataclass(frozen=True, eq=False)
class Reply:
    """What was found for one problem."""

    status: Literal["optimal", "limit", "infeasible", "none"]
    seconds: float
    objective: float | None = None
    bound: float | None = None
    commitment: Commitment | None = None
    expected: float = 0.0
    weighed_cost: float = 0.0
    net_cost: float = 0.0
    conflict: tuple[BindingRule, ...] = ()


@dataclass(frozen=True, eq=False)
class Answer:
    """Replies to one question, by step where there are several."""

    replies: dict[float, Reply] = field(default_factory=dict)


@dataclass(eq=False)
class Clerk:
    """Answers one question after the other, each as closely as its answer needs."""

    desk: Desk
    series: Series

    def __call__(self, ask: Ask) -> Answer:
        """What is found.

        Raises
        ------
        KeyboardInterrupt
            If the user stopped a search.
        SolverError
            If the solver fails, or its answer fails the check.
        """
        if isinstance(ask, Force):
            reply = self._closely(forced(self.desk.instance, ask), self._lost)
            if reply.status == "infeasible":
                rules = conflict(self.desk.instance, ask)
                reply = Reply("infeasible", reply.seconds, conflict=rules)
            return Answer({0.0: reply})
        replies: dict[float, Reply] = {}
        for step in sorted(ask.steps, reverse=True):
            reply = self._closely(self._loosened(ask, step), self._gained)
            replies[step] = reply
            if reply.bound is not None and self.desk.best - reply.bound <= self._noise():
                break  # What even more does not bring, less does not.
        return Answer(replies)

    def _loosened(self, ask: Loosen, step: float) -> Instance:
        value = float(ask.now + step)
        return read_instance(self.desk.reading.changed([f"{ask.path}={value!r}"]).case)

    def _noise(self) -> float:
        """Twice what gaps leave open: a gain that is below it is not told from none."""
        return 2 * max(self.desk.gap, 1e-6) * max(abs(self.desk.best), 1e-6)

    def _lost(self, objective: float, bound: float) -> tuple[float, float]:
        return max(0.0, bound - self.desk.best), objective - self.desk.bound

    def _gained(self, objective: float, bound: float) -> tuple[float, float]:
        return max(0.0, self.desk.bound - objective), self.desk.best - bound

    def _closely(
        self, instance: Instance, range_of: Callable[[float, float], tuple[float, float]]
    ) -> Reply:
        """The best of a problem, its gap closed until the range of its answer is narrow."""
        began = time.perf_counter()
        gaps = [*(gap for gap in COARSE if gap > self.desk.gap), self.desk.gap]
        reply = Reply("none", 0.0)
        while gaps:
            self.series.gap = gaps.pop(0)
            solved = self.series.search(instance)
            if solved.solution.interrupted:
                raise KeyboardInterrupt
            if solved.solution.ending == "infeasible":
                return Reply("infeasible", time.perf_counter() - began)
            try:
                found = self.series.judge(instance, solved, began)
            except NoPlan:
                bound, seconds = solved.solution.bound, time.perf_counter() - began
                return _joined(reply, Reply("none", seconds, bound=bound))
            own = Reply(
                found.certificate.status,
                time.perf_counter() - began,
                found.objective,
                found.certificate.bound,
                found.commitment,
                found.with_plan.expected,
                weighed_cost(instance, found.commitment),
                net_cost(instance, found.commitment),
            )
            reply = _joined(reply, own)
            if reply.status == "limit" or reply.objective is None or reply.bound is None:
                return reply
            low, high = range_of(reply.objective, reply.bound)
            if low > 0 and high - low <= ENOUGH * high:
                return reply
            if low == 0:
                gaps = gaps[-1:]  # It is small, if anything: only the closest gap may tell.
        return reply


def _joined(earlier: Reply, later: Reply) -> Reply:
    """What two searches of a problem found and proved together, ended as the later one did."""
    bounds = [one.bound for one in (earlier, later) if one.bound is not None]
    kept = later
    if earlier.objective is not None and (
        later.objective is None or earlier.objective < later.objective
    ):
        kept = earlier
    status = "limit" if later.status == "none" and kept is earlier else later.status
    return replace(kept, status=status, seconds=later.seconds, bound=max(bounds, default=None))


def clerk(desk: Desk, pool: CutPool, time_limit: float | None) -> Clerk:
    """One with a single thread, as a worker needs it."""
    return Clerk(desk, Series(desk.instance, desk.states, desk.gap, pool, time_limit))
