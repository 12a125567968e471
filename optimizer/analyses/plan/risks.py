"""Risks of a plan, conditions that would change the decision, and figures that are assumed."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import SensitivityInput
from optimizer.analyses.break_even_words import break_even_sentences
from optimizer.analyses.deferral import document as waiting_document
from optimizer.analyses.plan import figure_sources
from optimizer.analyses.plan.accounts import describe_provision
from optimizer.analyses.plan.fiscal import describe_returns
from optimizer.analyses.plan.plan_wording import PlanWording, option_name
from optimizer.analyses.sensitivity import document as sensitivity
from optimizer.analyses.stress.document import missing_shares
from optimizer.analyses.stress.plan_sections import disruption_title, short_materials
from optimizer.report.cells import format_range
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded_percent,
)
from optimizer.report.wording import Wording, join_with_and

MAX_NAMED = 3
"""Largest number of materials, candidates or inputs that a sentence names."""


def describe_risks(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on possible losses, the worst stress test, remaining damage and windfall."""
    plan, max_loss_meur = wording.plan, wording.cost.public.maximum_loss_meur
    if max_loss_meur > ZERO_TOLERANCE:
        losses = [
            tr("Public funders lose {loss} of stakes, loans, guarantees and price floors at most.",
               loss=wording.money_amount(max_loss_meur)),
        ]  # fmt: skip
        spent_meur = math.fsum(
            paid_meur
            for entry in plan.accounts
            if wording.funder_kinds.get(entry.funder) == "public"
            and entry.maximum_loss_meur <= ZERO_TOLERANCE
            for paid_meur in entry.paid_meur.values()
        )
        if spent_meur > ZERO_TOLERANCE:
            losses.append(
                tr("Stocks, grants and other support, {spent}, are spent in any case.",
                   spent=wording.money_amount(spent_meur))
            )  # fmt: skip
        losses += [*describe_provision(wording), *describe_returns(wording)]
        yield " ".join([*losses, *waiting_document.describe_group_means(plan.review)])
    stress_tests = sorted(wording.companions.stress, key=lambda test: -test.damage["market"])
    for test in stress_tests[:1]:
        text = tr(
            "{event}: {noun} comes to {after} with the plan, {before} without it.",
            event=disruption_title(Wording(test)),
            noun=wording.outcome_word,
            after=wording.amount_for_sentence(test.damage["plan"]),
            before=wording.amount_for_sentence(test.damage["market"]),
        )
        for hit_material in short_materials(Wording(test))[:1]:
            text += " " + tr(
                "Hit hardest, by {noun}: {material}; {after} of its demand is missing at most with "
                "the plan, {before} without it.",
                noun=wording.outcome_word,
                material=wording.name("materials", hit_material.id),
                after=format_percent(max(missing_shares(hit_material, "plan"))),
                before=format_percent(max(missing_shares(hit_material, "market"))),
            )
        yield text
    yield from describe_remaining_damage(wording)
    if plan.outcome.windfall_meur > ZERO_TOLERANCE:
        yield tr(
            "Windfall: all funders together pay {windfall} for output that would come home in any "
            "case; {anyway}, weighted by probability, go to projects that may come without the "
            "plan.",
            windfall=wording.money_amount(plan.outcome.windfall_meur),
            anyway=wording.money_amount(math.fsum(x.expected_unaided_meur for x in plan.unaided)),
        )


def describe_remaining_damage(wording: PlanWording) -> Iterator[str]:
    """Yield a text on the damage that remains with the plan, and the materials with most of it."""
    remaining_damage = wording.plan.outcome.expected
    affected_materials = [x for x in wording.plan.materials if x.expected > ZERO_TOLERANCE]
    most_affected = sorted(affected_materials, key=lambda material: -material.expected)[:MAX_NAMED]
    if most_affected and remaining_damage > ZERO_TOLERANCE:
        evaluation = wording.companions.evaluation
        sentence_fields = {
            "after": wording.amount_for_sentence(remaining_damage),
            "share": format_rounded_percent(
                sum(m.expected for m in most_affected) / remaining_damage),
            "materials": join_with_and([
                f"{wording.name('materials', m.id)} ({wording.amount_for_sentence(m.expected)})"
                for m in most_affected
            ]),
        }  # fmt: skip
        text = tr("Expected to remain: {after}, {share} of it of {materials}.", **sentence_fields)
        if evaluation is not None and evaluation.rules:
            text = tr(
                "Expected to remain on the states that it was chosen on: {after}, {share} of it of "
                "{materials}.",
                **sentence_fields,
            )
            min_expected = min(rule.performance.expected.value for rule in evaluation.rules)
            text += " " + tr(
                "On fresh states {fresh}, and {least} without foresight.",
                fresh=wording.amount_for_sentence(evaluation.fresh.with_plan.expected.value),
                least=wording.amount_for_sentence(min_expected),
            )
        yield text


def describe_turning_points(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on break-even points, inputs that change the decision, and projects that are
    left out by a narrow margin."""
    yield from break_even_sentences(wording.plan.worth_from, tr("This plan"))
    cost_factors = [
        (increment, increment.net_cost_meur / increment.avoided)
        for increment in wording.brief.increments[1:]
        if wording.counts_damage
        and min(increment.avoided, increment.net_cost_meur) > ZERO_TOLERANCE
    ]
    if cost_factors:
        texts = [
            tr(
                "{factor} compared with {other} ({cost})",
                factor=format_number(factor, 2),
                other=option_name(increment),
                cost=wording.money_amount(increment.net_cost_meur),
            )
            for increment, factor in cost_factors
        ]
        text = tr(
            "What it costs all funders in addition, net, is worth it as long as a missing tonne "
            "costs at least this multiple of what the scenario says: {factors}.",
            factors=join_with_and(texts),
        )
        if too_expensive := [option_name(x) for x, factor in cost_factors if factor > 1]:
            text += " " + tr("Compared with {others} it is not worth it by the scenario's own "
                             "figures.", others=join_with_and(too_expensive))  # fmt: skip
        yield text
    if wording.companions.sensitivity is not None:
        yield from _describe_input_effects(wording, Wording(wording.companions.sensitivity))
    nearest_rejected = [x for x in wording.brief.rejected if x.high is not None][:MAX_NAMED]
    if nearest_rejected:
        texts = [
            f"{wording.name('projects', candidate.project)} ({format_range(candidate)})"
            for candidate in nearest_rejected
        ]
        yield tr(
            "Left out, but nearest to it: {projects}; in brackets by how much the objective is "
            "worse with it ({unit}).",
            projects=join_with_and(texts),
            unit=wording.unit,
        )


def _describe_input_effects(
    wording: PlanWording, study_wording: sensitivity.SensitivityWording
) -> Iterator[str]:
    """Yield sentences on how far uncertain inputs change the outcome, and which change the
    decision."""
    inputs = study_wording.result.inputs
    outcomes = [point.own.expected for x in inputs for point in (x.low, x.high)]
    if not outcomes:
        return
    yield tr(
        "Over the ranges of {count} uncertain inputs, one moved at a time, {noun} with this plan "
        "goes from {low} to {high}.",
        count=format_number(len(inputs)),
        noun=wording.expected_outcome,
        low=wording.amount_for_sentence(min(outcomes)),
        high=wording.amount_for_sentence(max(outcomes)),
    )
    yield from sensitivity.describe_base_decision(study_wording)
    turning_inputs = sensitivity.turning_inputs(study_wording.result)
    undecided_inputs = sensitivity.undecided_inputs(study_wording)
    if turning_inputs:
        descriptions = [
            _describe_turning_input(study_wording, x) for x in turning_inputs[:MAX_NAMED]
        ]
        yield tr("The decision turns with {inputs}.", inputs=join_with_and(descriptions))
    elif study_wording.result.decision == "same" and not undecided_inputs:
        yield tr("None of them turns the decision: how much is unsure, what to do is not.")
    if undecided_inputs:
        yield tr("Not decided before the limit: {inputs}.", inputs=join_with_and(undecided_inputs))


def _describe_turning_input(
    wording: sensitivity.SensitivityWording, varied_input: SensitivityInput
) -> str:
    """Return the name of an input, with the two values next to its base value between which the
    decision changes, if they are known."""
    name = sensitivity.input_name(wording, varied_input)
    base_value = varied_input.base
    nearest_break_even = min(
        varied_input.break_evens, key=lambda x: abs(x.changed - base_value), default=None
    )
    if nearest_break_even is None:
        return name
    last_value, first_value = sensitivity.turning_values(wording, varied_input, nearest_break_even)
    text = tr("right at {last}, no longer at {first}", last=last_value, first=first_value)
    if nearest_break_even.reason == "broken":
        text = tr("right at {last}, breaks a rule at {first}", last=last_value, first=first_value)
    return f"{name} ({text})"


def describe_assumption_shares(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on the benefit that depends on assumed figures, and on figures and analyses
    that are missing."""
    texts = [
        f"{figure_sources.figure_kind_name(kind)} ({format_percent(source_shares['assumption'])})"
        for kind, source_shares in figure_sources.benefit_source_shares(wording.plan).items()
        if source_shares["assumption"] > 0.5
    ]
    if texts:
        yield tr(
            "Most of the benefit depends on assumed figures: {kinds}. They serve to compare "
            "options, not to predict losses.",
            kinds=join_with_and(texts),
        )
    source_kinds = [x.source_kind for x in figure_sources.figures_needing_source(wording.case)]
    if "none" in source_kinds:
        yield tr(
            "Figures of the scenario without a source: {count} of {total}.",
            count=format_number(source_kinds.count("none")),
            total=format_number(len(source_kinds)),
        )
    has_reference = len(wording.brief.increments) > 1 or wording.companions.evaluation is not None
    if not has_reference and wording.public_positions and wording.counts_damage:
        yield tr(
            "What public money adds to what companies do alone takes an evaluation of its own "
            "(vorrat evaluate)."
        )
