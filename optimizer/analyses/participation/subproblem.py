"""One question after the other: what everybody does at one share, and how the company fares."""

import time
from dataclasses import dataclass
from typing import Literal

from models.results import CompanyOutcome
from optimizer.analyses.participation.company_context import CompanyContext
from optimizer.analyses.problem_series import ProblemSeries
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, net_cost_by_funder, weighted_cost
from optimizer.model.instance import Instance, Stake, change_perspective
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool

OthersMode = Literal["free", "reoptimize", "held", "alone"]
Status = Literal["optimal", "limit", "infeasible", "none"]


@dataclass(frozen=True)
class ShareQuery:
    """A share, and what the others do; ``public`` is the share of public funders, None where free.

    With a ``lean`` other than 0 so much of the company's own total is added to what all are after:
    above 0 it looks for what is good for the company, below for what is ill.
    """

    others_mode: OthersMode
    share: float | None = None
    public_share: float | None = None
    company_weight: float = 0.0


@dataclass(frozen=True, eq=False)
class ShareReply:
    """The plan that was found, if any, and what is proven."""

    query: ShareQuery
    status: Status
    seconds: float
    interrupted: bool = False
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    """Of the plan, by what was asked."""
    unweighted_objective: float | None = None
    """Of the plan, without any lean."""
    gap: float | None = None
    standing: CompanyOutcome | None = None
    damage: float | None = None
    """Mean, of all consumers."""

    @property
    def share(self) -> float:
        """The share that was asked for."""
        return self.query.share or 0.0


@dataclass(eq=False)
class ShareSolver:
    """Answers one question after the other."""

    context: CompanyContext
    series: ProblemSeries

    def __call__(self, query: ShareQuery) -> ShareReply:
        """What everybody does, and how the company fares.

        Raises SolverError if the solver fails, or its answer fails the check.
        """
        began = time.perf_counter()
        desk, instance = self.context, build_instance(self.context, query)
        solved = self.series.search(instance)
        solution = solved.solution

        def nothing(status: Status) -> ShareReply:
            known = None if status == "infeasible" or solution.interrupted else solution.bound
            return ShareReply(
                query, status, time.perf_counter() - began, solution.interrupted, known
            )

        if solution.ending == "infeasible":
            return nothing("infeasible")
        try:
            found = self.series.certify(instance, solved, began, desk.consumers)
        except (NoPlan, Interrupted):
            return nothing("none")
        proof, plan = found.certificate, found.commitment
        plain = (
            desk.instance if query.others_mode in ("free", "reoptimize") else desk.company_instance
        )
        return ShareReply(
            query,
            proof.status,
            time.perf_counter() - began,
            solution.interrupted,
            proof.bound,
            plan,
            proof.objective,
            outcomes.objective_value(plain, found.with_plan, weighted_cost(plain, plan)),
            proof.gap,
            compute_standing(desk, instance, found.with_plan, plan),
            found.with_plan.expected,
        )


def create_solver(
    context: CompanyContext, gap: float, pool: CutPool, time_limit: float | None
) -> ShareSolver:
    """One with a single thread, as a worker needs it."""
    return ShareSolver(
        context,
        ProblemSeries(context.instance, context.states, gap, pool.copy_for_process(), time_limit),
    )


def build_instance(context: CompanyContext, query: ShareQuery) -> Instance:
    """The problem that a question asks for."""
    stakes = [
        Stake(context.projects, funders, share)
        for funders, share in (
            ((context.company,), query.share),
            (context.instance.public_funders, query.public_share),
        )
        if share is not None
    ]
    if query.others_mode in ("alone", "held"):
        case, own = context.company_instance.case, context.consumers
        return change_perspective(
            context.company_instance,
            damage_weights={u: float(u in own) for u in case.consumers},
            cost_weights={f: float(f == context.company) for f in case.funders},
            inactive_funders=[f for f in case.funders if f != context.company]
            if query.others_mode == "alone"
            else (),
            stakes=stakes,
            fixed_decisions=context.decisions_of_others if query.others_mode == "held" else None,
        )
    objective = context.instance.case.objective
    counts, cost = {}, {}
    if query.company_weight:
        mean = 1.0 - float(objective.cvar.weight)
        counts = dict.fromkeys(context.consumers, 1.0 + query.company_weight / mean)
        cost = {context.company: float(objective.cost_weight) + query.company_weight}
    return change_perspective(
        context.instance, damage_weights=counts, cost_weights=cost, stakes=stakes
    )


def compute_standing(
    context: CompanyContext,
    instance: Instance,
    evaluation: outcomes.PlanEvaluation,
    commitment: Commitment,
) -> CompanyOutcome:
    """How the company fares; ``evaluation`` knows the damage of its consumers by state."""
    level = float(instance.case.objective.cvar.level)
    own = evaluation.selected_consumer_damage
    expected = float(evaluation.probability @ own)
    cost = net_cost_by_funder(instance, commitment)[context.company]
    return CompanyOutcome(
        expected=expected,
        cvar=outcomes.tail_mean(evaluation.probability, own, level),
        net_cost_meur=cost,
        total=expected + cost,
    )
