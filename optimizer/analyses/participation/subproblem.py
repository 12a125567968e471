"""The problem at one share of a company, and the outcome for the company."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from models.files import LoadedScenario
from models.results import CompanyOutcome
from optimizer.analyses.analysis_options import Allocation
from optimizer.analyses.saved_plan import fix_decisions
from optimizer.errors import Interrupted, NoPlan
from optimizer.model import highs
from optimizer.model.commitment import (
    Commitment,
    net_cost_by_funder,
    weighted_branches,
    weighted_cost,
)
from optimizer.model.formulation import build_max_stake, read_commitment
from optimizer.model.instance import (
    FixedDecisions,
    Instance,
    Stake,
    change_perspective,
    read_instance,
)
from optimizer.model.states import State
from optimizer.solve import outcomes
from optimizer.solve.planner import Problem
from optimizer.solve.problem import read_instance_and_states
from optimizer.solve.session import Session

SHARE_TOLERANCE = 1e-7
"""Shares that differ by less are equal."""
LIMIT_MARGIN = 1e-6
"""Relative margin by which a limit is reduced, as the solver's tolerances may exceed it. A limit
that lies this close to a round figure is taken as that figure."""
ROUNDING_TOLERANCE = 2e-5
"""Excess over a round figure up to which a limit is rounded down; fixed decisions cause it."""


@dataclass(frozen=True, eq=False)
class CompanyContext:
    """Data of a participation analysis that all queries share."""

    company: str
    consumers: tuple[str, ...]
    projects: tuple[str, ...]
    """The projects in which the company takes a share."""
    is_portfolio: bool
    """Whether the share is one of all projects that are built."""
    instance: Instance
    """Instance with the scenario's objective."""
    company_instance: Instance
    """Instance with equal weights of damage and cost, and without CVaR."""
    states: tuple[State, ...]
    free_plan: Commitment | None = None
    """The scenario's optimal plan, in which the company's share is free."""
    decisions_of_others: FixedDecisions = field(default_factory=FixedDecisions)
    """Decisions of all others in that plan."""

    @property
    def is_entitled(self) -> bool:
        """Whether supply is allocated by entitlement, so that damage can be attributed to the
        company."""
        return self.instance.case.objective.allocation == "entitled"

    def builds_project(self, plan: Commitment | None) -> bool:
        """Return whether a plan builds any of the projects in question; False without a plan."""
        return plan is not None and any(p in plan.earliest_starts for p in self.projects)

    def carried_shares(
        self, plan: Commitment, funders: tuple[str, ...]
    ) -> Iterator[tuple[str, float]]:
        """Yield the shares of capex that these funders carry in projects that are built.

        Each is a pair of project id and share. With a review, shares are multiplied by the
        probability of the branch.
        """
        for probability, _, decisions in weighted_branches(self.instance, plan):
            built_projects = {p for p in self.projects if p in decisions.start}
            for (p, f, i), share in decisions.share.items():
                if (
                    p in built_projects
                    and f in funders
                    and self.instance.instrument_by_key[f, i].carries_capex
                ):
                    yield p, probability * share

    def share_in_plan(self, plan: Commitment, funders: tuple[str, ...]) -> float | None:
        """Return the share of the built projects' capex that these funders carry.

        Return None if no project is built, or if the projects have no capex.
        """
        capex = {
            p: self.instance.projects[p].capex if self.is_portfolio else 1.0 for p in self.projects
        }
        branches = weighted_branches(self.instance, plan)
        started_capex = math.fsum(
            probability * capex[p]
            for probability, _, decisions in branches
            for p in decisions.start
            if p in capex
        )
        carried = math.fsum(capex[p] * share for p, share in self.carried_shares(plan, funders))
        return carried / started_capex if started_capex > 0 else None

    def find_max_share(self, instance: Instance, funders: tuple[str, ...]) -> float | None:
        """Find the largest share that the first-stage rules allow these funders; None if no project
        can be built.

        For several projects the share is a ratio of linear functions, which is maximized by the
        method of Dinkelbach (1967). With a review the result is the largest share in any branch.
        """
        if instance.branches:
            branch_indices = range(len(instance.branches))
            branch_shares = [
                self.find_max_share(instance.on_branch(g), funders) for g in branch_indices
            ]
            return max(
                (branch_share for branch_share in branch_shares if branch_share is not None),
                default=None,
            )
        share = 0.0
        for _ in range(50):
            model = build_max_stake(instance, Stake(self.projects, funders, share))
            compiled = highs.compile_model(model)
            solution = highs.solve(compiled.program, gap=0.0)
            if solution.values is None:
                return None
            compiled.load_solution(solution.values)
            next_share = self.share_in_plan(read_commitment(instance, model), funders)
            if next_share is None or next_share <= share + SHARE_TOLERANCE:
                break
            share = next_share
        rounded = round(share, 4)
        is_round = -LIMIT_MARGIN < share - rounded < ROUNDING_TOLERANCE
        return rounded if is_round else share * (1.0 - LIMIT_MARGIN)


def read_company_context(
    loaded_scenario: LoadedScenario, company: str, project: str | None, allocation: Allocation
) -> CompanyContext:
    """Read the context of a participation analysis from a scenario.

    Raises ScenarioError if the scenario does not allow what the analysis requires, for example
    damage in money.
    """
    settings = ["objective.measure=damage", f"objective.allocation={allocation}"]
    case = loaded_scenario.with_settings(settings).case
    risk_neutral_case = loaded_scenario.with_settings(
        [*settings, "objective.cost_weight=1", "objective.cvar.weight=0"]
    ).case
    instance, states = read_instance_and_states(case)
    return CompanyContext(
        company,
        tuple(u for u, consumer in case.consumers.items() if consumer.company == company),
        tuple(case.projects) if project is None else (project,),
        project is None,
        instance,
        replace(read_instance(risk_neutral_case), branches=instance.branches),
        states,
    )


def fix_decisions_of_others(context: CompanyContext, plan: Commitment) -> FixedDecisions:
    """Return the decisions of a plan that all funders except the company keep.

    A project continues without the company if it is not under study (except in a portfolio
    analysis), the market can finance the company's share, and all projects that it requires
    continue. The start of any other project is left to the company.
    """
    other_funders = frozenset(context.instance.case.funders) - {context.company}
    return fix_decisions(
        context.instance, plan, other_funders, partial(_continuing_starts, context)
    )


def _continuing_starts(context: CompanyContext, plan: Commitment) -> dict[str, int]:
    """Return the start years of the projects that continue without the company, by project id."""
    projects = context.instance.case.projects
    starts = {p: year for p, year in plan.start.items() if _can_continue(context, plan, p)}
    while dropped_projects := [
        p for p in starts if any(q not in starts for q in projects[p].requires)
    ]:
        for p in dropped_projects:
            del starts[p]
    return starts


def _can_continue(context: CompanyContext, plan: Commitment, p: str) -> bool:
    """Return whether the market can carry the company's shares in a project in its place."""
    if p in context.projects and not context.is_portfolio:
        return False
    market_limit, carried = context.instance.projects[p].market_finance_max, 0.0
    for (q, f, i), share in plan.share.items():
        if q == p and f != context.company:
            instrument = context.instance.instrument_by_key[f, i]
            market_limit += instrument.market_finance_per_share * share
            carried += share if instrument.carries_capex else 0.0
    return bool(np.round(1.0 - carried - market_limit, 9) <= 0.0)


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
