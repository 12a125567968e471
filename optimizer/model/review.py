"""What has been seen until the review: states that look alike in it go the same path.

A plan decides until the review for all paths alike, and from then on for each by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.faults import Fault, ScenarioError
from models.language import tr
from models.scenario.review import Observation
from optimizer.model.instance import Floats, Instance, ReviewBranch
from optimizer.model.states import State

MAX_BRANCHES = 8
"""Paths that a plan may have: more is more than anybody can read, let alone decide on now."""

InformationSet = tuple[str, ...]
"""What is seen, observation by observation, in the order of the file."""


def read_information_set(
    instance: Instance, state: State, observations: Sequence[Observation] | None = None
) -> InformationSet:
    """What is seen of a state before the review, where what the scenario says or this is observed:
    of a hazard ``yes`` or ``no``, else the name of a regime, empty where it is not said, or the
    number of a price state."""
    some = review_observations(instance) if observations is None else observations
    return tuple(_observe(instance, state, one) for one in some)


def review_observations(instance: Instance) -> tuple[Observation, ...]:
    """What the scenario's review observes."""
    review = instance.case.planned_review
    return () if review is None else review.observe


def _observe(instance: Instance, state: State, observation: Observation) -> str:
    review = instance.case.planned_review
    assert review is not None
    before = int(review.year) - instance.years[0]
    if observation.hazard is not None:
        periods = before * instance.periods_per_year
        struck = (instance.profiles[way].hazard for way, k in state.events if k < periods)
        return "yes" if observation.hazard in struck else "no"
    if observation.regime:
        return state.regimes[before - 1] if state.regimes else ""
    price = observation.price or ""
    return str(dict(state.price_states).get(price, instance.prices[price].most_likely))


def with_branches(
    instances: Sequence[Instance], states: Sequence[Sequence[State]]
) -> tuple[Instance, ...]:
    """The instances of all sets of assumptions with the paths that their states go, in the same
    order; some may have no chance under some set. ScenarioError if they are too many."""
    if instances[0].case.planned_review is None:
        return tuple(instances)
    seen = [
        [read_information_set(own, s) for s in of_set]
        for own, of_set in zip(instances, states, strict=True)
    ]
    sights = sorted({one for of_set in seen for one in of_set})
    if len(sights) > MAX_BRANCHES:
        raise ScenarioError([_too_many_branches_fault(instances[0], sights)])
    pairs = zip(instances, states, strict=True)
    return tuple(with_information_sets(own, of_set, sights) for own, of_set in pairs)


def with_information_sets(
    instance: Instance, states: Sequence[State], information_sets: Sequence[InformationSet]
) -> Instance:
    """The instance with these paths and what chance they have in some states (:func:`by_path`)."""
    found, bare = (
        [],
        replace(instance, branches=tuple(ReviewBranch(one, 0.0, {}) for one in information_sets)),
    )
    for one, places in zip(information_sets, branch_state_indices(bare, states), strict=True):
        there = [states[int(n)] for n in places]
        chance = math.fsum(s.probability for s in there)
        found.append(ReviewBranch(one, chance, _price_probabilities(instance, one, there, chance)))
    return replace(instance, branches=tuple(found))


def _too_many_branches_fault(
    instance: Instance, information_sets: Sequence[InformationSet]
) -> Fault:
    """The fault of a review that sees too much: the observation that splits most."""
    without = {
        n: len({(*one[:n], *one[n + 1 :]) for one in information_sets})
        for n, _ in enumerate(review_observations(instance))
    }
    most = min(without, key=lambda n: without[n])
    message = tr(
        "the review splits the states into {count} groups, more than {most}",
        count=len(information_sets),
        most=MAX_BRANCHES,
    )
    hint = tr(
        "leave out {path}, without which there are {count}",
        path=f"review.observe.{most}",
        count=without[most],
    )
    return Fault(("review", "observe", most), message, hint)


def _price_probabilities(
    instance: Instance,
    information_set: InformationSet,
    branch_states: Sequence[State],
    probability: float,
) -> dict[str, Floats]:
    """How often each price state comes on a path, of materials whose price a floor pays by; where
    no state goes there, what was seen of a price, else as in all states."""
    floors = {m for i in instance.instruments for m in i.floor_prices}
    of_price = {
        one.price: int(x)
        for one, x in zip(review_observations(instance), information_set, strict=True)
        if one.price
    }
    found = {}
    for m, data in instance.prices.items():
        if not data.is_sampled or m not in floors:
            continue
        if probability > 0:
            at = [dict(s.price_states).get(m, data.most_likely) for s in branch_states]
            weights = np.array([s.probability for s in branch_states]) / probability
            found[m] = np.bincount(at, weights, len(data.probability_in_states)).astype(float)
        elif m in of_price:
            found[m] = np.eye(len(data.probability_in_states))[of_price[m]]
        else:
            found[m] = data.probability_in_states
    return found


def branch_state_indices(instance: Instance, states: Sequence[State]) -> Iterator[NDArray[np.intp]]:
    """Places of the states that go each path; none without paths. A state that looks like none of
    those that the plan was made for goes the likeliest path of those that it has most in common
    with."""
    known = {path.observed: g for g, path in enumerate(instance.branches)}

    def nearest(own: InformationSet) -> int:
        def near(g: int) -> tuple[int, float]:
            path = instance.branches[g]
            same = sum(x == y for x, y in zip(own, path.observed, strict=True))
            return same, path.probability

        return max(range(len(instance.branches)), key=near)

    at = list[int]()
    for state in states if known else ():
        own = read_information_set(instance, state)
        if own not in known:
            known[own] = nearest(own)
        at.append(known[own])
    places = np.array(at, dtype=np.intp)
    for g in range(len(instance.branches)):
        yield np.flatnonzero(places == g)


def states_on_branch(states: Sequence[State], indices: NDArray[np.intp]) -> tuple[State, ...]:
    """The states of a path, whose probabilities add up to 1. Where there are none, the first of
    all stands in: the path's rules hold although it has no chance."""
    if not len(indices):
        return (replace(states[0], probability=1.0),)
    own = [states[int(n)] for n in indices]
    chance = sum(s.probability for s in own)
    if chance <= 0:
        return (replace(own[0], probability=1.0), *(replace(s, probability=0.0) for s in own[1:]))
    return tuple(replace(s, probability=s.probability / chance) for s in own)
