"""What a commitment that is settled comes to, for the oracle: each node of each state by itself."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from oracle import EXACT, Program, Reading
from oracle_recourse import Node, groups_of, node_rows, nodes_of
from oracle_world import floors
from scipy.optimize import linprog

Raw = Mapping[str, Any]
NOTHING: Mapping[Any, Any] = MappingProxyType({})


def settled(case: Reading, start: Any, offtake: Any, buy: Any, floored: Any = NOTHING) -> Program:
    """A program in which all that recourse sees of a commitment is decided.

    Start years by project, offtake by project and group, tonnes bought by stockpile and year, and
    what of offtake is under each floor, by project, group, funder and instrument.
    """
    lp = Program()
    for p in case.projects:
        for t in case.start_years(p):
            here = float(start.get(p) == t)
            lp.column(("start", p, t), here, here)
            for g in groups_of(case):
                value = here * offtake.get((p, g), 0.0)
                lp.column(("offtake", p, t, g), value, value)
                for f, i, _ in floors(case, p):
                    value = here * floored.get((p, g, f, i), 0.0)
                    lp.column(("floored", p, t, g, f, i), value, value)
    for h in case.stocks:
        for y, tonnes in zip(case.years, buy.get(h, [0.0] * len(case.years)), strict=True):
            lp.column(("buy", h, y), tonnes, tonnes)
    return lp


def least(lp: Program, damage: Mapping[Hashable, float]) -> float:
    """The least damage that the rows of one node allow."""
    (a_ub, b_ub), (a_eq, b_eq) = lp.dense(lp.at_most), lp.dense(lp.equal)
    keys = list(lp.upper)
    solved = linprog(
        np.array([damage.get(key, 0.0) for key in keys]),
        a_ub,
        b_ub,
        a_eq if len(a_eq) else None,
        b_eq if len(b_eq) else None,
        [(lp.lower[key], lp.upper[key]) for key in keys],
        method="highs",
        options=EXACT,
    )
    assert solved.status == 0, solved.message
    return float(solved.fun)


def damages(
    raw: Raw, start: Any, offtake: Any, buy: Any, floored: Any = NOTHING
) -> list[dict[Node, float]]:
    """The damage of each node in each state: of each chain, and consumer where entitled."""
    case = Reading(raw)
    found = []
    for state in case.states:
        of_nodes = {}
        for node in nodes_of(case):
            lp = settled(case, start, offtake, buy, floored)
            of_nodes[node] = least(lp, node_rows(lp, case, node, 0, state))
        found.append(of_nodes)
    return found


def without_plan(raw: Raw) -> list[float]:
    """The damage of each state where nothing starts and nothing is bought, whatever rules ask."""
    return [sum(of_nodes.values()) for of_nodes in damages(raw, {}, {}, {})]
