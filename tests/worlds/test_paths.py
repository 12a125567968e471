"""Recourse in random worlds: what compiled passes find, programs from the rules, and an independent
linear program; the rule without foresight is never better."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cutting import bound_at, random_point, recourse_of
from oracle_outcome import damages
from random_chains import commitment
from random_worlds import world_case

from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON_GROUP, Instance, company_group
from optimizer.model.states import read_states
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, simulate_release_policy

SEEDS = range(500)


def of_programs(raw: dict[str, Any]) -> RecourseEvaluator:
    """Recourse in which every chain and node is solved as linear programs."""
    recourse = recourse_of(raw)
    recourse._build_evaluation = recourse.build_program_evaluation  # type: ignore[method-assign, assignment]
    return recourse


def proven(recourse: RecourseEvaluator, evaluated: Any, point: FirstStagePoint) -> Any:
    """(S) what the multipliers of all nodes prove of a point in each state."""
    none = np.zeros(len(recourse.probability))
    return sum(
        (bound_at(s, recourse.node_data[v], point) for v, s in evaluated.subgradients.items()), none
    )


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-7, abs=1e-8)


def decided(pick: Any, raw: dict[str, Any], instance: Instance) -> tuple[Commitment, list[float]]:
    """A commitment, whatever it costs, with half of its offtake under a floor, and the damage of
    each state that the independent program finds."""
    start, offtake, buy = commitment(pick, raw)
    floored = {
        (p, "common" if group == COMMON_GROUP else group.rstrip("."), f, i): 0.5
        * offtake[p, "common"]
        for p, year, group, f, i in dict.fromkeys(instance.floored_offtakes)
        if start.get(p) == year and group == COMMON_GROUP and i == instance.price_floors(p)[0].id
    }
    found = damages(raw, start, offtake, buy, floored)
    groups = {"common": COMMON_GROUP} | {f: company_group(f) for f in raw["funders"]}
    own = Commitment(
        start=start,
        offtake={(p, groups[g]): x for (p, g), x in offtake.items()},
        buy={
            h: np.array(tonnes) / instance.lot_tonnes[instance.stockpiles[h].material]
            for h, tonnes in buy.items()
        },
        floored={(p, groups[g], f, i): x for (p, g, f, i), x in floored.items()},
    )
    return own, [sum(of_nodes.values()) for of_nodes in found]


@pytest.mark.quick(every=101, ci=7)
@pytest.mark.parametrize("seed", SEEDS)
def test_all_evaluations_of_recourse_agree(seed: int) -> None:
    """Damage of each state, three times, and cuts that are tight where they were made and hold
    elsewhere."""
    pick = random.Random(f"paths {seed}")
    raw = world_case(pick.choice)
    compiled, programs = recourse_of(raw), of_programs(raw)
    instance, rng = compiled.instance, np.random.default_rng(seed)
    own, expected = decided(pick.choice, raw, instance)
    points = [compiled.columns.to_point(own), *(random_point(rng, compiled) for _ in range(3))]
    each = np.eye(len(compiled.probability))
    exact = [programs.evaluate(at, each) for at in points]
    assert exact[0].damage == close(np.array(expected))
    for recourse in (compiled, programs):
        for at, whole in zip(points[:2], exact, strict=False):
            found = recourse.evaluate(at, each)
            assert found.damage == close(whole.damage)
            assert proven(recourse, found, at) == close(whole.damage)
            size = 1 + np.abs(sum(slopes.constant for slopes in found.subgradients.values()))
            for other, bounded in zip(points, exact, strict=True):
                excess = proven(recourse, found, other) - bounded.damage
                assert (excess <= 1e-8 * size).all()
    for rule in simulate_release_policy(instance, read_states(instance), own, (0.0, 0.4)):
        assert (rule.damage >= np.array(expected) - 1e-7 * (1 + np.array(expected))).all()
