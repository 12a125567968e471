"""Clustering of events: how many hazards strike in the same year of a sampled state."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from models.results import Clustering, EventYears
from optimizer.model.instance import Instance
from optimizer.model.states import State, event_probabilities


def event_clustering(instance: Instance, states: Sequence[State]) -> Clustering | None:
    """Return the distribution of the number of hazards with an event in a year, and the one that
    independent events would have.

    Return None if the states are not sampled, or if fewer than two hazards have uncertain events.
    """
    uncertainty, year_count = instance.case.uncertainty, len(instance.years)
    if uncertainty is None or uncertainty.sample is None:
        return None
    is_uncertain = {
        h: (x.max(axis=0) > 0) & (x.min(axis=0) < 1)
        for h, x in event_probabilities(instance).items()
    }
    hazard_index = {
        h: n
        for n, h in enumerate(
            h for h, years_uncertain in is_uncertain.items() if years_uncertain.any()
        )
    }
    if len(hazard_index) < 2:
        return None
    probability = np.array([state.probability for state in states])
    counts = np.zeros((len(states), year_count), dtype=np.intp)
    rates = np.zeros((len(hazard_index), year_count))
    for s, state in enumerate(states):
        for profile, start in state.events:
            hazard, year = instance.profiles[profile].hazard, start // instance.periods_per_year
            if is_uncertain[hazard][year]:
                counts[s, year] += 1
                rates[hazard_index[hazard], year] += state.probability
    shares = np.bincount(
        counts.ravel(), np.repeat(probability / year_count, year_count), len(hazard_index) + 1
    )
    rates = np.minimum(rates, 1.0)  # rounding errors may exceed 1
    independent_by_year = [
        reduce(np.convolve, np.stack([1 - year_rates, year_rates], axis=1))
        for year_rates in rates.T
    ]
    cumulative = np.minimum(np.cumsum(reduce(np.convolve, independent_by_year)), 1.0)
    return Clustering(
        years=tuple(
            EventYears(events=n, share=float(share), independent=float(independent))
            for n, (share, independent) in enumerate(
                zip(shares, np.mean(independent_by_year, axis=0), strict=True)
            )
        ),
        most=int(counts.sum(axis=1).max()),
        most_independent=float(np.sum(1 - cumulative ** len(states))),
    )
