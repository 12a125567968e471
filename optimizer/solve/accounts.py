"""Money as a treasury sees it: positions that add up to the net cost, and the use of budgets."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from models.base import named
from models.results import BudgetClass, BudgetLineUse, Position
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment, stock_cost, stock_residual
from optimizer.model.instance import BudgetLineData, Floats, Instance, Money

SPENT_IN_ANY_CASE: frozenset[BudgetClass | None] = frozenset({"grant", "expenditure"})
"""Classes of which nothing is at risk, since nothing is meant to come back."""


def positions(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    """Whose money goes where, and what comes of it; net costs add up to that of the plan. What is
    decided at a review counts by its chance, and by the years in which it may be."""
    found: dict[tuple[str | int | None, ...], Position] = {}
    for one in _positions(instance, commitment):
        key = one.project, one.stockpile, one.funder, one.instrument, one.decided
        found[key] = _both(found[key], one) if key in found else one
    yield from found.values()


def _both(one: Position, other: Position) -> Position:
    """The same money on two paths."""
    sums: dict[str, Any] = {}
    for name, value in one:
        more = getattr(other, name)
        if isinstance(value, dict):
            years = sorted(value.keys() | more.keys())
            sums[name] = {year: value.get(year, 0.0) + more.get(year, 0.0) for year in years}
        elif isinstance(value, float):
            sums[name] = value + more
    return one.model_copy(update=sums)


def _positions(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    for p, f, i, share, money in plans.moved(instance, commitment):
        terms = money.instrument.terms
        outstanding, expected, most = _risk(money)
        yield Position(
            funder=f,
            instrument=i,
            project=p,
            stockpile=None,
            decided=None if p in commitment.start else money.start,
            budget_class=terms.budget_class,
            committed_meur=share * money.amount,
            paid_meur=by_year(instance, share * money.paid),
            returned_meur=_returned(money, share),
            outstanding_meur=by_year(instance, share * outstanding),
            expected_loss_meur=None if expected is None else share * expected,
            maximum_loss_meur=share * most,
            cost_meur=share * money.net_cost,
            residual_meur=share * money.residual,
        )
    for p, f, due in plans.premiums(instance, commitment):
        if due.any():
            yield _spent(instance, f, due, "premium", project=p)
    for h, pile in instance.stockpiles.items():
        for f in pile.payers:
            due = stock_cost(instance, commitment, h, f)
            left = stock_residual(instance, commitment, h, f)
            if not due.any() and left == 0:
                continue
            public = instance.case.funders[f].kind == "public"
            booked: BudgetClass = "expenditure" if public else "private"
            yield _spent(instance, f, due, booked, left, stockpile=h)


def _spent(
    instance: Instance,
    funder: str,
    due: Floats,
    booked: BudgetClass,
    left: float = 0.0,
    project: str | None = None,
    stockpile: str | None = None,
) -> Position:
    """Money (Y) of which nothing comes back; ``left`` counts at the end, discounted."""
    return Position(
        funder=funder,
        instrument=None,
        project=project,
        stockpile=stockpile,
        budget_class=booked,
        committed_meur=float(due.sum()),
        paid_meur=by_year(instance, due),
        returned_meur={},
        outstanding_meur=by_year(instance, np.zeros(len(instance.years))),
        expected_loss_meur=0.0,
        maximum_loss_meur=0.0,
        cost_meur=float(instance.discount @ due) - left,
        residual_meur=left,
    )


def _returned(money: Money, share: float) -> dict[str, float]:
    """What is expected to come back in each year, also past the horizon: of each payment by its
    age, and the income of a price floor."""
    found: dict[int, float] = {}
    for position, paid in enumerate(money.paid):
        for age, part in enumerate(money.instrument.terms.returned):
            year = money.years[position] + age
            found[year] = found.get(year, 0.0) + share * float(paid) * part
    for year, income in zip(money.years, money.income, strict=True):
        found[year] = found.get(year, 0.0) + share * float(income)
    return {str(year): meur for year, meur in sorted(found.items()) if meur > 0}


def _risk(money: Money) -> tuple[Floats, float | None, float]:
    """What may be lost of a whole share, in million EUR, undiscounted: outstanding (Y) at the end
    of each year, expected and at most. Of a price floor it is what that may still cost, of grants
    and interest nothing, since they are spent in any case."""
    instrument, years = money.instrument, range(len(money.years))
    terms = instrument.terms
    if instrument.form == "price_floor":
        decided = np.array([year >= money.start for year in money.years], dtype=float)
        still = money.amount - np.cumsum(money.exposure)
        return decided * np.maximum(still, 0.0), float(money.paid.sum()), money.amount
    if terms.budget_class in SPENT_IN_ANY_CASE or not instrument.carries_capex:
        return np.zeros(len(years)), 0.0, 0.0
    outstanding = np.array(
        [math.fsum(float(money.paid[d]) * terms.outstanding(y - d) for d in years) for y in years]
    )
    amount = money.amount / money.charged  # expected to be paid, as what is outstanding
    expected = None if terms.expected_loss is None else terms.expected_loss * amount
    return outstanding, expected, terms.maximum_loss * amount


def budget_lines(instance: Instance, commitment: Commitment) -> Iterator[BudgetLineUse]:
    """How far each budget and each of its lines is used; none for a budget without any limit. Each
    holds on every path by itself: of a plan with a review it is told of the path that uses most."""
    if commitment.paths:
        ways = [(there, own) for _, there, own in plans.by_chance(instance, commitment)]
        several = zip(*(budget_lines(there, own) for there, own in ways), strict=True)
        for alike in several:
            yield max(alike, key=lambda use: math.fsum(use.used_meur.values()))
        return
    used = plans.spend(instance, commitment)
    of_lines = plans.line_use(instance, commitment)
    for f, funder in instance.case.funders.items():
        for (owner, id), line in instance.lines.items():
            if owner == f:
                name = named(funder.budget_lines[id].name, id)
                yield _line(instance, line, name, of_lines[f, id])
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
            used_meur=by_year(instance, used[f]),
            available_meur=_available(instance, granted, used[f], funder.carry_over),
            total_meur=None if total is None else float(total),
        )


def _line(instance: Instance, line: BudgetLineData, name: str, used: Floats) -> BudgetLineUse:
    available = _available(instance, line.by_year, used, line.carry_over)
    return BudgetLineUse(
        funder=line.funder,
        line=line.id,
        name=name,
        kind=line.kind,
        used_meur=by_year(instance, used),
        available_meur=(
            by_year(instance, line.limit) if line.kind == "guarantee_stock" else available
        ),
        total_meur=line.total if np.isfinite(line.total) else None,
    )


def _available(
    instance: Instance, granted: Floats | None, used: Floats, carry_over: bool
) -> dict[str, float] | None:
    """What each year has, with what the years before it left where that is carried over."""
    if granted is None:
        return None
    available, left = np.zeros(len(granted)), 0.0
    for y in range(len(granted)):
        available[y] = granted[y] + (left if carry_over else 0.0)
        left = max(0.0, float(available[y] - used[y]))
    return by_year(instance, available)


def by_year(instance: Instance, values: Floats) -> dict[str, float]:
    """Figures by year (Y), as results write them."""
    return {str(year): float(x) for year, x in zip(instance.years, values, strict=True)}
