"""Reading of instances from scenarios: nodes, chains, and whose damage and cost count.

A scenario is optimized for all together, a company for itself, and a coalition for its members.
Rules and recourse are the same for each.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.scenario import materials
from models.scenario.case import Case
from models.scenario.chains import (
    find_damage_entry,
    material_chains,
    order_materials,
    yearly_demand,
)
from models.scenario.materials import Damage
from models.scenario.projects import Project
from models.scenario.quantities import Number
from models.scenario.sections import Stockpile
from optimizer.model.instance.components import (
    COMMON_GROUP,
    Adaptation,
    Chain,
    ConversionData,
    FixedDecisions,
    Floats,
    HazardData,
    Node,
    NodeDamageStep,
    Plant,
    ProfileData,
    ProjectData,
    Stake,
    StockpileData,
    company_group,
    yearly_values,
)
from optimizer.model.instance.data import Instance
from optimizer.model.instance.prices import (
    MaterialNeed,
    read_budget_lines,
    read_instruments,
    read_need,
    read_premiums,
    read_prices,
)
from optimizer.model.rule_declaration import current_extra_rules


def change_perspective(
    instance: Instance,
    *,
    damage_weights: Mapping[str, float] | None = None,
    cost_weights: Mapping[str, float] | None = None,
    inactive_funders: Collection[str] = (),
    stakes: Sequence[Stake] = (),
    fixed_decisions: FixedDecisions | None = None,
) -> Instance:
    """Return the instance from another perspective.

    ``damage_weights`` are weights of the mean damage of consumers in the objective (CVaR is always
    that of all damage), and ``cost_weights`` are weights of the net cost of funders. Consumers and
    funders that are not listed keep their weights. Funders in ``inactive_funders`` finance nothing;
    stocks and secured output for which one of them would pay are not bought. ``stakes`` are added
    to those of the instance. Raise ValueError if consumers at nodes of one chain would have
    different weights, since pooled supply does not allow this.
    """
    weights = {**instance.damage_weights, **(damage_weights or {})}
    nodes = list(instance.nodes)
    for chain in instance.chains:
        steps = [step for v in chain.nodes for step in nodes[v].steps]
        chain_weights = {weights.get(step.consumer, 1.0) for step in steps} or {1.0}
        if len(chain_weights) > 1:
            raise ValueError(
                "damage of one consumer cannot be separated from another's when pooled"
            )
        for v in chain.nodes:
            nodes[v] = replace(nodes[v], damage_weight=max(chain_weights))
    inactive_funders = frozenset(inactive_funders)
    instruments = tuple(i for i in instance.instruments if i.funder not in inactive_funders)
    stockpiles = {
        h: _without_purchases(stockpile)
        if inactive_funders.intersection(stockpile.payers)
        else stockpile
        for h, stockpile in instance.stockpiles.items()
    }
    premiums, projects = instance.premium_per_lot, dict(instance.projects)
    for p, project in instance.projects.items():
        if any(inactive_funders.intersection(premiums.get(m, ())) for m in project.output):
            projects[p] = replace(project, offtake_max=0.0)
    return replace(
        instance,
        damage_weights=weights,
        projects=projects,
        nodes=tuple(nodes),
        cost_weights={**instance.cost_weights, **(cost_weights or {})},
        instruments=instruments,
        stockpiles=stockpiles,
        stakes=(*instance.stakes, *stakes),
        fixed_decisions=instance.fixed_decisions if fixed_decisions is None else fixed_decisions,
    )


def _without_purchases(stockpile: StockpileData) -> StockpileData:
    """Return the stockpile with no purchases allowed. Its initial stock remains."""
    zeros = np.zeros_like(stockpile.max_purchase)
    return replace(stockpile, max_purchase=zeros, min_stock=zeros)


def build_nodes(instance: Instance, need: MaterialNeed) -> Iterator[Node]:
    """Yield the nodes, ordered by material and then by consumer."""
    case, measure = instance.case, instance.case.objective.measure
    zeros = np.zeros(len(instance.years))
    wanted_materials = set[
        str
    ]()  # materials needed by consumers, or as inputs of projects for these
    for m in reversed(order_materials(case)):
        outputs = (p.output for p in instance.projects.values() if m in p.inputs)
        if need.max_per_year(m) or any(
            not wanted_materials.isdisjoint(output) for output in outputs
        ):
            wanted_materials.add(m)
    for m in case.materials:
        claims = {u: t for (u, material), t in need.claims.items() if material == m and t.any()}
        entitled = case.objective.allocation == "entitled"
        # A material without claims belongs to no consumer, but if pooled it may serve all.
        if not claims if entitled else m not in wanted_materials:
            continue
        demand = {u: instance.demand.get((u, m), zeros) for u in claims}
        total_demand = np.sum([zeros, *demand.values()], axis=0)
        if measure == "tonnes":
            damage_unit = np.full(len(instance.years), instance.lot_tonnes[m])
        elif measure == "share_of_demand":
            damage_unit = np.divide(
                1 / instance.periods_per_year,
                total_demand,
                out=np.zeros_like(total_demand),
                where=total_demand > 0,
            )
        else:
            damage_unit = instance.discount_factor * instance.lot_tonnes[m] / 1e6
        by_price = measure == "damage"
        stockpiles = [h for h in instance.stockpiles.values() if h.material == m]
        steps = {
            u: tuple(_build_damage_steps(case, u, m, d, damage_unit, by_price)) if d.any() else ()
            for u, d in demand.items()
        }
        if entitled:
            for u, d in demand.items():
                claim_total, groups = need.claim_total(m), instance.offtake_groups
                shares = _group_shares(case, u, claims, claim_total, groups)
                stock_shares = _stockpile_shares(u, claims, stockpiles)
                ranges = _adaptation_ranges(instance, m, {u: steps[u]})
                yield Node(
                    f"{m}.{u}", m, u, d, shares, stock_shares, steps[u], adaptation_ranges=ranges
                )
        else:
            shares = {group: np.ones(len(instance.years)) for group in instance.offtake_groups}
            stock_shares = {h.id: 1.0 for h in stockpiles}
            all_steps = tuple(itertools.chain.from_iterable(steps.values()))
            ranges = _adaptation_ranges(instance, m, steps)
            yield Node(
                m, m, None, total_demand, shares, stock_shares, all_steps, adaptation_ranges=ranges
            )


def build_chains(instance: Instance) -> Iterator[Chain]:
    """Yield the chains, ordered by their first nodes."""
    node_position = {(node.material, node.consumer): v for v, node in enumerate(instance.nodes)}
    forms_by_material = {m: forms for forms in material_chains(instance.case) for m in forms}
    order = {m: n for n, m in enumerate(order_materials(instance.case))}
    assigned_nodes: set[int] = set()
    for v, node in enumerate(instance.nodes):
        if v in assigned_nodes:
            continue
        forms = sorted(
            forms_by_material.get(node.material, (node.material,)), key=order.__getitem__
        )
        positions = {
            m: node_position[m, node.consumer] for m in forms if (m, node.consumer) in node_position
        }
        assigned_nodes.update(positions.values())
        yield Chain(tuple(positions.values()), tuple(_build_plants(instance, positions)))


def _build_plants(instance: Instance, node_position: dict[str, int]) -> Iterator[Plant]:
    """Yield the plants that make the material of a node in ``node_position`` from those of others.
    Plants with an input that has no node are left out."""
    common_share = {
        m: instance.nodes[v].group_share[COMMON_GROUP] for m, v in node_position.items()
    }
    for c in instance.conversions.values():
        if (
            c.output in node_position
            and c.capacity.any()
            and node_position.keys() >= c.inputs.keys()
        ):
            inputs = {node_position[m]: ratio for m, ratio in c.inputs.items()}
            capacity = c.capacity * common_share[c.output]
            yield Plant(
                c.id, c.id, (c.output, c.country), node_position[c.output], inputs, capacity
            )
    for p in instance.projects.values():
        output = next(iter(p.output), None)
        if p.inputs and output in node_position and node_position.keys() >= p.inputs.keys():
            inputs = {node_position[m]: ratio for m, ratio in p.inputs.items()}
            label = f"{p.id}." if p.id in instance.conversions else p.id  # no id has a dot
            yield Plant(p.id, label, (output, p.country), node_position[output], inputs, None)


def read_adaptation(case: Case, entry: Damage) -> Adaptation | None:
    """Read the adaptation of a damage entry; None if it has no effect."""
    settings = entry.adaptation
    if (
        settings is None
        or settings.per_year <= 0
        or settings.floor >= 1
        or case.objective.measure != "damage"
    ):
        return None
    if not any(step.share > 0 for step in entry.steps[1:]):
        return None
    retention = (1 - float(settings.per_year)) ** (1 / int(case.horizon.periods_per_year))
    return Adaptation(
        retention, float(settings.floor), float(settings.trigger_loss), int(settings.reset_periods)
    )


def _adaptation_ranges(
    instance: Instance, material: str, steps: Mapping[str, tuple[NodeDamageStep, ...]]
) -> tuple[tuple[int, int, int], ...]:
    """Return the ranges of damage steps of a node that adaptation shrinks, one for each damage
    entry with adaptation: index of the adaptation, first step, and end. ``steps`` has the steps by
    consumer."""
    ranges, end = [], 0
    for consumer, consumer_steps in steps.items():
        first_step, end = end, end + len(consumer_steps)
        entry = (
            read_adaptation(instance.case, find_damage_entry(instance.case, consumer, material))
            if consumer_steps
            else None
        )
        if entry is not None:
            ranges.append((instance.adaptations[material].index(entry), first_step, end))
    return tuple(ranges)


def read_clock_settings(case: Case, material: str) -> tuple[float, int]:
    """Return trigger loss and reset periods of the shortage clock of a material. They are those of
    its damage entry for all consumers, or else the defaults."""
    settings = (d.adaptation for d in case.damage if d.material == material and d.consumer is None)
    adaptation = next(settings, None) or materials.Adaptation(per_year=Number(0))
    return float(adaptation.trigger_loss), int(adaptation.reset_periods)


def distinct_adaptations(case: Case) -> dict[str, tuple[Adaptation, ...]]:
    """Return the distinct adaptations of each material."""
    by_material: dict[str, tuple[Adaptation, ...]] = {}
    for entry in case.damage:
        adaptation, earlier_adaptations = (
            read_adaptation(case, entry),
            by_material.get(entry.material, ()),
        )
        if adaptation is not None and adaptation not in earlier_adaptations:
            by_material[entry.material] = (*earlier_adaptations, adaptation)
    return by_material


def _build_damage_steps(
    case: Case, consumer: str, material: str, demand: Floats, damage_unit: Floats, by_price: bool
) -> Iterator[NodeDamageStep]:
    entry = find_damage_entry(case, consumer, material)
    total_share = math.fsum(step.share for step in entry.steps)  # 1 up to rounding in the file
    adapts = read_adaptation(case, entry) is not None  # then the first step may grow
    for number, step in enumerate(entry.steps):
        if step.share > 0 or (adapts and number == 0):
            yield NodeDamageStep(
                consumer=consumer,
                limit=demand * float(step.share) / total_share,
                weight=damage_unit * float(step.eur_per_t) if by_price else damage_unit,
            )


def _group_shares(
    case: Case,
    consumer: str,
    claims: dict[str, Floats],
    claim_total: Floats,
    groups: tuple[str, ...],
) -> dict[str, Floats]:
    """Return the share (Y) of each group's offtake that belongs to a consumer. A group's tonnes are
    divided among its consumers in proportion to their claims."""

    def proportion(total: Floats) -> Floats:
        shares: Floats = np.divide(claim, total, out=np.zeros_like(claim), where=total > 0)
        return shares

    claim = claims[consumer]
    shares = {COMMON_GROUP: proportion(claim_total)}
    for group in groups[1:]:
        members = {u: case.consumers[u].company for u in claims}
        group_members = [u for u, f in members.items() if f and company_group(f) == group]
        group_total = (
            np.sum([claims[u] for u in group_members], axis=0)
            if consumer in group_members
            else 0 * claim
        )
        shares[group] = proportion(group_total)
    return shares


def _stockpile_shares(
    consumer: str, claims: dict[str, Floats], stockpiles: list[StockpileData]
) -> dict[str, float]:
    """Return the share of each stockpile that belongs to a consumer, by claims over the whole
    horizon."""
    claims_by_stockpile = {
        stockpile.id: math.fsum(float(claims[u].sum()) for u in claims if u in stockpile.consumers)
        for stockpile in stockpiles
        if consumer in stockpile.consumers
    }
    return {
        h: float(claims[consumer].sum()) / tonnes
        for h, tonnes in claims_by_stockpile.items()
        if tonnes > 0
    }


MIN_RETENTION = 1e-9  # smaller retention per period counts as 0
LEVEL_TOLERANCE = 1e-9  # slack when cumulative probabilities are compared with a level


def read_instances(cases: Sequence[Case]) -> tuple[Instance, ...]:
    """Read one instance for each assumption set. All have the same lot sizes, and only start years
    that are allowed under every set."""
    first_instance = read_instance(cases[0])
    instances = [
        first_instance,
        *(read_instance(case, first_instance.lot_tonnes) for case in cases[1:]),
    ]
    common_starts = {
        p: tuple(
            y
            for y in x.start_years
            if all(y in instance.projects[p].start_years for instance in instances)
        )
        for p, x in first_instance.projects.items()
    }
    return tuple(
        replace(
            instance,
            projects={
                p: replace(x, start_years=common_starts[p]) for p, x in instance.projects.items()
            },
        )
        for instance in instances
    )


def read_instance(case: Case, lot_tonnes: Mapping[str, float] | None = None) -> Instance:
    """Read the sets and coefficients of a scenario. ``lot_tonnes`` prescribes lot sizes in tonnes
    by material; by default they are powers of two near an eighth of the largest yearly need."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    discount = (1 + float(case.horizon.discount_rate)) ** -np.arange(len(years), dtype=float)
    tonnes = _yearly_demand(case, years)
    need = read_need(case, years, tonnes)
    lots = (
        {m: _choose_lot_size(need.max_per_year(m)) for m in case.materials}
        if lot_tonnes is None
        else dict(lot_tonnes)
    )
    demand = {(u, m): t / n / lots[m] for (u, m), t in tonnes.items() if t.any()}
    supply, need_linked = _read_supply(case, need.total, lots)
    projects = {p: _read_project(case, p, x, lots) for p, x in case.projects.items()}
    conversions = {
        id: ConversionData(
            id=id,
            country=c.country,
            output=c.output,
            inputs=_input_lots(c.inputs_t_per_t, c.output, lots),
            capacity=yearly_values(c.capacity_t_per_year, years, 0.0) / n / lots[c.output],
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
    stockpiles = {s.id: _read_stockpile(case, s, lots, need) for s in case.stockpiles}
    prices = read_prices(case, years)
    instance = Instance(
        case=case,
        years=years,
        periods_per_year=n,
        discount_factor=discount,
        lot_tonnes=lots,
        demand=demand,
        need={m: t / n / lots[m] for m, t in need.total.items()},
        supply=supply,
        need_linked_supply=need_linked,
        adaptations=distinct_adaptations(case),
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
        premium_per_lot=read_premiums(case, years, lots),
        extra_rules=current_extra_rules(),
    )
    instance = replace(instance, nodes=tuple(build_nodes(instance, need)))
    return replace(instance, chains=tuple(build_chains(instance)))


def _choose_lot_size(yearly_t: float) -> float:
    return 2.0 ** round(math.log2(yearly_t / 8)) if yearly_t > 0 else 1.0


def _input_lots(
    ratios: Mapping[str, float], output: str, lot_tonnes: dict[str, float]
) -> dict[str, float]:
    """Return the lots of each input per lot of ``output``, from ``ratios`` in tonnes per tonne."""
    return {m: float(ratio) * lot_tonnes[output] / lot_tonnes[m] for m, ratio in ratios.items()}


def _yearly_demand(case: Case, years: range) -> dict[tuple[str, str], Floats]:
    """Return demand in tonnes per year (Y), by consumer and material."""
    by_year = [yearly_demand(case, year) for year in years]
    return {pair: np.array([demand[pair] for demand in by_year]) for pair in by_year[0]}


def _read_supply(
    case: Case, total_need: dict[str, Floats], lot_tonnes: dict[str, float]
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """Return supply in lots per period (Y) by material and country, and the part of it that the
    scenario states as a share of need, by the same keys."""
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    supply: dict[tuple[str, str], Floats] = {}
    need_linked: dict[tuple[str, str], Floats] = {}
    for row in case.supply:
        m = row.material
        if row.share is not None:
            tonnes = yearly_values(row.share, years, 0.0) * total_need[m]
        else:
            tonnes = yearly_values(row.t_per_year, years, 0.0)
        pair = (m, row.country)
        lots = tonnes / n / lot_tonnes[m]
        supply[pair] = supply.get(pair, 0 * lots) + lots
        need_linked[pair] = need_linked.get(pair, 0 * lots) + (0.0 if row.share is None else lots)
    return supply, need_linked


def _read_project(case: Case, id: str, p: Project, lot_tonnes: dict[str, float]) -> ProjectData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    residual = case.horizon.residual_value if p.residual_value is None else p.residual_value
    output = {m: float(t) / n / lot_tonnes[m] for m, t in p.output_t_per_year.items() if t > 0}
    overruns = tuple(sorted((float(o.by), float(o.probability)) for o in p.capex_overrun))
    mean_overrun = math.fsum(overrun * probability for overrun, probability in overruns)
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
        unaided_start_year=None if p.anyway is None else p.anyway.year,
        cash_cost_material=next(iter(p.cash_cost_eur_per_t), None),
        cash_cost=yearly_values(next(iter(p.cash_cost_eur_per_t.values()), None), years, 0.0),
        restart_periods=int(p.restart_periods),
        clock_settings=read_clock_settings(case, next(iter(p.cash_cost_eur_per_t), "")),
        unaided_probability=0.0 if p.anyway is None else float(p.anyway.probability),
        overruns=overruns,
        expected_cost_factor=1 + mean_overrun,
        budgeted_cost_factor=1
        + (
            mean_overrun if contingency is None else _overrun_quantile(overruns, float(contingency))
        ),
    )


def _overrun_quantile(overruns: Sequence[tuple[float, float]], level: float) -> float:
    """Return the smallest overrun with a cumulative probability of at least ``level``; 0 if there
    are no overruns."""
    cumulative = itertools.accumulate(probability for _, probability in overruns)
    sufficient = (
        overrun
        for (overrun, _), total in zip(overruns, cumulative, strict=True)
        if total >= level - LEVEL_TOLERANCE
    )
    return next(sufficient, overruns[-1][0] if overruns else 0.0)


def _read_stockpile(
    case: Case, s: Stockpile, lot_tonnes: dict[str, float], need: MaterialNeed
) -> StockpileData:
    years, n = case.horizon.years, int(case.horizon.periods_per_year)

    def shares(by_funder: dict[str, Number] | None) -> dict[str, float]:
        paid_by = s.paid_by if by_funder is None else by_funder
        return {f: float(share) for f, share in paid_by.items() if share > 0}

    lot = lot_tonnes[s.material]
    price = yearly_values(case.materials[s.material].price_eur_per_t, years, 0.0)
    consumers = tuple(case.consumers) if s.serves is None else s.serves

    def sum_over_consumers(tonnes: dict[tuple[str, str], Floats]) -> Floats:
        rows = [t for (u, m), t in tonnes.items() if m == s.material and u in consumers]
        return sum(rows, np.zeros(len(years)))

    days = yearly_values(s.min_days_of_demand, years, 0.0)
    if s.min_days_of_demand is not None and s.min_days_of_demand.first_year is not None:
        days[np.array(years) < s.min_days_of_demand.first_year] = 0.0
    storage = np.full(len(years), float(s.storage_eur_per_t_year))
    financing = float(s.financing_rate) * price
    residual = case.horizon.residual_value if s.residual_value is None else s.residual_value
    retention = (1 - float(s.annual_loss)) ** (1 / n)
    max_release = s.max_release_t_per_period
    return StockpileData(
        id=s.id,
        material=s.material,
        retention=retention if retention > MIN_RETENTION else 0.0,
        initial_lots=float(s.initial_t) / lot,
        max_stock=math.inf if s.max_t is None else float(s.max_t) / lot,
        max_purchase=yearly_values(s.max_purchase_t_per_year, years, math.inf) / lot,
        max_release=math.inf if max_release is None else float(max_release) / lot,
        max_refill=yearly_values(s.refill_t_per_year, years, 0.0) / n / lot,
        min_stock=days / 365 * sum_over_consumers(need.by_consumer) / lot,
        buying_cost=price * (1 + float(s.purchase_premium)) * lot / 1e6,
        holding_cost=(storage + financing) * lot / 1e6,
        storage_cost=storage * lot / 1e6,
        financing_cost=financing * lot / 1e6,
        end_value_per_lot=float(residual) * float(price[-1]) * lot / 1e6,
        purchase_paid_by=shares(s.paid_by),
        storage_paid_by=shares(s.storage_paid_by),
        financing_paid_by=shares(s.financing_paid_by),
        consumers=consumers,
        served_need=sum_over_consumers(need.claims) / n / lot,
    )


def _read_hazards(case: Case, origins: tuple[tuple[str, str], ...]) -> Iterator[HazardData]:
    for id, hazard in case.hazards.items():
        # Normalize: the file may contain rounded probabilities.
        total = math.fsum(profile.probability for profile in hazard.profiles.values())
        profiles = []
        for name, profile_effects in hazard.effects_by_profile.items():
            effects = tuple(
                (position, 1 - np.array(effect.loss, dtype=float))
                for effect in profile_effects
                for position, (material, country) in enumerate(origins)
                if country == effect.country
                and (effect.materials is None or material in effect.materials)
            )
            duration = max((len(effect.loss) for effect in profile_effects), default=1)
            probability = 1.0 if name is None else float(hazard.profiles[name].probability) / total
            profile = id if name is None else f"{id}.{name}"
            profiles.append(ProfileData(profile, id, probability, duration, effects))
        annual_probability = yearly_values(hazard.annual_probability, case.horizon.years, 0.0)
        factors = {regime: float(factor) for regime, factor in hazard.regime_factors.items()}
        yield HazardData(id, annual_probability, factors, tuple(profiles))
