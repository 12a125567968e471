"""What a plan buys: less damage, days of cover, other suppliers, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.results import Plan, ProjectPlan, SupplyMix
from models.results.option import (
    Avoided,
    Benefit,
    Cover,
    Dependence,
    FirstTonne,
    MaterialDependence,
    Range,
    Suppliers,
)
from models.scenario.countries import EU_27
from models.scenario.projects import Project

BENCHMARK_YEAR = 2030
"""The year of the benchmarks of the Critical Raw Materials Act, Regulation (EU) 2024/1252."""
LIMIT = 0.65
"""Regulation (EU) 2024/1252, Article 5(1)(b): the most that one third country should supply."""
LOW, HIGH = 0.05, 0.95
RESERVED = 1e-6
"""Share of output that is a solver's zero."""


def benefit(plan: Plan, year: int | None = None) -> Benefit:
    """What a plan buys; cover and dependence in a year, as :func:`reference_year` has it."""
    reached, without = plan.outcome, plan.outcome.without_plan
    at = reference_year(plan, year)
    spread = reached.distribution
    by_material = _first_tonnes(plan)
    return Benefit(
        measure=reached.measure,
        unit=reached.unit,
        expected=_avoided(reached.expected, without.expected),
        cvar=_avoided(reached.cvar, without.cvar),
        cvar_level=reached.cvar_level,
        worst=_avoided(reached.worst, without.worst),
        avoided_range=_range(spread.levels, spread.avoided) if spread else None,
        left_range=_range(spread.levels, spread.with_plan) if spread else None,
        cover=_cover(plan, at),
        dependence=_dependence(plan, at),
        crma=plan.crma,
        first_tonne=_first_of(plan, None),
        first_tonne_by_material=by_material,
    )


def years_of(plan: Plan) -> tuple[int, ...]:
    """The years of a plan."""
    known = {int(year) for material in plan.materials for year in material.by_year}
    return tuple(sorted(known))


def reference_year(plan: Plan, year: int | None) -> int:
    """The year of the plan that is nearest to the one asked for, or else to that of the benchmarks
    of the Critical Raw Materials Act; that year itself for a plan without any material."""
    wanted = BENCHMARK_YEAR if year is None else year
    return min(years_of(plan), key=lambda of: (abs(of - wanted), of), default=wanted)


def _avoided(reached: float, without: float) -> Avoided:
    return Avoided(
        with_plan=reached,
        without_plan=without,
        avoided=without - reached,
        share=(without - reached) / without if without > 0 else None,
    )


def _range(levels: tuple[float, ...], values: tuple[float, ...]) -> Range:
    """The values at the levels nearest to 5 % and 95 %."""

    def at(wanted: float) -> float:
        return values[min(range(len(levels)), key=lambda k: abs(levels[k] - wanted))]

    return Range(low=at(LOW), high=at(HIGH))


def _values(plan: Plan, year: int) -> dict[str, float] | None:
    """Value of a year's demand by material, in EUR; None where prices are not known."""
    if plan.case is None:
        return None
    return {
        m.id: m.by_year[str(year)].demand_t * plan.case.materials[m.id].price_eur_per_t.at(year)
        for m in plan.materials
        if m.by_year[str(year)].demand_t > 0
    }


def _mean(figures: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    """Mean of figures by weight; None where nothing has any."""
    total = math.fsum(weights[m] for m in figures)
    return math.fsum(weights[m] * x for m, x in figures.items()) / total if total > 0 else None


def _cover(plan: Plan, year: int) -> Cover:
    days = {m.id: m.by_year[str(year)].days_of_cover for m in plan.materials}
    known = {m: x for m, x in days.items() if x is not None}
    values = _values(plan, year)
    return Cover(year=year, days=None if values is None else _mean(known, values), by_material=days)


def _dependence(plan: Plan, year: int) -> Dependence:
    home = frozenset(plan.case.home) if plan.case else frozenset()
    reached: dict[str, Suppliers] = {}
    before: dict[str, Suppliers] = {}
    for material in plan.materials:
        of = material.by_year[str(year)]
        if of.supply is not None:
            reached[material.id] = _suppliers(of.supply, home)
            without = of.supply_without_plan
            before[material.id] = _suppliers(without, home) if without else _none()
    values = _values(plan, year)
    whole = math.fsum(values[m] for m in reached) if values else 0.0
    ranked = sorted(reached, key=lambda m: -reached[m].third_share)
    return Dependence(
        year=year,
        with_plan=_together(reached, values),
        without_plan=_together(before, values),
        above_limit=tuple(m for m in reached if reached[m].third_share > LIMIT),
        above_limit_without_plan=tuple(m for m in before if before[m].third_share > LIMIT),
        worst_material=ranked[0] if ranked and reached[ranked[0]].third_share > 0 else None,
        materials=tuple(
            MaterialDependence(
                material=m,
                weight=values[m] / whole if values and whole > 0 else None,
                with_plan=reached[m],
                without_plan=before[m],
            )
            for m in reached
        ),
    )


def _suppliers(mix: SupplyMix, home: frozenset[str]) -> Suppliers:
    third = {c: x for c, x in mix.by_country.items() if c not in EU_27 and c not in home}
    country = max(third, key=lambda c: third[c], default=None)
    return Suppliers(
        largest_country=mix.largest_country,
        largest_share=mix.largest_share,
        third_country=country,
        third_share=third[country] if country else 0.0,
        hhi=mix.hhi,
        imports=mix.imports,
    )


def _none() -> Suppliers:
    """Of a material that nobody supplies."""
    return Suppliers(
        largest_country=None,
        largest_share=0.0,
        third_country=None,
        third_share=0.0,
        hhi=0.0,
        imports=None,
    )


def _together(
    materials: Mapping[str, Suppliers], values: Mapping[str, float] | None
) -> Suppliers | None:
    """All materials that are supplied, by value of demand."""
    supplied = {m: s for m, s in materials.items() if s.largest_country is not None}
    if values is None or not supplied or math.fsum(values[m] for m in supplied) <= 0:
        return None

    def mean(figures: Mapping[str, float]) -> float:
        return _mean(figures, values) or 0.0

    imports = {m: s.imports for m, s in supplied.items() if s.imports is not None}
    return Suppliers(
        largest_country=None,
        largest_share=mean({m: s.largest_share for m, s in supplied.items()}),
        third_country=None,
        third_share=mean({m: s.third_share for m, s in supplied.items()}),
        hhi=mean({m: s.hhi for m, s in supplied.items()}),
        imports=mean(imports) if len(imports) == len(supplied) else None,
    )


def _first_tonnes(plan: Plan) -> dict[str, FirstTonne]:
    if plan.case is None:
        return {}
    firsts = {m: _first_of(plan, m) for m in plan.case.materials}
    return {m: first for m, first in firsts.items() if first is not None}


def _first_of(plan: Plan, material: str | None) -> FirstTonne | None:
    """The first tonne of a material, or of any, that a project reserves for home consumers."""
    first: tuple[int, str] | None = None
    expected: float | None = None
    for built in plan.projects:
        project = plan.case.projects[built.id] if plan.case else None
        if built.offtake <= RESERVED or not _delivers(project, material):
            continue
        year = built.first_output + _idle_years(project)
        if first is None or year < first[0]:
            first = (year, built.id)
        if project is not None:
            delayed = year + _mean_delay(project)
            expected = delayed if expected is None else min(expected, delayed)
    return FirstTonne(year=first[0], expected_year=expected, project=first[1]) if first else None


def _delivers(project: Project | None, material: str | None) -> bool:
    if project is None:
        return material is None
    output = project.output_t_per_year
    return any(output.values()) if material is None else output.get(material, 0.0) > 0


def _idle_years(project: Project | None) -> int:
    """Years of a ramp-up that begins with nothing."""
    ramp = project.ramp_up if project else ()
    return next((k for k, share in enumerate(ramp) if share > 0), 0)


def _mean_delay(project: Project) -> float:
    return math.fsum(years * float(chance) for years, chance in project.delay_years.items())


def materials_of(plan: Plan, built: ProjectPlan) -> tuple[str, ...]:
    """Ids of what a project delivers; none where the plan does not carry its scenario."""
    if plan.case is None:
        return ()
    return tuple(plan.case.projects[built.id].output_t_per_year)
