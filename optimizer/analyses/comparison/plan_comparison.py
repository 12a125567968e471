"""Comparison of several plans, computed from the plans alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from models.base import LocalizedText, display_name
from models.language import tr
from models.results import Comparison, Plan
from models.results.comparison import ComparisonNames, ExcludedFigures, FailedOption
from models.results.option import BilingualName, Option, OptionSetOutcome
from models.results.plan import Proof
from models.scenario.case import Case
from optimizer.analyses.comparison import comparability, efficiency, plan_choices
from optimizer.analyses.comparison.benefit import compute_benefit, reference_year
from optimizer.analyses.comparison.funder_views import build_funder_views
from optimizer.analyses.comparison.money import compute_cost, lacks_accounts
from optimizer.errors import Misuse


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
        changes[label] = comparability.changed_values(base_plan, plan)
        plan_issues = comparability.comparability_issues(base_plan, plan, label, changes[label])
        issues += plan_issues
        option_pair = (options[base_label], options[label])
        excluded_by_option[label] = comparability.excluded_figures(plan_issues)
        differences.append(
            plan_choices.option_difference(base_plan, plan, option_pair, excluded_by_option[label])
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
        projects=tuple(plan_choices.project_choices(plan_by_label)),
        stockpiles=tuple(plan_choices.stockpile_choices(plan_by_label)),
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
        raise Misuse(tr("--variants, --set, --budget, --reuse and --break-even go with scenario "
                        "files, and there is none."))  # fmt: skip
    for label, candidate in candidates.items():
        if isinstance(candidate, Plan) and lacks_accounts(candidate):
            message = tr("'{path}' is of an earlier version: solve its scenario again.", path=label)
            raise Misuse(message)
    if base is not None and base not in candidates:
        known_labels = ", ".join(candidates)
        raise Misuse(
            tr("--base {base}: there are the options {known}.", base=base, known=known_labels)
        )
    label = next(iter(candidates)) if base is None else base
    cases = {
        name: candidate.case if isinstance(candidate, Plan) else candidate
        for name, candidate in candidates.items()
    }
    base_case = cases[label]
    if year is not None and base_case is not None and year not in base_case.horizon.years:
        args: dict[str, Any] = {"year": year, "label": label}
        args |= {"first": base_case.horizon.first_year, "last": base_case.horizon.last_year}
        raise Misuse(tr("--year {year}: the horizon of '{label}' is {first} to {last}.", **args))
    public_funders = {funder.id for plan in candidates.values() if isinstance(plan, Plan)
              for funder in plan.funders if funder.kind == "public"}  # fmt: skip
    for case in filter(None, cases.values()):
        public_funders |= {id for id, funder in case.funders.items() if funder.kind == "public"}
    for f in federal:
        if f not in public_funders:
            args = {"funder": f, "known": ", ".join(sorted(public_funders))}
            raise Misuse(tr("--federal {funder}: the public funders are {known}.", **args))


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
