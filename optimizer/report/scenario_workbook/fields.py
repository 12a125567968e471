"""What a field of the format is called, counted in, bounded by and refers to: read off the models.

A field that has no label of its own here is called by its name without the unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models.files.shapes import Shape
from models.scenario.case import Case
from models.scenario.quantities import Bounds, YearlyBounds
from models.scenario.years import YearReader

LABELS = {
    "id": "Id (short name)",
    "home": "Home",
    "stages": "Stages",
    "eur_per_t": "Price",
    "total_meur": "In total",
    "by_year_meur": "Amount",
    "limit_meur": "Limit",
    "stock_charge": "Charge of stocks",
    "charges": "Charge to line",
    "term_years": "Years of term",
    "grace_years": "Grace period",
    "interest_rate": "Interest rate",
    "expected_return": "Expected return",
    "fee_per_year": "Fee per year",
    "failure_probability": "Probability of failure",
    "loss_given_failure": "Loss given failure",
    "market_finance_per_share": "Market finance per share",
    "floor_eur_per_t": "Floor price",
    "upside_share": "Share above the floor",
    "upside_from_eur_per_t": "Share begins at",
    "storage_paid_by": "Storage paid by",
    "financing_paid_by": "Financing paid by",
    "name": "Name",
    "description": "Description",
    "title": "Title",
    "schema_version": "Version of the format",
    "include": "Include presets",
    "currency": "Currency",
    "price_year": "Prices of the year",
    "price_eur_per_t": "Price",
    "company": "Purse (funder)",
    "consumer": "Consumer",
    "material": "Material",
    "t_per_year": "Quantity",
    "share": "Share",
    "steps": "Step",
    "steps.share": "share",
    "steps.eur_per_t": "damage",
    "country": "Country",
    "output_t_per_year": "Output",
    "earliest_start": "Earliest start",
    "latest_start": "Latest start",
    "construction_years": "Construction",
    "ramp_up": "Ramp-up, year",
    "lifetime_years": "Lifetime",
    "capex_meur": "Capital cost",
    "capex_profile": "Capital cost, part",
    "market_finance_max": "Market finance at most",
    "home_share": "Share coming home anyway",
    "offtake_max": "Offtake at most",
    "success_probability": "Probability of success",
    "delay_years": "Probability of delay, years:",
    "requires": "Requires projects",
    "excludes": "Excludes projects",
    "tags": "Tags",
    "kind": "Kind",
    "budget_meur": "Budget over all years",
    "budget_by_year_meur": "Budget in",
    "carry_over": "Carry over",
    "max_share": "Share at most",
    "ticket_min_meur": "Ticket at least",
    "ticket_max_meur": "Ticket at most",
    "offtake_per_share": "Offtake per share",
    "budget_charge": "Charge to the budget",
    "recovery": "Recovery",
    "budget_class": "Budget class",
    "grant_equivalent": "Grant equivalent",
    "eligible.countries": "Only countries",
    "eligible.materials": "Only materials",
    "eligible.tags": "Only tags",
    "initial_t": "Initial stock",
    "max_t": "Room",
    "max_purchase_t_per_year": "Purchases at most",
    "purchase_premium": "Premium on the price",
    "storage_eur_per_t_year": "Storage",
    "financing_rate": "Financing",
    "annual_loss": "Annual loss",
    "residual_value": "Residual value",
    "max_release_t_per_period": "Release at most",
    "min_days_of_demand": "Stock at least",
    "paid_by": "Costs paid by",
    "serves": "Serves",
    "annual_probability": "Annual probability",
    "materials": "Materials",
    "loss": "Loss, period",
    "events": "Event",
    "events.hazard": "hazard",
    "events.start": "year",
    "events.period": "period",
    "probability": "Probability",
    "failed_projects": "Failed projects",
    "delayed_projects": "Delay",
    "text": "Text",
    "url": "Address",
    "horizon.first_year": "First year",
    "horizon.last_year": "Last year",
    "horizon.periods_per_year": "Periods per year",
    "horizon.discount_rate": "Discount rate",
    "horizon.residual_value": "Residual value at the end",
    "uncertainty.sample.states": "Number of states",
    "uncertainty.sample.seed": "Seed",
    "uncertainty.sample.method": "Method",
    "policy.budget_meur": "Public budget",
    "policy.max_public_share": "Public share at most",
    "policy.state_aid.max_intensity": "State aid: intensity at most",
    "policy.state_aid.max_meur": "State aid: amount at most",
    "policy.max_country_share.limit": "Share of a country at most",
    "policy.max_country_share.from_year": "Share of a country: from",
    "policy.max_country_share.materials": "Share of a country: materials",
    "policy.max_country_share.except": "Share of a country: but not of",
    "policy.max_projects": "Projects at most",
    "policy.must_build": "Must build",
    "policy.must_not_build": "Must not build",
    "objective.measure": "Measure",
    "objective.cost_weight": "Weight of net cost",
    "objective.cvar.level": "Tail: level",
    "objective.cvar.weight": "Tail: weight",
    "objective.allocation": "Allocation",
}
"""English labels by the field's path without positions, or by its name alone."""

_UNITS = (
    (r"meur$", "million EUR"),
    (r"eur_per_t_year$", "EUR per t and year"),
    (r"eur_per_t$", "EUR per t"),
    (r"(^|_)t_per_year$", "t per year"),
    (r"(^|_)t_per_period$", "t per period"),
    (r"_t$", "t"),
    (r"_years$", "years"),
    (r"days_of_demand$", "days of demand"),
    (r"^(budget_charge|recovery|stock_charge|charges)$", "EUR per EUR"),
)
_PERCENT = re.compile(
    r"(?<!per_)share$|(rate|premium|probability|return|fee_per_year|loss)$|^paid_by$"
)
_ONE_AS = {"company": "funders"}
"""Fields with one id whose section does not follow from their name."""


@dataclass(frozen=True)
class Field:
    """One field of a model, as its type tells it."""

    name: str
    info: FieldInfo | None = None

    @property
    def bounds(self) -> Bounds | None:
        """What its numbers may be."""
        marks = list(_marks(self.info)) if self.info is not None else []
        found = (mark.bounds if isinstance(mark, YearlyBounds) else mark for mark in marks)
        return next((mark for mark in found if isinstance(mark, Bounds)), None)

    @property
    def is_year(self) -> bool:
        """Whether it is a calendar year."""
        return self.info is not None and any(isinstance(m, YearReader) for m in _marks(self.info))

    @property
    def is_percent(self) -> bool:
        """Whether its numbers are shown as percent: shares and rates."""
        bounds = self.bounds
        share = bounds is not None and not bounds.whole and 1 in (bounds.le, bounds.lt)
        return share or (bounds is not None and _PERCENT.search(self.name) is not None)

    @property
    def unit(self) -> str:
        """What it is counted in, in English; empty where it is no quantity."""
        for pattern, unit in _UNITS:
            if re.search(pattern, self.name) and self.name != "delay_years":
                return unit
        if self.is_year:
            return "year"
        return "%" if self.is_percent else ""


def _marks(info: FieldInfo) -> Iterator[Any]:
    yield from info.metadata
    yield from _inside(info.annotation)


def _inside(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _inside(part)


def field_of(shape: Shape, key: str) -> Field:
    """A field of a shape, by the key that files write."""
    model: type[BaseModel] | None = shape.model
    for name, info in model.model_fields.items() if model is not None else ():
        if key == (info.alias or name):
            return Field(key, info)
    return Field(key)


def label_of(path: tuple[str, ...]) -> str:
    """The English label of a path without positions and free keys."""
    for start in range(len(path)):
        label = LABELS.get(".".join(path[start:]))
        if label is not None:
            return label
    words = re.sub(r"_(meur|eur_per_t|t_per_year|t)$", "", path[-1]).replace("_", " ")
    return words[:1].upper() + words[1:]


def section_of(name: str) -> str:
    """The section whose ids a field holds, or whose ids its keys are; empty where none."""
    sections = Case.model_fields
    for candidate in (_ONE_AS.get(name, ""), f"{name}s", name):
        if candidate in sections:
            return candidate
    if name.endswith("paid_by"):
        return "funders"
    if re.search(r"(requires|excludes|must_build|must_not_build|_projects)$", name):
        return "projects"
    if name == "serves":
        return "consumers"
    return "materials" if re.search(r"(output_t_per_year|_eur_per_t)$", name) else ""
