"""What can go wrong, and the states of the world a plan is made for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StrictStr, ValidationInfo, model_validator

from models import base
from models.base import AllMaterials, Base, Country, Id, ProjectId, Text
from models.language import marked, tr
from models.marks import In
from models.scenario.quantities import Count, Number, Share, Whole, Year


class Effect(Base):
    """What one hazard does to one country's supply."""

    country: Country  #: ISO 3166 code of the country that is struck.
    materials: AllMaterials = None  #: Ids of the materials that are struck, or ``all``.
    loss: tuple[Share, ...]  #: Share of supply lost in each period from the event's start.

    _some_loss = base.needed("loss", marked("loss names no period"), marked("write [1.0, 0.5]"))


class Hazard(Base):
    """An event that takes supply away, and how often it starts."""

    name: Text | None = None  #: Name shown in reports; the id where absent.
    description: Text | None = None  #: Free text.
    annual_probability: Share  #: Probability that it starts in a year.
    effects: tuple[Effect, ...]  #: What it does.


class Event(Base):
    """A hazard that strikes at a stated time."""

    hazard: Annotated[Id, In("hazards")]  #: Id of the hazard.
    start: Annotated[Year, In("years")]  #: Calendar year in which it starts.
    period: Count = Number(1)  #: Period of that year in which it starts, from 1.


class State(Base):
    """One written-out way the coming years may go."""

    name: StrictStr | None = None  #: Name shown in reports.
    probability: Share  #: Probability of this state; those of all states add up to 1.
    events: tuple[Event, ...] = ()  #: What strikes, and when.
    failed_projects: tuple[ProjectId, ...] = ()  #: Ids of projects that never produce.
    delayed_projects: dict[ProjectId, Whole] = {}  #: Years of delay of first output, by project.
    anyway: tuple[ProjectId, ...] = ()  #: Ids of projects that are built unaided.


class Sample(Base):
    """States of the world drawn at random from hazards, success and delay."""

    states: Count  #: How many states are drawn.
    seed: Whole = Number(0)  #: Seed of the random streams.
    method: Literal["random", "stratified"] = "random"
    """``random``: independent draws; ``stratified``: draws spread evenly (a Latin hypercube)."""


class Uncertainty(Base):
    """The states of the world that a plan is made for: sampled, or written out."""

    sample: Sample | None = None  #: Sampled states.
    states: tuple[State, ...] | None = None  #: Written-out states.

    @model_validator(mode="after")
    def _one_of_two(self, info: ValidationInfo) -> Uncertainty:
        if base.left_out("order", info):
            return self
        if self.sample is not None and self.states is not None:
            raise base.fault(tr("'sample' and 'states' exclude each other"), tr("leave one out"))
        return self

    _sums = base.adds_up("states", what=marked("the probability of the states"), of="probability")
