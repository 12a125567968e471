"""Money as a treasury sees it: positions that add up to the net cost, and the use of budgets."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from models.base import display_name
from models.results import BudgetClass, BudgetLineUse, Position
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment, stock_cost, stock_residual_value
from optimizer.model.instance import BudgetLineData, CashFlows, Floats, Instance

NON_RECOVERABLE_CLASSES: frozenset[BudgetClass | None] = frozenset({"grant", "expenditure"})
"""Classes of which nothing is at risk, since nothing is meant to come back."""


def account_positions(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    """Whose money goes where, and what comes of it; net costs add up to that of the plan. What is
    decided at a review counts by its chance, and by the years in which it may be."""
    found: dict[tuple[str | int | None, ...], Position] = {}
    for one in _positions_by_branch(instance, commitment):
        key = one.project, one.stockpile, one.funder, one.instrument, one.decided
        found[key] = _sum_positions(found[key], one) if key in found else one
    yield from found.values()


def _sum_positions(first: Position, second: Position) -> Position:
    """The same money on two paths."""
    sums: dict[str, Any] = {}
    for name, value in first:
        more = getattr(second, name)
        if isinstance(value, dict):
            years = sorted(value.keys() | more.keys())
            sums[name] = {year: value.get(year, 0.0) + more.get(year, 0.0) for year in years}
        elif isinstance(value, float):
            sums[name] = value + more
    return first.model_copy(update=sums)


def _positions_by_branch(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    for p, f, i, share, money in plans.funding_cash_flows(instance, commitment):
        terms = money.instrument.terms
        outstanding, expected, most = _amounts_at_risk(money)
        yield Position(
            funder=f,
            instrument=i,
            project=p,
            stockpile=None,
            decided=None if p in commitment.start else money.start,
            budget_class=terms.budget_class,
            committed_meur=share * money.committed,
            paid_meur=values_by_year(instance, share * money.expected_payments),
            returned_meur=_expected_returns(money, share),
            outstanding_meur=values_by_year(instance, share * outstanding),
            expected_loss_meur=None if expected is None else share * expected,
            maximum_loss_meur=share * most,
            cost_meur=share * money.net_cost,
            residual_meur=share * money.residual_value,
        )
    for p, f, due in plans.secured_output_premiums(instance, commitment):
        if due.any():
            yield _unrecoverable_position(instance, f, due, "premium", project=p)
    for h, pile in instance.stockpiles.items():
        for f in pile.payers:
            due = stock_cost(instance, commitment, h, f)
            left = stock_residual_value(instance, commitment, h, f)
            if not due.any() and left == 0:
                continue
            public = instance.case.funders[f].kind == "public"
            booked: BudgetClass = "expenditure" if public else "private"
            yield _unrecoverable_position(instance, f, due, booked, left, stockpile=h)


def _unrecoverable_position(
    instance: Instance,
    funder: str,
    paid: Floats,
    budget_class: BudgetClass,
    residual: float = 0.0,
    project: str | None = None,
    stockpile: str | None = None,
) -> Position:
    """Money (Y) of which nothing comes back; ``left`` counts at the end, discounted."""
    return Position(
        funder=funder,
        instrument=None,
        project=project,
        stockpile=stockpile,
        budget_class=budget_class,
        committed_meur=float(paid.sum()),
        paid_meur=values_by_year(instance, paid),
        returned_meur={},
        outstanding_meur=values_by_year(instance, np.zeros(len(instance.years))),
        expected_loss_meur=0.0,
        maximum_loss_meur=0.0,
        cost_meur=float(instance.discount_factor @ paid) - residual,
        residual_meur=residual,
    )


def _expected_returns(money: CashFlows, share: float) -> dict[str, float]:
    """What is expected to come back in each year, also past the horizon: of each payment by its
    age, and the income of a price floor."""
    found: dict[int, float] = {}
    for position, paid in enumerate(money.expected_payments):
        for age, part in enumerate(money.instrument.terms.expected_returns):
            year = money.years[position] + age
            found[year] = found.get(year, 0.0) + share * float(paid) * part
    for year, income in zip(money.years, money.upside_income, strict=True):
        found[year] = found.get(year, 0.0) + share * float(income)
    return {str(year): meur for year, meur in sorted(found.items()) if meur > 0}


def _amounts_at_risk(money: CashFlows) -> tuple[Floats, float | None, float]:
    """What may be lost of a whole share, in million EUR, undiscounted: outstanding (Y) at the end
    of each year, expected and at most. Of a price floor it is what that may still cost, of grants
    and interest nothing, since they are spent in any case."""
    instrument, years = money.instrument, range(len(money.years))
    terms = instrument.terms
    if instrument.instrument_kind == "price_floor":
        decided = np.array([year >= money.start for year in money.years], dtype=float)
        still = money.committed - np.cumsum(money.exposure)
        return (
            decided * np.maximum(still, 0.0),
            float(money.expected_payments.sum()),
            money.committed,
        )
    if terms.budget_class in NON_RECOVERABLE_CLASSES or not instrument.carries_capex:
        return np.zeros(len(years)), 0.0, 0.0
    outstanding = np.array(
        [
            math.fsum(float(money.expected_payments[d]) * terms.outstanding(y - d) for d in years)
            for y in years
        ]
    )
    amount = money.committed / money.budget_factor  # expected to be paid, as what is outstanding
    expected = None if terms.expected_loss is None else terms.expected_loss * amount
    return outstanding, expected, terms.maximum_loss * amount


def budget_line_uses(instance: Instance, commitment: Commitment) -> Iterator[BudgetLineUse]:
    """How far each budget and each of its lines is used; none for a budget without any limit. Each
    holds on every path by itself: of a plan with a review it is told of the path that uses most."""
    if commitment.branches:
        ways = [(there, own) for _, there, own in plans.weighted_branches(instance, commitment)]
        several = zip(*(budget_line_uses(there, own) for there, own in ways), strict=True)
        for alike in several:
            yield max(alike, key=lambda use: math.fsum(use.used_meur.values()))
        return
    used = plans.budget_use(instance, commitment)
    of_lines = plans.budget_line_use(instance, commitment)
    for f, funder in instance.case.funders.items():
        for (owner, id), line in instance.budget_lines.items():
            if owner == f:
                name = display_name(funder.budget_lines[id].name, id)
                yield _line_use(instance, line, name, of_lines[f, id])
        yearly, total = funder.budget_by_year_meur, funder.budget_meur
        if total is None and yearly is None:
            continue
        granted = None
        if yearly is not None:
            granted = np.array([float(yearly.get(year, 0.0)) for year in instance.years])
        yield BudgetLineUse(
            funder=f,
            line="budget",
            name="budget",
            kind="budget",
            used_meur=values_by_year(instance, used[f]),
            available_meur=_available_by_year(instance, granted, used[f], funder.carry_over),
            total_meur=None if total is None else float(total),
        )


def _line_use(instance: Instance, line: BudgetLineData, name: str, used: Floats) -> BudgetLineUse:
    available = _available_by_year(instance, line.yearly_budget, used, line.carry_over)
    return BudgetLineUse(
        funder=line.funder,
        line=line.id,
        name=name,
        kind=line.kind,
        used_meur=values_by_year(instance, used),
        available_meur=(
            values_by_year(instance, line.guarantee_limit)
            if line.kind == "guarantee_stock"
            else available
        ),
        total_meur=line.total if np.isfinite(line.total) else None,
    )


def _available_by_year(
    instance: Instance, granted: Floats | None, used: Floats, carry_over: bool
) -> dict[str, float] | None:
    """What each year has, with what the years before it left where that is carried over."""
    if granted is None:
        return None
    available, left = np.zeros(len(granted)), 0.0
    for y in range(len(granted)):
        available[y] = granted[y] + (left if carry_over else 0.0)
        left = max(0.0, float(available[y] - used[y]))
    return values_by_year(instance, available)


def values_by_year(instance: Instance, values: Floats) -> dict[str, float]:
    """Figures by year (Y), as results write them."""
    return {str(year): float(x) for year, x in zip(instance.years, values, strict=True)}
