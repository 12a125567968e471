"""Comparison of several plans, computed from the plans alone: options, what each funder pays and
gains, and figures for the brief on a plan.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from models.base import LocalizedText, display_name
from models.language import current_language, tr
from models.results import (
    Comparison,
    Counterfactual,
    Evaluation,
    Explanation,
    Plan,
    comparison as brief_results,
    comparison as results,
)
from models.results.comparison import ComparisonNames, ExcludedFigures, FailedOption
from models.results.option import BilingualName, Option, OptionSetOutcome
from models.results.plan import Proof
from models.scenario.case import Case
from optimizer.analyses.comparison import benefit, efficiency, money
from optimizer.analyses.comparison.benefit import compute_benefit, reference_year
from optimizer.analyses.comparison.efficiency import (
    ZERO_FUNDING_MEUR,
    OptionPoint,
    compute_increment,
)
from optimizer.analyses.comparison.money import (
    MONEY_TOLERANCE,
    compute_cost,
    fiscal_figures,
    lacks_accounts,
)
from optimizer.errors import Misuse


def build_funder_views(
    plans: Mapping[str, Plan], options: Sequence[Option]
) -> Iterator[results.FunderView]:
    """Yield the views of all companies and non-federal public funders that pay in any option, in
    the order of the scenario files."""
    kind_by_funder: dict[str, Literal["public", "company"]] = {}
    for option in options:
        for part in option.cost.parts:
            if (
                part.kind != "private"
                and not part.federal
                and part.sums.paid_meur > MONEY_TOLERANCE
            ):
                kind_by_funder.setdefault(part.funder, part.kind)
    for f in dict.fromkeys(funder.id for plan in plans.values() for funder in plan.funders):
        if f in kind_by_funder:
            gains = {label: _funder_gain(plan, f) for label, plan in plans.items() if plan.case}
            consumers = dict.fromkeys(
                c for plan in plans.values() for c in _consumers_of_funder(plan, f)
            )
            yield results.FunderView(
                funder=f, kind=kind_by_funder[f], consumers=tuple(consumers), options=gains
            )


def approvals_by_year(plan: Plan, funder: str) -> dict[str, float]:
    """Return the amounts in million EUR to which a funder commits itself, by year of decision.

    See :class:`models.results.comparison.Approval`.
    """
    amounts: dict[str, float] = {}
    for approval in money.approvals(plan, [p for p in plan.accounts if p.funder == funder]):
        amounts[str(approval.year)] = amounts.get(str(approval.year), 0.0) + approval.meur
    return amounts


def payments_by_item(plan: Plan, funder: str) -> dict[tuple[str, str], float]:
    """Return a funder's undiscounted payments for each project and stockpile, in million EUR.

    Keys are pairs of the kind (``projects`` or ``stockpiles``) and the id.
    """
    payments: dict[tuple[str, str], float] = {}
    for position in plan.accounts:
        item = (
            ("projects", position.project)
            if position.project
            else ("stockpiles", position.stockpile or "")
        )
        if (
            position.funder == funder
            and (paid_meur := math.fsum(position.paid_meur.values())) > MONEY_TOLERANCE
        ):
            payments[item] = payments.get(item, 0.0) + paid_meur
    return payments


def _consumers_of_funder(plan: Plan, funder: str) -> list[str]:
    """Return the ids of the consumers that belong to a company; empty if the plan does not carry
    its scenario."""
    consumers = plan.case.consumers.items() if plan.case else ()
    return [c for c, consumer in consumers if consumer.company == funder]


def _funder_gain(plan: Plan, funder: str) -> results.FunderGain:
    """Return the output contracted to a company, and the expected damage of its consumers with and
    without the plan, which is None if it has no consumers."""
    assert plan.case is not None
    consumer_ids = set(_consumers_of_funder(plan, funder))
    consumers = [consumer for consumer in plan.consumers if consumer.id in consumer_ids]
    return results.FunderGain(
        output_t=money.contracted_output(plan, funder),
        expected=math.fsum(c.expected for c in consumers) if consumers else None,
        expected_without_plan=math.fsum(c.expected_without_plan for c in consumers)
        if consumers
        else None,
    )


def compare_plans(
    plans: Sequence[Plan],
    labels: Sequence[str] | None = None,
    *,
    base: str | None = None,
    year: int | None = None,
    federal: Collection[str] | None = None,
    failed: Sequence[FailedOption] = (),
) -> Comparison:
    """Compare plans: what each achieves and costs, and how it differs from the base.

    Parameters
    ----------
    labels
        Short unique names; None for the variants' ids.
    base
        Label of the plan with which the others are compared; None for the first.
    year
        Reference year of cover and dependence; None for the default of :func:`reference_year`.
    federal
        Ids of public funders that count as federal; None for all of them.
    failed
        Options without a plan, to be listed with the others.

    Raises ValueError if there is no plan, one lacks accounts, or a name is unknown or not unique.
    """
    if not plans:
        raise ValueError("nothing to compare: there is no plan")
    if labels is None:
        labels = make_unique([plan.variant or "base" for plan in plans])
    if len(labels) != len(plans) or len(set(labels)) != len(labels):
        raise ValueError("each plan needs a label of its own")
    for label, plan in zip(labels, plans, strict=True):
        if lacks_accounts(plan):
            raise ValueError(f"the plan '{label}' has no accounts: solve its scenario again")
    plan_by_label = dict(zip(labels, plans, strict=True))
    base_label = labels[0] if base is None else base
    if base_label not in plan_by_label:
        raise ValueError(f"there is no option '{base_label}'; there are {', '.join(labels)}")
    base_plan = plan_by_label[base_label]
    nearest_year = reference_year(base_plan, year)
    if year is not None and nearest_year != year:
        raise ValueError(f"the option '{base_label}' has no year {year}")
    _check_federal(plans, federal)
    options = {
        label: plan_as_option(label, plan, nearest_year, federal)
        for label, plan in plan_by_label.items()
    }
    changes, issues, differences, excluded_by_option = (
        {},
        [],
        [],
        dict[str, frozenset[ExcludedFigures]](),
    )
    for label, plan in plan_by_label.items():
        excluded_by_option[label] = frozenset()
        if label == base_label:
            continue
        changes[label] = benefit.changed_values(base_plan, plan)
        plan_issues = benefit.comparability_issues(base_plan, plan, label, changes[label])
        issues += plan_issues
        option_pair = (options[base_label], options[label])
        excluded_by_option[label] = benefit.excluded_figures(plan_issues)
        differences.append(
            efficiency.option_difference(base_plan, plan, option_pair, excluded_by_option[label])
        )
    exclusions, base_option = [*excluded_by_option.values()], options[base_label]
    frontier, net_frontier = (
        efficiency.efficient_frontier([*options.values()], base_option, exclusions, use_net_cost)
        for use_net_cost in (False, True)
    )
    return Comparison(
        title=_scenario_title(base_plan),
        base=base_label,
        year=nearest_year,
        options=tuple(options.values()),
        unlike=tuple(issues),
        changes=changes,
        projects=tuple(efficiency.project_choices(plan_by_label)),
        stockpiles=tuple(efficiency.stockpile_choices(plan_by_label)),
        differences=tuple(differences),
        efficient=tuple(frontier.steps()),
        efficient_by_net_cost=tuple(str(point.label) for point in net_frontier.efficient),
        best_from=tuple(frontier.best_by_damage_value()),
        best_from_by_net_cost=tuple(net_frontier.best_by_damage_value()),
        dominated=tuple(frontier.dominated_increments()),
        industry_alone=None if frontier.unfunded is None else frontier.unfunded.label,
        over_industry=tuple(frontier.increments_over_unfunded()),
        own_views=tuple(build_funder_views(plan_by_label, list(options.values()))),
        failed=tuple(failed),
        names=_item_names(plans),
    )


def check_options(
    candidates: Mapping[str, Case | Plan],
    *,
    base: str | None,
    year: int | None,
    federal: Collection[str],
    of_scenarios: bool,
) -> None:
    """Check the arguments of a comparison before anything is solved.

    ``of_scenarios`` is whether the user gave options that only apply to scenario files. Raises
    Misuse if the base, year or a funder is unknown, a plan is of an earlier version, or options for
    scenario files are given without any such file.
    """
    if of_scenarios and all(isinstance(candidate, Plan) for candidate in candidates.values()):
        raise Misuse("--variants, --set, --budget, --reuse and --break-even go with scenario "
                        "files, and there is none.")  # fmt: skip
    for label, candidate in candidates.items():
        if isinstance(candidate, Plan) and lacks_accounts(candidate):
            message = tr("'{path}' is of an earlier version: solve its scenario again.", path=label)
            raise Misuse(message)
    if base is not None and base not in candidates:
        known_labels = ", ".join(candidates)
        raise Misuse(f"--base {base}: there are the options {known_labels}.")
    label = next(iter(candidates)) if base is None else base
    cases = {
        name: candidate.case if isinstance(candidate, Plan) else candidate
        for name, candidate in candidates.items()
    }
    base_case = cases[label]
    if year is not None and base_case is not None and year not in base_case.horizon.years:
        args: dict[str, Any] = {"year": year, "label": label}
        args |= {"first": base_case.horizon.first_year, "last": base_case.horizon.last_year}
        raise Misuse("--year {year}: the horizon of '{label}' is {first} to {last}.".format(**args))
    public_funders = {funder.id for plan in candidates.values() if isinstance(plan, Plan)
              for funder in plan.funders if funder.kind == "public"}  # fmt: skip
    for case in filter(None, cases.values()):
        public_funders |= {id for id, funder in case.funders.items() if funder.kind == "public"}
    for f in federal:
        if f not in public_funders:
            args = {"funder": f, "known": ", ".join(sorted(public_funders))}
            raise Misuse("--federal {funder}: the public funders are {known}.".format(**args))


def make_unique(labels: Sequence[str]) -> list[str]:
    """Return the labels, with a number appended to each repeated label."""
    used_labels: set[str] = set()
    unique_labels = []
    for label in labels:
        number, name = 1, label
        while name in used_labels:
            number += 1
            name = f"{label}-{number}"
        used_labels.add(name)
        unique_labels.append(name)
    return unique_labels


def _check_federal(plans: Sequence[Plan], federal: Collection[str] | None) -> None:
    """Check that all ``federal`` funders are public funders of a plan; raises ValueError if not."""
    public_funders = {
        funder.id for plan in plans for funder in plan.funders if funder.kind == "public"
    }
    for funder in federal or ():
        if funder not in public_funders:
            raise ValueError(
                f"there is no public funder '{funder}'; there are "
                f"{', '.join(sorted(public_funders))}"
            )


def plan_as_option(
    label: str, plan: Plan, year: int | None = None, federal: Collection[str] | None = None
) -> Option:
    """Return the figures of a plan as an option of a comparison: what it achieves and what it
    costs.

    ``year`` and ``federal`` are as in :func:`compare_plans`.
    """
    certificate = plan.certificate
    benefit = compute_benefit(plan, year)
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    return Option(
        label=label,
        title=_option_title(plan),
        description=bilingual_text(variant.description, "")
        if variant and variant.description
        else None,
        variant=plan.variant,
        set=variant.set if variant else {},
        currency=plan.currency,
        proof=Proof(**{name: getattr(certificate, name) for name in Proof.model_fields}),
        benefit=benefit,
        cost=compute_cost(plan, benefit, federal),
        worth_from=plan.worth_from,
        under=tuple(_set_outcomes(plan)),
    )


def _set_outcomes(plan: Plan) -> Iterator[OptionSetOutcome]:
    """Yield the plan's expected damage under each assumption set, with and without the plan."""
    sets = {} if plan.case is None else plan.case.assumptions
    for outcome in plan.under:
        title = sets[outcome.id].title if outcome.id in sets else None
        yield OptionSetOutcome(
            id=outcome.id,
            title=bilingual_text(title, outcome.title),
            expected=outcome.expected,
            expected_without_plan=outcome.without_plan.expected,
        )


def bilingual_text(text: LocalizedText | str | None, fallback: str) -> BilingualName:
    """Return a text in both languages; a missing text is replaced by ``fallback``."""
    if isinstance(text, str):
        return BilingualName(en=text, de=text)
    return BilingualName(
        en=display_name(text, fallback, "en"), de=display_name(text, fallback, "de")
    )


def _scenario_title(plan: Plan) -> BilingualName:
    """Return the title of a plan's scenario."""
    return bilingual_text(plan.case.title if plan.case else None, plan.title)


def _option_title(plan: Plan) -> BilingualName:
    """Return the title of the variant that a plan was made for, or else of its scenario."""
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    if variant is not None:
        return bilingual_text(variant.title, plan.variant or "")
    return _scenario_title(plan)


def _item_names(plans: Sequence[Plan]) -> ComparisonNames:
    """Return the names of all items of the plans.

    If plans name an item differently, the name in the first plan is used.
    """
    kinds = ("materials", "consumers", "projects", "stockpiles", "funders")
    names_by_kind: dict[str, dict[str, BilingualName]] = {kind: {} for kind in kinds}
    line_names: dict[str, dict[str, BilingualName]] = {}
    instrument_names: dict[str, dict[str, BilingualName]] = {}
    for plan in plans:
        for kind, names in names_by_kind.items():
            _add_names(names, getattr(plan.case or plan, kind))
        for f, funder in plan.case.funders.items() if plan.case else ():
            for names_by_funder, items in (
                (line_names, funder.budget_lines),
                (instrument_names, funder.instruments),
            ):
                if items:
                    _add_names(names_by_funder.setdefault(f, {}), items)
    return ComparisonNames(**names_by_kind, budget_lines=line_names, instruments=instrument_names)


def _add_names(known_names: dict[str, BilingualName], items: Any) -> None:
    """Add the names of items to ``known_names``, by id; names that are there already are kept.

    ``items`` are a mapping by id, or items that have an id.
    """
    ids_and_names = (
        items.items() if isinstance(items, dict) else ((item.id, item) for item in items)
    )
    for id_, item in ids_and_names:
        known_names.setdefault(id_, bilingual_text(item.name, id_))


ReferenceKind = Literal["nothing", "counterfactual", "option"]


def compute_brief(
    plan: Plan,
    evaluation: Evaluation | None = None,
    explanation: Explanation | None = None,
    others: Mapping[str, Plan] | None = None,
) -> brief_results.Brief:
    """Compute the figures of a plan that a decision maker needs.

    ``evaluation`` and ``explanation`` are those of this plan. ``others`` are other plans by their
    labels, such as those of a comparison.
    """
    plan_option, other_plans = plan_as_option(plan.variant or "plan", plan), others or {}
    frontiers = _efficient_frontiers(plan, plan_option, other_plans)
    return brief_results.Brief(
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
        changes = benefit.changed_values(plan, other_plan)
        issues = benefit.comparability_issues(plan, other_plan, label, changes)
        excluded_by_option.append(benefit.excluded_figures(issues))
    return [
        efficiency.efficient_frontier(options, plan_option, excluded_by_option, use_net_cost)
        for use_net_cost in (False, True)
    ]


def _preferred_options(
    plan: Plan,
    plan_option: Option,
    other_plans: Mapping[str, Plan],
    frontiers: Sequence[efficiency.EfficientFrontier],
) -> Iterator[brief_results.ReferenceIncrement]:
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
) -> Iterator[brief_results.ReferenceIncrement]:
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
) -> brief_results.ReferenceIncrement:
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
) -> brief_results.ReferenceIncrement:
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
    return brief_results.ReferenceIncrement(**dict(increment), to=reference_kind, **fields)


def _increment_over_counterfactual(
    plan: Plan, plan_option: Option, counterfactual: Counterfactual
) -> brief_results.ReferenceIncrement:
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


def _tail_figures(plan: Plan, evaluation: Evaluation | None) -> brief_results.TailOutcome:
    """Compute damage in the worst states, both of the plan's states and of the fresh states of its
    evaluation; figures of fresh states are None if the evaluation did not sample any."""
    outcome, fresh_evaluation = plan.outcome, None
    if evaluation is not None and evaluation.states_of is None and evaluation.fresh.sampled:
        fresh_evaluation = evaluation.fresh
    reported_set = plan.reported_set
    return brief_results.TailOutcome(
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


def _rejected_candidates(explanation: Explanation) -> Iterator[brief_results.RejectedProject]:
    """Yield the projects that the plan does not build.

    They are sorted by the proven minimum increase of the objective if the project is built all the
    same; unknown increases come last.
    """

    def sort_key(rejected: brief_results.RejectedProject) -> tuple[float, float]:
        unknown = float("inf")
        low, high = rejected.low, rejected.high
        return unknown if low is None else low, unknown if high is None else high

    projects = []
    for item in explanation.items:
        if item.kind != "project" or item.chosen:
            continue
        regret, rules = item.regret, item.conflict or item.stops
        projects.append(
            brief_results.RejectedProject(
                project=item.id,
                low=None if regret is None or regret.low is None else max(0.0, regret.low),
                high=None if regret is None else regret.high,
                rules=tuple(dict.fromkeys(rule.tag for rule in rules)),
            )
        )
    yield from sorted(projects, key=sort_key)
