"""Result of a stress test, period by period, without a plan and with one."""

from typing import Literal

from pydantic import Field

from models.results import ids
from models.results.base import (
    InMeasureUnit,
    MeasuredResult,
    Result,
    ScenarioResult,
    Seconds,
    Share,
    UnboundedShare,
)

StressCase = Literal["market", "plan"]
"""``market``: without any plan, where initial stocks are released; ``plan``: with the plan."""


class StressEvent(Result):
    """An event of a hazard in a stress test."""

    hazard: ids.Hazard  #: Id of the hazard; its effects define the losses in each period.
    profile: str | None  #: Id of the profile; null if the hazard has none.
    start: ids.YearNumber  #: Year in which the event starts.
    period: int = Field(ge=1)  #: Period of that year in which the event starts, from 1.
    periods: int = Field(ge=1)
    """Length of the event in periods, including periods after the horizon. All effects end with the
    event at the latest. If the requested length exceeds the longest ``loss`` list of the hazard,
    the last loss of the lists of this length continues."""
    loss: Share | None = None
    """Requested loss of supply in every period, as a share of all that the hazard affects. Null if
    the losses of the hazard apply."""


class StressPeriod(Result):
    """One period of the horizon: its year, and its number in that year."""

    year: ids.YearNumber  #: Year of the period.
    period: int = Field(ge=1)  #: Number of the period in its year, from 1.


class ShortMaterial(Result):
    """A material of which the market delivers less than demand and intake of conversions.

    Lists have one entry for each of the result's ``periods``.
    """

    id: ids.Material  #: Id of the material.
    demand_t: tuple[float, ...]  #: Demand in each period.
    need_t: tuple[float, ...]
    """Demand, plus the intake of conversions at full capacity, in each period."""
    market_t: tuple[float, ...]  #: Remaining market supply in each period.
    delivered_t: dict[StressCase, tuple[float, ...]]
    """Tonnes that projects deliver to the consumers for whom they are reserved. For projects with
    inputs: their production. Together with market supply they may exceed demand."""
    made_t: dict[StressCase, tuple[float, ...]]  #: Tonnes made by conversions.
    taken_t: dict[StressCase, tuple[float, ...]]
    """Tonnes used by conversions and projects with inputs to make other materials."""
    released_t: dict[StressCase, tuple[float, ...]]  #: Tonnes released from stockpiles.
    missing_t: dict[StressCase, tuple[float, ...]]  #: Shortage in tonnes.
    damage: dict[StressCase, InMeasureUnit]  #: Damage of this shortage over all periods.


class ConsumerShortage(Result):
    """The shortage of a material for one consumer, and the resulting damage."""

    consumer: ids.Consumer  #: Id of the consumer.
    material: ids.Material  #: Id of the material.
    missing_t: dict[StressCase, float]  #: Shortage over all periods, in tonnes.
    damage: dict[StressCase, InMeasureUnit]  #: Damage of this shortage.


class StressedPlant(Result):
    """A conversion, or a project with inputs, that makes one material from others.

    Lists have one entry for each of the result's ``periods``.
    """

    id: str  #: Id of the conversion or project.
    project: bool  #: Whether it is a project.
    output: ids.Material  #: Id of the material that the plant makes.
    could_t: dict[StressCase, tuple[float, ...]]
    """Possible output in tonnes if all inputs are available; for a project, possible reserved
    output."""
    made_t: dict[StressCase, tuple[float, ...]]  #: Actual output in tonnes.


class StressedStock(Result):
    """A stockpile of a material of which the market delivers too little."""

    id: ids.Stockpile  #: Id of the stockpile.
    material: ids.Material  #: Id of the material.
    begins_t: dict[StressCase, float]
    """Stock at the beginning of the first of ``periods``, in tonnes."""
    released_t: dict[StressCase, float]  #: Tonnes released, over all periods.
    left_t: dict[StressCase, tuple[float, ...]]
    """Stock at the end of each of ``periods``, in tonnes; purchases continue as planned."""
    empty: dict[StressCase, StressPeriod | None]
    """First period at whose end the stock is empty; null if it never is."""


class Stress(MeasuredResult, ScenarioResult):
    """The effect of a disruption without a plan and with one.

    Stocks are released with foresight: the course of the disruption is known from its start.
    """

    kind: Literal["stress"] = "stress"
    state: str | None
    """Name of the written-out state that was requested; null if events were requested."""
    events: tuple[StressEvent, ...]  #: Events in the order in which they start.
    failed: tuple[ids.Project, ...]  #: Projects that never produce.
    late: dict[ids.Project, int]  #: Delay of the first output of projects, in years.
    unaided: tuple[ids.Project, ...] = ()
    """Projects that are built without the funders' money, in both cases. For a requested state: the
    projects that it lists. For requested events: the projects with a probability of at least one
    half."""
    cases: tuple[StressCase, ...]
    """Cases that are compared; figures by case have one value for each."""
    periods: tuple[StressPeriod, ...]
    """Periods from the first to the last one in which market, conversions and projects do not meet
    the demand for some material."""
    damage: dict[StressCase, InMeasureUnit]  #: Damage from all materials.
    materials: tuple[ShortMaterial, ...]
    """Materials with too little supply, in the order of the file."""
    consumers: tuple[ConsumerShortage, ...]  #: Consumers with a shortage, in the order of the file.
    stocks: tuple[StressedStock, ...]  #: Stockpiles of these materials, in the order of the file.
    plants: tuple[StressedPlant, ...]
    """Plants in the chains of these materials that could make something in these periods, in at
    least one case: conversions first, then projects, in the order of the file."""
    solved: bool  #: True if the plan was solved for this analysis, false for a saved plan.
    gap: UnboundedShare | None
    """Relative gap of the plan; null for a saved plan, or without a bound."""
    plan_objective: InMeasureUnit | None = None
    """Objective of the plan in the scenario for which it was made; it identifies the plan. Null in
    documents of earlier versions."""
    seconds: Seconds  #: Wall time.
