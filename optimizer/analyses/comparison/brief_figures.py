"""Figures for the brief on a plan: increments over reference plans, damage in the worst states,
rejected projects."""

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
    """Compute the figures of a plan that a decision maker needs.

    ``evaluation`` and ``explanation`` are those of this plan. ``others`` are other plans by their
    labels, such as those of a comparison.
    """
    plan_option, other_plans = plan_as_option(plan.variant or "plan", plan), others or {}
    frontiers = _efficient_frontiers(plan, plan_option, other_plans)
    return results.Brief(
        title=plan.title,
        variant=plan.variant,
        currency=plan.currency,
        option=plan_option,
        fiscal=fiscal_figures(plan),
        increments=tuple(
            _increments_over_references(plan, plan_option, evaluation, other_plans, frontiers[0])
        ),
        compared=len([point for point in frontiers[0].points if point.option is not plan_option]),
        better=tuple(_preferred_options(plan, plan_option, other_plans, frontiers)),
        tail=_tail_figures(plan, evaluation),
        rejected=() if explanation is None else tuple(_rejected_candidates(explanation)),
    )


def _efficient_frontiers(
    plan: Plan, plan_option: Option, other_plans: Mapping[str, Plan]
) -> list[efficiency.EfficientFrontier]:
    """Return two efficient frontiers of the plan and the other plans.

    Money is public funding in the first frontier, and net public cost in the second.
    """
    options, excluded_by_option = [plan_option], [frozenset[ExcludedFigures]()]
    for label, other_plan in other_plans.items():
        options.append(plan_as_option(label, other_plan))
        changes = comparability.changed_values(plan, other_plan)
        issues = comparability.comparability_issues(plan, other_plan, label, changes)
        excluded_by_option.append(comparability.excluded_figures(issues))
    return [
        efficiency.efficient_frontier(options, plan_option, excluded_by_option, use_net_cost)
        for use_net_cost in (False, True)
    ]


def _preferred_options(
    plan: Plan,
    plan_option: Option,
    other_plans: Mapping[str, Plan],
    frontiers: Sequence[efficiency.EfficientFrontier],
) -> Iterator[results.ReferenceIncrement]:
    """Yield the increments of this plan over the options that the comparison prefers to it.

    These are the option that dominates it, and by each frontier the best one if an avoided euro of
    damage is worth one public euro. Insignificant increments are left out.
    """
    preferred_labels = [
        x.over for x in frontiers[0].dominated_increments() if x.option == plan_option.label
    ]
    for frontier in frontiers:
        labels = [x.option for x in frontier.best_by_damage_value() if x.worth <= 1]
        preferred_labels += labels[-1:]
    points = {
        point.label: point for point in frontiers[0].points if point.option is not plan_option
    }
    for label in dict.fromkeys(preferred_labels):
        if label in points:
            reference_increment = _increment_over_option(
                plan_option, "option", points[label], plan, other_plans
            )
            if reference_increment.significant is not False:
                yield reference_increment


def _increments_over_references(
    plan: Plan,
    plan_option: Option,
    evaluation: Evaluation | None,
    other_plans: Mapping[str, Plan],
    frontier: efficiency.EfficientFrontier,
) -> Iterator[results.ReferenceIncrement]:
    """Yield the increments of the plan over its references.

    These are no plan, the counterfactual (or else the unfunded option), and the efficient option
    with the next smaller public funding.
    """
    without_plan, net_cost = plan.outcome.without_plan, plan.outcome.net_cost_meur
    yield _increment_over_point(
        plan_option,
        "nothing",
        "",
        OptionPoint(None, 0.0, without_plan.expected),
        without_plan.cvar,
        net_cost,
    )
    unfunded_point = frontier.unfunded
    if evaluation is not None and evaluation.counterfactual is not None:
        yield _increment_over_counterfactual(plan, plan_option, evaluation.counterfactual)
    elif unfunded_point is not None and unfunded_point.option is not plan_option:
        yield _increment_over_option(
            plan_option, "counterfactual", unfunded_point, plan, other_plans
        )
    plan_funding = next(
        (point.money for point in frontier.points if point.option is plan_option), 0.0
    )
    funding_limit = plan_funding - MONEY_TOLERANCE
    cheaper_points = [p for p in frontier.efficient if ZERO_FUNDING_MEUR < p.money < funding_limit]
    if cheaper_points:
        yield _increment_over_option(plan_option, "option", cheaper_points[-1], plan, other_plans)


def _increment_over_option(
    plan_option: Option,
    reference_kind: ReferenceKind,
    point: OptionPoint,
    plan: Plan,
    other_plans: Mapping[str, Plan],
) -> results.ReferenceIncrement:
    """Compute the increment of the plan over another option of the comparison, given as a
    ``point``."""
    other_plan = other_plans[str(point.label)]
    assert point.option is not None
    title = getattr(point.option.title, current_language())
    extra_net_cost = plan.outcome.net_cost_meur - other_plan.outcome.net_cost_meur
    return _increment_over_point(
        plan_option, reference_kind, title, point, other_plan.outcome.cvar, extra_net_cost
    )


def _increment_over_point(
    plan_option: Option,
    reference_kind: ReferenceKind,
    title: str,
    reference: OptionPoint,
    cvar: float,
    net_cost: float,
) -> results.ReferenceIncrement:
    """Compute the increment of a plan over a reference point of public money and damage.

    ``cvar`` is the CVaR of the reference, and ``net_cost`` the plan's net cost less that of the
    reference.
    """
    paid_public_meur = plan_option.cost.public.paid_present_meur or 0.0
    increment = compute_increment(
        OptionPoint(plan_option, paid_public_meur, plan_option.benefit.expected.with_plan),
        reference,
    )
    fields = {
        "title": title,
        "left": reference.damage,
        "left_cvar": cvar,
        "net_cost_meur": net_cost,
    }
    return results.ReferenceIncrement(**dict(increment), to=reference_kind, **fields)


def _increment_over_counterfactual(
    plan: Plan, plan_option: Option, counterfactual: Counterfactual
) -> results.ReferenceIncrement:
    """Compute the increment of the plan over the counterfactual of its evaluation.

    The counterfactual is not an option of the comparison; it has an objective and a bound that are
    stored in the evaluation.
    """
    variant = plan.case.variants.get(counterfactual.variant or "") if plan.case else None
    title = ""
    if variant is not None:
        title = display_name(variant.title, counterfactual.variant or "", current_language())
    reference = OptionPoint(None, counterfactual.public_meur, counterfactual.expected)
    extra_net_cost = plan.outcome.net_cost_meur - counterfactual.net_cost_meur
    increment = _increment_over_point(
        plan_option, "counterfactual", title, reference, counterfactual.cvar, extra_net_cost
    )
    resolution = None
    if increment.resolution is not None and counterfactual.bound is not None:
        slack = max(0.0, counterfactual.objective - counterfactual.bound)
        resolution = increment.resolution + slack
    difference = plan.certificate.objective - counterfactual.objective
    updated_fields = {
        "over": counterfactual.variant,
        "resolution": resolution,
        "significant": efficiency.is_significant(increment.avoided, difference, resolution),
    }
    return increment.model_copy(update=updated_fields)


def _tail_figures(plan: Plan, evaluation: Evaluation | None) -> results.TailOutcome:
    """Compute damage in the worst states, both of the plan's states and of the fresh states of its
    evaluation; figures of fresh states are None if the evaluation did not sample any."""
    outcome, fresh_evaluation = plan.outcome, None
    if evaluation is not None and evaluation.states_of is None and evaluation.fresh.sampled:
        fresh_evaluation = evaluation.fresh
    reported_set = plan.reported_set
    return results.TailOutcome(
        level=outcome.cvar_level,
        states=plan.certificate.states if reported_set is None else reported_set.states,
        with_plan=outcome.cvar,
        without_plan=outcome.without_plan.cvar,
        worst=outcome.worst,
        fresh_states=fresh_evaluation and fresh_evaluation.states,
        fresh_with_plan=fresh_evaluation and fresh_evaluation.with_plan.cvar.value,
        fresh_without_plan=fresh_evaluation and fresh_evaluation.without_plan.cvar.value,
        fresh_worst=fresh_evaluation and fresh_evaluation.with_plan.worst,
    )


def _rejected_candidates(explanation: Explanation) -> Iterator[results.RejectedProject]:
    """Yield the projects that the plan does not build.

    They are sorted by the proven minimum increase of the objective if the project is built all the
    same; unknown increases come last.
    """

    def sort_key(rejected: results.RejectedProject) -> tuple[float, float]:
        unknown = float("inf")
        low, high = rejected.low, rejected.high
        return unknown if low is None else low, unknown if high is None else high

    projects = []
    for item in explanation.items:
        if item.kind != "project" or item.chosen:
            continue
        regret, rules = item.regret, item.conflict or item.stops
        projects.append(
            results.RejectedProject(
                project=item.id,
                low=None if regret is None or regret.low is None else max(0.0, regret.low),
                high=None if regret is None else regret.high,
                rules=tuple(dict.fromkeys(rule.tag for rule in rules)),
            )
        )
    yield from sorted(projects, key=sort_key)
