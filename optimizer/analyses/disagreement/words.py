"""What experts agree on and what they argue about, in sentences."""

from collections.abc import Iterator

from models.language import tr
from models.results import Disagreement
from optimizer.report.figures import number
from optimizer.report.wording import Wording, listed, projects_counted

Say = Wording[Disagreement]

FEW = 3
"""Projects that are named one by one where there is little room."""


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


def agreed(say: Say, most: int | None = None) -> Iterator[str]:
    """Which projects the best plans of all sets build, and on which they differ; more than ``most``
    are counted."""
    found = say.found
    names = {p: say.name("projects", p, found.project_names[p]) for p in found.project_names}
    plans = [set(plan.projects) for plan in found.plans]
    in_all = [p for p in names if plans and all(p in own for own in plans)]
    some = [p for p in names if p not in in_all and any(p in own for own in plans)]

    def told(projects: list[str]) -> str:
        if most is not None and len(projects) > most:
            return projects_counted(len(projects))
        return listed([names[p] for p in projects])

    if in_all:
        yield tr(
            "The best plans of all {count} sets of assumptions build {projects}.",
            count=number(len(plans)),
            projects=told(in_all),
        )
    if some:
        yield tr("They differ on {projects}.", projects=told(some))
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
