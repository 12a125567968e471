"""The sentences of a report: what a plan gains at what cost, and how good its proof is.

Each case is a sentence of its own, since languages order, bend and count their words otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Plan
from optimizer.report.figures import NOISE, number, percent, small_percent
from optimizer.report.tables import reduction


def headline(plan: Plan) -> Iterator[str]:
    """The answer in one sentence, and the cautions that belong beside it."""
    reached, without = plan.outcome, plan.outcome.without_plan
    expected = _change(expected_noun(plan), reached.expected, without.expected, unit(plan))
    worst = _change(worst_noun(plan), reached.worst, without.worst)
    if builds_nothing(plan):
        yield tr(
            "The plan is to build and buy nothing: {expected}, and {worst}.",
            expected=expected,
            worst=worst,
        )
    else:
        yield tr(
            "Against doing nothing, {expected}, and {worst}, at a net cost of {cost}.",
            expected=expected,
            worst=worst,
            cost=f"{number(reached.net_cost_meur)} {million(plan)}",
        )
    if plan.certificate.status == "limit":
        yield _room(plan)
    if plan.certificate.illustrative:
        yield illustration(plan)


def builds_nothing(plan: Plan) -> bool:
    """Whether nothing is started and nothing is bought."""
    bought = any(t > NOISE for stock in plan.stockpiles for t in stock.buy_t.values())
    return not plan.projects and not bought


def million(plan: Plan) -> str:
    """The unit of money."""
    return tr("million {currency}", currency=plan.currency)


def unit(plan: Plan) -> str:
    """The unit of the outcome."""
    if plan.outcome.measure == "damage":
        return million(plan)
    return "t" if plan.outcome.measure == "tonnes" else tr("years of demand")


def noun(plan: Plan) -> str:
    """What is counted, in a word."""
    return tr("damage") if _of_damage(plan) else tr("shortage")


def expected_noun(plan: Plan) -> str:
    """The mean over the states, in words."""
    return tr("expected damage") if _of_damage(plan) else tr("expected shortage")


def worst_noun(plan: Plan) -> str:
    """The worst state, in words."""
    if _of_damage(plan):
        return tr("the worst damage of all states")
    return tr("the worst shortage of all states")


def tail_noun(plan: Plan) -> str:
    """The mean of the worst states, in words."""
    share = percent(1 - plan.outcome.cvar_level)
    return tr("Mean of the worst {share} of states (CVaR)", share=share)


def _of_damage(plan: Plan) -> bool:
    return plan.outcome.measure == "damage"


def _change(what: str, reached: float, without: float, unit: str = "") -> str:
    """How a figure moves against doing nothing, as a clause."""
    after = f"{number(reached)} {unit}" if unit else number(reached)
    if abs(reached - without) <= NOISE * max(1.0, abs(without)):
        return tr("{what} stays at {after}", what=what, after=after)
    about = {"what": what, "before": number(without), "after": after}
    share = reduction(reached, without)
    if share is None:
        if reached < without:
            return tr("{what} falls, from {before} to {after}", **about)
        return tr("{what} rises, from {before} to {after}", **about)
    by = percent(abs(share))
    if reached < without:
        return tr("{what} falls by {by}, from {before} to {after}", by=by, **about)
    return tr("{what} rises by {by}, from {before} to {after}", by=by, **about)


def _room(plan: Plan) -> str:
    gap = plan.certificate.gap
    if gap is None:
        return tr(
            "Stopped early: the plan keeps all rules, but how much better another could be is "
            "not known."
        )
    return tr(
        "Stopped early: the plan keeps all rules, and another plan can improve its objective by "
        "{gap} at most.",
        gap=small_percent(gap),
    )


def illustration(plan: Plan) -> str:
    """What few states mean, in plain words."""
    if plan.certificate.states == 1:
        return tr(
            "For illustration only: the plan rests on 1 state of the world. Fewer than 100 show "
            "how the parts work together, but not how likely or how bad rare events are."
        )
    return tr(
        "For illustration only: the plan rests on {states} states of the world. Fewer than 100 "
        "show how the parts work together, but not how likely or how bad rare events are.",
        states=number(plan.certificate.states),
    )


def status(plan: Plan) -> str:
    """How the solve ended, in plain words."""
    certificate = plan.certificate
    if certificate.status == "optimal":
        return tr("optimal: the gap is within its target")
    return tr(
        "stopped early, before the gap reached its target (solver: {ended})",
        ended=certificate.ended,
    )


def bound(plan: Plan) -> str:
    """What the bound says."""
    if plan.certificate.bound is None:
        return tr("none was proven")
    proven = number(plan.certificate.bound)
    return tr("{bound} (no plan can have a lower objective)", bound=proven)


def gap(plan: Plan) -> str:
    """How far the plan may be from the best, and how far it was allowed to be."""
    target = small_percent(plan.certificate.gap_target)
    if plan.certificate.gap is None:
        return tr("not known (target {target})", target=target)
    reached = small_percent(plan.certificate.gap)
    return tr("{gap} (target {target})", gap=reached, target=target)


def method(plan: Plan) -> str:
    """How the problem was solved, and the size of the model."""
    certificate = plan.certificate
    size = ", ".join(
        f"{number(count)} {_sized(what)}" for what, count in certificate.model_size.items()
    )
    if certificate.method == "extensive":
        return tr("extensive form: {size}", size=size) if size else tr("extensive form")
    if size:
        return tr("decomposition, master: {size}", size=size)
    return tr("decomposition, master")


def _sized(what: str) -> str:
    known = {
        "rows": tr("rows"),
        "columns": tr("columns"),
        "integers": tr("integers"),
        "nonzeros": tr("nonzeros"),
        "cuts": tr("cuts"),
    }
    return known.get(what, what)


def states(plan: Plan) -> str:
    """The states of the world and where they come from."""
    certificate = plan.certificate
    count = number(certificate.states)
    if certificate.seed is not None:
        return tr("{count}, sampled with seed {seed}", count=count, seed=certificate.seed)
    if certificate.states > 1:
        return tr("{count}, written out in the scenario", count=count)
    return tr("{count}, no chance in it", count=count)
