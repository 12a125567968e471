"""Several plans side by side, from the plans alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from models.results import Comparison, Plan
from models.results.comparison import Failed
from models.results.option import Option
from models.results.plan import Proof
from models.results.reservations import NONE, Doubts
from optimizer.analyses.comparison import choices, comparability, wording
from optimizer.analyses.comparison.benefit import benefit, reference_year
from optimizer.analyses.comparison.differences import difference
from optimizer.analyses.comparison.money import cost, lacks_accounts


def compare(
    plans: Sequence[Plan],
    labels: Sequence[str] | None = None,
    *,
    base: str | None = None,
    year: int | None = None,
    federal: Collection[str] | None = None,
    failed: Sequence[Failed] = (),
    doubts: Doubts = NONE,
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

    Raises ValueError where there is no plan, one lacks accounts, a label comes twice, or ``base``,
    ``year`` or ``federal`` name what is not there.
    """
    if not plans:
        raise ValueError("nothing to compare: there is no plan")
    names = distinct([plan.variant or "base" for plan in plans]) if labels is None else labels
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
    options = {label: _option(label, plan, at, federal) for label, plan in by_label.items()}
    changes, unlike, differences = {}, [], []
    for label, plan in by_label.items():
        if label == chosen:
            continue
        changes[label] = comparability.changes(first, plan)
        found = comparability.unlike(first, plan, label, changes[label])
        unlike += found
        pair = (options[chosen], options[label])
        differences.append(difference(first, plan, pair, comparability.barred(found)))
    return Comparison(
        title=wording.title_of(first),
        base=chosen,
        year=at,
        options=tuple(options.values()),
        unlike=tuple(unlike),
        changes=changes,
        projects=tuple(choices.projects(by_label)),
        stockpiles=tuple(choices.stockpiles(by_label)),
        differences=tuple(differences),
        failed=tuple(failed),
        doubts=doubts.against,
        unconfirmed=doubts.unconfirmed,
        names=wording.names(plans),
    )


def again(comparison: Comparison, plans: Mapping[str, Plan]) -> Comparison:
    """A comparison made anew from its plans, by label; what it says of others it keeps.

    Raises ValueError as :func:`compare`.
    """
    parts = [part for option in comparison.options for part in option.cost.parts]
    made = compare(
        list(plans.values()),
        list(plans),
        base=comparison.base,
        year=comparison.year,
        # Of those who pay nothing it makes no difference.
        federal={part.funder for part in parts if part.federal},
        failed=comparison.failed,
        doubts=comparison.said,
    )
    if comparison.names.budget_lines:
        return made
    # Earlier versions did not name them.
    return made.model_copy(update={"names": made.names.model_copy(update={"budget_lines": {}})})


def distinct(labels: Sequence[str]) -> list[str]:
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


def _option(label: str, plan: Plan, year: int, federal: Collection[str] | None) -> Option:
    certificate = plan.certificate
    bought = benefit(plan, year)
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    return Option(
        label=label,
        title=wording.option_title(plan),
        variant=plan.variant,
        set=variant.set if variant else {},
        currency=plan.currency,
        proof=Proof(**{name: getattr(certificate, name) for name in Proof.model_fields}),
        benefit=bought,
        cost=cost(plan, bought, federal),
    )
