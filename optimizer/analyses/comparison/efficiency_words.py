"""Sentences on how efficiently options use public money."""

from collections.abc import Iterator

from models.language import tr
from models.results.comparison import EfficientOption, Increment
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.analyses.comparison.efficiency_tables import average_avoided_per_euro
from optimizer.report.document import Part
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, format_rounded
from optimizer.report.wording import join_with_and


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
