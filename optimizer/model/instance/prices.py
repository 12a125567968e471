"""Prices and needs of materials, and programs and budget lines as coefficients of the problem.

The price state of a material is drawn for each state of the world if the price decides whether a
plant runs, if a listed state of the world states it, or if the review observes it. Prices that a
listed state states by year are further price states, after those of the material.

The need of a consumer for a material is its demand, and its part of what conversions take in at
full capacity. This part is the consumer's share in the need for the output. Projects do not add to
need. Only in a year in which nobody needs a material, shares are computed from what projects could
take in.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from models.scenario.chains import material_needs, order_materials
from models.scenario.hazards import Sample
from models.scenario.instruments import Instrument
from models.scenario.materials import Material
from models.scenario.quantities import YearlyQuantity
from models.scenario.sections import BudgetLine
from optimizer.model import random_streams
from optimizer.model.instance.components import (
    BudgetLineData,
    Floats,
    FloorPrices,
    InstrumentData,
    yearly_values,
)


@dataclass(frozen=True, eq=False)
class PriceData:
    """Price states (P) of a material: those of the file in its order, or one if the file lists
    none, and then the prices by year of listed states of the world."""

    price_by_state: Floats  # (P, Y) EUR per tonne
    probability: Floats  # (P) as stated in the file; 0 for prices of listed states of the world
    probability_in_states: Floats  # (P) over the states of the world, or those of a review branch
    is_sampled: bool  # whether each state of the world has a price state
    planning_probability: Floats  # (P) for budgets: over all states, also on a review branch
    stated_count: int = 1  # price states of the material; the others are prices by year

    @property
    def most_likely(self) -> int:
        """Index of the most likely price state, and of the first if several are equally likely."""
        return int(self.probability.argmax())


def read_prices(case: Case, years: range) -> dict[str, PriceData]:
    """Read the price states of all materials, by material."""
    return {
        m: _read_price_states(case, m, material, years) for m, material in case.materials.items()
    }


def _read_price_states(case: Case, m: str, material: Material, years: range) -> PriceData:
    if not material.price_states:
        prices = yearly_values(material.price_eur_per_t, years, 0.0)[None]
        probability = np.ones(1)
    else:
        prices = np.array(
            [yearly_values(price.eur_per_t, years, 0.0) for price in material.price_states]
        )
        probability = np.array([float(price.probability) for price in material.price_states])
    data = PriceData(prices, probability, probability, False, probability, len(prices))
    states = (case.uncertainty and case.uncertainty.states) or ()
    named_prices = [state.prices[m] for state in states if m in state.prices]
    if not (named_prices or material.price_states):
        return data
    decides_running = any(m in p.cash_cost_eur_per_t for p in case.projects.values())
    review = case.planned_review
    is_observed = review is not None and any(
        observation.price == m for observation in review.observe
    )
    if not (decides_running or is_observed or named_prices):
        return data
    paths = {
        path.tobytes(): path
        for price in named_prices
        if isinstance(price, YearlyQuantity)
        for path in [yearly_values(price, years, 0.0)]
    }
    for price in data.price_by_state:
        paths.pop(price.tobytes(), None)
    if paths:
        data = replace(
            data,
            price_by_state=np.concatenate([data.price_by_state, [*paths.values()]]),
            probability=np.concatenate([data.probability, np.zeros(len(paths))]),
        )
    sample = case.uncertainty and case.uncertainty.sample
    if sample:
        sampled = sample_price_states(data, m, sample, slice(0, int(sample.states)))
        weights = np.ones(len(sampled))
    else:
        sampled = read_written_price_states(data, m, case, years)
        weights = np.array([float(state.probability) for state in states] or [1.0])
        if (weights == weights[0]).all():
            weights = np.ones(len(weights))  # rounding as for a sample
    in_states = np.bincount(sampled, weights, len(data.price_by_state)) / weights.sum()
    return replace(
        data, probability_in_states=in_states, is_sampled=True, planning_probability=in_states
    )


def sample_price_states(data: PriceData, m: str, sample: Sample, block: slice) -> NDArray[np.intp]:
    """Return the sampled price state of a material in each state of the world of a block (B)."""
    draws = random_streams.draw_uniforms(sample, block, "price", m)
    return random_streams.draw_categories(data.probability.tolist(), draws)


def read_written_price_states(
    data: PriceData, m: str, case: Case, years: range
) -> NDArray[np.intp]:
    """Return the index of the price state of a material in each listed state of the world (S). It
    is the most likely one where a state does not state the price. Without listed states there is
    one state, which states no price."""
    index_by_path: dict[bytes, int] = {}
    for n, path in enumerate(data.price_by_state):
        index_by_path.setdefault(path.tobytes(), n)

    def index_of(price: str | YearlyQuantity | None) -> int:
        if price is None:
            return data.most_likely
        if isinstance(price, YearlyQuantity):
            return index_by_path[yearly_values(price, years, 0.0).tobytes()]
        price_states = enumerate(case.materials[m].price_states)
        return next(n for n, price_state in price_states if price_state.is_named(price))

    states = (case.uncertainty and case.uncertainty.states) or ()
    prices = [state.prices.get(m) for state in states]
    return np.array([index_of(price) for price in prices or [None]], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class MaterialNeed:
    """Need of each material in each year (Y), in tonnes per year."""

    total: dict[str, Floats]  # by material, including parts that belong to no consumer
    by_consumer: dict[tuple[str, str], Floats]  # by consumer and material
    claims: dict[tuple[str, str], Floats]
    """Need by consumer and material; in years in which nobody needs a material, possible inputs of
    projects. Tonnes that belong to all are divided in proportion to claims."""

    def claim_total(self, material: str) -> Floats:
        """Return the tonnes per year (Y) of which claims to a material are parts: total need, or
        the sum of claims in years without need."""
        total = self.total[material]
        claims = sum((tonnes for (_, m), tonnes in self.claims.items() if m == material), 0 * total)
        return np.where(total > 0, total, claims)

    def max_per_year(self, material: str) -> float:
        """Return the largest total of :meth:`claim_total` in any year, in tonnes."""
        return float(self.claim_total(material).max(initial=0.0))


def read_need(case: Case, years: range, demand: dict[tuple[str, str], Floats]) -> MaterialNeed:
    """Compute the need of all materials from ``demand``, which has tonnes per year (Y) by consumer
    and material."""
    conversions = [
        (c.inputs_t_per_t, c.output, yearly_values(c.capacity_t_per_year, years, 0.0))
        for c in case.conversions.values()
    ]
    projects = [
        (p.inputs_t_per_t, output, np.full(len(years), float(t)))
        for p in case.projects.values()
        for output, t in p.output_t_per_year.items()
        if p.inputs_t_per_t
    ]
    needs_by_year = [material_needs(case, year) for year in years]
    need = MaterialNeed({}, {}, {})
    share_in: dict[tuple[str, str], Floats] = {}  # of each consumer in each material's claims
    for m in reversed(order_materials(case)):
        no_demand = np.zeros(len(years))
        need_of = {u: demand.get((u, m), no_demand) for u in case.consumers}
        project_inputs = dict.fromkeys(need_of, no_demand)
        for ratios, output, output_tonnes in conversions:
            if m in ratios:
                input_tonnes = float(ratios[m]) * output_tonnes
                need_of = {u: t + input_tonnes * share_in[u, output] for u, t in need_of.items()}
        for ratios, output, output_tonnes in projects:
            if m in ratios:
                input_tonnes = float(ratios[m]) * output_tonnes
                project_inputs = {
                    u: t + input_tonnes * share_in[u, output] for u, t in project_inputs.items()
                }
        need.total[m] = total = np.array([needs.get(m, 0.0) for needs in needs_by_year])
        for u, t in need_of.items():
            need.by_consumer[u, m] = t
            need.claims[u, m] = np.where(total > 0, t, project_inputs[u])
        claim_total = need.claim_total(m)
        for u in need_of:
            claim = need.claims[u, m]
            share_in[u, m] = np.divide(
                claim, claim_total, out=np.zeros_like(claim), where=claim_total > 0
            )
    return need


def read_instruments(
    case: Case, years: range, prices: Mapping[str, PriceData]
) -> Iterator[InstrumentData]:
    """Read the instruments of all funders, in the order of the file."""
    rate = float(case.horizon.discount_rate)
    for funder_id, funder in case.funders.items():
        for id, i in funder.instruments.items():
            yield InstrumentData(
                funder=funder_id,
                id=id,
                funder_kind=funder.kind,
                instrument_kind=i.kind,
                max_share=float(i.max_share),
                ticket_min=float(i.ticket_min_meur),
                ticket_max=math.inf if i.ticket_max_meur is None else float(i.ticket_max_meur),
                offtake_per_share=float(i.offtake_per_share),
                budget_charge=float(i.budget_charge),
                line_charges={
                    line_id: float(i.charges.get(line_id, i.type.default_charge(line.kind)))
                    for line_id, line in funder.budget_lines.items()
                },
                grant_equivalent=float(i.grant_equivalent),
                terms=i.type.compute_terms(funder.kind, rate),
                interest_rate=float(i.interest_rate or 0),
                market_finance_per_share=float(i.market_finance_per_share),
                floor_prices=_floor_prices(i, years, prices),
                eligible_projects=frozenset(
                    p for p, x in case.projects.items() if i.accepts_project(x)
                ),
            )


def _floor_prices(
    instrument: Instrument, years: range, prices: Mapping[str, PriceData]
) -> dict[str, FloorPrices]:
    by_material = {}
    for material, price_by_year in (instrument.floor_eur_per_t or {}).items():
        floor = yearly_values(price_by_year, years, 0.0)
        upside_from = (instrument.upside_from_eur_per_t or {}).get(material)
        upside = floor if upside_from is None else yearly_values(upside_from, years, 0.0)
        price_data = prices[material]
        payments = np.maximum(0.0, floor - price_data.price_by_state)
        upside_payments = np.maximum(0.0, price_data.price_by_state - upside)
        by_material[material] = FloorPrices(
            expected_payment=price_data.probability_in_states @ payments,
            planned_payment=price_data.planning_probability @ payments,
            upside_income=float(instrument.upside_share)
            * (price_data.probability_in_states @ upside_payments),
            payment_by_state=payments[
                (price_data.probability > 0) | (np.arange(len(payments)) >= price_data.stated_count)
            ],
        )
    return by_material


def read_premiums(
    case: Case, years: range, lot_tonnes: Mapping[str, float]
) -> dict[str, dict[str, Floats]]:
    """Return the premium for secured output in each year (Y), in million EUR per lot, by material
    and then by funder."""
    return {
        m: {
            f: float(share)
            * yearly_values(material.secured_premium_eur_per_t, years, 0.0)
            * lot_tonnes[m]
            / 1e6
            for f, share in material.premium_paid_by.items()
            if share > 0
        }
        for m, material in case.materials.items()
        if material.premium_paid_by is not None
    }


def read_budget_lines(case: Case, years: range) -> dict[tuple[str, str], BudgetLineData]:
    """Read the budget lines of all funders, by funder and id of the line."""
    return {
        (f, id): _read_budget_line(f, id, line, years)
        for f, funder in case.funders.items()
        for id, line in funder.budget_lines.items()
    }


def _read_budget_line(f: str, id: str, line: BudgetLine, years: range) -> BudgetLineData:
    by_year = line.by_year_meur
    default_charge = 0.0 if line.kind == "guarantee_stock" else 1.0
    premium_charge = 1.0 if line.premium_charge is None else line.premium_charge
    return BudgetLineData(
        funder=f,
        id=id,
        kind=line.kind,
        total=math.inf if line.total_meur is None else float(line.total_meur),
        yearly_budget=(
            None if by_year is None else np.array([float(by_year.get(y, 0.0)) for y in years])
        ),
        carry_over=line.carry_over,
        guarantee_limit=yearly_values(line.limit_meur, years, math.inf),
        stock_charge=default_charge if line.stock_charge is None else float(line.stock_charge),
        premium_charge=float(premium_charge) if line.kind == "cash" else 0.0,
    )
