"""Reading of instances from scenarios."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.scenario.case import Case
from models.scenario.chains import yearly_demand
from models.scenario.projects import Project
from models.scenario.quantities import Number
from models.scenario.stockpiles import Stockpile
from optimizer.model.extra_rules import current_extra_rules
from optimizer.model.instance.components import (
    COMMON_GROUP,
    ConversionData,
    Floats,
    HazardData,
    ProfileData,
    ProjectData,
    StockpileData,
    company_group,
    yearly_values,
)
from optimizer.model.instance.data import Instance
from optimizer.model.instance.funding import read_budget_lines, read_instruments, read_premiums
from optimizer.model.instance.need import MaterialNeed, read_need
from optimizer.model.instance.nodes import (
    build_chains,
    build_nodes,
    distinct_adaptations,
    read_clock_settings,
)
from optimizer.model.instance.prices import read_prices

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
