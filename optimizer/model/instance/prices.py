"""Prices of materials: the states they may be in, and how often each of them comes.

The price of a material is *drawn*, one state of it in each state of the world, where it decides
whether a plant runs, where a written-out state of the world names it, or where the review sees it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from models.scenario.hazards import Sample, State
from models.scenario.materials import Material
from optimizer.model import random_streams
from optimizer.model.instance.instrument_terms import Floats, yearly_values


@dataclass(frozen=True, eq=False)
class PriceData:
    """The price states of a material, in the order of the file; one where it names none."""

    price_by_state: Floats  # (P, Y) EUR per tonne
    probability: Floats  # (P) by the file
    probability_in_states: Floats  # (P) with which it comes in the states of the world
    is_sampled: bool  # whether each state of the world has one of them
    planning_probability: (
        Floats  # (P) chance by which budgets are charged: that in all states, on any path
    )

    @property
    def most_likely(self) -> int:
        """The most likely, of equally likely ones the first."""
        return int(self.probability.argmax())


def read_prices(case: Case, years: range) -> dict[str, PriceData]:
    """The price states of all materials."""
    return {m: _read_price_states(case, m, it, years) for m, it in case.materials.items()}


def _read_price_states(case: Case, m: str, material: Material, years: range) -> PriceData:
    if not material.price_states:
        price = yearly_values(material.price_eur_per_t, years, 0.0)[None]
        return PriceData(price, np.ones(1), np.ones(1), False, np.ones(1))
    prices = np.array([yearly_values(one.eur_per_t, years, 0.0) for one in material.price_states])
    probability = np.array([float(one.probability) for one in material.price_states])
    data = PriceData(prices, probability, probability, False, probability)
    states = (case.uncertainty and case.uncertainty.states) or ()
    decides = any(m in p.cash_cost_eur_per_t for p in case.projects.values())
    review = case.planned_review
    seen = review is not None and any(one.price == m for one in review.observe)
    if not (decides or seen) and not any(m in state.prices for state in states):
        return data
    sample = case.uncertainty and case.uncertainty.sample
    if sample:
        drawn = sample_price_states(data, m, sample, slice(0, int(sample.states)))
        weights = np.ones(len(drawn))
    else:
        drawn = np.array(
            [price_state_of(data, material, m, state) for state in states] or [data.most_likely]
        )
        weights = np.array([float(state.probability) for state in states] or [1.0])
    chance = np.bincount(drawn, weights, len(prices)) / weights.sum()
    return PriceData(prices, probability, chance, True, chance)


def sample_price_states(data: PriceData, m: str, sample: Sample, block: slice) -> NDArray[np.intp]:
    """(B) price states of a material that are drawn for a block of states of the world."""
    draws = random_streams.draw_uniforms(sample, block, "price", m)
    return random_streams.draw_categories(data.probability.tolist(), draws)


def price_state_of(data: PriceData, material: Material, m: str, state: State) -> int:
    """The price state that a written-out state of the world names of a material, or the usual."""
    if (name := state.prices.get(m)) is None:
        return data.most_likely
    return next(n for n, one in enumerate(material.price_states) if one.is_named(name))
