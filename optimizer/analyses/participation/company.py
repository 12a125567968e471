"""A company, what it may take a share of, and the problem it is part of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from models.files import Reading
from optimizer.analyses.participation.options import Allocation
from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON, Held, Instance, Stake, group_of, read_instance
from optimizer.model.states import State, read_states


@dataclass(frozen=True, eq=False)
class Desk:
    """What a company's question needs to be answered."""

    company: str
    consumers: tuple[str, ...]
    projects: tuple[str, ...]
    """Of which it takes a share, together."""
    whole: bool
    """Whether these are all projects, of which it takes a share of what is built."""
    instance: Instance
    """With the scenario's own objective."""
    selfish: Instance
    """With damage and cost alike, and no weight on the tail."""
    states: tuple[State, ...]
    free: Commitment | None = None
    """The scenario's own plan, in which the company's share is free."""
    held: Held = field(default_factory=Held)
    """What everybody else settles in it."""

    @property
    def entitled(self) -> bool:
        """Whether the company's damage can be told from that of others."""
        return self.instance.case.objective.allocation == "entitled"

    def stake(self, funders: tuple[str, ...], share: float) -> Stake:
        """A share of the projects in question."""
        return Stake(self.projects, funders, share)

    def builds(self, commitment: Commitment | None) -> bool:
        """Whether a plan builds the project in question, or any."""
        return commitment is not None and any(p in commitment.start for p in self.projects)

    def share_in(self, commitment: Commitment, funders: tuple[str, ...]) -> float | None:
        """What funders carry of the capex of those projects that are built; None where none is,
        or none has any."""
        carried = started = 0.0
        for p in self.projects:
            if p in commitment.start:
                capex = self.instance.projects[p].capex if self.whole else 1.0
                started += capex
                carried += capex * math.fsum(
                    share
                    for (q, f, i), share in commitment.share.items()
                    if q == p and f in funders and self.instance.instrument[f, i].carries_capex
                )
        return carried / started if started > 0 else None


def desk_of(reading: Reading, company: str, project: str | None, allocation: Allocation) -> Desk:
    """The question of a company.

    Raises
    ------
    ScenarioError
        If the scenario does not allow what the question needs, such as damage in money.
    """
    settings = ["objective.measure=damage", f"objective.allocation={allocation}"]
    case = reading.changed(settings).case
    alike = reading.changed([*settings, "objective.cost_weight=1", "objective.cvar.weight=0"]).case
    instance = read_instance(case)
    return Desk(
        company,
        tuple(u for u, consumer in case.consumers.items() if consumer.company == company),
        tuple(case.projects) if project is None else (project,),
        project is None,
        instance,
        read_instance(alike),
        read_states(instance),
    )


def held_by_others(desk: Desk, plan: Commitment) -> Held:
    """What everybody but the company settles in a plan.

    They carry their shares in what is built. A project goes on without the company where the
    market can carry its share; others are for the company to save or to let go.
    """
    instance = desk.instance
    others = frozenset(instance.case.funders) - {desk.company}
    groups = frozenset(instance.groups) - {COMMON, group_of(desk.company)}
    share = {
        (p, plan.start[p], f, i): x
        for (p, f, i), x in plan.share.items()
        if f in others and p in plan.start
    }
    offtake = {
        (p, year, g): plan.offtake.get((p, g), 0.0)
        for p, year in plan.start.items()
        for g in (COMMON, *groups)
        if g in instance.holders(p)
    }
    buy = {
        h: plan.bought(instance, h)
        for h, pile in instance.stockpiles.items()
        if any(f in others for f in pile.payers)
    }
    going_on = {p: year for p, year in plan.start.items() if _goes_on(desk, plan, p)}
    while True:
        left = {
            p: year
            for p, year in going_on.items()
            if all(other in going_on for other in instance.case.projects[p].requires)
        }
        if len(left) == len(going_on):
            return Held(others, groups, going_on, share, offtake, buy)
        going_on = left


def _goes_on(desk: Desk, plan: Commitment, p: str) -> bool:
    """Whether a project can be paid for without the company's shares, by the market."""
    if p in desk.projects and not desk.whole:
        return False
    instance = desk.instance
    cap, others = instance.projects[p].market_finance_max, 0.0
    for (q, f, i), share in plan.share.items():
        if q == p and f != desk.company:
            instrument = instance.instrument[f, i]
            cap += instrument.market_finance_per_share * share
            others += share if instrument.carries_capex else 0.0
    return bool(np.round(1.0 - others - cap, 9) <= 0.0)
