"""The figures that a scenario rests on, each with its place, its unit and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from models.base import Text, named
from models.language import language, tr
from models.scenario.case import Case
from models.scenario.quantities import CalendarYear, Number, Yearly, remarks

Standing = Literal["read", "reported", "assumption", "other", "none"]
"""The kind of a figure's source; ``other`` for one that is no entry of ``sources``."""


@dataclass(frozen=True)
class Assumption:
    """A figure of a scenario, as its file gives it."""

    path: str
    """Dotted, as ``--set`` takes it; a year of a quantity over time is its last step."""
    item: str
    """Name of what it is a figure of, where that has one."""
    field: str
    value: float
    source: str | None
    """The text of the source, or of its entry under ``sources``."""
    source_id: str | None
    """Its id under ``sources``."""
    url: str | None
    standing: Standing
    confidence: str | None
    note: str | None
    calendar: bool
    """Whether it is a calendar year."""

    @property
    def part(self) -> str:
        """The part of the file."""
        return self.path.partition(".")[0]


@dataclass(frozen=True)
class _Place:
    """Where a walk through a scenario has come to."""

    path: tuple[str, ...] = ()
    item: str = ""
    field: str = ""

    def into(self, step: object, field: str = "", item: str = "") -> _Place:
        return _Place((*self.path, str(step)), item or self.item, field or self.field)


_Found = Iterator[tuple[_Place, Number | CalendarYear]]


def assumptions(case: Case) -> Iterator[Assumption]:
    """Every figure that the scenario gives, in the order of the format; defaults are left out.

    In a list of figures, one without a source of its own goes with the one before it, and so do
    the years of a quantity over time.
    """
    for place, number in _Walk(case).within(case, _Place()):
        source = number.source
        entry = case.sources.get(source) if source is not None else None
        yield Assumption(
            path=".".join(place.path),
            item=place.item,
            field=place.field,
            value=float(number),
            source=source if entry is None else entry.text.read(language()),
            source_id=None if entry is None else source,
            url=None if entry is None else entry.url,
            standing=standing(case, source),
            confidence=number.confidence,
            note=number.note,
            calendar=isinstance(number, CalendarYear),
        )


def standing(case: Case, source: str | None) -> Standing:
    """What kind of source a figure has."""
    if source is None:
        return "none"
    return case.sources[source].kind if source in case.sources else "other"


class _Walk:
    """A way through a scenario that visits every figure once."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def within(self, value: Any, place: _Place, before: Number | None = None) -> _Found:
        if isinstance(value, Number):
            known = value if before is None or value.source is not None else before
            yield place, Number(value, **{**remarks(known), "note": value.note})
        elif isinstance(value, CalendarYear):
            yield place, value
        elif isinstance(value, Yearly):
            for year, number in zip(value.years or ("",), value.values, strict=True):
                yield from self.within(number, place.into(year) if year else place, before)
                before = number if number.source else before
        elif isinstance(value, BaseModel):
            yield from self._fields(value, place)
        elif isinstance(value, Mapping):
            for key, inside in value.items():
                yield from self.within(inside, place.into(key, item=self._name(inside, key)))
        elif isinstance(value, tuple):
            for position, inside in enumerate(value):
                step = getattr(inside, "id", position)
                yield from self.within(
                    inside, place.into(step, item=self._name(inside, step)), before
                )
                before = inside if isinstance(inside, Number) and inside.source else before

    def _fields(self, value: BaseModel, place: _Place) -> _Found:
        left_out = ("sources", "variants") if isinstance(value, Case) else ()
        for name, about in type(value).model_fields.items():
            inside = getattr(value, name)
            given = inside != about.default or getattr(inside, "source", None) is not None
            if name not in left_out and given:
                yield from self.within(inside, place.into(about.alias or name, field=name))

    def _name(self, inside: Any, key: object) -> str:
        """What an item of the scenario is called; nothing for a bare figure."""
        if not isinstance(inside, BaseModel):
            return ""
        name = getattr(inside, "name", None)
        if isinstance(name, Text) or isinstance(key, str):
            return named(name, str(key), language())
        about = (
            _named(self.case.materials, getattr(inside, "material", None)),
            _named(self.case.consumers, getattr(inside, "consumer", None)),
            getattr(inside, "country", None),
        )
        return ", ".join(part for part in about if part)


def _named(items: Mapping[str, Any], key: str | None) -> str | None:
    item = items.get(key) if key is not None else None
    return key if item is None or key is None else named(item.name, key, language())


def unit(field: str, currency: str) -> str:
    """The unit of a field of the format, as its name says; empty for a name that says none."""
    million = tr("million {currency}", currency=currency)
    endings = {
        "eur_per_t_year": tr("{currency} per t and year", currency=currency),
        "eur_per_t": tr("{currency} per t", currency=currency),
        "meur": million,
        "t_per_year": tr("t per year"),
        "t_per_period": tr("t per period"),
        "_t": "t",
        "days_of_demand": tr("days"),
    }
    for ending, found in endings.items():
        if field.endswith(ending):
            return found
    if field in _YEARS:
        return tr("year")
    if field in _DURATIONS:
        return tr("years")
    if field in _COUNTS:
        return tr("number")
    if field in _PER_YEAR:
        return tr("share per year")
    return tr("share") if field in _SHARES else ""


_YEARS = {"price_year", "first_year", "last_year", "earliest_start", "latest_start", "from_year"}
_YEARS |= {"start"}
_DURATIONS = {"construction_years", "lifetime_years", "term_years", "grace_years"}
_DURATIONS |= {"delayed_projects"}
_COUNTS = {"periods_per_year", "states", "seed", "max_projects", "period"}
_PER_YEAR = {"discount_rate", "annual_probability", "annual_loss", "financing_rate"}
_PER_YEAR |= {"interest_rate", "expected_return", "fee_per_year"}
_SHARES = {"share", "ramp_up", "capex_profile", "market_finance_max", "home_share", "offtake_max"}
_SHARES |= {"success_probability", "delay_years", "max_share", "offtake_per_share"}
_SHARES |= {"budget_charge", "recovery", "grant_equivalent", "purchase_premium", "paid_by"}
_SHARES |= {"loss", "max_public_share", "max_intensity", "cost_weight", "level", "weight"}
_SHARES |= {"probability", "limit", "availability", "supply", "failure_probability"}
_SHARES |= {"loss_given_failure", "market_finance_per_share", "upside_share", "charges"}
_SHARES |= {"stock_charge", "storage_paid_by", "financing_paid_by", "residual_value"}
