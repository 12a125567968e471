"""What may go wrong with a plan, what would turn the decision, and what it rests on."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import SensitivityInput
from optimizer.analyses.break_even_words import break_even_sentences
from optimizer.analyses.plan import figure_sources, review_decisions
from optimizer.analyses.plan.accounts import describe_provision
from optimizer.analyses.plan.fiscal import describe_returns
from optimizer.analyses.plan.plan_wording import PlanWording, option_name
from optimizer.analyses.sensitivity import sensitivity_wording as sensitivity
from optimizer.analyses.stress.descriptions import missing_shares
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
"""Materials, candidates or inputs that a sentence names."""


def describe_risks(wording: PlanWording) -> Iterator[str]:
    """What may be lost, what provisions lack, and what stays exposed."""
    plan, loss = wording.plan, wording.cost.public.maximum_loss_meur
    if loss > ZERO_TOLERANCE:
        losses = [
            tr("Public funders lose {loss} of stakes, loans, guarantees and price floors at most.",
               loss=wording.money_amount(loss)),
        ]  # fmt: skip
        spent = math.fsum(
            paid
            for one in plan.accounts
            if wording.funder_kinds.get(one.funder) == "public"
            and one.maximum_loss_meur <= ZERO_TOLERANCE
            for paid in one.paid_meur.values()
        )
        if spent > ZERO_TOLERANCE:
            losses.append(
                tr("Stocks, grants and other support, {spent}, are spent in any case.",
                   spent=wording.money_amount(spent))
            )  # fmt: skip
        yield " ".join(
            [
                *losses,
                *describe_provision(wording),
                *describe_returns(wording),
                *review_decisions.describe_group_means(plan.review),
            ]
        )
    worst = sorted(wording.companions.stress, key=lambda test: -test.damage["market"])
    for test in worst[:1]:
        told = tr(
            "{event}: {noun} comes to {after} with the plan, {before} without it.",
            event=disruption_title(Wording(test)),
            noun=wording.outcome_word,
            after=wording.amount_for_sentence(test.damage["plan"]),
            before=wording.amount_for_sentence(test.damage["market"]),
        )
        for hit in short_materials(Wording(test))[:1]:
            told += " " + tr(
                "Hit hardest, by {noun}: {material}; {after} of its demand is missing at most with "
                "the plan, {before} without it.",
                noun=wording.outcome_word,
                material=wording.name("materials", hit.id),
                after=format_percent(max(missing_shares(hit, "plan"))),
                before=format_percent(max(missing_shares(hit, "market"))),
            )
        yield told
    yield from describe_remaining_damage(wording)
    if plan.outcome.windfall_meur > ZERO_TOLERANCE:
        yield tr(
            "Windfall: all funders together pay {windfall} for output that would come home in any "
            "case; {anyway}, weighted by probability, go to projects that may come without the "
            "plan.",
            windfall=wording.money_amount(plan.outcome.windfall_meur),
            anyway=wording.money_amount(
                math.fsum(one.expected_unaided_meur for one in plan.unaided)
            ),
        )


def describe_remaining_damage(wording: PlanWording) -> Iterator[str]:
    """What is left with the plan, and of which materials most."""
    after = wording.plan.outcome.expected
    hit = [one for one in wording.plan.materials if one.expected > ZERO_TOLERANCE]
    some = sorted(hit, key=lambda one: -one.expected)[:MAX_NAMED]
    if some and after > ZERO_TOLERANCE:
        judged = wording.companions.evaluation
        about = {
            "after": wording.amount_for_sentence(after),
            "share": format_rounded_percent(sum(one.expected for one in some) / after),
            "materials": join_with_and(
                [
                    f"{wording.name('materials', x.id)} ({wording.amount_for_sentence(x.expected)})"
                    for x in some
                ]
            ),
        }
        told = tr("Expected to remain: {after}, {share} of it of {materials}.", **about)
        if judged is not None and judged.rules:
            told = tr(
                "Expected to remain on the states that it was chosen on: {after}, {share} of it of "
                "{materials}.",
                **about,
            )
            least = min(rule.performance.expected.value for rule in judged.rules)
            told += " " + tr(
                "On fresh states {fresh}, and {least} without foresight.",
                fresh=wording.amount_for_sentence(judged.fresh.with_plan.expected.value),
                least=wording.amount_for_sentence(least),
            )
        yield told


def describe_turning_points(wording: PlanWording) -> Iterator[str]:
    """From where on the plan is worth its money, which inputs turn it, and what nearly came in."""
    yield from break_even_sentences(wording.plan.worth_from, tr("This plan"))
    more = [
        (one, one.net_cost_meur / one.avoided)
        for one in wording.brief.increments[1:]
        if wording.counts_damage and min(one.avoided, one.net_cost_meur) > ZERO_TOLERANCE
    ]
    if more:
        told = [
            tr(
                "{factor} compared with {other} ({cost})",
                factor=format_number(factor, 2),
                other=option_name(one),
                cost=wording.money_amount(one.net_cost_meur),
            )
            for one, factor in more
        ]
        text = tr(
            "What it costs all funders in addition, net, is worth it as long as a missing tonne "
            "costs at least this multiple of what the scenario says: {factors}.",
            factors=join_with_and(told),
        )
        if beaten := [option_name(one) for one, factor in more if factor > 1]:
            text += " " + tr("Compared with {others} it is not worth it by the scenario's own "
                             "figures.", others=join_with_and(beaten))  # fmt: skip
        yield text
    if wording.companions.sensitivity is not None:
        yield from _describe_input_effects(wording, Wording(wording.companions.sensitivity))
    near = [one for one in wording.brief.rejected if one.high is not None][:MAX_NAMED]
    if near:
        told = [f"{wording.name('projects', one.project)} ({format_range(one)})" for one in near]
        yield tr(
            "Left out, but nearest to it: {projects}; in brackets by how much the objective is "
            "worse with it ({unit}).",
            projects=join_with_and(told),
            unit=wording.unit,
        )


def _describe_input_effects(
    wording: PlanWording, study_wording: sensitivity.SensitivityWording
) -> Iterator[str]:
    """How far uncertain inputs move what is expected, and which of them turn the decision."""
    inputs = study_wording.result.inputs
    ends = [point.own.expected for one in inputs for point in (one.low, one.high)]
    if not ends:
        return
    yield tr(
        "Over the ranges of {count} uncertain inputs, one moved at a time, {noun} with this plan "
        "goes from {low} to {high}.",
        count=format_number(len(inputs)),
        noun=wording.expected_outcome,
        low=wording.amount_for_sentence(min(ends)),
        high=wording.amount_for_sentence(max(ends)),
    )
    yield from sensitivity.describe_base_decision(study_wording)
    turning, undecided = (
        sensitivity.turning_inputs(study_wording.result),
        sensitivity.undecided_inputs(study_wording),
    )
    if turning:
        named = [_describe_turning_input(study_wording, one) for one in turning[:MAX_NAMED]]
        yield tr("The decision turns with {inputs}.", inputs=join_with_and(named))
    elif study_wording.result.decision == "same" and not undecided:
        yield tr("None of them turns the decision: how much is unsure, what to do is not.")
    if undecided:
        yield tr("Not decided before the limit: {inputs}.", inputs=join_with_and(undecided))


def _describe_turning_input(
    wording: sensitivity.SensitivityWording, varied_input: SensitivityInput
) -> str:
    """An input, and between which values it first turns the decision."""
    name = sensitivity.input_name(wording, varied_input)
    nearest = min(
        varied_input.break_evens,
        key=lambda turn: abs(turn.changed - varied_input.base),
        default=None,
    )
    if nearest is None:
        return name
    last, first = sensitivity.turning_values(wording, varied_input, nearest)
    told = tr("right at {last}, no longer at {first}", last=last, first=first)
    if nearest.reason == "broken":
        told = tr("right at {last}, breaks a rule at {first}", last=last, first=first)
    return f"{name} ({told})"


def describe_assumption_shares(wording: PlanWording) -> Iterator[str]:
    """What must be read with the answer: how much of it depends on assumptions."""
    assumed = {
        kind: shares["assumption"]
        for kind, shares in figure_sources.benefit_source_shares(wording.plan).items()
    }
    most = {
        figure_sources.figure_kind_name(kind): share
        for kind, share in assumed.items()
        if share > 0.5
    }
    told = [f"{name} ({format_percent(share)})" for name, share in most.items()]
    if told:
        yield tr(
            "Most of the benefit depends on assumed figures: {kinds}. They serve to compare "
            "options, not to predict losses.",
            kinds=join_with_and(told),
        )
    standings = [
        figure.source_kind for figure in figure_sources.figures_needing_source(wording.case)
    ]
    if "none" in standings:
        yield tr(
            "Figures of the scenario without a source: {count} of {total}.",
            count=format_number(standings.count("none")),
            total=format_number(len(standings)),
        )
    known = len(wording.brief.increments) > 1 or wording.companions.evaluation is not None
    if not known and wording.public_positions and wording.counts_damage:
        yield tr(
            "What public money adds to what companies do alone takes an evaluation of its own "
            "(vorrat evaluate)."
        )
