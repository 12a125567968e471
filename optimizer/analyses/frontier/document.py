"""Damage against a number of the scenario, as a document."""

from collections.abc import Iterator

from models.language import tr
from models.results import Frontier, FrontierPoint, FrontierStep
from optimizer.analyses.disagreement.words import by_set
from optimizer.analyses.instead import changes
from optimizer.analyses.varied_number import TAIL, amount, called, headed, shown, span, unit_of
from optimizer.analyses.varied_number import values as texts_of
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import frontier as charts
from optimizer.report.document import Check, Column, Document, Part, Section, Table, sheet_only
from optimizer.report.figures import NONE, number, percent, small_percent
from optimizer.report.wording import Wording
from optimizer.report.workbook.expressions import Expression, largest, of, ratio, total
from optimizer.report.workbook.formulas import Line

POINTS, WITHOUT = "frontier", "frontier-without"
"""Names of tables that formulas refer to."""

Say = Wording[Frontier]


def document(found: Frontier) -> Document:
    """What can be had at each value, what changes, and what a further unit is worth."""
    say = Wording(found)
    points = tr("Mean against tail") if found.varied == TAIL else tr("What is attainable")
    return say.document(
        tr("Vorrat: damage against a number of the scenario"),
        [*_lead(say), _cautions(say)],
        [
            Section("points", points, _points(say), tab=tr("Frontier")),
            Section("under", tr("Under each set of assumptions"), [_under(say)]),
            Section("changes", _steps_title(say), _steps(say)),
            Section("conflicts", tr("Where no plan keeps all rules"), _conflicts(say)),
            Section("proof", tr("How good the proof is"), list(_proof(say))),
        ],
        checks=checks(found),
        outcomes=[point.worst for point in found.points if point.worst is not None],
        amounts=[p.net_cost_meur for p in found.points if p.net_cost_meur is not None],
    )


def beside_plan(found: Frontier) -> tuple[list[Section], list[Check]]:
    """The frontier in the report on a plan of the same scenario, and what must hold in its sheet;
    nothing without any point."""
    say = Wording(found)
    if not _planned(found):
        return [], []
    title = tr("What another value would bring")
    if found.varied == TAIL:
        title = tr("What more weight on the worst states would bring")
    elif found.varied.endswith("budget_meur"):
        title = tr("What more or less money would bring")
    parts = [*_lead(say), _cautions(say), *_points(say), *_steps(say)]
    return [Section("frontier", title, parts, tab=tr("Frontier"))], checks(found)


def checks(found: Frontier) -> list[Check]:
    """What must hold between the points of a workbook."""
    planned, made = _planned(found), []
    if planned and found.varied != TAIL:
        first = found.points.index(planned[0])
        says = tr("No point of the frontier lies below what is proven for it")
        made.append(
            Check(
                says,
                POINTS,
                lambda b: total(b[POINTS].area("below")),
                lambda b: b[POINTS].cell(first, "expected"),
                summed=True,
            )
        )
    if found.steps:
        # Steps lie between neighbours with a plan, as the rows do.
        stated = of(sum(step.avoided for step in found.steps))
        says = tr(
            "Steps of the frontier add up to what is avoided from its first point to its last"
        )
        made.append(Check(says, POINTS, lambda b: total(b[POINTS].area("gain")), lambda _: stated))
    return made


def _planned(found: Frontier) -> list[FrontierPoint]:
    return [point for point in found.points if point.expected is not None]


def _lead(say: Say) -> Iterator[str]:
    """What can be had, in a sentence or two."""
    found, planned = say.found, _planned(say.found)
    if not planned:
        yield tr("There is no plan at any of the values.")
        return
    first, last, tail = planned[0], planned[-1], found.varied == TAIL
    low, high = texts_of(say, [first.value, last.value])
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
            "From {low} to {high} ({number}), {figure} goes from {before} to {after}.", **about
        )
    if found.without_plan is not None and not tail:
        without = amount(found.without_plan.expected, say.unit)
        yield tr("Without any plan it is {without}.", without=without)


def _cautions(say: Say) -> doc.Caution:
    early = say.found.ended == "interrupted"
    return doc.Caution(
        [*([tr("Stopped early: points are missing.")] if early else []), *say.illustration()]
    )


def _under(say: Say) -> Table:
    """Expected damage at each value, under each set of assumptions."""
    points = [point for point in say.found.points if point.expected_under]
    cells = shown(say, [point.value for point in points])
    head = Column(headed(say), lambda p: cells[p.value])
    return by_set(say, head, points, lambda point: point.expected_under)


def _points(say: Say) -> list[Part]:
    """What can be had at each value, with what a workbook calculates between the points."""
    found = say.found
    if not found.points:
        return []
    unit, tail = say.unit, found.varied == TAIL
    cells = shown(say, [point.value for point in found.points])
    expected = tr("Expected, {unit}", unit=unit)
    reached = [
        Column(expected, "expected", "outcome", key="expected"),
        Column(tr("CVaR, {unit}", unit=unit), "cvar", "outcome"),
        Column(tr("Worst, {unit}", unit=unit), "worst", "outcome"),
    ]
    least = tr("CVaR at least, {unit}", unit=unit) if tail else tr("At least, {unit}", unit=unit)
    bound = "cvar_bound" if tail else "expected_bound"

    def built(point: FrontierPoint) -> int | None:
        return None if point.objective is None else len(point.projects)

    columns = [
        Column(headed(say), lambda p: cells[p.value], key="value", origin="scenario"),
        reached[0],
        Column(least, bound, "outcome", key="bound"),
        *reached[1:],
        Column(tr("Charged to public budgets, {unit}", unit=say.million), "public_meur", "money"),
        Column(tr("Net cost, {unit}", unit=say.million), "net_cost_meur", "money"),
        Column(tr("Projects"), built, "count"),
        Column(tr("Gap left"), "gap", "gap"),
    ]
    if any(map(_remark, found.points)):
        columns.append(Column(tr("Status"), _remark, "text", empty=""))
    avoided = tr("Avoided against no plan, {unit}", unit=unit)
    more = tr("Avoided more than at the point before, {unit}", unit=unit)
    columns += [
        sheet_only(avoided, "avoided", _avoided, "outcome"),
        sheet_only(more, "gain", _gain, "outcome"),
        sheet_only(tr("The same per unit of the number"), "per", _per, "ratio"),
    ]
    note = tr("Dominated: another point has a lower mean and a lower CVaR, and costs more.")
    if not tail:
        columns.append(sheet_only(tr("Below what is proven by"), "below", _below, "deviation"))
        note = tr(
            "At least: no plan at this value can have less, whatever it costs. CVaR is the mean of "
            "the worst {share} of states. Points are solved one by one: among plans within the "
            "gap, figures beside the expected one may differ from those of a plan solved alone.",
            share=percent(1 - found.cvar_level),
        )
    chart = _chart(say)
    title, axis = "" if chart is None else chart.title, headed(say)
    drawn = doc.SheetChart("scatter", expected, "value", ("expected", "bound"), axis)
    own = None if tail else drawn
    table = Table(title, found.points, columns, POINTS, note, chart=chart, sheet_chart=own)
    if found.without_plan is None:
        return [table]
    without = tr("Without any plan")
    named = Column("", lambda _: without, "text")
    bare = Table(without, [found.without_plan], [named, *reached], WITHOUT, on=doc.SHEET)
    return [table, bare]


def _remark(point: FrontierPoint) -> str:
    told = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    return told.get(point.status) or (tr("dominated") if point.dominated else "")


def _avoided(line: Line) -> Expression | None:
    if line.row.expected is None or WITHOUT not in line.book:
        return None
    return line.book[WITHOUT].cell(0, "expected") - line["expected"]


def _before(line: Line) -> int | None:
    """The row before with a plan, where this one has one as well."""
    rows = line.table.table.rows[: line.place] if line.row.expected is not None else []
    return next((n for n in reversed(range(len(rows))) if rows[n].expected is not None), None)


def _gain(line: Line) -> Expression | None:
    before = _before(line)
    return None if before is None else line.table.cell(before, "expected") - line["expected"]


def _per(line: Line) -> Expression | None:
    before = _before(line)
    if before is None:
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
    title = tr("Expected outcome and mean of the worst states, by {label}", label=called(say))
    shows = tr(
        "Above, expected outcomes with a hatched band down to what is proven to be out of reach; "
        "below, the mean of the worst states. The figures are in the table below."
    )
    return Chart("frontier", title, shows, lambda: charts.curve(points, headed(say), say.unit))


def _steps(say: Say) -> list[Part]:
    """What changes from one point to the next, and what each further unit avoids."""
    found = say.found
    steps = [step for step in found.steps if step.marginal is not None or _told(say, step)]
    ends = texts_of(say, [x for step in steps for x in (step.from_value, step.to_value)])
    spans = {s.to_value: span(*ends[2 * n : 2 * n + 2]) for n, s in enumerate(steps)}
    columns = [Column(headed(say), lambda step: spans[step.to_value], "text")]
    note = ""
    if found.loosens:
        columns += [
            Column(tr("Avoided at least, {unit}", unit=say.unit), "marginal.low"),
            Column(tr("By these plans, {unit}", unit=say.unit), "marginal.plans"),
            Column(tr("At most, {unit}", unit=say.unit), "marginal.high"),
        ]
        note = tr(
            "For each further unit, between the least {damage} that can be had at the two values: "
            "what is proven of it on either side, and what the plans differ by.",
            damage=say.counted,
        )
    columns.append(Column(tr("What changes"), lambda step: _told(say, step) or NONE, "text"))
    if any(step.jump for step in steps):
        jump = tr("jump")
        columns.append(Column(tr("Jump"), lambda s: jump if s.jump else "", "text", empty=""))
        jumps = tr(
            "Jump: projects change, and the step is worth more than a twentieth of all that is "
            "avoided."
        )
        note = f"{note} {jumps}".strip()
    return [Table(_steps_title(say), steps, columns, "frontier-steps", note)] if steps else []


def _steps_title(say: Say) -> str:
    if not say.found.loosens:
        return tr("What changes from point to point")
    if unit_of(say) == say.million:
        return tr("What a further million is worth")
    return tr("What a further unit is worth")


def _told(say: Say, step: FrontierStep) -> str:
    """What a step changes."""
    found = say.found
    held: dict[str, float] = {}
    for point in found.points:
        held |= {h: max(t, held.get(h, 0.0)) for h, t in point.stocks_t.items()}
    return changes(say, step, held, {**found.project_names, **found.stockpile_names})


def _conflicts(say: Say) -> list[Part]:
    """Why there is no plan at some values."""
    without = [point for point in say.found.points if point.conflict]
    cells = texts_of(say, [point.value for point in without])
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
