"""All states in one model, solved at once: the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from optimizer.errors import SolverError
from optimizer.model import formulation, highs
from optimizer.model.commitment import Commitment
from optimizer.model.highs import LinearProgram, Solution
from optimizer.model.instance import Floats, Instance
from optimizer.model.outlook import Outlook, outlook
from optimizer.model.stacking import stacked_models
from optimizer.model.together import Together, sets_of
from optimizer.solve.gap import smallest_size
from optimizer.solve.solver_result import GAP, NODE_LIMIT, TOP, How, Solved, Teller

OPTIONS = {
    "mip_allow_restart": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""An extensive form is a large linear program with few integers: HiGHS's heuristics and restarts
solve near copies of it. Without them germany-2026 takes a third of the time and half the memory
(docs/benchmarks.md)."""
EXACT = 1e-8  # a solution farther from whole numbers or from its rows is solved again


def solve_extensive_form(
    instance: Instance | Together,
    states: Any,
    *,
    nothing: float = 0.0,
    least: float = 0.0,
    **how: Unpack[How],
) -> Solved:
    """All states in one model, or those of each set of assumptions, solved at once; ``nothing`` is
    the objective without a plan, ``least`` what it counts as at least where a gap is taken of
    it."""
    together, states = sets_of(instance, states)
    weighed = [
        [(state.probability, outlook(part.instance, state)) for state in own]
        for part, own in zip(together.parts, together.parted(states), strict=True)
    ]
    return solve_for_outlooks(together, weighed, nothing=nothing, least=least, **how)


@dataclass(frozen=True, eq=False)
class Extensive:
    """An extensive form as arrays, of several sets of assumptions and their paths as one; its
    columns are planned stock put in for."""

    program: LinearProgram
    size: dict[str, int]  # of the whole model
    read: Callable[[Floats], Commitment]
    built: float  # when the model was there, before it was compiled

    @classmethod
    def of(cls, together: Together, weighed: Sequence[Weighed]) -> Extensive:
        """Build and compile it."""
        pairs = zip(together.parts, weighed, strict=True)
        models = [formulation.build_for_outlooks(part.instance, own) for part, own in pairs]
        built = time.perf_counter()
        compiled = [highs.compile_model(model) for model in models]
        left = [formulation.substitute_planned_stock(own) for own in compiled]

        whole = stacked_models(compiled, left, together)
        of_first = [n for n, part in enumerate(together.parts) if part.set == 0]

        def plan(values: Floats) -> Commitment:
            read = list[Commitment]()
            for n in of_first:
                compiled[n].load(left[n].expand(values[whole.column[n]]))
                instance = together.parts[n].instance
                read.append(formulation.read_commitment(instance, models[n]))
            return together.decided(read)

        size = compiled[0].program.size if len(compiled) == 1 else whole.program.size
        return cls(highs.tightened(whole.program), size, plan, built)


Weighed = Sequence[tuple[float, Outlook]]


def solve_for_outlooks(
    together: Together,
    weighed: Sequence[Weighed],
    *,
    nothing: float = 0.0,
    least: float = 0.0,
    **how: Unpack[How],
) -> Solved:
    """The same for pairs of a probability and what a state, or a mean of states, leaves, of each
    set."""
    gap, time_limit, node_limit = how.get("gap", GAP), how.get("time_limit"), how.get("node_limit")
    threads, on_incumbent = how.get("threads"), how.get("on_incumbent")
    began = time.perf_counter()
    whole = Extensive.of(together, weighed)
    program, read = whole.program, whole.read
    handed = time.perf_counter()
    teller = Teller("extensive", on_incumbent, read)
    least = max(least, smallest_size(nothing))
    near_one = highs.scaling_of(program, 1.0).near_one
    failure: SolverError | None = None
    endings, doubtful = set[str](), False

    def attempt(size: float, **options: Any) -> Solution:
        passed = time.perf_counter() - began
        solution = highs.solve(
            program,
            gap=gap,
            time_limit=None if time_limit is None else max(0.0, time_limit - passed),
            threads=threads,
            options=OPTIONS
            | ({} if node_limit is None else {"mip_max_nodes": node_limit})
            | options,
            on_progress=how.get("on_progress"),
            on_better=None if on_incumbent is None else teller.tell,
            objective_factor=highs.objective_factor(program, size, TOP),
            absolute_gap=gap * least,
        )
        if node_limit is not None and solution.ended == "Solution limit reached":
            solution = replace(solution, ended=NODE_LIMIT)
        return made_whole(program, solution, threads, EXACT if near_one else 0.0)

    size = nothing if nothing > 0 else highs.largest_cost(program)
    solution: Solution | None = None
    for options in ({}, highs.EXACT_MIXED, highs.USUAL_MIXED):
        own = size
        if solution is not None and solution.objective is not None:
            own = max(abs(solution.objective), least)  # a unit that suits the objective
        try:
            again = attempt(own, **options)
        except SolverError as error:
            failure = error
            continue
        endings.add(again.ending)
        solution = again if solution is None else _both(solution, again)
        if solution.interrupted or again.ending == "limit":
            break
        doubtful = _in_doubt(solution, gap, least, own) or len(endings) > 1
        if endings == {"infeasible"}:
            doubtful = True  # presolve may be wrong, near one as well: the decomposition tells
            break
        # Elsewhere any of these tolerances may lose a plan: what all three allow is believed.
        if near_one and not doubtful:
            break
    if solution is None:
        assert failure is not None
        raise failure
    return Solved(
        method="extensive",
        solution=solution,
        commitment=None if solution.values is None else read(solution.values),
        seconds={
            "build": whole.built - began,
            "compile": handed - whole.built,
            "solve": time.perf_counter() - handed,
        },
        size=whole.size,
        doubtful=doubtful,
        near_one=near_one,
    )


def _both(one: Solution, other: Solution) -> Solution:
    """What two solves of a program tell: the better plan, and of bounds the lower."""
    if one.objective is None or other.objective is None:
        return one if other.objective is None else other
    better = one if one.objective <= other.objective else other
    bounds = [own.bound for own in (one, other) if own.bound is not None]
    return replace(better, bound=min(bounds, default=None))


def _in_doubt(solution: Solution, gap: float, least: float, size: float) -> bool:
    """Whether the solver's tolerances may have decided, rather than the problem: where nothing is
    feasible, where whole numbers leave a gap that the search had closed or a bound above its plan,
    and where the objective is a tiny part of the size that it was scaled by."""
    objective, bound = solution.objective, solution.bound
    if solution.ending != "optimal" or objective is None or bound is None:
        return True
    counts = max(abs(objective), least)
    apart = not -EXACT * counts <= objective - bound <= max(gap, EXACT) * counts
    return apart or TOP * counts < size


def made_whole(
    program: LinearProgram, solution: Solution, threads: int | None = None, exact: float = EXACT
) -> Solution:
    """The solution with its integer columns whole and all else solved again around them, where it
    is further off than ``exact``: a mixed-integer solve takes 1e-6 for zero, and a millionth of a
    project can deliver a tonne that matters."""
    values, integer = solution.values, program.integer
    if values is None or not integer.any() or highs.violation(program, values) <= exact:
        return solution
    whole = np.round(values)
    fixed = replace(
        program.relaxation(),
        lower=np.where(integer, whole, program.lower),
        upper=np.where(integer, whole, program.upper),
    )
    again = highs.solve(fixed, threads=threads, options={"primal_feasibility_tolerance": 1e-9})
    if again.ending != "optimal":
        return solution
    return replace(solution, values=again.values, objective=again.objective)
