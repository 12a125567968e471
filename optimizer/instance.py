"""Sets and coefficients of the optimization problem, read off a scenario.

One name a symbol of ``docs/formulation.md``. Money is million EUR. Mass is counted in lots: a
power of two of tonnes for each material, near an eighth of its yearly demand, so that the
coefficients of a tonne of germanium and of a tonne of copper are of one order; ``lot_t`` turns
lots into tonnes. Quantities per year are divided by the periods of a year. Arrays run over the
years of the horizon (Y), its periods (K) or both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.base import Yearly
from models.case import Case
from models.funding import Eligible
from models.projects import Project
from models.stockpiles import Stockpile

Floats = NDArray[np.float64]

COMMON = "common"
"""The group of all home consumers, beside the company funders, that output is reserved for."""


@dataclass(frozen=True, eq=False)
class ProjectData:
    """A candidate project p."""

    id: str
    country: str
    capex: float
    """Million EUR."""
    starts: tuple[int, ...]
    """Calendar years τ in which the decision can fall."""
    construction: int
    ramp: tuple[float, ...]
    lifetime: int | None
    profile: tuple[float, ...]
    market_finance_max: float
    home_share: float
    offtake_max: float
    output: dict[str, float]
    """Nameplate in lots per period, by material."""
    success_probability: float
    delays: dict[int, float]
    """Probability of each delay in years."""

    def running(self, years: range, start: int, delay: int = 0) -> Floats:
        """Share of nameplate that runs in each year (Y), started in ``start``, ``delay`` late."""
        first = start + self.construction + delay
        ages = (year - first for year in years)
        return np.array([self.at_age(age) for age in ages])

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


@dataclass(frozen=True, eq=False)
class InstrumentData:
    """One instrument i of a funder f."""

    funder: str
    id: str
    kind: str
    max_share: float
    ticket_min: float
    ticket_max: float
    """Infinite where there is no largest ticket."""
    offtake_per_share: float
    budget_charge: float
    recovery: float
    grant_equivalent: float
    projects: frozenset[str]
    """Projects that qualify."""


@dataclass(frozen=True, eq=False)
class StockpileData:
    """A stockpile h; mass in lots of its material."""

    id: str
    material: str
    keeps: float
    """Share that is left of a stock after one period."""
    initial: float
    max_stock: float
    """Infinite where there is no limit."""
    max_purchase: Floats
    """(Y) lots per year, infinite where there is no limit."""
    max_release: float
    """Lots per period, infinite where there is no limit."""
    min_stock: Floats
    """(Y) planned stock asked for at the year's end."""
    buying_cost: Floats
    """(Y) million EUR per lot bought."""
    holding_cost: Floats
    """(Y) million EUR per lot of mean planned stock."""
    paid_by: dict[str, float]
    consumers: tuple[str, ...]
    """Those it serves."""


@dataclass(frozen=True, eq=False)
class Step:
    """One damage step of a node."""

    consumer: str
    limit: Floats
    """(Y) lots per period."""
    weight: Floats
    """(Y) what a missing lot adds to the measure, discounted where the measure is."""


@dataclass(frozen=True, eq=False)
class Node:
    """Where supply meets demand: a material (pooled), or a material and a consumer (entitled)."""

    label: str
    """Its name in a model."""
    material: str
    demand: Floats
    """(Y) lots per period."""
    group_share: dict[str, Floats]
    """(Y) share of what is reserved for a group (common, or a company) that belongs here."""
    accounts: dict[str, float]
    """Share of each stockpile that belongs here."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class HazardData:
    """A hazard and what it does."""

    id: str
    annual_probability: float
    length: int
    """Periods until its last effect ends."""
    effects: tuple[tuple[int, Floats], ...]
    """Index of the origin that is struck, and the share left in each successive period."""


@dataclass(frozen=True, eq=False)
class Instance:
    """Everything the model, the sweep and the check of an answer compute with."""

    case: Case
    years: range
    per_year: int
    """Periods in a year, n."""
    discount: Floats
    """(Y) δ."""
    lot_t: dict[str, float]
    """Tonnes in a lot, by material."""
    demand: dict[tuple[str, str], Floats]
    """(Y) by consumer and material, lots per period."""
    supply: dict[tuple[str, str], Floats]
    """(Y) by material and country, lots per period."""
    origins: tuple[tuple[str, str], ...]
    """Pairs of material and country that a hazard can strike: supply and projects."""
    projects: dict[str, ProjectData]
    instruments: tuple[InstrumentData, ...]
    stockpiles: dict[str, StockpileData]
    hazards: tuple[HazardData, ...]
    nodes: tuple[Node, ...]
    groups: tuple[str, ...]
    """``common`` and the company funders."""

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
            owner = i.funder if i.kind == "company" else COMMON
            if project in i.projects and owner == group and i.offtake_per_share > 0:
                yield i

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
    def capex_due(self) -> dict[tuple[str, int], dict[int, float]]:
        """Million EUR of capex due in each year, by project and start year."""
        due = {}
        for p, start in self.starts:
            shares = self.projects[p].capex * self.projects[p].due(self.years, start)
            due[p, start] = {
                year: float(x) for year, x in zip(self.years, shares, strict=True) if x > 0
            }
        return due

    @cached_property
    def public_funders(self) -> tuple[str, ...]:
        """Funders of kind public."""
        return tuple(f for f, funder in self.case.funders.items() if funder.kind == "public")


def read_instance(case: Case) -> Instance:
    """Read the sets and coefficients off a scenario."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    discount = (1 + float(case.horizon.discount_rate)) ** -np.arange(len(years), dtype=float)
    tonnes = _yearly_demand(case, years)
    total = {m: np.zeros(len(years)) for m in case.materials}
    for (_, material), yearly in tonnes.items():
        total[material] = total[material] + yearly
    lot = {m: _lot(float(total[m].max(initial=0.0))) for m in case.materials}
    demand = {(u, m): t / n / lot[m] for (u, m), t in tonnes.items() if t.any()}
    supply = _supply(case, years, n, total, lot)
    projects = {p: _project(p, x, years, n, lot) for p, x in case.projects.items()}
    origins = tuple(
        dict.fromkeys(
            [*supply, *((m, p.country) for p in projects.values() for m in p.output)],
        )
    )
    groups = (COMMON, *(f for f, x in case.funders.items() if x.kind == "company"))
    stockpiles = {s.id: _stockpile(case, s, years, n, lot, tonnes) for s in case.stockpiles}
    return Instance(
        case=case,
        years=years,
        per_year=n,
        discount=discount,
        lot_t=lot,
        demand=demand,
        supply=supply,
        origins=origins,
        projects=projects,
        instruments=tuple(_instruments(case)),
        stockpiles=stockpiles,
        hazards=tuple(_hazards(case, origins)),
        nodes=tuple(_nodes(case, years, n, discount, lot, demand, groups, stockpiles)),
        groups=groups,
    )


def series(quantity: Yearly | None, years: range, absent: float) -> Floats:
    """(Y) a yearly quantity, or a constant where it is absent."""
    if quantity is None:
        return np.full(len(years), absent)
    return np.array([quantity.at(year) for year in years])


def _lot(yearly_demand_t: float) -> float:
    return 2.0 ** round(math.log2(yearly_demand_t / 8)) if yearly_demand_t > 0 else 1.0


def _yearly_demand(case: Case, years: range) -> dict[tuple[str, str], Floats]:
    """(Y) tonnes per year by consumer and material, in the order of the consumers."""
    rows: dict[tuple[str, str], Floats] = {}
    for row in case.demand:
        pair = (row.consumer, row.material)
        rows[pair] = rows.get(pair, np.zeros(len(years))) + series(row.t_per_year, years, 0.0)
    order = list(case.consumers)
    return dict(sorted(rows.items(), key=lambda item: order.index(item[0][0])))


def _supply(
    case: Case, years: range, n: int, total: dict[str, Floats], lot: dict[str, float]
) -> dict[tuple[str, str], Floats]:
    supply: dict[tuple[str, str], Floats] = {}
    for row in case.supply:
        m = row.material
        if row.share is not None:
            tonnes = series(row.share, years, 0.0) * total[m]
        else:
            tonnes = series(row.t_per_year, years, 0.0)
        pair = (m, row.country)
        supply[pair] = supply.get(pair, np.zeros(len(years))) + tonnes / n / lot[m]
    return supply


def _project(id: str, p: Project, years: range, n: int, lot: dict[str, float]) -> ProjectData:
    first = years[0] if p.earliest_start is None else p.earliest_start
    last = years[-1] if p.latest_start is None else p.latest_start
    return ProjectData(
        id=id,
        country=p.country,
        capex=float(p.capex_meur),
        starts=tuple(range(first, last + 1)),
        construction=int(p.construction_years),
        ramp=tuple(map(float, p.ramp_up)),
        lifetime=None if p.lifetime_years is None else int(p.lifetime_years),
        profile=tuple(map(float, p.capex_profile)),
        market_finance_max=float(p.market_finance_max),
        home_share=float(p.home_share),
        offtake_max=float(p.offtake_max),
        output={m: float(t) / n / lot[m] for m, t in p.output_t_per_year.items() if t > 0},
        success_probability=float(p.success_probability),
        delays={d: float(share) for d, share in p.delay_years.items() if share > 0},
    )


def qualifies(project: Project, eligible: Eligible) -> bool:
    """Whether a project meets all conditions of an instrument."""

    def meets(names: tuple[str, ...] | None, own: set[str]) -> bool:
        return names is None or not own.isdisjoint(names)

    return (
        meets(eligible.countries, {project.country})
        and meets(eligible.materials, set(project.output_t_per_year))
        and meets(eligible.tags, set(project.tags))
    )


def _instruments(case: Case) -> Iterator[InstrumentData]:
    for funder_id, funder in case.funders.items():
        for id, i in funder.instruments.items():
            yield InstrumentData(
                funder=funder_id,
                id=id,
                kind=funder.kind,
                max_share=float(i.max_share),
                ticket_min=float(i.ticket_min_meur),
                ticket_max=math.inf if i.ticket_max_meur is None else float(i.ticket_max_meur),
                offtake_per_share=float(i.offtake_per_share),
                budget_charge=float(i.budget_charge),
                recovery=float(i.recovery),
                grant_equivalent=float(i.grant_equivalent),
                projects=frozenset(p for p, x in case.projects.items() if qualifies(x, i.eligible)),
            )


def _stockpile(
    case: Case,
    s: Stockpile,
    years: range,
    n: int,
    lot: dict[str, float],
    tonnes: dict[tuple[str, str], Floats],
) -> StockpileData:
    size = lot[s.material]
    price = series(case.materials[s.material].price_eur_per_t, years, 0.0)
    consumers = tuple(case.consumers) if s.serves is None else s.serves
    served = sum(
        (t for (u, m), t in tonnes.items() if m == s.material and u in consumers),
        np.zeros(len(years)),
    )
    days = series(s.min_days_of_demand, years, 0.0)
    if s.min_days_of_demand is not None and s.min_days_of_demand.first_year is not None:
        days[np.array(years) < s.min_days_of_demand.first_year] = 0.0
    holding = float(s.storage_eur_per_t_year) + float(s.financing_rate) * price
    return StockpileData(
        id=s.id,
        material=s.material,
        keeps=(1 - float(s.annual_loss)) ** (1 / n),
        initial=float(s.initial_t) / size,
        max_stock=math.inf if s.max_t is None else float(s.max_t) / size,
        max_purchase=series(s.max_purchase_t_per_year, years, math.inf) / size,
        max_release=(
            math.inf
            if s.max_release_t_per_period is None
            else float(s.max_release_t_per_period) / size
        ),
        min_stock=days / 365 * served / size,
        buying_cost=price * (1 + float(s.purchase_premium)) * size / 1e6,
        holding_cost=holding * size / 1e6,
        paid_by={f: float(share) for f, share in s.paid_by.items() if share > 0},
        consumers=consumers,
    )


def _hazards(case: Case, origins: tuple[tuple[str, str], ...]) -> Iterator[HazardData]:
    for id, hazard in case.hazards.items():
        effects = tuple(
            (position, 1 - np.array(effect.loss, dtype=float))
            for effect in hazard.effects
            for position, (material, country) in enumerate(origins)
            if country == effect.country
            and (effect.materials is None or material in effect.materials)
        )
        length = max((len(effect.loss) for effect in hazard.effects), default=1)
        yield HazardData(id, float(hazard.annual_probability), length, effects)


def _nodes(
    case: Case,
    years: range,
    n: int,
    discount: Floats,
    lot: dict[str, float],
    demand: dict[tuple[str, str], Floats],
    groups: tuple[str, ...],
    stockpiles: dict[str, StockpileData],
) -> Iterator[Node]:
    """Nodes in the order of the materials, then of the consumers."""
    measure, entitled = case.objective.measure, case.objective.allocation == "entitled"
    for material in case.materials:
        parts = {u: d for (u, m), d in demand.items() if m == material}
        if not parts:
            continue
        total = np.sum(list(parts.values()), axis=0)
        if measure == "tonnes":
            unit = np.full(len(years), lot[material])
        elif measure == "share_of_demand":
            unit = np.divide(1 / n, total, out=np.zeros_like(total), where=total > 0)
        else:
            unit = discount * lot[material] / 1e6
        steps = {
            u: tuple(_steps(case, u, material, d, unit, measure == "damage"))
            for u, d in parts.items()
        }
        piles = [h for h in stockpiles.values() if h.material == material]
        if not entitled:
            yield Node(
                label=material,
                material=material,
                demand=total,
                group_share={group: np.ones(len(years)) for group in groups},
                accounts={h.id: 1.0 for h in piles},
                steps=tuple(step for own in steps.values() for step in own),
            )
            continue
        for u, own in parts.items():
            yield Node(
                label=f"{material}.{u}",
                material=material,
                demand=own,
                group_share=_group_shares(case, u, parts, groups),
                accounts=_accounts(u, parts, piles),
                steps=steps[u],
            )


def _steps(
    case: Case, consumer: str, material: str, demand: Floats, unit: Floats, priced: bool
) -> Iterator[Step]:
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    entry = max(entries, key=lambda d: d.consumer is not None)
    covered = math.fsum(step.share for step in entry.steps)  # 1, but for rounding in the file
    for step in entry.steps:
        if step.share > 0:
            yield Step(
                consumer=consumer,
                limit=demand * float(step.share) / covered,
                weight=unit * float(step.eur_per_t) if priced else unit,
            )


def _group_shares(
    case: Case, consumer: str, parts: dict[str, Floats], groups: tuple[str, ...]
) -> dict[str, Floats]:
    """(Y) share of each group's tonnes that belongs to a consumer: in proportion to demand."""

    def proportion(members: list[str]) -> Floats:
        own = parts[consumer] if consumer in members else np.zeros_like(parts[consumer])
        total = np.sum([parts[u] for u in members], axis=0) if members else own
        return np.divide(own, total, out=np.zeros_like(own), where=total > 0)

    shares = {COMMON: proportion(list(parts))}
    for group in groups[1:]:
        shares[group] = proportion([u for u in parts if case.consumers[u].company == group])
    return shares


def _accounts(
    consumer: str, parts: dict[str, Floats], piles: list[StockpileData]
) -> dict[str, float]:
    """Share of each stockpile that belongs to a consumer, by demand over the whole horizon."""
    accounts: dict[str, float] = {}
    for pile in piles:
        served = sum(float(parts[u].sum()) for u in parts if u in pile.consumers)
        if consumer in pile.consumers and served > 0:
            accounts[pile.id] = float(parts[consumer].sum()) / served
    return accounts
