"""The options for a single funder on one page, to be handed on to it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from models.language import tr
from models.results import Comparison, Plan
from models.results.comparison import FunderView
from models.results.option import Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.analyses.comparison.document import cautions
from optimizer.analyses.comparison.funder_tables import (
    company_tables,
    figure_over_unfunded,
    funder_title,
    loss_figure,
    money_figures,
    public_funder_tables,
    rows_over_unfunded,
    with_shared_note,
)
from optimizer.analyses.comparison.funder_views import payments_by_item
from optimizer.analyses.comparison.option_figures import (
    NEEDS_DAMAGE,
    NEEDS_MONEY,
    OptionFigure,
    read_figure,
)
from optimizer.analyses.comparison.tables import option_columns
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import Column, Fact, Part, Table
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, sanitize
from optimizer.report.wording import join_with_and

MAX_ITEMS_SHOWN = 6
"""Projects and stocks that have a row of their own."""

MAX_YEARS_SHOWN = 5
"""Years of decision that have a row of their own, where there are many more."""


def build_funder_page(
    result: Comparison, plans: Mapping[str, Plan], funder: str, author: str = "", date: str = ""
) -> doc.Document:
    """What the options cost a funder, what they buy it and what it pays for.

    ``plans`` are those that are compared, by label. Raises KeyError where the comparison has no
    view of the funder: it pays in no option, or is federal.
    """
    side = ComparisonWording(result, plans)
    place, view = {view.funder: (n, view) for n, view in enumerate(result.own_views, 1)}[funder]
    more = _extra_figures(side, view)
    if view.kind == "company":
        first, *by_year = company_tables(side, view, place, more)
    else:
        first, *by_year = public_funder_tables(side, view, place, more, MAX_YEARS_SHOWN)
    # Only what is to be approved: by year of payment it stands in the comparison.
    tables = [replace(first, chart=_outlay_and_loss_chart(side, view, first.name)), *by_year[-1:]]
    tables += _payments_table(side, view)
    made = ", ".join(sanitize(text) for text in (author, date) if text)
    base = plans.get(result.base)
    return doc.Document(
        side.title,
        tr("Vorrat: the options for one funder"),
        funder_title(side, view),
        [
            *_answer_parts(side, view),
            *with_shared_note(side, tables, view),
            *([f"{made}."] if made else []),
        ],
        versions=base.certificate.versions if base else {},
        answer_title=tr("What the options mean for {funder}", funder=side.name("funders", funder)),
        units=side.units_by_form,
    )


def _consumer_loss_figure(wording: ComparisonWording, view: FunderView) -> OptionFigure:
    """What its consumers are expected to lose; where it has none, all of them."""
    if view.consumers:
        return loss_figure(wording, view)
    name = tr(
        "Expected {noun} of all consumers, {unit}", noun=wording.outcome_word, unit=wording.unit
    )
    return OptionFigure("left", name, "outcome", "benefit.expected.with_plan", NEEDS_DAMAGE)


def _extra_figures(wording: ComparisonWording, view: FunderView) -> list[OptionFigure]:
    """Rows that its table has here in addition: public money, and what is lost where that is not
    told of its own consumers."""
    money_of_all = tr("Public funding, present value")
    rows = [
        OptionFigure(
            "public_present", money_of_all, "money", "cost.public.paid_present_meur", NEEDS_MONEY
        )
    ]
    if view.consumers:
        return rows
    loss = _consumer_loss_figure(wording, view)
    return [*rows, loss, *rows_over_unfunded(wording, loss)]


def _answer_parts(wording: ComparisonWording, view: FunderView) -> Iterator[Part]:
    """What the base means for it, and which options leave least damage or cost it least."""
    base, loss = wording.base, _consumer_loss_figure(wording, view)
    outlay, cost = money_figures(view)
    yield tr("{count} options are compared, by public funding (present value).",
             count=format_number(len(wording.options)))  # fmt: skip
    name = wording.option_name(base.label)
    facts = [
        Fact(
            tr("Net cost with “{option}”", option=name),
            wording.money_amount(cost.value_of(wording, base)),
            tr("present value; outlay {paid}, not discounted",
               paid=wording.money_amount(outlay.value_of(wording, base))),
        )
    ]  # fmt: skip
    if (own := loss.value_of(wording, base)) is not None:
        about = {"noun": wording.outcome_word, "option": name}
        what = tr("Expected {noun} of all consumers with “{option}”", **about)
        if view.consumers:
            what = tr("Expected {noun} of its consumers with “{option}”", **about)
        before = tr(
            "{before} without any plan",
            before=wording.amount_for_sentence(read_figure(base, loss.without_plan_path)),
        )
        facts.append(Fact(what, wording.amount_for_sentence(own), before))
    alone = wording.result.industry_alone
    more, dearer = (
        figure_over_unfunded(wording, figure, "").value_of(wording, base) for figure in (loss, cost)
    )
    if alone not in (None, base.label) and None not in (more, dearer):
        label = tr("The same, compared with “{option}”", option=wording.option_name(alone or ""))
        beside = tr(
            "and {cost} of net cost", cost=f"{wording.format_signed(dearer)} {wording.money_unit}"
        )
        facts.append(Fact(label, f"{wording.format_signed(more)} {wording.unit}", beside))
    yield doc.Facts(facts)
    yield from _best_option_sentences(wording, loss, outlay, cost)
    yield doc.Caution(
        [
            *cautions(wording),
            *_indistinguishable_sentences(wording),
            *_unattributed_funding_notes(wording, view),
        ]
    )


def _best_option_sentences(
    wording: ComparisonWording, loss: OptionFigure, outlay: OptionFigure, cost: OptionFigure
) -> Iterator[str]:
    """Which of the options with which it pays leaves least, and which costs it least, as far as the
    figures that are told of them differ."""
    paying = [
        (
            wording.amount_for_sentence(loss.value_of(wording, o)),
            wording.money_amount(cost.value_of(wording, o)),
            o,
        )
        for o in wording.options
        if loss.value_of(wording, o) is not None
        and (outlay.value_of(wording, o) or 0.0) > ZERO_TOLERANCE
    ]
    if len(paying) < 2:
        return

    def least(first: OptionFigure, second: OptionFigure, place: int) -> tuple[str, str, Option]:
        told = min(paying, key=lambda one: first.value_of(wording, one[2]))[place]
        alike = [one for one in paying if one[place] == told]
        return min(alike, key=lambda one: second.value_of(wording, one[2]))

    (left, at, best), (rest, cheapest, cheap) = least(loss, cost, 0), least(cost, loss, 1)
    told = tr(
        "Of the options with which it pays, “{option}” leaves least: {left} at a net cost of "
        "{cost}.",
        option=wording.option_name(best.label),
        left=left,
        cost=at,
    )
    if at == cheapest:
        told += " " + tr("It costs it least as well.")
    else:
        told += " " + tr(
            "“{option}” costs it least: {cost}, and {left} are left.",
            option=wording.option_name(cheap.label),
            cost=cheapest,
            left=rest,
        )
    yield told


def _indistinguishable_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Options that the proofs do not tell apart from the base."""
    some = [d.option for d in wording.differences if d.significant is False]
    if some:
        yield tr(
            "Not told apart from “{base}” by the proofs: {options}. What they differ by here may "
            "be chance.",
            base=wording.option_name(wording.result.base),
            options=_quote_options(wording, some),
        )


def _unattributed_funding_notes(wording: ComparisonWording, view: FunderView) -> Iterator[str]:
    """Companies that stand for no consumers, such as a house of several: their money is somebody's,
    and the file does not say whose."""
    for other in wording.result.own_views if view.consumers else ():
        if other.kind == "company" and not other.consumers:
            outlay, _ = money_figures(other)
            known = {o.label: outlay.value_of(wording, o) or 0.0 for o in wording.options}
            if paid := {
                label: amount for label, amount in known.items() if amount > ZERO_TOLERANCE
            }:
                yield tr(
                    "With {options}, {funder} pays up to {paid} and stands for no consumers: what "
                    "others bear of that in turn is not known, and not counted here.",
                    options=_quote_options(wording, paid),
                    funder=wording.name("funders", other.funder),
                    paid=wording.money_amount(max(paid.values())),
                )


def _quote_options(wording: ComparisonWording, labels: Iterable[str]) -> str:
    return join_with_and([tr("“{option}”", option=wording.option_name(label)) for label in labels])


def _outlay_and_loss_chart(
    wording: ComparisonWording, view: FunderView, chart_name: str
) -> Chart | None:
    """What it pays with each option beside what is left, as far as both are known; the base stands
    out. None where they are not known of that."""
    loss, (outlay, _) = _consumer_loss_figure(wording, view), money_figures(view)
    known = [(o, outlay.value_of(wording, o), loss.value_of(wording, o)) for o in wording.options]
    shown = [one for one in known if None not in one]
    if wording.base not in (option for option, *_ in shown):
        return None
    some, paid, lost = zip(*shown, strict=True)
    names = [wording.numbered_name(option.label) for option in some]
    expected = tr("Expected damage") if wording.counts_damage else tr("Expected shortage")
    titles = f"{outlay.name} ({wording.money_unit})", f"{expected} ({wording.unit})"
    own = some.index(wording.base)
    title = tr("Outlay and what all consumers lose, by option")
    if view.consumers:
        title = tr("Outlay and what its consumers lose, by option")
    told = tr("Two bars an option: what the funder pays, and what is expected to be lost.")
    return Chart(
        chart_name, title, told, lambda: charts.paired_bars(names, (paid, lost), titles, own)
    )


def _payments_table(wording: ComparisonWording, view: FunderView) -> Iterator[Table]:
    """What it pays for each project and stockpile, option by option."""
    paid = {
        o.label: payments_by_item(wording.plans[o.label], view.funder)
        for o in wording.options
        if not wording.is_excluded(o.label, "money")
    }
    every = dict.fromkeys(what for of in paid.values() for what in of)
    ranked = sorted(every, key=lambda what: -max(of.get(what, 0.0) for of in paid.values()))
    if not ranked:
        return
    most = MAX_ITEMS_SHOWN if len(ranked) > MAX_ITEMS_SHOWN + 1 else len(ranked)
    rows = [(wording.name(*what), [what]) for what in ranked[:most]]
    if rest := ranked[most:]:
        rows.append((tr("{count} others", count=format_number(len(rest))), rest))

    def amount_of(row: tuple[str, list[tuple[str, str]]], option: Option) -> float | None:
        of = paid.get(option.label)
        return None if of is None else math.fsum(of.get(what, 0.0) for what in row[1])

    title = tr("What it pays for ({unit})", unit=wording.money_unit)
    shown = [
        Column(tr("Outlay for"), "0", "text"),
        *option_columns(wording, amount_of, "money", total=True),
    ]
    yield Table(title, rows, shown, "paid-for", total_label=tr("Sum"))
