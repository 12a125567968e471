"""Searches that continue from the trees of earlier ones give the figures of searches from
scratch."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from random_cases import crowded_case, deals_case, small_case, treasury_case
from random_chains import chain_case

import vorrat
from optimizer.errors import Infeasible
from optimizer.solve import problem
from optimizer.solve.decomposition import CutPool

DRAW = {
    "small": small_case,
    "crowded": crowded_case,
    "treasury": treasury_case,
    "deals": deals_case,
    "chain": chain_case,
}
Interval = tuple[float, float]


def reported(part: Any, below: str = "") -> Iterator[tuple[str, Interval]]:
    """Intervals that searches prove, whichever of equally good plans they found."""
    if isinstance(part, dict):
        for least, most in (("bound", "objective"), ("low", "high")):
            interval = part.get(least), part.get(most)
            if all(isinstance(own, float) for own in interval):
                yield f"{below}/{least}", interval
    for key, own in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(own, dict | list):
            yield from reported(own, f"{below}/{key}")


def asked(name: str, scenario: vorrat.Scenario) -> dict[str, Interval]:
    try:
        given = scenario if name == "frontier" else vorrat.solve(scenario, gap=0.0)
    except Infeasible:
        return {"/infeasible": (0.0, 0.0)}
    more: dict[str, Any] = {"points": 5} if name == "frontier" else {}
    found = vorrat.analyse(name, given, gap=0.0, jobs=1, **more)
    return dict(reported(json.loads(found.json())))


@pytest.mark.slow
@pytest.mark.quick(every=97, ci=23)
@pytest.mark.parametrize("name", ["explain", "frontier", "sensitivity"])
@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in DRAW for seed in range(6)])
def test_leaves_change_no_figure(
    kind: str, seed: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is proven from leaves and what is proven from nothing have a value in common."""
    monkeypatch.setattr(problem, "MAX_EXTENSIVE_SIZE", 0)
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(DRAW[kind](random.Random(f"leaves {kind} {seed}").choice)))
    scenario = vorrat.read(file)
    warm = asked(name, scenario)
    monkeypatch.setattr(CutPool, "store_results_of", lambda *_: None)
    monkeypatch.setattr(CutPool, "remember_plan", lambda *_: None)
    cold = asked(name, scenario)
    assert warm or name == "frontier"  # where no point has a plan
    assert warm.keys() == cold.keys()
    for place, (least, most) in warm.items():
        slack = 1e-6 * max(1.0, abs(most))
        assert least <= cold[place][1] + slack, place
        assert cold[place][0] <= most + slack, place
