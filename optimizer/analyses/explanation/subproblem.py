"""The problem with one decision forced or one limit loosened."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.files import LoadedScenario
from models.results import AdditionEffect, BindingRule
from models.scenario.quantities import YearlyQuantity
from optimizer.errors import NoPlan, SolverError
from optimizer.model import commitment as committed, highs
from optimizer.model.commitment import Commitment, CommitmentColumns, planned_stock
from optimizer.model.formulation import read_commitment
from optimizer.model.instance import COMMON_GROUP, Instance, read_instance
from optimizer.model.rules import RULES
from optimizer.solve import outcomes
from optimizer.solve.conflicts import (
    ConflictSearch,
    compile_first_stage,
    find_conflicting_groups,
    rule_rows,
)
from optimizer.solve.problem import Problem
from optimizer.solve.session import Session

SLACK_TOLERANCE = 1e-5
"""Slack below this share of the largest term of a row counts as none."""
COLUMNS_BY_KIND = {
    "project": {"start", "unaided", "share", "market", "takes_part", "offtake", "floored"},
    "stockpile": {"buy", "planned"},
}
"""Columns of the first stage that belong to a project or a stockpile."""
DERIVED_COLUMNS = {"unspent", "line_unspent", "nothing"}
"""Columns whose values follow from the others."""


@dataclass(frozen=True)
class RuleKey:
    """Key of the first-stage rows that a reader takes for a single rule."""

    name: str
    about: tuple[tuple[str, str], ...]
    """Role and id of each item that the rule is about."""
    year: int | None = None


def rule_key(instance: Instance, name: str, index: Any) -> tuple[RuleKey, int | None]:
    """Return the rule to which a first-stage row belongs, and the year of the row (None if it has
    none).

    ``name`` and ``index`` are those of the row.
    """
    index_parts = index if isinstance(index, tuple) else (index,)
    about, year = [], None
    for index_role, part in zip(RULES[name].index_roles, index_parts, strict=False):
        if index_role == "year":
            year = int(part)
        elif index_role == "period":
            year = instance.years[int(part) // instance.periods_per_year]
        elif index_role and not (
            name == "offtake_right" and index_role == "funder" and part == COMMON_GROUP
        ):
            about.append((index_role, str(part).removesuffix(".")))
    name = RULES[name].reported_as or name
    return RuleKey(name, tuple(about), year if RULES[name].is_yearly else None), year


@dataclass
class RuleRows:
    """The rows of one rule: their row numbers, the index of the first of them, and their years."""

    row_indices: list[int]
    index: Any
    years: set[int]


def group_rows_by_rule(
    instance: Instance, rows: Iterable[tuple[int, str, Any]]
) -> dict[RuleKey, RuleRows]:
    """Group first-stage rows by the rule to which they belong.

    Each row is given as its row number, name and index.
    """
    rows_by_key: dict[RuleKey, RuleRows] = {}
    for row_number, name, index in rows:
        key, year = rule_key(instance, name, index)
        rule = rows_by_key.setdefault(key, RuleRows([], index, set()))
        rule.row_indices.append(row_number)
        rule.years |= set() if year is None else {year}
    return rows_by_key


def build_binding_rule(
    instance: Instance,
    key: RuleKey,
    index: Any,
    years: Iterable[int] = (),
    alone: bool | None = None,
) -> BindingRule:
    """Build the description of a rule for a reader.

    ``index`` is the index of any row of the rule. ``alone`` states whether dropping this rule alone
    would be enough; None if that was not tested.
    """
    rule = RULES[key.name].describe(instance, index)
    listed_years = (key.year,) if key.year is not None else tuple(sorted(years))
    return BindingRule(
        tag=rule.tag,
        name=key.name,
        path=".".join(map(str, rule.path)),
        about=dict(key.about),
        years=listed_years,
        limit=_rule_limit(instance, key, rule.path, listed_years or tuple(instance.years)),
        alone=alone,
    )


def _rule_limit(
    instance: Instance, key: RuleKey, path: Sequence[int | str], years: tuple[int, ...]
) -> float | None:
    """Return the number in the scenario that limits a rule; None if there is no single number.

    ``path`` is the path of the number in the scenario. For state aid it is the smaller of the
    limits of a project, in million EUR.
    """
    item: Any = instance.case
    if not RULES[key.name].has_number:
        return None
    if key.name == "state_aid_limit":
        aid, project = instance.case.policy.state_aid, instance.projects[dict(key.about)["project"]]
        assert aid is not None
        intensity_limit = (
            math.inf if aid.max_intensity is None else float(aid.max_intensity) * project.capex
        )
        return min(intensity_limit, math.inf if aid.max_meur is None else float(aid.max_meur))
    for step in path:
        if isinstance(item, YearlyQuantity):
            break
        if isinstance(item, dict):
            item = item.get(int(step) if str(step).isdecimal() and step not in item else step)
        else:
            item = item[int(step)] if isinstance(step, int) else getattr(item, step)
    if isinstance(item, YearlyQuantity):
        numbers = {item.at(year) for year in years}
        item = numbers.pop() if len(numbers) == 1 else None
    elif isinstance(item, dict) and key.year is not None:
        item = item.get(key.year, 0.0)
    is_known = isinstance(item, int | float)
    return float(item) if is_known and math.isfinite(item) else None


class PlanConstraints:
    """The first-stage program of a problem at a plan: which rules are binding, and what could be
    added to the plan."""

    def __init__(
        self, problem: Problem, commitment: Commitment, evaluation: outcomes.PlanEvaluation
    ):
        self.problem, self.commitment, self.evaluation = problem, commitment, evaluation
        self.instance: Instance = problem.instance
        self.compiled = compile_first_stage(self.instance)
        self.column_names = [
            (v.parent_component().local_name, v.index()) for v in self.compiled.variables
        ]
        columns = CommitmentColumns(self.instance, commitment)
        self.column_values = np.array([columns.value(*name) for name in self.column_names])
        self.rows = list(rule_rows(self.compiled))
        self._row_matrix = self.compiled.program.matrix.tocsr()

    def find_binding_rules(self, item_kind: str, id: str) -> tuple[BindingRule, ...]:
        """Return the constraints that are binding for a project or a stockpile of the plan,
        including the earliest start; share limits of 100 % are omitted."""
        rules = [
            build_binding_rule(self.instance, key, rows.index, rows.years)
            for key, rows in self._binding_rows(self._column_mask(item_kind, id)).items()
        ]
        rules = [
            r for r in rules if not RULES[r.name].is_project_share or (r.limit or 0.0) < 1 - 1e-9
        ]
        start_year = self.commitment.start.get(id) if item_kind == "project" else None
        if (
            start_year is not None
            and self.instance.years[0] < start_year == self._possible_starts(id)[0]
        ):
            # No row of the first stage but the end of a range: no earlier year can be chosen.
            path = f"projects.{id}.earliest_start"
            about = {"project": id}
            rules.append(BindingRule(tag="P1", name="earliest_start", path=path, about=about,
                                     years=(start_year,), limit=None, alone=None))  # fmt: skip
        return tuple(rules)

    @cached_property
    def all_binding_rules(self) -> dict[RuleKey, RuleRows]:
        """The rows of all rules that are binding anywhere in the plan, by rule."""
        return self._binding_rows(np.ones(len(self.column_values), dtype=bool))

    def _binding_rows(self, column_mask: NDArray[np.bool_]) -> dict[RuleKey, RuleRows]:
        used_columns = column_mask & (np.abs(self.column_values) > 1e-9)
        return group_rows_by_rule(
            self.instance,
            (
                row
                for row in self.rows
                if RULES[row[1]].is_reported and self._is_binding(row, used_columns)
            ),
        )

    def _is_binding(self, rule_row: tuple[int, str, Any], used_columns: NDArray[np.bool_]) -> bool:
        row, _, index = rule_row
        begin, end = self._row_matrix.indptr[row : row + 2]
        columns, factors = self._row_matrix.indices[begin:end], self._row_matrix.data[begin:end]
        if not used_columns[columns].any():
            return False
        terms = factors * self.column_values[columns]
        program = self.compiled.program
        upper_limit, lower_limit = program.row_upper[row], program.row_lower[row]
        finite_limits = [abs(limit) for limit in (upper_limit, lower_limit) if np.isfinite(limit)]
        size = max([*finite_limits, float(np.abs(terms).max(initial=0.0)), 1e-9])
        if upper_limit == lower_limit:
            # A yearly budget is an equation; the amounts that remain unspent in its year and in the
            # year before are columns.
            unspent_columns = [
                c for c in columns if self.column_names[c][0] in ("unspent", "line_unspent")
            ]
            of_year = [c for c in unspent_columns if self.column_names[c][1][-1] == index[-1]]
            return all(self.column_values[c] <= SLACK_TOLERANCE * size for c in of_year)
        activity = float(terms.sum())
        return bool(min(upper_limit - activity, activity - lower_limit) <= SLACK_TOLERANCE * size)

    def blocking_rules(
        self, item_kind: str, id: str, held_lots: float | None = None
    ) -> tuple[BindingRule, ...]:
        """Return rules that together prevent adding an item to the plan while the rest of it stays
        fixed.

        The item is a project, or the purchases of a stockpile. ``held_lots`` is the number of lots
        that a stockpile must hold at the end of the last year. The result is empty if the item can
        be added.
        """
        program, kept_rows, _ = self._reduced_program(item_kind, id, held_lots)
        position = {int(row): n for n, row in enumerate(kept_rows)}
        rows_by_rule = group_rows_by_rule(
            self.instance, ((position[r], n, i) for r, n, i in self.rows if r in position)
        )
        # Of rules that prevent it alike, those that other items use up come first and are named.
        ranked_rules = sorted(rows_by_rule, key=lambda k: not RULES[k.name].is_shared)
        groups = {key: rows_by_rule[key].row_indices for key in ranked_rules}
        search = ConflictSearch(program, groups)

        def is_enough_alone(key: RuleKey) -> bool:
            return search.is_feasible([other_key for other_key in groups if other_key != key])

        return tuple(
            build_binding_rule(
                self.instance, key, rows_by_rule[key].index, alone=is_enough_alone(key)
            )
            for key in find_conflicting_groups(program, groups)
        )

    def best_addition(
        self, item_kind: str, id: str, held_lots: float | None = None
    ) -> AdditionEffect | None:
        """Return the effect of adding an item to the plan while the rest of it stays fixed.

        Of the candidate plans with the item, the one with the largest gain in the objective is
        used. Return None if rules prevent all of them.
        """
        instance, own_commitment = self.instance, self.commitment
        objective_before = outcomes.objective_value(instance, self.evaluation, 0.0)
        possible_additions = []
        for plan in self._candidate_plans(item_kind, id, held_lots):
            (outcome,) = outcomes.evaluate_commitments(
                instance, self.problem.states, [plan], recourse=self.problem.recourse
            )
            costs = (committed.net_cost, committed.weighted_cost)
            extra_net_cost, extra_weighted_cost = (
                cost(instance, plan) - cost(instance, own_commitment) for cost in costs
            )
            possible_additions.append(
                AdditionEffect(
                    start=plan.start.get(id) if item_kind == "project" else None,
                    avoided=self.evaluation.expected - outcome.expected,
                    weighed=objective_before - outcomes.objective_value(instance, outcome, 0.0),
                    net_cost_meur=extra_net_cost,
                    weighed_cost=extra_weighted_cost,
                )
            )
        return max(possible_additions, key=lambda x: x.weighed - x.weighed_cost, default=None)

    def _candidate_plans(
        self, item_kind: str, id: str, held_lots: float | None
    ) -> Iterator[Commitment]:
        """Yield plans with the item added and all else fixed: for each start year, at least cost
        and with most output."""
        program, _, free_columns = self._reduced_program(item_kind, id, held_lots)
        names = [self.column_names[c] for c in free_columns]
        is_offtake = np.array([kind == "offtake" for kind, _ in names])
        max_output_cost = np.where(is_offtake, -1.0, program.cost * 1e-9)
        for year in self._possible_starts(id) if item_kind == "project" else (None,):
            is_other_year = [kind == "start" and index[1] != year for kind, index in names]
            upper_bounds = np.where(is_other_year, 0.0, program.upper)
            for cost in [program.cost, max_output_cost] if is_offtake.any() else [program.cost]:
                solution = highs.solve(replace(program, upper=upper_bounds, cost=cost), gap=1e-6)
                if solution.values is None:
                    continue
                column_values = self.column_values.copy()
                column_values[free_columns] = solution.values
                self.compiled.load_solution(column_values)
                yield read_commitment(self.instance, self.compiled.variables[0].model())

    def _reduced_program(
        self, item_kind: str, id: str, held_lots: float | None
    ) -> tuple[highs.LinearProgram, NDArray[np.intp], NDArray[np.intp]]:
        """Return the first-stage program of one item with all else fixed at the plan, and the
        numbers of the rows and columns that remain.

        Where the plan violates a row by a rounding error, the row is relaxed by that amount. If a
        project is given, it must start.
        """
        program, is_own_column = self.compiled.program, self._column_mask(item_kind, id)
        is_own_column |= np.array([kind in DERIVED_COLUMNS for kind, _ in self.column_names])
        free_columns = np.flatnonzero(is_own_column)
        activity = program.matrix @ self.column_values
        slack = 1e-7 * (1 + np.abs(activity))
        row_upper = np.where(activity > program.row_upper, activity + slack, program.row_upper)
        row_lower = np.where(activity < program.row_lower, activity - slack, program.row_lower)
        constraints = self.compiled.constraints if item_kind == "project" else ()
        for row, constraint in enumerate(constraints):
            if (constraint.parent_component().local_name, constraint.index()) == ("start_once", id):
                row_lower[row] = row_upper[row] = 1.0
        fixed_activity = program.matrix @ np.where(is_own_column, 0.0, self.column_values)
        free_matrix = program.matrix[:, free_columns]
        kept_rows = np.flatnonzero(np.diff(free_matrix.tocsr().indptr) > 0)
        lower = program.lower[free_columns].copy()
        if held_lots is not None:
            last_column = ("planned", (id, len(self.instance.periods) - 1))
            lower[[self.column_names[c] == last_column for c in free_columns]] = held_lots
        reduced_program = replace(
            program,
            cost=program.cost[free_columns],
            offset=0.0,
            matrix=free_matrix[kept_rows],
            row_lower=(row_lower - fixed_activity)[kept_rows],
            row_upper=(row_upper - fixed_activity)[kept_rows],
            lower=lower,
            upper=program.upper[free_columns],
            is_integer=program.is_integer[free_columns],
            row_names=[f"row {row}" for row in kept_rows],
            column_names=["{}[{}]".format(*self.column_names[c]) for c in free_columns],
        )
        return reduced_program, kept_rows, free_columns

    def _possible_starts(self, project: str) -> Sequence[int]:
        return self.instance.projects[project].start_years

    def _column_mask(self, item_kind: str, id: str) -> NDArray[np.bool_]:
        """Return a mask of the first-stage columns that belong to a project or a stockpile."""
        kinds = COLUMNS_BY_KIND[item_kind]
        return np.array(
            [kind in kinds and id in (index, index[0]) for kind, index in self.column_names]
        )


ItemKind = Literal["project", "stockpile"]

ROOM_MARGIN = 1e-9
"""Relative margin by which a forced stock stays below its largest possible value."""


@dataclass(frozen=True)
class ForcedDecision:
    """A forced decision.

    A project is built or not built; a stockpile holds a number of lots or buys nothing.
    """

    kind: ItemKind
    id: str
    forced_in: bool
    """Whether the item is forced into the plan or out of it."""
    held_lots: float = 0.0
    """Lots held at the end of the last year, for a stockpile that is forced in."""


@dataclass(frozen=True)
class LoosenedLimit:
    """A number of the scenario that is increased by each of several steps; the steps have the unit
    of the number."""

    path: str
    current_value: float
    steps: tuple[float, ...]


Query = ForcedDecision | LoosenedLimit


@dataclass(frozen=True, eq=False)
class ExplanationContext:
    """Data of an explanation that all queries share."""

    problem: Problem
    """The problem of the plan, without cached recourse evaluations."""
    reading: LoadedScenario
    best_objective: float
    """The lowest objective known."""
    bound: float
    """Proven lower bound of the objective."""
    gap: float

    @property
    def instance(self) -> Instance:
        """The instance of the plan's problem."""
        return self.problem.instance


@dataclass(frozen=True, eq=False)
class QueryReply:
    """The result of solving one changed problem; without a plan its figures have their defaults."""

    status: Literal["optimal", "limit", "infeasible", "none"]
    seconds: float
    objective: float | None = None
    bound: float | None = None
    commitment: Commitment | None = None
    expected: float = 0.0
    expected_under: Mapping[str, float] = field(default_factory=dict)
    conflict: tuple[BindingRule, ...] = ()


RepliesByStep = dict[float, QueryReply]
"""Replies to a query by step; a forced decision has one, at step 0."""


def forced_instance(instance: Instance, decision: ForcedDecision) -> Instance:
    """Return the instance in which a decision is forced."""
    if decision.kind == "project":
        policy = instance.case.policy
        policy_field = "must_build" if decision.forced_in else "must_not_build"
        ids = (*getattr(policy, policy_field), decision.id)
        policy = policy.model_copy(update={policy_field: tuple(dict.fromkeys(ids))})
        return replace(instance, case=instance.case.model_copy(update={"policy": policy}))
    stockpile = instance.stockpiles[decision.id]
    if decision.forced_in:
        min_stock = stockpile.min_stock.copy()
        min_stock[-1] = max(min_stock[-1], decision.held_lots)
        stockpile = replace(stockpile, min_stock=min_stock)
    else:
        stockpile = replace(stockpile, max_purchase=np.zeros_like(stockpile.max_purchase))
    return replace(instance, stockpiles={**instance.stockpiles, decision.id: stockpile})


def find_forced_conflict(instance: Instance, decision: ForcedDecision) -> tuple[BindingRule, ...]:
    """Find a minimal set of rules that no plan with the forced decision satisfies together.

    The rows that force the decision are not in the set. Raises SolverError if the program is
    infeasible even without any rule.
    """
    compiled = compile_first_stage(forced_instance(instance, decision))
    rows = [
        row
        for row in rule_rows(compiled)
        if not _is_forcing_row(decision, row[1], row[2], instance)
    ]
    rules = group_rows_by_rule(instance, rows)
    conflicting_keys = find_conflicting_groups(
        compiled.program, {key: rule.row_indices for key, rule in rules.items()}
    )
    return tuple(build_binding_rule(instance, key, rules[key].index) for key in conflicting_keys)


def _is_forcing_row(decision: ForcedDecision, name: str, index: Any, instance: Instance) -> bool:
    """Return whether a row exists, or has its right-hand side, only because of the forced
    decision."""
    if decision.kind == "project":
        return (
            name == ("must_build" if decision.forced_in else "must_not_build")
            and index == decision.id
        )
    if decision.forced_in:
        return name == "days_of_demand" and index == (decision.id, instance.years[-1])
    return name == "purchase_limit" and index[0] == decision.id


def forced_holding(instance: Instance, h: str, days: float) -> tuple[float, float]:
    """Return the stock, in lots, that a stockpile must hold at the end of the last year when more
    is forced in, and by how many days of need it exceeds the stock without purchases.

    The increase covers ``days`` of need, or less if storage or purchase limits do not allow that.
    """
    stockpile = instance.stockpiles[h]
    present_stock = float(planned_stock(instance, Commitment(), h)[-1])
    daily_need = float(stockpile.served_need[-1]) * instance.periods_per_year / 365
    room = (_max_stock(instance, h) - present_stock) * (1 - ROOM_MARGIN)
    added_lots = min(days * daily_need, room)
    if daily_need <= 0 or added_lots <= 1e-9 * daily_need:
        return present_stock, 0.0
    return present_stock + added_lots, added_lots / daily_need


def _max_stock(instance: Instance, h: str) -> float:
    """Return the largest stock, in lots, that a stockpile can hold at the end of the last year."""
    stockpile, n = instance.stockpiles[h], instance.periods_per_year
    stock = stockpile.initial_lots
    retention_sum = math.fsum(stockpile.retention**k for k in range(n))
    for limit in stockpile.max_purchase:
        remaining_stock = stock * stockpile.retention**n
        # All purchases of a year are equal, so that room is scarcest at its end.
        bought_lots = max(
            0.0, min(float(limit), (stockpile.max_stock - remaining_stock) * n / retention_sum)
        )
        stock = remaining_stock + bought_lots / n * retention_sum
    return stock


@dataclass(eq=False)
class QuerySolver:
    """Solver of queries, one after the other, each as accurately as its answer requires."""

    context: ExplanationContext
    session: Session

    def __post_init__(self) -> None:
        self._problem = self.context.problem.with_recourse(self.session.threads)

    def __call__(self, query: Query) -> RepliesByStep:
        """Solve a query; return the replies by step (a forced decision has one reply, at step 0).

        Raises KeyboardInterrupt if the user stopped a search, and SolverError if the solver fails
        or its answer fails the check.
        """
        context = self.context
        if isinstance(query, ForcedDecision):
            reply = self._solve(
                self._problem.with_instances_changed(partial(forced_instance, decision=query))
            )
            if reply.status == "infeasible":
                reply = replace(reply, conflict=self._find_conflict(query))
            return {0.0: reply}
        replies: RepliesByStep = {}
        tolerance = 2 * max(context.gap, 1e-6) * max(abs(context.best_objective), 1e-6)
        for step in sorted(query.steps, reverse=True):
            changed_scenario = context.reading.with_settings(
                [f"{query.path}={float(query.current_value + step)!r}"]
            )
            instance = read_instance(changed_scenario.case)
            replies[step] = reply = self._solve(replace(self._problem, instance=instance))
            if reply.bound is not None and context.best_objective - reply.bound <= tolerance:
                break  # a smaller step cannot gain more
        return replies

    def _find_conflict(self, decision: ForcedDecision) -> tuple[BindingRule, ...]:
        """Return rules that conflict under a single assumption set; empty if there are none."""
        for set_problem in self._problem.single_set_problems:
            with suppress(SolverError):
                return find_forced_conflict(set_problem.instance, decision)
        return ()

    def _solve(self, problem: Problem) -> QueryReply:
        """Solve a problem as accurately as its difference from the plan must be known."""
        answer = self.session.search(problem, compared_objective=self.context.best_objective)
        if answer.interrupted:
            raise KeyboardInterrupt
        if answer.is_infeasible:
            return QueryReply("infeasible", answer.seconds)
        try:
            certified_plan = answer.certify(damage_only=True)
        except NoPlan:
            return QueryReply("none", answer.seconds, bound=answer.bound)
        is_optimal = answer.result.solution.ending == "optimal"
        return QueryReply(
            "optimal" if is_optimal else certified_plan.certificate.status,
            answer.seconds,
            certified_plan.objective,
            certified_plan.certificate.bound,
            certified_plan.commitment,
            certified_plan.with_plan.expected,
            certified_plan.expected_by_set,
        )
