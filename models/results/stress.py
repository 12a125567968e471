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
"""``market``: the plan builds and buys nothing, stocks that lie there already are released;
``plan``: with all that the plan builds and buys."""


class StressEvent(Result):
    """An event of a hazard in a stress test."""

    hazard: ids.Hazard  #: Which one; its effects say who loses how much in each period.
    profile: str | None  #: Id of its profile by which it goes; null if it has none.
    start: ids.YearNumber  #: Year in which it starts.
    period: int = Field(ge=1)  #: Period of that year, from 1.
    periods: int = Field(ge=1)
    """How many periods it lasts, also beyond the horizon. Effects end with it; where it lasts
    longer than the hazard, the last loss of its longest effects goes on."""
    loss: Share | None = None
    """Share that all that it strikes loses in every period, where that was asked for; null where
    its effects take what the hazard says."""


class StressPeriod(Result):
    """One period of the horizon: its year, and its number in that year."""

    year: ids.YearNumber  #: Its year.
    period: int = Field(ge=1)  #: Which period of that year, from 1.


class ShortMaterial(Result):
    """A material of which the market delivers less than demand and intake of conversions.

    Lists have one entry for each of the result's ``periods``.
    """

    id: ids.Material  #: Which one.
    demand_t: tuple[float, ...]  #: Tonnes demanded.
    need_t: tuple[float, ...]
    """Tonnes demanded, and those that conversions would take in at full capacity."""
    market_t: tuple[float, ...]  #: Tonnes that the market still delivers.
    delivered_t: dict[StressCase, tuple[float, ...]]
    """Tonnes that projects deliver to those who have the right to them, of those with inputs what
    they make; with what the market delivers they may be more than is demanded."""
    made_t: dict[StressCase, tuple[float, ...]]  #: Tonnes that conversions make.
    taken_t: dict[StressCase, tuple[float, ...]]
    """Tonnes that conversions and projects with inputs take in to make other materials of it."""
    released_t: dict[StressCase, tuple[float, ...]]  #: Tonnes released from stocks.
    missing_t: dict[StressCase, tuple[float, ...]]  #: Tonnes missing in the end.
    damage: dict[StressCase, InMeasureUnit]  #: What that costs, over all periods.


class ConsumerShortage(Result):
    """The tonnes of a material that one consumer lacks, and the resulting damage."""

    consumer: ids.Consumer  #: Who.
    material: ids.Material  #: What.
    missing_t: dict[StressCase, float]  #: Tonnes missing, over all periods.
    damage: dict[StressCase, InMeasureUnit]  #: What that costs.


class StressedPlant(Result):
    """A conversion, or a project with inputs, that makes one material from others.

    Lists have one entry for each of the result's ``periods``.
    """

    id: str  #: Id of the conversion or project.
    project: bool  #: Whether it is a project.
    output: ids.Material  #: What it makes.
    could_t: dict[StressCase, tuple[float, ...]]
    """Tonnes that it could make if no input lacked; of a project those that are reserved."""
    made_t: dict[StressCase, tuple[float, ...]]  #: Tonnes that it makes.


class StressedStock(Result):
    """A stockpile of a material of which the market delivers too little."""

    id: ids.Stockpile  #: Which one.
    material: ids.Material  #: What it holds.
    begins_t: dict[StressCase, float]  #: Tonnes in it when the first of ``periods`` begins.
    released_t: dict[StressCase, float]  #: Tonnes released, over all periods.
    left_t: dict[StressCase, tuple[float, ...]]
    """Tonnes in it at the end of each of the result's ``periods``; purchases go on as planned."""
    empty: dict[StressCase, StressPeriod | None]
    """The first period at the end of which all is released; null where that never comes."""


class Stress(MeasuredResult, ScenarioResult):
    """The effect of a disruption without a plan and with one.

    Stocks are released optimally for a disruption that is known from its start: releases assume
    foresight.
    """

    kind: Literal["stress"] = "stress"
    state: str | None  #: Name of the written-out state that was asked for; null where events were.
    events: tuple[StressEvent, ...]  #: What strikes, in the order in which it starts.
    failed: tuple[ids.Project, ...]  #: Projects that never produce.
    late: dict[ids.Project, int]  #: Years by which the first output of projects is late.
    unaided: tuple[ids.Project, ...] = ()
    """Projects that are decided without the plan's money, in both cases: those of the state, and
    where events were asked for, those of which that is at least as likely as not."""
    cases: tuple[StressCase, ...]  #: What is put side by side; figures by case have one for each.
    periods: tuple[StressPeriod, ...]
    """From the first to the last period in which market, conversions and projects do not cover some
    demand."""
    damage: dict[StressCase, InMeasureUnit]  #: Of all materials.
    materials: tuple[ShortMaterial, ...]  #: In the order of the file.
    consumers: tuple[ConsumerShortage, ...]  #: Those who miss something, in the order of the file.
    stocks: tuple[StressedStock, ...]  #: In the order of the file.
    plants: tuple[StressedPlant, ...]
    """What could make such materials, or of such, in any case; conversions first, each in the order
    of the file."""
    solved: bool  #: Whether the plan was solved for this; a saved plan was given otherwise.
    gap: UnboundedShare | None  #: How far the plan may be from the best; null if saved or unproven.
    plan_objective: InMeasureUnit | None = None
    """Objective of the plan in the scenario that it was made for, which tells it from others; null
    in documents of an earlier version."""
    seconds: Seconds  #: Wall time.
