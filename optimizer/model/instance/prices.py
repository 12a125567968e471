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
from optimizer.model import streams
from optimizer.model.instance.terms import Floats, series


@dataclass(frozen=True, eq=False)
class PriceData:
    """The price states of a material, in the order of the file; one where it names none."""

    by_state: Floats  # (P, Y) EUR per tonne
    probability: Floats  # (P) by the file
    chance: Floats  # (P) with which it comes in the states of the world
    drawn: bool  # whether each state of the world has one of them
    planned: Floats  # (P) chance by which budgets are charged: that in all states, on any path

    @property
    def usual(self) -> int:
        """The most likely, of equally likely ones the first."""
        return int(self.probability.argmax())


def read_prices(case: Case, years: range) -> dict[str, PriceData]:
    """The price states of all materials."""
    return {m: _prices(case, m, it, years) for m, it in case.materials.items()}


def _prices(case: Case, m: str, it: Material, years: range) -> PriceData:
    if not it.price_states:
        price = series(it.price_eur_per_t, years, 0.0)[None]
        return PriceData(price, np.ones(1), np.ones(1), False, np.ones(1))
    prices = np.array([series(one.eur_per_t, years, 0.0) for one in it.price_states])
    probability = np.array([float(one.probability) for one in it.price_states])
    data = PriceData(prices, probability, probability, False, probability)
    states = (case.uncertainty and case.uncertainty.states) or ()
    decides = any(m in p.cash_cost_eur_per_t for p in case.projects.values())
    review = case.decides_again
    seen = review is not None and any(one.price == m for one in review.observe)
    if not (decides or seen) and not any(m in state.prices for state in states):
        return data
    sample = case.uncertainty and case.uncertainty.sample
    if sample:
        drawn = draw_prices(data, m, sample, slice(0, int(sample.states)))
        weights = np.ones(len(drawn))
    else:
        drawn = np.array([named_price(data, it, m, state) for state in states] or [data.usual])
        weights = np.array([float(state.probability) for state in states] or [1.0])
    chance = np.bincount(drawn, weights, len(prices)) / weights.sum()
    return PriceData(prices, probability, chance, True, chance)


def draw_prices(data: PriceData, m: str, sample: Sample, block: slice) -> NDArray[np.intp]:
    """(B) price states of a material that are drawn for a block of states of the world."""
    draws = streams.uniforms(sample, block, "price", m)
    return streams.chosen(data.probability.tolist(), draws)


def named_price(data: PriceData, it: Material, m: str, state: State) -> int:
    """The price state that a written-out state of the world names of a material, or the usual."""
    if (name := state.prices.get(m)) is None:
        return data.usual
    return next(n for n, one in enumerate(it.price_states) if one.called(name))
