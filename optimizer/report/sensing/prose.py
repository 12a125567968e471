"""What the answer rests on, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Sensitivity, SensitivityInput
from optimizer.report.figures import number, small_percent
from optimizer.report.sensing import words

NAMED = 4
"""Inputs that a sentence names; tables have all."""

FEW_STATES = 100


def headline(found: Sensitivity) -> Iterator[str]:
    """What moves the answer most, and what turns it."""
    yield from as_it_is(found)
    if not found.inputs:
        yield tr("No input was varied to both ends of its range.")
        return
    yield _most(found)
    yield from turning(found)
    near = nearest(found)
    if near:
        yield tr("Nearest to turn: {inputs}.", inputs="; ".join(near[:NAMED]))


def as_it_is(found: Sensitivity) -> Iterator[str]:
    """The plan in the scenario as it is."""
    about = {
        "expected": words.amount(found, found.own.expected),
        "objective": words.amount(found, found.own.objective),
        "best": words.between(found.best.objective),
    }
    if found.measure == "damage":
        yield tr(
            "As things are, the plan leaves an expected damage of {expected}; its objective is "
            "{objective}, that of the best plan {best}.",
            **about,
        )
    else:
        yield tr(
            "As things are, the plan leaves an expected shortage of {expected}; its objective is "
            "{objective}, that of the best plan {best}.",
            **about,
        )
    if found.decision == "changed" and found.regret is not None:
        yield tr(
            "It is not the best plan even as things are: its objective is worse by {regret}. "
            "Break-evens were not sought.",
            regret=words.regret(found.regret),
        )
    elif found.decision == "open":
        yield tr(
            "Whether it is the best plan as things are was not decided before the limit. "
            "Break-evens were not sought."
        )


def _most(found: Sensitivity) -> str:
    first = words.leading(found)
    if first is None:
        return tr(
            "No input is proven to move the objective of the best plan: the gaps leave it open."
        )
    low, high = first.low, first.high
    about = {
        "name": words.name(found, first),
        "low": words.of_point(found, first, low),
        "high": words.of_point(found, first, high),
    }
    if low.best is None or high.best is None:
        return tr(
            "Most depends on: {name}. At one end of {low} to {high} no plan keeps all rules.",
            **about,
        )
    return tr(
        "Most depends on: {name}. From {low} to {high}, the objective of the best plan goes from "
        "{before} to {after}.",
        before=words.between(low.best.objective),
        after=f"{words.between(high.best.objective)} {words.unit(found)}",
        **about,
    )


def turning(found: Sensitivity) -> Iterator[str]:
    """How many inputs turn the decision; nothing where it is not proven right to begin with."""
    if found.decision != "same":
        return
    some, count = words.changing(found), number(len(found.inputs))
    tolerance = small_percent(found.tolerance)
    if not some and not words.undecided(found):
        yield tr(
            "None of {count} inputs, one at a time, turns the decision at an end of its range: "
            "there the plan is proven to stay within {tolerance} of the best.",
            count=count,
            tolerance=tolerance,
        )
        return
    yield tr(
        "{some} of {count} inputs, one at a time, turn the decision within their range: another "
        "plan is better by more than {tolerance} of the objective, or this one breaks a rule.",
        some=number(len(some)),
        count=count,
        tolerance=tolerance,
    )
    open_ = words.undecided(found)
    if open_:
        yield tr(
            "Not decided before the limit: {inputs}.",
            inputs=", ".join(words.name(found, one) for one in open_),
        )


def nearest(found: Sensitivity) -> list[str]:
    """Inputs that turn the decision, with the values between which they do, the nearest first."""
    return [text for one in words.changing(found) if (text := turn(found, one))]


def turn(found: Sensitivity, one: SensitivityInput) -> str:
    """Where an input turns the decision; empty where that was not sought."""
    texts = []
    for point in one.break_evens:
        good = words.turned(found, one, point.good, point.good_number)
        changed = words.turned(found, one, point.changed, point.changed_number)
        texts.append(tr("between {good} and {changed}", good=good, changed=changed))
    if not texts:
        return ""
    return tr(
        "{name} (now {base}): {turns}",
        name=words.name(found, one),
        base=words.of_base(found, one),
        turns=", ".join(texts),
    )


def cautions(found: Sensitivity) -> Iterator[str]:
    """What must not be overlooked."""
    if found.ended == "interrupted":
        yield tr("Stopped early: inputs are missing.")
    if found.states < FEW_STATES:
        yield tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=number(found.states),
        )
    yield tr(
        "Inputs are moved one at a time over ranges that are chosen, not estimated: a longer bar "
        "may only mean a wider range."
    )


def method(found: Sensitivity) -> Iterator[str]:
    """How it was computed."""
    yield tr(
        "At both ends of each range the best plan was sought anew, to a gap of {gap}; the largest "
        "gap left is {largest}. What lies within the gaps is called no effect.",
        gap=small_percent(found.gap_target),
        largest=small_percent(words.largest_gap(found)),
    )
    yield tr(
        "The plan itself was judged at each value as it stands, nothing scaled, by an exact sweep. "
        "Its regret is its objective less that of the best plan there."
    )
    if found.seed is None:
        yield tr("All values are judged on the same {states} states.", states=number(found.states))
    else:
        yield tr(
            "All values are judged on {states} states that are drawn from the same random numbers "
            "(seed {seed}), so that differences are those of the input.",
            states=number(found.states),
            seed=str(found.seed),
        )
    yield tr(
        "A break-even lies between a value at which no plan is better by more than {tolerance} and "
        "one at which a plan is, or this one breaks a rule; both are proven. Between them, and "
        "beyond, the decision may turn more than once.",
        tolerance=small_percent(found.tolerance),
    )
    screen = found.screen
    if screen is not None:
        yield tr(
            "The screen moves all inputs together, along {paths} random paths of one step an input "
            "({points} points). Mean effect: of going through the whole range of an input; "
            "spread: how much that depends on the others (Morris 1991).",
            paths=number(screen.trajectories),
            points=number(screen.evaluations),
        )
    supply = () if found.case is None else found.case.supply
    demand = any(one.kind == "demand" for one in found.inputs)
    if demand and any(row.share is not None for row in supply):
        yield tr("Supply that is given as a share of demand moves along with demand.")
    shown = [one for one in found.inputs if one.kind == "hazard"]
    if shown and found.seed is None:
        yield tr(
            "States are written out: a hazard's probability is that of the states in which it "
            "strikes, taken from the others in proportion."
        )
