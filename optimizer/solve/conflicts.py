"""Why no plan exists: a smallest set of rules that exclude each other.

Recourse is always feasible, so a conflict lives among the first stage's rules. They are grouped
by what the scenario file says in one place, and the groups are divided and conquered (QuickXplain,
Junker 2004) with the first stage as the test: the result loses its conflict if any one rule of it
is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import pyomo.environ as pyo

from models.language import figure, marked, tr
from models.scenario.quantities import Yearly
from optimizer.errors import Rule, SolverError
from optimizer.model import highs
from optimizer.model.formulation import build_commitment, substitute_planned_stock
from optimizer.model.highs import Compiled, LinearProgram
from optimizer.model.instance import COMMON, Instance

Explain = Callable[[Instance, Any], Rule]
Key = TypeVar("Key", bound=Hashable)


def _project(tag: str, name: str, field: str, says: str) -> Explain:
    def explain(instance: Instance, index: Any) -> Rule:
        p = index[0] if isinstance(index, tuple) else index
        project = instance.case.projects[p]
        value = getattr(project, field)
        text = tr(says, p=p, value=figure(value))
        return Rule(tag, name, text, ("projects", p, field))

    return explain


def _instrument(tag: str, name: str, field: str, says: str) -> Explain:
    def explain(instance: Instance, index: Any) -> Rule:
        _, f, i = index[:3]
        value = getattr(instance.case.funders[f].instruments[i], field)
        text = tr(says, f=f, i=i, value=figure(value))
        return Rule(tag, name, text, ("funders", f, "instruments", i, field))

    return explain


def _stockpile(tag: str, name: str, field: str, says: str) -> Explain:
    def explain(instance: Instance, index: Any) -> Rule:
        h = index[0]
        position = [s.id for s in instance.case.stockpiles].index(h)
        return Rule(tag, name, tr(says, h=h), ("stockpiles", position, field))

    return explain


def _between(field: str, says: str) -> Explain:
    def explain(instance: Instance, index: Any) -> Rule:
        p, other = index[:2]
        if other not in getattr(instance.case.projects[p], field):
            p, other = other, p
        position = getattr(instance.case.projects[p], field).index(other)
        text = tr(says, p=p, other=other)
        return Rule("P9", field, text, ("projects", p, field, position))

    return explain


def _policy(
    tag: str, name: str, path: tuple[str, ...], says: str, called: tuple[str, ...] = ()
) -> Explain:
    """A rule of the policy; ``called`` is what its text calls the parts of the index."""

    def explain(instance: Instance, index: Any) -> Rule:
        where: tuple[str | int, ...] = ("policy", *path)
        value: Any = instance.case.policy
        for step in path:
            value = getattr(value, step)
        if isinstance(value, tuple):
            where = (*where, value.index(index))
        parts = index if isinstance(index, tuple) else (index,)
        shown = figure(value) if isinstance(value, float) else ""
        names = dict(zip(called, parts, strict=False))
        return Rule(tag, name, tr(says, value=shown, **names), where)

    return explain


def _offtake_right(instance: Instance, index: Any) -> Rule:
    p, _, group = index
    if group == COMMON:
        return Rule(
            "P6",
            "offtake_right",
            tr(
                "output of {p} reaches domestic consumers by its home_share and by what funders "
                "other than companies hold of it",
                p=p,
            ),
            ("projects", p, "home_share"),
        )
    return Rule(
        "P6",
        "offtake_right",
        tr("{f} gets output of {p} only for the share it holds", f=group, p=p),
        ("funders", group.removesuffix("."), "instruments"),
    )


def _state_aid(instance: Instance, index: Any) -> Rule:
    text = tr("state aid to {p} is limited", p=index)
    return Rule("P8", "state_aid_limit", text, ("policy", "state_aid"))


def _funder(name: str, field: str, says: str) -> Explain:
    def explain(instance: Instance, index: Any) -> Rule:
        f, year = index if isinstance(index, tuple) else (index, None)
        funder = instance.case.funders[f]
        if year is None:
            text = tr(says, f=f, value=figure(funder.budget_meur or 0.0))
            return Rule("B1", name, text, ("funders", f, field))
        named = year in (funder.budget_by_year_meur or {})
        text = tr(
            says, f=f, value=figure((funder.budget_by_year_meur or {}).get(year, 0.0)), year=year
        )
        path: tuple[str | int, ...] = ("funders", f, field)
        return Rule("B1", name, text, (*path, str(year)) if named else path)

    return explain


def _market(instance: Instance, index: Any) -> Rule:
    p, _ = index
    supported = any(
        i.market_finance_per_share > 0 and i.max_share > 0 and p in i.projects
        for i in instance.instruments
    )
    template = (
        marked(
            "lenders and other investors carry at most {value} of {p}, and what subsidies and "
            "price floors add to it"
        )
        if supported
        else marked("lenders and other investors carry at most {value} of {p}")
    )
    says = tr(template, value=figure(instance.case.projects[p].market_finance_max), p=p)
    return Rule("P3", "market_finance_limit", says, ("projects", p, "market_finance_max"))


def _line(tag: str, name: str, field: str, says: str, in_year: str) -> Explain:
    """``in_year`` is said where the number is that of one year."""

    def explain(instance: Instance, index: Any) -> Rule:
        f, id, year = (*index, None)[:3]
        value = getattr(instance.case.funders[f].budget_lines[id], field)
        path: tuple[str | int, ...] = ("funders", f, "budget_lines", id, field)
        template = says
        if isinstance(value, Yearly):
            path = (*path, str(year)) if year in value.years else path
            # What does not change is one rule, however many years it binds in.
            template = in_year if value.years else says
            value = value.at(year)
        elif isinstance(value, dict):
            path = (*path, str(year)) if year in value else path
            value, template = value.get(year, 0.0), in_year
        text = tr(template, f=f, id=id, value=figure(value), year=year)
        return Rule(tag, name, text, path)

    return explain


RULES: dict[str, Explain] = {
    "market_finance_limit": _market,
    "share_limit": _instrument(
        "P4", "share_limit", "max_share", marked("{f} ({i}) carries at most {value} of a project")
    ),
    "share_needs_start": _instrument(
        "P4", "share_limit", "max_share", marked("{f} ({i}) carries at most {value} of a project")
    ),
    "ticket_min": _instrument(
        "P5",
        "ticket_min",
        "ticket_min_meur",
        marked("{f} ({i}) puts at least {value} million into a project"),
    ),
    "ticket_max": _instrument(
        "P5",
        "ticket_max",
        "ticket_max_meur",
        marked("{f} ({i}) puts at most {value} million into a project"),
    ),
    "offtake_right": _offtake_right,
    "offtake_limit": _project(
        "P6",
        "offtake_limit",
        "offtake_max",
        marked("at most {value} of the output of {p} can be reserved"),
    ),
    "public_share_limit": _policy(
        "P7",
        "public_share_limit",
        ("max_public_share",),
        marked("public funders together carry at most {value} of a project"),
    ),
    "state_aid_limit": _state_aid,
    "requires": _between("requires", marked("{p} needs {other} to start no later")),
    "excludes": _between("excludes", marked("{p} and {other} exclude each other")),
    "must_build": _policy("P9", "must_build", ("must_build",), marked("{p} must be built"), ("p",)),
    "must_not_build": _policy(
        "P9", "must_not_build", ("must_not_build",), marked("{p} must not be built"), ("p",)
    ),
    "max_projects": _policy(
        "P9", "max_projects", ("max_projects",), marked("at most {value} projects are built")
    ),
    "purchase_limit": _stockpile(
        "S1",
        "purchase_limit",
        "max_purchase_t_per_year",
        marked("the market gives {h} only so much a year"),
    ),
    "storage_limit": _stockpile(
        "S3", "storage_limit", "max_t", marked("{h} has room for only so much")
    ),
    "days_of_demand": _stockpile(
        "S4",
        "days_of_demand",
        "min_days_of_demand",
        marked("{h} must cover so many days of demand"),
    ),
    "funder_budget_by_year": _funder(
        "funder_budget_by_year", "budget_by_year_meur", marked("{f} has {value} million for {year}")
    ),
    "funder_budget": _funder(
        "funder_budget", "budget_meur", marked("{f} spends at most {value} million in all")
    ),
    "public_budget": _policy(
        "B2",
        "public_budget",
        ("budget_meur",),
        marked("public funders together spend at most {value} million"),
    ),
    "budget_line_by_year": _line(
        "B3",
        "budget_line_by_year",
        "by_year_meur",
        marked("the line {id} of {f} has {value} million in all"),
        marked("the line {id} of {f} has {value} million for {year}"),
    ),
    "budget_line_total": _line(
        "B3",
        "budget_line_total",
        "total_meur",
        marked("the line {id} of {f} has {value} million in all"),
        marked("the line {id} of {f} has {value} million for {year}"),
    ),
    "guarantee_stock_limit": _line(
        "B4",
        "guarantee_stock_limit",
        "limit_meur",
        marked("of the line {id} of {f} at most {value} million may be outstanding"),
        marked(
            "of the line {id} of {f} at most {value} million may be outstanding at the end of "
            "{year}"
        ),
    ),
    "country_share_limit": _policy(
        "G1",
        "country_share_limit",
        ("max_country_share", "limit"),
        marked("at most {value} of the demand for {m} may come from {country}"),
        ("m", "country"),
    ),
}
"""Rules that a person can change, by the name of their constraint."""


def smallest_conflict(instance: Instance) -> tuple[Rule, ...]:
    """A set of rules that no plan can keep together, none of which can be left out.

    Empty if the first stage is feasible.

    Raises
    ------
    SolverError
        If even what no scenario can change is infeasible.
    """
    compiled = first_stage(instance)
    groups: dict[Rule, list[int]] = {}
    for row, name, index in rule_rows(compiled):
        groups.setdefault(RULES[name](instance, index), []).append(row)
    program = substitute_planned_stock(compiled).program
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
    """A smallest set of groups of rows that conflict, with what rows are in none of them.

    Empty if there is no conflict. ``options`` are those of the solver.

    Raises
    ------
    SolverError
        If the rows in none of the groups conflict by themselves.
    """
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
