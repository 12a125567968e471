"""The commitment in a solved model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance


def read_commitment(instance: Instance, model: Any) -> Commitment:
    """The commitment in a model that holds a solution, rounded where only rounding separates it
    from a whole."""
    start = {p: year for p, year in instance.starts if (model.start[p, year].value or 0) > 0.5}
    share = {
        (p, f, i): value
        for (p, f, i, year), variable in model.share.items()
        if start.get(p) == year
        and (value := variable.value or 0.0) > 1e-9 * instance.instrument[f, i].max_share
        and _joins(instance, model, (p, f, i), value)
    }
    market = {p: max(0.0, model.market[p, year].value or 0.0) for p, year in start.items()}
    market = {p: value if value > 1e-9 else 0.0 for p, value in market.items()}
    for p in start:
        carried = {
            key: value
            for key, value in share.items()
            if key[0] == p and instance.instrument[key[1:]].carries_capex
        }
        total = market[p] + math.fsum(carried.values())
        if 0 < abs(total - 1) < 1e-5:
            market[p] /= total
            share.update({key: value / total for key, value in carried.items()})
    # Of a project with ten times the output that is demanded little may be a lot.
    large = {
        p.id
        for p in instance.projects.values()
        if any(lots > 10 * instance.material_demand[m].max() > 0 for m, lots in p.output.items())
    }
    offtake = {}
    for (p, year, group), variable in model.offtake.items():
        if start.get(p) == year:
            # The solver may take a trace more than there is a right to.
            value = min(variable.value or 0.0, instance.right(p, group, share))
            if value > (1e-13 if p in large else 1e-9):
                offtake[p, group] = value
    buy = {
        h: np.array(
            [
                min(_lots(model.buy[h, year].value), most)
                for year, most in zip(instance.years, pile.max_purchase, strict=True)
            ]
        )
        for h, pile in instance.stockpiles.items()
    }
    return Commitment(start, share, market, offtake, buy)


def _joins(instance: Instance, model: Any, key: tuple[str, str, str], share: float) -> bool:
    """Whether an instrument takes part in a project: where there is a least that it would put in,
    what is far below that is a trace of a ticket not taken."""
    if key not in model.takes_part or (model.takes_part[key].value or 0.0) > 0.5:
        return True
    p, f, i = key
    ticket = instance.projects[p].capex * share
    return ticket >= instance.instrument[f, i].ticket_min / 2


def _lots(value: float | None) -> float:
    return value if value is not None and value > 1e-12 else 0.0
