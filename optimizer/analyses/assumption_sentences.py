"""Sentences on what the plans of assumption sets have in common and where they differ."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from models.language import tr
from models.results import Disagreement, SetPlan
from optimizer.report.document import Column, Table
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording, join_with_and

DisagreementWording = Wording[Disagreement]


def set_title(wording: DisagreementWording, id: str | None) -> str:
    """Return the title of an assumption set; None stands for the one plan for all sets."""
    return tr("One plan for all") if id is None else wording.assumption_set_title(id)


def objective_names() -> dict[str, str]:
    """Return, by kind of objective over assumption sets, the quantity that it minimizes, in
    words."""
    return {
        "mean": tr("the mean of all sets by their weight"),
        "worst": tr("the worst of all sets"),
        "regret": tr("the largest regret, what it is above the best plan of a set"),
    }


def damage_by_set_caption(wording: Wording[Any]) -> str:
    """Return the caption of a table of mean damage under each assumption set."""
    if wording.counts_damage:
        return tr("Expected damage under each set, {unit}", unit=wording.unit)
    return tr("Expected shortage under each set, {unit}", unit=wording.unit)


def damage_by_set_table(
    wording: Wording[Any],
    first_column: Column,
    rows: Sequence[Any],
    damage_by_set: Callable[[Any], Mapping[str, float]],
    caption: str | None = None,
) -> Table:
    """Build the table of mean damage under each assumption set, a column per set.

    ``rows`` are plans, or other items for which ``damage_by_set`` returns the damage by set; rows
    without damage are left out.
    """
    shown_rows = [row for row in rows if damage_by_set(row)]
    caption = caption or damage_by_set_caption(wording)

    def damage_column(id: str) -> Column:
        return Column(
            wording.assumption_set_title(id),
            lambda row: damage_by_set(row)[id],
            "outcome",
            decimals_group="under",
        )

    columns = [damage_column(id) for id in (damage_by_set(shown_rows[0]) if shown_rows else ())]
    return Table(caption, shown_rows, [first_column, *columns], "under")


def best_plan_by_set(result: Disagreement) -> dict[str, SetPlan]:
    """Return the best plan that was found for each assumption set, by the id of the set.

    It may be the plan of another set, as the gap leaves room for a better one. Two sets with the
    same best plan then do not count as different.
    """

    def best_plan(id: str) -> SetPlan:
        feasible_plans = [plan for plan in result.all_plans if not plan.under[id].broken_rules]
        return min(feasible_plans, key=lambda plan: (plan.under[id].regret, plan.of != id))

    return {plan.of: best_plan(plan.of) for plan in result.plans if plan.of is not None}


def agreement_sentences(wording: DisagreementWording) -> Iterator[str]:
    """Yield sentences on the projects that the best plans of all sets build, and on those on which
    they differ."""
    result, plans = wording.result, best_plan_by_set(wording.result)
    if len(plans) < 2:
        return
    names = {p: wording.name("projects", p, result.project_names[p]) for p in result.project_names}
    in_all = [p for p in names if all(p in plan.projects for plan in plans.values())]
    in_some = [p for p in names if p not in in_all and any(p in x.projects for x in plans.values())]
    if in_all:
        yield tr(
            "The best plans of {count} sets of assumptions all build {projects}.",
            count=format_number(len(plans)),
            projects=join_with_and([names[p] for p in in_all]),
        )
    if in_some:
        yield tr("They differ on {projects}.", projects=join_with_and([names[p] for p in in_some]))
    elif in_all:
        yield tr("They differ in no project, but in years, shares or stocks at most.")
    else:
        yield tr("None of them builds a project.")
    for set_plan, (id, plan) in zip(result.plans, plans.items(), strict=True):
        if set(plan.projects) != set(set_plan.projects):
            yield tr(
                "Within the gap the plan of “{other}” is better for “{set}” than its own: "
                "what “{set}” builds is described for that one.",
                other=set_title(wording, plan.of),
                set=set_title(wording, id),
            )


def uncertainty_sentences(result: Disagreement) -> Iterator[str]:
    """Yield sentences on what is not proven about the compared plans."""
    if len(result.plans) < len(result.sets):
        yield tr(
            "Stopped early: the best plans of {count} of {all} sets of assumptions were found.",
            count=format_number(len(result.plans)),
            all=format_number(len(result.sets)),
        )
    elif result.compromise is None:
        yield tr("Stopped early: no plan for all of them was found.")
    if any(plan.status != "optimal" for plan in result.all_plans):
        yield tr("Some plans were stopped before their gap was closed: regrets may be larger.")


def compromise_sentences(wording: DisagreementWording) -> Iterator[str]:
    """Yield a sentence on the largest regret of the one plan for all sets."""
    result, compromise = wording.result, wording.result.compromise
    if compromise is not None and compromise.under:
        set_id, worst_outcome = max(compromise.under.items(), key=lambda pair: pair[1].regret)
        yield tr(
            "One plan for all, which minimizes {what}, costs at most {regret} more than the best "
            "plan of any set ({set}).",
            what=objective_names()[result.over],
            regret=wording.amount(max(0.0, worst_outcome.regret)),
            set=set_title(wording, set_id),
        )
