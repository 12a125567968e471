"""Prices of materials: price states and their probabilities.

The price state of a material is drawn for each state of the world if the price decides whether a
plant runs, if a listed state of the world states it, or if the review observes it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from models.scenario.hazards import Sample, State
from models.scenario.materials import Material
from optimizer.model import random_streams
from optimizer.model.instance.components import Floats, yearly_values


@dataclass(frozen=True, eq=False)
class PriceData:
    """Price states (P) of a material, in the order of the file; one if the file lists none."""

    price_by_state: Floats  # (P, Y) EUR per tonne
    probability: Floats  # (P) as stated in the file
    probability_in_states: Floats  # (P) over the states of the world, or those of a review branch
    is_sampled: bool  # whether each state of the world has a price state
    planning_probability: Floats  # (P) for budgets: over all states, also on a review branch

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
        price = yearly_values(material.price_eur_per_t, years, 0.0)[None]
        return PriceData(price, np.ones(1), np.ones(1), False, np.ones(1))
    prices = np.array(
        [yearly_values(price_state.eur_per_t, years, 0.0) for price_state in material.price_states]
    )
    probability = np.array(
        [float(price_state.probability) for price_state in material.price_states]
    )
    data = PriceData(prices, probability, probability, False, probability)
    states = (case.uncertainty and case.uncertainty.states) or ()
    decides_running = any(m in p.cash_cost_eur_per_t for p in case.projects.values())
    review = case.planned_review
    is_observed = review is not None and any(
        observation.price == m for observation in review.observe
    )
    if not (decides_running or is_observed) and not any(m in state.prices for state in states):
        return data
    sample = case.uncertainty and case.uncertainty.sample
    if sample:
        sampled = sample_price_states(data, m, sample, slice(0, int(sample.states)))
        weights = np.ones(len(sampled))
    else:
        sampled = np.array(
            [price_state_of(data, material, m, state) for state in states] or [data.most_likely]
        )
        weights = np.array([float(state.probability) for state in states] or [1.0])
    probability_in_states = np.bincount(sampled, weights, len(prices)) / weights.sum()
    return PriceData(prices, probability, probability_in_states, True, probability_in_states)


def sample_price_states(data: PriceData, m: str, sample: Sample, block: slice) -> NDArray[np.intp]:
    """Return the sampled price state of a material in each state of the world of a block (B)."""
    draws = random_streams.draw_uniforms(sample, block, "price", m)
    return random_streams.draw_categories(data.probability.tolist(), draws)


def price_state_of(data: PriceData, material: Material, m: str, state: State) -> int:
    """Return the price state of a material in a listed state of the world. It is the most likely
    one if the state does not name it."""
    if (name := state.prices.get(m)) is None:
        return data.most_likely
    return next(
        n for n, price_state in enumerate(material.price_states) if price_state.is_named(name)
    )
