"""Controls of the page, built from a scenario: what can be changed, in groups."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from models.base import display_name
from models.files.patches import settings_of_set
from models.files.shapes import translate_label
from models.language import current_language, tr
from models.scenario.case import Case, child_at
from models.scenario.chains import material_needs
from models.scenario.hazards import Effect, Hazard
from models.scenario.sections import Stockpile
from optimizer.analyses.assumptions import (
    Assumption,
    LinkedNumbers,
    list_assumptions,
    number_at,
    scaled_number,
)
from optimizer.analyses.plan.plan_wording import decidable_projects
from optimizer.analyses.sensitivity.document import input_kind_name
from optimizer.analyses.variation import format_setting
from optimizer.model.rules import policy_limits
from optimizer.page.figure_controls import (
    FACTOR_UNIT,
    SECTIONS_WITHOUT_FIGURES,
    Control,
    ControlGroup,
    figure_control,
    joint_control,
    name_of_item,
    titled_group,
    unit_of_field,
    yearly_numbers,
)
from optimizer.report.number_format import format_exact, format_percent
from optimizer.report.scenario_workbook.columns import field_label

PUBLIC_BUDGETS = "public"
"""Id of the control that scales all public budgets."""
ASSUMPTION_SETS, AS_FILED = "assumptions", "as.filed"
"""Id of the control that selects an assumption set, and its choice of the scenario as filed."""
WITHOUT_ASSUMPTION_SETS = "objective.over_assumptions=null"
UNDECIDED, MUST_BUILD, MUST_NOT_BUILD = "free", "in", "out"
"""Choices for a project: the optimization decides, it must be built, it must not be built."""
INSTRUMENT_TERMS = ("max_share", "ticket_min_meur", "ticket_max_meur")
MAX_PERIODS = 10_000
"""Maximal number of periods of a stretched course of losses, unless the caller states another."""
DAYS_PER_YEAR, MAX_STOCK_DAYS = 365, 1_500
"""Days of a year, and the largest capacity of a stock that is shown in days of need."""


def control_groups(case: Case) -> Iterator[ControlGroup]:
    """Yield the groups of controls for a scenario, in the order of the page. Empty groups are left
    out."""
    found_groups = (
        _money_group(case),
        _rules_group(case),
        _stocks_group(case),
        _hazards_group(case),
        _assumptions_group(case),
        _projects_group(case),
    )
    yield from (group for group in found_groups if group.controls or group.subgroups)


def controls_by_id(case: Case) -> dict[str, Control]:
    """Return all controls of all groups, by id."""
    controls = (c for group in control_groups(case) for c in _controls_of_group(group))
    return {control.id: control for control in controls}


def find_control(
    case: Case, id: str, controls: Mapping[str, Control] | None = None
) -> Control | None:
    """Return the control with an id: one of ``controls`` (by default those of all groups), or else
    that of a stockpile in days of need, or of a single figure. Return None if there is none."""
    controls = controls_by_id(case) if controls is None else controls
    if id in controls:
        return controls[id]
    # A capacity is not shown in days of need if other changes leave little need.
    if id.startswith("days."):
        stockpile = child_at(case.stockpiles, id.removeprefix("days."))
        return None if stockpile is None else _days_control(case, stockpile, _annual_need(case))
    base_value = number_at(case, id)
    if base_value is None or id.split(".")[0] in SECTIONS_WITHOUT_FIGURES:
        return None
    return figure_control(case, id, base_value)


def _controls_of_group(group: ControlGroup) -> Iterator[Control]:
    yield from group.controls
    for part in group.subgroups:
        yield from _controls_of_group(part)


# Money


def _money_group(case: Case) -> ControlGroup:
    """Return the group of controls for money: all public budgets together, the budget of each
    funder, and limits on tickets and shares of its instruments."""
    budget_controls, parts, public_limits = [], [], list(_public_limits(case))
    if len(public_limits) > 1:
        label = tr("All public budgets")
        budget_controls.append(
            joint_control(PUBLIC_BUDGETS, label, 1.0, public_limits, high=4.0, unit=FACTOR_UNIT)
        )
    for f, funder in case.funders.items():
        name = name_of_item(funder, f)
        types = [instrument.type for instrument in funder.instruments.values()]
        # The budget covers the provision for guarantees, not their amount.
        if types and all(type.is_guarantee for type in types):
            name = tr("{name} (provision for losses)", name=name)
        if funder.budget_meur is not None:
            base_budget = float(funder.budget_meur)
            control_options = {"high": max(3 * base_budget, 500.0)}
            budget_controls.append(
                figure_control(
                    case, f"funders.{f}.budget_meur", base_budget, name, **control_options
                )
            )
        total_budget = math.fsum(map(float, (funder.budget_by_year_meur or {}).values()))
        if total_budget > 0:
            assert funder.budget_by_year_meur is not None
            numbers = [
                yearly_numbers(f"funders.{f}.budget_by_year_meur", funder.budget_by_year_meur)
            ]
            label = tr("{name}, over all years", name=name)
            unit = unit_of_field(case, "_meur")
            budget_controls.append(
                joint_control(
                    f"total.{f}", label, total_budget, numbers, high=3 * total_budget, unit=unit
                )
            )
        terms = tuple(
            figure_control(case, f"funders.{f}.instruments.{i}.{term}", float(value),
                    f"{name_of_item(instrument, i)}: {translate_label(field_label((term,)))}")
            for i, instrument in funder.instruments.items()
            for term in INSTRUMENT_TERMS
            if (value := getattr(instrument, term)) is not None
            if instrument.type.has_tickets or not term.startswith("ticket")
        )  # fmt: skip
        if terms:
            parts.append(titled_group(f"terms-{f}", name, terms))
    ticket_groups = (
        (ControlGroup("terms", tr("Tickets and shares"), (), tuple(parts)),) if parts else ()
    )
    return ControlGroup("money", tr("Money"), tuple(budget_controls), ticket_groups)


def _public_limits(case: Case) -> Iterator[LinkedNumbers]:
    """Yield all numbers that limit what public funders spend."""
    limits: dict[str, Any] = {"policy.budget_meur": case.policy.budget_meur}
    for f, funder in case.funders.items():
        if funder.kind == "public":
            for name in ("budget_meur", "budget_by_year_meur"):
                limits[f"funders.{f}.{name}"] = getattr(funder, name)
            for line_id, line in funder.budget_lines.items():
                for name in ("total_meur", "by_year_meur", "limit_meur"):
                    limits[f"funders.{f}.budget_lines.{line_id}.{name}"] = getattr(line, name)
    for path, limit in limits.items():
        if isinstance(limit, dict):
            yield yearly_numbers(path, limit)
        elif limit is not None:
            yield scaled_number(path, limit)


def _rules_group(case: Case) -> ControlGroup:
    """Return the group of controls for rules: the number of projects that can be started in a year,
    and limits of the policy."""
    rule_controls, starts = [], case.policy.max_starts_by_year
    open_years = {year: most for year, most in starts.items() if most > 0}
    if open_years:
        base_limit = max(map(float, open_years.values()))

        def settings(value: float | str) -> list[str]:
            most = {y: float(value) if y in open_years else float(x) for y, x in starts.items()}
            year_texts = ", ".join(f"{year}: {format_setting(x)}" for year, x in most.items())
            return [f"policy.max_starts_by_year={{{year_texts}}}"]

        label = tr("Projects decided in a year, at most")
        rule_controls.append(
            Control("deals", label, base_limit, settings, high=10.0, is_integer=True)
        )
    for limit in policy_limits(case):
        for key, value in limit.values(case).items() if limit.on_page else ():
            path = limit.pattern.replace("*", str(key))
            is_count = limit.unit == "count"
            own: dict[str, str] = {}
            if path.startswith("policy.rules."):
                units = {
                    "money": unit_of_field(case, "_meur"),
                    "tonnes": "t",
                    "factor": FACTOR_UNIT,
                }
                own = {"label": limit.label, "unit": units.get(limit.unit, "")}
            rule_controls.append(figure_control(case, path, value, is_integer=is_count, **own))
    return ControlGroup("rules", tr("Rules"), tuple(rule_controls))


# Stocks


def _stocks_group(case: Case) -> ControlGroup:
    """Return the group of controls for stocks: the capacity of all stockpiles together, and that of
    each in days of need."""
    capacities = {x.id: float(x.max_t) for x in case.stockpiles if x.max_t}
    if not capacities:
        return ControlGroup("stocks", tr("Stocks"), ())
    annual_need = _annual_need(case)
    stock_controls = []
    for stockpile in case.stockpiles:
        if stockpile.id in capacities:
            path, capacity = f"stockpiles.{stockpile.id}.max_t", capacities[stockpile.id]
            control = _days_control(case, stockpile, annual_need)
            # The need at home is small for a material that is processed abroad.
            if control is None or float(control.base) > MAX_STOCK_DAYS:
                name = name_of_item(stockpile, stockpile.id)
                control = figure_control(case, path, capacity, name, high=3 * capacity)
            stock_controls.append(control)
    linked_storage_limits = [
        LinkedNumbers(
            (f"stockpiles.{x.id}.max_t",),
            partial(_scaled_capacity, capacities[x.id], float(x.initial_t)),
        )
        for x in case.stockpiles
        if x.id in capacities
    ]
    label = tr("Room for all stocks")
    all_stocks_control = joint_control(
        "stocks", label, 1.0, linked_storage_limits, high=4.0, unit=FACTOR_UNIT
    )
    days_group = ControlGroup("days", tr("Each stock, in days of the need"), tuple(stock_controls))
    return ControlGroup(
        "stocks", tr("Stocks"), (all_stocks_control,), (days_group,) if stock_controls else ()
    )


def _scaled_capacity(capacity: float, initial_stock: float, factor: float) -> list[float]:
    """Return a list with the capacity of a stockpile in tonnes, multiplied by a factor. It is at
    least the initial stock."""
    return [max(initial_stock, factor * capacity)]


def _annual_need(case: Case) -> dict[str, float]:
    """Return the need for each material at home, in tonnes per year, in the middle year of the
    horizon."""
    years = case.horizon.years
    return material_needs(case, years[len(years) // 2])


def _days_control(
    case: Case, stockpile: Stockpile, annual_need: Mapping[str, float]
) -> Control | None:
    """Return the control for the capacity of a stockpile, in days of need. Return None if the
    stockpile has no limit, or the material has no need."""
    daily_need = annual_need.get(stockpile.material, 0.0) / DAYS_PER_YEAR
    if not stockpile.max_t or daily_need <= 0:
        return None
    capacity = float(stockpile.max_t)
    numbers = [scaled_number(f"stockpiles.{stockpile.id}.max_t", capacity)]
    id, label = f"days.{stockpile.id}", name_of_item(stockpile, stockpile.id)
    base_days = float(f"{capacity / daily_need:.3g}")
    return joint_control(
        id, label, base_days, numbers, high=max(3 * base_days, 30.0), unit=tr("days")
    )


# Hazards and assumptions


def _hazards_group(case: Case) -> ControlGroup:
    """Return the group of controls for hazards: how often each occurs, and how long its events
    last."""
    assumptions = list_assumptions(case, include_parts=True)
    hazard_assumptions = {one.id: one for one in assumptions if one.kind == "hazard"}
    periods = float(case.horizon.periods_per_year)
    longest_length = len(case.horizon.years) * int(periods)
    hazard_groups = []
    for h, hazard in case.hazards.items():
        hazard_controls = []
        if (assumption := hazard_assumptions.get(f"hazard.{h}")) is not None:
            hazard_controls.append(_factor_control(assumption, tr("How often")))
        if (mean_years := event_length(hazard) / periods) > 0:
            base, most = float(f"{mean_years:.3g}"), len(case.horizon.years)
            numbers = [(path, tuple(map(float, loss))) for path, loss in _loss_courses(h, hazard)]

            def stretched_settings(
                value: float | str, base: float = base, numbers: Any = tuple(numbers)
            ) -> list[str]:
                factor = float(value) / base
                stretched_courses = (
                    (path, stretch_course(loss, factor, longest_length)) for path, loss in numbers
                )
                return [
                    f"{path}=[{', '.join(map(format_setting, loss))}]"
                    for path, loss in stretched_courses
                ]

            label = tr("How long it lasts (at half of its effect or more)")
            hazard_controls.append(
                Control(f"length.{h}", label, base, stretched_settings, low=base / 4,
                        high=min(max(3 * base, 3.0), float(most)), unit=tr("years"),
                        is_factor=True, explanation=_length_explanation(hazard, periods))
            )  # fmt: skip
        if hazard_controls:
            hazard_groups.append(
                titled_group(f"hazard-{h}", name_of_item(hazard, h), hazard_controls)
            )
    all_hazards = hazard_assumptions.get("hazards")
    all_hazards_controls = (
        (_factor_control(all_hazards, tr("How often, all hazards")),) if all_hazards else ()
    )
    return ControlGroup(
        "hazards", tr("What may go wrong"), all_hazards_controls, tuple(hazard_groups)
    )


def _length_explanation(hazard: Hazard, periods: float) -> str:
    """Return a text on how long the events of a hazard last in each of its profiles; empty if it
    has no profiles. ``periods`` is the number of periods per year."""
    if not hazard.profiles:
        return ""
    length_texts = [
        tr(
            "{way}: {years} years",
            way=profile_text,
            years=format_exact(_effect_length(hazard.effects_by_profile[id]) / periods),
        )
        for id, profile_text in describe_profiles(hazard).items()
    ]
    return tr("The mean of its events. {ways}. All become longer by the same factor.",
              ways="; ".join(length_texts))  # fmt: skip


def describe_profiles(hazard: Hazard) -> dict[str, str]:
    """Return a text for each profile of a hazard, by id: its name, and the share of events that
    have it."""
    return {
        id: tr("{profile}, {share} of its events",
               profile=display_name(profile.name, id, current_language()),
               share=format_percent(float(profile.probability)))
        for id, profile in hazard.profiles.items()
    }  # fmt: skip


def _loss_courses(h: str, hazard: Hazard) -> Iterator[tuple[str, Sequence[float]]]:
    for profile, effects in hazard.effects_by_profile.items():
        place = f"hazards.{h}.profiles.{profile}" if profile is not None else f"hazards.{h}"
        for n, effect in enumerate(effects):
            yield f"{place}.effects.{n}.loss", effect.loss


def event_length(hazard: Hazard) -> float:
    """Return the mean length of an event of a hazard, in periods. The length of a profile is the
    number of periods in which the loss is at least half of its largest value, for the effect for
    which this lasts longest. Profiles are weighted by probability."""
    mean_length = 0.0
    for id, effects in hazard.effects_by_profile.items():
        weight = 1.0 if id is None else float(hazard.profiles[id].probability)
        mean_length += weight * _effect_length(effects)
    return mean_length


def _effect_length(effects: Sequence[Effect]) -> int:
    """Return the largest number of periods in which the loss of one effect is at least half of its
    largest value."""
    lengths = (sum(x >= max(effect.loss) / 2 > 0 for x in effect.loss) for effect in effects)
    return max(lengths, default=0)


def stretch_course(
    loss: Sequence[float], factor: float, max_periods: int = MAX_PERIODS
) -> list[float]:
    """Return a course of losses by period that takes ``factor`` times as long. The loss in a new
    period is the mean over the part of the old course that it covers. The new course is cut after
    ``max_periods`` periods, unless the old one is longer."""
    count = max(1, round(len(loss) * factor))
    stretched_losses = []
    for n in range(min(count, max(max_periods, len(loss)))):
        first_period, last_period = n * len(loss) / count, (n + 1) * len(loss) / count
        overlapping_losses = (
            x * max(0.0, min(last_period, k + 1) - max(first_period, k)) for k, x in enumerate(loss)
        )
        stretched_losses.append(
            round(math.fsum(overlapping_losses) / (last_period - first_period), 6)
        )
    return stretched_losses


def _assumptions_group(case: Case) -> ControlGroup:
    """Return the group of controls for assumptions: the cost of a missing tonne, how users adapt,
    and others."""
    assumptions = list_assumptions(case, include_parts=True)
    count_by_kind = Counter(assumption.kind for assumption in assumptions)
    # The joint assumption of each kind, or its only one. Those on damage are in a subgroup.
    joint_assumptions = [
        assumption
        for assumption in assumptions
        if assumption.kind != "hazard"
        if assumption.subject is None
        or (assumption.kind != "damage" and count_by_kind[assumption.kind] == 1)
    ]
    overall_controls = [
        *_assumption_set_controls(case),
        *(_factor_control(one, input_kind_name(one.kind)) for one in joint_assumptions),
    ]
    adaptation_rates = [
        scaled_number(f"damage.{n}.adaptation.per_year", entry.adaptation.per_year, 1.0)
        for n, entry in enumerate(case.damage)
        if entry.adaptation is not None and entry.adaptation.per_year > 0
    ]
    if adaptation_rates:
        label = tr("How fast users adapt")
        overall_controls.append(
            joint_control("adaptation", label, 1.0, adaptation_rates, high=4.0, unit=FACTOR_UNIT)
        )
    price_controls = tuple(
        _factor_control(one, name_of_item(case.materials[one.subject], one.subject))
        for one in assumptions
        if one.kind == "damage" and one.subject in case.materials
    )
    part_groups = (
        (titled_group("damage", tr("What a missing tonne costs"), price_controls),)
        if price_controls
        else ()
    )
    return ControlGroup("assumptions", tr("Assumptions"), tuple(overall_controls), part_groups)


def _assumption_set_controls(case: Case) -> Iterator[Control]:
    """Yield a control that selects one assumption set, if the scenario has any that change a
    figure."""
    set_assumptions = {
        id: assumption for id, assumption in case.assumptions.items() if assumption.set
    }
    if not set_assumptions:
        return

    def settings(value: float | str) -> list[str]:
        if value not in set_assumptions:
            return []
        alone = [] if case.objective.over_assumptions is None else [WITHOUT_ASSUMPTION_SETS]
        return [*settings_of_set(case, str(value)), *alone]

    titles = (
        display_name(assumption.title, id, current_language())
        for id, assumption in set_assumptions.items()
    )
    yield Control(
        ASSUMPTION_SETS,
        tr("Set of assumptions"),
        AS_FILED,
        settings,
        choices=(AS_FILED, *set_assumptions),
        choice_labels=(tr("as the file has it"), *titles),
    )


def _factor_control(assumption: Assumption, label: str) -> Control:
    def settings(value: float | str) -> list[str]:
        return assumption.settings_at(float(value))

    high = max(4.0, assumption.high)
    return Control(assumption.id, label, 1.0, settings, high=high, unit=FACTOR_UNIT, is_factor=True)


# Projects


def _projects_group(case: Case) -> ControlGroup:
    """Return the group of controls for projects: each must be built, must not be built, or is
    decided by the optimization."""
    project_controls = []
    shown_projects = {*decidable_projects(case), *case.policy.must_not_build} & case.projects.keys()
    for id in sorted(shown_projects, key=lambda id: name_of_item(case.projects[id], id).casefold()):
        base_choice = MUST_BUILD if id in case.policy.must_build else UNDECIDED
        base_choice = MUST_NOT_BUILD if id in case.policy.must_not_build else base_choice
        label = name_of_item(case.projects[id], id)
        choices = (UNDECIDED, MUST_BUILD, MUST_NOT_BUILD)
        project_controls.append(
            Control(f"project.{id}", label, base_choice, _no_settings, choices=choices)
        )
    return ControlGroup("projects", tr("Projects"), tuple(project_controls))


def _no_settings(_value: float | str) -> list[str]:
    return []


def project_settings(case: Case, choice_by_project: Mapping[str, str]) -> list[str]:
    """Return the settings for what must and what must not be built. ``choice_by_project`` has the
    choice for each project, by id."""
    settings = []
    for rule, word in (("must_build", MUST_BUILD), ("must_not_build", MUST_NOT_BUILD)):
        ids_before = [
            id for id in getattr(case.policy, rule) if choice_by_project.get(id, word) == word
        ]
        new_ids = [
            id
            for id, choice in choice_by_project.items()
            if choice == word and id not in ids_before
        ]
        settings.append(f"policy.{rule}=[{', '.join([*ids_before, *new_ids])}]")
    return settings
