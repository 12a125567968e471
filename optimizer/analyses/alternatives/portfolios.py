"""What a plan chooses, and a problem in which some of that is settled."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.solve.decomposition import Mark, Portfolio, most_lots

ROUNDING = 1e-3
"""Share of the least purchase that is left to the solver."""


def least_lots(instance: Instance, days: float) -> dict[str, float]:
    """Lots from which on each stockpile counts as bought up: so many days of the demand served, at
    its mean over the years. Stockpiles that cannot buy as much are left out."""
    found = {}
    for h, pile in instance.stockpiles.items():
        served = math.fsum(
            float(demand.mean()) * instance.per_year
            for (u, m), demand in instance.demand.items()
            if m == pile.material and u in pile.consumers
        )
        least = days / 365 * served
        if 0 < least <= most_lots(instance, h):
            found[h] = least
    return found


def portfolio_of(
    instance: Instance, commitment: Commitment, least: Mapping[str, float]
) -> Portfolio:
    """The projects that are built and the stockpiles that are bought up."""
    bought = [
        h
        for h, lots in least.items()
        if float(commitment.bought(instance, h).sum()) >= (1 - ROUNDING) * lots
    ]
    return frozenset(
        [
            *(("project", p) for p in commitment.start if instance.projects[p].starts),
            *(("stockpile", h) for h in bought),
        ]
    )


def with_marks(
    instance: Instance,
    has: Collection[Mark],
    lacks: Collection[Mark],
    least: Mapping[str, float],
) -> Instance:
    """The problem in which some things are built or bought up, and others are not at all."""
    policy, held = instance.case.policy, instance.held
    policy = policy.model_copy(
        update={
            "must_build": (*policy.must_build, *_ids("project", has)),
            "must_not_build": (*policy.must_not_build, *_ids("project", lacks)),
        }
    )
    nothing = np.zeros(len(instance.years))
    return replace(
        instance,
        case=instance.case.model_copy(update={"policy": policy}),
        held=replace(
            held,
            buy={**held.buy, **dict.fromkeys(_ids("stockpile", lacks), nothing)},
            at_least={**held.at_least, **{h: least[h] for h in _ids("stockpile", has)}},
        ),
    )


def _ids(kind: str, marks: Collection[Mark]) -> list[str]:
    return sorted(id for of, id in marks if of == kind)
