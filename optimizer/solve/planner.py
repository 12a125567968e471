"""A scenario in, a plan out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Unpack

from models.language import tr
from models.results import Certificate, Plan
from models.scenario.case import Case
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, SolverError
from optimizer.model.commitment import Commitment, weighed_cost, without_idle
from optimizer.model.cores import usable_cores
from optimizer.model.highs import Solution
from optimizer.model.instance import Instance, read_instance
from optimizer.model.likeness import drawn_alike, seen_alike
from optimizer.model.outlook import without_surplus
from optimizer.model.states import State, read_states
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import ENOUGH_STATES, Found, input_hash
from optimizer.solve.conflicts import smallest_conflict, told_of
from optimizer.solve.decomposition import CutPool, Frame, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.gap import Sizes, gap_of, is_within, settled, smallest_size
from optimizer.solve.solver_result import GAP, NUMERICAL_LIMIT, How, Incumbent, Method, Solved
from optimizer.solve.sweep import Recourse
from optimizer.solve.sweep.recourse import BLOCK
from optimizer.solve.verification import broken_rules, check_commitment

AGREEMENT = 1e-5  # the recomputed objective may lie this far above the solver's, relatively
BY_ITSELF = ("Optimal", "gap closed", NUMERICAL_LIMIT)  # ends of searches that no limit ended
SMALL = 300  # nodes * states * periods, so far the extensive form is as quick (benchmarks.md)
MODERATE = 20_000  # so far it is tried where the decomposition meets its numerical limit


@dataclass(frozen=True, eq=False)
class Problem:
    """A scenario as every method takes it."""

    instance: Instance
    states: tuple[State, ...]
    seconds: float  # wall time that reading took
    recourse: Recourse | None = None  # of the same states from another standpoint, if there is any
    frame: Frame | None = None  # of the same instance with other states, if there is any

    @classmethod
    def of(cls, case: Case, *known: Problem) -> Problem:
        """The problem of a scenario, with what it has in common with those that are known."""
        began = time.perf_counter()
        instance = read_instance(case)
        drawn = (own for own in known if drawn_alike(instance, own.instance))
        like = next(drawn, None)
        states = read_states(instance) if like is None else like.states
        alike = (
            own.recourse
            for own in known
            if own.states is states and own.recourse and seen_alike(instance, own.instance)
        )
        recourse = next(alike, None)
        seen = None if recourse is None else recourse.seen(instance)
        for own in known if seen is None else ():
            if own.recourse is not None and seen_alike(instance, own.instance):
                seen = own.recourse.in_states(instance, states)
                break
        return cls(instance, states, time.perf_counter() - began, seen)

    @classmethod
    def after(cls, last: Problem | None, case: Case, threads: int | None = None) -> Problem:
        """The same with recourse, of a scenario that is much like the last one."""
        return cls.of(case, *([] if last is None else [last])).with_recourse(threads)

    def with_recourse(self, threads: int | None = None) -> Problem:
        """The same with recourse, which search and judge then share."""
        if self.recourse is not None:
            return self
        return replace(self, recourse=Recourse(self.instance, self.states, threads=threads))


def plan(
    case: Case,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    variant: str | None = None,
    title: str | None = None,
    **how: Unpack[How],
) -> Plan:
    """The investment mix that minimises the scenario's objective, checked, with its proof. ``pool``
    holds cuts of problems that share recourse with this one (variants, budgets, risk weights): the
    decomposition, then the method, starts from it and adds to it. Raises Infeasible with a smallest
    set of rules in conflict; ScenarioError if figures are too unlike in size to be solved together;
    NoPlan or Interrupted if no plan was found before a limit, or the user stopped it; SolverError
    if the solver fails, or its answer fails the check."""
    return find(Problem.of(case), method=method, pool=pool, **how).plan(title, variant)


def find(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    brief: bool = False,
    **how: Unpack[How],
) -> Found:
    """The plan before it becomes a document; as :func:`plan`, and :func:`judge` for ``brief``."""
    began = time.perf_counter()
    if method == "auto":
        method = choose_method(problem.instance, problem.states, pool)
    if method == "decomposition" and len(problem.states) <= BLOCK:
        problem = problem.with_recourse(how.get("threads"))
    solved = search(problem, method=method, pool=pool, **how)
    on_incumbent = how.get("on_incumbent")
    if on_incumbent is not None and solved.commitment is not None:
        claimed, bound = solved.solution.objective, solved.solution.bound
        objective = math.inf if claimed is None else claimed
        on_incumbent(Incumbent(solved.method, solved.commitment, objective, bound, final=True))
    gap, threads = how.get("gap", GAP), how.get("threads")
    return judge(problem, solved, gap=gap, began=began, threads=threads, brief=brief)


def salvage(
    case: Case,
    incumbent: Incumbent,
    *,
    ended: str,
    gap: float = GAP,
    threads: int | None = None,
    variant: str | None = None,
    title: str | None = None,
) -> Plan:
    """The plan of a search that did not come back, from the last that it told; ``ended`` says what
    became of it. CheckFailed if that breaks a rule, or is worth less than its bound allows."""
    began = time.perf_counter()
    problem = Problem.of(case)
    # What the search claimed is not compared: it may not have solved around its whole numbers.
    solution = Solution("limit", ended, None, None, incumbent.bound, nodes=0, seconds=0.0)
    solved = Solved(incumbent.method, solution, incumbent.commitment, seconds={}, size={})
    return judge(problem, solved, gap=gap, began=began, threads=threads).plan(title, variant)


def search(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    enough: float | None = None,
    against: float | None = None,
    **how: Unpack[How],
) -> Solved:
    """Solve a problem, or, with ``enough``, only find out whether an objective can be so low; where
    all that is asked is the difference from an objective (``against``), a tenth of it may stay open
    if that is more than the gap. The extensive form takes no notice of either: it is for problems
    that are solved quickly. Where the answer of a method is in doubt, the other is asked. Raises
    TypeError for an unknown name."""
    if unknown := how.keys() - How.__annotations__.keys():
        raise TypeError(f"no options of a search: {', '.join(sorted(unknown))}")
    began, states = time.perf_counter(), problem.states
    instance = without_surplus(problem.instance, states)
    gap, threads, limit = how.get("gap", GAP), how.get("threads"), how.get("time_limit")

    def in_time() -> How:
        left = None if limit is None else max(0.0, began + limit - time.perf_counter())
        return {**how, "gap": gap, "time_limit": left}

    lent: dict[str, Any] = {"pool": pool, "broken": broken_rules}
    lent |= {"enough": enough, "against": against}
    by_cuts = partial(solve_by_decomposition, instance, states, **lent)

    def decompose(exact: bool) -> Solved:
        frame = problem.frame if instance is problem.instance else None
        with told_of(instance):
            return by_cuts(recourse=problem.recourse, frame=frame, exact=exact, **in_time())

    def extend() -> Solved | None:
        """By the extensive form; None where it fails."""
        with told_of(instance):
            (without,) = outcomes.evaluate(
                instance, states, [Commitment()], threads=threads, recourse=problem.recourse
            )
        nothing = outcomes.objective(instance, without, 0.0)
        with contextlib.suppress(SolverError):
            return solve_extensive_form(instance, states, nothing=nothing, **in_time())
        return None

    chosen = choose_method(instance, states, pool) if method == "auto" else method
    solved: Solved | None = None
    if chosen == "extensive":
        solved = extend()
        if solved is not None and not _is_doubtful(problem, solved, gap=gap, threads=threads):
            return solved
    # Sweeps are exact, and the master is far smaller than an extensive form.
    for exact in (False, True):
        again = decompose(exact)
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
    brief: bool = False,
) -> Found:
    """Check what a search, begun at ``began``, found and reckon it anew, the damage of some
    consumers by state as well; ``brief`` where no more is asked of the outcome than the damage in
    each state, which the search has swept."""
    instance, states, solution = problem.instance, problem.states, solved.solution
    commitment = commitment_in(instance, solved)
    checked = time.perf_counter()
    check_commitment(instance, commitment)
    recourse = problem.recourse
    brief &= recourse is not None and not instance.counts
    of_plans = outcomes.in_brief if brief else outcomes.evaluate
    how: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (with_plan,) = of_plans(instance, states, [commitment], consumers=consumers, **how)
    without = None if recourse is None or consumers else recourse.memory.get(brief)
    if without is None:
        (without,) = of_plans(instance, states, [Commitment()], consumers=consumers, **how)
    if recourse is not None and not consumers:
        recourse.memory[brief] = without
    objective = outcomes.objective(instance, with_plan, weighed_cost(instance, commitment))
    least = smallest_size(outcomes.objective(instance, without, 0.0))
    sizes = Sizes(least, outcomes.rounding(instance))
    _check_objective(solved, objective, sizes, gap)
    ended, bound = time.perf_counter(), solution.bound
    if solution.ended in BY_ITSELF:
        bound = settled(objective, bound, gap, sizes)
    elif bound is not None:
        bound = min(bound, objective)
    sample = instance.case.uncertainty.sample if instance.case.uncertainty else None
    certificate = Certificate(
        status="optimal" if is_within(objective, bound, gap, least) else "limit",
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound, least),
        gap_target=gap,
        ended=solution.ended,
        method=solved.method,
        states=len(states),
        illustrative=len(states) < ENOUGH_STATES,
        seed=int(sample.seed) if sample else None,
        seconds=problem.seconds + ended - began,
        seconds_by_step={"read": problem.seconds, **solved.seconds, "check": ended - checked},
        model_size=solved.size,
        work=solved.work,
        input_sha256=input_hash(instance.case),
        versions=versions(),
    )
    ends = certificate, solution.interrupted, threads, recourse
    return Found(instance, states, commitment, with_plan, without, *ends)


def told_in_full(found: Found) -> Found:
    """The same with all of its outcome, which :func:`judge` was to tell in brief. CheckFailed if it
    does not bear out the objective."""
    both = [found.commitment, Commitment()]
    with_plan, without = outcomes.evaluate(
        found.instance, found.states, both, threads=found.threads, recourse=found.recourse
    )
    whole = replace(found, with_plan=with_plan, without_plan=without)
    cost = weighed_cost(found.instance, found.commitment)
    objective = outcomes.objective(found.instance, with_plan, cost)
    slack = AGREEMENT * max(whole.sizes.least, abs(objective)) + whole.sizes.rounding
    if abs(objective - found.objective) > slack:
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, the solver says {claimed:.9g}",
                objective=objective,
                claimed=found.objective,
            )
        )
    return whole


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
        with told_of(instance):
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
