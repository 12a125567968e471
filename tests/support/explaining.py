"""Plans of small cases, explained."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from small import Raw, case, funder, project, solve

from models.results import ExplainedDecision, Explanation, LimitValue
from optimizer.analyses.analysis_options import ExplainOptions
from optimizer.analyses.explanation.explain import explain_plan
from optimizer.analyses.saved_plan import load_saved_plan


def explained(raw: Raw, *, values: bool = False, **asked: Any) -> Explanation:
    """A small case solved and explained in this process, its gaps closed."""
    return explain_plan(
        load_saved_plan(solve(raw)), ExplainOptions(values=values, gap=0.0, jobs=1, **asked)
    )


def item(found: Explanation, id: str) -> ExplainedDecision:
    return next(one for one in found.items if one.id == id)


def value(found: Explanation, path: str) -> LimitValue:
    return next(one for one in found.values if one.path == path)


def knapsack(projects: dict[str, tuple[float, float]], budget: float, **sections: Any) -> Raw:
    """Projects that the fund alone pays for."""
    raws = {p: project(tonnes, capex) for p, (tonnes, capex) in projects.items()}
    return case(projects=raws, funders={"fund": funder(budget=budget)}, **sections)


def best(
    projects: dict[str, tuple[float, float]],
    budget: float,
    *,
    within: frozenset[str] = frozenset(),
    without: frozenset[str] = frozenset(),
    cost_weight: float = 0.001,
) -> float | None:
    """The least objective over all sets of projects (tonnes, million EUR) that a budget pays for.

    100 t are needed, and a missing one costs 0.1 million EUR.
    """
    found = []
    for size in range(len(projects) + 1):
        for some in combinations(projects, size):
            chosen = set(some)
            cost = sum(projects[p][1] for p in chosen)
            if within <= chosen and not without & chosen and cost <= budget + 1e-9:
                short = max(0.0, 100 - sum(projects[p][0] for p in chosen))
                found.append(0.1 * short + cost_weight * cost)
    return min(found, default=None)
