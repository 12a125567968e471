"""The plan in which all act together, and who carries what of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from models.base import named
from models.results import JointPlan, JointProject
from optimizer.analyses.split.players import Table
from optimizer.analyses.split.subproblem import Answer, damage_of
from optimizer.model.commitment import outlay, planned_stock
from optimizer.model.instance import COMMON, group_of
from optimizer.solve.accounts import by_year
from optimizer.solve.gap import gap_of

TRACE_T = 1e-3
"""Tonnes that are not worth a line."""


def joint_plan(table: Table, answer: Answer, without: Mapping[str, float]) -> JointPlan:
    """What all do together, as a document; ``without`` is the damage if nobody does anything."""
    instance, commitment = table.instance, answer.commitment
    stocks = {
        h: float(planned_stock(instance, commitment, h).max()) * instance.lot_t[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    paid = outlay(instance, commitment)
    return JointPlan(
        projects=tuple(_projects(table, answer)),
        stocks_t={h: tonnes for h, tonnes in stocks.items() if tonnes > TRACE_T},
        damage={seat.id: damage_of(seat, answer.damage) for seat in table.seats},
        without_plan={seat.id: damage_of(seat, without) for seat in table.seats},
        outlay_meur=answer.cost,
        outlay_by_year_meur={
            f: by_year(instance, yearly) for f, yearly in paid.items() if np.any(yearly != 0)
        },
        public_meur=math.fsum(answer.cost[f] for f in table.state.funders),
        objective=answer.found,
        bound=answer.bound,
        gap=gap_of(answer.found, answer.bound) or 0.0,
    )


def _projects(table: Table, answer: Answer) -> Iterator[JointProject]:
    instance, commitment = table.instance, answer.commitment
    groups = {group_of(f): f for seat in table.seats for f in seat.funders}
    for p, start in sorted(commitment.start.items(), key=lambda item: item[1]):
        shares: dict[str, float] = {}
        for (q, f, i), share in commitment.share.items():
            if q == p and instance.instrument[f, i].carries_capex:
                shares[f] = shares.get(f, 0.0) + share
        if (market := commitment.market.get(p, 0.0)) > 0:
            shares["market"] = market
        yield JointProject(
            id=p,
            name=named(instance.case.projects[p].name, p),
            start=start,
            capex_meur=instance.projects[p].capex,
            shares=shares,
            offtake={
                COMMON if g == COMMON else groups[g]: share
                for (q, g), share in commitment.offtake.items()
                if q == p
            },
        )
