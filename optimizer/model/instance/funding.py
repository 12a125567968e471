"""Instruments, premiums and budget lines as coefficients of the problem."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from models.scenario.case import Case
from models.scenario.funding import BudgetLine
from models.scenario.instruments import Instrument
from optimizer.model.instance.components import (
    BudgetLineData,
    Floats,
    FloorPrices,
    InstrumentData,
    yearly_values,
)
from optimizer.model.instance.prices import PriceData


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
