"""Sets and coefficients of the optimization problem, read off a scenario.

One name a symbol of ``docs/formulation.md``. Money is million EUR. Mass is counted in lots: a
power of two of tonnes for each material, near an eighth of its yearly demand, so that the
coefficients of a tonne of germanium and of a tonne of copper are of one order; ``lot_t`` turns
lots into tonnes. Quantities per year are divided by the periods of a year. Arrays run over the
years of the horizon (Y), its periods (K) or both.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from optimizer.model.instance.perspective import NOTHING_HELD, Held, Stake
from optimizer.model.instance.prices import PriceData
from optimizer.model.instance.terms import Floats, FloorPrices, Money, Terms, money_of

COVERED = 1e-12  # demand is covered where less than this share is missing: rounding
COMMON = "common"  # the group of all home consumers, beside the company funders


def group_of(company: str) -> str:
    """The group of a company funder: its id, which may itself be ``common``; no id has a dot."""
    return f"{company}." if company == COMMON else company


class Coming(NamedTuple):
    """How a project that does not fail comes in a state of the world."""

    late: int = 0  # years of delay of its first output
    unaided: bool = False  # whether it is decided without anybody's money, unless a plan starts it
    floored: bool = False  # whether it is what runs under a price floor alone

    @property
    def label(self) -> int | str:
        """Its name in a model."""
        words = ["unaided"] * self.unaided + ["floored"] * self.floored
        return " ".join([str(self.late), *words]) if words else self.late


@dataclass(frozen=True, eq=False)
class ProjectData:
    """A candidate project p."""

    id: str
    country: str
    capex: float  # million EUR, as announced
    starts: tuple[int, ...]  # calendar years τ in which the decision can fall
    construction: int
    ramp: tuple[float, ...]
    lifetime: int | None
    profile: tuple[float, ...]
    residual: float  # share of capex that counts at the end of the horizon
    market_finance_max: float
    home_share: float
    offtake_max: float
    output: dict[str, float]  # nameplate in lots per period, by material
    inputs: dict[str, float]  # lots taken in for a lot of its one output, by material
    success_probability: float
    delays: dict[int, float]  # probability of each delay in years
    unaided: int | None  # year in which it is decided without anybody's money; None for never
    unaided_chance: float  # probability of that
    overruns: tuple[tuple[float, float], ...]
    """Shares of capex that it may cost more, rising, each with its probability."""
    expected: float  # capex with its mean overrun, per EUR announced
    budgeted: float  # capex with the overrun that budgets allow for, per EUR announced
    cash_of: str | None  # material whose price decides whether it runs; None where it always does
    cash_cost: Floats  # (Y) EUR per tonne of that below which it stands still
    restart: int  # periods of a clock until it runs again
    clock: tuple[float, int]  # trigger and reset of that, as of an :class:`Adaptation`

    def at_home(self, coming: Coming, year: int) -> float:
        """Share of nameplate that comes home in a year where nobody starts the project."""
        if self.unaided is None or not coming.unaided or coming.floored:
            return 0.0
        return min(self.home_share, self.offtake_max) * self.runs(year, self.unaided, coming.late)

    def under_floor(self, floor: "InstrumentData", year: int, start: int, coming: Coming) -> float:
        """Share of nameplate that runs in a year, started in ``start``, while a floor holds."""
        first = start + self.construction + coming.late
        over = floor.terms.term is not None and year - first >= floor.terms.term
        return 0.0 if over else self.runs(year, start, coming.late)

    def running(self, years: range, start: int, delay: int = 0) -> Floats:
        """Share of nameplate that runs in each year (Y), started in ``start``, ``delay`` late."""
        return np.array([self.runs(year, start, delay) for year in years])

    def runs(self, year: int, start: int, delay: int = 0) -> float:
        """The same in one year."""
        return self.at_age(year - (start + self.construction + delay))

    def at_age(self, age: int) -> float:
        """Share of nameplate that runs ``age`` years after the first output."""
        if age < 0 or (self.lifetime is not None and age >= self.lifetime):
            return 0.0
        return self.ramp[min(age, len(self.ramp) - 1)]

    def due(self, years: range, start: int) -> Floats:
        """Share of capex due in each year (Y); what falls past the horizon, in its last year."""
        shares = np.zeros(len(years))
        for age, share in enumerate(self.profile):
            shares[min(start + age, years[-1]) - years[0]] += share
        return shares

    def left(self, years: range, start: int) -> float:
        """Share of capex that counts at the end of the last year, started in ``start``: nothing
        once no output is left, had nothing been late."""
        age = years[-1] + 1 - (start + self.construction)
        ended = self.lifetime is not None and age >= self.lifetime
        return 0.0 if ended else self.residual


@dataclass(frozen=True, eq=False)
class InstrumentData:
    """One instrument i of a funder f."""

    funder: str
    id: str
    kind: str  # of the funder
    form: str | None  # kind of the instrument; None for a plain share of capex
    carries_capex: bool  # whether its share is one of capex; else it lets the market carry more
    max_share: float
    ticket_min: float
    ticket_max: float  # infinite where there is no largest ticket
    offtake_per_share: float
    budget_charge: float
    charges: dict[str, float]  # use of each budget line of the funder, by its id
    grant_equivalent: float
    terms: Terms
    interest_rate: float
    market_finance_per_share: float
    floors: dict[str, FloorPrices]  # of a price floor, by material
    projects: frozenset[str]  # projects that qualify

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
    by_year: Floats | None  # (Y) of each year
    carry_over: bool
    limit: Floats  # (Y) guarantees outstanding at most; infinite for other kinds of lines
    stock_charge: float
    premium_charge: float  # of lines of cash; 0 of others


@dataclass(frozen=True, eq=False)
class StockpileData:
    """A stockpile h; mass in lots of its material."""

    id: str
    material: str
    keeps: float  # share that is left of a stock after one period
    initial: float
    max_stock: float  # infinite where there is no limit
    max_purchase: Floats  # (Y) lots per year, infinite where there is no limit
    max_release: float  # lots per period, infinite where there is no limit
    refill: Floats  # (Y) lots that can come back in a covered period
    min_stock: Floats  # (Y) planned stock asked for at the year's end
    buying_cost: Floats  # (Y) million EUR per lot bought
    holding_cost: Floats  # (Y) million EUR per lot of mean planned stock
    storage_cost: Floats  # (Y) the part of it that is storage
    financing_cost: Floats  # (Y) the part of it that is financing
    end_value: float  # million EUR that a lot of planned stock counts for at the end, undiscounted
    paid_by: dict[str, float]
    storage_paid_by: dict[str, float]
    financing_paid_by: dict[str, float]
    consumers: tuple[str, ...]  # those it serves
    served: Floats
    """(Y) lots per period that those need whom it serves; in years in which nobody needs the
    material, what projects could take in of it for them."""

    @property
    def payers(self) -> tuple[str, ...]:
        """Funders that pay a part of its cost."""
        return tuple(dict.fromkeys([*self.paid_by, *self.storage_paid_by, *self.financing_paid_by]))

    def costs_to(self, funder: str) -> tuple[Floats, Floats]:
        """(Y) million EUR that a funder pays per lot bought, and per lot of mean planned stock."""
        storage = self.storage_paid_by.get(funder, 0.0)
        financing = self.financing_paid_by.get(funder, 0.0)
        if storage == financing:
            holding = storage * self.holding_cost
        else:
            holding = storage * self.storage_cost + financing * self.financing_cost
        return self.paid_by.get(funder, 0.0) * self.buying_cost, holding


@dataclass(frozen=True, eq=False)
class Step:
    """One damage step of a node."""

    consumer: str
    limit: Floats  # (Y) lots per period
    weight: Floats  # (Y) what a missing lot adds to the measure, discounted where the measure is


@dataclass(frozen=True)
class Adaptation:
    """How users adapt to a shortage: what is left of the steps behind the first."""

    keeps: float  # share that a period leaves, 1 - α
    floor: float  # share that is always left
    trigger: float  # a period is struck if a larger share of the market supply is lost
    reset: int  # periods in a row that are not struck, after which the clock ends

    def left(self, ages: NDArray[np.int64]) -> Floats:
        """Share that is left of the later steps, by the periods that the clock has run; -1 where
        it does not."""
        left = np.maximum(self.floor, self.keeps ** np.maximum(ages, 0).astype(float))
        return np.where(ages > 0, left, 1.0)


@dataclass(frozen=True, eq=False)
class Node:
    """Where supply meets demand: a material (pooled), or a material and a consumer (entitled)."""

    label: str  # its name in a model
    material: str
    consumer: str | None  # whose it is, where entitled
    demand: Floats  # (Y) lots per period
    group_share: dict[str, Floats]  # (Y) of what is reserved for a group, what belongs here
    accounts: dict[str, float]  # share of each stockpile that belongs here
    steps: tuple[Step, ...]
    counts: float = 1.0  # how much its mean damage counts in the objective
    adapts: tuple[tuple[int, int, int], ...] = ()
    """Of each damage entry with adaptation, which of its material's it is, its first step and the
    one behind its last."""

    def limits(self, year_of: NDArray[np.intp], factor: Floats, left: Floats) -> Floats:
        """(..., J, K) lots on each step, its demand times a factor (...); of the later steps of
        entries (E) with adaptation a share (..., E, K) is left, and the first takes the rest."""
        lots = np.reshape([step.limit[year_of] for step in self.steps], (-1, len(year_of)))
        lots = lots * factor[..., None, None]
        for which, first, end in self.adapts:
            later = lots[..., first + 1 : end, :]
            rest = later * (1 - left[..., which, None, :])
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
    def head(self) -> int:
        """The node by whose position the chain is known."""
        return self.nodes[0]


@dataclass(frozen=True, eq=False)
class ProfileData:
    """One way in which an event of a hazard may go."""

    id: str  # of the hazard, or ``hazard.profile``, where it has profiles: no id has a dot
    hazard: str
    probability: float  # that an event of the hazard goes this way
    length: int  # periods until its last effect ends
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


@dataclass(frozen=True, eq=False)
class Instance:
    """Everything the model, the sweep and the check of an answer compute with."""

    case: Case
    years: range
    per_year: int  # periods in a year, n
    discount: Floats  # (Y) δ
    lot_t: dict[str, float]  # tonnes in a lot, by material
    demand: dict[tuple[str, str], Floats]  # (Y) by consumer and material, lots per period
    need: dict[str, Floats]
    """(Y) of each material, in lots per period: demand, and what conversions take in at full
    capacity."""
    supply: dict[tuple[str, str], Floats]  # (Y) by material and country, lots per period
    following: dict[tuple[str, str], Floats]  # (Y) the part of it that is given as a share of need
    adaptations: dict[str, tuple[Adaptation, ...]]  # by material, each that is unlike the others
    origins: tuple[tuple[str, str], ...]
    """Pairs of material and country that a hazard can strike: supply, projects, conversions."""
    conversions: dict[str, ConversionData]
    projects: dict[str, ProjectData]
    prices: dict[str, PriceData]  # by material
    instruments: tuple[InstrumentData, ...]
    lines: dict[tuple[str, str], BudgetLineData]  # budget lines, by funder and id
    stockpiles: dict[str, StockpileData]
    hazards: tuple[HazardData, ...]
    nodes: tuple[Node, ...]
    chains: tuple[Chain, ...]  # of all nodes, in the order of their first ones
    groups: tuple[str, ...]  # ``common`` and the company funders
    cost_counts: dict[str, float]  # how much the net cost of each funder counts in the objective
    premium: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """(Y) million EUR above the market that each funder pays per lot secured, by material."""
    counts: dict[str, float] = field(default_factory=dict)  # of consumers' mean damage; else 1
    stakes: tuple[Stake, ...] = ()
    held: Held = NOTHING_HELD

    @cached_property
    def profiles(self) -> dict[str, ProfileData]:
        """Ways in which an event of any hazard may go, by their ids, by which states name them."""
        return {way.id: way for hazard in self.hazards for way in hazard.profiles}

    @property
    def periods(self) -> range:
        """The periods k, from 0."""
        return range(len(self.years) * self.per_year)

    @cached_property
    def year_of(self) -> NDArray[np.intp]:
        """(K) position of each period's year."""
        return np.repeat(np.arange(len(self.years)), self.per_year)

    @cached_property
    def starts(self) -> tuple[tuple[str, int], ...]:
        """All pairs of a project and a start year."""
        return tuple((p.id, year) for p in self.projects.values() for year in p.starts)

    @cached_property
    def unaided(self) -> tuple[str, ...]:
        """Projects of which something comes home without anybody's money, if nobody starts them."""
        return tuple(
            p.id for p in self.projects.values() if p.unaided is not None and p.home_share > 0
        )

    def floors_of(self, project: str) -> tuple[InstrumentData, ...]:
        """Price floors that keep a project running where its price is below its cash cost."""
        price = self.projects[project].cash_of
        return tuple(
            i
            for i in self.instruments
            if price in i.floors and project in i.projects and i.max_share > 0
        )

    @cached_property
    def floored(self) -> tuple[tuple[str, int, str, str, str], ...]:
        """All that can be kept running: project, start year, group, funder and price floor."""
        return tuple(
            (p, year, group, i.funder, i.id)
            for p, year in self.starts
            for i in self.floors_of(p)
            for group in self.holders(p)
        )

    @cached_property
    def tickets(self) -> tuple[tuple[str, str, str], ...]:
        """All triples of a project, a funder and an instrument that may take part in it."""
        return tuple(
            (project, i.funder, i.id)
            for project in self.projects
            for i in self.instruments
            if project in i.projects
        )

    @cached_property
    def instrument(self) -> dict[tuple[str, str], InstrumentData]:
        """Instruments by funder and id."""
        return {(i.funder, i.id): i for i in self.instruments}

    def rights(self, project: str, group: str) -> Iterator[InstrumentData]:
        """Instruments through which a group gets a right to a project's output."""
        for i in self.instruments:
            owner = group_of(i.funder) if i.kind == "company" else COMMON
            if project in i.projects and owner == group and i.offtake_per_share > 0:
                yield i

    def right(
        self, project: str, group: str, shares: Mapping[tuple[str, str, str], float]
    ) -> float:
        """Share of a project's output that a group may reserve (P6), by shares of its capex."""
        home = self.projects[project].home_share if group == COMMON else 0.0
        return home + math.fsum(
            i.offtake_per_share * shares.get((project, i.funder, i.id), 0.0)
            for i in self.rights(project, group)
        )

    def holders(self, project: str) -> tuple[str, ...]:
        """Groups that can have a right to a project's output."""
        home = self.projects[project].home_share > 0
        return tuple(
            group
            for group in self.groups
            if (group == COMMON and home) or any(self.rights(project, group))
        )

    @cached_property
    def material_demand(self) -> dict[str, Floats]:
        """(Y) demand of all consumers for each material, lots per period."""
        total = {m: np.zeros(len(self.years)) for m in self.case.materials}
        for (_, material), demand in self.demand.items():
            total[material] = total[material] + demand
        return total

    @cached_property
    def most_demand(self) -> dict[str, float]:
        """The largest factor on demand, 1 at least, of each material whose demand states change."""
        found: dict[str, float] = {}
        uncertainty = self.case.uncertainty
        if uncertainty is not None:
            factors = [(m, x.factor) for m, own in uncertainty.demand.items() for x in own]
            factors += [x for state in uncertainty.states or () for x in state.demand.items()]
            for m, factor in factors:
                found[m] = max(1.0, found.get(m, 1.0), float(factor))
        return found

    def varies(self, material: str) -> bool:
        """Whether demand for a material, or how much of it is on which step, depends on the
        state."""
        return material in self.most_demand or material in self.adaptations

    @cached_property
    def usable(self) -> dict[str, Floats]:
        """(Y) most lots per period of each material that can be of use in any state: its need, and
        what projects with inputs could take in."""
        most = {m: need * self.most_demand.get(m, 1.0) for m, need in self.need.items()}
        for p in self.projects.values():
            for material, ratio in p.inputs.items():
                most[material] = most[material] + ratio * math.fsum(p.output.values())
        return most

    @cached_property
    def missed(self) -> frozenset[str]:
        """Materials that anybody misses, by themselves or in what is made of them."""
        found: set[int] = set()
        for chain in self.chains:
            for v in reversed(chain.nodes):
                into = any(v in x.inputs and x.output in found for x in chain.plants)
                if into or any(step.weight.any() for step in self.nodes[v].steps):
                    found.add(v)
        return frozenset(self.nodes[v].material for v in found)

    def of_materials(self, materials: Collection[str]) -> "Instance":
        """The same problem without the nodes of other materials; all of a chain or none of it."""
        kept = [v for v, node in enumerate(self.nodes) if node.material in materials]
        place = {v: position for position, v in enumerate(kept)}

        def moved(plant: Plant) -> Plant:
            inputs = {place[v]: lots for v, lots in plant.inputs.items()}
            return replace(plant, output=place[plant.output], inputs=inputs)

        chains = (
            Chain(tuple(place[v] for v in chain.nodes), tuple(map(moved, chain.plants)))
            for chain in self.chains
            if chain.head in place
        )
        return replace(self, nodes=tuple(self.nodes[v] for v in kept), chains=tuple(chains))

    def money(self, p: str, f: str, i: str, start: int) -> Money:
        """What a whole share of an instrument moves in a project started in a year."""
        key = (p, f, i, start)
        if key not in self._money:
            self._money[key] = money_of(self, self.projects[p], self.instrument[f, i], start)
        return self._money[key]

    def premium_on(self, p: str, start: int) -> dict[str, Floats]:
        """(Y) million EUR that each funder is expected to pay above the market for all output of a
        project that is started in a year, undiscounted."""
        if (p, start) not in self._premium_on:
            project, found = self.projects[p], dict[str, Floats]()
            running = project.success_probability * project.running(self.years, start)
            for material, lots in project.output.items():
                for f, per_lot in self.premium.get(material, {}).items():
                    paid = per_lot * (lots * self.per_year) * running
                    found[f] = found.get(f, 0.0) + paid
            self._premium_on[p, start] = found
        return self._premium_on[p, start]

    @cached_property
    def _premium_on(self) -> dict[tuple[str, int], dict[str, Floats]]:
        return {}

    @cached_property
    def _money(self) -> dict[tuple[str, str, str, int], Money]:
        return {}

    @cached_property
    def public_funders(self) -> tuple[str, ...]:
        """Funders of kind public."""
        return tuple(f for f, funder in self.case.funders.items() if funder.kind == "public")
