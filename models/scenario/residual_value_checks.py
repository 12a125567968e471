"""Faults and warnings of residual values that make buying or building profitable by themselves.

The residual value of a project never makes its cost negative. That of a stockpile can: if the price
rises faster than the discount rate, buying and holding stock to the end of the horizon earns money.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.faults import Fault, PathStep
from models.scenario.sections import Sections
from models.scenario.stockpiles import Stockpile

_ZERO_COST_TOLERANCE = 1e-9  #: Cost, as a share of the price, that counts as zero.


def check_residual_values(case: Sections) -> Iterator[Fault]:
    """Yield a fault for each stockpile that earns money by unlimited purchases.

    Also yield warnings for stockpiles that cost nothing or earn by limited purchases, and for
    projects without cost.
    """
    for position, stockpile in enumerate(case.stockpiles):
        cheapest = cheapest_purchase(case, stockpile)
        if cheapest is None or cheapest[1] > _ZERO_COST_TOLERANCE:
            continue
        path: tuple[PathStep, ...] = ("stockpiles", position)
        path += () if stockpile.residual_value is None else ("residual_value",)
        values = {"stockpile": stockpile.id, "year": cheapest[0]}
        if cheapest[1] < -_ZERO_COST_TOLERANCE and not _has_purchase_limit(case, stockpile):
            message = (
                "with its residual value, '{stockpile}' earns by buying in {year} and holding to "
                "the end, and nothing limits how much"
            ).format(**values)
            hint = "give max_t or max_purchase_t_per_year, or a lower residual_value"
            yield Fault(path, message, hint)
        else:
            message = (
                "with its residual value, '{stockpile}' costs nothing, or earns, by buying in "
                "{year} and holding to the end"
            ).format(**values)
            hint = "a lower residual_value allows for loss, sale and a fall of the price"
            yield Fault(path, message, hint, "warning")
    message = "with a residual_value of 1, a project started in the last year costs nothing"
    hint = "a lower one allows for wear and failure"
    residual_values = {name: project.residual_value for name, project in case.projects.items()}
    if case.horizon.residual_value >= 1 and None in residual_values.values():
        yield Fault(("horizon", "residual_value"), message, hint, "warning")
    for name, value in residual_values.items():
        if value is not None and value >= 1:
            yield Fault(("projects", name, "residual_value"), message, hint, "warning")


def _has_purchase_limit(case: Sections, stockpile: Stockpile) -> bool:
    """Return whether capacity, a purchase limit or a payer's budget limits purchases."""
    limits: list[object] = [stockpile.max_t, stockpile.max_purchase_t_per_year]
    for name, share in stockpile.paid_by.items():
        funder = case.funders.get(name)
        if funder is None or float(share) == 0:
            continue
        limits += [funder.budget_meur, funder.budget_by_year_meur]
        limits += [case.policy.budget_meur] if funder.kind == "public" else []
        for line in funder.budget_lines.values():
            charge = 1.0 if line.stock_charge is None else float(line.stock_charge)
            if line.kind != "guarantee_stock" and charge > 0:
                limits += [line.total_meur, line.by_year_meur]
    return any(limit is not None for limit in limits)


def cheapest_purchase(case: Sections, stockpile: Stockpile) -> tuple[int, float] | None:
    """Return the year in which it costs least to buy stock and hold it to the end, and this cost.

    The cost is that of one tonne, discounted and net of its residual value, as a share of the last
    year's price. Returns None if the stock has no residual value, the horizon or the material is
    faulty, the last price is 0, or no year permits purchases.
    """
    material, years = case.materials.get(stockpile.material), case.horizon.years
    own_share = stockpile.residual_value
    residual_share = float(case.horizon.residual_value if own_share is None else own_share)
    if material is None or not years or not residual_share > 0:
        return None
    periods, price_at = int(case.horizon.periods_per_year), material.price_eur_per_t.at
    kept_share = (1 - float(stockpile.annual_loss)) ** (1 / periods)
    max_purchase, last_price = stockpile.max_purchase_t_per_year, price_at(years[-1])
    if not last_price > 0:
        return None
    costs: dict[int, float] = {}
    # Shares left by period: of a tonne bought evenly over the year, and of one held from its start.
    bought_shares = [
        math.fsum(kept_share**age for age in range(period + 1)) / periods
        for period in range(periods)
    ]
    held_shares = [kept_share ** (period + 1) for period in range(periods)]
    discount_rate = float(case.horizon.discount_rate)
    end_value = residual_share * last_price * (1 + discount_rate) ** (1 - len(years))
    later_holding_cost, share_at_end = 0.0, 1.0
    for year in reversed(years):
        discount = (1 + discount_rate) ** -(year - years[0])
        yearly_cost = float(stockpile.storage_eur_per_t_year)
        yearly_cost = discount * (yearly_cost + float(stockpile.financing_rate) * price_at(year))
        purchase_cost = discount * price_at(year) * (1 + float(stockpile.purchase_premium))
        holding_cost = (
            yearly_cost * math.fsum(bought_shares) / periods
            + bought_shares[-1] * later_holding_cost
        )
        if max_purchase is None or max_purchase.at(year) > 0:
            costs[year] = (
                purchase_cost + holding_cost - bought_shares[-1] * share_at_end * end_value
            ) / last_price
        later_holding_cost = (
            yearly_cost * math.fsum(held_shares) / periods + held_shares[-1] * later_holding_cost
        )
        share_at_end *= held_shares[-1]
    if not costs:
        return None
    year = min(costs, key=costs.__getitem__)
    return year, costs[year]
