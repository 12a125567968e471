"""How good a plan is, in sentences that a budget committee can be told."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Evaluation, RuleOutcome
from optimizer.report.evaluating import words
from optimizer.report.figures import NOISE, number, percent, rounded, small_percent

FEW_STATES = 100
FEW_WORST = 100
"""With fewer states in the tail its interval holds the true CVaR less often than it promises: 84
times of 100 with ten of them, 92 with a hundred (docs/benchmarks.md)."""
FEW_SOLVED = 30
"""A normal interval of fewer states holds the true mean less often than it promises."""
FAR = 4.0
"""Two estimates of one figure that are so many standard errors apart are not both right."""


def headline(found: Evaluation) -> Iterator[str]:
    """The answer, one question a paragraph: what it avoids, without foresight, how far from the
    best, what uncertainty is worth."""
    yield " ".join(_avoided(found))
    for answer in (_rule(found), _distance(found), _uncertainty(found)):
        said = " ".join(answer)
        if said:
            yield said


def _avoided(found: Evaluation) -> Iterator[str]:
    fresh = found.fresh
    figures = {
        "what": words.counted(found),
        "avoided": words.amount(found, fresh.avoided),
        "without": words.about(fresh.without_plan.expected),
        "with_": words.about(fresh.with_plan.expected),
    }
    if found.states_of is not None:
        yield tr(
            "In the states of {other}, which it was not made for, the plan avoids {avoided} of "
            "{what}: {without} without it, {with_} with it.",
            other=words.states_of(found),
            **figures,
        )
        return
    if not fresh.sampled:
        yield tr(
            "The scenario writes its states out, so that there are no others to judge the plan by. "
            "In these, it avoids {avoided} of {what}: {without} without it, {with_} with it.",
            **figures,
        )
        return
    yield tr(
        "On {states} states that it was not made for, the plan avoids {avoided} of {what}: "
        "{without} without it, {with_} with it.",
        states=number(fresh.states),
        **figures,
    )
    moved = words.told(found, abs(fresh.optimism.value))
    if words.is_noise(fresh.optimism):
        yield tr(
            "By its own states it would be {own}: the difference may be chance alone.",
            own=words.told(found, found.own_expected),
        )
    elif fresh.optimism.value > 0:
        yield tr("Its own states flattered it: there, {moved} less seemed to be left.", moved=moved)
    else:
        yield tr("Its own states were harder on it: there, {moved} more was left.", moved=moved)


def best_rule(found: Evaluation) -> RuleOutcome | None:
    """The rule with the least expected damage."""
    return min(found.rules, key=lambda rule: rule.performance.expected.value, default=None)


def _rule(found: Evaluation) -> Iterator[str]:
    rule = best_rule(found)
    if rule is None:
        return
    foresight = found.fresh.with_plan.expected
    if rule.above_foresight.value <= NOISE * max(1.0, abs(foresight.value)):
        yield tr("An agency that cannot foresee the state releases stock just as well.")
        return
    left = words.amount(found, rule.performance.expected)
    if rule.reserve == 0:
        yield tr(
            "That figure foresees how long each disruption lasts. An agency that knows only past "
            "and present, and keeps nothing back, leaves {rule}: the best that can be had lies "
            "between.",
            rule=left,
        )
        return
    yield tr(
        "That figure foresees how long each disruption lasts. An agency that knows only past and "
        "present, and keeps {reserve} of planned stock for the dearer shortages, leaves {rule}: "
        "the best that can be had lies between.",
        reserve=percent(rule.reserve),
        rule=left,
    )


def _distance(found: Evaluation) -> Iterator[str]:
    gap = found.gap
    if gap is None:
        return
    objective = abs(found.fresh.objective.value)
    yield tr(
        "With {confidence} confidence no other plan has an objective that is better by more than "
        "{upper}, which is {share} of it.",
        confidence=percent(gap.confidence),
        upper=words.told(found, gap.upper),
        share=small_percent(gap.upper / objective if objective > NOISE else None),
    )
    if gap.solver_share > gap.mean.value / 2 and gap.mean.value > NOISE:
        yield tr(
            "Most of that is due to solves that were not finished: a smaller --gap tells more."
        )


def _uncertainty(found: Evaluation) -> Iterator[str]:
    known = found.information
    if known is None:
        return
    unit = words.unit(found)
    evpi, vss = known.evpi, known.vss
    if evpi.low <= NOISE and known.wait_and_see_error:
        yield tr(
            "To know beforehand which state comes would be worth {high} at most, give or take "
            "{error}.",
            high=words.told(found, max(0.0, evpi.high)),
            error=rounded(words.TWO_SIDED * known.wait_and_see_error),
        )
    elif evpi.low <= NOISE:
        yield tr(
            "To know beforehand which state comes would be worth {high} at most.",
            high=words.told(found, max(0.0, evpi.high)),
        )
    elif known.wait_and_see_error:
        yield tr(
            "To know beforehand which state comes would be worth {range} {unit}, give or take "
            "{error}.",
            range=words.between(evpi),
            unit=unit,
            error=rounded(words.TWO_SIDED * known.wait_and_see_error),
        )
    else:
        yield tr(
            "To know beforehand which state comes would be worth {range} {unit}.",
            range=words.between(evpi),
            unit=unit,
        )
    if vss.low <= NOISE:
        yield tr(
            "To plan for many states rather than for their mean gains {high} at most.",
            high=words.told(found, max(0.0, vss.high)),
        )
    else:
        yield tr(
            "To plan for many states rather than for their mean gains {range} {unit}.",
            range=words.between(vss),
            unit=unit,
        )


def reach(found: Evaluation) -> Iterator[str]:
    """How far what uncertainty is worth may be relied on."""
    yield tr(
        "Releases of stock foresee their state in all of these: what early warning is worth to "
        "them is left out."
    )
    if found.fresh.sampled:
        yield tr(
            "The figures are those of the plan's own states, by which it was chosen: on others, "
            "planning for many states gains less as a rule, and to know beforehand is worth more."
        )


def tail_reach(found: Evaluation) -> Iterator[str]:
    """How far what minding the worst states buys may be relied on."""
    if found.fresh.sampled:
        yield tr(
            "Both are figures of the plan's own states: the second plan is chosen by the worst of "
            "them, so that on others it lowers their mean by less, as a rule."
        )


def cautions(found: Evaluation) -> Iterator[str]:
    """What must be read with the answer."""
    if found.own_states < FEW_STATES:
        yield tr(
            "For illustration only: the plan was made for {states} states of the world.",
            states=number(found.own_states),
        )
    worst = (1 - found.cvar_level) * found.fresh.states
    if found.fresh.sampled and worst < FEW_WORST:
        yield tr(
            "Of the fresh states, {count} are among the worst: what chance does to the CVaR is "
            "understated below {enough} of them.",
            count=number(worst, 0),
            enough=number(FEW_WORST),
        )
    yield from _few_solved(found)
    error = None if found.gap is None else found.gap.mean.standard_error
    if error is not None and error <= NOISE:
        yield tr(
            "All samples tell the same distance from the best: chance does not show in so few. "
            "Take more of them, or more states in each."
        )
    rare = found.rare
    if rare is not None and max(abs(rare.deviation_expected), abs(rare.deviation_cvar)) > FAR:
        yield tr(
            "States with more rare events tell another figure than the fresh ones, by more than "
            "chance explains: take more of both."
        )


def _few_solved(found: Evaluation) -> Iterator[str]:
    """Too few states for the error of what it is worth to know."""
    known, case = found.information, found.case
    if known is None or not known.wait_and_see_error:
        return
    worst = (1 - found.cvar_level) * known.states
    if case is not None and case.objective.cvar.weight > 0 and worst < FEW_WORST:
        yield tr(
            "Of the states solved by themselves {count} are among the worst, which the objective "
            "weighs: what chance does to EVPI is understated below {enough} of them.",
            count=number(worst, 0),
            enough=number(FEW_WORST),
        )
    elif known.states < FEW_SOLVED:
        yield tr(
            "Only {count} states were solved by themselves: what chance does to EVPI is "
            "understated below {enough} of them.",
            count=number(known.states),
            enough=number(FEW_SOLVED),
        )
