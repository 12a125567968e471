"""Exact recourse against a linear program written down from the contract, and its rules on ties.

The linear program counts tonnes in every period of the horizon (``recourse_program``); the sweep
counts lots, in first-period terms, where something is missing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from recourse_program import PILES, nodes_of, random_case
from small import CHINA, Raw, case, cut, near, state, stockpile

from models.scenario.references import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, Node, read_instance
from optimizer.model.states import read_states
from optimizer.solve.recourse import RecourseEvaluator


@dataclass(frozen=True)
class NodeOutcome:
    """What is missing in a node of the only state: (J, K) lots, and damage by step."""

    node: Node
    shortage: NDArray[np.float64]
    damage: NDArray[np.float64]


def evaluate(raw: Raw, commitment: Commitment | None = None) -> list[NodeOutcome]:
    """The nodes of the only state."""
    instance = read(raw)
    recourse = RecourseEvaluator(instance, read_states(instance))
    point = recourse.columns.to_point(commitment or Commitment())
    missing = {
        v: lots for part in recourse.shortages(point) for v, lots in part.expected_by_step.items()
    }
    return [
        NodeOutcome(
            node, missing[v], (missing[v] * recourse.node_data[v].file_step_weight).sum(axis=1)
        )
        for v, node in enumerate(instance.nodes)
    ]


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def check_limits(outcome: NodeOutcome, instance: Instance) -> None:
    limit = np.array([step.limit for step in outcome.node.steps])[:, instance.year_index]
    assert (outcome.shortage >= 0).all()
    assert (outcome.shortage <= limit * (1 + 1e-12)).all()
    assert outcome.damage.min() >= 0


@pytest.mark.quick(every=17, ci=7)
@pytest.mark.parametrize("kind", PILES)
@pytest.mark.parametrize("seed", range(60))
def test_recourse_is_as_good_as_a_linear_program(kind: str, seed: int) -> None:
    """300 scenarios of one or two nodes: the damage of each agrees."""
    pick = random.Random(f"{kind} {seed}")
    raw = random_case(pick, kind)
    instance = read(raw)
    lot = instance.lot_tonnes["ore"]
    buy = {
        pile["id"]: [pick.choice([0.0, pick.uniform(0, 30)]) for _ in instance.years]
        for pile in raw["stockpiles"]
    }
    offtake = {"common": pick.uniform(0, 0.5), "giant": pick.choice([0.0, 0.4])}
    commitment = Commitment(
        start={"mine": 2026},
        offtake={("mine", group): share for group, share in offtake.items()},
        buy={h: np.array(tonnes) / lot for h, tonnes in buy.items()},
    )
    outcomes = evaluate(raw, commitment)
    expected = list(nodes_of(raw, offtake, buy))
    assert len(outcomes) == len(expected)
    for outcome, damage in zip(outcomes, expected, strict=True):
        assert outcome.damage.sum() == pytest.approx(damage, rel=1e-7, abs=1e-9)
        check_limits(outcome, instance)


# By hand: nothing arrives in the first periods of a year of four, 25 t are needed in each.

LOT_T = 16.0
EMBARGO: Raw = {
    "horizon": {"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
    "supply": CHINA,
    "hazards": cut([1.0, 1.0, 1.0, 0.0]),
    "uncertainty": {"states": [state("embargo", 1.0, 2026)]},
}


def tonnes(outcome: NodeOutcome) -> list[list[float]]:
    return (outcome.shortage * LOT_T).tolist()


def test_the_earliest_period_is_served_first() -> None:
    """Of three equally bad periods a lossless stock of 40 t serves the first, then the second."""
    (outcome,) = evaluate(case(**EMBARGO, stockpiles=[stockpile(initial_t=40)]))
    assert tonnes(outcome) == [near([0, 10, 25, 0])]


def test_the_earliest_period_is_served_first_from_unlike_stocks() -> None:
    """The same 40 t from two stocks of which one releases at most 12 t a period."""
    piles = [
        stockpile(id="slow", initial_t=20, max_release_t_per_period=12),
        stockpile(id="quick", initial_t=20),
    ]
    (outcome,) = evaluate(case(**EMBARGO, stockpiles=piles))
    assert tonnes(outcome) == [near([0, 10, 25, 0])]


TWO: Raw = {
    "consumers": {"first": {}, "second": {}},
    "demand": [
        {"consumer": "first", "material": "ore", "t_per_year": 60},
        {"consumer": "second", "material": "ore", "t_per_year": 40},
    ],
}


@pytest.mark.parametrize(
    "piles",
    [
        [stockpile(initial_t=20)],
        [
            stockpile(id="slow", initial_t=8, max_release_t_per_period=8),
            stockpile(id="quick", initial_t=12, max_release_t_per_period=12),
        ],
    ],
    ids=["one stock", "two stocks"],
)
def test_of_equal_consumers_the_first_in_the_file_is_served_first(piles: list[Raw]) -> None:
    """15 t of the first and 5 of the second's 10 t."""
    (outcome,) = evaluate(case(**EMBARGO, **TWO, stockpiles=piles))
    assert [step.consumer for step in outcome.node.steps] == ["first", "second"]
    assert tonnes(outcome) == [near([0, 15, 15, 0]), near([5, 10, 10, 0])]


def test_what_still_arrives_goes_to_the_first_in_the_file() -> None:
    """Half of 25 t arrives: 12.5 of the first's 15 t."""
    raw = case(**EMBARGO, **TWO) | {"hazards": cut([0.5])}
    (outcome,) = evaluate(raw)
    assert tonnes(outcome) == [near([2.5, 0, 0, 0]), near([10, 0, 0, 0])]


def test_a_dear_consumer_is_served_before_the_first_in_the_file() -> None:
    steps = {"first": 10_000, "second": 90_000}
    damage = [
        {"material": "ore", "consumer": u, "steps": [{"share": 1.0, "eur_per_t": eur}]}
        for u, eur in steps.items()
    ]
    (outcome,) = evaluate(
        case(**EMBARGO, **TWO, damage=damage, stockpiles=[stockpile(initial_t=35)])
    )
    assert tonnes(outcome) == [near([10, 15, 15, 0]), near([0, 0, 0, 0])]


def test_a_stock_is_kept_for_the_worse_month_only_if_it_keeps() -> None:
    """A stock of 20 t halves every year: 10 t are left in 2026, or 5 t in 2027.

    10 t are missing in either year, for 60 000 EUR/t in the first and 100 000 in the second. By
    weight alone the stock would wait and save 0.5 million; at once it saves 0.6 of the 1.6.
    """
    demand = {"first": {2026: 10, 2027: 0}, "second": {2026: 0, 2027: 10}}
    damage = {"first": 60_000, "second": 100_000}
    raw = case(
        2027,
        consumers={"first": {}, "second": {}},
        demand=[{"consumer": u, "material": "ore", "t_per_year": t} for u, t in demand.items()],
        damage=[
            {"material": "ore", "consumer": u, "steps": [{"share": 1.0, "eur_per_t": eur}]}
            for u, eur in damage.items()
        ],
        stockpiles=[stockpile(initial_t=20, annual_loss=0.5)],
    )
    (outcome,) = evaluate(raw)
    assert outcome.damage.tolist() == near([0.0, 1.0])
    raw["stockpiles"][0]["annual_loss"] = 0.2
    # 16 t in 2026 or 12.8 in 2027: now it waits, and the 10 t of 2027 take 12.5 of the 16.
    (outcome,) = evaluate(raw)
    assert outcome.damage.tolist() == near([0.06 * 6.5, 0.0])


def test_limits_hold_stock_back_for_later_periods() -> None:
    """10 t a period of 40: 15, 15 and 15 are missing, and 10 t are never used."""
    pile = stockpile(initial_t=40, max_release_t_per_period=10)
    (outcome,) = evaluate(case(**EMBARGO, stockpiles=[pile]))
    assert tonnes(outcome) == [near([15, 15, 15, 0])]


def test_purchases_serve_their_period_and_later_ones_only() -> None:
    """40 t a year come in by 10 t a period, and each leaves in its own: 15 t are missing."""
    commitment = Commitment(buy={"reserve": np.array([40 / LOT_T])})
    (outcome,) = evaluate(case(**EMBARGO, stockpiles=[stockpile()]), commitment)
    assert tonnes(outcome) == [near([15, 15, 15, 0])]


@pytest.mark.parametrize("count", [1, 2])
def test_the_earliest_period_is_served_first_where_a_loss_makes_weights_equal(count: int) -> None:
    """Half is lost a year: 64 t give 8 t in 2028 for 40 000 EUR/t or 4 t in 2029 for 80 000.

    Either saves 0.32 million. A second stock is of no use: it lets out nothing.
    """
    demand = {"first": {2026: 0, 2028: 10, 2029: 0}, "second": {2026: 0, 2028: 0, 2029: 10}}
    demand["first"][2027] = 0
    piles = [
        stockpile(initial_t=64, annual_loss=0.5),
        stockpile(id="stuck", initial_t=1, max_release_t_per_period=0),
    ]
    raw = case(
        2029,
        consumers={"first": {}, "second": {}},
        demand=[{"consumer": u, "material": "ore", "t_per_year": t} for u, t in demand.items()],
        damage=[
            {"material": "ore", "consumer": u, "steps": [{"share": 1.0, "eur_per_t": eur}]}
            for u, eur in (("first", 40_000), ("second", 80_000))
        ],
        stockpiles=piles[:count],
    )
    (outcome,) = evaluate(raw)
    lot = read(raw).lot_tonnes["ore"]
    assert (outcome.shortage.sum(axis=0) * lot).tolist() == near([0, 0, 2, 10])


@pytest.mark.parametrize("count", [1, 2])
def test_stocks_are_released_for_shortages_without_damage(count: int) -> None:
    """50 t are missing in each of three years, the first 25 t of them at no cost. 90 t in store
    cover the dear 25 t of each year, then the free tonnes of the first year: 15 t of 25 t.
    """
    steps = [{"share": 0.5, "eur_per_t": 0}, {"share": 0.5, "eur_per_t": 1_000_000}]
    piles = [
        stockpile(initial_t=90),
        stockpile(id="stuck", initial_t=1, max_release_t_per_period=0),
    ]
    raw = case(
        2028,
        demand=[{"consumer": "industry", "material": "ore", "t_per_year": 50}],
        damage=[{"material": "ore", "steps": steps}],
        stockpiles=piles[:count],
    )
    (outcome,) = evaluate(raw)
    lot = read(raw).lot_tonnes["ore"]
    assert (outcome.shortage.sum(axis=0) * lot).tolist() == near([10, 25, 25])
