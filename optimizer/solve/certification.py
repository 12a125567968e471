"""Certification: a solver's result is checked, and its objective recomputed without a solver."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from models.results import Certificate
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, SolverError
from optimizer.model.commitment import Commitment, weighted_cost
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import (
    MIN_REPRESENTATIVE_STATES,
    CheckedSolution,
    input_hash,
    updated_certificate,
)
from optimizer.solve.conflicts import irreducible_conflict, scaling_errors_as_faults
from optimizer.solve.gap import GapScale, compute_objective_floor, is_gap_closed, relative_gap
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.problem import Problem
from optimizer.solve.set_outcomes import ReferenceOptimum, SetOutcome
from optimizer.solve.solver_result import NUMERICAL_LIMIT, SolverResult
from optimizer.solve.verification import broken_rules, check_commitment

# Relative tolerance by which the recomputed objective may exceed the solver's.
OBJECTIVE_TOLERANCE = 1e-5
GAP_CLOSED_ENDINGS = ("Optimal", "gap closed")  # solver statuses that mean a closed gap


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
    """Check the commitment in a solver's result and recompute its objective.

    ``started_at`` is the time at which the search started (``time.perf_counter``). ``consumers``
    selects the consumers whose damage in each state is reported. With ``damage_only`` the outcome
    contains only the damage in each state, which the search has evaluated already.
    Raise CheckFailed if the check fails, and the errors of :func:`commitment_or_raise`.
    """
    solution = solver_result.solution
    commitment = commitment_or_raise(problem.tree, solver_result)
    checked_at = time.perf_counter()
    recomputed = recompute_plan(
        problem, commitment, threads=threads, consumers=consumers, damage_only=damage_only
    )
    objective, gap_scale = recomputed.objective, recomputed.gap_scale
    _check_objective(solver_result, objective, gap_scale, gap)
    ended_at, bound = time.perf_counter(), solution.bound
    if bound is not None:  # a bound above the objective by more than the gap is invalid
        is_refuted = not is_gap_closed(bound, objective, gap, gap_scale.objective_floor)
        bound = None if is_refuted else min(bound, objective)
    is_closed = is_gap_closed(objective, bound, gap, gap_scale.objective_floor)
    case = problem.scenario or problem.instance.case
    sample = case.uncertainty.sample if case.uncertainty else None
    certificate = Certificate(
        status="optimal" if is_closed else "limit",
        objective=objective,
        bound=bound,
        gap=relative_gap(objective, bound, gap_scale.objective_floor),
        gap_target=gap,
        # A gap that the solver considers closed may be open after recomputation.
        ended=solution.solver_status
        if is_closed or solution.solver_status not in GAP_CLOSED_ENDINGS
        else NUMERICAL_LIMIT,
        method=solver_result.method,
        states=sum(len(set_problem.states) for set_problem in problem.single_set_problems),
        illustrative=min(len(set_problem.states) for set_problem in problem.single_set_problems)
        < MIN_REPRESENTATIVE_STATES,
        seed=int(sample.seed) if sample else None,
        seconds=problem.read_seconds + ended_at - started_at,
        seconds_by_step={
            "read": problem.read_seconds,
            **solver_result.seconds_by_step,
            "check": ended_at - checked_at,
        },
        model_size=solver_result.model_size,
        work=solver_result.work_counts,
        input_sha256=input_hash(case),
        versions=package_versions(),
        over_assumptions=problem.tree.measure.criterion if problem.set_problems else None,
        regret_open=open_regret(problem.reference_optima)
        if problem.uses_reference_optima
        else None,
    )
    return recomputed.to_checked_solution(
        certificate, interrupted=solution.interrupted, threads=threads
    )


@dataclass(frozen=True, eq=False)
class RecomputedPlan:
    """Commitment that satisfies all rules, with its evaluation and its recomputed objective."""

    problem: Problem
    commitment: Commitment
    # With and without the plan, under each assumption set.
    evaluation_pairs: Sequence[tuple[PlanEvaluation, PlanEvaluation]]
    objective: float
    gap_scale: GapScale

    def to_checked_solution(self, certificate: Certificate, **end_fields: Any) -> CheckedSolution:
        """Return the checked solution that consists of this plan and ``certificate``."""
        problem = self.problem
        evaluation_pairs = self.evaluation_pairs
        set_problems = self.problem.set_problems
        reported_index = next(
            set_index
            for set_index, set_problem in enumerate(problem.single_set_problems)
            if set_problem.states is problem.states
        )
        optima = problem.reference_optima or [None] * len(evaluation_pairs)
        return CheckedSolution(
            problem.instance,
            problem.states,
            self.commitment,
            *evaluation_pairs[reported_index],
            certificate,
            recourse=problem.recourse,
            measure=problem.tree.measure,
            set_outcomes=tuple(
                SetOutcome(
                    set_problem.instance,
                    set_problem.states,
                    *evaluation_pairs[set_index],
                    set_problem.recourse,
                    optima[set_index],
                )
                for set_index, set_problem in enumerate(set_problems)
            ),
            scenario=problem.scenario,
            joint_gap_scale=self.gap_scale if set_problems else None,
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
    """Check a commitment under all assumption sets and recompute its objective without a solver.

    Raise CheckFailed with all rules that the commitment breaks.
    """
    tree = problem.tree
    for instance in tree.instances:
        check_commitment(instance, commitment)
    evaluation_pairs = [
        _evaluate_with_and_without(set_problem, commitment, threads, consumers, damage_only)
        for set_problem in problem.single_set_problems
    ]
    objectives, objectives_without_plan = list[float](), list[float]()
    for instance, (with_plan, without_plan) in zip(tree.instances, evaluation_pairs, strict=True):
        objectives.append(
            outcomes.objective_value(instance, with_plan, weighted_cost(instance, commitment))
        )
        objectives_without_plan.append(outcomes.objective_value(instance, without_plan, 0.0))
    objective_floor = compute_objective_floor(tree.measure.scale(objectives_without_plan))
    rounding = max(map(outcomes.objective_rounding, tree.instances))
    gap_scale = GapScale(max(problem.objective_floor, objective_floor), rounding)
    return RecomputedPlan(
        problem, commitment, evaluation_pairs, tree.measure.value(objectives), gap_scale
    )


def open_regret(reference_optima: Sequence[ReferenceOptimum]) -> float | None:
    """Return the largest difference between objective and bound of the reference optima. A plan's
    true regret may exceed the reported one by that amount.

    Return None if any bound is unknown, or if there are no reference optima.
    """
    bounds = [(optimum.objective, optimum.bound) for optimum in reference_optima]
    if not bounds or any(bound is None for _, bound in bounds):
        return None
    return max(objective - (bound or 0.0) for objective, bound in bounds)


def _evaluate_with_and_without(
    problem: Problem,
    commitment: Commitment,
    threads: int | None,
    consumers: Collection[str],
    damage_only: bool,
) -> tuple[PlanEvaluation, PlanEvaluation]:
    """Evaluate the plan and the empty plan. With ``damage_only``, evaluate only the damage in each
    state where that is possible."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    damage_only &= recourse is not None and not instance.damage_weights
    evaluate = partial(
        outcomes.evaluate_commitments,
        instance,
        states,
        threads=threads,
        consumers=consumers,
        recourse=recourse,
        damage_only=damage_only,
    )
    (with_plan,) = evaluate([commitment])
    without_plan = None if recourse is None or consumers else recourse.memo.get(damage_only)
    if without_plan is None:
        (without_plan,) = evaluate([Commitment()])
    if recourse is not None and not consumers:
        recourse.memo[damage_only] = without_plan
    return with_plan, without_plan


def recertify(solution: CheckedSolution, problem: Problem, bound: float | None) -> CheckedSolution:
    """Return the plan of a solution as a solution of another problem, with ``bound`` as its bound.

    The problem may have other rules or weights, but must have the same recourse. Raise CheckFailed
    if the commitment breaks a rule under any assumption set of the problem.
    """
    tree = problem.tree
    for set_instance in tree.instances:
        check_commitment(set_instance, solution.commitment)
    objective = solution.recomputed_objective(tree)
    pairs = zip(solution.set_outcomes, tree.instances, strict=bool(solution.set_outcomes))
    recertified = replace(
        solution,
        instance=problem.instance,
        scenario=problem.scenario,
        measure=tree.measure,
        set_outcomes=tuple(replace(outcome, instance=instance) for outcome, instance in pairs),
    )
    certificate = updated_certificate(
        solution.certificate, objective, bound, recertified.gap_scale
    ).model_copy(update={"input_sha256": input_hash(problem.scenario or problem.instance.case)})
    return replace(recertified, certificate=certificate)


def with_full_outcome(solution: CheckedSolution) -> CheckedSolution:
    """Complete the outcome of a solution that was certified with ``damage_only``.

    Raise CheckFailed if the complete evaluation does not confirm the objective.
    """
    evaluated_outcomes = list[SetOutcome]()
    for outcome in solution.outcomes:
        with_plan, without_plan = outcomes.evaluate_commitments(
            outcome.instance,
            outcome.states,
            [solution.commitment, Commitment()],
            threads=solution.threads,
            recourse=outcome.recourse,
        )
        evaluated_outcomes.append(replace(outcome, with_plan=with_plan, without_plan=without_plan))
    reported_outcome = next(
        outcome for outcome in evaluated_outcomes if outcome.states is solution.states
    )
    full_solution = replace(
        solution,
        with_plan=reported_outcome.with_plan,
        without_plan=reported_outcome.without_plan,
        set_outcomes=tuple(evaluated_outcomes) if solution.set_outcomes else (),
    )
    objective = full_solution.recomputed_objective(solution.tree)
    tolerance = (
        OBJECTIVE_TOLERANCE * max(full_solution.gap_scale.objective_floor, abs(objective))
        + full_solution.gap_scale.rounding
    )
    if abs(objective - solution.objective) > tolerance:
        raise CheckFailed(
            f"the plan's objective is {objective:.9g}, but the solver "
            f"reports {solution.objective:.9g}"
        )
    return full_solution


def commitment_or_raise(
    problem: Instance | DecisionTree, solver_result: SolverResult
) -> Commitment:
    """Return the commitment in a solver's result.

    Otherwise raise Infeasible, Interrupted or NoPlan, or SolverError if the solver's claim is
    false.
    """
    solution, tree = solver_result.solution, DecisionTree.of(problem)
    if solution.ending == "infeasible":
        with scaling_errors_as_faults(tree.first_instance):
            conflict = irreducible_conflict(tree.without_review)
        if not conflict:
            raise SolverError("the solver calls a problem infeasible that has a plan")
        raise Infeasible(conflict)
    if solution.ending == "unbounded":
        raise SolverError("the solver calls a problem unbounded whose damage cannot be negative")
    if solver_result.commitment is None:
        if solution.interrupted:
            raise Interrupted("stopped before any plan was found")
        raise NoPlan(f"no plan was found before the limit ({solution.solver_status})")
    return tree.drop_unused(solver_result.commitment)


def _check_objective(
    solver_result: SolverResult, objective: float, gap_scale: GapScale, gap: float
) -> None:
    """Raise CheckFailed if the recomputed objective contradicts the solver's objective or bound."""
    claimed_objective, bound = solver_result.solution.objective, solver_result.solution.bound
    tolerance = (
        OBJECTIVE_TOLERANCE * max(gap_scale.objective_floor, abs(objective)) + gap_scale.rounding
    )
    if claimed_objective is not None and objective > claimed_objective + max(
        tolerance, gap * abs(objective)
    ):
        raise CheckFailed(
            f"the plan's objective is {objective:.9g}, but the solver "
            f"reports {claimed_objective:.9g}"
        )
    if bound is not None and objective < bound - tolerance:
        raise CheckFailed(f"the plan's objective {objective:.9g} is below the bound {bound:.9g}")


def broken_rules_in_any_set(tree: DecisionTree, commitment: Commitment) -> list[str]:
    """Return all rules that a commitment breaks under at least one assumption set."""
    return [
        broken_rule
        for instance in tree.instances
        for broken_rule in broken_rules(instance, commitment)
    ]


def package_versions() -> dict[str, str]:
    """Return the versions of Vorrat and of the packages that its results depend on, by name."""
    names = ("vorrat", "pyomo", "highspy", "numpy", "scipy", "numba")
    return {name: package_version(name) for name in names}


@cache
def package_version(name: str) -> str:
    """Return the version of an installed distribution, or "unknown". The version is cached because
    files must be read for it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
