"""One question after the other: what is lost, or gained, if one thing were otherwise."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from models.files import LoadedScenario
from models.results import BindingRule
from optimizer.analyses.explanation.active_constraints import build_binding_rule, group_rows_by_rule
from optimizer.analyses.problem_series import ProblemSeries
from optimizer.errors import NoPlan, SolverError
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.conflicts import compile_first_stage, find_conflicting_groups, rule_rows
from optimizer.solve.decomposition import CutPool
from optimizer.solve.problem import Problem

ItemKind = Literal["project", "stockpile"]

ROOM_MARGIN = 1e-9
"""Share by which a stock is asked for less than there is room for."""


@dataclass(frozen=True)
class ForcedDecision:
    """A decision that is forced: a project in or out, a stock held or not bought."""

    kind: ItemKind
    id: str
    forced_in: bool
    """Into the plan, or out of it."""
    held_lots: float = 0.0
    """Lots that a stockpile is to hold at the end of the last year, if it is forced in."""


@dataclass(frozen=True)
class LoosenedLimit:
    """A number of the scenario that is loosened, by each of some steps in its own unit."""

    path: str
    current_value: float
    steps: tuple[float, ...]


Query = ForcedDecision | LoosenedLimit


@dataclass(frozen=True, eq=False)
class ExplanationContext:
    """What questions are about."""

    problem: Problem
    """What is known of its sweeps stays in its process."""
    reading: LoadedScenario
    best_objective: float
    """The lowest objective that is known."""
    bound: float
    """No plan has a lower one."""
    gap: float

    @property
    def instance(self) -> Instance:
        """That of the problem."""
        return self.problem.instance


@dataclass(frozen=True, eq=False)
class QueryReply:
    """What was found for one problem."""

    status: Literal["optimal", "limit", "infeasible", "none"]
    seconds: float
    objective: float | None = None
    bound: float | None = None
    commitment: Commitment | None = None
    expected: float = 0.0
    expected_under: Mapping[str, float] = field(default_factory=dict)
    conflict: tuple[BindingRule, ...] = ()


RepliesByStep = dict[float, QueryReply]
"""Replies to a question by step; of a decision there is one, at 0."""


def forced_instance(instance: Instance, decision: ForcedDecision) -> Instance:
    """The problem in which a decision is made already."""
    if decision.kind == "project":
        policy = instance.case.policy
        field = "must_build" if decision.forced_in else "must_not_build"
        listed = (*getattr(policy, field), decision.id)
        policy = policy.model_copy(update={field: tuple(dict.fromkeys(listed))})
        return replace(instance, case=instance.case.model_copy(update={"policy": policy}))
    pile = instance.stockpiles[decision.id]
    if decision.forced_in:
        asked = pile.min_stock.copy()
        asked[-1] = max(asked[-1], decision.held_lots)
        pile = replace(pile, min_stock=asked)
    else:
        pile = replace(pile, max_purchase=np.zeros_like(pile.max_purchase))
    return replace(instance, stockpiles={**instance.stockpiles, decision.id: pile})


def find_forced_conflict(instance: Instance, decision: ForcedDecision) -> tuple[BindingRule, ...]:
    """Rules of which no plan keeps all where a decision is forced; the force itself is not named.

    Raises SolverError if the decision cannot be made whatever the rules.
    """
    compiled = compile_first_stage(forced_instance(instance, decision))
    rows = [
        row
        for row in rule_rows(compiled)
        if not _is_forcing_row(decision, row[1], row[2], instance)
    ]
    rules = group_rows_by_rule(instance, rows)
    found = find_conflicting_groups(
        compiled.program, {key: of.row_indices for key, of in rules.items()}
    )
    return tuple(build_binding_rule(instance, key, rules[key].index) for key in found)


def _is_forcing_row(decision: ForcedDecision, name: str, index: Any, instance: Instance) -> bool:
    """Whether a row is there, or as it is, by force."""
    if decision.kind == "project":
        return (
            name == ("must_build" if decision.forced_in else "must_not_build")
            and index == decision.id
        )
    if decision.forced_in:
        return name == "days_of_demand" and index == (decision.id, instance.years[-1])
    return name == "purchase_limit" and index[0] == decision.id


def forced_holding(instance: Instance, h: str, days: float) -> tuple[float, float]:
    """Lots to be held at the end of the last year, and the days of need that are bought of it:
    ``days`` beyond what lies there anyway, as far as there is room for it."""
    pile = instance.stockpiles[h]
    there = float(planned_stock(instance, Commitment(), h)[-1])
    a_day = float(pile.served_need[-1]) * instance.periods_per_year / 365
    room = (_max_stock(instance, h) - there) * (1 - ROOM_MARGIN)
    bought = min(days * a_day, room)
    if a_day <= 0 or bought <= 1e-9 * a_day:
        return there, 0.0
    return there + bought, bought / a_day


def _max_stock(instance: Instance, h: str) -> float:
    """Lots that a stockpile can hold at the end of the last year, by its room and its purchases."""
    pile, n = instance.stockpiles[h], instance.periods_per_year
    stock, kept = pile.initial_lots, math.fsum(pile.retention**k for k in range(n))
    for limit in pile.max_purchase:
        left = stock * pile.retention**n
        # Room is scarcest at the year's end, since each purchase adds as much as the last one.
        bought = max(0.0, min(float(limit), (pile.max_stock - left) * n / kept))
        stock = left + bought / n * kept
    return stock


@dataclass(eq=False)
class QuerySolver:
    """Answers one question after the other, each as closely as its answer needs."""

    context: ExplanationContext
    problem: Problem
    series: ProblemSeries

    def __call__(self, query: Query) -> RepliesByStep:
        """What is found.

        Raises KeyboardInterrupt if the user stopped a search, SolverError if the solver fails or
        its answer fails the check.
        """
        desk = self.context
        if isinstance(query, ForcedDecision):
            reply = self._solve(
                self.problem.with_instances_changed(partial(forced_instance, decision=query))
            )
            if reply.status == "infeasible":
                reply = replace(reply, conflict=self._find_conflict(query))
            return {0.0: reply}
        replies: RepliesByStep = {}
        noise = 2 * max(desk.gap, 1e-6) * max(abs(desk.best_objective), 1e-6)
        for step in sorted(query.steps, reverse=True):
            changed = desk.reading.with_settings(
                [f"{query.path}={float(query.current_value + step)!r}"]
            )
            instance = read_instance(changed.case)
            replies[step] = reply = self._solve(replace(self.problem, instance=instance))
            if reply.bound is not None and desk.best_objective - reply.bound <= noise:
                break  # What even more does not bring, less does not.
        return replies

    def _find_conflict(self, decision: ForcedDecision) -> tuple[BindingRule, ...]:
        """Rules of one set of assumptions of which no plan keeps all; none where it takes rules of
        several."""
        for own in self.problem.single_set_problems:
            with suppress(SolverError):
                return find_forced_conflict(own.instance, decision)
        return ()

    def _solve(self, problem: Problem) -> QueryReply:
        """The best of a problem, as closely as its difference from the plan has to be known."""
        began = time.perf_counter()
        solved = self.series.search(problem, reference_objective=self.context.best_objective)
        if solved.solution.interrupted:
            raise KeyboardInterrupt
        if solved.solution.ending == "infeasible":
            return QueryReply("infeasible", time.perf_counter() - began)
        try:
            found = self.series.certify(problem, solved, began, damage_only=True)
        except NoPlan:
            return QueryReply("none", time.perf_counter() - began, bound=solved.solution.bound)
        ended = "optimal" if solved.solution.ending == "optimal" else found.certificate.status
        return QueryReply(
            ended,
            time.perf_counter() - began,
            found.objective,
            found.certificate.bound,
            found.commitment,
            found.with_plan.expected,
            found.expected_by_set,
        )


def create_solver(
    context: ExplanationContext, pool: CutPool, time_limit: float | None
) -> QuerySolver:
    """One with a single thread, as a worker needs it."""
    problem = context.problem.with_recourse(1)
    series = ProblemSeries(
        context.instance, problem.states, context.gap, pool.copy_for_process(), time_limit
    )
    return QuerySolver(context, problem, series)
