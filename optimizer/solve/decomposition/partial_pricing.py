"""Which nodes to sweep: those whose cuts are likely to be furthest from the truth.

After a few rounds cuts know most materials well, while some still move. A sweep of all of them
would mostly confirm what is known. What cuts lack in a node is guessed from how far the master's
view of it has moved since it was last swept, and from how much of such moves turned out to be
wrong. A guess only decides where to look: bounds rest on cuts, and plans on sweeps of all nodes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

PATIENCE = 0.5
"""Weight of what was seen before against what was just seen."""

LEAST = 0.05
"""Share of a move that is always doubted."""


class Focus:
    """What was last seen of each node, and how much of its moves is usually wrong."""

    def __init__(self, nodes: Collection[int]) -> None:
        self._value = dict.fromkeys(nodes, math.nan)
        self._doubt = dict.fromkeys(nodes, 1.0)

    def lacks(self, claimed: Mapping[int, float]) -> dict[int, float]:
        """What cuts are expected to lack by node, where they claim this; infinite if unknown."""
        return {
            v: math.inf if math.isnan(seen) else self._doubt[v] * abs(claimed[v] - seen)
            for v, seen in self._value.items()
        }

    def learn(
        self, claimed: Mapping[int, float], swept: Mapping[int, float], lacked: Mapping[int, float]
    ) -> None:
        """Take note of what cuts claimed, what sweeps have found, and what was lacking."""
        for v, value in swept.items():
            move = abs(claimed[v] - self._value[v])
            if move > 0:  # and known
                share = min(1.0, max(LEAST, lacked.get(v, 0.0) / move))
                self._doubt[v] = PATIENCE * self._doubt[v] + (1 - PATIENCE) * share
            self._value[v] = value


def worth_sweeping(lacks: Mapping[int, float], leave: float) -> list[int]:
    """The fewest nodes such that the others lack no more than ``leave`` together, and something
    finite."""
    left = 0.0
    ranked = sorted(lacks, key=lambda v: lacks[v])
    for count, v in enumerate(ranked):
        left += lacks[v]
        if left > leave or math.isinf(left):
            return ranked[count:]
    return []
