"""Shortage clock: the number of periods since a market was hit, for many states at once.

A period is hit if more than a certain share of the market supply of a material is lost, or of a
form from which conversions make it. The clock is 0 in the first period that is hit, and rises by 1
in each period. It stops after a certain number of consecutive periods without a hit.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import upstream_materials
from optimizer.model.instance import Floats, Instance, ProjectData

ShareLeft = Callable[[tuple[str, str]], Floats]
"""(..., K) share that hazards leave of the supply from an origin."""

TRIGGER_TOLERANCE = 1e-9  # share of undisturbed supply by which a loss has to exceed the trigger


def compute_market_lots(
    instance: Instance, material: str, demand_factor: Floats, share_left: ShareLeft
) -> Floats:
    """Return the lots of a material from the market in each period (..., K). ``demand_factor``
    (..., 1 or K) multiplies demand, and with it the supply that is stated as a share of need."""
    extra_factor = demand_factor - 1.0
    lots = np.zeros((*extra_factor.shape[:-1], len(instance.periods)))
    for origin, supply in instance.supply.items():
        if origin[0] == material:
            supply = (
                supply[instance.year_index]
                + extra_factor * instance.need_linked_supply[origin][instance.year_index]
            )
            lots = lots + supply * share_left(origin)
    return lots


def find_hit_periods(
    instance: Instance,
    material: str,
    trigger_loss: float,
    demand_factors: Mapping[str, Floats],
    share_left: ShareLeft,
) -> NDArray[np.bool_]:
    """Return a boolean array (..., K): whether more than ``trigger_loss`` of the market supply of
    the material, or of any upstream form, is lost in a period. ``demand_factors`` has the factor
    (..., 1 or K) on the demand for each material, and 1 is used for materials that it lacks."""
    is_hit = np.zeros((), dtype=bool)
    for form in sorted(upstream_materials(instance.case, material)):
        factor = demand_factors.get(form, np.ones(1))
        undisturbed_lots = compute_market_lots(
            instance, form, factor, lambda _: np.ones(len(instance.periods))
        )
        is_hit = is_hit | (
            compute_market_lots(instance, form, factor, share_left)
            < (1 - trigger_loss - TRIGGER_TOLERANCE) * undisturbed_lots
        )
    return is_hit


def compute_clock_ages(hit_periods: NDArray[np.bool_], reset_periods: int) -> NDArray[np.int64]:
    """Return the age of the shortage clock in each period (..., K), -1 where it does not run. It
    still runs in the last of ``reset_periods`` consecutive periods without a hit."""
    ages = np.full(hit_periods.shape, -1)
    age, periods_without_hit = ages[..., 0], np.zeros(hit_periods.shape[:-1], dtype=np.int64)
    for k in range(hit_periods.shape[-1]):
        age = np.where((age >= 0) & (periods_without_hit < reset_periods), age + 1, -1)
        age = np.where((age < 0) & hit_periods[..., k], 0, age)
        periods_without_hit = np.where(hit_periods[..., k], 0, periods_without_hit + 1)
        ages[..., k] = age
    return ages


def compute_running_share(
    instance: Instance,
    project: ProjectData,
    price_state: NDArray[np.intp],
    demand_factors: Mapping[str, Floats],
    share_left: ShareLeft,
) -> Floats:
    """Return 1 for periods (..., K) in which a project runs without a price floor, and 0 for
    others. ``price_state`` (...) is the state of the price that decides this. While the price is
    below cash cost the plant is idle, except from age ``restart_periods`` of the shortage clock
    until the clock stops."""
    material = project.cash_cost_material
    if material is None:
        return np.ones(len(instance.periods))
    is_profitable = (instance.prices[material].price_by_state >= project.cash_cost)[price_state][
        ..., instance.year_index
    ]
    if is_profitable.all():
        return np.ones(len(instance.periods))
    trigger, reset = project.clock_settings
    age = compute_clock_ages(
        find_hit_periods(instance, material, trigger, demand_factors, share_left), reset
    )
    return np.where(is_profitable | (age >= max(0, project.restart_periods)), 1.0, 0.0)
