"""What the answer loses: the redacted scenario's plan, followed in the true scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.results import Plan, RedactionLoss
from models.scenario.case import Case
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.redaction.candidates import Published
from optimizer.errors import CheckFailed, Infeasible, NoPlan
from optimizer.model.commitment import Commitment, planned_stock, weighed_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.planner import Problem, find
from optimizer.solve.verification import check_commitment

NOTED = 0.01
"""Stocks that differ by a smaller share are called the same."""
LEAST_T = 0.01
"""And those that differ by fewer tonnes."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The plans of the true and of the redacted scenario."""

    true: Found
    redacted: Found
    redacted_plan: Plan
    """The document that may be published: made from the redacted scenario alone."""


def answer(
    true: Case, redacted: Case, options: SolveOptions, title: str
) -> Answers | Infeasible | NoPlan:
    """Solve both, each by itself, so that nothing of the one gets into the other.

    An answer for the true scenario that there is not is raised; one for the redacted is returned.

    Raises
    ------
    Infeasible, NoPlan
        If the true scenario has no plan.
    """
    found = _find(true, options)
    try:
        other = _find(redacted, options)
    except (Infeasible, NoPlan) as error:
        return error
    return Answers(found, other, other.plan(title))


def _find(case: Case, options: SolveOptions) -> Found:
    return find(
        Problem.of(case),
        gap=options.gap,
        time_limit=options.time_limit,
        threads=options.threads,
        on_progress=options.on_progress,
    )


def loss(answers: Answers, options: SolveOptions) -> RedactionLoss:
    """What following the redacted scenario's plan costs in the true scenario."""
    true, redacted = answers.true, answers.redacted
    instance = true.instance
    followed = Published(answers.redacted_plan).commitment(instance)
    broken = _broken(instance, followed)
    (with_plan,) = outcomes.evaluate(instance, true.states, [followed], threads=options.threads)
    reached = outcomes.objective(instance, with_plan, weighed_cost(instance, followed))
    nothing = outcomes.objective(instance, true.without_plan, weighed_cost(instance, Commitment()))
    same = _same_projects(instance.case, followed, options) if broken else None
    attained = same.objective if same is not None else None if broken else reached
    regret = None if attained is None else attained - true.objective
    bound, gained = true.certificate.bound, nothing - true.objective
    started, before = followed.start, true.commitment.start
    return RedactionLoss(
        objective=true.objective,
        bound=bound,
        redacted_gap=redacted.certificate.gap,
        without_plan=nothing,
        feasible=not broken,
        broken=broken,
        attained=None if broken else reached,
        same_projects=None if same is None else same.objective,
        regret=regret,
        regret_at_most=None if attained is None or bound is None else attained - bound,
        benefit_lost=None if regret is None or gained <= 0 else regret / gained,
        expected=true.with_plan.expected,
        expected_attained=with_plan.expected if same is None else same.with_plan.expected,
        expected_said=redacted.with_plan.expected,
        entering=tuple(p for p in started if p not in before),
        leaving=tuple(p for p in before if p not in started),
        moved={p: (y, started[p]) for p, y in before.items() if started.get(p, y) != y},
        stocks_t=_stocks(instance, true.commitment, followed),
    )


def _broken(instance: Instance, commitment: Commitment) -> tuple[str, ...]:
    """The rules that a commitment breaks."""
    try:
        check_commitment(instance, commitment)
    except CheckFailed as error:
        return tuple(str(error).removeprefix("the solver's answer breaks ").split("; "))
    return ()


def _same_projects(case: Case, followed: Commitment, options: SolveOptions) -> Found | None:
    """The best plan with just these projects in these years; None where there is none."""
    start = followed.start
    projects = {
        p: x.model_copy(update={"earliest_start": start[p], "latest_start": start[p]})
        if p in start
        else x
        for p, x in case.projects.items()
    }
    policy = case.policy.model_copy(
        update={
            "must_build": tuple(start),
            "must_not_build": tuple(p for p in projects if p not in start),
        }
    )
    try:
        return _find(case.model_copy(update={"projects": projects, "policy": policy}), options)
    except (Infeasible, NoPlan):
        return None


def _stocks(
    instance: Instance, before: Commitment, after: Commitment
) -> dict[str, tuple[float, float]]:
    """Tonnes that stockpiles hold at most, where they differ."""
    found = {}
    for h, pile in instance.stockpiles.items():
        lot = instance.lot_t[pile.material]
        one, other = (
            float(np.max(planned_stock(instance, plan, h))) * lot for plan in (before, after)
        )
        if abs(one - other) > NOTED * max(one, other) + LEAST_T:
            found[h] = (one, other)
    return found
