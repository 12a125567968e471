"""Which chains are served as networks, and what they say of purchases, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cutting import recourse_of
from small import case, cut, near, state, stockpile

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Chain, Plant
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.recourse.network_evaluation import NetworkEvaluation, content_by_node

ALL = np.ones(1)


def plant(made: int, **inputs: float) -> Plant:
    """One that makes lots for a node out of lots of others, named ``v0`` and so on."""
    return Plant("", "", ("", ""), made, {int(v[1:]): lots for v, lots in inputs.items()}, ALL)


@pytest.mark.parametrize(
    ("plants", "content"),
    [
        ((), {0: 1, 1: 1, 2: 1, 3: 1}),
        ((plant(1, v0=2.0), plant(2, v1=3.0)), {0: 1, 1: 2, 2: 6, 3: 1}),
        ((plant(2, v0=2.0), plant(2, v1=3.0)), {0: 1, 1: 2 / 3, 2: 2, 3: 1}),
        ((plant(1, v0=0.1), plant(2, v1=0.7), plant(2, v0=0.07)), {0: 1, 1: 0.1, 2: 0.07, 3: 1}),
        ((plant(1, v0=0.1), plant(2, v1=0.7), plant(2, v0=0.08)), None),
        ((plant(1, v0=0.1), plant(1, v0=0.2)), None),
        ((plant(2, v0=1.0, v1=1.0),), None),
    ],
)
def test_lots_contain_what_ratios_say(plants: Any, content: dict[int, float] | None) -> None:
    """Where each plant takes in one form, and all ways agree."""
    found = content_by_node(Chain((0, 1, 2, 3), plants))
    assert found == (content if content is None else pytest.approx(content, rel=1e-14))


def magnets(*losses: float, capacity: float = 100) -> RecourseEvaluator:
    """Of 2 t of oxide, in two years; imports of magnets fail in the second, of which a missing
    tonne costs 1 million EUR. Stocks of oxide, of which a share is lost each year."""
    return recourse_of(
        case(
            2027,
            materials={m: {"name": m, "price_eur_per_t": 1} for m in ("oxide", "magnet")},
            demand=[{"consumer": "industry", "material": "magnet", "t_per_year": 100}],
            damage=[{"material": "magnet", "steps": [{"share": 1.0, "eur_per_t": 1e6}]}],
            supply=[{"material": "magnet", "country": "CN", "t_per_year": 100}],
            conversions={
                "makers": {
                    "name": "Makers",
                    "country": "DE",
                    "output": "magnet",
                    "inputs_t_per_t": {"oxide": 2.0},
                    "capacity_t_per_year": capacity,
                }
            },
            stockpiles=[
                stockpile(id=f"store_{n}", material="oxide", annual_loss=loss)
                for n, loss in enumerate(losses)
            ],
            hazards=cut([1.0]),
            uncertainty={"states": [state("one", 1.0, 2027)]},
        )
    )


def evaluate(recourse: RecourseEvaluator, *tonnes: float) -> Any:
    """With so many tonnes bought for each stock in each year, and whether as a network."""
    instance = recourse.instance
    lot = instance.lot_tonnes["oxide"]
    buy = {h: np.full(2, t / lot) for h, t in zip(instance.stockpiles, tonnes, strict=True)}
    point = recourse.columns.to_point(Commitment(buy=buy))
    found = recourse.evaluate(point, recourse.probability[None])
    ways = [
        type(one) for one in recourse._evaluations.values() if one.chain_id == instance.chains[0].id
    ]
    return found, ways[-1] is NetworkEvaluation


def test_only_filled_stocks_need_equal_loss_rates() -> None:
    """Of two that lose unlike, one may hold what it likes: 10 t in each year are 19 t in the
    second, of which 9.5 t of magnets are made."""
    recourse = magnets(0.1, 0.5)
    for tonnes, network, damage in (
        ((0, 0), True, 100.0),
        ((10, 0), True, 90.5),
        ((0, 10), True, 92.5),
        ((10, 10), False, 83.0),
    ):
        found, chosen = evaluate(recourse, *tonnes)
        assert chosen == network
        assert found.damage[0] == near(damage)


@pytest.mark.parametrize(
    ("capacity", "tonnes", "worth"), [(100, 0, 0.5), (100, 10, 0.5), (5, 0, 0.5), (5, 10, 0.0)]
)
def test_oxide_is_worth_what_is_made_of_it(capacity: float, tonnes: float, worth: float) -> None:
    """Half a tonne of magnets in the second year; a share of it in the year before, by what the
    stock keeps, be it empty or not. Nothing where plants lack capacity."""
    recourse = magnets(0.1, 0.5, capacity=capacity)
    found, network = evaluate(recourse, tonnes, 0)
    assert network
    (oxide,) = (v for v, own in recourse.node_data.items() if own.node.material == "oxide")
    per_t = found.subgradients[oxide].purchase_value[0] / recourse.instance.lot_tonnes["oxide"]
    assert per_t == pytest.approx(worth * np.array([[0.9, 1.0], [0.5, 1.0]]), rel=1e-12)
