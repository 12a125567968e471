"""Buying and keeping stock (S1 to S4). Mass is in lots."""

import math
from typing import Any

import pyomo.environ as pyo

from optimizer.model.instance import Instance


def add_stockpiles(model: Any, instance: Instance) -> None:
    """Add purchases and planned stock, and rules S1 to S4."""
    piles, years, periods = instance.stockpiles, instance.years, instance.periods
    n, first = instance.periods_per_year, years[0]
    model.buy = pyo.Var(
        list(piles), list(years), domain=pyo.NonNegativeReals, doc="lots bought in a year"
    )
    model.planned = pyo.Var(
        list(piles), list(periods), domain=pyo.NonNegativeReals, doc="stock if nothing is released"
    )
    buyable = [
        (h, year)
        for h, pile in piles.items()
        for year in years
        if math.isfinite(pile.max_purchase[year - first])
    ]

    @model.Constraint(buyable, doc="(S1) the market gives so much a year")
    def purchase_limit(model: Any, h: str, year: int) -> Any:
        return model.buy[h, year] <= piles[h].max_purchase[year - first]

    @model.Constraint(
        list(piles), list(periods), doc="(S2) planned stock is what keeps, plus what is bought"
    )
    def planned_stock_definition(model: Any, h: str, k: int) -> Any:
        before = model.planned[h, k - 1] if k > 0 else piles[h].initial_lots
        bought = model.buy[h, first + k // n] / n
        return model.planned[h, k] == piles[h].retention * before + bought

    roomy = [h for h, pile in piles.items() if math.isfinite(pile.max_stock)]

    @model.Constraint(roomy, list(periods), doc="(S3) planned stock fits into the store")
    def storage_limit(model: Any, h: str, k: int) -> Any:
        return model.planned[h, k] <= piles[h].max_stock

    asked = [
        (h, year) for h, pile in piles.items() for year in years if pile.min_stock[year - first] > 0
    ]

    @model.Constraint(asked, doc="(S4) planned stock at a year's end covers so many days")
    def days_of_demand(model: Any, h: str, year: int) -> Any:
        last = (year - first + 1) * n - 1
        return model.planned[h, last] >= piles[h].min_stock[year - first]


def stock_cost(model: Any, instance: Instance, h: str, year: int, funder: str | None = None) -> Any:
    """Million EUR that a stockpile costs in a year, in all or a funder: purchases, and keeping its
    mean stock."""
    pile, n, position = instance.stockpiles[h], instance.periods_per_year, year - instance.years[0]
    kept = sum(model.planned[h, k] for k in range(position * n, (position + 1) * n)) / n
    buying, holding = pile.buying_cost, pile.holding_cost
    if funder is not None:
        buying, holding = pile.costs_of_funder(funder)
    return buying[position] * model.buy[h, year] + holding[position] * kept


def stock_residual_value(model: Any, instance: Instance, h: str, funder: str | None = None) -> Any:
    """Discounted million EUR that planned stock counts for at the end, in all or to a funder."""
    pile = instance.stockpiles[h]
    part = 1.0 if funder is None else pile.purchase_paid_by.get(funder, 0.0)
    value = part * float(instance.discount_factor[-1]) * pile.end_value_per_lot
    return value * model.planned[h, instance.periods[-1]]
