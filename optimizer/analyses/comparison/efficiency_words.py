"""What public money adds from option to option: sentences, tables and a chart."""

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
    """Increments first, then averages."""
    if wording.result.efficient:
        yield " ".join([*_unfunded_sentences(wording), *_step_sentences(wording)])
        yield " ".join(_average_sentences(wording))
        yield from _best_option_sentences(wording)


def _best_option_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Which option is best where an avoided euro is worth a public one."""
    some = {
        tr("by public funding"): wording.result.best_from,
        tr("by net public cost"): wording.result.best_from_by_net_cost,
    }
    at_one = {
        by: [x for x in known if x.worth <= 1][-1].option for by, known in some.items() if known
    }
    if at_one:
        yield tr(
            "Where it is worth one public {currency} to avoid one {currency} of damage, the best "
            "option is {choices}.",
            currency=wording.currency,
            choices=join_with_and(
                [f"{by} {_quote_option(wording, label)}" for by, label in at_one.items()]
            ),
        )


def _quote_option(wording: ComparisonWording, label: str | None) -> str:
    return tr("no plan") if label is None else tr("“{option}”", option=wording.option_name(label))


def damage_value_columns(wording: ComparisonWording) -> Iterator[Column]:
    """From which to which worth of an avoided euro each option is best; a terminal has no room."""
    group = tr("Best if an avoided {currency} is worth", currency=wording.currency)

    def column(head: str, some: Sequence[BestOptionRange]) -> Column:
        told: dict[str | None, str] = {}
        for one, after in zip(some, [*some[1:], None], strict=True):
            low = format_number(one.worth, 2)
            told[one.option] = (
                tr("{low} or more", low=low)
                if after is None
                else tr("{low} to {high}", low=low, high=format_number(after.worth, 2))
            )
        return Column(
            head, lambda o: told.get(o.label), "text", group=group, width=15, media=PAGE_AND_SHEET
        )

    if wording.result.best_from:
        yield column(tr("by public funding"), wording.result.best_from)
    if wording.result.best_from_by_net_cost:
        yield column(tr("by net public cost"), wording.result.best_from_by_net_cost)


def dominance_remarks(wording: ComparisonWording) -> Iterator[str]:
    """Which options are dominated, and which the proofs do not tell apart."""
    for one in wording.result.dominated:
        yield _dominated_sentence(wording, one)
    yield from _indistinguishable_sentences(wording)
    yield from _net_cost_remarks(wording)


def _net_cost_remarks(wording: ComparisonWording) -> Iterator[str]:
    """Which options are efficient, and which dominated, where net cost takes the place of
    funding."""
    own, by_net = [s.option for s in wording.result.efficient], wording.result.efficient_by_net_cost
    told_apart = [one.option for one in wording.result.dominated if one.significant is not False]

    def figures(label: str) -> tuple[float, float]:
        of = wording.option(label)
        return of.cost.public.cost_meur, of.benefit.expected.with_plan

    def dominated(label: str) -> str:
        money, left = figures(label)
        better = {figures(o)[1]: o for o in by_net if figures(o)[0] <= money}
        name = _quote_option(wording, label)
        if not better or min(better) > left:
            return name
        other = wording.option_name(better[min(better)])
        return tr("{option} by “{other}”", option=name, other=other)

    lost = [one for one in own if one not in by_net]
    gained = [_quote_option(wording, one) for one in by_net if one not in own]
    if own and not gained and not lost:
        yield tr("By net public cost, in place of public funding, the same options are efficient.")
    if gained:
        yield tr("By net public cost, in place of public funding, efficient as well: {options}.",
                 options=join_with_and(gained))  # fmt: skip
    if lost:
        others = [one for one in told_apart if one not in by_net]
        yield tr("By net public cost, in place of public funding, dominated: {options}.",
                 options=join_with_and([dominated(one) for one in (*lost, *others)]))  # fmt: skip


def _unfunded_sentences(wording: ComparisonWording) -> Iterator[str]:
    """What is done without public money."""
    found = wording.result
    if found.industry_alone is None:
        kinds = {part.kind for option in wording.options for part in option.cost.parts}
        if kinds - {"public"}:
            yield tr(
                "No option shows what companies do alone; a variant in which every public funder "
                "has a budget of 0 shows it."
            )
        return
    of = wording.option(found.industry_alone).benefit.expected
    yield tr(
        "“{option}” takes no public funding and avoids {avoided} of that.",
        option=wording.option_name(found.industry_alone),
        avoided=wording.amount_for_sentence(of.avoided),
    )


def _step_sentences(wording: ComparisonWording) -> Iterator[str]:
    """The first, second and last significant step, per additional euro."""
    known = [
        s for s in wording.result.efficient if s.avoided_per_euro and s.significant is not False
    ]

    def about(step: EfficientOption) -> dict[str, str]:
        amount = format_number(step.avoided_per_euro, 2)
        return {
            "currency": wording.currency,
            "option": wording.option_name(step.option),
            "amount": amount,
        }

    told = None
    for step in known[:2]:
        if told is not None and step.over == told.option:
            yield tr("The next step, to “{option}”, avoids {amount} {currency} for each additional "
                     "public {currency}.", **about(step))  # fmt: skip
        elif step.over is None:
            yield tr("The first step, to “{option}”, avoids {amount} {currency} for each public "
                     "{currency}.", **about(step))  # fmt: skip
        else:
            yield tr("Compared with “{over}”, “{option}” avoids {amount} {currency} for each "
                     "additional public {currency}.", over=wording.option_name(step.over),
                     **about(step))  # fmt: skip
        told = step

    def each(step: EfficientOption) -> float:
        return step.avoided_per_euro or 0.0

    most = max(known[2:-1], key=each, default=None)
    if most is not None and each(most) > each(known[1]):
        yield tr("Most of all later steps avoids that to “{option}”, {amount} {currency}.",
                 **about(most))  # fmt: skip
    if len(known) > 2 and known[-1] is wording.result.efficient[-1]:
        yield tr("The last step, to “{option}”, avoids {amount} {currency}.", **about(known[-1]))


def _average_sentences(wording: ComparisonWording) -> Iterator[str]:
    some = [
        wording.option(i.option) for i in (*wording.result.efficient, *wording.result.dominated)
    ]
    known = [x for o in some if (x := average_avoided_per_euro(o)) is not None]
    if not known:
        return
    low, high = format_number(min(known), 2), format_number(max(known), 2)
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
    """Damage avoided per public euro, on average over all that an option takes."""
    of = option.cost.avoided_per_public_euro
    return None if of is None else of.expected


def _dominated_sentence(wording: ComparisonWording, increment: Increment) -> str:
    """Which option is dominated by which, and by how much."""
    about = {"option": wording.option_name(increment.option), "noun": wording.outcome_word}
    less = -increment.avoided
    apart = less > ZERO_TOLERANCE * max(
        1.0, abs(wording.option(increment.option).benefit.expected.with_plan)
    )
    about["left"] = tr("no more {noun}", noun=wording.outcome_word)
    if apart:
        about["left"] = tr(
            "{amount} less {noun}",
            amount=wording.amount_for_sentence(less),
            noun=wording.outcome_word,
        )
    if increment.over is None:
        return tr("“{option}” is dominated: no plan at all leaves {left}.", **about)
    about["money"] = tr("no more public funding")
    if increment.public_present_meur > ZERO_TOLERANCE:
        more = increment.public_present_meur
        money = (
            wording.amount_for_sentence(more)
            if wording.counts_damage
            else wording.money_amount(more)
        )
        about["money"] = tr("{money} less public funding", money=money)
    about["other"] = wording.option_name(increment.over)
    if not apart or increment.significant is not False:
        return tr("“{option}” is dominated: “{other}” takes {money} and leaves {left}.", **about)
    return tr(
        "“{option}” seems dominated: “{other}” takes {money} and leaves {left}; but the proofs "
        "leave open {room}.",
        room=wording.amount(increment.resolution or 0.0),
        **about,
    )


def _indistinguishable_sentences(wording: ComparisonWording) -> Iterator[str]:
    """Efficient options that the proofs do not tell apart from the one before."""
    alike = [step for step in wording.result.efficient if step.significant is False]
    if alike:
        yield tr(
            "Not distinguishable from the efficient option before them, since {noun} or objective "
            "differs by less than the proofs leave open: {options}.",
            noun=wording.outcome_word,
            options=join_with_and([_describe_nearness(wording, step) for step in alike]),
        )


def _describe_nearness(wording: ComparisonWording, step: EfficientOption) -> str:
    """The smaller of both differences, and what is left open."""
    apart = abs(step.avoided)
    if max(apart, abs(step.public_present_meur)) <= ZERO_TOLERANCE:
        return tr("“{option}” (the same figures)", option=wording.option_name(step.option))
    if step.over is not None:
        objectives = [wording.option(label).proof.objective for label in (step.option, step.over)]
        apart = min(apart, abs(objectives[0] - objectives[1]))
    return tr(
        "“{option}” ({amount} of {room} {unit})",
        option=wording.option_name(step.option),
        amount=format_rounded(apart),
        room=format_rounded(step.resolution or 0.0),
        unit=wording.unit,
    )


def assess_option(wording: ComparisonWording, option: Option) -> str:
    """Whether an option is efficient, or which one dominates it."""
    for step in wording.result.efficient:
        if step.option == option.label and step.significant is False:
            return tr("like {other}", other=_reference_name(wording, step))
        if step.option == option.label:
            return tr("efficient")
    for one in wording.result.dominated:
        if one.option == option.label and one.significant is False:
            return tr("not proven apart from {other}", other=_reference_name(wording, one))
        if one.option == option.label:
            return tr("dominated by {other}", other=_reference_name(wording, one))
    return tr("not compared")


def _reference_name(wording: ComparisonWording, increment: Increment) -> str:
    return tr("no plan") if increment.over is None else wording.short_name(increment.over)


def efficiency_chart(wording: ComparisonWording, title: str) -> Chart | None:
    """Public money across, damage left up, as far as options are compared; None where none is."""
    labels = {step.option for step in wording.result.efficient}
    shown = labels | {one.option for one in wording.result.dominated}
    points = [
        charts.OptionPoint(
            wording.numbered_name(o.label), money, o.benefit.expected.with_plan, o.label in labels
        )
        for o in wording.options
        if o.label in shown and (money := o.cost.public.paid_present_meur) is not None
    ]
    without = wording.base.benefit.expected.without_plan
    about = tr(
        "Public funding across, what is left up. A staircase joins efficient options, dominated "
        "ones are hollow, and a cross at no public funding is what is expected without any plan."
    )
    across = tr("Public funding, present value ({unit})", unit=wording.money_unit)
    up = tr("Expected {noun} ({unit})", noun=wording.outcome_word, unit=wording.unit)

    def drawn() -> Figure:
        return charts.efficient_frontier(points, without, across, up)

    return Chart("options", title, about, drawn) if points else None


def build_sections(wording: ComparisonWording) -> Iterator[Section]:
    """What each efficient option adds to the one before, and each option to industry alone."""
    if wording.result.efficient:
        title = tr("What each step of public funding adds")
        yield Section("steps", title, [_steps_table(wording)], sheet_name=tr("Steps"))
    if wording.result.industry_alone is not None and wording.result.over_industry:
        base = wording.option_name(wording.result.industry_alone)
        title = tr("What options add to “{base}”", base=base)
        table = _over_industry_table(wording, base)
        yield Section("over-industry", title, [table], sheet_name=tr("Beyond industry alone"))


def _steps_table(wording: ComparisonWording) -> Table:
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
    late = [wording.short_name(step.option) for step in wording.result.efficient if not step.convex]
    if late:
        note += " " + tr(
            "Above the straight line between an earlier and a later option, and so, by public "
            "funding, best at no worth of an avoided {currency}: {options}.",
            currency=wording.currency,
            options=join_with_and(late),
        )
    title = tr("From one efficient option to the next ({unit})", unit=wording.money_unit)
    return Table(
        title, wording.result.efficient, columns, "steps", note, total_label=tr("Together")
    )


def _over_industry_table(wording: ComparisonWording, base: str) -> Table:
    head = tr("Per public {currency}, on average", currency=wording.currency)
    columns = [
        *_increment_columns(wording, "signed_outcome", total=False),
        Column(head, lambda one: average_avoided_per_euro(wording.option(one.option)), "ratio"),
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
    """Which of these the proofs do not confirm, behind a note."""
    near = [wording.short_name(one.option) for one in increments if one.significant is False]
    return " " + tr("Not distinguishable: {options}.", options=join_with_and(near)) if near else ""


def _increment_columns(
    wording: ComparisonWording, form: ValueForm, total: bool = True
) -> list[Column]:
    """An option, what it takes and avoids in addition, and the one per the other."""

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

    def each(line: FormulaRow) -> Expression | None:
        return (
            ratio_or_empty(line["avoided"], line["public"]) if line.row.avoided_per_euro else None
        )

    about = {"noun": wording.outcome_word, "currency": wording.currency}
    columns = [
        Column(tr("public funding"), "public_present_meur", "money", key="public",
               formula=money, total=total),
        Column(tr("{noun} avoided", **about), "avoided", form, key="avoided",
               formula=avoided, total=total),
        Column(tr("avoided per public {currency}", **about), "avoided_per_euro", "ratio",
               key="each", formula=each, decimals=2),
    ]  # fmt: skip
    group = tr("In addition")
    return [
        Column(tr("Option"), lambda one: wording.numbered_name(one.option), "text"),
        *(replace(column, group=group, width=17) for column in columns),
    ]


def build_checks(wording: ComparisonWording) -> Iterator[Check]:
    """Steps add up to the last efficient option."""
    if not wording.result.efficient:
        return
    last, base = (
        wording.column_key(wording.result.efficient[-1].option),
        wording.column_key(wording.result.base),
    )

    def money(book: WorkbookTables) -> Expression:
        return book["costs"].find_cell("public_present", last)

    def avoided(book: WorkbookTables) -> Expression:
        return book["benefits"].find_cell("without", base) - book["benefits"].find_cell(
            "left", last
        )

    says = tr("Steps add up to the public funding of the last")
    yield Check(says, "steps", lambda book: book["steps"].column_total("public"), money)
    says = tr("Steps add up to what the last avoids")
    yield Check(says, "steps", lambda book: book["steps"].column_total("avoided"), avoided)
