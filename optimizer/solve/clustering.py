"""How events of hazards cluster in states of the world that were drawn."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from models.results import Clustering, EventYears
from optimizer.model.instance import Instance
from optimizer.model.states import SamplingProbabilities, State


def event_clustering(instance: Instance, states: Sequence[State]) -> Clustering | None:
    """How many hazards strike in a year, and would if all events were independent; None where
    states are written out, or fewer than two hazards have events that are not certain."""
    uncertainty, years = instance.case.uncertainty, len(instance.years)
    if uncertainty is None or uncertainty.sample is None:
        return None
    strikes = SamplingProbabilities.from_instance(instance).event_probability
    unsure = {h: (x.max(axis=0) > 0) & (x.min(axis=0) < 1) for h, x in strikes.items()}
    place = {h: n for n, h in enumerate(h for h, some in unsure.items() if some.any())}
    if len(place) < 2:
        return None
    chance = np.array([state.probability for state in states])
    counts = np.zeros((len(states), years), dtype=np.intp)
    rates = np.zeros((len(place), years))
    for s, state in enumerate(states):
        for way, start in state.events:
            hazard, year = instance.profiles[way].hazard, start // instance.periods_per_year
            if unsure[hazard][year]:
                counts[s, year] += 1
                rates[place[hazard], year] += state.probability
    drawn = np.bincount(counts.ravel(), np.repeat(chance / years, years), len(place) + 1)
    rates = np.minimum(rates, 1.0)  # but for rounding
    by_year = [reduce(np.convolve, np.stack([1 - own, own], axis=1)) for own in rates.T]
    at_most = np.minimum(np.cumsum(reduce(np.convolve, by_year)), 1.0)
    return Clustering(
        years=tuple(
            EventYears(events=n, share=float(share), independent=float(independent))
            for n, (share, independent) in enumerate(
                zip(drawn, np.mean(by_year, axis=0), strict=True)
            )
        ),
        most=int(counts.sum(axis=1).max()),
        most_independent=float(np.sum(1 - at_most ** len(states))),
    )
