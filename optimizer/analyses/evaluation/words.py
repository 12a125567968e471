"""How good a plan is, in sentences that a budget committee can be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.language import tr
from models.results import Estimate, Evaluation, ProvenRange, RuleOutcome
from optimizer.report.cells import TWO_SIDED, about, between, error
from optimizer.report.document import Fact
from optimizer.report.figures import NOISE, clean, number, percent, rounded, small_percent
from optimizer.report.wording import FEW_STATES, Wording

FEW_WORST = 100
"""With fewer states in the tail its interval holds the true CVaR less often than it promises: 84
times of 100 with ten of them, 92 with a hundred (docs/benchmarks.md)."""
FEW_SOLVED = 30
"""A normal interval of fewer states holds the true mean less often than it promises."""
FAR = 4.0
"""Two estimates of one figure that are so many standard errors apart are not both right."""

Say = Wording[Evaluation]


def world(found: Evaluation) -> str:
    """The other scenario in whose states the plan is looked at."""
    other = found.states_of
    assert other is not None
    if other.variant is None:
        return clean(other.title)
    return f"{clean(other.title)} ({clean(other.variant_title or other.variant)})"


def estimated(say: Say, figure: Estimate) -> str:
    """An estimate with what chance leaves open, and its unit."""
    return f"{about(figure)} {say.unit}"


def exact(value: float) -> Estimate:
    """A figure that nothing was sampled for."""
    return Estimate(value=value, standard_error=None)


def worth(say: Say, proven: ProvenRange) -> str:
    """Where something lies that is worth nothing at least, with its unit."""
    low, high = max(0.0, proven.low), max(0.0, proven.high)
    return f"{between(ProvenRange(low=low if low > NOISE else 0.0, high=high))} {say.unit}"


def names(say: Say, kind: str, some: Iterable[str]) -> str:
    """Names of projects or stockpiles; "nothing" where there are none."""
    return say.names(kind, some) or tr("nothing")


def best_rule(found: Evaluation) -> RuleOutcome | None:
    """The rule with the least expected damage."""
    return min(found.rules, key=lambda rule: rule.performance.expected.value, default=None)


def headline(say: Say) -> Iterator[str]:
    """The answer, one question a paragraph: what it avoids, without foresight, how far from the
    best, what uncertainty is worth."""
    for answer in (_avoided(say), _rule(say), _distance(say), _uncertainty(say)):
        yield " ".join(answer)


def _avoided(say: Say) -> Iterator[str]:
    found, fresh = say.found, say.found.fresh
    states = number(fresh.states)
    if found.states_of is not None:
        other = world(found)
        yield tr("The plan is judged in the states of {other}, which it was not made for.",
                 other=other)  # fmt: skip
    elif fresh.sampled:
        yield tr("The plan is judged on {states} states that it was not made for.", states=states)
    else:
        yield tr(
            "The scenario writes its states out, so that there are no others to judge the plan by."
        )
    yield tr(
        "The plan avoids {avoided} of {what}: {without} without it, {with_} with it.",
        avoided=estimated(say, fresh.avoided),
        what=say.expected,
        without=about(fresh.without_plan.expected),
        with_=about(fresh.with_plan.expected),
    )
    if fresh.sampled and found.states_of is None:
        figures = {"own": say.amount(found.own_expected), "moved": about(fresh.optimism)}
        yield (
            tr("On its own states {own} would be left: the difference of {moved} may be chance "
               "alone.", **figures)
            if abs(fresh.optimism.value) <= error(fresh.optimism)
            else tr("On its own states {own} would be left: the difference of {moved} is more than "
                    "chance explains.", **figures)
        )  # fmt: skip


def _rule(say: Say) -> Iterator[str]:
    rule = best_rule(say.found)
    if rule is None:
        return
    foresight = say.found.fresh.with_plan.expected.value
    if rule.above_foresight.value <= NOISE * max(1.0, abs(foresight)):
        yield tr("An agency that cannot foresee the state releases stock just as well.")
        return
    yield tr(
        "That figure assumes that releases foresee how long each disruption lasts. An agency that "
        "knows only past and present, and keeps {reserve} of planned stock for the dearer "
        "shortages, leaves {rule}: the best that can be reached lies between.",
        reserve=percent(rule.reserve),
        rule=estimated(say, rule.performance.expected),
    )


def _distance(say: Say) -> Iterator[str]:
    gap = say.found.gap
    if gap is None:
        return
    yield tr(
        "With {confidence} confidence no other plan has an objective that is better by more than "
        "{upper}, which is {share} of it.",
        confidence=percent(gap.confidence),
        upper=say.amount(gap.upper),
        share=small_percent(distance(say.found)),
    )
    if gap.solver_share > gap.mean.value / 2 and gap.mean.value > NOISE:
        yield tr(
            "Most of that is due to solves that were not finished: a smaller --gap tells more."
        )


def distance(found: Evaluation) -> float | None:
    """How far from the best it can be, as a share of its objective."""
    objective = abs(found.fresh.objective.value)
    return None if found.gap is None or objective <= NOISE else found.gap.upper / objective


def _uncertainty(say: Say) -> Iterator[str]:
    known = say.found.information
    if known is None:
        return
    chance = TWO_SIDED * (known.wait_and_see_error or 0.0)
    evpi = worth(say, known.evpi)
    yield tr(
        "To know before deciding which state comes would be worth {evpi}: no forecast can be worth "
        "more to what is decided now.",
        evpi=f"{evpi} (± {rounded(chance)})" if chance else evpi,
    )
    yield tr(
        "To plan for many states rather than for their mean gains {vss}.", vss=worth(say, known.vss)
    )


def facts(say: Say) -> Iterator[Fact]:
    """The same in figures that are shown large."""
    found, fresh = say.found, say.found.fresh
    exact = fresh.avoided.standard_error is None
    yield Fact(
        tr("Damage avoided, mean") if say.of_damage else tr("Shortage avoided, mean"),
        estimated(say, fresh.avoided),
        tr("exact: all states are known") if exact else tr("± (95 %)"),
    )
    rule = best_rule(found)
    if rule is not None:
        yield Fact(
            tr("Of that without foresight"),
            say.amount(fresh.avoided.value - rule.above_foresight.value),
            tr("by the best rule, reserve {share}", share=percent(rule.reserve)),
        )
    if found.gap is not None and (far := distance(found)) is not None:
        sure = tr("with {confidence} confidence", confidence=percent(found.gap.confidence))
        yield Fact(tr("From the best at most"), small_percent(far), sure)
    if found.information is not None:
        vss, against = worth(say, found.information.vss), tr("against a plan for the mean")
        yield Fact(tr("Planning for uncertainty is worth"), vss, against)


def cautions(say: Say) -> Iterator[str]:
    """What must be read with the answer."""
    found = say.found
    if found.own_states < FEW_STATES:
        own = number(found.own_states)
        yield tr("For illustration only: the plan was made for {states} states of the world.",
                 states=own)  # fmt: skip
    worst = (1 - found.cvar_level) * found.fresh.states
    if found.fresh.sampled and worst < FEW_WORST:
        yield tr(
            "Of the fresh states, {count} are among the worst: what chance does to the CVaR is "
            "understated below {enough} of them.",
            count=number(worst, 0),
            enough=number(FEW_WORST),
        )
    yield from _few_solved(found)
    deviation = None if found.gap is None else found.gap.mean.standard_error
    if deviation is not None and deviation <= NOISE:
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
    tail = case is not None and case.objective.cvar.weight > 0
    count = (1 - found.cvar_level) * known.states if tail else known.states
    enough = FEW_WORST if tail else FEW_SOLVED
    if count < enough:
        yield tr(
            "Only {count} of the states solved by themselves tell what it is worth to know: what "
            "chance does to EVPI is understated below {enough} of them.",
            count=number(count, 0),
            enough=number(enough),
        )
