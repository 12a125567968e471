"""Why no plan exists: a smallest set of rules that exclude each other; and figures of a scenario
that cannot be solved together, as faults of the file at their places.

Recourse is always feasible, so a conflict lives among the first stage's rules. They are grouped
by what the scenario file says in one place, and the groups are divided and conquered (QuickXplain,
Junker 2004) with the first stage as the test: the result loses its conflict if any one rule of it
is dropped.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyomo.environ as pyo

from models.base import display_name
from models.faults import Fault, PathStep, ScenarioError
from models.language import current_language, format_number, mark_translatable, tr
from models.scenario.quantities import YearlyQuantity
from optimizer.errors import CoefficientsOutOfRange, Rule, SolverError
from optimizer.model import highs
from optimizer.model.assumption_sets import AssumptionSets, as_assumption_sets
from optimizer.model.formulation import (
    build_commitment,
    build_extensive_form,
    substitute_planned_stock,
)
from optimizer.model.highs import CompiledModel, LinearProgram
from optimizer.model.instance import COMMON_GROUP, Instance
from optimizer.model.stacked_problem import stack_models
from optimizer.model.states import State

RuleExplainer = Callable[[Instance, Any], Rule]
GroupKey = TypeVar("GroupKey", bound=Hashable)


class _RuleLocation(NamedTuple):
    """Where a rule stands in a scenario, and what its sentence says of it."""

    path: tuple[PathStep, ...]
    sentence_values: dict[str, Any]
    uses_alternative_text: bool = False  # whether the second of the rule's sentences says it


_RuleLocator = Callable[[Instance, Any, str], _RuleLocation]


def _locate_project_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    p = index[0] if isinstance(index, tuple) else index
    value = format_number(getattr(instance.case.projects[p], field))
    return _RuleLocation(("projects", p, field), {"p": p, "value": value})


def _locate_instrument_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    _, f, i = index[:3]
    value = format_number(getattr(instance.case.funders[f].instruments[i], field))
    return _RuleLocation(("funders", f, "instruments", i, field), {"f": f, "i": i, "value": value})


def _locate_stockpile_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    position = [s.id for s in instance.case.stockpiles].index(index[0])
    return _RuleLocation(("stockpiles", position, field), {"h": index[0]})


def _locate_project_pair_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    p, other = index[:2]
    if other not in getattr(instance.case.projects[p], field):
        p, other = other, p
    position = getattr(instance.case.projects[p], field).index(other)
    return _RuleLocation(("projects", p, field, position), {"p": p, "other": other})


def _locate_policy_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    value: Any = instance.case.policy
    path = field.split(".")
    for step in path:
        value = getattr(value, step)
    if isinstance(value, tuple):
        return _RuleLocation(("policy", *path, value.index(index)), {"p": index})
    m, country = index[:2] if isinstance(index, tuple) else (index, None)
    shown = format_number(value) if isinstance(value, float) else ""
    return _RuleLocation(
        ("policy", *path), {"p": index, "m": m, "country": country, "value": shown}
    )


def _locate_starts_by_year_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    most = getattr(instance.case.policy, field)[index]
    about = {"value": format_number(most), "year": index}
    return _RuleLocation(("policy", field, str(index)), about)


def _locate_offtake_right(instance: Instance, index: Any, field: str) -> _RuleLocation:
    p, _, group = index
    if group == COMMON_GROUP:
        return _RuleLocation(("projects", p, field), {"p": p})
    path = ("funders", group.removesuffix("."), "instruments")
    return _RuleLocation(path, {"f": group, "p": p}, uses_alternative_text=True)


def _locate_market_finance(instance: Instance, index: Any, field: str) -> _RuleLocation:
    supported = any(
        i.market_finance_per_share > 0 and i.max_share > 0 and index[0] in i.eligible_projects
        for i in instance.instruments
    )
    return _locate_project_rule(instance, index, field)._replace(uses_alternative_text=supported)


def _locate_funder_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    f, year = index if isinstance(index, tuple) else (index, None)
    value = getattr(instance.case.funders[f], field)
    return _location_in_year(("funders", f, field), {"f": f}, value, year)


def _locate_budget_line_rule(instance: Instance, index: Any, field: str) -> _RuleLocation:
    f, id, year = (*index, None)[:3]
    value = getattr(instance.case.funders[f].budget_lines[id], field)
    return _location_in_year(
        ("funders", f, "budget_lines", id, field), {"f": f, "id": id}, value, year
    )


def _location_in_year(
    path: tuple[PathStep, ...], values: dict[str, Any], value: Any, year: Any
) -> _RuleLocation:
    """A value that may be that of one year. What does not change is one rule, however many years it
    binds in."""
    years = (
        value.years
        if isinstance(value, YearlyQuantity)
        else value
        if isinstance(value, dict)
        else ()
    )
    path = (*path, str(year)) if year in years else path
    changes = bool(years) or isinstance(value, dict)
    if isinstance(value, YearlyQuantity):
        value = value.at(year)
    elif isinstance(value, dict):
        value = value.get(year, 0.0)
    return _RuleLocation(
        path, {**values, "value": format_number(value or 0.0), "year": year}, changes
    )


def _explain_rule(name: str, instance: Instance, index: Any) -> Rule:
    tag, where, field = _RULE_LOCATIONS[name]
    place = where(instance, index, field)
    says = (
        _RULE_TEXTS.get(f"{name}, other", _RULE_TEXTS[name])
        if place.uses_alternative_text
        else _RULE_TEXTS[name]
    )
    called = "share_limit" if name == "share_needs_start" else name
    names = {
        key: _display_name(instance, key, place.sentence_values) for key in place.sentence_values
    }
    return Rule(tag, called, tr(says, **place.sentence_values), place.path, tr(says, **names))


def _display_name(instance: Instance, key: str, values: Mapping[str, Any]) -> Any:
    """The name of what a sentence speaks of, in the current language; its id where it has none."""
    case, id = instance.case, values[key]
    funder = case.funders.get(str(values.get("f", "")).removesuffix("."))
    sections: dict[str, Mapping[Any, Any]] = {
        "p": case.projects,
        "other": case.projects,
        "m": case.materials,
        "h": {pile.id: pile for pile in case.stockpiles},
        "f": {values.get("f"): funder},
        "i": {} if funder is None else funder.instruments,
        "id": {} if funder is None else funder.budget_lines,
    }
    item = sections.get(key, {}).get(id) if isinstance(id, str) else None
    return id if item is None else display_name(getattr(item, "name", None), id, current_language())


_RULE_LOCATIONS: dict[str, tuple[str, _RuleLocator, str]] = {
    "market_finance_limit": ("P3", _locate_market_finance, "market_finance_max"),
    "share_limit": ("P4", _locate_instrument_rule, "max_share"),
    "share_needs_start": ("P4", _locate_instrument_rule, "max_share"),
    "ticket_min": ("P5", _locate_instrument_rule, "ticket_min_meur"),
    "ticket_max": ("P5", _locate_instrument_rule, "ticket_max_meur"),
    "offtake_right": ("P6", _locate_offtake_right, "home_share"),
    "offtake_limit": ("P6", _locate_project_rule, "offtake_max"),
    "public_share_limit": ("P7", _locate_policy_rule, "max_public_share"),
    "state_aid_limit": ("P8", _locate_policy_rule, "state_aid"),
    "requires": ("P9", _locate_project_pair_rule, "requires"),
    "excludes": ("P9", _locate_project_pair_rule, "excludes"),
    "must_build": ("P9", _locate_policy_rule, "must_build"),
    "must_not_build": ("P9", _locate_policy_rule, "must_not_build"),
    "starts_by_year": ("P9", _locate_starts_by_year_rule, "max_starts_by_year"),
    "max_projects": ("P9", _locate_policy_rule, "max_projects"),
    "purchase_limit": ("S1", _locate_stockpile_rule, "max_purchase_t_per_year"),
    "storage_limit": ("S3", _locate_stockpile_rule, "max_t"),
    "days_of_demand": ("S4", _locate_stockpile_rule, "min_days_of_demand"),
    "funder_budget_by_year": ("B1", _locate_funder_rule, "budget_by_year_meur"),
    "funder_budget": ("B1", _locate_funder_rule, "budget_meur"),
    "public_budget": ("B2", _locate_policy_rule, "budget_meur"),
    "budget_line_by_year": ("B3", _locate_budget_line_rule, "by_year_meur"),
    "budget_line_total": ("B3", _locate_budget_line_rule, "total_meur"),
    "guarantee_stock_limit": ("B4", _locate_budget_line_rule, "limit_meur"),
    "country_share_limit": ("G1", _locate_policy_rule, "max_country_share.limit"),
}
"""Tag and place of each rule that a person can change, by the name of its constraint."""
_RULE_TEXTS = {
    "market_finance_limit": mark_translatable(
        "lenders and other investors carry at most {value} of {p}"
    ),
    "market_finance_limit, other": mark_translatable(
        "lenders and other investors carry at most {value} of {p}, and what subsidies and "
        "price floors add to it"
    ),
    "share_limit": mark_translatable("{f} ({i}) carries at most {value} of a project"),
    "share_needs_start": mark_translatable("{f} ({i}) carries at most {value} of a project"),
    "ticket_min": mark_translatable("{f} ({i}) puts at least {value} million into a project"),
    "ticket_max": mark_translatable("{f} ({i}) puts at most {value} million into a project"),
    "offtake_right": mark_translatable(
        "output of {p} reaches domestic consumers by its home_share and by what funders "
        "other than companies hold of it"
    ),
    "offtake_right, other": mark_translatable("{f} gets output of {p} only for the share it holds"),
    "offtake_limit": mark_translatable("at most {value} of the output of {p} can be reserved"),
    "public_share_limit": mark_translatable(
        "public funders together carry at most {value} of a project"
    ),
    "state_aid_limit": mark_translatable("state aid to {p} is limited"),
    "requires": mark_translatable("{p} needs {other} to start no later"),
    "excludes": mark_translatable("{p} and {other} exclude each other"),
    "must_build": mark_translatable("{p} must be built"),
    "must_not_build": mark_translatable("{p} must not be built"),
    "starts_by_year": mark_translatable("at most {value} projects are started in {year}"),
    "max_projects": mark_translatable("at most {value} projects are built"),
    "purchase_limit": mark_translatable("the market gives {h} only so much a year"),
    "storage_limit": mark_translatable("{h} has room for only so much"),
    "days_of_demand": mark_translatable("{h} must cover so many days of need"),
    "funder_budget_by_year": mark_translatable("{f} has {value} million for {year}"),
    "funder_budget": mark_translatable("{f} spends at most {value} million in all"),
    "public_budget": mark_translatable("public funders together spend at most {value} million"),
    "budget_line_by_year": mark_translatable("the line {id} of {f} has {value} million in all"),
    "budget_line_by_year, other": mark_translatable(
        "the line {id} of {f} has {value} million for {year}"
    ),
    "budget_line_total": mark_translatable("the line {id} of {f} has {value} million in all"),
    "budget_line_total, other": mark_translatable(
        "the line {id} of {f} has {value} million for {year}"
    ),
    "guarantee_stock_limit": mark_translatable(
        "of the line {id} of {f} at most {value} million may be outstanding"
    ),
    "guarantee_stock_limit, other": mark_translatable(
        "of the line {id} of {f} at most {value} million may be outstanding at the end of {year}"
    ),
    "country_share_limit": mark_translatable(
        "at most {value} of the need for {m} may come from {country}"
    ),
}
"""What each says; the other sentence is that of one year, or of the other case."""
RULE_EXPLAINERS: dict[str, RuleExplainer] = {
    name: partial(_explain_rule, name) for name in _RULE_LOCATIONS
}


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
            groups.setdefault(RULE_EXPLAINERS[name](instance, index), []).append(int(at[row]))
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
        if name in RULE_EXPLAINERS:
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
    """While a scenario is solved: coefficients of unlike size are told as figures of its file."""
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
    if rule in RULE_EXPLAINERS:
        keys = tuple(int(part) if part.isdigit() else part for part in index)
        return RULE_EXPLAINERS[rule](instance, keys if len(keys) > 1 else keys[0]).path
    return None


def _split_component_name(name: str) -> tuple[str, list[str]]:
    """Name and index of a Pyomo component, its block left out."""
    name = name.rpartition("].")[2] if "]." in name else name
    kind, _, index = name.partition("[")
    return kind.rpartition(".")[2], [part.strip("'") for part in index.rstrip("]").split(",")]
