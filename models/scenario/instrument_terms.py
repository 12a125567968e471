"""Terms of an instrument per EUR: recovery, loss, outstanding amounts and returns.

Ages are whole years from the payment. Rates and shares are fractions of one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

BudgetClass = Literal["financial_transaction", "grant", "guarantee", "loan", "private"]


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
        """Return the share that is outstanding at the end of the year of this age: 0 before the
        payment; without a term, 1 from the payment on."""
        if age < 0:
            return 0.0
        if not self.outstanding_schedule:
            return 1.0
        return self.outstanding_schedule[age] if age < len(self.outstanding_schedule) else 0.0

    def is_in_force(self, age: int) -> bool:
        """Return whether the instrument is in force at the end of the year of this age."""
        return age >= 0 and (self.term_years is None or age < self.term_years)


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
