"""One question after the other: what everybody does at one share, and how the company fares."""

import time
from dataclasses import dataclass
from typing import Literal

from models.results import Standing
from optimizer.analyses.participation.company import Desk
from optimizer.analyses.series import Series
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, net_cost_by_funder, weighed_cost
from optimizer.model.instance import Instance, Stake, seen_from
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool

Way = Literal["free", "reoptimize", "held", "alone"]
Status = Literal["optimal", "limit", "infeasible", "none"]


@dataclass(frozen=True)
class Ask:
    """A share, and what the others do; ``public`` is the share of public funders, None where free.

    With a ``lean`` other than 0 so much of the company's own total is added to what all are after:
    above 0 it looks for what is good for the company, below for what is ill.
    """

    way: Way
    share: float | None = None
    public: float | None = None
    lean: float = 0.0


@dataclass(frozen=True, eq=False)
class Reply:
    """The plan that was found, if any, and what is proven."""

    ask: Ask
    status: Status
    seconds: float
    interrupted: bool = False
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    """Of the plan, by what was asked."""
    plain: float | None = None
    """Of the plan, without any lean."""
    gap: float | None = None
    standing: Standing | None = None
    damage: float | None = None
    """Mean, of all consumers."""

    @property
    def share(self) -> float:
        """The share that was asked for."""
        return self.ask.share or 0.0


@dataclass(eq=False)
class Clerk:
    """Answers one question after the other."""

    desk: Desk
    series: Series

    def __call__(self, ask: Ask) -> Reply:
        """What everybody does, and how the company fares.

        Raises SolverError if the solver fails, or its answer fails the check.
        """
        began = time.perf_counter()
        desk, instance = self.desk, seen(self.desk, ask)
        solved = self.series.search(instance)
        solution = solved.solution

        def nothing(status: Status) -> Reply:
            known = None if status == "infeasible" or solution.interrupted else solution.bound
            return Reply(ask, status, time.perf_counter() - began, solution.interrupted, known)

        if solution.ending == "infeasible":
            return nothing("infeasible")
        try:
            found = self.series.judge(instance, solved, began, desk.consumers)
        except (NoPlan, Interrupted):
            return nothing("none")
        proof, plan = found.certificate, found.commitment
        plain = desk.instance if ask.way in ("free", "reoptimize") else desk.selfish
        return Reply(
            ask,
            proof.status,
            time.perf_counter() - began,
            solution.interrupted,
            proof.bound,
            plan,
            proof.objective,
            outcomes.objective(plain, found.with_plan, weighed_cost(plain, plan)),
            proof.gap,
            standing(desk, instance, found.with_plan, plan),
            found.with_plan.expected,
        )


def clerk(desk: Desk, gap: float, pool: CutPool, time_limit: float | None) -> Clerk:
    """One with a single thread, as a worker needs it."""
    return Clerk(desk, Series(desk.instance, desk.states, gap, pool.sent(), time_limit))


def seen(desk: Desk, ask: Ask) -> Instance:
    """The problem that a question asks for."""
    stakes = [
        Stake(desk.projects, funders, share)
        for funders, share in (
            ((desk.company,), ask.share),
            (desk.instance.public_funders, ask.public),
        )
        if share is not None
    ]
    if ask.way in ("alone", "held"):
        case, own = desk.selfish.case, desk.consumers
        return seen_from(
            desk.selfish,
            counts={u: float(u in own) for u in case.consumers},
            cost_counts={f: float(f == desk.company) for f in case.funders},
            idle=[f for f in case.funders if f != desk.company] if ask.way == "alone" else (),
            stakes=stakes,
            held=desk.held if ask.way == "held" else None,
        )
    objective = desk.instance.case.objective
    counts, cost = {}, {}
    if ask.lean:
        mean = 1.0 - float(objective.cvar.weight)
        counts = dict.fromkeys(desk.consumers, 1.0 + ask.lean / mean)
        cost = {desk.company: float(objective.cost_weight) + ask.lean}
    return seen_from(desk.instance, counts=counts, cost_counts=cost, stakes=stakes)


def standing(
    desk: Desk, instance: Instance, evaluation: outcomes.Evaluation, commitment: Commitment
) -> Standing:
    """How the company fares; ``evaluation`` knows the damage of its consumers by state."""
    level = float(instance.case.objective.cvar.level)
    own = evaluation.of_some
    expected = float(evaluation.probability @ own)
    cost = net_cost_by_funder(instance, commitment)[desk.company]
    return Standing(
        expected=expected,
        cvar=outcomes.mean_of_worst(evaluation.probability, own, level),
        net_cost_meur=cost,
        total=expected + cost,
    )
