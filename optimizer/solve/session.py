"""Questions asked one after the other, each answered from what those before it have left."""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Unpack

from models.results import Plan
from models.scenario.case import Case
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import Appraiser, CutPool, in_parts
from optimizer.solve.planner import Problem, find
from optimizer.solve.solver_result import How, Incumbent
from optimizer.solve.verification import broken_rules

TRIMMED = 10  # questions after which memory that is free goes back to the system
KEPT = 1  # problems beside the first whose states and recourse are kept


@dataclass(eq=False)
class Session:
    """A scenario that stays read, sampled and merged between questions, and its changes.

    What a question leaves as it was is not made again: states of the world unless something changed
    that they are drawn by, recourse unless something changed that it sees. Its search begins from
    the plans, the cuts and the basis of the last one, and from the leaves of the trees before it
    (:mod:`optimizer.solve.decomposition.tree`). What is found and proven is what a search from
    nothing would find and prove, within the gap.

    A session may be asked by several threads; a newer question ends an older one, which comes back
    with its best plan so far. Copied to another process it takes cuts, plans and leaves with it.
    """

    threads: int | None = None
    pool: CutPool = field(default_factory=CutPool)
    always: bool = True  # whether problems take part that are solved whole as quickly
    _known: list[Problem] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._stop: threading.Event | None = None
        self._asking, self._turn = threading.Lock(), threading.Lock()
        self._asked = itertools.count(1)

    def __getstate__(self) -> dict[str, Any]:
        left = {"_stop": None, "_asking": None, "_turn": None, "_asked": None}
        return {**self.__dict__, "_known": [], **left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()

    def problem(self, case: Case) -> Problem:
        """The problem of a scenario, with all that it has in common with those before."""
        found = Problem.of(case, *reversed(self._known))
        if self.always or not found.small:
            found = found.with_recourse(self.threads)
        kept = [own.recourse for own in found.parts if own.recourse is not None]
        for own in (part.recourse for known in self._known for part in known.parts):
            if own is not None and kept and not any(own.shares(other) for other in kept):
                own.forget()
        self._known = [*self._known[:1], *[*self._known[1:], found][-KEPT:]]
        return found

    @property
    def latest(self) -> Problem:
        """The problem that was asked last."""
        return self._known[-1]

    def ask(self, case: Case, *, brief: bool = True, **how: Unpack[How]) -> Found:
        """The best plan of a scenario, as :func:`optimizer.solve.planner.plan` finds it; of a plan
        found in ``brief`` the outcome holds no more than the damage in each state. Raises as that
        does; Interrupted if a newer question came before there was any plan."""
        stop = threading.Event()
        with self._asking:  # one waits, and each that comes ends the one before
            if self._stop is not None:
                self._stop.set()
            self._stop = stop
        with self._turn:
            own: How = {"threads": self.threads, **how, "stop": stop}
            problem = self.problem(case)
            pool = None if problem.recourse is None else self.pool
            self.pool.turn_to(problem.together)
            if pool is not None and (tell := own.get("on_incumbent")) is not None:
                self._tell_known(problem, tell)
            try:
                return find(problem, pool=pool, brief=brief, **own)
            finally:
                if next(self._asked) % TRIMMED == 0:
                    give_back()

    def _tell_known(self, problem: Problem, tell: Callable[[Incumbent], None]) -> None:
        """Tell the best plan so far that keeps all rules of a problem, before anything is built."""
        best, together, parts = None, problem.together, problem.parts
        if together.over == "regret":
            return  # what it is taken from is not known yet
        whole = [own.recourse for own in parts if own.recourse is not None]
        seen = in_parts(together, whole, [own.states for own in parts])
        for plan, worth in self.pool.at_hand(Appraiser(together, seen)):
            broken = any(broken_rules(own, plan) for own in together.instances)
            if (best is None or worth < best.objective) and not broken:
                best = Incumbent("decomposition", plan, worth, None)
        if best is not None:
            tell(best)

    def plan(self, case: Case, title: str | None, variant: str | None, **how: Unpack[How]) -> Plan:
        """The same as a document with all that there is to tell."""
        return self.ask(case, brief=False, **how).plan(title, variant)

    def stop(self) -> None:
        """End the question that is being answered."""
        with self._asking:
            if self._stop is not None:
                self._stop.set()


def give_back() -> None:
    """Return free memory to the system where the C library keeps it: glibc's heaps come to hold
    some megabytes more with every question, all of them free."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    trim(0)
