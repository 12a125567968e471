"""Comparison of instances: states and recourse are kept if and only if a changed figure does not
affect them."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from everything import everything
from pydantic import ValidationError
from random_worlds import world_case

from models.scenario.references import Case
from optimizer.model.instance import Instance, read_instance
from optimizer.model.instance_comparison import same_recourse, same_sampling
from optimizer.model.states import read_states
from optimizer.solve.recourse import RecourseEvaluator

Raw = dict[str, Any]
Place = tuple[Any, ...]

OUTSIDE = ("funders", "policy")
"""Sections of which recourse sees nothing but who may reserve output, and floors."""


def numbers(part: Any, below: Place = ()) -> list[Place]:
    """Places of all numbers of a scenario."""
    found = []
    for key, own in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(own, dict | list):
            found += numbers(own, (*below, key))
        elif isinstance(own, int | float) and not isinstance(own, bool):
            found.append((*below, key))
    return found


def changed(raw: Raw, place: Place) -> Instance | None:
    """The instance with a number a little larger, or smaller where that does not fit."""
    for factor in (1.25, 0.75):
        other = copy.deepcopy(raw)
        at: Any = other
        for step in place[:-1]:
            at = at[step]
        whole = isinstance(at[place[-1]], int)
        at[place[-1]] = at[place[-1]] + 1 if whole else at[place[-1]] * factor
        try:
            return read_instance(Case.model_validate(other))
        except ValidationError:
            continue
    return None


def content(instance: Instance) -> str:
    """The hash of all that recourse depends on."""
    return RecourseEvaluator(instance, read_states(instance), threads=1).content_hash


CASES = {"everything": everything()} | {
    f"world {seed}": world_case(random.Random(f"alike {seed}").choice) for seed in range(12)
}


@pytest.mark.quick(every=13)
@pytest.mark.parametrize("name", CASES)
def test_instances_compared_as_equal_have_equal_states_and_recourse(name: str) -> None:
    """For a change of any number of a scenario: if sampling is declared unchanged, states are
    equal; if recourse is declared unchanged, its content is equal."""
    raw = CASES[name]
    here = read_instance(Case.model_validate(raw))
    states, seen = read_states(here), content(here)
    kept = 0
    for place in numbers(raw):
        there = changed(raw, place)
        if there is None:
            continue
        drawn, alike = same_sampling(here, there), same_recourse(here, there)
        if drawn:
            assert read_states(there) == states, place
            kept += alike
            assert not alike or content(there) == seen, place
        if place[0] in OUTSIDE and not json.dumps(place).count("floor"):
            assert drawn, place
    assert kept > 5


def test_a_changed_budget_keeps_states_and_recourse() -> None:
    """Neither states nor state classes are built again."""
    raw = everything()
    here, there = (
        read_instance(Case.model_validate(raw | {"policy": raw["policy"] | {"budget_meur": x}}))
        for x in (100, 200)
    )
    assert same_sampling(here, there)
    assert same_recourse(here, there)
