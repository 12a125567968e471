"""The answer of a plan on one page, which is also its brief, with its risks and the conditions that
would change the decision.
"""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import SensitivityInput
from optimizer.analyses.deferral import document as waiting_document
from optimizer.analyses.plan import damage, figure_sources
from optimizer.analyses.plan.accounts import describe_provision, describe_returns
from optimizer.analyses.plan.executive_facts import (
    approvals_table,
    comparison_tables,
    describe_better_options,
    format_per_euro,
    key_facts,
)
from optimizer.analyses.plan.method import certificate_cautions
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    decidable_projects,
    option_name,
    relative_reduction,
)
from optimizer.analyses.sensitivity import document as sensitivity
from optimizer.analyses.shared_wording import break_even_sentences
from optimizer.analyses.stress.document import missing_shares
from optimizer.analyses.stress.plan_sections import disruption_title, short_materials
from optimizer.report import document as doc
from optimizer.report.cells import format_range
from optimizer.report.document import PAGE, TERMINAL, TERMINAL_AND_PAGE, Bullets, Part, Text
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import Wording, join_with_and, material_count_text, project_count_text

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


def build_answer(wording: PlanWording) -> Iterator[Part]:
    """Yield the parts of the answer: recommendation, approvals, increments, risks and break-even
    points."""
    review_sentences = waiting_document.describe_review(wording, wording.plan.review)
    outcome_sentences = [
        *_describe_increments(wording),
        *damage.describe_set_outcomes(wording),
        *_describe_budget_risk(wording),
    ]
    yield " ".join([describe_recommendation(wording), *describe_better_options(wording),
                    *review_sentences, *outcome_sentences])  # fmt: skip
    if points := list(_describe_disputes_and_review(wording)):
        yield Bullets(points)
    # A page lists these under what would change the decision.
    yield from (
        Text(text, TERMINAL)
        for text in break_even_sentences(wording.plan.worth_from, tr("This plan"))
    )
    yield doc.Facts(list(key_facts(wording)), TERMINAL_AND_PAGE)
    yield from comparison_tables(wording)
    yield approvals_table(wording)
    for heading, describe in (
        (tr("What may go wrong"), describe_risks),
        (tr("What would turn the decision"), describe_turning_points),
    ):
        if sentences := list(describe(wording)):
            yield doc.Heading(heading, PAGE)
            yield Bullets(sentences, PAGE)
    yield doc.Caution([*certificate_cautions(wording.plan), *describe_assumption_shares(wording)])
    yield Text(" ".join(_describe_basis(wording)), PAGE)


def _describe_disputes_and_review(wording: PlanWording) -> Iterator[str]:
    """Yield, if known, where experts agree or differ, and what a plan with a review would defer."""
    companions = wording.companions
    if companions.disagreement and (
        text := " ".join(damage.describe_disputes(wording, companions.disagreement))
    ):
        yield text
    if companions.waiting is not None and wording.plan.review is None:
        yield " ".join(
            waiting_document.describe_review(wording, companions.waiting.review, is_of_plan=False)
        )


def describe_recommendation(wording: PlanWording) -> str:
    """Return the recommendation in one or two sentences."""
    plan = wording.plan
    with_plan, without_plan = plan.outcome.expected, plan.outcome.without_plan.expected
    sentence_fields = {
        "noun": wording.expected_outcome,
        "during": wording.horizon_phrase,
        "after": wording.amount_for_sentence(with_plan),
    }
    actions = list(_recommended_actions(wording))
    if not actions:
        return tr(
            "The plan is to build and buy nothing: {noun}{during} is {after}.", **sentence_fields
        )
    sentence_fields |= {
        "what": join_with_and(actions),
        "before": wording.amount_for_sentence(without_plan),
        "lead": tr("Recommended"),
    }
    cost_weight = 1.0 if wording.case is None else float(wording.case.objective.cost_weight)
    if cost_weight < 1 and wording.counts_damage:
        # Net cost has little weight: budgets are used as far as they lower damage.
        sentence_fields["lead"] = tr("Least damage within the budgets")
    if abs(with_plan - without_plan) <= ZERO_TOLERANCE * max(1.0, abs(without_plan)):
        return tr("{lead}: {what}. With it {noun}{during} stays at {after}.", **sentence_fields)
    reduction = relative_reduction(with_plan, without_plan)
    if reduction is None:
        return tr(
            "{lead}: {what}. With it {noun}{during} goes from {before} to {after}.",
            **sentence_fields,
        )
    sentence_fields["by"] = format_rounded_percent(abs(reduction))
    if reduction < 0:
        return tr("{lead}: {what}. That raises {noun}{during} by {by}, from {before} to {after}.",
                  **sentence_fields)  # fmt: skip
    return tr("{lead}: {what}. That lowers {noun}{during} by {by}, from {before} to {after}.",
              **sentence_fields)  # fmt: skip


def _recommended_actions(wording: PlanWording) -> Iterator[str]:
    plan = wording.plan
    if plan.projects and wording.case is not None:
        yield tr(
            "support {count} of {of} candidate projects",
            count=format_number(len(plan.projects)),
            of=format_number(len(list(decidable_projects(wording.case)))),
        )
    elif plan.projects:
        yield tr("support {projects}", projects=project_count_text(len(plan.projects)))
    if plan.review is not None and (later_projects := waiting_document.later_projects(plan.review)):
        yield tr(
            "support up to {projects} from {year} on",
            projects=project_count_text(len(later_projects)),
            year=plan.review.year,
        )
    stocked_materials = {
        s.material for s in plan.stockpiles if any(t > ZERO_TOLERANCE for t in s.buy_t.values())
    }
    if stocked_materials:
        yield tr("buy stocks of {materials}", materials=material_count_text(len(stocked_materials)))


def _describe_increments(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on the increments over the reference plan and the next cheaper option."""
    for increment in wording.brief.increments[1:]:
        is_minor = increment.to == "option" or increment.significant is not False
        if wording.brief.better and is_minor:
            continue  # shown only among the key facts, for lack of room
        sentence_fields = {
            "other": option_name(increment),
            "avoided": wording.amount_for_sentence(abs(increment.avoided)),
        }
        if increment.avoided < 0:
            yield tr("Compared with {other}, it leaves {avoided} more.", **sentence_fields)
        elif increment.avoided_per_euro is None:
            yield tr("Compared with {other}, it avoids {avoided} more.", **sentence_fields)
        else:
            yield tr(
                "Compared with {other}, it avoids {avoided} more for {paid} more of public money "
                "(present value): {per_euro} {currency} for each {currency}.",
                paid=wording.money_amount(increment.public_present_meur),
                per_euro=format_per_euro(increment.avoided_per_euro),
                currency=wording.currency,
                **sentence_fields,
            )
        if increment.significant is False:
            yield tr("That is no more than the proofs of both leave open.")


def _describe_budget_risk(wording: PlanWording) -> Iterator[str]:
    """Yield the probability that budgets suffice despite overruns, if an evaluation states it."""
    evaluation = wording.companions.evaluation
    if evaluation is None or evaluation.budget_risk is None:
        return
    probability = evaluation.budget_risk.all_hold.value
    yield tr(
        "All budgets together are enough with a probability of {share}.",
        share=format_rounded_percent(probability),
    )
    contingency = None if wording.case is None else wording.case.policy.contingency
    if contingency is not None and probability < contingency:
        yield tr(
            "The money of each project by itself is to be enough with {share}.",
            share=format_percent(float(contingency)),
        )


def _describe_basis(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on proof, states, price year, author and date."""
    certificate = wording.plan.certificate
    if certificate.status == "optimal" and certificate.gap is not None:
        yield tr(
            "Optimal under these assumptions, not necessarily in reality: no other plan is better "
            "by more than {gap} of the objective, and that is proven.",
            gap=format_small_percent(max(certificate.gap, certificate.gap_target)),
        )
    if certificate.states > 1:
        yield tr(
            "Computed for {states} states of the world, which are assumptions with probabilities.",
            states=format_number(certificate.states),
        )
    if wording.case is not None and wording.case.price_year is not None:
        yield tr("Prices of {year}.", year=int(wording.case.price_year))
    if wording.author and wording.date:
        yield f"{sanitize(wording.author)}, {sanitize(wording.date)}."
    elif wording.author or wording.date:
        yield f"{sanitize(wording.author or wording.date)}."
