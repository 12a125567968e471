"""Cash flows of instruments over the years of a project.

Terms of instruments, per EUR committed, are in :mod:`models.scenario.instruments`. A kind of
instrument whose payments are no share of capex has a class of its own, in :data:`CASH_FLOWS`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.scenario.instruments import InstrumentKind, interest_by_age
from optimizer.model.instance.components import (
    BudgetLineData,
    Floats,
    FloorPrices,
    InstrumentData,
    ProjectData,
)


@dataclass(frozen=True, eq=False)
class CashFlows:
    """Undiscounted cash flows, in million EUR, of an instrument that carries a share of 1 of a
    project with a given start. This class is that of instruments that carry capex.

    Net cost includes the mean overrun of capex, budget charges include the overrun that the
    contingency requires, and state aid includes no overrun.
    """

    project: ProjectData
    instrument: InstrumentData
    start: int
    years: range
    discount_factor: Floats  # (Y)
    output: Mapping[str, float]  # million tonnes a year at nameplate, by material

    @cached_property
    def expected_payments(self) -> Floats:
        """Payments by year (Y) in which they are due: capex, interest or price floor."""
        return self._capex * self.project.capex_due(self.years, self.start)

    @property
    def _capex(self) -> float:
        return self.project.capex * self.project.expected_cost_factor

    @property
    def paid_per_capex(self) -> float:
        """Total payments per EUR of capex."""
        return 1.0

    @cached_property
    def committed_amount(self) -> float:
        """Capex or all interest, as budgets count it, or the exposure of a price floor in all
        years, in million EUR."""
        return self.project.capex * self.project.budgeted_cost_factor * self.paid_per_capex

    @cached_property
    def state_aid_base(self) -> float:
        """The amount, in million EUR, of which ``grant_equivalent`` is a share."""
        return self.project.capex * self.paid_per_capex

    @property
    def budget_factor(self) -> float:
        """Budget charge per EUR of expected payments."""
        return self.project.budgeted_cost_factor / self.project.expected_cost_factor

    @cached_property
    def upside_income(self) -> Floats:
        """Expected income by year (Y) from prices above a price floor; 0 without one."""
        return np.zeros(len(self.years))

    @property
    def end_value(self) -> float:
        """Undiscounted residual value of the payments."""
        return self._capex * self.project.residual_at_end(self.years, self.start)

    @cached_property
    def net_cost(self) -> float:
        """Discounted net cost in million EUR."""
        discounted_years = zip(self.discount_factor, self.expected_payments, strict=True)
        payments = math.fsum(
            float(factor) * float(payment) for factor, payment in discounted_years if payment > 0
        )
        cost = (1 - self.instrument.terms.recovery) * payments - float(
            self.discount_factor @ self.upside_income
        )
        return cost - self.residual_value

    @property
    def residual_value(self) -> float:
        """Discounted residual value in million EUR. Only the part of capex that is not recovered
        counts, so that the net cost of a project is never negative because of its residual
        value."""
        unrecovered = max(0.0, 1 - self.instrument.terms.recovery)
        return unrecovered * float(self.discount_factor[-1]) * self.end_value

    @property
    def budgeted_payments(self) -> Floats:
        """Payments in each year (Y, million EUR) that are charged to budgets when they are due."""
        return self.budget_factor * self.expected_payments

    def budget_line_use(self, line: BudgetLineData) -> Floats:
        """Return the use of a budget line of the funder in each year (Y, million EUR). For a
        line of guarantee stock this is the amount outstanding at the end of the year."""
        charge, terms = self.instrument.line_charges.get(line.id, 0.0), self.instrument.terms
        if line.kind == "cash":
            return charge * self.budgeted_payments
        ages = [year - self.start for year in self.years]
        is_charged = [
            age == 0 if line.kind == "commitment" else terms.is_in_force(age) for age in ages
        ]
        return np.where(is_charged, charge * self.committed_amount, 0.0)

    def amounts_at_risk(self) -> tuple[Floats, float | None, float]:
        """Return what the funder can lose: the amount outstanding in each year (Y), the expected
        loss (None if unknown) and the maximum loss, in million EUR and not discounted.

        They are 0 for grants and interest subsidies, which are spent in any case.
        """
        terms, years = self.instrument.terms, range(len(self.years))
        if terms.budget_class == "grant" or not self.instrument.carries_capex:
            return np.zeros(len(years)), 0.0, 0.0
        outstanding_amounts = np.array(
            [
                math.fsum(
                    float(self.expected_payments[d]) * terms.outstanding(y - d) for d in years
                )
                for y in years
            ]
        )
        # Expected payments, like the outstanding amounts.
        amount = self.committed_amount / self.budget_factor
        expected_loss = None if terms.expected_loss is None else terms.expected_loss * amount
        return outstanding_amounts, expected_loss, terms.maximum_loss * amount


class InterestSubsidyFlows(CashFlows):
    """Cash flows of an interest subsidy: interest on a loan that is drawn like the capex."""

    end_value = 0.0

    @property
    def _interest(self) -> tuple[float, ...]:
        terms = self.instrument.terms
        return interest_by_age(terms.outstanding_schedule, self.instrument.interest_rate)

    @cached_property
    def expected_payments(self) -> Floats:
        """Interest in each year (Y). Interest after the horizon is due in its last year."""
        payments = np.zeros(len(self.years))
        for draw_year, drawing in enumerate(super().expected_payments):
            for age, rate in enumerate(self._interest):
                payments[min(draw_year + age, len(self.years) - 1)] += drawing * rate
        return payments

    @property
    def paid_per_capex(self) -> float:
        """Interest of all years per EUR lent."""
        return math.fsum(self._interest)


class PriceFloorFlows(CashFlows):
    """Cash flows of a price floor that covers all output of a project."""

    budget_factor = 1.0
    end_value = 0.0

    @cached_property
    def _volumes(self) -> list[tuple[FloorPrices, Floats]]:
        """Prices and million tonnes under the floor in each year (Y), for each material."""
        first_output = self.start + self.project.construction_years
        term = self.instrument.terms.term_years
        is_covered = np.array(
            [term is None or year - first_output < term for year in self.years], dtype=float
        )
        running_share = self.project.running_shares(self.years, self.start) * is_covered
        return [
            (prices, self.output.get(material, 0.0) * running_share)
            for material, prices in self.instrument.floor_prices.items()
        ]

    def _expected_total(self, amount_per_tonne: Callable[[FloorPrices], Floats]) -> Floats:
        yearly_total = np.zeros(len(self.years))
        for prices, volume in self._volumes:
            yearly_total = (
                yearly_total + self.project.success_probability * amount_per_tonne(prices) * volume
            )
        return yearly_total

    @cached_property
    def expected_payments(self) -> Floats:
        """Expected payments in each year (Y); on a review branch, those at its prices."""
        return self._expected_total(lambda prices: prices.expected_payment)

    @cached_property
    def budgeted_payments(self) -> Floats:
        """Expected payments in each year (Y) over all states, also on a review branch."""
        return self._expected_total(lambda prices: prices.planned_payment)

    @cached_property
    def upside_income(self) -> Floats:
        """Expected income in each year (Y): the funder's share of prices above the floor."""
        return self._expected_total(lambda prices: prices.upside_income)

    @cached_property
    def exposure(self) -> Floats:
        """Price-floor payments in each year (Y), in million EUR, if the project succeeds and each
        material is in its worst price state, the one with the largest total payments."""
        yearly_exposure = np.zeros(len(self.years))
        for prices, volume in self._volumes:
            worst_state = int((prices.payment_by_state @ volume).argmax())
            yearly_exposure = yearly_exposure + prices.payment_by_state[worst_state] * volume
        return yearly_exposure

    @cached_property
    def committed_amount(self) -> float:
        """The exposure of all years together."""
        return float(self.exposure.sum())

    @cached_property
    def state_aid_base(self) -> float:
        """The budgeted payments of all years together."""
        return float(self.budgeted_payments.sum())

    def amounts_at_risk(self) -> tuple[Floats, float | None, float]:
        """Return the exposure that is left at the end of each year (Y; 0 before the start), and the
        expected and the largest payments of all years together, in million EUR."""
        is_decided = np.array([year >= self.start for year in self.years], dtype=float)
        remaining_exposure = np.maximum(self.committed_amount - np.cumsum(self.exposure), 0.0)
        return (
            is_decided * remaining_exposure,
            float(self.expected_payments.sum()),
            self.committed_amount,
        )


CASH_FLOWS: dict[InstrumentKind, type[CashFlows]] = {
    "interest_subsidy": InterestSubsidyFlows,
    "price_floor": PriceFloorFlows,
}
"""Classes of the cash flows of instruments that do not carry capex."""


def cash_flow_class(instrument: InstrumentData) -> type[CashFlows]:
    """Return the class of an instrument's cash flows."""
    kind = instrument.instrument_kind
    return CashFlows if kind is None else CASH_FLOWS.get(kind, CashFlows)
