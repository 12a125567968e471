"""One question after the other: what is lost, or gained, if one thing were otherwise."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from models.files import Reading
from models.results import BindingRule
from optimizer.analyses.explanation.active_constraints import by_rule, described
from optimizer.analyses.series import Series
from optimizer.errors import NoPlan, SolverError
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.conflicts import conflict_among, first_stage, rule_rows
from optimizer.solve.decomposition import CutPool
from optimizer.solve.problem import Problem

Kind = Literal["project", "stockpile"]

ROUNDING = 1e-9
"""Share by which a stock is asked for less than there is room for."""


@dataclass(frozen=True)
class Force:
    """A decision that is forced: a project in or out, a stock held or not bought."""

    kind: Kind
    id: str
    into: bool
    """Into the plan, or out of it."""
    hold: float = 0.0
    """Lots that a stockpile is to hold at the end of the last year, if it is forced in."""


@dataclass(frozen=True)
class Loosen:
    """A number of the scenario that is loosened, by each of some steps in its own unit."""

    path: str
    now: float
    steps: tuple[float, ...]


Ask = Force | Loosen


@dataclass(frozen=True, eq=False)
class Desk:
    """What questions are about."""

    problem: Problem
    """What is known of its sweeps stays in its process."""
    reading: Reading
    best: float
    """The lowest objective that is known."""
    bound: float
    """No plan has a lower one."""
    gap: float

    @property
    def instance(self) -> Instance:
        """That of the problem."""
        return self.problem.instance


@dataclass(frozen=True, eq=False)
class Reply:
    """What was found for one problem."""

    status: Literal["optimal", "limit", "infeasible", "none"]
    seconds: float
    objective: float | None = None
    bound: float | None = None
    commitment: Commitment | None = None
    expected: float = 0.0
    expected_under: Mapping[str, float] = field(default_factory=dict)
    conflict: tuple[BindingRule, ...] = ()


Answer = dict[float, Reply]
"""Replies to a question by step; of a decision there is one, at 0."""


def forced(instance: Instance, force: Force) -> Instance:
    """The problem in which a decision is made already."""
    if force.kind == "project":
        policy = instance.case.policy
        field = "must_build" if force.into else "must_not_build"
        listed = (*getattr(policy, field), force.id)
        policy = policy.model_copy(update={field: tuple(dict.fromkeys(listed))})
        return replace(instance, case=instance.case.model_copy(update={"policy": policy}))
    pile = instance.stockpiles[force.id]
    if force.into:
        asked = pile.min_stock.copy()
        asked[-1] = max(asked[-1], force.hold)
        pile = replace(pile, min_stock=asked)
    else:
        pile = replace(pile, max_purchase=np.zeros_like(pile.max_purchase))
    return replace(instance, stockpiles={**instance.stockpiles, force.id: pile})


def conflict(instance: Instance, force: Force) -> tuple[BindingRule, ...]:
    """Rules of which no plan keeps all where a decision is forced; the force itself is not named.

    Raises SolverError if the decision cannot be made whatever the rules.
    """
    compiled = first_stage(forced(instance, force))
    rows = [row for row in rule_rows(compiled) if not _is_of(force, row[1], row[2], instance)]
    rules = by_rule(instance, rows)
    found = conflict_among(compiled.program, {key: of.places for key, of in rules.items()})
    return tuple(described(instance, key, rules[key].index) for key in found)


def _is_of(force: Force, name: str, index: Any, instance: Instance) -> bool:
    """Whether a row is there, or as it is, by force."""
    if force.kind == "project":
        return name == ("must_build" if force.into else "must_not_build") and index == force.id
    if force.into:
        return name == "days_of_demand" and index == (force.id, instance.years[-1])
    return name == "purchase_limit" and index[0] == force.id


def holding(instance: Instance, h: str, days: float) -> tuple[float, float]:
    """Lots to be held at the end of the last year, and the days of need that are bought of it:
    ``days`` beyond what lies there anyway, as far as there is room for it."""
    pile = instance.stockpiles[h]
    there = float(planned_stock(instance, Commitment(), h)[-1])
    a_day = float(pile.served[-1]) * instance.per_year / 365
    room = (_most_stock(instance, h) - there) * (1 - ROUNDING)
    bought = min(days * a_day, room)
    if a_day <= 0 or bought <= 1e-9 * a_day:
        return there, 0.0
    return there + bought, bought / a_day


def _most_stock(instance: Instance, h: str) -> float:
    """Lots that a stockpile can hold at the end of the last year, by its room and its purchases."""
    pile, n = instance.stockpiles[h], instance.per_year
    stock, kept = pile.initial, math.fsum(pile.keeps**k for k in range(n))
    for limit in pile.max_purchase:
        left = stock * pile.keeps**n
        # Room is scarcest at the year's end, since each purchase adds as much as the last one.
        bought = max(0.0, min(float(limit), (pile.max_stock - left) * n / kept))
        stock = left + bought / n * kept
    return stock


@dataclass(eq=False)
class Clerk:
    """Answers one question after the other, each as closely as its answer needs."""

    desk: Desk
    problem: Problem
    series: Series

    def __call__(self, ask: Ask) -> Answer:
        """What is found.

        Raises KeyboardInterrupt if the user stopped a search, SolverError if the solver fails or
        its answer fails the check.
        """
        desk = self.desk
        if isinstance(ask, Force):
            reply = self._reply(self.problem.changed(partial(forced, force=ask)))
            if reply.status == "infeasible":
                reply = replace(reply, conflict=self._conflict(ask))
            return {0.0: reply}
        replies: Answer = {}
        noise = 2 * max(desk.gap, 1e-6) * max(abs(desk.best), 1e-6)
        for step in sorted(ask.steps, reverse=True):
            changed = desk.reading.changed([f"{ask.path}={float(ask.now + step)!r}"])
            instance = read_instance(changed.case)
            replies[step] = reply = self._reply(replace(self.problem, instance=instance))
            if reply.bound is not None and desk.best - reply.bound <= noise:
                break  # What even more does not bring, less does not.
        return replies

    def _conflict(self, force: Force) -> tuple[BindingRule, ...]:
        """Rules of one set of assumptions of which no plan keeps all; none where it takes rules of
        several."""
        for own in self.problem.parts:
            with suppress(SolverError):
                return conflict(own.instance, force)
        return ()

    def _reply(self, problem: Problem) -> Reply:
        """The best of a problem, as closely as its difference from the plan has to be known."""
        began = time.perf_counter()
        solved = self.series.search(problem, against=self.desk.best)
        if solved.solution.interrupted:
            raise KeyboardInterrupt
        if solved.solution.ending == "infeasible":
            return Reply("infeasible", time.perf_counter() - began)
        try:
            found = self.series.judge(problem, solved, began, brief=True)
        except NoPlan:
            return Reply("none", time.perf_counter() - began, bound=solved.solution.bound)
        ended = "optimal" if solved.solution.ending == "optimal" else found.certificate.status
        return Reply(
            ended,
            time.perf_counter() - began,
            found.objective,
            found.certificate.bound,
            found.commitment,
            found.with_plan.expected,
            found.expected_under,
        )


def clerk(desk: Desk, pool: CutPool, time_limit: float | None) -> Clerk:
    """One with a single thread, as a worker needs it."""
    problem = desk.problem.with_recourse(1)
    series = Series(desk.instance, problem.states, desk.gap, pool.sent(), time_limit)
    return Clerk(desk, problem, series)
