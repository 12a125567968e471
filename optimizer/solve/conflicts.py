"""Conflicts: an irreducible set of rules that exclude each other where no plan exists, and figures
of a scenario that differ too much in size to be solved together.

Recourse is always feasible, so a conflict can only be among the rules of the first stage. Rules are
grouped by the place in the scenario file that they come from, and the groups are divided by
QuickXplain (Junker 2004), with a solve of the first stage as the test. The resulting rules become
feasible if any one of them is dropped.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
import pyomo.environ as pyo

from models.faults import Fault, PathStep, ScenarioError
from models.language import tr
from optimizer.errors import CoefficientsOutOfRange, Rule, SolverError
from optimizer.model import highs
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.formulation import (
    build_commitment,
    build_extensive_form,
    substitute_planned_stock,
)
from optimizer.model.highs import CompiledModel, LinearProgram
from optimizer.model.instance import Instance
from optimizer.model.rules import RULES
from optimizer.model.stacked_problem import stack_models
from optimizer.model.states import State

GroupKey = TypeVar("GroupKey", bound=Hashable)


def irreducible_conflict(instance: Instance | DecisionTree) -> tuple[Rule, ...]:
    """Return an irreducible set of rules that no plan can satisfy together; empty if the first
    stage is feasible.

    Without any one of these rules the others can be satisfied. Raise SolverError if the first stage
    is infeasible even without all rules of the scenario.
    """
    tree = DecisionTree.of(instance)
    return _conflict_among_rules(
        tree, [compile_first_stage(set_instance) for set_instance in tree.instances]
    )


def conflict_with_level(
    instance: Instance, states: tuple[State, ...], level: float
) -> tuple[Rule, ...]:
    """Return an irreducible set of rules that keep the objective above ``level``; empty if a plan
    reaches the level.

    Raise SolverError if no plan reaches the level even without all rules.
    """
    model = build_extensive_form(instance, states)
    add_structural_constraints(model)
    model.level = pyo.Constraint(expr=model.objective.expr <= level)
    return _conflict_among_rules(DecisionTree((instance,)), [highs.compile_model(model)])


def _conflict_among_rules(
    tree: DecisionTree, compiled_models: Sequence[CompiledModel]
) -> tuple[Rule, ...]:
    substituted_programs = [substitute_planned_stock(set_model) for set_model in compiled_models]
    stacked_problem = stack_models(compiled_models, substituted_programs, tree)
    rows_by_rule: dict[Rule, list[int]] = {}
    for instance, compiled, row_positions in zip(
        tree.instances, compiled_models, stacked_problem.row_positions, strict=True
    ):
        for row, name, index in rule_rows(compiled):
            rows_by_rule.setdefault(RULES[name].describe(instance, index), []).append(
                int(row_positions[row])
            )
    program = stacked_problem.program
    return find_conflicting_groups(program, rows_by_rule) or find_conflicting_groups(
        program, rows_by_rule, highs.EXACT_MIP_OPTIONS
    )


def compile_first_stage(instance: Instance) -> CompiledModel:
    """Return the first stage as a compiled program that minimizes net cost. It includes the
    constraints that no figure of a scenario can change."""
    model = build_commitment(instance)
    add_structural_constraints(model)
    model.objective = pyo.Objective(expr=model.net_cost + 0 * model.nothing)
    return highs.compile_model(model)


def rule_rows(compiled: CompiledModel) -> Iterator[tuple[int, str, Any]]:
    """Yield the row, the name and the index of each constraint that belongs to a rule of the
    scenario."""
    for row, constraint in enumerate(compiled.constraints):
        name = constraint.parent_component().local_name
        if name in RULES:
            yield row, name, constraint.index()


def find_conflicting_groups(
    program: LinearProgram,
    groups: Mapping[GroupKey, list[int]],
    options: Mapping[str, Any] | None = None,
) -> tuple[GroupKey, ...]:
    """Return an irreducible set of row groups that conflict with each other and with the rows in no
    group; empty if there is no conflict.

    Raise SolverError if the rows in no group conflict already.
    """
    search = ConflictSearch(program, groups, options)
    if search.is_feasible(list(groups)):
        return ()
    if not search.is_feasible([]):
        raise SolverError("the first stage is infeasible without any rule of the scenario")
    conflicting_groups = set(search.find_conflict([], False, list(groups)))
    return tuple(group for group in groups if group in conflicting_groups)


def add_structural_constraints(model: Any) -> None:
    """Add constraints that no figure of a scenario can change: a project has shares and offtake
    only if it is started, and a funder has shares only if it takes part."""

    @model.Constraint(list(model.share))
    def share_of_what_starts(model: Any, p: str, f: str, i: str, year: int) -> Any:
        return model.share[p, f, i, year] <= model.start[p, year]

    @model.Constraint(list(model.takes_part))
    def share_of_who_joins(model: Any, p: str, f: str, i: str) -> Any:
        shares = (model.share[key] for key in model.share if key[:3] == (p, f, i))
        return sum(shares) <= model.takes_part[p, f, i]

    @model.Constraint(list(model.offtake))
    def offtake_of_what_starts(model: Any, p: str, year: int, group: str) -> Any:
        return model.offtake[p, year, group] <= model.start[p, year]


class ConflictSearch(Generic[GroupKey]):
    """Search for an irreducible set of conflicting row groups by divide and conquer."""

    def __init__(
        self,
        program: LinearProgram,
        groups: Mapping[GroupKey, list[int]],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.program, self.groups, self.options = program.without_objective(), groups, options

    def is_feasible(self, kept_groups: Sequence[GroupKey]) -> bool:
        """Return whether the program is feasible with only these groups of rows; the other groups
        are dropped."""
        is_dropped_row = np.zeros(len(self.program.row_lower), dtype=bool)
        for group in set(self.groups).difference(kept_groups):
            is_dropped_row[self.groups[group]] = True
        program = self.program.free_rows(is_dropped_row)
        solution = highs.solve(program, gap=1.0, options=self.options)
        if solution.interrupted:
            raise KeyboardInterrupt
        return solution.ending != "infeasible"

    def find_conflict(
        self, kept_groups: list[GroupKey], has_new_groups: bool, candidate_groups: list[GroupKey]
    ) -> list[GroupKey]:
        """Return an irreducible subset of ``candidate_groups`` that conflicts together with
        ``kept_groups``.

        ``has_new_groups`` states that groups were added to ``kept_groups`` since the last test. If
        these conflict already, the subset is empty.
        """
        if has_new_groups and not self.is_feasible(kept_groups):
            return []
        if len(candidate_groups) == 1:
            return candidate_groups
        half = len(candidate_groups) // 2
        first_half, second_half = candidate_groups[:half], candidate_groups[half:]
        second_conflict = self.find_conflict([*kept_groups, *first_half], True, second_half)
        first_conflict = self.find_conflict(
            [*kept_groups, *second_conflict], bool(second_conflict), first_half
        )
        return [*first_conflict, *second_conflict]


@contextmanager
def scaling_errors_as_faults(instance: Instance) -> Iterator[None]:
    """Convert scaling errors of the solver within the context into faults of the figures in the
    scenario file."""
    try:
        yield
    except CoefficientsOutOfRange as error:
        raise scaling_fault(instance, error) or error from error


def scaling_fault(instance: Instance, error: CoefficientsOutOfRange) -> ScenarioError | None:
    """Return an error that names the two figures of the scenario file whose coefficients differ too
    much in size.

    Return None if one of the coefficients does not come from a figure of the file.
    """
    (small, smallest_value), (large, largest_value) = error.extremes
    paths = [_figure_location(instance, *names) for names in (small, large)]
    if None in paths:
        return None
    sentence = tr(
        "it is too small compared with {other} to be solved in one problem: {least} against "
        "{most} in the constraints that contain both",
        other=".".join(map(str, paths[1] or ())),
        least=f"{smallest_value:.3g}",
        most=f"{largest_value:.3g}",
    )
    other_explanation = tr(
        "it is too large compared with {other} to be solved in one problem",
        other=".".join(map(str, paths[0] or ())),
    )
    hint = tr("remove the value that is negligible, or check the units")
    return ScenarioError(
        [Fault(paths[0] or (), sentence, hint), Fault(paths[1] or (), other_explanation, hint)]
    )


def _figure_location(instance: Instance, column: str, row: str) -> tuple[PathStep, ...] | None:
    """Return the path in the scenario file of the figure that a coefficient comes from, given the
    names of its column and row; None if there is no such figure."""
    kind, ids = _split_component_name(column)
    if kind in ("share", "market", "start"):
        return ("projects", ids[0], "capex_meur")
    if kind == "offtake":
        return ("projects", ids[0], "output_t_per_year")
    if kind == "delivered":
        return ("projects", ids[1], "output_t_per_year")
    if kind == "made":
        id = ids[1].rstrip(".")
        part = "conversions" if id == ids[1] and id in instance.conversions else "projects"
        return (part, id, "inputs_t_per_t")
    if kind == "shortage":
        demanded_materials = [row.material for row in instance.case.demand]
        return ("demand", demanded_materials.index(ids[0].partition(".")[0]), "t_per_year")
    if kind in ("buy", "stock", "release"):
        stockpile = ids[0] if kind == "buy" else ids[1]
        stockpile_ids = [item.id for item in instance.case.stockpiles]
        return ("stockpiles", stockpile_ids.index(stockpile))
    rule, index = _split_component_name(row)
    if rule in RULES:
        keys = tuple(int(part) if part.isdigit() else part for part in index)
        return RULES[rule].describe(instance, keys if len(keys) > 1 else keys[0]).path
    return None


def _split_component_name(name: str) -> tuple[str, list[str]]:
    """Return the name and the index of a Pyomo component, without the block that it belongs to."""
    name = name.rpartition("].")[2] if "]." in name else name
    kind, _, index = name.partition("[")
    return kind.rpartition(".")[2], [part.strip("'") for part in index.rstrip("]").split(",")]
