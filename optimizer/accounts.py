"""Money as a treasury sees it: positions that add up to the net cost, and the use of budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from models.results import BudgetClass, BudgetLineUse, Position
from optimizer.commitment import Commitment, instalments, spend, stock_cost
from optimizer.instance import Floats, Instance

SPENT_IN_ANY_CASE: frozenset[BudgetClass | None] = frozenset({"grant", "expenditure"})
"""Classes of which nothing is at risk, since nothing is meant to come back."""


def positions(instance: Instance, commitment: Commitment) -> Iterator[Position]:
    """Whose money goes where, and what comes of it; net costs add up to that of the plan."""
    years = len(instance.years)
    for p, f, i, due in instalments(instance, commitment):
        terms = instance.instrument[f, i]
        booked = _class_of(instance, f, i)
        amount, spent = float(due.sum()), booked in SPENT_IN_ANY_CASE
        cost = float(instance.discount @ due) * (1 - terms.recovery)
        yield Position(
            funder=f,
            instrument=i,
            project=p,
            stockpile=None,
            budget_class=booked,
            committed_meur=amount,
            paid_meur=by_year(instance, due),
            returned_meur={},
            outstanding_meur=by_year(instance, np.zeros(years) if spent else np.cumsum(due)),
            expected_loss_meur=0.0 if spent else None,
            maximum_loss_meur=0.0 if spent else amount,
            cost_meur=cost,
        )
    for h, pile in instance.stockpiles.items():
        for f, part in pile.paid_by.items():
            due = part * stock_cost(instance, commitment, h)
            if not due.any():
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
                outstanding_meur=by_year(instance, np.zeros(years)),
                expected_loss_meur=0.0,
                maximum_loss_meur=0.0,
                cost_meur=float(instance.discount @ due),
            )


def _class_of(instance: Instance, funder: str, instrument: str) -> BudgetClass | None:
    if instance.case.funders[funder].kind != "public":
        return "private"
    written = instance.case.funders[funder].instruments[instrument].budget_class
    return next((known for known in get_args(BudgetClass) if known == written), None)


def budget_lines(instance: Instance, commitment: Commitment) -> Iterator[BudgetLineUse]:
    """How far each budget is used; none for a funder without any limit."""
    used = spend(instance, commitment)
    for f, funder in instance.case.funders.items():
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
