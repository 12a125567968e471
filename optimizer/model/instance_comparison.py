"""Comparison of two instances, to find which data of one are valid for the other.

A query changes few figures of a scenario. Sampled states, and recourse data that were computed from
them, are reused if they do not depend on the changed figures.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from models.scenario.references import Case
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
"""Fields that do not affect recourse in given states."""


def values_equal(
    value: Any, other: Any, ignored_fields: dict[type, frozenset[str]] | None = None
) -> bool:
    """Check whether two values are equal, including arrays inside them. Fields in
    ``ignored_fields``, which are listed by class, may differ."""
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
        ignored = (ignored_fields or {}).get(type(value), frozenset())
        names = (field.name for field in fields(value) if field.name not in ignored)
        return all(
            values_equal(getattr(value, name), getattr(other, name), ignored_fields)
            for name in names
        )
    return bool(value == other)


def same_sampling(instance: Instance, other: Instance) -> bool:
    """Check whether two instances have the same data for states of the world, so that states of one
    are valid for the other."""
    return values_equal(_sampling_data(instance), _sampling_data(other))


def _sampling_data(instance: Instance) -> list[Any]:
    projects = [
        (
            p.id,
            p.success_probability,
            p.delay_probability,
            p.unaided_start_year,
            p.unaided_probability,
        )
        for p in instance.projects.values()
    ]
    prices = {m: (x.is_sampled, x.probability) for m, x in instance.prices.items()}
    price_states = {
        m: x.price_states
        for m, x in instance.case.materials.items()
        if instance.prices[m].is_sampled
    }
    data = [instance.case.uncertainty, instance.years, instance.periods_per_year, instance.hazards]
    return [*data, projects, prices, price_states]


def same_except_total_budgets(instance: Instance, other: Instance) -> bool:
    """Check whether two instances differ at most in the amounts of budgets for all years together,
    which are the right-hand sides of single rules. Return False if there are rules in Python, which
    may use any figure."""
    return (
        instance.extra_rules is None
        and other.extra_rules is None
        and _case_without_total_budgets(instance) == _case_without_total_budgets(other)
        and values_equal(instance, other, {Instance: frozenset({"case"})})
    )


def _case_without_total_budgets(instance: Instance) -> Case:
    def without_budget(section: Any) -> Any:
        return section.model_copy(update={"budget_meur": section.budget_meur is None})

    case = instance.case
    funders = {f: without_budget(funder) for f, funder in case.funders.items()}
    return case.model_copy(update={"funders": funders, "policy": without_budget(case.policy)})


def same_recourse(instance: Instance, other: Instance) -> bool:
    """Check whether two instances have the same recourse in any given state."""
    data, other_data = _recourse_data(instance), _recourse_data(other)
    return values_equal(data, other_data, RECOURSE_IRRELEVANT_FIELDS)


def _recourse_data(instance: Instance) -> list[Any]:
    price_materials = {p.cash_cost_material for p in instance.projects.values()}
    price_floors = [
        (
            i.funder,
            i.id,
            i.eligible_projects,
            list(i.floor_prices),
            i.terms.term_years,
            i.max_share > 0,
        )
        for i in instance.instruments
        if i.floor_prices
    ]
    case = instance.case
    data = [instance.years, instance.periods_per_year, instance.discount_factor]
    data += [instance.lot_tonnes, instance.demand, instance.need, instance.supply]
    data += [instance.need_linked_supply, instance.adaptations, instance.origins]
    data += [instance.conversions, instance.projects]
    data += [{m: x for m, x in instance.prices.items() if m in price_materials}]
    data += [price_floors, instance.floored_offtakes, instance.stockpiles, instance.hazards]
    data += [instance.nodes, instance.chains, instance.offtake_groups, instance.start_options]
    data += [instance.max_demand_factor, instance.fixed_decisions.offtake]
    data += [list(case.materials), list(case.consumers)]
    data += [(p.inputs_t_per_t, p.output_t_per_year) for p in case.projects.values()]
    return [*data, {c: (x.output, x.inputs_t_per_t) for c, x in case.conversions.items()}]
