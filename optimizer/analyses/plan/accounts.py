"""Money as the treasury sees it: by class, funder and budget, and who may lose it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from models.language import tr
from models.results import Position
from models.results.option import Sums
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.answer import net_cost
from optimizer.analyses.plan.budgets import charges, lines
from optimizer.analyses.plan.funding import in_years, of_years, stacked
from optimizer.analyses.plan.words import MARKET, PlanWording
from optimizer.report.document import (
    PAGE,
    SHEET,
    TEXT,
    Column,
    Formula,
    Heading,
    Of,
    Part,
    Section,
    Table,
    Text,
)
from optimizer.report.figures import NOISE, NONE, number, percent
from optimizer.report.wording import CLASSES, capital, class_name
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Group:
    """Positions that a table shows as one row, added up."""

    id: str
    """What formulas find its positions by."""
    label: str
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


def section(say: PlanWording) -> Section:
    """What the plan costs, and what is committed, paid, comes back, is at risk and may be lost."""
    title = tr("What it costs, and fiscal accounts")
    return Section("accounts", title, list(_told(say)), TEXT)


def _told(say: PlanWording) -> Iterator[Part]:
    yield from charges(say)
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
        yield by_class(say)
        yield from _provision(say)
        yield from (Text(text, PAGE) for text in _debt_brake(say))
        yield from _outstanding(say)
        yield from _returned(say)
        yield Heading(tr("By funder and instrument"), PAGE)
        yield _by_instrument(say)
        yield from lines(say)
        yield Heading(tr("Who carries the loss"), PAGE)
        yield from _losses(say)


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


def _total(key: str, whose: str) -> Formula:
    """A sum over the accounts of a group; nothing where none of them is known."""

    def amount(line: Line) -> ex.Expression | None:
        its, table = line["id"], line.book["accounts"]
        if not table.has(key):
            return None
        held = zip(table.area(whose).values, table.area(key).values, strict=True)
        # An empty cell is not known: a sum of such is no 0.
        some = any(known == its.value and figure != "" for known, figure in held)
        return col.where("accounts", key, {whose: its})(line.book) if some else None

    return amount


def _sums(say: PlanWording, whose: str) -> list[Column]:
    """Columns of sums over positions: a group a row, and all of them."""
    whole = Group("", "", say.plan.accounts, say)

    def summed(header: str, key: str, of: Of, **more: Any) -> Column:
        return col.calc(
            header, key, _total(key, whose), of=of, **{"like": "all", "total": True, **more}
        )

    columns = [
        summed(tr("Committed"), "committed", "sums.committed_meur"),
        summed(tr("Provided, undiscounted"), "paid", "sums.paid_meur", on=SHEET),
        summed(tr("Paid, present value"), "present", "sums.paid_present_meur"),
        summed(tr("Expected back, present value"), "back", "sums.returned_present_meur"),
        summed(tr("Residual value, present value"), "residual", "sums.residual_meur"),
        summed(tr("Net cost, present value"), "net", "sums.cost_meur"),
        summed(
            tr("Expected loss"),
            "expected_loss",
            "expected_loss",
            whole=lambda rows: whole.expected_loss,
            total=any(p.expected_loss_meur is not None for p in whole.positions),
        ),
        summed(tr("Maximum loss"), "maximum_loss", "sums.maximum_loss_meur"),
    ]
    residual = abs(whole.sums.residual_meur) > NOISE
    return [one for one in columns if one.key != "residual" or residual]


def _by(some: Iterable[Position], whose: Callable[[Position], K]) -> dict[K, list[Position]]:
    found: dict[K, list[Position]] = {}
    for position in some:
        found.setdefault(whose(position), []).append(position)
    return found


def _classes(some: Iterable[Position]) -> dict[str, list[Position]]:
    by_class = _by(some, lambda p: p.budget_class or "")
    return {c: by_class[c] for c in CLASSES if c in by_class}


def by_class(say: PlanWording) -> Table:
    """Accounts added up by budget class."""
    by_class = _classes(say.plan.accounts)
    rows = [Group(c, capital(class_name(c)), some, say) for c, some in by_class.items()]
    note = tr(
        "Committed and losses are not discounted; a guarantee counts with the loan that it covers. "
        "Present values are those of {year}. Maximum loss: every project fails, and price floors "
        "cost the most they can; grants and stocks are spent in any case and not at risk. What is "
        "expected back of a guarantee is the part that is not called.",
        year=next(iter(say.years), ""),
    )
    if any(p.expected_loss_meur is None for p in say.plan.accounts):
        note += " " + tr(
            "Expected loss: {dash} where the scenario states no probability of failure; what it "
            "expects to come back is then in the column of present values.",
            dash=NONE,
        )
    columns = [Column(tr("Budget class"), "label", "text"), *_sums(say, "class_id")]
    columns += col.keys(id="id")
    caption = tr("Accounts by budget class ({unit})", unit=say.million)
    empty = tr("No money is provided.")
    return Table(caption, rows, columns, "by-class", note, total=tr("Sum"), empty=empty)


def by_funder(say: PlanWording) -> Table:
    """The same by funder, for a sheet."""
    by_funder = _by(say.plan.accounts, lambda p: p.funder)
    rows = [Group(f, say.payer(f), some, say) for f, some in by_funder.items()]
    columns = [Column(tr("Funder"), "label", "text"), *_sums(say, "funder_id"), *col.keys(id="id")]
    caption = tr("Accounts by funder ({unit})", unit=say.million)
    empty = tr("No money is provided.")
    return Table(caption, rows, columns, "by-funder", total=tr("Sum"), empty=empty)


def _by_instrument(say: PlanWording) -> Table:
    found = _by(say.plan.accounts, lambda p: (p.funder, p.instrument))
    order = {funder.id: n for n, funder in enumerate(say.plan.funders)}
    groups = sorted(found.values(), key=lambda some: order.get(some[0].funder, len(order)))
    rows = [Group("", say.source(some[0].funder), some, say) for some in groups]
    columns = [
        Column(tr("Funder"), "label", "text"),
        Column(tr("Instrument"), lambda group: say.how(group.positions[0]), "text"),
        *_sums(say, ""),
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
    found = [
        (capital(class_name(c)), in_years(getattr(say.add(some), of)))
        for c, some in _classes(positions).items()
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
    chart = stacked(say, "money-at-risk", title, series, 2.2)
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
