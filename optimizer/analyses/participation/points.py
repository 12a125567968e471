"""A reply as a point of a curve."""

from __future__ import annotations

import math

import numpy as np

from models.results import SharePoint, Standing, StandingRange
from optimizer.analyses.participation.company import Desk
from optimizer.analyses.participation.subproblem import Reply
from optimizer.model.commitment import Commitment, outlay
from optimizer.model.instance import group_of
from optimizer.solve.accounts import by_year

TRACE = 1e-9


def point_of(
    desk: Desk,
    reply: Reply,
    without: tuple[Standing, float],
    nothing: Standing | None,
    spread: StandingRange | None,
) -> SharePoint:
    """What one share leads to.

    Parameters
    ----------
    without
        How the company fares without any plan, and the mean damage of all.
    nothing
        How it fares at share 0.
    """
    plan, stands = reply.commitment, reply.standing
    share = 0.0 if reply.ask.share is None else reply.ask.share
    avoided = None if stands is None else without[0].expected - stands.expected
    gain = None if stands is None or nothing is None else nothing.total - stands.total
    return SharePoint(
        share=share,
        status=reply.status,
        objective=reply.objective,
        bound=reply.bound,
        gap=reply.gap,
        built=desk.builds(plan),
        projects={} if plan is None else plan.start,
        standing=stands,
        range=spread,
        outlay_by_year_meur={} if plan is None else _outlay(desk, plan),
        stake_meur=None if plan is None else _stake(desk, plan),
        offtake_t={} if plan is None else _offtake(desk, plan),
        avoided=avoided,
        avoided_per_euro=None
        if stands is None or avoided is None
        else _per(avoided, stands.net_cost_meur),
        to_others=_to_others(reply, without, avoided),
        gain=gain,
        gain_per_euro=_gain_per_euro(stands, nothing),
        seconds=reply.seconds,
    )


def _per(what: float, cost: float) -> float | None:
    return what / cost if cost > TRACE else None


def _gain_per_euro(stands: Standing | None, nothing: Standing | None) -> float | None:
    if stands is None or nothing is None:
        return None
    more = stands.net_cost_meur - nothing.net_cost_meur
    return _per(nothing.expected - stands.expected, more)


def _to_others(
    reply: Reply, without: tuple[Standing, float], avoided: float | None
) -> float | None:
    if reply.damage is None or avoided is None:
        return None
    together = without[1] - reply.damage
    return (together - avoided) / together if together > TRACE else None


def _outlay(desk: Desk, plan: Commitment) -> dict[str, float]:
    return by_year(desk.instance, outlay(desk.instance, plan)[desk.company])


def _stake(desk: Desk, plan: Commitment) -> float:
    """Million EUR of the capex of the projects in question."""
    return math.fsum(
        desk.instance.projects[p].capex * share
        for (p, f, i), share in plan.share.items()
        if f == desk.company and p in desk.projects and desk.instance.instrument[f, i].carries_capex
    )


def _offtake(desk: Desk, plan: Commitment) -> dict[str, dict[str, float]]:
    """Tonnes a year by material, at full running without delay or failure, of all projects."""
    instance, group = desk.instance, group_of(desk.company)
    tonnes: dict[str, np.ndarray] = {}
    for (p, g), share in plan.offtake.items():
        if g == group and p in plan.start:
            project = instance.projects[p]
            running = project.running(instance.years, plan.start[p])
            for m, lots in project.output.items():
                yearly = share * lots * instance.per_year * instance.lot_t[m] * running
                tonnes[m] = tonnes.get(m, np.zeros(len(instance.years))) + yearly
    return {m: by_year(instance, yearly) for m, yearly in tonnes.items()}
