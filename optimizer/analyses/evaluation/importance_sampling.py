"""Importance sampling of rare events.

States are drawn from a mixture of the scenario's probabilities and two sets of probabilities that
are raised where pilot samples show that events drive damage (``docs/formulation.md``). Since a
pilot is small, frequencies are averaged over several years, and probabilities are raised only part
of the way to them. Both are important in scenarios with hundreds of probabilities.
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
"""Shares of states drawn with the scenario's probabilities, with those raised for the tail, and
with those raised for the mean."""
PILOT_SHARES = (0.1, 0.2)
"""Sizes of the first and the second pilot, as shares of the number of states."""
MIN_PILOT_STATES = 400
"""Minimum size of a pilot."""
FIRST_PILOT_LEVEL = 0.9
"""Maximum level of the quantile in the first pilot, which has too few states above a higher one."""
SMOOTHING_YEARS = 5
"""Width in years of the moving window over frequencies."""
RAISE_SHARE = 0.8
"""Share of the way from a probability to its frequency in the pilot."""
MAX_PROBABILITY = 0.5
"""Maximum of a raised probability."""


class WeightedStates(NamedTuple):
    """States with weights (likelihood ratios) of expected value 1."""

    states: tuple[State, ...]
    """The probability of a state is its weight divided by S; the sum is 1 only in expectation."""
    weight: Floats
    """(S)"""
    component: NDArray[np.int64]
    """(S) index of the mixture component from which each state was drawn."""


def estimate_rare_events(
    instance: Instance,
    commitment: Commitment,
    state_count: int,
    seed: int,
    fresh_evaluation: outcomes.PlanEvaluation,
    level: float,
) -> RareEvents:
    """Estimate the damage of a commitment by importance sampling.

    The two pilots need 30 % more states (at least 800). They are not used in the estimate, so that
    its mean is unbiased. Weights are not normalized, since that would cause a bias; the CVaR is
    consistent.

    Different values of ``seed`` never give the same draws. ``fresh_evaluation`` is the evaluation
    of the commitment in states drawn with the scenario's probabilities. Its first ``state_count``
    states are the reference; if it has fewer, a new sample is drawn. ``level`` is the level of the
    CVaR.

    Raises ValueError if ``state_count`` is below ``MIN_RARE_STATES``.
    """
    if state_count < MIN_RARE_STATES:
        raise ValueError(f"{state_count} states are too few")

    def damage(states: Sequence[State]) -> Floats:
        return outcomes.evaluate_commitments(instance, states, [commitment])[0].damage

    probability_sets: tuple[SamplingProbabilities, ...] = (
        SamplingProbabilities.from_instance(instance),
    )
    for pilot, share in enumerate(PILOT_SHARES):
        pilot_size = max(MIN_PILOT_STATES, math.ceil(share * state_count))
        pilot_states = draw_mixture(
            instance, probability_sets, pilot_size, _derive_seed(seed, f"pilot {pilot}")
        )
        pilot_level = level if pilot else min(level, FIRST_PILOT_LEVEL)
        probability_sets = raise_probabilities(
            instance, commitment, pilot_states, damage(pilot_states.states), pilot_level
        )
    sample = draw_mixture(instance, probability_sets, state_count, _derive_seed(seed, "states"))
    reference_damage = fresh_evaluation.damage[:state_count]
    if len(reference_damage) < state_count:
        reference_damage = damage(sample_states(instance, state_count, _derive_seed(seed, "plain")))
    weight = sample.weight
    performance = weighted_performance(weight, damage(sample.states), level, sample.component)
    reference, fresh_performance = (
        weighted_performance(np.ones(len(reference_values)), reference_values, level)
        for reference_values in (reference_damage, fresh_evaluation.damage)
    )
    return RareEvents(
        states=state_count,
        seed=seed,
        performance=performance,
        plain=reference,
        variance_ratio_expected=_variance_ratio(reference.expected, performance.expected),
        variance_ratio_cvar=_variance_ratio(reference.cvar, performance.cvar),
        effective_states=float(weight.sum() ** 2 / (weight**2).sum()),
        weight_sum=estimate_with_error(float(weight.mean()), weight, sample.component),
        deviation_expected=_standardized_difference(
            performance.expected, fresh_performance.expected
        ),
        deviation_cvar=_standardized_difference(performance.cvar, fresh_performance.cvar),
    )


def weighted_performance(
    weight: Floats, damage: Floats, level: float, component: StrataOfDraws = None
) -> Performance:
    """Estimate mean, CVaR and maximum of damage (S) in states with weights (S) whose expected value
    is 1.

    Sums are divided by the number of states, not by the sum of the weights, so that the mean is
    unbiased. The tail is counted from the worst state, since weights above the quantile are the
    smallest and have the least variance (Glynn 1996). ``component`` (S) is the index of the mixture
    component from which each state was drawn.
    """
    eta = _weighted_quantile(weight, damage, level)
    excess = weight * np.maximum(damage - eta, 0.0) / (1 - level)
    return Performance(
        expected=estimate_with_error(float((weight * damage).mean()), weight * damage, component),
        cvar=estimate_with_error(eta + float(excess.mean()), excess, component),
        worst=float(damage.max()),
    )


def _weighted_quantile(weight: Floats, values: Floats, level: float) -> float:
    """Return the value (of S) above which weights (S) add up to at most ``(1 - level) * S``."""
    order = np.argsort(-values, kind="stable")
    cumulative_weight = np.cumsum(weight[order])
    index = min(int(np.searchsorted(cumulative_weight, (1 - level) * len(values))), len(values) - 1)
    return float(values[order[index]])


def draw_mixture(
    instance: Instance,
    probability_sets: Sequence[SamplingProbabilities],
    state_count: int,
    seed: int,
) -> WeightedStates:
    """Draw states from a mixture of probability sets, of which the first is that of the scenario.

    The shares of the sets are the first of ``MIXTURE_SHARES``, scaled to add up to 1.
    """
    mixture_shares = MIXTURE_SHARES[: len(probability_sets)]
    block_ends = [
        round(state_count * math.fsum(mixture_shares[: i + 1]) / math.fsum(mixture_shares))
        for i in range(len(probability_sets))
    ]
    states: list[State] = []
    counts = np.diff([0, *block_ends])
    for index, (probabilities, count) in enumerate(zip(probability_sets, counts, strict=True)):
        if count:
            component_seed = _derive_seed(seed, f"part {index}")
            states += sample_states(
                instance, int(count), component_seed, probabilities=probabilities
            )
    mixture = np.zeros(state_count)
    for probabilities, count in zip(probability_sets, counts, strict=True):
        mixture += count / state_count * likelihood_ratio(instance, states, probabilities)
    weight = 1 / mixture
    return WeightedStates(
        states=tuple(
            replace(state, name=f"drawn {s + 1}", probability=float(state_weight) / state_count)
            for s, (state, state_weight) in enumerate(zip(states, weight, strict=True))
        ),
        weight=weight,
        component=np.repeat(np.arange(len(probability_sets)), counts),
    )


def raise_probabilities(
    instance: Instance, commitment: Commitment, pilot: WeightedStates, damage: Floats, level: float
) -> tuple[SamplingProbabilities, ...]:
    """Return three probability sets: the scenario's, one raised for the tail, and one raised for
    the mean.

    Probabilities are raised towards the frequencies in the pilot, weighted by damage. If projects
    are correlated, their failure probabilities are not changed: the failures in a state do not
    reveal the common factor, so that the likelihood ratio would not be a product.
    """
    own_probabilities = SamplingProbabilities.from_instance(instance)
    regime = regime_indices(instance, pilot.states)
    uncorrelated_projects = () if read_project_correlation(instance) > 0 else commitment.start
    quantile = _weighted_quantile(pilot.weight, damage, level)
    events = events_by_year(instance, pilot.states)
    probability_sets = [own_probabilities]
    for influence in (np.maximum(damage - quantile, 0.0), damage):
        weight = pilot.weight * influence
        if not weight.any():
            probability_sets.append(own_probabilities)
            continue
        event_probability = {}
        for hazard, p in own_probabilities.event_probability.items():
            weight_with_event, weight_possible = (
                np.array(
                    [
                        _smooth_over_years(weight @ (occurrences * (regime == r)))
                        for r in range(len(p))
                    ]
                )
                for occurrences in events[hazard]
            )
            frequency = np.divide(
                weight_with_event, weight_possible, out=p.copy(), where=weight_possible > 0
            )
            event_probability[hazard] = _raise_probability(p, frequency)
        failure_probability = dict(own_probabilities.failure_probability)
        for project in uncorrelated_projects:
            has_failed = np.array([project in state.failed_projects for state in pilot.states])
            frequency = weight @ has_failed / weight.sum()
            failure_probability[project] = float(
                _raise_probability(
                    np.array(own_probabilities.failure_probability[project]), frequency
                )
            )
        probability_sets.append(SamplingProbabilities(event_probability, failure_probability))
    return tuple(probability_sets)


def _raise_probability(probability: Floats, frequency: Floats) -> Floats:
    """Raise probabilities part of the way to the observed frequencies, but at most to
    ``MAX_PROBABILITY``; those that are 0, or higher than the result, do not change."""
    higher = np.minimum(probability + RAISE_SHARE * (frequency - probability), MAX_PROBABILITY)
    return np.where(probability > 0, np.maximum(probability, higher), probability)


def _smooth_over_years(yearly_values: Floats) -> Floats:
    """Return the sums (Y) of yearly values over a moving window of ``SMOOTHING_YEARS`` years."""
    padded = np.pad(yearly_values, SMOOTHING_YEARS // 2, mode="edge")
    return np.convolve(padded, np.ones(SMOOTHING_YEARS), "valid")


def _variance_ratio(reference: Estimate, weighted: Estimate) -> float:
    """Return the variance of the reference estimate over that of the weighted one; 1 if the latter
    is zero."""
    reference_error, weighted_error = (
        reference.standard_error or 0.0,
        weighted.standard_error or 0.0,
    )
    return (reference_error / weighted_error) ** 2 if weighted_error else 1.0


def _standardized_difference(first: Estimate, second: Estimate) -> float:
    """Return the difference of two estimates as a multiple of its standard error."""
    error = math.hypot(first.standard_error or 0.0, second.standard_error or 0.0)
    return (first.value - second.value) / error if error > 0 else 0.0


def _derive_seed(seed: int, purpose: str) -> int:
    """Derive a seed for a purpose from ``seed``, so that no random number is used for two
    purposes."""
    digest = hashlib.sha256(repr((seed, "rare events", purpose)).encode()).digest()
    return int.from_bytes(digest[:6], "little")


def events_by_year(instance: Instance, states: Sequence[State]) -> dict[str, tuple[Floats, Floats]]:
    """Compute when events of each hazard began, and when they could have begun, by hazard id.

    Both arrays are (S, Y): the first is 1 if an event began in the year, the second is the share of
    the year's periods in which no event of an earlier year was still running.
    """
    n, shape = instance.periods_per_year, (len(states), len(instance.years))
    starts = {h.id: np.full(shape, -1) for h in instance.hazards}
    lengths = {h.id: np.zeros(shape, dtype=int) for h in instance.hazards}
    for s, state in enumerate(states):
        for id, period in state.events:
            profile = instance.profiles[id]
            starts[profile.hazard][s, period // n] = period
            lengths[profile.hazard][s, period // n] = profile.duration
    events = {}
    for hazard in instance.hazards:
        start = starts[hazard.id]
        possible_share = np.zeros(shape)
        busy_until = np.zeros(len(states), dtype=int)
        for y, (event_start, length) in enumerate(zip(start.T, lengths[hazard.id].T, strict=True)):
            possible_share[:, y] = np.clip(n * (y + 1) - np.maximum(busy_until, n * y), 0, n) / n
            busy_until = np.where(event_start >= 0, event_start + length, busy_until)
        events[hazard.id] = (start >= 0).astype(float), possible_share
    return events


def likelihood_ratio(
    instance: Instance, states: Sequence[State], probabilities: SamplingProbabilities
) -> Floats:
    """Compute the ratio (S) of each state's probability under ``probabilities`` to that in the
    scenario.

    A ratio depends on the state alone, as it sums over draws that leave no trace in the state. For
    example, an event that was drawn while another event of the same hazard was running leaves the
    same state as no event. Regimes, profiles and delays are drawn in the same way under all
    probabilities, and cancel.

    Example: an event has a yearly probability of 0.1 and is drawn with 0.3; a year has two periods,
    and the event lasts three. It begins in period 1 of 2026, so that one period of 2027 is left in
    which another could begin. The ratio is 0.3 / 0.1 * (1 - 0.3 / 2) / (1 - 0.1 / 2); the draw of
    the period is the same under both.
    """
    own_probabilities = SamplingProbabilities.from_instance(instance)
    log_ratio = np.zeros(len(states))
    regime = regime_indices(instance, states)
    for hazard, (has_event, eventless_share) in events_by_year(instance, states).items():
        own_chances, sampled_chances = (
            own_probabilities.event_probability[hazard],
            probabilities.event_probability[hazard],
        )
        for y in np.flatnonzero((own_chances != sampled_chances).any(axis=0)):
            differing_states = np.flatnonzero((own_chances != sampled_chances)[regime[:, y], y])
            own_chance, sampled_chance = (
                x[regime[differing_states, y], y] for x in (own_chances, sampled_chances)
            )
            no_event_term = np.log1p(
                -sampled_chance * eventless_share[differing_states, y]
            ) - np.log1p(-own_chance * eventless_share[differing_states, y])
            log_ratio[differing_states] += np.where(
                has_event[differing_states, y], np.log(sampled_chance / own_chance), no_event_term
            )
    for project in instance.projects:
        own_failure = own_probabilities.failure_probability[project]
        sampled_failure = probabilities.failure_probability[project]
        if own_failure != sampled_failure:
            has_failed = np.array([project in state.failed_projects for state in states])
            log_ratio += np.where(
                has_failed,
                np.log(sampled_failure / own_failure),
                np.log((1 - sampled_failure) / (1 - own_failure)),
            )
    return np.exp(log_ratio)
