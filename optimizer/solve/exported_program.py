"""Export of a problem: the extensive form as a program, and two-stage problems as SMPS files.

The core file has the first stage and one second stage with all periods of all chains, the time file
says where the second stage begins, and the stochastic file has what differs in each state.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.errors import Misuse
from optimizer.model import formulation, highs
from optimizer.model.decision_tree import DecisionTree, Leaf
from optimizer.model.highs import CompiledModel, LinearProgram, compile_model
from optimizer.model.program_files import (
    CONSTANT_COLUMN,
    OBJECTIVE_ROW,
    named_program,
    render_mps,
    symbol_map,
)
from optimizer.model.review import states_by_branch
from optimizer.model.scenario_data import cap_surplus_offtake, compute_scenario_data
from optimizer.model.stacked_problem import join_models
from optimizer.model.states import State, count_states
from optimizer.solve.problem import Problem, check_supported


def with_state_count(case: Case, count: int | None) -> Case:
    """Return a scenario with the first ``count`` of its states: of a sample, a sample of that many;
    of states that are written out, those with their probabilities in proportion. None stands for
    the states of the file."""
    uncertainty = case.uncertainty
    if count is None or uncertainty is None:
        return case
    if uncertainty.sample is not None:
        sample = uncertainty.sample.model_copy(update={"states": Number(count)})
        changed = uncertainty.model_copy(update={"sample": sample})
    elif count < count_states(case):
        kept = (uncertainty.states or ())[:count]
        total = math.fsum(state.probability for state in kept)
        if total <= 0:
            raise Misuse(f"The first {count} states have no probability.")
        states = tuple(
            state.model_copy(update={"probability": Number(float(state.probability) / total)})
            for state in kept
        )
        changed = uncertainty.model_copy(update={"states": states})
    else:
        return case
    return case.model_copy(update={"uncertainty": changed})


def capped_tree(problem: Problem) -> DecisionTree:
    """Return the decision tree of a problem as it is solved, with limits on the offtake of very
    large projects."""
    instances = tuple(
        cap_surplus_offtake(x.instance, x.states) for x in problem.single_set_problems
    )
    return replace(problem.tree, instances=instances)


def states_of_leaves(problem: Problem, tree: DecisionTree) -> list[tuple[State, ...]]:
    """Return the states of each leaf of the tree; their probabilities add up to 1 in each."""
    return [
        leaf_states
        for instance, set_problem in zip(tree.instances, problem.single_set_problems, strict=True)
        for leaf_states in states_by_branch(instance, set_problem.states)
    ]


def build_model(problem: Problem) -> Any:
    """Build the Pyomo model of the extensive form. Raise Misuse if there is none."""
    check_linear(problem)
    tree = capped_tree(problem)
    models = [
        formulation.build_extensive_form(leaf.instance, states)
        for leaf, states in zip(tree.leaves, states_of_leaves(problem, tree), strict=True)
    ]
    return join_models(tree, models)


def check_linear(problem: Problem) -> None:
    """Raise Misuse if the problem has no extensive form that is a linear program."""
    if not problem.is_linear:
        raise Misuse(
            "The extensive form cannot model ambiguity modified_chi_square: use decomposition."
        )


def build_program(problem: Problem) -> LinearProgram:
    """Build the extensive form as a program, with the names of the Pyomo model."""
    return highs.compile_model(build_model(problem)).program


def leaf_model(model: Any, tree: DecisionTree, position: int) -> Any:
    """Return the part of a joint model that belongs to the leaf at ``position``."""
    return model if tree.is_single_leaf else model.leaf[position]


def scenario_data_of(leaf: Leaf, states: tuple[State, ...]) -> list[Any]:
    """Return the scenario data of each state of a leaf."""
    return [compute_scenario_data(leaf.instance, state) for state in states]


STATE_COMPONENTS = ("excess", "above", "excess_definition", "above_definition", "worst_definition")
"""Components of the objective that belong to a state; all others outside ``state`` are of the first
stage."""
Entry = tuple[str, str]
"""Row and column; ``RHS`` as the column stands for the right-hand side."""


@dataclass(eq=False)
class _Stage:
    """Rows and columns of one stage, by name."""

    row_sense: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[float, float, bool]] = field(default_factory=dict)
    """Lower and upper bound, and whether the column is integer."""


def render_smps(problem: Problem, name: str = "vorrat") -> dict[str, str]:
    """Return the files of a two-stage problem by suffix: ``.cor``, ``.tim``, ``.sto``, and
    ``.names.csv`` if names had to be changed. Raise Misuse for assumption sets and reviews, whose
    problems have other stages."""
    check_supported(problem.instance.case, with_ambiguity=True)
    check_linear(problem)
    tree = capped_tree(problem)
    (leaf,) = tree.leaves
    data = scenario_data_of(leaf, problem.states)
    # With a weight of 1 for each state, costs are those of the state and not of its probability.
    model = formulation.build_for_scenario_data(
        leaf.instance, [(1.0, x) for x in data], all_periods=True
    )
    compiled = compile_model(model)
    first, second = _Stage(), _Stage()
    fixed, by_state = _split(
        compiled, model, first, second, [s.probability for s in problem.states]
    )
    if not second.columns:
        raise Misuse("The scenario has no second stage: there is no damage in it.")
    if compiled.program.offset:
        first.columns[CONSTANT_COLUMN] = (1.0, 1.0, False)
        fixed[OBJECTIVE_ROW, CONSTANT_COLUMN] = float(compiled.program.offset)
    core: dict[Entry, float] = {}
    for values in by_state:
        for entry, value in values.items():
            core.setdefault(entry, value)
    program = _core_program(first, second, fixed | core)
    named = named_program(program)
    row_name = dict(zip(program.row_names, named.row_names, strict=True))
    row_name |= {OBJECTIVE_ROW: OBJECTIVE_ROW}
    column_name = dict(zip(program.column_names, named.column_names, strict=True))
    first_columns = column_name[next(iter(first.columns))]
    second_column = column_name[next(iter(second.columns))]
    second_row = row_name[next(iter(second.row_sense))]
    time_lines = [
        f"TIME {name}",
        "PERIODS",
        f" {first_columns} {OBJECTIVE_ROW} STAGE1",
        f" {second_column} {second_row} STAGE2",
        "ENDATA",
    ]
    stochastic_lines = [f"STOCH {name}", "SCENARIOS DISCRETE"]
    for number, (state, values) in enumerate(zip(problem.states, by_state, strict=True)):
        stochastic_lines.append(f" SC STATE{number + 1} 'ROOT' {state.probability!r} STAGE2")
        for (row, column), core_value in core.items():
            if (value := values.get((row, column), 0.0)) != core_value:
                stochastic_lines.append(
                    f" {column_name.get(column, column)} {row_name[row]} {value!r}"
                )
    files = {
        ".cor": render_mps(named, name),
        ".tim": "\n".join(time_lines) + "\n",
        ".sto": "\n".join([*stochastic_lines, "ENDATA"]) + "\n",
    }
    renamed = symbol_map(program, named)
    return files if renamed is None else files | {".names.csv": renamed}


def _split(
    compiled: CompiledModel, model: Any, first: _Stage, second: _Stage, probability: list[float]
) -> tuple[dict[Entry, float], list[dict[Entry, float]]]:
    """Fill the two stages with the rows and columns of the extensive form. Return the entries of
    the first stage, and those of each state."""
    program = compiled.program
    fixed: dict[Entry, float] = {}
    by_state: list[dict[Entry, float]] = [{} for _ in probability]
    places = [_place(variable, model) for variable in compiled.variables]
    limits: dict[str, set[float]] = {}
    for (s, column), upper in zip(places, program.upper.tolist(), strict=True):
        if s is not None:
            limits.setdefault(column, set()).add(upper)
    varying = {column for column, uppers in limits.items() if len(uppers) > 1}
    for c, (s, column) in enumerate(places):
        lower, upper = float(program.lower[c]), float(program.upper[c])
        if s is None:
            first.columns[column] = (lower, upper, bool(program.is_integer[c]))
        else:
            upper = np.inf if column in varying else upper
            second.columns.setdefault(column, (lower, upper, False))
        if program.cost[c]:
            (fixed if s is None else by_state[s])[OBJECTIVE_ROW, column] = float(program.cost[c])
    matrix = sparse.csr_array(program.matrix)
    for r, constraint in enumerate(compiled.constraints):
        s, row = _place(constraint, model)
        if row == "worst_definition" and s is not None and probability[s] == 0:
            continue
        lower, upper = float(program.row_lower[r]), float(program.row_upper[r])
        sense = "E" if lower == upper else "G" if np.isfinite(lower) else "L"
        stage, values = (first, fixed) if s is None else (second, by_state[s])
        parts = [(row, sense)]
        if sense == "G" and np.isfinite(upper):  # no entry of a core can be a range
            parts.append((f"{row}_most", "L"))
        for part, part_sense in parts:
            stage.row_sense.setdefault(part, part_sense)
            values[part, "RHS"] = upper if part_sense == "L" else lower
            for n in range(matrix.indptr[r], matrix.indptr[r + 1]):
                column = places[matrix.indices[n]][1]
                values[part, column] = float(matrix.data[n])
    for c, (s, column) in enumerate(places):
        if s is not None and column in varying and np.isfinite(program.upper[c]):
            second.row_sense.setdefault(f"limit[{column}]", "L")
            by_state[s][f"limit[{column}]", column] = 1.0
            by_state[s][f"limit[{column}]", "RHS"] = float(program.upper[c])
    return fixed, by_state


def _place(component: Any, model: Any) -> tuple[int | None, str]:
    """Return the state of a row or column, None for the first stage, and its name without it."""
    parent = component.parent_component().local_name
    if component.parent_block() is not model:
        return int(component.parent_block().index()), str(component.local_name)
    if parent in STATE_COMPONENTS:
        return int(component.index()), str(parent)
    return None, str(component.name)


def _core_program(first: _Stage, second: _Stage, entries: dict[Entry, float]) -> LinearProgram:
    columns = {**first.columns, **second.columns}
    senses = {**first.row_sense, **second.row_sense}
    column_index = {name: c for c, name in enumerate(columns)}
    row_index = {name: r for r, name in enumerate(senses)}
    cost = np.zeros(len(columns))
    row_lower = np.array([-np.inf if sense == "L" else 0.0 for sense in senses.values()])
    row_upper = np.array([np.inf if sense == "G" else 0.0 for sense in senses.values()])
    cells = list(_cells(entries, row_index, column_index, cost, row_lower, row_upper))
    rows, positions, values = zip(*cells, strict=True) if cells else ((), (), ())
    lower, upper, is_integer = zip(*columns.values(), strict=True)
    shape = (len(senses), len(columns))
    return LinearProgram(
        cost=cost,
        offset=0.0,
        matrix=sparse.csc_array((np.array(values, dtype=float), (rows, positions)), shape=shape),
        row_lower=row_lower,
        row_upper=row_upper,
        lower=np.array(lower),
        upper=np.array(upper),
        is_integer=np.array(is_integer, dtype=bool),
        row_names=list(senses),
        column_names=list(columns),
    )


def _cells(
    entries: dict[Entry, float],
    row_index: dict[str, int],
    column_index: dict[str, int],
    cost: Any,
    row_lower: Any,
    row_upper: Any,
) -> Iterator[tuple[int, int, float]]:
    """Yield the cells of the matrix; write costs and right-hand sides into the given arrays."""
    for (row, column), value in entries.items():
        if row == OBJECTIVE_ROW:
            cost[column_index[column]] = value
        elif column == "RHS":
            r = row_index[row]
            row_lower[r] = value if np.isfinite(row_lower[r]) else row_lower[r]
            row_upper[r] = value if np.isfinite(row_upper[r]) else row_upper[r]
        else:
            yield row_index[row], column_index[column], value
