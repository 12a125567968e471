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

from models.base import named
from models.faults import Fault, ScenarioError, Step
from models.language import figure, language, marked, tr
from models.scenario.quantities import Yearly
from optimizer.errors import OutOfRange, Rule, SolverError
from optimizer.model import highs
from optimizer.model.formulation import (
    build_commitment,
    build_extensive_form,
    substitute_planned_stock,
)
from optimizer.model.highs import Compiled, LinearProgram
from optimizer.model.instance import COMMON, Instance
from optimizer.model.stacking import stacked_models
from optimizer.model.states import State
from optimizer.model.together import Together, sets_of

Explain = Callable[[Instance, Any], Rule]
Key = TypeVar("Key", bound=Hashable)


class _Place(NamedTuple):
    """Where a rule stands in a scenario, and what its sentence says of it."""

    path: tuple[Step, ...]
    values: dict[str, Any]
    other: bool = False  # whether the second of the rule's sentences says it


_Where = Callable[[Instance, Any, str], _Place]


def _project(instance: Instance, index: Any, field: str) -> _Place:
    p = index[0] if isinstance(index, tuple) else index
    value = figure(getattr(instance.case.projects[p], field))
    return _Place(("projects", p, field), {"p": p, "value": value})


def _instrument(instance: Instance, index: Any, field: str) -> _Place:
    _, f, i = index[:3]
    value = figure(getattr(instance.case.funders[f].instruments[i], field))
    return _Place(("funders", f, "instruments", i, field), {"f": f, "i": i, "value": value})


def _stockpile(instance: Instance, index: Any, field: str) -> _Place:
    position = [s.id for s in instance.case.stockpiles].index(index[0])
    return _Place(("stockpiles", position, field), {"h": index[0]})


def _between(instance: Instance, index: Any, field: str) -> _Place:
    p, other = index[:2]
    if other not in getattr(instance.case.projects[p], field):
        p, other = other, p
    position = getattr(instance.case.projects[p], field).index(other)
    return _Place(("projects", p, field, position), {"p": p, "other": other})


def _policy(instance: Instance, index: Any, field: str) -> _Place:
    value: Any = instance.case.policy
    path = field.split(".")
    for step in path:
        value = getattr(value, step)
    if isinstance(value, tuple):
        return _Place(("policy", *path, value.index(index)), {"p": index})
    m, country = index[:2] if isinstance(index, tuple) else (index, None)
    shown = figure(value) if isinstance(value, float) else ""
    return _Place(("policy", *path), {"p": index, "m": m, "country": country, "value": shown})


def _starts(instance: Instance, index: Any, field: str) -> _Place:
    most = getattr(instance.case.policy, field)[index]
    about = {"value": figure(most), "year": index}
    return _Place(("policy", field, str(index)), about)


def _right(instance: Instance, index: Any, field: str) -> _Place:
    p, _, group = index
    if group == COMMON:
        return _Place(("projects", p, field), {"p": p})
    path = ("funders", group.removesuffix("."), "instruments")
    return _Place(path, {"f": group, "p": p}, other=True)


def _market(instance: Instance, index: Any, field: str) -> _Place:
    supported = any(
        i.market_finance_per_share > 0 and i.max_share > 0 and index[0] in i.projects
        for i in instance.instruments
    )
    return _project(instance, index, field)._replace(other=supported)


def _funder(instance: Instance, index: Any, field: str) -> _Place:
    f, year = index if isinstance(index, tuple) else (index, None)
    value = getattr(instance.case.funders[f], field)
    return _dated(("funders", f, field), {"f": f}, value, year)


def _line(instance: Instance, index: Any, field: str) -> _Place:
    f, id, year = (*index, None)[:3]
    value = getattr(instance.case.funders[f].budget_lines[id], field)
    return _dated(("funders", f, "budget_lines", id, field), {"f": f, "id": id}, value, year)


def _dated(path: tuple[Step, ...], values: dict[str, Any], value: Any, year: Any) -> _Place:
    """A value that may be that of one year. What does not change is one rule, however many years it
    binds in."""
    years = value.years if isinstance(value, Yearly) else value if isinstance(value, dict) else ()
    path = (*path, str(year)) if year in years else path
    changes = bool(years) or isinstance(value, dict)
    if isinstance(value, Yearly):
        value = value.at(year)
    elif isinstance(value, dict):
        value = value.get(year, 0.0)
    return _Place(path, {**values, "value": figure(value or 0.0), "year": year}, changes)


def _explain(name: str, instance: Instance, index: Any) -> Rule:
    tag, where, field = _RULES[name]
    place = where(instance, index, field)
    says = _SAYS.get(f"{name}, other", _SAYS[name]) if place.other else _SAYS[name]
    called = "share_limit" if name == "share_needs_start" else name
    names = {key: _name(instance, key, place.values) for key in place.values}
    return Rule(tag, called, tr(says, **place.values), place.path, tr(says, **names))


def _name(instance: Instance, key: str, values: Mapping[str, Any]) -> Any:
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
    return id if item is None else named(getattr(item, "name", None), id, language())


_RULES: dict[str, tuple[str, _Where, str]] = {
    "market_finance_limit": ("P3", _market, "market_finance_max"),
    "share_limit": ("P4", _instrument, "max_share"),
    "share_needs_start": ("P4", _instrument, "max_share"),
    "ticket_min": ("P5", _instrument, "ticket_min_meur"),
    "ticket_max": ("P5", _instrument, "ticket_max_meur"),
    "offtake_right": ("P6", _right, "home_share"),
    "offtake_limit": ("P6", _project, "offtake_max"),
    "public_share_limit": ("P7", _policy, "max_public_share"),
    "state_aid_limit": ("P8", _policy, "state_aid"),
    "requires": ("P9", _between, "requires"),
    "excludes": ("P9", _between, "excludes"),
    "must_build": ("P9", _policy, "must_build"),
    "must_not_build": ("P9", _policy, "must_not_build"),
    "starts_by_year": ("P9", _starts, "max_starts_by_year"),
    "max_projects": ("P9", _policy, "max_projects"),
    "purchase_limit": ("S1", _stockpile, "max_purchase_t_per_year"),
    "storage_limit": ("S3", _stockpile, "max_t"),
    "days_of_demand": ("S4", _stockpile, "min_days_of_demand"),
    "funder_budget_by_year": ("B1", _funder, "budget_by_year_meur"),
    "funder_budget": ("B1", _funder, "budget_meur"),
    "public_budget": ("B2", _policy, "budget_meur"),
    "budget_line_by_year": ("B3", _line, "by_year_meur"),
    "budget_line_total": ("B3", _line, "total_meur"),
    "guarantee_stock_limit": ("B4", _line, "limit_meur"),
    "country_share_limit": ("G1", _policy, "max_country_share.limit"),
}
"""Tag and place of each rule that a person can change, by the name of its constraint."""
_SAYS = {
    "market_finance_limit": marked("lenders and other investors carry at most {value} of {p}"),
    "market_finance_limit, other": marked(
        "lenders and other investors carry at most {value} of {p}, and what subsidies and "
        "price floors add to it"
    ),
    "share_limit": marked("{f} ({i}) carries at most {value} of a project"),
    "share_needs_start": marked("{f} ({i}) carries at most {value} of a project"),
    "ticket_min": marked("{f} ({i}) puts at least {value} million into a project"),
    "ticket_max": marked("{f} ({i}) puts at most {value} million into a project"),
    "offtake_right": marked(
        "output of {p} reaches domestic consumers by its home_share and by what funders "
        "other than companies hold of it"
    ),
    "offtake_right, other": marked("{f} gets output of {p} only for the share it holds"),
    "offtake_limit": marked("at most {value} of the output of {p} can be reserved"),
    "public_share_limit": marked("public funders together carry at most {value} of a project"),
    "state_aid_limit": marked("state aid to {p} is limited"),
    "requires": marked("{p} needs {other} to start no later"),
    "excludes": marked("{p} and {other} exclude each other"),
    "must_build": marked("{p} must be built"),
    "must_not_build": marked("{p} must not be built"),
    "starts_by_year": marked("at most {value} projects are started in {year}"),
    "max_projects": marked("at most {value} projects are built"),
    "purchase_limit": marked("the market gives {h} only so much a year"),
    "storage_limit": marked("{h} has room for only so much"),
    "days_of_demand": marked("{h} must cover so many days of need"),
    "funder_budget_by_year": marked("{f} has {value} million for {year}"),
    "funder_budget": marked("{f} spends at most {value} million in all"),
    "public_budget": marked("public funders together spend at most {value} million"),
    "budget_line_by_year": marked("the line {id} of {f} has {value} million in all"),
    "budget_line_by_year, other": marked("the line {id} of {f} has {value} million for {year}"),
    "budget_line_total": marked("the line {id} of {f} has {value} million in all"),
    "budget_line_total, other": marked("the line {id} of {f} has {value} million for {year}"),
    "guarantee_stock_limit": marked(
        "of the line {id} of {f} at most {value} million may be outstanding"
    ),
    "guarantee_stock_limit, other": marked(
        "of the line {id} of {f} at most {value} million may be outstanding at the end of {year}"
    ),
    "country_share_limit": marked("at most {value} of the need for {m} may come from {country}"),
}
"""What each says; the other sentence is that of one year, or of the other case."""
RULES: dict[str, Explain] = {name: partial(_explain, name) for name in _RULES}


def smallest_conflict(instance: Instance | Together) -> tuple[Rule, ...]:
    """A set of rules that no plan can keep together, none of which can be left out; empty if the
    first stage is feasible. SolverError if even what no scenario can change is infeasible."""
    together, _ = sets_of(instance, ())
    return _among_rules(together, [first_stage(own) for own in together.instances])


def conflict_with_level(
    instance: Instance, states: tuple[State, ...], level: float
) -> tuple[Rule, ...]:
    """A set of rules that together keep the objective above a level, none of which can be left out;
    empty if a plan comes to it. SolverError if none does even without any of the rules."""
    model = build_extensive_form(instance, states)
    add_what_stays(model)
    model.level = pyo.Constraint(expr=model.objective.expr <= level)
    return _among_rules(Together((instance,)), [highs.compile_model(model)])


def _among_rules(together: Together, several: Sequence[Compiled]) -> tuple[Rule, ...]:
    left = [substitute_planned_stock(own) for own in several]
    whole = stacked_models(several, left, together)
    groups: dict[Rule, list[int]] = {}
    for instance, compiled, at in zip(together.instances, several, whole.row, strict=True):
        for row, name, index in rule_rows(compiled):
            groups.setdefault(RULES[name](instance, index), []).append(int(at[row]))
    program = whole.program
    return conflict_among(program, groups) or conflict_among(program, groups, highs.EXACT_MIXED)


def first_stage(instance: Instance) -> Compiled:
    """The first stage with what no rule of a scenario can undo, its net cost as the objective."""
    model = build_commitment(instance)
    add_what_stays(model)
    model.objective = pyo.Objective(expr=model.net_cost + 0 * model.nothing)
    return highs.compile_model(model)


def rule_rows(compiled: Compiled) -> Iterator[tuple[int, str, Any]]:
    """Rows that belong to rules a person can change: position, name and index."""
    for row, constraint in enumerate(compiled.constraints):
        name = constraint.parent_component().local_name
        if name in RULES:
            yield row, name, constraint.index()


def conflict_among(
    program: LinearProgram,
    groups: Mapping[Key, list[int]],
    options: Mapping[str, Any] | None = None,
) -> tuple[Key, ...]:
    """A smallest set of groups of rows that conflict, with what rows are in none of them; empty if
    there is no conflict. SolverError if those in none of the groups conflict by themselves."""
    search = Search(program, groups, options)
    if search.feasible(list(groups)):
        return ()
    if not search.feasible([]):
        raise SolverError(tr("the first stage is infeasible without any rule of the scenario"))
    found = set(search.conflict([], False, list(groups)))
    return tuple(rule for rule in groups if rule in found)


def add_what_stays(model: Any) -> None:
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


class Search(Generic[Key]):
    """Divides and conquers the groups of rows that belong to rules."""

    def __init__(
        self,
        program: LinearProgram,
        groups: Mapping[Key, list[int]],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.program, self.groups, self.options = program.feasibility(), groups, options

    def feasible(self, kept: Sequence[Key]) -> bool:
        """Whether some plan keeps these rules, all others dropped."""
        dropped = np.zeros(len(self.program.row_lower), dtype=bool)
        for rule in set(self.groups).difference(kept):
            dropped[self.groups[rule]] = True
        program = self.program.without_rows(dropped)
        solution = highs.solve(program, gap=1.0, options=self.options)
        if solution.interrupted:
            raise KeyboardInterrupt
        return solution.ending != "infeasible"

    def conflict(self, kept: list[Key], added: bool, open_: list[Key]) -> list[Key]:
        """The rules of ``open_`` that conflict with each other and ``kept``."""
        if added and not self.feasible(kept):
            return []
        if len(open_) == 1:
            return open_
        half = len(open_) // 2
        first, second = open_[:half], open_[half:]
        of_second = self.conflict([*kept, *first], True, second)
        of_first = self.conflict([*kept, *of_second], bool(of_second), first)
        return [*of_first, *of_second]


@contextmanager
def told_of(instance: Instance) -> Iterator[None]:
    """While a scenario is solved: coefficients of unlike size are told as figures of its file."""
    try:
        yield
    except OutOfRange as error:
        raise too_far_apart(instance, error) or error from error


def too_far_apart(instance: Instance, error: OutOfRange) -> ScenarioError | None:
    """The fault of two figures of the file that lie behind coefficients of unlike size; None where
    a coefficient has none behind it."""
    (small, least), (large, most) = error.ends
    paths = [_figure(instance, *end) for end in (small, large)]
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


def _figure(instance: Instance, column: str, row: str) -> tuple[Step, ...] | None:
    """Where the figure behind a coefficient stands, by the names of its column and row."""
    kind, of = _parts(column)
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
    rule, index = _parts(row)
    if rule in RULES:
        keys = tuple(int(part) if part.isdigit() else part for part in index)
        return RULES[rule](instance, keys if len(keys) > 1 else keys[0]).path
    return None


def _parts(name: str) -> tuple[str, list[str]]:
    """Name and index of a Pyomo component, its block left out."""
    name = name.rpartition("].")[2] if "]." in name else name
    kind, _, index = name.partition("[")
    return kind.rpartition(".")[2], [part.strip("'") for part in index.rstrip("]").split(",")]
