"""The problem at one share of a company, and the outcome for the company."""

from dataclasses import dataclass, replace
from typing import Literal

from models.results import CompanyOutcome
from optimizer.analyses.participation.company_context import CompanyContext
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, net_cost_by_funder, weighted_cost
from optimizer.model.instance import Instance, Stake, change_perspective
from optimizer.solve import outcomes
from optimizer.solve.planner import Problem
from optimizer.solve.session import Session

OthersMode = Literal["free", "reoptimize", "held", "alone"]
Status = Literal["optimal", "limit", "infeasible", "none"]


@dataclass(frozen=True)
class ShareQuery:
    """A request to solve for the best plan at one share of the company.

    ``public_share`` is the share of public funders; None if it is free. ``company_weight`` times
    the company's total (damage plus net cost) is added to the objective: a positive weight favors
    the company, a negative one is against it.
    """

    others_mode: OthersMode
    share: float | None = None
    public_share: float | None = None
    company_weight: float = 0.0


@dataclass(frozen=True, eq=False)
class ShareReply:
    """The reply to a query: the plan, if there is one, and its bound."""

    query: ShareQuery
    status: Status
    seconds: float
    interrupted: bool = False
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    """Objective of the query at the plan."""
    unweighted_objective: float | None = None
    """Objective at the plan without the company weight."""
    gap: float | None = None
    standing: CompanyOutcome | None = None
    damage: float | None = None
    """Mean damage of all consumers."""

    @property
    def share(self) -> float:
        """The share of the company in the query; 0 if it is free."""
        return self.query.share or 0.0


@dataclass(eq=False)
class ShareSolver:
    """Solver of queries on shares, one after the other."""

    context: CompanyContext
    session: Session

    def __post_init__(self) -> None:
        base_problem = Problem(self.context.instance, self.context.states, 0.0)
        self._base_problem = base_problem.with_recourse(self.session.threads)

    def __call__(self, query: ShareQuery) -> ShareReply:
        """Solve a query.

        Raises SolverError if the solver fails, or its answer fails the check.
        """
        context, instance = self.context, build_instance(self.context, query)
        answer = self.session.search(replace(self._base_problem, instance=instance))
        if answer.is_infeasible:
            return ShareReply(query, "infeasible", answer.seconds, answer.interrupted)
        try:
            certified_plan = answer.certify(consumers=context.consumers)
        except (NoPlan, Interrupted):
            bound = None if answer.interrupted else answer.bound
            return ShareReply(query, "none", answer.seconds, answer.interrupted, bound)
        proof, plan = certified_plan.certificate, certified_plan.commitment
        unweighted_instance = (
            context.instance
            if query.others_mode in ("free", "reoptimize")
            else context.company_instance
        )
        return ShareReply(
            query,
            proof.status,
            answer.seconds,
            answer.interrupted,
            proof.bound,
            plan,
            proof.objective,
            outcomes.objective_value(
                unweighted_instance,
                certified_plan.with_plan,
                weighted_cost(unweighted_instance, plan),
            ),
            proof.gap,
            compute_standing(context, instance, certified_plan.with_plan, plan),
            certified_plan.with_plan.expected,
        )


def build_instance(context: CompanyContext, query: ShareQuery) -> Instance:
    """Return the instance in which shares, decisions of others and objective are as in the
    query."""
    stakes = [
        Stake(context.projects, funders, share)
        for funders, share in (
            ((context.company,), query.share),
            (context.instance.public_funders, query.public_share),
        )
        if share is not None
    ]
    if query.others_mode in ("alone", "held"):
        case, consumers = context.company_instance.case, context.consumers
        return change_perspective(
            context.company_instance,
            damage_weights={u: float(u in consumers) for u in case.consumers},
            cost_weights={f: float(f == context.company) for f in case.funders},
            inactive_funders=[f for f in case.funders if f != context.company]
            if query.others_mode == "alone"
            else (),
            stakes=stakes,
            fixed_decisions=context.decisions_of_others if query.others_mode == "held" else None,
        )
    objective = context.instance.case.objective
    damage_weights, cost_weights = {}, {}
    if query.company_weight:
        mean_weight = 1.0 - float(objective.cvar.weight)
        damage_weights = dict.fromkeys(context.consumers, 1.0 + query.company_weight / mean_weight)
        cost_weights = {context.company: float(objective.cost_weight) + query.company_weight}
    return change_perspective(
        context.instance, damage_weights=damage_weights, cost_weights=cost_weights, stakes=stakes
    )


def compute_standing(
    context: CompanyContext,
    instance: Instance,
    evaluation: outcomes.PlanEvaluation,
    commitment: Commitment,
) -> CompanyOutcome:
    """Compute the company's outcome with a commitment: mean and CVaR of damage, net cost, and their
    total.

    ``evaluation`` has the damage of the company's consumers in each state.
    """
    level = float(instance.case.objective.cvar.level)
    damage = evaluation.selected_consumer_damage
    expected_damage = float(evaluation.probability @ damage)
    cost = net_cost_by_funder(instance, commitment)[context.company]
    return CompanyOutcome(
        expected=expected_damage,
        cvar=outcomes.tail_mean(evaluation.probability, damage, level),
        net_cost_meur=cost,
        total=expected_damage + cost,
    )
