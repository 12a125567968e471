"""What a plan adds to what would be done otherwise, and the other figures of its brief."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from models.base import named
from models.language import language
from models.results import Counterfactual, Evaluation, Explanation, Plan
from models.results import brief as results
from models.results.comparison import Barred
from models.results.option import Option
from optimizer.analyses.comparison import comparability, efficiency
from optimizer.analyses.comparison.compare import as_option
from optimizer.analyses.comparison.efficiency import NO_MONEY, Point, increment
from optimizer.analyses.comparison.fiscal import fiscal
from optimizer.analyses.comparison.money import NOTHING

To = Literal["nothing", "counterfactual", "option"]


def brief(
    plan: Plan,
    evaluation: Evaluation | None = None,
    explanation: Explanation | None = None,
    others: Mapping[str, Plan] | None = None,
) -> results.Brief:
    """What a decision maker must find of a plan.

    ``evaluation`` and ``explanation`` are of this plan; ``others`` are plans for the same states by
    label, such as those of a comparison.
    """
    own, compared = as_option(plan.variant or "plan", plan), others or {}
    lines = _lines(plan, own, compared)
    return results.Brief(
        title=plan.title,
        variant=plan.variant,
        currency=plan.currency,
        option=own,
        fiscal=fiscal(plan),
        increments=tuple(_increments(plan, own, evaluation, compared, lines[0])),
        compared=len([point for point in lines[0].points if point.option is not own]),
        better=tuple(_better(plan, own, compared, lines)),
        tail=_tail(plan, evaluation),
        rejected=() if explanation is None else tuple(_rejected(explanation)),
    )


def _lines(plan: Plan, own: Option, others: Mapping[str, Plan]) -> list[efficiency.Line]:
    """The plan among the others, by public funding and by net public cost."""
    options, bars = [own], [frozenset[Barred]()]
    for label, other in others.items():
        options.append(as_option(label, other))
        found = comparability.unlike(plan, other, label, comparability.changes(plan, other))
        bars.append(comparability.barred(found))
    return [efficiency.line(options, own, bars, net) for net in (False, True)]


def _better(
    plan: Plan, own: Option, others: Mapping[str, Plan], lines: Sequence[efficiency.Line]
) -> Iterator[results.Against]:
    """What the comparison of these plans prefers to this one, by what it says itself."""
    preferred = [one.over for one in lines[0].dominated() if one.option == own.label]
    for line in lines:
        known = [one.option for one in line.best_from() if one.worth <= 1]
        preferred += known[-1:]
    points = {point.label: point for point in lines[0].points if point.option is not own}
    for label in dict.fromkeys(preferred):
        if label in points:
            found = _option(own, "option", points[label], plan, others)
            if found.significant is not False:
                yield found


def _increments(
    plan: Plan,
    own: Option,
    evaluation: Evaluation | None,
    others: Mapping[str, Plan],
    line: efficiency.Line,
) -> Iterator[results.Against]:
    without, level = plan.outcome.without_plan, plan.outcome.net_cost_meur
    yield _against(own, "nothing", "", Point(None, 0.0, without.expected), without.cvar, level)
    alone = line.alone
    if evaluation is not None and evaluation.counterfactual is not None:
        yield _otherwise(plan, own, evaluation.counterfactual)
    elif alone is not None and alone.option is not own:
        yield _option(own, "counterfactual", alone, plan, others)
    money = next((point.money for point in line.points if point.option is own), 0.0)
    less = [p for p in line.efficient if NO_MONEY < p.money < money - NOTHING]
    if less:
        yield _option(own, "option", less[-1], plan, others)


def _option(
    own: Option, to: To, point: Point, plan: Plan, others: Mapping[str, Plan]
) -> results.Against:
    other = others[str(point.label)]
    assert point.option is not None
    title = getattr(point.option.title, language())
    extra = plan.outcome.net_cost_meur - other.outcome.net_cost_meur
    return _against(own, to, title, point, other.outcome.cvar, extra)


def _against(
    own: Option, to: To, title: str, over: Point, cvar: float, net_cost: float
) -> results.Against:
    money = own.cost.public.paid_present_meur or 0.0
    found = increment(Point(own, money, own.benefit.expected.with_plan), over)
    about = {"title": title, "left": over.damage, "left_cvar": cvar, "net_cost_meur": net_cost}
    return results.Against(**dict(found), to=to, **about)


def _otherwise(plan: Plan, own: Option, other: Counterfactual) -> results.Against:
    """What would be done otherwise: no option, but a plan with a proof of its own."""
    variant = plan.case.variants.get(other.variant or "") if plan.case else None
    title = "" if variant is None else named(variant.title, other.variant or "", language())
    over = Point(None, other.public_meur, other.expected)
    extra = plan.outcome.net_cost_meur - other.net_cost_meur
    found = _against(own, "counterfactual", title, over, other.cvar, extra)
    room = None
    if found.resolution is not None and other.bound is not None:
        room = found.resolution + max(0.0, other.objective - other.bound)
    objective = plan.certificate.objective - other.objective
    told = {
        "over": other.variant,
        "resolution": room,
        "significant": efficiency.significant(found.avoided, objective, room),
    }
    return found.model_copy(update=told)


def _tail(plan: Plan, evaluation: Evaluation | None) -> results.Tail:
    own, fresh = plan.outcome, None
    if evaluation is not None and evaluation.states_of is None and evaluation.fresh.sampled:
        fresh = evaluation.fresh
    seen = plan.seen_under
    return results.Tail(
        level=own.cvar_level,
        states=plan.certificate.states if seen is None else seen.states,
        with_plan=own.cvar,
        without_plan=own.without_plan.cvar,
        worst=own.worst,
        fresh_states=fresh and fresh.states,
        fresh_with_plan=fresh and fresh.with_plan.cvar.value,
        fresh_without_plan=fresh and fresh.without_plan.cvar.value,
        fresh_worst=fresh and fresh.with_plan.worst,
    )


def _rejected(explanation: Explanation) -> Iterator[results.Rejected]:
    """Candidates that are out, by what it costs at least to build them."""
    out = [one for one in explanation.items if one.kind == "project" and not one.chosen]

    def nearest(one: results.Rejected) -> tuple[float, float]:
        far = float("inf")
        return far if one.low is None else one.low, far if one.high is None else one.high

    found = []
    for one in out:
        regret = one.regret
        rules = one.conflict or one.stops
        found.append(
            results.Rejected(
                project=one.id,
                low=None if regret is None or regret.low is None else max(0.0, regret.low),
                high=None if regret is None else regret.high,
                rules=tuple(dict.fromkeys(rule.tag for rule in rules)),
            )
        )
    yield from sorted(found, key=nearest)
