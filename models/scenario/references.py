"""What the parts of a scenario say of each other: every cross-reference, checked together.

An id that does not exist, a year where none can be and demand without a damage entry are errors.
What is only unlikely to be meant is left to :mod:`models.scenario.plausibility`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from models.base import UNREADABLE_TEXT
from models.faults import Fault, Step
from models.language import tr
from models.scenario import plausibility, residual
from models.scenario.years import readable
from models.spelling import existing

if TYPE_CHECKING:
    from models.scenario.case import Case
    from models.scenario.instruments import Instrument

_Path = tuple[Step, ...]


def check(case: Case, unreadable: Mapping[str, frozenset[str]] | None = None) -> Iterator[Fault]:
    """Every fault between items, and every warning.

    ``unreadable`` says that ``case`` holds stand-ins for what is faulty in itself, and names the
    items that are missing from it (``*`` for a whole section): what refers to them is not reported
    again, and warnings, which rest on the whole, are left out.
    """
    yield from _Checker(case, unreadable).faults()
    if unreadable is None:
        yield from plausibility.warnings(case)


class _Checker:
    def __init__(self, case: Case, unreadable: Mapping[str, frozenset[str]] | None) -> None:
        self.case = case
        self.partial = unreadable is not None
        self.unreadable = unreadable or {}
        self.ids: dict[str, list[str]] = {
            "materials": list(case.materials),
            "consumers": list(case.consumers),
            "projects": list(case.projects),
            "funders": list(case.funders),
            "hazards": list(case.hazards),
        }

    def faults(self) -> Iterator[Fault]:
        """Section by section, in the order of the format."""
        yield from self._consumers()
        yield from self._demand_and_supply()
        yield from self._damage()
        yield from self._projects()
        yield from self._funders()
        yield from self._stockpiles()
        yield from self._hazards()
        yield from self._states()
        yield from self._policy()
        if not self.partial:
            yield from residual.faults(self.case)

    def _unread(self, section: str, name: str = "*") -> bool:
        items = self.unreadable.get(section, frozenset())
        return "*" in items or name in items or self._stands_in(name)

    def _stands_in(self, *names: str | None) -> bool:
        """Whether one of the names is in the place of one that could not be read."""
        return self.partial and UNREADABLE_TEXT in names

    def _known(self, section: str, name: str, path: _Path, at_key: bool = False) -> Iterator[Fault]:
        """A fault where no item of the section has that id."""
        ids = self.ids[section]
        if name not in ids and not self._unread(section, name):
            message, empty = _unknown(section, name)
            yield Fault(path, message, existing(name, ids) or empty, at_key=at_key)

    def _all_known(self, section: str, names: Iterable[str] | None, path: _Path) -> Iterator[Fault]:
        for position, name in enumerate(names or ()):
            yield from self._known(section, name, (*path, position))

    def _keys_known(self, section: str, names: Iterable[str], path: _Path) -> Iterator[Fault]:
        for name in names:
            yield from self._known(section, name, (*path, name), at_key=True)

    def _within(
        self, year: int | None, path: _Path, at_key: bool = False, later: bool = False
    ) -> Iterator[Fault]:
        """A fault where a year lies outside the horizon, or before it where it may be ``later``."""
        horizon = self.case.horizon
        years = horizon.years
        if not years or not readable(year, horizon.first_year, horizon.last_year):
            return
        if year not in years and not (later and year is not None and year > years[-1]):
            message = tr("{year} lies outside the horizon", year=year)
            hint = tr("write a year from {first} to {last}", first=years[0], last=years[-1])
            yield Fault(path, message, hint, at_key=at_key)

    def _consumers(self) -> Iterator[Fault]:
        for name, consumer in self.case.consumers.items():
            if consumer.company is None:
                continue
            path = ("consumers", name, "company")
            yield from self._known("funders", consumer.company, path)
            funder = self.case.funders.get(consumer.company)
            if funder is not None and funder.kind != "company":
                companies = [one for one, it in self.case.funders.items() if it.kind == "company"]
                owner = consumer.company
                if funder.kind == "public":
                    message = tr("the funder '{funder}' is public, not a company", funder=owner)
                else:
                    message = tr("the funder '{funder}' is private, not a company", funder=owner)
                yield Fault(path, message, existing(consumer.company, companies))

    def _demand_and_supply(self) -> Iterator[Fault]:
        for position, demand in enumerate(self.case.demand):
            yield from self._known("consumers", demand.consumer, ("demand", position, "consumer"))
            yield from self._known("materials", demand.material, ("demand", position, "material"))
        for position, supply in enumerate(self.case.supply):
            yield from self._known("materials", supply.material, ("supply", position, "material"))

    def _damage(self) -> Iterator[Fault]:
        entries: dict[tuple[str | None, str], int] = {}
        for position, damage in enumerate(self.case.damage):
            path: _Path = ("damage", position)
            yield from self._known("materials", damage.material, (*path, "material"))
            if damage.consumer is not None:
                yield from self._known("consumers", damage.consumer, (*path, "consumer"))
            pair = (damage.consumer, damage.material)
            if pair in entries and not self._stands_in(*pair):
                about = {"material": damage.material, "consumer": damage.consumer}
                message = tr("a second damage entry for '{material}'", material=damage.material)
                if damage.consumer:
                    message = tr("a second damage entry for '{material}' and '{consumer}'", **about)
                hint = tr("keep this one or {other}", other=f"damage.{entries[pair]}")
                yield Fault(path, message, hint)
            entries.setdefault(pair, position)
        if self._unread("damage") or any(self._stands_in(*pair) for pair in entries):
            return
        yield from self._without_damage(entries)

    def _without_damage(self, entries: Mapping[tuple[str | None, str], int]) -> Iterator[Fault]:
        seen: set[tuple[str, str]] = set()
        for position, demand in enumerate(self.case.demand):
            pair = (demand.consumer, demand.material)
            known = (
                demand.consumer in self.case.consumers and demand.material in self.ids["materials"]
            )
            if pair in seen or not known:
                continue
            seen.add(pair)
            if pair not in entries and (None, demand.material) not in entries:
                message = tr(
                    "no damage entry says what a tonne of '{material}' missing costs '{consumer}'",
                    material=demand.material,
                    consumer=demand.consumer,
                )
                entry = f"{{material: {demand.material}, steps: [...]}}"
                hint = tr("add {entry} under damage", entry=entry)
                yield Fault(("demand", position), message, hint)

    def _projects(self) -> Iterator[Fault]:
        for name, project in self.case.projects.items():
            path: _Path = ("projects", name)
            yield from self._keys_known(
                "materials", project.output_t_per_year, (*path, "output_t_per_year")
            )
            for field, others in (("requires", project.requires), ("excludes", project.excludes)):
                for position, other in enumerate(others):
                    at: _Path = (*path, field, position)
                    yield from self._known("projects", other, at)
                    if other == name:
                        message = tr("the project '{project}' excludes itself", project=name)
                        if field == "requires":
                            message = tr("the project '{project}' requires itself", project=name)
                        yield Fault(at, message, tr("leave it out"))
            for position, other in enumerate(project.excludes):
                if other in project.requires:
                    message = tr("'{project}' is both required and excluded", project=other)
                    hint = tr("keep one of the two")
                    yield Fault((*path, "excludes", position), message, hint)
            yield from self._within(project.earliest_start, (*path, "earliest_start"))
            yield from self._within(project.latest_start, (*path, "latest_start"), later=True)

    def _funders(self) -> Iterator[Fault]:
        for name, funder in self.case.funders.items():
            path: _Path = ("funders", name)
            for year in funder.budget_by_year_meur or {}:
                at: _Path = (*path, "budget_by_year_meur", str(year))
                yield from self._within(year, at, at_key=True, later=True)
            for key, line in funder.budget_lines.items():
                for year in line.by_year_meur or {}:
                    at = (*path, "budget_lines", key, "by_year_meur", str(year))
                    yield from self._within(year, at, at_key=True, later=True)
            for key, instrument in funder.instruments.items():
                yield from self._instrument(name, instrument, (*path, "instruments", key))

    def _instrument(self, funder: str, instrument: Instrument, path: _Path) -> Iterator[Fault]:
        named = instrument.eligible.materials
        yield from self._all_known("materials", named, (*path, "eligible", "materials"))
        for field in ("floor_eur_per_t", "upside_from_eur_per_t"):
            yield from self._keys_known(
                "materials", getattr(instrument, field) or {}, (*path, field)
            )
        lines = self.case.funders[funder].budget_lines
        for line in instrument.charges:
            known = line in lines or self._stands_in(line)
            if not known and not self._unread("budget_lines", funder):
                message = tr("'{funder}' has no budget line '{line}'", funder=funder, line=line)
                hint = existing(line, lines) or tr("add it under budget_lines")
                yield Fault((*path, "charges", line), message, hint, at_key=True)

    def _stockpiles(self) -> Iterator[Fault]:
        seen: dict[str, int] = {}
        for position, stockpile in enumerate(self.case.stockpiles):
            path = ("stockpiles", position)
            if stockpile.id in seen and not self._stands_in(stockpile.id):
                message = tr("two stockpiles have the id '{id}'", id=stockpile.id)
                first = f"stockpiles.{seen[stockpile.id]}"
                hint = tr("rename this one or {other}", other=first)
                yield Fault((*path, "id"), message, hint)
            seen.setdefault(stockpile.id, position)
            yield from self._known("materials", stockpile.material, (*path, "material"))
            for field in ("paid_by", "storage_paid_by", "financing_paid_by"):
                yield from self._keys_known(
                    "funders", getattr(stockpile, field) or {}, (*path, field)
                )
            yield from self._all_known("consumers", stockpile.serves, (*path, "serves"))

    def _hazards(self) -> Iterator[Fault]:
        for name, hazard in self.case.hazards.items():
            for position, effect in enumerate(hazard.effects):
                path = ("hazards", name, "effects", position, "materials")
                yield from self._all_known("materials", effect.materials, path)

    def _states(self) -> Iterator[Fault]:
        uncertainty = self.case.uncertainty
        periods = self.case.horizon.periods_per_year
        for number, state in enumerate((uncertainty and uncertainty.states) or ()):
            path = ("uncertainty", "states", number)
            for position, event in enumerate(state.events):
                at = (*path, "events", position)
                yield from self._known("hazards", event.hazard, (*at, "hazard"))
                yield from self._within(event.start, (*at, "start"))
                if event.period > periods:
                    message = tr("a year has no period {period:g}", period=event.period)
                    hint = tr("write a period from 1 to {last:g}", last=periods)
                    if periods <= 1:
                        hint = tr("write {value}", value=1)
                    yield Fault((*at, "period"), message, hint)
            yield from self._all_known(
                "projects", state.failed_projects, (*path, "failed_projects")
            )
            yield from self._keys_known(
                "projects", state.delayed_projects, (*path, "delayed_projects")
            )

    def _policy(self) -> Iterator[Fault]:
        policy = self.case.policy
        yield from self._all_known("projects", policy.must_build, ("policy", "must_build"))
        yield from self._all_known("projects", policy.must_not_build, ("policy", "must_not_build"))
        if policy.max_country_share is not None:
            path = ("policy", "max_country_share", "materials")
            yield from self._all_known("materials", policy.max_country_share.materials, path)


def _unknown(section: str, name: str) -> tuple[str, str]:
    """What is said of an id that no item has, and of a file without any item."""
    if section == "materials":
        return tr("there is no material '{name}'", name=name), tr("the file has no materials")
    if section == "consumers":
        return tr("there is no consumer '{name}'", name=name), tr("the file has no consumers")
    if section == "projects":
        return tr("there is no project '{name}'", name=name), tr("the file has no projects")
    if section == "funders":
        return tr("there is no funder '{name}'", name=name), tr("the file has no funders")
    return tr("there is no hazard '{name}'", name=name), tr("the file has no hazards")
