"""Document on the value of a review."""

from collections.abc import Iterator

from models.language import tr
from models.results import ObservationWorth, Waiting
from optimizer.analyses.deferral import review_decisions
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
    """Build the document on a review: its value, the decisions now and at the review, and the value
    of observations."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what it is worth to decide again"),
        [" ".join(_answer_sentences(wording)), Caution(list(_cautions(wording)))],
        [
            Section("observing", tr("What observing is worth"), [_observation_table(wording)]),
            review_decisions.review_section(wording, result.review),
            Section(
                "proof", tr("How good the proof is"), [_proof_table(wording), wording.proof_table()]
            ),
        ],
    )


def sections_for_plan_report(result: Waiting) -> tuple[list[Section], list[Check]]:
    """Return the section on the review, for the report on a plan; there are no checks."""
    wording = Wording(result)
    section = review_decisions.review_section(wording, result.review)
    answer = " ".join(_answer_sentences(wording))
    section_parts: list[Part] = [answer, *section.parts, _observation_table(wording)]
    return [Section("waiting", tr("What it is worth to decide again"), section_parts)], []


def _answer_sentences(wording: WaitingWording) -> Iterator[str]:
    """Yield sentences on the value of the review, on the observation whose loss would cost most (if
    several were left out in turn), and on the further observation that would add most."""
    result = wording.result
    yield tr("The plan that waits decides now what must be decided now.")
    yield from review_decisions.describe_review(wording, result.review)
    valued_observations = [
        observation for observation in result.observing if observation.worth is not None
    ]
    for change in ("less", "more"):
        tried_observations = [
            observation for observation in valued_observations if observation.change == change
        ]
        if len(tried_observations) < (2 if change == "less" else 1):
            continue
        best_observation = max(tried_observations, key=lambda observation: observation.worth or 0.0)
        args = {
            "what": _observation_name(wording, best_observation),
            "worth": wording.amount(max(0.0, best_observation.worth or 0.0)),
        }
        if change == "less":
            yield tr("Most of that comes of seeing “{what}”: without it, {worth} of it would be "
                     "lost.", **args)  # fmt: skip
        elif (best_observation.worth_most or 0.0) <= ZERO_TOLERANCE:
            yield tr("Nothing else that was tried adds anything.")
        elif (best_observation.worth_least or 0.0) <= ZERO_TOLERANCE:
            yield tr(
                "Of what was tried beside it, “{what}” adds most: {worth}, which is no more than "
                "the proofs leave open.",
                **args,
            )
        else:
            yield tr("Of what was tried beside it, “{what}” adds most: {worth}.", **args)


def _cautions(wording: WaitingWording) -> Iterator[str]:
    """Yield cautions that limit the figures."""
    result = wording.result
    if result.ended == "interrupted":
        yield tr("Stopped early: not all was tried.")
    if any(observation.status == "limit" for observation in result.observing):
        yield tr("Some plans were stopped before their gap closed: the values are less certain.")
    yield from wording.few_states_caution()


def _observation_name(wording: WaitingWording, observation: ObservationWorth) -> str:
    """Return the name of the hazard, price or regime that is observed."""
    if observation.hazard is not None:
        return wording.name("hazards", observation.hazard)
    if observation.price is not None:
        return tr("price of {material}", material=wording.name("materials", observation.price))
    return tr("regime")


def _observation_table(wording: WaitingWording) -> Table:
    """Return the table of the observations that were removed or added, with the value of each."""

    def change(observation: ObservationWorth) -> str:
        name = _observation_name(wording, observation)
        if observation.change == "less":
            return tr("Without “{what}”", what=name)
        return tr("With “{what}” as well", what=name)

    def figure(observation: ObservationWorth) -> DisplayedValue | float | None:
        too_many = observation.status == "too_many"
        return DisplayedValue(tr("too many groups")) if too_many else observation.worth

    columns = [
        Column(tr("What is observed"), lambda row: capitalize(change(row)), "text"),
        Column(tr("Groups"), "groups", "count", key="groups"),
        Column(tr("Objective"), "objective", "objective", key="objective"),
        Column(tr("Worth of observing it"), figure, "outcome", decimals_group="worth", key="worth"),
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
    """Return the table of the two problems from whose objectives the value of the review is
    computed."""
    result, review = wording.result, wording.result.review
    rows = [
        (tr("With the review"), result.objective, result.bound),
        (tr("All decided now"), review.now, review.now_bound),
    ]
    columns = [
        Column(tr("Plan"), "0", "text"),
        Column(tr("Objective"), "1", "objective", key="objective"),
        Column(tr("Bound"), "2", "objective", key="bound"),
    ]
    return Table(tr("The plans and their proofs"), rows, columns, "waiting_proofs")
