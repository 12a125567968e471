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
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutOracle, CutPool, recourse_by_part
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.solver_result import Incumbent, SolverOptions
from optimizer.solve.verification import broken_rules

QUESTIONS_PER_TRIM = 10  # questions after which memory that is free goes back to the system
MAX_RETAINED_PROBLEMS = 1  # problems beside the first whose states and recourse are kept


@dataclass(eq=False)
class Session:
    """A scenario that stays read, sampled and merged between questions, and its changes.

    What a question leaves as it was is not made again: states of the world unless something changed
    that they are drawn by, recourse unless something changed that it sees. Its search begins from
    the plans, the cuts and the basis of the last one, and from the leaves of the trees before it
    (:mod:`optimizer.solve.decomposition.search_tree`). What is found and proven is what a search from
    nothing would find and prove, within the gap.

    A session may be asked by several threads; a newer question ends an older one, which comes back
    with its best plan so far. Copied to another process it takes cuts, plans and leaves with it.
    """

    threads: int | None = None
    pool: CutPool = field(default_factory=CutPool)
    always_keep_recourse: bool = True  # whether problems take part that are solved whole as quickly
    _recent_problems: list[Problem] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._stop_event: threading.Event | None = None
        self._ask_lock, self._solve_lock = threading.Lock(), threading.Lock()
        self._question_counter = itertools.count(1)

    def __getstate__(self) -> dict[str, Any]:
        left = dict.fromkeys(("_stop_event", "_ask_lock", "_solve_lock", "_question_counter"))
        return {**self.__dict__, "_recent_problems": [], **left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()

    def read_problem(self, case: Case) -> Problem:
        """The problem of a scenario, with all that it has in common with those before."""
        found = Problem.from_case(case, *reversed(self._recent_problems))
        if self.always_keep_recourse or not found.is_small:
            found = found.with_recourse(self.threads)
        kept = [own.recourse for own in found.single_set_problems if own.recourse is not None]
        for own in (
            part.recourse for known in self._recent_problems for part in known.single_set_problems
        ):
            if own is not None and kept and not any(own.shares_cache_with(other) for other in kept):
                own.clear_cache()
        self._recent_problems = [
            *self._recent_problems[:1],
            *[*self._recent_problems[1:], found][-MAX_RETAINED_PROBLEMS:],
        ]
        return found

    @property
    def latest_problem(self) -> Problem:
        """The problem that was asked last."""
        return self._recent_problems[-1]

    def ask(
        self, case: Case, *, damage_only: bool = True, **solve_options: Unpack[SolverOptions]
    ) -> CheckedSolution:
        """The best plan of a scenario, as :func:`optimizer.solve.planner.plan` finds it; of a plan
        found in ``brief`` the outcome holds no more than the damage in each state. Raises as that
        does; Interrupted if a newer question came before there was any plan."""
        stop = threading.Event()
        with self._ask_lock:  # one waits, and each that comes ends the one before
            if self._stop_event is not None:
                self._stop_event.set()
            self._stop_event = stop
        with self._solve_lock:
            own: SolverOptions = {"threads": self.threads, **solve_options, "stop": stop}
            problem = self.read_problem(case)
            pool = None if problem.recourse is None else self.pool
            self.pool.rebase(problem.assumption_sets)
            if pool is not None and (tell := own.get("on_incumbent")) is not None:
                self._report_known_plan(problem, tell)
            try:
                return solve_and_certify(problem, pool=pool, damage_only=damage_only, **own)
            finally:
                if next(self._question_counter) % QUESTIONS_PER_TRIM == 0:
                    release_free_memory()

    def _report_known_plan(self, problem: Problem, report: Callable[[Incumbent], None]) -> None:
        """Tell the best plan so far that keeps all rules of a problem, before anything is built."""
        best, together, parts = None, problem.assumption_sets, problem.single_set_problems
        if together.criterion == "regret":
            return  # what it is taken from is not known yet
        whole = [own.recourse for own in parts if own.recourse is not None]
        seen = recourse_by_part(together, whole, [own.states for own in parts])
        for plan, worth in self.pool.candidates(CutOracle(together, seen)):
            broken = any(broken_rules(own, plan) for own in together.instances)
            if (best is None or worth < best.objective) and not broken:
                best = Incumbent("decomposition", plan, worth, None)
        if best is not None:
            report(best)

    def ask_for_plan(
        self,
        case: Case,
        title: str | None,
        variant: str | None,
        **solve_options: Unpack[SolverOptions],
    ) -> Plan:
        """The same as a document with all that there is to tell."""
        return self.ask(case, damage_only=False, **solve_options).to_plan(title, variant)

    def stop(self) -> None:
        """End the question that is being answered."""
        with self._ask_lock:
            if self._stop_event is not None:
                self._stop_event.set()


def release_free_memory() -> None:
    """Return free memory to the system where the C library keeps it: glibc's heaps come to hold
    some megabytes more with every question, all of them free."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    trim(0)
