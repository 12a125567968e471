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

SALVAGE_GAP, SALVAGE_TIME_LIMIT = (
    1e-2,
    120.0,
)  # gap and seconds of what a plan that is salvaged is compared with
MAX_SIZE_TO_RETRY = 20_000  # so far it is tried where the decomposition meets its numerical limit


def solve_to_plan(
    case: Case,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    variant: str | None = None,
    title: str | None = None,
    **solve_options: Unpack[SolverOptions],
) -> Plan:
    """The investment mix that minimises the scenario's objective, checked, with its proof. ``pool``
    holds cuts of problems that share recourse with this one (variants, budgets, risk weights): the
    decomposition, then the method, starts from it and adds to it. Raises Infeasible with a smallest
    set of rules in conflict; ScenarioError if figures are too unlike in size to be solved together;
    NoPlan or Interrupted if no plan was found before a limit, or the user stopped it; SolverError
    if the solver fails, or its answer fails the check."""
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
    """The plan before it becomes a document; as :func:`plan`, and :func:`judge` for ``brief``."""
    began = time.perf_counter()
    method = problem.suitable_method(pool) if method == "auto" else method
    if method == "decomposition" and all(
        len(own.states) <= STATES_PER_BLOCK for own in problem.single_set_problems
    ):
        problem = problem.with_recourse(solve_options.get("threads"))
    problem, limit = (
        with_reference_optima(problem, **solve_options),
        solve_options.get("time_limit"),
    )

    def in_time() -> float | None:
        return None if limit is None else max(0.0, limit - (time.perf_counter() - began))

    solve_options["time_limit"] = in_time()
    now = None if damage_only else _solve_without_review(problem, method, **solve_options)
    if now is not None:
        problem = replace(
            problem, no_review_optimum=ReferenceOptimum(now.objective, now.certificate.bound)
        )
        if method == "decomposition":
            pool = pool or CutPool()
            pool.remember_plan(now.commitment, problem.instance)  # no search need be worse
    solve_options["time_limit"] = in_time()
    if now is not None and now.interrupted:
        ended = ProgramSolution("limit", "interrupted", None, None, None, 0, 0.0, interrupted=True)
        solved = _or_no_review_plan(
            SolverResult(method, ended, None, seconds_by_step={}, model_size={}), now, problem
        )
    else:
        found = solve_problem(problem, method=method, pool=pool, **solve_options)
        solved = found if now is None else _or_no_review_plan(found, now, problem)
    on_incumbent = solve_options.get("on_incumbent")
    if on_incumbent is not None and solved.commitment is not None:
        claimed, bound = solved.solution.objective, solved.solution.bound
        objective = math.inf if claimed is None else claimed
        on_incumbent(Incumbent(solved.method, solved.commitment, objective, bound, final=True))
    gap, threads = solve_options.get("gap", DEFAULT_GAP), solve_options.get("threads")
    judged = certify(
        problem, solved, gap=gap, started_at=began, threads=threads, damage_only=damage_only
    )
    return (
        _without_negative_regret(judged, problem)
        if problem.reference_optima and judged.set_outcomes
        else judged
    )


def _without_negative_regret(solution: CheckedSolution, problem: Problem) -> CheckedSolution:
    """The plan with regrets that are never negative: within its gap the best plan of a set leaves
    room for a better one, which this may be, and then it is what regret is taken from."""
    best, values = [], []
    for own, part, known in zip(
        solution.set_outcomes, problem.set_problems, problem.reference_optima, strict=True
    ):
        cost = weighted_cost(own.instance, solution.commitment)
        values.append(outcomes.objective_value(own.instance, own.with_plan, cost))
        if values[-1] < known.objective:
            fits = not broken_rules(single_set_problem(part).instance, solution.commitment)
            known = replace(known, objective=values[-1]) if fits else known
        best.append(known)
    if tuple(best) == problem.reference_optima or solution.assumption_sets is None:
        return solution
    sets = tuple(
        replace(own, reference_optimum=known)
        for own, known in zip(solution.set_outcomes, best, strict=True)
    )
    if solution.assumption_sets.criterion != "regret":
        return replace(solution, set_outcomes=sets)
    together = replace(
        solution.assumption_sets, reference_objectives=tuple(known.objective for known in best)
    )
    sizes, proof = solution.gap_scale, solution.certificate
    if sizes.objective_floor == problem.objective_floor:
        sizes = replace(
            sizes, objective_floor=replace(problem, reference_optima=tuple(best)).objective_floor
        )
    proof = updated_certificate(proof, together.combine_objectives(values), proof.bound, sizes)
    proof = proof.model_copy(update={"regret_open": open_regret(best)})
    return replace(
        solution,
        set_outcomes=sets,
        assumption_sets=together,
        certificate=proof,
        joint_gap_scale=sizes,
    )


def _or_no_review_plan(
    solver_result: SolverResult, no_review_solution: CheckedSolution, problem: Problem
) -> SolverResult:
    """What a search has found, or the plan that leaves nothing to the review where it found none,
    since it was stopped, or within its gap a worse one."""
    own = solver_result.solution.objective
    if solver_result.solution.ending == "infeasible" or (
        own is not None and own <= no_review_solution.objective
    ):
        return solver_result
    alike = combine_branches(
        [no_review_solution.commitment for _ in problem.instance.branches], problem.instance
    )
    return replace(
        solver_result,
        commitment=alike,
        solution=replace(solver_result.solution, objective=no_review_solution.objective),
    )


def _solve_without_review(
    problem: Problem, method: Method, **solve_options: Unpack[SolverOptions]
) -> CheckedSolution | None:
    """The best plan that leaves nothing to the review; None without one, or where none is found in
    half of the time."""
    if not problem.instance.branches:
        return None
    own: SolverOptions = {**solve_options, "on_progress": None, "on_incumbent": None}
    limit = solve_options.get("time_limit")
    own["time_limit"] = None if limit is None else limit / 2
    with contextlib.suppress(NoPlan, SolverError, CheckFailed):
        return solve_and_certify(problem.without_review, method=method, damage_only=True, **own)
    return None


def with_reference_optima(problem: Problem, **solve_options: Unpack[SolverOptions]) -> Problem:
    """The problem with the best plan of each set of assumptions, where regret is asked for."""
    if problem.assumption_sets.criterion != "regret" or problem.reference_optima:
        return problem
    began, limit, founds = (
        time.perf_counter(),
        solve_options.get("time_limit"),
        list[CheckedSolution](),
    )
    own: SolverOptions = {**solve_options, "on_progress": None, "on_incumbent": None}
    alone = [single_set_problem(part) for part in problem.set_problems]
    for part in alone:
        if limit is not None:
            own["time_limit"] = max(0.0, began + limit - time.perf_counter())
        founds.append(solve_and_certify(part, damage_only=True, **own))
        if founds[-1].interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
        if part.recourse is not None:
            part.recourse.clear_cache()  # sweeps of all sets together take too much room
    return replace(problem, reference_optima=best_reference_optima(alone, founds))


def single_set_problem(set_problem: Problem) -> Problem:
    """A set of assumptions without the others, which may not allow all of its start years."""
    own = set_problem.instance
    instance = read_instance(own.case, own.lot_tonnes)
    if all(
        project.start_years == own.projects[p].start_years
        for p, project in instance.projects.items()
    ):
        return set_problem
    return with_same_branches(Problem(instance, set_problem.states, 0.0), own)


def best_reference_optima(
    set_problems: Sequence[Problem], solutions: Sequence[CheckedSolution]
) -> tuple[ReferenceOptimum, ...]:
    """The best of the plans found for each set of assumptions that keeps its rules: within the gap
    that of another set may be better than its own. Bounds are those of its own search."""
    best = []
    for part, own in zip(set_problems, solutions, strict=False):
        objectives = [own.objective]
        for other in solutions:
            if other is not own and not broken_rules(part.instance, other.commitment):
                objectives.append(recomputed_objective(part, other.commitment))
        best.append(ReferenceOptimum(min(objectives), own.certificate.bound))
    return tuple(best)


def recomputed_objective(problem: Problem, commitment: Commitment) -> float:
    """The objective of a commitment, whether or not it keeps all rules."""
    instance, states = problem.instance, problem.states
    (seen,) = outcomes.evaluate_commitments(
        instance, states, [commitment], recourse=problem.recourse
    )
    return outcomes.objective_value(instance, seen, weighted_cost(instance, commitment))


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
    """The plan of a search that did not come back, from the last that it told; ``ended`` says what
    became of it. CheckFailed if that breaks a rule, or is worth less than its bound allows."""
    began = time.perf_counter()
    problem = with_reference_optima(
        Problem.from_case(case),
        gap=max(gap, SALVAGE_GAP),
        threads=threads,
        time_limit=SALVAGE_TIME_LIMIT,
    )
    # What the search claimed is not compared: it may not have solved around its whole numbers. What
    # it proved of regrets is taken from other best plans.
    bound = None if problem.reference_optima else incumbent.bound
    solution = ProgramSolution("limit", ending, None, None, bound, nodes=0, seconds=0.0)
    solved = SolverResult(
        incumbent.method, solution, incumbent.commitment, seconds_by_step={}, model_size={}
    )
    return certify(problem, solved, gap=gap, started_at=began, threads=threads).to_plan(
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
    """Solve a problem, or, with ``enough``, only find out whether an objective can be so low; where
    all that is asked is the difference from an objective (``against``), a tenth of it may stay open
    if that is more than the gap. The extensive form takes no notice of either: it is for problems
    that are solved quickly. Where the answer of a method is in doubt, the other is asked. Raises
    TypeError for an unknown name."""
    if unknown := solve_options.keys() - SolverOptions.__annotations__.keys():
        raise TypeError(f"no options of a search: {', '.join(sorted(unknown))}")
    began, parts, states = (
        time.perf_counter(),
        problem.single_set_problems,
        [x.states for x in problem.single_set_problems],
    )
    if not problem.set_problems:
        check_no_assumption_sets(problem.instance.case)
    for own in parts if not problem.instance.branches else ():
        check_no_review(own.instance.case)
    instances = tuple(cap_surplus_offtake(own.instance, own.states) for own in parts)
    together, least = replace(problem.assumption_sets, instances=instances), problem.objective_floor
    gap, threads, limit = (
        solve_options.get("gap", DEFAULT_GAP),
        solve_options.get("threads"),
        solve_options.get("time_limit"),
    )

    def in_time() -> SolverOptions:
        left = None if limit is None else max(0.0, began + limit - time.perf_counter())
        return {**solve_options, "gap": gap, "time_limit": left}

    lent: dict[str, Any] = {
        "pool": pool,
        "find_broken_rules": partial(broken_rules_in_any_set, together),
        "objective_floor": least,
    }
    lent |= {
        "target_objective": target_objective,
        "compared_objective": compared_objective,
        "recourses": [x.recourse for x in parts],
    }
    by_cuts = partial(solve_by_decomposition, together, states, **lent)

    def decompose(exact: bool) -> SolverResult:
        pairs = zip(parts, instances, strict=True)
        frames = [own.master_model if own.instance is instance else None for own, instance in pairs]
        with scaling_errors_as_faults(together.first_instance):
            return by_cuts(master_models=frames, exact=exact, **in_time())

    def extend() -> SolverResult | None:
        """By the extensive form; None where it fails, or there is none."""
        if not problem.is_linear:
            return None
        worth = []
        for own, instance in zip(parts, instances, strict=True):
            with scaling_errors_as_faults(instance):
                (without,) = outcomes.evaluate_commitments(
                    instance, own.states, [Commitment()], threads=threads, recourse=own.recourse
                )
            worth.append(outcomes.objective_value(instance, without, 0.0))
        nothing = together.combine_objectives(worth) if together.is_additive else max(worth)
        sizes: dict[str, Any] = {"objective_without_plan": nothing, "objective_floor": least}
        with contextlib.suppress(SolverError):
            return solve_extensive_form(together, states, **sizes, **in_time())
        return None

    chosen = problem.suitable_method(pool) if method == "auto" else method
    if method == "extensive" and not problem.is_linear:
        raise Misuse(tr("No linear program has a ball of modified chi-square: use decomposition."))
    solved: SolverResult | None = None
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
            return replace(solved, solution=unproven) if solved.is_doubtful else solved
        solved = again
        if not (broken := _breaks_a_rule(problem, solved)):
            break
    assert solved is not None
    none = solved.solution.ending in ("infeasible", "unbounded")
    if none and not broken_rules_in_any_set(problem.assumption_sets, Commitment()):
        # To do nothing is a plan, whatever the solver says.
        idle = replace(solved.solution, ending="limit", solver_status=NUMERICAL_LIMIT, bound=None)
        solved = replace(solved, commitment=Commitment(), solution=idle)
    if (
        broken or solved.solution.solver_status == NUMERICAL_LIMIT
    ) and problem.size <= MAX_SIZE_TO_RETRY:
        other = extend() if chosen != "extensive" else None
        if other is None or other.commitment is None:
            return solved
        # It may leave a gap as well.
        if not _is_doubtful(problem, other, gap=gap, threads=threads, allow_open_gap=True):
            return solved if not broken and _is_better(solved, other) else other
    return solved


def _is_better(solver_result: SolverResult, other_result: SolverResult) -> bool:
    """Whether a plan is better than one that a limit ended, by more than rounding."""
    first, second = solver_result.solution.objective, other_result.solution.objective
    if other_result.solution.ending == "optimal" or first is None or second is None:
        return False
    return first < second - MIN_GAP_TARGET * max(abs(first), abs(second))


def _breaks_a_rule(problem: Problem, solver_result: SolverResult) -> bool:
    """Whether a plan, as far as there is one, would fail the check."""
    if solver_result.commitment is None:
        return False
    together = problem.assumption_sets
    return bool(
        broken_rules_in_any_set(
            together, together.drop_unused(solver_result.commitment, drop_unused)
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
    """Whether solves by several tolerances differ, or the plan, evaluated again, has another
    objective than they say or, unless that ``may_be_open``, leaves the gap open."""
    if solver_result.solution.interrupted or solver_result.commitment is None:
        return solver_result.is_doubtful and not solver_result.solution.interrupted
    if solver_result.is_doubtful or _breaks_a_rule(problem, solver_result):
        return True
    if solver_result.is_well_scaled:
        return False
    try:
        judged = certify(
            problem, solver_result, gap=gap, started_at=time.perf_counter(), threads=threads
        )
    except CheckFailed:
        return True
    return not allow_open_gap and judged.certificate.ended == NUMERICAL_LIMIT
