"""Published optima: the small 0/1 knapsacks of the literature, packed as portfolios.

Each file states its source. The optimum is published, found again here by dynamic programming, and
found a third time by the planner; each of these instances has one optimal packing only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small import near

from models.files import read_case
from optimizer.solve.planner import solve_to_plan

FOLDER = Path(__file__).parent.parent / "knapsacks"
PUBLISHED = {
    "p01": (309, "1111010000"),
    "p02": (51, "01110"),
    "p03": (150, "110010"),
    "p04": (107, "1001000"),
    "p05": (900, "10111011"),
    "p06": (1735, "0101001"),
    "p07": (1458, "101010111000011"),
    "p08": (1354.9094, "110111000110100100000111"),
}


def items(raw: dict[str, Any]) -> list[tuple[float, float]]:
    """Weight and profit of each item, in the order of the file."""
    projects = raw["projects"].values()
    return [(item["capex_meur"], item["output_t_per_year"]["goods"]) for item in projects]


def best_profit(packable: list[tuple[float, float]], capacity: float) -> float:
    """The best profit, by the list of packings no other packing beats in weight and profit."""
    front = [(0.0, 0.0)]
    for weight, profit in packable:
        with_it = [(w + weight, p + profit) for w, p in front if w + weight <= capacity + 1e-9]
        candidates = sorted(front + with_it, key=lambda pair: (pair[0], -pair[1]))
        front, reached = [], -1.0
        for w, p in candidates:
            if p > reached:
                front.append((w, p))
                reached = p
    return front[-1][1]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_packing_is_found(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    optimum, packing = PUBLISHED[name]
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    everything = items(raw)
    assert best_profit(everything, raw["funders"]["knapsack"]["budget_meur"]) == near(optimum)

    answer = solve_to_plan(read_case(path).case, gap=0.0)
    assert answer.certificate.objective == near(sum(p for _, p in everything) - optimum)
    packed = {project.id for project in answer.projects}
    chosen = ["1" if item in packed else "0" for item in raw["projects"]]
    assert "".join(chosen) == packing


def test_every_file_is_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(PUBLISHED)
