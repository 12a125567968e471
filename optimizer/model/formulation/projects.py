"""Projects (P1 to P9, G1), and limits on public money in them, budgets and budget lines (B1 to
B4).
"""

import math
from collections.abc import Iterator
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.recourse import stock_cost
from optimizer.model.instance import COMMON_GROUP, COVERAGE_TOLERANCE, Instance


def add_projects(model: Any, instance: Instance) -> None:
    """Add the variables of project decisions and rules P1 to P6."""
    _add_decisions(model, instance)
    _add_financing(model, instance)
    _add_tickets(model, instance)
    _add_offtake(model, instance)
    _add_floored_offtake(model, instance)


def _add_decisions(model: Any, instance: Instance) -> None:
    model.start = pyo.Var(
        list(instance.start_options), domain=pyo.Binary, doc="1 if project p is started in year τ"
    )
    shares = [
        (p, f, i, year)
        for p, f, i in instance.tickets
        if instance.instrument_by_key[f, i].max_share > 0
        for year in instance.projects[p].start_years
    ]
    model.share = pyo.Var(shares, bounds=(0, 1), doc="share of capex that instrument i carries")
    model.market = pyo.Var(
        list(instance.start_options), bounds=(0, 1), doc="share of capex that the market carries"
    )
    tickets = [
        (p, f, i)
        for p, f, i in instance.tickets
        if instance.instrument_by_key[f, i].ticket_min > 0
        and instance.instrument_by_key[f, i].max_share > 0
    ]
    model.takes_part = pyo.Var(
        tickets, domain=pyo.Binary, doc="1 if instrument i with a minimum ticket takes part in p"
    )


def _add_financing(model: Any, instance: Instance) -> None:
    projects = instance.projects
    capex_instruments = [i for i in instance.instruments if i.carries_capex]
    market_finance_supports = [i for i in instance.instruments if i.market_finance_per_share > 0]

    @model.Constraint(list(projects), doc="(P1) a project starts at most once")
    def start_once(model: Any, p: str) -> Any:
        return sum(model.start[p, year] for year in projects[p].start_years) <= 1

    model.unaided = pyo.Var(
        list(instance.unaided_projects), bounds=(0, 1), doc="1 unless p is started"
    )

    @model.Constraint(
        list(instance.unaided_projects), doc="(R5) a started project is not decided without support"
    )
    def unaided_definition(model: Any, p: str) -> Any:
        return model.unaided[p] + sum(model.start[p, year] for year in projects[p].start_years) == 1

    @model.Constraint(
        list(instance.start_options), doc="(P2) a started project is financed in full"
    )
    def fully_financed(model: Any, p: str, year: int) -> Any:
        carried_share = sum(
            share_or_zero(model, p, i.funder, i.id, year) for i in capex_instruments
        )
        return carried_share + model.market[p, year] == model.start[p, year]

    @model.Constraint(
        list(instance.start_options), doc="(P3) the share of lenders and other investors is limited"
    )
    def market_finance_limit(model: Any, p: str, year: int) -> Any:
        additional_share = sum(
            i.market_finance_per_share * share_or_zero(model, p, i.funder, i.id, year)
            for i in market_finance_supports
        )
        return (
            model.market[p, year]
            <= projects[p].market_finance_max * model.start[p, year] + additional_share
        )


def share_or_zero(model: Any, p: str, f: str, i: str, year: int) -> Any:
    """Return the variable of an instrument's share in a project, or 0 if the instrument cannot take
    part."""
    return model.share[p, f, i, year] if (p, f, i, year) in model.share else 0


def _add_tickets(model: Any, instance: Instance) -> None:
    instruments = instance.instrument_by_key
    capex = {p: x.capex for p, x in instance.projects.items()}
    tickets = list(dict.fromkeys((p, f, i) for p, f, i, _ in model.share))

    def total_share(p: str, f: str, i: str) -> Any:
        return sum(model.share[p, f, i, year] for year in instance.projects[p].start_years)

    def takes_part(p: str, f: str, i: str) -> Any:
        return model.takes_part[p, f, i] if (p, f, i) in model.takes_part else 1

    @model.Constraint(tickets, doc="(P4) the share of an instrument in a project is limited")
    def share_limit(model: Any, p: str, f: str, i: str) -> Any:
        return total_share(p, f, i) <= instruments[f, i].max_share * takes_part(p, f, i)

    @model.Constraint(list(model.share), doc="(P4) only a started project has shares")
    def share_needs_start(model: Any, p: str, f: str, i: str, year: int) -> Any:
        return model.share[p, f, i, year] <= instruments[f, i].max_share * model.start[p, year]

    @model.Constraint(list(model.takes_part), doc="(P5) a ticket reaches its minimum")
    def ticket_min(model: Any, p: str, f: str, i: str) -> Any:
        return capex[p] * total_share(p, f, i) >= instruments[f, i].ticket_min * takes_part(p, f, i)

    limited_tickets = [
        t for t in tickets if math.isfinite(instruments[t[1:]].ticket_max) and capex[t[0]] > 0
    ]

    @model.Constraint(limited_tickets, doc="(P5) a ticket stays within its maximum")
    def ticket_max(model: Any, p: str, f: str, i: str) -> Any:
        return capex[p] * total_share(p, f, i) <= instruments[f, i].ticket_max * takes_part(p, f, i)


def _add_offtake(model: Any, instance: Instance) -> None:
    offtake_options = [
        (p, year, group)
        for p, year in instance.start_options
        for group in instance.groups_with_right(p)
    ]
    model.offtake = pyo.Var(
        offtake_options, bounds=(0, 1), doc="share of output that reaches group g"
    )

    @model.Constraint(
        offtake_options, doc="(P6) a group reserves output only by its shares and the home share"
    )
    def offtake_right(model: Any, p: str, year: int, group: str) -> Any:
        home_share = (
            instance.projects[p].home_share * model.start[p, year] if group == COMMON_GROUP else 0
        )
        funded_share = sum(
            i.offtake_per_share * share_or_zero(model, p, i.funder, i.id, year)
            for i in instance.offtake_instruments(p, group)
        )
        return model.offtake[p, year, group] <= home_share + funded_share

    @model.Constraint(
        list(dict.fromkeys((p, year) for p, year, _ in offtake_options)),
        doc="(P6) the reserved share of output is limited",
    )
    def offtake_limit(model: Any, p: str, year: int) -> Any:
        reserved_share = sum(
            model.offtake[p, year, group] for group in instance.groups_with_right(p)
        )
        return reserved_share <= instance.projects[p].offtake_max * model.start[p, year]


def premium_terms(model: Any, instance: Instance) -> Iterator[tuple[str, int, Any]]:
    """Yield funder, year and an expression of the undiscounted premium, in million EUR, that the
    funder pays above the market for output of a project in the year. The offtake of each group is
    yielded separately."""
    for (p, start, _), offtake in model.offtake.items():
        for f, premium in instance.premium_by_funder(p, start).items():
            for year, amount in zip(instance.years, premium, strict=True):
                if amount > 0:
                    yield f, year, float(amount) * offtake


def _add_floored_offtake(model: Any, instance: Instance) -> None:
    """Add the variables of floored offtake, which is output that a price floor keeps running at any
    price, and their rules (P6)."""
    model.floored = pyo.Var(
        list(instance.floored_offtakes), bounds=(0, 1), doc="offtake of g under price floor i"
    )

    @model.Constraint(
        list(dict.fromkeys((p, y, f, i) for p, y, _, f, i in instance.floored_offtakes)),
        doc="(P6) output that a price floor keeps running is within its share",
    )
    def floored_offtake(model: Any, p: str, year: int, f: str, i: str) -> Any:
        floored_share = sum(model.floored[p, year, g, f, i] for g in instance.groups_with_right(p))
        return floored_share <= share_or_zero(model, p, f, i, year)

    @model.Constraint(
        list(dict.fromkeys(key[:3] for key in instance.floored_offtakes)),
        doc="(P6) output that price floors keep running is offtake",
    )
    def floored_limit(model: Any, p: str, year: int, group: str) -> Any:
        price_floors = instance.price_floors(p)
        floored_share = sum(model.floored[p, year, group, i.funder, i.id] for i in price_floors)
        return floored_share <= model.offtake[p, year, group]


def add_project_rules(model: Any, instance: Instance) -> None:
    """Add the rules between projects (P9)."""
    case, start_years = instance.case, {p: x.start_years for p, x in instance.projects.items()}

    def starts_until(p: str, last_year: int | None = None) -> Any:
        return sum(
            model.start[p, year]
            for year in start_years[p]
            if last_year is None or year <= last_year
        )

    requirements = [
        (p, required_project, year)
        for p, project in case.projects.items()
        for required_project in project.requires
        for year in start_years[p]
    ]

    @model.Constraint(requirements, doc="(P9) a required project starts no later")
    def requires(model: Any, p: str, other: str, year: int) -> Any:
        return starts_until(p, year) <= starts_until(other, year)

    excluding_pairs = dict.fromkeys(
        tuple(sorted((p, other), key=list(start_years).index))
        for p, project in case.projects.items()
        for other in project.excludes
    )

    @model.Constraint(
        list(excluding_pairs), doc="(P9) of two projects that exclude each other one is started"
    )
    def excludes(model: Any, p: str, other: str) -> Any:
        return starts_until(p) + starts_until(other) <= 1

    @model.Constraint(
        list(dict.fromkeys(case.policy.must_build)), doc="(P9) a project must be built"
    )
    def must_build(model: Any, p: str) -> Any:
        return starts_until(p) == 1

    @model.Constraint(
        list(dict.fromkeys(case.policy.must_not_build)), doc="(P9) a project must not be built"
    )
    def must_not_build(model: Any, p: str) -> Any:
        return starts_until(p) == 0

    max_starts_by_year = {
        year: int(max_starts)
        for year, max_starts in case.policy.max_starts_by_year.items()
        if any(year in years for years in start_years.values())
    }

    @model.Constraint(
        list(max_starts_by_year), doc="(P9) the number of starts in a year is limited"
    )
    def starts_by_year(model: Any, year: int) -> Any:
        return (
            sum(model.start[key] for key in instance.start_options if key[1] == year)
            <= max_starts_by_year[year]
        )

    max_project_count = case.policy.max_projects
    limit_index = [] if max_project_count is None or not start_years else ["all"]

    @model.Constraint(limit_index, doc="(P9) the number of projects is limited")
    def max_projects(model: Any, _all: str) -> Any:
        return sum(model.start[key] for key in instance.start_options) <= float(
            max_project_count or 0
        )


def add_support_rules(model: Any, instance: Instance) -> None:
    """Add two rules on supports (P3): no loan is subsidized more than once, and no tonne has more
    than one price floor."""
    subsidies = [i for i in instance.instruments if i.type.subsidizes_loans]
    price_floors = [i for i in instance.instruments if i.floor_prices]
    subsidized_starts = [
        (p, year)
        for p, year in instance.start_options
        if any((p, i.funder, i.id, year) in model.share for i in subsidies)
    ]

    @model.Constraint(subsidized_starts, doc="(P3) a loan is subsidized once")
    def subsidised_loan_limit(model: Any, p: str, year: int) -> Any:
        subsidized_share = sum(share_or_zero(model, p, i.funder, i.id, year) for i in subsidies)
        return subsidized_share <= model.market[p, year]

    keys_with_several_floors = [
        (p, material, year)
        for p, year in instance.start_options
        for material in instance.projects[p].output
        if sum(
            material in i.floor_prices and (p, i.funder, i.id, year) in model.share
            for i in price_floors
        )
        > 1
    ]

    @model.Constraint(keys_with_several_floors, doc="(P3) a tonne has one price floor")
    def price_floor_limit(model: Any, p: str, material: str, year: int) -> Any:
        floored_share = sum(
            share_or_zero(model, p, i.funder, i.id, year)
            for i in price_floors
            if material in i.floor_prices
        )
        return floored_share <= model.start[p, year]


def add_country_limit(model: Any, instance: Instance) -> None:
    """Add the limit on the share of the need for a material that one country supplies (G1)."""
    oversupply = _country_oversupply(instance)

    @model.Constraint(
        list(oversupply), doc="(G1) reserved output replaces supply above a country's limit"
    )
    def country_share_limit(model: Any, material: str, country: str, year: int) -> Any:
        other_projects = [
            (instance.projects[p], start, model.offtake[p, start, group])
            for p, start, group in model.offtake
            if instance.projects[p].country != country
        ]
        reserved_lots = sum(
            x.output[material] * x.running_share(year, start) * offtake
            for x, start, offtake in other_projects
            if material in x.output and x.running_share(year, start) > 0
        )
        return reserved_lots + model.nothing >= oversupply[material, country, year]


def _country_oversupply(instance: Instance) -> dict[tuple[str, str, int], float]:
    """Return by how many lots per period the supply of a country exceeds its limit, by material,
    country and year; only where it does."""
    limit = instance.case.policy.max_country_share
    if limit is None:
        return {}
    oversupply = {}
    for (material, country), supply in instance.supply.items():
        if country in limit.except_ or (
            limit.materials is not None and material not in limit.materials
        ):
            continue
        excess_by_year = supply - float(limit.limit) * instance.need[material]
        for year, excess in zip(instance.years, excess_by_year, strict=True):
            if excess > COVERAGE_TOLERANCE and (limit.from_year is None or year >= limit.from_year):
                oversupply[material, country, year] = float(excess)
    return oversupply


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
