"""Recourse as a linear program written down from the contract, and random cases for it.

It counts tonnes in every period of the horizon, straight from the scenario.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from small import CHINA, Raw, case, cut, funder, project, stockpile

PILES = ["none", "one", "equal", "equal loss, limits", "unlike", "filled again"]


@dataclass(frozen=True)
class Pile:
    """A stock, or a node's part of one, in tonnes; ``bought`` in each year."""

    keeps: float
    initial: float
    bought: list[float]
    most: float | None
    back: list[float]  # that can come back in each period


def least_damage(
    demand: list[float],
    supply: list[float],
    steps: list[tuple[list[float], list[float]]],
    piles: list[Pile],
    per_year: int,
) -> float:
    """Minimize damage over shortage, stock, release and refill in all periods (R1 to R4 and R7), in
    tonnes.

    Steps are pairs of the limit and the weight in each period.
    """
    length, width = len(demand), len(demand) * (len(steps) + 3 * len(piles))
    short = {(j, k): j * length + k for j in range(len(steps)) for k in range(length)}
    first = len(short)
    stock = {(h, k): first + 3 * h * length + k for h in range(len(piles)) for k in range(length)}
    release = {key: column + length for key, column in stock.items()}
    cost, bounds = np.zeros(width), [(0.0, None)] * width
    for (j, k), column in short.items():
        cost[column], bounds[column] = steps[j][1][k], (0.0, steps[j][0][k])
    meets, equal, sides = np.zeros((length, width)), np.zeros((len(stock), width)), []
    for column_of in (short, release):
        for (_, k), column in column_of.items():
            meets[k, column] = -1
    planned = 0.0
    for row, ((h, k), column) in enumerate(stock.items()):
        pile = piles[h]
        bounds[release[h, k]] = (0.0, pile.most)
        equal[row, column] = equal[row, release[h, k]] = 1
        equal[row, column + 2 * length] = -1
        bounds[column + 2 * length] = (0.0, pile.back[k])
        planned = pile.initial if k == 0 else planned
        planned = pile.keeps * planned + pile.bought[k // per_year] / per_year
        if any(pile.back):
            bounds[column] = (0.0, planned)
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
    refills: list[Any] = [None] * 3
    if kind == "filled again":
        losses = [pick.choice([losses[0]] * 5 + [0.1]) for _ in range(3)]
        limits = [pick.choice([None, None, 6.0]) for _ in range(3)]
        refills = [pick.choice([None, 3.0, 15.0, 200.0, {2026: 4.0, 2029: 30.0}]) for _ in range(3)]
    if kind == "unlike":
        losses = pick.sample([0.0, 0.1, 0.3, 0.6], 3)
    if kind == "one" or "limits" in kind or kind == "unlike":
        limits = [pick.choice([None, 2.0, 6.0]) for _ in range(3)]
    count = {"none": 0, "one": 1}.get(kind, pick.choice([1, 2, 3] if refills[0] else [2, 3]))
    return [
        stockpile(
            id=f"store_{h}",
            initial_t=pick.choice([0, pick.uniform(0, 40)]),
            annual_loss=losses[h],
            max_release_t_per_period=limits[h],
            refill_t_per_year=refills[h],
            serves=pick.choice(["all", ["industry"], ["works"]]),
        )
        for h in range(count)
    ]


def random_case(
    pick: random.Random,
    kind: str,
    lengths: Sequence[int] = (1, 2, 4),
    parts: Sequence[int] = (1, 2, 4),
) -> Raw:
    """A case of one of so many years, each of one of so many parts, with stocks of a kind."""
    years, per_year = list(range(2026, 2026 + pick.choice(lengths))), pick.choice(parts)
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


Terms = tuple[list[float], list[float], list[tuple[list[float], list[float]]], list[Pile], int]
"""What :func:`least_damage` takes."""


def nodes_of(raw: Raw, offtake: Raw, buy: dict[str, list[float]]) -> Iterator[float]:
    """The least damage of each node of the only state, from the plain scenario."""
    for terms in terms_of(raw, offtake, buy):
        yield least_damage(*terms)


def terms_of(raw: Raw, offtake: Raw, buy: dict[str, list[float]]) -> Iterator[Terms]:
    """Demand, supply, steps and stocks of each node of the only state, from the plain scenario."""
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
            again = pile["refill_t_per_year"] or 0.0
            yearly = again if isinstance(again, dict) else {years[0]: again}
            known = [*yearly], [*yearly.values()]
            back = np.interp([years[0] + k // n for k in range(n * len(years))], *known)
            if part > 0:
                held.append(
                    Pile(
                        (1 - pile["annual_loss"]) ** (1 / n),
                        part * pile["initial_t"],
                        [part * t for t in buy[pile["id"]]],
                        None if most is None else part * most,
                        [part * t / n * (x == 0) for t, x in zip(back, loss, strict=True)],
                    )
                )
        wanted = [sum(demand[u][y] for u in members) / n for y in years for _ in range(n)]
        yield wanted, supply, steps, held, n
