"""The problem with one decision forced or one limit loosened."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from models.files import LoadedScenario
from models.results import BindingRule
from optimizer.analyses.explanation.active_constraints import build_binding_rule, group_rows_by_rule
from optimizer.errors import NoPlan, SolverError
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.conflicts import compile_first_stage, find_conflicting_groups, rule_rows
from optimizer.solve.problem import Problem
from optimizer.solve.session import Session

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
