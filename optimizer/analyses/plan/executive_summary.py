"""The answer of a plan on one page, which is also its brief."""

from collections.abc import Iterator

from models.language import tr
from optimizer.analyses.break_even_words import break_even_sentences
from optimizer.analyses.deferral import document as waiting_document
from optimizer.analyses.plan import risks, set_outcomes
from optimizer.analyses.plan.executive_facts import (
    approvals_table,
    comparison_tables,
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
from optimizer.analyses.plan.preferred_options import describe_better_options
from optimizer.report import document as doc
from optimizer.report.document import PAGE, TERMINAL, TERMINAL_AND_PAGE, Bullets, Part, Text
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import join_with_and, material_count_text, project_count_text


def build_answer(wording: PlanWording) -> Iterator[Part]:
    """Yield the parts of the answer: recommendation, approvals, increments, risks and break-even
    points."""
    review_sentences = waiting_document.describe_review(wording, wording.plan.review)
    outcome_sentences = [
        *_describe_increments(wording),
        *set_outcomes.describe_set_outcomes(wording),
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
        (tr("What may go wrong"), risks.describe_risks),
        (tr("What would turn the decision"), risks.describe_turning_points),
    ):
        if sentences := list(describe(wording)):
            yield doc.Heading(heading, PAGE)
            yield Bullets(sentences, PAGE)
    yield doc.Caution(
        [*certificate_cautions(wording.plan), *risks.describe_assumption_shares(wording)]
    )
    yield Text(" ".join(_describe_basis(wording)), PAGE)


def _describe_disputes_and_review(wording: PlanWording) -> Iterator[str]:
    """Yield, if known, where experts agree or differ, and what a plan with a review would defer."""
    companions = wording.companions
    if companions.disagreement and (
        text := " ".join(set_outcomes.describe_disputes(wording, companions.disagreement))
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
