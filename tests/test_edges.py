"""Both methods on files at the edges of what a file may say, and on files that once went wrong."""

from __future__ import annotations

from copy import deepcopy
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from edge_cases import Raw, edge_case, is_searchable, size
from edge_variants import in_thousands
from oracle import Answer, best

from models.files import read_case, read_case_text
from models.results import Plan
from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import solve_to_plan

DEFECTS = sorted((Path(__file__).parent / "defects").glob("*.yaml"))
KNOWN = {"false_optimum_tiny": 1.6e-8, "x2427": 0.00155}
"""Optima computed by hand: 2 kg bought at 8,000 EUR/t, and half of 3.1 million EUR, each weighed
with a thousandth."""
GAP = 1e-5
METHODS = ("extensive", "decomposition")


def is_small(raw: Raw) -> bool:
    return size(raw) <= 200 and len(raw["projects"]) <= 4


def solve(case: Case, method: Any) -> Plan | None:
    """A plan, or None where no plan keeps the rules; everything else is an error."""
    try:
        return solve_to_plan(case, method=method, gap=GAP, threads=1)
    except Infeasible:
        return None


def agree(case: Case) -> list[Plan]:
    """Both methods end with the same status, and their intervals contain a common optimum."""
    found = {method: solve(case, method) for method in METHODS}
    plans = {method: it for method, it in found.items() if it is not None}
    assert len(plans) in (0, 2), f"only {next(iter(plans))} finds a plan"
    for method, it in plans.items():
        proof = it.certificate
        assert proof.status == "optimal", (method, proof.ended)
        assert proof.bound is not None
        assert proof.bound <= proof.objective + rounding(it), method
        for other in plans.values():
            least = other.certificate.objective
            assert proof.bound <= least + rounding(it), f"{method} proves too much"
            assert proof.objective <= least + gap(it) + rounding(it), method
    return list(plans.values())


def hold(plans: list[Plan], answer: Answer | None) -> None:
    """The intervals of plans hold the optimum that an exhaustive search finds."""
    assert bool(plans) == (answer is not None)
    for it in plans if answer else ():
        proof, slack = it.certificate, rounding(it)
        assert proof.bound is not None
        assert proof.bound - slack <= answer.objective <= proof.objective + slack


def gap(it: Plan) -> float:
    """What a plan within its gap may be above the best."""
    return GAP * max(abs(it.certificate.objective), 1e-6 * lost_without(it))


def rounding(it: Plan) -> float:
    """What two ways of adding up may differ by."""
    return 1e-7 * abs(it.certificate.objective) + 1e-13 * lost_without(it)


def lost_without(it: Plan) -> float:
    """What is lost without a plan."""
    without = it.outcome.without_plan
    return max(abs(without.expected), abs(without.cvar))


@pytest.mark.quick(2)
@pytest.mark.parametrize("path", DEFECTS, ids=lambda path: path.stem)
def test_files_that_once_went_wrong_agree(path: Path) -> None:
    agree(read_case(path).case)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", KNOWN)
def test_known_optima_are_found(name: str, method: str) -> None:
    path = Path(__file__).parent / "defects" / f"{name}.yaml"
    found = solve(read_case(path).case, method)
    assert found is not None
    assert found.certificate.objective == pytest.approx(KNOWN[name], rel=GAP)


ONCE_WRONG = (
    (201293, "a purse of nothing that pays a billionth of a stock"),
    (202260, "a line that is overdrawn in thousands"),
    (202800, "a purse of nothing that owes a fraction of a cent"),
    (203156, "a stock of a few grams that must be kept"),
    (203713, "a works with ten billion times the demand for one of two outputs"),
    (204762, "a purse of nothing, three euros to spend"),
    (700724, "an import of a billionth of a gram against a limit"),
    (300659, "a works with a hundred thousand times the demand for one of two outputs"),
)
"""Cases for which one of the methods once proved too much, or failed."""


@pytest.mark.quick(1)
@pytest.mark.parametrize(("seed", "about"), ONCE_WRONG, ids=[about for _, about in ONCE_WRONG])
def test_random_files_that_once_went_wrong_agree(seed: int, about: str) -> None:
    raw = edge_case(Random(seed))
    for changed in (raw, in_thousands(deepcopy(raw))[0]):
        plans = agree(read_case_text(yaml.safe_dump(changed, sort_keys=False)).case)
        if changed is raw and is_searchable(raw):
            hold(plans, best(raw))


SEEDS = tuple(islice((seed for seed in count(1) if is_small(edge_case(Random(seed)))), 100))
"""Of cases that both methods solve in well under a second."""


@pytest.mark.quick(every=10)
@pytest.mark.parametrize("seeds", [SEEDS[i::10] for i in range(10)], ids=lambda it: f"from {it[0]}")
def test_methods_agree_at_the_edges(seeds: tuple[int, ...]) -> None:
    wrong = []
    for seed in seeds:
        raw = edge_case(Random(seed))
        try:
            plans = agree(read_case_text(yaml.safe_dump(raw, sort_keys=False)).case)
            if is_searchable(raw):
                hold(plans, best(raw))
        except Exception as error:
            wrong.append(f"{seed}: {type(error).__name__}: {str(error)[:200]}")
    assert not wrong, "\n".join(wrong)
