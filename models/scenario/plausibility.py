"""Warnings of values that are valid but probably mistakes; each warning has the value's path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from models import countries
from models.faults import Fault, PathStep, warning
from models.field_marks import LocatedValue
from models.scenario import chains, unit_checks
from models.scenario.chains import format_years
from models.scenario.materials import Damage
from models.scenario.quantities import (
    CalendarYear,
    Number,
    YearlyQuantity,
    are_readable,
    percent_hint,
)
from models.scenario.sections import Sections
from models.scenario.tonnage_checks import UNIT_FACTOR
from models.spelling import did_you_mean

_Path = tuple[PathStep, ...]
_SECTIONS_OF_ORIGIN = ("supply", "conversions", "projects", "home")
"""Sections whose countries are origins themselves and need no warning."""
_MIN_KILOGRAM_RATIO = 100  #: Tonnes per tonne above which kilograms are probably meant.


def plausibility_warnings(case: Sections, values: list[LocatedValue]) -> Iterator[Fault]:
    """Yield all warnings about a scenario without faults.

    ``values`` are all values of the case, as from :func:`.collect_values`.
    """
    for check in (
        _unused_item_warnings,
        _demand_factor_warnings,
        _share_warnings,
        _chain_warnings,
        _unaided_project_warnings,
        _overrun_and_premium_warnings,
        _budget_warnings,
        _instrument_warnings,
        _hazard_warnings,
        _unused_price_warnings,
    ):
        yield from check(case)
    yield from _country_warnings(case, values)
    yield from _source_warnings(case, values)
    yield from unit_checks.unit_warnings(case, values)


def _country_warnings(case: Sections, values: list[LocatedValue]) -> Iterator[Fault]:
    """Yield warnings of codes that do not exist, and of countries that supply nothing."""
    origins = {supply.country for supply in case.supply}
    origins |= {project.country for project in case.projects.values()}
    origins |= {conversion.country for conversion in case.conversions.values()}
    for path, code, field_type, _ in values:
        if field_type.section != "countries":
            continue
        if not countries.is_country_code(code):
            corrected = countries.corrected_code(code)
            hint = f"write {corrected}" if corrected else "write a two-letter code such as DE"
            yield warning(path, f"{code} is not a country code of ISO 3166", hint)
        elif code not in origins and path[0] not in _SECTIONS_OF_ORIGIN:
            message = f"{code} neither supplies anything nor hosts a project"
            yield warning(path, message)


def _unused_item_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of materials, consumers and other items that no demand uses."""
    demand_pairs = {(demand.consumer, demand.material) for demand in case.demand}
    demanding_consumers = {consumer for consumer, _ in demand_pairs}
    demanded_materials = chains.demanded_materials(case)
    for name in case.materials:
        if name not in demanded_materials:
            message = f"nobody demands '{name}'"
            yield warning(("materials", name), message, at_key=True)
    for name in case.consumers:
        if name not in demanding_consumers:
            message = f"'{name}' demands nothing"
            yield warning(("consumers", name), message, at_key=True)
    pairs_with_damage = {
        (damage.consumer, damage.material) for damage in case.damage if damage.consumer
    }
    general_materials = {
        material
        for consumer, material in demand_pairs
        if (consumer, material) not in pairs_with_damage
    }
    for position, damage in enumerate(case.damage):
        damage_pair = (damage.consumer, damage.material)
        if (
            damage_pair not in demand_pairs
            if damage.consumer
            else damage.material not in general_materials
        ):
            yield warning(("damage", position), "no demand uses this damage entry")
        yield from _adaptation_warnings(damage, ("damage", position))
    for position, supply in enumerate(case.supply):
        if supply.material not in demanded_materials:
            message = f"supply of '{supply.material}', which nobody demands"
            yield warning(("supply", position, "material"), message)
    for key, conversion in case.conversions.items():
        if conversion.output not in demanded_materials:
            name = conversion.output
            message = f"a conversion into '{name}', which nobody demands"
            yield warning(("conversions", key, "output"), message)
    for position, stockpile in enumerate(case.stockpiles):
        name, served = stockpile.material, stockpile.serves
        if name not in case.materials:
            continue  # reported as a fault
        if name not in demanded_materials:
            message = f"a stockpile of '{name}', which nobody demands"
            yield warning(("stockpiles", position, "material"), message)
        elif served is not None and not any(
            (consumer, name) in demand_pairs for consumer in served
        ):
            if not demand_pairs.isdisjoint(
                product(served, chains.downstream_materials(case, name))
            ):
                continue
            message = f"none of those it serves demands '{name}'"
            yield warning(("stockpiles", position, "serves"), message)


def _adaptation_warnings(damage: Damage, path: _Path) -> Iterator[Fault]:
    """Yield a warning of an adaptation that has no effect."""
    adaptation = damage.adaptation
    if adaptation is not None:
        at_path, hint = (*path, "adaptation"), ""
        if not any(step.share > 0 for step in damage.steps[1:]):
            hint = "it moves shares of later steps to the first: write two steps or more"
        elif adaptation.per_year <= 0 or adaptation.floor >= 1:
            hint = "write a per_year above 0 and a floor below 1, or leave it out"
        elif adaptation.trigger_loss >= 1:
            hint = f"no loss is above a trigger_loss of 1: write {0.2}"
        if hint:
            yield warning(at_path, "this adaptation changes nothing", hint, at_key=True)


def _demand_factor_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of demand factors that no state uses, or whose material has no demand."""
    uncertainty, demanded_materials = case.uncertainty, {row.material for row in case.demand}
    if uncertainty is None:
        return
    in_states = {material for state in uncertainty.states or () for material in state.demand}
    for material in uncertainty.demand:
        path = ("uncertainty", "demand", material)
        if uncertainty.sample is None and material not in in_states:
            message = f"no state names a factor on the demand for '{material}'"
            hint = "factors are drawn for sampled states: write demand with the states"
            yield warning(path, message, hint, at_key=True)
        elif material not in demanded_materials:
            message = f"nobody demands '{material}' itself"
            hint = "so that its factor changes no more than supply given as a share"
            yield warning(path, message, hint, at_key=True)


def _share_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of supply shares that are probably percentages.

    Also yield a warning if the limit on a country's share begins after the horizon.
    """
    for position, supply in enumerate(case.supply):
        path: _Path = ("supply", position, "share")
        for share_path, share in (
            _numbers_by_year(supply.share, path) if supply.share is not None else ()
        ):
            if share >= 3:
                message = f"share is a fraction of one: {share:g} means {share:g} times the need"
                yield warning(share_path, message, percent_hint(share))
    limit = case.policy.max_country_share
    first_limited_year = limit.from_year if limit is not None else None
    if first_limited_year is not None and first_limited_year > case.horizon.last_year:
        message = f"from_year {first_limited_year} lies after the horizon, so there is no limit"
        yield warning(("policy", "max_country_share", "from_year"), message)


def _chain_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of supply given as a share where nothing is needed.

    Also yield warnings of inputs that are probably in kilograms per tonne.
    """
    converted_materials = {
        name for item in case.conversions.values() for name in item.inputs_t_per_t
    }
    project_inputs = {name for item in case.projects.values() for name in item.inputs_t_per_t}
    needs = {
        year: chains.material_needs(case, year)
        for year in case.horizon.years
        if converted_materials or project_inputs
    }
    for position, supply in enumerate(case.supply):
        name, share = supply.material, supply.share
        if share is None or name not in converted_materials | project_inputs:
            continue
        years = [year for year, need in needs.items() if not need.get(name, 0.0) > 0]
        in_all_years = len(years) == len(needs)
        # Inputs of conversions only are not needed in years without capacity.
        if any(share.at(year) > 0 for year in years) and (in_all_years or name in project_inputs):
            message = f"a share of nothing, since nobody needs '{name}'"
            if not in_all_years:
                values: dict[str, Any] = {"material": name, "years": format_years(years)}
                message = "a share of nothing, since nobody needs '{material}' in {years}".format(
                    **values
                )
            yield warning(("supply", position, "share"), message, "write t_per_year")
    for link in chains.chain_links(case):
        if link.ratio >= _MIN_KILOGRAM_RATIO:
            message = f"{link.ratio:g} tonnes of '{link.input}' for a tonne of '{link.output}'"
            meant = link.ratio / 1000
            hint = f"write {meant:g} if {link.ratio:g} kg are meant"
            yield warning(link.path, message, hint)


def _unaided_project_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of unaided projects that bring nothing, or that a plan may delay."""
    is_sampled = case.uncertainty is not None and case.uncertainty.sample is not None
    states = (case.uncertainty and case.uncertainty.states) or ()
    for name, project in case.projects.items():
        if (anyway := project.anyway) is None:
            continue
        path = ("projects", name, "anyway")
        if float(project.home_share) == 0 or (is_sampled and float(anyway.probability) == 0):
            message = f"no output of '{name}' comes home without a plan"
            hint = "give home_share, and a probability above 0"
            yield warning(path, message, hint, at_key=True)
        elif not is_sampled and not any(name in state.anyway for state in states):
            message = f"'{name}' comes anyway in none of the states"
            yield warning(path, message, "list it under anyway of a state", at_key=True)
        last_start = (
            case.horizon.last_year if project.latest_start is None else project.latest_start
        )
        if are_readable(anyway.year, last_start) and anyway.year < last_start:
            values: dict[str, Any] = {"year": anyway.year, "last": last_start, "project": name}
            message = (
                "'{project}' comes anyway in {year}, and may be started as late as {last}: a start "
                "takes the place of what comes anyway"
            ).format(**values)
            hint = "write latest_start: {year}, so that a plan cannot put it off".format(**values)
            yield warning((*path, "year"), message, hint)


def _overrun_and_premium_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of overruns that are probably percentages.

    Also yield warnings of a contingency and of premiums that have no effect, and of limits on
    starts after the horizon.
    """
    for name, project in case.projects.items():
        for position, overrun in enumerate(project.capex_overrun):
            if overrun.by >= 3:
                values: dict[str, Any] = {"by": overrun.by, "meant": overrun.by / 100}
                message = (
                    "by is a fraction of one: {by:g} means {by:g} times the capex more".format(
                        **values
                    )
                )
                hint = "write {meant:g} if {by:g} % are meant".format(**values)
                yield warning(("projects", name, "capex_overrun", position, "by"), message, hint)
    policy, overruns = case.policy, [p.capex_overrun for p in case.projects.values()]
    if policy.contingency is not None and not any(overruns):
        message = "contingency means nothing: no project has a capex_overrun"
        yield warning(("policy", "contingency"), message)
    yield from _late_year_warnings(
        case, policy.max_starts_by_year, ("policy", "max_starts_by_year")
    )
    outputs = (project.output_t_per_year for project in case.projects.values())
    delivered_materials = {
        name for output in outputs for name, tonnes in output.items() if tonnes > 0
    }
    for name, material in case.materials.items():
        if material.secured_premium_eur_per_t is not None and name not in delivered_materials:
            message = f"no project delivers '{name}', so nobody pays a premium"
            yield warning(("materials", name, "secured_premium_eur_per_t"), message)


def _budget_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of budgets after the horizon, and of budget lines without a limit."""
    for name, funder in case.funders.items():
        path: _Path = ("funders", name)
        yield from _late_year_warnings(
            case, funder.budget_by_year_meur, (*path, "budget_by_year_meur")
        )
        for key, line in funder.budget_lines.items():
            line_path = (*path, "budget_lines", key)
            yield from _late_year_warnings(case, line.by_year_meur, (*line_path, "by_year_meur"))
            if line.kind == "commitment" and line.premium_charge is not None:
                message = "a line of kind commitment is not charged with premiums"
                yield warning((*line_path, "premium_charge"), message, "leave it out")
            if line.limit_meur is None and line.total_meur is None and line.by_year_meur is None:
                message = f"the budget line '{key}' has no limit"
                yield warning(line_path, message, "add one, or leave it out", at_key=True)


def _late_year_warnings(
    case: Sections, by_year: Mapping[int, object] | None, path: _Path
) -> Iterator[Fault]:
    last_year = case.horizon.last_year
    late_years = [
        year for year in by_year or {} if are_readable(year, last_year) and year > last_year
    ]
    if late_years:
        years = ", ".join(map(str, late_years))
        if len(late_years) > 2 and late_years == list(range(late_years[0], late_years[-1] + 1)):
            years = f"{late_years[0]} to {late_years[-1]}"
        values: dict[str, Any] = {"last": last_year, "years": years}
        message = "the horizon ends in {last}: years after it are left out ({years})".format(
            **values
        )
        yield warning(path, message, "a longer horizon counts them", at_key=True)


def _instrument_warnings(case: Sections) -> Iterator[Fault]:
    """Yield warnings of instruments that can never take part or have no effect."""
    tags = {tag for project in case.projects.values() for tag in project.tags}
    instruments = (
        (funder, ("funders", f, "instruments", i), instrument)
        for f, funder in case.funders.items()
        for i, instrument in funder.instruments.items()
    )
    for funder, path, instrument in instruments:
        cash_lines = [key for key, line in funder.budget_lines.items() if line.kind == "cash"]
        for position, tag in enumerate(instrument.eligible.tags or ()):
            if tag not in tags:
                message = f"no project carries the tag '{tag}'"
                yield warning(
                    (*path, "eligible", "tags", position), message, did_you_mean(tag, tags)
                )
        min_ticket, budget = instrument.ticket_min_meur, funder.budget_meur or None
        for min_charge, limit, name in (
            (min_ticket, instrument.ticket_max_meur, "ticket_max_meur"),
            # A budget below the minimum ticket may be intended; in a wrong unit it is far below.
            (min_ticket * instrument.budget_charge / UNIT_FACTOR, budget, "budget_meur"),
        ):
            if limit is not None and min_charge > limit:
                values: dict[str, Any] = {"least": min_ticket, "most": limit, "name": name}
                message = "ticket_min_meur {least:g} is above {name} {most:g}".format(**values)
                hint = "so that the instrument can never take part"
                yield warning((*path, "ticket_min_meur"), message, hint)
        qualified_projects = {
            p: x for p, x in case.projects.items() if instrument.accepts_project(x)
        }
        if case.projects and not qualified_projects:
            message = f"no project qualifies for the instrument '{path[-1]}'"
            hint = "see its 'eligible'"
            if instrument.floor_eur_per_t is not None:
                hint = "see its 'eligible' and the materials of its floor"
            yield warning(path, message, hint, at_key=True)
        for part, message, hint in instrument.type.warnings(
            str(path[-1]), cash_lines, qualified_projects, case.horizon.years
        ):
            yield warning((*path, *part), message, hint, at_key=True)


def _hazard_warnings(case: Sections) -> Iterator[Fault]:
    supplied_pairs = {(supply.country, supply.material) for supply in case.supply}
    supplied_pairs |= {(item.country, item.output) for item in case.conversions.values()}
    for project in case.projects.values():
        supplied_pairs |= {(project.country, material) for material in project.output_t_per_year}
    origins = {country for country, _ in supplied_pairs}
    for name, hazard in case.hazards.items():
        if reason := _unused_hazard_reason(case, name):
            yield warning(("hazards", name), reason, at_key=True)
        max_probability = max(hazard.annual_probability.values, default=0.0)
        for regime, factor in hazard.regime_factors.items():
            if (product := float(max_probability * factor)) > 1:
                values: dict[str, Any] = {"hazard": name, "regime": regime, "product": product}
                message = "in '{regime}' the probability would be {product:g}".format(**values)
                hint = "it counts as 1"
                yield warning(("hazards", name, "regime_factors", regime), message, hint)
        for profile, effects in hazard.effects_by_profile.items():
            profile_path = ("profiles", profile) if profile else ()
            path: _Path = ("hazards", name, *profile_path, "effects")
            if not effects:
                yield warning(path, f"the hazard '{name}' does nothing")
            for position, effect in enumerate(effects):
                materials = case.materials if effect.materials is None else effect.materials
                hits_supply = any(
                    (effect.country, material) in supplied_pairs for material in materials
                )
                if effect.country in origins and not hits_supply:
                    message = (
                        "this effect hits nothing: none of its materials "
                        f"comes from {effect.country}"
                    )
                    yield warning((*path, position), message)

    uncertainty = case.uncertainty
    no_factors = not any(hazard.regime_factors for hazard in case.hazards.values())
    if no_factors and uncertainty is not None and uncertainty.regimes and uncertainty.sample:
        message = "the regimes change nothing: no hazard is more likely in any"
        hint = "give a hazard regime_factors"
        yield warning(("uncertainty", "regimes"), message, hint, at_key=True)


def _unused_price_warnings(case: Sections) -> Iterator[Fault]:
    """Yield a warning for each material whose prices in written-out states change nothing."""
    states = (case.uncertainty and case.uncertainty.states) or ()
    used = {m for project in case.projects.values() for m in project.cash_cost_eur_per_t}
    used |= {item.price for item in (case.review.observe if case.review else ()) if item.price}
    for funder in case.funders.values():
        for instrument in funder.instruments.values():
            used |= set(instrument.floor_eur_per_t or {})
    for position, state in enumerate(states):
        for material in state.prices:
            if material not in used:
                used.add(material)  # one warning is enough
                message = f"nothing depends on the price of '{material}'"
                hint = "prices matter to cash_cost_eur_per_t, price floors and reviews"
                path = ("uncertainty", "states", position, "prices", material)
                yield warning(path, message, hint, at_key=True)


def _unused_hazard_reason(case: Sections, name: str) -> str:
    uncertainty, is_used = case.uncertainty, False
    if uncertainty is None or (uncertainty.states is None and uncertainty.sample is None):
        message = "the hazard '{hazard}' is not used, since the file has no 'uncertainty'"
    elif uncertainty.states is None:
        is_used = any(x > 0 for x in case.hazards[name].annual_probability.values)
        message = "the hazard '{hazard}' has the probability 0"
    else:
        is_used = any(
            event.hazard == name for state in uncertainty.states for event in state.events
        )
        message = "the hazard '{hazard}' strikes in none of the states"
    return "" if is_used else message.format(hazard=name)


def _source_warnings(case: Sections, values: list[LocatedValue]) -> Iterator[Fault]:
    """Yield warnings of sources that look like ids of the bibliography but are not defined."""
    for path, value, _, _ in values if case.sources else ():
        numbers: list[tuple[_Path, Number | CalendarYear]] = []
        if isinstance(value, (Number, CalendarYear)):
            numbers = [(path, value)]
        elif isinstance(value, YearlyQuantity):
            sources_differ = len({number.source for number in value.values}) > 1
            numbers = (
                list(_numbers_by_year(value, path)) if sources_differ else [(path, value.values[0])]
            )
        for number_path, number in numbers:
            source = number.source
            if source and source not in case.sources and not any(map(str.isspace, source)):
                message = f"there is no '{source}' under sources"
                yield warning((*number_path, "source"), message, did_you_mean(source, case.sources))


def _numbers_by_year(quantity: YearlyQuantity, path: _Path) -> Iterator[tuple[_Path, Number]]:
    """Yield every number of a yearly quantity with its path."""
    if not quantity.years:
        yield path, quantity.values[0]
    for year, number in zip(quantity.years, quantity.values, strict=False):
        yield (*path, str(year)), number
