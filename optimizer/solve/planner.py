"""A scenario in, a plan out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, Unpack

from models.language import tr
from models.results import Plan
from models.scenario.case import Case
from optimizer.errors import CheckFailed, Interrupted, Misuse, NoPlan, SolverError
from optimizer.model.commitment import Commitment, of_paths, weighed_cost, without_idle
from optimizer.model.highs import Solution
from optimizer.model.instance import read_instance
from optimizer.model.outlook import without_surplus
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Best, Found, proven
from optimizer.solve.conflicts import told_of
from optimizer.solve.decomposition import CutPool, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.gap import ROUNDING
from optimizer.solve.judging import commitment_in as commitment_in
from optimizer.solve.judging import judge as judge
from optimizer.solve.judging import left_open as left_open
from optimizer.solve.judging import reckon as reckon
from optimizer.solve.judging import rules_broken
from optimizer.solve.judging import told_in_full as told_in_full
from optimizer.solve.judging import version_of as version_of
from optimizer.solve.judging import versions as versions
from optimizer.solve.problem import Problem as Problem
from optimizer.solve.problem import check_decided_now, check_single, seeing_alike
from optimizer.solve.problem import check_plain as check_plain
from optimizer.solve.problem import choose_method as choose_method
from optimizer.solve.problem import usual_jobs as usual_jobs
from optimizer.solve.solver_result import GAP, NUMERICAL_LIMIT, How, Incumbent, Method, Solved
from optimizer.solve.sweep.recourse import BLOCK
from optimizer.solve.verification import broken_rules

ROUGH, AFTER = 1e-2, 120.0  # gap and seconds of what a plan that is salvaged is compared with
MODERATE = 20_000  # so far it is tried where the decomposition meets its numerical limit


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
    method = problem.suitable(pool) if method == "auto" else method
    if method == "decomposition" and all(len(own.states) <= BLOCK for own in problem.parts):
        problem = problem.with_recourse(how.get("threads"))
    problem, limit = with_best(problem, **how), how.get("time_limit")

    def in_time() -> float | None:
        return None if limit is None else max(0.0, limit - (time.perf_counter() - began))

    how["time_limit"] = in_time()
    now = None if brief else _decided_now(problem, method, **how)
    if now is not None:
        problem = replace(problem, now=Best(now.objective, now.certificate.bound))
        if method == "decomposition":
            pool = pool or CutPool()
            pool.remember(now.commitment, problem.instance)  # no search need be worse
    how["time_limit"] = in_time()
    if now is not None and now.interrupted:
        ended = Solution("limit", "interrupted", None, None, None, 0, 0.0, interrupted=True)
        solved = _or_now(Solved(method, ended, None, seconds={}, size={}), now, problem)
    else:
        found = search(problem, method=method, pool=pool, **how)
        solved = found if now is None else _or_now(found, now, problem)
    on_incumbent = how.get("on_incumbent")
    if on_incumbent is not None and solved.commitment is not None:
        claimed, bound = solved.solution.objective, solved.solution.bound
        objective = math.inf if claimed is None else claimed
        on_incumbent(Incumbent(solved.method, solved.commitment, objective, bound, final=True))
    gap, threads = how.get("gap", GAP), how.get("threads")
    judged = judge(problem, solved, gap=gap, began=began, threads=threads, brief=brief)
    return _regret_from_itself(judged, problem) if problem.best and judged.sets else judged


def _regret_from_itself(found: Found, problem: Problem) -> Found:
    """The plan with regrets that are never negative: within its gap the best plan of a set leaves
    room for a better one, which this may be, and then it is what regret is taken from."""
    best, values = [], []
    for own, part, known in zip(found.sets, problem.sets, problem.best, strict=True):
        cost = weighed_cost(own.instance, found.commitment)
        values.append(outcomes.objective(own.instance, own.with_plan, cost))
        if values[-1] < known.objective:
            fits = not broken_rules(by_itself(part).instance, found.commitment)
            known = replace(known, objective=values[-1]) if fits else known
        best.append(known)
    if tuple(best) == problem.best or found.together is None:
        return found
    sets = tuple(replace(own, best=known) for own, known in zip(found.sets, best, strict=True))
    if found.together.over != "regret":
        return replace(found, sets=sets)
    together = replace(found.together, best=tuple(known.objective for known in best))
    sizes, proof = found.sizes, found.certificate
    if sizes.least == problem.least:
        sizes = replace(sizes, least=replace(problem, best=tuple(best)).least)
    proof = proven(proof, together.objective(values), proof.bound, sizes)
    proof = proof.model_copy(update={"regret_open": left_open(best)})
    return replace(found, sets=sets, together=together, certificate=proof, sizes_of_sets=sizes)


def _or_now(solved: Solved, now: Found, problem: Problem) -> Solved:
    """What a search has found, or the plan that leaves nothing to the review where it found none,
    since it was stopped, or within its gap a worse one."""
    own = solved.solution.objective
    if solved.solution.ending == "infeasible" or (own is not None and own <= now.objective):
        return solved
    alike = of_paths([now.commitment for _ in problem.instance.paths], problem.instance)
    return replace(
        solved, commitment=alike, solution=replace(solved.solution, objective=now.objective)
    )


def _decided_now(problem: Problem, method: Method, **how: Unpack[How]) -> Found | None:
    """The best plan that leaves nothing to the review; None without one, or where none is found in
    half of the time."""
    if not problem.instance.paths:
        return None
    own: How = {**how, "on_progress": None, "on_incumbent": None}
    limit = how.get("time_limit")
    own["time_limit"] = None if limit is None else limit / 2
    with contextlib.suppress(NoPlan, SolverError, CheckFailed):
        return find(problem.decided_now, method=method, brief=True, **own)
    return None


def with_best(problem: Problem, **how: Unpack[How]) -> Problem:
    """The problem with the best plan of each set of assumptions, where regret is asked for."""
    if problem.together.over != "regret" or problem.best:
        return problem
    began, limit, founds = time.perf_counter(), how.get("time_limit"), list[Found]()
    own: How = {**how, "on_progress": None, "on_incumbent": None}
    alone = [by_itself(part) for part in problem.sets]
    for part in alone:
        if limit is not None:
            own["time_limit"] = max(0.0, began + limit - time.perf_counter())
        founds.append(find(part, brief=True, **own))
        if founds[-1].interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
        if part.recourse is not None:
            part.recourse.forget()  # sweeps of all sets together take too much room
    return replace(problem, best=best_known(alone, founds))


def by_itself(part: Problem) -> Problem:
    """A set of assumptions without the others, which may not allow all of its start years."""
    own = part.instance
    instance = read_instance(own.case, own.lot_t)
    if all(project.starts == own.projects[p].starts for p, project in instance.projects.items()):
        return part
    return seeing_alike(Problem(instance, part.states, 0.0), own)


def best_known(alone: Sequence[Problem], founds: Sequence[Found]) -> tuple[Best, ...]:
    """The best of the plans found for each set of assumptions that keeps its rules: within the gap
    that of another set may be better than its own. Bounds are those of its own search."""
    best = []
    for part, own in zip(alone, founds, strict=False):
        objectives = [own.objective]
        for other in founds:
            if other is not own and not broken_rules(part.instance, other.commitment):
                objectives.append(objective_of(part, other.commitment))
        best.append(Best(min(objectives), own.certificate.bound))
    return tuple(best)


def objective_of(problem: Problem, commitment: Commitment) -> float:
    """The objective of a commitment, whether or not it keeps all rules."""
    instance, states = problem.instance, problem.states
    (seen,) = outcomes.evaluate(instance, states, [commitment], recourse=problem.recourse)
    return outcomes.objective(instance, seen, weighed_cost(instance, commitment))


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
    problem = with_best(Problem.of(case), gap=max(gap, ROUGH), threads=threads, time_limit=AFTER)
    # What the search claimed is not compared: it may not have solved around its whole numbers. What
    # it proved of regrets is taken from other best plans.
    bound = None if problem.best else incumbent.bound
    solution = Solution("limit", ended, None, None, bound, nodes=0, seconds=0.0)
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
    began, parts, states = time.perf_counter(), problem.parts, [x.states for x in problem.parts]
    if not problem.sets:
        check_single(problem.instance.case)
    for own in parts if not problem.instance.paths else ():
        check_decided_now(own.instance.case)
    instances = tuple(without_surplus(own.instance, own.states) for own in parts)
    together, least = replace(problem.together, instances=instances), problem.least
    gap, threads, limit = how.get("gap", GAP), how.get("threads"), how.get("time_limit")

    def in_time() -> How:
        left = None if limit is None else max(0.0, began + limit - time.perf_counter())
        return {**how, "gap": gap, "time_limit": left}

    lent: dict[str, Any] = {"pool": pool, "broken": partial(rules_broken, together), "least": least}
    lent |= {"enough": enough, "against": against, "recourses": [x.recourse for x in parts]}
    by_cuts = partial(solve_by_decomposition, together, states, **lent)

    def decompose(exact: bool) -> Solved:
        pairs = zip(parts, instances, strict=True)
        frames = [own.frame if own.instance is instance else None for own, instance in pairs]
        with told_of(together.first):
            return by_cuts(frames=frames, exact=exact, **in_time())

    def extend() -> Solved | None:
        """By the extensive form; None where it fails, or there is none."""
        if not problem.linear:
            return None
        worth = []
        for own, instance in zip(parts, instances, strict=True):
            with told_of(instance):
                (without,) = outcomes.evaluate(
                    instance, own.states, [Commitment()], threads=threads, recourse=own.recourse
                )
            worth.append(outcomes.objective(instance, without, 0.0))
        nothing = together.objective(worth) if together.adds_up else max(worth)
        sizes: dict[str, Any] = {"nothing": nothing, "least": least}
        with contextlib.suppress(SolverError):
            return solve_extensive_form(together, states, **sizes, **in_time())
        return None

    chosen = problem.suitable(pool) if method == "auto" else method
    if method == "extensive" and not problem.linear:
        raise Misuse(tr("No linear program has a ball of modified chi-square: use decomposition."))
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
        if not (broken := _breaks_a_rule(problem, solved)):
            break
    assert solved is not None
    none = solved.solution.ending in ("infeasible", "unbounded")
    if none and not rules_broken(problem.together, Commitment()):
        # To do nothing is a plan, whatever the solver says.
        idle = replace(solved.solution, ending="limit", ended=NUMERICAL_LIMIT, bound=None)
        solved = replace(solved, commitment=Commitment(), solution=idle)
    if (broken or solved.solution.ended == NUMERICAL_LIMIT) and problem.size <= MODERATE:
        other = extend() if chosen != "extensive" else None
        if other is None or other.commitment is None:
            return solved
        # It may leave a gap as well.
        if not _is_doubtful(problem, other, gap=gap, threads=threads, may_be_open=True):
            return solved if not broken and _is_better(solved, other) else other
    return solved


def _is_better(one: Solved, other: Solved) -> bool:
    """Whether a plan is better than one that a limit ended, by more than rounding."""
    first, second = one.solution.objective, other.solution.objective
    if other.solution.ending == "optimal" or first is None or second is None:
        return False
    return first < second - ROUNDING * max(abs(first), abs(second))


def _breaks_a_rule(problem: Problem, solved: Solved) -> bool:
    """Whether a plan, as far as there is one, would fail the check."""
    if solved.commitment is None:
        return False
    together = problem.together
    return bool(rules_broken(together, together.without(solved.commitment, without_idle)))


def _is_doubtful(
    problem: Problem,
    solved: Solved,
    *,
    gap: float,
    threads: int | None,
    may_be_open: bool = False,
) -> bool:
    """Whether solves by several tolerances differ, or the plan, evaluated again, has another
    objective than they say or, unless that ``may_be_open``, leaves the gap open."""
    if solved.solution.interrupted or solved.commitment is None:
        return solved.doubtful and not solved.solution.interrupted
    if solved.doubtful or _breaks_a_rule(problem, solved):
        return True
    if solved.near_one:
        return False
    try:
        judged = judge(problem, solved, gap=gap, began=time.perf_counter(), threads=threads)
    except CheckFailed:
        return True
    return not may_be_open and judged.certificate.ended == NUMERICAL_LIMIT
