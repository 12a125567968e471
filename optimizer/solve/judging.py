"""What a search has found, checked and reckoned anew, apart from any solver."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from models.language import tr
from models.results import Certificate
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, SolverError
from optimizer.model.commitment import Commitment, weighed_cost, without_idle
from optimizer.model.instance import Instance
from optimizer.model.together import Together, sets_of
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import ENOUGH_STATES, Best, Found, Under, input_hash
from optimizer.solve.conflicts import smallest_conflict, told_of
from optimizer.solve.gap import Sizes, gap_of, is_within, smallest_size
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.problem import Problem
from optimizer.solve.solver_result import NUMERICAL_LIMIT, Solved
from optimizer.solve.sweep import Recourse
from optimizer.solve.verification import broken_rules, check_commitment

AGREEMENT = 1e-5  # the recomputed objective may lie this far above the solver's, relatively
CLOSED = ("Optimal", "gap closed")  # how searches end that take their gap for closed


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
    solution = solved.solution
    commitment = commitment_in(problem.together, solved)
    checked = time.perf_counter()
    reckoned = reckon(problem, commitment, threads=threads, consumers=consumers, brief=brief)
    objective, sizes = reckoned.objective, reckoned.sizes
    _check_objective(solved, objective, sizes, gap)
    ended, bound = time.perf_counter(), solution.bound
    if bound is not None:  # one that its own plan refutes by more than the gap proves nothing
        refuted = not is_within(bound, objective, gap, sizes.least)
        bound = None if refuted else min(bound, objective)
    within = is_within(objective, bound, gap, sizes.least)
    case = problem.scenario or problem.instance.case
    sample = case.uncertainty.sample if case.uncertainty else None
    certificate = Certificate(
        status="optimal" if within else "limit",
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound, sizes.least),
        gap_target=gap,
        # What closes the gap by the solver's arithmetic may not do so where it is reckoned anew.
        ended=solution.ended if within or solution.ended not in CLOSED else NUMERICAL_LIMIT,
        method=solved.method,
        states=sum(len(own.states) for own in problem.parts),
        illustrative=min(len(own.states) for own in problem.parts) < ENOUGH_STATES,
        seed=int(sample.seed) if sample else None,
        seconds=problem.seconds + ended - began,
        seconds_by_step={"read": problem.seconds, **solved.seconds, "check": ended - checked},
        model_size=solved.size,
        work=solved.work,
        input_sha256=input_hash(case),
        versions=versions(),
        over_assumptions=problem.together.over if problem.sets else None,
        regret_open=left_open(problem.best) if problem.together.over == "regret" else None,
    )
    return reckoned.found(certificate, interrupted=solution.interrupted, threads=threads)


@dataclass(frozen=True, eq=False)
class Reckoned:
    """What a commitment that keeps all rules leads to."""

    problem: Problem
    commitment: Commitment
    pairs: Sequence[tuple[Evaluation, Evaluation]]  # with it and without, under each set
    objective: float
    sizes: Sizes

    def found(self, certificate: Certificate, **ends: Any) -> Found:
        """The plan, with its certificate."""
        problem, pairs, sets = self.problem, self.pairs, self.problem.sets
        looks = next(k for k, own in enumerate(problem.parts) if own.states is problem.states)
        best = problem.best or [None] * len(pairs)
        return Found(
            problem.instance,
            problem.states,
            self.commitment,
            *pairs[looks],
            certificate,
            recourse=problem.recourse,
            together=problem.together if sets else None,
            sets=tuple(
                Under(own.instance, own.states, *pairs[k], own.recourse, best[k])
                for k, own in enumerate(sets)
            ),
            scenario=problem.scenario,
            sizes_of_sets=self.sizes if sets else None,
            now=problem.now,
            **ends,
        )


def reckon(
    problem: Problem,
    commitment: Commitment,
    *,
    threads: int | None = None,
    consumers: Collection[str] = (),
    brief: bool = False,
) -> Reckoned:
    """Check a commitment, under all sets of assumptions that there are, and reckon its objective
    apart from any solver. CheckFailed names every rule that it breaks."""
    together = problem.together
    for own in together.instances:
        check_commitment(own, commitment)
    how: dict[str, Any] = {"threads": threads, "consumers": consumers, "brief": brief}
    pairs = [_with_and_without(own, commitment, **how) for own in problem.parts]
    values, nothing = list[float](), list[float]()
    for own, (seen, without) in zip(together.instances, pairs, strict=True):
        values.append(outcomes.objective(own, seen, weighed_cost(own, commitment)))
        nothing.append(outcomes.objective(own, without, 0.0))
    least = smallest_size(together.objective(nothing) if together.adds_up else max(nothing))
    rounding = max(map(outcomes.rounding, together.instances))
    sizes = Sizes(max(problem.least, least), rounding)
    return Reckoned(problem, commitment, pairs, together.objective(values), sizes)


def left_open(best: Sequence[Best]) -> float | None:
    """What proofs of the best plans leave open: by so much a regret may be larger."""
    bounds = [(own.objective, own.bound) for own in best]
    if not bounds or any(bound is None for _, bound in bounds):
        return None
    return max(objective - (bound or 0.0) for objective, bound in bounds)


def _with_and_without(
    problem: Problem,
    commitment: Commitment,
    *,
    threads: int | None,
    consumers: Collection[str],
    brief: bool,
) -> tuple[Evaluation, Evaluation]:
    """What a plan leads to, and what comes without any, in brief where that is enough."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    brief &= recourse is not None and not instance.counts
    of_plans = outcomes.in_brief if brief else outcomes.evaluate
    how: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (with_plan,) = of_plans(instance, states, [commitment], consumers=consumers, **how)
    without = None if recourse is None or consumers else recourse.memory.get(brief)
    if without is None:
        (without,) = of_plans(instance, states, [Commitment()], consumers=consumers, **how)
    if recourse is not None and not consumers:
        recourse.memory[brief] = without
    return with_plan, without


def told_in_full(found: Found) -> Found:
    """The same with all of its outcome, which :func:`judge` was to tell in brief. CheckFailed if it
    does not bear out the objective."""
    both, threads = [found.commitment, Commitment()], found.threads

    def whole(instance: Instance, states: Any, recourse: Recourse | None) -> list[Evaluation]:
        return outcomes.evaluate(instance, states, both, threads=threads, recourse=recourse)

    sets = [(own, whole(own.instance, own.states, own.recourse)) for own in found.sets]
    of_sets = tuple(replace(own, with_plan=x, without_plan=y) for own, (x, y) in sets)
    seen, without = next(
        (pair for own, pair in sets if own.states is found.states),
        None,
    ) or whole(found.instance, found.states, found.recourse)
    full = replace(found, with_plan=seen, without_plan=without, sets=of_sets)
    objective = full.reckoned(found.together or found.instance)
    slack = AGREEMENT * max(full.sizes.least, abs(objective)) + full.sizes.rounding
    if abs(objective - found.objective) > slack:
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, the solver says {claimed:.9g}",
                objective=objective,
                claimed=found.objective,
            )
        )
    return full


def commitment_in(problem: Instance | Together, solved: Solved) -> Commitment:
    """The commitment that was found, or the reason why there is none, as :func:`plan` raises it."""
    solution, (together, _) = solved.solution, sets_of(problem, ())
    if solution.ending == "infeasible":
        with told_of(together.first):
            conflict = smallest_conflict(together.without_review)
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
    needed: Commitment = together.without(solved.commitment, without_idle)
    return needed


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


def rules_broken(together: Together, commitment: Commitment) -> list[str]:
    """Every rule that a commitment breaks under any set of assumptions."""
    return [text for own in together.instances for text in broken_rules(own, commitment)]


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
