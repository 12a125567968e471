"""What a method of solving returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from optimizer.commitment import Commitment
from optimizer.highs import Solution

Method = Literal["extensive", "decomposition"]


@dataclass(frozen=True, eq=False)
class Solved:
    """A solution, the commitment in it, and the time and size it took."""

    method: Method
    solution: Solution
    commitment: Commitment | None
    seconds: dict[str, float]
    """Wall time by step."""
    size: dict[str, int]
    """Of the model that was solved."""
    work: dict[str, int] = field(default_factory=dict)
    """What it took: sweeps, cuts, nodes and the like."""
