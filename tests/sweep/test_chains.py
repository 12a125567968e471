"""Recourse of chains of materials: damage as a linear program in tonnes has it, and true cuts.

``network`` are chains that are served by value, ``program`` such as need a linear program.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from cutting import bound_at, recourse_of
from oracle_chains import chains
from oracle_outcome import damages
from random_chains import KINDS, chain_case, commitment

from optimizer.model.commitment import Commitment
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, evaluator as sweeping
from optimizer.solve.recourse.network_evaluation import NetworkEvaluation

Raw = dict[str, Any]
LONG = ((2, 4), (3, 4), (6, 1), (1, 12))
DRAWN = [(kind, seed, seed % 5 == 4) for seed in range(250) for kind in KINDS]
"""Kind, number and whether the horizon is long."""


def drawn(kind: str, seed: int, long: bool) -> tuple[random.Random, Raw]:
    pick = random.Random(f"recourse {kind} {seed}")
    return pick, chain_case(pick.choice, kind, **({"lengths": LONG} if long else {}))


def point_of(recourse: RecourseEvaluator, start: Raw, offtake: Raw, buy: Raw) -> FirstStagePoint:
    lots = {
        h: recourse.instance.lot_tonnes[it.material]
        for h, it in recourse.instance.stockpiles.items()
    }
    held = {key: share for key, share in offtake.items() if share > 0}
    bought = {h: np.array(tonnes) / lots[h] for h, tonnes in buy.items()}
    return recourse.columns.to_point(Commitment(start=start, offtake=held, buy=bought))


def by_node(raw: Raw, recourse: RecourseEvaluator, evaluated: dict[int, Any]) -> dict[Any, Any]:
    """Weighted damage by chain, and consumer where entitled."""
    chain_of = {m: chain for chain in chains(raw) for m in chain}
    found: dict[Any, Any] = defaultdict(float)
    for v, damage in evaluated.items():
        node = recourse.instance.nodes[v]
        found[node.consumer, chain_of[node.material]] += damage
    return found


@pytest.mark.quick(every=47, ci=17)
@pytest.mark.parametrize(("kind", "seed", "long"), DRAWN)
def test_chains_are_as_good_as_a_linear_program(kind: str, seed: int, long: bool) -> None:
    """The damage of each node in each state, which its multipliers prove, and no more elsewhere."""
    pick, raw = drawn(kind, seed, long)
    recourse = recourse_of(raw)
    decided = commitment(pick.choice, raw)
    point = point_of(recourse, *decided)
    expected = damages(raw, *decided)
    each = np.eye(len(expected))
    evaluated = recourse.evaluate(point, each)
    of_node = by_node(raw, recourse, evaluated.damage_by_chain)
    for s, nodes in enumerate(expected):
        assert evaluated.damage[s] == near(sum(nodes.values()))
        for node, damage in nodes.items():
            assert np.broadcast_to(of_node[node], len(each))[s] == near(damage)
    assert proven(recourse, evaluated, point) == near(evaluated.damage)
    for other in (commitment(pick.choice, raw) for _ in range(3)):
        elsewhere = point_of(recourse, *other)
        exact = recourse.evaluate(elsewhere, each, with_subgradients=False).damage
        size = 1 + np.abs(sum(slopes.constant for slopes in evaluated.subgradients.values()))
        assert (proven(recourse, evaluated, elsewhere) <= exact + 1e-9 * size).all()


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-7, abs=1e-8)


def proven(recourse: RecourseEvaluator, evaluated: Any, point: FirstStagePoint) -> Any:
    """(S) what the multipliers of all nodes prove of a point in each state."""
    nodes = recourse.node_data
    return sum(bound_at(slopes, nodes[v], point) for v, slopes in evaluated.subgradients.items())


@pytest.mark.quick(every=47, ci=17)
@pytest.mark.parametrize(("kind", "seed", "long"), DRAWN[:200])
def test_what_is_missing_adds_up_to_the_damage(kind: str, seed: int, long: bool) -> None:
    """By step and within its limits."""
    pick, raw = drawn(kind, seed, long)
    recourse = recourse_of(raw)
    instance = recourse.instance
    point = point_of(recourse, *commitment(pick.choice, raw))
    evaluated = recourse.evaluate(point, recourse.probability[None], with_subgradients=False)
    total = np.zeros(len(recourse.probability))
    for part in recourse.shortages(point):
        total += part.expand_to_states(part.damage)
        for v, missing in part.expected_by_step.items():
            for step, lots in zip(instance.nodes[v].steps, missing, strict=True):
                assert (lots >= 0).all()
                assert (lots <= step.limit[instance.year_index] * (1 + 1e-9) + 1e-12).all()
    assert total == near(evaluated.damage)


@pytest.mark.quick(every=47, ci=17)
@pytest.mark.parametrize("seed", range(300))
def test_networks_and_programs_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On damage, on what potentials prove, and on what is missing of all that is worth anything,
    of which the earliest is served first where there is a choice."""
    pick, raw = drawn("network", seed, seed % 5 == 4)
    network, program = recourse_of(raw), recourse_of(raw)
    nothing = network.columns.to_point(Commitment())
    decided, *others = (point_of(network, *commitment(pick.choice, raw)) for _ in range(4))
    each = np.eye(len(network.probability))
    evaluated = {
        name: network.evaluate(at, each) for name, at in (("all", decided), ("none", nothing))
    }
    chosen = {
        one.chain_id for one in network._evaluations.values() if isinstance(one, NetworkEvaluation)
    }
    assert chosen == {chain.id for chain in network.instance.chains if len(chain.nodes) > 1}
    monkeypatch.setattr(sweeping, "content_by_node", lambda *_: None)
    exact = [
        program.evaluate(at, each, with_subgradients=False).damage
        for at in (decided, nothing, *others)
    ]
    assert not any(isinstance(one, NetworkEvaluation) for one in program._evaluations.values())
    for found, at, damage in zip(evaluated.values(), (decided, nothing), exact, strict=False):
        assert found.damage == near(damage)
        assert proven(network, found, at) == near(damage)
        size = 1 + np.abs(sum(slopes.constant for slopes in found.subgradients.values()))
        for other, bounded in zip((decided, nothing, *others), exact, strict=True):
            assert (proven(network, found, other) <= bounded + 1e-9 * size).all()
    for one, two in zip(network.shortages(decided), program.shortages(decided), strict=True):
        assert one.damage == near(two.damage)
        for v, lots in two.expected_by_step.items():
            priced = [step.weight.any() for step in network.instance.nodes[v].steps]
            assert one.expected_by_step[v][priced] == near(lots[priced])
            assert one.damage_by_step[v] == near(two.damage_by_step[v])


@pytest.mark.quick(every=23, ci=7)
@pytest.mark.parametrize("seed", range(100))
def test_approximate_evaluations_and_known_bounds_are_valid(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exact evaluation never uses an approximate one; evaluated points are kept."""
    pick, raw = drawn(KINDS[seed % len(KINDS)], seed, seed % 5 == 4)
    monkeypatch.setattr(sweeping, "content_by_node", lambda *_: None)
    recourse, fresh = recourse_of(raw), recourse_of(raw)
    chance = recourse.probability[None]
    tied = [chain.id for chain in recourse.instance.chains if len(chain.nodes) > 1]
    points = [point_of(recourse, *commitment(pick.choice, raw)) for _ in range(5)]
    exact = [fresh.evaluate(point, chance, chain_ids=tied) for point in points]

    def holds(slopes: dict[int, Any]) -> None:
        """What is proven by a chain is true at all points."""
        for at, true in zip(points, exact, strict=True):
            for head in tied:
                nodes = recourse.nodes_by_chain[head]
                if nodes[0] in slopes:
                    claimed = sum(bound_at(slopes[v], recourse.node_data[v], at) for v in nodes)
                    size = 1 + abs(sum(slopes[v].constant for v in nodes))
                    assert (claimed <= true.damage_by_chain[head] + 1e-9 * size).all()

    recourse.evaluate(points[0], chance, chain_ids=tied)
    for point, true in zip(points[1:], exact[1:], strict=True):
        rough = recourse.evaluate(point, chance, chain_ids=tied, approximate=True)
        assert (rough.damage <= true.damage * (1 + 1e-7) + 1e-8).all()
        holds(rough.subgradients)
        holds(
            {
                v: own
                for node in recourse.cached_subgradients(point, tied).values()
                for v, own in node.items()
            }
        )
    again = recourse.evaluate(points[1], chance, chain_ids=tied)
    assert again.damage == near(exact[1].damage)
    known = recourse.cached_subgradients(points[1], tied)
    for head, slopes in known.items():
        at = [bound_at(own, recourse.node_data[v], points[1]) for v, own in slopes.items()]
        assert sum(at) == near(exact[1].damage_by_chain[head])


@pytest.mark.slow
def test_most_cases_without_gains_are_served_as_networks() -> None:
    """Three hundred of them; some lose all that ties their forms."""
    served = 0
    for seed in range(300):
        recourse = recourse_of(drawn("network", seed, seed % 5 == 4)[1])
        recourse.evaluate(recourse.columns.to_point(Commitment()), recourse.probability[None])
        served += any(isinstance(one, NetworkEvaluation) for one in recourse._evaluations.values())
    assert served > 250


def test_the_cases_are_what_they_are_meant_to_be() -> None:
    """Chains of several forms, plants with several inputs, losses, limits, both allocations."""
    cases = [drawn(*one)[1] for one in DRAWN[:200]]
    inputs = [
        it["inputs_t_per_t"]
        for raw in cases
        for it in (*raw["conversions"].values(), *raw["projects"].values())
        if it.get("inputs_t_per_t")
    ]
    assert sum(len(taken) > 1 for taken in inputs) > 20
    assert sum(len(raw["materials"]) > 2 for raw in cases) > 100
    assert sum(len(raw["stockpiles"]) > 1 for raw in cases) > 80
    assert sum(raw["objective"]["allocation"] == "entitled" for raw in cases) > 60
    assert sum(len(raw["consumers"]) > 1 for raw in cases) > 80
