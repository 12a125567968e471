"""Money as the treasury sees it: by class, funder and budget, and who may lose it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from models.language import tr
from models.results import BudgetLineUse, Position
from models.results.option import BudgetUse, Sums
from optimizer.analyses.plan.answer import net_cost
from optimizer.analyses.plan.projects import drawn, in_years, of_years
from optimizer.analyses.plan.words import MARKET, PlanWording, summed
from optimizer.report.charts import Chart
from optimizer.report.charts import money as charts
from optimizer.report.document import (
    PAGE,
    TERMINAL,
    Column,
    Heading,
    Part,
    Table,
    Text,
    by_year,
)
from optimizer.report.figures import NOISE, NONE, number, percent
from optimizer.report.wording import CLASSES, capital, class_name


@dataclass(frozen=True)
class Group:
    """Positions that a table shows as one row, added up."""

    label: str
    how: str
    positions: Sequence[Position]
    say: PlanWording

    @cached_property
    def sums(self) -> Sums:
        """Their sums."""
        return self.say.add(self.positions)

    @property
    def expected_loss(self) -> float | None:
        """The sum of expected losses; None where one of them is not stated."""
        if any(p.expected_loss_meur is None for p in self.positions):
            return None
        return self.sums.expected_loss_meur


def accounts(say: PlanWording) -> Iterator[Part]:
    """What the plan costs, and what is committed, paid, comes back, is at risk and may be lost."""
    yield from _charged(say)
    if not say.builds_nothing:
        yield net_cost(say)
    if abs(say.plan.outcome.residual_meur) > NOISE:
        text = tr(
            "It is less by the residual value of stocks and projects at the end: {amount}, "
            "discounted.",
            amount=say.money(say.plan.outcome.residual_meur),
        )
        yield text
    if say.plan.accounts:
        yield from _lead(say)
        yield _by_class(say)
        yield from _provision(say)
        yield from (Text(text, PAGE) for text in _debt_brake(say))
        yield from _outstanding(say)
        yield from _returned(say)
        yield Heading(tr("By funder and instrument"), PAGE)
        yield _by_instrument(say)
        yield from _lines(say)
        yield from _line_years(say)
        yield Heading(tr("Who carries the loss"), PAGE)
        yield from _losses(say)


class Charged(NamedTuple):
    """What the budget of a funder is charged, and what is committed, by year."""

    funder: str
    charged: dict[str, float]
    committed: dict[str, float]


def _charged(say: PlanWording) -> Iterator[Part]:
    """Charges on budgets by funder and year, as a terminal shows them; pages show every budget."""
    spent, committed = say.plan.spend_meur, say.plan.committed_meur
    rows = [Charged(f, spent.get(f, {}), committed.get(f, {})) for f in {**spent, **committed}]
    rows = [
        row for row in rows if max(sum(row.charged.values()), sum(row.committed.values())) > NOISE
    ]
    used = [int(y) for row in rows for y, amount in row.charged.items() if abs(amount) > NOISE]
    name = Column(tr("Charged to"), lambda row: say.source(row.funder), "text")
    if used:
        years = by_year(range(min(used), max(used) + 1), lambda row: row.charged, total=True)
        caption = tr("Charged to budgets by year ({unit}, not discounted)", unit=say.million)
        total = tr("All together")
        yield Table(caption, rows, [name, *years], "charged", total=total, on=TERMINAL)
    charged = tr("Charged to budgets, {unit}", unit=say.million)
    money = tr("Money committed, {unit}", unit=say.million)
    columns = [
        Column(tr("Over all years"), name.of, "text"),
        Column(charged, lambda row: sum(row.charged.values()), "money", total=True),
        Column(money, lambda row: sum(row.committed.values()), "money", total=True),
    ]
    if rows:
        yield Table("", rows, columns, "committed", total=tr("All together"), on=TERMINAL)


def _lead(say: PlanWording) -> Iterator[Part]:
    sums, per_euro = say.cost.public, say.cost.avoided_per_net_euro
    if not say.public:
        return
    text = tr(
        "Public funders commit {committed}; {back} of it is expected to come back and {cost} is "
        "the net cost to them, both as present values.",
        committed=say.money(sums.committed_meur),
        back=say.money(sums.returned_present_meur or 0.0),
        cost=say.money(sums.cost_meur),
    )
    yield text
    if per_euro is not None and per_euro.expected is not None and sums.cost_meur > NOISE:
        text = tr(
            "For each {currency} of that net cost to public funders, {amount} {currency} of "
            "expected damage are avoided on average, with what companies and lenders pay.",
            currency=say.currency,
            amount=number(per_euro.expected, 1),
        )
        yield text


def _provision(say: PlanWording) -> Iterator[str]:
    """Three figures of guarantees that are easily taken for one another."""
    case = say.case
    some = [p for p in say.public if p.budget_class == "guarantee" and p.instrument is not None]
    if case is None or not some:
        return
    group = Group("", "", some, say)
    provision = sum(
        float(case.funders[p.funder].instruments[p.instrument].budget_charge)
        * sum(p.paid_meur.values())
        for p in some
        if p.instrument is not None
    )
    yield tr(
        "Of guarantees of {face}, budgets set aside {provision} as provision. Their net cost of "
        "{cost} is a present value and follows from what the scenario expects to come back.",
        face=say.money(group.sums.committed_meur),
        provision=say.money(provision),
        cost=say.money(group.sums.cost_meur),
    )
    loss = group.expected_loss
    if loss is None:
        return
    if loss > provision + NOISE:
        yield tr(
            "The provision does not cover the expected loss, which is {loss} by the stated "
            "probabilities of failure, not discounted: {short} are missing.",
            loss=say.money(loss),
            short=say.money(loss - provision),
        )
    else:
        yield tr(
            "The provision covers the expected loss, which is {loss} by the stated probabilities "
            "of failure, not discounted.",
            loss=say.money(loss),
        )


def _sums(say: PlanWording) -> list[Column]:
    """Columns of sums over positions: a group a row, and all of them."""
    whole = Group("", "", say.plan.accounts, say)
    residual = abs(whole.sums.residual_meur) > NOISE
    columns = [
        (tr("Committed"), "sums.committed_meur"),
        (tr("Paid, present value"), "sums.paid_present_meur"),
        (tr("Expected back, present value"), "sums.returned_present_meur"),
        *([(tr("Residual value, present value"), "sums.residual_meur")] if residual else []),
        (tr("Net cost, present value"), "sums.cost_meur"),
    ]
    return [
        *(summed(name, of) for name, of in columns),
        Column(
            tr("Expected loss"),
            "expected_loss",
            "money",
            like="all",
            whole=lambda rows: whole.expected_loss,
        ),
        summed(tr("Maximum loss"), "sums.maximum_loss_meur"),
    ]


def _by_class(say: PlanWording) -> Table:
    by_class: dict[str, list[Position]] = {}
    for position in say.plan.accounts:
        by_class.setdefault(position.budget_class or "", []).append(position)
    rows = [Group(capital(class_name(c)), "", by_class[c], say) for c in CLASSES if c in by_class]
    note = tr(
        "Committed and losses are not discounted; a guarantee counts with the loan that it covers. "
        "Present values are those of {year}. Maximum loss: every project fails, and price floors "
        "cost the most they can; grants and stocks are spent in any case and not at risk. What is "
        "expected back of a guarantee is the part that is not called.",
        year=say.years[0],
    )
    if any(p.expected_loss_meur is None for p in say.plan.accounts):
        note += " " + tr(
            "Expected loss: {dash} where the scenario states no probability of failure; what it "
            "expects to come back is then in the column of present values.",
            dash=NONE,
        )
    columns = [Column(tr("Budget class"), "label", "text"), *_sums(say)]
    caption = tr("Accounts by budget class ({unit})", unit=say.million)
    return Table(caption, rows, columns, "by-class", note, total=tr("Sum"))


def _by_instrument(say: PlanWording) -> Table:
    found: dict[tuple[str, str | None], list[Position]] = {}
    for position in say.plan.accounts:
        found.setdefault((position.funder, position.instrument), []).append(position)
    order = {funder.id: n for n, funder in enumerate(say.plan.funders)}
    groups = sorted(found.values(), key=lambda some: order.get(some[0].funder, len(order)))
    rows = [Group(say.source(some[0].funder), say.how(some[0]), some, say) for some in groups]
    columns = [
        Column(tr("Funder"), "label", "text"),
        Column(tr("Instrument"), "how", "text"),
        *_sums(say),
    ]
    caption = tr("Accounts by funder and instrument ({unit})", unit=say.million)
    return Table(caption, rows, columns, "by-instrument", total=tr("Sum"), on=PAGE)


def _debt_brake(say: PlanWording) -> Iterator[str]:
    """What the classes mean for the German debt brake (Article 115 of the Basic Law)."""
    if say.case is not None and "DE" in say.case.home and say.public:
        yield tr(
            "Under the debt brake, stakes and loans count as financial transactions and guarantees "
            "as contingent, so neither counts when it is given; grants and what stocks cost do. A "
            "guarantee that is called and a stake that is written off burden the budget of that "
            "year. The classes are those that the scenario names; the Eurostat treatment of stakes "
            "without a market return may differ."
        )


def _series(
    say: PlanWording, of: str, positions: Iterable[Position]
) -> list[tuple[str, dict[int, float]]]:
    """Sums by year of each budget class; what is nothing in all years is left out."""
    by_class: dict[str, list[Position]] = {}
    for position in positions:
        by_class.setdefault(position.budget_class or "", []).append(position)
    found = [
        (capital(class_name(c)), in_years(getattr(say.add(by_class[c]), of)))
        for c in CLASSES
        if c in by_class
    ]
    return [(name, of) for name, of in found if any(abs(x) > NOISE for x in of.values())]


def _outstanding(say: PlanWording) -> Iterator[Part]:
    series = _series(say, "outstanding_by_year_meur", say.public)
    if not series:
        return
    yield Heading(tr("What is at risk"), PAGE)
    text = tr(
        "Public money at risk has its peak at the end of {year}, with {amount}.",
        year=say.cost.public.peak_year,
        amount=say.money(say.cost.public.peak_meur),
    )
    yield text
    title = tr("Public money at risk at each year's end ({unit})", unit=say.million)
    chart = Chart(
        "money-at-risk",
        title,
        tr("Stacked bars, one a year. The figures are in the table below."),
        lambda: charts.stacked(say.years, drawn(say.years, series), say.million, 2.2),
    )
    note = ""
    if any(p.maximum_loss_meur > NOISE and not p.returned_meur for p in say.public):
        note = tr(
            "Where the scenario gives no terms of repayment, money stays at risk to the end of the "
            "horizon."
        )
    yield Table(title, say.years, of_years(series), "at-risk", note, chart=chart, on=PAGE)


def _returned(say: PlanWording) -> Iterator[Part]:
    series = _series(say, "returned_by_year_meur", say.public)
    if not series:
        return
    back = [year for _, of in series for year, amount in of.items() if abs(amount) > NOISE]
    yield Heading(tr("When public money comes back"), PAGE)
    caption = tr("Expected to come back by year ({unit}, not discounted)", unit=say.million)
    note = tr(
        "Of instruments whose terms say when: interest and repayment, exits, fees of guarantees, "
        "upside of price floors, each by its probability. Years may lie after {year}.",
        year=say.years[-1],
    )
    rows = range(min(back), max(back) + 1)
    yield Table(caption, rows, of_years(series), "returned", note, total=tr("All years"), on=PAGE)


def _lines(say: PlanWording) -> Iterator[Part]:
    kinds = {
        "budget": tr("budget"),
        "commitment": tr("commitment authority"),
        "cash": tr("cash by year"),
        "guarantee_stock": tr("guarantees outstanding"),
    }

    def left(use: BudgetUse) -> float | None:
        return None if use.granted_meur is None else max(0.0, use.granted_meur - use.used_meur)

    columns = [
        Column(tr("Budget line"), lambda use: say.budget_line(use.funder, use.line), "text"),
        Column(tr("Kind"), lambda use: capital(kinds[use.kind]), "text"),
        summed(tr("Granted"), "granted_meur"),
        summed(tr("Used"), "used_meur"),
        summed(tr("Left"), left),
        Column(
            tr("Share used"),
            lambda use: use.used_meur / use.granted_meur if use.granted_meur else None,
            "share",
        ),
    ]
    note = tr(
        "Over all years. A guarantee uses its provision of a budget; of a stock of guarantees the "
        "year of the highest use counts. {dash}: no limit.",
        dash=NONE,
    )
    if say.cost.budgets:
        yield Heading(tr("Budgets"), PAGE)
        caption = tr("Budgets and how far they are used ({unit}, not discounted)", unit=say.million)
        yield Table(caption, say.cost.budgets, columns, "budgets", note)


def _line_years(say: PlanWording) -> Iterator[Part]:
    """What is used of each budget year by year: of public funders, and where years are limited."""
    columns = [Column(tr("Year"), str, "text", mark=lambda year: "line")]
    for line in say.plan.budget_lines:
        if line.available_meur is not None or say.kinds.get(line.funder) == "public":
            columns += _of_line(say, line)
    note = tr(
        "Public budgets, and others that are granted by year. Available: the grant of the year and "
        "what is carried over from the years before."
    )
    if len(columns) > 1:
        caption = tr("Budgets by year ({unit}, not discounted)", unit=say.million)
        yield Table(caption, say.years, columns, "budget-years", note, on=PAGE)


def _of_line(say: PlanWording, line: BudgetLineUse) -> Iterator[Column]:
    name, available = say.budget_line(line.funder, line.line), line.available_meur
    if available is not None:
        yield Column(tr("Available"), lambda y: available.get(str(y)), "money", group=name)
    yield Column(tr("Used"), lambda y: line.used_meur.get(str(y)), "money", group=name)


def _losses(say: PlanWording) -> Iterator[Part]:
    losses = {f: sums.maximum_loss_meur for f, sums in say.cost.by_funder.items()}
    losses[MARKET] = say.cost.market_meur
    rows = [(f, loss) for f, loss in losses.items() if loss > NOISE]
    total = sum(loss for _, loss in rows)
    columns = [
        Column(tr("Who"), lambda row: say.source(row[0]), "text"),
        Column(tr("Maximum loss"), lambda row: row[1], "money", total=True),
        Column(tr("Share"), lambda row: row[1] / total, "share", total=True),
    ]
    if rows:
        text = tr(
            "If every project fails, {total} are lost: {public} of it by public funders ({share}), "
            "the rest by companies, lenders and investors.",
            total=say.money(total),
            public=say.money(say.cost.public.maximum_loss_meur),
            share=percent(say.cost.public.maximum_loss_meur / total),
        )
        yield Text(text, PAGE)
        caption = tr("What each loses if every project fails ({unit}, not discounted)",
                     unit=say.million)  # fmt: skip
        yield Table(caption, rows, columns, "losses", total=tr("Sum"), on=PAGE)
    text = tr(
        "What supply failures still cost falls on the consumers of the materials; the section on "
        "damage says on whom. Public money does not make up for it."
    )
    yield Text(text, PAGE)
