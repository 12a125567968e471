"""Decisions of a plan: projects and stockpiles now, and those of a review."""

from typing import Annotated

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share


class ProjectPlan(Result):
    """A project that is built.

    ``market_share`` and all ``shares`` add up to 1. Interest subsidies and price floors carry no
    capex.
    """

    id: ids.Project  #: Id of the project.
    name: str  #: Its name.
    start: ids.YearNumber  #: Year in which the decision to build falls.
    first_output: int  #: First year of output if nothing is delayed; may lie past the horizon.
    capex_meur: float  #: Its capital cost, as announced.
    expected_capex_meur: float | None = None
    """The same with its mean overrun, as net cost counts it; null where none is foreseen."""
    budgeted_capex_meur: float | None = None
    """The same with the overrun that ``policy.contingency`` asks budgets to hold; null likewise."""
    market_share: Share  #: Share of capex from lenders and other investors.
    offtake: Share  #: Share of output that reaches domestic consumers.
    offtake_common: Share  #: Of that for all home consumers.
    offtake_by_company: dict[ids.Funder, Share]  #: Of that for consumers of each company funder.
    shares: dict[ids.Funder, dict[ids.Instrument, Share]]  #: Of capex, by funder and instrument.
    supports: dict[ids.Funder, dict[ids.Instrument, Share]] = {}
    """Share of capex whose interest is subsidised, or of output under a price floor."""
    floored_common: dict[ids.Funder, dict[ids.Instrument, Share]] = {}
    """Of ``offtake_common`` what runs whatever the price, by funder and price floor."""
    floored_by_company: dict[ids.Funder, dict[ids.Funder, dict[ids.Instrument, Share]]] = {}
    """The same of ``offtake_by_company``, by company."""

    @property
    def mean_capex_meur(self) -> float:
        """Capex in million EUR, including the mean overrun if the scenario has one."""
        return self.capex_meur if self.expected_capex_meur is None else self.expected_capex_meur


class StockpilePlan(Result):
    """The purchases, planned stocks and costs of a stockpile in each year."""

    id: ids.Stockpile  #: Id of the stockpile.
    name: str  #: Its name.
    material: ids.Material  #: Id of its material.
    buy_t: ids.ByYear  #: Tonnes bought in each year.
    planned_t: ids.ByYear  #: Stock at the end of each year before any release.
    cost_meur: ids.ByYear  #: What buying and keeping cost in each year, undiscounted, whoever pays.


class ObservedOutcome(Result):
    """What was seen in one observation before the review."""

    hazard: ids.Hazard | None = None  #: Id of the hazard, where it is one.
    struck: bool | None = None  #: Whether an event of it has started; null of anything else.
    regime: str | None = None
    """Regime of the year before, where it is that; empty where states do not say."""
    price: ids.Material | None = None  #: Id of the material, where it is its price.
    state: str | None = None  #: Name of the price state, or which it is in the file, from 1.


class ReviewGroup(Result):
    """The states of one information set at the review, and the decisions in them."""

    seen: tuple[ObservedOutcome, ...]  #: What they have in common, observation by observation.
    probability: Share  #: Of all states.
    states: int  #: How many of the plan's states they are.
    expected: InMeasureUnit | None  #: Their mean damage with the plan; null where there is none.
    expected_without_plan: InMeasureUnit | None  #: The same without any plan.
    net_cost_meur: float  #: Net cost if it comes to this, discounted.
    projects: tuple[ProjectPlan, ...]
    """All projects that are built if it comes to this, those decided before included."""
    stockpiles: Annotated[tuple[StockpilePlan, ...], ids.EXHAUSTIVE]  #: The same of all stockpiles.
    spend_meur: Annotated[dict[ids.Funder, ids.ByYear], ids.EXHAUSTIVE]
    """What then counts against each funder's budget, by year, undiscounted."""


class ReviewDecisions(Result):
    """The decisions at the review, and the value of the review.

    The value is the objective of the best plan that decides everything now, less the objective of
    this plan.
    """

    year: ids.YearNumber  #: First year whose decisions depend on what has been seen.
    groups: tuple[ReviewGroup, ...]  #: By what has been seen; their probabilities add up to 1.
    now: InMeasureUnit | None = None
    """Objective of the best plan that decides all now; null where none was searched for."""
    now_bound: InMeasureUnit | None = None  #: What is proven of all plans that decide all now.
    worth: InMeasureUnit | None = None
    """What the review is worth: ``now`` less the plan's objective."""
    worth_least: InMeasureUnit | None = None
    """It is worth no less: ``now_bound`` less the objective."""
    worth_most: InMeasureUnit | None = None  #: It is worth no more: ``now`` less the plan's bound.
