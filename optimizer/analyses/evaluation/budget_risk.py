"""Probability that budgets hold if projects cost more than announced.

The use of a budget is an affine function of each project's cost factor. Projects have few distinct
overruns, so that draws are often equal; equal draws are evaluated once.
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
from optimizer.model.user_rule_values import RELATIVE_TOLERANCE

BudgetKey = tuple[str | None, str]
"""Funder and budget line; the funder is None for all public funders together."""


class BudgetLimit(NamedTuple):
    """The limits of a budget or budget line: amounts by year (Y), a total, or both."""

    key: BudgetKey
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    by_year: Floats | None
    total: float | None
    carry_over: bool = False


def compute_budget_risk(
    instance: Instance, commitment: Commitment, draw_count: int, seed: int
) -> BudgetRisk | None:
    """Estimate the probability that each budget and budget line holds, from a sample of overruns.

    Return None if no project of the plan may overrun, if no budget with a limit is used, or if the
    plan has a review.
    """
    if commitment.branches:
        return None
    risky_projects = [p for p in commitment.start if instance.projects[p].overruns]
    limits = [x for x in _budget_limits(instance) if x.by_year is not None or x.total is not None]
    if not risky_projects or not limits:
        return None
    draws = np.array([sample_overruns(instance, p, draw_count, seed) for p in risky_projects])
    overruns, draw_counts = np.unique(draws, axis=1, return_counts=True)
    planned_uses, without_projects = (
        _budget_uses(instance, commitment, factors)
        for factors in ({}, dict.fromkeys(risky_projects, 0.0))
    )
    single_uses = [
        _budget_uses(instance, commitment, dict.fromkeys(risky_projects, 0.0) | {p: 1.0})
        for p in risky_projects
    ]  # use with one project at announced cost and the others at zero
    budget_odds, fails_anywhere = [], np.zeros(len(draw_counts), dtype=bool)
    for limit in limits:
        project_uses = (
            np.outer(1 + overrun, single_use[limit.key] - without_projects[limit.key])
            for overrun, single_use in zip(overruns, single_uses, strict=True)
        )
        used_amount = sum(project_uses, without_projects[limit.key])
        for year, available, planned, use in _budget_periods(
            instance, limit, planned_uses[limit.key], used_amount
        ):
            missing_amount = np.maximum(0.0, use - available)
            fails = missing_amount > RELATIVE_TOLERANCE * np.maximum(available, use)
            fails_anywhere |= fails
            count = int(draw_counts[fails].sum())
            budget_odds.append(
                BudgetOdds(
                    funder=limit.key[0],
                    line=limit.key[1],
                    kind=limit.kind,
                    year=year,
                    available_meur=float(draw_counts @ available / draw_count),
                    planned_meur=planned,
                    mean_meur=float(draw_counts @ use / draw_count),
                    holds=_share_estimate(draw_count - count, draw_count),
                    missing_meur=float(draw_counts @ np.where(fails, missing_amount, 0)) / count
                    if count
                    else None,
                )
            )
    if not budget_odds:
        return None
    count = int(draw_counts[~fails_anywhere].sum())
    return BudgetRisk(
        draws=draw_count,
        seed=seed,
        all_hold=_share_estimate(count, draw_count),
        budgets=tuple(budget_odds),
    )


def _share_estimate(hits: int, draw_count: int) -> Estimate:
    """Return the share of draws that are ``hits``, with its standard error (None for one draw)."""
    share = hits / draw_count
    error = math.sqrt(share * (1 - share) / (draw_count - 1)) if draw_count > 1 else None
    return Estimate(value=share, standard_error=error)


def _budget_uses(
    instance: Instance, commitment: Commitment, capex_factors: Mapping[str, float]
) -> dict[BudgetKey, Floats]:
    """Compute the use in million EUR (Y) of each budget and budget line.

    ``capex_factors`` replace the factors by which budgets multiply the announced capex of projects.
    """
    projects = {
        p: replace(x, budgeted_cost_factor=capex_factors[p]) if p in capex_factors else x
        for p, x in instance.projects.items()
    }
    scaled_instance = replace(instance, projects=projects)
    use_by_funder = budget_use(scaled_instance, commitment)
    public_use = sum(
        (use_by_funder[f] for f in instance.public_funders), np.zeros(len(instance.years))
    )
    line_use: dict[BudgetKey, Floats] = dict(budget_line_use(scaled_instance, commitment).items())
    return (
        line_use
        | {(f, WHOLE_BUDGET): x for f, x in use_by_funder.items()}
        | {(None, WHOLE_BUDGET): public_use}
    )


def _budget_limits(instance: Instance) -> Iterator[BudgetLimit]:
    """Yield the limits of all budgets and budget lines; the joint limit of all public funders comes
    last."""
    for f, funder in instance.case.funders.items():
        for (owner, id), line in instance.budget_lines.items():
            if owner == f and line.kind == "guarantee_stock":
                yield BudgetLimit((f, id), line.kind, line.guarantee_limit, None)
            elif owner == f:
                total_budget = line.total if math.isfinite(line.total) else None
                yield BudgetLimit(
                    (f, id), line.kind, line.yearly_budget, total_budget, line.carry_over
                )
        budget_by_year, total_budget = funder.budget_by_year_meur, funder.budget_meur
        yearly_limit = None
        if budget_by_year is not None:
            yearly_limit = np.array(
                [float(budget_by_year.get(year, 0.0)) for year in instance.years]
            )
        total_limit = None if total_budget is None else float(total_budget)
        yield BudgetLimit((f, WHOLE_BUDGET), "budget", yearly_limit, total_limit, funder.carry_over)
    if (policy_limit := instance.case.policy.budget_meur) is not None and instance.public_funders:
        yield BudgetLimit((None, WHOLE_BUDGET), "budget", None, float(policy_limit))


def _budget_periods(
    instance: Instance, limit: BudgetLimit, planned_uses: Floats, uses: Floats
) -> Iterator[tuple[int | None, Floats, float, Floats]]:
    """Yield the use of a budget over all years if it has a total, and in each year if it has yearly
    limits; years without any use are left out.

    ``uses`` has the use of each draw and year (N, Y). Each entry has the year (None for all years),
    and for the N draws the available amounts (N), the planned use, and the use (N).
    """
    if limit.total is not None and (planned_uses.any() or uses.any()):
        available_total = np.full(len(uses), limit.total)
        yield None, available_total, float(planned_uses.sum()), uses.sum(axis=1)
    if limit.by_year is None:
        return
    carried_over = np.zeros(len(uses))
    for y, year in enumerate(instance.years):
        available = limit.by_year[y] + (carried_over if limit.carry_over else np.zeros(len(uses)))
        carried_over = np.maximum(0.0, available - uses[:, y])
        if planned_uses[y] > 0 or uses[:, y].any():
            yield year, available, float(planned_uses[y]), uses[:, y]
