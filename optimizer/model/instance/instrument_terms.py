"""What the terms of an instrument mean per EUR: recovery, loss, and what is outstanding.

Pure arithmetic of one instrument, apart from any project. Ages are whole years from the payment.
Rates and shares are fractions of one.
"""

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
    """(Y) a yearly quantity, or a constant where it is absent."""
    if quantity is None:
        return np.full(len(years), default)
    return np.array([quantity.at(year) for year in years])


@dataclass(frozen=True)
class InstrumentTerms:
    """An instrument per EUR committed."""

    budget_class: BudgetClass | None  # how the budget books it; None where nothing says so
    recovery: float  # expected present value that comes back, seen from the payment
    expected_loss: float | None  # PD * LGD; None where no failure probability is given
    maximum_loss: float  # most that can be lost: all of what carries capex, else none
    term_years: int | None  # years until it ends; None where it does not, or it is not said
    expected_returns: tuple[float, ...]
    """Expected to come back at each age, not discounted: interest and repayment, the sale of a
    stake, or the fees of a guarantee. Empty where it is not known when anything comes back."""
    outstanding_schedule: tuple[
        float, ...
    ]  # share outstanding at the end of each age; empty without a term

    def outstanding(self, age: int) -> float:
        """Share outstanding at the end of an age; in full where no term is known."""
        if age < 0:
            return 0.0
        if not self.outstanding_schedule:
            return 1.0
        return self.outstanding_schedule[age] if age < len(self.outstanding_schedule) else 0.0

    def is_in_force(self, age: int) -> bool:
        """Whether it has not ended at the end of an age."""
        return age >= 0 and (self.term_years is None or age < self.term_years)


def read_terms(instrument: Instrument, funder_kind: str, discount_rate: float) -> InstrumentTerms:
    """The terms of an instrument of a funder, at a discount rate per year."""
    term = None if instrument.term_years is None else int(instrument.term_years)
    schedule = _outstanding_schedule(instrument, term)
    failure, loss = instrument.failure_probability, None
    if failure is not None:
        loss = float(failure) * float(instrument.loss_given_failure)
    returned = _expected_returns(instrument, schedule, loss or 0.0)
    return InstrumentTerms(
        budget_class=find_budget_class(instrument, funder_kind),
        recovery=_expected_recovery(instrument, returned, loss or 0.0, discount_rate),
        expected_loss=loss,
        maximum_loss=1.0 if instrument.carries_capex else 0.0,
        term_years=term,
        expected_returns=_scale_to_recovery(instrument, returned, discount_rate),
        outstanding_schedule=schedule,
    )


def find_budget_class(instrument: Instrument, funder_kind: str) -> BudgetClass | None:
    """How the budget books an instrument: as the file says, else by its kind."""
    if instrument.budget_class is not None:
        return instrument.budget_class
    return _BUDGET_CLASS_BY_KIND[instrument.kind] if funder_kind == "public" else "private"


def outstanding_by_age(term: int, grace: int) -> tuple[float, ...]:
    """Share of a loan outstanding at the end of ages 0 to term. Repaid in equal parts at ages grace
    + 1 to term; with a grace as long as the term all at once at its end."""
    if grace >= term:
        return (*(1.0 for _ in range(term)), 0.0)
    return tuple(min(1.0, (term - age) / (term - grace)) for age in range(term + 1))


def interest_by_age(outstanding: Sequence[float], interest_rate: float) -> tuple[float, ...]:
    """Interest at each age, on what was outstanding at the end of the year before."""
    return (0.0, *(interest_rate * share for share in outstanding[:-1]))


def present_value(cash_flows: Sequence[float], discount_rate: float) -> float:
    """Flows at ages 0, 1, ... seen from age 0."""
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
    """What is expected to come back at each age, by the terms alone."""
    kind = instrument.kind
    if kind in _LOAN_KINDS and schedule:
        interest = interest_by_age(schedule, float(instrument.interest_rate or 0))
        repaid = (0.0, *(a - b for a, b in pairwise(schedule)))
        return tuple((1 - loss) * (i + r) for i, r in zip(interest, repaid, strict=True))
    if kind == "equity" and schedule:
        # Where the file states what comes back, this only says when: it is scaled afterwards.
        kept = 1 - loss if instrument.recovery is None else 1.0
        term = len(schedule) - 1
        grown = kept * (1 + float(instrument.expected_return or 0)) ** term
        return (*(0.0 for _ in range(term)), grown)
    if kind == "guarantee" and instrument.fee_per_year is not None:
        fee = float(instrument.fee_per_year)
        return interest_by_age(schedule, fee) if schedule else (fee,)
    return ()


def _expected_recovery(
    instrument: Instrument, expected_returns: tuple[float, ...], loss: float, discount_rate: float
) -> float:
    """What the file says; else the present value of what comes back. Of a guarantee everything that
    is not called comes back; a call falls half way through its term. Without a term the loss is not
    discounted."""
    if instrument.recovery is not None:
        return float(instrument.recovery)
    if instrument.kind != "guarantee":
        return present_value(expected_returns, discount_rate)
    if instrument.failure_probability is None:
        return 0.0
    half = float(instrument.term_years or 0) / 2
    called: float = loss * (1 + discount_rate) ** -half
    return 1 - called + present_value(expected_returns, discount_rate)


def _scale_to_recovery(
    instrument: Instrument, expected_returns: tuple[float, ...], discount_rate: float
) -> tuple[float, ...]:
    """Flows of the terms, brought to the recovery that the file states in their place."""
    worth = present_value(expected_returns, discount_rate)
    if instrument.recovery is None or instrument.kind == "guarantee" or worth <= 0:
        return expected_returns
    return tuple(flow * float(instrument.recovery) / worth for flow in expected_returns)


@dataclass(frozen=True, eq=False)
class FloorPrices:
    """A price floor for one material, in EUR per tonne."""

    expected_payment: Floats  # (Y) expected, if the project succeeds
    planned_payment: Floats  # (Y) the same as budgets are charged, over all states whatever is seen
    upside_income: Floats  # (Y) the funder's share of the price above, expected likewise
    payment_by_state: Floats  # (price states, Y) paid in each state that has a probability


@dataclass(frozen=True, eq=False)
class CashFlows:
    """One instrument in one project with one start year, per unit of its share. Undiscounted."""

    instrument: InstrumentData
    start: int
    years: range
    discount_factor: Floats  # (Y)
    expected_payments: (
        Floats  # (Y) expected as it falls due: capex, interest, or cost of a price floor
    )
    committed: float  # committed: capex, all interest, or a price floor's maximum exposure
    upside_income: Floats  # (Y) expected from a price floor's upside
    exposure: Floats  # (Y) cost of a floor in the worst price states; adds up to its amount
    state_aid_base: (
        float  # of which ``grant_equivalent`` counts a share: amount, or expected payments
    )
    end_value: float = 0.0  # what of the capex counts at the end of the horizon
    planned_payments: Floats | None = None
    """(Y) what budgets see of it, where that is not what is expected: a floor's cost is planned by
    the prices of all states, and expected by those of a path."""
    budget_factor: float = 1.0
    """What budgets are charged with per EUR that is expected to be paid: of what goes by capex the
    overrun of the contingency in place of the mean one. ``amount`` is as budgets have it."""

    @cached_property
    def net_cost(self) -> float:
        """Discounted million EUR."""
        due = zip(self.discount_factor, self.expected_payments, strict=True)
        paid = math.fsum(float(d) * float(x) for d, x in due if x > 0)
        spent = (1 - self.instrument.terms.recovery) * paid - float(
            self.discount_factor @ self.upside_income
        )
        return spent - self.residual_value

    @property
    def residual_value(self) -> float:
        """Discounted million EUR that count at the end: of what comes back there is nothing left,
        so that a project never costs less than nothing by it."""
        kept = max(0.0, 1 - self.instrument.terms.recovery)
        return kept * float(self.discount_factor[-1]) * self.end_value

    @property
    def budgeted_payments(self) -> Floats:
        """(Y) what budgets are charged with as it falls due."""
        return self.budget_factor * (
            self.expected_payments if self.planned_payments is None else self.planned_payments
        )

    def budget_line_use(self, line: BudgetLineData) -> Floats:
        """(Y) what it uses of a budget line of its funder; of guarantee stock, what is outstanding
        at the year's end."""
        charge, terms = self.instrument.line_charges.get(line.id, 0.0), self.instrument.terms
        if line.kind == "cash":
            return charge * self.budgeted_payments
        ages = [year - self.start for year in self.years]
        due = [age == 0 if line.kind == "commitment" else terms.is_in_force(age) for age in ages]
        return np.where(due, charge * self.committed, 0.0)


def compute_cash_flows(
    instance: Instance, project: ProjectData, instrument: InstrumentData, start: int
) -> CashFlows:
    """What a whole share moves in a project started in a year."""
    years, terms = instance.years, instrument.terms
    money = partial(CashFlows, instrument, start, years, instance.discount_factor)
    paid, planned, income, exposure = (np.zeros(len(years)) for _ in range(4))
    if instrument.instrument_kind == "price_floor":
        first = start + project.construction_years
        ages = [year - first for year in years]
        covered = np.array(
            [terms.term_years is None or age < terms.term_years for age in ages], dtype=float
        )
        running = project.running_shares(years, start) * covered
        for material, prices in instrument.floor_prices.items():
            lots = project.output.get(material, 0.0) * instance.periods_per_year
            volume = lots * instance.lot_tonnes[material] / 1e6 * running
            paid = paid + project.success_probability * prices.expected_payment * volume
            planned = planned + project.success_probability * prices.planned_payment * volume
            income = income + project.success_probability * prices.upside_income * volume
            worst = int((prices.payment_by_state @ volume).argmax())
            exposure = exposure + prices.payment_by_state[worst] * volume
        amount, aid = float(exposure.sum()), float(planned.sum())
        return money(paid, amount, income, exposure, aid, planned_payments=planned)
    # Net cost has the mean overrun, budgets that of the contingency, state aid none.
    capex, budgeted = (
        project.capex * project.expected_cost_factor,
        project.capex * project.budgeted_cost_factor,
    )
    carried = partial(
        money, budget_factor=project.budgeted_cost_factor / project.expected_cost_factor
    )
    due = capex * project.capex_due(years, start)
    if instrument.instrument_kind == "interest_subsidy":
        interest = interest_by_age(terms.outstanding_schedule, instrument.interest_rate)
        for drawn, part in enumerate(due):
            for age, rate in enumerate(interest):
                paid[min(drawn + age, len(years) - 1)] += part * rate
        rates = math.fsum(interest)
        return carried(paid, budgeted * rates, income, exposure, project.capex * rates)
    end = capex * project.residual_at_end(years, start)
    return carried(due, budgeted, income, exposure, project.capex, end)
