"""What a plan achieves: avoided damage, days of cover, supplier concentration, first delivery."""

import math
from collections.abc import Mapping

from models.countries import EU_27
from models.results import Plan, SupplyMix
from models.results import option as results

BENCHMARK_YEAR = 2030
"""The year of the benchmarks of the Critical Raw Materials Act, Regulation (EU) 2024/1252."""
MAX_COUNTRY_SHARE = 0.65
"""Regulation (EU) 2024/1252, Article 5(1)(b): the maximum share of one third country."""
LOW_QUANTILE, HIGH_QUANTILE = 0.05, 0.95
OFFTAKE_TOLERANCE = 1e-6
"""Share of output that counts as zero, within the solver's tolerance."""


def compute_benefit(plan: Plan, year: int | None = None) -> results.Benefit:
    """Compute what a plan achieves.

    Stock cover and supplier concentration refer to the year that :func:`reference_year` returns.
    """
    outcome, without_plan = plan.outcome, plan.outcome.without_plan
    nearest_year = reference_year(plan, year)
    damage_distribution = outcome.distribution
    first_deliveries = (
        {m: _first_delivery(plan, m) for m in plan.case.materials} if plan.case else {}
    )
    return results.Benefit(
        measure=outcome.measure,
        unit=outcome.unit,
        expected=_damage_avoided(outcome.expected, without_plan.expected),
        cvar=_damage_avoided(outcome.cvar, without_plan.cvar),
        cvar_level=outcome.cvar_level,
        worst=_damage_avoided(outcome.worst, without_plan.worst),
        avoided_range=_quantile_range(damage_distribution.levels, damage_distribution.avoided)
        if damage_distribution
        else None,
        left_range=_quantile_range(damage_distribution.levels, damage_distribution.with_plan)
        if damage_distribution
        else None,
        cover=_stock_cover(plan, nearest_year),
        dependence=_supplier_dependence(plan, nearest_year),
        crma=plan.crma,
        first_tonne=_first_delivery(plan, None),
        first_tonne_by_material={
            m: first_delivery for m, first_delivery in first_deliveries.items() if first_delivery
        },
    )


def reference_year(plan: Plan, year: int | None) -> int:
    """Return the year of the plan that is nearest to ``year``.

    If ``year`` is None, the year of the European benchmarks (``BENCHMARK_YEAR``) takes its place. A
    plan without materials has no years; the requested year is then returned as it is.
    """
    target_year = BENCHMARK_YEAR if year is None else year
    years = {int(year) for material in plan.materials for year in material.by_year}
    return min(
        years, key=lambda candidate: (abs(candidate - target_year), candidate), default=target_year
    )


def _damage_avoided(with_plan: float, without_plan: float) -> results.DamageReduction:
    """Compute the damage that a plan avoids, absolutely and as a share of the damage without the
    plan."""
    return results.DamageReduction(
        with_plan=with_plan,
        without_plan=without_plan,
        avoided=without_plan - with_plan,
        share=(without_plan - with_plan) / without_plan if without_plan > 0 else None,
    )


def _quantile_range(levels: tuple[float, ...], values: tuple[float, ...]) -> results.QuantileRange:
    """Return the quantiles of ``values`` at the two ``levels`` that are nearest to 5 % and 95 %."""

    def value_at(level: float) -> float:
        return values[min(range(len(levels)), key=lambda k: abs(levels[k] - level))]

    return results.QuantileRange(low=value_at(LOW_QUANTILE), high=value_at(HIGH_QUANTILE))


def _need_values(plan: Plan, year: int) -> dict[str, float] | None:
    """Return the value in EUR of each material's need in a year, by material id.

    Materials without need are left out. Return None if the plan does not carry its scenario, so
    that prices are not known.
    """
    if plan.case is None:
        return None
    return {
        m.id: m.by_year[str(year)].need_t * plan.case.materials[m.id].price_eur_per_t.at(year)
        for m in plan.materials
        if m.by_year[str(year)].need_t > 0
    }


def _weighted_mean(figures: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    """Return the weighted mean of ``figures``; None if their weights add up to zero."""
    total_weight = math.fsum(weights[m] for m in figures)
    return (
        math.fsum(weights[m] * x for m, x in figures.items()) / total_weight
        if total_weight > 0
        else None
    )


def _stock_cover(plan: Plan, year: int) -> results.StockCover:
    """Compute the days of need that stocks cover in a year.

    The result has the days for each material, and their mean weighted by the value of the
    materials' need.
    """
    days = {m.id: m.by_year[str(year)].days_of_cover for m in plan.materials}
    known_days = {m: x for m, x in days.items() if x is not None}
    need_values = _need_values(plan, year)
    return results.StockCover(
        year=year,
        days=None if need_values is None else _weighted_mean(known_days, need_values),
        by_material=days,
    )


def _supplier_dependence(plan: Plan, year: int) -> results.Dependence:
    """Compute the supplier concentration in a year, with and without the plan.

    The result has the figures for each material, and their means weighted by the value of the
    materials' need.
    """
    home = frozenset(plan.case.home) if plan.case else frozenset()
    years = {m.id: x for m in plan.materials if (x := m.by_year[str(year)]).supply is not None}
    with_plan = {m: _supplier_shares(x.supply, home) for m, x in years.items()}
    without_plan = {m: _supplier_shares(x.supply_without_plan, home) for m, x in years.items()}
    need_values = _need_values(plan, year)
    total_value = math.fsum(need_values[m] for m in with_plan) if need_values else 0.0
    ranked_materials = sorted(with_plan, key=lambda m: -with_plan[m].third_share)
    return results.Dependence(
        year=year,
        with_plan=_mean_over_materials(with_plan, need_values),
        without_plan=_mean_over_materials(without_plan, need_values),
        above_limit=tuple(m for m in with_plan if with_plan[m].third_share > MAX_COUNTRY_SHARE),
        above_limit_without_plan=tuple(
            m for m in without_plan if without_plan[m].third_share > MAX_COUNTRY_SHARE
        ),
        worst_material=ranked_materials[0]
        if ranked_materials and with_plan[ranked_materials[0]].third_share > 0
        else None,
        materials=tuple(
            results.MaterialDependence(
                material=m,
                weight=need_values[m] / total_value if need_values and total_value > 0 else None,
                with_plan=with_plan[m],
                without_plan=without_plan[m],
            )
            for m in with_plan
        ),
    )


def _supplier_shares(mix: SupplyMix | None, home: frozenset[str]) -> results.SupplyConcentration:
    """Compute the concentration of a supply mix.

    Without supply (``mix`` is None), shares and HHI are 0, and countries and imports are None.
    """
    share_by_country = mix.by_country if mix else {}
    third_shares = {c: x for c, x in share_by_country.items() if c not in EU_27 and c not in home}
    country = max(third_shares, key=lambda c: third_shares[c], default=None)
    return results.SupplyConcentration(
        largest_country=mix.largest_country if mix else None,
        largest_share=mix.largest_share if mix else 0.0,
        third_country=country,
        third_share=third_shares[country] if country else 0.0,
        hhi=mix.hhi if mix else 0.0,
        imports=mix.imports if mix else None,
    )


def _mean_over_materials(
    suppliers: Mapping[str, results.SupplyConcentration], values: Mapping[str, float] | None
) -> results.SupplyConcentration | None:
    """Compute the mean supplier concentration over all materials that are supplied.

    Materials are weighted by the value of their need. Return None if values are not known or add up
    to zero.
    """
    supplied = {m: x for m, x in suppliers.items() if x.largest_country is not None}
    if values is None or not supplied or math.fsum(values[m] for m in supplied) <= 0:
        return None

    def mean(field: str) -> float:
        return _weighted_mean({m: getattr(x, field) for m, x in supplied.items()}, values) or 0.0

    imports_known = all(x.imports is not None for x in supplied.values())
    return results.SupplyConcentration(
        largest_country=None,
        largest_share=mean("largest_share"),
        third_country=None,
        third_share=mean("third_share"),
        hhi=mean("hhi"),
        imports=mean("imports") if imports_known else None,
    )


def _first_delivery(plan: Plan, material: str | None) -> results.FirstDelivery | None:
    """Find the first year in which a project delivers output that is reserved for home consumers.

    With ``material``, only output of that material counts; None stands for any material. The
    expected year, by the stated delays, is None if the plan does not carry its scenario. Return
    None if no project delivers.
    """
    deliveries: list[tuple[int, str]] = []
    expected_years: list[float] = []
    for project_plan in (x for probability, x in plan.projects_with_probability if probability > 0):
        project = plan.case.projects[project_plan.id] if plan.case else None
        output = project.output_t_per_year if project else {}
        delivers = project is None or any(output.values())
        if material is not None:
            delivers = output.get(material, 0.0) > 0
        if project_plan.offtake <= OFFTAKE_TOLERANCE or not delivers:
            continue
        # A ramp-up may begin with nothing.
        ramp_up = project.ramp_up if project else ()
        year = project_plan.first_output + next(
            (k for k, share in enumerate(ramp_up) if share > 0), 0
        )
        deliveries.append((year, project_plan.id))
        if project is not None:
            delays = (years * float(chance) for years, chance in project.delay_years.items())
            expected_years.append(year + math.fsum(delays))
    if not deliveries:
        return None
    year, id = min(deliveries, key=lambda delivery: delivery[0])
    return results.FirstDelivery(
        year=year, expected_year=min(expected_years, default=None), project=id
    )
