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
    public_instruments = [
        i for i in instance.instruments if i.funder_kind == "public" and i.carries_capex
    ]

    def public_share(p: str, year: int) -> Any:
        return sum(share_or_zero(model, p, i.funder, i.id, year) for i in public_instruments)

    eligible_projects = set().union(
        *(i.eligible_projects for i in public_instruments if i.max_share > 0)
    )
    limited_starts = (
        []
        if policy.max_public_share is None
        else [x for x in instance.start_options if x[0] in eligible_projects]
    )

    @model.Constraint(limited_starts, doc="(P7) the share of all public funders is limited")
    def public_share_limit(model: Any, p: str, year: int) -> Any:
        return public_share(p, year) <= float(policy.max_public_share or 0) * model.start[p, year]

    aided_shares = [
        (p, f, i, year)
        for p, f, i, year in model.share
        if instance.instrument_by_key[f, i].grant_equivalent > 0
        and instance.cash_flows(p, f, i, year).state_aid_base > 0
    ]
    aid_limits = _state_aid_limits(instance, {p for p, _, _, _ in aided_shares})

    @model.Constraint(list(aid_limits), doc="(P8) the state aid for a project stays within a limit")
    def state_aid_limit(model: Any, p: str) -> Any:
        aid = sum(
            instance.instrument_by_key[f, i].grant_equivalent
            * instance.cash_flows(p, f, i, year).state_aid_base
            * model.share[p, f, i, year]
            for q, f, i, year in aided_shares
            if q == p
        )
        return aid <= aid_limits[p]


def _state_aid_limits(instance: Instance, aided_projects: set[str]) -> dict[str, float]:
    """Return the largest allowed grant equivalent, in million EUR, of each project that can receive
    state aid."""
    aid_policy = instance.case.policy.state_aid
    if aid_policy is None or (aid_policy.max_intensity is None and aid_policy.max_meur is None):
        return {}
    max_intensity = (
        math.inf if aid_policy.max_intensity is None else float(aid_policy.max_intensity)
    )
    max_aid = math.inf if aid_policy.max_meur is None else float(aid_policy.max_meur)
    return {
        p: min(max_intensity * x.capex if x.capex else 0.0, max_aid)
        for p, x in instance.projects.items()
        if p in aided_projects
    }


def add_budgets(model: Any, instance: Instance) -> None:
    """Add ``spend``, what is used of each funder's budget in each year, and the limits on it (B1,
    B2)."""
    case, years = instance.case, instance.years
    funders = list(case.funders)
    funders_with_yearly_budget = [
        f for f in funders if case.funders[f].budget_by_year_meur is not None
    ]
    spending_terms = _spending_terms(model, instance)
    model.spend = pyo.Expression(
        funders,
        list(years),
        rule=lambda _model, f, year: pyo.quicksum(spending_terms[f, year]),
        doc="use of a budget, undiscounted million EUR",
    )
    model.unspent = pyo.Var(
        funders_with_yearly_budget,
        list(years),
        domain=pyo.NonNegativeReals,
        doc="unspent part of a year's budget",
    )

    @model.Constraint(
        funders_with_yearly_budget,
        list(years),
        doc="(B1) a year's spending stays within its budget",
    )
    def funder_budget_by_year(model: Any, f: str, year: int) -> Any:
        budget = case.funders[f].budget_by_year_meur or {}
        carries_over = case.funders[f].carry_over and year > years[0]
        carried_over_amount = model.unspent[f, year - 1] if carries_over else 0
        return (
            model.spend[f, year] + model.unspent[f, year]
            == float(budget.get(year, 0.0)) + carried_over_amount
        )

    funders_with_total_budget = [f for f in funders if case.funders[f].budget_meur is not None]

    @model.Constraint(
        funders_with_total_budget, doc="(B1) all spending of a funder stays within its budget"
    )
    def funder_budget(model: Any, f: str) -> Any:
        total_spend = sum(model.spend[f, year] for year in years)
        return total_spend + model.nothing <= float(case.funders[f].budget_meur or 0)

    public_budget_index = (
        ["all"] if case.policy.budget_meur is not None and instance.public_funders else []
    )

    @model.Constraint(
        public_budget_index, doc="(B2) public funders together stay within one budget"
    )
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
    line_use_terms = _line_use_terms(model, instance)
    model.line_use = pyo.Expression(
        list(line_use_terms),
        rule=lambda _model, f, line, year: pyo.quicksum(line_use_terms[f, line, year]),
        doc="use of a budget line, undiscounted million EUR",
    )
    yearly_budget_keys = [
        (f, id, y)
        for (f, id), line in lines.items()
        if line.yearly_budget is not None
        for y in years
    ]
    model.line_unspent = pyo.Var(
        yearly_budget_keys, domain=pyo.NonNegativeReals, doc="unused part of a line in a year"
    )

    @model.Constraint(yearly_budget_keys, doc="(B3) a year's use of a line stays within its amount")
    def budget_line_by_year(model: Any, f: str, id: str, year: int) -> Any:
        line = lines[f, id]
        budget = 0.0 if line.yearly_budget is None else float(line.yearly_budget[year - years[0]])
        carries_over = line.carry_over and year > years[0]
        carried_over_amount = model.line_unspent[f, id, year - 1] if carries_over else 0
        return (
            model.line_use[f, id, year] + model.line_unspent[f, id, year]
            == budget + carried_over_amount
        )

    lines_with_total = [key for key, line in lines.items() if math.isfinite(line.total)]

    @model.Constraint(lines_with_total, doc="(B3) all use of a line stays within its total")
    def budget_line_total(model: Any, f: str, id: str) -> Any:
        total_use = sum(model.line_use[f, id, year] for year in years)
        return total_use + model.nothing <= lines[f, id].total

    guarantee_stock_keys = [
        (f, id, y)
        for (f, id), line in lines.items()
        if line.kind == "guarantee_stock"
        for y in years
    ]

    @model.Constraint(guarantee_stock_keys, doc="(B4) outstanding guarantees are limited")
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
    lines_with_premium_charge = [
        (f, line) for (f, _), line in instance.budget_lines.items() if line.premium_charge > 0
    ]
    for f, year, premium in premium_terms(model, instance) if lines_with_premium_charge else ():
        for line in (line for owner, line in lines_with_premium_charge if owner == f):
            terms[f, line.id, year].append(line.premium_charge * premium)
    return terms
