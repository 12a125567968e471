"""The sentences of a report: what a plan gains at what cost, and how good its proof is."""

from __future__ import annotations

from collections.abc import Iterator

from models.results import Plan
from optimizer.reporting.figures import NOISE, number, percent, small_percent
from optimizer.reporting.tables import reduction


def headline(plan: Plan) -> Iterator[str]:
    """The answer in one sentence, and the cautions that belong beside it."""
    reached, without = plan.outcome, plan.outcome.without_plan
    worst = _change(reached.worst, without.worst)
    if builds_nothing(plan):
        expected = _change(reached.expected, without.expected, reached.unit)
        yield (
            f"The plan is to build and buy nothing: {expected_noun(plan)} {expected}, and "
            f"{worst_noun(plan)} {worst}."
        )
    else:
        expected = _change(reached.expected, without.expected, reached.unit)
        cost = f"{number(reached.net_cost_meur)} million {plan.currency}"
        yield (
            f"Against doing nothing, {expected_noun(plan)} {expected}, and {worst_noun(plan)} "
            f"{worst}, at a net cost of {cost}."
        )
    if plan.certificate.status == "limit":
        yield f"Stopped early: {_room(plan)}."
    if plan.certificate.illustrative:
        yield illustration(plan)


def builds_nothing(plan: Plan) -> bool:
    """Whether nothing is started and nothing is bought."""
    bought = any(t > NOISE for stock in plan.stockpiles for t in stock.buy_t.values())
    return not plan.projects and not bought


def noun(plan: Plan) -> str:
    """What is counted, in a word."""
    return "damage" if plan.outcome.measure == "damage" else "shortage"


def expected_noun(plan: Plan) -> str:
    """The mean over the states, in words."""
    return f"expected {noun(plan)}"


def worst_noun(plan: Plan) -> str:
    """The worst state, in words."""
    return f"the worst {noun(plan)} of all states"


def tail_noun(plan: Plan) -> str:
    """The mean of the worst states, in words."""
    return f"mean of the worst {percent(1 - plan.outcome.cvar_level)} of states (CVaR)"


def _change(reached: float, without: float, unit: str = "") -> str:
    """How a figure moves against doing nothing, as the end of a sentence."""
    of_unit = f" {unit}" if unit else ""
    if abs(reached - without) <= NOISE * max(1.0, abs(without)):
        return f"stays at {number(reached)}{of_unit}"
    share = reduction(reached, without)
    verb = "falls" if reached < without else "rises"
    by = "" if share is None else f" by {percent(abs(share))}"
    return f"{verb}{by}, from {number(without)} to {number(reached)}{of_unit}"


def _room(plan: Plan) -> str:
    gap = plan.certificate.gap
    if gap is None:
        return "the plan keeps all rules, but how much better another could be is not known"
    return (
        "the plan keeps all rules, and another plan can improve its objective by "
        f"{small_percent(gap)} at most"
    )


def illustration(plan: Plan) -> str:
    """What few states mean, in plain words."""
    states = _counted(plan.certificate.states, "state")
    return (
        f"For illustration only: the plan rests on {states} of the world. Fewer than 100 show how "
        "the parts work together, but not how likely or how bad rare events are."
    )


def status(plan: Plan) -> str:
    """How the solve ended, in plain words."""
    certificate = plan.certificate
    if certificate.status == "optimal":
        return "optimal: the gap is within its target"
    return f"stopped early, before the gap reached its target (solver: {certificate.ended})"


def bound(plan: Plan) -> str:
    """What the bound says."""
    if plan.certificate.bound is None:
        return "none was proven"
    return f"{number(plan.certificate.bound)} (no plan can have a lower objective)"


def states(plan: Plan) -> str:
    """The states of the world and where they come from."""
    certificate = plan.certificate
    if certificate.seed is None:
        origin = "written out in the scenario" if certificate.states > 1 else "no chance in it"
    else:
        origin = f"sampled with seed {certificate.seed}"
    return f"{number(certificate.states)}, {origin}"


def _counted(count: int, what: str) -> str:
    return f"{number(count)} {what}{'' if count == 1 else 's'}"
