"""Damage against a number of the scenario, as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.language import tr
from models.results import Frontier, FrontierPoint, FrontierStep, Plan
from optimizer.analyses.varied_number import (
    TAIL,
    amount,
    called,
    headed,
    shown,
    span,
    unit_of,
    values,
)
from optimizer.report.charts import Chart
from optimizer.report.charts import frontier as charts
from optimizer.report.document import (
    SHEET,
    Caution,
    Check,
    Column,
    Document,
    Part,
    Section,
    SheetChart,
    Table,
    sheet_only,
)
from optimizer.report.figures import NONE, number, percent, small_percent
from optimizer.report.wording import Wording, listed
from optimizer.report.workbook.expressions import Expression, largest, of, ratio, total
from optimizer.report.workbook.formulas import Formulas, Line

STOCKS_SHOWN = 3
"""Stocks named for a step; the others are counted."""
POINTS, WITHOUT = "frontier", "frontier-without"
"""Names of tables that formulas refer to."""

Say = Wording[Frontier]


def document(found: Frontier) -> Document:
    """What can be had at each value, what changes, and what a further unit is worth."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: damage against a number of the scenario"),
        [*lead(say), Caution(_cautions(say))],
        [*_sections(say), Section("proof", tr("How good the proof is"), list(_proof(say)))],
        checks=checks(found),
        outcomes=[point.worst for point in found.points if point.worst is not None],
        amounts=[p.net_cost_meur for p in found.points if p.net_cost_meur is not None],
    )


def beside_plan(found: Frontier, plan: Plan) -> list[Section]:
    """The frontier in the report on a plan of the same scenario; nothing without any point."""
    say = Wording(found)
    if not _planned(found):
        return []
    here = _at(found.varied, plan.scenario)
    parts: list[Part] = list(lead(say))
    if here is not None:
        value = f"{number(here)} {unit_of(say)}".strip()
        parts.append(tr("This report's plan has {value} ({label}).", value=value,
                        label=called(say)))  # fmt: skip
    parts += [Caution(_cautions(say)), *_points(say), *_changes(say), *_worth(say)]
    return [Section("frontier", _title(say), parts, tab=tr("Frontier"))]


def checks(found: Frontier) -> list[Check]:
    """What must hold between the points of a workbook."""
    planned = _planned(found)
    if not planned:
        return []

    def first(book: Formulas) -> Expression:
        return book[POINTS].cell(found.points.index(planned[0]), "expected")

    made = (
        []
        if found.varied == TAIL
        else [
            Check(
                tr("No point of the frontier lies below what is proven for it"),
                POINTS,
                lambda book: total(book[POINTS].area("below")),
                first,
                summed=True,
            )
        ]
    )
    if found.steps:
        # Steps lie between neighbours with a plan, as the rows do.
        stated = of(sum(step.avoided for step in found.steps))
        made.append(
            Check(
                tr(
                    "Steps of the frontier add up to what is avoided from its first point to its "
                    "last"
                ),
                POINTS,
                lambda book: total(book[POINTS].area("gain")),
                lambda _: stated,
            )
        )
    return made


def _planned(found: Frontier) -> list[FrontierPoint]:
    return [point for point in found.points if point.expected is not None]


def _title(say: Say) -> str:
    if say.found.varied == TAIL:
        return tr("What more weight on the worst states would bring")
    if say.found.varied.endswith("budget_meur"):
        return tr("What more or less money would bring")
    return tr("What another value would bring")


def _at(path: str, scenario: Any) -> float | None:
    """The value of the number in the scenario of a plan itself."""
    at = scenario
    for step in path.split("."):
        at = at.get(step) if isinstance(at, Mapping) else None
    if isinstance(at, Mapping):
        at = at.get("value")
    return float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None


def lead(say: Say) -> Iterator[str]:
    """What can be had, in a sentence or two."""
    found, planned = say.found, _planned(say.found)
    if not planned:
        yield tr("There is no plan at any of the values.")
        return
    first, last = planned[0], planned[-1]
    low, high = values(say, [first.value, last.value])
    tail = found.varied == TAIL
    about = {
        "figure": tr("the mean of the worst states (CVaR)") if tail else say.expected,
        "number": called(say),
        "low": low,
        "high": f"{high} {unit_of(say)}".strip(),
        "before": number(first.cvar if tail else first.expected),
        "after": amount(last.cvar if tail else last.expected, say.unit),
    }
    if first is last:
        yield tr(
            "There is a plan at one value alone, {high} ({number}); there {figure} is {after}.",
            **about,
        )
    else:
        yield tr(
            "From {low} to {high} ({number}), {figure} goes from {before} to {after}.",
            **about,
        )
    if found.without_plan is not None and not tail:
        without = amount(found.without_plan.expected, say.unit)
        yield tr("Without any plan it is {without}.", without=without)


def _cautions(say: Say) -> list[str]:
    early = say.found.ended == "interrupted"
    return [*([tr("Stopped early: points are missing.")] if early else []), *say.illustration()]


def _sections(say: Say) -> list[Section]:
    tail = say.found.varied == TAIL
    return [
        Section("points", tr("Mean against tail") if tail else tr("What is attainable"),
                _points(say), tab=tr("Frontier")),
        Section("changes", tr("What changes from point to point"), _changes(say)),
        Section("worth", _worth_title(say), _worth(say)),
        Section("conflicts", tr("Where no plan keeps all rules"), _conflicts(say)),
    ]  # fmt: skip


def _points(say: Say) -> list[Part]:
    """What can be had at each value, with what a workbook calculates between the points."""
    found = say.found
    if not found.points:
        return []
    unit, tail = say.unit, found.varied == TAIL
    cells = shown(say, [point.value for point in found.points])
    remarks = any(map(_remark, found.points))
    least = "cvar_bound" if tail else "expected_bound"
    columns = [
        Column(headed(say), lambda p: cells[p.value], key="value", origin="scenario"),
        Column(tr("Expected, {unit}", unit=unit), "expected", "outcome", key="expected"),
        Column(
            tr("CVaR at least, {unit}", unit=unit) if tail else tr("At least, {unit}", unit=unit),
            least, "outcome", key="bound",
        ),
        Column(tr("CVaR, {unit}", unit=unit), "cvar", "outcome"),
        Column(tr("Worst, {unit}", unit=unit), "worst", "outcome"),
        Column(tr("Charged to public budgets, {unit}", unit=say.million), "public_meur", "money"),
        Column(tr("Net cost, {unit}", unit=say.million), "net_cost_meur", "money"),
        Column(tr("Projects"), _count, "count"),
        Column(tr("Gap left"), "gap", "gap"),
        *([Column(tr("Status"), _remark, "text", empty="")] if remarks else []),
        sheet_only(tr("Avoided against no plan, {unit}", unit=unit), "avoided", _avoided,
                   "outcome"),
        sheet_only(tr("Avoided more than at the point before, {unit}", unit=unit), "gain", _gain,
                   "outcome"),
        sheet_only(tr("The same per unit of the number"), "per", _per, "ratio"),
        *(
            []
            if tail
            else [sheet_only(tr("Below what is proven by"), "below", _below, "deviation")]
        ),
    ]  # fmt: skip
    note = (
        tr(
            "No plan can have a lower CVaR than the column beside it says. Dominated: another "
            "point has a lower mean and a lower CVaR, and costs more."
        )
        if tail
        else tr(
            "At least: no plan at this value can have less, whatever it costs. CVaR is the mean of "
            "the worst {share} of states. Points are solved one by one: among plans within the "
            "gap, figures beside the expected one may differ from those of a plan solved alone.",
            share=percent(1 - found.cvar_level),
        )
    )
    chart = _chart(say)
    drawn = SheetChart(
        "scatter", tr("Expected, {unit}", unit=unit), "value", ("expected", "bound"), headed(say)
    )
    table = Table(
        "" if chart is None else chart.title,
        found.points, columns, POINTS, note, chart=chart, sheet_chart=None if tail else drawn,
    )  # fmt: skip
    if found.without_plan is None:
        return [table]
    without = [
        Column("", lambda _: tr("Without any plan"), "text"),
        Column(tr("Expected, {unit}", unit=unit), "expected", "outcome", key="expected"),
        Column(tr("CVaR, {unit}", unit=unit), "cvar", "outcome"),
        Column(tr("Worst, {unit}", unit=unit), "worst", "outcome"),
    ]
    bare = Table(tr("Without any plan"), [found.without_plan], without, WITHOUT, on=SHEET)
    return [table, bare]


def _count(point: FrontierPoint) -> int | None:
    return None if point.objective is None else len(point.projects)


def _remark(point: FrontierPoint) -> str:
    told = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }.get(point.status, "")
    return told or (tr("dominated") if point.dominated else "")


def _avoided(line: Line) -> Expression | None:
    if line.row.expected is None or WITHOUT not in line.book:
        return None
    return line.book[WITHOUT].cell(0, "expected") - line["expected"]


def _before(line: Line) -> int | None:
    """The row before with a plan."""
    rows = line.table.table.rows[: line.place]
    return next((n for n in reversed(range(len(rows))) if rows[n].expected is not None), None)


def _gain(line: Line) -> Expression | None:
    before = _before(line)
    if line.row.expected is None or before is None:
        return None
    return line.table.cell(before, "expected") - line["expected"]


def _per(line: Line) -> Expression | None:
    before = _before(line)
    if line.row.expected is None or before is None:
        return None
    return ratio(line["gain"], line["value"] - line.table.cell(before, "value"))


def _below(line: Line) -> Expression | None:
    if line.row.expected is None or line.row.expected_bound is None:
        return None
    return largest(of(0), line["bound"] - line["expected"])


def _chart(say: Say) -> Chart | None:
    found = say.found
    jumps = {step.to_value for step in found.steps if step.jump}
    points = [
        charts.Point(p.value, p.expected, p.expected_bound, p.cvar, p.value in jumps)
        for p in found.points
        if p.expected is not None and p.cvar is not None
    ]
    if len(points) < 2:
        return None
    if found.varied == TAIL:
        texts = values(say, [point.value for point in points])
        return Chart(
            "frontier",
            tr("Expected outcome and the mean of the worst states, by weight on the worst"),
            tr("One mark a weight, which stands beside it. The figures are in the table below."),
            lambda: charts.tail(points, texts, say.unit),
        )
    label = called(say)
    return Chart(
        "frontier",
        tr("Expected damage and mean of the worst states, by {label}", label=label)
        if say.of_damage
        else tr("Expected shortage and mean of the worst states, by {label}", label=label),
        tr(
            "Above, expected outcomes with a hatched band down to what is proven to be out of "
            "reach; below, the mean of the worst states. The figures are in the table below."
        ),
        lambda: charts.curve(points, headed(say), say.unit),
    )


def _spans(say: Say, steps: Sequence[FrontierStep]) -> dict[float, str]:
    """From where to where each step goes, by the value it goes to."""
    ends = [value for step in steps for value in (step.from_value, step.to_value)]
    cells = values(say, ends)
    pairs = zip(steps, cells[::2], cells[1::2], strict=True)
    return {step.to_value: span(low, high) for step, low, high in pairs}


def _changes(say: Say) -> list[Part]:
    """What enters and leaves from one point to the next."""
    steps = [s for s in say.found.steps if s.entering or s.leaving or s.moved or s.stocks_t]
    spans = _spans(say, steps)

    def project(id: str) -> str:
        return say.name("projects", id, say.found.project_names.get(id))

    def names(some: Sequence[str]) -> str:
        return listed([project(p) for p in some]) or NONE

    def moved(step: FrontierStep) -> str:
        told = (
            f"{project(p)} ({span(str(before), str(after))})"
            for p, (before, after) in step.moved.items()
        )
        return ", ".join(told) or NONE

    columns = [
        Column(headed(say), lambda step: spans[step.to_value], "text"),
        Column(tr("Enters"), lambda step: names(step.entering), "text"),
        Column(tr("Leaves"), lambda step: names(step.leaving), "text"),
        Column(tr("Starts in another year"), moved, "text"),
        Column(tr("Stocks, t held at most"), lambda step: _stocks(say, step), "text"),
        Column(tr("Jump"), lambda step: tr("jump") if step.jump else "", "text", empty=""),
    ]
    note = tr(
        "Jump: projects change, and the step is worth more than a twentieth of all that is avoided."
    )
    if not any(step.jump for step in steps):
        columns, note = columns[:-1], ""
    if not any(step.moved for step in steps):
        columns = [column for column in columns if column.of is not moved]
    title = tr("What changes from point to point")
    return [Table(title, steps, columns, "frontier-changes", note)] if steps else []


def _stocks(say: Say, step: FrontierStep) -> str:
    if not step.stocks_t:
        return NONE
    found = say.found
    # By share of what is held, since tonnes of gallium and of magnesium do not compare.
    held = {
        h: max((point.stocks_t.get(h, 0.0) for point in found.points), default=0.0)
        for h in step.stocks_t
    }
    ranked = sorted(step.stocks_t, key=lambda h: -abs(step.stocks_t[h]) / max(held[h], 1e-9))
    told = [
        f"{say.name('stockpiles', h, found.stockpile_names.get(h))} "
        f"{'+' if step.stocks_t[h] > 0 else '-'}{number(abs(step.stocks_t[h]))}"
        for h in ranked[:STOCKS_SHOWN]
    ]
    if len(ranked) > STOCKS_SHOWN:
        told.append(tr("{count} more", count=number(len(ranked) - STOCKS_SHOWN)))
    return ", ".join(told)


def _worth_title(say: Say) -> str:
    if unit_of(say) == say.million:
        return tr("What a further million is worth")
    return tr("What a further unit is worth")


def _worth(say: Say) -> list[Part]:
    """What each further unit avoids."""
    steps = [step for step in say.found.steps if step.marginal is not None]
    spans = _spans(say, steps)
    columns = [
        Column(headed(say), lambda step: spans[step.to_value], "text"),
        Column(tr("Avoided at least, {unit}", unit=say.unit), "marginal.low"),
        Column(tr("By these plans, {unit}", unit=say.unit), "marginal.plans"),
        Column(tr("At most, {unit}", unit=say.unit), "marginal.high"),
    ]
    note = tr(
        "For each further unit, between the least {damage} that can be had at the two values: what "
        "is proven of it on either side, and what the plans differ by.",
        damage=say.counted,
    )
    return [Table(_worth_title(say), steps, columns, "frontier-worth", note)] if steps else []


def _conflicts(say: Say) -> list[Part]:
    """Why there is no plan at some values."""
    without = [point for point in say.found.points if point.conflict]
    cells = values(say, [point.value for point in without])
    return [
        tr("At {value}: {rules}.", value=value, rules="; ".join(point.conflict))
        for value, point in zip(cells, without, strict=True)
    ]


def _proof(say: Say) -> Iterator[Part]:
    """How good the points are."""
    found = say.found
    solved = [point.gap for point in found.points if point.gap is not None]
    early = sum(point.status in ("limit", "none") for point in found.points)
    yield say.proof(
        (tr("Points"), number(len(found.points))),
        (tr("Largest gap"), small_percent(max(solved, default=None))),
        (tr("Points stopped early"), number(early)),
    )
    if found.loosens:
        yield tr(
            "A higher value only loosens rules: plans are carried on to higher values where they "
            "are better, and bounds to lower ones."
        )
