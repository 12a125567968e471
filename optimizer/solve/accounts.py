"""Accounts of a plan, the use of each budget, and how many hazards strike in the same year."""

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from models.base import display_name
from models.results import BudgetClass, BudgetLineUse, Clustering, EventYears, Position
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment, stock_cost, stock_residual_value
from optimizer.model.instance import BudgetLineData, CashFlows, Floats, Instance
from optimizer.model.states import State, event_probabilities


def account_positions(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    """Yield the account positions of a plan. The costs of all positions add up to the plan's net
    cost.

    With a review, each amount is the mean over the review branches, weighted by their
    probabilities, with one position for each year in which a branch decides the project.
    """
    positions: dict[tuple[str | int | None, ...], Position] = {}
    for position in _positions_by_branch(instance, commitment):
        key = (
            position.project,
            position.stockpile,
            position.funder,
            position.instrument,
            position.decided,
        )
        positions[key] = _sum_positions(positions[key], position) if key in positions else position
    yield from positions.values()


def _sum_positions(first: Position, second: Position) -> Position:
    """Return the sum of two branches' amounts in the same position, field by field."""
    sums: dict[str, Any] = {}
    for name, value in first:
        second_value = getattr(second, name)
        if isinstance(value, dict):
            years = sorted(value.keys() | second_value.keys())
            sums[name] = {
                year: value.get(year, 0.0) + second_value.get(year, 0.0) for year in years
            }
        elif isinstance(value, float):
            sums[name] = value + second_value
    return first.model_copy(update=sums)


def _positions_by_branch(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    """Yield the account positions of each review branch, with amounts multiplied by the branch's
    probability."""
    for p, f, i, share, money in plans.funding_cash_flows(instance, commitment):
        terms = money.instrument.terms
        outstanding_amounts, expected_loss, max_loss = money.amounts_at_risk()
        yield Position(
            funder=f,
            instrument=i,
            project=p,
            stockpile=None,
            decided=None if p in commitment.start else money.start,
            budget_class=terms.budget_class,
            committed_meur=share * money.committed_amount,
            paid_meur=values_by_year(instance, share * money.expected_payments),
            returned_meur=_expected_returns(money, share),
            outstanding_meur=values_by_year(instance, share * outstanding_amounts),
            expected_loss_meur=None if expected_loss is None else share * expected_loss,
            maximum_loss_meur=share * max_loss,
            cost_meur=share * money.net_cost,
            residual_meur=share * money.residual_value,
        )
    for p, f, payments in plans.secured_output_premiums(instance, commitment):
        if payments.any():
            yield _unrecoverable_position(instance, f, payments, "premium", project=p)
    for h, stockpile in instance.stockpiles.items():
        for f in stockpile.payers:
            payments = stock_cost(instance, commitment, h, f)
            residual = stock_residual_value(instance, commitment, h, f)
            if not payments.any() and residual == 0:
                continue
            is_public = instance.case.funders[f].kind == "public"
            budget_class: BudgetClass = "expenditure" if is_public else "private"
            yield _unrecoverable_position(
                instance, f, payments, budget_class, residual, stockpile=h
            )


def _unrecoverable_position(
    instance: Instance,
    funder: str,
    payments: Floats,
    budget_class: BudgetClass,
    residual: float = 0.0,
    project: str | None = None,
    stockpile: str | None = None,
) -> Position:
    """Return the position of payments that are never repaid.

    ``payments`` (Y) holds the payments of each year in million EUR; ``residual`` is the discounted
    residual value in million EUR.
    """
    return Position(
        funder=funder,
        instrument=None,
        project=project,
        stockpile=stockpile,
        budget_class=budget_class,
        committed_meur=float(payments.sum()),
        paid_meur=values_by_year(instance, payments),
        returned_meur={},
        outstanding_meur=values_by_year(instance, np.zeros(len(instance.years))),
        expected_loss_meur=0.0,
        maximum_loss_meur=0.0,
        cost_meur=float(instance.discount_factor @ payments) - residual,
        residual_meur=residual,
    )


def _expected_returns(money: CashFlows, share: float) -> dict[str, float]:
    """Return the expected returns by year in million EUR, also for years after the horizon.

    The returns are repayments, which depend on the age of each payment, and the income from a price
    floor.
    """
    returns: dict[int, float] = {}
    for y, paid in enumerate(money.expected_payments):
        for age, returned_share in enumerate(money.instrument.terms.expected_returns):
            year = money.years[y] + age
            returns[year] = returns.get(year, 0.0) + share * float(paid) * returned_share
    for year, income in zip(money.years, money.upside_income, strict=True):
        returns[year] = returns.get(year, 0.0) + share * float(income)
    return {str(year): meur for year, meur in sorted(returns.items()) if meur > 0}


def budget_line_uses(instance: Instance, commitment: Commitment) -> Iterator[BudgetLineUse]:
    """Yield the amounts used of each budget that has a limit, and of each budget line.

    With a review, the limits hold in each branch, and the branch with the largest use is reported.
    """
    if commitment.branches:
        branches = [
            (branch_instance, branch_commitment)
            for _, branch_instance, branch_commitment in plans.weighted_branches(
                instance, commitment
            )
        ]
        uses_by_branch = zip(
            *(
                budget_line_uses(branch_instance, branch_commitment)
                for branch_instance, branch_commitment in branches
            ),
            strict=True,
        )
        for branch_uses in uses_by_branch:
            yield max(branch_uses, key=lambda use: math.fsum(use.used_meur.values()))
        return
    used_by_funder = plans.budget_use(instance, commitment)
    line_use = plans.budget_line_use(instance, commitment)
    for f, funder in instance.case.funders.items():
        for (owner, id), line in instance.budget_lines.items():
            if owner == f:
                name = display_name(funder.budget_lines[id].name, id)
                yield _line_use(instance, line, name, line_use[f, id])
        yearly_budget, total_budget = funder.budget_by_year_meur, funder.budget_meur
        if total_budget is None and yearly_budget is None:
            continue
        granted_amounts = None
        if yearly_budget is not None:
            granted_amounts = np.array(
                [float(yearly_budget.get(year, 0.0)) for year in instance.years]
            )
        yield BudgetLineUse(
            funder=f,
            line="budget",
            name="budget",
            kind="budget",
            used_meur=values_by_year(instance, used_by_funder[f]),
            available_meur=_available_by_year(
                instance, granted_amounts, used_by_funder[f], funder.carry_over
            ),
            total_meur=None if total_budget is None else float(total_budget),
        )


def _line_use(
    instance: Instance, line: BudgetLineData, name: str, used_amounts: Floats
) -> BudgetLineUse:
    available = _available_by_year(instance, line.yearly_budget, used_amounts, line.carry_over)
    return BudgetLineUse(
        funder=line.funder,
        line=line.id,
        name=name,
        kind=line.kind,
        used_meur=values_by_year(instance, used_amounts),
        available_meur=(
            values_by_year(instance, line.guarantee_limit)
            if line.kind == "guarantee_stock"
            else available
        ),
        total_meur=line.total if np.isfinite(line.total) else None,
    )


def _available_by_year(
    instance: Instance, granted_amounts: Floats | None, used_amounts: Floats, carry_over: bool
) -> dict[str, float] | None:
    """Return the amount available in each year in million EUR, including unused amounts of earlier
    years if ``carry_over``; None without a limit."""
    if granted_amounts is None:
        return None
    available, carried_over = np.zeros(len(granted_amounts)), 0.0
    for y in range(len(granted_amounts)):
        available[y] = granted_amounts[y] + (carried_over if carry_over else 0.0)
        carried_over = max(0.0, float(available[y] - used_amounts[y]))
    return values_by_year(instance, available)


def values_by_year(instance: Instance, values: Floats) -> dict[str, float]:
    """Return an array of yearly values (Y) as a dictionary from year (as text) to value."""
    return {str(year): float(x) for year, x in zip(instance.years, values, strict=True)}


def event_clustering(instance: Instance, states: Sequence[State]) -> Clustering | None:
    """Return the distribution of the number of hazards with an event in a year, and the one that
    independent events would have.

    Return None if the states are not sampled, or if fewer than two hazards have uncertain events.
    """
    uncertainty, year_count = instance.case.uncertainty, len(instance.years)
    if uncertainty is None or uncertainty.sample is None:
        return None
    is_uncertain = {
        h: (x.max(axis=0) > 0) & (x.min(axis=0) < 1)
        for h, x in event_probabilities(instance).items()
    }
    hazard_index = {
        h: n
        for n, h in enumerate(
            h for h, years_uncertain in is_uncertain.items() if years_uncertain.any()
        )
    }
    if len(hazard_index) < 2:
        return None
    probability = np.array([state.probability for state in states])
    counts = np.zeros((len(states), year_count), dtype=np.intp)
    rates = np.zeros((len(hazard_index), year_count))
    for s, state in enumerate(states):
        for profile, start in state.events:
            hazard, year = instance.profiles[profile].hazard, start // instance.periods_per_year
            if is_uncertain[hazard][year]:
                counts[s, year] += 1
                rates[hazard_index[hazard], year] += state.probability
    shares = np.bincount(
        counts.ravel(), np.repeat(probability / year_count, year_count), len(hazard_index) + 1
    )
    rates = np.minimum(rates, 1.0)  # rounding errors may exceed 1
    independent_by_year = [
        reduce(np.convolve, np.stack([1 - year_rates, year_rates], axis=1))
        for year_rates in rates.T
    ]
    cumulative = np.minimum(np.cumsum(reduce(np.convolve, independent_by_year)), 1.0)
    return Clustering(
        years=tuple(
            EventYears(events=n, share=float(share), independent=float(independent))
            for n, (share, independent) in enumerate(
                zip(shares, np.mean(independent_by_year, axis=0), strict=True)
            )
        ),
        most=int(counts.sum(axis=1).max()),
        most_independent=float(np.sum(1 - cumulative ** len(states))),
    )
