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
from optimizer.model.instance import Floats, Instance, Path
from optimizer.model.states import State

MOST = 8
"""Paths that a plan may have: more is more than anybody can read, let alone decide on now."""

Sight = tuple[str, ...]
"""What is seen, observation by observation, in the order of the file."""


def sight(instance: Instance, state: State, observe: Sequence[Observation] | None = None) -> Sight:
    """What is seen of a state before the review, where what the scenario says or this is observed:
    of a hazard ``yes`` or ``no``, else the name of a regime, empty where it is not said, or the
    number of a price state."""
    some = observed(instance) if observe is None else observe
    return tuple(_seen(instance, state, one) for one in some)


def observed(instance: Instance) -> tuple[Observation, ...]:
    """What the scenario's review observes."""
    review = instance.case.decides_again
    return () if review is None else review.observe


def _seen(instance: Instance, state: State, one: Observation) -> str:
    review = instance.case.decides_again
    assert review is not None
    before = int(review.year) - instance.years[0]
    if one.hazard is not None:
        periods = before * instance.per_year
        struck = (instance.profiles[way].hazard for way, k in state.events if k < periods)
        return "yes" if one.hazard in struck else "no"
    if one.regime:
        return state.regimes[before - 1] if state.regimes else ""
    price = one.price or ""
    return str(dict(state.prices).get(price, instance.prices[price].usual))


def with_paths(
    instances: Sequence[Instance], states: Sequence[Sequence[State]]
) -> tuple[Instance, ...]:
    """The instances of all sets of assumptions with the paths that their states go, in the same
    order; some may have no chance under some set. ScenarioError if they are too many."""
    if instances[0].case.decides_again is None:
        return tuple(instances)
    seen = [[sight(own, s) for s in of_set] for own, of_set in zip(instances, states, strict=True)]
    sights = sorted({one for of_set in seen for one in of_set})
    if len(sights) > MOST:
        raise ScenarioError([_too_many(instances[0], sights)])
    pairs = zip(instances, states, strict=True)
    return tuple(with_sights(own, of_set, sights) for own, of_set in pairs)


def with_sights(instance: Instance, states: Sequence[State], sights: Sequence[Sight]) -> Instance:
    """The instance with these paths and what chance they have in some states (:func:`by_path`)."""
    found, bare = [], replace(instance, paths=tuple(Path(one, 0.0, {}) for one in sights))
    for one, places in zip(sights, by_path(bare, states), strict=True):
        there = [states[int(n)] for n in places]
        chance = math.fsum(s.probability for s in there)
        found.append(Path(one, chance, _prices(instance, one, there, chance)))
    return replace(instance, paths=tuple(found))


def _too_many(instance: Instance, sights: Sequence[Sight]) -> Fault:
    """The fault of a review that sees too much: the observation that splits most."""
    without = {
        n: len({(*one[:n], *one[n + 1 :]) for one in sights})
        for n, _ in enumerate(observed(instance))
    }
    most = min(without, key=lambda n: without[n])
    message = tr(
        "the review splits the states into {count} groups, more than {most}",
        count=len(sights),
        most=MOST,
    )
    hint = tr(
        "leave out {path}, without which there are {count}",
        path=f"review.observe.{most}",
        count=without[most],
    )
    return Fault(("review", "observe", most), message, hint)


def _prices(
    instance: Instance, seen: Sight, there: Sequence[State], chance: float
) -> dict[str, Floats]:
    """How often each price state comes on a path, of materials whose price a floor pays by; where
    no state goes there, what was seen of a price, else as in all states."""
    floors = {m for i in instance.instruments for m in i.floors}
    of_price = {
        one.price: int(x) for one, x in zip(observed(instance), seen, strict=True) if one.price
    }
    found = {}
    for m, data in instance.prices.items():
        if not data.drawn or m not in floors:
            continue
        if chance > 0:
            at = [dict(s.prices).get(m, data.usual) for s in there]
            weights = np.array([s.probability for s in there]) / chance
            found[m] = np.bincount(at, weights, len(data.chance)).astype(float)
        elif m in of_price:
            found[m] = np.eye(len(data.chance))[of_price[m]]
        else:
            found[m] = data.chance
    return found


def by_path(instance: Instance, states: Sequence[State]) -> Iterator[NDArray[np.intp]]:
    """Places of the states that go each path; none without paths. A state that looks like none of
    those that the plan was made for goes the likeliest path of those that it has most in common
    with."""
    known = {path.sight: g for g, path in enumerate(instance.paths)}

    def nearest(own: Sight) -> int:
        def near(g: int) -> tuple[int, float]:
            path = instance.paths[g]
            same = sum(x == y for x, y in zip(own, path.sight, strict=True))
            return same, path.chance

        return max(range(len(instance.paths)), key=near)

    at = list[int]()
    for state in states if known else ():
        own = sight(instance, state)
        if own not in known:
            known[own] = nearest(own)
        at.append(known[own])
    places = np.array(at, dtype=np.intp)
    for g in range(len(instance.paths)):
        yield np.flatnonzero(places == g)


def on_path(states: Sequence[State], places: NDArray[np.intp]) -> tuple[State, ...]:
    """The states of a path, whose probabilities add up to 1. Where there are none, the first of
    all stands in: the path's rules hold although it has no chance."""
    if not len(places):
        return (replace(states[0], probability=1.0),)
    own = [states[int(n)] for n in places]
    chance = sum(s.probability for s in own)
    if chance <= 0:
        return (replace(own[0], probability=1.0), *(replace(s, probability=0.0) for s in own[1:]))
    return tuple(replace(s, probability=s.probability / chance) for s in own)
