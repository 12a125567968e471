"""Sentences, tables and a chart on how efficiently options use public money."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from models.language import tr
from models.results.comparison import BestOptionRange, EfficientOption, Increment
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
    Part,
    Section,
    Table,
    ValueForm,
)
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, format_rounded
from optimizer.report.wording import join_with_and
from optimizer.report.workbook.expressions import Expression, ratio_or_empty
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables


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
    ranges_by_money = {
        tr("by public funding"): wording.result.best_from,
        tr("by net public cost"): wording.result.best_from_by_net_cost,
    }
    at_one = {
        money: [x for x in ranges if x.worth <= 1][-1].option
        for money, ranges in ranges_by_money.items()
        if ranges
    }
    if at_one:
        yield tr(
            "Where it is worth one public {currency} to avoid one {currency} of damage, the best "
            "option is {choices}.",
            currency=wording.currency,
            choices=join_with_and(
                [f"{money} {_quote_option(wording, label)}" for money, label in at_one.items()]
            ),
        )


def _quote_option(wording: ComparisonWording, label: str | None) -> str:
    """Return the quoted name of an option, or "no plan"."""
    return tr("no plan") if label is None else tr("“{option}”", option=wording.option_name(label))


def damage_value_columns(wording: ComparisonWording) -> Iterator[Column]:
    """Yield columns with the range of values of an avoided euro of damage in which each option is
    best.

    They are left out on a terminal, which is too narrow.
    """
    group = tr("Best if an avoided {currency} is worth", currency=wording.currency)

    def column(header: str, ranges: Sequence[BestOptionRange]) -> Column:
        ranges_by_option: dict[str | None, str] = {}
        for current, following in zip(ranges, [*ranges[1:], None], strict=True):
            low = format_number(current.worth, 2)
            ranges_by_option[current.option] = (
                tr("{low} or more", low=low)
                if following is None
                else tr("{low} to {high}", low=low, high=format_number(following.worth, 2))
            )
        return Column(
            header,
            lambda o: ranges_by_option.get(o.label),
            "text",
            group=group,
            width=15,
            media=PAGE_AND_SHEET,
        )

    if wording.result.best_from:
        yield column(tr("by public funding"), wording.result.best_from)
    if wording.result.best_from_by_net_cost:
        yield column(tr("by net public cost"), wording.result.best_from_by_net_cost)


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
    by_net = wording.result.efficient_by_net_cost
    distinguishable = [x.option for x in wording.result.dominated if x.significant is not False]

    def figures(label: str) -> tuple[float, float]:
        option = wording.option(label)
        return option.cost.public.cost_meur, option.benefit.expected.with_plan

    def dominated(label: str) -> str:
        money, damage = figures(label)
        cheaper = {figures(o)[1]: o for o in by_net if figures(o)[0] <= money}
        name = _quote_option(wording, label)
        if not cheaper or min(cheaper) > damage:
            return name
        other = wording.option_name(cheaper[min(cheaper)])
        return tr("{option} by “{other}”", option=name, other=other)

    no_longer_efficient = [label for label in by_funding if label not in by_net]
    newly_efficient = [_quote_option(wording, label) for label in by_net if label not in by_funding]
    if by_funding and not newly_efficient and not no_longer_efficient:
        yield tr("By net public cost, in place of public funding, the same options are efficient.")
    if newly_efficient:
        yield tr("By net public cost, in place of public funding, efficient as well: {options}.",
                 options=join_with_and(newly_efficient))  # fmt: skip
    if no_longer_efficient:
        other_dominated = [label for label in distinguishable if label not in by_net]
        options = [dominated(label) for label in (*no_longer_efficient, *other_dominated)]
        yield tr("By net public cost, in place of public funding, dominated: {options}.",
                 options=join_with_and(options))  # fmt: skip


def _unfunded_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Yield a sentence on the damage that is avoided without public money."""
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

    def about(step: EfficientOption) -> dict[str, str]:
        amount = format_number(step.avoided_per_euro, 2)
        return {
            "currency": wording.currency,
            "option": wording.option_name(step.option),
            "amount": amount,
        }

    previous = None
    for step in steps[:2]:
        if previous is not None and step.over == previous.option:
            yield tr("The next step, to “{option}”, avoids {amount} {currency} for each additional "
                     "public {currency}.", **about(step))  # fmt: skip
        elif step.over is None:
            yield tr("The first step, to “{option}”, avoids {amount} {currency} for each public "
                     "{currency}.", **about(step))  # fmt: skip
        else:
            yield tr("Compared with “{over}”, “{option}” avoids {amount} {currency} for each "
                     "additional public {currency}.", over=wording.option_name(step.over),
                     **about(step))  # fmt: skip
        previous = step

    def each(step: EfficientOption) -> float:
        return step.avoided_per_euro or 0.0

    best = max(steps[2:-1], key=each, default=None)
    if best is not None and each(best) > each(steps[1]):
        yield tr("Most of all later steps avoids that to “{option}”, {amount} {currency}.",
                 **about(best))  # fmt: skip
    if len(steps) > 2 and steps[-1] is wording.result.efficient[-1]:
        yield tr("The last step, to “{option}”, avoids {amount} {currency}.", **about(steps[-1]))


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


def average_avoided_per_euro(option: Option) -> float | None:
    """Return the expected damage that an option avoids per euro of all its public funding; None if
    it is not known."""
    average = option.cost.avoided_per_public_euro
    return None if average is None else average.expected


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
        money = (
            wording.amount_for_sentence(funding_difference)
            if wording.counts_damage
            else wording.money_amount(funding_difference)
        )
        args["money"] = tr("{money} less public funding", money=money)
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

    The text gives the smaller of the differences in damage and in objective, and the slack of both
    gaps.
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


def assess_option(wording: ComparisonWording, option: Option) -> str:
    """Return a text that states whether an option is efficient, or which option dominates it."""
    for step in wording.result.efficient:
        if step.option == option.label and step.significant is False:
            return tr("like {other}", other=_reference_name(wording, step))
        if step.option == option.label:
            return tr("efficient")
    for increment in wording.result.dominated:
        if increment.option == option.label and increment.significant is False:
            return tr("not proven apart from {other}", other=_reference_name(wording, increment))
        if increment.option == option.label:
            return tr("dominated by {other}", other=_reference_name(wording, increment))
    return tr("not compared")


def _reference_name(wording: ComparisonWording, increment: Increment) -> str:
    """Return the short name of the option to which an increment refers."""
    return tr("no plan") if increment.over is None else wording.short_name(increment.over)


def efficiency_chart(wording: ComparisonWording, title: str) -> Chart | None:
    """Return the chart of damage against public money; None if no option can be compared."""
    labels = {step.option for step in wording.result.efficient}
    shown_labels = labels | {step.option for step in wording.result.dominated}
    points = [
        charts.OptionPoint(
            wording.numbered_name(o.label), money, o.benefit.expected.with_plan, o.label in labels
        )
        for o in wording.options
        if o.label in shown_labels and (money := o.cost.public.paid_present_meur) is not None
    ]
    without = wording.base.benefit.expected.without_plan
    description = tr(
        "Public funding across, what is left up. A staircase joins efficient options, dominated "
        "ones are hollow, and a cross at no public funding is what is expected without any plan."
    )
    x_label = tr("Public funding, present value ({unit})", unit=wording.money_unit)
    y_label = tr("Expected {noun} ({unit})", noun=wording.outcome_word, unit=wording.unit)

    def draw() -> Figure:
        return charts.efficient_frontier(points, without, x_label, y_label)

    return Chart("options", title, description, draw) if points else None


def build_sections(wording: ComparisonWording) -> Iterator[Section]:
    """Yield the sections on steps between efficient options, and on increments over the unfunded
    one."""
    if wording.result.efficient:
        title = tr("What each step of public funding adds")
        yield Section("steps", title, [_steps_table(wording)], sheet_name=tr("Steps"))
    if wording.result.industry_alone is not None and wording.result.over_industry:
        base = wording.option_name(wording.result.industry_alone)
        title = tr("What options add to “{base}”", base=base)
        table = _over_industry_table(wording, base)
        yield Section("over-industry", title, [table], sheet_name=tr("Beyond industry alone"))


def _steps_table(wording: ComparisonWording) -> Table:
    """Return the table of the increments between consecutive efficient options."""
    columns = [
        *_increment_columns(wording, "outcome"),
        Column(tr("Left open by the proofs"), "resolution", "outcome"),
    ]
    columns.insert(
        1, Column(tr("Compared with"), lambda s: _reference_name(wording, s), "text", media=SHEET)
    )
    note = tr(
        "Efficient: no other option leaves no more {noun} for no more public funding and is better "
        "in one of the two. Each is set against the one before it, the first against no plan; "
        "public funding as a present value.",
        noun=wording.outcome_word,
    )
    note += _insignificance_note(wording, wording.result.efficient)
    non_convex = [
        wording.short_name(step.option) for step in wording.result.efficient if not step.convex
    ]
    if non_convex:
        note += " " + tr(
            "Above the straight line between an earlier and a later option, and so, by public "
            "funding, best at no worth of an avoided {currency}: {options}.",
            currency=wording.currency,
            options=join_with_and(non_convex),
        )
    title = tr("From one efficient option to the next ({unit})", unit=wording.money_unit)
    return Table(
        title, wording.result.efficient, columns, "steps", note, total_label=tr("Together")
    )


def _over_industry_table(wording: ComparisonWording, base: str) -> Table:
    """Return the table of the increments of all options over the unfunded option."""
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
        base=base,
    )
    note += _insignificance_note(wording, wording.result.over_industry)
    title = tr("What each option adds to “{base}” ({unit})", base=base, unit=wording.money_unit)
    return Table(title, wording.result.over_industry, columns, "over-industry", note)


def _insignificance_note(wording: ComparisonWording, increments: Sequence[Increment]) -> str:
    """Return a note on the increments that are smaller than the gaps; empty if there are none."""
    names = [
        wording.short_name(increment.option)
        for increment in increments
        if increment.significant is False
    ]
    return (
        " " + tr("Not distinguishable: {options}.", options=join_with_and(names)) if names else ""
    )


def _increment_columns(
    wording: ComparisonWording, form: ValueForm, total: bool = True
) -> list[Column]:
    """Return the columns of an increment: the option, its additional money, the additional damage
    avoided, and their ratio."""

    def money(line: FormulaRow) -> Expression:
        cell = line.tables["costs"].find_cell("public_present", wording.column_key(line.row.option))
        if line.row.over is None:
            return cell
        return cell - line.tables["costs"].find_cell(
            "public_present", wording.column_key(line.row.over)
        )

    def avoided(line: FormulaRow) -> Expression:
        benefits = line.tables["benefits"]
        row, over = (
            ("without", wording.result.base) if line.row.over is None else ("left", line.row.over)
        )
        return benefits.find_cell(row, wording.column_key(over)) - benefits.find_cell(
            "left", wording.column_key(line.row.option)
        )

    def avoided_per_euro(line: FormulaRow) -> Expression | None:
        return (
            ratio_or_empty(line["avoided"], line["public"]) if line.row.avoided_per_euro else None
        )

    args = {"noun": wording.outcome_word, "currency": wording.currency}
    columns = [
        Column(tr("public funding"), "public_present_meur", "money", key="public",
               formula=money, total=total),
        Column(tr("{noun} avoided", **args), "avoided", form, key="avoided",
               formula=avoided, total=total),
        Column(tr("avoided per public {currency}", **args), "avoided_per_euro", "ratio",
               key="each", formula=avoided_per_euro, decimals=2),
    ]  # fmt: skip
    group = tr("In addition")
    return [
        Column(tr("Option"), lambda increment: wording.numbered_name(increment.option), "text"),
        *(replace(column, group=group, width=17) for column in columns),
    ]


def build_checks(wording: ComparisonWording) -> Iterator[Check]:
    """Yield checks that the steps of a workbook add up to the difference between no plan and the
    last efficient option."""
    if not wording.result.efficient:
        return
    last = wording.column_key(wording.result.efficient[-1].option)
    base = wording.column_key(wording.result.base)

    def money(book: WorkbookTables) -> Expression:
        return book["costs"].find_cell("public_present", last)

    def avoided(book: WorkbookTables) -> Expression:
        return book["benefits"].find_cell("without", base) - book["benefits"].find_cell(
            "left", last
        )

    caption = tr("Steps add up to the public funding of the last")
    yield Check(caption, "steps", lambda book: book["steps"].column_total("public"), money)
    caption = tr("Steps add up to what the last avoids")
    yield Check(caption, "steps", lambda book: book["steps"].column_total("avoided"), avoided)
