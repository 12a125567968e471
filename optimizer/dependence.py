"""Whom supply depends on, with a commitment and without, undisturbed and on time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from models.case import Case
from models.countries import EU_27
from models.results import CrmaShare, SupplyMix
from optimizer.commitment import Commitment
from optimizer.instance import Floats, Instance

CRMA_YEAR = 2030
CRMA_TARGETS = {"extraction": 0.10, "processing": 0.40, "recycling": 0.25}
"""Regulation (EU) 2024/1252, Article 5(1): shares of the Union's annual consumption in 2030."""


def supply_mixes(instance: Instance, commitment: Commitment) -> dict[str, list[SupplyMix | None]]:
    """Where supply comes from, by material and year (Y); None without supply or demand."""
    delivered = _delivered(instance, commitment)
    mixes: dict[str, list[SupplyMix | None]] = {}
    for m in instance.case.materials:
        market = {c: q for (of, c), q in instance.supply.items() if of == m}
        own = {c: q for (of, c), q in delivered.items() if of == m}
        demand = instance.material_demand[m]
        mixes[m] = [
            _mix(
                {c: float(q[y]) for c, q in market.items()},
                {c: float(q[y]) for c, q in own.items()},
                float(demand[y]),
                instance.case.home,
            )
            for y in range(len(instance.years))
        ]
    return mixes


def _delivered(instance: Instance, commitment: Commitment) -> dict[tuple[str, str], Floats]:
    """(Y) lots a period that projects reserve for home consumers, by material and country."""
    total: dict[tuple[str, str], Floats] = {}
    for (p, _), offtake in commitment.offtake.items():
        project, start = instance.projects[p], commitment.start.get(p)
        if start is None:
            continue
        running = project.running(instance.years, start)
        for m, output in project.output.items():
            key = (m, project.country)
            total[key] = total.get(key, np.zeros(len(instance.years))) + output * offtake * running
    return total


def _mix(
    market: Mapping[str, float], own: Mapping[str, float], demand: float, home: tuple[str, ...]
) -> SupplyMix | None:
    supply = sum(market.values())
    if demand <= 0 or supply + sum(own.values()) <= 0:
        return None
    surplus = min(supply, max(0.0, supply + sum(own.values()) - max(supply, demand)))
    abroad = {c: q for c, q in market.items() if c not in home}
    gone = min(surplus, sum(abroad.values()))
    left = {**market, **give_way(abroad, own, gone)}
    at_home = {c: q for c, q in market.items() if c in home}
    left |= give_way(at_home, own, surplus - gone)
    total = {c: left.get(c, 0.0) + own.get(c, 0.0) for c in {**market, **own}}
    whole = sum(total.values())
    ranked = sorted(
        ((q / whole, c) for c, q in total.items() if q > 0), key=lambda x: (-x[0], x[1])
    )
    highest, largest = ranked[0]
    return SupplyMix(
        by_country={c: share for share, c in ranked},
        largest_country=largest,
        largest_share=highest,
        hhi=10_000 * sum(share * share for share, _ in ranked),
        imports=sum(share for share, c in ranked if c not in home) if home else None,
    )


def give_way(
    market: Mapping[str, float], own: Mapping[str, float], amount: float
) -> dict[str, float]:
    """What the market still delivers once ``amount`` of it gives way where dependence is greatest.

    Deliveries are taken from whichever country stands highest, ``own`` output included, until
    all that give way stand at one level.
    """
    high = {c: q + own.get(c, 0.0) for c, q in market.items()}
    # Between two of these levels the amount that gives way is linear in the level.
    levels = sorted({*high.values(), *(own.get(c, 0.0) for c in market), 0.0}, reverse=True)

    def taken(level: float) -> float:
        return sum(min(q, max(0.0, high[c] - level)) for c, q in market.items())

    at = levels[0]
    for upper, lower in pairwise(levels):
        at = lower
        if taken(lower) >= amount:
            slope = (taken(lower) - taken(upper)) / (upper - lower)
            at = upper - (amount - taken(upper)) / slope if slope > 0 else upper
            break
    return {c: q - min(q, max(0.0, high[c] - at)) for c, q in market.items()}


def crma_shares(instance: Instance, commitment: Commitment) -> Iterator[CrmaShare]:
    """The shares that the act has benchmarks for, of materials whose supply names its stages."""
    year = min(max(CRMA_YEAR, instance.years[0]), instance.years[-1])
    y = year - instance.years[0]
    for m in instance.case.materials:
        demand = float(instance.material_demand[m][y]) * instance.per_year * instance.lot_t[m]
        rows = [row for row in instance.case.supply if row.material == m]
        if demand <= 0 or not rows or any(row.stage is None for row in rows):
            continue
        for stage, target in CRMA_TARGETS.items():
            before = _market_of_stage(instance.case, m, stage, year, demand)
            added = _output_of_stage(instance, commitment, m, stage, y)
            yield CrmaShare(
                material=m,
                stage=stage,
                year=year,
                target=target,
                share=before + added / demand,
                share_without_plan=before,
            )


def _market_of_stage(case: Case, material: str, stage: str, year: int, demand: float) -> float:
    """Share of demand."""
    share = 0.0
    for row in case.supply:
        if row.material == material and row.stage == stage and row.country in EU_27:
            if row.share is not None:
                share += row.share.at(year)
            elif row.t_per_year is not None:
                share += row.t_per_year.at(year) / demand
    return share


def _output_of_stage(
    instance: Instance, commitment: Commitment, material: str, stage: str, y: int
) -> float:
    """Tonnes in a year that projects of a stage in the Union reserve."""
    tonnes = 0.0
    for (p, _), offtake in commitment.offtake.items():
        project = instance.projects[p]
        of_stage = instance.case.projects[p].stage == stage
        if of_stage and project.country in EU_27 and p in commitment.start:
            lots = project.output.get(material, 0.0) * instance.per_year
            running = project.running(instance.years, commitment.start[p])[y]
            tonnes += lots * instance.lot_t[material] * offtake * float(running)
    return tonnes
