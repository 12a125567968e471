"""Whose money goes where, when, and what comes of it.

A guarantee counts with the loan that it covers, wherever ``budget_class`` does not tell it apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from models.results import BudgetLineUse, Plan, Position
from optimizer.report.figures import NOISE
from optimizer.report.tables import spread
from optimizer.report.tables.frame import MARKET, frame

if TYPE_CHECKING:
    import pandas as pd


def sources(plan: Plan) -> pd.DataFrame:
    """Money put up: one row a source, budget class, purpose and year, undiscounted.

    Adds up to ``committed_meur`` of the funders, and over all sources to capex, the cost of stocks
    and what interest subsidies and price floors are expected to pay. Lenders and other investors
    have the kind ``market``; ``budget_class`` is an empty text where the file names none.
    """
    kinds = _kinds(plan)
    rows: list[dict[str, Any]] = [
        {
            "source": position.funder,
            "kind": kinds.get(position.funder, "private"),
            "budget_class": position.budget_class or "",
            "purpose": "stockpiles" if position.project is None else "projects",
            "year": int(year),
            "meur": amount,
        }
        for position in plan.accounts
        for year, amount in position.paid_meur.items()
    ]
    rows += _market(plan)
    return frame(rows, ["source", "kind", "budget_class", "purpose", "year", "meur"])


def _market(plan: Plan) -> Iterator[dict[str, Any]]:
    """What lenders and investors put up each year: capex past the horizon falls in its last."""
    if plan.case is None:
        return
    years = plan.case.horizon.years
    for built in plan.projects:
        profile = plan.case.projects[built.id].capex_profile
        for age, share in enumerate(profile):
            yield {
                "source": MARKET,
                "kind": MARKET,
                "budget_class": "private",
                "purpose": "projects",
                "year": min(built.start + age, years[-1]),
                "meur": built.market_share * built.capex_meur * float(share),
            }


def positions(plan: Plan) -> pd.DataFrame:
    """One row a position, with sums over the years and present values.

    ``returned_pv_meur`` is what is expected to come back, discounted like costs to the first year:
    the present value of what is paid less the net cost and the residual value.
    """
    kinds = _kinds(plan)
    rows = (
        {
            "funder": position.funder,
            "kind": kinds.get(position.funder, "private"),
            "instrument": position.instrument or "",
            "project": position.project or "",
            "stockpile": position.stockpile or "",
            "budget_class": position.budget_class or "",
            "committed_meur": position.committed_meur,
            "paid_meur": sum(position.paid_meur.values()),
            "paid_pv_meur": _present_value(plan, position),
            "returned_meur": sum(position.returned_meur.values()),
            "returned_pv_meur": _present_value(plan, position) - _without_residual(position),
            "expected_loss_meur": position.expected_loss_meur,
            "maximum_loss_meur": position.maximum_loss_meur,
            "residual_meur": position.residual_meur,
            "cost_meur": position.cost_meur,
        }
        for position in plan.accounts
    )
    columns = ["funder", "kind", "instrument", "project", "stockpile", "budget_class"]
    columns += ["committed_meur", "paid_meur", "paid_pv_meur", "returned_meur", "returned_pv_meur"]
    losses = ["expected_loss_meur", "maximum_loss_meur"]
    return frame(rows, [*columns, *losses, "residual_meur", "cost_meur"])


def _without_residual(position: Position) -> float:
    """The net cost before anything counts at the end."""
    return position.cost_meur + position.residual_meur


def returned(plan: Plan) -> pd.DataFrame:
    """What is expected to come back when: one row a position that says so, and year.

    Years may lie past the horizon; amounts are not discounted.
    """
    kinds = _kinds(plan)
    rows = (
        {
            "funder": position.funder,
            "kind": kinds.get(position.funder, "private"),
            "budget_class": position.budget_class or "",
            "year": int(year),
            "meur": amount,
        }
        for position in plan.accounts
        for year, amount in position.returned_meur.items()
    )
    return frame(rows, ["funder", "kind", "budget_class", "year", "meur"])


def outstanding(plan: Plan) -> pd.DataFrame:
    """What is at risk at each year's end: one row a funder, budget class and year."""
    kinds = _kinds(plan)
    rows = (
        {
            "funder": position.funder,
            "kind": kinds.get(position.funder, "private"),
            "budget_class": position.budget_class or "",
            "year": int(year),
            "meur": amount,
        }
        for position in plan.accounts
        for year, amount in position.outstanding_meur.items()
    )
    return frame(rows, ["funder", "kind", "budget_class", "year", "meur"])


def per_public_euro(plan: Plan) -> tuple[float, float, float] | None:
    """Damage avoided per unit of money that public funders put up: mean, 5 % and 95 % quantile.

    Both are present values; loans that they guarantee count in full. None where damage is not
    counted in money, without public money, or without a distribution.
    """
    found = positions(plan)
    paid = float(found[found["kind"] == "public"]["paid_pv_meur"].sum())
    avoided = spread.avoided(plan)
    if plan.outcome.measure != "damage" or avoided is None or paid <= NOISE:
        return None
    mean, low, high = (value / paid for value in avoided)
    return mean, low, high


def leverage(plan: Plan) -> tuple[float | None, float | None]:
    """Other money per unit of public money in projects, undiscounted, in two definitions.

    First, private money per public money with all loans that are guaranteed. Second, all other
    money per unit that public funders put up themselves, without guaranteed loans.
    """
    money = sources(plan)
    money = money[money["purpose"] == "projects"]
    public = money[money["kind"] == "public"]
    total, backed = float(money["meur"].sum()), float(public["meur"].sum())
    own = float(public[public["budget_class"] != "guarantee"]["meur"].sum())
    return (
        (total - backed) / backed if backed > NOISE else None,
        (total - own) / own if own > NOISE else None,
    )


def budget_lines(plan: Plan) -> pd.DataFrame:
    """One row a budget line: what it grants and what is used of it, over all years.

    ``used_meur`` of a guarantee stock is the highest of all years, and ``granted_meur`` the limit
    of that year; None where nothing limits a line.
    """
    rows = []
    for line in plan.budget_lines:
        stock = line.kind == "guarantee_stock"
        used = max(line.used_meur.values(), default=0.0) if stock else sum(line.used_meur.values())
        rows.append(
            {
                "funder": line.funder,
                "line": line.line,
                "name": line.name,
                "kind": line.kind,
                "used_meur": used,
                "granted_meur": _granted(plan, line),
                "yearly": line.available_meur is not None,
            }
        )
    return frame(rows, ["funder", "line", "name", "kind", "used_meur", "granted_meur", "yearly"])


def _granted(plan: Plan, line: BudgetLineUse) -> float | None:
    """What a line grants over all years: the smaller of its total and the sum of its years.

    What is carried over is not counted twice.
    """
    if line.available_meur is None:
        return line.total_meur
    if line.kind == "guarantee_stock":
        year = max(line.used_meur, key=lambda y: line.used_meur[y], default=None)
        return None if year is None else line.available_meur[year]
    carried = _carried(plan, line)
    granted, left = 0.0, 0.0
    for year, available in line.available_meur.items():
        # Of what a year has, only what the years before did not leave is new.
        granted += available - (left if carried else 0.0)
        left = max(0.0, available - line.used_meur.get(year, 0.0))
    return granted if line.total_meur is None else min(granted, line.total_meur)


def _carried(plan: Plan, line: BudgetLineUse) -> bool:
    if plan.case is None:
        return False
    purse: Any = plan.case.funders[line.funder]
    terms = purse if line.line == "budget" else purse.budget_lines[line.line]
    return bool(terms.carry_over)


def line_years(plan: Plan) -> pd.DataFrame:
    """One row a budget line and year: used, and available with what is carried over."""
    rows = (
        {
            "funder": line.funder,
            "line": line.line,
            "name": line.name,
            "kind": line.kind,
            "year": int(year),
            "used_meur": used,
            "available_meur": (line.available_meur or {}).get(year),
        }
        for line in plan.budget_lines
        for year, used in line.used_meur.items()
    )
    columns = ["funder", "line", "name", "kind", "year", "used_meur", "available_meur"]
    return frame(rows, columns)


def _present_value(plan: Plan, position: Position) -> float:
    """What a position pays, discounted to the first year of the horizon."""
    if plan.case is None:
        return sum(position.paid_meur.values())
    horizon = plan.case.horizon
    factor = 1 + float(horizon.discount_rate)
    return sum(
        amount / factor ** (int(year) - horizon.first_year)
        for year, amount in position.paid_meur.items()
    )


def _kinds(plan: Plan) -> dict[str, str]:
    return {funder.id: funder.kind for funder in plan.funders}
