"""One problem solved by decomposition."""

import math
import threading
import time
from collections.abc import Sequence
from typing import Any, Unpack

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.assumption_sets import AssumptionSets, as_assumption_sets
from optimizer.model.commitment import Commitment, drop_unused
from optimizer.model.highs import Ending, ProgramSolution
from optimizer.model.instance import Instance
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
from optimizer.solve.gap import compute_objective_floor
from optimizer.solve.recourse import RecourseEvaluator

MIN_GAP = 1e-6  # closer than this the solver's tolerances do not reach
MAX_OBJECTIVE_RESCALING = (
    2.0**30
)  # an objective that is less of what costs can come to is not looked at closer
MAX_CUT_COEFFICIENT = (
    2.0**20
)  # steeper cuts are too much for usual tolerances; usual ones reach 2^15
DOUBT_SHARE = (
    0.1  # a plan worse than the search took it for by this share of its gap is looked at again
)


def solve_by_decomposition(
    instance: Instance | AssumptionSets,
    states: Any,
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
    """Build the master and close the gap between it and the best plan, in these states, or for all
    sets of assumptions in the states of each. What is found is added to the ``pool`` that it starts
    from. ``enough`` asks only whether a plan has an objective this low: the search ends with one
    that has, or with a bound at least as high. ``against`` is an objective of which only the
    difference is asked: a tenth of that may stay open. ``recourses`` (with their own threads) and
    ``frames`` are what is there already of each set, of its states from another standpoint and of
    its instance with other states; ``exact`` works by the smallest tolerances from the start; plans
    of other problems are tried where ``broken`` tells what rules a plan breaks. An objective counts
    as no smaller than ``least`` where gaps are taken of it."""
    began = time.perf_counter()
    together, states = as_assumption_sets(instance, states)
    none = [None] * len(together.instances)
    whole = [
        known or RecourseEvaluator(own, of_set, threads=solve_options.get("threads"))
        for own, of_set, known in zip(together.instances, states, recourses or none, strict=True)
    ]
    seen = recourse_by_part(together, whole, states)
    appraise, frame = (
        CutOracle(together, seen),
        StackedMasterModel.for_sets(together, master_models or none),
    )
    encoded = time.perf_counter()
    damages = (pool or CutPool()).costs_without_plan(appraise)
    nothing = together.combine_objectives(damages) if together.is_additive else max(damages)
    size = nothing if nothing > 0 else highs.max_total_cost(frame.reduced_program.program)
    built, of_nothing = time.perf_counter(), appraise.seconds
    runs: list[SearchRun] = []
    sound: list[SearchRun] = []  # those that did not fail
    plans: list[tuple[float, Commitment]] = []  # by what each is worth after it was read
    gap = solve_options.get("gap", results.DEFAULT_GAP)
    time_limit, node_limit = solve_options.get("time_limit"), solve_options.get("node_limit")

    while True:
        factor = highs.compute_objective_factor(
            frame.reduced_program.program, size, results.SCALED_OBJECTIVE
        )
        run = SearchRun(
            Master(
                appraise,
                frame,
                factor,
                exact=exact or bool(runs),
                previous=pool.master if pool is not None else None,
            ),
            appraise,
            max(gap / 2 if runs else gap, MIN_GAP),
            objective_floor=max(objective_floor, compute_objective_floor(nothing)),
            deadline=math.inf if time_limit is None else began + time_limit,
            node_limit=math.inf if node_limit is None else node_limit,
            target_objective=-math.inf if target_objective is None else target_objective,
            compared_objective=compared_objective,
            on_progress=solve_options.get("on_progress"),
            incumbent_reporter=results.IncumbentReporter(
                "decomposition", solve_options.get("on_incumbent"), frame.read_plan
            ),
            started_at=began,
            stop_event=solve_options.get("stop") or threading.Event(),
            find_broken_rules=find_broken_rules,
        )
        runs.append(run)
        failure: SolverError | None = None
        try:
            _run_search(run, pool)
            sound.append(run)
        except SolverError as error:
            failure = error
        run.report_progress(force=True)
        worth = math.inf
        if run.best_solution is not None:
            commitment = frame.read_plan(run.best_solution)
            needed = together.drop_unused(commitment, drop_unused)
            worth = together.plan_objective(needed, appraise.recourse_costs(needed))
            plans.append((worth, commitment))
            if pool is not None:
                pool.remember_plan(needed, together.first_instance)
        if (
            len(runs) > 1
            or run.hit_limit
            or (failure is None and not _is_doubtful(run, worth, size))
        ):
            break
        # Once more by smaller tolerances, where there is doubt: in a unit that suits the objective,
        # from what was found.
        if math.isfinite(worth):
            size = max(run.gap_denominator(worth), size / MAX_OBJECTIVE_RESCALING)
            if pool is None:
                pool = CutPool()
                pool.lend_to(run)
                pool.store_results_of(run)
        elif failure is not None:
            size = max(size, highs.max_total_cost(frame.reduced_program.program))
    if failure is not None and not plans:
        raise failure
    best = min(plans, key=lambda own: own[0], default=None)
    # A run that found nothing where another has a plan has proven nothing.
    proving = [
        own
        for own in sound
        if not plans or own.best_solution is not None or own.lower_bound < math.inf
    ]
    run = proving[-1] if proving else runs[0]
    finished = time.perf_counter()
    in_master = math.fsum(one.master.simplex.seconds for one in runs)
    return results.SolverResult(
        method="decomposition",
        solution=_build_solution(run, best[0] if best else math.inf, gap, finished - began),
        commitment=best[1] if best else None,
        seconds_by_step={
            "merge": encoded - began,
            "build": built - encoded - of_nothing,
            "master": in_master,
            "sweep": appraise.seconds,
            "rest": finished - built - in_master - (appraise.seconds - of_nothing),
        },
        model_size=run.master.program.size | {"cuts": len(run.master.extra_rows)},
        work_counts={
            "node_states": sum(one.node_class_count for one in seen),
            "node_states_unmerged": sum(
                len(one.probability) * len(one.instance.nodes) for one in seen
            ),
            "sweeps": appraise.evaluations,
            "node_sweeps": appraise.node_evaluations,
            "solves": sum(one.master.simplex.solves for one in runs),
            "iterations": sum(one.master.simplex.iterations for one in runs),
            "nodes": sum(one.node_count for one in runs),
        },
    )


def _run_search(run: SearchRun, pool: CutPool | None) -> None:
    """Close the gap, as far as limits allow, with what a pool lends."""
    with highs.stop_on_interrupt(run.stop_event):
        try:
            if pool is not None:
                pool.lend_to(run)
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
    """Whether the solver's tolerances may have decided, rather than the problem: where nothing is
    feasible, a plan is worth less than the search took it for, the search ended with a gap, the
    objective is a tiny part of what it was scaled by, or a tolerance of a column is worth a lot."""
    steep = (
        not run.master.simplex.uses_exact_tolerances
        and run.master.largest_coefficient > MAX_CUT_COEFFICIENT
    )
    if steep or run.is_unbounded or not run.is_done:
        return True
    if run.best_solution is None:
        return run.lower_bound == math.inf
    amiss = (
        recomputed_objective - run.best_objective
        > DOUBT_SHARE * run.requested_gap * run.gap_denominator(recomputed_objective)
    )
    return (
        amiss
        or _is_gap_open(run, recomputed_objective, run.target_gap)
        or results.SCALED_OBJECTIVE * run.gap_denominator(recomputed_objective) < scaling_size
    )


def _is_gap_open(run: SearchRun, recomputed_objective: float, gap: float) -> bool:
    """Whether the best plan, reckoned after it was read, leaves more than a gap open."""
    return (
        run.target_objective == -math.inf
        and recomputed_objective - run.lower_bound > gap * run.gap_denominator(recomputed_objective)
    )


def _build_solution(
    run: SearchRun, recomputed_objective: float, gap: float, seconds: float
) -> ProgramSolution:
    """How a run ended, with the objective of the best plan of all runs; infinite without one."""
    # A plan refutes that nothing is feasible, and a bound above it by more than the gap. Where a
    # tree is exhausted that has a plan, its bound is infinite, and the plan is the best.
    refuted = math.isfinite(recomputed_objective) and (
        run.best_solution is None
        if run.lower_bound == math.inf
        else run.lower_bound - recomputed_objective
        > max(run.target_gap, gap) * run.gap_denominator(recomputed_objective)
    )
    lower = -math.inf if refuted else run.lower_bound
    done = (
        run.is_done
        and not refuted
        and not _is_gap_open(run, recomputed_objective, max(run.target_gap, gap))
    )
    ending: Ending = "optimal" if done else "limit"
    ended = "gap closed" if run.target_objective == -math.inf else "level reached"
    if run.best_objective > run.target_objective > -math.inf:
        ended = "level ruled out"
    if run.is_unbounded:
        ending, ended = "unbounded", "unbounded"
    elif run.best_solution is None and lower == math.inf:
        ending, ended = "infeasible", "infeasible"
    elif not done:
        ended = "interrupted" if run.is_interrupted else "time limit"
        if run.hit_node_limit:
            ended = results.NODE_LIMIT
        elif not run.is_interrupted and time.perf_counter() <= run.deadline:
            ended = results.NUMERICAL_LIMIT
    objective, bound = (
        x if math.isfinite(x) else None
        for x in (recomputed_objective, min(lower, recomputed_objective))
    )
    return ProgramSolution(
        ending,
        ended,
        None,
        objective,
        bound,
        run.node_count,
        seconds,
        run.is_interrupted,
        tuple(run.history),
    )
