"""What a plan adds to what would be done otherwise, and the other figures of its brief."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from models.base import display_name
from models.language import current_language
from models.results import Counterfactual, Evaluation, Explanation, Plan
from models.results import brief as results
from models.results.comparison import ExcludedFigures
from models.results.option import Option
from optimizer.analyses.comparison import comparability, efficiency
from optimizer.analyses.comparison.efficiency import (
    ZERO_FUNDING_MEUR,
    OptionPoint,
    compute_increment,
)
from optimizer.analyses.comparison.fiscal import fiscal_figures
from optimizer.analyses.comparison.money import MONEY_TOLERANCE
from optimizer.analyses.comparison.plan_comparison import plan_as_option

ReferenceKind = Literal["nothing", "counterfactual", "option"]


def compute_brief(
    plan: Plan,
    evaluation: Evaluation | None = None,
    explanation: Explanation | None = None,
    others: Mapping[str, Plan] | None = None,
) -> results.Brief:
    """What a decision maker must find of a plan.

    ``evaluation`` and ``explanation`` are of this plan; ``others`` are plans for the same states by
    label, such as those of a comparison.
    """
    own, compared = plan_as_option(plan.variant or "plan", plan), others or {}
    lines = _efficient_frontiers(plan, own, compared)
    return results.Brief(
        title=plan.title,
        variant=plan.variant,
        currency=plan.currency,
        option=own,
        fiscal=fiscal_figures(plan),
        increments=tuple(_increments_over_references(plan, own, evaluation, compared, lines[0])),
        compared=len([point for point in lines[0].points if point.option is not own]),
        better=tuple(_preferred_options(plan, own, compared, lines)),
        tail=_tail_figures(plan, evaluation),
        rejected=() if explanation is None else tuple(_rejected_candidates(explanation)),
    )


def _efficient_frontiers(
    plan: Plan, plan_option: Option, others: Mapping[str, Plan]
) -> list[efficiency.EfficientFrontier]:
    """The plan among the others, by public funding and by net public cost."""
    options, bars = [plan_option], [frozenset[ExcludedFigures]()]
    for label, other in others.items():
        options.append(plan_as_option(label, other))
        found = comparability.differences_by_subject(
            plan, other, label, comparability.changed_values(plan, other)
        )
        bars.append(comparability.excluded_figures(found))
    return [efficiency.efficient_frontier(options, plan_option, bars, net) for net in (False, True)]


def _preferred_options(
    plan: Plan,
    plan_option: Option,
    others: Mapping[str, Plan],
    frontiers: Sequence[efficiency.EfficientFrontier],
) -> Iterator[results.ReferenceIncrement]:
    """What the comparison of these plans prefers to this one, by what it says itself."""
    preferred = [
        one.over for one in frontiers[0].dominated_increments() if one.option == plan_option.label
    ]
    for line in frontiers:
        known = [one.option for one in line.best_by_damage_value() if one.worth <= 1]
        preferred += known[-1:]
    points = {
        point.label: point for point in frontiers[0].points if point.option is not plan_option
    }
    for label in dict.fromkeys(preferred):
        if label in points:
            found = _increment_over_option(plan_option, "option", points[label], plan, others)
            if found.significant is not False:
                yield found


def _increments_over_references(
    plan: Plan,
    plan_option: Option,
    evaluation: Evaluation | None,
    others: Mapping[str, Plan],
    frontier: efficiency.EfficientFrontier,
) -> Iterator[results.ReferenceIncrement]:
    without, level = plan.outcome.without_plan, plan.outcome.net_cost_meur
    yield _increment_over_point(
        plan_option, "nothing", "", OptionPoint(None, 0.0, without.expected), without.cvar, level
    )
    alone = frontier.unfunded
    if evaluation is not None and evaluation.counterfactual is not None:
        yield _increment_over_counterfactual(plan, plan_option, evaluation.counterfactual)
    elif alone is not None and alone.option is not plan_option:
        yield _increment_over_option(plan_option, "counterfactual", alone, plan, others)
    money = next((point.money for point in frontier.points if point.option is plan_option), 0.0)
    less = [p for p in frontier.efficient if ZERO_FUNDING_MEUR < p.money < money - MONEY_TOLERANCE]
    if less:
        yield _increment_over_option(plan_option, "option", less[-1], plan, others)


def _increment_over_option(
    plan_option: Option,
    reference_kind: ReferenceKind,
    point: OptionPoint,
    plan: Plan,
    others: Mapping[str, Plan],
) -> results.ReferenceIncrement:
    other = others[str(point.label)]
    assert point.option is not None
    title = getattr(point.option.title, current_language())
    extra = plan.outcome.net_cost_meur - other.outcome.net_cost_meur
    return _increment_over_point(
        plan_option, reference_kind, title, point, other.outcome.cvar, extra
    )


def _increment_over_point(
    plan_option: Option,
    reference_kind: ReferenceKind,
    title: str,
    reference: OptionPoint,
    cvar: float,
    net_cost: float,
) -> results.ReferenceIncrement:
    money = plan_option.cost.public.paid_present_meur or 0.0
    found = compute_increment(
        OptionPoint(plan_option, money, plan_option.benefit.expected.with_plan), reference
    )
    about = {"title": title, "left": reference.damage, "left_cvar": cvar, "net_cost_meur": net_cost}
    return results.ReferenceIncrement(**dict(found), to=reference_kind, **about)


def _increment_over_counterfactual(
    plan: Plan, plan_option: Option, counterfactual: Counterfactual
) -> results.ReferenceIncrement:
    """What would be done otherwise: no option, but a plan with a proof of its own."""
    variant = plan.case.variants.get(counterfactual.variant or "") if plan.case else None
    title = (
        ""
        if variant is None
        else display_name(variant.title, counterfactual.variant or "", current_language())
    )
    over = OptionPoint(None, counterfactual.public_meur, counterfactual.expected)
    extra = plan.outcome.net_cost_meur - counterfactual.net_cost_meur
    found = _increment_over_point(
        plan_option, "counterfactual", title, over, counterfactual.cvar, extra
    )
    room = None
    if found.resolution is not None and counterfactual.bound is not None:
        room = found.resolution + max(0.0, counterfactual.objective - counterfactual.bound)
    objective = plan.certificate.objective - counterfactual.objective
    told = {
        "over": counterfactual.variant,
        "resolution": room,
        "significant": efficiency.is_significant(found.avoided, objective, room),
    }
    return found.model_copy(update=told)


def _tail_figures(plan: Plan, evaluation: Evaluation | None) -> results.TailOutcome:
    own, fresh = plan.outcome, None
    if evaluation is not None and evaluation.states_of is None and evaluation.fresh.sampled:
        fresh = evaluation.fresh
    seen = plan.reported_set
    return results.TailOutcome(
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


def _rejected_candidates(explanation: Explanation) -> Iterator[results.RejectedProject]:
    """Candidates that are out, by what it costs at least to build them."""
    out = [one for one in explanation.items if one.kind == "project" and not one.chosen]

    def nearest(one: results.RejectedProject) -> tuple[float, float]:
        far = float("inf")
        return far if one.low is None else one.low, far if one.high is None else one.high

    found = []
    for one in out:
        regret = one.regret
        rules = one.conflict or one.stops
        found.append(
            results.RejectedProject(
                project=one.id,
                low=None if regret is None or regret.low is None else max(0.0, regret.low),
                high=None if regret is None else regret.high,
                rules=tuple(dict.fromkeys(rule.tag for rule in rules)),
            )
        )
    yield from sorted(found, key=nearest)
