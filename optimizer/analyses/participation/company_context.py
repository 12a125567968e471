"""A company, what it may take a share of and how much of it, and the problem it is part of."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from models.files import LoadedScenario
from optimizer.analyses.participation.options import Allocation
from optimizer.analyses.problem_series import fix_decisions
from optimizer.model import highs
from optimizer.model.commitment import Commitment, weighted_branches
from optimizer.model.formulation import build_max_stake, read_commitment
from optimizer.model.instance import FixedDecisions, Instance, Stake, read_instance
from optimizer.model.states import State
from optimizer.solve.problem import read_instance_and_states

SHARE_TOLERANCE = 1e-7
"""Shares that differ by less are the same."""
LIMIT_MARGIN = 1e-6
"""A limit is given so far inside, relatively: the solver's tolerances reach beyond it. One that is
so near to a round figure is that figure: what a file says is round."""
ROUNDING_TOLERANCE = 2e-5
"""So may be one that exceeds it by less: what others stick to leaves a trace more open."""


@dataclass(frozen=True, eq=False)
class CompanyContext:
    """What a company's question needs to be answered."""

    company: str
    consumers: tuple[str, ...]
    projects: tuple[str, ...]
    """Of which it takes a share, together."""
    is_portfolio: bool
    """Whether these are all projects, of which it takes a share of what is built."""
    instance: Instance
    """With the scenario's own objective."""
    company_instance: Instance
    """With damage and cost alike, and no weight on the tail."""
    states: tuple[State, ...]
    free_plan: Commitment | None = None
    """The scenario's own plan, in which the company's share is free."""
    decisions_of_others: FixedDecisions = field(default_factory=FixedDecisions)
    """What everybody else settles in it."""

    @property
    def is_entitled(self) -> bool:
        """Whether the company's damage can be told from that of others."""
        return self.instance.case.objective.allocation == "entitled"

    def builds_project(self, plan: Commitment | None) -> bool:
        """Whether a plan builds the project in question, or any."""
        return plan is not None and any(p in plan.earliest_starts for p in self.projects)

    def carried_shares(
        self, plan: Commitment, funders: tuple[str, ...]
    ) -> Iterator[tuple[str, float]]:
        """The shares of capex that funders carry of those projects that are built; on a path by
        the chance of that."""
        for chance, _, own in weighted_branches(self.instance, plan):
            built = {p for p in self.projects if p in own.start}
            for (p, f, i), share in own.share.items():
                if (
                    p in built
                    and f in funders
                    and self.instance.instrument_by_key[f, i].carries_capex
                ):
                    yield p, chance * share

    def share_in_plan(self, plan: Commitment, funders: tuple[str, ...]) -> float | None:
        """What funders carry of the capex of those projects that are built; None where none is,
        or none has any."""
        capex = {
            p: self.instance.projects[p].capex if self.is_portfolio else 1.0 for p in self.projects
        }
        ways = weighted_branches(self.instance, plan)
        started = math.fsum(c * capex[p] for c, _, own in ways for p in own.start if p in capex)
        carried = math.fsum(capex[p] * share for p, share in self.carried_shares(plan, funders))
        return carried / started if started > 0 else None

    def find_max_share(self, instance: Instance, funders: tuple[str, ...]) -> float | None:
        """The largest share that funders can carry by the rules of the first stage alone; None if
        none of the projects can be built.

        Of several projects it is a ratio, of what they carry to what all do: the plan that carries
        most above a share gives a better share, until none is better (Dinkelbach 1967). With a
        review it is that of the path on which it is largest.
        """
        if instance.branches:
            several = range(len(instance.branches))
            most = [self.find_max_share(instance.on_branch(g), funders) for g in several]
            return max((own for own in most if own is not None), default=None)
        share = 0.0
        for _ in range(50):
            model = build_max_stake(instance, Stake(self.projects, funders, share))
            compiled = highs.compile_model(model)
            solution = highs.solve(compiled.program, gap=0.0)
            if solution.values is None:
                return None
            compiled.load_solution(solution.values)
            better = self.share_in_plan(read_commitment(instance, model), funders)
            if better is None or better <= share + SHARE_TOLERANCE:
                break
            share = better
        figure = round(share, 4)
        is_round = -LIMIT_MARGIN < share - figure < ROUNDING_TOLERANCE
        return figure if is_round else share * (1.0 - LIMIT_MARGIN)


def read_company_context(
    reading: LoadedScenario, company: str, project: str | None, allocation: Allocation
) -> CompanyContext:
    """The question of a company.

    Raises ScenarioError if the scenario does not allow what it needs, such as damage in money.
    """
    settings = ["objective.measure=damage", f"objective.allocation={allocation}"]
    case = reading.with_settings(settings).case
    alike = reading.with_settings(
        [*settings, "objective.cost_weight=1", "objective.cvar.weight=0"]
    ).case
    instance, states = read_instance_and_states(case)
    return CompanyContext(
        company,
        tuple(u for u, consumer in case.consumers.items() if consumer.company == company),
        tuple(case.projects) if project is None else (project,),
        project is None,
        instance,
        replace(read_instance(alike), branches=instance.branches),
        states,
    )


def fix_decisions_of_others(context: CompanyContext, plan: Commitment) -> FixedDecisions:
    """What everybody but the company settles in a plan.

    They carry their shares in what is built. A project goes on without the company where the
    market can carry its share, and so can what it requires; others are for the company to save or
    to let go.
    """
    others = frozenset(context.instance.case.funders) - {context.company}
    return fix_decisions(context.instance, plan, others, partial(_continuing_starts, context))


def _continuing_starts(context: CompanyContext, plan: Commitment) -> dict[str, int]:
    """Start years of projects that go on without the company."""
    projects = context.instance.case.projects
    going_on = {p: year for p, year in plan.start.items() if _can_continue(context, plan, p)}
    while lost := [p for p in going_on if any(q not in going_on for q in projects[p].requires)]:
        for p in lost:
            del going_on[p]
    return going_on


def _can_continue(context: CompanyContext, plan: Commitment, p: str) -> bool:
    """Whether a project can be paid for without the company's shares, by the market."""
    if p in context.projects and not context.is_portfolio:
        return False
    cap, others = context.instance.projects[p].market_finance_max, 0.0
    for (q, f, i), share in plan.share.items():
        if q == p and f != context.company:
            instrument = context.instance.instrument_by_key[f, i]
            cap += instrument.market_finance_per_share * share
            others += share if instrument.carries_capex else 0.0
    return bool(np.round(1.0 - others - cap, 9) <= 0.0)
