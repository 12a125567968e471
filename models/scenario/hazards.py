"""Hazards, and the states of the world that a plan is made for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, StrictStr, ValidationInfo, field_validator, model_validator

from models import base
from models.base import (
    Base,
    Country,
    Id,
    LocalizedText,
    MaterialId,
    MaterialsOrAll,
    PartFault,
    ProjectId,
)
from models.field_marks import InSection
from models.scenario.quantities import (
    NameOrYearly,
    NonNegative,
    Number,
    NumberBounds,
    PositiveInteger,
    Share,
    WholeNumber,
    Year,
    YearlyNonNegative,
    YearlyShare,
)

RegimeId = Annotated[Id, InSection("regimes")]


class Effect(Base):
    """The effect of a hazard on the supply of one country."""

    country: Country  #: ISO 3166 code of the country whose supply is lost.
    materials: MaterialsOrAll = None  #: Ids of the materials whose supply is lost, or ``all``.
    loss: tuple[Share, ...]  #: Share of supply lost in each period from the event's start.

    _loss_is_not_empty = base.must_not_be_empty("loss", "loss names no period", "write [1.0, 0.5]")


class Profile(Base):
    """One possible course of an event of a hazard, with its probability and effects."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    probability: Share  #: Probability of the profile; those of all profiles add up to 1.
    effects: tuple[Effect, ...]  #: Effects of an event with this profile.


class Hazard(Base):
    """A cause of supply loss, with the yearly probability that an event starts."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    annual_probability: YearlyShare  #: Probability that an event of the hazard starts in a year.
    regime_factors: dict[RegimeId, NonNegative] = {}
    """Factor on the annual probability, by regime; by default 1. The product is at most 1."""
    effects: tuple[Effect, ...] | None = None  #: Effects of each event, if all events are alike.
    profiles: dict[Id, Profile] = {}  #: Possible courses of events, by id, in place of effects.

    _probabilities_sum_to_one = base.sums_to_one(
        "profiles",
        description="the probability of the profiles",
        share_field="probability",
        allow_empty=True,
    )

    @model_validator(mode="after")
    def _has_effects_or_profiles(self, info: ValidationInfo) -> Hazard:
        if base.skips_check("order", info) or (self.effects is None) == bool(self.profiles):
            return self
        if self.profiles:
            message = "'effects' and 'profiles' exclude each other"
            raise base.validation_error(message, "leave one out", path=("effects",))
        message = "the hazard has neither 'effects' nor 'profiles'"
        raise base.validation_error(
            message, "write {value}".format(value="effects: [{country: CN, loss: [1.0]}]")
        )

    @property
    def effects_by_profile(self) -> dict[str | None, tuple[Effect, ...]]:
        """The effects of an event by profile; under None if there are no profiles."""
        if self.profiles:
            return {profile_id: profile.effects for profile_id, profile in self.profiles.items()}
        return {None: self.effects or ()}


class Event(Base):
    """An event of a hazard that starts in a given year and period."""

    hazard: Annotated[Id, InSection("hazards")]  #: Id of the hazard.
    start: Annotated[Year, InSection("years")]  #: Calendar year in which the event starts.
    period: PositiveInteger = Number(1)  #: Period of the year in which the event starts, from 1.
    profile: Id | None = None  #: Id of the event's profile, if the hazard has profiles.


class State(Base):
    """A written-out state of the world: its events, failures, delays, prices and probability."""

    name: StrictStr | None = None  #: Name shown in reports.
    probability: Share  #: Probability of this state; those of all states add up to 1.
    events: tuple[Event, ...] = ()  #: Events of this state, with their start.
    failed_projects: tuple[ProjectId, ...] = ()  #: Ids of projects that never produce.
    delayed_projects: dict[ProjectId, WholeNumber] = {}
    """Years of delay of first output, by project."""
    anyway: tuple[ProjectId, ...] = ()  #: Ids of projects that are built without support.
    regimes: dict[
        Annotated[int, BeforeValidator(base.read_year), InSection("years")], RegimeId
    ] = {}
    """Regime from each named year until the next; events stay as they are given."""
    demand: dict[MaterialId, YearlyNonNegative] = {}
    """Yearly factors on demand and supply given as a share of it, by material; by default 1."""
    prices: dict[MaterialId, NameOrYearly] = {}
    """Names of price states, or yearly prices in EUR per tonne; by default the most likely."""


class TableStates(tuple[State, ...]):
    """Written-out states from a table, of which there may be many thousands."""

    first_mentions: tuple[int, ...]
    """Positions of the states that name an id or a year as the first ones."""

    def __new__(cls, states: Iterable[State]) -> TableStates:
        """Create the tuple, and find the first mentions."""
        table_states = super().__new__(cls, states)
        mentioned: set[object] = set()
        positions = []
        for position, state in enumerate(table_states):
            count = len(mentioned)
            mentioned.update(("hazard", x.hazard, x.profile) for x in state.events)
            mentioned.update(("start", x.start) for x in state.events)
            mentioned.update(("project", p) for p in (*state.failed_projects, *state.anyway))
            mentioned.update(("project", p) for p in state.delayed_projects)
            mentioned.update(("regime", *item) for item in state.regimes.items())
            mentioned.update(("demand", m, *x.years) for m, x in state.demand.items())
            mentioned.update(("price", m, getattr(x, "years", x)) for m, x in state.prices.items())
            if len(mentioned) > count or position == 0:
                positions.append(position)
        table_states.first_mentions = tuple(positions)
        return table_states


class Sample(Base):
    """Settings for sampling states of the world: number, seed, method and correlation."""

    states: Annotated[Number, NumberBounds(ge=1, le=1e7, whole=True)]
    """Number of states to draw, at most 10 million."""
    seed: WholeNumber = Number(0)  #: Seed of the random streams.
    method: Literal["random", "stratified"] = "random"
    """``random``: independent draws; ``stratified``: draws spread evenly (a Latin hypercube)."""
    project_correlation: Share = Number(0)
    """Correlation of success and delay between all projects, by a Gaussian copula."""


class Regimes(Base):
    """A Markov chain of regimes; the regime may change every year."""

    first: dict[RegimeId, Share]  #: Probability of each regime in the first year.
    yearly: dict[Id, dict[RegimeId, Share]]
    """For every regime, the probability of each regime in the following year."""
    names: dict[RegimeId, LocalizedText] = {}
    """Names shown in reports, by regime; by default the ids."""

    _first_sums_to_one = base.sums_to_one("first")

    @field_validator("yearly")
    @classmethod
    def _rows_sum_to_one(cls, rows: dict[str, dict[str, Number]], info: ValidationInfo) -> object:
        faults: list[PartFault] = []
        for name, row in rows.items() if not base.skips_check("sum", info) else ():
            row_faults = base.sum_faults(row.values(), f"the row of '{name}'")
            faults += (((name, *path), message, hint) for path, message, hint in row_faults)
        if faults:
            raise base.combined_error(faults)
        return rows


class DemandFactor(Base):
    """One possible factor on the demand for a material."""

    factor: NonNegative  #: Factor on all demand for the material and supply given as a share.
    probability: Share  #: Probability of this factor; those of a material add up to 1.


class Uncertainty(Base):
    """The states of the world that a plan is made for: sampled, or written out."""

    sample: Sample | None = None  #: Sampled states.
    states: tuple[State, ...] | None = None  #: Written-out states.
    regimes: Regimes | None = None
    """Markov chain over the years, whose regimes change hazard probabilities."""
    demand: dict[MaterialId, tuple[DemandFactor, ...]] = {}
    """Factors on the demand for a material, one of which is drawn for each sampled state."""

    @field_validator("states", mode="wrap")
    @classmethod
    def _keep_table_states(cls, states: object, read: Callable[[object], object]) -> object:
        return states if isinstance(states, TableStates) else read(states)

    @model_validator(mode="after")
    def _has_sample_or_states(self, info: ValidationInfo) -> Uncertainty:
        if base.skips_check("order", info):
            return self
        if self.sample is not None and self.states is not None:
            hint = "leave one out; a setting removes it: {settings}".format(
                settings="uncertainty.states=null, uncertainty.sample=null"
            )
            raise base.validation_error("'sample' and 'states' exclude each other", hint)
        return self

    _probabilities_sum_to_one = base.sums_to_one(
        "states", description="the probability of the states", share_field="probability"
    )

    @field_validator("demand")
    @classmethod
    def _factors_sum_to_one(
        cls, demand: dict[str, tuple[DemandFactor, ...]], info: ValidationInfo
    ) -> dict[str, tuple[DemandFactor, ...]]:
        if base.skips_check("sum", info):
            return demand
        description = "the probability of the factors"
        faults = [
            ((material, *path), message, hint)
            for material, factors in demand.items()
            for path, message, hint in base.sum_faults(
                (factor.probability for factor in factors), description
            )
        ]
        if faults:
            raise base.combined_error(faults)
        return demand
