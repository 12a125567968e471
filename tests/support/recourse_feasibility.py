"""Feasibility of a reported second stage: R1 to R6 from the contract, in tonnes. Releases,
production and shortages are held near the reported ones; all other quantities are free.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from oracle import Reading
from oracle_outcome import least, settled
from oracle_recourse import Node, node_rows

Raw = Mapping[str, Any]
NEAR = 1e-7
"""Tonnes, and a share of the figure, by which a figure may be off."""


def damage_if_possible(
    case: Reading, node: Node, state: Raw, decided: Any, said: Mapping[Hashable, float]
) -> float:
    """Least damage of a node in a state, by the contract, with what is ``said`` of some of
    ``("release", stockpile, period)``, ``("made", id, period)`` and ``("short", consumer, material,
    step, period)``. Decided are start years, offtake by project and group, and tonnes bought.

    Raises AssertionError where that cannot be.
    """
    start, offtake, buy = decided
    lp = settled(case, start, offtake, buy)
    damage = node_rows(lp, case, node, 0, state)
    keys = list(lp.upper)
    reported = {key: said[named] for key in keys if (named := _named(key)) in said}
    for key, value in reported.items():
        off = NEAR * (1 + abs(value))
        assert lp.lower[key] - off <= value <= lp.upper[key] + off, (key, value, lp.upper[key])
        lp.lower[key] = max(lp.lower[key], value - off)
        lp.upper[key] = min(lp.upper[key], value + off)
    return least(lp, damage)


def _named(key: Any) -> Hashable:
    """A column as it is said."""
    if key[0] == "short":
        return key[:5]
    if key[0] == "made":
        return "made", key[1].id, key[3]
    return ("release", key[1], key[3]) if key[0] == "release" else None
