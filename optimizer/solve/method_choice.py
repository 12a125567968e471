"""Choice of the method: the extensive form or the decomposition, and the other one if a result is
doubtful."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from typing import Literal, Unpack

from optimizer.errors import CheckFailed, Misuse, SolverError
from optimizer.model.commitment import Commitment
from optimizer.model.scenario_data import cap_surplus_offtake
from optimizer.solve import outcomes
from optimizer.solve.certification import broken_rules_in_any_set, certify
from optimizer.solve.conflicts import scaling_errors_as_faults
from optimizer.solve.decomposition import CutPool, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.gap import MIN_GAP_TARGET
from optimizer.solve.problem import Problem, check_supported
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    NUMERICAL_LIMIT,
    Method,
    SolverOptions,
    SolverResult,
    seconds_left,
    with_observers,
)

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
