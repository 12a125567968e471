"""Terms of an instrument per EUR: recovery, loss, outstanding amounts and cash flows.

Ages are whole years from the payment. Rates and shares are fractions of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.scenario.instruments import BudgetClass, Instrument
from models.scenario.quantities import YearlyQuantity

if TYPE_CHECKING:
    from optimizer.model.instance.components import BudgetLineData, InstrumentData, ProjectData
    from optimizer.model.instance.data import Instance

Floats = NDArray[np.float64]

_BUDGET_CLASS_BY_KIND: dict[str | None, BudgetClass | None] = {
    None: None,
    "equity": "financial_transaction",
    "loan": "loan",
    "subordinated_loan": "loan",
    "guarantee": "guarantee",
    "grant": "grant",
    "interest_subsidy": "grant",
    "price_floor": "grant",
}
_LOAN_KINDS = ("loan", "subordinated_loan")


def yearly_values(quantity: YearlyQuantity | None, years: range, default: float) -> Floats:
    """Return the values of a quantity in each year (Y); ``default`` in all years if the scenario
    does not state the quantity."""
    if quantity is None:
        return np.full(len(years), default)
    return np.array([quantity.at(year) for year in years])


@dataclass(frozen=True)
class InstrumentTerms:
    """Terms of an instrument, per EUR that is committed."""

    budget_class: BudgetClass | None  # booking in the budget; None if unknown
    recovery: float  # expected present value of returns at the time of the payment
    expected_loss: float | None  # PD * LGD; None without a failure probability
    maximum_loss: float  # 1 if the instrument carries capex, else 0
    term_years: int | None  # None if unlimited or unknown
    expected_returns: tuple[float, ...]
    """Expected undiscounted returns at each age: interest and repayment, the sale of a stake, or
    guarantee fees. Empty if their time is unknown."""
    outstanding_schedule: tuple[float, ...]
    """Share outstanding at the end of each age; empty without a term."""

    def outstanding(self, age: int) -> float:
        """Return the share that is outstanding at the end of the year of this age. Without a term
        it is always 1."""
        if age < 0:
            return 0.0
        if not self.outstanding_schedule:
            return 1.0
        return self.outstanding_schedule[age] if age < len(self.outstanding_schedule) else 0.0

    def is_in_force(self, age: int) -> bool:
        """Check whether the instrument still runs at the end of the year of this age."""
        return age >= 0 and (self.term_years is None or age < self.term_years)


def read_terms(instrument: Instrument, funder_kind: str, discount_rate: float) -> InstrumentTerms:
    """Read the terms of an instrument. ``discount_rate`` per year is used for present values."""
    term = None if instrument.term_years is None else int(instrument.term_years)
    schedule = _outstanding_schedule(instrument, term)
    failure_probability, loss = instrument.failure_probability, None
    if failure_probability is not None:
        loss = float(failure_probability) * float(instrument.loss_given_failure)
    returns = _expected_returns(instrument, schedule, loss or 0.0)
    return InstrumentTerms(
        budget_class=find_budget_class(instrument, funder_kind),
        recovery=_expected_recovery(instrument, returns, loss or 0.0, discount_rate),
        expected_loss=loss,
        maximum_loss=1.0 if instrument.carries_capex else 0.0,
        term_years=term,
        expected_returns=_scale_to_recovery(instrument, returns, discount_rate),
        outstanding_schedule=schedule,
    )


def find_budget_class(instrument: Instrument, funder_kind: str) -> BudgetClass | None:
    """Return the budget class of an instrument: the one that the scenario states, or else the usual
    one of its kind."""
    if instrument.budget_class is not None:
        return instrument.budget_class
    return _BUDGET_CLASS_BY_KIND[instrument.kind] if funder_kind == "public" else "private"


def outstanding_by_age(term: int, grace: int) -> tuple[float, ...]:
    """Return the share of a loan that is outstanding at the end of each age from 0 to ``term``. The
    loan is repaid in equal parts at ages ``grace`` + 1 to ``term``, or in one amount at the end if
    ``grace`` is at least ``term``."""
    if grace >= term:
        return (*(1.0 for _ in range(term)), 0.0)
    return tuple(min(1.0, (term - age) / (term - grace)) for age in range(term + 1))


def interest_by_age(outstanding: Sequence[float], interest_rate: float) -> tuple[float, ...]:
    """Return the interest paid at each age, per EUR of the loan. It is due on the share that was
    outstanding a year before."""
    return (0.0, *(interest_rate * share for share in outstanding[:-1]))


def present_value(cash_flows: Sequence[float], discount_rate: float) -> float:
    """Return the present value, at age 0, of cash flows at ages 0, 1, ..."""
    return math.fsum(flow / (1 + discount_rate) ** age for age, flow in enumerate(cash_flows))


def _outstanding_schedule(instrument: Instrument, term: int | None) -> tuple[float, ...]:
    if term is None:
        return ()
    if instrument.kind in (*_LOAN_KINDS, "guarantee", "interest_subsidy"):
        return outstanding_by_age(term, int(instrument.grace_years))
    return (*(1.0 for _ in range(term)), 0.0)


def _expected_returns(
    instrument: Instrument, schedule: tuple[float, ...], loss: float
) -> tuple[float, ...]:
    """Return the expected returns at each age, per EUR, as they follow from kind and terms of the
    instrument alone; empty if their time is unknown."""
    kind = instrument.kind
    if kind in _LOAN_KINDS and schedule:
        interest = interest_by_age(schedule, float(instrument.interest_rate or 0))
        repayments = (0.0, *(earlier - later for earlier, later in pairwise(schedule)))
        return tuple(
            (1 - loss) * (interest_part + repayment)
            for interest_part, repayment in zip(interest, repayments, strict=True)
        )
    if kind == "equity" and schedule:
        # A recovery stated in the file only needs the timing: returns are scaled to it afterwards.
        retained = 1 - loss if instrument.recovery is None else 1.0
        term = len(schedule) - 1
        final_return = retained * (1 + float(instrument.expected_return or 0)) ** term
        return (*(0.0 for _ in range(term)), final_return)
    if kind == "guarantee" and instrument.fee_per_year is not None:
        fee = float(instrument.fee_per_year)
        return interest_by_age(schedule, fee) if schedule else (fee,)
    return ()


def _expected_recovery(
    instrument: Instrument, expected_returns: tuple[float, ...], loss: float, discount_rate: float
) -> float:
    """Return the recovery that the scenario states, or else the present value of expected returns.
    For a guarantee, recovery is the part that is not called, plus the fees; calls are assumed
    half-way through the term, or at age 0 if there is no term."""
    if instrument.recovery is not None:
        return float(instrument.recovery)
    if instrument.kind != "guarantee":
        return present_value(expected_returns, discount_rate)
    if instrument.failure_probability is None:
        return 0.0
    half_term = float(instrument.term_years or 0) / 2
    expected_call: float = loss * (1 + discount_rate) ** -half_term
    return 1 - expected_call + present_value(expected_returns, discount_rate)


def _scale_to_recovery(
    instrument: Instrument, expected_returns: tuple[float, ...], discount_rate: float
) -> tuple[float, ...]:
    """Return the expected returns, multiplied by a factor so that their present value is the
    recovery that the scenario states."""
    value = present_value(expected_returns, discount_rate)
    if instrument.recovery is None or instrument.kind == "guarantee" or value <= 0:
        return expected_returns
    return tuple(flow * float(instrument.recovery) / value for flow in expected_returns)


@dataclass(frozen=True, eq=False)
class FloorPrices:
    """Payments under a price floor for one material, in EUR per tonne."""

    expected_payment: Floats  # (Y) if the project succeeds
    planned_payment: Floats  # (Y) expected over all states, also on a review branch; for budgets
    upside_income: Floats  # (Y) funder's expected share of the price above the floor
    payment_by_state: Floats  # (price states, Y) in each price state of positive probability


@dataclass(frozen=True, eq=False)
class CashFlows:
    """Undiscounted cash flows, in million EUR, of an instrument that carries a share of 1 of a
    project with a given start."""

    instrument: InstrumentData
    start: int
    years: range
    discount_factor: Floats  # (Y)
    expected_payments: Floats  # (Y) when due: capex, interest, or cost of a price floor
    committed: float  # capex, all interest, or a price floor's largest exposure
    upside_income: Floats  # (Y) expected, of a price floor
    exposure: Floats  # (Y) cost of a price floor in the worst price states; sums to ``committed``
    state_aid_base: float  # ``grant_equivalent`` is a share of this amount
    end_value: float = 0.0  # residual value of the capex, undiscounted
    planned_payments: Floats | None = None
    """(Y) payments in budgets, if not the expected ones: the cost of a price floor is planned by
    the prices of all states, and expected by those of a review branch."""
    budget_factor: float = 1.0
    """Budget charge per EUR of expected payments: contingency instead of mean overrun; 1 for price
    floors. ``committed`` includes it."""

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
        return self.budget_factor * (
            self.expected_payments if self.planned_payments is None else self.planned_payments
        )

    def budget_line_use(self, line: BudgetLineData) -> Floats:
        """Return what is used of a budget line of the funder in each year (Y, million EUR). For a
        line of guarantee stock this is the amount outstanding at the end of the year."""
        charge, terms = self.instrument.line_charges.get(line.id, 0.0), self.instrument.terms
        if line.kind == "cash":
            return charge * self.budgeted_payments
        ages = [year - self.start for year in self.years]
        is_charged = [
            age == 0 if line.kind == "commitment" else terms.is_in_force(age) for age in ages
        ]
        return np.where(is_charged, charge * self.committed, 0.0)


def compute_cash_flows(
    instance: Instance, project: ProjectData, instrument: InstrumentData, start: int
) -> CashFlows:
    """Compute the cash flows of an instrument that carries a share of 1 of a project with this
    start."""
    years, terms = instance.years, instrument.terms
    cash_flows = partial(CashFlows, instrument, start, years, instance.discount_factor)
    payments, planned_payments, income, exposure = (np.zeros(len(years)) for _ in range(4))
    if instrument.instrument_kind == "price_floor":
        first_output = start + project.construction_years
        ages = [year - first_output for year in years]
        is_covered = np.array(
            [terms.term_years is None or age < terms.term_years for age in ages], dtype=float
        )
        running = project.running_shares(years, start) * is_covered
        for material, prices in instrument.floor_prices.items():
            lots = project.output.get(material, 0.0) * instance.periods_per_year
            volume = lots * instance.lot_tonnes[material] / 1e6 * running
            payments = payments + project.success_probability * prices.expected_payment * volume
            planned_payments = (
                planned_payments + project.success_probability * prices.planned_payment * volume
            )
            income = income + project.success_probability * prices.upside_income * volume
            worst_state = int((prices.payment_by_state @ volume).argmax())
            exposure = exposure + prices.payment_by_state[worst_state] * volume
        committed, aid_base = float(exposure.sum()), float(planned_payments.sum())
        return cash_flows(
            payments, committed, income, exposure, aid_base, planned_payments=planned_payments
        )
    # Net cost includes the mean overrun, budgets that of the contingency, state aid none.
    capex = project.capex * project.expected_cost_factor
    budgeted_capex = project.capex * project.budgeted_cost_factor
    cash_flows_of_capex = partial(
        cash_flows, budget_factor=project.budgeted_cost_factor / project.expected_cost_factor
    )
    capex_payments = capex * project.capex_due(years, start)
    if instrument.instrument_kind == "interest_subsidy":
        interest = interest_by_age(terms.outstanding_schedule, instrument.interest_rate)
        for draw_year, drawing in enumerate(capex_payments):
            for age, rate in enumerate(interest):
                payments[min(draw_year + age, len(years) - 1)] += drawing * rate
        total_interest = math.fsum(interest)
        return cash_flows_of_capex(
            payments,
            budgeted_capex * total_interest,
            income,
            exposure,
            project.capex * total_interest,
        )
    end_value = capex * project.residual_at_end(years, start)
    return cash_flows_of_capex(
        capex_payments, budgeted_capex, income, exposure, project.capex, end_value
    )
