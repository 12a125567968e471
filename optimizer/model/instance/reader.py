"""A scenario in, the sets and coefficients of its problem out."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.scenario import materials
from models.scenario.case import Case
from models.scenario.chains import material_chains, order_materials
from models.scenario.materials import Damage
from models.scenario.projects import Project
from models.scenario.quantities import Number
from models.scenario.stockpiles import Stockpile
from optimizer.model.instance.components import (
    COMMON_GROUP,
    Adaptation,
    Chain,
    ConversionData,
    HazardData,
    Node,
    NodeDamageStep,
    Plant,
    ProfileData,
    ProjectData,
    StockpileData,
    company_group,
)
from optimizer.model.instance.data import Instance
from optimizer.model.instance.funding import read_budget_lines, read_instruments, read_premiums
from optimizer.model.instance.instrument_terms import Floats, yearly_values
from optimizer.model.instance.need import MaterialNeed, read_need
from optimizer.model.instance.prices import read_prices

MIN_RETENTION = 1e-9  # a stock that keeps a smaller share over a period keeps nothing
LEVEL_TOLERANCE = 1e-9  # a probability that is short of a level by less reaches it


def read_instances(cases: Sequence[Case]) -> tuple[Instance, ...]:
    """Instances in which a plan means the same: a lot is as large in all as in the first, and a
    project can start in the years that all allow."""
    first = read_instance(cases[0])
    several = [first, *(read_instance(case, first.lot_tonnes) for case in cases[1:])]
    starts = {
        p: tuple(
            y for y in x.start_years if all(y in own.projects[p].start_years for own in several)
        )
        for p, x in first.projects.items()
    }
    return tuple(
        replace(
            own, projects={p: replace(x, start_years=starts[p]) for p, x in own.projects.items()}
        )
        for own in several
    )


def read_instance(case: Case, lot_tonnes: Mapping[str, float] | None = None) -> Instance:
    """Read the sets and coefficients off a scenario; ``lots`` are tonnes in a lot where that is
    settled."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    discount = (1 + float(case.horizon.discount_rate)) ** -np.arange(len(years), dtype=float)
    tonnes = _yearly_demand(case, years)
    need = read_need(case, years, tonnes)
    lot = (
        {m: _choose_lot_size(need.max_per_year(m)) for m in case.materials}
        if lot_tonnes is None
        else dict(lot_tonnes)
    )
    demand = {(u, m): t / n / lot[m] for (u, m), t in tonnes.items() if t.any()}
    supply, following = _read_supply(case, need.total, lot)
    projects = {p: _read_project(case, p, x, lot) for p, x in case.projects.items()}
    conversions = {
        id: ConversionData(
            id=id,
            country=c.country,
            output=c.output,
            inputs=_input_lots(c.inputs_t_per_t, c.output, lot),
            capacity=yearly_values(c.capacity_t_per_year, years, 0.0) / n / lot[c.output],
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
    groups = (
        COMMON_GROUP,
        *(company_group(f) for f, x in case.funders.items() if x.kind == "company"),
    )
    stockpiles = {s.id: _read_stockpile(case, s, lot, need) for s in case.stockpiles}
    prices = read_prices(case, years)
    instance = Instance(
        case=case,
        years=years,
        periods_per_year=n,
        discount_factor=discount,
        lot_tonnes=lot,
        demand=demand,
        need={m: t / n / lot[m] for m, t in need.total.items()},
        supply=supply,
        need_linked_supply=following,
        adaptations=_distinct_adaptations(case),
        origins=origins,
        conversions=conversions,
        projects=projects,
        prices=prices,
        instruments=tuple(read_instruments(case, years, prices)),
        budget_lines=read_budget_lines(case, years),
        stockpiles=stockpiles,
        hazards=tuple(_read_hazards(case, origins)),
        nodes=(),
        chains=(),
        offtake_groups=groups,
        cost_weights=dict.fromkeys(case.funders, float(case.objective.cost_weight)),
        premium_per_lot=read_premiums(case, years, lot),
    )
    instance = replace(instance, nodes=tuple(_build_nodes(instance, need)))
    return replace(instance, chains=tuple(_build_chains(instance)))


def _choose_lot_size(yearly_t: float) -> float:
    return 2.0 ** round(math.log2(yearly_t / 8)) if yearly_t > 0 else 1.0


def _input_lots(
    ratios: Mapping[str, float], output: str, lot_tonnes: dict[str, float]
) -> dict[str, float]:
    """Lots of each input for a lot of output, from tonnes for a tonne."""
    return {m: float(ratio) * lot_tonnes[output] / lot_tonnes[m] for m, ratio in ratios.items()}


def _yearly_demand(case: Case, years: range) -> dict[tuple[str, str], Floats]:
    """(Y) tonnes per year by consumer and material, in the order of the consumers."""
    rows: dict[tuple[str, str], Floats] = {}
    for row in case.demand:
        pair = (row.consumer, row.material)
        rows[pair] = rows.get(pair, np.zeros(len(years))) + yearly_values(
            row.t_per_year, years, 0.0
        )
    order = list(case.consumers)
    return dict(sorted(rows.items(), key=lambda item: order.index(item[0][0])))


def _read_supply(
    case: Case, total_need: dict[str, Floats], lot_tonnes: dict[str, float]
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """(Y) lots per period by material and country, and the part that is given as a share."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    supply: dict[tuple[str, str], Floats] = {}
    following: dict[tuple[str, str], Floats] = {}
    for row in case.supply:
        m = row.material
        if row.share is not None:
            tonnes = yearly_values(row.share, years, 0.0) * total_need[m]
        else:
            tonnes = yearly_values(row.t_per_year, years, 0.0)
        pair = (m, row.country)
        lots = tonnes / n / lot_tonnes[m]
        supply[pair] = supply.get(pair, 0 * lots) + lots
        following[pair] = following.get(pair, 0 * lots) + (0.0 if row.share is None else lots)
    return supply, following


def _read_project(case: Case, id: str, p: Project, lot_tonnes: dict[str, float]) -> ProjectData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    residual = case.horizon.residual_value if p.residual_value is None else p.residual_value
    output = {m: float(t) / n / lot_tonnes[m] for m, t in p.output_t_per_year.items() if t > 0}
    overruns = tuple(sorted((float(o.by), float(o.probability)) for o in p.capex_overrun))
    mean = math.fsum(by * chance for by, chance in overruns)
    contingency = case.policy.contingency
    return ProjectData(
        id=id,
        country=p.country,
        capex=float(p.capex_meur),
        start_years=tuple(p.start_years(years)),
        construction_years=int(p.construction_years),
        ramp_up=tuple(map(float, p.ramp_up)),
        lifetime_years=None if p.lifetime_years is None else int(p.lifetime_years),
        capex_profile=tuple(map(float, p.capex_profile)),
        residual_share=float(residual),
        market_finance_max=float(p.market_finance_max),
        home_share=float(p.home_share),
        offtake_max=float(p.offtake_max),
        output=output,
        inputs=_input_lots(p.inputs_t_per_t, next(iter(output)), lot_tonnes) if output else {},
        success_probability=float(p.success_probability),
        delay_probability={d: float(share) for d, share in p.delay_years.items() if share > 0},
        unaided_year=None if p.anyway is None else p.anyway.year,
        cash_cost_material=next(iter(p.cash_cost_eur_per_t), None),
        cash_cost=yearly_values(next(iter(p.cash_cost_eur_per_t.values()), None), years, 0.0),
        restart_periods=int(p.restart_periods),
        clock_settings=_read_clock_settings(case, next(iter(p.cash_cost_eur_per_t), "")),
        unaided_probability=0.0 if p.anyway is None else float(p.anyway.probability),
        overruns=overruns,
        expected_cost_factor=1 + mean,
        budgeted_cost_factor=1
        + (mean if contingency is None else _overrun_quantile(overruns, float(contingency))),
    )


def _overrun_quantile(overruns: Sequence[tuple[float, float]], level: float) -> float:
    """The least overrun whose cumulative probability reaches a level; 0 where there is none."""
    reached = itertools.accumulate(chance for _, chance in overruns)
    least = (
        by for (by, _), p in zip(overruns, reached, strict=True) if p >= level - LEVEL_TOLERANCE
    )
    return next(least, overruns[-1][0] if overruns else 0.0)


def _read_stockpile(
    case: Case, s: Stockpile, lot_tonnes: dict[str, float], need: MaterialNeed
) -> StockpileData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)

    def shares(by_funder: dict[str, Number] | None) -> dict[str, float]:
        own = s.paid_by if by_funder is None else by_funder
        return {f: float(share) for f, share in own.items() if share > 0}

    size = lot_tonnes[s.material]
    price = yearly_values(case.materials[s.material].price_eur_per_t, years, 0.0)
    consumers = tuple(case.consumers) if s.serves is None else s.serves

    def of_those(tonnes: dict[tuple[str, str], Floats]) -> Floats:
        own = [t for (u, m), t in tonnes.items() if m == s.material and u in consumers]
        return sum(own, np.zeros(len(years)))

    days = yearly_values(s.min_days_of_demand, years, 0.0)
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
        retention=keeps if keeps > MIN_RETENTION else 0.0,
        initial_lots=float(s.initial_t) / size,
        max_stock=math.inf if s.max_t is None else float(s.max_t) / size,
        max_purchase=yearly_values(s.max_purchase_t_per_year, years, math.inf) / size,
        max_release=math.inf if release is None else float(release) / size,
        max_refill=yearly_values(s.refill_t_per_year, years, 0.0) / n / size,
        min_stock=days / 365 * of_those(need.by_consumer) / size,
        buying_cost=price * (1 + float(s.purchase_premium)) * size / 1e6,
        holding_cost=(storage + financing) * size / 1e6,
        storage_cost=storage * size / 1e6,
        financing_cost=financing * size / 1e6,
        end_value_per_lot=float(residual) * float(price[-1]) * size / 1e6,
        purchase_paid_by=shares(s.paid_by),
        storage_paid_by=shares(s.storage_paid_by),
        financing_paid_by=shares(s.financing_paid_by),
        consumers=consumers,
        served_need=of_those(need.claims) / n / size,
    )


def _read_hazards(case: Case, origins: tuple[tuple[str, str], ...]) -> Iterator[HazardData]:
    for id, hazard in case.hazards.items():
        # 1, but for rounding in the file.
        total = math.fsum(way.probability for way in hazard.profiles.values())
        profiles = []
        for name, its_effects in hazard.effects_by_profile.items():
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
        yearly = yearly_values(hazard.annual_probability, case.horizon.years, 0.0)
        factors = {regime: float(factor) for regime, factor in hazard.regime_factors.items()}
        yield HazardData(id, yearly, factors, tuple(profiles))


def _build_nodes(instance: Instance, need: MaterialNeed) -> Iterator[Node]:
    """Nodes in the order of the materials, then of the consumers."""
    case, measure = instance.case, instance.case.objective.measure
    nothing = np.zeros(len(instance.years))
    wanted = set[str]()  # what anybody needs, or a project takes in for what is wanted
    for m in reversed(order_materials(case)):
        makes = (p.output for p in instance.projects.values() if m in p.inputs)
        if need.max_per_year(m) or any(not wanted.isdisjoint(output) for output in makes):
            wanted.add(m)
    for m in case.materials:
        parts = {u: t for (u, material), t in need.claims.items() if material == m and t.any()}
        entitled = case.objective.allocation == "entitled"
        # What is taken in for nobody belongs to nobody, but pooled it may serve all.
        if not parts if entitled else m not in wanted:
            continue
        demand = {u: instance.demand.get((u, m), nothing) for u in parts}
        total = np.sum([nothing, *demand.values()], axis=0)
        if measure == "tonnes":
            unit = np.full(len(instance.years), instance.lot_tonnes[m])
        elif measure == "share_of_demand":
            unit = np.divide(
                1 / instance.periods_per_year, total, out=np.zeros_like(total), where=total > 0
            )
        else:
            unit = instance.discount_factor * instance.lot_tonnes[m] / 1e6
        priced, piles = (
            measure == "damage",
            [h for h in instance.stockpiles.values() if h.material == m],
        )
        steps = {
            u: tuple(_build_damage_steps(case, u, m, d, unit, priced)) if d.any() else ()
            for u, d in demand.items()
        }
        if entitled:
            for u, own in demand.items():
                shares = _group_shares(case, u, parts, need.claim_total(m), instance.offtake_groups)
                accounts, kept = (
                    _stockpile_shares(u, parts, piles),
                    _adaptation_ranges(instance, m, {u: steps[u]}),
                )
                yield Node(
                    f"{m}.{u}", m, u, own, shares, accounts, steps[u], adaptation_ranges=kept
                )
        else:
            everything = {group: np.ones(len(instance.years)) for group in instance.offtake_groups}
            accounts, joint = {h.id: 1.0 for h in piles}, (x for own in steps.values() for x in own)
            kept = _adaptation_ranges(instance, m, steps)
            yield Node(
                m, m, None, total, everything, accounts, tuple(joint), adaptation_ranges=kept
            )


def _build_chains(instance: Instance) -> Iterator[Chain]:
    """Which nodes hang together, in the order of their first ones."""
    place = {(node.material, node.consumer): v for v, node in enumerate(instance.nodes)}
    tied = {m: own for own in material_chains(instance.case) for m in own}
    last = {m: n for n, m in enumerate(order_materials(instance.case))}
    seen: set[int] = set()
    for v, node in enumerate(instance.nodes):
        if v in seen:
            continue
        forms = sorted(tied.get(node.material, (node.material,)), key=last.__getitem__)
        own = {m: place[m, node.consumer] for m in forms if (m, node.consumer) in place}
        seen.update(own.values())
        yield Chain(tuple(own.values()), tuple(_build_plants(instance, own)))


def _build_plants(instance: Instance, node_position: dict[str, int]) -> Iterator[Plant]:
    """What makes forms of a chain out of others; what lacks an input for good is left out."""
    common = {m: instance.nodes[v].group_share[COMMON_GROUP] for m, v in node_position.items()}
    for c in instance.conversions.values():
        if (
            c.output in node_position
            and c.capacity.any()
            and node_position.keys() >= c.inputs.keys()
        ):
            taken = {node_position[m]: ratio for m, ratio in c.inputs.items()}
            own = c.capacity * common[c.output]
            yield Plant(c.id, c.id, (c.output, c.country), node_position[c.output], taken, own)
    for p in instance.projects.values():
        made = next(iter(p.output), None)
        if p.inputs and made in node_position and node_position.keys() >= p.inputs.keys():
            taken = {node_position[m]: ratio for m, ratio in p.inputs.items()}
            label = f"{p.id}." if p.id in instance.conversions else p.id  # no id has a dot
            yield Plant(p.id, label, (made, p.country), node_position[made], taken, None)


def _find_damage_entry(case: Case, consumer: str, material: str) -> Damage:
    """The damage entry that holds for a consumer's demand for a material."""
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    return max(entries, key=lambda d: d.consumer is not None)


def read_adaptation(case: Case, entry: Damage) -> Adaptation | None:
    """How users adapt by a damage entry; None where that changes nothing."""
    own = entry.adaptation
    if own is None or own.per_year <= 0 or own.floor >= 1 or case.objective.measure != "damage":
        return None
    if not any(step.share > 0 for step in entry.steps[1:]):
        return None
    keeps = (1 - float(own.per_year)) ** (1 / int(case.horizon.periods_per_year))
    return Adaptation(keeps, float(own.floor), float(own.trigger_loss), int(own.reset_periods))


def _adaptation_ranges(
    instance: Instance, material: str, steps: Mapping[str, tuple[NodeDamageStep, ...]]
) -> tuple[tuple[int, int, int], ...]:
    """Where a node's steps, by consumer, belong to an entry with adaptation."""
    found, end = [], 0
    for consumer, own in steps.items():
        first, end = end, end + len(own)
        entry = (
            read_adaptation(instance.case, _find_damage_entry(instance.case, consumer, material))
            if own
            else None
        )
        if entry is not None:
            found.append((instance.adaptations[material].index(entry), first, end))
    return tuple(found)


def _read_clock_settings(case: Case, material: str) -> tuple[float, int]:
    """Trigger and reset of the damage entry that names a material alone, or the usual ones."""
    own = (d.adaptation for d in case.damage if d.material == material and d.consumer is None)
    entry = next(own, None) or materials.Adaptation(per_year=Number(0))
    return float(entry.trigger_loss), int(entry.reset_periods)


def _distinct_adaptations(case: Case) -> dict[str, tuple[Adaptation, ...]]:
    """Of each material those that are unlike."""
    found: dict[str, tuple[Adaptation, ...]] = {}
    for entry in case.damage:
        own, known = read_adaptation(case, entry), found.get(entry.material, ())
        if own is not None and own not in known:
            found[entry.material] = (*known, own)
    return found


def _build_damage_steps(
    case: Case, consumer: str, material: str, demand: Floats, damage_unit: Floats, by_price: bool
) -> Iterator[NodeDamageStep]:
    entry = _find_damage_entry(case, consumer, material)
    covered = math.fsum(step.share for step in entry.steps)  # 1, but for rounding in the file
    adapts = read_adaptation(case, entry) is not None  # so that the first step may come to grow
    for number, step in enumerate(entry.steps):
        if step.share > 0 or (adapts and number == 0):
            yield NodeDamageStep(
                consumer=consumer,
                limit=demand * float(step.share) / covered,
                weight=damage_unit * float(step.eur_per_t) if by_price else damage_unit,
            )


def _group_shares(
    case: Case,
    consumer: str,
    claims: dict[str, Floats],
    claim_total: Floats,
    groups: tuple[str, ...],
) -> dict[str, Floats]:
    """(Y) share of each group's tonnes that belongs to a consumer: in proportion to need."""

    def proportion(total: Floats) -> Floats:
        shares: Floats = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        return shares

    own = claims[consumer]
    shares = {COMMON_GROUP: proportion(claim_total)}
    for group in groups[1:]:
        members = {u: case.consumers[u].company for u in claims}
        named = [u for u, f in members.items() if f and company_group(f) == group]
        total = np.sum([claims[u] for u in named], axis=0) if consumer in named else 0 * own
        shares[group] = proportion(total)
    return shares


def _stockpile_shares(
    consumer: str, claims: dict[str, Floats], stockpiles: list[StockpileData]
) -> dict[str, float]:
    """Share of each stockpile that belongs to a consumer, by need over the whole horizon."""
    served = {
        pile.id: math.fsum(float(claims[u].sum()) for u in claims if u in pile.consumers)
        for pile in stockpiles
        if consumer in pile.consumers
    }
    return {h: float(claims[consumer].sum()) / tonnes for h, tonnes in served.items() if tonnes > 0}
