"""One problem solved by decomposition."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from optimizer.commitment import Commitment
from optimizer.decomposition.cuts import Appraiser
from optimizer.decomposition.master import Frame, Master
from optimizer.decomposition.pool import CutPool
from optimizer.decomposition.run import Run, Stopped, interruptible
from optimizer.decomposition.search import Search
from optimizer.formulation import read_commitment
from optimizer.highs import Ending, Progress, Solution
from optimizer.instance import Floats, Instance
from optimizer.solved import NODE_LIMIT, Incumbent, Solved, Teller
from optimizer.states import State
from optimizer.sweep import Recourse

SMALLEST_GAP = 1e-6
"""Closer than this the solver's tolerances do not reach."""


def solve_by_decomposition(
    instance: Instance,
    states: tuple[State, ...],
    *,
    gap: float,
    time_limit: float | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: Callable[[Incumbent], None] | None = None,
    pool: CutPool | None = None,
    enough: float | None = None,
    merge: bool = True,
    groups: int = 1,
    recourse: Recourse | None = None,
    frame: Frame | None = None,
) -> Solved:
    """Build the master and close the gap between it and the best plan.

    Parameters
    ----------
    time_limit
        Seconds from the call on; the best plan so far comes back, and its bound.
    node_limit
        Nodes of the search, of which the first is the root; the same comes back each time.
    threads
        Of the sweep; all usable cores where None. The master is solved on one.
    pool
        Cuts of problems with the same recourse, to start from; what is found is added to it.
    enough
        Ask only whether a plan has an objective this low: the search ends with one that has, or
        with a bound at least as high.
    merge
        Whether states that look alike to a node are swept once.
    groups
        Groups of states for which cuts of the mean are made. More groups take fewer sweeps and a
        larger master, which is seldom worth it (docs/benchmarks.md).
    recourse
        Of these states from another standpoint, if it is there already; it brings its own threads.
    frame
        Of the same instance and groups, if it is there already from other states.
    """
    began = time.perf_counter()
    if recourse is None:
        recourse = Recourse(instance, states, merge=merge, threads=threads)
    else:
        recourse = recourse.seen(instance)
    encoded = time.perf_counter()
    master = Master(instance, recourse, groups, frame)
    appraise = Appraiser(recourse, groups)
    built = time.perf_counter()

    def read(values: Floats) -> Commitment:
        return read_commitment(instance, master.read(values))

    run = Run(
        master,
        appraise,
        max(gap, SMALLEST_GAP),
        deadline=math.inf if time_limit is None else began + time_limit,
        node_limit=math.inf if node_limit is None else node_limit,
        enough=-math.inf if enough is None else enough,
        on_progress=on_progress,
        teller=Teller("decomposition", on_incumbent, read),
        began=began,
    )
    search = Search(run)
    with interruptible(run):
        try:
            if pool is not None:
                pool.lend(run)
            search.search()
        except Stopped:
            pass
    if pool is not None:
        pool.keep(run)
    run.tell(always=True)
    ended = time.perf_counter()
    commitment = None if run.best is None else read(run.best)
    return Solved(
        method="decomposition",
        solution=_solution(run, ended - began),
        commitment=commitment,
        seconds={
            "merge": encoded - began,
            "build": built - encoded,
            "master": master.simplex.seconds,
            "sweep": appraise.seconds,
            "rest": ended - built - master.simplex.seconds - appraise.seconds,
        },
        size=master.program.size | {"cuts": len(master.cuts)},
        work={
            "node_states": recourse.node_states,
            "node_states_unmerged": len(states) * len(instance.nodes),
            "sweeps": appraise.sweeps,
            "node_sweeps": appraise.node_sweeps,
            "solves": master.simplex.solves,
            "iterations": master.simplex.iterations,
            "nodes": run.nodes,
        },
    )


def _solution(run: Run, seconds: float) -> Solution:
    ending: Ending = "optimal" if run.done else "limit"
    ended = "gap closed" if run.enough == -math.inf else "level reached"
    if run.upper > run.enough > -math.inf:
        ended = "level ruled out"
    if run.best is None and run.lower == math.inf:
        ending, ended = "infeasible", "infeasible"
    elif not run.done:
        ended = "interrupted" if run.interrupted else "time limit"
        if run.at_node_limit:
            ended = NODE_LIMIT
        elif not run.interrupted and time.perf_counter() <= run.deadline:
            ended = "numerical limit"
    bound = min(run.lower, run.upper)
    return Solution(
        ending=ending,
        ended=ended,
        values=run.best,
        objective=run.upper if run.best is not None else None,
        bound=bound if math.isfinite(bound) else None,
        nodes=run.nodes,
        seconds=seconds,
        interrupted=run.interrupted,
        history=tuple(run.history),
    )
