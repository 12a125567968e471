"""A scenario in, the sets and coefficients of its problem out."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.scenario import materials
from models.scenario.case import Case
from models.scenario.chains import chains, order
from models.scenario.materials import Damage
from models.scenario.projects import Project
from models.scenario.quantities import Number
from models.scenario.stockpiles import Stockpile
from optimizer.model.instance.data import Instance
from optimizer.model.instance.funding import read_instruments, read_lines, read_premiums
from optimizer.model.instance.need import Need, read_need
from optimizer.model.instance.parts import (
    COMMON,
    Adaptation,
    Chain,
    ConversionData,
    HazardData,
    Node,
    Plant,
    ProfileData,
    ProjectData,
    Step,
    StockpileData,
    group_of,
)
from optimizer.model.instance.prices import read_prices
from optimizer.model.instance.terms import Floats, series

FADED = 1e-9  # a stock that keeps a smaller share over a period keeps nothing
REACHED = 1e-9  # a probability that is short of a level by less reaches it


def read_together(cases: Sequence[Case]) -> tuple[Instance, ...]:
    """Instances in which a plan means the same: a lot is as large in all as in the first, and a
    project can start in the years that all allow."""
    first = read_instance(cases[0])
    several = [first, *(read_instance(case, first.lot_t) for case in cases[1:])]
    starts = {
        p: tuple(y for y in x.starts if all(y in own.projects[p].starts for own in several))
        for p, x in first.projects.items()
    }
    return tuple(
        replace(own, projects={p: replace(x, starts=starts[p]) for p, x in own.projects.items()})
        for own in several
    )


def read_instance(case: Case, lots: Mapping[str, float] | None = None) -> Instance:
    """Read the sets and coefficients off a scenario; ``lots`` are tonnes in a lot where that is
    settled."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    discount = (1 + float(case.horizon.discount_rate)) ** -np.arange(len(years), dtype=float)
    tonnes = _yearly_demand(case, years)
    need = read_need(case, years, tonnes)
    lot = {m: _lot(need.most(m)) for m in case.materials} if lots is None else dict(lots)
    demand = {(u, m): t / n / lot[m] for (u, m), t in tonnes.items() if t.any()}
    supply, following = _supply(case, need.total, lot)
    projects = {p: _project(case, p, x, lot) for p, x in case.projects.items()}
    conversions = {
        id: ConversionData(
            id=id,
            country=c.country,
            output=c.output,
            inputs=_inputs(c.inputs_t_per_t, c.output, lot),
            capacity=series(c.capacity_t_per_year, years, 0.0) / n / lot[c.output],
        )
        for id, c in case.conversions.items()
    }
    origins = tuple(
        dict.fromkeys(
            [
                *supply,
                *((m, p.country) for p in projects.values() for m in p.output),
                *((c.output, c.country) for c in conversions.values()),
            ]
        )
    )
    groups = (COMMON, *(group_of(f) for f, x in case.funders.items() if x.kind == "company"))
    stockpiles = {s.id: _stockpile(case, s, lot, need) for s in case.stockpiles}
    prices = read_prices(case, years)
    instance = Instance(
        case=case,
        years=years,
        per_year=n,
        discount=discount,
        lot_t=lot,
        demand=demand,
        need={m: t / n / lot[m] for m, t in need.total.items()},
        supply=supply,
        following=following,
        adaptations=_adaptations(case),
        origins=origins,
        conversions=conversions,
        projects=projects,
        prices=prices,
        instruments=tuple(read_instruments(case, years, prices)),
        lines=read_lines(case, years),
        stockpiles=stockpiles,
        hazards=tuple(_hazards(case, origins)),
        nodes=(),
        chains=(),
        groups=groups,
        cost_counts=dict.fromkeys(case.funders, float(case.objective.cost_weight)),
        premium=read_premiums(case, years, lot),
    )
    instance = replace(instance, nodes=tuple(_nodes(instance, need)))
    return replace(instance, chains=tuple(_chains(instance)))


def _lot(yearly_t: float) -> float:
    return 2.0 ** round(math.log2(yearly_t / 8)) if yearly_t > 0 else 1.0


def _inputs(ratios: Mapping[str, float], output: str, lot: dict[str, float]) -> dict[str, float]:
    """Lots of each input for a lot of output, from tonnes for a tonne."""
    return {m: float(ratio) * lot[output] / lot[m] for m, ratio in ratios.items()}


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
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """(Y) lots per period by material and country, and the part that is given as a share."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    supply: dict[tuple[str, str], Floats] = {}
    following: dict[tuple[str, str], Floats] = {}
    for row in case.supply:
        m = row.material
        if row.share is not None:
            tonnes = series(row.share, years, 0.0) * total[m]
        else:
            tonnes = series(row.t_per_year, years, 0.0)
        pair = (m, row.country)
        lots = tonnes / n / lot[m]
        supply[pair] = supply.get(pair, 0 * lots) + lots
        following[pair] = following.get(pair, 0 * lots) + (0.0 if row.share is None else lots)
    return supply, following


def _project(case: Case, id: str, p: Project, lot: dict[str, float]) -> ProjectData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    residual = case.horizon.residual_value if p.residual_value is None else p.residual_value
    output = {m: float(t) / n / lot[m] for m, t in p.output_t_per_year.items() if t > 0}
    overruns = tuple(sorted((float(o.by), float(o.probability)) for o in p.capex_overrun))
    mean = math.fsum(by * chance for by, chance in overruns)
    contingency = case.policy.contingency
    return ProjectData(
        id=id,
        country=p.country,
        capex=float(p.capex_meur),
        starts=tuple(p.starts(years)),
        construction=int(p.construction_years),
        ramp=tuple(map(float, p.ramp_up)),
        lifetime=None if p.lifetime_years is None else int(p.lifetime_years),
        profile=tuple(map(float, p.capex_profile)),
        residual=float(residual),
        market_finance_max=float(p.market_finance_max),
        home_share=float(p.home_share),
        offtake_max=float(p.offtake_max),
        output=output,
        inputs=_inputs(p.inputs_t_per_t, next(iter(output)), lot) if output else {},
        success_probability=float(p.success_probability),
        delays={d: float(share) for d, share in p.delay_years.items() if share > 0},
        unaided=None if p.anyway is None else p.anyway.year,
        cash_of=next(iter(p.cash_cost_eur_per_t), None),
        cash_cost=series(next(iter(p.cash_cost_eur_per_t.values()), None), years, 0.0),
        restart=int(p.restart_periods),
        clock=_clock(case, next(iter(p.cash_cost_eur_per_t), "")),
        unaided_chance=0.0 if p.anyway is None else float(p.anyway.probability),
        overruns=overruns,
        expected=1 + mean,
        budgeted=1 + (mean if contingency is None else _quantile(overruns, float(contingency))),
    )


def _quantile(overruns: Sequence[tuple[float, float]], level: float) -> float:
    """The least overrun whose cumulative probability reaches a level; 0 where there is none."""
    reached = itertools.accumulate(chance for _, chance in overruns)
    least = (by for (by, _), p in zip(overruns, reached, strict=True) if p >= level - REACHED)
    return next(least, overruns[-1][0] if overruns else 0.0)


def _stockpile(case: Case, s: Stockpile, lot: dict[str, float], need: Need) -> StockpileData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)

    def shares(by_funder: dict[str, Number] | None) -> dict[str, float]:
        own = s.paid_by if by_funder is None else by_funder
        return {f: float(share) for f, share in own.items() if share > 0}

    size = lot[s.material]
    price = series(case.materials[s.material].price_eur_per_t, years, 0.0)
    consumers = tuple(case.consumers) if s.serves is None else s.serves

    def of_those(tonnes: dict[tuple[str, str], Floats]) -> Floats:
        own = [t for (u, m), t in tonnes.items() if m == s.material and u in consumers]
        return sum(own, np.zeros(len(years)))

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
        refill=series(s.refill_t_per_year, years, 0.0) / n / size,
        min_stock=days / 365 * of_those(need.own) / size,
        buying_cost=price * (1 + float(s.purchase_premium)) * size / 1e6,
        holding_cost=(storage + financing) * size / 1e6,
        storage_cost=storage * size / 1e6,
        financing_cost=financing * size / 1e6,
        end_value=float(residual) * float(price[-1]) * size / 1e6,
        paid_by=shares(s.paid_by),
        storage_paid_by=shares(s.storage_paid_by),
        financing_paid_by=shares(s.financing_paid_by),
        consumers=consumers,
        served=of_those(need.claim) / n / size,
    )


def _hazards(case: Case, origins: tuple[tuple[str, str], ...]) -> Iterator[HazardData]:
    for id, hazard in case.hazards.items():
        # 1, but for rounding in the file.
        total = math.fsum(way.probability for way in hazard.profiles.values())
        profiles = []
        for name, its_effects in hazard.courses.items():
            effects = tuple(
                (position, 1 - np.array(effect.loss, dtype=float))
                for effect in its_effects
                for position, (material, country) in enumerate(origins)
                if country == effect.country
                and (effect.materials is None or material in effect.materials)
            )
            length = max((len(effect.loss) for effect in its_effects), default=1)
            chance = 1.0 if name is None else float(hazard.profiles[name].probability) / total
            way = id if name is None else f"{id}.{name}"
            profiles.append(ProfileData(way, id, chance, length, effects))
        yearly = series(hazard.annual_probability, case.horizon.years, 0.0)
        factors = {regime: float(factor) for regime, factor in hazard.regime_factors.items()}
        yield HazardData(id, yearly, factors, tuple(profiles))


def _nodes(it: Instance, need: Need) -> Iterator[Node]:
    """Nodes in the order of the materials, then of the consumers."""
    case, measure = it.case, it.case.objective.measure
    nothing = np.zeros(len(it.years))
    wanted = set[str]()  # what anybody needs, or a project takes in for what is wanted
    for m in reversed(order(case)):
        makes = (p.output for p in it.projects.values() if m in p.inputs)
        if need.most(m) or any(not wanted.isdisjoint(output) for output in makes):
            wanted.add(m)
    for m in case.materials:
        parts = {u: t for (u, material), t in need.claim.items() if material == m and t.any()}
        entitled = case.objective.allocation == "entitled"
        # What is taken in for nobody belongs to nobody, but pooled it may serve all.
        if not parts if entitled else m not in wanted:
            continue
        demand = {u: it.demand.get((u, m), nothing) for u in parts}
        total = np.sum([nothing, *demand.values()], axis=0)
        if measure == "tonnes":
            unit = np.full(len(it.years), it.lot_t[m])
        elif measure == "share_of_demand":
            unit = np.divide(1 / it.per_year, total, out=np.zeros_like(total), where=total > 0)
        else:
            unit = it.discount * it.lot_t[m] / 1e6
        priced, piles = measure == "damage", [h for h in it.stockpiles.values() if h.material == m]
        steps = {
            u: tuple(_steps(case, u, m, d, unit, priced)) if d.any() else ()
            for u, d in demand.items()
        }
        if entitled:
            for u, own in demand.items():
                shares = _group_shares(case, u, parts, need.divided(m), it.groups)
                accounts, kept = _accounts(u, parts, piles), _adapts(it, m, {u: steps[u]})
                yield Node(f"{m}.{u}", m, u, own, shares, accounts, steps[u], adapts=kept)
        else:
            everything = {group: np.ones(len(it.years)) for group in it.groups}
            accounts, joint = {h.id: 1.0 for h in piles}, (x for own in steps.values() for x in own)
            kept = _adapts(it, m, steps)
            yield Node(m, m, None, total, everything, accounts, tuple(joint), adapts=kept)


def _chains(it: Instance) -> Iterator[Chain]:
    """Which nodes hang together, in the order of their first ones."""
    place = {(node.material, node.consumer): v for v, node in enumerate(it.nodes)}
    tied = {m: own for own in chains(it.case) for m in own}
    last = {m: n for n, m in enumerate(order(it.case))}
    seen: set[int] = set()
    for v, node in enumerate(it.nodes):
        if v in seen:
            continue
        forms = sorted(tied.get(node.material, (node.material,)), key=last.__getitem__)
        own = {m: place[m, node.consumer] for m in forms if (m, node.consumer) in place}
        seen.update(own.values())
        yield Chain(tuple(own.values()), tuple(_plants(it, own)))


def _plants(it: Instance, place: dict[str, int]) -> Iterator[Plant]:
    """What makes forms of a chain out of others; what lacks an input for good is left out."""
    common = {m: it.nodes[v].group_share[COMMON] for m, v in place.items()}
    for c in it.conversions.values():
        if c.output in place and c.capacity.any() and place.keys() >= c.inputs.keys():
            taken = {place[m]: ratio for m, ratio in c.inputs.items()}
            own = c.capacity * common[c.output]
            yield Plant(c.id, c.id, (c.output, c.country), place[c.output], taken, own)
    for p in it.projects.values():
        made = next(iter(p.output), None)
        if p.inputs and made in place and place.keys() >= p.inputs.keys():
            taken = {place[m]: ratio for m, ratio in p.inputs.items()}
            label = f"{p.id}." if p.id in it.conversions else p.id  # no id has a dot
            yield Plant(p.id, label, (made, p.country), place[made], taken, None)


def _entry(case: Case, consumer: str, material: str) -> Damage:
    """The damage entry that holds for a consumer's demand for a material."""
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    return max(entries, key=lambda d: d.consumer is not None)


def adaptation_of(case: Case, entry: Damage) -> Adaptation | None:
    """How users adapt by a damage entry; None where that changes nothing."""
    own = entry.adaptation
    if own is None or own.per_year <= 0 or own.floor >= 1 or case.objective.measure != "damage":
        return None
    if not any(step.share > 0 for step in entry.steps[1:]):
        return None
    keeps = (1 - float(own.per_year)) ** (1 / int(case.horizon.periods_per_year))
    return Adaptation(keeps, float(own.floor), float(own.trigger_loss), int(own.reset_periods))


def _adapts(
    it: Instance, material: str, steps: Mapping[str, tuple[Step, ...]]
) -> tuple[tuple[int, int, int], ...]:
    """Where a node's steps, by consumer, belong to an entry with adaptation."""
    found, end = [], 0
    for consumer, own in steps.items():
        first, end = end, end + len(own)
        entry = adaptation_of(it.case, _entry(it.case, consumer, material)) if own else None
        if entry is not None:
            found.append((it.adaptations[material].index(entry), first, end))
    return tuple(found)


def _clock(case: Case, material: str) -> tuple[float, int]:
    """Trigger and reset of the damage entry that names a material alone, or the usual ones."""
    own = (d.adaptation for d in case.damage if d.material == material and d.consumer is None)
    entry = next(own, None) or materials.Adaptation(per_year=Number(0))
    return float(entry.trigger_loss), int(entry.reset_periods)


def _adaptations(case: Case) -> dict[str, tuple[Adaptation, ...]]:
    """Of each material those that are unlike."""
    found: dict[str, tuple[Adaptation, ...]] = {}
    for entry in case.damage:
        own, known = adaptation_of(case, entry), found.get(entry.material, ())
        if own is not None and own not in known:
            found[entry.material] = (*known, own)
    return found


def _steps(
    case: Case, consumer: str, material: str, demand: Floats, unit: Floats, priced: bool
) -> Iterator[Step]:
    entry = _entry(case, consumer, material)
    covered = math.fsum(step.share for step in entry.steps)  # 1, but for rounding in the file
    adapts = adaptation_of(case, entry) is not None  # so that the first step may come to grow
    for number, step in enumerate(entry.steps):
        if step.share > 0 or (adapts and number == 0):
            yield Step(
                consumer=consumer,
                limit=demand * float(step.share) / covered,
                weight=unit * float(step.eur_per_t) if priced else unit,
            )


def _group_shares(
    case: Case,
    consumer: str,
    parts: dict[str, Floats],
    divided: Floats,
    groups: tuple[str, ...],
) -> dict[str, Floats]:
    """(Y) share of each group's tonnes that belongs to a consumer: in proportion to need."""

    def proportion(total: Floats) -> Floats:
        shares: Floats = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        return shares

    own = parts[consumer]
    shares = {COMMON: proportion(divided)}
    for group in groups[1:]:
        members = {u: case.consumers[u].company for u in parts}
        named = [u for u, f in members.items() if f and group_of(f) == group]
        total = np.sum([parts[u] for u in named], axis=0) if consumer in named else 0 * own
        shares[group] = proportion(total)
    return shares


def _accounts(
    consumer: str, parts: dict[str, Floats], piles: list[StockpileData]
) -> dict[str, float]:
    """Share of each stockpile that belongs to a consumer, by need over the whole horizon."""
    served = {
        pile.id: math.fsum(float(parts[u].sum()) for u in parts if u in pile.consumers)
        for pile in piles
        if consumer in pile.consumers
    }
    return {h: float(parts[consumer].sum()) / tonnes for h, tonnes in served.items() if tonnes > 0}
