"""Sessions: successive solves of similar problems, each of which starts from earlier results."""

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

QUESTIONS_PER_TRIM = 10  # questions after which free memory is returned to the system
MAX_RETAINED_PROBLEMS = 1  # problems kept besides the first, with states and recourse


@dataclass(eq=False)
class Session:
    """Series of solves of changed versions of one scenario, which stays in memory.

    States of the world and recourse are kept unless a change affects them. The search starts from
    the plans, the cuts and the basis of the previous solve, and from the leaves of earlier trees
    (:mod:`optimizer.solve.decomposition.search_tree`). Plans and bounds agree with those of a new
    solve within the gap.

    Several threads may use a session: a newer question ends an older one, which returns its best
    plan so far. A copy in another process keeps cuts, plans and leaves.
    """

    threads: int | None = None
    pool: CutPool = field(default_factory=CutPool)
    always_keep_recourse: bool = True  # whether to keep recourse of small problems too
    _recent_problems: list[Problem] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._stop_event: threading.Event | None = None
        self._ask_lock, self._solve_lock = threading.Lock(), threading.Lock()
        self._question_counter = itertools.count(1)

    def __getstate__(self) -> dict[str, Any]:
        reset_fields = dict.fromkeys(
            ("_stop_event", "_ask_lock", "_solve_lock", "_question_counter")
        )
        return {**self.__dict__, "_recent_problems": [], **reset_fields}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()

    def read_problem(self, case: Case) -> Problem:
        """Return the problem of a scenario, which shares states and recourse with recent problems
        where possible."""
        problem = Problem.from_case(case, *reversed(self._recent_problems))
        if self.always_keep_recourse or not problem.is_small:
            problem = problem.with_recourse(self.threads)
        kept_recourses = [
            part.recourse for part in problem.single_set_problems if part.recourse is not None
        ]
        for recourse in (
            part.recourse for known in self._recent_problems for part in known.single_set_problems
        ):
            if (
                recourse is not None
                and kept_recourses
                and not any(recourse.shares_cache_with(other) for other in kept_recourses)
            ):
                recourse.clear_cache()
        self._recent_problems = [
            *self._recent_problems[:1],
            *[*self._recent_problems[1:], problem][-MAX_RETAINED_PROBLEMS:],
        ]
        return problem

    @property
    def latest_problem(self) -> Problem:
        """Problem that was read last."""
        return self._recent_problems[-1]

    def ask(
        self, case: Case, *, damage_only: bool = True, **solve_options: Unpack[SolverOptions]
    ) -> CheckedSolution:
        """Return the best plan of a scenario, as :func:`optimizer.solve.planner.solve_and_certify`
        does.

        With ``damage_only`` the outcome contains only the damage in each state. Raise the errors of
        that function, and Interrupted if a newer question arrived before any plan was found.
        """
        stop = threading.Event()
        with self._ask_lock:  # a new question stops the one that runs
            if self._stop_event is not None:
                self._stop_event.set()
            self._stop_event = stop
        with self._solve_lock:
            ask_options: SolverOptions = {"threads": self.threads, **solve_options, "stop": stop}
            problem = self.read_problem(case)
            pool = None if problem.recourse is None else self.pool
            self.pool.rebase(problem.tree)
            if pool is not None and (report := ask_options.get("on_incumbent")) is not None:
                self._report_known_plan(problem, report)
            try:
                return solve_and_certify(problem, pool=pool, damage_only=damage_only, **ask_options)
            finally:
                if next(self._question_counter) % QUESTIONS_PER_TRIM == 0:
                    release_free_memory()

    def _report_known_plan(self, problem: Problem, report: Callable[[Incumbent], None]) -> None:
        """Report the best known plan that satisfies all rules, before any model is built."""
        best = None
        tree = problem.tree
        set_problems = problem.single_set_problems
        if problem.uses_reference_optima:
            return  # the reference objectives are not known yet
        set_recourses = [
            set_problem.recourse for set_problem in set_problems if set_problem.recourse is not None
        ]
        part_recourses = recourse_by_part(
            tree, set_recourses, [set_problem.states for set_problem in set_problems]
        )
        for plan, objective in self.pool.candidates(CutOracle(tree, part_recourses)):
            is_broken = any(broken_rules(instance, plan) for instance in tree.instances)
            if (best is None or objective < best.objective) and not is_broken:
                best = Incumbent("decomposition", plan, objective, None)
        if best is not None:
            report(best)

    def ask_for_plan(
        self,
        case: Case,
        title: str | None,
        variant: str | None,
        **solve_options: Unpack[SolverOptions],
    ) -> Plan:
        """Return the best plan of a scenario as a complete plan document."""
        return self.ask(case, damage_only=False, **solve_options).to_plan(title, variant)

    def stop(self) -> None:
        """Stop the solve that is running."""
        with self._ask_lock:
            if self._stop_event is not None:
                self._stop_event.set()


def release_free_memory() -> None:
    """Return free memory to the operating system. Otherwise the heaps of glibc would grow by some
    megabytes with each question."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    trim(0)
