"""What in a scenario is possible but unlikely to be meant: warnings, each at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

from models.faults import Fault, PathStep
from models.field_marks import LocatedValue
from models.language import mark_translatable, tr
from models.scenario import chains, countries, unit_checks
from models.scenario.baseline_shortage import format_years
from models.scenario.quantities import CalendarYear, Number, YearlyQuantity, are_readable
from models.scenario.tonnage_checks import UNIT_FACTOR, plausibility_warning
from models.spelling import did_you_mean

if TYPE_CHECKING:
    from models.scenario.case import Case
    from models.scenario.funding import Funder
    from models.scenario.instruments import Instrument
    from models.scenario.materials import Damage

_Path = tuple[PathStep, ...]
_SECTIONS_OF_ORIGIN = ("supply", "conversions", "projects", "home")
"""Sections whose countries need no warning."""
_MIN_KILOGRAM_RATIO = 100  #: Tonnes for a tonne from which on kilograms are more likely meant.


def plausibility_warnings(case: Case, values: list[LocatedValue]) -> Iterator[Fault]:
    """Every doubt about a scenario whose references hold, all values of which were ``found``."""
    for part in (
        _unused_item_warnings,
        _demand_factor_warnings,
        _share_warnings,
        _chain_warnings,
        _unaided_project_warnings,
        _overrun_and_premium_warnings,
        _budget_warnings,
        _instrument_warnings,
        _hazard_warnings,
    ):
        yield from part(case)
    yield from _country_warnings(case, values)
    yield from _source_warnings(case, values)
    yield from unit_checks.unit_warnings(case, values)


def _country_warnings(case: Case, values: list[LocatedValue]) -> Iterator[Fault]:
    """Codes that do not exist, and countries from which nothing comes."""
    active = {supply.country for supply in case.supply}
    active |= {project.country for project in case.projects.values()}
    active |= {conversion.country for conversion in case.conversions.values()}
    for path, code, of, _ in values:
        if of.section != "countries":
            continue
        if not countries.is_country_code(code):
            known = countries.corrected_code(code)
            hint = (
                tr("write {value}", value=known)
                if known
                else tr("write a two-letter code such as DE")
            )
            yield plausibility_warning(
                path, tr("{code} is not a country code of ISO 3166", code=code), hint
            )
        elif code not in active and path[0] not in _SECTIONS_OF_ORIGIN:
            message = tr("{code} neither supplies anything nor hosts a project", code=code)
            yield plausibility_warning(path, message)


def _unused_item_warnings(case: Case) -> Iterator[Fault]:
    """What stands in the file for a demand that is not there."""
    pairs = {(demand.consumer, demand.material) for demand in case.demand}
    needy = {consumer for consumer, _ in pairs}
    wanted = chains.demanded_materials(case)
    for name in case.materials:
        if name not in wanted:
            message = tr("nobody demands '{material}'", material=name)
            yield plausibility_warning(("materials", name), message, at_key=True)
    for name in case.consumers:
        if name not in needy:
            message = tr("'{consumer}' demands nothing", consumer=name)
            yield plausibility_warning(("consumers", name), message, at_key=True)
    own = {(damage.consumer, damage.material) for damage in case.damage if damage.consumer}
    common = {material for consumer, material in pairs if (consumer, material) not in own}
    for number, damage in enumerate(case.damage):
        pair = (damage.consumer, damage.material)
        if pair not in pairs if damage.consumer else damage.material not in common:
            yield plausibility_warning(("damage", number), tr("no demand uses this damage entry"))
        yield from _adaptation_warnings(damage, ("damage", number))
    for number, supply in enumerate(case.supply):
        if supply.material not in wanted:
            message = tr("supply of '{material}', which nobody demands", material=supply.material)
            yield plausibility_warning(("supply", number, "material"), message)
    for key, conversion in case.conversions.items():
        if conversion.output not in wanted:
            name = conversion.output
            message = tr("a conversion into '{material}', which nobody demands", material=name)
            yield plausibility_warning(("conversions", key, "output"), message)
    for number, stockpile in enumerate(case.stockpiles):
        name, served = stockpile.material, stockpile.serves
        if name not in case.materials:
            continue  # which is an error
        if name not in wanted:
            message = tr("a stockpile of '{material}', which nobody demands", material=name)
            yield plausibility_warning(("stockpiles", number, "material"), message)
        elif served is not None and not any((consumer, name) in pairs for consumer in served):
            if not pairs.isdisjoint(product(served, chains.downstream_materials(case, name))):
                continue
            message = tr("none of those it serves demands '{material}'", material=name)
            yield plausibility_warning(("stockpiles", number, "serves"), message)


def _adaptation_warnings(damage: Damage, path: _Path) -> Iterator[Fault]:
    """Adaptation that changes nothing."""
    own = damage.adaptation
    if own is not None:
        at, hint = (*path, "adaptation"), ""
        if not any(step.share > 0 for step in damage.steps[1:]):
            hint = tr("it moves shares of later steps to the first: write two steps or more")
        elif own.per_year <= 0 or own.floor >= 1:
            hint = tr("write a per_year above 0 and a floor below 1, or leave it out")
        elif own.trigger_loss >= 1:
            hint = tr("no loss is above a trigger_loss of 1: write {value}", value=0.2)
        if hint:
            yield plausibility_warning(at, tr("this adaptation changes nothing"), hint, at_key=True)


def _demand_factor_warnings(case: Case) -> Iterator[Fault]:
    """Factors on a demand that is not there, and such as no state of the plan has."""
    uncertainty, demanded = case.uncertainty, {row.material for row in case.demand}
    if uncertainty is None:
        return
    named = {m for state in uncertainty.states or () for m in state.demand}
    for m in uncertainty.demand:
        at = ("uncertainty", "demand", m)
        if uncertainty.sample is None and m not in named:
            message = tr("no state names a factor on the demand for '{material}'", material=m)
            hint = tr("factors are drawn for sampled states: write demand with the states")
            yield plausibility_warning(at, message, hint, at_key=True)
        elif m not in demanded:
            message = tr("nobody demands '{material}' itself", material=m)
            hint = tr("so that its factor changes no more than supply given as a share")
            yield plausibility_warning(at, message, hint, at_key=True)


def _share_warnings(case: Case) -> Iterator[Fault]:
    """Supply may exceed need, but not so much that percent are more likely meant."""
    for number, supply in enumerate(case.supply):
        path: _Path = ("supply", number, "share")
        for at, share in _numbers_by_year(supply.share, path) if supply.share is not None else ():
            if share >= 3:
                about = {"share": share, "meant": share / 100}
                message = tr(
                    "share is a fraction of one: {share:g} means {share:g} times the need",
                    **about,
                )
                hint = tr("write {meant:g} for {share:g} %", **about)
                yield plausibility_warning(at, message, hint)
    limit = case.policy.max_country_share
    first = limit.from_year if limit is not None else None
    if first is not None and first > case.horizon.last_year:
        message = tr("from_year {year} lies after the horizon, so there is no limit", year=first)
        yield plausibility_warning(("policy", "max_country_share", "from_year"), message)


def _chain_warnings(case: Case) -> Iterator[Fault]:
    """Shares of a need that is not there, and inputs that seem to be kilograms."""
    taken = {name for one in case.conversions.values() for name in one.inputs_t_per_t}
    by_projects = {name for one in case.projects.values() for name in one.inputs_t_per_t}
    needs = {
        year: chains.material_needs(case, year)
        for year in case.horizon.years
        if taken or by_projects
    }
    for number, supply in enumerate(case.supply):
        name, share = supply.material, supply.share
        if share is None or name not in taken | by_projects:
            continue
        years = [year for year, need in needs.items() if not need.get(name, 0.0) > 0]
        always = len(years) == len(needs)
        # What conversions alone take in does not lack where they take in nothing.
        if any(share.at(year) > 0 for year in years) and (always or name in by_projects):
            message = tr("a share of nothing, since nobody needs '{material}'", material=name)
            if not always:
                about = {"material": name, "years": format_years(years)}
                message = tr(
                    "a share of nothing, since nobody needs '{material}' in {years}", **about
                )
            yield plausibility_warning(("supply", number, "share"), message, tr("write t_per_year"))
    for link in chains.chain_links(case):
        if link.ratio >= _MIN_KILOGRAM_RATIO:
            weights = {"ratio": link.ratio, "meant": link.ratio / 1000}
            message = tr(
                "{ratio:g} tonnes of '{taken}' for a tonne of '{made}'",
                ratio=link.ratio,
                taken=link.input,
                made=link.output,
            )
            hint = tr("write {meant:g} if {ratio:g} kg are meant", **weights)
            yield plausibility_warning(link.path, message, hint)


def _unaided_project_warnings(case: Case) -> Iterator[Fault]:
    """What comes anyway and brings nothing, or what a plan would put off."""
    drawn = case.uncertainty is not None and case.uncertainty.sample is not None
    states = (case.uncertainty and case.uncertainty.states) or ()
    for name, project in case.projects.items():
        if (anyway := project.anyway) is None:
            continue
        path = ("projects", name, "anyway")
        if float(project.home_share) == 0 or (drawn and float(anyway.probability) == 0):
            message = tr("nothing of '{project}' comes home by itself", project=name)
            hint = tr("give home_share, and a probability above 0")
            yield plausibility_warning(path, message, hint, at_key=True)
        elif not drawn and not any(name in state.anyway for state in states):
            message = tr("'{project}' comes anyway in none of the states", project=name)
            yield plausibility_warning(
                path, message, tr("list it under anyway of a state"), at_key=True
            )
        last = case.horizon.last_year if project.latest_start is None else project.latest_start
        if are_readable(anyway.year, last) and anyway.year < last:
            years = {"year": anyway.year, "last": last, "project": name}
            message = tr(
                "'{project}' comes anyway in {year}, and may be started as late as {last}: a start "
                "takes the place of what comes anyway",
                **years,
            )
            hint = tr("write latest_start: {year}, so that a plan cannot put it off", **years)
            yield plausibility_warning((*path, "year"), message, hint)


def _overrun_and_premium_warnings(case: Case) -> Iterator[Fault]:
    """Overruns in percent, and what counts for nothing: contingency, premiums, years."""
    for name, project in case.projects.items():
        for number, overrun in enumerate(project.capex_overrun):
            if overrun.by >= 3:
                about = {"by": overrun.by, "meant": overrun.by / 100}
                message = tr(
                    "by is a fraction of one: {by:g} means {by:g} times the capex more", **about
                )
                hint = tr("write {meant:g} if {by:g} % are meant", **about)
                yield plausibility_warning(
                    ("projects", name, "capex_overrun", number, "by"), message, hint
                )
    policy, overruns = case.policy, [p.capex_overrun for p in case.projects.values()]
    if policy.contingency is not None and not any(overruns):
        message = tr("contingency means nothing: no project has a capex_overrun")
        yield plausibility_warning(("policy", "contingency"), message)
    yield from _late_year_warnings(
        case, policy.max_starts_by_year, ("policy", "max_starts_by_year")
    )
    delivered = {m for p in case.projects.values() for m, t in p.output_t_per_year.items() if t > 0}
    for name, material in case.materials.items():
        if material.secured_premium_eur_per_t is not None and name not in delivered:
            message = tr(
                "no project delivers '{material}', so nobody pays a premium", material=name
            )
            yield plausibility_warning(("materials", name, "secured_premium_eur_per_t"), message)


def _budget_warnings(case: Case) -> Iterator[Fault]:
    """Years of budgets that count for nothing, and lines that limit nothing."""
    for name, funder in case.funders.items():
        path: _Path = ("funders", name)
        yield from _late_year_warnings(
            case, funder.budget_by_year_meur, (*path, "budget_by_year_meur")
        )
        for key, line in funder.budget_lines.items():
            at = (*path, "budget_lines", key)
            yield from _late_year_warnings(case, line.by_year_meur, (*at, "by_year_meur"))
            if line.kind == "commitment" and line.premium_charge is not None:
                message = tr("a line of kind commitment is not charged with premiums")
                yield plausibility_warning((*at, "premium_charge"), message, tr("leave it out"))
            if line.limit_meur is None and line.total_meur is None and line.by_year_meur is None:
                message = tr("the budget line '{line}' has no limit", line=key)
                yield plausibility_warning(at, message, tr("add one, or leave it out"), at_key=True)


def _late_year_warnings(
    case: Case, by_year: Mapping[int, object] | None, path: _Path
) -> Iterator[Fault]:
    last = case.horizon.last_year
    later = [year for year in by_year or {} if are_readable(year, last) and year > last]
    if later:
        years = ", ".join(map(str, later))
        if len(later) > 2 and later == list(range(later[0], later[-1] + 1)):
            years = tr("{first} to {last}", first=later[0], last=later[-1])
        about = {"last": last, "years": years}
        message = tr("the horizon ends in {last}: years after it are left out ({years})", **about)
        yield plausibility_warning(path, message, tr("a longer horizon counts them"), at_key=True)


def _all_instruments(case: Case) -> Iterator[tuple[Funder, _Path, Instrument]]:
    for name, funder in case.funders.items():
        for key, instrument in funder.instruments.items():
            yield funder, ("funders", name, "instruments", key), instrument


def _instrument_warnings(case: Case) -> Iterator[Fault]:
    """Instruments that can never take part, bring nothing, or count what is not meant."""
    tags = {tag for project in case.projects.values() for tag in project.tags}
    for funder, path, instrument in _all_instruments(case):
        for number, tag in enumerate(instrument.eligible.tags or ()):
            if tag not in tags:
                message = tr("no project carries the tag '{tag}'", tag=tag)
                yield plausibility_warning(
                    (*path, "eligible", "tags", number), message, did_you_mean(tag, tags)
                )
        least, budget = instrument.ticket_min_meur, funder.budget_meur or None
        for charged, most, name in (
            (least, instrument.ticket_max_meur, "ticket_max_meur"),
            # A budget below the least ticket may be meant; one in another unit is far below.
            (least * instrument.budget_charge / UNIT_FACTOR, budget, "budget_meur"),
        ):
            if most is not None and charged > most:
                both = {"least": least, "most": most, "name": name}
                message = tr("ticket_min_meur {least:g} is above {name} {most:g}", **both)
                hint = tr("so that the instrument can never take part")
                yield plausibility_warning((*path, "ticket_min_meur"), message, hint)
        if case.projects and not any(
            instrument.accepts_project(one) for one in case.projects.values()
        ):
            message = tr("no project qualifies for the instrument '{i}'", i=path[-1])
            hint = tr("see its 'eligible'")
            if instrument.floor_eur_per_t is not None:
                hint = tr("see its 'eligible' and the materials of its floor")
            yield plausibility_warning(path, message, hint, at_key=True)
        if instrument.kind == "guarantee":
            yield from _guarantee_warnings(funder, instrument, path)
        elif not instrument.carries_capex:
            yield from _support_warnings(case, instrument, path)


def _guarantee_warnings(funder: Funder, instrument: Instrument, path: _Path) -> Iterator[Fault]:
    """A guarantee that seems to be paid out."""
    if instrument.recovery is None and instrument.failure_probability is None:
        message = tr("net cost counts all of the guarantee '{i}' as lost", i=path[-1])
        yield plausibility_warning(
            path, message, tr("give failure_probability or recovery"), at_key=True
        )
    for key, line in funder.budget_lines.items():
        used = line.kind == "cash" and key not in instrument.charges
        if used and float(instrument.budget_charge) == 1:
            about = {"i": path[-1], "line": key}
            message = mark_translatable(
                "the guarantee '{i}' uses the cash line '{line}' like money paid out"
            )
            hint = mark_translatable(
                "write its provision, such as charges: {{{line}: 0.1}}, or budget_charge"
            )
            yield plausibility_warning(path, tr(message, **about), tr(hint, line=key), at_key=True)


def _support_warnings(case: Case, instrument: Instrument, path: _Path) -> Iterator[Fault]:
    """A subsidy or a floor that brings nothing, or whose prices cross."""
    if not any((instrument.market_finance_per_share, instrument.offtake_per_share)):
        message = tr("the instrument '{i}' brings neither finance nor offtake", i=path[-1])
        hint = tr("give market_finance_per_share or offtake_per_share")
        yield plausibility_warning(path, message, hint, at_key=True)
    floors = instrument.floor_eur_per_t or {}
    for name, project in case.projects.items():
        for material, cost in (
            project.cash_cost_eur_per_t.items() if instrument.accepts_project(project) else ()
        ):
            floor = floors.get(material)
            low = [y for y in case.horizon.years if floor and floor.at(y) < cost.at(y)]
            if low:
                about = {"material": material, "project": name, "year": low[0]}
                message = tr(
                    "the floor for '{material}' lies below the cash cost of '{project}' in {year}",
                    **about,
                )
                yield plausibility_warning(
                    (*path, "floor_eur_per_t", material),
                    message,
                    tr("nobody would run a plant for it"),
                    at_key=True,
                )
    for material, start in (instrument.upside_from_eur_per_t or {}).items():
        floor = floors[material]
        years = [year for year in case.horizon.years if start.at(year) < floor.at(year)]
        if years:
            about = {"material": material, "year": years[0]}
            message = tr("the upside of '{material}' begins below its floor in {year}", **about)
            hint = tr("so that the funder pays and receives at once")
            yield plausibility_warning(
                (*path, "upside_from_eur_per_t", material), message, hint, at_key=True
            )


def _hazard_warnings(case: Case) -> Iterator[Fault]:
    struck = {(supply.country, supply.material) for supply in case.supply}
    struck |= {(one.country, one.output) for one in case.conversions.values()}
    for project in case.projects.values():
        struck |= {(project.country, material) for material in project.output_t_per_year}
    origins = {country for country, _ in struck}
    for name, hazard in case.hazards.items():
        if unused := _unused_hazard_reason(case, name):
            yield plausibility_warning(("hazards", name), unused, at_key=True)
        most = max(hazard.annual_probability.values, default=0.0)
        for regime, factor in hazard.regime_factors.items():
            if most * factor > 1:
                about = {"hazard": name, "regime": regime, "product": float(most * factor)}
                message = tr("in '{regime}' the probability would be {product:g}", **about)
                hint = tr("it counts as 1")
                yield plausibility_warning(
                    ("hazards", name, "regime_factors", regime), message, hint
                )
        for profile, effects in hazard.effects_by_profile.items():
            within = ("profiles", profile) if profile else ()
            path: _Path = ("hazards", name, *within, "effects")
            if not effects:
                yield plausibility_warning(
                    path, tr("the hazard '{hazard}' does nothing", hazard=name)
                )
            for number, effect in enumerate(effects):
                materials = case.materials if effect.materials is None else effect.materials
                hits = any((effect.country, material) in struck for material in materials)
                if effect.country in origins and not hits:
                    message = tr(
                        "this effect hits nothing: none of its materials comes from {country}",
                        country=effect.country,
                    )
                    yield plausibility_warning((*path, number), message)

    uncertainty = case.uncertainty
    idle = not any(hazard.regime_factors for hazard in case.hazards.values())
    if idle and uncertainty is not None and uncertainty.regimes and uncertainty.sample:
        message = tr("the regimes change nothing: no hazard is more likely in any")
        hint = tr("give a hazard regime_factors")
        yield plausibility_warning(("uncertainty", "regimes"), message, hint, at_key=True)


def _unused_hazard_reason(case: Case, name: str) -> str:
    uncertainty, used = case.uncertainty, False
    if uncertainty is None or (uncertainty.states is None and uncertainty.sample is None):
        message = mark_translatable(
            "the hazard '{hazard}' is not used, since the file has no 'uncertainty'"
        )
    elif uncertainty.states is None:
        used = any(x > 0 for x in case.hazards[name].annual_probability.values)
        message = mark_translatable("the hazard '{hazard}' has the probability 0")
    else:
        used = any(event.hazard == name for state in uncertainty.states for event in state.events)
        message = mark_translatable("the hazard '{hazard}' strikes in none of the states")
    return "" if used else tr(message, hazard=name)


def _source_warnings(case: Case, values: list[LocatedValue]) -> Iterator[Fault]:
    """Sources that look like an id of the bibliography, but are none."""
    for path, value, _, _ in values if case.sources else ():
        numbers: list[tuple[_Path, Number | CalendarYear]] = []
        if isinstance(value, (Number, CalendarYear)):
            numbers = [(path, value)]
        elif isinstance(value, YearlyQuantity):
            several = len({number.source for number in value.values}) > 1
            numbers = list(_numbers_by_year(value, path)) if several else [(path, value.values[0])]
        for at, number in numbers:
            source = number.source
            if source and source not in case.sources and not any(map(str.isspace, source)):
                message = tr("there is no '{source}' under sources", source=source)
                yield plausibility_warning(
                    (*at, "source"), message, did_you_mean(source, case.sources)
                )


def _numbers_by_year(value: YearlyQuantity, path: _Path) -> Iterator[tuple[_Path, Number]]:
    """Every number of a yearly quantity; without years it has one."""
    if not value.years:
        yield path, value.values[0]
    for year, number in zip(value.years, value.values, strict=False):
        yield (*path, str(year)), number
