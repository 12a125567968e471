"""A scenario in, a plan out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from models.language import tr
from models.results import Certificate, Plan
from models.scenario.case import Case
from optimizer.errors import (
    CheckFailed,
    Infeasible,
    Interrupted,
    NoPlan,
    SolverError,
)
from optimizer.model.commitment import Commitment, weighed_cost, without_idle
from optimizer.model.cores import usable_cores
from optimizer.model.highs import Progress, Solution
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import State, read_states, without_surplus
from optimizer.solve import outcomes, unsolvable
from optimizer.solve.checked_solution import ENOUGH_STATES, Found, input_hash
from optimizer.solve.conflicts import smallest_conflict
from optimizer.solve.decomposition import CutPool, Frame, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.gap import Sizes, gap_of, is_within, settled, smallest_size
from optimizer.solve.solver_result import NUMERICAL_LIMIT, Incumbent, Method, Solved
from optimizer.solve.sweep import Recourse
from optimizer.solve.verification import broken_rules, check_commitment

AGREEMENT = 1e-5
"""How far the objective recomputed outside the solver may lie above the solver's, relatively."""

BY_ITSELF = ("Optimal", "gap closed", NUMERICAL_LIMIT)
"""How searches end that no limit ends, by either method."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A scenario as every method takes it."""

    instance: Instance
    states: tuple[State, ...]
    seconds: float
    """Wall time that reading took."""
    recourse: Recourse | None = None
    """Of the same states from another standpoint, if it is there already."""
    frame: Frame | None = None
    """Of the same instance with other states, if it is there already."""

    @classmethod
    def of(cls, case: Case) -> Problem:
        """The problem of a scenario."""
        began = time.perf_counter()
        instance = read_instance(case)
        states = read_states(instance)
        return cls(instance, states, time.perf_counter() - began)


def plan(
    case: Case,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: Callable[[Incumbent], None] | None = None,
    variant: str | None = None,
    title: str | None = None,
) -> Plan:
    """The investment mix that minimises the scenario's objective, checked, with its proof.

    Parameters
    ----------
    gap
        Relative gap between plan and bound at which the search may stop.
    time_limit
        Seconds; at the limit the best plan comes back with its gap and the status ``limit``.
    node_limit
        Nodes of the search; the same, but at the same place each time.
    threads
        Of the solver and the sweep; their own choice where None.
    method
        The extensive form, the decomposition, or the one that suits the size of the problem.
    pool
        Cuts of problems that share recourse with this one (variants, budgets, risk weights); the
        decomposition starts from it and adds to it, and is the method where there is one.
    on_incumbent
        Is told the best plan of the search now and then, and the one that it ended with.

    Raises
    ------
    Infeasible
        Carrying a smallest set of rules in conflict.
    ScenarioError
        If figures of the scenario are too unlike in size to be solved together.
    NoPlan
        If a limit was met before any plan was found.
    Interrupted
        If the user stopped the search before any plan was found.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    return find(
        Problem.of(case),
        gap=gap,
        time_limit=time_limit,
        node_limit=node_limit,
        threads=threads,
        method=method,
        pool=pool,
        on_progress=on_progress,
        on_incumbent=on_incumbent,
    ).plan(title, variant)


def find(
    problem: Problem,
    *,
    gap: float = 1e-4,
    time_limit: float | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: Callable[[Incumbent], None] | None = None,
) -> Found:
    """The plan before it becomes a document; as :func:`plan`."""
    began = time.perf_counter()
    solved = search(
        problem,
        gap=gap,
        time_limit=time_limit,
        node_limit=node_limit,
        threads=threads,
        method=method,
        pool=pool,
        on_progress=on_progress,
        on_incumbent=on_incumbent,
    )
    if on_incumbent is not None and solved.commitment is not None:
        claimed, bound = solved.solution.objective, solved.solution.bound
        objective = math.inf if claimed is None else claimed
        on_incumbent(Incumbent(solved.method, solved.commitment, objective, bound, final=True))
    return judge(problem, solved, gap=gap, began=began, threads=threads)


def salvage(
    case: Case,
    incumbent: Incumbent,
    *,
    ended: str,
    gap: float = 1e-4,
    threads: int | None = None,
    variant: str | None = None,
    title: str | None = None,
) -> Plan:
    """The plan of a search that did not come back, from the last that it told, checked as any.

    ``ended`` says what became of the search.

    Raises
    ------
    CheckFailed
        If what was told breaks a rule, or is worth less than its bound allows.
    """
    began = time.perf_counter()
    problem = Problem.of(case)
    # What the search claimed is not compared: it may not have solved around its whole numbers.
    solution = Solution("limit", ended, None, None, incumbent.bound, nodes=0, seconds=0.0)
    solved = Solved(incumbent.method, solution, incumbent.commitment, seconds={}, size={})
    return judge(problem, solved, gap=gap, began=began, threads=threads).plan(title, variant)


def search(
    problem: Problem,
    *,
    gap: float,
    time_limit: float | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: Callable[[Incumbent], None] | None = None,
    enough: float | None = None,
) -> Solved:
    """Solve a problem, or, with ``enough``, only find out whether an objective can be so low.

    The extensive form takes no notice of ``enough``: it is for problems that are solved quickly.
    Where the answer of a method is in doubt, the other is asked.
    """
    began = time.perf_counter()
    states = problem.states
    instance = without_surplus(problem.instance, states)

    def left() -> float | None:
        return None if time_limit is None else max(0.0, began + time_limit - time.perf_counter())

    def decompose(**options: Any) -> Solved:
        with unsolvable.told_of(instance):
            return solve_by_decomposition(
                instance,
                states,
                gap=gap,
                time_limit=left(),
                node_limit=node_limit,
                threads=threads,
                on_progress=on_progress,
                on_incumbent=on_incumbent,
                pool=pool,
                enough=enough,
                recourse=problem.recourse,
                frame=problem.frame if instance is problem.instance else None,
                **options,
            )

    def extend() -> Solved | None:
        """By the extensive form; None where it fails."""
        (nothing,) = outcomes.evaluate(
            instance, states, [Commitment()], threads=threads, recourse=problem.recourse
        )
        with contextlib.suppress(SolverError):
            return solve_extensive_form(
                instance,
                states,
                gap=gap,
                nothing=outcomes.objective(instance, nothing, 0.0),
                time_limit=left(),
                node_limit=node_limit,
                threads=threads,
                on_progress=on_progress,
                on_incumbent=on_incumbent,
            )
        return None

    chosen = choose_method(instance, states, pool) if method == "auto" else method
    solved: Solved | None = None
    if chosen == "extensive":
        solved = extend()
        if solved is not None and not _is_doubtful(problem, solved, gap=gap, threads=threads):
            return solved
    # Sweeps are exact, and the master is far smaller than an extensive form.
    for options in ({}, {"exact": True}):
        again = decompose(**options)
        if again.commitment is None and solved is not None and solved.commitment is not None:
            # Time ran out before it found as much. What is in doubt proves nothing.
            unproven = replace(solved.solution, bound=None)
            return replace(solved, solution=unproven) if solved.doubtful else solved
        solved = again
        if not _breaks_a_rule(problem, solved):
            break
    assert solved is not None
    if solved.solution.ending == "infeasible" and not broken_rules(problem.instance, Commitment()):
        # To do nothing is a plan, whatever the solver says.
        idle = replace(solved.solution, ending="limit", ended=NUMERICAL_LIMIT, bound=None)
        solved = replace(solved, commitment=Commitment(), solution=idle)
    if solved.solution.ended == NUMERICAL_LIMIT and _size(instance, states) <= MODERATE:
        other = extend() if chosen != "extensive" else None
        if other is not None and other.commitment is not None:
            return solved if _is_doubtful(problem, other, gap=gap, threads=threads) else other
    return solved


def _breaks_a_rule(problem: Problem, solved: Solved) -> bool:
    """Whether a plan, as far as there is one, would fail the check."""
    if solved.commitment is None:
        return False
    instance = problem.instance
    return bool(broken_rules(instance, without_idle(instance, solved.commitment)))


def _is_doubtful(problem: Problem, solved: Solved, *, gap: float, threads: int | None) -> bool:
    """Whether solves by several tolerances differ, or the plan is not worth what they say."""
    if solved.solution.interrupted or solved.commitment is None:
        return solved.doubtful and not solved.solution.interrupted
    if solved.doubtful or _breaks_a_rule(problem, solved):
        return True
    if solved.near_one:
        return False
    try:
        judge(problem, solved, gap=gap, began=time.perf_counter(), threads=threads)
    except CheckFailed:
        return True
    return False


def judge(
    problem: Problem,
    solved: Solved,
    *,
    gap: float,
    began: float,
    threads: int | None = None,
    consumers: Collection[str] = (),
) -> Found:
    """Check what a search found and reckon it anew, the damage of some consumers by state as well.

    ``began`` is when the search did.
    """
    instance, states = problem.instance, problem.states
    commitment = commitment_in(instance, solved)
    checked = time.perf_counter()
    check_commitment(instance, commitment)
    with_plan, without = outcomes.evaluate(
        instance,
        states,
        [commitment, Commitment()],
        threads=threads,
        consumers=consumers,
        recourse=problem.recourse,
    )
    objective = outcomes.objective(instance, with_plan, weighed_cost(instance, commitment))
    least = smallest_size(outcomes.objective(instance, without, 0.0))
    sizes = Sizes(least, outcomes.rounding(instance))
    _check_objective(solved, objective, sizes, gap)
    ended = time.perf_counter()
    certificate = _certificate(
        problem,
        solved,
        objective,
        sizes,
        gap,
        problem.seconds + ended - began,
        {"read": problem.seconds, **solved.seconds, "check": ended - checked},
    )
    return Found(
        instance, states, commitment, with_plan, without, certificate, solved.solution.interrupted
    )


SMALL = 300
"""Nodes times states times periods up to which the extensive form is quicker, or as quick and
exact to its last digit (docs/benchmarks.md)."""

MODERATE = 20_000
"""The same up to which it is tried where the decomposition ends at its numerical limit."""


def _size(instance: Instance, states: Sequence[State]) -> int:
    """Nodes times states times periods."""
    return len(instance.nodes) * len(states) * len(instance.periods)


def choose_method(
    instance: Instance, states: Sequence[State], pool: CutPool | None = None
) -> Method:
    """The method that suits the size of a problem."""
    small = _size(instance, states) <= SMALL
    return "extensive" if small and pool is None else "decomposition"


def usual_jobs(instance: Instance, states: Sequence[State]) -> int:
    """Processes that are worth starting for many problems of this size: all usable cores, but one
    where a problem takes less time than a process takes to begin."""
    return 1 if choose_method(instance, states) == "extensive" else usable_cores()


def commitment_in(instance: Instance, solved: Solved) -> Commitment:
    """The commitment that was found, or the reason why there is none, as :func:`plan` raises it."""
    solution = solved.solution
    if solution.ending == "infeasible":
        with unsolvable.told_of(instance):
            conflict = smallest_conflict(instance)
        if not conflict:
            raise SolverError(tr("the solver calls a problem infeasible that has a plan"))
        raise Infeasible(conflict)
    if solution.ending == "unbounded":
        raise SolverError(
            tr("the solver calls a problem unbounded whose damage cannot be negative")
        )
    if solved.commitment is None:
        if solution.interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
        raise NoPlan(tr("no plan was found before the limit ({ended})", ended=solution.ended))
    return without_idle(instance, solved.commitment)


def _check_objective(solved: Solved, objective: float, sizes: Sizes, gap: float) -> None:
    """Refuse an objective that the solver's own answer, or its bound, does not bear out."""
    claimed, bound = solved.solution.objective, solved.solution.bound
    slack = AGREEMENT * max(sizes.least, abs(objective)) + sizes.rounding
    if claimed is not None and objective > claimed + max(slack, gap * abs(objective)):
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, the solver says {claimed:.9g}",
                objective=objective,
                claimed=claimed,
            )
        )
    if bound is not None and objective < bound - slack:
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, below the bound {bound:.9g}",
                objective=objective,
                bound=bound,
            )
        )


def _certificate(
    problem: Problem,
    solved: Solved,
    objective: float,
    sizes: Sizes,
    gap_target: float,
    seconds: float,
    by_step: dict[str, float],
) -> Certificate:
    instance, solution = problem.instance, solved.solution
    bound = solution.bound
    if solution.ended in BY_ITSELF:
        bound = settled(objective, bound, gap_target, sizes)
    elif bound is not None:
        bound = min(bound, objective)
    within = is_within(objective, bound, gap_target, sizes.least)
    uncertainty = instance.case.uncertainty
    sample = uncertainty.sample if uncertainty else None
    return Certificate(
        status="optimal" if within else "limit",
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound, sizes.least),
        gap_target=gap_target,
        ended=solution.ended,
        method=solved.method,
        states=len(problem.states),
        illustrative=len(problem.states) < ENOUGH_STATES,
        seed=int(sample.seed) if sample else None,
        seconds=seconds,
        seconds_by_step=by_step,
        model_size=solved.size,
        work=solved.work,
        input_sha256=input_hash(instance.case),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Versions of the project and of what its results rest on."""
    names = ("vorrat", "pyomo", "highspy", "numpy", "scipy", "numba")
    return {name: version_of(name) for name in names}


@cache
def version_of(name: str) -> str:
    """The version of an installed distribution; looked up once, since that reads files."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
