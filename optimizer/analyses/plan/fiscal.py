"""Fiscal effects of a plan: money by country, state aid, returns, and output by funder."""

import math
from collections.abc import Iterator
from operator import attrgetter

from models.language import tr
from models.results.brief import CountryMoney, FunderContribution, StateAidUse
from optimizer.analyses.plan.plan_wording import PlanWording, amount_column
from optimizer.report import document as doc
from optimizer.report.countries import country_name
from optimizer.report.document import Check, Column, Part, Section, Table
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded_percent,
)
from optimizer.report.wording import join_with_and


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


def build_checks(wording: PlanWording) -> Iterator[Check]:
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
