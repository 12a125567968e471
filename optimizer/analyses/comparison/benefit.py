"""What a plan achieves, and which figures of two plans cannot be compared since their scenarios
differ.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.countries import EU_27
from models.language import LANGUAGES
from models.results import Plan, SupplyMix, option as results
from models.results.comparison import ComparabilityIssue, ExcludedFigures, ValueChange
from models.scenario.quantities import REMARK_KEYS

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


DAMAGE_TOLERANCE = 1e-9
"""Relative difference of damage that counts as rounding."""
MAX_VALUE_LENGTH = 120
"""Maximum number of characters of the JSON text of a value."""
ALL_FIGURES: tuple[ExcludedFigures, ...] = ("damage", "money", "dependence")

EXCLUDED_BY_SUBJECT: Mapping[str, tuple[ExcludedFigures, ...]] = {
    "currency": ("damage", "money"),
    "price_year": ("damage", "money"),
    "horizon": ("damage", "money"),
    "horizon.periods_per_year": ("damage",),
    "horizon.residual_value": ("money", "objective"),
    "objective.measure": ("damage",),
    "objective.cvar.level": ("tail", "objective"),
    "objective.cvar.weight": ("objective",),
    "objective.cost_weight": ("objective",),
    "objective.ambiguity": ("objective",),
    "objective.allocation": (),
    "objective.over_assumptions": ("objective",),
    "assumptions": (),
    "review": (),
    "demand": ("damage", "dependence"),
    "supply": ("damage", "dependence"),
    "conversions": ("damage", "dependence"),
    "damage": ("damage",),
    "hazards": ("damage",),
    "uncertainty": ("damage",),
    "home": ("dependence",),
    "materials": (),
    "consumers": (),
    "projects": (),
}
"""Parts of a scenario other than funding, with the figures that are not compared if they differ."""
TEXT_FIELDS = frozenset({"name", "title", "description"})
IGNORED_FIELDS = frozenset(
    {"variants", "sources", "title", "description", "schema_version", "units"}
)


def changed_values(base_plan: Plan, option_plan: Plan) -> tuple[ValueChange, ...]:
    """Return all values that differ between the scenarios of two plans, section by section.

    Names, titles and sources are ignored. The result is empty if a plan does not carry its
    scenario.
    """
    if base_plan.case is None or option_plan.case is None:
        return ()
    if base_plan.certificate.input_sha256 == option_plan.certificate.input_sha256:
        return ()
    return tuple(_diff_values(_scenario_content(base_plan), _scenario_content(option_plan), ()))


def comparability_issues(
    base_plan: Plan, option_plan: Plan, label: str, value_changes: Sequence[ValueChange]
) -> list[ComparabilityIssue]:
    """Return the differences between the scenarios of an option and of the base, by subject.

    ``label`` is the label of the option, and ``value_changes`` are the values that differ between
    the two scenarios. A difference in damage without any plan that these do not explain is added.
    """

    def issue(
        subject: str, bars: tuple[ExcludedFigures, ...], *changes: ValueChange
    ) -> ComparabilityIssue:
        return ComparabilityIssue(option=label, subject=subject, changes=changes, bars=bars)

    has_same_input = base_plan.certificate.input_sha256 == option_plan.certificate.input_sha256
    if (base_plan.case is None or option_plan.case is None) and not has_same_input:
        hashes = [
            None if p.case is None else p.certificate.input_sha256 for p in (base_plan, option_plan)
        ]
        change = ValueChange(path="scenario", base=hashes[0], value=hashes[1])
        return [issue("scenario", ALL_FIGURES, change)]
    changes_by_subject: dict[str, list[ValueChange]] = {}
    for change in value_changes:
        subject = _subject_of_path(change.path)
        if subject is not None:
            changes_by_subject.setdefault(subject, []).append(change)
    issues = [
        issue(subject, EXCLUDED_BY_SUBJECT.get(subject, ()), *subject_changes)
        for subject, subject_changes in changes_by_subject.items()
    ]
    if _reported_set_settings(base_plan) != _reported_set_settings(option_plan):
        # The figures of a plan over assumption sets are those of the file, or of the first set.
        ids = [
            None if p.reported_set is None else p.reported_set.id for p in (base_plan, option_plan)
        ]
        change = ValueChange(path="assumptions", base=ids[0], value=ids[1])
        issues.append(issue("assumptions", ("damage",), change))
    if "damage" not in excluded_figures(issues):
        issues += [
            issue("outcome.without_plan", (), change)
            for change in _damage_without_plan_changes(base_plan, option_plan)
        ]
    return issues


def _reported_set_settings(plan: Plan) -> Mapping[str, Any]:
    """Return the settings of the assumption set for which a plan's figures are reported; empty
    without assumption sets."""
    reported_set = plan.reported_set
    return (
        {}
        if reported_set is None or plan.case is None
        else plan.case.assumptions[reported_set.id].set
    )


def _damage_without_plan_changes(base_plan: Plan, option_plan: Plan) -> Iterator[ValueChange]:
    """Yield the difference in expected damage without any plan, unless it is within the tolerance.

    It may come from initial stocks or from the allocation, for example.
    """
    base_damage, option_damage = (
        plan.outcome.without_plan.expected for plan in (base_plan, option_plan)
    )
    if abs(base_damage - option_damage) > DAMAGE_TOLERANCE * max(
        1.0, abs(base_damage), abs(option_damage)
    ):
        path = "outcome.without_plan.expected"
        yield ValueChange(
            path=path, base=_shortened_json(base_damage), value=_shortened_json(option_damage)
        )


def excluded_figures(issues: Sequence[ComparabilityIssue]) -> frozenset[ExcludedFigures]:
    """Return the kinds of figures that these issues exclude from the comparison.

    If damage is excluded, the tail and the objective are excluded as well.
    """
    kinds = {kind for issue in issues for kind in issue.bars}
    return frozenset(kinds | {"tail", "objective"} if "damage" in kinds else kinds)


def _subject_of_path(path: str) -> str | None:
    """Return the longest known subject that a dotted path begins with; None if there is none."""
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        if (subject := ".".join(steps[:length])) in EXCLUDED_BY_SUBJECT:
            return subject
    return None


def _scenario_content(plan: Plan) -> dict[str, Any]:
    """Return the scenario of a plan as JSON data without titles and sources."""
    assert plan.case is not None
    # The case is dumped as parsed, so fields added since the plan was made have their defaults.
    data = plan.case.model_dump(
        mode="json", by_alias=True, exclude=set(IGNORED_FIELDS), exclude_none=True
    )
    content: dict[str, Any] = _without_metadata(data)
    return content


def _without_metadata(value: Any) -> Any:
    """Return JSON data without remarks such as sources, texts such as names, and empty parts.

    Lists whose items have ids become mappings from the id to the item.
    """
    if isinstance(value, Mapping):
        if "value" in value and set(value) <= {"value", *REMARK_KEYS}:
            return _without_metadata(value["value"])
        kept_items = {
            str(key): _without_metadata(item)
            for key, item in value.items()
            if not (key in TEXT_FIELDS and _is_text(item)) and key not in REMARK_KEYS
        }
        return {key: item for key, item in kept_items.items() if item not in ({}, [])}
    if isinstance(value, list):
        if value and all(isinstance(item, Mapping) and "id" in item for item in value):
            return {
                item["id"]: _without_metadata({k: x for k, x in item.items() if k != "id"})
                for item in value
            }
        return [_without_metadata(item) for item in value]
    return value


def _is_text(value: Any) -> bool:
    """Return whether a JSON value is a text, either a string or a mapping from language to
    string."""
    return isinstance(value, str) or (isinstance(value, Mapping) and set(value) <= LANGUAGES.keys())


def _diff_values(base_value: Any, value: Any, path: tuple[str, ...]) -> Iterator[ValueChange]:
    """Yield the values that differ between two JSON trees, each with its dotted path."""
    if base_value == value:
        return
    if len(path) < 2 and (base_value is None or value is None):
        # If only one scenario has a section, list its items.
        base_value, value = (
            {} if tree is None and isinstance(other_tree, Mapping) else tree
            for tree, other_tree in ((base_value, value), (value, base_value))
        )
    if isinstance(base_value, Mapping) and isinstance(value, Mapping):
        for key in dict.fromkeys((*base_value, *value)):
            yield from _diff_values(base_value.get(key), value.get(key), (*path, key))
    elif _is_list_of_mappings(base_value) and _is_list_of_mappings(value):
        for index in range(max(len(base_value), len(value))):
            items = [rows[index] if index < len(rows) else None for rows in (base_value, value)]
            yield from _diff_values(items[0], items[1], (*path, str(index)))
    else:
        yield ValueChange(
            path=".".join(path), base=_shortened_json(base_value), value=_shortened_json(value)
        )


def _is_list_of_mappings(value: Any) -> bool:
    """Return whether a value is a list of mappings."""
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _shortened_json(value: Any) -> str | None:
    """Return a value as JSON text of at most ``MAX_VALUE_LENGTH`` characters; None if the value is
    None."""
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 1]}…"
