"""Why no plan exists: a smallest set of rules that exclude each other; and figures of a scenario
that cannot be solved together, as faults of the file at their places.

Recourse is always feasible, so a conflict lives among the first stage's rules. They are grouped
by what the scenario file says in one place, and the groups are divided and conquered (QuickXplain,
Junker 2004) with the first stage as the test: the result loses its conflict if any one rule of it
is dropped.
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
from optimizer.model.assumption_sets import AssumptionSets, as_assumption_sets
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


def smallest_conflict(instance: Instance | AssumptionSets) -> tuple[Rule, ...]:
    """A set of rules that no plan can keep together, none of which can be left out; empty if the
    first stage is feasible. SolverError if even what no scenario can change is infeasible."""
    together, _ = as_assumption_sets(instance, ())
    return _conflict_among_rules(together, [compile_first_stage(own) for own in together.instances])


def conflict_with_level(
    instance: Instance, states: tuple[State, ...], level: float
) -> tuple[Rule, ...]:
    """A set of rules that together keep the objective above a level, none of which can be left out;
    empty if a plan comes to it. SolverError if none does even without any of the rules."""
    model = build_extensive_form(instance, states)
    add_structural_constraints(model)
    model.level = pyo.Constraint(expr=model.objective.expr <= level)
    return _conflict_among_rules(AssumptionSets((instance,)), [highs.compile_model(model)])


def _conflict_among_rules(
    assumption_sets: AssumptionSets, compiled_models: Sequence[CompiledModel]
) -> tuple[Rule, ...]:
    left = [substitute_planned_stock(own) for own in compiled_models]
    whole = stack_models(compiled_models, left, assumption_sets)
    groups: dict[Rule, list[int]] = {}
    for instance, compiled, at in zip(
        assumption_sets.instances, compiled_models, whole.row_positions, strict=True
    ):
        for row, name, index in rule_rows(compiled):
            groups.setdefault(RULES[name].describe(instance, index), []).append(int(at[row]))
    program = whole.program
    return find_conflicting_groups(program, groups) or find_conflicting_groups(
        program, groups, highs.EXACT_MIP_OPTIONS
    )


def compile_first_stage(instance: Instance) -> CompiledModel:
    """The first stage with what no rule of a scenario can undo, its net cost as the objective."""
    model = build_commitment(instance)
    add_structural_constraints(model)
    model.objective = pyo.Objective(expr=model.net_cost + 0 * model.nothing)
    return highs.compile_model(model)


def rule_rows(compiled: CompiledModel) -> Iterator[tuple[int, str, Any]]:
    """Rows that belong to rules a person can change: position, name and index."""
    for row, constraint in enumerate(compiled.constraints):
        name = constraint.parent_component().local_name
        if name in RULES:
            yield row, name, constraint.index()


def find_conflicting_groups(
    program: LinearProgram,
    groups: Mapping[GroupKey, list[int]],
    options: Mapping[str, Any] | None = None,
) -> tuple[GroupKey, ...]:
    """A smallest set of groups of rows that conflict, with what rows are in none of them; empty if
    there is no conflict. SolverError if those in none of the groups conflict by themselves."""
    search = ConflictSearch(program, groups, options)
    if search.is_feasible(list(groups)):
        return ()
    if not search.is_feasible([]):
        raise SolverError(tr("the first stage is infeasible without any rule of the scenario"))
    found = set(search.find_conflict([], False, list(groups)))
    return tuple(rule for rule in groups if rule in found)


def add_structural_constraints(model: Any) -> None:
    """Keep what no number in a file can undo: nothing is had of what is not started or joined."""

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
    """Divides and conquers the groups of rows that belong to rules."""

    def __init__(
        self,
        program: LinearProgram,
        groups: Mapping[GroupKey, list[int]],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.program, self.groups, self.options = program.without_objective(), groups, options

    def is_feasible(self, kept_groups: Sequence[GroupKey]) -> bool:
        """Whether some plan keeps these rules, all others dropped."""
        dropped = np.zeros(len(self.program.row_lower), dtype=bool)
        for rule in set(self.groups).difference(kept_groups):
            dropped[self.groups[rule]] = True
        program = self.program.free_rows(dropped)
        solution = highs.solve(program, gap=1.0, options=self.options)
        if solution.interrupted:
            raise KeyboardInterrupt
        return solution.ending != "infeasible"

    def find_conflict(
        self, kept_groups: list[GroupKey], has_new_groups: bool, candidate_groups: list[GroupKey]
    ) -> list[GroupKey]:
        """The rules of ``open_`` that conflict with each other and ``kept``."""
        if has_new_groups and not self.is_feasible(kept_groups):
            return []
        if len(candidate_groups) == 1:
            return candidate_groups
        half = len(candidate_groups) // 2
        first, second = candidate_groups[:half], candidate_groups[half:]
        of_second = self.find_conflict([*kept_groups, *first], True, second)
        of_first = self.find_conflict([*kept_groups, *of_second], bool(of_second), first)
        return [*of_first, *of_second]


@contextmanager
def scaling_errors_as_faults(instance: Instance) -> Iterator[None]:
    """While a scenario is solved: report coefficients of unlike size as figures of its file."""
    try:
        yield
    except CoefficientsOutOfRange as error:
        raise scaling_fault(instance, error) or error from error


def scaling_fault(instance: Instance, error: CoefficientsOutOfRange) -> ScenarioError | None:
    """The fault of two figures of the file that lie behind coefficients of unlike size; None where
    a coefficient has none behind it."""
    (small, least), (large, most) = error.extremes
    paths = [_figure_location(instance, *end) for end in (small, large)]
    if None in paths:
        return None
    says = tr(
        "it is too small beside {other} to be solved with it: {least} against {most} in the rules "
        "that both enter",
        other=".".join(map(str, paths[1] or ())),
        least=f"{least:.3g}",
        most=f"{most:.3g}",
    )
    other = tr(
        "it is too large beside {other} to be solved with it",
        other=".".join(map(str, paths[0] or ())),
    )
    hint = tr("leave out what does not matter beside the other, or check the units")
    return ScenarioError([Fault(paths[0] or (), says, hint), Fault(paths[1] or (), other, hint)])


def _figure_location(instance: Instance, column: str, row: str) -> tuple[PathStep, ...] | None:
    """Where the figure behind a coefficient stands, by the names of its column and row."""
    kind, of = _split_component_name(column)
    if kind in ("share", "market", "start"):
        return ("projects", of[0], "capex_meur")
    if kind == "offtake":
        return ("projects", of[0], "output_t_per_year")
    if kind == "delivered":
        return ("projects", of[1], "output_t_per_year")
    if kind == "made":
        id = of[1].rstrip(".")
        part = "conversions" if id == of[1] and id in instance.conversions else "projects"
        return (part, id, "inputs_t_per_t")
    if kind == "shortage":
        demanded = [row.material for row in instance.case.demand]
        return ("demand", demanded.index(of[0].partition(".")[0]), "t_per_year")
    if kind in ("buy", "stock", "release"):
        stockpile = of[0] if kind == "buy" else of[1]
        ids = [own.id for own in instance.case.stockpiles]
        return ("stockpiles", ids.index(stockpile))
    rule, index = _split_component_name(row)
    if rule in RULES:
        keys = tuple(int(part) if part.isdigit() else part for part in index)
        return RULES[rule].describe(instance, keys if len(keys) > 1 else keys[0]).path
    return None


def _split_component_name(name: str) -> tuple[str, list[str]]:
    """Name and index of a Pyomo component, its block left out."""
    name = name.rpartition("].")[2] if "]." in name else name
    kind, _, index = name.partition("[")
    return kind.rpartition(".")[2], [part.strip("'") for part in index.rstrip("]").split(",")]
