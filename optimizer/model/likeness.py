"""What two instances have in common, so that what was made of one serves the other.

A question changes a figure or two of a scenario. What does not depend on them is kept: states of
the world are not drawn again, and what they look like to recourse is not read again.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from optimizer.model.instance import (
    HazardData,
    Instance,
    Node,
    PriceData,
    ProfileData,
    ProjectData,
    StockpileData,
)

UNSEEN: dict[type, frozenset[str]] = {
    ProjectData: frozenset(
        {
            *("capex", "profile", "residual", "market_finance_max", "overruns", "expected"),
            *("budgeted", "success_probability", "delays", "unaided_chance"),
        }
    ),
    StockpileData: frozenset(
        {
            *("max_stock", "max_purchase", "min_stock", "buying_cost", "holding_cost"),
            *("storage_cost", "financing_cost", "end_value"),
            *("paid_by", "storage_paid_by", "financing_paid_by"),
        }
    ),
    Node: frozenset({"counts"}),
    HazardData: frozenset({"annual_probability", "regime_factors"}),
    ProfileData: frozenset({"probability"}),
    PriceData: frozenset({"probability", "chance", "planned"}),
}
"""Fields that recourse in given states depends on in no way."""


def alike(one: Any, other: Any, unseen: dict[type, frozenset[str]] | None = None) -> bool:
    """Whether two values are equal, arrays and all; fields that are ``unseen`` may differ."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and alike([*one.values()], [*other.values()], unseen)
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(alike(*pair, unseen) for pair in pairs)
    if is_dataclass(one):
        passed = (unseen or {}).get(type(one), frozenset())
        named = (field.name for field in fields(one) if field.name not in passed)
        return all(alike(getattr(one, name), getattr(other, name), unseen) for name in named)
    return bool(one == other)


def drawn_alike(one: Instance, other: Instance) -> bool:
    """Whether the scenarios of two instances have the same states of the world."""

    def drawn(it: Instance) -> list[Any]:
        own = [
            (p.id, p.success_probability, p.delays, p.unaided, p.unaided_chance)
            for p in it.projects.values()
        ]
        prices = {m: (x.drawn, x.probability) for m, x in it.prices.items()}
        named = {m: own.price_states for m, own in it.case.materials.items() if it.prices[m].drawn}
        return [it.case.uncertainty, it.years, it.per_year, it.hazards, own, prices, named]

    return alike(drawn(one), drawn(other))


def seen_alike(one: Instance, other: Instance) -> bool:
    """Whether recourse of two instances is the same in the same states."""

    def seen(it: Instance) -> list[Any]:
        deciding = {p.cash_of for p in it.projects.values()}
        floors = [
            (i.funder, i.id, i.projects, list(i.floors), i.terms.term, i.max_share > 0)
            for i in it.instruments
            if i.floors
        ]
        parts = [it.years, it.per_year, it.discount, it.lot_t, it.demand, it.need, it.supply]
        parts += [it.following, it.adaptations, it.origins, it.conversions, it.projects]
        parts += [{m: x for m, x in it.prices.items() if m in deciding}, floors, it.floored]
        parts += [it.stockpiles, it.hazards, it.nodes, it.chains, it.groups, it.starts]
        parts += [it.most_demand, it.held.offtake, list(it.case.materials)]
        parts += [list(it.case.consumers)]
        conversions = it.case.conversions.items()
        made = {c: (x.output, x.inputs_t_per_t) for c, x in conversions}
        parts += [(p.inputs_t_per_t, p.output_t_per_year) for p in it.case.projects.values()]
        return [*parts, made]

    return alike(seen(one), seen(other), UNSEEN)
