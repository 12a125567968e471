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

RECOURSE_IRRELEVANT_FIELDS: dict[type, frozenset[str]] = {
    ProjectData: frozenset(
        {
            *("capex", "capex_profile", "residual_share", "market_finance_max"),
            *("overruns", "expected_cost_factor", "budgeted_cost_factor"),
            *("success_probability", "delay_probability", "unaided_probability"),
        }
    ),
    StockpileData: frozenset(
        {
            *("max_stock", "max_purchase", "min_stock", "buying_cost", "holding_cost"),
            *("storage_cost", "financing_cost", "end_value_per_lot"),
            *("purchase_paid_by", "storage_paid_by", "financing_paid_by"),
        }
    ),
    Node: frozenset({"damage_weight"}),
    HazardData: frozenset({"annual_probability", "regime_factors"}),
    ProfileData: frozenset({"probability"}),
    PriceData: frozenset({"probability", "probability_in_states", "planning_probability"}),
}
"""Fields that recourse in given states depends on in no way."""


def values_equal(
    value: Any, other: Any, ignored_fields: dict[type, frozenset[str]] | None = None
) -> bool:
    """Whether two values are equal, arrays and all; fields that are ``unseen`` may differ."""
    if value is other:
        return True
    if type(value) is not type(other):
        return False
    if isinstance(value, np.ndarray):
        return bool(np.array_equal(value, other))
    if isinstance(value, dict):
        return list(value) == list(other) and values_equal(
            [*value.values()], [*other.values()], ignored_fields
        )
    if isinstance(value, list | tuple):
        pairs = zip(value, other, strict=False)
        return len(value) == len(other) and all(
            values_equal(*pair, ignored_fields) for pair in pairs
        )
    if is_dataclass(value):
        passed = (ignored_fields or {}).get(type(value), frozenset())
        named = (field.name for field in fields(value) if field.name not in passed)
        return all(
            values_equal(getattr(value, name), getattr(other, name), ignored_fields)
            for name in named
        )
    return bool(value == other)


def same_sampling(instance: Instance, other: Instance) -> bool:
    """Whether the scenarios of two instances have the same states of the world."""

    def drawn(it: Instance) -> list[Any]:
        own = [
            (
                p.id,
                p.success_probability,
                p.delay_probability,
                p.unaided_year,
                p.unaided_probability,
            )
            for p in it.projects.values()
        ]
        prices = {m: (x.is_sampled, x.probability) for m, x in it.prices.items()}
        named = {
            m: own.price_states for m, own in it.case.materials.items() if it.prices[m].is_sampled
        }
        return [it.case.uncertainty, it.years, it.periods_per_year, it.hazards, own, prices, named]

    return values_equal(drawn(instance), drawn(other))


def same_recourse(instance: Instance, other: Instance) -> bool:
    """Whether recourse of two instances is the same in the same states."""

    def seen(it: Instance) -> list[Any]:
        deciding = {p.cash_cost_material for p in it.projects.values()}
        floors = [
            (
                i.funder,
                i.id,
                i.eligible_projects,
                list(i.floor_prices),
                i.terms.term_years,
                i.max_share > 0,
            )
            for i in it.instruments
            if i.floor_prices
        ]
        parts = [
            it.years,
            it.periods_per_year,
            it.discount_factor,
            it.lot_tonnes,
            it.demand,
            it.need,
            it.supply,
        ]
        parts += [it.need_linked_supply, it.adaptations, it.origins, it.conversions, it.projects]
        parts += [
            {m: x for m, x in it.prices.items() if m in deciding},
            floors,
            it.floored_offtakes,
        ]
        parts += [
            it.stockpiles,
            it.hazards,
            it.nodes,
            it.chains,
            it.offtake_groups,
            it.start_options,
        ]
        parts += [it.max_demand_factor, it.fixed_decisions.offtake, list(it.case.materials)]
        parts += [list(it.case.consumers)]
        conversions = it.case.conversions.items()
        made = {c: (x.output, x.inputs_t_per_t) for c, x in conversions}
        parts += [(p.inputs_t_per_t, p.output_t_per_year) for p in it.case.projects.values()]
        return [*parts, made]

    return values_equal(seen(instance), seen(other), RECOURSE_IRRELEVANT_FIELDS)
