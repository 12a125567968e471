"""Recourse of a chain of materials as a linear program in tonnes, from the contract.

The rows are the oracle's; what is decided beforehand is given, so that each node of each state is
a small program of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from oracle import EXACT, Program, Reading
from oracle_recourse import Node, groups_of, node_rows, nodes_of
from scipy.optimize import linprog

Raw = Mapping[str, Any]


def damages(
    raw: Raw,
    start: Mapping[str, int],
    offtake: Mapping[tuple[str, str], float],
    buy: Mapping[str, list[float]],
) -> list[dict[Node, float]]:
    """The damage of each node in each state: of each chain, and consumer where entitled.

    ``offtake`` is the share of output by project and group, ``buy`` the tonnes by year.
    """
    case = Reading(raw)
    return [
        {node: _least(case, node, state, start, offtake, buy) for node in nodes_of(case)}
        for state in case.states
    ]


def _least(case: Reading, node: Node, state: Raw, start: Any, offtake: Any, buy: Any) -> float:
    lp = Program()
    for p in case.projects:
        for t in case.start_years(p):
            for g in groups_of(case):
                value = offtake.get((p, g), 0.0) if start.get(p) == t else 0.0
                lp.column(("offtake", p, t, g), value, value)
    for h in case.stocks:
        for y, tonnes in zip(case.years, buy.get(h, [0.0] * len(case.years)), strict=True):
            lp.column(("buy", h, y), tonnes, tonnes)
    damage = node_rows(lp, case, node, 0, state)
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
