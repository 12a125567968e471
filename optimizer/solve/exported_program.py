"""The extensive form of a scenario, as a Pyomo model and as a program for files."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.errors import Misuse
from optimizer.model import formulation, highs
from optimizer.model.decision_tree import DecisionTree, Leaf
from optimizer.model.highs import LinearProgram
from optimizer.model.joint_model import join_models
from optimizer.model.review import states_by_branch
from optimizer.model.scenario_data import cap_surplus_offtake, compute_scenario_data
from optimizer.model.states import State, count_states
from optimizer.solve.problem import Problem


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
