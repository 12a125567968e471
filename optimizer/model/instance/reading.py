"""A scenario in, the sets and coefficients of its problem out."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.scenario.case import Case
from models.scenario.projects import Project
from models.scenario.quantities import Number
from models.scenario.stockpiles import Stockpile
from optimizer.model.instance import data
from optimizer.model.instance.data import COMMON, Instance, Node, StockpileData, group_of
from optimizer.model.instance.funding import read_instruments, read_lines, series
from optimizer.model.instance.terms import Floats

FADED = 1e-9  # a stock that keeps a smaller share over a period keeps nothing


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
    supply = _supply(case, total, lot)
    projects = {p: _project(case, p, x, lot) for p, x in case.projects.items()}
    origins = tuple(
        dict.fromkeys([*supply, *((m, p.country) for p in projects.values() for m in p.output)])
    )
    groups = (COMMON, *(group_of(f) for f, x in case.funders.items() if x.kind == "company"))
    stockpiles = {s.id: _stockpile(case, s, lot, tonnes) for s in case.stockpiles}
    instance = Instance(
        case=case,
        years=years,
        per_year=n,
        discount=discount,
        lot_t=lot,
        demand=demand,
        supply=supply,
        origins=origins,
        projects=projects,
        instruments=tuple(read_instruments(case, years)),
        lines=read_lines(case, years),
        stockpiles=stockpiles,
        hazards=tuple(_hazards(case, origins)),
        nodes=(),
        groups=groups,
        cost_counts=dict.fromkeys(case.funders, float(case.objective.cost_weight)),
    )
    return replace(instance, nodes=tuple(_nodes(instance)))


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
    case: Case, total: dict[str, Floats], lot: dict[str, float]
) -> dict[tuple[str, str], Floats]:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
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


def _project(case: Case, id: str, p: Project, lot: dict[str, float]) -> data.ProjectData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    residual = case.horizon.residual_value if p.residual_value is None else p.residual_value
    first = years[0] if p.earliest_start is None else p.earliest_start
    last = years[-1] if p.latest_start is None else min(p.latest_start, years[-1])
    return data.ProjectData(
        id=id,
        country=p.country,
        capex=float(p.capex_meur),
        starts=tuple(range(first, last + 1)),
        construction=int(p.construction_years),
        ramp=tuple(map(float, p.ramp_up)),
        lifetime=None if p.lifetime_years is None else int(p.lifetime_years),
        profile=tuple(map(float, p.capex_profile)),
        residual=float(residual),
        market_finance_max=float(p.market_finance_max),
        home_share=float(p.home_share),
        offtake_max=float(p.offtake_max),
        output={m: float(t) / n / lot[m] for m, t in p.output_t_per_year.items() if t > 0},
        success_probability=float(p.success_probability),
        delays={d: float(share) for d, share in p.delay_years.items() if share > 0},
    )


def _stockpile(
    case: Case, s: Stockpile, lot: dict[str, float], tonnes: dict[tuple[str, str], Floats]
) -> StockpileData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)

    def shares(by_funder: dict[str, Number] | None) -> dict[str, float]:
        own = s.paid_by if by_funder is None else by_funder
        return {f: float(share) for f, share in own.items() if share > 0}

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
    storage = np.full(len(years), float(s.storage_eur_per_t_year))
    financing = float(s.financing_rate) * price
    residual = case.horizon.residual_value if s.residual_value is None else s.residual_value
    keeps = (1 - float(s.annual_loss)) ** (1 / n)
    release = s.max_release_t_per_period
    return StockpileData(
        id=s.id,
        material=s.material,
        keeps=keeps if keeps > FADED else 0.0,
        initial=float(s.initial_t) / size,
        max_stock=math.inf if s.max_t is None else float(s.max_t) / size,
        max_purchase=series(s.max_purchase_t_per_year, years, math.inf) / size,
        max_release=math.inf if release is None else float(release) / size,
        min_stock=days / 365 * served / size,
        buying_cost=price * (1 + float(s.purchase_premium)) * size / 1e6,
        holding_cost=(storage + financing) * size / 1e6,
        storage_cost=storage * size / 1e6,
        financing_cost=financing * size / 1e6,
        end_value=float(residual) * float(price[-1]) * size / 1e6,
        paid_by=shares(s.paid_by),
        storage_paid_by=shares(s.storage_paid_by),
        financing_paid_by=shares(s.financing_paid_by),
        consumers=consumers,
    )


def _hazards(case: Case, origins: tuple[tuple[str, str], ...]) -> Iterator[data.HazardData]:
    for id, hazard in case.hazards.items():
        effects = tuple(
            (position, 1 - np.array(effect.loss, dtype=float))
            for effect in hazard.effects
            for position, (material, country) in enumerate(origins)
            if country == effect.country
            and (effect.materials is None or material in effect.materials)
        )
        length = max((len(effect.loss) for effect in hazard.effects), default=1)
        yield data.HazardData(id, float(hazard.annual_probability), length, effects)


def _nodes(it: Instance) -> Iterator[Node]:
    """Nodes in the order of the materials, then of the consumers."""
    case, measure = it.case, it.case.objective.measure
    for m in case.materials:
        parts = {u: d for (u, material), d in it.demand.items() if material == m}
        if not parts:
            continue
        total = np.sum(list(parts.values()), axis=0)
        if measure == "tonnes":
            unit = np.full(len(it.years), it.lot_t[m])
        elif measure == "share_of_demand":
            unit = np.divide(1 / it.per_year, total, out=np.zeros_like(total), where=total > 0)
        else:
            unit = it.discount * it.lot_t[m] / 1e6
        priced, piles = measure == "damage", [h for h in it.stockpiles.values() if h.material == m]
        steps = {u: tuple(_steps(case, u, m, d, unit, priced)) for u, d in parts.items()}
        if case.objective.allocation == "entitled":
            for u, own in parts.items():
                shares = _group_shares(case, u, parts, it.groups)
                yield Node(f"{m}.{u}", m, own, shares, _accounts(u, parts, piles), steps[u])
        else:
            everything = {group: np.ones(len(it.years)) for group in it.groups}
            accounts, joint = {h.id: 1.0 for h in piles}, (x for own in steps.values() for x in own)
            yield Node(m, m, total, everything, accounts, tuple(joint))


def _steps(
    case: Case, consumer: str, material: str, demand: Floats, unit: Floats, priced: bool
) -> Iterator[data.Step]:
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    entry = max(entries, key=lambda d: d.consumer is not None)
    covered = math.fsum(step.share for step in entry.steps)  # 1, but for rounding in the file
    for step in entry.steps:
        if step.share > 0:
            yield data.Step(
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
        shares: Floats = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        return shares

    shares = {COMMON: proportion(list(parts))}
    for group in groups[1:]:
        members = {u: case.consumers[u].company for u in parts}
        shares[group] = proportion([u for u, f in members.items() if f and group_of(f) == group])
    return shares


def _accounts(
    consumer: str, parts: dict[str, Floats], piles: list[StockpileData]
) -> dict[str, float]:
    """Share of each stockpile that belongs to a consumer, by demand over the whole horizon."""
    served = {
        pile.id: math.fsum(float(parts[u].sum()) for u in parts if u in pile.consumers)
        for pile in piles
        if consumer in pile.consumers
    }
    return {h: float(parts[consumer].sum()) / tonnes for h, tonnes in served.items() if tonnes > 0}
