"""Prices of materials: price states and their probabilities.

The price state of a material is drawn for each state of the world if the price decides whether a
plant runs, if a listed state of the world states it, or if the review observes it. Prices that a
listed state states by year are further price states, after those of the material.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from models.scenario.hazards import Sample
from models.scenario.materials import Material
from models.scenario.quantities import YearlyQuantity
from optimizer.model import random_streams
from optimizer.model.instance.components import Floats, yearly_values


@dataclass(frozen=True, eq=False)
class PriceData:
    """Price states (P) of a material: those of the file in its order, or one if the file lists
    none, and then the prices by year of listed states of the world."""

    price_by_state: Floats  # (P, Y) EUR per tonne
    probability: Floats  # (P) as stated in the file; 0 for prices of listed states of the world
    probability_in_states: Floats  # (P) over the states of the world, or those of a review branch
    is_sampled: bool  # whether each state of the world has a price state
    planning_probability: Floats  # (P) for budgets: over all states, also on a review branch
    stated_count: int = 1  # price states of the material; the others are prices by year

    @property
    def most_likely(self) -> int:
        """Index of the most likely price state, and of the first if several are equally likely."""
        return int(self.probability.argmax())


def read_prices(case: Case, years: range) -> dict[str, PriceData]:
    """Read the price states of all materials, by material."""
    return {
        m: _read_price_states(case, m, material, years) for m, material in case.materials.items()
    }


def _read_price_states(case: Case, m: str, material: Material, years: range) -> PriceData:
    if not material.price_states:
        prices = yearly_values(material.price_eur_per_t, years, 0.0)[None]
        probability = np.ones(1)
    else:
        prices = np.array(
            [yearly_values(price.eur_per_t, years, 0.0) for price in material.price_states]
        )
        probability = np.array([float(price.probability) for price in material.price_states])
    data = PriceData(prices, probability, probability, False, probability, len(prices))
    states = (case.uncertainty and case.uncertainty.states) or ()
    named_prices = [state.prices[m] for state in states if m in state.prices]
    if not (named_prices or material.price_states):
        return data
    decides_running = any(m in p.cash_cost_eur_per_t for p in case.projects.values())
    review = case.planned_review
    is_observed = review is not None and any(
        observation.price == m for observation in review.observe
    )
    if not (decides_running or is_observed or named_prices):
        return data
    paths = {
        path.tobytes(): path
        for price in named_prices
        if isinstance(price, YearlyQuantity)
        for path in [yearly_values(price, years, 0.0)]
    }
    for price in data.price_by_state:
        paths.pop(price.tobytes(), None)
    if paths:
        data = replace(
            data,
            price_by_state=np.concatenate([data.price_by_state, [*paths.values()]]),
            probability=np.concatenate([data.probability, np.zeros(len(paths))]),
        )
    sample = case.uncertainty and case.uncertainty.sample
    if sample:
        sampled = sample_price_states(data, m, sample, slice(0, int(sample.states)))
        weights = np.ones(len(sampled))
    else:
        sampled = read_written_price_states(data, m, case, years)
        weights = np.array([float(state.probability) for state in states] or [1.0])
        if (weights == weights[0]).all():
            weights = np.ones(len(weights))  # rounding as for a sample
    in_states = np.bincount(sampled, weights, len(data.price_by_state)) / weights.sum()
    return replace(
        data, probability_in_states=in_states, is_sampled=True, planning_probability=in_states
    )


def sample_price_states(data: PriceData, m: str, sample: Sample, block: slice) -> NDArray[np.intp]:
    """Return the sampled price state of a material in each state of the world of a block (B)."""
    draws = random_streams.draw_uniforms(sample, block, "price", m)
    return random_streams.draw_categories(data.probability.tolist(), draws)


def read_written_price_states(
    data: PriceData, m: str, case: Case, years: range
) -> NDArray[np.intp]:
    """Return the index of the price state of a material in each listed state of the world (S). It
    is the most likely one where a state does not state the price. Without listed states there is
    one state, which states no price."""
    index_by_path: dict[bytes, int] = {}
    for n, path in enumerate(data.price_by_state):
        index_by_path.setdefault(path.tobytes(), n)

    def index_of(price: str | YearlyQuantity | None) -> int:
        if price is None:
            return data.most_likely
        if isinstance(price, YearlyQuantity):
            return index_by_path[yearly_values(price, years, 0.0).tobytes()]
        price_states = enumerate(case.materials[m].price_states)
        return next(n for n, price_state in price_states if price_state.is_named(price))

    states = (case.uncertainty and case.uncertainty.states) or ()
    prices = [state.prices.get(m) for state in states]
    return np.array([index_of(price) for price in prices or [None]], dtype=np.intp)
