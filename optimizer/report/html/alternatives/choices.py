"""Who is chosen where: a matrix of choices and plans, and the robustness index."""

from __future__ import annotations

from models.language import tr
from models.results import Alternatives, PlanFigures, Robustness
from optimizer.report.alternating import prose
from optimizer.report.alternating import words as said
from optimizer.report.alternating.sections import plans_of
from optimizer.report.charts import Chart
from optimizer.report.charts import alternatives as charts
from optimizer.report.figures import NONE
from optimizer.report.html.parts import Column, Figure, Section, Table, shares, words


def matrix(found: Alternatives) -> Section | None:
    """A row for each project and stockpile, a column for each plan."""
    if not found.alternatives:
        return None
    projects = [item for item in found.items if item.kind == "project"]
    piles = [item for item in found.items if item.kind == "stockpile"]
    tables = [
        _table(found, tr("Start year of each project"), "projects", projects),
        _table(found, tr("Tonnes that each stockpile buys"), "stockpiles", piles),
    ]
    return Section(
        "matrix",
        tr("What each alternative chooses"),
        [table for table, own in zip(tables, (projects, piles), strict=True) if own],
    )


def _table(found: Alternatives, caption: str, name: str, items: list[Robustness]) -> Table:
    columns: list[Column] = [
        words(
            tr("Project") if name == "projects" else tr("Stockpile"),
            [said.name(found, item.kind, item.id) for item in items],
        )
    ]
    columns += [
        words(label, [_choice(plan, item) for item in items]) for label, plan in plans_of(found)
    ]
    columns.append(words(tr("All plans within"), [said.proven(item) for item in items]))
    return Table(caption, columns, name=name, dense=True)


def _choice(plan: PlanFigures, item: Robustness) -> str:
    """The start year or the tonnes bought; a dash where it is not chosen."""
    if item.kind == "project":
        return str(plan.projects[item.id]) if item.id in plan.projects else NONE
    return said.tonnes(plan.bought_t.get(item.id)) if item.id in plan.stockpiles else NONE


def robust(found: Alternatives) -> Section | None:
    """The index as a chart, with the table of its figures."""
    ranked = sorted(found.items, key=lambda item: -(item.index or 0.0))
    if not any(item.index is not None for item in ranked):
        return None
    lines = [
        charts.Line(
            said.name(found, item.kind, item.id),
            item.in_plan,
            item.index,
            (item.alternatives, item.variants, item.assumptions),
        )
        for item in ranked
    ]
    title = tr("Robustness index of projects and stockpiles")
    chart = Chart(
        "robustness",
        title,
        tr(
            "A bar for the index of each, hatched where the plan does not have it; marks for the "
            "shares of alternatives, variants and assumption sets. The figures are in the table "
            "below."
        ),
        lambda: charts.robustness(lines),
    )
    table = Table(
        title,
        [
            words(
                tr("Project or stockpile"),
                [said.name(found, item.kind, item.id) for item in ranked],
            ),
            words(tr("In the plan"), [tr("yes") if i.in_plan else tr("no") for i in ranked]),
            words(tr("All plans within"), [said.proven(item) for item in ranked]),
            shares(tr("Alternatives"), [item.alternatives for item in ranked]),
            shares(tr("Variants"), [item.variants for item in ranked]),
            shares(tr("Assumptions"), [item.assumptions for item in ranked]),
            shares(tr("Index"), [item.index for item in ranked]),
            words(tr("In words"), [said.how_often(item) for item in ranked]),
        ],
        name="robustness",
        dense=True,
    )
    return Section(
        "robust",
        tr("How robust each choice is"),
        [*prose.index_notes(found), Figure(chart, table)],
    )
