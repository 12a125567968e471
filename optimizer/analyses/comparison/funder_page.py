"""Page on a comparison from the view of a single funder."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from models.language import tr
from models.results import Comparison, Plan
from models.results.comparison import FunderView
from models.results.option import Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.analyses.comparison.document import (
    cautions,
    company_tables,
    figure_over_unfunded,
    funder_title,
    loss_figure,
    money_figures,
    public_funder_tables,
    rows_over_unfunded,
    with_shared_note,
)
from optimizer.analyses.comparison.plan_comparison import payments_by_item
from optimizer.analyses.comparison.tables import (
    NEEDS_DAMAGE,
    OptionFigure,
    cost_figures,
    option_columns,
)
from optimizer.report import document as doc
from optimizer.report.charts import Chart, plan_charts as charts
from optimizer.report.document import Column, Fact, Part, Table
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, sanitize
from optimizer.report.wording import join_with_and, read_figure

MAX_ITEMS_SHOWN = 6
"""Number of projects and stocks with separate rows, if the others share one row."""

MAX_YEARS_SHOWN = 5
"""Number of years of decision with separate rows, if later years share one row."""


def build_funder_page(
    result: Comparison, plans: Mapping[str, Plan], funder: str, author: str = "", date: str = ""
) -> doc.Document:
    """Build the page on what the options cost a funder, what damage they avoid for it, and what it
    pays for.

    ``plans`` are the compared plans by their labels. Raises KeyError if the comparison has no view
    of the funder, because it pays in no option or is federal.
    """
    wording = ComparisonWording(result, plans)
    number, view = {view.funder: (n, view) for n, view in enumerate(result.own_views, 1)}[funder]
    extra_rows = _extra_figures(wording, view)
    if view.kind == "company":
        first_table, *tables_by_year = company_tables(wording, view, number, extra_rows)
    else:
        first_table, *tables_by_year = public_funder_tables(
            wording, view, number, extra_rows, MAX_YEARS_SHOWN
        )
    # The comparison shows payments by year, this page approvals alone.
    tables = [
        replace(first_table, chart=_outlay_and_loss_chart(wording, view, first_table.name)),
        *tables_by_year[-1:],
    ]
    tables += _payments_table(wording, view)
    signature = ", ".join(sanitize(text) for text in (author, date) if text)
    base_plan = plans.get(result.base)
    name = wording.name("funders", funder)
    answer = [*_answer_parts(wording, view), *with_shared_note(wording, tables, view)]
    return wording.build_document(
        tr("Vorrat: the options for one funder"),
        [*answer, f"{signature}."] if signature else answer,
        [],
        subtitle=funder_title(wording, view),
        versions=base_plan.certificate.versions if base_plan else {},
        answer_title=tr("What the options mean for {funder}", funder=name),
    )


def _consumer_loss_figure(wording: ComparisonWording, view: FunderView) -> OptionFigure:
    """Return the row with the expected loss of the funder's consumers, or of all consumers if the
    funder has none."""
    if view.consumers:
        return loss_figure(wording, view)
    name = tr(
        "Expected {noun} of all consumers, {unit}", noun=wording.outcome_word, unit=wording.unit
    )
    return OptionFigure("left", name, "outcome", "benefit.expected.with_plan", NEEDS_DAMAGE)


def _extra_figures(wording: ComparisonWording, view: FunderView) -> list[OptionFigure]:
    """Return additional rows for the page: public money, and the expected loss of all consumers.

    The loss is added only if the funder has no consumers.
    """
    rows = [figure for figure in cost_figures(wording) if figure.key == "public_present"]
    if view.consumers:
        return rows
    loss = _consumer_loss_figure(wording, view)
    return [*rows, loss, *rows_over_unfunded(wording, loss)]


def _answer_parts(wording: ComparisonWording, view: FunderView) -> Iterator[Part]:
    """Yield the answer: what the base means for the funder, which options leave the least loss or
    cost the least, and cautions."""
    base, loss = wording.base, _consumer_loss_figure(wording, view)
    outlay, cost = money_figures(view)
    yield tr("{count} options are compared, by public funding (present value).",
             count=format_number(len(wording.options)))  # fmt: skip
    name = wording.option_name(base.label)
    key_facts = [
        Fact(
            tr("Net cost with “{option}”", option=name),
            wording.money_amount(cost.value_of(wording, base)),
            tr("present value; outlay {paid}, not discounted",
               paid=wording.money_amount(outlay.value_of(wording, base))),
        )
    ]  # fmt: skip
    if (loss_with_base := loss.value_of(wording, base)) is not None:
        args = {"noun": wording.outcome_word, "option": name}
        label_of_loss = tr("Expected {noun} of all consumers with “{option}”", **args)
        if view.consumers:
            label_of_loss = tr("Expected {noun} of its consumers with “{option}”", **args)
        comparison_text = tr(
            "{before} without any plan",
            before=wording.amount_for_sentence(read_figure(base, loss.without_plan_path)),
        )
        amount = wording.amount_for_sentence(loss_with_base)
        key_facts.append(Fact(label_of_loss, amount, comparison_text))
    unfunded = wording.result.industry_alone
    extra_loss, extra_cost = (
        figure_over_unfunded(wording, figure, "").value_of(wording, base) for figure in (loss, cost)
    )
    if unfunded not in (None, base.label) and None not in (extra_loss, extra_cost):
        label = tr("The same, compared with “{option}”", option=wording.option_name(unfunded or ""))
        cost_text = tr(
            "and {cost} of net cost",
            cost=f"{wording.format_signed(extra_cost)} {wording.money_unit}",
        )
        key_facts.append(
            Fact(label, f"{wording.format_signed(extra_loss)} {wording.unit}", cost_text)
        )
    yield doc.Facts(key_facts)
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
    """Yield a sentence on which option leaves the least loss, and which costs the funder the least.

    Only options in which the funder pays are considered; there is no sentence unless there are two
    of them. Options count as equal if their displayed figures are equal.
    """
    paying_options = [
        (
            wording.amount_for_sentence(loss.value_of(wording, o)),
            wording.money_amount(cost.value_of(wording, o)),
            o,
        )
        for o in wording.options
        if loss.value_of(wording, o) is not None
        and (outlay.value_of(wording, o) or 0.0) > ZERO_TOLERANCE
    ]
    if len(paying_options) < 2:
        return

    def best_row(figure: OptionFigure, second: OptionFigure, index: int) -> tuple[str, str, Option]:
        displayed_minimum = min(paying_options, key=lambda row: figure.value_of(wording, row[2]))[
            index
        ]
        equal_rows = [row for row in paying_options if row[index] == displayed_minimum]
        return min(equal_rows, key=lambda row: second.value_of(wording, row[2]))

    smallest_loss, cost_of_best, least_loss_option = best_row(loss, cost, 0)
    loss_of_cheapest, cheapest_cost, cheapest_option = best_row(cost, loss, 1)
    sentence = tr(
        "Of the options with which it pays, “{option}” leaves least: {left} at a net cost of "
        "{cost}.",
        option=wording.option_name(least_loss_option.label),
        left=smallest_loss,
        cost=cost_of_best,
    )
    if cost_of_best == cheapest_cost:
        sentence += " " + tr("It costs it least as well.")
    else:
        sentence += " " + tr(
            "“{option}” costs it least: {cost}, and {left} are left.",
            option=wording.option_name(cheapest_option.label),
            cost=cheapest_cost,
            left=loss_of_cheapest,
        )
    yield sentence


def _indistinguishable_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield a sentence on the options that the gaps do not distinguish from the base."""
    labels = [x.option for x in wording.differences if x.significant is False]
    if labels:
        yield tr(
            "Not distinguished from “{base}” by the proofs: {options}. What they differ by "
            "here may be chance.",
            base=wording.option_name(wording.result.base),
            options=_quote_options(wording, labels),
        )


def _unattributed_funding_notes(wording: ComparisonWording, view: FunderView) -> Iterator[str]:
    """Yield a note on companies that pay but have no consumers in the scenario.

    Their money comes from other parties in the end, which the scenario file does not name.
    """
    for other_view in wording.result.own_views if view.consumers else ():
        if other_view.kind == "company" and not other_view.consumers:
            outlay, _ = money_figures(other_view)
            outlays = {o.label: outlay.value_of(wording, o) or 0.0 for o in wording.options}
            if paid_by_option := {label: x for label, x in outlays.items() if x > ZERO_TOLERANCE}:
                yield tr(
                    "With {options}, {funder} pays up to {paid} and stands for no consumers: what "
                    "others bear of that in turn is not known, and not counted here.",
                    options=_quote_options(wording, paid_by_option),
                    funder=wording.name("funders", other_view.funder),
                    paid=wording.money_amount(max(paid_by_option.values())),
                )


def _quote_options(wording: ComparisonWording, labels: Iterable[str]) -> str:
    """Return the quoted names of options as a list for a sentence."""
    return join_with_and([tr("“{option}”", option=wording.option_name(label)) for label in labels])


def _outlay_and_loss_chart(
    wording: ComparisonWording, view: FunderView, chart_name: str
) -> Chart | None:
    """Return the chart of the funder's outlay and loss in each option, with the base highlighted.

    Return None if outlay or loss is not known for the base.
    """
    loss, (outlay, _) = _consumer_loss_figure(wording, view), money_figures(view)
    figures = [(o, outlay.value_of(wording, o), loss.value_of(wording, o)) for o in wording.options]
    complete_figures = [entry for entry in figures if None not in entry]
    if wording.base not in (option for option, *_ in complete_figures):
        return None
    options, paid_amounts, losses = zip(*complete_figures, strict=True)
    names = [wording.numbered_name(option.label) for option in options]
    titles = (
        f"{outlay.name} ({wording.money_unit})", f"{wording.expected_title} ({wording.unit})"
    )  # fmt: skip
    base_index = options.index(wording.base)
    title = tr("Outlay and what all consumers lose, by option")
    if view.consumers:
        title = tr("Outlay and what its consumers lose, by option")
    description = tr("Two bars an option: what the funder pays, and what is expected to be lost.")
    return Chart(
        chart_name,
        title,
        description,
        lambda: charts.paired_bars(names, (paid_amounts, losses), titles, base_index),
    )


def _payments_table(wording: ComparisonWording, view: FunderView) -> Iterator[Table]:
    """Yield the table of the funder's payments for each project and stockpile, a column per option;
    nothing if it pays for none."""
    payments_by_option = {
        o.label: payments_by_item(wording.plans[o.label], view.funder)
        for o in wording.options
        if not wording.is_excluded(o.label, "money")
    }
    items = dict.fromkeys(item for payments in payments_by_option.values() for item in payments)
    ranked_items = sorted(
        items,
        key=lambda item: -max(payments.get(item, 0.0) for payments in payments_by_option.values()),
    )
    if not ranked_items:
        return
    max_rows = MAX_ITEMS_SHOWN if len(ranked_items) > MAX_ITEMS_SHOWN + 1 else len(ranked_items)
    rows = [(wording.name(*item), [item]) for item in ranked_items[:max_rows]]
    if remaining_items := ranked_items[max_rows:]:
        rows.append(
            (tr("{count} others", count=format_number(len(remaining_items))), remaining_items)
        )

    def amount_of(row: tuple[str, list[tuple[str, str]]], option: Option) -> float | None:
        payments = payments_by_option.get(option.label)
        return None if payments is None else math.fsum(payments.get(item, 0.0) for item in row[1])

    title = tr("What it pays for ({unit})", unit=wording.money_unit)
    columns = [
        Column(tr("Outlay for"), "0", "text"),
        *option_columns(wording, amount_of, "money", total=True),
    ]
    yield Table(title, rows, columns, "paid-for", total_label=tr("Sum"))
