"""What the optimization problem is made of: projects, money, stocks, nodes, chains and hazards.

Units and arrays are those of :mod:`optimizer.model.instance.data`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.scenario.funding import COMMON_GROUP as COMMON_GROUP
from optimizer.model.instance.instrument_terms import Floats, FloorPrices, InstrumentTerms

COVERAGE_TOLERANCE = 1e-12  # demand is covered where less than this share is missing: rounding


def company_group(company: str) -> str:
    """The group of a company funder: its id, which may itself be ``common``; no id has a dot."""
    return f"{company}." if company == COMMON_GROUP else company


class Realisation(NamedTuple):
    """How a project that does not fail comes in a state of the world."""

    delay: int = 0  # years of delay of its first output
    unaided: bool = False  # whether it is decided without anybody's money, unless a plan starts it
    floored: bool = False  # whether it is what runs under a price floor alone

    @property
    def label(self) -> int | str:
        """Its name in a model."""
        words = ["unaided"] * self.unaided + ["floored"] * self.floored
        return " ".join([str(self.delay), *words]) if words else self.delay


@dataclass(frozen=True, eq=False)
class ProjectData:
    """A candidate project p."""

    id: str
    country: str
    capex: float  # million EUR, as announced
    start_years: tuple[int, ...]  # calendar years τ in which the decision can fall
    construction_years: int
    ramp_up: tuple[float, ...]
    lifetime_years: int | None
    capex_profile: tuple[float, ...]
    residual_share: float  # share of capex that counts at the end of the horizon
    market_finance_max: float
    home_share: float
    offtake_max: float
    output: dict[str, float]  # nameplate in lots per period, by material
    inputs: dict[str, float]  # lots taken in for a lot of its one output, by material
    success_probability: float
    delay_probability: dict[int, float]  # probability of each delay in years
    unaided_year: int | None  # year in which it is decided without anybody's money; None for never
    unaided_probability: float  # probability of that
    overruns: tuple[tuple[float, float], ...]
    """Shares of capex that it may cost more, rising, each with its probability."""
    expected_cost_factor: float  # capex with its mean overrun, per EUR announced
    budgeted_cost_factor: float  # capex with the overrun that budgets allow for, per EUR announced
    cash_cost_material: (
        str | None
    )  # material whose price decides whether it runs; None where it always does
    cash_cost: Floats  # (Y) EUR per tonne of that below which it stands still
    restart_periods: int  # periods of a clock until it runs again
    clock_settings: tuple[float, int]  # trigger and reset of that, as of an :class:`Adaptation`

    def unaided_home_share(self, realisation: Realisation, year: int) -> float:
        """Share of nameplate that comes home in a year where nobody starts the project."""
        if self.unaided_year is None or not realisation.unaided or realisation.floored:
            return 0.0
        return min(self.home_share, self.offtake_max) * self.running_share(
            year, self.unaided_year, realisation.delay
        )

    def share_under_floor(
        self, floor: InstrumentData, year: int, start: int, realisation: Realisation
    ) -> float:
        """Share of nameplate that runs in a year, started in ``start``, while a floor holds."""
        first = start + self.construction_years + realisation.delay
        over = floor.terms.term_years is not None and year - first >= floor.terms.term_years
        return 0.0 if over else self.running_share(year, start, realisation.delay)

    def running_shares(self, years: range, start: int, delay: int = 0) -> Floats:
        """Share of nameplate that runs in each year (Y), started in ``start``, ``delay`` late."""
        return np.array([self.running_share(year, start, delay) for year in years])

    def running_share(self, year: int, start: int, delay: int = 0) -> float:
        """The same in one year."""
        return self.share_at_age(year - (start + self.construction_years + delay))

    def share_at_age(self, age: int) -> float:
        """Share of nameplate that runs ``age`` years after the first output."""
        if age < 0 or (self.lifetime_years is not None and age >= self.lifetime_years):
            return 0.0
        return self.ramp_up[min(age, len(self.ramp_up) - 1)]

    def capex_due(self, years: range, start: int) -> Floats:
        """Share of capex due in each year (Y); what falls past the horizon, in its last year."""
        shares = np.zeros(len(years))
        for age, share in enumerate(self.capex_profile):
            shares[min(start + age, years[-1]) - years[0]] += share
        return shares

    def residual_at_end(self, years: range, start: int) -> float:
        """Share of capex that counts at the end of the last year, started in ``start``: nothing
        once no output is left, had nothing been late."""
        age = years[-1] + 1 - (start + self.construction_years)
        ended = self.lifetime_years is not None and age >= self.lifetime_years
        return 0.0 if ended else self.residual_share


@dataclass(frozen=True, eq=False)
class InstrumentData:
    """One instrument i of a funder f."""

    funder: str
    id: str
    funder_kind: str  # of the funder
    instrument_kind: str | None  # kind of the instrument; None for a plain share of capex
    carries_capex: bool  # whether its share is one of capex; else it lets the market carry more
    max_share: float
    ticket_min: float
    ticket_max: float  # infinite where there is no largest ticket
    offtake_per_share: float
    budget_charge: float
    line_charges: dict[str, float]  # use of each budget line of the funder, by its id
    grant_equivalent: float
    terms: InstrumentTerms
    interest_rate: float
    market_finance_per_share: float
    floor_prices: dict[str, FloorPrices]  # of a price floor, by material
    eligible_projects: frozenset[str]  # projects that qualify

    @property
    def key(self) -> tuple[str, str]:
        """Its funder and id."""
        return self.funder, self.id


@dataclass(frozen=True, eq=False)
class BudgetLineData:
    """One line l of a funder's budget, in million EUR."""

    funder: str
    id: str
    kind: Literal["commitment", "cash", "guarantee_stock"]
    total: float  # infinite where there is no limit
    yearly_budget: Floats | None  # (Y) of each year
    carry_over: bool
    guarantee_limit: Floats  # (Y) guarantees outstanding at most; infinite for other kinds of lines
    stock_charge: float
    premium_charge: float  # of lines of cash; 0 of others


@dataclass(frozen=True, eq=False)
class StockpileData:
    """A stockpile h; mass in lots of its material."""

    id: str
    material: str
    retention: float  # share that is left of a stock after one period
    initial_lots: float
    max_stock: float  # infinite where there is no limit
    max_purchase: Floats  # (Y) lots per year, infinite where there is no limit
    max_release: float  # lots per period, infinite where there is no limit
    max_refill: Floats  # (Y) lots that can come back in a covered period
    min_stock: Floats  # (Y) planned stock asked for at the year's end
    buying_cost: Floats  # (Y) million EUR per lot bought
    holding_cost: Floats  # (Y) million EUR per lot of mean planned stock
    storage_cost: Floats  # (Y) the part of it that is storage
    financing_cost: Floats  # (Y) the part of it that is financing
    end_value_per_lot: (
        float  # million EUR that a lot of planned stock counts for at the end, undiscounted
    )
    purchase_paid_by: dict[str, float]
    storage_paid_by: dict[str, float]
    financing_paid_by: dict[str, float]
    consumers: tuple[str, ...]  # those it serves
    served_need: Floats
    """(Y) lots per period that those need whom it serves; in years in which nobody needs the
    material, what projects could take in of it for them."""

    @property
    def payers(self) -> tuple[str, ...]:
        """Funders that pay a part of its cost."""
        return tuple(
            dict.fromkeys([*self.purchase_paid_by, *self.storage_paid_by, *self.financing_paid_by])
        )

    def costs_of_funder(self, funder: str) -> tuple[Floats, Floats]:
        """(Y) million EUR that a funder pays per lot bought, and per lot of mean planned stock."""
        storage = self.storage_paid_by.get(funder, 0.0)
        financing = self.financing_paid_by.get(funder, 0.0)
        if storage == financing:
            holding = storage * self.holding_cost
        else:
            holding = storage * self.storage_cost + financing * self.financing_cost
        return self.purchase_paid_by.get(funder, 0.0) * self.buying_cost, holding


@dataclass(frozen=True, eq=False)
class NodeDamageStep:
    """One damage step of a node."""

    consumer: str
    limit: Floats  # (Y) lots per period
    weight: Floats  # (Y) what a missing lot adds to the measure, discounted where the measure is


@dataclass(frozen=True)
class Adaptation:
    """How users adapt to a shortage: what is left of the steps behind the first."""

    retention: float  # share that a period leaves, 1 - α
    min_share: float  # share that is always left
    trigger_loss: float  # a period is struck if a larger share of the market supply is lost
    reset_periods: int  # periods in a row that are not struck, after which the clock ends

    def share_left(self, clock_ages: NDArray[np.int64]) -> Floats:
        """Share that is left of the later steps, by the periods that the clock has run; -1 where
        it does not."""
        left = np.maximum(self.min_share, self.retention ** np.maximum(clock_ages, 0).astype(float))
        return np.where(clock_ages > 0, left, 1.0)


@dataclass(frozen=True, eq=False)
class Node:
    """Where supply meets demand: a material (pooled), or a material and a consumer (entitled)."""

    label: str  # its name in a model
    material: str
    consumer: str | None  # whose it is, where entitled
    demand: Floats  # (Y) lots per period
    group_share: dict[str, Floats]  # (Y) of what is reserved for a group, what belongs here
    stockpile_shares: dict[str, float]  # share of each stockpile that belongs here
    steps: tuple[NodeDamageStep, ...]
    damage_weight: float = 1.0  # how much its mean damage counts in the objective
    adaptation_ranges: tuple[tuple[int, int, int], ...] = ()
    """Of each damage entry with adaptation, which of its material's it is, its first step and the
    one behind its last."""

    def step_limits(
        self, year_index: NDArray[np.intp], demand_factor: Floats, share_left: Floats
    ) -> Floats:
        """(..., J, K) lots on each step, its demand times a factor (...); of the later steps of
        entries (E) with adaptation a share (..., E, K) is left, and the first takes the rest."""
        lots = np.reshape([step.limit[year_index] for step in self.steps], (-1, len(year_index)))
        lots = lots * demand_factor[..., None, None]
        for which, first, end in self.adaptation_ranges:
            later = lots[..., first + 1 : end, :]
            rest = later * (1 - share_left[..., which, None, :])
            lots[..., first, :] += rest.sum(axis=-2)
            later -= rest
        return lots


@dataclass(frozen=True, eq=False)
class ConversionData:
    """Plants that run today and make one material out of others."""

    id: str
    country: str
    output: str
    inputs: dict[str, float]  # lots taken in for a lot of output, by material
    capacity: Floats  # (Y) lots of output per period


@dataclass(frozen=True, eq=False)
class Plant:
    """What makes a lot for one node out of lots of others: a conversion, or a project with
    inputs."""

    id: str
    label: str  # its name in a model: a conversion and a project may have one id
    origin: tuple[str, str]  # material and country by which hazards strike it
    output: int  # position of the node that it makes lots for
    inputs: dict[int, float]  # lots taken in for a lot of output, by position of the node
    capacity: Floats | None  # (Y) lots per period of a conversion, None of a project


@dataclass(frozen=True, eq=False)
class Chain:
    """Nodes whose recourse hangs together, since lots of one are made into lots of another; most
    often one alone."""

    nodes: tuple[int, ...]  # positions, each behind those that it is made of
    plants: tuple[Plant, ...] = ()

    @property
    def id(self) -> int:
        """The node by whose position the chain is known."""
        return self.nodes[0]


@dataclass(frozen=True, eq=False)
class ReviewBranch:
    """What states have in common that look alike at the review."""

    observed: tuple[str, ...]  # what is seen, observation by observation
    probability: float  # of all states
    price_probabilities: dict[str, Floats]
    """(P) chance of each price state on it, by material whose price a floor pays by."""


@dataclass(frozen=True, eq=False)
class ProfileData:
    """One way in which an event of a hazard may go."""

    id: str  # of the hazard, or ``hazard.profile``, where it has profiles: no id has a dot
    hazard: str
    probability: float  # that an event of the hazard goes this way
    duration: int  # periods until its last effect ends
    effects: tuple[tuple[int, Floats], ...]  # origin that is struck, and the share left by period

    @property
    def name(self) -> str | None:
        """Id of the profile within its hazard, where that has profiles."""
        return self.id.partition(".")[2] or None


@dataclass(frozen=True, eq=False)
class HazardData:
    """A hazard, how often it strikes, and how."""

    id: str
    annual_probability: Floats  # (Y) without regimes
    regime_factors: dict[str, float]  # on that probability, by regime; else 1
    profiles: tuple[ProfileData, ...]  # one at least
