"""What a plan buys: less damage, days of cover, other suppliers, and when."""

import math
from collections.abc import Mapping

from models.results import Plan, SupplyMix
from models.results import option as results
from models.scenario.countries import EU_27

BENCHMARK_YEAR = 2030
"""The year of the benchmarks of the Critical Raw Materials Act, Regulation (EU) 2024/1252."""
MAX_COUNTRY_SHARE = 0.65
"""Regulation (EU) 2024/1252, Article 5(1)(b): the most that one third country should supply."""
LOW_QUANTILE, HIGH_QUANTILE = 0.05, 0.95
OFFTAKE_TOLERANCE = 1e-6
"""Share of output that is a solver's zero."""


def compute_benefit(plan: Plan, year: int | None = None) -> results.Benefit:
    """What a plan buys; cover and dependence in a year, as :func:`reference_year` has it."""
    reached, without = plan.outcome, plan.outcome.without_plan
    at = reference_year(plan, year)
    spread = reached.distribution
    firsts = {m: _first_delivery(plan, m) for m in plan.case.materials} if plan.case else {}
    return results.Benefit(
        measure=reached.measure,
        unit=reached.unit,
        expected=_damage_avoided(reached.expected, without.expected),
        cvar=_damage_avoided(reached.cvar, without.cvar),
        cvar_level=reached.cvar_level,
        worst=_damage_avoided(reached.worst, without.worst),
        avoided_range=_quantile_range(spread.levels, spread.avoided) if spread else None,
        left_range=_quantile_range(spread.levels, spread.with_plan) if spread else None,
        cover=_stock_cover(plan, at),
        dependence=_supplier_dependence(plan, at),
        crma=plan.crma,
        first_tonne=_first_delivery(plan, None),
        first_tonne_by_material={m: first for m, first in firsts.items() if first},
    )


def reference_year(plan: Plan, year: int | None) -> int:
    """The year of the plan that is nearest to the one asked for, or else to that of the benchmarks
    of the Critical Raw Materials Act; that year itself for a plan without any material."""
    wanted = BENCHMARK_YEAR if year is None else year
    years = {int(year) for material in plan.materials for year in material.by_year}
    return min(years, key=lambda of: (abs(of - wanted), of), default=wanted)


def _damage_avoided(with_plan: float, without_plan: float) -> results.DamageReduction:
    return results.DamageReduction(
        with_plan=with_plan,
        without_plan=without_plan,
        avoided=without_plan - with_plan,
        share=(without_plan - with_plan) / without_plan if without_plan > 0 else None,
    )


def _quantile_range(levels: tuple[float, ...], values: tuple[float, ...]) -> results.QuantileRange:
    """The values at the levels nearest to 5 % and 95 %."""

    def at(wanted: float) -> float:
        return values[min(range(len(levels)), key=lambda k: abs(levels[k] - wanted))]

    return results.QuantileRange(low=at(LOW_QUANTILE), high=at(HIGH_QUANTILE))


def _need_values(plan: Plan, year: int) -> dict[str, float] | None:
    """Value of a year's need by material, in EUR; None where prices are not known."""
    if plan.case is None:
        return None
    return {
        m.id: m.by_year[str(year)].need_t * plan.case.materials[m.id].price_eur_per_t.at(year)
        for m in plan.materials
        if m.by_year[str(year)].need_t > 0
    }


def _weighted_mean(figures: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    """Mean of figures by weight; None where nothing has any."""
    total = math.fsum(weights[m] for m in figures)
    return math.fsum(weights[m] * x for m, x in figures.items()) / total if total > 0 else None


def _stock_cover(plan: Plan, year: int) -> results.StockCover:
    days = {m.id: m.by_year[str(year)].days_of_cover for m in plan.materials}
    known = {m: x for m, x in days.items() if x is not None}
    values = _need_values(plan, year)
    return results.StockCover(
        year=year, days=None if values is None else _weighted_mean(known, values), by_material=days
    )


def _supplier_dependence(plan: Plan, year: int) -> results.Dependence:
    home = frozenset(plan.case.home) if plan.case else frozenset()
    supplied = {m.id: of for m in plan.materials if (of := m.by_year[str(year)]).supply is not None}
    reached = {m: _supplier_shares(of.supply, home) for m, of in supplied.items()}
    before = {m: _supplier_shares(of.supply_without_plan, home) for m, of in supplied.items()}
    values = _need_values(plan, year)
    whole = math.fsum(values[m] for m in reached) if values else 0.0
    ranked = sorted(reached, key=lambda m: -reached[m].third_share)
    return results.Dependence(
        year=year,
        with_plan=_mean_over_materials(reached, values),
        without_plan=_mean_over_materials(before, values),
        above_limit=tuple(m for m in reached if reached[m].third_share > MAX_COUNTRY_SHARE),
        above_limit_without_plan=tuple(
            m for m in before if before[m].third_share > MAX_COUNTRY_SHARE
        ),
        worst_material=ranked[0] if ranked and reached[ranked[0]].third_share > 0 else None,
        materials=tuple(
            results.MaterialDependence(
                material=m,
                weight=values[m] / whole if values and whole > 0 else None,
                with_plan=reached[m],
                without_plan=before[m],
            )
            for m in reached
        ),
    )


def _supplier_shares(mix: SupplyMix | None, home: frozenset[str]) -> results.SupplyConcentration:
    """Whom supply depends on; without a mix nobody supplies."""
    shares = mix.by_country if mix else {}
    third = {c: x for c, x in shares.items() if c not in EU_27 and c not in home}
    country = max(third, key=lambda c: third[c], default=None)
    return results.SupplyConcentration(
        largest_country=mix.largest_country if mix else None,
        largest_share=mix.largest_share if mix else 0.0,
        third_country=country,
        third_share=third[country] if country else 0.0,
        hhi=mix.hhi if mix else 0.0,
        imports=mix.imports if mix else None,
    )


def _mean_over_materials(
    suppliers: Mapping[str, results.SupplyConcentration], values: Mapping[str, float] | None
) -> results.SupplyConcentration | None:
    """All materials that are supplied, by value of need."""
    supplied = {m: s for m, s in suppliers.items() if s.largest_country is not None}
    if values is None or not supplied or math.fsum(values[m] for m in supplied) <= 0:
        return None

    def mean(of: str) -> float:
        return _weighted_mean({m: getattr(s, of) for m, s in supplied.items()}, values) or 0.0

    imports = all(s.imports is not None for s in supplied.values())
    return results.SupplyConcentration(
        largest_country=None,
        largest_share=mean("largest_share"),
        third_country=None,
        third_share=mean("third_share"),
        hhi=mean("hhi"),
        imports=mean("imports") if imports else None,
    )


def _first_delivery(plan: Plan, material: str | None) -> results.FirstDelivery | None:
    """The first tonne of a material, or of any, that a project reserves for home consumers."""
    found: list[tuple[int, str]] = []
    expected: list[float] = []
    for built in (own for chance, own in plan.projects_with_probability if chance > 0):
        project = plan.case.projects[built.id] if plan.case else None
        output = project.output_t_per_year if project else {}
        delivers = project is None or any(output.values())
        if material is not None:
            delivers = output.get(material, 0.0) > 0
        if built.offtake <= OFFTAKE_TOLERANCE or not delivers:
            continue
        # A ramp-up may begin with nothing.
        ramp = project.ramp_up if project else ()
        year = built.first_output + next((k for k, share in enumerate(ramp) if share > 0), 0)
        found.append((year, built.id))
        if project is not None:
            delays = (years * float(chance) for years, chance in project.delay_years.items())
            expected.append(year + math.fsum(delays))
    if not found:
        return None
    year, id = min(found, key=lambda first: first[0])
    return results.FirstDelivery(year=year, expected_year=min(expected, default=None), project=id)
