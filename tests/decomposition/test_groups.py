"""Cuts by groups of states: each bounds its part of a node's mean, and the parts add up."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cutting import claimed, random_point, recourse_of
from lending import GAP, again, base, made, optimum
from random_cases import crowded_case

from models.scenario.case import Case
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import CutPool, solve_by_decomposition
from optimizer.solve.decomposition.cuts import Appraiser, group_weights
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.run import Run

Raw = dict[str, Any]


def test_every_state_is_in_one_group() -> None:
    chance = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    weights = group_weights(chance, 2)
    assert weights.tolist() == [[0.1, 0.0, 0.3, 0.0, 0.25], [0.0, 0.2, 0.0, 0.15, 0.0]]


@pytest.mark.parametrize("seed", range(12))
def test_a_cut_of_a_group_is_tight_and_true_for_its_states(seed: int) -> None:
    raw = crowded_case(random.Random(f"groups {seed}").choice)
    raw["objective"]["cvar"] = {"weight": 0.0, "level": 0.9}
    recourse, rng = recourse_of(raw), np.random.default_rng(seed)
    points = [random_point(rng, recourse) for _ in range(4)]
    appraise = Appraiser(recourse, 3)
    truth = [recourse.sweep(point, appraise.groups).by_node for point in points]
    cuts = appraise(points[0]).cuts
    assert [cut.bounds for cut in cuts] == [(v, g) for v in recourse.nodes for g in range(3)]
    for cut in cuts:
        v, group = cut.bounds
        assert claimed(recourse, cut, points[0]) == pytest.approx(truth[0][v][group], abs=1e-9)
        for point, true in zip(points, truth, strict=True):
            assert claimed(recourse, cut, point) <= true[v][group] + 1e-9 * (1 + true[v][group])


def test_groups_add_up_to_the_mean() -> None:
    recourse = recourse_of(base(cvar={"weight": 0.0, "level": 0.9}))
    point = random_point(np.random.default_rng(3), recourse)
    one, three = Appraiser(recourse)(point), Appraiser(recourse, 3)(point)
    assert three.by_node == pytest.approx(one.by_node)
    assert len(three.cuts) == 3 * len(one.cuts)


@pytest.mark.parametrize("groups", [2, 5])
@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_groups_lead_to_the_same_optimum(groups: int, weight: float) -> None:
    """Five groups are more than there are states: the last ones are empty."""
    raw = base(cvar={"weight": weight, "level": 0.8})
    instance = read_instance(Case.model_validate(raw))
    states = read_states(instance)
    assert len(states) < 5
    found = solve_by_decomposition(instance, states, gap=GAP, threads=1, groups=groups).solution
    assert found.ending == "optimal"
    assert found.objective == pytest.approx(optimum(raw), rel=3e-6)


def test_cuts_of_other_groups_are_made_anew() -> None:
    """A cut of all states would be false for one group's part."""

    def lend(pool: CutPool, groups: int) -> str:
        recourse = recourse_of(base())
        master = Master(recourse.instance, recourse, groups)
        return pool.lend(Run(master, Appraiser(recourse, groups), GAP))

    pool = made(base())
    assert lend(again(pool), 1) == "as it stands"
    assert lend(again(pool), 2) == "made anew"
