"""The best plan of a search as JSON: what a command tells the process that supervises it."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.model.commitment import Commitment
from optimizer.solve.solver_result import Incumbent


def as_data(incumbent: Incumbent, input_sha256: str) -> dict[str, Any]:
    """An incumbent of the scenario with this hash, as JSON."""
    made = incumbent.commitment
    return {
        "input_sha256": input_sha256,
        "method": incumbent.method,
        "bound": incumbent.bound,
        "start": made.start,
        "share": [[*key, share] for key, share in made.share.items()],
        "market": made.market,
        "offtake": [[*key, share] for key, share in made.offtake.items()],
        "buy": {stockpile: lots.tolist() for stockpile, lots in made.buy.items()},
    }


def read(data: dict[str, Any]) -> Incumbent:
    """The incumbent again; its objective is left to whoever checks it."""
    commitment = Commitment(
        start=data["start"],
        share={(p, f, i): share for p, f, i, share in data["share"]},
        market=data["market"],
        offtake={(p, group): share for p, group, share in data["offtake"]},
        buy={stockpile: np.array(lots, dtype=float) for stockpile, lots in data["buy"].items()},
    )
    return Incumbent(data["method"], commitment, float("inf"), data["bound"])
