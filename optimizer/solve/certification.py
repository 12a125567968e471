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
from optimizer.model.assumption_sets import AssumptionSets, as_assumption_sets
from optimizer.model.commitment import Commitment, drop_unused, weighted_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import (
    MIN_REPRESENTATIVE_STATES,
    CheckedSolution,
    ReferenceOptimum,
    SetOutcome,
    input_hash,
)
from optimizer.solve.conflicts import scaling_errors_as_faults, smallest_conflict
from optimizer.solve.gap import GapScale, compute_objective_floor, is_gap_closed, relative_gap
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.problem import Problem
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.solver_result import NUMERICAL_LIMIT, SolverResult
from optimizer.solve.verification import broken_rules, check_commitment

OBJECTIVE_TOLERANCE = (
    1e-5  # the recomputed objective may lie this far above the solver's, relatively
)
GAP_CLOSED_ENDINGS = ("Optimal", "gap closed")  # how searches end that take their gap for closed


def certify(
    problem: Problem,
    solver_result: SolverResult,
    *,
    gap: float,
    started_at: float,
    threads: int | None = None,
    consumers: Collection[str] = (),
    damage_only: bool = False,
) -> CheckedSolution:
    """Check what a search, begun at ``began``, found and reckon it anew, the damage of some
    consumers by state as well; ``brief`` where no more is asked of the outcome than the damage in
    each state, which the search has swept."""
    solution = solver_result.solution
    commitment = commitment_or_raise(problem.assumption_sets, solver_result)
    checked = time.perf_counter()
    reckoned = recompute_plan(
        problem, commitment, threads=threads, consumers=consumers, damage_only=damage_only
    )
    objective, sizes = reckoned.objective, reckoned.gap_scale
    _check_objective(solver_result, objective, sizes, gap)
    ended, bound = time.perf_counter(), solution.bound
    if bound is not None:  # one that its own plan refutes by more than the gap proves nothing
        refuted = not is_gap_closed(bound, objective, gap, sizes.objective_floor)
        bound = None if refuted else min(bound, objective)
    within = is_gap_closed(objective, bound, gap, sizes.objective_floor)
    case = problem.scenario or problem.instance.case
    sample = case.uncertainty.sample if case.uncertainty else None
    certificate = Certificate(
        status="optimal" if within else "limit",
        objective=objective,
        bound=bound,
        gap=relative_gap(objective, bound, sizes.objective_floor),
        gap_target=gap,
        # What closes the gap by the solver's arithmetic may not do so where it is reckoned anew.
        ended=solution.solver_status
        if within or solution.solver_status not in GAP_CLOSED_ENDINGS
        else NUMERICAL_LIMIT,
        method=solver_result.method,
        states=sum(len(own.states) for own in problem.single_set_problems),
        illustrative=min(len(own.states) for own in problem.single_set_problems)
        < MIN_REPRESENTATIVE_STATES,
        seed=int(sample.seed) if sample else None,
        seconds=problem.read_seconds + ended - started_at,
        seconds_by_step={
            "read": problem.read_seconds,
            **solver_result.seconds_by_step,
            "check": ended - checked,
        },
        model_size=solver_result.model_size,
        work=solver_result.work_counts,
        input_sha256=input_hash(case),
        versions=package_versions(),
        over_assumptions=problem.assumption_sets.criterion if problem.set_problems else None,
        regret_open=open_regret(problem.reference_optima)
        if problem.assumption_sets.criterion == "regret"
        else None,
    )
    return reckoned.to_checked_solution(
        certificate, interrupted=solution.interrupted, threads=threads
    )


@dataclass(frozen=True, eq=False)
class RecomputedPlan:
    """What a commitment that keeps all rules leads to."""

    problem: Problem
    commitment: Commitment
    evaluation_pairs: Sequence[
        tuple[PlanEvaluation, PlanEvaluation]
    ]  # with it and without, under each set
    objective: float
    gap_scale: GapScale

    def to_checked_solution(self, certificate: Certificate, **end_fields: Any) -> CheckedSolution:
        """The plan, with its certificate."""
        problem, pairs, sets = self.problem, self.evaluation_pairs, self.problem.set_problems
        looks = next(
            k for k, own in enumerate(problem.single_set_problems) if own.states is problem.states
        )
        best = problem.reference_optima or [None] * len(pairs)
        return CheckedSolution(
            problem.instance,
            problem.states,
            self.commitment,
            *pairs[looks],
            certificate,
            recourse=problem.recourse,
            assumption_sets=problem.assumption_sets if sets else None,
            set_outcomes=tuple(
                SetOutcome(own.instance, own.states, *pairs[k], own.recourse, best[k])
                for k, own in enumerate(sets)
            ),
            scenario=problem.scenario,
            joint_gap_scale=self.gap_scale if sets else None,
            no_review_optimum=problem.no_review_optimum,
            **end_fields,
        )


def recompute_plan(
    problem: Problem,
    commitment: Commitment,
    *,
    threads: int | None = None,
    consumers: Collection[str] = (),
    damage_only: bool = False,
) -> RecomputedPlan:
    """Check a commitment, under all sets of assumptions that there are, and reckon its objective
    apart from any solver. CheckFailed names every rule that it breaks."""
    together = problem.assumption_sets
    for own in together.instances:
        check_commitment(own, commitment)
    how: dict[str, Any] = {"threads": threads, "consumers": consumers, "damage_only": damage_only}
    pairs = [
        _evaluate_with_and_without(own, commitment, **how) for own in problem.single_set_problems
    ]
    values, nothing = list[float](), list[float]()
    for own, (seen, without) in zip(together.instances, pairs, strict=True):
        values.append(outcomes.objective_value(own, seen, weighted_cost(own, commitment)))
        nothing.append(outcomes.objective_value(own, without, 0.0))
    least = compute_objective_floor(
        together.combine_objectives(nothing) if together.is_additive else max(nothing)
    )
    rounding = max(map(outcomes.objective_rounding, together.instances))
    sizes = GapScale(max(problem.objective_floor, least), rounding)
    return RecomputedPlan(problem, commitment, pairs, together.combine_objectives(values), sizes)


def open_regret(reference_optima: Sequence[ReferenceOptimum]) -> float | None:
    """What proofs of the best plans leave open: by so much a regret may be larger."""
    bounds = [(own.objective, own.bound) for own in reference_optima]
    if not bounds or any(bound is None for _, bound in bounds):
        return None
    return max(objective - (bound or 0.0) for objective, bound in bounds)


def _evaluate_with_and_without(
    problem: Problem,
    commitment: Commitment,
    *,
    threads: int | None,
    consumers: Collection[str],
    damage_only: bool,
) -> tuple[PlanEvaluation, PlanEvaluation]:
    """What a plan leads to, and what comes without any, in brief where that is enough."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    damage_only &= recourse is not None and not instance.damage_weights
    of_plans = outcomes.evaluate_damage_only if damage_only else outcomes.evaluate_commitments
    how: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (with_plan,) = of_plans(instance, states, [commitment], consumers=consumers, **how)
    without = None if recourse is None or consumers else recourse.memo.get(damage_only)
    if without is None:
        (without,) = of_plans(instance, states, [Commitment()], consumers=consumers, **how)
    if recourse is not None and not consumers:
        recourse.memo[damage_only] = without
    return with_plan, without


def with_full_outcome(solution: CheckedSolution) -> CheckedSolution:
    """The same with all of its outcome, which :func:`judge` was to tell in brief. CheckFailed if it
    does not bear out the objective."""
    both, threads = [solution.commitment, Commitment()], solution.threads

    def whole(
        instance: Instance, states: Any, recourse: RecourseEvaluator | None
    ) -> list[PlanEvaluation]:
        return outcomes.evaluate_commitments(
            instance, states, both, threads=threads, recourse=recourse
        )

    sets = [(own, whole(own.instance, own.states, own.recourse)) for own in solution.set_outcomes]
    of_sets = tuple(replace(own, with_plan=x, without_plan=y) for own, (x, y) in sets)
    seen, without = next(
        (pair for own, pair in sets if own.states is solution.states),
        None,
    ) or whole(solution.instance, solution.states, solution.recourse)
    full = replace(solution, with_plan=seen, without_plan=without, set_outcomes=of_sets)
    objective = full.recomputed_objective(solution.assumption_sets or solution.instance)
    slack = (
        OBJECTIVE_TOLERANCE * max(full.gap_scale.objective_floor, abs(objective))
        + full.gap_scale.rounding
    )
    if abs(objective - solution.objective) > slack:
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, the solver says {claimed:.9g}",
                objective=objective,
                claimed=solution.objective,
            )
        )
    return full


def commitment_or_raise(
    problem: Instance | AssumptionSets, solver_result: SolverResult
) -> Commitment:
    """The commitment that was found, or the reason why there is none, as :func:`plan` raises it."""
    solution, (together, _) = solver_result.solution, as_assumption_sets(problem, ())
    if solution.ending == "infeasible":
        with scaling_errors_as_faults(together.first_instance):
            conflict = smallest_conflict(together.without_review)
        if not conflict:
            raise SolverError(tr("the solver calls a problem infeasible that has a plan"))
        raise Infeasible(conflict)
    if solution.ending == "unbounded":
        raise SolverError(
            tr("the solver calls a problem unbounded whose damage cannot be negative")
        )
    if solver_result.commitment is None:
        if solution.interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
        raise NoPlan(
            tr("no plan was found before the limit ({ended})", ended=solution.solver_status)
        )
    needed: Commitment = together.drop_unused(solver_result.commitment, drop_unused)
    return needed


def _check_objective(
    solver_result: SolverResult, objective: float, gap_scale: GapScale, gap: float
) -> None:
    """Refuse an objective that the solver's own answer, or its bound, does not bear out."""
    claimed, bound = solver_result.solution.objective, solver_result.solution.bound
    slack = (
        OBJECTIVE_TOLERANCE * max(gap_scale.objective_floor, abs(objective)) + gap_scale.rounding
    )
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


def broken_rules_in_any_set(assumption_sets: AssumptionSets, commitment: Commitment) -> list[str]:
    """Every rule that a commitment breaks under any set of assumptions."""
    return [text for own in assumption_sets.instances for text in broken_rules(own, commitment)]


def package_versions() -> dict[str, str]:
    """Versions of the project and of what its results rest on."""
    names = ("vorrat", "pyomo", "highspy", "numpy", "scipy", "numba")
    return {name: package_version(name) for name in names}


@cache
def package_version(name: str) -> str:
    """The version of an installed distribution; looked up once, since that reads files."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
