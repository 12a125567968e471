"""One problem solved by decomposition."""

import math
import threading
import time
from collections.abc import Sequence
from typing import Any, Unpack

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment, without_idle
from optimizer.model.highs import Ending, Solution
from optimizer.model.instance import Instance
from optimizer.model.together import Together, sets_of
from optimizer.solve import solver_result as results
from optimizer.solve.decomposition.cuts import Appraiser, in_parts
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.pool import CutPool
from optimizer.solve.decomposition.reduced import Frame, Frames
from optimizer.solve.decomposition.run import Broken, Run, Stopped, Unlimited
from optimizer.solve.decomposition.search import Search
from optimizer.solve.gap import smallest_size
from optimizer.solve.sweep import Recourse

SMALLEST_GAP = 1e-6  # closer than this the solver's tolerances do not reach
DEEPEST = 2.0**30  # an objective that is less of what costs can come to is not looked at closer
STEEPEST = 2.0**20  # steeper cuts are too much for usual tolerances; usual ones reach 2^15
DOUBT = 0.1  # a plan worse than the search took it for by this share of its gap is looked at again


def solve_by_decomposition(
    instance: Instance | Together,
    states: Any,
    *,
    recourses: Sequence[Recourse | None] | None = None,
    pool: CutPool | None = None,
    enough: float | None = None,
    against: float | None = None,
    frames: Sequence[Frame | None] | None = None,
    exact: bool = False,
    broken: Broken | None = None,
    least: float = 0.0,
    **how: Unpack[results.How],
) -> results.Solved:
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
    together, states = sets_of(instance, states)
    none = [None] * len(together.instances)
    whole = [
        known or Recourse(own, of_set, threads=how.get("threads"))
        for own, of_set, known in zip(together.instances, states, recourses or none, strict=True)
    ]
    seen = in_parts(together, whole, states)
    appraise, frame = Appraiser(together, seen), Frames.of(together, frames or none)
    encoded = time.perf_counter()
    damages = (pool or CutPool()).without_plan(appraise)
    nothing = together.objective(damages) if together.adds_up else max(damages)
    size = nothing if nothing > 0 else highs.largest_cost(frame.reduced.program)
    built, of_nothing = time.perf_counter(), appraise.seconds
    runs: list[Run] = []
    sound: list[Run] = []  # those that did not fail
    plans: list[tuple[float, Commitment]] = []  # by what each is worth after it was read
    gap = how.get("gap", results.GAP)
    time_limit, node_limit = how.get("time_limit"), how.get("node_limit")

    while True:
        factor = highs.objective_factor(frame.reduced.program, size, results.TOP)
        run = Run(
            Master(
                appraise,
                frame,
                factor,
                exact=exact or bool(runs),
                last=pool.master if pool is not None else None,
            ),
            appraise,
            max(gap / 2 if runs else gap, SMALLEST_GAP),
            least=max(least, smallest_size(nothing)),
            deadline=math.inf if time_limit is None else began + time_limit,
            node_limit=math.inf if node_limit is None else node_limit,
            enough=-math.inf if enough is None else enough,
            against=against,
            on_progress=how.get("on_progress"),
            teller=results.Teller("decomposition", how.get("on_incumbent"), frame.read),
            began=began,
            stop=how.get("stop") or threading.Event(),
            broken=broken,
        )
        runs.append(run)
        failure: SolverError | None = None
        try:
            _searched(run, pool)
            sound.append(run)
        except SolverError as error:
            failure = error
        run.tell(always=True)
        worth = math.inf
        if run.best is not None:
            commitment = frame.read(run.best)
            needed = together.without(commitment, without_idle)
            worth = together.worth(needed, appraise.damages(needed))
            plans.append((worth, commitment))
            if pool is not None:
                pool.remember(needed, together.first)
        if len(runs) > 1 or run.limited or (failure is None and not _in_doubt(run, worth, size)):
            break
        # Once more by smaller tolerances, where there is doubt: in a unit that suits the objective,
        # from what was found.
        if math.isfinite(worth):
            size = max(run.size(worth), size / DEEPEST)
            if pool is None:
                pool = CutPool()
                pool.lend(run)
                pool.keep(run)
        elif failure is not None:
            size = max(size, highs.largest_cost(frame.reduced.program))
    if failure is not None and not plans:
        raise failure
    best = min(plans, key=lambda own: own[0], default=None)
    # A run that found nothing where another has a plan has proven nothing.
    proving = [own for own in sound if not plans or own.best is not None or own.lower < math.inf]
    run = proving[-1] if proving else runs[0]
    finished = time.perf_counter()
    in_master = math.fsum(one.master.simplex.seconds for one in runs)
    return results.Solved(
        method="decomposition",
        solution=_solution(run, best[0] if best else math.inf, gap, finished - began),
        commitment=best[1] if best else None,
        seconds={
            "merge": encoded - began,
            "build": built - encoded - of_nothing,
            "master": in_master,
            "sweep": appraise.seconds,
            "rest": finished - built - in_master - (appraise.seconds - of_nothing),
        },
        size=run.master.program.size | {"cuts": len(run.master.cuts)},
        work={
            "node_states": sum(one.node_states for one in seen),
            "node_states_unmerged": sum(
                len(one.probability) * len(one.instance.nodes) for one in seen
            ),
            "sweeps": appraise.sweeps,
            "node_sweeps": appraise.node_sweeps,
            "solves": sum(one.master.simplex.solves for one in runs),
            "iterations": sum(one.master.simplex.iterations for one in runs),
            "nodes": sum(one.nodes for one in runs),
        },
    )


def _searched(run: Run, pool: CutPool | None) -> None:
    """Close the gap, as far as limits allow, with what a pool lends."""
    with highs.until_interrupted(run.stop):
        try:
            if pool is not None:
                pool.lend(run)
            search = Search(run)
            try:
                search.search()
            finally:
                run.left_over = search.frontier
        except Stopped:
            pass
        except Unlimited:
            run.unlimited = True
    if pool is not None:
        pool.keep(run)


def _in_doubt(run: Run, worth: float, size: float) -> bool:
    """Whether the solver's tolerances may have decided, rather than the problem: where nothing is
    feasible, a plan is worth less than the search took it for, the search ended with a gap, the
    objective is a tiny part of what it was scaled by, or a tolerance of a column is worth a lot."""
    steep = not run.master.simplex.exact and run.master.steepest > STEEPEST
    if steep or run.unlimited or not run.done:
        return True
    if run.best is None:
        return run.lower == math.inf
    amiss = worth - run.upper > DOUBT * run.gap * run.size(worth)
    return amiss or _is_open(run, worth, run.within) or results.TOP * run.size(worth) < size


def _is_open(run: Run, worth: float, gap: float) -> bool:
    """Whether the best plan, reckoned after it was read, leaves more than a gap open."""
    return run.enough == -math.inf and worth - run.lower > gap * run.size(worth)


def _solution(run: Run, worth: float, gap: float, seconds: float) -> Solution:
    """How a run ended, with the objective of the best plan of all runs; infinite without one."""
    # A plan refutes that nothing is feasible, and a bound above it by more than the gap. Where a
    # tree is exhausted that has a plan, its bound is infinite, and the plan is the best.
    refuted = math.isfinite(worth) and (
        run.best is None
        if run.lower == math.inf
        else run.lower - worth > max(run.within, gap) * run.size(worth)
    )
    lower = -math.inf if refuted else run.lower
    done = run.done and not refuted and not _is_open(run, worth, max(run.within, gap))
    ending: Ending = "optimal" if done else "limit"
    ended = "gap closed" if run.enough == -math.inf else "level reached"
    if run.upper > run.enough > -math.inf:
        ended = "level ruled out"
    if run.unlimited:
        ending, ended = "unbounded", "unbounded"
    elif run.best is None and lower == math.inf:
        ending, ended = "infeasible", "infeasible"
    elif not done:
        ended = "interrupted" if run.interrupted else "time limit"
        if run.at_node_limit:
            ended = results.NODE_LIMIT
        elif not run.interrupted and time.perf_counter() <= run.deadline:
            ended = results.NUMERICAL_LIMIT
    objective, bound = (x if math.isfinite(x) else None for x in (worth, min(lower, worth)))
    return Solution(
        ending,
        ended,
        None,
        objective,
        bound,
        run.nodes,
        seconds,
        run.interrupted,
        tuple(run.history),
    )
