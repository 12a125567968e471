"""Exact recourse against a linear program written down from the contract, and its rules on ties.

The linear program counts tonnes in every period of the horizon, straight from the scenario; the
sweep counts lots, in first-period terms, where something is missing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import linprog
from small import CHINA, Raw, case, cut, funder, near, project, state, stockpile

from models.case import Case
from optimizer.commitment import Commitment
from optimizer.instance import Instance, read_instance
from optimizer.states import read_states
from optimizer.sweep import NodeOutcome, sweep

PILES = ["none", "one", "equal", "equal loss, limits", "unlike"]


@dataclass(frozen=True)
class Pile:
    """A stock, or a node's part of one, in tonnes; ``bought`` in each year."""

    keeps: float
    initial: float
    bought: list[float]
    most: float | None


def least_damage(
    demand: list[float],
    supply: list[float],
    steps: list[tuple[list[float], list[float]]],
    piles: list[Pile],
    per_year: int,
) -> float:
    """Minimise damage over shortage, stock and release in all periods (R1 to R4), in tonnes.

    Steps are pairs of the limit and the weight in each period.
    """
    length, width = len(demand), len(demand) * (len(steps) + 2 * len(piles))
    short = {(j, k): j * length + k for j in range(len(steps)) for k in range(length)}
    first = len(short)
    stock = {(h, k): first + 2 * h * length + k for h in range(len(piles)) for k in range(length)}
    release = {key: column + length for key, column in stock.items()}
    cost, bounds = np.zeros(width), [(0.0, None)] * width
    for (j, k), column in short.items():
        cost[column], bounds[column] = steps[j][1][k], (0.0, steps[j][0][k])
    meets, equal, sides = np.zeros((length, width)), np.zeros((len(stock), width)), []
    for column_of in (short, release):
        for (_, k), column in column_of.items():
            meets[k, column] = -1
    for row, ((h, k), column) in enumerate(stock.items()):
        pile = piles[h]
        bounds[release[h, k]] = (0.0, pile.most)
        equal[row, column] = equal[row, release[h, k]] = 1
        if k > 0:
            equal[row, stock[h, k - 1]] = -pile.keeps
        sides.append(pile.bought[k // per_year] / per_year + (pile.keeps * pile.initial) * (k == 0))
    answer = linprog(
        cost,
        A_ub=meets,
        b_ub=np.array(supply) - np.array(demand),
        A_eq=equal if sides else None,
        b_eq=sides or None,
        bounds=bounds,
        method="highs",
    )
    assert answer.status == 0, answer.message
    return float(answer.fun)


def random_piles(pick: random.Random, kind: str, years: list[int]) -> list[Raw]:
    losses = [pick.choice([0.0, 0.05, 0.3, 0.6])] * 3
    limits: list[float | None] = [None] * 3
    if kind == "unlike":
        losses = pick.sample([0.0, 0.1, 0.3, 0.6], 3)
    if kind == "one" or "limits" in kind or kind == "unlike":
        limits = [pick.choice([None, 2.0, 6.0]) for _ in range(3)]
    count = {"none": 0, "one": 1}.get(kind, pick.choice([2, 3]))
    return [
        stockpile(
            id=f"store_{h}",
            initial_t=pick.choice([0, pick.uniform(0, 40)]),
            annual_loss=losses[h],
            max_release_t_per_period=limits[h],
            serves=pick.choice(["all", ["industry"], ["works"]]),
        )
        for h in range(count)
    ]


def random_case(pick: random.Random, kind: str) -> Raw:
    years, per_year = list(range(2026, 2026 + pick.choice([1, 2, 4]))), pick.choice([1, 2, 4])
    length = len(years) * per_year

    def damage(consumer: str) -> Raw:
        shares = pick.choice([[1.0], [0.3, 0.7], [0.2, 0.5, 0.3]])
        prices = sorted(pick.choice([20_000, 60_000, 200_000]) for _ in shares)
        steps = [{"share": x, "eur_per_t": eur} for x, eur in zip(shares, prices, strict=True)]
        return {"material": "ore", "consumer": consumer, "steps": steps}

    return case(
        horizon={
            "first_year": years[0],
            "last_year": years[-1],
            "periods_per_year": per_year,
            "discount_rate": pick.choice([0.0, 0.04, 0.2]),
        },
        consumers={"industry": {}, "works": {"company": "giant"}},
        funders={"fund": funder(), "giant": funder("company")},
        demand=[
            {
                "consumer": u,
                "material": "ore",
                "t_per_year": {y: pick.uniform(20, 90) for y in years},
            }
            for u in ("industry", "works")
        ],
        damage=[damage("industry"), damage("works")],
        supply=CHINA,
        projects={
            "mine": project(
                pick.uniform(5, 60), ramp_up=[0.4, 0.8], lifetime_years=2, market_finance_max=1
            )
        },
        stockpiles=random_piles(pick, kind, years),
        hazards=cut([pick.choice([0.0, 0.2, 0.7, 1.0]) for _ in range(length)]),
        uncertainty={
            "states": [
                {
                    "probability": 1.0,
                    "events": [{"hazard": "cut", "start": years[0]}],
                    "delayed_projects": pick.choice([{}, {"mine": 1}]),
                    "failed_projects": pick.choice([[], [], ["mine"]]),
                }
            ]
        },
        objective={"allocation": pick.choice(["pooled", "entitled"])},
    )


def nodes_of(raw: Raw, offtake: Raw, buy: dict[str, list[float]]) -> Iterator[float]:
    """The least damage of each node of the only state, from the plain scenario."""
    horizon, consumers = raw["horizon"], list(raw["consumers"])
    years = list(range(horizon["first_year"], horizon["last_year"] + 1))
    n, piles = horizon["periods_per_year"], raw["stockpiles"]
    (loss,) = (effect["loss"] for effect in raw["hazards"]["cut"]["effects"])
    (it,) = raw["uncertainty"]["states"]
    mine, delay = raw["projects"]["mine"], it["delayed_projects"].get("mine", 0)
    demand = {row["consumer"]: row["t_per_year"] for row in raw["demand"]}
    total = {y: sum(row[y] for row in demand.values()) for y in years}
    together = raw["objective"]["allocation"] == "pooled"
    for members in [consumers] if together else [[u] for u in consumers]:
        supply, steps = [], []
        for y in years:
            part = sum(demand[u][y] for u in members) / total[y]
            age = y - years[0] - delay
            running = 0.0 if age not in (0, 1) or it["failed_projects"] else [0.4, 0.8][age]
            own = offtake["giant"] * ("works" in members) + offtake["common"] * part
            for i in range(n):
                left = 1 - loss[(y - years[0]) * n + i]
                mined = mine["output_t_per_year"]["ore"] * running * own
                supply.append((total[y] * part * left + mined) / n)
        for row in raw["damage"]:
            for step in row["steps"] if row["consumer"] in members else ():
                own = demand[row["consumer"]]
                limit = [own[y] * step["share"] / n for y in years for _ in range(n)]
                rate = 1 + horizon["discount_rate"]
                weight = [
                    step["eur_per_t"] / 1e6 / rate ** (y - years[0])
                    for y in years
                    for _ in range(n)
                ]
                steps.append((limit, weight))
        held = []
        for pile in piles:
            served = consumers if pile["serves"] == "all" else pile["serves"]
            horizon_t = {u: sum(demand[u].values()) for u in served}
            part = sum(horizon_t.get(u, 0.0) for u in members) / sum(horizon_t.values())
            part = 1.0 if together else part
            most = pile["max_release_t_per_period"]
            if part > 0:
                held.append(
                    Pile(
                        (1 - pile["annual_loss"]) ** (1 / n),
                        part * pile["initial_t"],
                        [part * t for t in buy[pile["id"]]],
                        None if most is None else part * most,
                    )
                )
        wanted = [sum(demand[u][y] for u in members) / n for y in years for _ in range(n)]
        yield least_damage(wanted, supply, steps, held, n)


def swept(raw: Raw, commitment: Commitment | None = None) -> list[NodeOutcome]:
    """The nodes of the only state."""
    instance = read(raw)
    (outcome,) = sweep(instance, read_states(instance), commitment or Commitment())
    return outcome


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def check_limits(outcome: NodeOutcome, instance: Instance) -> None:
    limit = np.array([step.limit for step in outcome.node.steps])[:, instance.year_of]
    assert (outcome.shortage >= 0).all()
    assert (outcome.shortage <= limit * (1 + 1e-12)).all()
    assert outcome.damage.min() >= 0


@pytest.mark.parametrize("kind", PILES)
@pytest.mark.parametrize("seed", range(60))
def test_recourse_is_as_good_as_a_linear_program(kind: str, seed: int) -> None:
    """300 scenarios of one or two nodes: the damage of each agrees."""
    pick = random.Random(f"{kind} {seed}")
    raw = random_case(pick, kind)
    instance = read(raw)
    lot = instance.lot_t["ore"]
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
    outcomes = swept(raw, commitment)
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
    (outcome,) = swept(case(**EMBARGO, stockpiles=[stockpile(initial_t=40)]))
    assert tonnes(outcome) == [near([0, 10, 25, 0])]


def test_the_earliest_period_is_served_first_from_unlike_stocks() -> None:
    """The same 40 t from two stocks of which one releases at most 12 t a period."""
    piles = [
        stockpile(id="slow", initial_t=20, max_release_t_per_period=12),
        stockpile(id="quick", initial_t=20),
    ]
    (outcome,) = swept(case(**EMBARGO, stockpiles=piles))
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
    (outcome,) = swept(case(**EMBARGO, **TWO, stockpiles=piles))
    assert [step.consumer for step in outcome.node.steps] == ["first", "second"]
    assert tonnes(outcome) == [near([0, 15, 15, 0]), near([5, 10, 10, 0])]


def test_what_still_arrives_goes_to_the_first_in_the_file() -> None:
    """Half of 25 t arrives: 12.5 of the first's 15 t."""
    raw = case(**EMBARGO, **TWO) | {"hazards": cut([0.5])}
    (outcome,) = swept(raw)
    assert tonnes(outcome) == [near([2.5, 0, 0, 0]), near([10, 0, 0, 0])]


def test_a_dear_consumer_is_served_before_the_first_in_the_file() -> None:
    steps = {"first": 10_000, "second": 90_000}
    damage = [
        {"material": "ore", "consumer": u, "steps": [{"share": 1.0, "eur_per_t": eur}]}
        for u, eur in steps.items()
    ]
    (outcome,) = swept(case(**EMBARGO, **TWO, damage=damage, stockpiles=[stockpile(initial_t=35)]))
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
    (outcome,) = swept(raw)
    assert outcome.damage.tolist() == near([0.0, 1.0])
    raw["stockpiles"][0]["annual_loss"] = 0.2
    # 16 t in 2026 or 12.8 in 2027: now it waits, and the 10 t of 2027 take 12.5 of the 16.
    (outcome,) = swept(raw)
    assert outcome.damage.tolist() == near([0.06 * 6.5, 0.0])


def test_limits_hold_stock_back_for_later_periods() -> None:
    """10 t a period of 40: 15, 15 and 15 are missing, and 10 t are never used."""
    pile = stockpile(initial_t=40, max_release_t_per_period=10)
    (outcome,) = swept(case(**EMBARGO, stockpiles=[pile]))
    assert tonnes(outcome) == [near([15, 15, 15, 0])]


def test_what_is_bought_serves_its_own_period_and_later_ones_only() -> None:
    """40 t a year come in by 10 t a period, and each leaves in its own: 15 t are missing."""
    commitment = Commitment(buy={"reserve": np.array([40 / LOT_T])})
    (outcome,) = swept(case(**EMBARGO, stockpiles=[stockpile()]), commitment)
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
    (outcome,) = swept(raw)
    lot = read(raw).lot_t["ore"]
    assert (outcome.shortage.sum(axis=0) * lot).tolist() == near([0, 0, 2, 10])


@pytest.mark.parametrize("count", [1, 2])
def test_no_stock_lies_idle_beside_a_shortage_that_costs_nothing(count: int) -> None:
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
    (outcome,) = swept(raw)
    lot = read(raw).lot_t["ore"]
    assert (outcome.shortage.sum(axis=0) * lot).tolist() == near([10, 25, 25])
