"""The options for a single funder on one page, to be handed on to it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from models.language import tr
from models.results import Comparison, Plan
from models.results.comparison import OwnView
from models.results.option import Option
from optimizer.analyses.comparison.document import cautions
from optimizer.analyses.comparison.figures import DAMAGE, MONEY, Figure, read
from optimizer.analyses.comparison.funders import paid_for
from optimizer.analyses.comparison.own_views import (
    called,
    company,
    left,
    money,
    noted,
    over,
    over_alone,
    public,
)
from optimizer.analyses.comparison.tables import columns
from optimizer.analyses.comparison.words import Side
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import Column, Fact, Part, Table
from optimizer.report.figures import NOISE, clean, number
from optimizer.report.wording import listed

MOST_SHOWN = 6
"""Projects and stocks that have a row of their own."""

YEARS_SHOWN = 5
"""Years of decision that have a row of their own, where there are many more."""


def page(
    found: Comparison, plans: Mapping[str, Plan], funder: str, author: str = "", date: str = ""
) -> doc.Document:
    """What the options cost a funder, what they buy it and what it pays for.

    ``plans`` are those that are compared, by label. Raises KeyError where the comparison has no
    view of the funder: it pays in no option, or is federal.
    """
    side = Side(found, plans)
    place, view = {view.funder: (n, view) for n, view in enumerate(found.own_views, 1)}[funder]
    more = _more(side, view)
    if view.kind == "company":
        first, *by_year = company(side, view, place, more)
    else:
        first, *by_year = public(side, view, place, more, YEARS_SHOWN)
    # Only what is to be approved: by year of payment it stands in the comparison.
    tables = [replace(first, chart=_chart(side, view, first.name)), *by_year[-1:]]
    tables += _paid_for(side, view)
    made = ", ".join(clean(text) for text in (author, date) if text)
    base = plans.get(found.base)
    return doc.Document(
        side.title,
        tr("Vorrat: the options for one funder"),
        called(side, view),
        [*_told(side, view), *noted(side, tables, view), *([f"{made}."] if made else [])],
        versions=base.certificate.versions if base else {},
        answer_title=tr("What the options mean for {funder}", funder=side.name("funders", funder)),
        units=side.units,
    )


def _loss(side: Side, view: OwnView) -> Figure:
    """What its consumers are expected to lose; where it has none, all of them."""
    if view.consumers:
        return left(side, view)
    name = tr("Expected {noun} of all consumers, {unit}", noun=side.counted, unit=side.unit)
    return Figure("left", name, "outcome", "benefit.expected.with_plan", DAMAGE)


def _more(side: Side, view: OwnView) -> list[Figure]:
    """Rows that its table has here in addition: public money, and what is lost where that is not
    told of its own consumers."""
    money_of_all = tr("Public funding, present value")
    rows = [Figure("public_present", money_of_all, "money", "cost.public.paid_present_meur", MONEY)]
    if view.consumers:
        return rows
    loss = _loss(side, view)
    return [*rows, loss, *over_alone(side, loss)]


def _told(side: Side, view: OwnView) -> Iterator[Part]:
    """What the base means for it, and which options leave least damage or cost it least."""
    base, loss = side.base, _loss(side, view)
    outlay, cost = money(view)
    yield tr("{count} options are compared, by public funding (present value).",
             count=number(len(side.options)))  # fmt: skip
    name = side.called(base.label)
    facts = [
        Fact(
            tr("Net cost with “{option}”", option=name),
            side.money(cost.of(side, base)),
            tr("present value; outlay {paid}, not discounted",
               paid=side.money(outlay.of(side, base))),
        )
    ]  # fmt: skip
    if (own := loss.of(side, base)) is not None:
        about = {"noun": side.counted, "option": name}
        what = tr("Expected {noun} of all consumers with “{option}”", **about)
        if view.consumers:
            what = tr("Expected {noun} of its consumers with “{option}”", **about)
        before = tr("{before} without any plan", before=side.spoken(read(base, loss.without)))
        facts.append(Fact(what, side.spoken(own), before))
    alone = side.found.industry_alone
    more, dearer = (over(side, figure, "").of(side, base) for figure in (loss, cost))
    if alone not in (None, base.label) and None not in (more, dearer):
        label = tr("The same, compared with “{option}”", option=side.called(alone or ""))
        beside = tr("and {cost} of net cost", cost=f"{side.signed(dearer)} {side.million}")
        facts.append(Fact(label, f"{side.signed(more)} {side.unit}", beside))
    yield doc.Facts(facts)
    yield from _best(side, loss, outlay, cost)
    yield doc.Caution([*cautions(side), *_like(side), *_not_its_own(side, view)])


def _best(side: Side, loss: Figure, outlay: Figure, cost: Figure) -> Iterator[str]:
    """Which of the options with which it pays leaves least, and which costs it least, as far as the
    figures that are told of them differ."""
    paying = [
        (side.spoken(loss.of(side, o)), side.money(cost.of(side, o)), o)
        for o in side.options
        if loss.of(side, o) is not None and (outlay.of(side, o) or 0.0) > NOISE
    ]
    if len(paying) < 2:
        return

    def least(first: Figure, second: Figure, place: int) -> tuple[str, str, Option]:
        told = min(paying, key=lambda one: first.of(side, one[2]))[place]
        alike = [one for one in paying if one[place] == told]
        return min(alike, key=lambda one: second.of(side, one[2]))

    (left, at, best), (rest, cheapest, cheap) = least(loss, cost, 0), least(cost, loss, 1)
    told = tr(
        "Of the options with which it pays, “{option}” leaves least: {left} at a net cost of "
        "{cost}.",
        option=side.called(best.label),
        left=left,
        cost=at,
    )
    if at == cheapest:
        told += " " + tr("It costs it least as well.")
    else:
        told += " " + tr(
            "“{option}” costs it least: {cost}, and {left} are left.",
            option=side.called(cheap.label),
            cost=cheapest,
            left=rest,
        )
    yield told


def _like(side: Side) -> Iterator[str]:
    """Options that the proofs do not tell apart from the base."""
    some = [d.option for d in side.differences if d.significant is False]
    if some:
        yield tr(
            "Not told apart from “{base}” by the proofs: {options}. What they differ by here may "
            "be chance.",
            base=side.called(side.found.base),
            options=_quoted(side, some),
        )


def _not_its_own(side: Side, view: OwnView) -> Iterator[str]:
    """Companies that stand for no consumers, such as a house of several: their money is somebody's,
    and the file does not say whose."""
    for other in side.found.own_views if view.consumers else ():
        if other.kind == "company" and not other.consumers:
            outlay, _ = money(other)
            known = {o.label: outlay.of(side, o) or 0.0 for o in side.options}
            if paid := {label: amount for label, amount in known.items() if amount > NOISE}:
                yield tr(
                    "With {options}, {funder} pays up to {paid} and stands for no consumers: what "
                    "others bear of that in turn is not known, and not counted here.",
                    options=_quoted(side, paid),
                    funder=side.name("funders", other.funder),
                    paid=side.money(max(paid.values())),
                )


def _quoted(side: Side, labels: Iterable[str]) -> str:
    return listed([tr("“{option}”", option=side.called(label)) for label in labels])


def _chart(side: Side, view: OwnView, name: str) -> Chart | None:
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
    title = tr("Outlay and what all consumers lose, by option")
    if view.consumers:
        title = tr("Outlay and what its consumers lose, by option")
    told = tr("Two bars an option: what the funder pays, and what is expected to be lost.")
    return Chart(name, title, told, lambda: charts.against(names, (paid, lost), titles, own))


def _paid_for(side: Side, view: OwnView) -> Iterator[Table]:
    """What it pays for each project and stockpile, option by option."""
    paid = {
        o.label: paid_for(side.plans[o.label], view.funder)
        for o in side.options
        if not side.bars(o.label, "money")
    }
    every = dict.fromkeys(what for of in paid.values() for what in of)
    ranked = sorted(every, key=lambda what: -max(of.get(what, 0.0) for of in paid.values()))
    if not ranked:
        return
    most = MOST_SHOWN if len(ranked) > MOST_SHOWN + 1 else len(ranked)
    rows = [(side.name(*what), [what]) for what in ranked[:most]]
    if rest := ranked[most:]:
        rows.append((tr("{count} others", count=number(len(rest))), rest))

    def amount_of(row: tuple[str, list[tuple[str, str]]], option: Option) -> float | None:
        of = paid.get(option.label)
        return None if of is None else math.fsum(of.get(what, 0.0) for what in row[1])

    title = tr("What it pays for ({unit})", unit=side.million)
    shown = [
        Column(tr("Outlay for"), "0", "text"),
        *columns(side, amount_of, "money", total=True),
    ]
    yield Table(title, rows, shown, "paid-for", total=tr("Sum"))
