"""Extensive form: one program with all states, solved at once. It is the reference for the
decomposition."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from optimizer.errors import SolverError
from optimizer.model import formulation, highs
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import LinearProgram, ProgramSolution
from optimizer.model.instance import Floats
from optimizer.model.review import states_by_branch
from optimizer.model.scenario_data import ScenarioData, compute_scenario_data
from optimizer.model.stacked_problem import stack_models
from optimizer.model.states import State
from optimizer.solve.solver_result import (
    DEFAULT_GAP,
    NODE_LIMIT,
    SCALED_OBJECTIVE,
    IncumbentReporter,
    SolverOptions,
    SolverResult,
    compute_objective_floor,
    seconds_left,
)

MIP_OPTIONS = {
    "mip_allow_restart": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""HiGHS options for a large program with few integers.

HiGHS's heuristics and restarts solve near copies of it. Without them germany-2026 takes a third of
the time and half the memory (docs/benchmarks.md).
"""
VIOLATION_TOLERANCE = 1e-8  # a solution that violates rows or integrality by more is solved again


def solve_extensive_form(
    tree: DecisionTree,
    states: Sequence[Sequence[State]],
    *,
    objective_without_plan: float = 0.0,
    objective_floor: float = 0.0,
    **solve_options: Unpack[SolverOptions],
) -> SolverResult:
    """Solve the extensive form of a problem, given the states of each assumption set.

    For the other arguments see :func:`solve_for_scenario_data`.
    """
    states_by_leaf = [
        leaf_states
        for instance, set_states in zip(tree.instances, states, strict=True)
        for leaf_states in states_by_branch(instance, set_states)
    ]
    weighted_scenario_data = [
        [(state.probability, compute_scenario_data(leaf.instance, state)) for state in leaf_states]
        for leaf, leaf_states in zip(tree.leaves, states_by_leaf, strict=True)
    ]
    return solve_for_scenario_data(
        tree,
        weighted_scenario_data,
        objective_without_plan=objective_without_plan,
        objective_floor=objective_floor,
        **solve_options,
    )


@dataclass(frozen=True, eq=False)
class ExtensiveForm:
    """Extensive form as arrays, with the programs of all leaves of a tree stacked into one.

    Planned stock is replaced by purchases.
    """

    program: LinearProgram
    model_size: dict[str, int]  # of the model, or of the stack of several models
    read_commitment: Callable[[Floats], Commitment]
    built_at: float  # when the model was built, before it was compiled

    @classmethod
    def build(
        cls, tree: DecisionTree, weighted_scenario_data: Sequence[WeightedScenarioData]
    ) -> ExtensiveForm:
        """Build and compile the extensive form."""
        pairs = zip(tree.leaves, weighted_scenario_data, strict=True)
        models = [
            formulation.build_for_scenario_data(leaf.instance, leaf_scenarios)
            for leaf, leaf_scenarios in pairs
        ]
        built_at = time.perf_counter()
        compiled_models = [highs.compile_model(model) for model in models]
        substituted_programs = [
            formulation.substitute_planned_stock(model) for model in compiled_models
        ]

        stacked_problem = stack_models(compiled_models, substituted_programs, tree)
        first_set_leaves = [(n, x) for n, x in enumerate(tree.leaves) if x.set_index == 0]

        def read_plan(values: Floats) -> Commitment:
            leaf_plans = list[Commitment]()
            for n, leaf in first_set_leaves:
                compiled_models[n].load_solution(
                    substituted_programs[n].expand(values[stacked_problem.column_positions[n]])
                )
                leaf_plans.append(formulation.read_commitment(leaf.instance, models[n]))
            return tree.combine_leaf_plans(leaf_plans)

        size = (
            compiled_models[0].program.size
            if len(compiled_models) == 1
            else stacked_problem.program.size
        )
        return cls(highs.tighten_bounds(stacked_problem.program), size, read_plan, built_at)


WeightedScenarioData = Sequence[tuple[float, ScenarioData]]


def solve_for_scenario_data(
    tree: DecisionTree,
    weighted_scenario_data: Sequence[WeightedScenarioData],
    *,
    objective_without_plan: float = 0.0,
    objective_floor: float = 0.0,
    **solve_options: Unpack[SolverOptions],
) -> SolverResult:
    """Solve the extensive form, given the probabilities and the scenario data of each leaf.

    The program is scaled by ``objective_without_plan`` if it is positive. ``objective_floor`` is
    the smallest denominator of relative gaps. Raise SolverError if all attempts fail.
    """
    gap = solve_options.get("gap", DEFAULT_GAP)
    time_limit = solve_options.get("time_limit")
    node_limit = solve_options.get("node_limit")
    threads, on_incumbent = solve_options.get("threads"), solve_options.get("on_incumbent")
    started_at = time.perf_counter()
    extensive_form = ExtensiveForm.build(tree, weighted_scenario_data)
    program, read_commitment = extensive_form.program, extensive_form.read_commitment
    compiled_at = time.perf_counter()
    reporter = IncumbentReporter("extensive", on_incumbent, read_commitment)
    objective_floor = max(objective_floor, compute_objective_floor(objective_without_plan))
    is_near_one = highs.compute_scaling(program, 1.0).is_near_one
    solver_failure: SolverError | None = None
    endings, is_doubtful = set[str](), False

    def attempt(size: float, **options: Any) -> ProgramSolution:
        solution = highs.solve(
            program,
            gap=gap,
            time_limit=seconds_left(time_limit, started_at),
            threads=threads,
            options=MIP_OPTIONS
            | ({} if node_limit is None else {"mip_max_nodes": node_limit})
            | options,
            on_progress=solve_options.get("on_progress"),
            on_incumbent=None if on_incumbent is None else reporter.report,
            objective_factor=highs.compute_objective_factor(program, size, SCALED_OBJECTIVE),
            absolute_gap=gap * objective_floor,
        )
        if node_limit is not None and solution.solver_status == "Solution limit reached":
            solution = replace(solution, solver_status=NODE_LIMIT)
        return with_rounded_integers(
            program, solution, threads, VIOLATION_TOLERANCE if is_near_one else 0.0
        )

    size = objective_without_plan if objective_without_plan > 0 else highs.max_total_cost(program)
    solution: ProgramSolution | None = None
    for options in ({}, highs.EXACT_MIP_OPTIONS, highs.DEFAULT_MIP_TOLERANCES):
        scaling_size = size
        if solution is not None and solution.objective is not None:
            # Scale by the objective found.
            scaling_size = max(abs(solution.objective), objective_floor)
        try:
            next_solution = attempt(scaling_size, **options)
        except SolverError as error:
            solver_failure = error
            continue
        endings.add(next_solution.ending)
        solution = (
            next_solution if solution is None else _combine_solutions(solution, next_solution)
        )
        if solution.interrupted or next_solution.ending == "limit":
            break
        is_doubtful = _is_doubtful(solution, gap, objective_floor, scaling_size) or len(endings) > 1
        if endings == {"infeasible"}:
            is_doubtful = True  # presolve may be wrong; the decomposition is tried as well
            break
        # Poorly scaled problems may lose a plan under one tolerance, so all three are tried.
        if is_near_one and not is_doubtful:
            break
    if solution is None:
        assert solver_failure is not None
        raise solver_failure
    return SolverResult(
        method="extensive",
        solution=solution,
        commitment=None if solution.values is None else read_commitment(solution.values),
        seconds_by_step={
            "build": extensive_form.built_at - started_at,
            "compile": compiled_at - extensive_form.built_at,
            "solve": time.perf_counter() - compiled_at,
        },
        model_size=extensive_form.model_size,
        is_doubtful=is_doubtful,
        is_well_scaled=is_near_one,
    )


def _combine_solutions(first: ProgramSolution, second: ProgramSolution) -> ProgramSolution:
    """Return the better of two solutions of one program, with the lower of their bounds."""
    if first.objective is None or second.objective is None:
        return first if second.objective is None else second
    better_solution = first if first.objective <= second.objective else second
    bounds = [solution.bound for solution in (first, second) if solution.bound is not None]
    return replace(better_solution, bound=min(bounds, default=None))


def _is_doubtful(
    solution: ProgramSolution, gap: float, objective_floor: float, scaling_size: float
) -> bool:
    """Return whether the tolerances of the solver may have determined the result.

    That is the case if there is no optimal solution, if the difference of objective and bound does
    not agree with a closed gap, or if the objective is tiny relative to the scaling of the program.
    """
    objective, bound = solution.objective, solution.bound
    if solution.ending != "optimal" or objective is None or bound is None:
        return True
    denominator = max(abs(objective), objective_floor)
    differs = (
        not -VIOLATION_TOLERANCE * denominator
        <= objective - bound
        <= max(gap, VIOLATION_TOLERANCE) * denominator
    )
    return differs or SCALED_OBJECTIVE * denominator < scaling_size


def with_rounded_integers(
    program: LinearProgram,
    solution: ProgramSolution,
    threads: int | None = None,
    tolerance: float = VIOLATION_TOLERANCE,
) -> ProgramSolution:
    """Round the integer columns of a solution and optimize the other columns again.

    Return the solution unchanged if it violates neither rows nor integrality by more than
    ``tolerance``, or if the rounded integers are infeasible. HiGHS accepts 1e-6 as zero, and a
    millionth of a large project can deliver a relevant quantity.
    """
    values, is_integer = solution.values, program.is_integer
    if values is None or not is_integer.any() or highs.max_violation(program, values) <= tolerance:
        return solution
    rounded_values = np.round(values)
    fixed_program = replace(
        program.relaxation(),
        lower=np.where(is_integer, rounded_values, program.lower),
        upper=np.where(is_integer, rounded_values, program.upper),
    )
    fixed_solution = highs.solve(
        fixed_program, threads=threads, options={"primal_feasibility_tolerance": 1e-9}
    )
    if fixed_solution.ending != "optimal":
        return solution
    return replace(solution, values=fixed_solution.values, objective=fixed_solution.objective)
