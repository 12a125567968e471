"""When projects come, and when stocks are held."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.charts import Chart
from optimizer.report.charts import schedule as charts
from optimizer.report.countries import country
from optimizer.report.figures import NOISE, number
from optimizer.report.html.parts import (
    Figure,
    Heading,
    Part,
    Section,
    Table,
    alike,
    amounts,
    shares,
    with_total,
    words,
    years,
)
from optimizer.report.html.subject import Subject, listed, projects_counted
from optimizer.report.tables import schedule as frames
from optimizer.report.tables import stockpiles
from optimizer.report.tables.frame import records


def schedule(subject: Subject) -> Section | None:
    """A timeline of projects and one of stocks."""
    parts: list[Part] = [*_projects(subject), *_stocks(subject)]
    return Section("schedule", tr("Timeline of projects and stocks"), parts) if parts else None


def _projects(subject: Subject) -> Iterator[Part]:
    rows = records(frames.projects(subject.plan))
    if not rows:
        return
    first, last = (pick(row["first_output"] for row in rows) for pick in (min, max))
    yield (
        tr("{projects}: first output in {first}.", projects=projects_counted(1), first=first)
        if len(rows) == 1
        else tr(
            "{projects}: the first delivers in {first}, the last in {last}, if nothing is delayed.",
            projects=projects_counted(len(rows)),
            first=first,
            last=last,
        )
    )
    rows.sort(key=lambda row: (row["start"], row["first_output"]))
    span = subject.case.horizon.years
    lives = [
        charts.Life(
            name=subject.name("project", row["project"]),
            start=row["start"],
            first_output=row["first_output"],
            full_output=int(row["full_output"]),
            end=span[-1]
            if row["last_output"] != row["last_output"]
            else int(row["last_output"] or span[-1]),
        )
        for row in rows
    ]
    chart = Chart(
        "timeline-projects",
        tr("Projects: decision, construction and output, if nothing is delayed"),
        tr("One bar a project over the years; the label is the year of first output."),
        lambda: charts.projects(lives, span),
    )
    yield Figure(chart, _project_table(subject, rows))


def _project_table(subject: Subject, rows: list[dict[str, object]]) -> Table:
    def output(row: dict[str, object]) -> str:
        tonnes = row["output_t"]
        assert isinstance(tonnes, dict)
        return ", ".join(f"{subject.name('material', m)} {number(t)}" for m, t in tonnes.items())

    def column(key: str) -> list[float]:
        return [row[key] for row in rows]  # type: ignore[misc]

    return Table(
        tr("Projects and their years"),
        [
            words(tr("Project"), [subject.name("project", str(row["project"])) for row in rows]),
            words(tr("Country"), [country(str(row["country"])) for row in rows]),
            years(tr("Decision"), column("start")),  # type: ignore[arg-type]
            years(tr("First output"), column("first_output")),  # type: ignore[arg-type]
            years(tr("Full output"), column("full_output")),  # type: ignore[arg-type]
            words(tr("Tonnes a year at full output"), [output(row) for row in rows]),
            shares(tr("Reserved for home"), column("offtake")),
            shares(tr("Chance of success"), column("success_probability")),
        ],
        name="projects",
        dense=True,
        note=tr(
            "Chance of success: probability in the scenario that the project produces at all. "
            "Delays are drawn in the states of the world and not shown here."
        ),
    )


def _stocks(subject: Subject) -> Iterator[Part]:
    plan = subject.plan
    rows = records(stockpiles(plan))
    held: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        held.setdefault(row["stockpile"], []).append(row)
    used = {
        h: of
        for h, of in held.items()
        if any(abs(row[key]) > NOISE for row in of for key in ("buy_t", "planned_t", "cost_meur"))
    }
    if not used:
        return
    total = sum(row["cost_meur"] for of in used.values() for row in of)
    yield Heading(tr("Stocks"))
    yield tr(
        "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
        cost=subject.amount(total),
    )
    yield _cover(subject)
    yield _stock_table(subject, used)
    idle = [subject.name("stockpile", h) for h in held if h not in used]
    if idle:
        yield tr("Nothing is held in: {stockpiles}.", stockpiles=listed(idle))


def _cover(subject: Subject) -> Figure:
    frame = frames.cover(subject.plan)
    by_material: dict[str, list[float]] = {}
    for row in records(frame):
        days = row["days_of_cover"]
        known = days is not None and days == days
        by_material.setdefault(row["material"], []).append(days if known else 0.0)
    rows = [(subject.name("material", m), days) for m, days in by_material.items()]
    chart = Chart(
        "timeline-stocks",
        tr("Planned stock at each year's end, in days of demand"),
        tr("One small chart a material, all on one scale; the label is the highest stock."),
        lambda: charts.cover(rows, subject.years),
    )
    columns = [words(tr("Material"), [name for name, _ in rows])]
    for place, year in enumerate(subject.years):
        columns.append(amounts(str(year), [days[place] for _, days in rows], places=0))
    table = Table(
        tr("Planned stock at each year's end, in days of demand"),
        columns,
        dense=True,
        name="cover",
        note=tr(
            "All stocks of a material, if nothing is ever released, over that year's demand of all "
            "consumers. 365 days are 100 % of annual demand."
        ),
    )
    return Figure(chart, table)


def _stock_table(subject: Subject, used: dict[str, list[dict[str, float]]]) -> Table:
    tops = [max(of, key=lambda row: row["planned_t"]) for of in used.values()]
    bought = [sum(row["buy_t"] for row in of) for of in used.values()]
    costs = [sum(row["cost_meur"] for row in of) for of in used.values()]
    days = [top["days_of_cover"] for top in tops]
    names = [subject.name("stockpile", h) for h in used]
    return Table(
        tr("What is bought and held"),
        [
            words(tr("Stockpile"), [*names, tr("Sum")]),
            amounts(tr("Bought, t"), [*bought, None]),
            amounts(tr("Held at most, t"), [*(top["planned_t"] for top in tops), None]),
            years(tr("In year"), [*(int(top["year"]) for top in tops), None]),
            amounts(tr("Cover then, days"), [*days, None], places=0),
            shares(
                tr("Share of that year's demand"),
                [*(d / 365 if d is not None and d == d else None for d in days), None],
            ),
            *alike({tr("Cost, {unit}", unit=subject.million): with_total(costs)}),
        ],
        total=True,
        name="stocks",
    )
