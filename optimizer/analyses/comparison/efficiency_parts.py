"""Tables, a chart and sentences on how efficiently options use public money."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from models.language import tr
from models.results.comparison import BestOptionRange, EfficientOption, Increment
from models.results.option import Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.report.charts import Chart, plan_charts as charts
from optimizer.report.charts.drawing import Figure
from optimizer.report.document import (
    PAGE_AND_SHEET,
    SHEET,
    Check,
    Column,
    Part,
    Section,
    Table,
    ValueForm,
)
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, format_rounded
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


def efficiency_sentences(wording: ComparisonWording) -> Iterator[Part]:
    """Yield sentences on the efficient options.

    They are on the increments between these options, on average avoided damage per public euro, and
    on the option that is best if an avoided euro of damage is valued at one public euro.
    """
    if wording.result.efficient:
        yield " ".join([*_unfunded_sentences(wording), *_step_sentences(wording)])
        yield " ".join(_average_sentences(wording))
        yield from _best_option_sentences(wording)


def _best_option_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield a sentence on the option that is best if an avoided euro of damage is valued at one
    public euro."""
    ranges_by_measure = {
        tr("by public funding"): wording.result.best_from,
        tr("by net public cost"): wording.result.best_from_by_net_cost,
    }
    choice_clauses = [
        f"{measure_text} {_quote_option(wording, [x for x in ranges if x.worth <= 1][-1].option)}"
        for measure_text, ranges in ranges_by_measure.items()
        if ranges
    ]
    if choice_clauses:
        yield tr(
            "Where it is worth one public {currency} to avoid one {currency} of damage, the best "
            "option is {choices}.",
            currency=wording.currency,
            choices=join_with_and(choice_clauses),
        )


def _quote_option(wording: ComparisonWording, label: str | None) -> str:
    """Return the quoted name of an option, or "no plan"."""
    return tr("no plan") if label is None else tr("“{option}”", option=wording.option_name(label))


def dominance_remarks(wording: ComparisonWording) -> Iterator[str]:
    """Yield remarks on options that are dominated, or that the gaps do not distinguish from
    others."""
    for increment in wording.result.dominated:
        yield _dominated_sentence(wording, increment)
    yield from _indistinguishable_sentences(wording)
    yield from _net_cost_remarks(wording)


def _net_cost_remarks(wording: ComparisonWording) -> Iterator[str]:
    """Yield remarks on which options become efficient or dominated if money is net public cost in
    place of public funding."""
    by_funding = [step.option for step in wording.result.efficient]
    by_net_cost = wording.result.efficient_by_net_cost
    dominated_labels = [x.option for x in wording.result.dominated if x.significant is not False]

    def figures(label: str) -> tuple[float, float]:
        option = wording.option(label)
        return option.cost.public.cost_meur, option.benefit.expected.with_plan

    def dominated_text(label: str) -> str:
        net_cost, damage = figures(label)
        label_by_damage = {figures(o)[1]: o for o in by_net_cost if figures(o)[0] <= net_cost}
        name = _quote_option(wording, label)
        if not label_by_damage or min(label_by_damage) > damage:
            return name
        cheaper_name = wording.option_name(label_by_damage[min(label_by_damage)])
        return tr("{option} by “{other}”", option=name, other=cheaper_name)

    no_longer_efficient = [label for label in by_funding if label not in by_net_cost]
    new_labels = [label for label in by_net_cost if label not in by_funding]
    newly_efficient = [_quote_option(wording, label) for label in new_labels]
    if by_funding and not newly_efficient and not no_longer_efficient:
        yield tr("By net public cost, in place of public funding, the same options are efficient.")
    if newly_efficient:
        yield tr("By net public cost, in place of public funding, efficient as well: {options}.",
                 options=join_with_and(newly_efficient))  # fmt: skip
    if no_longer_efficient:
        other_dominated = [label for label in dominated_labels if label not in by_net_cost]
        options = [dominated_text(label) for label in (*no_longer_efficient, *other_dominated)]
        yield tr("By net public cost, in place of public funding, dominated: {options}.",
                 options=join_with_and(options))  # fmt: skip


def _unfunded_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield a sentence on the damage avoided without public money, or on how to find it."""
    result = wording.result
    if result.industry_alone is None:
        kinds = {part.kind for option in wording.options for part in option.cost.parts}
        if kinds - {"public"}:
            yield tr(
                "No option shows what companies do alone; a variant in which every public funder "
                "has a budget of 0 shows it."
            )
        return
    damage = wording.option(result.industry_alone).benefit.expected
    yield tr(
        "“{option}” takes no public funding and avoids {avoided} of that.",
        option=wording.option_name(result.industry_alone),
        avoided=wording.amount_for_sentence(damage.avoided),
    )


def _step_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield sentences on the avoided damage per additional public euro in the significant steps.

    These are the first two steps, the best of the later ones, and the last.
    """
    steps = [
        s for s in wording.result.efficient if s.avoided_per_euro and s.significant is not False
    ]

    def fields(step: EfficientOption) -> dict[str, str]:
        amount = format_number(step.avoided_per_euro, 2)
        return {
            "currency": wording.currency,
            "option": wording.option_name(step.option),
            "amount": amount,
        }

    previous_step = None
    for step in steps[:2]:
        if previous_step is not None and step.over == previous_step.option:
            yield tr("The next step, to “{option}”, avoids {amount} {currency} for each additional "
                     "public {currency}.", **fields(step))  # fmt: skip
        elif step.over is None:
            yield tr("The first step, to “{option}”, avoids {amount} {currency} for each public "
                     "{currency}.", **fields(step))  # fmt: skip
        else:
            yield tr("Compared with “{over}”, “{option}” avoids {amount} {currency} for each "
                     "additional public {currency}.", over=wording.option_name(step.over),
                     **fields(step))  # fmt: skip
        previous_step = step

    def ratio(step: EfficientOption) -> float:
        return step.avoided_per_euro or 0.0

    best_step = max(steps[2:-1], key=ratio, default=None)
    if best_step is not None and ratio(best_step) > ratio(steps[1]):
        yield tr("Most of all later steps avoids that to “{option}”, {amount} {currency}.",
                 **fields(best_step))  # fmt: skip
    if len(steps) > 2 and steps[-1] is wording.result.efficient[-1]:
        yield tr("The last step, to “{option}”, avoids {amount} {currency}.", **fields(steps[-1]))


def _average_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield sentences on the smallest and largest average avoided damage per public euro."""
    options = [
        wording.option(i.option) for i in (*wording.result.efficient, *wording.result.dominated)
    ]
    averages = [x for o in options if (x := average_avoided_per_euro(o)) is not None]
    if not averages:
        return
    low, high = format_number(min(averages), 2), format_number(max(averages), 2)
    yield tr(
        "On average over all their public funding, options avoid {amount} {currency} per public "
        "{currency}.",
        amount=low if low == high else tr("{low} to {high}", low=low, high=high),
        currency=wording.currency,
    )
    yield tr(
        "Averages credit public funding with what companies achieve as well: increments decide."
    )


def _dominated_sentence(wording: ComparisonWording, increment: Increment) -> str:
    """Return a sentence that states which option dominates another one, and by how much."""
    args = {"option": wording.option_name(increment.option), "noun": wording.outcome_word}
    damage_difference = -increment.avoided
    is_different = damage_difference > ZERO_TOLERANCE * max(
        1.0, abs(wording.option(increment.option).benefit.expected.with_plan)
    )
    args["left"] = tr("no more {noun}", noun=wording.outcome_word)
    if is_different:
        args["left"] = tr(
            "{amount} less {noun}",
            amount=wording.amount_for_sentence(damage_difference),
            noun=wording.outcome_word,
        )
    if increment.over is None:
        return tr("“{option}” is dominated: no plan at all leaves {left}.", **args)
    args["money"] = tr("no more public funding")
    if increment.public_present_meur > ZERO_TOLERANCE:
        funding_difference = increment.public_present_meur
        money_clause = (
            wording.amount_for_sentence(funding_difference)
            if wording.counts_damage
            else wording.money_amount(funding_difference)
        )
        args["money"] = tr("{money} less public funding", money=money_clause)
    args["other"] = wording.option_name(increment.over)
    if not is_different or increment.significant is not False:
        return tr("“{option}” is dominated: “{other}” takes {money} and leaves {left}.", **args)
    return tr(
        "“{option}” seems dominated: “{other}” takes {money} and leaves {left}; but the proofs "
        "leave open {room}.",
        room=wording.amount(increment.resolution or 0.0),
        **args,
    )


def _indistinguishable_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield a sentence on efficient options that the gaps do not distinguish from the efficient
    option before them."""
    indistinct_steps = [step for step in wording.result.efficient if step.significant is False]
    if indistinct_steps:
        yield tr(
            "Not distinguishable from the efficient option before them, since {noun} or objective "
            "differs by less than the proofs leave open: {options}.",
            noun=wording.outcome_word,
            options=join_with_and([_describe_nearness(wording, step) for step in indistinct_steps]),
        )


def _describe_nearness(wording: ComparisonWording, step: EfficientOption) -> str:
    """Describe how close an option is to the efficient option before it.

    The text gives the smaller of the differences in damage and in objective, and the difference
    below which the gaps of the two plans leave open which is better.
    """
    difference = abs(step.avoided)
    if max(difference, abs(step.public_present_meur)) <= ZERO_TOLERANCE:
        return tr("“{option}” (the same figures)", option=wording.option_name(step.option))
    if step.over is not None:
        objectives = [wording.option(label).proof.objective for label in (step.option, step.over)]
        difference = min(difference, abs(objectives[0] - objectives[1]))
    return tr(
        "“{option}” ({amount} of {room} {unit})",
        option=wording.option_name(step.option),
        amount=format_rounded(difference),
        room=format_rounded(step.resolution or 0.0),
        unit=wording.unit,
    )
