"""Supply by country with and without a commitment, if there are no hazards and no delays."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from models.base import Stage
from models.countries import EU_27
from models.results import CrmaShare, SupplyMix
from models.scenario.materials import Supply
from optimizer.model.commitment import Commitment, weighted_branches
from optimizer.model.instance import Floats, Instance, Realization

CRMA_YEAR = 2030
CRMA_TARGETS: dict[Stage, float] = {"extraction": 0.10, "processing": 0.40, "recycling": 0.25}
"""Regulation (EU) 2024/1252, Article 5(1): shares of the Union's annual consumption in 2030."""


def compute_supply_mixes(
    instance: Instance, commitment: Commitment
) -> dict[str, list[SupplyMix | None]]:
    """Return the supply mix in each year (Y), by material; None for years without supply or need.
    Conversions count as supply of their country at full capacity, as in need."""
    delivered, available = _deliveries_by_country(instance, commitment), dict(instance.supply)
    for plant in instance.conversions.values():
        key = (plant.output, plant.country)
        available[key] = available.get(key, 0.0) + plant.capacity
    mixes: dict[str, list[SupplyMix | None]] = {}
    for m in instance.case.materials:
        market = {c: q for (material, c), q in available.items() if material == m}
        project_output = {c: q for (material, c), q in delivered.items() if material == m}
        need = instance.need[m]
        mixes[m] = [
            _build_supply_mix(
                {c: float(q[y]) for c, q in market.items()},
                {c: float(q[y]) for c, q in project_output.items()},
                float(need[y]),
                instance.case.home,
            )
            for y in range(len(instance.years))
        ]
    return mixes


def _deliveries_by_country(
    instance: Instance, commitment: Commitment
) -> dict[tuple[str, str], Floats]:
    """Return the lots per period that projects deliver to home consumers in each year (Y), by
    material and country."""
    lots_by_country: dict[tuple[str, str], Floats] = {}
    for p, project in instance.projects.items():
        reserved_share = _expected_reserved_share(instance, commitment, p)
        for m, output in project.output.items() if reserved_share.any() else ():
            key = (m, project.country)
            lots_by_country[key] = (
                lots_by_country.get(key, np.zeros(len(instance.years))) + output * reserved_share
            )
    return lots_by_country


def _expected_reserved_share(instance: Instance, commitment: Commitment, p: str) -> Floats:
    """Return the expected share of a project's nameplate that runs for home consumers in each year
    (Y), over all review branches. If no plan starts the project, this is what it delivers without
    support, times the probability of that."""
    project, reserved_share = instance.projects[p], np.zeros(len(instance.years))
    for probability, _, plan in weighted_branches(instance, commitment):
        start = plan.start.get(p)
        if start is None:
            unaided = [
                project.unaided_home_share(Realization(unaided=True), year)
                for year in instance.years
            ]
            reserved_share += probability * project.unaided_probability * np.array(unaided)
            continue
        offtake = math.fsum(x for (q, _), x in plan.offtake.items() if q == p)
        reserved_share += probability * offtake * project.running_shares(instance.years, start)
    return reserved_share


def _build_supply_mix(
    market: Mapping[str, float],
    project_output: Mapping[str, float],
    need: float,
    home_countries: tuple[str, ...],
) -> SupplyMix | None:
    supply = math.fsum(market.values())
    if need <= 0 or supply + math.fsum(project_output.values()) <= 0:
        return None
    surplus = min(supply, max(0.0, supply + math.fsum(project_output.values()) - max(supply, need)))
    supply_abroad = {c: q for c, q in market.items() if c not in home_countries}
    displaced_abroad = min(surplus, math.fsum(supply_abroad.values()))
    remaining_supply = {
        **market,
        **displace_market_supply(supply_abroad, project_output, displaced_abroad),
    }
    home_supply = {c: q for c, q in market.items() if c in home_countries}
    remaining_supply |= displace_market_supply(
        home_supply, project_output, surplus - displaced_abroad
    )
    supply_by_country = {
        c: remaining_supply.get(c, 0.0) + project_output.get(c, 0.0)
        for c in {**market, **project_output}
    }
    total_supply = math.fsum(supply_by_country.values())
    ranked_countries = sorted(
        ((q / total_supply, c) for c, q in supply_by_country.items() if q > 0),
        key=lambda x: (-x[0], x[1]),
    )
    largest_share, largest_country = ranked_countries[0]
    return SupplyMix(
        by_country={c: share for share, c in ranked_countries},
        largest_country=largest_country,
        largest_share=largest_share,
        hhi=10_000 * math.fsum(share * share for share, _ in ranked_countries),
        imports=math.fsum(share for share, c in ranked_countries if c not in home_countries)
        if home_countries
        else None,
    )


def displace_market_supply(
    market: Mapping[str, float], project_output: Mapping[str, float], amount: float
) -> dict[str, float]:
    """Return what the market still delivers from each country after ``amount`` of it is displaced.
    Supply is taken from the countries with the largest totals, which include ``project_output``,
    until their totals are equal."""
    totals = {c: q + project_output.get(c, 0.0) for c, q in market.items()}
    # Between two of these levels the displaced amount is linear in the level.
    levels = sorted(
        {*totals.values(), *(project_output.get(c, 0.0) for c in market), 0.0}, reverse=True
    )

    def taken(level: float) -> float:
        return math.fsum(min(q, max(0.0, totals[c] - level)) for c, q in market.items())

    top_level = levels[0]
    for upper, lower in pairwise(levels):
        top_level = lower
        if taken(lower) >= amount:
            slope = (taken(lower) - taken(upper)) / (upper - lower)
            top_level = upper - (amount - taken(upper)) / slope if slope > 0 else upper
            break
    return {c: q - min(q, max(0.0, totals[c] - top_level)) for c, q in market.items()}


def compute_crma_shares(instance: Instance, commitment: Commitment) -> Iterator[CrmaShare]:
    """Yield the shares of need that the Critical Raw Materials Act sets benchmarks for. A material
    is left out if supply or a project in the Union does not state its stages; nothing is yielded if
    the scenario states no stages at all."""
    case = instance.case
    year = min(max(CRMA_YEAR, instance.years[0]), instance.years[-1])
    if not any([*(x.stages for x in case.supply), *(x.stages for x in case.projects.values())]):
        return
    for m in case.materials:
        need = _tonnes_per_year(instance, m, instance.need[m], year)
        union_supply = [row for row in case.supply if row.material == m and row.country in EU_27]
        plants = [p for p, x in case.projects.items() if x.country in EU_27]
        plants = [p for p in plants if m in instance.projects[p].output]
        stages = [*(row.stages for row in union_supply), *(case.projects[p].stages for p in plants)]
        if need <= 0 or not all(stages):
            continue
        converted = math.fsum(
            _tonnes_per_year(instance, m, plant.capacity, year)
            for plant in instance.conversions.values()
            if plant.output == m and plant.country in EU_27
        )
        for stage, target_share in CRMA_TARGETS.items():
            share_before = math.fsum(
                _share_of_need(row, year, need) for row in union_supply if stage in row.stages
            )
            share_before += min(converted, need) / need if stage == "processing" else 0.0
            stage_projects = [p for p in plants if stage in case.projects[p].stages]
            with_plan, without_plan = (
                math.fsum(_reserved_tonnes(instance, plan, p, m, year) for p in stage_projects)
                for plan in (commitment, Commitment())
            )
            yield CrmaShare(
                material=m,
                stage=stage,
                year=year,
                target=target_share,
                share=share_before + with_plan / need,
                share_without_plan=share_before + without_plan / need,
            )


def _share_of_need(row: Supply, year: int, need: float) -> float:
    """Return the supply in a year as a share of ``need``, which is in tonnes."""
    if row.share is not None:
        return row.share.at(year)
    return 0.0 if row.t_per_year is None else row.t_per_year.at(year) / need


def _reserved_tonnes(
    instance: Instance, commitment: Commitment, project: str, material: str, year: int
) -> float:
    """Return the tonnes of a material that a project reserves for home consumers in a year."""
    output = instance.projects[project].output[material]
    reserved_share = _expected_reserved_share(instance, commitment, project)
    return _tonnes_per_year(instance, material, output * reserved_share, year)


def _tonnes_per_year(instance: Instance, material: str, lots: Floats, year: int) -> float:
    """Return tonnes in a year from ``lots``, which are lots per period of each year (Y)."""
    year_lots = float(lots[year - instance.years[0]])
    return year_lots * instance.periods_per_year * instance.lot_tonnes[material]
