"""What can go wrong, and the states of the world a plan is made for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, StrictStr, ValidationInfo, field_validator, model_validator

from models import base
from models.base import AllMaterials, Base, Country, Finding, Id, MaterialId, ProjectId, Text
from models.language import marked, tr
from models.marks import In
from models.scenario.quantities import (
    Bounds,
    Count,
    NonNegative,
    Number,
    Share,
    Whole,
    Year,
    YearlyShare,
)

RegimeId = Annotated[Id, In("regimes")]


class Effect(Base):
    """What one hazard does to one country's supply."""

    country: Country  #: ISO 3166 code of the country that is struck.
    materials: AllMaterials = None  #: Ids of the materials that are struck, or ``all``.
    loss: tuple[Share, ...]  #: Share of supply lost in each period from the event's start.

    _some_loss = base.needed("loss", marked("loss names no period"), marked("write [1.0, 0.5]"))


class Profile(Base):
    """One way in which an event of a hazard may go."""

    name: Text | None = None  #: Name shown in reports; the id where absent.
    probability: Share  #: Probability that an event goes this way; those of all add up to 1.
    effects: tuple[Effect, ...]  #: What it does.


class Hazard(Base):
    """An event that takes supply away, and how often it starts."""

    name: Text | None = None  #: Name shown in reports; the id where absent.
    description: Text | None = None  #: Free text.
    annual_probability: YearlyShare  #: Probability that it starts in a year.
    regime_factors: dict[RegimeId, NonNegative] = {}
    """Factor on that probability in years of each regime, else 1; the product is at most 1."""
    effects: tuple[Effect, ...] | None = None  #: What it does, if all its events go alike.
    profiles: dict[Id, Profile] = {}  #: Ways in which events may go, instead, by id.

    _sums = base.adds_up(
        "profiles", what=marked("the probability of the profiles"), of="probability", empty=True
    )

    @model_validator(mode="after")
    def _one_of_two(self, info: ValidationInfo) -> Hazard:
        if base.left_out("order", info) or (self.effects is None) == bool(self.profiles):
            return self
        if self.profiles:
            message = tr("'effects' and 'profiles' exclude each other")
            raise base.fault(message, tr("leave one out"), at=("effects",))
        message = tr("the hazard has neither 'effects' nor 'profiles'")
        raise base.fault(
            message, tr("write {value}", value="effects: [{country: CN, loss: [1.0]}]")
        )

    @property
    def courses(self) -> dict[str | None, tuple[Effect, ...]]:
        """What its events may do, by profile; under None if all go alike."""
        if self.profiles:
            return {id: profile.effects for id, profile in self.profiles.items()}
        return {None: self.effects or ()}


class Event(Base):
    """A hazard that strikes at a stated time."""

    hazard: Annotated[Id, In("hazards")]  #: Id of the hazard.
    start: Annotated[Year, In("years")]  #: Calendar year in which it starts.
    period: Count = Number(1)  #: Period of that year in which it starts, from 1.
    profile: Id | None = None  #: Id of the profile by which it goes, if the hazard has any.


class State(Base):
    """One written-out way the coming years may go."""

    name: StrictStr | None = None  #: Name shown in reports.
    probability: Share  #: Probability of this state; those of all states add up to 1.
    events: tuple[Event, ...] = ()  #: What strikes, and when.
    failed_projects: tuple[ProjectId, ...] = ()  #: Ids of projects that never produce.
    delayed_projects: dict[ProjectId, Whole] = {}  #: Years of delay of first output, by project.
    anyway: tuple[ProjectId, ...] = ()  #: Ids of projects that are built unaided.
    regimes: dict[Annotated[int, BeforeValidator(base.read_year), In("years")], RegimeId] = {}
    """Regime from each year named on, until the next; events are as they are written."""
    demand: dict[MaterialId, NonNegative] = {}
    """Factors on demand, and on supply given as a share, by material; 1 where not named."""
    prices: dict[MaterialId, StrictStr] = {}
    """Names of price states, by material; the most likely where not named."""


class Sample(Base):
    """States of the world drawn at random from hazards, success and delay."""

    states: Annotated[Number, Bounds(ge=1, le=1e7, whole=True)]
    """How many states are drawn, 10 million at most."""
    seed: Whole = Number(0)  #: Seed of the random streams.
    method: Literal["random", "stratified"] = "random"
    """``random``: independent draws; ``stratified``: draws spread evenly (a Latin hypercube)."""
    project_correlation: Share = Number(0)
    """Correlation of what success and delay of all projects hang on (a Gaussian copula)."""


class Regimes(Base):
    """A chain of years: each has one regime, which depends on that of the year before."""

    first: dict[RegimeId, Share]  #: Probability of each regime in the first year.
    yearly: dict[Id, dict[RegimeId, Share]]
    """Of each regime, the probability of each in the year after; every regime has a row."""
    names: dict[RegimeId, Text] = {}  #: Names shown in reports, by regime; the id where absent.

    _sums = base.adds_up("first")

    @field_validator("yearly")
    @classmethod
    def _rows(cls, rows: dict[str, dict[str, Number]], info: ValidationInfo) -> object:
        faults: list[Finding] = []
        for name, row in rows.items() if not base.left_out("sum", info) else ():
            found = base.sum_faults(row.values(), tr("the row of '{name}'", name=name))
            faults += (((name, *at), message, hint) for at, message, hint in found)
        if faults:
            raise base.faults_together(faults)
        return rows


class DemandFactor(Base):
    """One way the demand for a material may go."""

    factor: NonNegative  #: What all demand is multiplied by, and supply given as a share.
    probability: Share  #: Probability of this factor; those of a material add up to 1.


class Uncertainty(Base):
    """The states of the world that a plan is made for: sampled, or written out."""

    sample: Sample | None = None  #: Sampled states.
    states: tuple[State, ...] | None = None  #: Written-out states.
    regimes: Regimes | None = None  #: Years that are more or less dangerous than others.
    demand: dict[MaterialId, tuple[DemandFactor, ...]] = {}
    """Factors on the demand for a material, one of which is drawn for each sampled state."""

    @model_validator(mode="after")
    def _one_of_two(self, info: ValidationInfo) -> Uncertainty:
        if base.left_out("order", info):
            return self
        if self.sample is not None and self.states is not None:
            raise base.fault(tr("'sample' and 'states' exclude each other"), tr("leave one out"))
        return self

    _sums = base.adds_up("states", what=marked("the probability of the states"), of="probability")

    @field_validator("demand")
    @classmethod
    def _factors_add_up(
        cls, demand: dict[str, tuple[DemandFactor, ...]], info: ValidationInfo
    ) -> dict[str, tuple[DemandFactor, ...]]:
        if base.left_out("sum", info):
            return demand
        what = tr("the probability of the factors")
        faults = [
            ((material, *at), message, hint)
            for material, factors in demand.items()
            for at, message, hint in base.sum_faults((one.probability for one in factors), what)
        ]
        if faults:
            raise base.faults_together(faults)
        return demand
