"""The clock of a shortage: since when a market has been struck, in any number of states at once.

A period is struck if, of a material or of a form it is made of by conversions, so much of the
market supply is lost. A clock starts at 0 in the first struck period, counts every period, and
ends after a number of periods in a row that are not struck.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import made_of
from optimizer.model.instance import Floats, Instance, ProjectData

Left = Callable[[tuple[str, str]], Floats]
"""(..., K) share that hazards leave of the supply from an origin."""

LEAST = 1e-9  # share of undisturbed supply by which a loss has to be larger than the trigger


def market(instance: Instance, material: str, factor: Floats | float, left: Left) -> Floats:
    """(..., K) lots of a material that come to market, by the factor (...) on its demand."""
    more = np.asarray(factor)[..., None] - 1.0
    lots = np.zeros((*more.shape[:-1], len(instance.periods)))
    for origin, own in instance.supply.items():
        if origin[0] == material:
            own = own[instance.year_of] + more * instance.following[origin][instance.year_of]
            lots = lots + own * left(origin)
    return lots


def struck(
    instance: Instance, material: str, trigger: float, factors: Mapping[str, Floats], left: Left
) -> NDArray[np.bool_]:
    """(..., K) whether periods are struck: of the material, or of a form it is made of by
    conversions, more than ``trigger`` is lost; ``factors`` (...) on demand, 1 where not named."""
    found = np.zeros((), dtype=bool)
    for form in sorted(made_of(instance.case, material)):
        factor = factors.get(form, np.ones(()))
        whole = market(instance, form, factor, lambda _: np.ones(len(instance.periods)))
        found = found | (market(instance, form, factor, left) < (1 - trigger - LEAST) * whole)
    return found


def ages(struck: NDArray[np.bool_], reset: int) -> NDArray[np.int64]:
    """(..., K) periods since the clock that runs was started, -1 where none runs. It still runs in
    the last of ``reset`` periods in a row that are not struck (..., K)."""
    found = np.full(struck.shape, -1)
    now, quiet = found[..., 0], np.zeros(struck.shape[:-1], dtype=np.int64)
    for k in range(struck.shape[-1]):
        now = np.where((now >= 0) & (quiet < reset), now + 1, -1)
        now = np.where((now < 0) & struck[..., k], 0, now)
        quiet = np.where(struck[..., k], 0, quiet + 1)
        found[..., k] = now
    return found


def runs(
    instance: Instance,
    project: ProjectData,
    price: NDArray[np.intp],
    factors: Mapping[str, Floats],
    left: Left,
) -> Floats:
    """(..., K) share of a project's output that runs without a price floor, 0 or 1, by the state
    (...) of the price that decides. Where that is below cash cost it stands still, but from so many
    periods of the clock on, up to its end."""
    material = project.cash_of
    if material is None:
        return np.ones(len(instance.periods))
    pays = (instance.prices[material].by_state >= project.cash_cost)[price][..., instance.year_of]
    if pays.all():
        return np.ones(len(instance.periods))
    trigger, reset = project.clock
    age = ages(struck(instance, material, trigger, factors, left), reset)
    return np.where(pays | (age >= max(0, project.restart)), 1.0, 0.0)
