"""Sessions: successive solves of similar problems, each of which starts from earlier results."""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, Unpack

from models.results import Plan
from models.scenario.case import Case
from optimizer.model.highs import Progress
from optimizer.model.instance import Instance
from optimizer.solve.certification import certify, solve_problem
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutOracle, CutPool, MasterModel, recourse_by_part
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    Incumbent,
    Method,
    SolverOptions,
    SolverResult,
)
from optimizer.solve.verification import broken_rules

Solver = TypeVar("Solver")

QUESTIONS_PER_TRIM = 10  # questions after which free memory is returned to the system
MAX_RETAINED_PROBLEMS = 1  # problems kept besides the first, with states and recourse


@dataclass(frozen=True, eq=False)
class Answer:
    """The result of a search for the best plan of a problem, which is certified on request."""

    problem: Problem
    result: SolverResult
    started_at: float
    gap: float
    threads: int | None

    @property
    def is_infeasible(self) -> bool:
        """Whether it is proven that no plan satisfies all rules."""
        return self.result.solution.ending == "infeasible"

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the search."""
        return self.result.solution.interrupted

    @property
    def bound(self) -> float | None:
        """Proven lower bound on the objective of all plans; None if there is none."""
        return self.result.solution.bound

    @property
    def objective(self) -> float | None:
        """Objective of the best plan as the solver computes it; None without a plan."""
        return self.result.solution.objective

    @property
    def seconds(self) -> float:
        """Wall time since the search started."""
        return time.perf_counter() - self.started_at

    def certify(
        self, *, consumers: Collection[str] = (), damage_only: bool = False
    ) -> CheckedSolution:
        """Certify the plan, like :func:`optimizer.solve.certification.certify`."""
        return certify(
            self.problem,
            self.result,
            gap=self.gap,
            started_at=self.started_at,
            threads=self.threads,
            consumers=consumers,
            damage_only=damage_only,
        )

    def certified_plan(self) -> CheckedSolution | None:
        """Return the certified plan; None if the search found none."""
        return None if self.result.commitment is None else self.certify()


@dataclass(eq=False)
class Session:
    """Series of solves of related problems with the same options, each of which starts from the
    plans, the cuts and the basis of earlier solves, and from the leaves of their trees
    (:mod:`optimizer.solve.decomposition.search_tree`).

    :meth:`solve` and :meth:`search` take a problem, whose recourse the caller keeps; the result of
    a search is certified on request. :meth:`ask` solves changed versions of one scenario, which
    stays in memory: states of the world, recourse and the master problem are kept unless a change
    affects them; budgets for all years together do not. Plans and bounds agree with those of a new
    solve within the gap.

    Several threads may ask a session: a newer question ends an older one, which returns its best
    plan so far. A copy in another process keeps cuts, plans and leaves.
    """

    threads: int | None = None
    pool: CutPool | None = field(default_factory=CutPool)
    """Cuts and plans; None if problems are so small that these do not help."""
    always_keep_recourse: bool = True  # whether to keep recourse of small problems too
    gap: float = DEFAULT_GAP
    time_limit: float | None = None
    on_progress: Callable[[Progress], None] | None = field(default=None, repr=False)
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

    def for_worker(self) -> Session:
        """Return a copy of the session for a worker process: with a single thread, a complete copy
        of the pool, and nothing that reports progress."""
        pool = self.pool and self.pool.copy_for_process()
        return replace(self, threads=1, pool=pool, on_progress=None, _recent_problems=[])

    def for_problem(self, instance: Instance) -> Session:
        """Return a copy of the session that solves another problem and leaves this one
        unchanged."""
        return replace(self, pool=self.pool and self.pool.copy_for_problem(instance))

    @property
    def solve_options(self) -> SolverOptions:
        """The options of each solve."""
        return {
            "gap": self.gap,
            "time_limit": self.time_limit,
            "threads": self.threads,
            "on_progress": self.on_progress,
        }

    def solve(self, problem: Problem, **changed_options: Any) -> CheckedSolution:
        """Return the best plan of a problem, like
        :func:`optimizer.solve.planner.solve_and_certify` with the options and the pool of the
        session."""
        return solve_and_certify(
            problem, **{"pool": self.pool, **self.solve_options, **changed_options}
        )

    def search(
        self,
        problem: Problem,
        *,
        method: Method | Literal["auto"] = "auto",
        target_objective: float | None = None,
        compared_objective: float | None = None,
        **changed_options: Unpack[SolverOptions],
    ) -> Answer:
        """Search for the best plan of a problem, like
        :func:`optimizer.solve.certification.solve_problem` with the options and the pool of the
        session."""
        started_at = time.perf_counter()
        options: SolverOptions = {**self.solve_options, **changed_options}
        result = solve_problem(
            problem,
            method=method,
            pool=self.pool,
            target_objective=target_objective,
            compared_objective=compared_objective,
            **options,
        )
        return Answer(problem, result, started_at, options["gap"], options["threads"])

    def read_problem(self, case: Case) -> Problem:
        """Return the problem of a scenario, which shares states and recourse with recent problems
        where possible."""
        problem = Problem.from_case(case, *reversed(self._recent_problems))
        if self.always_keep_recourse or not problem.is_small:
            problem = problem.with_recourse(self.threads)
        if not problem.set_problems and not problem.instance.branches:
            similar_models = (
                recent.master_model.for_other_budgets(problem.instance)
                for recent in reversed(self._recent_problems)
                if recent.master_model is not None
            )
            model = next(filter(None, similar_models), None) or MasterModel(problem.instance)
            problem = replace(problem, master_model=model)
        kept_recourses = [
            part.recourse for part in problem.single_set_problems if part.recourse is not None
        ]
        for recourse in (
            part.recourse for recent in self._recent_problems for part in recent.single_set_problems
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
    def is_new(self) -> bool:
        """Whether the session has no cuts yet."""
        return self.pool is None or not self.pool.key

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
            ask_options: SolverOptions = {**self.solve_options, **solve_options, "stop": stop}
            problem = self.read_problem(case)
            pool = None if problem.recourse is None else self.pool
            if self.pool is not None:
                self.pool.rebase(problem.tree)
            if pool is not None and (report := ask_options.get("on_incumbent")) is not None:
                report_known_plan(problem, pool, report)
            try:
                return solve_and_certify(problem, pool=pool, damage_only=damage_only, **ask_options)
            finally:
                if next(self._question_counter) % QUESTIONS_PER_TRIM == 0:
                    release_free_memory()

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


def create_worker_solver(
    solver_type: Callable[[Any, Session], Solver], subject: Any, session: Session
) -> Solver:
    """Create the solver of a worker with a copy of the session: workers in one process would share
    its cuts, and answers would depend on the engine."""
    return solver_type(subject, session.for_worker())


def release_free_memory() -> None:
    """Return free memory to the operating system. Otherwise the heaps of glibc would grow by some
    megabytes with each question."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    trim(0)


def report_known_plan(problem: Problem, pool: CutPool, report: Callable[[Incumbent], None]) -> None:
    """Report the best known plan that satisfies all rules, if there is one, before any model is
    built. With the criterion regret, nothing is reported."""
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
    for plan, objective in pool.candidates(CutOracle(tree, part_recourses)):
        is_broken = any(broken_rules(instance, plan) for instance in tree.instances)
        if (best is None or objective < best.objective) and not is_broken:
            best = Incumbent("decomposition", plan, objective, None)
    if best is not None:
        report(best)
