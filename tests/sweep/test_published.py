"""Sweep and decomposition against published optima of two-stage stochastic linear programs.

The figures of the problems stand here as published; no file of theirs is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from two_stage import Marginal, TwoStage, all_of, coupled, decompose, extensive_form, mean

from optimizer.model import highs

INF = np.inf


def spread(values: str, chances: str) -> Marginal:
    """What a single side comes to, and how likely."""
    pairs = zip(values.split(), chances.split(), strict=True)
    return [(np.array([float(value)]), float(chance)) for value, chance in pairs]


def power_plants(
    least: float, budget: float, demand: list[Marginal], penalty: float | None
) -> TwoStage:
    """Capacity of four technologies, then their output in three modes of demand (Louveaux and
    Smeers 1988): it costs what a unit of it does, times how long the mode lasts. Capacity may
    be bought later, where there is a penalty."""
    build, run, lasts = [10, 7, 16, 6], np.array([4.0, 4.5, 3.2, 5.5]), [10, 6, 1]
    later = 0 if penalty is None else 4
    first = highs.program_from_arrays(
        build, [[1] * 4, build], [least, -INF], [INF, budget], [0] * 4, [INF] * 4
    )
    limit = np.hstack([np.kron(np.eye(4), np.ones(3)), -np.eye(4)[:, :later]])
    modes = np.hstack([np.kron(np.ones(4), np.eye(3)), np.zeros((3, later))])
    columns = 12 + later
    second = highs.program_from_arrays(
        np.r_[np.outer(run, lasts).ravel(), [penalty or 0.0] * later],
        np.vstack([limit, modes]),
        [-INF] * 4 + [0] * 3,
        [0] * 4 + [INF] * 3,
        [0] * columns,
        [INF] * columns,
    )
    technology = sparse.csr_array(np.vstack([-np.eye(4), np.zeros((3, 4))]))
    return TwoStage(first, second, technology, np.arange(4, 7), *all_of(demand))


def lands() -> TwoStage:
    """LandS: the first mode of demand is uncertain (Louveaux and Smeers 1988)."""
    demand = [spread("3 5 7", "0.3 0.4 0.3"), spread("3", "1"), spread("2", "1")]
    return power_plants(12, 120, demand, None)


def pgp2() -> TwoStage:
    """pgp2: all three are (Higle and Sen 1996)."""
    tail = "0.0215 0.2857 0.383 0.2857 0.0215 0.00125 0.00005"
    return power_plants(
        15,
        220,
        [
            spread("0.5 1 2.5 3.5 5 6.5 7.5 9 9.5", f"0.00005 0.00125 {tail}"),
            spread("0 1.5 2.5 4 5.5 6.5 8 8.5", f"0.0013 {tail}"),
            spread("0 0.5 1.5 3 4.5 5.5 7 7.5", f"0.0013 {tail}"),
        ],
        1000,
    )


def aircraft() -> TwoStage:
    """gbd: aircraft of four types on five routes, of which passengers are uncertain (Ferguson and
    Dantzig 1956, with the demand of Linderoth, Shapiro and Wright 2006)."""
    fleet, lost = [10, 19, 25, 15], [13, 13, 7, 7, 1]
    carried = [[16, 15, 28, 23, 81], [0, 10, 14, 15, 57], [0, 5, 0, 7, 29], [9, 11, 22, 17, 55]]
    cost = [[18, 21, 18, 16, 10], [0, 15, 16, 14, 9], [0, 10, 0, 9, 6], [17, 16, 17, 15, 10]]
    used = np.flatnonzero(np.array(carried).ravel())
    routes = sparse.csr_array(np.hstack([np.diag(row) for row in np.array(carried)])[:, used])
    first = highs.program_from_arrays(
        np.array(cost).ravel()[used],
        np.kron(np.eye(4), np.ones(5))[:, used],
        [-INF] * 4,
        fleet,
        [0] * len(used),
        [INF] * len(used),
    )
    second = highs.program_from_arrays(
        [0] * 5 + lost, np.hstack([-np.eye(5), np.eye(5)]), [0] * 5, [0] * 5, [0] * 10, [INF] * 10
    )
    demand = [
        spread(
            "175 185 195 200 210 220 250 270 280 290 300 305 310 312 314",
            "0.04 0.04 0.04 0.04 0.04 0.05 0.35 0.1 0.05 0.05 0.04 0.04 0.04 0.04 0.04",
        ),
        spread(
            "40 45 50 55 134 138 142 146 150 154 158 160 162",
            "0.05 0.05 0.05 0.05 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.05 0.05",
        ),
        spread(
            "138 140 156 158 160 162 164 170 175 180 185 188 200 205 210 220 222",
            "0.05 0.05 0.02 0.04 0.1 0.02 0.02 0.1 0.1 0.1 0.1 0.06 0.06 0.04 0.04 0.07 0.03",
        ),
        spread(
            "5 10 30 37 50 57 80 85 100 110 300 320 340 360 380",
            "0.1 0.1 0.05 0.05 0.05 0.05 0.15 0.15 0.1 0.1 0.02 0.02 0.02 0.02 0.02",
        ),
        spread(
            "570 580 590 600 602 604 606 610 612 614 616 618 620",
            "0.03 0.04 0.03 0.05 0.05 0.1 0.1 0.2 0.1 0.1 0.1 0.05 0.05",
        ),
    ]
    # A route without seats enough loses passengers of its own: 35 scenarios do for 646,425.
    return TwoStage(first, second, routes, np.arange(5), *coupled(demand))


PUBLISHED = {
    "LandS": (lands, 381.853333, 1e-6),  # Felt's collection of test problems
    "pgp2": (pgp2, 447.32, 5e-3),  # Higle and Sen 1996
    "gbd": (aircraft, 1655.628, 1e-3),  # Linderoth, Shapiro and Wright 2006
}
"""Problem, optimum, and half a unit of its last digit or more."""


@pytest.mark.quick(1)
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_optimum_is_the_published_one(name: str) -> None:
    """And, to 1e-6 of it, that of all scenarios in one linear program, solved by another door."""
    build, optimum, digits = PUBLISHED[name]
    problem = build()
    assert problem.probability.sum() == pytest.approx(1)
    run, _ = decompose(problem, gap=1e-6)
    assert run.best_objective == pytest.approx(optimum, abs=digits)
    assert run.best_objective == pytest.approx(in_one(problem), rel=1e-6)
    assert run.lower_bound == pytest.approx(run.best_objective, rel=1e-6)
    assert in_one(mean(problem)) < run.best_objective  # what is uncertain matters


@pytest.mark.slow
def test_many_continuous_decisions_are_settled() -> None:
    """Made up: capacity of forty plants for forty demands. The plan that is found early is far from
    the best of its kind, and has to be brought there without a tree."""
    pick, plants, demands = np.random.default_rng(1), 40, 40
    build = pick.uniform(5, 10, plants)
    ways = np.argwhere(pick.random((plants, demands)) < 0.3)
    columns, lost = np.arange(len(ways)), np.arange(demands)
    cost = np.r_[pick.uniform(0, 10, len(ways)), np.full(demands, 40.0)]
    rows = np.r_[ways[:, 0], plants + ways[:, 1], plants + lost]
    places = np.r_[columns, columns, len(ways) + lost]
    second = highs.program_from_arrays(
        cost,
        sparse.csr_array((np.ones(len(rows)), (rows, places))),
        [-INF] * plants + [0] * demands,
        [0] * plants + [INF] * demands,
        [0] * len(cost),
        [INF] * len(cost),
    )
    problem = TwoStage(
        highs.program_from_arrays(
            build, np.ones((1, plants)), [-INF], [1e4], [0] * plants, [INF] * plants
        ),
        second,
        sparse.csr_array(np.vstack([-np.eye(plants), np.zeros((demands, plants))])),
        plants + lost,
        pick.gamma(1.0, 10, (30, demands)),
        np.full(30, 1 / 30),
    )
    run, _ = decompose(problem, gap=1e-6)
    assert run.is_done
    assert run.best_objective == pytest.approx(in_one(problem), rel=1e-6)


def in_one(problem: TwoStage) -> float:
    """The optimum of all scenarios in one program, by SciPy."""
    whole: Any = extensive_form(problem)
    rows = sparse.csr_array(whole.matrix)
    low, high = np.isfinite(whole.row_lower), np.isfinite(whole.row_upper)
    answer = linprog(
        whole.cost,
        A_ub=sparse.vstack([rows[high], -rows[low]]),
        b_ub=np.r_[whole.row_upper[high], -whole.row_lower[low]],
        bounds=np.column_stack([whole.lower, whole.upper]),
        method="highs-ipm",
    )
    assert answer.status == 0
    return float(answer.fun)
