"""Several plans side by side, from the plans alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from models.base import LocalizedText, display_name
from models.language import tr
from models.results import Comparison, Plan, Result
from models.results.caveats import NO_CAVEATS, Caveats
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
    doubts: Caveats = NO_CAVEATS,
) -> Comparison:
    """What each plan buys and costs, and what makes the difference to the base.

    Parameters
    ----------
    labels
        Short names, unlike each other; of a variant its id where None.
    base
        Label of the plan that the others are compared with; the first where None.
    year
        Reference year of cover and dependence; the last of the base where None.
    federal
        Ids of public funders that count as federal; all of them where None.
    failed
        Options without a plan, to be named beside the others.
    doubts
        What is to be said of plans that were read from files.

    Raises ValueError where there is no plan, one lacks accounts, or a name is not there or twice.
    """
    if not plans:
        raise ValueError("nothing to compare: there is no plan")
    names = make_unique([plan.variant or "base" for plan in plans]) if labels is None else labels
    if len(names) != len(plans) or len(set(names)) != len(names):
        raise ValueError("each plan needs a label of its own")
    for name, plan in zip(names, plans, strict=True):
        if lacks_accounts(plan):
            raise ValueError(f"the plan '{name}' has no accounts: solve its scenario again")
    by_label = dict(zip(names, plans, strict=True))
    chosen = names[0] if base is None else base
    if chosen not in by_label:
        raise ValueError(f"there is no option '{chosen}'; there are {', '.join(names)}")
    first = by_label[chosen]
    at = reference_year(first, year)
    if year is not None and at != year:
        raise ValueError(f"the option '{chosen}' has no year {year}")
    _check_federal(plans, federal)
    options = {label: plan_as_option(label, plan, at, federal) for label, plan in by_label.items()}
    changes, unlike, differences, bars = {}, [], [], dict[str, frozenset[ExcludedFigures]]()
    for label, plan in by_label.items():
        bars[label] = frozenset()
        if label == chosen:
            continue
        changes[label] = comparability.changed_values(first, plan)
        found = comparability.differences_by_subject(first, plan, label, changes[label])
        unlike += found
        pair = (options[chosen], options[label])
        bars[label] = comparability.excluded_figures(found)
        differences.append(plan_choices.option_difference(first, plan, pair, bars[label]))
    line, net = (
        efficiency.efficient_frontier(
            list(options.values()), options[chosen], [*bars.values()], by_net
        )
        for by_net in (False, True)
    )
    return Comparison(
        title=_scenario_title(first),
        base=chosen,
        year=at,
        options=tuple(options.values()),
        unlike=tuple(unlike),
        changes=changes,
        projects=tuple(plan_choices.project_choices(by_label)),
        stockpiles=tuple(plan_choices.stockpile_choices(by_label)),
        differences=tuple(differences),
        efficient=tuple(line.steps()),
        efficient_by_net_cost=tuple(str(point.label) for point in net.efficient),
        best_from=tuple(line.best_by_damage_value()),
        best_from_by_net_cost=tuple(net.best_by_damage_value()),
        dominated=tuple(line.dominated_increments()),
        industry_alone=None if line.unfunded is None else line.unfunded.label,
        over_industry=tuple(line.increments_over_unfunded()),
        own_views=tuple(build_funder_views(by_label, list(options.values()))),
        failed=tuple(failed),
        doubts=doubts.contradictions,
        unconfirmed=doubts.unconfirmed,
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
    """Refuse options that name what is not there (Misuse), and such as go with scenarios only where
    plans alone are given by label, before anything is solved."""
    if of_scenarios and all(isinstance(one, Plan) for one in candidates.values()):
        raise Misuse(
            tr(
                "--variants, --set, --budget, --reuse and --break-even go with scenario files, and "
                "there is none."
            )
        )
    for label, one in candidates.items():
        if isinstance(one, Plan) and lacks_accounts(one):
            raise Misuse(
                tr("'{path}' is of an earlier version: solve its scenario again.", path=label)
            )
    if base is not None and base not in candidates:
        known = ", ".join(candidates)
        raise Misuse(tr("--base {base}: there are the options {known}.", base=base, known=known))
    label = next(iter(candidates)) if base is None else base
    cases = {name: one.case if isinstance(one, Plan) else one for name, one in candidates.items()}
    first = cases[label]
    if year is not None and first is not None and year not in first.horizon.years:
        about: dict[str, Any] = {"year": year, "label": label}
        about |= {"first": first.horizon.first_year, "last": first.horizon.last_year}
        raise Misuse(tr("--year {year}: the horizon of '{label}' is {first} to {last}.", **about))
    public = {one.id for plan in candidates.values() if isinstance(plan, Plan)
              for one in plan.funders if one.kind == "public"}  # fmt: skip
    for case in filter(None, cases.values()):
        public |= {id for id, funder in case.funders.items() if funder.kind == "public"}
    for funder in federal:
        if funder not in public:
            about = {"funder": funder, "known": ", ".join(sorted(public))}
            raise Misuse(tr("--federal {funder}: the public funders are {known}.", **about))


def recompare(comparison: Comparison, plans: Mapping[str, Plan]) -> Comparison:
    """A comparison made anew from its plans, by label; what it says of others it keeps.

    Fields that came after the version that wrote it are those that are made anew: it has to be
    :func:`completed` with them before the two are set against each other.

    Raises ValueError as :func:`compare`.
    """
    parts = [part for option in comparison.options for part in option.cost.parts]
    return compare_plans(
        list(plans.values()),
        list(plans),
        base=comparison.base,
        year=comparison.year,
        # Of those who pay nothing it makes no difference.
        federal={part.funder for part in parts if part.federal},
        failed=comparison.failed,
        doubts=comparison.caveats,
    )


def fill_missing_fields(saved: Any, recomputed: Any) -> Any:
    """What a document says, with what it lacks as it is when it is made anew: an earlier version
    did not write all fields of today."""
    if isinstance(saved, Result) and type(saved) is type(recomputed):
        both = {
            name: (getattr(saved, name), getattr(recomputed, name))
            for name in type(saved).model_fields
        }
        known = saved.model_fields_set
        return saved.model_copy(
            update={
                n: fill_missing_fields(*pair) if n in known else pair[1] for n, pair in both.items()
            }
        )
    if isinstance(saved, tuple) and isinstance(recomputed, tuple) and len(saved) == len(recomputed):
        return tuple(map(fill_missing_fields, saved, recomputed))
    if isinstance(saved, dict) and isinstance(recomputed, dict):
        return {
            key: fill_missing_fields(x, recomputed[key]) if key in recomputed else x
            for key, x in saved.items()
        }
    return saved


def make_unique(labels: Sequence[str]) -> list[str]:
    """The labels, a number put behind those that came before."""
    taken: set[str] = set()
    found = []
    for label in labels:
        number, name = 1, label
        while name in taken:
            number += 1
            name = f"{label}-{number}"
        taken.add(name)
        found.append(name)
    return found


def _check_federal(plans: Sequence[Plan], federal: Collection[str] | None) -> None:
    known = {funder.id for plan in plans for funder in plan.funders if funder.kind == "public"}
    for funder in federal or ():
        if funder not in known:
            raise ValueError(
                f"there is no public funder '{funder}'; there are {', '.join(sorted(known))}"
            )


def plan_as_option(
    label: str, plan: Plan, year: int | None = None, federal: Collection[str] | None = None
) -> Option:
    """A plan as an option: what it buys and costs; arguments as of :func:`compare`."""
    certificate = plan.certificate
    bought = compute_benefit(plan, year)
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
        benefit=bought,
        cost=compute_cost(plan, bought, federal),
        worth_from=plan.worth_from,
        under=tuple(_set_outcomes(plan)),
    )


def _set_outcomes(plan: Plan) -> Iterator[OptionSetOutcome]:
    """The outcome under each set of assumptions."""
    sets = {} if plan.case is None else plan.case.assumptions
    for own in plan.under:
        told = sets.get(own.id)
        yield OptionSetOutcome(
            id=own.id,
            title=bilingual_text(None if told is None else told.title, own.title),
            expected=own.expected,
            expected_without_plan=own.without_plan.expected,
        )


def bilingual_text(text: LocalizedText | str | None, fallback: str) -> BilingualName:
    """A text in both languages; the fallback where there is none."""
    if isinstance(text, str):
        return BilingualName(en=text, de=text)
    return BilingualName(
        en=display_name(text, fallback, "en"), de=display_name(text, fallback, "de")
    )


def _scenario_title(plan: Plan) -> BilingualName:
    """The title of a plan's scenario."""
    return bilingual_text(plan.case.title if plan.case else None, plan.title)


def _option_title(plan: Plan) -> BilingualName:
    """The title of the variant that was applied, or else of the scenario."""
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    if variant is not None:
        return bilingual_text(variant.title, plan.variant or "")
    return _scenario_title(plan)


def _item_names(plans: Sequence[Plan]) -> ComparisonNames:
    """Names of all items of the plans; where two plans name one differently the first counts."""
    kinds = ("materials", "consumers", "projects", "stockpiles", "funders")
    found: dict[str, dict[str, BilingualName]] = {kind: {} for kind in kinds}
    lines: dict[str, dict[str, BilingualName]] = {}
    instruments: dict[str, dict[str, BilingualName]] = {}
    for plan in plans:
        for kind, known in found.items():
            _add_names(known, getattr(plan.case or plan, kind))
        for f, funder in plan.case.funders.items() if plan.case else ():
            for of, items in ((lines, funder.budget_lines), (instruments, funder.instruments)):
                if items:
                    _add_names(of.setdefault(f, {}), items)
    return ComparisonNames(**found, budget_lines=lines, instruments=instruments)


def _add_names(known: dict[str, BilingualName], items: Any) -> None:
    """Names of items, which come by their ids or carry them; the first name of each counts."""
    some = items.items() if isinstance(items, dict) else ((item.id, item) for item in items)
    for id_, item in some:
        known.setdefault(id_, bilingual_text(item.name, id_))
