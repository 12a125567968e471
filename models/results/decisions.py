"""Decisions of a plan and of its review, the value of that review, and results on chains of
materials.
"""

from __future__ import annotations

from typing import Annotated, Literal

from models.results import base
from models.results.base import (
    InMeasureUnit,
    InterruptibleStudy,
    Result,
    Share,
    UnboundedShare,
    UnitMark,
)

PerTonne = Annotated[float, UnitMark("`currency` per t, or `unit` per t")]
"""Undiscounted money of the year if the measure is damage, otherwise in the unit of the measure."""


class FormFlow(Result):
    """Sources and uses of a form in one year.

    ``supply_t + projects_t + made_t + released_t + missing_t = demand_t + taken_t``.
    """

    supply_t: float  #: Used tonnes of market supply.
    projects_t: float  #: Used tonnes of the output of projects without inputs.
    made_t: float  #: Tonnes made from other forms.
    released_t: float  #: Tonnes released from stockpiles.
    missing_t: float  #: Shortage: direct demand that is not met.
    demand_t: float  #: Direct demand of all consumers.
    taken_t: float  #: Tonnes used to make other forms.
    unused_t: float  #: Tonnes that the market and projects could deliver but nobody needs.


class ChainForm(Result):
    """The flows and marginal values of one form in a chain.

    Flows are those of the ``year`` of the chain. The worst states are the states with the largest
    damage in this chain without a plan. Flows with the plan refer to the same states.
    """

    material: base.Material  #: Id of the form.
    undisturbed: FormFlow  #: Flows without any event and without a plan.
    worst_without_plan: FormFlow  #: Mean flows of the worst states, without a plan.
    worst: FormFlow  #: Mean flows of the same states, with the plan.
    value_per_t: dict[base.HorizonYear, PerTonne]
    """Marginal value of a tonne with the plan: the mean multiplier of rule R3 over the states, not
    discounted. The tonne is spread evenly over the year and divided like market supply. One tonne
    more avoids at most this damage, and one tonne less causes at least this damage; the two amounts
    differ if two stages match exactly. The multiplier is 0 in states without a possible
    shortage."""
    value_without_plan_per_t: dict[base.HorizonYear, PerTonne]
    """The same marginal value without any plan."""


class ChainPlant(Result):
    """A conversion, or a project with inputs (built or not), that makes a form of the chain."""

    id: str  #: Id of the conversion or project.
    project: bool  #: Whether it is a project.
    output: base.Material  #: Id of the form that it makes.
    inputs_t_per_t: dict[base.Material, float]  #: Tonnes of each input per tonne of output.
    undisturbed_t: float  #: Output in the year without any event and without a plan.
    worst_without_plan_t: float  #: Mean output in the worst states, without a plan.
    worst_t: float  #: Mean output in the same states, with the plan.
    value_per_t: PerTonne
    """Marginal value of capacity with the plan, for one tonne of output in the year: the mean
    multiplier of rule R6 over the states, not discounted."""
    value_without_plan_per_t: PerTonne  #: The same marginal value without any plan.


class Bottleneck(Result):
    """How often a stage of a chain is the one whose extension would reduce damage most.

    The bottleneck is found in each state with a shortage:

    - The search starts at the form whose shortage causes most damage.
    - One more tonne of a form needs capacity of plants that make it, and inputs. The search
      compares the multipliers of the capacity and of the required quantity of each input.
    - If the capacity has the larger multiplier, it is the bottleneck.
    - If an input has the larger multiplier, the search continues with that input.
    - If no plant makes the form, or neither has a value, supply of the form is the bottleneck.

    If two stages match exactly, both are short, but only one of them is named. With entitled
    allocation, the search refers to the consumer with the largest damage.
    """

    material: base.Material  #: Id of the form.
    stage: Literal["supply", "making"]
    """``supply``: supply of the form; ``making``: capacity of the plants that make the form."""
    share: Share
    """Of the states with a shortage in the year: share of those in which this stage is the
    bottleneck, with the plan."""
    share_without_plan: Share  #: The same share without any plan.


class ChainProject(Result):
    """How much damage of a chain is avoided by a project of the plan."""

    id: base.Project  #: Id of the project.
    avoided: InMeasureUnit
    """Expected damage of the chain without the project minus that with it. The rest of the plan is
    unchanged."""


class ChainStockpile(Result):
    """How much damage of a chain is avoided by the plan's purchases for a stockpile."""

    id: base.Stockpile  #: Id of the stockpile.
    avoided: InMeasureUnit
    """Expected damage of the chain without the purchases minus that with them."""


class ChainStages(Result):
    """How much damage is avoided by two consecutive stages of a plan, jointly and separately.

    Each figure is the expected damage of the chain without the stage or stages, minus that with
    them. The rest of the plan is unchanged and not optimized again.
    """

    output: base.Material  #: Id of the form that the later stage makes.
    projects: tuple[base.Project, ...]  #: Projects of the later stage.
    earlier_projects: tuple[base.Project, ...]
    """Projects of the earlier stage, which deliver inputs of the later stage."""
    earlier_stockpiles: tuple[base.Stockpile, ...]
    """Stockpiles of these inputs for which the plan buys."""
    later: InMeasureUnit  #: Damage avoided by the later stage if the earlier stage exists.
    later_alone: InMeasureUnit
    """Damage avoided by the later stage if the earlier stage does not exist."""
    earlier: InMeasureUnit  #: Damage avoided by the earlier stage if the later stage exists.
    earlier_alone: InMeasureUnit
    """Damage avoided by the earlier stage if the later stage does not exist."""
    both: InMeasureUnit  #: Damage avoided by both stages together.


class ChainOutcome(Result):
    """The outcome of a chain: forms that conversions or projects with inputs make from each other.

    Flows are sums over the periods of one year. If several solutions are optimal, the one with the
    least shortage is reported, then the one with the least release, then the one with the most
    production. Production replaces imports first.
    """

    year: base.YearNumber
    """Year with the largest expected shortage without a plan, summed over all forms; the earliest
    such year."""
    short: Share  #: Probability of a shortage of any form in that year, with the plan.
    short_without_plan: Share  #: The same probability without any plan.
    forms: tuple[ChainForm, ...]  #: Forms of the chain, each listed after its inputs.
    plants: tuple[ChainPlant, ...]
    """Plants that make one form from others, in the order of the file."""
    bottlenecks: tuple[Bottleneck, ...]
    """Stages that are the bottleneck in at least one state, in the order of the forms."""
    projects: tuple[ChainProject, ...]  #: Projects of the plan that deliver a form.
    stockpiles: tuple[ChainStockpile, ...]  #: Stockpiles of a form for which the plan buys.
    stages: tuple[ChainStages, ...]  #: Consecutive stages of the plan.


class ProjectPlan(Result):
    """A project that is built.

    ``market_share`` and all ``shares`` add up to 1. Interest subsidies and price floors are in
    ``supports``, since they carry no capex.
    """

    id: base.Project  #: Id of the project.
    name: str  #: Name of the project.
    start: base.YearNumber  #: Year of the decision to build.
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
    offtake_by_company: dict[base.Funder, Share]
    """Share of output that is reserved for the consumers of each company."""
    shares: dict[base.Funder, dict[base.Instrument, Share]]
    """Share of capex carried by each instrument of each funder."""
    supports: dict[base.Funder, dict[base.Instrument, Share]] = {}
    """Share of capex with subsidized interest, or share of output under a price floor."""
    floored_common: dict[base.Funder, dict[base.Instrument, Share]] = {}
    """Part of ``offtake_common`` that is under a price floor and is never idle, by funder and
    instrument."""
    floored_by_company: dict[base.Funder, dict[base.Funder, dict[base.Instrument, Share]]] = {}
    """The same part of ``offtake_by_company``, by company, funder and instrument."""

    @property
    def mean_capex_meur(self) -> float:
        """Capex in million EUR, including the mean overrun if the scenario has one."""
        return self.capex_meur if self.expected_capex_meur is None else self.expected_capex_meur


class StockpilePlan(Result):
    """The purchases, planned stocks and costs of a stockpile in each year."""

    id: base.Stockpile  #: Id of the stockpile.
    name: str  #: Name of the stockpile.
    material: base.Material  #: Id of the material.
    buy_t: base.ByYear  #: Tonnes bought in each year.
    planned_t: base.ByYear  #: Planned stock at the end of each year, without any release.
    cost_meur: base.ByYear
    """Cost of purchases and holdings in each year, undiscounted, for all payers together."""


class ObservedOutcome(Result):
    """What was observed before the review, in one observation."""

    hazard: base.Hazard | None = None  #: Id of the hazard; null if something else is observed.
    struck: bool | None = None
    """Whether an event of the hazard has started; null if something else is observed."""
    regime: str | None = None
    """Regime of the previous year; null if something else is observed. Empty if the states name no
    regime."""
    price: base.Material | None = None
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
    spend_meur: dict[base.Funder, base.ByYear]
    """Amount charged to the budget of each funder in each year, undiscounted."""


class ReviewDecisions(Result):
    """The decisions at the review, and the value of the review.

    The value is the objective of the best plan that decides everything now, minus the objective of
    this plan.
    """

    year: base.YearNumber  #: First year whose decisions depend on observations.
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


class ObservationWorth(Result):
    """The value of one observation before a review."""

    hazard: base.Hazard | None = None  #: Id of the hazard; null if something else is observed.
    regime: bool = False  #: Whether the regime of the previous year is observed.
    price: base.Material | None = None
    """Id of the material; null if something else than a price is observed."""
    change: Literal["less", "more"]
    """``less``: the observation is removed from those of the scenario; ``more``: it is added to
    them."""
    groups: int  #: Number of information sets that result.
    status: Literal["optimal", "limit", "too_many"]
    """Status as in the certificate of a plan. ``limit`` also if no plan was found; ``too_many``:
    there are too many information sets for a plan."""
    objective: InMeasureUnit | None = None
    """Objective of the best plan found with this change; null without a plan."""
    bound: InMeasureUnit | None = None
    """Proven lower bound on the objective of any plan with this change; null without a bound."""
    worth: InMeasureUnit | None = None
    """Value of the observation: objective of the plan without it minus objective of the plan with
    it."""
    worth_least: InMeasureUnit | None = None  #: Lower bound on this value, proven by both solves.
    worth_most: InMeasureUnit | None = None  #: Upper bound on this value, proven by both solves.


class Waiting(InterruptibleStudy):
    """The value of a review, and of one observation more or less."""

    kind: Literal["waiting"] = "waiting"
    objective: InMeasureUnit  #: Objective of the plan with the review of the scenario.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap of ``objective``; null without a bound.
    review: ReviewDecisions  #: Decisions at the review, and its value.
    observing: tuple[ObservationWorth, ...]
    """Observations of the scenario, each removed in turn, then other possible observations, each
    added in turn. The latter are in descending order of how well they predict the damage with the
    plan."""
