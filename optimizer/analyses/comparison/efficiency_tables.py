"""Tables and a chart on how efficiently options use public money."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from models.language import tr
from models.results.comparison import BestOptionRange, Increment
from models.results.option import Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.report.charts import Chart
from optimizer.report.charts import options as charts
from optimizer.report.charts.drawing import Figure
from optimizer.report.document import (
    PAGE_AND_SHEET,
    SHEET,
    Check,
    Column,
    Section,
    Table,
    ValueForm,
)
from optimizer.report.number_format import format_number
from optimizer.report.wording import join_with_and


def damage_value_columns(wording: ComparisonWording) -> Iterator[Column]:
    """Yield columns with the range of values of an avoided euro of damage in which each option is
    best.

    They are left out on a terminal, which is too narrow.
    """
    group = tr("Best if an avoided {currency} is worth", currency=wording.currency)

    def column(header: str, ranges: Sequence[BestOptionRange]) -> Column:
        ranges_by_option: dict[str | None, str] = {}
        for current_range, following_range in zip(ranges, [*ranges[1:], None], strict=True):
            low = format_number(current_range.worth, 2)
            ranges_by_option[current_range.option] = (
                tr("{low} or more", low=low)
                if following_range is None
                else tr("{low} to {high}", low=low, high=format_number(following_range.worth, 2))
            )
        return Column(header, lambda o: ranges_by_option.get(o.label), "text", group=group,
                      media=PAGE_AND_SHEET)  # fmt: skip

    if wording.result.best_from:
        yield column(tr("by public funding"), wording.result.best_from)
    if wording.result.best_from_by_net_cost:
        yield column(tr("by net public cost"), wording.result.best_from_by_net_cost)


def average_avoided_per_euro(option: Option) -> float | None:
    """Return the expected damage that an option avoids per euro of all its public funding; None if
    it is not known."""
    average = option.cost.avoided_per_public_euro
    return None if average is None else average.expected


def assess_option(wording: ComparisonWording, option: Option) -> str:
    """Return a text that states whether an option is efficient, hardly differs from another one, or
    is dominated by another one."""
    efficient_options, dominated_options = wording.result.efficient, wording.result.dominated
    for increment in (*efficient_options, *dominated_options):
        if increment.option == option.label:
            reference_label = reference_name(wording, increment)
            if increment in efficient_options:
                is_like = increment.significant is False
                return tr("like {other}", other=reference_label) if is_like else tr("efficient")
            if increment.significant is False:
                return tr("not proven apart from {other}", other=reference_label)
            return tr("dominated by {other}", other=reference_label)
    return tr("not compared")


def reference_name(wording: ComparisonWording, increment: Increment) -> str:
    """Return the short name of the option with which an increment is compared, or "no plan"."""
    return tr("no plan") if increment.over is None else wording.short_name(increment.over)


def efficiency_chart(wording: ComparisonWording, title: str) -> Chart | None:
    """Return the chart of damage against public money; None if no option can be compared."""
    efficient_labels = {step.option for step in wording.result.efficient}
    shown_labels = efficient_labels | {step.option for step in wording.result.dominated}
    points = [
        charts.OptionPoint(
            wording.numbered_name(o.label),
            paid_present_meur,
            o.benefit.expected.with_plan,
            o.label in efficient_labels,
        )
        for o in wording.options
        if o.label in shown_labels
        and (paid_present_meur := o.cost.public.paid_present_meur) is not None
    ]
    damage_without_plan = wording.base.benefit.expected.without_plan
    description = tr(
        "Public funding across, what is left up. A staircase joins efficient options, dominated "
        "ones are hollow, and a cross at no public funding is what is expected without any plan."
    )
    x_label = tr("Public funding, present value ({unit})", unit=wording.money_unit)
    y_label = tr("Expected {noun} ({unit})", noun=wording.outcome_word, unit=wording.unit)

    def draw() -> Figure:
        return charts.efficient_frontier(points, damage_without_plan, x_label, y_label)

    return Chart("options", title, description, draw) if points else None


def build_sections(wording: ComparisonWording) -> Iterator[Section]:
    """Yield the sections on steps between efficient options, and on increments over the option
    without public funding, as far as there are any."""
    if wording.result.efficient:
        title = tr("What each step of public funding adds")
        yield Section("steps", title, [_steps_table(wording)], sheet_name=tr("Steps"))
    if wording.result.industry_alone is not None and wording.result.over_industry:
        industry_alone_name = wording.option_name(wording.result.industry_alone)
        title = tr("What options add to “{base}”", base=industry_alone_name)
        table = _over_industry_table(wording, industry_alone_name)
        yield Section("over-industry", title, [table], sheet_name=tr("Beyond industry alone"))


def _steps_table(wording: ComparisonWording) -> Table:
    """Return the table of the increments between consecutive efficient options."""
    columns = [
        *_increment_columns(wording, "outcome"),
        Column(tr("Left open by the proofs"), "resolution", "outcome"),
    ]
    columns.insert(
        1, Column(tr("Compared with"), lambda s: reference_name(wording, s), "text", media=SHEET)
    )
    note = tr(
        "Efficient: no other option leaves no more {noun} for no more public funding and is better "
        "in one of the two. Each is set against the one before it, the first against no plan; "
        "public funding as a present value.",
        noun=wording.outcome_word,
    )
    note += _insignificance_note(wording, wording.result.efficient)
    non_convex_names = [
        wording.short_name(x.option) for x in wording.result.efficient if not x.convex
    ]
    if non_convex_names:
        note += " " + tr(
            "Above the straight line between an earlier and a later option, and so, by public "
            "funding, best at no worth of an avoided {currency}: {options}.",
            currency=wording.currency,
            options=join_with_and(non_convex_names),
        )
    title = tr("From one efficient option to the next ({unit})", unit=wording.money_unit)
    return Table(
        title, wording.result.efficient, columns, "steps", note, total_label=tr("Together")
    )


def _over_industry_table(wording: ComparisonWording, base_name: str) -> Table:
    """Return the table of the increments of all options over the option without public funding."""
    header = tr("Per public {currency}, on average", currency=wording.currency)
    columns = [
        *_increment_columns(wording, "signed_outcome", total=False),
        Column(
            header,
            lambda increment: average_avoided_per_euro(wording.option(increment.option)),
            "ratio",
        ),
    ]
    note = tr(
        "The average is of all that is avoided against no plan, over all public funding: it "
        "credits public funding with what “{base}” achieves as well.",
        base=base_name,
    )
    note += _insignificance_note(wording, wording.result.over_industry)
    title = tr(
        "What each option adds to “{base}” ({unit})", base=base_name, unit=wording.money_unit
    )
    return Table(title, wording.result.over_industry, columns, "over-industry", note)


def _insignificance_note(wording: ComparisonWording, increments: Sequence[Increment]) -> str:
    """Return a note on the increments that are smaller than the gaps; empty if there are none."""
    names = [wording.short_name(x.option) for x in increments if x.significant is False]
    if not names:
        return ""
    return " " + tr("Not distinguishable: {options}.", options=join_with_and(names))


def _increment_columns(
    wording: ComparisonWording, form: ValueForm, total: bool = True
) -> list[Column]:
    """Return the columns of an increment: the option, its additional money, the additional damage
    avoided, and their ratio."""

    args = {"noun": wording.outcome_word, "currency": wording.currency}
    columns = [
        Column(tr("public funding"), "public_present_meur", "money", total=total),
        Column(tr("{noun} avoided", **args), "avoided", form, total=total),
        Column(
            tr("avoided per public {currency}", **args), "avoided_per_euro", "ratio", decimals=2
        ),
    ]  # fmt: skip
    group = tr("In addition")
    return [
        Column(tr("Option"), lambda increment: wording.numbered_name(increment.option), "text"),
        *(replace(column, group=group) for column in columns),
    ]


def build_checks(wording: ComparisonWording) -> Iterator[Check]:
    """Yield checks that the steps add up to the difference between no plan and the
    last efficient option."""
    if not wording.result.efficient:
        return
    steps, last_option = (
        wording.result.efficient,
        wording.option(wording.result.efficient[-1].option),
    )
    caption = tr("Steps add up to the public funding of the last")
    public_meur = math.fsum(step.public_present_meur for step in steps)
    yield Check(caption, public_meur, last_option.cost.public.paid_present_meur or 0.0)
    caption = tr("Steps add up to what the last avoids")
    without_plan = wording.base.benefit.expected.without_plan
    avoided = math.fsum(step.avoided for step in steps)
    yield Check(caption, avoided, without_plan - last_option.benefit.expected.with_plan)
