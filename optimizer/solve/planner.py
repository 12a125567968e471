"""Solution of a scenario: choice of the method, solve, certification and plan document."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Unpack

from models.results import Plan
from models.scenario.case import Case
from optimizer.errors import CheckFailed, Interrupted, NoPlan, SolverError
from optimizer.model.commitment import Commitment, combine_branches, weighted_cost
from optimizer.model.highs import ProgramSolution
from optimizer.model.instance import read_instance
from optimizer.solve import outcomes
from optimizer.solve.certification import (
    certify as certify,
    open_regret,
    package_versions as package_versions,
    solve_problem,
    with_full_outcome as with_full_outcome,
)
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum, updated_certificate
from optimizer.solve.decomposition import CutPool
from optimizer.solve.problem import (
    Problem as Problem,
    check_supported as check_supported,
    choose_method as choose_method,
    default_jobs as default_jobs,
    with_same_branches,
)
from optimizer.solve.proof.proof_program import build_proof
from optimizer.solve.recourse.release_policy import STATES_PER_BLOCK
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    Incumbent,
    Method,
    SolverOptions,
    SolverResult,
    observing,
    seconds_left,
    with_observers,
)
from optimizer.solve.verification import broken_rules

# Gap and seconds for the reference optima of a plan from an incumbent.
REFERENCE_GAP, REFERENCE_TIME_LIMIT = (1e-2, 120.0)


def solve_to_plan(
    case: Case,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    variant: str | None = None,
    title: str | None = None,
    on_proof: Callable[[dict[str, bytes] | None], None] | None = None,
    **solve_options: Unpack[SolverOptions],
) -> Plan:
    """Compute the plan that minimizes the scenario's objective, with a certificate.

    ``pool`` holds cuts of problems with the same recourse (variants, budgets, risk weights). If it
    is given, the method is the decomposition, which starts from the pool and adds its cuts to it.
    ``on_proof`` receives the files of the proof of the bound by name, or None if no bound was
    proven.

    Raise Infeasible with an irreducible set of conflicting rules; ScenarioError if figures differ
    too much in size to be solved together; NoPlan if a limit was reached before any plan was found,
    or Interrupted if the user stopped the search before that; SolverError if the solver fails;
    CheckFailed if the check refutes its result.
    """
    problem, results = Problem.from_case(case), list[SolverResult]()
    solution = solve_and_certify(
        problem,
        method=method,
        pool=pool,
        on_result=None if on_proof is None else results.append,
        **solve_options,
    )
    plan = solution.to_plan(title, variant)
    if on_proof is not None:
        on_proof(build_proof(problem, results[0], solution, plan))
    return plan


def solve_and_certify(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    damage_only: bool = False,
    on_result: Callable[[SolverResult], None] | None = None,
    **solve_options: Unpack[SolverOptions],
) -> CheckedSolution:
    """Compute the best plan as a checked solution, from which a document can be built.

    For ``method`` and ``pool`` see :func:`solve_to_plan`, for ``damage_only`` see :func:`certify`.
    ``on_result`` receives the result of the solve, with all cuts.
    """
    started_at = time.perf_counter()
    solve_options = with_observers(solve_options)
    method = problem.suitable_method(pool) if method == "auto" else method
    if method == "decomposition" and all(
        len(set_problem.states) <= STATES_PER_BLOCK for set_problem in problem.single_set_problems
    ):
        problem = problem.with_recourse(solve_options.get("threads"))
    problem = with_reference_optima(problem, **solve_options)
    time_limit = solve_options.get("time_limit")
    solve_options["time_limit"] = seconds_left(time_limit, started_at)
    no_review_solution = (
        None if damage_only else _solve_without_review(problem, method, **solve_options)
    )
    if no_review_solution is not None:
        problem = replace(
            problem,
            no_review_optimum=ReferenceOptimum(
                no_review_solution.objective, no_review_solution.certificate.bound
            ),
        )
        if method == "decomposition":
            pool = pool or CutPool()
            # The search starts from this plan.
            pool.remember_plan(no_review_solution.commitment, problem.instance)
    solve_options["time_limit"] = seconds_left(time_limit, started_at)
    if no_review_solution is not None and no_review_solution.interrupted:
        interrupted_solution = ProgramSolution(
            "limit", "interrupted", None, None, None, 0, 0.0, interrupted=True
        )
        solver_result = SolverResult(
            method, interrupted_solution, None, seconds_by_step={}, model_size={}
        )
    else:
        traced: SolverOptions = {**solve_options, "traces_cuts": on_result is not None}
        solver_result = solve_problem(problem, method=method, pool=pool, **traced)
    if on_result is not None:
        on_result(solver_result)
    if no_review_solution is not None:
        solver_result = _or_better_no_review_plan(solver_result, no_review_solution, problem)
    on_incumbent = solve_options.get("on_incumbent")
    if on_incumbent is not None and solver_result.commitment is not None:
        claimed_objective, bound = solver_result.solution.objective, solver_result.solution.bound
        objective = math.inf if claimed_objective is None else claimed_objective
        on_incumbent(
            Incumbent(solver_result.method, solver_result.commitment, objective, bound, final=True)
        )
    gap, threads = solve_options.get("gap", DEFAULT_GAP), solve_options.get("threads")
    certified = certify(
        problem,
        solver_result,
        gap=gap,
        started_at=started_at,
        threads=threads,
        damage_only=damage_only,
    )
    return (
        _without_negative_regret(certified, problem)
        if problem.reference_optima and certified.set_outcomes
        else certified
    )


def _without_negative_regret(solution: CheckedSolution, problem: Problem) -> CheckedSolution:
    """Return the solution with reference optima such that no regret is negative.

    Under an assumption set, a plan may be better than the best plan found for that set alone, which
    is optimal only within its gap. The better plan then becomes the reference.
    """
    optima, objectives = [], []
    for outcome, set_problem, optimum in zip(
        solution.set_outcomes, problem.set_problems, problem.reference_optima, strict=True
    ):
        objectives.append(outcome.objective(solution.commitment))
        if objectives[-1] < optimum.objective:
            is_feasible = not broken_rules(
                single_set_problem(set_problem).instance, solution.commitment
            )
            optimum = replace(optimum, objective=objectives[-1]) if is_feasible else optimum
        optima.append(optimum)
    if tuple(optima) == problem.reference_optima:
        return solution
    set_outcomes = tuple(
        replace(outcome, reference_optimum=optimum)
        for outcome, optimum in zip(solution.set_outcomes, optima, strict=True)
    )
    if not problem.uses_reference_optima:
        return replace(solution, set_outcomes=set_outcomes)
    measure = solution.measure.with_references([optimum.objective for optimum in optima])
    gap_scale, certificate = solution.gap_scale, solution.certificate
    if gap_scale.objective_floor == problem.objective_floor:
        gap_scale = replace(
            gap_scale,
            objective_floor=replace(problem, reference_optima=tuple(optima)).objective_floor,
        )
    certificate = updated_certificate(
        certificate, measure.value(objectives), certificate.bound, gap_scale
    )
    certificate = certificate.model_copy(update={"regret_open": open_regret(optima)})
    return replace(
        solution,
        set_outcomes=set_outcomes,
        measure=measure,
        certificate=certificate,
        joint_gap_scale=gap_scale,
    )


def _or_better_no_review_plan(
    solver_result: SolverResult, no_review_solution: CheckedSolution, problem: Problem
) -> SolverResult:
    """Return the result of the search; if it has no plan or a worse one than the solution without a
    review, return the latter."""
    objective = solver_result.solution.objective
    if solver_result.solution.ending == "infeasible" or (
        objective is not None and objective <= no_review_solution.objective
    ):
        return solver_result
    commitment = combine_branches(
        [no_review_solution.commitment for _ in problem.instance.branches], problem.instance
    )
    return replace(
        solver_result,
        commitment=commitment,
        solution=replace(solver_result.solution, objective=no_review_solution.objective),
    )


def _solve_without_review(
    problem: Problem, method: Method, **solve_options: Unpack[SolverOptions]
) -> CheckedSolution | None:
    """Return the best plan that leaves no decision to the review.

    Return None if there is no review, or if no plan passes the check within half of the time limit.
    """
    if not problem.instance.branches:
        return None
    review_options: SolverOptions = {**solve_options, "on_progress": None, "on_incumbent": None}
    time_limit = solve_options.get("time_limit")
    review_options["time_limit"] = None if time_limit is None else time_limit / 2
    with contextlib.suppress(NoPlan, SolverError, CheckFailed), observing(None, None):
        return solve_and_certify(
            problem.without_review, method=method, damage_only=True, **review_options
        )
    return None


def with_reference_optima(problem: Problem, **solve_options: Unpack[SolverOptions]) -> Problem:
    """Add the optimum of each assumption set to a problem whose criterion is regret. Other problems
    are returned unchanged."""
    if problem.reference_optima or not problem.uses_reference_optima:
        return problem
    started_at = time.perf_counter()
    time_limit = solve_options.get("time_limit")
    solutions = list[CheckedSolution]()
    set_options: SolverOptions = {**solve_options, "on_progress": None, "on_incumbent": None}
    set_problems = [single_set_problem(set_problem) for set_problem in problem.set_problems]
    for set_problem in set_problems:
        set_options["time_limit"] = seconds_left(time_limit, started_at)
        with observing(None, None):
            solutions.append(solve_and_certify(set_problem, damage_only=True, **set_options))
        if solutions[-1].interrupted:
            raise Interrupted("stopped before any plan was found")
        if set_problem.recourse is not None:
            set_problem.recourse.clear_cache()  # caches of all sets would take too much memory
    return replace(problem, reference_optima=best_reference_optima(set_problems, solutions))


def single_set_problem(set_problem: Problem) -> Problem:
    """Return the problem of one assumption set alone, with all start years that the set allows."""
    set_instance = set_problem.instance
    instance = read_instance(set_instance.case, set_instance.lot_tonnes)
    if all(
        project.start_years == set_instance.projects[p].start_years
        for p, project in instance.projects.items()
    ):
        return set_problem
    return with_same_branches(Problem(instance, set_problem.states, 0.0), set_instance)


def best_reference_optima(
    set_problems: Sequence[Problem], solutions: Sequence[CheckedSolution]
) -> tuple[ReferenceOptimum, ...]:
    """Return for each assumption set the best objective under this set, over the plans of all sets
    that are feasible in it.

    The plan of another set may be better than the set's plan, which is optimal only within the gap.
    The bound is the one from the set's search.
    """
    optima = []
    for set_problem, solution in zip(set_problems, solutions, strict=False):
        objectives = [solution.objective]
        for other in solutions:
            if other is not solution and not broken_rules(set_problem.instance, other.commitment):
                objectives.append(recomputed_objective(set_problem, other.commitment))
        optima.append(ReferenceOptimum(min(objectives), solution.certificate.bound))
    return tuple(optima)


def recomputed_objective(problem: Problem, commitment: Commitment) -> float:
    """Return the recomputed objective of a commitment, whether or not it satisfies the rules."""
    instance, states = problem.instance, problem.states
    (evaluation,) = outcomes.evaluate_commitments(
        instance, states, [commitment], recourse=problem.recourse
    )
    return outcomes.objective_value(instance, evaluation, weighted_cost(instance, commitment))


def plan_from_incumbent(
    case: Case,
    incumbent: Incumbent,
    *,
    ending: str,
    gap: float = DEFAULT_GAP,
    threads: int | None = None,
    variant: str | None = None,
    title: str | None = None,
) -> Plan:
    """Certify the last incumbent of a search that ended without a result. Return it as a plan.

    ``ending`` states why the search ended. Raise CheckFailed if the incumbent breaks a rule, or if
    its objective contradicts its bound.
    """
    started_at = time.perf_counter()
    problem = with_reference_optima(
        Problem.from_case(case),
        gap=max(gap, REFERENCE_GAP),
        threads=threads,
        time_limit=REFERENCE_TIME_LIMIT,
    )
    # The incumbent's objective is not compared, since its integers may not have been rounded. With
    # regret, its bound refers to other reference optima.
    bound = None if problem.reference_optima else incumbent.bound
    solution = ProgramSolution("limit", ending, None, None, bound, nodes=0, seconds=0.0)
    solver_result = SolverResult(
        incumbent.method, solution, incumbent.commitment, seconds_by_step={}, model_size={}
    )
    return certify(problem, solver_result, gap=gap, started_at=started_at, threads=threads).to_plan(
        title, variant
    )
