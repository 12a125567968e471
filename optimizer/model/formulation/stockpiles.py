"""Stockpiles: purchases and planned stock (S1 to S4). Mass is in lots."""

import math
from typing import Any

import pyomo.environ as pyo

from optimizer.model.instance import Instance


def add_stockpiles(model: Any, instance: Instance) -> None:
    """Add purchases and planned stock, and rules S1 to S4."""
    stockpiles, years, periods = instance.stockpiles, instance.years, instance.periods
    n, first_year = instance.periods_per_year, years[0]
    model.buy = pyo.Var(
        list(stockpiles), list(years), domain=pyo.NonNegativeReals, doc="lots bought in a year"
    )
    model.planned = pyo.Var(
        list(stockpiles),
        list(periods),
        domain=pyo.NonNegativeReals,
        doc="stock at a period's end if nothing is released",
    )
    buyable_keys = [
        (h, year)
        for h, stockpile in stockpiles.items()
        for year in years
        if math.isfinite(stockpile.max_purchase[year - first_year])
    ]

    @model.Constraint(buyable_keys, doc="(S1) purchases in a year are limited")
    def purchase_limit(model: Any, h: str, year: int) -> Any:
        return model.buy[h, year] <= stockpiles[h].max_purchase[year - first_year]

    @model.Constraint(
        list(stockpiles),
        list(periods),
        doc="(S2) planned stock is the rest of the earlier stock plus purchases",
    )
    def planned_stock_definition(model: Any, h: str, k: int) -> Any:
        previous_stock = model.planned[h, k - 1] if k > 0 else stockpiles[h].initial_lots
        purchased_lots = model.buy[h, first_year + k // n] / n
        return model.planned[h, k] == stockpiles[h].retention * previous_stock + purchased_lots

    limited_stockpiles = [
        h for h, stockpile in stockpiles.items() if math.isfinite(stockpile.max_stock)
    ]

    @model.Constraint(
        limited_stockpiles, list(periods), doc="(S3) planned stock fits into the store"
    )
    def storage_limit(model: Any, h: str, k: int) -> Any:
        return model.planned[h, k] <= stockpiles[h].max_stock

    min_stock_keys = [
        (h, year)
        for h, stockpile in stockpiles.items()
        for year in years
        if stockpile.min_stock[year - first_year] > 0
    ]

    @model.Constraint(min_stock_keys, doc="(S4) planned stock at a year's end reaches its minimum")
    def days_of_demand(model: Any, h: str, year: int) -> Any:
        last_period = (year - first_year + 1) * n - 1
        return model.planned[h, last_period] >= stockpiles[h].min_stock[year - first_year]


def stock_cost(model: Any, instance: Instance, h: str, year: int, funder: str | None = None) -> Any:
    """Return an expression of the undiscounted cost of a stockpile in a year, in million EUR:
    purchases, and holding of the mean planned stock. With ``funder`` return the part that this
    funder pays."""
    stockpile = instance.stockpiles[h]
    n = instance.periods_per_year
    year_position = year - instance.years[0]
    mean_stock = (
        sum(model.planned[h, k] for k in range(year_position * n, (year_position + 1) * n)) / n
    )
    buying, holding = stockpile.buying_cost, stockpile.holding_cost
    if funder is not None:
        buying, holding = stockpile.costs_of_funder(funder)
    return buying[year_position] * model.buy[h, year] + holding[year_position] * mean_stock


def stock_residual_value(model: Any, instance: Instance, h: str, funder: str | None = None) -> Any:
    """Return an expression of the discounted residual value of planned stock, in million EUR: all
    of it, or the part of one funder."""
    stockpile = instance.stockpiles[h]
    share = 1.0 if funder is None else stockpile.purchase_paid_by.get(funder, 0.0)
    value = share * float(instance.discount_factor[-1]) * stockpile.end_value_per_lot
    return value * model.planned[h, instance.periods[-1]]
