"""What experts agree on and what they argue about, in sentences."""

from collections.abc import Iterator

from models.language import tr
from models.results import Disagreement, PlanAmongSets
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


def all_plans(found: Disagreement) -> list[PlanAmongSets]:
    """The best plans of the sets, and the compromise where there is one."""
    return [*found.plans, *([] if found.compromise is None else [found.compromise])]


def built(found: Disagreement) -> list[set[str]]:
    """What is built by the best plan that was found for each set.

    That may be the one of another set: the gap of its own leaves room for a better one, and where
    the same plan is the best of two experts they do not differ.
    """

    def least(id: str) -> PlanAmongSets:
        fit = [plan for plan in all_plans(found) if not plan.under[id].broken_rules]
        return min(fit, key=lambda plan: (plan.under[id].regret, plan.of != id))

    return [set(least(plan.of).projects) for plan in found.plans if plan.of is not None]


def agreed(say: Say) -> Iterator[str]:
    """Which projects the best plans of all sets build, and on which they differ."""
    found, plans = say.found, built(say.found)
    names = {p: say.name("projects", p, found.project_names[p]) for p in found.project_names}
    in_all = [p for p in names if plans and all(p in own for own in plans)]
    some = [p for p in names if p not in in_all and any(p in own for own in plans)]
    if in_all:
        yield tr(
            "The best plans of all {count} sets of assumptions build {projects}.",
            count=number(len(plans)),
            projects=listed([names[p] for p in in_all]),
        )
    if some:
        yield tr("They differ on {projects}.", projects=listed([names[p] for p in some]))
    elif in_all:
        yield tr("They differ in no project, but in years, shares or stocks at most.")
    else:
        yield tr("None of them builds a project.")


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
