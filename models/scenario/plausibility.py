"""What in a scenario is possible but unlikely to be meant: warnings, each at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from models.faults import Fault, Step
from models.language import tr
from models.scenario import countries, residual
from models.scenario.quantities import Number, Yearly
from models.scenario.years import CalendarYear, readable
from models.spelling import meant

if TYPE_CHECKING:
    from pydantic import BaseModel

    from models.scenario.case import Case
    from models.scenario.funding import Funder
    from models.scenario.instruments import Instrument
    from models.scenario.projects import Project

_Path = tuple[Step, ...]


def warnings(case: Case) -> Iterator[Fault]:
    """Every doubt about a scenario whose references hold."""
    yield from _countries(case)
    yield from _materials(case)
    yield from _supply_shares(case)
    yield from _instruments(case)
    yield from _funders(case)
    yield from _hazards(case)
    yield from residual.warnings(case)
    yield from _policy(case)
    yield from _sources(case)


def _doubt(path: _Path, message: str, hint: str = "", at_key: bool = False) -> Fault:
    return Fault(path, message, hint, "warning", at_key)


def _countries(case: Case) -> Iterator[Fault]:
    for path, code, active in _codes(case):
        if not countries.is_known(code):
            meant = countries.meant_by(code)
            hint = tr("write {value}", value=meant) if meant else tr("write a code such as DE")
            yield _doubt(path, tr("{code} is not a country code of ISO 3166", code=code), hint)
        elif not active:
            message = tr("{code} neither supplies anything nor hosts a project", code=code)
            yield _doubt(path, message)


def _codes(case: Case) -> Iterator[tuple[_Path, str, bool]]:
    """Every country code, where it stands, and whether anything comes from there."""
    active = {supply.country for supply in case.supply}
    active |= {project.country for project in case.projects.values()}
    for number, supply in enumerate(case.supply):
        yield ("supply", number, "country"), supply.country, True
    for name, project in case.projects.items():
        yield ("projects", name, "country"), project.country, True
    for name, hazard in case.hazards.items():
        for number, effect in enumerate(hazard.effects):
            path: _Path = ("hazards", name, "effects", number, "country")
            yield path, effect.country, effect.country in active
    for path, instrument in _all_instruments(case):
        for number, code in enumerate(instrument.eligible.countries or ()):
            yield (*path, "eligible", "countries", number), code, code in active
    for number, code in enumerate(case.home):
        yield ("home", number), code, True
    limit = case.policy.max_country_share
    for number, code in enumerate(limit.except_ if limit else ()):
        yield ("policy", "max_country_share", "except", number), code, code in active


def _materials(case: Case) -> Iterator[Fault]:
    demanded = {demand.material for demand in case.demand}
    pairs = {(demand.consumer, demand.material) for demand in case.demand}
    for name in case.materials:
        if name not in demanded:
            message = tr("nobody demands '{material}'", material=name)
            yield _doubt(("materials", name), message, at_key=True)
    for name in case.consumers:
        if not any(demand.consumer == name for demand in case.demand):
            message = tr("'{consumer}' demands nothing", consumer=name)
            yield _doubt(("consumers", name), message, at_key=True)
    own = {(damage.consumer, damage.material) for damage in case.damage if damage.consumer}
    for number, damage in enumerate(case.damage):
        if damage.consumer:
            used = (damage.consumer, damage.material) in pairs
        else:
            used = any(pair not in own for pair in pairs if pair[1] == damage.material)
        if not used:
            yield _doubt(("damage", number), tr("no demand uses this damage entry"))
    for number, supply in enumerate(case.supply):
        if supply.material not in demanded:
            path: _Path = ("supply", number, "material")
            message = tr("supply of '{material}', which nobody demands", material=supply.material)
            yield _doubt(path, message)
    for number, stockpile in enumerate(case.stockpiles):
        name = stockpile.material
        served = [demand for demand in case.demand if demand.material == name]
        path = ("stockpiles", number, "material")
        if not served:
            message = tr("a stockpile of '{material}', which nobody demands", material=name)
            yield _doubt(path, message)
        elif stockpile.serves is not None:
            needy = {demand.consumer for demand in served}
            if not needy & set(stockpile.serves):
                message = tr("none of those it serves demands '{material}'", material=name)
                yield _doubt(("stockpiles", number, "serves"), message)


def _supply_shares(case: Case) -> Iterator[Fault]:
    """Supply may exceed demand, but not so much that percent are more likely meant."""
    for number, supply in enumerate(case.supply):
        path: _Path = ("supply", number, "share")
        if supply.share is None:
            continue
        for at, share in _of_years(supply.share, path):
            if share >= 3:
                message = tr(
                    "share is a fraction of one: {share:g} means {share:g} times the demand",
                    share=share,
                )
                hint = tr("write {meant:g} for {share:g} %", meant=share / 100, share=share)
                yield _doubt(at, message, hint)


def _all_instruments(case: Case) -> Iterator[tuple[_Path, Instrument]]:
    for name, funder in case.funders.items():
        for key, instrument in funder.instruments.items():
            yield ("funders", name, "instruments", key), instrument


def _instruments(case: Case) -> Iterator[Fault]:
    tags = {tag for project in case.projects.values() for tag in project.tags}
    for path, instrument in _all_instruments(case):
        for number, tag in enumerate(instrument.eligible.tags or ()):
            if tag not in tags:
                at = (*path, "eligible", "tags", number)
                message = tr("no project carries the tag '{tag}'", tag=tag)
                yield _doubt(at, message, meant(tag, tags))
        least, most = instrument.ticket_min_meur, instrument.ticket_max_meur
        if most is not None and least > most:
            message = tr(
                "ticket_min_meur {least:g} is above ticket_max_meur {most:g}",
                least=least,
                most=most,
            )
            hint = tr("so that the instrument can never take part")
            yield _doubt((*path, "ticket_min_meur"), message, hint)
        if case.projects and not any(
            _qualifies(project, instrument) for project in case.projects.values()
        ):
            message = tr("no project qualifies for the instrument '{i}'", i=path[-1])
            floored = instrument.floor_eur_per_t is not None
            hint = tr("see its 'eligible' and the materials of its floor") if floored else ""
            yield _doubt(path, message, hint or tr("see its 'eligible'"), at_key=True)


def _qualifies(project: Project, instrument: Instrument) -> bool:
    eligible = instrument.eligible
    return (
        (eligible.countries is None or project.country in eligible.countries)
        and (
            eligible.materials is None
            or not project.output_t_per_year.keys().isdisjoint(eligible.materials)
        )
        and (eligible.tags is None or not set(project.tags).isdisjoint(eligible.tags))
        and _sells_under_a_floor(project, instrument)
    )


def _sells_under_a_floor(project: Project, instrument: Instrument) -> bool:
    floors = instrument.floor_eur_per_t
    delivers = {name for name, tonnes in project.output_t_per_year.items() if tonnes > 0}
    return floors is None or not delivers.isdisjoint(floors)


def _funders(case: Case) -> Iterator[Fault]:
    """Every doubt about budget lines and about terms of instruments."""
    for name, funder in case.funders.items():
        path: _Path = ("funders", name)
        yield from _later(case, funder.budget_by_year_meur, (*path, "budget_by_year_meur"))
        for key, line in funder.budget_lines.items():
            at = (*path, "budget_lines", key)
            yield from _later(case, line.by_year_meur, (*at, "by_year_meur"))
            if line.limit_meur is None and line.total_meur is None and line.by_year_meur is None:
                message = tr("the budget line '{line}' has no limit", line=key)
                yield _doubt(at, message, tr("add one, or leave it out"), at_key=True)
        for key, instrument in funder.instruments.items():
            at = (*path, "instruments", key)
            yield from _guarantee(funder, instrument, at)
            yield from _support(case, instrument, at)


def _later(case: Case, by_year: Mapping[int, object] | None, path: _Path) -> Iterator[Fault]:
    """Years of a table that lie after the horizon, and count for nothing."""
    last = case.horizon.last_year
    later = [year for year in by_year or {} if readable(year, last) and year > last]
    if later:
        years = ", ".join(map(str, later))
        if len(later) > 2 and later == list(range(later[0], later[-1] + 1)):
            years = tr("{first} to {last}", first=later[0], last=later[-1])
        message = tr(
            "the horizon ends in {last}: years after it are left out ({years})",
            last=last,
            years=years,
        )
        yield _doubt(path, message, tr("a longer horizon counts them"), at_key=True)


def _guarantee(funder: Funder, instrument: Instrument, path: _Path) -> Iterator[Fault]:
    """A guarantee that seems to be paid out."""
    if instrument.kind != "guarantee":
        return
    if instrument.recovery is None and instrument.failure_probability is None:
        message = tr("net cost counts all of the guarantee '{i}' as lost", i=path[-1])
        yield _doubt(path, message, tr("give failure_probability or recovery"), at_key=True)
    for key, line in funder.budget_lines.items():
        used = line.kind == "cash" and key not in instrument.charges
        if used and float(instrument.budget_charge) == 1:
            message = tr(
                "the guarantee '{i}' uses the cash line '{line}' like money paid out",
                i=path[-1],
                line=key,
            )
            hint = tr(
                "write its provision, such as charges: {{{line}: 0.1}}, or budget_charge", line=key
            )
            yield _doubt(path, message, hint, at_key=True)


def _support(case: Case, instrument: Instrument, path: _Path) -> Iterator[Fault]:
    """A subsidy or a floor that brings nothing, or whose prices cross."""
    if instrument.carries_capex:
        return
    if not any((instrument.market_finance_per_share, instrument.offtake_per_share)):
        message = tr("the instrument '{i}' brings neither finance nor offtake", i=path[-1])
        hint = tr("give market_finance_per_share or offtake_per_share")
        yield _doubt(path, message, hint, at_key=True)
    floors = instrument.floor_eur_per_t or {}
    for material, start in (instrument.upside_from_eur_per_t or {}).items():
        floor = floors[material]
        years = [year for year in case.horizon.years if start.at(year) < floor.at(year)]
        if years:
            at = (*path, "upside_from_eur_per_t", material)
            message = tr(
                "the upside of '{material}' begins below its floor in {year}",
                material=material,
                year=years[0],
            )
            hint = tr("so that the funder pays and receives at once")
            yield _doubt(at, message, hint, at_key=True)


def _hazards(case: Case) -> Iterator[Fault]:
    struck = {(supply.country, supply.material) for supply in case.supply}
    for project in case.projects.values():
        struck |= {(project.country, material) for material in project.output_t_per_year}
    origins = {country for country, _ in struck}
    for name, hazard in case.hazards.items():
        unused = _why_unused(case, name)
        if unused:
            yield _doubt(("hazards", name), unused, at_key=True)
        if not hazard.effects:
            message = tr("the hazard '{hazard}' does nothing", hazard=name)
            yield _doubt(("hazards", name, "effects"), message)
        for number, effect in enumerate(hazard.effects):
            materials = case.materials if effect.materials is None else effect.materials
            hits = any((effect.country, material) in struck for material in materials)
            if effect.country in origins and not hits:
                message = tr(
                    "this effect hits nothing: none of its materials comes from {country}",
                    country=effect.country,
                )
                yield _doubt(("hazards", name, "effects", number), message)


def _why_unused(case: Case, name: str) -> str:
    uncertainty = case.uncertainty
    if uncertainty is not None and uncertainty.states is not None:
        used = any(event.hazard == name for state in uncertainty.states for event in state.events)
        return (
            "" if used else tr("the hazard '{hazard}' strikes in none of the states", hazard=name)
        )
    if uncertainty is None or uncertainty.sample is None:
        return tr(
            "the hazard '{hazard}' is not used, since the file has no 'uncertainty'", hazard=name
        )
    if case.hazards[name].annual_probability > 0:
        return ""
    return tr("the hazard '{hazard}' has the probability 0", hazard=name)


def _policy(case: Case) -> Iterator[Fault]:
    limit = case.policy.max_country_share
    first = limit.from_year if limit is not None else None
    if first is not None and first > case.horizon.last_year:
        message = tr("from_year {year} lies after the horizon, so there is no limit", year=first)
        yield _doubt(("policy", "max_country_share", "from_year"), message)


def _sources(case: Case) -> Iterator[Fault]:
    """Sources that look like an id of the bibliography, but are none."""
    if not case.sources:
        return
    for path, number in _numbers(case, ()):
        source = number.source
        if source and source not in case.sources and not any(map(str.isspace, source)):
            message = tr("there is no '{source}' under sources", source=source)
            yield _doubt(path, message, meant(source, case.sources))


def _numbers(value: Any, path: _Path) -> Iterator[tuple[_Path, Number | CalendarYear]]:
    """Every number of a part of the case, with its path in the file."""
    if isinstance(value, (Number, CalendarYear)):
        yield (*path, "source"), value
    elif isinstance(value, Yearly):
        sources = {number.source for number in value.values}
        years = _of_years(value, path) if len(sources) > 1 else [(path, value.values[0])]
        for at, number in years:
            yield (*at, "source"), number
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*path, str(key)))
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from _numbers(item, (*path, position))
    elif hasattr(type(value), "model_fields"):
        model: type[BaseModel] = type(value)
        for name, field in model.model_fields.items():
            yield from _numbers(getattr(value, name), (*path, field.alias or name))


def _of_years(value: Yearly, path: _Path) -> Iterator[tuple[_Path, Number]]:
    """Every number of a yearly quantity; without years it has one."""
    if not value.years:
        yield path, value.values[0]
    for year, number in zip(value.years, value.values, strict=False):
        yield (*path, str(year)), number
