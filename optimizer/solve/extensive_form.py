"""All states in one model, solved at once: the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from optimizer.errors import SolverError
from optimizer.model import formulation, highs
from optimizer.model.assumption_sets import AssumptionSets, as_assumption_sets
from optimizer.model.commitment import Commitment
from optimizer.model.highs import LinearProgram, ProgramSolution
from optimizer.model.instance import Floats, Instance
from optimizer.model.scenario_data import ScenarioData, compute_scenario_data
from optimizer.model.stacked_problem import stack_models
from optimizer.solve.gap import compute_objective_floor
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    NODE_LIMIT,
    SCALED_OBJECTIVE,
    IncumbentReporter,
    SolverOptions,
    SolverResult,
)

MIP_OPTIONS = {
    "mip_allow_restart": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""An extensive form is a large linear program with few integers: HiGHS's heuristics and restarts
solve near copies of it. Without them germany-2026 takes a third of the time and half the memory
(docs/benchmarks.md)."""
VIOLATION_TOLERANCE = 1e-8  # a solution farther from whole numbers or from its rows is solved again


def solve_extensive_form(
    instance: Instance | AssumptionSets,
    states: Any,
    *,
    objective_without_plan: float = 0.0,
    objective_floor: float = 0.0,
    **solve_options: Unpack[SolverOptions],
) -> SolverResult:
    """All states in one model, or those of each set of assumptions, solved at once; ``nothing`` is
    the objective without a plan, ``least`` what it counts as at least where a gap is taken of
    it."""
    together, states = as_assumption_sets(instance, states)
    weighed = [
        [(state.probability, compute_scenario_data(part.instance, state)) for state in own]
        for part, own in zip(together.blocks, together.states_by_block(states), strict=True)
    ]
    return solve_for_scenario_data(
        together,
        weighed,
        objective_without_plan=objective_without_plan,
        objective_floor=objective_floor,
        **solve_options,
    )


@dataclass(frozen=True, eq=False)
class ExtensiveForm:
    """An extensive form as arrays, of several sets of assumptions and their paths as one; its
    columns are planned stock put in for."""

    program: LinearProgram
    model_size: dict[str, int]  # of the whole model
    read_commitment: Callable[[Floats], Commitment]
    built_at: float  # when the model was there, before it was compiled

    @classmethod
    def build(
        cls, assumption_sets: AssumptionSets, weighted_scenarios: Sequence[WeightedScenarios]
    ) -> ExtensiveForm:
        """Build and compile it."""
        pairs = zip(assumption_sets.blocks, weighted_scenarios, strict=True)
        models = [formulation.build_for_scenario_data(part.instance, own) for part, own in pairs]
        built = time.perf_counter()
        compiled = [highs.compile_model(model) for model in models]
        left = [formulation.substitute_planned_stock(own) for own in compiled]

        whole = stack_models(compiled, left, assumption_sets)
        of_first = [n for n, part in enumerate(assumption_sets.blocks) if part.set_index == 0]

        def plan(values: Floats) -> Commitment:
            read = list[Commitment]()
            for n in of_first:
                compiled[n].load_solution(left[n].expand(values[whole.column_positions[n]]))
                instance = assumption_sets.blocks[n].instance
                read.append(formulation.read_commitment(instance, models[n]))
            return assumption_sets.combine_block_plans(read)

        size = compiled[0].program.size if len(compiled) == 1 else whole.program.size
        return cls(highs.tighten_bounds(whole.program), size, plan, built)


WeightedScenarios = Sequence[tuple[float, ScenarioData]]


def solve_for_scenario_data(
    assumption_sets: AssumptionSets,
    weighted_scenarios: Sequence[WeightedScenarios],
    *,
    objective_without_plan: float = 0.0,
    objective_floor: float = 0.0,
    **solve_options: Unpack[SolverOptions],
) -> SolverResult:
    """The same for pairs of a probability and what a state, or a mean of states, leaves, of each
    set."""
    gap, time_limit, node_limit = (
        solve_options.get("gap", DEFAULT_GAP),
        solve_options.get("time_limit"),
        solve_options.get("node_limit"),
    )
    threads, on_incumbent = solve_options.get("threads"), solve_options.get("on_incumbent")
    began = time.perf_counter()
    whole = ExtensiveForm.build(assumption_sets, weighted_scenarios)
    program, read = whole.program, whole.read_commitment
    handed = time.perf_counter()
    teller = IncumbentReporter("extensive", on_incumbent, read)
    objective_floor = max(objective_floor, compute_objective_floor(objective_without_plan))
    near_one = highs.compute_scaling(program, 1.0).is_near_one
    failure: SolverError | None = None
    endings, doubtful = set[str](), False

    def attempt(size: float, **options: Any) -> ProgramSolution:
        passed = time.perf_counter() - began
        solution = highs.solve(
            program,
            gap=gap,
            time_limit=None if time_limit is None else max(0.0, time_limit - passed),
            threads=threads,
            options=MIP_OPTIONS
            | ({} if node_limit is None else {"mip_max_nodes": node_limit})
            | options,
            on_progress=solve_options.get("on_progress"),
            on_incumbent=None if on_incumbent is None else teller.report,
            objective_factor=highs.compute_objective_factor(program, size, SCALED_OBJECTIVE),
            absolute_gap=gap * objective_floor,
        )
        if node_limit is not None and solution.solver_status == "Solution limit reached":
            solution = replace(solution, solver_status=NODE_LIMIT)
        return with_rounded_integers(
            program, solution, threads, VIOLATION_TOLERANCE if near_one else 0.0
        )

    size = objective_without_plan if objective_without_plan > 0 else highs.max_total_cost(program)
    solution: ProgramSolution | None = None
    for options in ({}, highs.EXACT_MIP_OPTIONS, highs.DEFAULT_MIP_TOLERANCES):
        own = size
        if solution is not None and solution.objective is not None:
            own = max(abs(solution.objective), objective_floor)  # a unit that suits the objective
        try:
            again = attempt(own, **options)
        except SolverError as error:
            failure = error
            continue
        endings.add(again.ending)
        solution = again if solution is None else _combine_solutions(solution, again)
        if solution.interrupted or again.ending == "limit":
            break
        doubtful = _is_doubtful(solution, gap, objective_floor, own) or len(endings) > 1
        if endings == {"infeasible"}:
            doubtful = True  # presolve may be wrong, near one as well: the decomposition tells
            break
        # Elsewhere any of these tolerances may lose a plan: what all three allow is believed.
        if near_one and not doubtful:
            break
    if solution is None:
        assert failure is not None
        raise failure
    return SolverResult(
        method="extensive",
        solution=solution,
        commitment=None if solution.values is None else read(solution.values),
        seconds_by_step={
            "build": whole.built_at - began,
            "compile": handed - whole.built_at,
            "solve": time.perf_counter() - handed,
        },
        model_size=whole.model_size,
        is_doubtful=doubtful,
        is_well_scaled=near_one,
    )


def _combine_solutions(first: ProgramSolution, second: ProgramSolution) -> ProgramSolution:
    """What two solves of a program tell: the better plan, and of bounds the lower."""
    if first.objective is None or second.objective is None:
        return first if second.objective is None else second
    better = first if first.objective <= second.objective else second
    bounds = [own.bound for own in (first, second) if own.bound is not None]
    return replace(better, bound=min(bounds, default=None))


def _is_doubtful(
    solution: ProgramSolution, gap: float, objective_floor: float, scaling_size: float
) -> bool:
    """Whether the solver's tolerances may have decided, rather than the problem: where nothing is
    feasible, where whole numbers leave a gap that the search had closed or a bound above its plan,
    and where the objective is a tiny part of the size that it was scaled by."""
    objective, bound = solution.objective, solution.bound
    if solution.ending != "optimal" or objective is None or bound is None:
        return True
    counts = max(abs(objective), objective_floor)
    apart = (
        not -VIOLATION_TOLERANCE * counts
        <= objective - bound
        <= max(gap, VIOLATION_TOLERANCE) * counts
    )
    return apart or SCALED_OBJECTIVE * counts < scaling_size


def with_rounded_integers(
    program: LinearProgram,
    solution: ProgramSolution,
    threads: int | None = None,
    tolerance: float = VIOLATION_TOLERANCE,
) -> ProgramSolution:
    """The solution with its integer columns whole and all else solved again around them, where it
    is further off than ``exact``: a mixed-integer solve takes 1e-6 for zero, and a millionth of a
    project can deliver a tonne that matters."""
    values, integer = solution.values, program.integer
    if values is None or not integer.any() or highs.max_violation(program, values) <= tolerance:
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
