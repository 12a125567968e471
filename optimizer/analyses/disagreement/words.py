"""What experts agree on and what they argue about, in sentences."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from models.language import tr
from models.results import Disagreement, PlanAmongSets
from optimizer.report.document import Column, Table
from optimizer.report.figures import number
from optimizer.report.wording import Wording, listed

Say = Wording[Disagreement]


def called(say: Say, id: str | None) -> str:
    """The title of a set; None for the plan for all of them."""
    return tr("One plan for all") if id is None else say.assumptions(id)


def measures() -> dict[str, str]:
    """What is minimised over sets, in words."""
    return {
        "mean": tr("the mean of all sets by their weight"),
        "worst": tr("the worst of all sets"),
        "regret": tr("the largest regret, what it is above the best plan of a set"),
    }


def by_set(
    say: Wording[Any],
    head: Column,
    rows: Sequence[Any],
    of: Callable[[Any], Mapping[str, float]],
    caption: str | None = None,
) -> Table:
    """Mean damage of plans under each set of assumptions, a row each: of those made over sets."""
    told = [row for row in rows if of(row)]
    if caption is None and say.of_damage:
        caption = tr("Expected damage under each set, {unit}", unit=say.unit)
    elif caption is None:
        caption = tr("Expected shortage under each set, {unit}", unit=say.unit)

    def under(id: str) -> Column:
        return Column(say.assumptions(id), lambda row: of(row)[id], "outcome", like="under")

    columns = [under(id) for id in (of(told[0]) if told else ())]
    return Table(caption, told, [head, *columns], "under")


def best(found: Disagreement) -> dict[str, PlanAmongSets]:
    """The best plan that was found for each set of assumptions.

    That may be the one of another set: the gap of its own leaves room for a better one, and where
    the same plan is the best of two experts they do not differ.
    """

    def least(id: str) -> PlanAmongSets:
        fit = [plan for plan in found.every if not plan.under[id].broken_rules]
        return min(fit, key=lambda plan: (plan.under[id].regret, plan.of != id))

    return {plan.of: least(plan.of) for plan in found.plans if plan.of is not None}


def agreed(say: Say) -> Iterator[str]:
    """Which projects the best plans of all sets build, and on which they differ."""
    found, plans = say.found, best(say.found)
    if len(plans) < 2:
        return
    names = {p: say.name("projects", p, found.project_names[p]) for p in found.project_names}
    in_all = [p for p in names if all(p in plan.projects for plan in plans.values())]
    some = [p for p in names if p not in in_all and any(p in o.projects for o in plans.values())]
    if in_all:
        yield tr(
            "The best plans of {count} sets of assumptions all build {projects}.",
            count=number(len(plans)),
            projects=listed([names[p] for p in in_all]),
        )
    if some:
        yield tr("They differ on {projects}.", projects=listed([names[p] for p in some]))
    elif in_all:
        yield tr("They differ in no project, but in years, shares or stocks at most.")
    else:
        yield tr("None of them builds a project.")
    for own, (id, plan) in zip(found.plans, plans.items(), strict=True):
        if set(plan.projects) != set(own.projects):
            yield tr(
                "Within the gap the plan of “{other}” is better for “{set}” than its own: what "
                "“{set}” builds is told of that one.",
                other=called(say, plan.of),
                set=called(say, id),
            )


def unsure(found: Disagreement) -> Iterator[str]:
    """What is not known of the plans that are compared."""
    if len(found.plans) < len(found.sets):
        yield tr(
            "Stopped early: the best plans of {count} of {all} sets of assumptions were found.",
            count=number(len(found.plans)),
            all=number(len(found.sets)),
        )
    elif found.compromise is None:
        yield tr("Stopped early: no plan for all of them was found.")
    if any(plan.status != "optimal" for plan in found.every):
        yield tr("Some plans were stopped before their gap was closed: regrets may be larger.")


def compromise(say: Say) -> Iterator[str]:
    """What one plan for all costs at most."""
    found, one = say.found, say.found.compromise
    if one is not None and one.under:
        of, worst = max(one.under.items(), key=lambda pair: pair[1].regret)
        yield tr(
            "One plan for all, which minimises {what}, costs at most {regret} more than the best "
            "plan of any set ({set}).",
            what=measures()[found.over],
            regret=say.amount(max(0.0, worst.regret)),
            set=called(say, of),
        )
