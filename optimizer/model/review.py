"""Review branches: states in which everything observed before the review is equal are on one
branch.

Decisions before the review are common to all branches; later ones differ between branches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.faults import Fault, ScenarioError
from models.language import tr
from models.scenario.sections import Observation
from optimizer.model.instance import Floats, Instance, ReviewBranch
from optimizer.model.states import State

MAX_BRANCHES = 8
"""Largest number of review branches; more would be unreadable."""

InformationSet = tuple[str, ...]
"""Outcomes of the observations, in the order of the file."""


def read_information_set(
    instance: Instance, state: State, observations: Sequence[Observation] | None = None
) -> InformationSet:
    """Return the outcomes that are observed in a state before the review, one for each of
    ``observations`` (by default those of the scenario's review). The outcome is ``yes`` or ``no``
    for a hazard, the name for a regime (empty if unknown), and the number of the price state for a
    price. Of prices by year only those before the review are observed: the number is that of the
    first price state with the same prices until then."""
    selected_observations = review_observations(instance) if observations is None else observations
    return tuple(_observe(instance, state, observation) for observation in selected_observations)


def review_observations(instance: Instance) -> tuple[Observation, ...]:
    """Return the observations of the scenario's review."""
    review = instance.case.planned_review
    return () if review is None else review.observe


def _observe(instance: Instance, state: State, observation: Observation) -> str:
    review = instance.case.planned_review
    assert review is not None
    years_before_review = int(review.year) - instance.years[0]
    if observation.hazard is not None:
        period_count = years_before_review * instance.periods_per_year
        hit_hazards = (
            instance.profiles[profile].hazard for profile, k in state.events if k < period_count
        )
        return "yes" if observation.hazard in hit_hazards else "no"
    if observation.regime:
        return state.regimes[years_before_review - 1] if state.regimes else ""
    price = observation.price or ""
    data = instance.prices[price]
    index = dict(state.price_states).get(price, data.most_likely)
    if index < data.stated_count:
        return str(index)
    seen = data.price_by_state[data.stated_count :, :years_before_review]
    first_equal = (seen == seen[index - data.stated_count]).all(axis=1).argmax()
    return str(data.stated_count + int(first_equal))


def with_branches(
    instances: Sequence[Instance], states: Sequence[Sequence[State]]
) -> tuple[Instance, ...]:
    """Return the instance of each assumption set with review branches for its states. All have the
    same branches in the same order; a branch can have probability 0 under some sets. Raise
    ScenarioError if there are more than ``MAX_BRANCHES``."""
    if instances[0].case.planned_review is None:
        return tuple(instances)
    observed = [
        [read_information_set(instance, s) for s in set_states]
        for instance, set_states in zip(instances, states, strict=True)
    ]
    information_sets = sorted(
        {information_set for set_states in observed for information_set in set_states}
    )
    if len(information_sets) > MAX_BRANCHES:
        raise ScenarioError([_too_many_branches_fault(instances[0], information_sets)])
    pairs = zip(instances, states, strict=True)
    return tuple(
        with_information_sets(instance, set_states, information_sets)
        for instance, set_states in pairs
    )


def with_information_sets(
    instance: Instance, states: Sequence[State], information_sets: Sequence[InformationSet]
) -> Instance:
    """Return the instance with one review branch for each information set. The probability of a
    branch is that of its states."""
    branches = list[ReviewBranch]()
    empty_branches = tuple(ReviewBranch(observed, 0.0, {}) for observed in information_sets)
    indices_by_branch = branch_state_indices(replace(instance, branches=empty_branches), states)
    for observed, indices in zip(information_sets, indices_by_branch, strict=True):
        branch_states = [states[int(n)] for n in indices]
        probability = math.fsum(s.probability for s in branch_states)
        prices = _price_probabilities(instance, observed, branch_states, probability)
        branches.append(ReviewBranch(observed, probability, prices))
    return replace(instance, branches=tuple(branches))


def _too_many_branches_fault(
    instance: Instance, information_sets: Sequence[InformationSet]
) -> Fault:
    """Return the fault for a review with too many branches. It names the observation without which
    there would be fewest."""
    counts_without = {
        n: len({(*observed[:n], *observed[n + 1 :]) for observed in information_sets})
        for n, _ in enumerate(review_observations(instance))
    }
    dispensable_observation = min(counts_without, key=lambda n: counts_without[n])
    message = tr(
        "the review splits the states into {count} groups, more than {most}",
        count=len(information_sets),
        most=MAX_BRANCHES,
    )
    hint = tr(
        "leave out {path}, without which there are {count}",
        path=f"review.observe.{dispensable_observation}",
        count=counts_without[dispensable_observation],
    )
    return Fault(("review", "observe", dispensable_observation), message, hint)


def _price_probabilities(
    instance: Instance,
    information_set: InformationSet,
    branch_states: Sequence[State],
    probability: float,
) -> dict[str, Floats]:
    """Return the probabilities of price states on a branch, by material, for materials that have a
    price floor. If the branch has no states, the observed price state has probability 1; if the
    price is not observed, the probabilities over all states are returned."""
    materials_with_floor = {m for i in instance.instruments for m in i.floor_prices}
    observed_price_state = {
        observation.price: int(x)
        for observation, x in zip(review_observations(instance), information_set, strict=True)
        if observation.price
    }
    probabilities = {}
    for m, data in instance.prices.items():
        if not data.is_sampled or m not in materials_with_floor:
            continue
        if probability > 0:
            price_states = [dict(s.price_states).get(m, data.most_likely) for s in branch_states]
            weights = np.array([s.probability for s in branch_states]) / probability
            probabilities[m] = np.bincount(
                price_states, weights, len(data.probability_in_states)
            ).astype(float)
        elif m in observed_price_state:
            probabilities[m] = np.eye(len(data.probability_in_states))[observed_price_state[m]]
        else:
            probabilities[m] = data.probability_in_states
    return probabilities


def branch_state_indices(instance: Instance, states: Sequence[State]) -> Iterator[NDArray[np.intp]]:
    """Yield the indices of the states on each review branch; yield nothing if there are no
    branches. A state whose observations match no branch is assigned to the branch with most equal
    observations, and to the most likely of these."""
    branch_by_information_set = {
        branch.information_set: g for g, branch in enumerate(instance.branches)
    }

    def nearest(key: InformationSet) -> int:
        def similarity(g: int) -> tuple[int, float]:
            branch = instance.branches[g]
            same = sum(x == y for x, y in zip(key, branch.information_set, strict=True))
            return same, branch.probability

        return max(range(len(instance.branches)), key=similarity)

    branch_of_state = list[int]()
    for state in states if branch_by_information_set else ():
        observed = read_information_set(instance, state)
        if observed not in branch_by_information_set:
            branch_by_information_set[observed] = nearest(observed)
        branch_of_state.append(branch_by_information_set[observed])
    state_branch = np.array(branch_of_state, dtype=np.intp)
    for g in range(len(instance.branches)):
        yield np.flatnonzero(state_branch == g)


def states_by_branch(instance: Instance, states: Sequence[State]) -> list[tuple[State, ...]]:
    """Return the states on each review branch, with probabilities that sum to 1; all states if
    there is no review."""
    if not instance.branches:
        return [tuple(states)]
    return [states_on_branch(states, indices) for indices in branch_state_indices(instance, states)]


def states_on_branch(states: Sequence[State], indices: NDArray[np.intp]) -> tuple[State, ...]:
    """Return the states with these indices, with probabilities that sum to 1; if they are all 0,
    the first of them has probability 1. If ``indices`` is empty, return the first of ``states``, so
    that the rules of the branch still hold."""
    if not len(indices):
        return (replace(states[0], probability=1.0),)
    branch_states = [states[int(n)] for n in indices]
    total_probability = sum(s.probability for s in branch_states)
    if total_probability <= 0:
        return (
            replace(branch_states[0], probability=1.0),
            *(replace(s, probability=0.0) for s in branch_states[1:]),
        )
    return tuple(replace(s, probability=s.probability / total_probability) for s in branch_states)
