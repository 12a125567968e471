"""Decisions of a plan: projects and stockpiles now, and those of a review."""

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share


class ProjectPlan(Result):
    """A project that is built.

    ``market_share`` and all ``shares`` add up to 1. Interest subsidies and price floors are in
    ``supports``, since they carry no capex.
    """

    id: ids.Project  #: Id of the project.
    name: str  #: Name of the project.
    start: ids.YearNumber  #: Year of the decision to build.
    first_output: int  #: First year of output without delay; may be after the horizon.
    capex_meur: float  #: Capex, as announced.
    expected_capex_meur: float | None = None
    """Capex with the mean overrun; net cost contains this figure. Null if the file states no
    overrun."""
    budgeted_capex_meur: float | None = None
    """Capex with the overrun that budgets must cover according to ``policy.contingency``. Null if
    the file states no overrun."""
    market_share: Share  #: Share of capex from lenders and other investors.
    offtake: Share  #: Share of output that is reserved for domestic consumers.
    offtake_common: Share  #: Share of output that is reserved for all domestic consumers together.
    offtake_by_company: dict[ids.Funder, Share]
    """Share of output that is reserved for the consumers of each company."""
    shares: dict[ids.Funder, dict[ids.Instrument, Share]]
    """Share of capex carried by each instrument of each funder."""
    supports: dict[ids.Funder, dict[ids.Instrument, Share]] = {}
    """Share of capex with subsidized interest, or share of output under a price floor."""
    floored_common: dict[ids.Funder, dict[ids.Instrument, Share]] = {}
    """Part of ``offtake_common`` that is under a price floor and is never idle, by funder and
    instrument."""
    floored_by_company: dict[ids.Funder, dict[ids.Funder, dict[ids.Instrument, Share]]] = {}
    """The same part of ``offtake_by_company``, by company, funder and instrument."""

    @property
    def mean_capex_meur(self) -> float:
        """Capex in million EUR, including the mean overrun if the scenario has one."""
        return self.capex_meur if self.expected_capex_meur is None else self.expected_capex_meur


class StockpilePlan(Result):
    """The purchases, planned stocks and costs of a stockpile in each year."""

    id: ids.Stockpile  #: Id of the stockpile.
    name: str  #: Name of the stockpile.
    material: ids.Material  #: Id of the material.
    buy_t: ids.ByYear  #: Tonnes bought in each year.
    planned_t: ids.ByYear  #: Planned stock at the end of each year, without any release.
    cost_meur: ids.ByYear
    """Cost of purchases and holdings in each year, undiscounted, for all payers together."""


class ObservedOutcome(Result):
    """What was observed before the review, in one observation."""

    hazard: ids.Hazard | None = None  #: Id of the hazard; null if something else is observed.
    struck: bool | None = None
    """Whether an event of the hazard has started; null if something else is observed."""
    regime: str | None = None
    """Regime of the previous year; null if something else is observed. Empty if the states name no
    regime."""
    price: ids.Material | None = None
    """Id of the material; null if something else than a price is observed."""
    state: str | None = None
    """Name of the price state; its position in the file, from 1, if it has no name. For prices that
    states give by year, the last year before the review and its price, such as ``2029: 12000``."""


class ReviewGroup(Result):
    """The states of one information set at the review, and the decisions in them."""

    seen: tuple[ObservedOutcome, ...]  #: Observations that the states have in common.
    probability: Share  #: Joint probability of the states.
    states: int  #: Number of the plan's states in the information set.
    expected: InMeasureUnit | None
    """Mean damage with the plan in these states; null without a plan."""
    expected_without_plan: InMeasureUnit | None  #: Mean damage in these states without any plan.
    net_cost_meur: float  #: Net cost in this information set, discounted.
    projects: tuple[ProjectPlan, ...]
    """All projects that are built in this information set, including those decided before the
    review."""
    stockpiles: tuple[StockpilePlan, ...]
    """All stockpiles in this information set."""
    spend_meur: dict[ids.Funder, ids.ByYear]
    """Amount charged to the budget of each funder in each year, undiscounted."""


class ReviewDecisions(Result):
    """The decisions at the review, and the value of the review.

    The value is the objective of the best plan that decides everything now, minus the objective of
    this plan.
    """

    year: ids.YearNumber  #: First year whose decisions depend on observations.
    groups: tuple[ReviewGroup, ...]
    """Information sets with their decisions; their probabilities add up to 1."""
    now: InMeasureUnit | None = None
    """Objective of the best plan that decides everything now; null if none was searched for."""
    now_bound: InMeasureUnit | None = None
    """Proven lower bound on the objective of all plans that decide everything now."""
    worth: InMeasureUnit | None = None
    """Value of the review: ``now`` minus the objective of the plan."""
    worth_least: InMeasureUnit | None = None
    """Proven lower bound on this value: ``now_bound`` minus the objective."""
    worth_most: InMeasureUnit | None = None
    """Proven upper bound on this value: ``now`` minus the plan's bound."""
