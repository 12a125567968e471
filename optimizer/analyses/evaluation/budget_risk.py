"""How likely budgets hold, whatever projects turn out to cost above their announced capex.

What is used of a budget is affine in what each project costs, and few projects have few overruns:
draws that are alike are looked at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from models.results import BudgetOdds, BudgetRisk, Estimate
from models.results.plan import WHOLE_BUDGET
from optimizer.model.commitment import Commitment, budget_line_use, budget_use
from optimizer.model.instance import Floats, Instance
from optimizer.model.states import sample_overruns
from optimizer.solve.verification import RELATIVE_TOLERANCE

BudgetKey = tuple[str | None, str]
"""Funder and line; without a funder all public ones together."""


class BudgetLimit(NamedTuple):
    """A budget or a line of one: what its years grant (Y), and what all of them grant together."""

    key: BudgetKey
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    by_year: Floats | None
    total: float | None
    carry_over: bool = False


def compute_budget_risk(
    instance: Instance, commitment: Commitment, draw_count: int, seed: int
) -> BudgetRisk | None:
    """How likely each budget and line holds in so many draws; None where no project of the plan may
    overrun, or no budget has a limit, and for a plan that decides again at a review."""
    if commitment.branches:
        return None
    drawn = [p for p in commitment.start if instance.projects[p].overruns]
    limits = [
        one for one in _budget_limits(instance) if one.by_year is not None or one.total is not None
    ]
    if not drawn or not limits:
        return None
    draws = np.array([sample_overruns(instance, p, draw_count, seed) for p in drawn])
    overruns, times = np.unique(draws, axis=1, return_counts=True)
    planned, nothing = (
        _budget_uses(instance, commitment, factors) for factors in ({}, dict.fromkeys(drawn, 0.0))
    )
    alone = [
        _budget_uses(instance, commitment, dict.fromkeys(drawn, 0.0) | {p: 1.0}) for p in drawn
    ]  # what each project costs as announced, and all that does not go by capex
    odds, missing_anywhere = [], np.zeros(len(times), dtype=bool)
    for limit in limits:
        moving = (
            np.outer(1 + by, own[limit.key] - nothing[limit.key])
            for by, own in zip(overruns, alone, strict=True)
        )
        used = sum(moving, nothing[limit.key])
        for year, available, plan, use in _budget_periods(
            instance, limit, planned[limit.key], used
        ):
            missing = np.maximum(0.0, use - available)
            lacks = missing > RELATIVE_TOLERANCE * np.maximum(available, use)
            missing_anywhere |= lacks
            often = int(times[lacks].sum())
            odds.append(
                BudgetOdds(
                    funder=limit.key[0],
                    line=limit.key[1],
                    kind=limit.kind,
                    year=year,
                    available_meur=float(times @ available / draw_count),
                    planned_meur=plan,
                    mean_meur=float(times @ use / draw_count),
                    holds=_share_estimate(draw_count - often, draw_count),
                    missing_meur=float(times @ np.where(lacks, missing, 0)) / often
                    if often
                    else None,
                )
            )
    if not odds:
        return None
    often = int(times[~missing_anywhere].sum())
    return BudgetRisk(
        draws=draw_count,
        seed=seed,
        all_hold=_share_estimate(often, draw_count),
        budgets=tuple(odds),
    )


def _share_estimate(hits: int, draw_count: int) -> Estimate:
    """The share of draws in which something is so."""
    share = hits / draw_count
    error = math.sqrt(share * (1 - share) / (draw_count - 1)) if draw_count > 1 else None
    return Estimate(value=share, standard_error=error)


def _budget_uses(
    instance: Instance, commitment: Commitment, capex_factors: Mapping[str, float]
) -> dict[BudgetKey, Floats]:
    """(Y) use of each budget and line, where projects cost so many times their announced capex."""
    projects = {
        p: replace(x, budgeted_cost_factor=capex_factors[p]) if p in capex_factors else x
        for p, x in instance.projects.items()
    }
    seen = replace(instance, projects=projects)
    own = budget_use(seen, commitment)
    public = sum((own[f] for f in instance.public_funders), np.zeros(len(instance.years)))
    lines: dict[BudgetKey, Floats] = dict(budget_line_use(seen, commitment).items())
    return lines | {(f, WHOLE_BUDGET): x for f, x in own.items()} | {(None, WHOLE_BUDGET): public}


def _budget_limits(instance: Instance) -> Iterator[BudgetLimit]:
    for f, funder in instance.case.funders.items():
        for (owner, id), line in instance.budget_lines.items():
            if owner == f and line.kind == "guarantee_stock":
                yield BudgetLimit((f, id), line.kind, line.guarantee_limit, None)
            elif owner == f:
                total = line.total if math.isfinite(line.total) else None
                yield BudgetLimit((f, id), line.kind, line.yearly_budget, total, line.carry_over)
        yearly, total = funder.budget_by_year_meur, funder.budget_meur
        granted = None
        if yearly is not None:
            granted = np.array([float(yearly.get(year, 0.0)) for year in instance.years])
        whole = None if total is None else float(total)
        yield BudgetLimit((f, WHOLE_BUDGET), "budget", granted, whole, funder.carry_over)
    if (most := instance.case.policy.budget_meur) is not None and instance.public_funders:
        yield BudgetLimit((None, WHOLE_BUDGET), "budget", None, float(most))


def _budget_periods(
    instance: Instance, limit: BudgetLimit, planned: Floats, used: Floats
) -> Iterator[tuple[int | None, Floats, float, Floats]]:
    """All years together, then each, as far as something is used: the year, what there is (N), what
    the plan uses of it, and what is used (N)."""
    if limit.total is not None and (planned.any() or used.any()):
        whole = np.full(len(used), limit.total)
        yield None, whole, float(planned.sum()), used.sum(axis=1)
    if limit.by_year is None:
        return
    left = np.zeros(len(used))
    for y, year in enumerate(instance.years):
        available = limit.by_year[y] + (left if limit.carry_over else np.zeros(len(used)))
        left = np.maximum(0.0, available - used[:, y])
        if planned[y] > 0 or used[:, y].any():
            yield year, available, float(planned[y]), used[:, y]
