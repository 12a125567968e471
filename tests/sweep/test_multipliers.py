"""Long horizons and several limited stocks: damage as a linear program has it, tight cuts."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cutting import bound_at, recourse_of
from recourse_program import nodes_of, random_case
from small import case

from optimizer.model.commitment import Commitment
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator

Raw = dict[str, Any]

KINDS = ["one", "equal", "equal loss, limits", "unlike", "filled again"]


def drawn(kind: str, seed: int) -> tuple[Raw, Raw, Raw]:
    """A case of up to 24 periods, with offtake and tonnes bought."""
    pick = random.Random(f"long {kind} {seed}")
    raw = random_case(pick, kind, lengths=(2, 4, 6), parts=(4,))
    offtake = {"common": pick.uniform(0, 0.5), "giant": pick.choice([0.0, 0.4])}
    length = raw["horizon"]["last_year"] - 2025
    buy = {
        pile["id"]: [pick.choice([0.0, pick.uniform(0, 30)]) for _ in range(length)]
        for pile in raw["stockpiles"]
    }
    return raw, offtake, buy


def point_of(recourse: RecourseEvaluator, offtake: Raw, buy: Raw) -> FirstStagePoint:
    lot = recourse.instance.lot_tonnes["ore"]
    commitment = Commitment(
        start={"mine": 2026},
        offtake={("mine", group): share for group, share in offtake.items()},
        buy={h: np.array(tonnes) / lot for h, tonnes in buy.items()},
    )
    return recourse.columns.to_point(commitment)


@pytest.mark.quick(every=11, ci=5)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(25))
def test_long_chains_are_as_good_as_a_linear_program(kind: str, seed: int) -> None:
    """The damage of each node, which its multipliers prove, and no more than it elsewhere."""
    raw, offtake, buy = drawn(kind, seed)
    recourse = recourse_of(raw)
    point = point_of(recourse, offtake, buy)
    evaluated = recourse.evaluate(point, np.ones((1, 1)))
    for v, damage in enumerate(nodes_of(raw, offtake, buy)):
        assert evaluated.damage_by_chain[v][0] == pytest.approx(damage, rel=1e-7, abs=1e-9)
        proven = float(bound_at(evaluated.subgradients[v], recourse.node_data[v], point)[0])
        assert proven == pytest.approx(float(evaluated.damage_by_chain[v][0]), rel=1e-9, abs=1e-12)
    shifted = {h: tonnes[1:] + tonnes[:1] for h, tonnes in buy.items()}
    others = [
        point_of(recourse, {"common": 0.0, "giant": 0.0}, {}),
        point_of(recourse, offtake, {}),
        point_of(recourse, {"common": 0.6, "giant": 0.1}, shifted),
        point_of(recourse, offtake, dict.fromkeys(buy, [9.0] * len(next(iter(buy.values()), [])))),
    ]
    for other in others:
        exact = recourse.evaluate(other, np.ones((1, 1)))
        for v, slopes in evaluated.subgradients.items():
            size = 1e-9 * (1 + abs(float(slopes.constant[0])))
            assert (
                bound_at(slopes, recourse.node_data[v], other)[0]
                <= exact.damage_by_chain[v][0] + size
            )


def test_the_cases_are_long_and_crowded() -> None:
    """24 periods, three stocks, limits on release."""
    drawn_ = [drawn("equal loss, limits", seed)[0] for seed in range(30)]
    full = [
        raw
        for raw in drawn_
        if raw["horizon"]["last_year"] == 2031
        and len(raw["stockpiles"]) == 3
        and sum(pile["max_release_t_per_period"] is not None for pile in raw["stockpiles"]) > 1
    ]
    assert len(full) > 2


def test_merged_steps_are_split_by_the_order_of_the_file() -> None:
    """Of three consumers the first and the last are equally dear: what is missing, the last lacks
    first."""
    eur = {"first": 50_000, "second": 90_000, "third": 50_000}
    raw = case(
        2027,
        consumers={u: {} for u in eur},
        demand=[{"consumer": u, "material": "ore", "t_per_year": 16} for u in eur],
        damage=[
            {"material": "ore", "consumer": u, "steps": [{"share": 1.0, "eur_per_t": price}]}
            for u, price in eur.items()
        ],
    )
    recourse = recourse_of(raw)
    (node,) = recourse.node_data.values()
    assert node.step_members == ((1,), (0, 2))
    lot = recourse.instance.lot_tonnes["ore"]
    for missing, by_step in ((12, [0, 0, 12]), (20, [4, 0, 16]), (32, [16, 0, 16])):
        merged = np.array([[0.0, 0.0], [missing, 0.0]]) / lot
        split = node.split_to_file_steps(merged, 0) * lot
        assert split[:, 0] == pytest.approx(by_step)
        assert split[:, 1] == pytest.approx(0)
