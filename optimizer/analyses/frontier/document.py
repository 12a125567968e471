"""Document on a frontier: damage against a varied number of the scenario."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import Frontier, FrontierPoint, FrontierStep
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.analyses.shared_wording import (
    TAIL_WEIGHT_PATH,
    cells_by_value,
    damage_by_set_table,
    format_range,
    format_values,
    format_with_unit,
    varied_number_header,
    varied_number_name,
    varied_unit,
)
from optimizer.report import document as doc
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import Check, Column, Document, Part, Section, Table
from optimizer.report.number_format import (
    NO_VALUE,
    format_number,
    format_percent,
    format_small_percent,
)
from optimizer.report.wording import Wording, metric_columns

FrontierWording = Wording[Frontier]


def build_document(result: Frontier) -> Document:
    """Build the document on a frontier: damage that is attainable at each value, changes of the
    plan, marginal values."""
    wording = Wording(result)
    points = (
        tr("Mean against tail") if result.varied == TAIL_WEIGHT_PATH else tr("What is attainable")
    )
    return wording.build_document(
        tr("Vorrat: damage against a number of the scenario"),
        [*_lead_sentences(wording), _cautions(wording)],
        [
            Section("points", points, _point_tables(wording), sheet_name=tr("Frontier")),
            Section("under", tr("Under each set of assumptions"), [_assumption_set_table(wording)]),
            Section("changes", _steps_title(wording), _step_tables(wording)),
            Section("conflicts", tr("Where no plan keeps all rules"), _conflict_sentences(wording)),
            Section("proof", tr("How good the proof is"), list(_proof_parts(wording))),
        ],
        checks=build_checks(result),
    )


def sections_for_plan_report(result: Frontier) -> tuple[list[Section], list[Check]]:
    """Return the section and checks on the frontier, for the report on a plan of the same scenario.

    Both lists are empty if no point has a plan.
    """
    wording = Wording(result)
    if not _points_with_plan(result):
        return [], []
    title = tr("What another value would bring")
    if result.varied == TAIL_WEIGHT_PATH:
        title = tr("What more weight on the worst states would bring")
    elif result.varied.endswith("budget_meur"):
        title = tr("What more or less money would bring")
    answer_parts = [
        *_lead_sentences(wording),
        _cautions(wording),
        *_point_tables(wording),
        *_step_tables(wording),
    ]
    return [Section("frontier", title, answer_parts, sheet_name=tr("Frontier"))], build_checks(
        result
    )


def build_checks(result: Frontier) -> list[Check]:
    """Return checks of relations that must hold between the points and steps."""
    with_plan, checks = _points_with_plan(result), []
    if with_plan and result.varied != TAIL_WEIGHT_PATH:
        excesses = [
            max(0.0, point.expected_bound - point.expected)
            for point in with_plan
            if point.expected is not None and point.expected_bound is not None
        ]
        caption = tr("No point of the frontier lies below what is proven for it")
        checks.append(Check(caption, max(excesses, default=0.0), scale=with_plan[0].expected))
    if result.steps:
        # Steps are between neighboring points with a plan.
        avoided = math.fsum(step.avoided for step in result.steps)
        first, last = with_plan[0].expected or 0.0, with_plan[-1].expected or 0.0
        caption = tr(
            "Steps of the frontier add up to what is avoided from its first point to its last"
        )
        checks.append(Check(caption, avoided, first - last, scale=first))
    return checks


def _points_with_plan(result: Frontier) -> list[FrontierPoint]:
    """Return the points that have a plan."""
    return [point for point in result.points if point.expected is not None]


def _lead_sentences(wording: FrontierWording) -> Iterator[str]:
    """Yield sentences on the damage at the lowest and highest value, and without any plan."""
    result, with_plan = wording.result, _points_with_plan(wording.result)
    if not with_plan:
        yield tr("There is no plan at any of the values.")
        return
    first_point, last_point, varies_tail = (
        with_plan[0],
        with_plan[-1],
        result.varied == TAIL_WEIGHT_PATH,
    )
    low, high = format_values(wording, [first_point.value, last_point.value])
    args = {
        "figure": tr("the mean of the worst states (CVaR)")
        if varies_tail
        else wording.expected_outcome,
        "number": varied_number_name(wording),
        "low": low,
        "high": f"{high} {varied_unit(wording)}".strip(),
        "before": format_number(first_point.cvar if varies_tail else first_point.expected),
        "after": format_with_unit(
            last_point.cvar if varies_tail else last_point.expected, wording.unit
        ),
    }
    if first_point is last_point:
        yield tr(
            "There is a plan at one value alone, {high} ({number}); there {figure} is {after}.",
            **args,
        )
    else:
        yield tr("From {low} to {high} ({number}), {figure} goes from {before} to {after}.", **args)
    if result.without_plan is not None and not varies_tail:
        text = format_with_unit(result.without_plan.expected, wording.unit)
        yield tr("Without any plan it is {without}.", without=text)


def _cautions(wording: FrontierWording) -> doc.Caution:
    """Return the cautions on missing points and few states."""
    is_interrupted = wording.result.ended == "interrupted"
    return doc.Caution(
        [
            *([tr("Stopped early: points are missing.")] if is_interrupted else []),
            *wording.few_states_caution(),
        ]
    )


def _assumption_set_table(wording: FrontierWording) -> Table:
    """Return the table of expected damage under each assumption set, a row per value."""
    points = [point for point in wording.result.points if point.expected_under]
    cells = cells_by_value(wording, [point.value for point in points])
    value_column = Column(varied_number_header(wording), lambda p: cells[p.value])
    return damage_by_set_table(wording, value_column, points, lambda point: point.expected_under)


def _point_tables(wording: FrontierWording) -> list[Part]:
    """Return the tables of the outcome at each value."""
    result = wording.result
    if not result.points:
        return []
    unit, varies_tail = wording.unit, result.varied == TAIL_WEIGHT_PATH
    cells = cells_by_value(wording, [point.value for point in result.points])
    figures = metric_columns(wording, "expected", "cvar", "worst")
    bound_header = (
        tr("CVaR at least, {unit}", unit=unit) if varies_tail else tr("At least, {unit}", unit=unit)
    )
    bound_field = "cvar_bound" if varies_tail else "expected_bound"

    def project_count(point: FrontierPoint) -> int | None:
        return None if point.objective is None else len(point.projects)

    columns = [
        Column(varied_number_header(wording), lambda p: cells[p.value]),
        figures[0],
        Column(bound_header, bound_field, "outcome"),
        *figures[1:],
        Column(
            tr("Charged to public budgets, {unit}", unit=wording.money_unit), "public_meur", "money"
        ),
        *metric_columns(wording, "net_cost"),
        Column(tr("Projects"), project_count, "count"),
        *metric_columns(wording, "gap_left"),
    ]
    if any(map(_status_text, result.points)):
        columns.append(Column(tr("Status"), _status_text, "text", empty_text=""))
    note = tr("Dominated: another point has a lower mean and a lower CVaR, and costs more.")
    if not varies_tail:
        note = tr(
            "At least: no plan at this value can have less, whatever it costs. CVaR is the mean of "
            "the worst {share} of states. Points are solved one by one: among plans within the "
            "gap, figures beside the expected one may differ from those of a plan solved alone.",
            share=format_percent(1 - result.cvar_level),
        )
    chart = _frontier_chart(wording)
    title = "" if chart is None else chart.title
    table = Table(title, result.points, columns, "frontier", note, chart=chart)
    if result.without_plan is None:
        return [table]
    without_plan_label = tr("Without any plan")
    label_column = Column("", lambda _: without_plan_label, "text")
    reference_table = Table(
        without_plan_label,
        [result.without_plan],
        [label_column, *figures],
        "frontier-without",
        media=doc.SHEET,
    )
    return [table, reference_table]


def _status_text(point: FrontierPoint) -> str:
    """Return how the solve of a point ended, in words; empty if it was solved to the gap."""
    status_texts = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    return status_texts.get(point.status) or (tr("dominated") if point.dominated else "")


def _frontier_chart(wording: FrontierWording) -> Chart | None:
    """Return the chart of the frontier; None if fewer than two points have a plan."""
    result = wording.result
    jumps = {step.to_value for step in result.steps if step.jump}
    points = [
        charts.FrontierPoint(p.value, p.expected, p.expected_bound, p.cvar, p.value in jumps)
        for p in result.points
        if p.expected is not None and p.cvar is not None
    ]
    if len(points) < 2:
        return None
    title = tr(
        "Expected outcome and mean of the worst states, by {label}",
        label=varied_number_name(wording),
    )
    description = tr(
        "Above, expected outcomes with a hatched band down to what is proven to be out of reach; "
        "below, the mean of the worst states. The figures are in the table below."
    )
    return Chart(
        "frontier",
        title,
        description,
        lambda: charts.frontier_curve(points, varied_number_header(wording), wording.unit),
    )


def _step_tables(wording: FrontierWording) -> list[Part]:
    """Return the table of the changes between consecutive points, with the damage avoided per unit
    of the number if a higher number only loosens rules; nothing if there are no changes."""
    result = wording.result
    steps = [
        step for step in result.steps if step.marginal is not None or _describe_step(wording, step)
    ]
    step_endpoint_texts = format_values(
        wording, [x for step in steps for x in (step.from_value, step.to_value)]
    )
    spans = {
        s.to_value: format_range(*step_endpoint_texts[2 * n : 2 * n + 2])
        for n, s in enumerate(steps)
    }
    columns = [Column(varied_number_header(wording), lambda step: spans[step.to_value], "text")]
    note = ""
    if result.loosens:
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
        jump_text = tr("jump")
        columns.append(
            Column(tr("Jump"), lambda s: jump_text if s.jump else "", "text", empty_text="")
        )
        jump_note = tr(
            "Jump: projects change, and the step is worth more than a twentieth of all that is "
            "avoided."
        )
        note = f"{note} {jump_note}".strip()
    return [Table(_steps_title(wording), steps, columns, "frontier-steps", note)] if steps else []


def _steps_title(wording: FrontierWording) -> str:
    """Return the title of the table of steps."""
    if not wording.result.loosens:
        return tr("What changes from point to point")
    if varied_unit(wording) == wording.money_unit:
        return tr("What a further million is worth")
    return tr("What a further unit is worth")


def _describe_step(wording: FrontierWording, step: FrontierStep) -> str:
    """Return a text on how the plan changes from one point to the next."""
    result = wording.result
    largest_stocks: dict[str, float] = {}
    for point in result.points:
        largest_stocks |= {
            h: max(tonnes, largest_stocks.get(h, 0.0)) for h, tonnes in point.stocks_t.items()
        }
    return describe_plan_diff(
        wording, step, largest_stocks, {**result.project_names, **result.stockpile_names}
    )


def _conflict_sentences(wording: FrontierWording) -> list[Part]:
    """Return sentences on the rules that conflict at values without a feasible plan."""
    infeasible_points = [point for point in wording.result.points if point.conflict]
    cells = format_values(wording, [point.value for point in infeasible_points])
    return [
        tr("At {value}: {rules}.", value=value, rules="; ".join(point.conflict))
        for value, point in zip(cells, infeasible_points, strict=True)
    ]


def _proof_parts(wording: FrontierWording) -> Iterator[Part]:
    """Yield the table of the points' gaps, and a note on plans and bounds that points share."""
    result = wording.result
    point_gaps = [point.gap for point in result.points if point.gap is not None]
    limited_count = sum(point.status in ("limit", "none") for point in result.points)
    yield wording.proof_table(
        (tr("Points"), format_number(len(result.points))),
        (tr("Largest gap"), format_small_percent(max(point_gaps, default=None))),
        (tr("Points stopped early"), format_number(limited_count)),
    )
    if result.loosens:
        yield tr(
            "A higher value only loosens rules: plans are carried on to higher values where they "
            "are better, and bounds to lower ones."
        )
