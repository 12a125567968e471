"""The clock of a shortage: since when a market has been struck, in any number of states at once.

A period is struck if, of a material or of a form it is made of by conversions, so much of the
market supply is lost. A clock starts at 0 in the first struck period, counts every period, and
ends after a number of periods in a row that are not struck.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import upstream_materials
from optimizer.model.instance import Floats, Instance, ProjectData

ShareLeft = Callable[[tuple[str, str]], Floats]
"""(..., K) share that hazards leave of the supply from an origin."""

TRIGGER_TOLERANCE = (
    1e-9  # share of undisturbed supply by which a loss has to be larger than the trigger
)


def compute_market_lots(
    instance: Instance, material: str, demand_factor: Floats | float, share_left: ShareLeft
) -> Floats:
    """(..., K) lots of a material that come to market, by the factor (...) on its demand."""
    more = np.asarray(demand_factor)[..., None] - 1.0
    lots = np.zeros((*more.shape[:-1], len(instance.periods)))
    for origin, own in instance.supply.items():
        if origin[0] == material:
            own = (
                own[instance.year_index]
                + more * instance.need_linked_supply[origin][instance.year_index]
            )
            lots = lots + own * share_left(origin)
    return lots


def find_hit_periods(
    instance: Instance,
    material: str,
    trigger_loss: float,
    demand_factors: Mapping[str, Floats],
    share_left: ShareLeft,
) -> NDArray[np.bool_]:
    """(..., K) whether periods are struck: of the material, or of a form it is made of by
    conversions, more than ``trigger`` is lost; ``factors`` (...) on demand, 1 where not named."""
    found = np.zeros((), dtype=bool)
    for form in sorted(upstream_materials(instance.case, material)):
        factor = demand_factors.get(form, np.ones(()))
        whole = compute_market_lots(
            instance, form, factor, lambda _: np.ones(len(instance.periods))
        )
        found = found | (
            compute_market_lots(instance, form, factor, share_left)
            < (1 - trigger_loss - TRIGGER_TOLERANCE) * whole
        )
    return found


def compute_clock_ages(hit_periods: NDArray[np.bool_], reset_periods: int) -> NDArray[np.int64]:
    """(..., K) periods since the clock that runs was started, -1 where none runs. It still runs in
    the last of ``reset`` periods in a row that are not struck (..., K)."""
    found = np.full(hit_periods.shape, -1)
    now, quiet = found[..., 0], np.zeros(hit_periods.shape[:-1], dtype=np.int64)
    for k in range(hit_periods.shape[-1]):
        now = np.where((now >= 0) & (quiet < reset_periods), now + 1, -1)
        now = np.where((now < 0) & hit_periods[..., k], 0, now)
        quiet = np.where(hit_periods[..., k], 0, quiet + 1)
        found[..., k] = now
    return found


def compute_running_share(
    instance: Instance,
    project: ProjectData,
    price_state: NDArray[np.intp],
    demand_factors: Mapping[str, Floats],
    share_left: ShareLeft,
) -> Floats:
    """(..., K) share of a project's output that runs without a price floor, 0 or 1, by the state
    (...) of the price that decides. Where that is below cash cost it stands still, but from so many
    periods of the clock on, up to its end."""
    material = project.cash_cost_material
    if material is None:
        return np.ones(len(instance.periods))
    pays = (instance.prices[material].price_by_state >= project.cash_cost)[price_state][
        ..., instance.year_index
    ]
    if pays.all():
        return np.ones(len(instance.periods))
    trigger, reset = project.clock_settings
    age = compute_clock_ages(
        find_hit_periods(instance, material, trigger, demand_factors, share_left), reset
    )
    return np.where(pays | (age >= max(0, project.restart_periods)), 1.0, 0.0)
