"""Money as the treasury sees it: by class and funder, at risk, and what budgets are charged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from models.results import BudgetLineUse, Position
from models.results.option import BudgetUse, Sums
from models.results.plan import OWN_LINE
from optimizer.analyses.plan import after_review, positions
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.funding import by_funder, of_classes
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.document import DETAIL, PAGE, SHEET, TEXT, Check, Column, Part, Table
from optimizer.report.figures import NOISE, NONE, number, percent
from optimizer.report.wording import CLASSES, capital, class_name
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line


class Group(NamedTuple):
    """Positions that a table shows as one row, added up."""

    id: str
    """What formulas find its positions by."""
    label: str
    sums: Sums
    expected_loss: float | None
    """None where that of one position is not stated."""


def _group(say: PlanWording, id: str, label: str, some: Sequence[Position]) -> Group:
    sums, unknown = say.add(some), any(p.expected_loss_meur is None for p in some)
    return Group(id, label, sums, None if unknown else sums.expected_loss_meur)


def sections(say: PlanWording) -> list[doc.Section]:
    """What is committed, comes back and may be lost, by position and year, and budgets."""
    title = tr("What it costs, and fiscal accounts")
    return [
        doc.Section("accounts", title, list(_accounts(say)), tab=tr("Accounts")),
        positions.by_year(say),
        doc.Section("budgets", tr("Budgets"), list(_budgets(say)), tab=tr("Budgets")),
    ]


def _accounts(say: PlanWording) -> Iterator[Part]:
    yield from positions.parts(say)
    text = tr(
        "The net cost of all funders is {cost}, {public} of it to public funders: present values "
        "of what they pay less what is expected to come back. Money of lenders is no cost here.",
        cost=say.money(say.plan.outcome.net_cost_meur),
        public=say.money(say.cost.public.cost_meur),
    )
    if abs(say.plan.outcome.net_cost_meur) > NOISE:
        yield doc.Text(text, PAGE)
    if not say.plan.accounts:
        return
    paid, net = say.cost.avoided_per_public_euro, say.cost.avoided_per_net_euro
    if paid is not None and paid.expected is not None:
        about = {"currency": say.currency, "amount": number(paid.expected, 1)}
        told = [
            tr("On average over all of it, {amount} {currency} of expected damage are avoided for "
               "each public {currency} that is put up.", **about)
        ]  # fmt: skip
        if net is not None and net.expected is not None:
            text = tr("For each {currency} of net public cost it is {net}.",
                      currency=say.currency, net=number(net.expected, 1))  # fmt: skip
            told.append(text)
        told.append(
            tr("Averages credit public money with what companies and lenders avoid as well.")
        )
        yield doc.Text(" ".join(told), TEXT)
    accounts, caption = say.plan.accounts, tr("Accounts by budget class ({unit})", unit=say.million)
    by_class = {c: [p for p in accounts if (p.budget_class or "") == c] for c in CLASSES}
    by_payer = {f: [p for p in accounts if p.funder == f] for f in say.kinds}
    classes = [_group(say, c, capital(class_name(c)), some) for c, some in by_class.items() if some]
    funders = [_group(say, f, say.source(f), some) for f, some in by_payer.items() if some]
    note = tr(
        "Committed and losses are not discounted; a guarantee counts with the loan that it covers. "
        "Present values are those of {year}. Maximum loss: every project fails, and price floors "
        "cost the most they can; grants and stocks are spent in any case and not at risk. What is "
        "expected back of a guarantee is the part that is not called.",
        year=next(iter(say.years), ""),
    )
    note += " " + tr(
        "Expected loss: what is written off, without gains elsewhere; {dash} where the scenario "
        "states no probability of failure; what it expects to come back is then in the column of "
        "present values.",
        dash=NONE,
    )
    note += say.overruns
    yield _sums(say, caption, tr("Budget class"), classes, "by-class", "class_id", note)
    yield from (doc.Text(text, TEXT) for text in _provision(say))
    if say.case is not None and "DE" in say.case.home and say.public:
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
    caption = tr("Accounts by funder ({unit})", unit=say.million)
    yield _sums(say, caption, tr("Funder"), funders, "by-funder", "funder_id", on=DETAIL)
    yield from _at_risk(say)


def _provision(say: PlanWording) -> Iterator[str]:
    """Three figures of guarantees that are easily taken for one another."""
    found = say.brief.fiscal.provision
    if found is not None:
        yield tr(
            "Of guarantees of {face}, budgets set aside {provision} as provision. Their net cost "
            "of {cost} is a present value, of the share that the scenario expects to come back; "
            "the expected loss follows from the probability of failure that it states for "
            "guarantees. The two need not agree.",
            face=say.money(found.face_meur),
            provision=say.money(found.provision_meur),
            cost=say.money(found.cost_meur),
        )
        yield from provision(say)
        peak = say.cost.by_class["guarantee"]
        if peak.peak_year is not None:
            yield tr(
                "Guarantees outstanding have their peak at the end of {year}, with {amount}: loans "
                "of banks, which are not spending.",
                year=peak.peak_year,
                amount=say.money(peak.peak_meur),
            )


def provision(say: PlanWording) -> Iterator[str]:
    """Whether budgets set aside enough for guarantees."""
    found = say.brief.fiscal.provision
    if found is None or found.expected_loss_meur is None or found.missing_meur is None:
        return
    about = {"set": say.money(found.provision_meur), "loss": say.money(found.expected_loss_meur)}
    if found.missing_meur > NOISE:
        missing = say.money(found.missing_meur)
        yield tr(
            "The provision for guarantees is too small: {set} for an expected loss of {loss}, not "
            "discounted; {missing} are missing.",
            missing=missing,
            **about,
        )
    else:
        yield tr(
            "The provision for guarantees, {set}, covers their expected loss of {loss}, not "
            "discounted.",
            **about,
        )


def _at_risk(say: PlanWording) -> Iterator[Part]:
    """What may be lost, public money at risk at the end of each year, and when it comes back."""
    public = say.cost.public
    total = public.maximum_loss_meur + say.cost.private.maximum_loss_meur + say.cost.market_meur
    if total > NOISE:
        text = tr(
            "If every project fails, {total} are lost: {public} of it by public funders ({share}), "
            "the rest by companies, lenders and investors.",
            total=say.money(total),
            public=say.money(public.maximum_loss_meur),
            share=percent(public.maximum_loss_meur / total),
        )
        yield doc.Text(text, PAGE)
    if public.peak_year is not None:
        text = tr(
            "Public money at risk has its peak at the end of {year}, with {amount}.",
            year=public.peak_year,
            amount=say.money(public.peak_meur),
        )
        yield doc.Text(text, TEXT)
    yield from (doc.Text(text, TEXT) for text in after_review.means(say.plan.review))
    title = tr("Public money at risk at each year's end ({unit})", unit=say.million)
    note = tr(
        "Where the scenario gives no terms of repayment, money stays at risk to the end of the "
        "horizon."
    )
    yield from of_classes(say, "outstanding_by_year_meur", "at-risk", title, note)
    title = tr("Expected to come back by year ({unit}, not discounted)", unit=say.million)
    note = tr(
        "Of instruments whose terms say when: interest and repayment, exits, fees of guarantees, "
        "upside of price floors, each by its probability. Years may lie after {year}.",
        year=say.years[-1],
    )
    yield from of_classes(
        say, "returned_by_year_meur", "returned", title, note, chart=False, folded=False
    )


def _sums(
    say: PlanWording,
    caption: str,
    header: str,
    rows: Sequence[Group],
    name: str,
    whose: str,
    note: str = "",
    on: doc.Media = doc.EVERYWHERE,
) -> Table:
    """Accounts added up, a group a row; a sheet adds up its positions."""
    whole = _group(say, "", "", say.plan.accounts)

    def total(key: str) -> doc.Formula:
        def amount(line: Line) -> ex.Expression | None:
            its, table = line["id"], line.book["accounts"]
            if not table.has(key):
                return None
            held = zip(table.area(whose).values, table.area(key).values, strict=True)
            # An empty cell is not known: a sum of such is no 0.
            some = any(known == its.value and figure != "" for known, figure in held)
            return col.where("accounts", key, {whose: its})(line.book) if some else None

        return amount

    figures = [
        (tr("Committed"), "committed", "committed_meur"),
        (tr("Paid, present value"), "present", "paid_present_meur"),
        (tr("Expected back, present value"), "back", "returned_present_meur"),
        (tr("Residual value, present value"), "residual", "residual_meur"),
        (tr("Net cost, present value"), "net", "cost_meur"),
        (tr("Maximum loss"), "maximum_loss", "maximum_loss_meur"),
    ]
    more: dict[str, Any] = {"like": "all", "total": True}
    columns = [
        Column(header, "label", "text"),
        *(
            col.calc(head, key, total(key), of=f"sums.{of}", **more)
            for head, key, of in figures
            if key != "residual" or abs(whole.sums.residual_meur) > NOISE
        ),
        *col.keys(id="id"),
    ]
    more["total"] = any(p.expected_loss_meur is not None for p in say.plan.accounts)
    more["whole"] = lambda _: whole.expected_loss
    lost = total("expected_loss")
    loss = col.calc(tr("Expected loss"), "expected_loss", lost, of="expected_loss", **more)
    columns.insert(-2, loss)
    return Table(caption, rows, columns, name, note, total=tr("Sum"), folded=on is DETAIL, on=on)


def _budgets(say: PlanWording) -> Iterator[Part]:
    yield _lines(say)
    limited = [use for use in say.plan.budget_lines if use.available_meur is not None]
    columns = [
        col.text(tr("Budget line"), lambda use: say.budget_line(use.funder, use.line)),
        *doc.by_year(say.years, lambda use: use.available_meur or {}),
    ]
    caption = tr("Available by year: the grant of the year and what is carried over")
    yield Table(caption, limited, columns, "available", key=_id, freeze=1, folded=True, on=DETAIL)
    caption = tr("Charged to budgets by year ({unit}, not discounted)", unit=say.million)
    yield by_funder(say, "spend", caption, say.plan.spend_meur, "paid_by", "charge")


def _id(use: BudgetUse | BudgetLineUse) -> str:
    return f"{use.funder} {use.line}"


def _lines(say: PlanWording) -> Table:
    """How far each budget is used over all years; a sheet has each year."""
    known = {_id(use): use for use in say.plan.budget_lines}
    charged = [of for f, of in say.plan.spend_meur.items() if say.kinds.get(f) == "public"]
    together = {year: sum(of.get(year, 0.0) for of in charged) for year in say.horizon}

    def used(use: BudgetUse) -> Mapping[str, float]:
        return together if use.funder is None else known[_id(use)].used_meur

    def reached(line: Line) -> ex.Expression:
        stock = line.row.kind == "guarantee_stock"
        return ex.largest(col.over_years(line)) if stock else col.sum_of_years(line)

    def over(line: Line) -> ex.Expression:
        above = [] if line.row.granted_meur is None else [line["all"] - line["granted"]]
        limits = line.book["available"] if "available" in line.book else None
        row = None if limits is None else limits.line(_id(line.row))
        if limits is not None and row is not None:
            above.append(ex.overrun(col.over_years(line), col.by_year(limits, row)))
        return ex.largest(ex.of(0), *above)

    def part(line: Line) -> ex.Expression | None:
        return ex.ratio(line["all"], line["granted"]) if line.row.granted_meur else None

    columns = [
        col.text(tr("Budget line"), lambda use: say.budget_line(use.funder, use.line)),
        col.text(tr("Kind"), lambda use: capital(say.line_kind(use.kind))),
        *doc.by_year(say.years, used, on=SHEET),
        col.given(tr("Granted"), "granted", of="granted_meur", like="all", origin="scenario"),
        col.calc(tr("Used"), "all", reached, of="used_meur", like="all"),
        col.calc(
            tr("Share used"), "part", part, "share",
            lambda use: use.used_meur / use.granted_meur if use.granted_meur else None,
        ),
        doc.sheet_only(tr("Above what is available"), "over", over, "deviation"),
        *col.keys(funder_id="funder", line_id=lambda use: use.line if use.funder else None),
    ]  # fmt: skip
    note = tr(
        "Over all years. A guarantee uses its provision of a budget; of a stock of guarantees the "
        "year of the highest use counts. {dash}: no limit.",
        dash=NONE,
    )
    caption = tr("Budgets and how far they are used ({unit}, not discounted)", unit=say.million)
    rows, empty = say.cost.budgets, tr("No funder has a limited budget.")
    on = doc.EVERYWHERE if rows else SHEET
    return Table(caption, rows, columns, "lines", note, empty=empty, key=_id, freeze=1, on=on)


def checks(say: PlanWording) -> Iterator[Check]:
    """Accounts add up to what each funder has in each year, and no budget is exceeded."""
    yield from positions.checks(say)
    if say.case is not None and say.plan.accounts:
        says = tr("What accounts provide in a year equals what each funder provides")
        yield doc.check_rows(says, "committed", col.summed("committed", "all"))
        if say.plan.spend_meur:
            says = tr("What accounts charge in a year equals what each funder's budget is charged")
            yield doc.check_rows(says, "spend", col.summed("spend", "all"))
    if not say.plan.budget_lines:
        return
    own = (use.funder for use in say.plan.budget_lines if use.line == OWN_LINE)
    limited = dict.fromkeys(own)  # in the order of the file

    def charged(book: Formulas) -> ex.Expression:
        spend = book["spend"]
        its = [spend.find(f, "all") for f in limited if spend.line(f) is not None]
        return ex.total(ex.of(0), *its)

    used = col.where("lines", "all", line_id=OWN_LINE)
    says = tr("Use of the funders' own budgets equals what these funders are charged")
    if say.plan.review is None:  # else each is told of the group that uses most of it
        yield Check(says, "lines", used, charged)
    says = tr("No budget is exceeded, in any year or in all")
    yield Check(says, "lines", col.summed("lines", "over"), col.summed("lines", "granted"), True)
