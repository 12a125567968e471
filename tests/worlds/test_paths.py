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
from optimizer.solve.chains import chain_outcomes
from optimizer.solve.outcomes import evaluate_commitments
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, simulate_release_policy

SEEDS = range(500)
FLOORED_CHAINS = (33, 37, 3, 18, 21, 23)
"""Worlds in which a project with a price floor delivers forms of one chain."""


def of_programs(raw: dict[str, Any]) -> RecourseEvaluator:
    """Recourse in which every chain and node is solved as linear programs."""
    recourse = recourse_of(raw)
    recourse.build_evaluation = recourse.build_program_evaluation  # type: ignore[method-assign, assignment]
    return recourse


def proven(recourse: RecourseEvaluator, evaluated: Any, point: FirstStagePoint) -> Any:
    """(S) what the multipliers of all nodes prove of a point in each state."""
    none = np.zeros(len(recourse.probability))
    return sum(
        (bound_at(s, recourse.node_data[v], point) for v, s in evaluated.subgradients.items()), none
    )


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-7, abs=1e-8)


def decided(pick: Any, raw: dict[str, Any], instance: Instance) -> tuple[Commitment, Any]:
    """A commitment, whatever it costs, with half of its offtake under a floor, and the same for the
    independent program."""
    start, offtake, buy = commitment(pick, raw)
    floored = {
        (p, "common" if group == COMMON_GROUP else group.rstrip("."), f, i): 0.5
        * offtake[p, "common"]
        for p, year, group, f, i in dict.fromkeys(instance.floored_offtakes)
        if start.get(p) == year and group == COMMON_GROUP and i == instance.price_floors(p)[0].id
    }
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
    return own, (start, offtake, buy, floored)


def damage_of(raw: dict[str, Any], decisions: Any) -> Any:
    """The damage of each state that the independent program finds."""
    return np.array([sum(of_nodes.values()) for of_nodes in damages(raw, *decisions)])


@pytest.mark.quick(every=101, ci=29)
@pytest.mark.parametrize("seed", SEEDS)
def test_all_evaluations_of_recourse_agree(seed: int) -> None:
    """Damage of each state, three times, and cuts that are tight where they were made and hold
    elsewhere."""
    pick = random.Random(f"paths {seed}")
    raw = world_case(pick.choice)
    compiled, programs = recourse_of(raw), of_programs(raw)
    instance, rng = compiled.instance, np.random.default_rng(seed)
    own, decisions = decided(pick.choice, raw, instance)
    expected = damage_of(raw, decisions)
    points = [compiled.columns.to_point(own), *(random_point(rng, compiled) for _ in range(3))]
    each = np.eye(len(compiled.probability))
    exact = [programs.evaluate(at, each) for at in points]
    assert exact[0].damage == close(expected)
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
        assert (rule.damage >= expected - 1e-7 * (1 + expected)).all()


@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", FLOORED_CHAINS)
def test_a_project_avoids_the_damage_of_the_plan_without_it_and_its_floor(seed: int) -> None:
    pick = random.Random(f"paths {seed}")
    raw = world_case(pick.choice)
    instance = recourse_of(raw).instance
    plan, decisions = decided(pick.choice, raw, instance)
    states = read_states(instance)
    weights = np.array([state.probability for state in states])
    (without,) = evaluate_commitments(instance, states, [Commitment()])
    checked = 0
    for chain in chain_outcomes(instance, states, plan, without)[0]:
        forms = {form.material for form in chain.forms}
        for built in chain.projects:
            if not raw["projects"][built.id]["output_t_per_year"].keys() <= forms:
                continue
            start, offtake, buy, floored = decisions
            left, kept = (
                {k: x for k, x in d.items() if k[0] != built.id} for d in (offtake, floored)
            )
            more = damage_of(raw, (start, left, buy, kept)) - damage_of(raw, decisions)
            assert built.avoided == pytest.approx(weights @ more, rel=1e-6, abs=1e-7)
            checked += len(kept) < len(floored)
    assert checked
