"""What lets the market carry more: subsidised interest and price floors (P3)."""

from __future__ import annotations

from typing import Any

from optimizer.model.formulation.projects import share_of
from optimizer.model.instance import Instance


def add_support_rules(model: Any, instance: Instance) -> None:
    """Add that a loan is subsidised once, and that a tonne has one floor (P3)."""
    subsidies = [i for i in instance.instruments if i.form == "interest_subsidy"]
    floors = [i for i in instance.instruments if i.form == "price_floor"]
    lent = [
        (p, year)
        for p, year in instance.starts
        if any((p, i.funder, i.id, year) in model.share for i in subsidies)
    ]

    @model.Constraint(lent, doc="(P3) what the market lends is subsidised once")
    def subsidised_loan_limit(model: Any, p: str, year: int) -> Any:
        subsidised = sum(share_of(model, instance, p, i.funder, i.id, year) for i in subsidies)
        return subsidised <= model.market[p, year]

    sold = [
        (p, material, year)
        for p, year in instance.starts
        for material in instance.projects[p].output
        if sum(material in i.floors and (p, i.funder, i.id, year) in model.share for i in floors)
        > 1
    ]

    @model.Constraint(sold, doc="(P3) a tonne has one price floor")
    def price_floor_limit(model: Any, p: str, material: str, year: int) -> Any:
        covered = sum(
            share_of(model, instance, p, i.funder, i.id, year)
            for i in floors
            if material in i.floors
        )
        return covered <= model.start[p, year]
