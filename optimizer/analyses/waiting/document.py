"""What a review is worth, as a document."""

from collections.abc import Iterator

from models.language import tr
from models.results import Observing, Waiting
from optimizer.analyses.plan import after_review
from optimizer.report.document import (
    Caution,
    Check,
    Column,
    Document,
    Part,
    Section,
    Shown,
    Table,
)
from optimizer.report.figures import NOISE
from optimizer.report.wording import Wording, capital

Say = Wording[Waiting]


def document(found: Waiting) -> Document:
    """What the review is worth, what is decided now and then, and what observing is worth."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what it is worth to decide again"),
        [" ".join(_answers(say)), Caution(list(_cautions(say)))],
        [
            Section("observing", tr("What observing is worth"), [_observing(say)]),
            after_review.section(say, found.review),
            Section("proof", tr("How good the proof is"), [_proofs(say), say.proof()]),
        ],
        outcomes=[found.objective, found.review.now or 0.0],
    )


def beside_plan(found: Waiting) -> tuple[list[Section], list[Check]]:
    """What it would be worth to decide again, in the report on a plan."""
    say = Wording(found)
    tree = after_review.section(say, found.review)
    parts: list[Part] = [" ".join(_answers(say)), *tree.parts, _observing(say)]
    return [Section("waiting", tr("What it is worth to decide again"), parts)], []


def _answers(say: Say) -> Iterator[str]:
    """What the review is worth, and what of it each thing observed is worth."""
    found = say.found
    yield tr("The plan that waits decides now what must be decided now.")
    yield from after_review.sentences(say, found.review)
    less = [one for one in found.observing if one.change == "less" and one.worth is not None]
    if len(less) > 1:
        best = max(less, key=lambda one: one.worth or 0.0)
        yield tr(
            "Most of that comes of seeing “{what}”: without it, {worth} of it would be lost.",
            what=_called(say, best),
            worth=say.amount(max(0.0, best.worth or 0.0)),
        )
    more = [one for one in found.observing if one.change == "more" and one.worth is not None]
    if more:
        best = max(more, key=lambda one: one.worth or 0.0)
        about = {"what": _called(say, best), "worth": say.amount(max(0.0, best.worth or 0.0))}
        if (best.worth_most or 0.0) <= NOISE:
            yield tr("Nothing else that was tried adds anything.")
        elif (best.worth_least or 0.0) <= NOISE:
            yield tr(
                "Of what was tried beside it, “{what}” adds most: {worth}, which is no more than "
                "the proofs leave open.",
                **about,
            )
        else:
            yield tr("Of what was tried beside it, “{what}” adds most: {worth}.", **about)


def _cautions(say: Say) -> Iterator[str]:
    found = say.found
    if found.ended == "interrupted":
        yield tr("Stopped early: not all was tried.")
    if any(one.status == "limit" for one in found.observing):
        yield tr("Some plans were stopped before their gap was closed: worths are less certain.")
    yield from say.illustration()


def _called(say: Say, one: Observing) -> str:
    if one.hazard is not None:
        return say.name("hazards", one.hazard)
    if one.price is not None:
        return tr("price of {material}", material=say.name("materials", one.price))
    return tr("regime")


def _observing(say: Say) -> Table:
    def change(one: Observing) -> str:
        about = {"what": _called(say, one)}
        if one.change == "less":
            return tr("Without “{what}”", **about)
        return tr("With “{what}” as well", **about)

    def worth(one: Observing) -> Shown | float | None:
        return Shown(tr("too many groups")) if one.status == "too_many" else one.worth

    columns = [
        Column(tr("What is observed"), lambda one: capital(change(one)), "text"),
        Column(tr("Groups"), "groups", "count", key="groups"),
        Column(tr("Objective"), "objective", "objective", key="objective"),
        Column(tr("Worth of observing it"), worth, "outcome", like="worth", key="worth"),
        Column(tr("At least"), "worth_least", "outcome", like="worth", key="least"),
        Column(tr("At most"), "worth_most", "outcome", like="worth", key="most"),
    ]
    note = tr(
        "Worth: the objective of the best plan without it, less that of the best plan with it. At "
        "least and at most: what the proofs of both leave open."
    )
    caption = tr("One thing less, and one more")
    return Table(caption, say.found.observing, columns, "observing", note)


def _proofs(say: Say) -> Part:
    """The three problems that the worth of the review is a difference of."""
    found, told = say.found, say.found.review
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
