"""What a review is worth, as a document."""

from collections.abc import Iterator

from models.language import tr
from models.results import ObservationWorth, Waiting
from optimizer.analyses.plan import review_decisions
from optimizer.report.document import (
    Caution,
    Check,
    Column,
    DisplayedValue,
    Document,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import ZERO_TOLERANCE
from optimizer.report.wording import Wording, capitalize

WaitingWording = Wording[Waiting]


def build_document(result: Waiting) -> Document:
    """What the review is worth, what is decided now and then, and what observing is worth."""
    say = Wording(result)
    return say.build_document(
        tr("Vorrat: what it is worth to decide again"),
        [" ".join(_answer_sentences(say)), Caution(list(_cautions(say)))],
        [
            Section("observing", tr("What observing is worth"), [_observation_table(say)]),
            review_decisions.review_section(say, result.review),
            Section("proof", tr("How good the proof is"), [_proof_table(say), say.proof_table()]),
        ],
        outcome_amounts=[result.objective, result.review.now or 0.0],
    )


def sections_for_plan_report(result: Waiting) -> tuple[list[Section], list[Check]]:
    """What it would be worth to decide again, in the report on a plan."""
    say = Wording(result)
    tree = review_decisions.review_section(say, result.review)
    parts: list[Part] = [" ".join(_answer_sentences(say)), *tree.parts, _observation_table(say)]
    return [Section("waiting", tr("What it is worth to decide again"), parts)], []


def _answer_sentences(wording: WaitingWording) -> Iterator[str]:
    """What the review is worth, and what of it each thing observed is worth."""
    found = wording.result
    yield tr("The plan that waits decides now what must be decided now.")
    yield from review_decisions.describe_review(wording, found.review)
    less = [one for one in found.observing if one.change == "less" and one.worth is not None]
    if len(less) > 1:
        best = max(less, key=lambda one: one.worth or 0.0)
        yield tr(
            "Most of that comes of seeing “{what}”: without it, {worth} of it would be lost.",
            what=_observation_name(wording, best),
            worth=wording.amount(max(0.0, best.worth or 0.0)),
        )
    more = [one for one in found.observing if one.change == "more" and one.worth is not None]
    if more:
        best = max(more, key=lambda one: one.worth or 0.0)
        about = {
            "what": _observation_name(wording, best),
            "worth": wording.amount(max(0.0, best.worth or 0.0)),
        }
        if (best.worth_most or 0.0) <= ZERO_TOLERANCE:
            yield tr("Nothing else that was tried adds anything.")
        elif (best.worth_least or 0.0) <= ZERO_TOLERANCE:
            yield tr(
                "Of what was tried beside it, “{what}” adds most: {worth}, which is no more than "
                "the proofs leave open.",
                **about,
            )
        else:
            yield tr("Of what was tried beside it, “{what}” adds most: {worth}.", **about)


def _cautions(wording: WaitingWording) -> Iterator[str]:
    found = wording.result
    if found.ended == "interrupted":
        yield tr("Stopped early: not all was tried.")
    if any(one.status == "limit" for one in found.observing):
        yield tr("Some plans were stopped before their gap was closed: worths are less certain.")
    yield from wording.few_states_caution()


def _observation_name(wording: WaitingWording, observing: ObservationWorth) -> str:
    if observing.hazard is not None:
        return wording.name("hazards", observing.hazard)
    if observing.price is not None:
        return tr("price of {material}", material=wording.name("materials", observing.price))
    return tr("regime")


def _observation_table(wording: WaitingWording) -> Table:
    def change(one: ObservationWorth) -> str:
        about = {"what": _observation_name(wording, one)}
        if one.change == "less":
            return tr("Without “{what}”", **about)
        return tr("With “{what}” as well", **about)

    def worth(one: ObservationWorth) -> DisplayedValue | float | None:
        return DisplayedValue(tr("too many groups")) if one.status == "too_many" else one.worth

    columns = [
        Column(tr("What is observed"), lambda one: capitalize(change(one)), "text"),
        Column(tr("Groups"), "groups", "count", key="groups"),
        Column(tr("Objective"), "objective", "objective", key="objective"),
        Column(tr("Worth of observing it"), worth, "outcome", decimals_group="worth", key="worth"),
        Column(tr("At least"), "worth_least", "outcome", decimals_group="worth", key="least"),
        Column(tr("At most"), "worth_most", "outcome", decimals_group="worth", key="most"),
    ]
    note = tr(
        "Worth: the objective of the best plan without it, less that of the best plan with it. At "
        "least and at most: what the proofs of both leave open."
    )
    caption = tr("One thing less, and one more")
    return Table(caption, wording.result.observing, columns, "observing", note)


def _proof_table(wording: WaitingWording) -> Part:
    """The three problems that the worth of the review is a difference of."""
    found, told = wording.result, wording.result.review
    rows = [
        (tr("With the review"), found.objective, found.bound),
        (tr("All decided now"), told.now, told.now_bound),
    ]
    columns = [
        Column(tr("Plan"), "0", "text"),
        Column(tr("Objective"), "1", "objective", key="objective"),
        Column(tr("Bound"), "2", "objective", key="bound"),
    ]
    return Table(tr("The plans and their proofs"), rows, columns, "waiting_proofs")
