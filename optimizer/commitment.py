"""The first-stage decisions as plain numbers, apart from any model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.instance import Floats, Instance


@dataclass(frozen=True, eq=False)
class Commitment:
    """What is decided before the state of the world is known.

    Shares are of capex, offtake is a share of output, purchases are lots per year (Y).
    """

    start: dict[str, int] = field(default_factory=dict)
    """Start year of each project that is built."""
    share: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """By project, funder and instrument."""
    market: dict[str, float] = field(default_factory=dict)
    """By project."""
    offtake: dict[tuple[str, str], float] = field(default_factory=dict)
    """By project and group."""
    buy: dict[str, Floats] = field(default_factory=dict)
    """By stockpile; what is absent buys nothing."""

    def bought(self, instance: Instance, stockpile: str) -> Floats:
        """(Y) lots that a stockpile buys in each year."""
        return self.buy.get(stockpile, np.zeros(len(instance.years)))


def planned_stock(instance: Instance, commitment: Commitment, stockpile: str) -> Floats:
    """(K) lots at each period's end if nothing is released (S2)."""
    pile, n = instance.stockpiles[stockpile], instance.per_year
    bought = commitment.bought(instance, stockpile)
    planned, stock = np.zeros(len(instance.periods)), pile.initial
    for k in instance.periods:
        stock = pile.keeps * stock + bought[k // n] / n
        planned[k] = stock
    return planned


def stock_cost(instance: Instance, commitment: Commitment, stockpile: str) -> Floats:
    """(Y) million EUR that a stockpile costs, undiscounted, whoever pays."""
    pile = instance.stockpiles[stockpile]
    planned = planned_stock(instance, commitment, stockpile)
    mean = planned.reshape(len(instance.years), instance.per_year).mean(axis=1)
    bought = commitment.bought(instance, stockpile)
    cost: Floats = pile.buying_cost * bought + pile.holding_cost * mean
    return cost


def instalments(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, str, Floats]]:
    """(Y) million EUR that each project, funder and instrument puts up, undiscounted.

    A share of what is not built costs nothing; it is for the check to refuse it.
    """
    for (p, f, i), share in commitment.share.items():
        project, start = instance.projects[p], commitment.start.get(p)
        if start is not None:
            yield p, f, i, project.capex * share * project.due(instance.years, start)


def spend(instance: Instance, commitment: Commitment) -> dict[str, Floats]:
    """(Y) million EUR of each funder's budget that is used, undiscounted."""
    used = {f: np.zeros(len(instance.years)) for f in instance.case.funders}
    for _, f, i, due in instalments(instance, commitment):
        used[f] = used[f] + instance.instrument[f, i].budget_charge * due
    for h, pile in instance.stockpiles.items():
        cost = stock_cost(instance, commitment, h)
        for f, part in pile.paid_by.items():
            used[f] = used[f] + part * cost
    return used


def net_cost(instance: Instance, commitment: Commitment) -> float:
    """Discounted million EUR: money put up less what comes back, and stocks, whoever pays."""
    total = 0.0
    for _, f, i, due in instalments(instance, commitment):
        total += float(instance.discount @ due) * (1 - instance.instrument[f, i].recovery)
    for h in instance.stockpiles:
        total += float(instance.discount @ stock_cost(instance, commitment, h))
    return total


def without_idle_projects(instance: Instance, commitment: Commitment) -> Commitment:
    """The same commitment without projects that nobody pays for, wants or needs.

    A project that the market pays in full costs nothing here, so that building it for no use is
    no worse than leaving it; a plan does not name it.
    """
    projects = instance.case.projects
    needed = {*instance.case.policy.must_build}
    needed.update(other for p in commitment.start for other in projects[p].requires)
    used = {key[0] for key in (*commitment.share, *commitment.offtake)}
    start = {p: year for p, year in commitment.start.items() if p in used or p in needed}
    market = {p: share for p, share in commitment.market.items() if p in start}
    return replace(commitment, start=start, market=market)
