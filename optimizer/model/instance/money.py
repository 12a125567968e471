"""What a whole share of an instrument in a project moves, in million EUR by year."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance.terms import interest_by_age

if TYPE_CHECKING:
    from optimizer.model.instance.data import BudgetLineData, Instance, InstrumentData, ProjectData

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FloorPrices:
    """A price floor for one material, in EUR per tonne."""

    payment: Floats  # (Y) expected, if the project succeeds
    income: Floats  # (Y) the funder's share of the price above, expected likewise
    by_state: Floats  # (price states, Y) paid in each state that has a probability


@dataclass(frozen=True, eq=False)
class Money:
    """One instrument in one project with one start year, per unit of its share. Undiscounted."""

    start: int
    years: range
    paid: Floats
    """(Y) paid as it falls due: capex, interest, or what a price floor is expected to cost."""
    amount: float
    """Committed with the decision: capex, all interest, or a price floor's maximum exposure."""
    income: Floats  # (Y) expected from a price floor's upside
    exposure: Floats
    """(Y) what a price floor costs in the worst price states; adds up to its amount."""
    aid: float
    """What ``grant_equivalent`` counts a share of: the amount, or expected payments of a floor."""
    end_value: float = 0.0  # what of the capex counts at the end of the horizon

    def net_cost(self, discount: Floats, recovery: float) -> float:
        """Discounted million EUR."""
        paid = math.fsum(
            float(d) * float(x) for d, x in zip(discount, self.paid, strict=True) if x > 0
        )
        spent = (1 - recovery) * paid - float(discount @ self.income)
        return spent - self.residual(discount, recovery)

    def residual(self, discount: Floats, recovery: float) -> float:
        """Discounted million EUR that count at the end: of what comes back there is nothing left,
        so that a project never costs less than nothing by it."""
        return max(0.0, 1 - recovery) * float(discount[-1]) * self.end_value

    def line_use(self, line: BudgetLineData, instrument: InstrumentData) -> Floats:
        """(Y) what it uses of a budget line of its funder; of guarantee stock, what is outstanding
        at the year's end."""
        charge = instrument.charges.get(line.id, 0.0)
        if line.kind == "cash":
            return charge * self.paid
        used = np.zeros(len(self.years))
        for position, year in enumerate(self.years):
            age = year - self.start
            due = age == 0 if line.kind == "commitment" else instrument.terms.in_force(age)
            used[position] = charge * self.amount if due else 0.0
        return used


def money_of(
    instance: Instance, project: ProjectData, instrument: InstrumentData, start: int
) -> Money:
    """What a whole share moves in a project started in a year."""
    years = instance.years
    nothing = np.zeros(len(years))
    if instrument.form == "price_floor":
        return _floor(instance, project, instrument, start)
    due = project.capex * project.due(years, start)
    if instrument.form == "interest_subsidy":
        interest = interest_by_age(instrument.terms.schedule, instrument.interest_rate)
        paid = np.zeros(len(years))
        for drawn, capex in enumerate(due):
            for age, rate in enumerate(interest):
                paid[min(drawn + age, len(years) - 1)] += capex * rate
        amount = project.capex * math.fsum(interest)
        return Money(start, years, paid, amount, nothing, nothing, amount)
    end = project.capex * project.left(years, start)
    return Money(start, years, due, project.capex, nothing, nothing, project.capex, end)


def _floor(
    instance: Instance, project: ProjectData, instrument: InstrumentData, start: int
) -> Money:
    years, term = instance.years, instrument.terms.term
    first = start + project.construction
    covered = np.array([term is None or year - first < term for year in years], dtype=float)
    running = project.running(years, start) * covered
    payments, income, exposure = (np.zeros(len(years)) for _ in range(3))
    for material, prices in instrument.floors.items():
        lots = project.output.get(material, 0.0) * instance.per_year
        volume = lots * instance.lot_t[material] / 1e6 * running
        payments = payments + project.success_probability * prices.payment * volume
        income = income + project.success_probability * prices.income * volume
        worst = int((prices.by_state @ volume).argmax())
        exposure = exposure + prices.by_state[worst] * volume
    amount = float(exposure.sum())
    return Money(start, years, payments, amount, income, exposure, float(payments.sum()))
