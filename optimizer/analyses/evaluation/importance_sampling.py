"""Rare events drawn more often, and weighed less: importance sampling of the states.

States come from a mixture of the scenario's own chances and two sets that are raised where pilots
say that they drive damage (``docs/formulation.md``). Frequencies are taken over some years
together, and only a part of the way is gone, for a pilot is small: both matter on scenarios with
hundreds of chances.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.results import Estimate, Performance, RareEvents
from optimizer.analyses.evaluation.estimates import StrataOfDraws, estimate_with_error
from optimizer.analyses.evaluation.options import MIN_RARE_STATES
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.model.states import (
    SamplingProbabilities,
    State,
    read_project_correlation,
    regime_indices,
    sample_states,
)
from optimizer.solve import outcomes

MIXTURE_SHARES = (0.2, 0.5, 0.3)
"""Of states drawn as they come, with chances raised for the tail, and for the mean."""
PILOT_SHARES = (0.1, 0.2)
"""States of the first and the second pilot, as a share of those asked for."""
MIN_PILOT_STATES = 400
"""No pilot has fewer states."""
FIRST_PILOT_LEVEL = 0.9
"""The first pilot has no state to spare: it looks at no higher level than this."""
SMOOTHING_YEARS = 5
"""Years whose frequencies are taken together."""
RAISE_SHARE = 0.8
"""Of the way from a chance to its frequency in the pilot."""
MAX_PROBABILITY = 0.5
"""No chance is raised above this."""


class WeightedStates(NamedTuple):
    """States with weights of mean 1."""

    states: tuple[State, ...]
    """Their probability is their weight over their number; it adds up to 1 in the mean only."""
    weight: Floats
    """(S)"""
    component: NDArray[np.int64]
    """(S) number of the set of chances that each was drawn with."""


def estimate_rare_events(
    instance: Instance,
    commitment: Commitment,
    state_count: int,
    seed: int,
    fresh_evaluation: outcomes.PlanEvaluation,
    level: float,
) -> RareEvents:
    """Damage of a commitment from ``count`` states in which what drives it is drawn more often.

    The pilots cost three tenths more states (800 at least) and serve nothing else, so that the
    estimate of the mean is unbiased. Weights are not divided by their sum, for that would be a
    bias; the CVaR is consistent, as any estimate of it is.

    ``seed`` is that of all draws; none of them is one of another seed's. ``fresh`` is the
    commitment in states that were drawn as they come: the first ``count`` of them are what this is
    measured against, or as many more where they are fewer. ``level`` is that of the CVaR.

    Raises ValueError if fewer than ``FEWEST_RARE`` states are asked for.
    """
    if state_count < MIN_RARE_STATES:
        raise ValueError(f"{state_count} states are too few")

    def damage(states: Sequence[State]) -> Floats:
        return outcomes.evaluate_commitments(instance, states, [commitment])[0].damage

    sets: tuple[SamplingProbabilities, ...] = (SamplingProbabilities.from_instance(instance),)
    for pilot, share in enumerate(PILOT_SHARES):
        number = max(MIN_PILOT_STATES, math.ceil(share * state_count))
        tried = draw_mixture(instance, sets, number, _derive_seed(seed, f"pilot {pilot}"))
        looked_at = level if pilot else min(level, FIRST_PILOT_LEVEL)
        sets = raise_probabilities(instance, commitment, tried, damage(tried.states), looked_at)
    found = draw_mixture(instance, sets, state_count, _derive_seed(seed, "states"))
    plain = fresh_evaluation.damage[:state_count]
    if len(plain) < state_count:
        plain = damage(sample_states(instance, state_count, _derive_seed(seed, "plain")))
    weight = found.weight
    here = weighted_performance(weight, damage(found.states), level, found.component)
    there, before = (
        weighted_performance(np.ones(len(d)), d, level) for d in (plain, fresh_evaluation.damage)
    )
    return RareEvents(
        states=state_count,
        seed=seed,
        performance=here,
        plain=there,
        variance_ratio_expected=_variance_ratio(there.expected, here.expected),
        variance_ratio_cvar=_variance_ratio(there.cvar, here.cvar),
        effective_states=float(weight.sum() ** 2 / (weight**2).sum()),
        weight_sum=estimate_with_error(float(weight.mean()), weight, found.component),
        deviation_expected=_standardized_difference(here.expected, before.expected),
        deviation_cvar=_standardized_difference(here.cvar, before.cvar),
    )


def weighted_performance(
    weight: Floats, damage: Floats, level: float, component: StrataOfDraws = None
) -> Performance:
    """Mean and tail of damage (S) of states that were drawn with weights (S) of mean 1.

    Sums are divided by the number of states, not by the sum of the weights, so that the mean is
    unbiased. The tail is counted from the worst state down by the same weights, of which the states
    above the quantile have the least and the most exact (Glynn 1996). ``part`` (S) numbers the
    component of a mixture that each state was drawn from.
    """
    eta = _weighted_quantile(weight, damage, level)
    excess = weight * np.maximum(damage - eta, 0.0) / (1 - level)
    return Performance(
        expected=estimate_with_error(float((weight * damage).mean()), weight * damage, component),
        cvar=estimate_with_error(eta + float(excess.mean()), excess, component),
        worst=float(damage.max()),
    )


def _weighted_quantile(weight: Floats, value: Floats, level: float) -> float:
    """The value above which no more than ``1 - level`` of the weight (S) is."""
    order = np.argsort(-value, kind="stable")
    above = np.cumsum(weight[order])
    at = min(int(np.searchsorted(above, (1 - level) * len(value))), len(value) - 1)
    return float(value[order[at]])


def draw_mixture(
    instance: Instance,
    probability_sets: Sequence[SamplingProbabilities],
    state_count: int,
    seed: int,
) -> WeightedStates:
    """States from a mixture of sets of chances, the scenario's own first, by ``SHARES``."""
    shares = MIXTURE_SHARES[: len(probability_sets)]
    ends = [
        round(state_count * math.fsum(shares[: i + 1]) / math.fsum(shares))
        for i in range(len(probability_sets))
    ]
    states: list[State] = []
    numbers = np.diff([0, *ends])
    for part, (chances, number) in enumerate(zip(probability_sets, numbers, strict=True)):
        if number:
            own = _derive_seed(seed, f"part {part}")
            states += sample_states(instance, int(number), own, probabilities=chances)
    mixture = np.zeros(state_count)
    for chances, number in zip(probability_sets, numbers, strict=True):
        mixture += number / state_count * likelihood_ratio(instance, states, chances)
    weight = 1 / mixture
    return WeightedStates(
        states=tuple(
            replace(state, name=f"drawn {s + 1}", probability=float(own) / state_count)
            for s, (state, own) in enumerate(zip(states, weight, strict=True))
        ),
        weight=weight,
        component=np.repeat(np.arange(len(probability_sets)), numbers),
    )


def raise_probabilities(
    instance: Instance, commitment: Commitment, pilot: WeightedStates, damage: Floats, level: float
) -> tuple[SamplingProbabilities, ...]:
    """The scenario's chances, and those that a pilot asks for: for the tail, and for the mean.

    Chances of failure stay where projects are correlated: the failures of a state do not say what
    its common factor was, so that their ratio is no product.
    """
    own, regime = (
        SamplingProbabilities.from_instance(instance),
        regime_indices(instance, pilot.states),
    )
    built = () if read_project_correlation(instance) > 0 else commitment.start
    eta = _weighted_quantile(pilot.weight, damage, level)
    of_hazard = events_by_year(instance, pilot.states)
    sets = [own]
    for counts in (np.maximum(damage - eta, 0.0), damage):
        weight = pilot.weight * counts
        if not weight.any():
            sets.append(own)
            continue
        strikes = {}
        for hazard, p in own.event_probability.items():
            began, could = (
                np.array(
                    [
                        _smooth_over_years(weight @ (own_draws * (regime == r)))
                        for r in range(len(p))
                    ]
                )
                for own_draws in of_hazard[hazard]
            )
            often = np.divide(began, could, out=p.copy(), where=could > 0)
            strikes[hazard] = _raise_probability(p, often)
        failing = dict(own.failure_probability)
        for project in built:
            fails = np.array([project in state.failed_projects for state in pilot.states])
            often = weight @ fails / weight.sum()
            failing[project] = float(
                _raise_probability(np.array(own.failure_probability[project]), often)
            )
        sets.append(SamplingProbabilities(strikes, failing))
    return tuple(sets)


def _raise_probability(probability: Floats, frequency: Floats) -> Floats:
    """A chance raised part of the way to a frequency; one that is 0 or high stays as it is."""
    higher = np.minimum(probability + RAISE_SHARE * (frequency - probability), MAX_PROBABILITY)
    return np.where(probability > 0, np.maximum(probability, higher), probability)


def _smooth_over_years(by_year: Floats) -> Floats:
    """(Y) sums over the years around each."""
    padded = np.pad(by_year, SMOOTHING_YEARS // 2, mode="edge")
    return np.convolve(padded, np.ones(SMOOTHING_YEARS), "valid")


def _variance_ratio(reference: Estimate, weighted: Estimate) -> float:
    """Ratio of variances; 1 where neither has any."""
    before, after = reference.standard_error or 0.0, weighted.standard_error or 0.0
    return (before / after) ** 2 if after else 1.0


def _standardized_difference(first: Estimate, second: Estimate) -> float:
    error = math.hypot(first.standard_error or 0.0, second.standard_error or 0.0)
    return (first.value - second.value) / error if error > 0 else 0.0


def _derive_seed(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that no draw is used twice."""
    digest = hashlib.sha256(repr((seed, "rare events", purpose)).encode()).digest()
    return int.from_bytes(digest[:6], "little")


def events_by_year(instance: Instance, states: Sequence[State]) -> dict[str, tuple[Floats, Floats]]:
    """Of each hazard (S, Y) whether an event began, and the share of the year's periods in which it
    could: no event of it ran any more."""
    n, shape = instance.periods_per_year, (len(states), len(instance.years))
    starts = {h.id: np.full(shape, -1) for h in instance.hazards}
    lengths = {h.id: np.zeros(shape, dtype=int) for h in instance.hazards}
    for s, state in enumerate(states):
        for id, period in state.events:
            way = instance.profiles[id]
            starts[way.hazard][s, period // n] = period
            lengths[way.hazard][s, period // n] = way.duration
    found = {}
    for hazard in instance.hazards:
        start, could, until = starts[hazard.id], np.zeros(shape), np.zeros(len(states), dtype=int)
        for y, (at, length) in enumerate(zip(start.T, lengths[hazard.id].T, strict=True)):
            could[:, y] = np.clip(n * (y + 1) - np.maximum(until, n * y), 0, n) / n
            until = np.where(at >= 0, at + length, until)
        found[hazard.id] = (start >= 0).astype(float), could
    return found


def likelihood_ratio(
    instance: Instance, states: Sequence[State], probabilities: SamplingProbabilities
) -> Floats:
    """(S) probability of each state under other chances, over that under the scenario's.

    What was drawn and then discarded is summed over, so that a ratio depends on the state alone: a
    strike drawn inside a running event of the same hazard leaves no trace, and neither does no
    strike. Regimes, profiles and delays are drawn alike under all chances: they cancel.

    By hand: a strike of 0.1 a year is drawn with 0.3, two periods a year, the event lasts three. A
    state in which it begins in period 1 of 2026, so that of 2027 one period is left, has
    0.3 / 0.1 * (1 - 0.3 / 2) / (1 - 0.1 / 2); the period's own draw is the same under both.
    """
    own, logarithm = SamplingProbabilities.from_instance(instance), np.zeros(len(states))
    regime = regime_indices(instance, states)
    for hazard, (began, could) in events_by_year(instance, states).items():
        p, q = own.event_probability[hazard], probabilities.event_probability[hazard]
        for y in np.flatnonzero((p != q).any(axis=0)):
            apart = np.flatnonzero((p != q)[regime[:, y], y])
            before, after = (chance[regime[apart, y], y] for chance in (p, q))
            none = np.log1p(-after * could[apart, y]) - np.log1p(-before * could[apart, y])
            logarithm[apart] += np.where(began[apart, y], np.log(after / before), none)
    for project in instance.projects:
        r, s = own.failure_probability[project], probabilities.failure_probability[project]
        if r != s:
            fails = np.array([project in state.failed_projects for state in states])
            logarithm += np.where(fails, np.log(s / r), np.log((1 - s) / (1 - r)))
    return np.exp(logarithm)
