"""Where public money goes, whether aid rules bind, what comes back, and what each purse gets."""

import math
from collections.abc import Iterator
from operator import attrgetter

from models.language import tr
from models.results.brief import Aid, CountryMoney, Purse
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import PlanWording, summed
from optimizer.report import document as doc
from optimizer.report.countries import country
from optimizer.report.document import Check, Column, Part, Section, Table
from optimizer.report.figures import NOISE, number, percent, rounded_percent
from optimizer.report.wording import listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas


def section(say: PlanWording) -> Section:
    """Money by country, state aid by project, returns, and output by purse."""
    title = tr("Where the money goes, and what comes back")
    return Section("fiscal", title, list(_parts(say)), tab=tr("Countries and aid"))


def _parts(say: PlanWording) -> Iterator[Part]:
    yield from (doc.Text(text, doc.TEXT) for text in _said(say))
    found = say.brief.fiscal
    if found.countries:
        yield _countries(say)
    if any(one.limit_meur is not None or one.aid_meur > NOISE for one in found.aid):
        yield _aid(say)
    if found.purses:
        yield _purses(say)


def _said(say: PlanWording) -> Iterator[str]:
    found = say.brief.fiscal
    if found.home_share is not None:
        at_home = math.fsum(one.public_meur for one in found.countries if one.home)
        yield tr(
            "Of public money for projects, {share} stays in {home}; that is {of_all} of all public "
            "money.",
            share=rounded_percent(found.home_share),
            of_all=rounded_percent(at_home / say.cost.public.paid_meur),
            home=listed([country(code) for code in say.case.home]) if say.case else "",
        )
    if found.stocks_meur > NOISE:
        yield tr(
            "What is paid for stocks, {stocks}, buys them on the market, from no country in "
            "particular, and keeps them.",
            stocks=say.money(found.stocks_meur),
        )
    yield from returns(say)
    given = [one for one in found.aid if one.aid_meur > NOISE and one.intensity is not None]
    if given:
        shares = [one.intensity or 0.0 for one in given]
        yield tr(
            "State aid comes to {total} in all, from {low} to {high} of the announced capex of a "
            "project.",
            total=say.money(sum(one.aid_meur for one in given)),
            low=percent(min(shares)),
            high=percent(max(shares)),
        )
    limited = [one for one in found.aid if one.limit_meur is not None]
    binding = [say.name("projects", one.project) for one in limited if one.binds]
    idle = [o for o in limited if o.most_meur is not None and o.most_meur < (o.limit_meur or 0.0)]
    if binding:
        yield tr("The limit on state aid binds for {projects}.", projects=listed(binding))
    elif limited and len(idle) == len(limited):
        yield tr(
            "The limit on state aid binds for no project of the plan, and cannot: even if each "
            "instrument went as far as it may, aid as counted here would stay below it."
        )
    elif limited:
        yield tr("The limit on state aid binds for no project of the plan.")


def returns(say: PlanWording) -> Iterator[str]:
    """What stakes and loans of each public funder yield."""
    for one in say.brief.fiscal.returns:
        about = {
            "funder": say.source(one.funder),
            "paid": say.money(one.paid_meur),
            "back": say.money(one.returned_meur),
        }
        if one.rate is None:
            yield tr(
                "For stakes and loans {funder} is expected to pay {paid} and to receive {back}.",
                **about,
            )
        else:
            yield tr(
                "For stakes and loans {funder} is expected to pay {paid} and to receive {back}: "
                "a return of {rate} a year.",
                rate=percent(one.rate),
                **about,
            )


def checks(say: PlanWording) -> Iterator[Check]:
    """Money by country is that of projects, and what purses pay is that of their accounts."""
    if say.brief.fiscal.countries:
        says = tr("Money for projects by country adds up to their capital cost")

        def whole(book: Formulas) -> ex.Expression:
            of = book["countries"]
            return ex.total(*(of.total(key) for key in ("public", "private", "market")))

        apart = any(p.project and not p.instrument for p in say.plan.accounts)
        apart |= say.plan.review is not None  # what is decided at a review has no row in "projects"
        if not apart and not any(built.supports for built in say.plan.projects):
            yield Check(says, "countries", whole, col.summed("projects", "mean_capex"))
    if say.brief.fiscal.purses:
        says = tr("What each purse pays and costs is that of its accounts")
        scale = col.summed("purses", "paid")
        yield doc.check_rows(says, "purses", scale, "off_paid", "off_cost")


def _countries(say: PlanWording) -> Table:
    def area(row: CountryMoney) -> str:
        if row.home:
            return tr("home")
        return tr("EU") if row.union else tr("third country")

    columns = [
        Column(tr("Country"), lambda row: country(row.country), "text"),
        Column(tr("Where"), area, "text"),
        summed(tr("Public funders"), "public_meur", key="public"),
        summed(tr("Companies and other private funders"), "private_meur", key="private"),
        summed(tr("Lenders and investors"), "market_meur", key="market"),
    ]
    note = tr("By country of the project; a guarantee counts with the loan that it covers.")
    return Table(
        tr("Money for projects by country ({unit}, not discounted)", unit=say.million),
        say.brief.fiscal.countries, columns, "countries", note, total=tr("Sum"),
    )  # fmt: skip


def _aid(say: PlanWording) -> Table:
    def binds(row: Aid) -> str:
        return tr("yes") if row.binds else tr("no")

    columns = [
        col.text(tr("Project"), lambda row: say.name("projects", row.project)),
        Column(tr("Country"), lambda row: country(row.country), "text"),
        summed(tr("Aid, {unit}", unit=say.million), "aid_meur"),
        Column(tr("Of capex"), attrgetter("intensity"), "share"),
        Column(tr("Limit, {unit}", unit=say.million), "limit_meur", "money", like="all"),
        Column(tr("At most by the instruments"), "most_meur", "money", like="all"),
        Column(tr("Binds"), binds, "text"),
    ]
    note = tr(
        "Aid: the grant equivalents that the scenario states for its instruments. Limit: the lower "
        "of its share of capex and its amount, the same for all projects."
    )
    case = say.case
    free = {
        say.how(paid)
        for paid in say.plan.accounts
        if case is not None and say.kinds.get(paid.funder) == "public"
        if paid.project is not None and paid.instrument is not None
        if not case.funders[paid.funder].instruments[paid.instrument].grant_equivalent
    }
    if free:
        note += " " + tr(
            "Counted as no aid: {instruments}; if their terms are better than those of the market, "
            "there is more.",
            instruments=listed(sorted(free)),
        )
    return Table(
        tr("State aid by project"), say.brief.fiscal.aid, columns, "aid", note,
        total=tr("All together"), folded=not any(one.binds for one in say.brief.fiscal.aid),
    )  # fmt: skip


def _purses(say: PlanWording) -> Table:
    def of(figure: str) -> doc.Formula:
        return lambda line: col.where("accounts", figure, {"funder_id": line["funder_id"]})(
            line.book
        )

    def output(row: Purse) -> str:
        return ", ".join(
            f"{say.name('materials', m)} {number(tonnes)}" for m, tonnes in row.output_t.items()
        )

    columns = [
        Column(tr("Funder"), lambda row: say.source(row.funder), "text"),
        col.text(tr("Kind"), lambda row: say.kind(row.funder)),
        summed(tr("Pays, {unit}", unit=say.million), "paid_meur", key="paid"),
        summed(tr("Of that for stocks"), "stocks_meur"),
        summed(tr("Net cost, {unit}", unit=say.million), "cost_meur", key="cost"),
        col.text(tr("Output secured for it, t a year"), output),
        doc.deviation("paid", of("paid"), "off_paid"),
        doc.deviation("cost", of("cost"), "off_cost"),
        *col.keys(funder_id="funder"),
    ]
    note = tr(
        "Paid is not discounted, net cost is a present value. Output: at full output, undisturbed; "
        "what public money secures goes to all consumers. An equally good plan may contract the "
        "same output to other purses: the sum is what the plan decides."
    )
    return Table(
        tr("What each purse pays and gets"), say.brief.fiscal.purses, columns, "purses", note,
        total=tr("Sum"),
    )  # fmt: skip
