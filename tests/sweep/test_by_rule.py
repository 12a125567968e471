"""The release rule without foresight: against the rule in plain words, and never above foresight.

The rule in plain words goes period by period and tonne by tonne (``lived_through``), from terms
that are read off the scenario (``recourse_program``).
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from random_cases import crowded_case
from recourse_program import PILES, Pile, random_case, terms_of
from small import CHINA, Raw, case, cut, near, state, stockpile

from models.scenario.case import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import read_states
from optimizer.solve import outcomes
from optimizer.solve.recourse import ReleasePolicyResult, simulate_release_policy

Steps = list[tuple[list[float], list[float]]]


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def lived_through(
    demand: list[float],
    supply: list[float],
    steps: Steps,
    piles: list[Pile],
    per_year: int,
    reserve: float,
) -> tuple[float, float]:
    """Damage, and tonnes left, of an agency that goes by the rule."""
    damage = 0.0
    stock = [pile.initial for pile in piles]
    planned = list(stock)
    falling = sorted(range(len(piles)), key=lambda h: piles[h].keeps)
    for k, wanted in enumerate(demand):
        for h, pile in enumerate(piles):
            came = pile.bought[k // per_year] / per_year
            stock[h] = stock[h] * pile.keeps + came
            planned[h] = planned[h] * pile.keeps + came
        missing = max(0.0, wanted - supply[k])
        prices = sorted((weight[k], limit[k]) for limit, weight in steps)
        mean = sum(price * tonnes for price, tonnes in prices) / sum(t for _, t in prices)
        alike = prices[-1][0] - prices[0][0] <= 1e-9 * prices[-1][0]
        short = []
        for price, tonnes in prices:  # the cheapest steps go without first
            short.append([price, min(missing, tonnes), alike or price > mean * (1 + 1e-9)])
            missing -= short[-1][1]
        may = [pile.most if pile.most is not None else float("inf") for pile in piles]
        for dear in (True, False):
            for step in sorted(short, key=lambda step: -step[0]):
                for h in falling if step[2] == dear else []:
                    free = stock[h] if dear else max(0.0, stock[h] - reserve * planned[h])
                    gives = min(step[1], free, may[h])
                    step[1] -= gives
                    stock[h] -= gives
                    may[h] -= gives
        damage += sum(price * tonnes for price, tonnes, _ in short)
        for h, pile in enumerate(piles):
            stock[h] += max(0.0, min(pile.back[k], planned[h] - stock[h]))
    return damage, sum(stock)


@pytest.mark.quick(every=19, ci=7)
@pytest.mark.parametrize("kind", PILES)
@pytest.mark.parametrize("seed", range(40))
def test_damage_and_stock_levels_equal_a_direct_implementation_of_the_policy(
    kind: str, seed: int
) -> None:
    pick = random.Random(f"rule {kind} {seed}")
    raw = random_case(pick, kind)
    instance = read(raw)
    lot, years = instance.lot_tonnes["ore"], len(instance.years)
    buy = {
        pile["id"]: [pick.choice([0.0, pick.uniform(0, 30)]) for _ in range(years)]
        for pile in raw["stockpiles"]
    }
    offtake = {"common": pick.uniform(0, 0.5), "giant": pick.choice([0.0, 0.4])}
    commitment = Commitment(
        start={"mine": 2026},
        offtake={("mine", group): share for group, share in offtake.items()},
        buy={h: np.array(tonnes) / lot for h, tonnes in buy.items()},
    )
    reserves = [0.0, 0.3, 1.0]
    for found in simulate_release_policy(instance, read_states(instance), commitment, reserves):
        nodes = [lived_through(*it, found.reserve_share) for it in terms_of(raw, offtake, buy)]
        damage = sum(own for own, _ in nodes)
        assert found.damage[0] == pytest.approx(damage, rel=1e-7, abs=1e-9)
        assert found.damage_by_material["ore"] == pytest.approx(damage, rel=1e-7, abs=1e-9)
        left = sum(own for _, own in nodes)
        assert sum(found.final_stock.values()) * lot == pytest.approx(left, rel=1e-7, abs=1e-7)


def some_commitment(pick: random.Random, instance: Instance) -> Commitment:
    start = {
        p: pick.choice(it.start_years) for p, it in instance.projects.items() if pick.random() < 0.5
    }
    groups = [(p, group) for p in start for group in instance.offtake_groups]
    years = len(instance.years)
    return Commitment(
        start=start,
        offtake={key: pick.uniform(0, 1 / len(instance.offtake_groups)) for key in groups},
        buy={h: np.array([pick.uniform(0, 2) for _ in range(years)]) for h in instance.stockpiles},
    )


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_the_rule_is_never_better_than_foresight_in_any_state(seed: int, reserve: float) -> None:
    pick = random.Random(seed)
    instance = read(crowded_case(pick.choice))
    states, commitment = read_states(instance), some_commitment(pick, instance)
    (foresight,) = outcomes.evaluate_commitments(instance, states, [commitment])
    (rule,) = simulate_release_policy(instance, states, commitment, [reserve])
    room = 1e-7 * max(1.0, foresight.damage.max())
    assert (rule.damage >= foresight.damage - room).all()
    assert rule.probability @ rule.damage == pytest.approx(sum(rule.damage_by_material.values()))
    assert all(lots >= -1e-9 for lots in rule.final_stock.values())


@pytest.mark.parametrize("seed", range(10))
def test_without_stocks_the_rule_is_foresight(seed: int) -> None:
    pick = random.Random(seed)
    raw = crowded_case(pick.choice)
    raw["stockpiles"] = []
    instance = read(raw)
    states, commitment = read_states(instance), some_commitment(pick, instance)
    (foresight,) = outcomes.evaluate_commitments(instance, states, [commitment])
    for rule in simulate_release_policy(instance, states, commitment, [0.0, 0.5]):
        assert rule.damage == pytest.approx(foresight.damage, rel=1e-12, abs=1e-12)


# By hand: nothing arrives in three of four periods; 25 t are needed in each, 15 t at little cost.

TWO_STEPS: Raw = {"material": "ore", "steps": [
    {"share": 0.6, "eur_per_t": 10_000}, {"share": 0.4, "eur_per_t": 100_000},
]}  # fmt: skip
LOT_T = 16.0


def embargo(**sections: Any) -> Raw:
    fixed: Raw = {
        "horizon": {"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
        "damage": [TWO_STEPS],
        "supply": CHINA,
        "hazards": cut([1.0, 1.0, 1.0, 0.0]),
        "uncertainty": {"states": [state("embargo", 0.25, 2026), state("calm", 0.75)]},
    }
    return case(**(fixed | sections))


def outcome(raw: Raw, reserve: float, buy_t: float = 0.0) -> ReleasePolicyResult:
    instance = read(raw)
    commitment = Commitment(buy={"reserve": np.array([buy_t / LOT_T])})
    (found,) = simulate_release_policy(instance, read_states(instance), commitment, [reserve])
    return found


def test_a_reserve_is_kept_for_the_dear_step() -> None:
    """Of 40 t half are kept: the first period takes 25 t without a reserve, then 15 t are left.

    Without: 0, 10 and 25 t missing: (10 + 15) t at 10 000 and 10 t at 100 000 EUR. With it the
    first takes 20 t, the second and third 10 t: 5, 15 and 15 t missing, all of them cheap. In the
    calm state all 40 t are left.
    """
    raw = embargo(stockpiles=[stockpile(initial_t=40)])
    greedy, kept = outcome(raw, 0.0), outcome(raw, 0.5)
    assert greedy.damage.tolist() == near([1.25, 0.0])
    assert kept.damage.tolist() == near([0.35, 0.0])
    assert kept.final_stock["reserve"] * LOT_T == near(0.75 * 40)


def test_the_reserve_is_a_share_of_the_stock_without_releases() -> None:
    """10 t come in each period, and half of what has come in till then is kept.

    Planned are 10, 20, 30, 40 t: the first period takes 10 t for its dear step, and so does each
    of the two that follow, since nothing else is there. In the last nothing is short.
    """
    found = outcome(embargo(stockpiles=[stockpile()]), 0.5, buy_t=40)
    assert found.damage.tolist() == near([0.45, 0.0])
    assert found.final_stock["reserve"] * LOT_T == near(0.25 * 10 + 0.75 * 40)


def test_where_all_is_equally_dear_no_reserve_is_kept() -> None:
    """40 t cover the first period and 15 t of the second, whatever the reserve."""
    one = {"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 10_000}]}
    equal = {"material": "ore", "steps": [{"share": 0.5, "eur_per_t": 10_000}] * 2}
    for damage in (one, equal):
        raw = embargo(damage=[damage], stockpiles=[stockpile(initial_t=40)])
        assert outcome(raw, 1.0).damage.tolist() == near([0.35, 0.0])
    raw = embargo(stockpiles=[stockpile(initial_t=40)], objective={"measure": "tonnes"})
    assert outcome(raw, 1.0).damage.tolist() == near([35.0, 0.0])


def test_what_spoils_is_released_first() -> None:
    """20 t that halve in a period and 25 t that keep: 10 t and then 15 t of the 25 t are used.

    The other 10 t serve the dear step of the second period: 15 t are missing there, 25 t in the
    third. Of 20 t in the calm state a sixteenth is left.
    """
    piles = [
        stockpile(id="good", initial_t=25),
        stockpile(id="bad", initial_t=20, annual_loss=1 - 0.5**4),
    ]
    found = outcome(embargo(stockpiles=piles), 0.0)
    assert found.damage.tolist() == near([(15 + 15) * 0.01 + 10 * 0.1, 0.0])
    assert found.final_stock["good"] * LOT_T == near(0.75 * 25)
    assert found.final_stock["bad"] * LOT_T == near(0.75 * 20 / 16)


def test_no_more_is_released_than_the_limit_lets_out() -> None:
    """12 t a period of 100 t: 13 t on the cheap step go without three times.

    With 80 t kept the first period lets out 12 t as well, and then 88 t are left: no more than the
    10 t of the dear step are released.
    """
    raw = embargo(stockpiles=[stockpile(initial_t=100, max_release_t_per_period=12)])
    assert outcome(raw, 0.0).damage.tolist() == near([3 * 0.13, 0.0])
    assert outcome(raw, 0.8).damage.tolist() == near([0.13 + 2 * 0.15, 0.0])
