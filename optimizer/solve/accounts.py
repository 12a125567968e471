"""Money as a treasury sees it: positions that add up to the net cost, and the use of budgets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.base import named
from models.results import BudgetClass, BudgetLineUse, Position
from optimizer.model.commitment import (
    Commitment,
    line_use,
    moved,
    spend,
    stock_cost,
    stock_residual,
)
from optimizer.model.instance import BudgetLineData, Floats, Instance, InstrumentData, Money, Terms

SPENT_IN_ANY_CASE: frozenset[BudgetClass | None] = frozenset({"grant", "expenditure"})
"""Classes of which nothing is at risk, since nothing is meant to come back."""


def positions(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    """Whose money goes where, and what comes of it; net costs add up to that of the plan."""
    for p, f, i, share, money in moved(instance, commitment):
        instrument = instance.instrument[f, i]
        terms, amount = instrument.terms, share * money.amount
        risk = _risk(instance, instrument, money)
        yield Position(
            funder=f,
            instrument=i,
            project=p,
            stockpile=None,
            budget_class=terms.budget_class,
            committed_meur=amount,
            paid_meur=by_year(instance, share * money.paid),
            returned_meur=_returned(instance, terms, money, share),
            outstanding_meur=by_year(instance, share * risk.outstanding),
            expected_loss_meur=None if risk.expected is None else share * risk.expected,
            maximum_loss_meur=share * risk.maximum,
            cost_meur=share * money.net_cost(instance.discount, terms.recovery),
            residual_meur=share * money.residual(instance.discount, terms.recovery),
        )
    for h, pile in instance.stockpiles.items():
        for f in pile.payers:
            due = stock_cost(instance, commitment, h, f)
            left = stock_residual(instance, commitment, h, f)
            if not due.any() and left == 0:
                continue
            public = instance.case.funders[f].kind == "public"
            yield Position(
                funder=f,
                instrument=None,
                project=None,
                stockpile=h,
                budget_class="expenditure" if public else "private",
                committed_meur=float(due.sum()),
                paid_meur=by_year(instance, due),
                returned_meur={},
                outstanding_meur=by_year(instance, np.zeros(len(instance.years))),
                expected_loss_meur=0.0,
                maximum_loss_meur=0.0,
                cost_meur=float(instance.discount @ due) - left,
                residual_meur=left,
            )


def _returned(instance: Instance, terms: Terms, money: Money, share: float) -> dict[str, float]:
    """What is expected to come back in each year, also past the horizon: of each payment by its
    age, and the income of a price floor."""
    found: dict[int, float] = {}
    for position, paid in enumerate(money.paid):
        for age, part in enumerate(terms.returned):
            year = instance.years[position] + age
            found[year] = found.get(year, 0.0) + share * float(paid) * part
    for year, income in zip(instance.years, money.income, strict=True):
        found[year] = found.get(year, 0.0) + share * float(income)
    return {str(year): meur for year, meur in sorted(found.items()) if meur > 0}


@dataclass(frozen=True, eq=False)
class _Risk:
    """What is at stake per unit of share, in million EUR, undiscounted."""

    outstanding: Floats  # (Y) at the end of each year
    expected: float | None
    maximum: float


def _risk(instance: Instance, instrument: InstrumentData, money: Money) -> _Risk:
    """What may be lost: of a price floor what it may still cost, of grants and interest nothing,
    since they are spent in any case."""
    terms, years = instrument.terms, range(len(instance.years))
    if instrument.form == "price_floor":
        decided = np.array([year >= money.start for year in instance.years], dtype=float)
        still = money.amount - np.cumsum(money.exposure)
        return _Risk(decided * np.maximum(still, 0.0), float(money.paid.sum()), money.amount)
    if terms.budget_class in SPENT_IN_ANY_CASE or not instrument.carries_capex:
        return _Risk(np.zeros(len(years)), 0.0, 0.0)
    outstanding = np.array(
        [math.fsum(float(money.paid[d]) * terms.outstanding(y - d) for d in years) for y in years]
    )
    expected = None if terms.expected_loss is None else terms.expected_loss * money.amount
    return _Risk(outstanding, expected, terms.maximum_loss * money.amount)


def budget_lines(instance: Instance, commitment: Commitment) -> Iterator[BudgetLineUse]:
    """How far each budget and each of its lines is used; none for a budget without any limit."""
    used = spend(instance, commitment)
    of_lines = line_use(instance, commitment)
    for f, funder in instance.case.funders.items():
        yield from (
            _line(instance, line, of_lines[f, id])
            for (owner, id), line in instance.lines.items()
            if owner == f
        )
        yearly = funder.budget_by_year_meur
        if funder.budget_meur is None and yearly is None:
            continue
        total = funder.budget_meur
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


def _line(instance: Instance, line: BudgetLineData, used: Floats) -> BudgetLineUse:
    stock = line.kind == "guarantee_stock"
    return BudgetLineUse(
        funder=line.funder,
        line=line.id,
        name=named(instance.case.funders[line.funder].budget_lines[line.id].name, line.id),
        kind=line.kind,
        used_meur=by_year(instance, used),
        available_meur=(
            by_year(instance, line.limit)
            if stock
            else _available(instance, line.by_year, used, line.carry_over)
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
