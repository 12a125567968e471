"""Values of the user's own rules (U1) at a plan, without Pyomo."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.scenario.user_rule_rows import RuleRow, Subject
from models.scenario.user_rules import FUNDER_KINDS, Quantity
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance

RELATIVE_TOLERANCE = 2e-6  # relative to the terms of a rule; larger than the solver's tolerances
ABSOLUTE_TOLERANCE = 1e-30  # smaller than any amount that the figures of a scenario lead to


@dataclass(frozen=True)
class RowValue:
    """A row of a rule at a plan: the value of its sum, and the limit that it is compared with."""

    row: RuleRow
    value: float  # left side
    limit: float  # right side
    scale: float  # size of the largest terms
    applies: bool  # False if the condition of the rule is not met

    @property
    def violation(self) -> float:
        """Amount by which the plan violates the row; negative if there is room left."""
        excess = self.value - self.limit
        return {"at_most": excess, "at_least": -excess, "equals": abs(excess)}[self.row.sense]

    @property
    def is_broken(self) -> bool:
        """Whether the plan violates the row by more than tolerances of the solver allow."""
        tolerance = RELATIVE_TOLERANCE * self.scale + ABSOLUTE_TOLERANCE
        return self.applies and self.violation > tolerance


def user_rule_values(instance: Instance, commitment: Commitment) -> Iterator[RowValue]:
    """Yield the value of each row of all rules of the scenario at a plan without branches."""
    rows = instance.user_rule_rows
    quantities = {term.quantity for row in rows for term in row.terms}
    amounts = {x: _amounts_by_subject(instance, commitment, x) for x in quantities}
    first_year = instance.years[0]
    for row in rows:
        sums = [
            term.factor
            * math.fsum(
                float(amounts[term.quantity][subject][year - first_year])
                for subject in term.subjects & amounts[term.quantity].keys()
                for year in term.years
            )
            for term in row.terms
        ]
        is_multiple = instance.case.policy.rules[row.rule].level.value is None
        value = math.fsum(sums[:-1] if is_multiple else sums)
        limit = -sums[-1] if is_multiple else row.constant
        applies = row.condition is None or commitment.start.get(row.condition, math.inf) <= row.year
        scale = max(map(abs, [*sums, limit]), default=0.0)
        yield RowValue(row, value, limit, scale, applies)


def _amounts_by_subject(
    instance: Instance, commitment: Commitment, quantity: Quantity
) -> Mapping[Subject, Floats]:
    """Return a quantity in each year (Y) by subject."""
    found: dict[Subject, Floats] = {}
    for subject, amount in _amounts(instance, commitment, quantity):
        found[subject] = found.get(subject, 0.0) + amount
    return found


def _amounts(
    instance: Instance, commitment: Commitment, quantity: Quantity
) -> Iterator[tuple[Subject, Floats]]:
    years = instance.years
    if quantity in ("stock_t", "bought_t", "stock_cost"):
        yield from _stock_amounts(instance, commitment, quantity)
        return
    if quantity in ("money", "grant_equivalent", *FUNDER_KINDS):
        yield from _money_amounts(instance, commitment, quantity)
        return
    for p, start in commitment.start.items():
        project = instance.projects[p]
        in_start_year = [float(year == start) for year in years]
        if quantity == "market_money":
            share = commitment.market.get(p, 0.0) * project.budgeted_cost_factor
            yield _of_project(instance, p), share * project.capex * project.capex_due(years, start)
        elif quantity in ("starts", "capex"):
            size = 1.0 if quantity == "starts" else project.capex
            yield _of_project(instance, p), size * np.array(in_start_year)
        else:
            offtake = math.fsum(x for (q, _), x in commitment.offtake.items() if q == p)
            share = offtake if quantity == "secured_t" else 1.0
            for m, lots in project.output.items():
                tonnes = instance.periods_per_year * lots * instance.lot_tonnes[m]
                yield (
                    Subject(p, None, (m,)),
                    share * tonnes * project.running_shares(years, start),
                )


def _of_project(instance: Instance, p: str, f: str | None = None, i: str | None = None) -> Subject:
    return Subject(p, None, tuple(instance.projects[p].output), f, i)


def _money_amounts(
    instance: Instance, commitment: Commitment, quantity: Quantity
) -> Iterator[tuple[Subject, Floats]]:
    kind = FUNDER_KINDS.get(quantity)
    funders = {f: x for f, x in instance.case.funders.items() if kind is None or x.kind == kind}
    for p, f, i, share, flows in plans.funding_cash_flows(instance, commitment):
        if f not in funders:
            continue
        amount = flows.instrument.budget_charge * share * flows.budgeted_payments
        if quantity == "grant_equivalent":
            in_start_year = [float(year == commitment.start[p]) for year in instance.years]
            aid = flows.instrument.grant_equivalent * flows.state_aid_base
            amount = share * aid * np.array(in_start_year)
        yield _of_project(instance, p, f, i), amount
    if quantity == "grant_equivalent":
        return
    for p, f, premium in plans.secured_output_premiums(instance, commitment):
        if f in funders:
            yield _of_project(instance, p, f), float(funders[f].premium_charge) * premium
    for h, data in instance.stockpiles.items():
        for f in data.payers:
            if f in funders:
                cost = plans.stock_cost(instance, commitment, h, f)
                yield Subject(None, h, (data.material,), f), cost


def _stock_amounts(
    instance: Instance, commitment: Commitment, quantity: Quantity
) -> Iterator[tuple[Subject, Floats]]:
    for h, data in instance.stockpiles.items():
        lot_tonnes, n = instance.lot_tonnes[data.material], instance.periods_per_year
        amount = plans.stock_cost(instance, commitment, h)
        if quantity == "stock_t":
            amount = lot_tonnes * plans.planned_stock(instance, commitment, h)[n - 1 :: n]
        elif quantity == "bought_t":
            amount = lot_tonnes * commitment.expected_purchases(instance, h)
        yield Subject(None, h, (data.material,)), amount
