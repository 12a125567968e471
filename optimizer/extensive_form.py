"""All states in one model, solved at once: the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from optimizer import highs
from optimizer.commitment import Commitment
from optimizer.formulation import build_for_outlooks, read_commitment
from optimizer.highs import LinearProgram, Progress, Solution
from optimizer.instance import Floats, Instance
from optimizer.solved import NODE_LIMIT, Incumbent, Solved, Teller
from optimizer.states import Outlook, State, outlook

OPTIONS = {
    "mip_allow_restart": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""An extensive form is a large linear program with few integers: most of the time of HiGHS's
heuristics and restarts goes into near copies of it. Without them germany-2026 takes a third of
the time and half the memory (docs/benchmarks.md)."""

EXACT = 1e-8
"""How far a solution may be from whole numbers and from its rows before it is solved again."""


def solve_extensive_form(
    instance: Instance,
    states: tuple[State, ...],
    *,
    gap: float,
    time_limit: float | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: Callable[[Incumbent], None] | None = None,
) -> Solved:
    """Build the extensive form, hand it over and solve it.

    ``time_limit`` counts from the call, building included; ``node_limit`` the nodes of the solver's
    search.
    """
    return solve_for_outlooks(
        instance,
        [(state.probability, outlook(instance, state)) for state in states],
        gap=gap,
        time_limit=time_limit,
        node_limit=node_limit,
        threads=threads,
        on_progress=on_progress,
        on_incumbent=on_incumbent,
    )


def solve_for_outlooks(
    instance: Instance,
    weighed: Sequence[tuple[float, Outlook]],
    *,
    gap: float,
    time_limit: float | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_incumbent: Callable[[Incumbent], None] | None = None,
) -> Solved:
    """The same for pairs of a probability and what a state, or a mean of states, leaves."""
    began = time.perf_counter()
    model = build_for_outlooks(instance, weighed)
    built = time.perf_counter()
    compiled = highs.compile_model(model)
    handed = time.perf_counter()

    def read(values: Floats) -> Commitment:
        compiled.load(values)
        return read_commitment(instance, model)

    teller = Teller("extensive", on_incumbent, read)
    left = None if time_limit is None else max(0.0, time_limit - (handed - began))
    solution = highs.solve(
        compiled.program,
        gap=gap,
        time_limit=left,
        threads=threads,
        options=OPTIONS if node_limit is None else OPTIONS | {"mip_max_nodes": node_limit},
        on_progress=on_progress,
        on_better=None if on_incumbent is None else teller.tell,
    )
    if node_limit is not None and solution.ended == "Solution limit reached":
        solution = replace(solution, ended=NODE_LIMIT)
    solution = made_whole(compiled.program, solution, threads)
    if solution.values is not None:
        compiled.load(solution.values)
    return Solved(
        method="extensive",
        solution=solution,
        commitment=None if solution.values is None else read_commitment(instance, model),
        seconds={
            "build": built - began,
            "compile": handed - built,
            "solve": time.perf_counter() - handed,
        },
        size=compiled.program.size,
    )


def made_whole(program: LinearProgram, solution: Solution, threads: int | None = None) -> Solution:
    """The solution with its integer columns whole, everything else solved again around them.

    A mixed-integer solve takes 1e-6 for zero, and a millionth of a project can deliver a tonne
    that matters.
    """
    if solution.values is None or not program.integer.any():
        return solution
    if highs.violation(program, solution.values) <= EXACT:
        return solution
    whole = np.round(solution.values)
    fixed = replace(
        program,
        lower=np.where(program.integer, whole, program.lower),
        upper=np.where(program.integer, whole, program.upper),
        integer=np.zeros_like(program.integer),
    )
    again = highs.solve(fixed, threads=threads, options={"primal_feasibility_tolerance": 1e-9})
    if again.ending != "optimal":
        return solution
    return replace(solution, values=again.values, objective=again.objective)
