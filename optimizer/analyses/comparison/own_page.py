"""The options for a single funder on one page, to be handed on to it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import itemgetter

from models.language import tr
from models.results import Comparison, Plan
from models.results.comparison import OwnView
from models.results.option import Option
from optimizer.analyses.comparison.figures import DAMAGE, Figure, read
from optimizer.analyses.comparison.funders import paid_for
from optimizer.analyses.comparison.own_views import (
    called,
    company,
    left,
    money,
    noted,
    over,
    public,
)
from optimizer.analyses.comparison.tables import columns
from optimizer.analyses.comparison.words import Side
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import Column, Fact, Part, Table
from optimizer.report.figures import NOISE, clean, number

MOST_SHOWN = 10
"""Projects and stocks that have a row of their own."""


def page(
    found: Comparison, plans: Mapping[str, Plan], funder: str, author: str = "", date: str = ""
) -> doc.Document:
    """What the options cost a funder, what they buy it and what it pays for.

    ``plans`` are those that are compared, by label. Raises KeyError where the comparison has no
    view of the funder: it pays in no option, or is federal.
    """
    side = Side(found, plans)
    place, view = {view.funder: (n, view) for n, view in enumerate(found.own_views, 1)}[funder]
    first, *more = (
        [company(side, view, place)] if view.kind == "company" else public(side, view, place)
    )
    tables = [replace(first, chart=_chart(side, view)), *more, *_paid_for(side, view)]
    made = ", ".join(clean(text) for text in (author, date) if text)
    base = plans.get(found.base)
    return doc.Document(
        side.title,
        tr("Vorrat: the options for one funder"),
        called(side, view),
        [*_told(side, view), *noted(side, tables, view.kind), *([f"{made}."] if made else [])],
        versions=base.certificate.versions if base else {},
        input_sha256=side.base.proof.input_sha256,
        answer_title=tr("What the options mean for {funder}", funder=side.name("funders", funder)),
        units=side.units,
    )


def _loss(side: Side, view: OwnView) -> Figure:
    """What its consumers are expected to lose; where it has none, all of them."""
    if view.consumers:
        return left(side, view)
    name = tr("Expected {noun} of all consumers, {unit}", noun=side.counted, unit=side.unit)
    return Figure("left", name, "outcome", "benefit.expected.with_plan", DAMAGE)


def _told(side: Side, view: OwnView) -> Iterator[Part]:
    """What the base means for it, and which options leave least damage or cost it least."""
    base, loss = side.base, _loss(side, view)
    outlay, cost = money(view)
    yield tr("{count} options are compared, by public funding (present value).",
             count=number(len(side.options)))  # fmt: skip
    facts = [
        Fact(
            tr("Net cost with “{option}”", option=side.called(base.label)),
            side.money(cost.of(side, base)),
            tr("present value; outlay {paid}, not discounted",
               paid=side.money(outlay.of(side, base))),
        )
    ]  # fmt: skip
    if (own := loss.of(side, base)) is not None:
        what = tr("Expected {noun} of all consumers", noun=side.counted)
        if view.consumers:
            what = tr("Expected {noun} of its consumers", noun=side.counted)
        before = tr("{before} without any plan", before=side.spoken(read(base, loss.without)))
        facts.append(Fact(what, side.spoken(own), before))
    alone = side.found.industry_alone
    more, dearer = (over(side, figure, "").of(side, base) for figure in (loss, cost))
    if alone not in (None, base.label) and None not in (more, dearer):
        label = tr("Compared with “{option}”", option=side.called(alone or ""))
        beside = tr("and {cost} of net cost: what public money changes for it",
                    cost=f"{side.signed(dearer)} {side.million}")  # fmt: skip
        facts.append(Fact(label, f"{side.signed(more)} {side.unit}", beside))
    yield doc.Facts(facts)
    paying = [
        (loss.of(side, option), cost.of(side, option), side.called(option.label))
        for option in side.options
        if loss.of(side, option) is not None and (outlay.of(side, option) or 0.0) > NOISE
    ]
    if len(paying) > 1:
        (least, at, best), (rest, cheapest, cheap) = min(paying), min(paying, key=itemgetter(1))
        told = tr(
            "Of the options with which it pays, “{option}” leaves least: {left} at a net cost of "
            "{cost}.",
            option=best,
            left=side.spoken(least),
            cost=side.money(at),
        )
        if cheap == best:
            told += " " + tr("It costs it least as well.")
        else:
            told += " " + tr(
                "“{option}” costs it least: {cost}, and {left} are left.",
                option=cheap,
                cost=side.money(cheapest),
                left=side.spoken(rest),
            )
        yield told
    yield doc.Caution(list(_not_its_own(side, view)))


def _not_its_own(side: Side, view: OwnView) -> Iterator[str]:
    """Companies that stand for no consumers, such as a house of several: their money is somebody's,
    and the file does not say whose."""
    for other in side.found.own_views:
        if other.kind == "company" and not other.consumers and other is not view:
            outlay, _ = money(other)
            paying = [o for o in side.options if (outlay.of(side, o) or 0.0) > NOISE]
            yield tr(
                "{funder} stands for no consumers and pays with {options}: what of that its "
                "members bear is not counted here.",
                funder=side.name("funders", other.funder),
                options=side.listed(paying),
            )


def _chart(side: Side, view: OwnView) -> Chart | None:
    """What it pays with each option beside what is left, as far as both are known; the base stands
    out. None where they are not known of that."""
    loss, (outlay, _) = _loss(side, view), money(view)
    known = [(o, outlay.of(side, o), loss.of(side, o)) for o in side.options]
    shown = [one for one in known if None not in one]
    if side.base not in (option for option, *_ in shown):
        return None
    some, paid, lost = zip(*shown, strict=True)
    names = [side.tagged(option.label) for option in some]
    expected = tr("Expected damage") if side.of_damage else tr("Expected shortage")
    titles = f"{outlay.name} ({side.million})", f"{expected} ({side.unit})"
    own = some.index(side.base)
    title = tr("Outlay and what is left, by option")
    told = tr("Two bars an option: what the funder pays, and what is expected to be lost.")
    return Chart(view.funder, title, told, lambda: charts.against(names, (paid, lost), titles, own))


def _paid_for(side: Side, view: OwnView) -> Iterator[Table]:
    """What it pays for each project and stockpile, option by option."""
    paid = {label: paid_for(plan, view.funder) for label, plan in side.plans.items()}
    largest: dict[tuple[str, str], float] = {}
    for of in paid.values():
        for what, amount in of.items():
            largest[what] = max(amount, largest.get(what, 0.0))
    ranked = sorted(largest, key=lambda what: -largest[what])
    most = MOST_SHOWN if len(ranked) > MOST_SHOWN + 1 else len(ranked)
    rows = [(side.name(*what), [what]) for what in ranked[:most]]
    if rest := ranked[most:]:
        rows.append((tr("{count} others", count=number(len(rest))), rest))

    def amount_of(row: tuple[str, list[tuple[str, str]]], option: Option) -> float:
        return math.fsum(paid[option.label].get(what, 0.0) for what in row[1])

    title = tr("What it pays for ({unit})", unit=side.million)
    shown = [
        Column(tr("Outlay for"), "0", "text"),
        *columns(side, amount_of, "money", total=True),
    ]
    yield Table(title, rows, shown, "paid-for", total=tr("Sum"))
