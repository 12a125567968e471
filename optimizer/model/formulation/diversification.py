"""The limit on what one country supplies (G1)."""

from __future__ import annotations

from typing import Any

from optimizer.model.instance import COVERED, Instance


def add_country_limit(model: Any, instance: Instance) -> None:
    """Add the limit on the share of demand met from one country (G1)."""
    needed = _needed(instance)

    @model.Constraint(
        list(needed), doc="(G1) reserved output replaces what one country oversupplies"
    )
    def country_share_limit(model: Any, material: str, country: str, year: int) -> Any:
        reserved = sum(
            instance.projects[p].output[material]
            * _running(instance, p, start, year)
            * model.offtake[p, start, group]
            for p, start, group in model.offtake
            if material in instance.projects[p].output
            and instance.projects[p].country != country
            and _running(instance, p, start, year) > 0
        )
        return reserved + model.nothing >= needed[material, country, year]


def _running(instance: Instance, p: str, start: int, year: int) -> float:
    running = instance.projects[p].running(instance.years, start)
    return float(running[year - instance.years[0]])


def _needed(instance: Instance) -> dict[tuple[str, str, int], float]:
    """Lots per period by which supply from a country exceeds its limit."""
    limit = instance.case.policy.max_country_share
    if limit is None:
        return {}
    needed = {}
    for (material, country), supply in instance.supply.items():
        if country in limit.except_ or (
            limit.materials is not None and material not in limit.materials
        ):
            continue
        over = supply - float(limit.limit) * instance.material_demand[material]
        for year, excess in zip(instance.years, over, strict=True):
            if excess > COVERED and (limit.from_year is None or year >= limit.from_year):
                needed[material, country, year] = float(excess)
    return needed
