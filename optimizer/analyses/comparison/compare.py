"""Several plans side by side, from the plans alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from models.base import Text, named
from models.language import tr
from models.results import Comparison, Plan, Result
from models.results.comparison import Barred, Failed, Names
from models.results.option import Option, OptionUnder, Wording
from models.results.plan import Proof
from models.results.reservations import NONE, Doubts
from models.scenario.case import Case
from optimizer.analyses.comparison import choices, comparability, efficiency
from optimizer.analyses.comparison.benefit import benefit, reference_year
from optimizer.analyses.comparison.funders import own_views
from optimizer.analyses.comparison.money import cost, lacks_accounts
from optimizer.errors import Misuse


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

    Raises ValueError where there is no plan, one lacks accounts, or a name is not there or twice.
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
    options = {label: as_option(label, plan, at, federal) for label, plan in by_label.items()}
    changes, unlike, differences, bars = {}, [], [], dict[str, frozenset[Barred]]()
    for label, plan in by_label.items():
        bars[label] = frozenset()
        if label == chosen:
            continue
        changes[label] = comparability.changes(first, plan)
        found = comparability.unlike(first, plan, label, changes[label])
        unlike += found
        pair = (options[chosen], options[label])
        bars[label] = comparability.barred(found)
        differences.append(choices.difference(first, plan, pair, bars[label]))
    line, net = (
        efficiency.line(list(options.values()), options[chosen], [*bars.values()], by_net)
        for by_net in (False, True)
    )
    return Comparison(
        title=_title_of(first),
        base=chosen,
        year=at,
        options=tuple(options.values()),
        unlike=tuple(unlike),
        changes=changes,
        projects=tuple(choices.projects(by_label)),
        stockpiles=tuple(choices.stockpiles(by_label)),
        differences=tuple(differences),
        efficient=tuple(line.steps()),
        efficient_by_net_cost=tuple(str(point.label) for point in net.efficient),
        best_from=tuple(line.best_from()),
        best_from_by_net_cost=tuple(net.best_from()),
        dominated=tuple(line.dominated()),
        industry_alone=None if line.alone is None else line.alone.label,
        over_industry=tuple(line.over_alone()),
        own_views=tuple(own_views(by_label, list(options.values()))),
        failed=tuple(failed),
        doubts=doubts.against,
        unconfirmed=doubts.unconfirmed,
        names=_names(plans),
    )


def check_asked(
    given: Mapping[str, Case | Plan],
    *,
    base: str | None,
    year: int | None,
    federal: Collection[str],
    of_scenarios: bool,
) -> None:
    """Refuse options that name what is not there (Misuse), and such as go with scenarios only where
    plans alone are given by label, before anything is solved."""
    if of_scenarios and all(isinstance(one, Plan) for one in given.values()):
        raise Misuse(
            tr(
                "--variants, --set, --budget, --reuse and --break-even go with scenario files, and "
                "there is none."
            )
        )
    for label, one in given.items():
        if isinstance(one, Plan) and lacks_accounts(one):
            raise Misuse(
                tr("'{path}' is of an earlier version: solve its scenario again.", path=label)
            )
    if base is not None and base not in given:
        known = ", ".join(given)
        raise Misuse(tr("--base {base}: there are the options {known}.", base=base, known=known))
    label = next(iter(given)) if base is None else base
    cases = {name: one.case if isinstance(one, Plan) else one for name, one in given.items()}
    first = cases[label]
    if year is not None and first is not None and year not in first.horizon.years:
        about: dict[str, Any] = {"year": year, "label": label}
        about |= {"first": first.horizon.first_year, "last": first.horizon.last_year}
        raise Misuse(tr("--year {year}: the horizon of '{label}' is {first} to {last}.", **about))
    public = {one.id for plan in given.values() if isinstance(plan, Plan)
              for one in plan.funders if one.kind == "public"}  # fmt: skip
    for case in filter(None, cases.values()):
        public |= {id for id, funder in case.funders.items() if funder.kind == "public"}
    for funder in federal:
        if funder not in public:
            about = {"funder": funder, "known": ", ".join(sorted(public))}
            raise Misuse(tr("--federal {funder}: the public funders are {known}.", **about))


def again(comparison: Comparison, plans: Mapping[str, Plan]) -> Comparison:
    """A comparison made anew from its plans, by label; what it says of others it keeps.

    Fields that came after the version that wrote it are those that are made anew: it has to be
    :func:`completed` with them before the two are set against each other.

    Raises ValueError as :func:`compare`.
    """
    parts = [part for option in comparison.options for part in option.cost.parts]
    return compare(
        list(plans.values()),
        list(plans),
        base=comparison.base,
        year=comparison.year,
        # Of those who pay nothing it makes no difference.
        federal={part.funder for part in parts if part.federal},
        failed=comparison.failed,
        doubts=comparison.said,
    )


def completed(said: Any, made: Any) -> Any:
    """What a document says, with what it lacks as it is when it is made anew: an earlier version
    did not write all fields of today."""
    if isinstance(said, Result) and type(said) is type(made):
        both = {
            name: (getattr(said, name), getattr(made, name)) for name in type(said).model_fields
        }
        known = said.model_fields_set
        return said.model_copy(
            update={n: completed(*pair) if n in known else pair[1] for n, pair in both.items()}
        )
    if isinstance(said, tuple) and isinstance(made, tuple) and len(said) == len(made):
        return tuple(map(completed, said, made))
    if isinstance(said, dict) and isinstance(made, dict):
        return {key: completed(x, made[key]) if key in made else x for key, x in said.items()}
    return said


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


def as_option(
    label: str, plan: Plan, year: int | None = None, federal: Collection[str] | None = None
) -> Option:
    """A plan as an option: what it buys and costs; arguments as of :func:`compare`."""
    certificate = plan.certificate
    bought = benefit(plan, year)
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    return Option(
        label=label,
        title=_option_title(plan),
        description=wording(variant.description, "") if variant and variant.description else None,
        variant=plan.variant,
        set=variant.set if variant else {},
        currency=plan.currency,
        proof=Proof(**{name: getattr(certificate, name) for name in Proof.model_fields}),
        benefit=bought,
        cost=cost(plan, bought, federal),
        worth_from=plan.worth_from,
        under=tuple(_under(plan)),
    )


def _under(plan: Plan) -> Iterator[OptionUnder]:
    """The outcome under each set of assumptions."""
    sets = {} if plan.case is None else plan.case.assumptions
    for own in plan.under:
        told = sets.get(own.id)
        yield OptionUnder(
            id=own.id,
            title=wording(None if told is None else told.title, own.title),
            expected=own.expected,
            expected_without_plan=own.without_plan.expected,
        )


def wording(text: Text | str | None, fallback: str) -> Wording:
    """A text in both languages; the fallback where there is none."""
    if isinstance(text, str):
        return Wording(en=text, de=text)
    return Wording(en=named(text, fallback, "en"), de=named(text, fallback, "de"))


def _title_of(plan: Plan) -> Wording:
    """The title of a plan's scenario."""
    return wording(plan.case.title if plan.case else None, plan.title)


def _option_title(plan: Plan) -> Wording:
    """The title of the variant that was applied, or else of the scenario."""
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    if variant is not None:
        return wording(variant.title, plan.variant or "")
    return _title_of(plan)


def _names(plans: Sequence[Plan]) -> Names:
    """Names of all items of the plans; where two plans name one differently the first counts."""
    kinds = ("materials", "consumers", "projects", "stockpiles", "funders")
    found: dict[str, dict[str, Wording]] = {kind: {} for kind in kinds}
    lines: dict[str, dict[str, Wording]] = {}
    instruments: dict[str, dict[str, Wording]] = {}
    for plan in plans:
        for kind, known in found.items():
            _add(known, getattr(plan.case or plan, kind))
        for f, funder in plan.case.funders.items() if plan.case else ():
            for of, items in ((lines, funder.budget_lines), (instruments, funder.instruments)):
                if items:
                    _add(of.setdefault(f, {}), items)
    return Names(**found, budget_lines=lines, instruments=instruments)


def _add(known: dict[str, Wording], items: Any) -> None:
    """Names of items, which come by their ids or carry them; the first name of each counts."""
    some = items.items() if isinstance(items, dict) else ((item.id, item) for item in items)
    for id_, item in some:
        known.setdefault(id_, wording(item.name, id_))
