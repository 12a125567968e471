"""A plan as a point of its first stage: what is tight around its parts, and what fits beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.results import Beside, BindingRule
from optimizer.analyses.explanation.binding import (
    Key,
    described,
    earliest_start,
    key_of,
)
from optimizer.model import highs
from optimizer.model.commitment import (
    Commitment,
    line_use,
    net_cost,
    planned_stock,
    spend,
    weighed_cost,
)
from optimizer.model.formulation import read_commitment
from optimizer.model.highs import LinearProgram
from optimizer.model.instance import Floats, Instance
from optimizer.solve import outcomes
from optimizer.solve.conflicts import Search, conflict_among, first_stage, rule_rows
from optimizer.solve.planner import Problem

TIGHT = 1e-5
"""Slack below this share of a row's size is none."""
UNTOLD = {"share_needs_start", "offtake_right", "requires", "excludes"}
"""Rules that are tight around nearly everything: that they are tells nobody anything."""
SHARED = {
    "funder_budget",
    "funder_budget_by_year",
    "public_budget",
    "budget_line_total",
    "budget_line_by_year",
    "guarantee_stock_limit",
    "max_projects",
    "excludes",
}
"""Rules that keep something from a project because others have it."""
OF_THE_WHOLE = {"share_limit", "market_finance_limit", "offtake_limit", "public_share_limit"}
"""Rules whose limit is a share of a project."""
WHOLE = 1 - 1e-9
OF_PROJECTS = {"start", "share", "market", "takes_part", "offtake"}
OF_STOCKS = {"buy", "planned"}
LEFT = {"unspent", "line_unspent", "nothing"}
"""Columns that follow from the others."""


class StandingPlan:
    """A plan, its place among the rules, and what could be added to it."""

    def __init__(self, problem: Problem, commitment: Commitment, evaluation: outcomes.Evaluation):
        self.problem, self.commitment, self.evaluation = problem, commitment, evaluation
        self.instance: Instance = problem.instance
        self.compiled = first_stage(self.instance)
        self.values = np.array([self._value(v) for v in self.compiled.variables])
        self.rows = list(rule_rows(self.compiled))
        self._by_row = self.compiled.program.matrix.tocsr()

    @cached_property
    def weighed(self) -> float:
        """Its damage as the objective weighs it."""
        return outcomes.objective(self.instance, self.evaluation, 0.0)

    def tight(self, of: str, id: str) -> tuple[BindingRule, ...]:
        """Rules that leave no room around a project or a stockpile of the plan."""
        own = self._columns(of, id) & (np.abs(self.values) > 1e-9)
        met: dict[Key, tuple[Any, list[int]]] = {}
        for row, name, index in self.rows:
            if name not in UNTOLD and self._is_tight(row, own):
                key, year = key_of(self.instance, name, index)
                years = met.setdefault(key, (index, []))[1]
                years.extend([] if year is None else [year])
        every = (described(self.instance, key, *met[key]) for key in met)
        # That nobody can carry, or reserve, more than the whole is no rule of the scenario.
        found = [
            rule for rule in every if rule.name not in OF_THE_WHOLE or (rule.limit or 0.0) < WHOLE
        ]
        start = self.commitment.start.get(id) if of == "project" else None
        first = self.instance.years[0]
        if start is not None and first < start == self.instance.projects[id].starts[0]:
            found.append(earliest_start(self.instance, id))
        return tuple(found)

    def all_tight(self) -> set[Key]:
        """All rules that leave no room anywhere."""
        used = np.abs(self.values) > 1e-9
        return {
            key_of(self.instance, name, index)[0]
            for row, name, index in self.rows
            if name not in UNTOLD and self._is_tight(row, used)
        }

    def _is_tight(self, row: int, own: NDArray[np.bool_]) -> bool:
        begin, end = self._by_row.indptr[row : row + 2]
        columns, factors = self._by_row.indices[begin:end], self._by_row.data[begin:end]
        if not own[columns].any():
            return False
        program = self.compiled.program
        terms = factors * self.values[columns]
        upper, lower = program.row_upper[row], program.row_lower[row]
        sides = [abs(side) for side in (upper, lower) if np.isfinite(side)]
        size = max([*sides, float(np.abs(terms).max(initial=0.0)), 1e-9])
        if upper == lower:
            # A year's budget is an equation: what it leaves is a column.
            kinds = [self.compiled.variables[c].parent_component().local_name for c in columns]
            places = [c for c, kind in zip(columns, kinds, strict=True) if kind in LEFT]
            # The last one is that of the year itself; the one before it was brought along.
            own_left = [c for c in places if self._year_of(c) == self._row_year(row)]
            return not places or all(self.values[c] <= TIGHT * size for c in own_left)
        activity = float(terms.sum())
        return bool(min(upper - activity, activity - lower) <= TIGHT * size)

    def _year_of(self, column: int) -> Any:
        index = self.compiled.variables[column].index()
        return index[-1] if isinstance(index, tuple) else index

    def _row_year(self, row: int) -> Any:
        index = self.compiled.constraints[row].index()
        return index[-1] if isinstance(index, tuple) else index

    def stops(self, of: str, id: str, hold: float | None = None) -> tuple[BindingRule, ...]:
        """Rules that together stop something beside the rest of the plan; empty if nothing does.

        ``hold`` is the lots that a stockpile is to hold at the end of the last year.
        """
        program, kept, _ = self._beside(of, id, hold)
        groups: dict[Key, list[int]] = {}
        index_of: dict[Key, Any] = {}
        place = {row: n for n, row in enumerate(kept)}
        for row, name, index in self.rows:
            if row in place:
                key, _ = key_of(self.instance, name, index)
                groups.setdefault(key, []).append(place[row])
                index_of.setdefault(key, index)
        # Of rules that stop it alike those are named that come first: what the plan uses up.
        groups = dict(sorted(groups.items(), key=lambda item: item[0].name not in SHARED))
        found = conflict_among(program, groups)
        search = Search(program, groups)
        return tuple(
            described(
                self.instance,
                key,
                index_of[key],
                alone=search.feasible([other for other in groups if other != key]),
            )
            for key in found
        )

    def beside(self, of: str, id: str, hold: float | None = None) -> Beside | None:
        """What something would bring beside the rest of the plan; None where rules stop it."""
        best: Beside | None = None
        for commitment in self._additions(of, id, hold):
            (found,) = outcomes.evaluate(
                self.instance,
                self.problem.states,
                [commitment],
                recourse=self.problem.recourse,
            )
            one = Beside(
                start=commitment.start.get(id) if of == "project" else None,
                avoided=self.evaluation.expected - found.expected,
                weighed=self.weighed - outcomes.objective(self.instance, found, 0.0),
                net_cost_meur=net_cost(self.instance, commitment)
                - net_cost(self.instance, self.commitment),
                weighed_cost=weighed_cost(self.instance, commitment)
                - weighed_cost(self.instance, self.commitment),
            )
            if best is None or one.weighed - one.weighed_cost > best.weighed - best.weighed_cost:
                best = one
        return best

    def _additions(self, of: str, id: str, hold: float | None) -> Iterator[Commitment]:
        """The plan with it, for each start year at least cost and with most output."""
        program, _, free = self._beside(of, id, hold)
        named = [self.compiled.variables[c] for c in free]
        kinds = [v.parent_component().local_name for v in named]
        output = np.array([kind == "offtake" for kind in kinds])
        most = np.where(output, -1.0, program.cost * 1e-9)
        years = self.instance.projects[id].starts if of == "project" else (None,)
        for year in years:
            other = np.array(
                [k == "start" and v.index()[1] != year for k, v in zip(kinds, named, strict=True)]
            )
            upper = np.where(other, 0.0, program.upper)
            for cost in [program.cost, most] if output.any() else [program.cost]:
                solution = highs.solve(replace(program, upper=upper, cost=cost), gap=1e-6)
                if solution.values is None:
                    continue
                values = self.values.copy()
                values[free] = solution.values
                self.compiled.load(values)
                model = self.compiled.variables[0].model()
                yield read_commitment(self.instance, model)

    def _beside(
        self, of: str, id: str, hold: float | None
    ) -> tuple[LinearProgram, list[int], NDArray[np.intp]]:
        """The first stage of one part, all else held: its program, its rows, its columns.

        Where the plan itself breaks a row by rounding, the row gives way by as much.
        """
        program = self.compiled.program
        own = self._columns(of, id)
        left = np.array([v.parent_component().local_name in LEFT for v in self.compiled.variables])
        free = np.flatnonzero(own | left)
        held = np.where(own | left, 0.0, self.values)
        activity = program.matrix @ self.values
        slack = 1e-7 * (1 + np.abs(activity))
        upper = np.where(activity > program.row_upper, activity + slack, program.row_upper)
        lower = np.where(activity < program.row_lower, activity - slack, program.row_lower)
        if of == "project":
            once = self._row("start_once", id)
            lower[once] = upper[once] = 1.0
        moved = program.matrix @ held
        part = program.matrix[:, free]
        kept = np.flatnonzero(np.diff(part.tocsr().indptr) > 0)
        low, high = program.lower[free].copy(), program.upper[free]
        if hold is not None:
            last = len(self.instance.periods) - 1
            for n, column in enumerate(free.tolist()):
                variable = self.compiled.variables[column]
                is_planned = variable.parent_component().local_name == "planned"
                if is_planned and variable.index() == (id, last):
                    low[n] = hold
        reduced = LinearProgram(
            cost=program.cost[free],
            offset=0.0,
            matrix=part[kept],
            row_lower=(lower - moved)[kept],
            row_upper=(upper - moved)[kept],
            lower=low,
            upper=high,
            integer=program.integer[free],
            rows=_Some(program.rows, kept),
            columns=_Some(program.columns, free),
        )
        return reduced, list(kept), free

    def _row(self, name: str, index: Any) -> int:
        return next(
            row
            for row, constraint in enumerate(self.compiled.constraints)
            if constraint.parent_component().local_name == name and constraint.index() == index
        )

    def _columns(self, of: str, id: str) -> NDArray[np.bool_]:
        """Which columns belong to a project or a stockpile."""
        kinds = OF_PROJECTS if of == "project" else OF_STOCKS
        return np.array(
            [
                v.parent_component().local_name in kinds and v.index()[0] == id
                for v in self.compiled.variables
            ]
        )

    def _value(self, variable: Any) -> float:
        """What a column is in the plan."""
        read: dict[str, Callable[..., float]] = {
            "start": lambda p, year: float(self.commitment.start.get(p) == year),
            "share": lambda p, f, i, year: self._in(p, year, self.commitment.share.get((p, f, i))),
            "market": lambda p, year: self._in(p, year, self.commitment.market.get(p)),
            "offtake": lambda p, year, g: self._in(p, year, self.commitment.offtake.get((p, g))),
            "takes_part": lambda p, f, i: float(self.commitment.share.get((p, f, i), 0.0) > 0),
            "buy": lambda h, year: float(
                self.commitment.bought(self.instance, h)[year - self.instance.years[0]]
            ),
            "planned": lambda h, k: float(self._planned[h][k]),
            "unspent": lambda f, year: float(self._unspent[f][year - self.instance.years[0]]),
            "line_unspent": lambda f, id, year: float(
                self._line_unspent[f, id][year - self.instance.years[0]]
            ),
        }
        kind, index = variable.parent_component().local_name, variable.index()
        return read[kind](*index) if kind in read else 0.0

    def _in(self, p: str, year: int, value: float | None) -> float:
        return (value or 0.0) if self.commitment.start.get(p) == year else 0.0

    @cached_property
    def _planned(self) -> dict[str, Floats]:
        return {
            h: planned_stock(self.instance, self.commitment, h) for h in self.instance.stockpiles
        }

    @cached_property
    def _unspent(self) -> dict[str, Floats]:
        case, used = self.instance.case, spend(self.instance, self.commitment)
        found = {}
        for f, funder in case.funders.items():
            granted = funder.budget_by_year_meur
            if granted is not None:
                by_year = [float(granted.get(year, 0.0)) for year in self.instance.years]
                found[f] = left_over(by_year, used[f], funder.carry_over)
        return found

    @cached_property
    def _line_unspent(self) -> dict[tuple[str, str], Floats]:
        used = line_use(self.instance, self.commitment)
        return {
            key: left_over(line.by_year, used[key], line.carry_over)
            for key, line in self.instance.lines.items()
            if line.by_year is not None
        }


def left_over(granted: Sequence[float] | Floats, used: Floats, carries_over: bool) -> Floats:
    """(Y) what each year leaves of a budget."""
    left, found = 0.0, np.zeros(len(used))
    for y, amount in enumerate(granted):
        left = max(0.0, float(amount) + (left if carries_over else 0.0) - float(used[y]))
        found[y] = left
    return found


class _Some(Sequence[str]):
    """Some of many names, made only when they are asked for."""

    def __init__(self, names: Sequence[str], places: Sequence[int] | NDArray[Any]) -> None:
        self._names, self._places = names, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: Any) -> Any:
        return self._names[int(self._places[position])]
