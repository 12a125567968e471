"""The same problem with one decision forced the other way."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from models.results import BindingRule
from optimizer.analyses.explanation.binding import Key, described, key_of
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance
from optimizer.solve.conflicts import conflict_among, first_stage, rule_rows

Kind = Literal["project", "stockpile"]

ROUNDING = 1e-9
"""Share by which a stock is asked for less than there is room for."""


@dataclass(frozen=True)
class Force:
    """A decision that is forced: a project in or out, a stock held or not bought."""

    kind: Kind
    id: str
    into: bool
    """Into the plan, or out of it."""
    hold: float = 0.0
    """Lots that a stockpile is to hold at the end of the last year, if it is forced in."""


def forced(instance: Instance, force: Force) -> Instance:
    """The problem in which a decision is made already."""
    if force.kind == "project":
        policy = instance.case.policy
        field = "must_build" if force.into else "must_not_build"
        listed = (*getattr(policy, field), force.id)
        policy = policy.model_copy(update={field: tuple(dict.fromkeys(listed))})
        return replace(instance, case=instance.case.model_copy(update={"policy": policy}))
    pile = instance.stockpiles[force.id]
    if force.into:
        asked = pile.min_stock.copy()
        asked[-1] = max(asked[-1], force.hold)
        pile = replace(pile, min_stock=asked)
    else:
        pile = replace(pile, max_purchase=np.zeros_like(pile.max_purchase))
    return replace(instance, stockpiles={**instance.stockpiles, force.id: pile})


def conflict(instance: Instance, force: Force) -> tuple[BindingRule, ...]:
    """Rules of which no plan keeps all where a decision is forced; the force itself is not named.

    Raises SolverError if the decision cannot be made whatever the rules.
    """
    compiled = first_stage(forced(instance, force))
    groups: dict[Key, list[int]] = {}
    index_of: dict[Key, Any] = {}
    for row, name, index in rule_rows(compiled):
        if not _is_of(force, name, index, instance):
            key, _ = key_of(instance, name, index)
            groups.setdefault(key, []).append(row)
            index_of.setdefault(key, index)
    found = conflict_among(compiled.program, groups)
    return tuple(described(instance, key, index_of[key]) for key in found)


def _is_of(force: Force, name: str, index: Any, instance: Instance) -> bool:
    """Whether a row is there, or as it is, by force."""
    if force.kind == "project":
        return name == ("must_build" if force.into else "must_not_build") and index == force.id
    if force.into:
        return name == "days_of_demand" and index == (force.id, instance.years[-1])
    return name == "purchase_limit" and index[0] == force.id


def most_stock(instance: Instance, h: str) -> float:
    """Lots that a stockpile can hold at the end of the last year, by its room and its purchases."""
    pile, n = instance.stockpiles[h], instance.per_year
    stock = pile.initial
    kept = [pile.keeps**k for k in range(n)]
    for limit in pile.max_purchase:
        left = stock * pile.keeps**n
        # Room is scarcest at the year's end, since each purchase adds as much as the last one.
        bought = max(0.0, min(float(limit), (pile.max_stock - left) * n / math.fsum(kept)))
        stock = left + bought / n * math.fsum(kept) if math.isfinite(bought) else math.inf
    return stock


def holding(instance: Instance, h: str, days: float) -> tuple[float, float]:
    """Lots to be held at the end of the last year, and the days of demand that are bought of it:
    ``days`` beyond what lies there anyway, as far as there is room for it."""
    pile = instance.stockpiles[h]
    there = float(planned_stock(instance, Commitment(), h)[-1])
    demand = math.fsum(
        float(of[-1])
        for (u, m), of in instance.demand.items()
        if m == pile.material and u in pile.consumers
    )
    a_day = demand * instance.per_year / 365
    if a_day <= 0:
        return there, 0.0
    room = (most_stock(instance, h) - there) * (1 - ROUNDING)
    bought = min(days * a_day, room)
    if bought <= 1e-9 * a_day:
        return there, 0.0
    return there + bought, bought / a_day
