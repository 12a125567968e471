"""Limits on public money in projects, budgets, and budget lines (P7, P8, B1 to B4)."""

import math
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.projects import premium_terms, share_or_zero
from optimizer.model.formulation.stockpiles import stock_cost
from optimizer.model.instance import Instance


def add_public_limits(model: Any, instance: Instance) -> None:
    """Add the limits on public money in each project (P7, P8)."""
    policy = instance.case.policy
    public = [i for i in instance.instruments if i.funder_kind == "public" and i.carries_capex]

    def carried(p: str, year: int) -> Any:
        return sum(share_or_zero(model, instance, p, i.funder, i.id, year) for i in public)

    eligible = set().union(*(i.eligible_projects for i in public if i.max_share > 0))
    options = (
        []
        if policy.max_public_share is None
        else [x for x in instance.start_options if x[0] in eligible]
    )

    @model.Constraint(options, doc="(P7) public funders together carry so much of a project")
    def public_share_limit(model: Any, p: str, year: int) -> Any:
        return carried(p, year) <= float(policy.max_public_share or 0) * model.start[p, year]

    aided = [
        (p, f, i, year)
        for p, f, i, year in model.share
        if instance.instrument_by_key[f, i].grant_equivalent > 0
        and instance.cash_flows(p, f, i, year).state_aid_base > 0
    ]
    limits = _state_aid_limits(instance, {p for p, _, _, _ in aided})

    @model.Constraint(list(limits), doc="(P8) grant equivalents in a project stay below a limit")
    def state_aid_limit(model: Any, p: str) -> Any:
        aid = sum(
            instance.instrument_by_key[f, i].grant_equivalent
            * instance.cash_flows(p, f, i, year).state_aid_base
            * model.share[p, f, i, year]
            for q, f, i, year in aided
            if q == p
        )
        return aid <= limits[p]


def _state_aid_limits(instance: Instance, aided: set[str]) -> dict[str, float]:
    """Return the largest allowed grant equivalent, in million EUR, of each project that can receive
    state aid."""
    aid = instance.case.policy.state_aid
    if aid is None or (aid.max_intensity is None and aid.max_meur is None):
        return {}
    intensity = math.inf if aid.max_intensity is None else float(aid.max_intensity)
    ceiling = math.inf if aid.max_meur is None else float(aid.max_meur)
    return {
        p: min(intensity * x.capex if x.capex else 0.0, ceiling)
        for p, x in instance.projects.items()
        if p in aided
    }


def add_budgets(model: Any, instance: Instance) -> None:
    """Add ``spend``, what is used of each funder's budget in each year, and the limits on it (B1,
    B2)."""
    case, years = instance.case, instance.years
    funders = list(case.funders)
    yearly = [f for f in funders if case.funders[f].budget_by_year_meur is not None]
    terms = _spending_terms(model, instance)
    model.spend = pyo.Expression(
        funders,
        list(years),
        rule=lambda _model, f, year: pyo.quicksum(terms[f, year]),
        doc="use of a budget, undiscounted million EUR",
    )
    model.unspent = pyo.Var(
        yearly, list(years), domain=pyo.NonNegativeReals, doc="what a year's budget leaves"
    )

    @model.Constraint(yearly, list(years), doc="(B1) a year's spending stays within its budget")
    def funder_budget_by_year(model: Any, f: str, year: int) -> Any:
        budget = case.funders[f].budget_by_year_meur or {}
        carries_over = case.funders[f].carry_over and year > years[0]
        carried_over = model.unspent[f, year - 1] if carries_over else 0
        return (
            model.spend[f, year] + model.unspent[f, year]
            == float(budget.get(year, 0.0)) + carried_over
        )

    with_total = [f for f in funders if case.funders[f].budget_meur is not None]

    @model.Constraint(with_total, doc="(B1) all spending of a funder stays within its budget")
    def funder_budget(model: Any, f: str) -> Any:
        total_spend = sum(model.spend[f, year] for year in years)
        return total_spend + model.nothing <= float(case.funders[f].budget_meur or 0)

    limited = ["all"] if case.policy.budget_meur is not None and instance.public_funders else []

    @model.Constraint(limited, doc="(B2) public funders together stay within one budget")
    def public_budget(model: Any, _all: str) -> Any:
        total_spend = sum(model.spend[f, year] for f in instance.public_funders for year in years)
        return total_spend + model.nothing <= float(case.policy.budget_meur or 0)


def _spending_terms(model: Any, instance: Instance) -> dict[tuple[str, int], list[Any]]:
    """Return the expressions whose sum is the budget use of a funder in a year, in million EUR, by
    funder and year."""
    terms: dict[tuple[str, int], list[Any]] = {
        (f, year): [] for f in instance.case.funders for year in instance.years
    }
    for (p, f, i, start), share in model.share.items():
        payments = (
            instance.instrument_by_key[f, i].budget_charge
            * instance.cash_flows(p, f, i, start).budgeted_payments
        )
        for year, amount in zip(instance.years, payments, strict=True):
            if amount > 0:
                terms[f, year].append(float(amount) * share)
    for h, stockpile in instance.stockpiles.items():
        for f in stockpile.payers:
            for year in instance.years:
                terms[f, year].append(stock_cost(model, instance, h, year, f))
    for f, year, premium in premium_terms(model, instance):
        if (charge := float(instance.case.funders[f].premium_charge)) > 0:
            terms[f, year].append(charge * premium)
    return terms


def add_budget_lines(model: Any, instance: Instance) -> None:
    """Add ``line_use``, what is used of each budget line in each year, and rules B3 and B4."""
    lines, years = instance.budget_lines, instance.years
    terms = _line_use_terms(model, instance)
    model.line_use = pyo.Expression(
        list(terms),
        rule=lambda _model, f, line, year: pyo.quicksum(terms[f, line, year]),
        doc="use of a budget line, undiscounted million EUR",
    )
    yearly = [(f, id, y) for (f, id), line in lines.items() if line.yearly_budget is not None
              for y in years]  # fmt: skip
    model.line_unspent = pyo.Var(
        yearly, domain=pyo.NonNegativeReals, doc="what a year leaves of a budget line"
    )

    @model.Constraint(yearly, doc="(B3) a year's use of a line stays within what it has")
    def budget_line_by_year(model: Any, f: str, id: str, year: int) -> Any:
        line = lines[f, id]
        budget = 0.0 if line.yearly_budget is None else float(line.yearly_budget[year - years[0]])
        carries_over = line.carry_over and year > years[0]
        carried_over = model.line_unspent[f, id, year - 1] if carries_over else 0
        return (
            model.line_use[f, id, year] + model.line_unspent[f, id, year] == budget + carried_over
        )

    with_total = [key for key, line in lines.items() if math.isfinite(line.total)]

    @model.Constraint(with_total, doc="(B3) all use of a line stays within its total")
    def budget_line_total(model: Any, f: str, id: str) -> Any:
        total_use = sum(model.line_use[f, id, year] for year in years)
        return total_use + model.nothing <= lines[f, id].total

    limited = [(f, id, y) for (f, id), line in lines.items() if line.kind == "guarantee_stock"
              for y in years]  # fmt: skip

    @model.Constraint(limited, doc="(B4) so much may be outstanding at a year's end")
    def guarantee_stock_limit(model: Any, f: str, id: str, year: int) -> Any:
        limit = float(lines[f, id].guarantee_limit[year - years[0]])
        return model.line_use[f, id, year] + model.nothing <= limit


def _line_use_terms(model: Any, instance: Instance) -> dict[tuple[str, str, int], list[Any]]:
    """Return the expressions whose sum is the use of a budget line in a year, by funder, line and
    year. For a line of guarantee stock this is the amount outstanding."""
    terms: dict[tuple[str, str, int], list[Any]] = {
        (f, id, year): [] for f, id in instance.budget_lines for year in instance.years
    }
    for (p, f, i, start), share in model.share.items():
        flows, instrument = instance.cash_flows(p, f, i, start), instance.instrument_by_key[f, i]
        for id in instrument.line_charges:
            use = flows.budget_line_use(instance.budget_lines[f, id])
            for year, amount in zip(instance.years, use, strict=True):
                if amount > 0:
                    terms[f, id, year].append(float(amount) * share)
    for h, stockpile in instance.stockpiles.items():
        for (f, id), line in instance.budget_lines.items():
            if f in stockpile.payers and line.stock_charge > 0:
                for year in instance.years:
                    cost = stock_cost(model, instance, h, year, f)
                    terms[f, id, year].append(line.stock_charge * cost)
    lines = [(f, line) for (f, _), line in instance.budget_lines.items() if line.premium_charge > 0]
    for f, year, premium in premium_terms(model, instance) if lines else ():
        for line in (line for owner, line in lines if owner == f):
            terms[f, line.id, year].append(line.premium_charge * premium)
    return terms
