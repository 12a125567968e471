"""What more or less of a number would bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.base import named
from models.language import language, tr
from models.results import Frontier
from optimizer.report.charts import Chart
from optimizer.report.charts import frontier as charts
from optimizer.report.figures import NONE, clean, column, number, percent
from optimizer.report.html.parts import (
    Cell,
    Column,
    Figure,
    Part,
    Section,
    Table,
    alike,
    amounts,
    words,
)
from optimizer.report.html.subject import Subject, listed
from optimizer.report.tables import varied
from optimizer.report.tables.frame import records

BUDGET, TAIL = "policy.budget_meur", "objective.cvar.weight"


def frontier(subject: Subject) -> Section | None:
    """A frontier that was computed for this scenario; None without one."""
    found = subject.frontier
    if found is None:
        return None
    rows = records(varied.points(found))
    planned = [
        row for row in rows if row["expected"] is not None and row["expected"] == row["expected"]
    ]
    if not planned:
        return None
    label = number_name(subject, found)
    parts: list[Part] = [
        *_lead(subject, found, planned, label),
        _figure(subject, found, rows, label),
    ]
    return Section("frontier", _title(found), parts)


def _title(found: Frontier) -> str:
    if found.varied == TAIL:
        return tr("What more weight on the worst states would bring")
    if found.varied.endswith("budget_meur"):
        return tr("What more or less money would bring")
    return tr("What another value would bring")


def number_name(subject: Subject, found: Frontier) -> str:
    """The number that is varied, in words."""
    if found.varied == BUDGET:
        return tr("budget of all public funders together")
    if found.varied == TAIL:
        return tr("weight on the worst states")
    steps = found.varied.split(".")
    if len(steps) == 3 and steps[0] == "funders" and steps[2] == "budget_meur":
        return tr("budget of {funder}", funder=subject.name("funder", steps[1]))
    return clean(found.varied)


def _unit(subject: Subject, found: Frontier) -> str:
    if found.varied_unit is None:
        return ""
    return subject.million if found.varied_unit.startswith("million ") else found.varied_unit


def _lead(
    subject: Subject, found: Frontier, planned: list[dict[str, Any]], label: str
) -> Iterator[str]:
    first, last = planned[0], planned[-1]
    low, high = column([first["value"], last["value"]])
    unit = _unit(subject, found)
    figure = "cvar" if found.varied == TAIL else "expected"
    about = {
        "label": label,
        "low": low,
        "high": f"{high} {unit}".strip(),
        "before": number(first[figure]),
        "after": subject.outcome(last[figure]),
    }
    if found.varied == TAIL:
        yield tr(
            "From {low} to {high} ({label}), the mean of the worst states moves from {before} to "
            "{after}.",
            **about,
        )
    elif subject.of_damage:
        yield tr(
            "From {low} to {high} ({label}), expected damage moves from {before} to {after}.",
            **about,
        )
    else:
        yield tr(
            "From {low} to {high} ({label}), expected shortage moves from {before} to {after}.",
            **about,
        )
    here = _here(subject, found)
    if here is not None:
        yield tr(
            "This report's plan has {value} ({label}).",
            value=f"{number(here)} {unit}".strip(),
            label=label,
        )
    if found.ended == "interrupted":
        yield tr("The computation was stopped early: points are missing.")


def _here(subject: Subject, found: Frontier) -> float | None:
    """The value of the number in the scenario of the plan itself."""
    at: Any = subject.plan.scenario
    for step in found.varied.split("."):
        at = at.get(step) if isinstance(at, Mapping) else None
    if isinstance(at, Mapping):
        at = at.get("value")
    return float(at) if isinstance(at, (int, float)) else None


def _figure(subject: Subject, found: Frontier, rows: list[dict[str, Any]], label: str) -> Figure:
    unit = _unit(subject, found)
    full = f"{label[:1].upper()}{label[1:]}" + (f", {unit}" if unit else "")
    points = [
        charts.Point(
            row["value"], row["expected"], _known(row["expected_bound"]), row["cvar"], row["jump"]
        )
        for row in rows
        if _known(row["expected"]) is not None
    ]
    if found.varied == TAIL:
        texts = [percent(point.value) for point in points]
        chart = Chart(
            "frontier",
            tr("Expected outcome and the mean of the worst states, by weight on the worst"),
            tr("One mark a weight, which stands beside it. The figures are in the table below."),
            lambda: charts.tail(points, texts, subject.unit),
        )
    else:
        title = (
            tr("Expected damage and mean of the worst states, by {label}", label=label)
            if subject.of_damage
            else tr("Expected shortage and mean of the worst states, by {label}", label=label)
        )
        chart = Chart(
            "frontier",
            title,
            tr(
                "Above, expected outcomes with a hatched band down to what is proven to be out of "
                "reach; below, the mean of the worst states. The figures are in the table below."
            ),
            lambda: charts.curve(points, full, subject.unit),
        )
    return Figure(chart, _table(subject, found, rows, full, chart.title))


def _known(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _table(
    subject: Subject, found: Frontier, rows: list[dict[str, Any]], full: str, title: str
) -> Table:
    def of(key: str) -> list[float | None]:
        return [_known(row[key]) for row in rows]

    values = column([row["value"] for row in rows])
    columns = [Column(full, [Cell(v, row["value"]) for v, row in zip(values, rows, strict=True)])]
    columns += alike(
        {
            tr("Expected"): of("expected"),
            tr("No plan below"): of("expected_bound"),
            tr("Mean of the worst states"): of("cvar"),
        }
    )
    columns.append(
        amounts(
            tr("Charged to public budgets, {unit}", unit=subject.million),
            of("public_meur"),
            places=0,
        )
    )
    columns.append(amounts(tr("Projects"), [row["projects"] for row in rows], places=0))
    if any(_known(row["low"]) is not None for row in rows):
        columns.append(words(_per_unit(_unit(subject, found)), map(_marginal, rows)))
    columns.append(
        words(
            tr("What changes against the row above"),
            [_changes(subject, found, row) for row in rows],
        )
    )
    return Table(
        title,
        columns,
        name="frontier",
        dense=True,
        note=tr(
            "No plan below: it is proven that no plan has a lower expected outcome at this value. "
            "Avoided: range that holds for the best plans, both gaps considered. Points are solved "
            "one by one: among plans within the gap, figures beside the expected one may differ "
            "from those of this report."
        ),
    )


def _per_unit(unit: str) -> str:
    return tr("Avoided per further {unit}", unit=unit) if unit else tr("Avoided per further unit")


def _marginal(row: Mapping[str, Any]) -> str:
    low, high = _known(row["low"]), _known(row["high"])
    if low is None:
        return NONE
    if high is None:
        return tr("at least {low}", low=number(low))
    return tr("{low} to {high}", low=number(low), high=number(high))


def _changes(subject: Subject, found: Frontier, row: Mapping[str, Any]) -> str:
    if row["status"] == "infeasible":
        return tr("no plan keeps all rules")
    if row["status"] == "none":
        return tr("no plan was found in time")
    told = []
    if row["entering"]:
        told.append(
            tr(
                "in: {projects}",
                projects=listed([_project(subject, found, p) for p in row["entering"]]),
            )
        )
    if row["leaving"]:
        told.append(
            tr(
                "out: {projects}",
                projects=listed([_project(subject, found, p) for p in row["leaving"]]),
            )
        )
    if row["status"] == "limit":
        told.append(tr("stopped early"))
    return "; ".join(told) or NONE


def _project(subject: Subject, found: Frontier, project: str) -> str:
    case = found.case or subject.case
    if project in case.projects:
        return clean(named(case.projects[project].name, project, language()))
    return clean(found.project_names.get(project, project))
