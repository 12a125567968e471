"""Benders decomposition of one problem: run of the search, and a second run if the result is
doubtful."""

import math
import threading
import time
from collections.abc import Sequence
from typing import Unpack

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import Ending, ProgramSolution
from optimizer.model.states import State
from optimizer.solve import solver_result as results
from optimizer.solve.decomposition.branch_and_cut import BranchAndCut
from optimizer.solve.decomposition.cut_pool import CutPool
from optimizer.solve.decomposition.cuts import CutOracle, recourse_by_part
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.master_model import MasterModel, StackedMasterModel
from optimizer.solve.decomposition.search_run import (
    BrokenRulesFinder,
    SearchRun,
    SearchStopped,
    UnboundedProblem,
)
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.solver_result import compute_objective_floor

MIN_GAP = 1e-6  # smallest target gap, given the solver's tolerances
# Largest ratio by which the scaling is refined for a small objective.
MAX_OBJECTIVE_RESCALING = 2.0**30
MAX_CUT_COEFFICIENT = 2.0**20  # steeper cuts need exact tolerances; usual ones reach 2^15
# Share of the gap by which a recomputed objective may be worse without a second run.
WORSENING_SHARE = 0.1


def solve_by_decomposition(
    tree: DecisionTree,
    states: Sequence[Sequence[State]],
    *,
    recourses: Sequence[RecourseEvaluator | None] | None = None,
    pool: CutPool | None = None,
    target_objective: float | None = None,
    compared_objective: float | None = None,
    master_models: Sequence[MasterModel | None] | None = None,
    exact: bool = False,
    find_broken_rules: BrokenRulesFinder | None = None,
    objective_floor: float = 0.0,
    **solve_options: Unpack[results.SolverOptions],
) -> results.SolverResult:
    """Solve a problem by Benders decomposition.

    The problem is a decision tree with the states of each assumption set. The search starts from
    the cuts and plans of ``pool`` and adds its cuts and plans to it. With ``target_objective`` the
    search ends once a plan reaches that objective, or once the bound shows that no plan can. With
    ``compared_objective`` only the difference from that objective matters, and the remaining gap
    may be up to a tenth of it. ``recourses`` and ``master_models`` are existing evaluators and
    models of each assumption set, or None. With ``exact`` the first run uses the smallest
    tolerances already. Plans of earlier problems are tried if ``find_broken_rules`` is given.
    ``objective_floor`` is the smallest denominator of relative gaps.

    If the result is doubtful, the problem is solved a second time with the smallest tolerances.
    Raise SolverError if the solver fails and no plan was found.
    """
    started_at = time.perf_counter()
    no_values = [None] * len(tree.instances)
    set_recourses = [
        known_recourse
        or RecourseEvaluator(set_instance, set_states, threads=solve_options.get("threads"))
        for set_instance, set_states, known_recourse in zip(
            tree.instances, states, recourses or no_values, strict=True
        )
    ]
    part_recourses = recourse_by_part(tree, set_recourses, states)
    cut_oracle = CutOracle(tree, part_recourses)
    cut_oracle.traces_cuts = solve_options.get("traces_cuts", False)
    master_model = StackedMasterModel.for_sets(tree, master_models or no_values)
    prepared_at = time.perf_counter()
    costs_without_plan = (pool or CutPool()).costs_without_plan(cut_oracle)
    objective_without_plan = tree.measure.scale(costs_without_plan)
    scaling_size = (
        objective_without_plan
        if objective_without_plan > 0
        else highs.max_total_cost(master_model.reduced_program.program)
    )
    built_at, baseline_seconds = time.perf_counter(), cut_oracle.seconds
    runs: list[SearchRun] = []
    completed_runs: list[SearchRun] = []
    plans: list[tuple[float, Commitment]] = []  # with recomputed objectives
    gap = solve_options.get("gap", results.DEFAULT_GAP)
    time_limit, node_limit = solve_options.get("time_limit"), solve_options.get("node_limit")

    while True:
        factor = highs.compute_objective_factor(
            master_model.reduced_program.program, scaling_size, results.SCALED_OBJECTIVE
        )
        run = SearchRun(
            Master(
                cut_oracle,
                master_model,
                factor,
                exact=exact or bool(runs),
                previous=pool.master if pool is not None else None,
            ),
            cut_oracle,
            max(gap / 2 if runs else gap, MIN_GAP),
            objective_floor=max(objective_floor, compute_objective_floor(objective_without_plan)),
            deadline=math.inf if time_limit is None else started_at + time_limit,
            node_limit=math.inf if node_limit is None else node_limit,
            target_objective=-math.inf if target_objective is None else target_objective,
            compared_objective=compared_objective,
            on_progress=solve_options.get("on_progress"),
            incumbent_reporter=results.IncumbentReporter(
                "decomposition", solve_options.get("on_incumbent"), master_model.read_plan
            ),
            started_at=started_at,
            stop_event=solve_options.get("stop") or threading.Event(),
            find_broken_rules=find_broken_rules,
        )
        runs.append(run)
        solver_failure: SolverError | None = None
        try:
            _run_search(run, pool)
            completed_runs.append(run)
        except SolverError as error:
            solver_failure = error
        run.report_progress(force=True)
        recomputed_objective = math.inf
        if run.best_solution is not None:
            commitment = master_model.read_plan(run.best_solution)
            reduced_plan = tree.drop_unused(commitment)
            recomputed_objective = tree.plan_objective(
                reduced_plan, cut_oracle.recourse_costs(reduced_plan)
            )
            plans.append((recomputed_objective, commitment))
            if pool is not None:
                pool.remember_plan(reduced_plan, tree.first_instance)
        if (
            len(runs) > 1
            or run.hit_limit
            or (
                solver_failure is None and not _is_doubtful(run, recomputed_objective, scaling_size)
            )
        ):
            break
        # Solve again with smaller tolerances, scaled to the objective, from what was found.
        if math.isfinite(recomputed_objective):
            scaling_size = max(
                run.gap_denominator(recomputed_objective), scaling_size / MAX_OBJECTIVE_RESCALING
            )
            if pool is None:
                pool = CutPool()
                pool.pass_to(run)
                pool.store_results_of(run)
        elif solver_failure is not None:
            scaling_size = max(
                scaling_size, highs.max_total_cost(master_model.reduced_program.program)
            )
    if solver_failure is not None and not plans:
        raise solver_failure
    best_plan = min(plans, key=lambda plan: plan[0], default=None)
    # If another run has a plan, a run that claims infeasibility has proven nothing.
    proving_runs = [
        completed_run
        for completed_run in completed_runs
        if not plans
        or completed_run.best_solution is not None
        or completed_run.lower_bound < math.inf
    ]
    run = proving_runs[-1] if proving_runs else runs[0]
    finished_at = time.perf_counter()
    master_seconds = math.fsum(past_run.master.simplex.seconds for past_run in runs)
    return results.SolverResult(
        method="decomposition",
        solution=_build_solution(
            run, best_plan[0] if best_plan else math.inf, gap, finished_at - started_at
        ),
        commitment=best_plan[1] if best_plan else None,
        seconds_by_step={
            "merge": prepared_at - started_at,
            "build": built_at - prepared_at - baseline_seconds,
            "master": master_seconds,
            "sweep": cut_oracle.seconds,
            "rest": finished_at
            - built_at
            - master_seconds
            - (cut_oracle.seconds - baseline_seconds),
        },
        model_size=run.master.program.size | {"cuts": len(run.master.extra_rows)},
        search=run if cut_oracle.traces_cuts else None,
        work_counts={
            "node_states": sum(recourse.node_class_count for recourse in part_recourses),
            "node_states_unmerged": sum(
                len(recourse.probability) * len(recourse.instance.nodes)
                for recourse in part_recourses
            ),
            "sweeps": cut_oracle.evaluation_count,
            "node_sweeps": cut_oracle.node_evaluation_count,
            "solves": sum(past_run.master.simplex.solves for past_run in runs),
            "iterations": sum(past_run.master.simplex.iterations for past_run in runs),
            "nodes": sum(past_run.node_count for past_run in runs),
        },
    )


def _run_search(run: SearchRun, pool: CutPool | None) -> None:
    """Run the search, starting from the pool, until the gap is closed or a limit is reached."""
    with highs.stop_on_interrupt(run.stop_event):
        try:
            if pool is not None:
                pool.pass_to(run)
            search = BranchAndCut(run)
            try:
                search.close_gap()
            finally:
                run.final_frontier = search.frontier
        except SearchStopped:
            pass
        except UnboundedProblem:
            run.is_unbounded = True
    if pool is not None:
        pool.store_results_of(run)


def _is_doubtful(run: SearchRun, recomputed_objective: float, scaling_size: float) -> bool:
    """Return whether the solver's tolerances may have decided the result.

    That is the case if the problem seems infeasible or unbounded, the recomputed objective is
    worse, a gap is left, the objective is tiny relative to its scaling, or cuts are too steep.
    """
    has_steep_cuts = (
        not run.master.simplex.uses_exact_tolerances
        and run.master.largest_coefficient > MAX_CUT_COEFFICIENT
    )
    if has_steep_cuts or run.is_unbounded or not run.is_done:
        return True
    if run.best_solution is None:
        return run.lower_bound == math.inf
    is_worse = (
        recomputed_objective - run.best_objective
        > WORSENING_SHARE * run.requested_gap * run.gap_denominator(recomputed_objective)
    )
    return (
        is_worse
        or _is_gap_open(run, recomputed_objective, run.target_gap)
        or results.SCALED_OBJECTIVE * run.gap_denominator(recomputed_objective) < scaling_size
    )


def _is_gap_open(run: SearchRun, recomputed_objective: float, gap: float) -> bool:
    """Return whether the relative gap of the best plan exceeds ``gap`` with its recomputed
    objective. With a target objective, return False."""
    return (
        run.target_objective == -math.inf
        and recomputed_objective - run.lower_bound > gap * run.gap_denominator(recomputed_objective)
    )


def _build_solution(
    run: SearchRun, recomputed_objective: float, gap: float, seconds: float
) -> ProgramSolution:
    """Return the solution and the ending of a run, with the recomputed objective of the best plan
    (infinite without a plan)."""
    # A plan refutes infeasibility, and a bound above it by more than the gap. An exhausted tree
    # with a plan has an infinite bound, and its plan is optimal.
    is_refuted = math.isfinite(recomputed_objective) and (
        run.best_solution is None
        if run.lower_bound == math.inf
        else run.lower_bound - recomputed_objective
        > max(run.target_gap, gap) * run.gap_denominator(recomputed_objective)
    )
    lower_bound = -math.inf if is_refuted else run.lower_bound
    is_closed = (
        run.is_done
        and not is_refuted
        and not _is_gap_open(run, recomputed_objective, max(run.target_gap, gap))
    )
    ending: Ending = "optimal" if is_closed else "limit"
    status = "gap closed" if run.target_objective == -math.inf else "level reached"
    if run.best_objective > run.target_objective > -math.inf:
        status = "level ruled out"
    if run.is_unbounded:
        ending, status = "unbounded", "unbounded"
    elif run.best_solution is None and lower_bound == math.inf:
        ending, status = "infeasible", "infeasible"
    elif not is_closed:
        status = "interrupted" if run.is_interrupted else "time limit"
        if run.hit_node_limit:
            status = results.NODE_LIMIT
        elif not run.is_interrupted and time.perf_counter() <= run.deadline:
            status = results.NUMERICAL_LIMIT
    objective, bound = (
        x if math.isfinite(x) else None
        for x in (recomputed_objective, min(lower_bound, recomputed_objective))
    )
    return ProgramSolution(
        ending,
        status,
        None,
        objective,
        bound,
        run.node_count,
        seconds,
        run.is_interrupted,
        tuple(run.history),
    )
