"""The root model of a scenario file, and checks of all references between its parts.

The residual value of a project never makes its cost negative. That of a stockpile can: if the price
rises faster than the discount rate, buying and holding stock to the end of the horizon earns money.

An id that does not exist, a year outside its range and demand without a damage entry are errors.
Warnings come from other modules of this package.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationInfo, model_validator

from models.base import UNREADABLE_TEXT
from models.faults import Fault, PathStep, ScenarioError
from models.field_marks import FieldType, LocatedValue, collect_values
from models.scenario import chains, chains as baseline_shortage, plausibility, user_rule_rows
from models.scenario.hazards import Event
from models.scenario.quantities import YearlyQuantity, are_readable
from models.scenario.sections import Observation, Sections, Stockpile
from models.spelling import unknown_name_hint

_ZERO_COST_TOLERANCE = 1e-9  #: Cost, as a share of the price, that counts as zero.


def check_residual_values(case: Sections) -> Iterator[Fault]:
    """Yield a fault for each stockpile that earns money by unlimited purchases.

    Also yield warnings for stockpiles that cost nothing or earn by limited purchases, and for
    projects without cost.
    """
    for position, stockpile in enumerate(case.stockpiles):
        cheapest = cheapest_purchase(case, stockpile)
        if cheapest is None or cheapest[1] > _ZERO_COST_TOLERANCE:
            continue
        path: tuple[PathStep, ...] = ("stockpiles", position)
        path += () if stockpile.residual_value is None else ("residual_value",)
        values = {"stockpile": stockpile.id, "year": cheapest[0]}
        if cheapest[1] < -_ZERO_COST_TOLERANCE and not _has_purchase_limit(case, stockpile):
            message = (
                "with its residual value, '{stockpile}' earns by buying in {year} and holding to "
                "the end, and nothing limits how much"
            ).format(**values)
            hint = "give max_t or max_purchase_t_per_year, or a lower residual_value"
            yield Fault(path, message, hint)
        else:
            message = (
                "with its residual value, '{stockpile}' costs nothing, or earns, by buying in "
                "{year} and holding to the end"
            ).format(**values)
            hint = "a lower residual_value allows for loss, sale and a fall of the price"
            yield Fault(path, message, hint, "warning")
    message = "with a residual_value of 1, a project started in the last year costs nothing"
    hint = "a lower one allows for wear and failure"
    residual_values = {name: project.residual_value for name, project in case.projects.items()}
    if case.horizon.residual_value >= 1 and None in residual_values.values():
        yield Fault(("horizon", "residual_value"), message, hint, "warning")
    for name, value in residual_values.items():
        if value is not None and value >= 1:
            yield Fault(("projects", name, "residual_value"), message, hint, "warning")


def _has_purchase_limit(case: Sections, stockpile: Stockpile) -> bool:
    """Return whether capacity, a purchase limit or a payer's budget limits purchases."""
    limits: list[object] = [stockpile.max_t, stockpile.max_purchase_t_per_year]
    for name, share in stockpile.paid_by.items():
        funder = case.funders.get(name)
        if funder is None or float(share) == 0:
            continue
        limits += [funder.budget_meur, funder.budget_by_year_meur]
        limits += [case.policy.budget_meur] if funder.kind == "public" else []
        for line in funder.budget_lines.values():
            charge = 1.0 if line.stock_charge is None else float(line.stock_charge)
            if line.kind != "guarantee_stock" and charge > 0:
                limits += [line.total_meur, line.by_year_meur]
    return any(limit is not None for limit in limits)


def cheapest_purchase(case: Sections, stockpile: Stockpile) -> tuple[int, float] | None:
    """Return the year in which it costs least to buy stock and hold it to the end, and this cost.

    The cost is that of one tonne, discounted and net of its residual value, as a share of the last
    year's price. Returns None if the stock has no residual value, the horizon or the material is
    faulty, the last price is 0, or no year permits purchases.
    """
    material, years = case.materials.get(stockpile.material), case.horizon.years
    own_share = stockpile.residual_value
    residual_share = float(case.horizon.residual_value if own_share is None else own_share)
    if material is None or not years or not residual_share > 0:
        return None
    periods, price_at = int(case.horizon.periods_per_year), material.price_eur_per_t.at
    kept_share = (1 - float(stockpile.annual_loss)) ** (1 / periods)
    max_purchase, last_price = stockpile.max_purchase_t_per_year, price_at(years[-1])
    if not last_price > 0:
        return None
    costs: dict[int, float] = {}
    # Shares left by period: of a tonne bought evenly over the year, and of one held from its start.
    bought_shares = [
        math.fsum(kept_share**age for age in range(period + 1)) / periods
        for period in range(periods)
    ]
    held_shares = [kept_share ** (period + 1) for period in range(periods)]
    discount_rate = float(case.horizon.discount_rate)
    end_value = residual_share * last_price * (1 + discount_rate) ** (1 - len(years))
    later_holding_cost, share_at_end = 0.0, 1.0
    for year in reversed(years):
        discount = (1 + discount_rate) ** -(year - years[0])
        yearly_cost = float(stockpile.storage_eur_per_t_year)
        yearly_cost = discount * (yearly_cost + float(stockpile.financing_rate) * price_at(year))
        purchase_cost = discount * price_at(year) * (1 + float(stockpile.purchase_premium))
        holding_cost = (
            yearly_cost * math.fsum(bought_shares) / periods
            + bought_shares[-1] * later_holding_cost
        )
        if max_purchase is None or max_purchase.at(year) > 0:
            costs[year] = (
                purchase_cost + holding_cost - bought_shares[-1] * share_at_end * end_value
            ) / last_price
        later_holding_cost = (
            yearly_cost * math.fsum(held_shares) / periods + held_shares[-1] * later_holding_cost
        )
        share_at_end *= held_shares[-1]
    if not costs:
        return None
    year = min(costs, key=costs.__getitem__)
    return year, costs[year]


_UNKNOWN_ID_MESSAGES = {
    "materials": ("there is no material '{name}'", "the file has no materials"),
    "consumers": ("there is no consumer '{name}'", "the file has no consumers"),
    "projects": ("there is no project '{name}'", "the file has no projects"),
    "funders": ("there is no funder '{name}'", "the file has no funders"),
    "hazards": ("there is no hazard '{name}'", "the file has no hazards"),
    "variants": ("there is no variant '{name}'", "the file has no variants"),
    "regimes": ("there is no regime '{name}'", "add it under uncertainty.regimes"),
}  #: Message about an id that does not exist in a section, and hint if the section is empty.

MIN_INPUT_RATIO, MAX_INPUT_RATIO = 1e-6, 1e6
"""Bounds on tonnes of input per tonne of output; beyond them units are mixed up."""


def check_references(
    case: Sections, unreadable: Mapping[str, frozenset[str]] | None = None, warnings: bool = True
) -> Iterator[Fault]:
    """Yield every fault in the relations between items and, if ``warnings`` is True, every warning.

    ``unreadable`` is given if ``case`` contains placeholders for faulty values. It then holds, by
    section, the ids of items that the case lacks (``*`` for all items of a section). References to
    these items are not reported, and no warnings are yielded.
    """
    located = list(collect_values(case))
    reference_faults = list(_ReferenceChecker(case, unreadable).faults(located))
    yield from reference_faults
    if unreadable is None:
        yield from check_residual_values(case)
        if not reference_faults:
            yield from user_rule_rows.user_rule_faults(case)
    if unreadable is None and warnings:
        yield from plausibility.plausibility_warnings(case, located)
        yield from baseline_shortage.baseline_shortage_warnings(case)


class _ReferenceChecker:
    """Checker of one case; ``has_placeholders`` states that placeholders replace faulty values."""

    def __init__(self, case: Sections, unreadable: Mapping[str, frozenset[str]] | None) -> None:
        self.case = case
        self.has_placeholders = unreadable is not None
        self.unreadable = dict(unreadable or {})
        self.ids = {name: dict.fromkeys(getattr(case, name, ())) for name in _UNKNOWN_ID_MESSAGES}
        regimes, are_incomplete = self._regime_names()
        self.ids["regimes"] = dict.fromkeys(regimes)
        if are_incomplete:
            self.unreadable["regimes"] = frozenset("*")

    def _regime_names(self) -> tuple[list[str], bool]:
        """Return the names of the regimes, and whether some may be missing.

        Without a Markov chain they are those that the written-out states name.
        """
        uncertainty = self.case.uncertainty
        if uncertainty is not None and uncertainty.regimes is not None:
            names = list(uncertainty.regimes.yearly)
            return names, self._is_placeholder(*names)
        states = (uncertainty and uncertainty.states) or ()
        return [name for state in states for name in state.regimes.values()], self.has_placeholders

    def faults(self, values: list[LocatedValue]) -> Iterator[Fault]:
        """Yield the faults of ids and years, then those of relations between sections."""
        for located in values:
            section = located.field_type.section if located.value is not None else ""
            if section in _UNKNOWN_ID_MESSAGES:
                yield from self._check_id(section, located)
            elif section in ("years", "later years"):
                yield from self._check_year(located)
        checks = (
            self._check_consumers,
            self._check_damage,
            self._check_projects,
            self._check_chains,
            self._check_budget_lines_and_stockpiles,
        )
        for check in (*checks, self._check_states, self._check_sets_and_review):
            yield from check()

    def _is_unread(self, section: str, name: str = "*") -> bool:
        items = self.unreadable.get(section, frozenset())
        return "*" in items or name in items or self._is_placeholder(name)

    def _is_placeholder(self, *names: str | None) -> bool:
        """Return whether one of the names is the placeholder of a faulty name."""
        return self.has_placeholders and UNREADABLE_TEXT in names

    def _check_id(self, section: str, located: LocatedValue) -> Iterator[Fault]:
        """Yield a fault if the section has no item with the id at ``located``."""
        ids, name = self.ids[section], located.value
        if name not in ids and not self._is_unread(section, name):
            message, empty_hint = _UNKNOWN_ID_MESSAGES[section]
            hint = unknown_name_hint(name, ids) or empty_hint
            yield Fault(located.path, message.format(name=name), hint, at_key=located.at_key)

    def _check_year(self, located: LocatedValue) -> Iterator[Fault]:
        """Yield a fault if a year is outside the horizon.

        Years that are marked as ``later years`` may lie after the horizon.
        """
        horizon, year = self.case.horizon, located.value
        years = horizon.years
        if not years or not are_readable(year, horizon.first_year, horizon.last_year):
            return
        if year not in years and not (
            located.field_type.section == "later years" and year > years[-1]
        ):
            message = f"{year} lies outside the horizon"
            hint = f"write a year from {years[0]} to {years[-1]}"
            yield Fault(located.path, message, hint, at_key=located.at_key)

    def _check_sets_and_review(self) -> Iterator[Fault]:
        """Yield a fault if the objective refers to assumption sets and the file has none.

        Also yield the faults of the review.
        """
        case = self.case
        lacks_sets = case.objective.over_assumptions is not None and not case.assumptions
        if lacks_sets and not self._is_unread("assumptions"):
            message = "the file has no sets of assumptions"
            hint = "add them under assumptions, or leave it out"
            yield Fault(("objective", "over_assumptions"), message, hint)
        if not self._is_unread("uncertainty") and not self._is_unread("materials"):
            yield from _check_review(case, self._is_unread("review"))

    def _check_consumers(self) -> Iterator[Fault]:
        companies = [name for name, item in self.case.funders.items() if item.kind == "company"]
        for name, consumer in self.case.consumers.items():
            company = consumer.company
            funder = self.case.funders.get(company) if company is not None else None
            if company is not None and funder is not None and funder.kind != "company":
                message = f"the funder '{company}' is private, not a company"
                if funder.kind == "public":
                    message = f"the funder '{company}' is public, not a company"
                yield Fault(
                    ("consumers", name, "company"), message, unknown_name_hint(company, companies)
                )

    def _check_damage(self) -> Iterator[Fault]:
        """Yield faults of duplicate damage entries, and of demand without one."""
        entries: dict[tuple[str | None, str], int] = {}
        for position, damage in enumerate(self.case.damage):
            damage_pair = (damage.consumer, damage.material)
            if damage_pair in entries and not self._is_placeholder(*damage_pair):
                values = {"material": damage.material, "consumer": damage.consumer}
                message = f"a second damage entry for '{damage.material}'"
                if damage.consumer:
                    message = "a second damage entry for '{material}' and '{consumer}'".format(
                        **values
                    )
                hint = "keep this one or {other}".format(other=f"damage.{entries[damage_pair]}")
                yield Fault(("damage", position), message, hint)
            entries.setdefault(damage_pair, position)
        if self._is_unread("damage") or any(
            self._is_placeholder(*damage_pair) for damage_pair in entries
        ):
            return
        for position, demand in enumerate(self.case.demand):
            damage_pair = (demand.consumer, demand.material)
            exists = (
                demand.consumer in self.case.consumers and demand.material in self.case.materials
            )
            if exists and damage_pair not in entries and (None, demand.material) not in entries:
                entries[damage_pair] = position  # report it once only
                message = (
                    f"no damage entry says what a tonne of '{demand.material}' "
                    f"missing costs '{demand.consumer}'"
                )
                entry = f"{{material: {demand.material}, steps: [...]}}"
                hint = f"add {entry} under damage"
                yield Fault(("demand", position), message, hint)

    def _check_projects(self) -> Iterator[Fault]:
        for name, project in self.case.projects.items():
            if name in project.requires:
                message = f"the project '{name}' requires itself"
                path = ("projects", name, "requires", project.requires.index(name))
                yield Fault(path, message, "leave it out")
            for position, other in enumerate(project.excludes):
                path = ("projects", name, "excludes", position)
                if other == name:
                    message = f"the project '{name}' excludes itself"
                    yield Fault(path, message, "leave it out")
                if other in project.requires:
                    message = f"'{other}' is both required and excluded"
                    yield Fault(path, message, "keep one of the two")
            last_year = self.case.horizon.last_year
            year = last_year if project.anyway is None else project.anyway.year
            if are_readable(year, last_year) and year > last_year:
                values = {"year": year, "last": last_year}
                message = "{year} lies after the horizon, which ends in {last}".format(**values)
                yield Fault(("projects", name, "anyway", "year"), message, "leave it out")

    def _check_chains(self) -> Iterator[Fault]:
        """Yield faults of inputs: implausible ratios, several outputs, cycles."""
        path: tuple[str, ...]
        for name, project in self.case.projects.items():
            outputs = list(project.output_t_per_year)
            if project.inputs_t_per_t and len(outputs) > 1:
                message = f"the project '{name}' has inputs and several outputs"
                hint = "write a project for each output, with its own inputs"
                path = ("projects", name, "output_t_per_year", outputs[1])
                yield Fault(path, message, hint, at_key=True)
        links = list(chains.chain_links(self.case))
        for path, ratio in {link.path: link.ratio for link in links}.items():
            if ratio < MIN_INPUT_RATIO or ratio > MAX_INPUT_RATIO:
                message = f"{ratio:g} tonnes for a tonne of output cannot be"
                values = {"least": f"{MIN_INPUT_RATIO:f}", "most": f"{MAX_INPUT_RATIO:.0f}"}
                hint = "write tonnes for a tonne, from {least} to {most}".format(**values)
                yield Fault(path, message, hint)
        for link in links:
            if link.input == link.output and not self._is_placeholder(link.input):
                message = f"'{link.input}' is made of itself"
                hint = "leave it out, and count the output without what it takes in"
                yield Fault(link.path, message, hint, at_key=True)
        for cycle in chains.find_cycles(self.case):
            forms = " > ".join([cycle[-1].output, *(link.output for link in cycle)])
            message = f"forms run in a circle: {forms}"
            hint = "write what is recycled as supply, or as a project without inputs"
            yield Fault(cycle[-1].path, message, hint, at_key=True)

    def _check_budget_lines_and_stockpiles(self) -> Iterator[Fault]:
        """Yield faults of unknown budget lines, and of duplicate ids of stockpiles."""
        for name, funder in self.case.funders.items():
            lines = funder.budget_lines
            for key, instrument in funder.instruments.items():
                for line in instrument.charges:
                    exists = line in lines or self._is_placeholder(line)
                    if not exists and not self._is_unread("budget_lines", name):
                        message = f"'{name}' has no budget line '{line}'"
                        hint = unknown_name_hint(line, lines) or "add it under budget_lines"
                        path = ("funders", name, "instruments", key, "charges", line)
                        yield Fault(path, message, hint, at_key=True)
        first_positions: dict[str, int] = {}
        for position, stockpile in enumerate(self.case.stockpiles):
            first_position = first_positions.setdefault(stockpile.id, position)
            if first_position != position and not self._is_placeholder(stockpile.id):
                message = f"two stockpiles have the id '{stockpile.id}'"
                hint = "rename this one or {other}".format(other=f"stockpiles.{first_position}")
                yield Fault(("stockpiles", position, "id"), message, hint)

    def _check_states(self) -> Iterator[Fault]:
        uncertainty, periods = self.case.uncertainty, self.case.horizon.periods_per_year
        unaided = [name for name, item in self.case.projects.items() if item.anyway is not None]
        for state_position, state in enumerate((uncertainty and uncertainty.states) or ()):
            for field in ("demand", "prices"):
                for name, quantity in getattr(state, field).items():
                    if isinstance(quantity, YearlyQuantity) and quantity.years:
                        path = ("uncertainty", "states", state_position, field, name)
                        yield from self._check_path_years(quantity, path)
            for name, price in state.prices.items():
                material = self.case.materials.get(name)
                states = () if material is None else material.price_states
                if not isinstance(price, str):
                    continue
                if material is not None and not any(item.is_named(price) for item in states):
                    values = {"material": name, "price": price}
                    message = "'{material}' has no price state '{price}'".format(**values)
                    known_names = [
                        item.name.in_language() for item in states if item.name is not None
                    ]
                    hint = unknown_name_hint(price, known_names) or "name one under price_states"
                    yield Fault(
                        ("uncertainty", "states", state_position, "prices", name), message, hint
                    )
            for position, name in enumerate(state.anyway):
                if name in self.case.projects and name not in unaided:
                    message = f"the project '{name}' does not come anyway"
                    hint = unknown_name_hint(name, unaided) or "add anyway to the project"
                    yield Fault(
                        ("uncertainty", "states", state_position, "anyway", position), message, hint
                    )
            for position, event in enumerate(state.events):
                path = ("uncertainty", "states", state_position, "events", position)
                yield from self._check_profile(event, path)
                if event.period > periods:
                    message = f"a year has no period {event.period:g}"
                    hint = f"write a period from 1 to {periods:g}"
                    hint = f"write {1}" if periods <= 1 else hint
                    yield Fault((*path, "period"), message, hint)

    def _check_path_years(
        self, quantity: YearlyQuantity, path: tuple[str | int, ...]
    ) -> Iterator[Fault]:
        """Yield a fault for each year of a path in a state that lies outside the horizon."""
        in_years = FieldType("years")
        for year in quantity.years:
            yield from self._check_year(LocatedValue((*path, str(year)), year, in_years, True))

    def _check_profile(self, event: Event, path: tuple[str | int, ...]) -> Iterator[Fault]:
        """Yield a fault if an event lacks a profile, or names one that its hazard does not have.

        An event needs no profile if its hazard has none.
        """
        hazard, name = self.case.hazards.get(event.hazard), event.profile
        if hazard is None or self._is_placeholder(name, *hazard.profiles):
            return
        values, profile_names = {"hazard": event.hazard}, ", ".join(hazard.profiles)
        if name is None and profile_names:
            message = "the event names no profile of the hazard '{hazard}'".format(**values)
            yield Fault(path, message, f"write profile: one of {profile_names}")
        elif name is not None and name not in hazard.profiles:
            message = "the hazard '{hazard}' has no profile '{name}'".format(name=name, **values)
            hint = unknown_name_hint(name, list(hazard.profiles)) or "leave it out"
            yield Fault((*path, "profile"), message, hint)


def _check_review(case: Sections, is_partial: bool = False) -> Iterator[Fault]:
    """Yield faults of a review: no earlier year, no observations, or impossible ones.

    ``is_partial`` states that observations may be missing because they were faulty.
    """
    review, uncertainty = case.review, case.uncertainty
    if review is None:
        return
    first_year = case.horizon.first_year
    if are_readable(review.year, first_year) and review.year == first_year:
        message = f"nothing is seen before {first_year}, the first year"
        yield Fault(("review", "year"), message, "write a later year")
    if not review.observe and not is_partial:
        message = "nothing is observed before the review"
        yield Fault(("review", "observe"), message, "write {value}".format(value="[{hazard: ...}]"))
    position_by_observation: dict[Observation, int] = {}
    for position, observation in enumerate(review.observe):
        path = ("review", "observe", position)
        if observation in position_by_observation:
            message = "this is observed already, by {other}".format(
                other=f"observe.{position_by_observation[observation]}"
            )
            yield Fault(path, message, "leave it out")
        position_by_observation.setdefault(observation, position)
        if observation.regime and not (
            uncertainty is not None
            and (uncertainty.regimes or any(state.regimes for state in uncertainty.states or ()))
        ):
            message = "the states of the world have no regimes"
            yield Fault((*path, "regime"), message, "add uncertainty.regimes, or leave it out")
        material = case.materials.get(observation.price or "")
        states = (uncertainty and uncertainty.states) or ()
        has_prices = any(observation.price in state.prices for state in states)
        if material is not None and len(material.price_states) < 2 and not has_prices:
            message = f"the price of '{observation.price}' is the same in all states"
            hint = "add price_states to the material, or leave it out"
            yield Fault((*path, "price"), message, hint)


def child_at(node: Any, step: str) -> Any:
    """Return the part of a scenario that one step of a dotted path leads to; None if there is none.

    ``node`` is the scenario or a part of it.
    """
    index = int(step) if step.isdecimal() else None
    if isinstance(node, YearlyQuantity):
        return next(
            (x for year, x in zip(node.years, node.values, strict=True) if year == index), None
        )
    if isinstance(node, Mapping):
        return node.get(step, node.get(index))
    if isinstance(node, tuple):
        item_with_id = next((item for item in node if getattr(item, "id", None) == step), None)
        return item_with_id or (node[index] if index is not None and index < len(node) else None)
    return getattr(node, step, None) if step in getattr(type(node), "model_fields", {}) else None


class Case(Sections):
    """The content of one scenario file, with valid references between its sections."""

    @model_validator(mode="after")
    def _check_references(self, info: ValidationInfo) -> Case:
        if info.context and info.context.get("references_checked_elsewhere"):
            return self
        all_faults = check_references(self)
        faults = [fault for fault in all_faults if fault.severity == "error"]
        if faults:
            raise ValueError(str(ScenarioError(faults)))
        return self
