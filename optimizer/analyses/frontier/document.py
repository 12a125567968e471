"""Damage against a number of the scenario, as a document."""

from collections.abc import Iterator

from models.language import tr
from models.results import Frontier, FrontierPoint, FrontierStep
from optimizer.analyses.assumption_dependence.sentences import damage_by_set_table
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.analyses.varied_number_words import (
    TAIL_WEIGHT_PATH,
    cells_by_value,
    format_range,
    format_with_unit,
    varied_number_header,
    varied_number_name,
    varied_unit,
)
from optimizer.analyses.varied_number_words import format_values as texts_of
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import frontier as charts
from optimizer.report.document import (
    Check,
    Column,
    Document,
    Part,
    Section,
    Table,
    sheet_only_column,
)
from optimizer.report.number_format import (
    NO_VALUE,
    format_number,
    format_percent,
    format_small_percent,
)
from optimizer.report.wording import Wording
from optimizer.report.workbook.expressions import (
    Expression,
    as_expression,
    max_of,
    ratio_or_empty,
    sum_of,
)
from optimizer.report.workbook.placed_tables import FormulaRow

POINTS_TABLE, WITHOUT_PLAN_TABLE = "frontier", "frontier-without"
"""Names of tables that formulas refer to."""

FrontierWording = Wording[Frontier]


def build_document(result: Frontier) -> Document:
    """What can be had at each value, what changes, and what a further unit is worth."""
    say = Wording(result)
    points = (
        tr("Mean against tail") if result.varied == TAIL_WEIGHT_PATH else tr("What is attainable")
    )
    return say.build_document(
        tr("Vorrat: damage against a number of the scenario"),
        [*_lead_sentences(say), _cautions(say)],
        [
            Section("points", points, _point_tables(say), sheet_name=tr("Frontier")),
            Section("under", tr("Under each set of assumptions"), [_assumption_set_table(say)]),
            Section("changes", _steps_title(say), _step_tables(say)),
            Section("conflicts", tr("Where no plan keeps all rules"), _conflict_sentences(say)),
            Section("proof", tr("How good the proof is"), list(_proof_parts(say))),
        ],
        checks=build_checks(result),
        outcome_amounts=[point.worst for point in result.points if point.worst is not None],
        money_amounts=[p.net_cost_meur for p in result.points if p.net_cost_meur is not None],
    )


def sections_for_plan_report(result: Frontier) -> tuple[list[Section], list[Check]]:
    """The frontier in the report on a plan of the same scenario, and what must hold in its sheet;
    nothing without any point."""
    say = Wording(result)
    if not _points_with_plan(result):
        return [], []
    title = tr("What another value would bring")
    if result.varied == TAIL_WEIGHT_PATH:
        title = tr("What more weight on the worst states would bring")
    elif result.varied.endswith("budget_meur"):
        title = tr("What more or less money would bring")
    parts = [*_lead_sentences(say), _cautions(say), *_point_tables(say), *_step_tables(say)]
    return [Section("frontier", title, parts, sheet_name=tr("Frontier"))], build_checks(result)


def build_checks(result: Frontier) -> list[Check]:
    """What must hold between the points of a workbook."""
    planned, made = _points_with_plan(result), []
    if planned and result.varied != TAIL_WEIGHT_PATH:
        first = result.points.index(planned[0])
        says = tr("No point of the frontier lies below what is proven for it")
        made.append(
            Check(
                says,
                POINTS_TABLE,
                lambda b: sum_of(b[POINTS_TABLE].column_area("below")),
                lambda b: b[POINTS_TABLE].cell_reference(first, "expected"),
                is_deviation_sum=True,
            )
        )
    if result.steps:
        # Steps lie between neighbours with a plan, as the rows do.
        stated = as_expression(sum(step.avoided for step in result.steps))
        says = tr(
            "Steps of the frontier add up to what is avoided from its first point to its last"
        )
        made.append(
            Check(
                says,
                POINTS_TABLE,
                lambda b: sum_of(b[POINTS_TABLE].column_area("gain")),
                lambda _: stated,
            )
        )
    return made


def _points_with_plan(result: Frontier) -> list[FrontierPoint]:
    return [point for point in result.points if point.expected is not None]


def _lead_sentences(wording: FrontierWording) -> Iterator[str]:
    """What can be had, in a sentence or two."""
    found, planned = wording.result, _points_with_plan(wording.result)
    if not planned:
        yield tr("There is no plan at any of the values.")
        return
    first, last, tail = planned[0], planned[-1], found.varied == TAIL_WEIGHT_PATH
    low, high = texts_of(wording, [first.value, last.value])
    about = {
        "figure": tr("the mean of the worst states (CVaR)") if tail else wording.expected_outcome,
        "number": varied_number_name(wording),
        "low": low,
        "high": f"{high} {varied_unit(wording)}".strip(),
        "before": format_number(first.cvar if tail else first.expected),
        "after": format_with_unit(last.cvar if tail else last.expected, wording.unit),
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
        without = format_with_unit(found.without_plan.expected, wording.unit)
        yield tr("Without any plan it is {without}.", without=without)


def _cautions(wording: FrontierWording) -> doc.Caution:
    early = wording.result.ended == "interrupted"
    return doc.Caution(
        [
            *([tr("Stopped early: points are missing.")] if early else []),
            *wording.few_states_caution(),
        ]
    )


def _assumption_set_table(wording: FrontierWording) -> Table:
    """Expected damage at each value, under each set of assumptions."""
    points = [point for point in wording.result.points if point.expected_under]
    cells = cells_by_value(wording, [point.value for point in points])
    head = Column(varied_number_header(wording), lambda p: cells[p.value])
    return damage_by_set_table(wording, head, points, lambda point: point.expected_under)


def _point_tables(wording: FrontierWording) -> list[Part]:
    """What can be had at each value, with what a workbook calculates between the points."""
    found = wording.result
    if not found.points:
        return []
    unit, tail = wording.unit, found.varied == TAIL_WEIGHT_PATH
    cells = cells_by_value(wording, [point.value for point in found.points])
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
        Column(
            varied_number_header(wording), lambda p: cells[p.value], key="value", origin="scenario"
        ),
        reached[0],
        Column(least, bound, "outcome", key="bound"),
        *reached[1:],
        Column(
            tr("Charged to public budgets, {unit}", unit=wording.money_unit), "public_meur", "money"
        ),
        Column(tr("Net cost, {unit}", unit=wording.money_unit), "net_cost_meur", "money"),
        Column(tr("Projects"), built, "count"),
        Column(tr("Gap left"), "gap", "gap"),
    ]
    if any(map(_status_text, found.points)):
        columns.append(Column(tr("Status"), _status_text, "text", empty_text=""))
    avoided = tr("Avoided against no plan, {unit}", unit=unit)
    more = tr("Avoided more than at the point before, {unit}", unit=unit)
    columns += [
        sheet_only_column(avoided, "avoided", _avoided_formula, "outcome"),
        sheet_only_column(more, "gain", _gain_formula, "outcome"),
        sheet_only_column(tr("The same per unit of the number"), "per", _per_unit_formula, "ratio"),
    ]
    note = tr("Dominated: another point has a lower mean and a lower CVaR, and costs more.")
    if not tail:
        columns.append(
            sheet_only_column(
                tr("Below what is proven by"), "below", _below_bound_formula, "deviation"
            )
        )
        note = tr(
            "At least: no plan at this value can have less, whatever it costs. CVaR is the mean of "
            "the worst {share} of states. Points are solved one by one: among plans within the "
            "gap, figures beside the expected one may differ from those of a plan solved alone.",
            share=format_percent(1 - found.cvar_level),
        )
    chart = _frontier_chart(wording)
    title, axis = "" if chart is None else chart.title, varied_number_header(wording)
    drawn = doc.SheetChart("scatter", expected, "value", ("expected", "bound"), axis)
    own = None if tail else drawn
    table = Table(title, found.points, columns, POINTS_TABLE, note, chart=chart, sheet_chart=own)
    if found.without_plan is None:
        return [table]
    without = tr("Without any plan")
    named = Column("", lambda _: without, "text")
    bare = Table(
        without, [found.without_plan], [named, *reached], WITHOUT_PLAN_TABLE, media=doc.SHEET
    )
    return [table, bare]


def _status_text(point: FrontierPoint) -> str:
    told = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    return told.get(point.status) or (tr("dominated") if point.dominated else "")


def _avoided_formula(line: FormulaRow) -> Expression | None:
    if line.row.expected is None or WITHOUT_PLAN_TABLE not in line.tables:
        return None
    return line.tables[WITHOUT_PLAN_TABLE].cell_reference(0, "expected") - line["expected"]


def _previous_row(line: FormulaRow) -> int | None:
    """The row before with a plan, where this one has one as well."""
    rows = line.table.table.rows[: line.row_index] if line.row.expected is not None else []
    return next((n for n in reversed(range(len(rows))) if rows[n].expected is not None), None)


def _gain_formula(line: FormulaRow) -> Expression | None:
    before = _previous_row(line)
    return (
        None if before is None else line.table.cell_reference(before, "expected") - line["expected"]
    )


def _per_unit_formula(line: FormulaRow) -> Expression | None:
    before = _previous_row(line)
    if before is None:
        return None
    return ratio_or_empty(line["gain"], line["value"] - line.table.cell_reference(before, "value"))


def _below_bound_formula(line: FormulaRow) -> Expression | None:
    if line.row.expected is None or line.row.expected_bound is None:
        return None
    return max_of(as_expression(0), line["bound"] - line["expected"])


def _frontier_chart(wording: FrontierWording) -> Chart | None:
    found = wording.result
    jumps = {step.to_value for step in found.steps if step.jump}
    points = [
        charts.FrontierPoint(p.value, p.expected, p.expected_bound, p.cvar, p.value in jumps)
        for p in found.points
        if p.expected is not None and p.cvar is not None
    ]
    if len(points) < 2:
        return None
    title = tr(
        "Expected outcome and mean of the worst states, by {label}",
        label=varied_number_name(wording),
    )
    shows = tr(
        "Above, expected outcomes with a hatched band down to what is proven to be out of reach; "
        "below, the mean of the worst states. The figures are in the table below."
    )
    return Chart(
        "frontier",
        title,
        shows,
        lambda: charts.frontier_curve(points, varied_number_header(wording), wording.unit),
    )


def _step_tables(wording: FrontierWording) -> list[Part]:
    """What changes from one point to the next, and what each further unit avoids."""
    found = wording.result
    steps = [
        step for step in found.steps if step.marginal is not None or _describe_step(wording, step)
    ]
    ends = texts_of(wording, [x for step in steps for x in (step.from_value, step.to_value)])
    spans = {s.to_value: format_range(*ends[2 * n : 2 * n + 2]) for n, s in enumerate(steps)}
    columns = [Column(varied_number_header(wording), lambda step: spans[step.to_value], "text")]
    note = ""
    if found.loosens:
        columns += [
            Column(tr("Avoided at least, {unit}", unit=wording.unit), "marginal.low"),
            Column(tr("By these plans, {unit}", unit=wording.unit), "marginal.plans"),
            Column(tr("At most, {unit}", unit=wording.unit), "marginal.high"),
        ]
        note = tr(
            "For each further unit, between the least {damage} that can be had at the two values: "
            "what is proven of it on either side, and what the plans differ by.",
            damage=wording.outcome_word,
        )
    columns.append(
        Column(tr("What changes"), lambda step: _describe_step(wording, step) or NO_VALUE, "text")
    )
    if any(step.jump for step in steps):
        jump = tr("jump")
        columns.append(Column(tr("Jump"), lambda s: jump if s.jump else "", "text", empty_text=""))
        jumps = tr(
            "Jump: projects change, and the step is worth more than a twentieth of all that is "
            "avoided."
        )
        note = f"{note} {jumps}".strip()
    return [Table(_steps_title(wording), steps, columns, "frontier-steps", note)] if steps else []


def _steps_title(wording: FrontierWording) -> str:
    if not wording.result.loosens:
        return tr("What changes from point to point")
    if varied_unit(wording) == wording.money_unit:
        return tr("What a further million is worth")
    return tr("What a further unit is worth")


def _describe_step(wording: FrontierWording, step: FrontierStep) -> str:
    """What a step changes."""
    found = wording.result
    held: dict[str, float] = {}
    for point in found.points:
        held |= {h: max(t, held.get(h, 0.0)) for h, t in point.stocks_t.items()}
    return describe_plan_diff(wording, step, held, {**found.project_names, **found.stockpile_names})


def _conflict_sentences(wording: FrontierWording) -> list[Part]:
    """Why there is no plan at some values."""
    without = [point for point in wording.result.points if point.conflict]
    cells = texts_of(wording, [point.value for point in without])
    return [
        tr("At {value}: {rules}.", value=value, rules="; ".join(point.conflict))
        for value, point in zip(cells, without, strict=True)
    ]


def _proof_parts(wording: FrontierWording) -> Iterator[Part]:
    """How good the points are."""
    found = wording.result
    solved = [point.gap for point in found.points if point.gap is not None]
    early = sum(point.status in ("limit", "none") for point in found.points)
    yield wording.proof_table(
        (tr("Points"), format_number(len(found.points))),
        (tr("Largest gap"), format_small_percent(max(solved, default=None))),
        (tr("Points stopped early"), format_number(early)),
    )
    if found.loosens:
        yield tr(
            "A higher value only loosens rules: plans are carried on to higher values where they "
            "are better, and bounds to lower ones."
        )
