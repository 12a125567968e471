"""Components of the optimization problem: projects, funding, stockpiles, nodes, chains and hazards.

Units and arrays are those of :mod:`optimizer.model.instance.data`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.scenario.instruments import (
    INSTRUMENT_TYPES,
    InstrumentKind,
    InstrumentTerms,
    InstrumentType,
)
from models.scenario.quantities import YearlyQuantity
from models.scenario.sections import COMMON_GROUP as COMMON_GROUP

Floats = NDArray[np.float64]

COVERAGE_TOLERANCE = 1e-12  # smaller relative shortages are rounding


def yearly_values(quantity: YearlyQuantity | None, years: range, default: float) -> Floats:
    """Return the values of a quantity in each year (Y); ``default`` in all years if the scenario
    does not state the quantity."""
    if quantity is None:
        return np.full(len(years), default)
    return np.array([quantity.at(year) for year in years])


def company_group(company: str) -> str:
    """Return the offtake group of a company that is a funder. It is the company's id, or
    ``common.`` for a company with the id ``common``; no id contains a dot."""
    return f"{company}." if company == COMMON_GROUP else company


class Realization(NamedTuple):
    """Realization of a project that does not fail: its delay, and why it runs."""

    delay: int = 0  # years of delay of the first output
    unaided: bool = False  # decided without support, unless a plan starts it
    floored: bool = False  # only the output that runs because of a price floor

    @property
    def label(self) -> int | str:
        """The realization as part of an index in Pyomo."""
        words = ["unaided"] * self.unaided + ["floored"] * self.floored
        return " ".join([str(self.delay), *words]) if words else self.delay


@dataclass(frozen=True, eq=False)
class ProjectData:
    """Data of a candidate project p."""

    id: str
    country: str
    capex: float  # million EUR, as announced
    start_years: tuple[int, ...]  # calendar years τ in which the decision can fall
    construction_years: int
    ramp_up: tuple[float, ...]
    lifetime_years: int | None
    capex_profile: tuple[float, ...]
    residual_share: float  # residual value at the end of the horizon, as a share of capex
    market_finance_max: float
    home_share: float
    offtake_max: float
    output: dict[str, float]  # nameplate in lots per period, by material
    inputs: dict[str, float]  # lots taken in per lot of the single output, by material
    success_probability: float
    delay_probability: dict[int, float]  # probability of each delay in years
    unaided_start_year: int | None  # year in which it is decided without support; None for never
    unaided_probability: float
    overruns: tuple[tuple[float, float], ...]
    """Overruns as shares of capex, ascending, each with its probability."""
    expected_cost_factor: float  # capex with mean overrun, per EUR announced
    budgeted_cost_factor: float  # capex with the overrun of the contingency, per EUR announced
    cash_cost_material: str | None  # its price decides whether the project runs; None: always runs
    cash_cost: Floats  # (Y) EUR per tonne of that material; the project idles at lower prices
    restart_periods: int  # periods of the shortage clock until an idle project runs again
    clock_settings: tuple[float, int]  # trigger loss and reset periods, as in :class:`Adaptation`

    def unaided_home_share(self, realization: Realization, year: int) -> float:
        """Return the share of nameplate that goes to home consumers in a year if no plan starts the
        project, but it is decided without support."""
        if self.unaided_start_year is None or not realization.unaided or realization.floored:
            return 0.0
        return min(self.home_share, self.offtake_max) * self.running_share(
            year, self.unaided_start_year, realization.delay
        )

    def share_under_floor(
        self, floor: InstrumentData, year: int, start: int, realization: Realization
    ) -> float:
        """Return the share of nameplate that runs in ``year``, or 0 if the term of the price floor
        has ended by then."""
        first_year = start + self.construction_years + realization.delay
        has_ended = (
            floor.terms.term_years is not None and year - first_year >= floor.terms.term_years
        )
        return 0.0 if has_ended else self.running_share(year, start, realization.delay)

    def running_shares(self, years: range, start: int, delay: int = 0) -> Floats:
        """Return the share of nameplate that runs in each year (Y) of a project with this start and
        delay."""
        return np.array([self.running_share(year, start, delay) for year in years])

    def running_share(self, year: int, start: int, delay: int = 0) -> float:
        """Return the share of nameplate that runs in ``year`` of a project with this start and
        delay."""
        return self.share_at_age(year - (start + self.construction_years + delay))

    def share_at_age(self, age: int) -> float:
        """Return the share of nameplate that runs ``age`` years after the first output."""
        if age < 0 or (self.lifetime_years is not None and age >= self.lifetime_years):
            return 0.0
        return self.ramp_up[min(age, len(self.ramp_up) - 1)]

    def capex_due(self, years: range, start: int) -> Floats:
        """Return the share of capex that is due in each year (Y). What is due after the horizon is
        added to its last year."""
        shares = np.zeros(len(years))
        for age, share in enumerate(self.capex_profile):
            shares[min(start + age, years[-1]) - years[0]] += share
        return shares

    def residual_at_end(self, years: range, start: int) -> float:
        """Return the residual value at the end of the horizon as a share of capex: 0 if the
        lifetime, without delay, has ended."""
        age = years[-1] + 1 - (start + self.construction_years)
        has_ended = self.lifetime_years is not None and age >= self.lifetime_years
        return 0.0 if has_ended else self.residual_share


@dataclass(frozen=True, eq=False)
class FloorPrices:
    """Payments under a price floor for one material, in EUR per tonne."""

    expected_payment: Floats  # (Y) if the project succeeds
    planned_payment: Floats  # (Y) expected over all states, also on a review branch; for budgets
    upside_income: Floats  # (Y) funder's expected share of the price above the floor
    payment_by_state: Floats  # (price states, Y) in each price state of positive probability


@dataclass(frozen=True, eq=False)
class InstrumentData:
    """Data of instrument i of funder f."""

    funder: str
    id: str
    funder_kind: str
    instrument_kind: InstrumentKind | None  # None for a share of capex without terms
    max_share: float
    ticket_min: float
    ticket_max: float  # infinite without a limit
    offtake_per_share: float
    budget_charge: float
    line_charges: dict[str, float]  # use of the funder's budget lines, by id
    grant_equivalent: float
    terms: InstrumentTerms
    interest_rate: float
    market_finance_per_share: float
    floor_prices: dict[str, FloorPrices]  # of a price floor, by material
    eligible_projects: frozenset[str]

    @property
    def type(self) -> type[InstrumentType]:
        """Class of the instrument's kind: what all instruments of this kind have in common."""
        return INSTRUMENT_TYPES[self.instrument_kind]

    @property
    def carries_capex(self) -> bool:
        """Whether it carries capex; otherwise it lets the market carry more."""
        return self.type.carries_capex

    @property
    def key(self) -> tuple[str, str]:
        """Funder and id of the instrument."""
        return self.funder, self.id


@dataclass(frozen=True, eq=False)
class BudgetLineData:
    """Data of a line l of a funder's budget, in million EUR."""

    funder: str
    id: str
    kind: Literal["commitment", "cash", "guarantee_stock"]
    total: float  # infinite without a limit
    yearly_budget: Floats | None  # (Y) None without amounts for years
    carry_over: bool
    guarantee_limit: (
        Floats  # (Y) limit of guarantees outstanding; infinite for other kinds of lines
    )
    stock_charge: float  # use of the line per EUR of stockpile costs
    premium_charge: float  # use of the line per EUR of premium; 0 unless it is a cash line


@dataclass(frozen=True, eq=False)
class StockpileData:
    """Data of a stockpile h. Mass is in lots of its material."""

    id: str
    material: str
    retention: float  # share of a stock that is left after one period
    initial_lots: float
    max_stock: float  # infinite without a limit
    max_purchase: Floats  # (Y) lots per year, infinite without a limit
    max_release: float  # lots per period, infinite without a limit
    max_refill: Floats  # (Y) lots that can be refilled in a covered period
    min_stock: Floats  # (Y) planned stock required at the year's end
    buying_cost: Floats  # (Y) million EUR per lot bought
    holding_cost: Floats  # (Y) million EUR per lot of mean planned stock
    storage_cost: Floats  # (Y) part of the holding cost
    financing_cost: Floats  # (Y) part of the holding cost
    end_value_per_lot: float  # residual value of a lot, undiscounted million EUR
    purchase_paid_by: dict[str, float]
    storage_paid_by: dict[str, float]
    financing_paid_by: dict[str, float]
    consumers: tuple[str, ...]  # consumers that it serves
    served_need: Floats
    """(Y) claims of the consumers served, in lots per period (:class:`MaterialNeed`)."""

    @property
    def payers(self) -> tuple[str, ...]:
        """Funders that pay for purchases, storage or financing of the stockpile."""
        return tuple(
            dict.fromkeys([*self.purchase_paid_by, *self.storage_paid_by, *self.financing_paid_by])
        )

    def costs_of_funder(self, funder: str) -> tuple[Floats, Floats]:
        """Return two arrays (Y) of what a funder pays in each year: million EUR per lot bought, and
        million EUR per lot of mean planned stock."""
        storage = self.storage_paid_by.get(funder, 0.0)
        financing = self.financing_paid_by.get(funder, 0.0)
        if storage == financing:
            holding = storage * self.holding_cost
        else:
            holding = storage * self.storage_cost + financing * self.financing_cost
        return self.purchase_paid_by.get(funder, 0.0) * self.buying_cost, holding


@dataclass(frozen=True, eq=False)
class NodeDamageStep:
    """Damage step of a node: a part of its demand with one damage per lot."""

    consumer: str
    limit: Floats  # (Y) lots per period
    weight: Floats  # (Y) damage of a missing lot; discounted if the measure is damage in EUR


@dataclass(frozen=True)
class Adaptation:
    """Adaptation of users to a shortage: while the shortage clock runs, the damage steps after the
    first one shrink."""

    retention: float  # share that is left after one period
    min_share: float  # share that is always left
    trigger_loss: float  # a period is hit if a larger share of the market supply is lost
    reset_periods: int  # consecutive periods without a hit after which the clock stops

    def share_left(self, clock_ages: NDArray[np.int64]) -> Floats:
        """Return the share of the later damage steps that is left at each age of the shortage
        clock, in periods. Age -1 means that the clock does not run."""
        shares = np.maximum(
            self.min_share, self.retention ** np.maximum(clock_ages, 0).astype(float)
        )
        return np.where(clock_ages > 0, shares, 1.0)


@dataclass(frozen=True, eq=False)
class Node:
    """Node where supply meets demand: a material (pooled), or a material and a consumer
    (entitled)."""

    label: str  # in Pyomo indices
    material: str
    consumer: str | None  # None if pooled
    demand: Floats  # (Y) lots per period
    group_share: dict[str, Floats]  # (Y) share of each group's offtake that belongs here
    stockpile_shares: dict[str, float]  # share of each stockpile that belongs here
    steps: tuple[NodeDamageStep, ...]
    damage_weight: float = 1.0  # weight of its mean damage in the objective
    adaptation_ranges: tuple[tuple[int, int, int], ...] = ()
    """For each damage entry with adaptation: index in the material's adaptations, first step, and
    end of its steps."""

    def step_limits(
        self, year_index: NDArray[np.intp], demand_factor: Floats, share_left: Floats
    ) -> Floats:
        """Return the lots (..., J, K) on each damage step j, for factors (..., 1 or K) of demand.
        a damage entry has adaptation, only the share ``share_left`` (..., E, K) of its later steps
        remains, and the rest is added to its first step."""
        lots = np.reshape([step.limit[year_index] for step in self.steps], (-1, len(year_index)))
        lots = lots * demand_factor[..., None, :]
        for adaptation, first_step, end in self.adaptation_ranges:
            later_steps = lots[..., first_step + 1 : end, :]
            moved_lots = later_steps * (1 - share_left[..., adaptation, None, :])
            lots[..., first_step, :] += moved_lots.sum(axis=-2)
            later_steps -= moved_lots
        return lots


@dataclass(frozen=True, eq=False)
class ConversionData:
    """Plants that run today and make one material from others."""

    id: str
    country: str
    output: str
    inputs: dict[str, float]  # lots taken in per lot of output, by material
    capacity: Floats  # (Y) lots of output per period


@dataclass(frozen=True, eq=False)
class Plant:
    """A plant that makes the material of one node from those of others: a conversion, or a project
    with inputs."""

    id: str
    label: str  # in Pyomo indices; a conversion and a project may have the same id
    origin: tuple[str, str]  # material and country, which hazards refer to
    output: int  # position of the node that it makes lots for
    inputs: dict[int, float]  # lots taken in per lot of output, by position of the node
    capacity: Floats | None  # (Y) lots per period of a conversion, None of a project


@dataclass(frozen=True, eq=False)
class Chain:
    """Nodes that plants connect, so that they have one recourse problem. Most chains have a single
    node."""

    nodes: tuple[int, ...]  # positions; inputs precede outputs
    plants: tuple[Plant, ...] = ()

    @property
    def id(self) -> int:
        """Position of the first node, which identifies the chain."""
        return self.nodes[0]


@dataclass(frozen=True, eq=False)
class Stake:
    """Exact share of the total capex of some projects that a group of funders carries together."""

    projects: tuple[str, ...]
    funders: tuple[str, ...]
    share: float


@dataclass(frozen=True, eq=False)
class FixedDecisions:
    """Decisions of others that are taken as given. Shares and offtake hold for a project if it is
    started in the year stated. For any other project or year the shares of these funders are 0."""

    funders: frozenset[str] = frozenset()  # funders whose shares are fixed to ``share``
    groups: frozenset[str] = frozenset()  # groups whose offtake is fixed to ``offtake``
    certain_starts: Mapping[str, int] = field(default_factory=dict)  # start year by project
    share: Mapping[tuple[str, int, str, str], float] = field(default_factory=dict)
    """By project, start year, funder and instrument."""
    offtake: Mapping[tuple[str, int, str], float] = field(default_factory=dict)
    """By project, start year and group; a lower bound for groups that are not in ``groups``."""
    buy: Mapping[str, Floats] = field(default_factory=dict)  # (Y) lots, by stockpile
    min_total_purchases: Mapping[str, float] = field(default_factory=dict)
    """Lower bounds of lots bought in all years together, by stockpile."""
    branches: tuple[FixedDecisions, ...] = ()  # on each review branch, if they differ


NOTHING_FIXED = FixedDecisions()


@dataclass(frozen=True, eq=False)
class ReviewBranch:
    """Review branch: the states with the same outcome of every observation."""

    information_set: tuple[str, ...]  # outcome of each observation
    probability: float
    price_probabilities: dict[str, Floats]
    """(P) conditional probability of each price state, by material of a price floor."""


@dataclass(frozen=True, eq=False)
class ProfileData:
    """Data of a profile: how an event of its hazard takes its course."""

    id: str  # id of the hazard, or ``hazard.profile`` if it has profiles (no id has a dot)
    hazard: str
    probability: float  # conditional on an event
    duration: int  # periods until the last effect ends
    effects: tuple[tuple[int, Floats], ...]  # index of the origin, and share left by period

    @property
    def name(self) -> str | None:
        """Id of the profile within its hazard; None if the hazard has no profiles."""
        return self.id.partition(".")[2] or None


@dataclass(frozen=True, eq=False)
class HazardData:
    """Data of a hazard: its yearly probability and the profiles of its events."""

    id: str
    annual_probability: Floats  # (Y) without regimes
    regime_factors: dict[str, float]  # factors on that probability, by regime; 1 if absent
    profiles: tuple[ProfileData, ...]  # at least one
