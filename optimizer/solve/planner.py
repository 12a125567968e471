"""Solution of a scenario: choice of the method, solve, certification and plan document."""

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
from optimizer.model.commitment import Commitment, combine_branches, drop_unused, weighted_cost
from optimizer.model.highs import ProgramSolution
from optimizer.model.instance import read_instance
from optimizer.model.scenario_data import cap_surplus_offtake
from optimizer.solve import outcomes
from optimizer.solve.certification import broken_rules_in_any_set
from optimizer.solve.certification import certify as certify
from optimizer.solve.certification import commitment_or_raise as commitment_or_raise
from optimizer.solve.certification import open_regret as open_regret
from optimizer.solve.certification import package_version as package_version
from optimizer.solve.certification import package_versions as package_versions
from optimizer.solve.certification import recompute_plan as recompute_plan
from optimizer.solve.certification import with_full_outcome as with_full_outcome
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum, updated_certificate
from optimizer.solve.conflicts import scaling_errors_as_faults
from optimizer.solve.decomposition import CutPool, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.gap import MIN_GAP_TARGET
from optimizer.solve.problem import Problem as Problem
from optimizer.solve.problem import check_no_assumption_sets, check_no_review, with_same_branches
from optimizer.solve.problem import check_supported as check_supported
from optimizer.solve.problem import choose_method as choose_method
from optimizer.solve.problem import default_jobs as default_jobs
from optimizer.solve.recourse.evaluator import STATES_PER_BLOCK
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    NUMERICAL_LIMIT,
    Incumbent,
    Method,
    SolverOptions,
    SolverResult,
)
from optimizer.solve.verification import broken_rules

# Gap and seconds for the reference optima of a salvaged plan.
SALVAGE_GAP, SALVAGE_TIME_LIMIT = (1e-2, 120.0)
# Largest size for which the extensive form is tried after a numerical limit.
MAX_SIZE_TO_RETRY = 20_000


def solve_to_plan(
    case: Case,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    variant: str | None = None,
    title: str | None = None,
    **solve_options: Unpack[SolverOptions],
) -> Plan:
    """Compute the plan that minimizes the scenario's objective, with a certificate.

    ``pool`` holds cuts of problems with the same recourse (variants, budgets, risk weights). If it
    is given, the method is the decomposition, which starts from the pool and adds its cuts to it.

    Raise Infeasible with a smallest set of conflicting rules; ScenarioError if figures differ too
    much in size to be solved together; NoPlan if a limit was reached before any plan was found, or
    Interrupted if the user stopped the search before that; SolverError if the solver fails;
    CheckFailed if the check refutes its result.
    """
    return solve_and_certify(
        Problem.from_case(case), method=method, pool=pool, **solve_options
    ).to_plan(title, variant)


def solve_and_certify(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    damage_only: bool = False,
    **solve_options: Unpack[SolverOptions],
) -> CheckedSolution:
    """Compute the best plan as a checked solution, from which a document can be built.

    For ``method`` and ``pool`` see :func:`solve_to_plan`, for ``damage_only`` see :func:`certify`.
    """
    started_at = time.perf_counter()
    method = problem.suitable_method(pool) if method == "auto" else method
    if method == "decomposition" and all(
        len(set_problem.states) <= STATES_PER_BLOCK for set_problem in problem.single_set_problems
    ):
        problem = problem.with_recourse(solve_options.get("threads"))
    problem = with_reference_optima(problem, **solve_options)
    time_limit = solve_options.get("time_limit")

    def seconds_left() -> float | None:
        return (
            None
            if time_limit is None
            else max(0.0, time_limit - (time.perf_counter() - started_at))
        )

    solve_options["time_limit"] = seconds_left()
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
    solve_options["time_limit"] = seconds_left()
    if no_review_solution is not None and no_review_solution.interrupted:
        interrupted_solution = ProgramSolution(
            "limit", "interrupted", None, None, None, 0, 0.0, interrupted=True
        )
        solver_result = _or_no_review_plan(
            SolverResult(method, interrupted_solution, None, seconds_by_step={}, model_size={}),
            no_review_solution,
            problem,
        )
    else:
        search_result = solve_problem(problem, method=method, pool=pool, **solve_options)
        solver_result = (
            search_result
            if no_review_solution is None
            else _or_no_review_plan(search_result, no_review_solution, problem)
        )
    on_incumbent = solve_options.get("on_incumbent")
    if on_incumbent is not None and solver_result.commitment is not None:
        claimed, bound = solver_result.solution.objective, solver_result.solution.bound
        objective = math.inf if claimed is None else claimed
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
    optima, values = [], []
    for outcome, set_problem, optimum in zip(
        solution.set_outcomes, problem.set_problems, problem.reference_optima, strict=True
    ):
        cost = weighted_cost(outcome.instance, solution.commitment)
        values.append(outcomes.objective_value(outcome.instance, outcome.with_plan, cost))
        if values[-1] < optimum.objective:
            is_feasible = not broken_rules(
                single_set_problem(set_problem).instance, solution.commitment
            )
            optimum = replace(optimum, objective=values[-1]) if is_feasible else optimum
        optima.append(optimum)
    if tuple(optima) == problem.reference_optima or solution.assumption_sets is None:
        return solution
    set_outcomes = tuple(
        replace(outcome, reference_optimum=optimum)
        for outcome, optimum in zip(solution.set_outcomes, optima, strict=True)
    )
    if solution.assumption_sets.criterion != "regret":
        return replace(solution, set_outcomes=set_outcomes)
    assumption_sets = replace(
        solution.assumption_sets,
        reference_objectives=tuple(optimum.objective for optimum in optima),
    )
    gap_scale, certificate = solution.gap_scale, solution.certificate
    if gap_scale.objective_floor == problem.objective_floor:
        gap_scale = replace(
            gap_scale,
            objective_floor=replace(problem, reference_optima=tuple(optima)).objective_floor,
        )
    certificate = updated_certificate(
        certificate, assumption_sets.combine_objectives(values), certificate.bound, gap_scale
    )
    certificate = certificate.model_copy(update={"regret_open": open_regret(optima)})
    return replace(
        solution,
        set_outcomes=set_outcomes,
        assumption_sets=assumption_sets,
        certificate=certificate,
        joint_gap_scale=gap_scale,
    )


def _or_no_review_plan(
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

    Return None if there is no review, or if no plan is found within half of the time limit.
    """
    if not problem.instance.branches:
        return None
    review_options: SolverOptions = {**solve_options, "on_progress": None, "on_incumbent": None}
    time_limit = solve_options.get("time_limit")
    review_options["time_limit"] = None if time_limit is None else time_limit / 2
    with contextlib.suppress(NoPlan, SolverError, CheckFailed):
        return solve_and_certify(
            problem.without_review, method=method, damage_only=True, **review_options
        )
    return None


def with_reference_optima(problem: Problem, **solve_options: Unpack[SolverOptions]) -> Problem:
    """Add the optimum of each assumption set to a problem whose criterion is regret. Other problems
    are returned unchanged."""
    if problem.assumption_sets.criterion != "regret" or problem.reference_optima:
        return problem
    started_at = time.perf_counter()
    time_limit = solve_options.get("time_limit")
    solutions = list[CheckedSolution]()
    set_options: SolverOptions = {**solve_options, "on_progress": None, "on_incumbent": None}
    set_problems = [single_set_problem(set_problem) for set_problem in problem.set_problems]
    for set_problem in set_problems:
        if time_limit is not None:
            set_options["time_limit"] = max(0.0, started_at + time_limit - time.perf_counter())
        solutions.append(solve_and_certify(set_problem, damage_only=True, **set_options))
        if solutions[-1].interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
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


def salvage_plan(
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
        gap=max(gap, SALVAGE_GAP),
        threads=threads,
        time_limit=SALVAGE_TIME_LIMIT,
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

    Raise TypeError for an unknown option.
    """
    if unknown := solve_options.keys() - SolverOptions.__annotations__.keys():
        raise TypeError(f"no options of a search: {', '.join(sorted(unknown))}")
    started_at = time.perf_counter()
    set_problems = problem.single_set_problems
    states = [set_problem.states for set_problem in problem.single_set_problems]
    if not problem.set_problems:
        check_no_assumption_sets(problem.instance.case)
    for set_problem in set_problems if not problem.instance.branches else ():
        check_no_review(set_problem.instance.case)
    instances = tuple(
        cap_surplus_offtake(set_problem.instance, set_problem.states)
        for set_problem in set_problems
    )
    assumption_sets = replace(problem.assumption_sets, instances=instances)
    objective_floor = problem.objective_floor
    gap = solve_options.get("gap", DEFAULT_GAP)
    threads = solve_options.get("threads")
    time_limit = solve_options.get("time_limit")

    def remaining_options() -> SolverOptions:
        seconds_left = (
            None if time_limit is None else max(0.0, started_at + time_limit - time.perf_counter())
        )
        return {**solve_options, "gap": gap, "time_limit": seconds_left}

    shared_options: dict[str, Any] = {
        "pool": pool,
        "find_broken_rules": partial(broken_rules_in_any_set, assumption_sets),
        "objective_floor": objective_floor,
    }
    shared_options |= {
        "target_objective": target_objective,
        "compared_objective": compared_objective,
        "recourses": [set_problem.recourse for set_problem in set_problems],
    }
    solve_by_cuts = partial(solve_by_decomposition, assumption_sets, states, **shared_options)

    def decompose(exact: bool) -> SolverResult:
        pairs = zip(set_problems, instances, strict=True)
        master_models = [
            set_problem.master_model if set_problem.instance is instance else None
            for set_problem, instance in pairs
        ]
        with scaling_errors_as_faults(assumption_sets.first_instance):
            return solve_by_cuts(master_models=master_models, exact=exact, **remaining_options())

    def extend() -> SolverResult | None:
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
        objective_without_plan = (
            assumption_sets.combine_objectives(objectives)
            if assumption_sets.is_additive
            else max(objectives)
        )
        scale_options: dict[str, Any] = {
            "objective_without_plan": objective_without_plan,
            "objective_floor": objective_floor,
        }
        with contextlib.suppress(SolverError):
            return solve_extensive_form(
                assumption_sets, states, **scale_options, **remaining_options()
            )
        return None

    chosen_method = problem.suitable_method(pool) if method == "auto" else method
    if method == "extensive" and not problem.is_linear:
        raise Misuse(tr("No linear program has a ball of modified chi-square: use decomposition."))
    result: SolverResult | None = None
    if chosen_method == "extensive":
        result = extend()
        if result is not None and not _is_doubtful(problem, result, gap=gap, threads=threads):
            return result
    # Recourse evaluation is exact, and the master is far smaller than an extensive form.
    for exact in (False, True):
        next_result = decompose(exact)
        if next_result.commitment is None and result is not None and result.commitment is not None:
            # The time limit ended the second method; a doubtful result keeps no bound.
            unproven = replace(result.solution, bound=None)
            return replace(result, solution=unproven) if result.is_doubtful else result
        result = next_result
        if not (breaks_rule := _breaks_a_rule(problem, result)):
            break
    assert result is not None
    has_no_solution = result.solution.ending in ("infeasible", "unbounded")
    if has_no_solution and not broken_rules_in_any_set(problem.assumption_sets, Commitment()):
        # The empty plan is feasible, whatever the solver reports.
        trivial_solution = replace(
            result.solution, ending="limit", solver_status=NUMERICAL_LIMIT, bound=None
        )
        result = replace(result, commitment=Commitment(), solution=trivial_solution)
    if (
        breaks_rule or result.solution.solver_status == NUMERICAL_LIMIT
    ) and problem.size <= MAX_SIZE_TO_RETRY:
        extensive_result = extend() if chosen_method != "extensive" else None
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
    first, second = solver_result.solution.objective, other_result.solution.objective
    if other_result.solution.ending == "optimal" or first is None or second is None:
        return False
    return first < second - MIN_GAP_TARGET * max(abs(first), abs(second))


def _breaks_a_rule(problem: Problem, solver_result: SolverResult) -> bool:
    """Return whether the plan of a result breaks a rule; False without a plan."""
    if solver_result.commitment is None:
        return False
    assumption_sets = problem.assumption_sets
    return bool(
        broken_rules_in_any_set(
            assumption_sets, assumption_sets.drop_unused(solver_result.commitment, drop_unused)
        )
    )


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
