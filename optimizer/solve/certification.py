"""Choice of the method, and certification: a result is checked without a solver."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Unpack

from models.results import Certificate
from optimizer.errors import CheckFailed, Infeasible, Interrupted, Misuse, NoPlan, SolverError
from optimizer.model.commitment import Commitment, weighted_cost
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import Instance
from optimizer.model.scenario_data import cap_surplus_offtake
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import (
    MIN_REPRESENTATIVE_STATES,
    CheckedSolution,
    ReferenceOptimum,
    SetOutcome,
    input_hash,
    updated_certificate,
)
from optimizer.solve.conflicts import irreducible_conflict, scaling_errors_as_faults
from optimizer.solve.decomposition import CutPool, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.problem import Problem, check_supported
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    MIN_GAP_TARGET,
    NUMERICAL_LIMIT,
    GapScale,
    Method,
    SolverOptions,
    SolverResult,
    compute_objective_floor,
    is_gap_closed,
    relative_gap,
    seconds_left,
    with_observers,
)
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


# Largest size for which the extensive form is tried if the decomposition has failed.
MAX_SIZE_TO_RETRY = 20_000


def solve_problem(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    target_objective: float | None = None,
    compared_objective: float | None = None,
    **solve_options: Unpack[SolverOptions],
) -> SolverResult:
    """Solve a problem by the given method.

    With ``target_objective``, the solve only finds out whether that objective can be reached. With
    ``compared_objective``, only the difference from that objective matters, and the remaining gap
    may be up to a tenth of it if that is more than the requested gap. The extensive form ignores
    both options, since it is used for small problems. If the result of one method is doubtful, the
    other method is tried.

    Raise TypeError for an unknown option, and Misuse if the scenario does not allow the method.
    """
    if unknown_options := solve_options.keys() - SolverOptions.__annotations__.keys():
        raise TypeError(f"no options of a search: {', '.join(sorted(unknown_options))}")
    solve_options = with_observers(solve_options)
    started_at = time.perf_counter()
    set_problems = problem.single_set_problems
    states = [set_problem.states for set_problem in set_problems]
    check_supported(
        problem.instance.case,
        with_assumption_sets=bool(problem.set_problems),
        with_review=bool(problem.instance.branches),
        with_ambiguity=True,
    )
    instances = tuple(
        cap_surplus_offtake(set_problem.instance, set_problem.states)
        for set_problem in set_problems
    )
    tree = replace(problem.tree, instances=instances)
    gap = solve_options.get("gap", DEFAULT_GAP)
    threads = solve_options.get("threads")
    time_limit = solve_options.get("time_limit")

    def options_with_time_left() -> SolverOptions:
        limit = seconds_left(time_limit, started_at)
        return {**solve_options, "gap": gap, "time_limit": limit}

    run_decomposition = partial(
        solve_by_decomposition,
        tree,
        states,
        pool=pool,
        find_broken_rules=partial(broken_rules_in_any_set, tree),
        objective_floor=problem.objective_floor,
        target_objective=target_objective,
        compared_objective=compared_objective,
        recourses=[set_problem.recourse for set_problem in set_problems],
    )

    def try_decomposition(exact: bool) -> SolverResult:
        pairs = zip(set_problems, instances, strict=True)
        master_models = [
            set_problem.master_model if set_problem.instance is instance else None
            for set_problem, instance in pairs
        ]
        with scaling_errors_as_faults(tree.first_instance):
            return run_decomposition(
                master_models=master_models, exact=exact, **options_with_time_left()
            )

    def try_extensive_form() -> SolverResult | None:
        """Solve the extensive form. Return None if the solver fails or the extensive form does not
        exist."""
        if not problem.is_linear:
            return None
        objectives = []
        for set_problem, instance in zip(set_problems, instances, strict=True):
            with scaling_errors_as_faults(instance):
                (without_plan,) = outcomes.evaluate_commitments(
                    instance,
                    set_problem.states,
                    [Commitment()],
                    threads=threads,
                    recourse=set_problem.recourse,
                )
            objectives.append(outcomes.objective_value(instance, without_plan, 0.0))
        with contextlib.suppress(SolverError):
            return solve_extensive_form(
                tree,
                states,
                objective_without_plan=tree.measure.scale(objectives),
                objective_floor=problem.objective_floor,
                **options_with_time_left(),
            )
        return None

    chosen_method = problem.suitable_method(pool) if method == "auto" else method
    if method == "extensive" and not problem.is_linear:
        raise Misuse(
            "The extensive form cannot model ambiguity modified_chi_square: use decomposition."
        )
    result: SolverResult | None = None
    if chosen_method == "extensive":
        result = try_extensive_form()
        if result is not None and not _is_doubtful(problem, result, gap=gap, threads=threads):
            return result
    # Recourse evaluation is exact, and the master is far smaller than an extensive form.
    for exact in (False, True):
        next_result = try_decomposition(exact)
        if next_result.commitment is None and result is not None and result.commitment is not None:
            # The time limit ended the second method; a doubtful result keeps no bound.
            unproven = replace(result.solution, bound=None)
            return replace(result, solution=unproven) if result.is_doubtful else result
        result = next_result
        if not (breaks_rule := _breaks_a_rule(problem, result)):
            break
    assert result is not None
    has_no_solution = result.solution.ending in ("infeasible", "unbounded")
    if has_no_solution and not broken_rules_in_any_set(problem.tree, Commitment()):
        # The empty plan is feasible, whatever the solver reports.
        trivial_solution = replace(
            result.solution, ending="limit", solver_status=NUMERICAL_LIMIT, bound=None
        )
        result = replace(result, commitment=Commitment(), solution=trivial_solution)
    if (
        breaks_rule or result.solution.solver_status == NUMERICAL_LIMIT
    ) and problem.size <= MAX_SIZE_TO_RETRY:
        extensive_result = try_extensive_form() if chosen_method != "extensive" else None
        if extensive_result is None or extensive_result.commitment is None:
            return result
        # An open gap is acceptable here, since the decomposition has one as well.
        if not _is_doubtful(
            problem, extensive_result, gap=gap, threads=threads, allow_open_gap=True
        ):
            return (
                result
                if not breaks_rule and _is_better(result, extensive_result)
                else extensive_result
            )
    return result


def _is_better(solver_result: SolverResult, other_result: SolverResult) -> bool:
    """Return whether the first result has a better plan than the second by more than rounding.

    This can be the case only if a limit ended the second solve.
    """
    objective, other_objective = solver_result.solution.objective, other_result.solution.objective
    if other_result.solution.ending == "optimal" or objective is None or other_objective is None:
        return False
    return objective < other_objective - MIN_GAP_TARGET * max(abs(objective), abs(other_objective))


def _breaks_a_rule(problem: Problem, solver_result: SolverResult) -> bool:
    """Return whether the plan of a result breaks a rule; False without a plan."""
    if solver_result.commitment is None:
        return False
    tree = problem.tree
    return bool(broken_rules_in_any_set(tree, tree.drop_unused(solver_result.commitment)))


def _is_doubtful(
    problem: Problem,
    solver_result: SolverResult,
    *,
    gap: float,
    threads: int | None,
    allow_open_gap: bool = False,
) -> bool:
    """Return whether a result of the extensive form is doubtful.

    That is the case if solves with several tolerances disagree, if the plan breaks a rule, if the
    recomputed objective differs or, unless ``allow_open_gap`` is set, if that objective leaves the
    gap open.
    """
    if solver_result.solution.interrupted or solver_result.commitment is None:
        return solver_result.is_doubtful and not solver_result.solution.interrupted
    if solver_result.is_doubtful or _breaks_a_rule(problem, solver_result):
        return True
    if solver_result.is_well_scaled:
        return False
    try:
        certified = certify(
            problem, solver_result, gap=gap, started_at=time.perf_counter(), threads=threads
        )
    except CheckFailed:
        return True
    return not allow_open_gap and certified.certificate.ended == NUMERICAL_LIMIT
