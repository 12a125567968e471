"""What a residual value makes worth having for its own sake: faults and doubts.

A project never costs less than nothing by its residual value. A stock can: where its price rises
faster than money is discounted, buying to hold to the end earns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.faults import Fault, PathStep
from models.language import tr

if TYPE_CHECKING:
    from models.scenario.case import Case
    from models.scenario.stockpiles import Stockpile

_ZERO_COST_TOLERANCE = 1e-9  #: Share of the price below which a cost is none.


def check_residual_values(case: Case) -> Iterator[Fault]:
    """Stockpiles that earn by buying, a fault where nothing limits how much; and projects that cost
    nothing.
    """
    for number, stockpile in enumerate(case.stockpiles):
        found = cheapest_purchase_year(case, stockpile)
        if found is None or found[1] > _ZERO_COST_TOLERANCE:
            continue
        at: tuple[PathStep, ...] = ("stockpiles", number)
        at += () if stockpile.residual_value is None else ("residual_value",)
        about = {"stockpile": stockpile.id, "year": found[0]}
        if found[1] < -_ZERO_COST_TOLERANCE and not _has_purchase_limit(case, stockpile):
            message = tr(
                "with its residual value, '{stockpile}' earns by buying in {year} and holding to "
                "the end, and nothing limits how much",
                **about,
            )
            hint = tr("give max_t or max_purchase_t_per_year, or a lower residual_value")
            yield Fault(at, message, hint)
        else:
            message = tr(
                "with its residual value, '{stockpile}' costs nothing, or earns, by buying in "
                "{year} and holding to the end",
                **about,
            )
            hint = tr("a lower residual_value allows for loss, sale and a fall of the price")
            yield Fault(at, message, hint, "warning")
    message = tr("with a residual_value of 1, a project started in the last year costs nothing")
    hint = tr("a lower one allows for wear and failure")
    own = {name: project.residual_value for name, project in case.projects.items()}
    if case.horizon.residual_value >= 1 and None in own.values():
        yield Fault(("horizon", "residual_value"), message, hint, "warning")
    for name, value in own.items():
        if value is not None and value >= 1:
            yield Fault(("projects", name, "residual_value"), message, hint, "warning")


def _has_purchase_limit(case: Case, stockpile: Stockpile) -> bool:
    """Whether room, the market or a budget of one who pays limits what is bought."""
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


def cheapest_purchase_year(case: Case, stockpile: Stockpile) -> tuple[int, float] | None:
    """The year in which buying a tonne to hold it to the end costs least, and what it costs: a
    share of the last year's price, discounted; None without a residual value."""
    material, years = case.materials.get(stockpile.material), case.horizon.years
    own = stockpile.residual_value
    residual = float(case.horizon.residual_value if own is None else own)
    if material is None or not years or not residual > 0:
        return None
    n, price = int(case.horizon.periods_per_year), material.price_eur_per_t.at
    keeps = (1 - float(stockpile.annual_loss)) ** (1 / n)
    most, last = stockpile.max_purchase_t_per_year, price(years[-1])
    if not last > 0:
        return None
    costs: dict[int, float] = {}
    # Of a tonne bought evenly over the first year, and of one that lies there from its beginning.
    bought = [math.fsum(keeps**age for age in range(k + 1)) / n for k in range(n)]
    lying = [keeps ** (k + 1) for k in range(n)]
    rate = float(case.horizon.discount_rate)
    worth = residual * last * (1 + rate) ** (1 - len(years))
    to_hold, at_end = 0.0, 1.0
    for year in reversed(years):
        factor = (1 + rate) ** -(year - years[0])
        holding = float(stockpile.storage_eur_per_t_year)
        holding = factor * (holding + float(stockpile.financing_rate) * price(year))
        buying = factor * price(year) * (1 + float(stockpile.purchase_premium))
        held = holding * math.fsum(bought) / n + bought[-1] * to_hold
        if most is None or most.at(year) > 0:
            costs[year] = (buying + held - bought[-1] * at_end * worth) / last
        to_hold = holding * math.fsum(lying) / n + lying[-1] * to_hold
        at_end *= lying[-1]
    if not costs:
        return None
    year = min(costs, key=costs.__getitem__)
    return year, costs[year]
