"""Alternatives in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Alternatives
from optimizer.report.alternating import words as said
from optimizer.report.figures import number, percent, small_percent

FEW_STATES = 100


def headline(found: Alternatives) -> Iterator[str]:
    """The answer, and the cautions that belong beside it."""
    plan, unit = found.plan, said.unit(found)
    yield tr(
        "No plan has an objective below {bound} {unit}; this one has {objective}. An alternative "
        "may have {limit}, {within} above the bound.",
        bound=said.level(found, found.bound, floor=True),
        objective=said.level(found, plan.objective),
        limit=said.level(found, found.limit),
        within=small_percent(found.within),
        unit=unit,
    )
    if found.alternatives:
        yield _found(found)
    elif found.exhausted:
        yield tr(
            "There is no alternative: it is proven that no plan within the limit builds other "
            "projects or buys up other stockpiles."
        )
    else:
        yield tr("No alternative was found.")
    yield from essential(found)
    if found.plan.objective > found.limit:
        yield tr("The plan itself is not within the limit.")
    if found.ended == "interrupted":
        yield tr("Stopped early: alternatives, variants or assumptions are missing.")
    if found.states < FEW_STATES:
        yield tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=number(found.states),
        )


def _found(found: Alternatives) -> str:
    unlike = [own.unlike_plan for own in found.alternatives]
    low, high = number(min(unlike)), number(max(unlike))
    span = low if low == high else tr("{low} to {high}", low=low, high=high)
    about = {"count": number(len(unlike)), "span": span, "marks": number(found.marks)}
    if found.exhausted and len(unlike) == 1:
        return tr(
            "One alternative is within the limit, and it is proven that there are no more; it "
            "differs from the plan in {span} of {marks} choices.",
            **about,
        )
    if found.exhausted:
        return tr(
            "{count} alternatives are within the limit, and it is proven that there are no more; "
            "they differ from the plan in {span} of {marks} choices.",
            **about,
        )
    if len(unlike) == 1:
        return tr(
            "One alternative is within the limit; it differs from the plan in {span} of {marks} "
            "choices.",
            **about,
        )
    return tr(
        "{count} alternatives are within the limit; they differ from the plan in {span} of "
        "{marks} choices.",
        **about,
    )


def essential(found: Alternatives) -> Iterator[str]:
    """What all plans within the limit have, and what none has."""
    for kind in ("project", "stockpile"):
        always = [i.id for i in found.items if i.kind == kind and i.within == "in all"]
        if always and kind == "project":
            yield tr(
                "Every plan within the limit builds: {names}.",
                names=said.listed(found, kind, always),
            )
        elif always:
            yield tr(
                "Every plan within the limit buys up: {names}.",
                names=said.listed(found, kind, always),
            )
    never = [i.id for i in found.items if i.kind == "project" and i.within == "in none"]
    if never:
        yield tr(
            "No plan within the limit builds: {names}.",
            names=said.listed(found, "project", never),
        )


def notes(found: Alternatives) -> Iterator[str]:
    """What the figures mean, and what they do not."""
    yield tr(
        "Each alternative is the best plan with its choices. Its objective is exact for the states "
        "of the plan and is held against the proven bound, so that it is within the limit whatever "
        "the best plan is. Figures beside the objective may differ among plans within a gap of "
        "{gap}.",
        gap=small_percent(found.gap_target),
    )
    days = found.least_days
    yield tr(
        "A choice is a project that is built, or a stockpile that is bought up: what it buys over "
        "all years lasts for at least {time} of the demand it serves, at its mean over the years. "
        "Plans within the limit are those that buy at least so much for a stockpile, or nothing.",
        time=tr("one day") if days == 1 else tr("{days} days", days=number(days)),
    )
    yield tr(
        "Unlike: choices that differ from the nearest of the plan and all alternatives before it. "
        "Where a second number stands beside it, it is proven that no plan within the limit is "
        "further away than that."
    )


def index_notes(found: Alternatives) -> Iterator[str]:
    """How the index is to be read."""
    yield tr(
        "Index: mean of the shares of alternatives, variants and assumption sets that have it, as "
        "far as there are any; neither the plan itself nor what was stopped early is counted. "
        "Always is all, nearly always at least {nearly}, in most at least half.",
        nearly=percent(0.9),
    )
    yield tr(
        "All plans within: whether it is proven that every plan within the limit has it, or none. "
        "Variants and assumption sets each show one plan within their gap; another as good may "
        "choose otherwise."
    )
    if found.given and not any(other.kind == "variant" for other in found.others):
        yield tr("A saved plan carries no variants of its file: none were solved.")
