"""Accounts of a plan: money by budget class, funder and country, money at risk, use of budgets,
state aid and returns.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from models.language import tr
from models.results import BudgetLineUse, Position
from models.results.comparison import CountryMoney, FunderContribution, StateAidUse
from models.results.option import BudgetUse, MoneyTotals
from models.results.plan import WHOLE_BUDGET
from optimizer.analyses.comparison.money import budget_charge
from optimizer.analyses.deferral import document as waiting_document
from optimizer.analyses.plan.funding import budget_class_tables, funder_table
from optimizer.analyses.plan.plan_wording import PlanWording, amount_column
from optimizer.report import document as doc
from optimizer.report.countries import country_name
from optimizer.report.document import (
    PAGE,
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL_AND_PAGE,
    Check,
    Column,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import (
    NO_VALUE,
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded_percent,
)
from optimizer.report.wording import BUDGET_CLASSES, budget_class_name, capitalize, join_with_and


class PositionGroup(NamedTuple):
    """Positions that share a row of a table, and their sums."""

    label: str
    sums: MoneyTotals
    expected_loss: float | None
    """In million units of the currency; None if it is not known for one of the positions."""


def _sum_positions(
    wording: PlanWording, label: str, positions: Sequence[Position]
) -> PositionGroup:
    position_sums = wording.sum_positions(positions)
    has_unknown_loss = any(p.expected_loss_meur is None for p in positions)
    return PositionGroup(
        label, position_sums, None if has_unknown_loss else position_sums.expected_loss_meur
    )


def build_sections(wording: PlanWording) -> list[doc.Section]:
    """Build the sections on accounts, on amounts by year and on budgets."""
    title = tr("What it costs, and fiscal accounts")
    return [
        doc.Section("accounts", title, list(_account_parts(wording)), sheet_name=tr("Accounts")),
        _yearly_section(wording),
        doc.Section(
            "budgets", tr("Budgets"), list(_budget_parts(wording)), sheet_name=tr("Budgets")
        ),
    ]


def _account_parts(wording: PlanWording) -> Iterator[Part]:
    yield _positions_table(wording)
    text = tr(
        "The net cost of all funders is {cost}, {public} of it to public funders: present values "
        "of what they pay less what is expected to come back. Money of lenders is no cost here.",
        cost=wording.money_amount(wording.plan.outcome.net_cost_meur),
        public=wording.money_amount(wording.cost.public.cost_meur),
    )
    if abs(wording.plan.outcome.net_cost_meur) > ZERO_TOLERANCE:
        yield doc.Text(text, PAGE)
    if not wording.plan.accounts:
        return
    per_public_euro, per_net_euro = (
        None if average is None else average.expected
        for average in (wording.cost.avoided_per_public_euro, wording.cost.avoided_per_net_euro)
    )
    if per_public_euro is not None:
        text = tr(
            "On average over all of it, {amount} {currency} of expected damage are avoided for "
            "each public {currency} that is put up.",
            amount=format_number(per_public_euro, 1),
            currency=wording.currency,
        )
        if per_net_euro is not None:
            net = format_number(per_net_euro, 1)
            text += " " + tr("For each {currency} of net public cost it is {net}.",
                             currency=wording.currency, net=net)  # fmt: skip
        text += " " + tr(
            "Averages credit public money with what companies and lenders avoid as well."
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)
    accounts = wording.plan.accounts
    caption = tr("Accounts by budget class ({unit})", unit=wording.money_unit)
    by_class = [
        _sum_positions(wording, capitalize(budget_class_name(c)), positions)
        for c in BUDGET_CLASSES
        if (positions := [p for p in accounts if (p.budget_class or "") == c])
    ]
    by_funder = [
        _sum_positions(wording, wording.payer_header(f), positions)
        for f in wording.funder_kinds
        if (positions := [p for p in accounts if p.funder == f])
    ]
    note = tr(
        "Committed and losses are not discounted; a guarantee counts with the loan that it covers. "
        "Present values are those of {year}. Maximum loss: every project fails, and price floors "
        "cost the most they can; grants and stocks are spent in any case and not at risk. What is "
        "expected back of a guarantee is the part that is not called.",
        year=next(iter(wording.years), ""),
    )
    note += " " + tr(
        "Expected loss: what is written off, without gains elsewhere; {dash} where the scenario "
        "states no probability of failure; what it expects to come back is then in the column of "
        "present values.",
        dash=NO_VALUE,
    )
    note += wording.overruns_note
    yield _grouped_accounts_table(wording, caption, tr("Budget class"), by_class, "by-class", note)
    yield from (doc.Text(text, TERMINAL_AND_PAGE) for text in _describe_guarantees(wording))
    if wording.case is not None and "DE" in wording.case.home and wording.public_positions:
        # Article 115 of the Basic Law.
        text = tr(
            "Under the debt brake, stakes and loans count as financial transactions and "
            "guarantees as contingent, so neither counts when it is given; grants and what stocks "
            "cost do. A guarantee that is called and a stake that is written off burden the "
            "budget of that year, in which years the scenario does not say; what is set aside for "
            "guarantees is spent only then, and not counted before. The classes are those that "
            "the scenario names; the Eurostat treatment of stakes without a market return may "
            "differ."
        )
        yield doc.Text(text, PAGE)
    caption = tr("Accounts by funder ({unit})", unit=wording.money_unit)
    yield _grouped_accounts_table(
        wording, caption, tr("Funder"), by_funder, "by-funder", media=PAGE_AND_SHEET
    )
    yield from _at_risk_parts(wording)


def _describe_guarantees(wording: PlanWording) -> Iterator[str]:
    """Yield sentences that distinguish face value, provision and peak of guarantees."""
    provision = wording.brief.fiscal.provision
    if provision is not None:
        yield tr(
            "Of guarantees of {face}, budgets set aside {provision} as provision. Their net cost "
            "of {cost} is a present value, of the share that the scenario expects to come back; "
            "the expected loss follows from the probability of failure that it states for "
            "guarantees. The two need not agree.",
            face=wording.money_amount(provision.face_meur),
            provision=wording.money_amount(provision.provision_meur),
            cost=wording.money_amount(provision.cost_meur),
        )
        yield from describe_provision(wording)
        peak = wording.cost.by_class["guarantee"]
        if peak.peak_year is not None:
            yield tr(
                "Guarantees outstanding have their peak at the end of {year}, with {amount}: loans "
                "of banks, which are not spending.",
                year=peak.peak_year,
                amount=wording.money_amount(peak.peak_meur),
            )


def describe_provision(wording: PlanWording) -> Iterator[str]:
    """Yield a sentence on whether the provision covers the expected loss of guarantees.

    Yields nothing if either amount is not known.
    """
    provision = wording.brief.fiscal.provision
    if provision is None or provision.expected_loss_meur is None or provision.missing_meur is None:
        return
    fields = {
        "set": wording.money_amount(provision.provision_meur),
        "loss": wording.money_amount(provision.expected_loss_meur),
    }
    if provision.missing_meur > ZERO_TOLERANCE:
        missing_text = wording.money_amount(provision.missing_meur)
        yield tr("The provision for guarantees is too small: {set} for an expected loss of {loss}, "
                 "not discounted; {missing} are missing.",
                 missing=missing_text, **fields)  # fmt: skip
    else:
        yield tr("The provision for guarantees, {set}, covers their expected loss of {loss}, not "
                 "discounted.", **fields)  # fmt: skip


def _at_risk_parts(wording: PlanWording) -> Iterator[Part]:
    """Yield texts on losses, and tables of public money at risk and expected returns by year."""
    public_totals = wording.cost.public
    private_totals, market_meur = wording.cost.private, wording.cost.market_meur
    total_loss = public_totals.maximum_loss_meur + private_totals.maximum_loss_meur + market_meur
    if total_loss > ZERO_TOLERANCE:
        text = tr(
            "If every project fails, {total} are lost: {public} of it by public funders ({share}), "
            "the rest by companies, lenders and investors.",
            total=wording.money_amount(total_loss),
            public=wording.money_amount(public_totals.maximum_loss_meur),
            share=format_percent(public_totals.maximum_loss_meur / total_loss),
        )
        yield doc.Text(text, PAGE)
    if public_totals.peak_year is not None:
        text = tr(
            "Public money at risk has its peak at the end of {year}, with {amount}.",
            year=public_totals.peak_year,
            amount=wording.money_amount(public_totals.peak_meur),
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)
    yield from (
        doc.Text(text, TERMINAL_AND_PAGE)
        for text in waiting_document.describe_group_means(wording.plan.review)
    )
    title = tr("Public money at risk at each year's end ({unit})", unit=wording.money_unit)
    note = tr(
        "Where the scenario gives no terms of repayment, money stays at risk to the end of the "
        "horizon."
    )
    yield from budget_class_tables(wording, "outstanding_by_year_meur", "at-risk", title, note)
    title = tr("Expected to come back by year ({unit}, not discounted)", unit=wording.money_unit)
    note = tr(
        "Of instruments whose terms say when: interest and repayment, exits, fees of guarantees, "
        "upside of price floors, each by its probability. Years may lie after {year}.",
        year=wording.years[-1],
    )
    yield from budget_class_tables(
        wording,
        "returned_by_year_meur",
        "returned",
        title,
        note,
        with_chart=False,
        is_collapsed=False,
    )


def _grouped_accounts_table(
    wording: PlanWording,
    caption: str,
    header: str,
    groups: Sequence[PositionGroup],
    name: str,
    note: str = "",
    media: doc.Media = doc.ALL_MEDIA,
) -> Table:
    """Return a table of accounts with one row for each group of positions."""
    all_positions = _sum_positions(wording, "", wording.plan.accounts)

    figures = [
        (tr("Committed"), "committed_meur"),
        (tr("Paid, present value"), "paid_present_meur"),
        (tr("Expected back, present value"), "returned_present_meur"),
        (tr("Residual value, present value"), "residual_meur"),
        (tr("Net cost, present value"), "cost_meur"),
        (tr("Maximum loss"), "maximum_loss_meur"),
    ]
    options: dict[str, Any] = {"decimals_group": "all", "total": True}
    columns = [
        Column(header, "label", "text"),
        *(
            Column(title, f"sums.{field}", "money", **options)
            for title, field in figures
            if field != "residual_meur" or abs(all_positions.sums.residual_meur) > ZERO_TOLERANCE
        ),
    ]
    options["total"] = any(p.expected_loss_meur is not None for p in wording.plan.accounts)
    options["text_total"] = lambda _: all_positions.expected_loss
    columns.insert(-1, Column(tr("Expected loss"), "expected_loss", "money", **options))
    return Table(
        caption, groups, columns, name, note, total_label=tr("Sum"),
        is_collapsed=media is PAGE_AND_SHEET, media=media,
    )  # fmt: skip


def _budget_parts(wording: PlanWording) -> Iterator[Part]:
    yield _budget_lines_table(wording)
    limited_lines = [use for use in wording.plan.budget_lines if use.available_meur is not None]
    columns = [
        Column(
            tr("Budget line"), lambda use: wording.budget_line_name(use.funder, use.line), "text"
        ),
        *doc.year_columns(wording.years, lambda use: use.available_meur or {}),
    ]
    caption = tr("Available by year: the grant of the year and what is carried over")
    yield Table(
        caption, limited_lines, columns, "available",
        is_collapsed=True, media=PAGE_AND_SHEET,
    )  # fmt: skip
    caption = tr("Charged to budgets by year ({unit}, not discounted)", unit=wording.money_unit)
    yield funder_table(wording, "spend", caption, wording.plan.spend_meur)


def _budget_line_id(budget_use: BudgetUse | BudgetLineUse) -> str:
    return f"{budget_use.funder} {budget_use.line}"


def _budget_lines_table(wording: PlanWording) -> Table:
    """Return a table of budgets and their use over all years; a sheet also has each year."""
    uses_by_line = {_budget_line_id(use): use for use in wording.plan.budget_lines}
    spending, kinds = wording.plan.spend_meur, wording.funder_kinds
    charges = [by_year for f, by_year in spending.items() if kinds.get(f) == "public"]
    total_by_year = {y: sum(by_year.get(y, 0.0) for by_year in charges) for y in wording.year_keys}

    def used_by_year(use: BudgetUse) -> Mapping[str, float]:
        return total_by_year if use.funder is None else uses_by_line[_budget_line_id(use)].used_meur

    columns = [
        Column(
            tr("Budget line"), lambda use: wording.budget_line_name(use.funder, use.line), "text"
        ),
        Column(tr("Kind"), lambda use: capitalize(wording.line_kind_name(use.kind)), "text"),
        *doc.year_columns(wording.years, used_by_year, media=SHEET),
        Column(tr("Granted"), "granted_meur", "money", decimals_group="all"),
        Column(tr("Used"), "used_meur", "money", decimals_group="all"),
        Column(
            tr("Share used"),
            lambda use: use.used_meur / use.granted_meur if use.granted_meur else None,
            "share",
        ),
    ]  # fmt: skip
    note = tr(
        "Over all years. A guarantee uses its provision of a budget; of a stock of guarantees the "
        "year of the highest use counts. {dash}: no limit.",
        dash=NO_VALUE,
    )
    rows = wording.cost.budgets
    return Table(
        tr("Budgets and how far they are used ({unit}, not discounted)", unit=wording.money_unit),
        rows, columns, "lines", note, empty_text=tr("No funder has a limited budget."),
        media=doc.ALL_MEDIA if rows else SHEET,
    )  # fmt: skip


def _positions_table(wording: PlanWording) -> Table:
    """Return a table with one row for each position."""
    accounts = wording.plan.accounts
    has_expected_losses = any(position.expected_loss_meur is not None for position in accounts)
    columns = [
        Column(tr("Funder"), lambda row: wording.payer_name(row.funder), "text"),
        Column(tr("Instrument"), wording.position_instrument, "text"),
        Column(tr("For"), wording.purpose_name, "text"),
        Column(
            tr("Budget class"),
            lambda row: capitalize(budget_class_name(row.budget_class or "")),
            "text",
        ),
        Column(tr("Committed"), "committed_meur", "money", total=True),
        Column(
            tr("Provided, undiscounted"),
            lambda row: math.fsum(row.paid_meur.values()),
            "money",
            total=True,
        ),
        Column(
            tr("Comes back, undiscounted"),
            # Without repayment terms the returns are unknown.
            lambda row: math.fsum(row.returned_meur.values()) if row.returned_meur else None,
            "money",
            total=True,
        ),
        Column(tr("Net cost, present value"), "cost_meur", "money", total=True),
        Column(
            tr("At risk at most"),
            lambda row: max(row.outstanding_meur.values(), default=0.0),
            "money",
        ),
        Column(
            tr("Loss expected, where known"),
            "expected_loss_meur",
            "money",
            total=has_expected_losses,
        ),
        Column(tr("Loss at most"), "maximum_loss_meur", "money", total=True),
    ]
    caption = tr("Positions, {unit}", unit=wording.money_unit)
    return Table(
        caption, accounts, columns, "accounts", total_label=tr("All together"),
        empty_text=tr("No money is provided."), media=SHEET,
    )  # fmt: skip


def _yearly_section(wording: PlanWording) -> doc.Section:
    """Build the section on yearly amounts, with three rows a position."""
    accounts = wording.plan.accounts
    # Money may come back after the horizon.
    return_years = {year for position in accounts for year in position.returned_meur}
    year_keys = sorted({*wording.year_keys, *return_years}, key=int)
    names = {
        "paid_meur": tr("provided"),
        "returned_meur": tr("comes back"),
        "outstanding_meur": tr("at risk, end of year"),
    }
    rows = [
        (position, name, getattr(position, field))
        for position in accounts
        for field, name in names.items()
        # Without repayment terms the years of returns are unknown.
        if field != "returned_meur" or position.returned_meur
    ]
    columns = [
        Column(tr("Funder"), lambda row: wording.payer_name(row[0].funder), "text"),
        Column(tr("Instrument"), lambda row: wording.position_instrument(row[0]), "text"),
        Column(tr("For"), lambda row: wording.purpose_name(row[0]), "text"),
        Column(tr("Figure"), "1", "text"),
        *doc.year_columns(list(map(int, year_keys)), itemgetter(2)),
    ]
    note = tr(
        "{unit}, undiscounted; of a guarantee the loan that it covers. Money whose terms give no "
        "years in which it comes back has no row for that.",
        unit=wording.money_unit,
    )
    table = Table("", rows, columns, "by_year", empty_text=tr("No money is provided."))
    title = tr("What is provided, comes back and is at risk, by year")
    return doc.Section("by-year", title, [note, table], SHEET, sheet_name=tr("Accounts by year"))


def account_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that accounts match net cost and the yearly amounts of each funder, and that no
    budget is exceeded."""
    plan, outcome = wording.plan, wording.plan.outcome
    statement = tr("Net costs of all accounts add up to the net cost of the plan")
    yield Check(statement, math.fsum(x.cost_meur for x in plan.accounts), outcome.net_cost_meur)
    if outcome.residual_meur:
        statement = tr("Residual values of all accounts add up to that of the plan")
        residual = math.fsum(position.residual_meur for position in plan.accounts)
        yield Check(statement, residual, outcome.residual_meur)
    if wording.case is not None and plan.accounts:
        statement = tr("What accounts provide in a year equals what each funder provides")
        yield _yearly_check(wording, statement, plan.committed_meur, lambda _: 1.0)
        if plan.spend_meur:
            statement = tr(
                "What accounts charge in a year equals what each funder's budget is charged"
            )
            yield _yearly_check(
                wording, statement, plan.spend_meur, lambda x: budget_charge(plan, x) or 0.0
            )
    if not plan.budget_lines:
        return
    if plan.review is None:  # else each use is that of the group that uses most
        whole_budgets = [use for use in plan.budget_lines if use.line == WHOLE_BUDGET]
        used = math.fsum(x for use in whole_budgets for x in use.used_meur.values())
        charged = math.fsum(
            x
            for funder in {use.funder for use in whole_budgets}
            for x in plan.spend_meur.get(funder, {}).values()
        )
        statement = tr("Use of the funders' own budgets equals what these funders are charged")
        yield Check(statement, used, charged)
    excesses = [
        use.used_meur - use.granted_meur
        for use in wording.cost.budgets
        if use.granted_meur is not None
    ]
    excesses += [
        use.used_meur.get(year, 0.0) - available
        for use in plan.budget_lines
        for year, available in (use.available_meur or {}).items()
    ]
    granted = math.fsum(use.granted_meur or 0.0 for use in wording.cost.budgets)
    statement = tr("No budget is exceeded, in any year or in all")
    yield Check(statement, max(0.0, *excesses), scale=granted)


def _yearly_check(
    wording: PlanWording,
    statement: str,
    stated: Mapping[str, Mapping[str, float]],
    weight: Callable[[Position], float],
) -> Check:
    """Return a check that the payments of a funder's positions, times a weight, are what is stated
    of it in each year."""
    left = {(f, year): x for f, by_year in stated.items() for year, x in by_year.items()}
    for position in wording.plan.accounts:
        for year, paid in position.paid_meur.items():
            key = position.funder, year
            left[key] = left.get(key, 0.0) - weight(position) * paid
    total = math.fsum(x for by_year in stated.values() for x in by_year.values())
    return Check(statement, max(map(abs, left.values()), default=0.0), scale=total)


def fiscal_section(wording: PlanWording) -> Section:
    """Build the section on money by country, state aid, returns, and output by funder."""
    title = tr("Where the money goes, and what comes back")
    return Section(
        "fiscal", title, list(_fiscal_parts(wording)), sheet_name=tr("Countries and aid")
    )


def _fiscal_parts(wording: PlanWording) -> Iterator[Part]:
    yield from (doc.Text(text, doc.TERMINAL_AND_PAGE) for text in _describe_fiscal_effects(wording))
    fiscal = wording.brief.fiscal
    if fiscal.countries:
        yield _countries_table(wording)
    if any(x.limit_meur is not None or x.aid_meur > ZERO_TOLERANCE for x in fiscal.aid):
        yield _state_aid_table(wording)
    if fiscal.purses:
        yield _funders_table(wording)


def _describe_fiscal_effects(wording: PlanWording) -> Iterator[str]:
    fiscal = wording.brief.fiscal
    if fiscal.home_share is not None:
        at_home = math.fsum(entry.public_meur for entry in fiscal.countries if entry.home)
        yield tr(
            "Of public money for projects, {share} stays in {home}; that is {of_all} of all public "
            "money.",
            share=format_rounded_percent(fiscal.home_share),
            of_all=format_rounded_percent(at_home / wording.cost.public.paid_meur),
            home=join_with_and([country_name(code) for code in wording.case.home])
            if wording.case
            else "",
        )
    if fiscal.stocks_meur > ZERO_TOLERANCE:
        yield tr(
            "What is paid for stocks, {stocks}, buys them on the market, from no country in "
            "particular, and keeps them.",
            stocks=wording.money_amount(fiscal.stocks_meur),
        )
    yield from describe_returns(wording)
    uses = [x for x in fiscal.aid if x.aid_meur > ZERO_TOLERANCE and x.intensity is not None]
    if uses:
        aid_intensities = [use.intensity or 0.0 for use in uses]
        yield tr(
            "State aid comes to {total} in all, from {low} to {high} of the announced capex of a "
            "project.",
            total=wording.money_amount(sum(use.aid_meur for use in uses)),
            low=format_percent(min(aid_intensities)),
            high=format_percent(max(aid_intensities)),
        )
    limited_uses = [use for use in fiscal.aid if use.limit_meur is not None]
    bound_names = [wording.name("projects", use.project) for use in limited_uses if use.binds]
    never_binding = [
        x for x in limited_uses if x.most_meur is not None and x.most_meur < (x.limit_meur or 0.0)
    ]
    if bound_names:
        yield tr(
            "The limit on state aid binds for {projects}.", projects=join_with_and(bound_names)
        )
    elif limited_uses and len(never_binding) == len(limited_uses):
        yield tr(
            "The limit on state aid binds for no project of the plan, and cannot: even if each "
            "instrument went as far as it may, aid as counted here would stay below it."
        )
    elif limited_uses:
        yield tr("The limit on state aid binds for no project of the plan.")


def describe_returns(wording: PlanWording) -> Iterator[str]:
    """Yield a sentence for each public funder on the expected return of its equity and loans."""
    for funder_return in wording.brief.fiscal.returns:
        sentence_fields = {
            "funder": wording.payer_header(funder_return.funder),
            "paid": wording.money_amount(funder_return.paid_meur),
            "back": wording.money_amount(funder_return.returned_meur),
        }
        if funder_return.rate is None:
            yield tr("For stakes and loans {funder} is expected to pay {paid} and to receive "
                     "{back}.", **sentence_fields)  # fmt: skip
        else:
            yield tr("For stakes and loans {funder} is expected to pay {paid} and to receive "
                     "{back}: a return of {rate} a year.",
                     rate=format_percent(funder_return.rate), **sentence_fields)  # fmt: skip


def fiscal_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that money by country equals the capex of projects, unless it includes other
    money, and that payments and net cost of each funder are those of its accounts."""
    fiscal, plan = wording.brief.fiscal, wording.plan
    totals_may_differ = any(p.project and not p.instrument for p in plan.accounts)
    totals_may_differ |= any(project.supports for project in plan.projects)
    # Decisions at a review are not in the projects of the plan.
    if fiscal.countries and not totals_may_differ and plan.review is None:
        statement = tr("Money for projects by country adds up to their capital cost")
        by_country = math.fsum(
            amount
            for row in fiscal.countries
            for amount in (row.public_meur, row.private_meur, row.market_meur)
        )
        yield Check(statement, by_country, math.fsum(x.mean_capex_meur for x in plan.projects))
    for funder in fiscal.purses:
        positions = [x for x in plan.accounts if x.funder == funder.funder]
        statement = tr(
            "{funder}: payments and net cost are those of its accounts",
            funder=wording.payer_header(funder.funder),
        )
        paid = math.fsum(x for position in positions for x in position.paid_meur.values())
        cost = math.fsum(position.cost_meur for position in positions)
        yield Check(statement, paid + cost, funder.paid_meur + funder.cost_meur, funder.paid_meur)


def _countries_table(wording: PlanWording) -> Table:
    def location(row: CountryMoney) -> str:
        if row.home:
            return tr("home")
        return tr("EU") if row.union else tr("third country")

    columns = [
        Column(tr("Country"), lambda row: country_name(row.country), "text"),
        Column(tr("Where"), location, "text"),
        amount_column(tr("Public funders"), "public_meur"),
        amount_column(tr("Companies and other private funders"), "private_meur"),
        amount_column(tr("Lenders and investors"), "market_meur"),
    ]
    note = tr("By country of the project; a guarantee counts with the loan that it covers.")
    return Table(
        tr("Money for projects by country ({unit}, not discounted)", unit=wording.money_unit),
        wording.brief.fiscal.countries, columns, "countries", note, total_label=tr("Sum"),
    )  # fmt: skip


def _state_aid_table(wording: PlanWording) -> Table:
    def binds(row: StateAidUse) -> str:
        return tr("yes") if row.binds else tr("no")

    columns = [
        Column(tr("Project"), lambda row: wording.name("projects", row.project), "text"),
        Column(tr("Country"), lambda row: country_name(row.country), "text"),
        amount_column(tr("Aid, {unit}", unit=wording.money_unit), "aid_meur"),
        Column(tr("Of capex"), attrgetter("intensity"), "share"),
        Column(tr("Limit, {unit}", unit=wording.money_unit), "limit_meur", "money",
               decimals_group="all"),
        Column(tr("At most by the instruments"), "most_meur", "money", decimals_group="all"),
        Column(tr("Binds"), binds, "text"),
    ]  # fmt: skip
    note = tr(
        "Aid: the grant equivalents that the scenario states for its instruments. Limit: the lower "
        "of its share of capex and its amount, the same for all projects."
    )
    case = wording.case
    instruments_without_equivalent = {
        wording.position_instrument(position)
        for position in wording.plan.accounts
        if case is not None and wording.funder_kinds.get(position.funder) == "public"
        if position.project is not None and position.instrument is not None
        if not case.funders[position.funder].instruments[position.instrument].grant_equivalent
    }
    if instruments_without_equivalent:
        note += " " + tr(
            "Counted as no aid: {instruments}; if their terms are better than those of the market, "
            "there is more.",
            instruments=join_with_and(sorted(instruments_without_equivalent)),
        )
    return Table(
        tr("State aid by project"), wording.brief.fiscal.aid, columns, "aid", note,
        total_label=tr("All together"),
        is_collapsed=not any(aid_use.binds for aid_use in wording.brief.fiscal.aid),
    )  # fmt: skip


def _funders_table(wording: PlanWording) -> Table:
    def output_text(row: FunderContribution) -> str:
        return ", ".join(
            f"{wording.name('materials', m)} {format_number(tonnes)}"
            for m, tonnes in row.output_t.items()
        )

    columns = [
        Column(tr("Funder"), lambda row: wording.payer_header(row.funder), "text"),
        Column(tr("Kind"), lambda row: wording.funder_kind_name(row.funder), "text"),
        amount_column(tr("Pays, {unit}", unit=wording.money_unit), "paid_meur"),
        amount_column(tr("Of that for stocks"), "stocks_meur"),
        amount_column(tr("Net cost, {unit}", unit=wording.money_unit), "cost_meur"),
        Column(tr("Output secured for it, t a year"), output_text, "text"),
    ]
    note = tr(
        "Paid is not discounted, net cost is a present value. Output: at full output, undisturbed; "
        "what public money secures goes to all consumers. An equally good plan may contract the "
        "same output to other funders: the sum is what the plan decides."
    )
    return Table(
        tr("What each funder pays and gets"), wording.brief.fiscal.purses, columns, "purses", note,
        total_label=tr("Sum"),
    )  # fmt: skip
