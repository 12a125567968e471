"""What stands in a frontier: points, and what changes from one to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from models.results import FrontierPoint, FrontierStep, Instead, Marginal
from models.scenario.case import Case
from optimizer.analyses.frontier.parametric_points import Spot
from optimizer.model.commitment import Commitment, planned_stock, spend
from optimizer.model.instance import Instance
from optimizer.solve.gap import gap_of

HELD = 1e-6
"""Tonnes below which nothing is held."""

CHANGED = 0.01
"""A stock has changed if it has by more than this share of the larger of the two."""

JUMP = 0.05
"""Of all that is avoided between first and last point, the share that makes a step a jump."""

EQUAL = 1e-9
"""Figures that differ by less, relatively, are equal."""


def describe_spots(
    spots: Sequence[Spot], case: Case, *, tail: bool = False
) -> tuple[FrontierPoint, ...]:
    """The points of a frontier, by rising value."""
    points = [_point(spot, case) for spot in spots]
    if tail:
        points = [
            point.model_copy(update={"dominated": any(_beats(o, point) for o in points)})
            for point in points
        ]
    return tuple(points)


def _point(spot: Spot, case: Case) -> FrontierPoint:
    found, instance = spot.found, spot.instance
    if found is None:
        return FrontierPoint(
            value=spot.value,
            status="infeasible" if spot.infeasible else "none",
            objective=None,
            bound=spot.bound,
            gap=None,
            expected=None,
            expected_bound=spot.damage.expected,
            cvar=None,
            cvar_bound=spot.damage.cvar,
            worst=None,
            net_cost_meur=None,
            public_meur=None,
            spend_meur={},
            projects={},
            stocks_t={},
            plan_of=None,
            bound_of=spot.bound_of,
            dominated=False,
            conflict=spot.conflict,
            seconds=spot.seconds,
        )
    used = {f: float(years.sum()) for f, years in spend(instance, found.commitment).items()}
    reached = found.with_plan
    cvar = reached.cvar(float(instance.case.objective.cvar.level))
    return FrontierPoint(
        value=spot.value,
        status=found.certificate.status,
        objective=found.objective,
        bound=spot.bound,
        gap=gap_of(found.objective, spot.bound, found.least),
        expected=reached.expected,
        expected_bound=_at_most(spot.damage.expected, reached.expected),
        cvar=cvar,
        cvar_bound=_at_most(spot.damage.cvar, cvar),
        worst=reached.worst,
        net_cost_meur=found.net_cost,
        public_meur=math.fsum(x for f, x in used.items() if case.funders[f].kind == "public"),
        spend_meur=used,
        projects={
            p: found.commitment.start[p] for p in case.projects if p in found.commitment.start
        },
        stocks_t=stocks_held(instance, found.commitment),
        plan_of=spot.plan_of,
        bound_of=spot.bound_of,
        dominated=False,
        conflict=(),
        seconds=spot.seconds,
    )


def stocks_held(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Tonnes that each stockpile holds at most; those that hold nothing are left out."""
    stocks = {
        h: float(planned_stock(instance, commitment, h).max()) * instance.lot_t[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    return {h: tonnes for h, tonnes in stocks.items() if tonnes > HELD}


def _at_most(bound: float | None, reached: float) -> float | None:
    """A bound, without what rounding puts above a plan."""
    return None if bound is None else min(bound, reached)


def _beats(one: FrontierPoint, other: FrontierPoint) -> bool:
    """Whether a point has a lower mean and a lower CVaR, or one of them and the other equal."""
    if one.expected is None or one.cvar is None or other.expected is None or other.cvar is None:
        return False
    mean = _lower(one.expected, other.expected)
    tail = _lower(one.cvar, other.cvar)
    return mean + tail > 0 and mean >= 0 and tail >= 0


def _lower(one: float, other: float) -> int:
    """1 where the first is lower, 0 where both are equal, -1 where it is higher."""
    if abs(one - other) <= EQUAL * max(1.0, abs(one)):
        return 0
    return 1 if one < other else -1


def describe_steps(points: Sequence[FrontierPoint], *, loosens: bool) -> tuple[FrontierStep, ...]:
    """What changes between neighbouring points that have a plan."""
    planned = [point for point in points if point.expected is not None]
    if not planned:
        return ()
    damages = [point.expected or 0.0 for point in planned]
    whole = max(damages) - min(damages)
    return tuple(_step(lower, higher, whole, loosens) for lower, higher in pairwise(planned))


def _step(lower: FrontierPoint, higher: FrontierPoint, whole: float, loosens: bool) -> FrontierStep:
    changes = otherwise(lower.projects, higher.projects, lower.stocks_t, higher.stocks_t)
    avoided = (lower.expected or 0.0) - (higher.expected or 0.0)
    return FrontierStep(
        from_value=lower.value,
        to_value=higher.value,
        **vars(changes),
        avoided=avoided,
        jump=bool(changes.entering or changes.leaving) and abs(avoided) > JUMP * whole > 0,
        marginal=_marginal(lower, higher) if loosens else None,
    )


def otherwise(
    before: Mapping[str, int],
    after: Mapping[str, int],
    held: Mapping[str, float],
    holds: Mapping[str, float],
) -> Instead:
    """What another plan does otherwise, by start years and what stocks hold at most."""
    stocks = {h: (held.get(h, 0.0), holds.get(h, 0.0)) for h in [*held, *holds]}
    return Instead(
        entering=tuple(p for p in after if p not in before),
        leaving=tuple(p for p in before if p not in after),
        moved={p: (y, after[p]) for p, y in before.items() if after.get(p, y) != y},
        stocks_t={h: b - a for h, (a, b) in stocks.items() if abs(b - a) > CHANGED * max(a, b)},
    )


def _marginal(lower: FrontierPoint, higher: FrontierPoint) -> Marginal:
    """Damage avoided per unit: between the least damage that can be had at either value.

    The least lies between the bound and the plan; that it never rises is put to use.
    """
    width = higher.value - lower.value
    had, has = lower.expected or 0.0, higher.expected or 0.0
    least_before, least_after = lower.expected_bound, higher.expected_bound
    return Marginal(
        low=max(0.0, 0.0 if least_before is None else least_before - has) / width,
        plans=max(0.0, had - has) / width,
        high=None if least_after is None else max(0.0, had - least_after) / width,
    )
