"""Document on a sensitivity analysis."""

from collections.abc import Iterator
from typing import NamedTuple

from models.language import tr
from models.results import BreakEven, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.analyses.sensitivity import sensitivity_wording
from optimizer.analyses.sensitivity.sensitivity_wording import SensitivityWording
from optimizer.report import document as doc
from optimizer.report.cells import format_range
from optimizer.report.charts import Chart
from optimizer.report.charts import sensitivity as charts
from optimizer.report.document import Column, Document, Part, Section, Table
from optimizer.report.number_format import NO_VALUE, format_number, format_small_percent
from optimizer.report.wording import Wording

MAX_TORNADO_BARS, MAX_SCREEN_ROWS, MAX_NAMED_INPUTS = 18, 15, 4


def build_document(result: Sensitivity) -> Document:
    """Build the document on a sensitivity analysis: which inputs change the answer, and where the
    decision changes."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what the answer rests on"),
        list(_answer_parts(wording)),
        [
            Section("swings", tr("What moves the best plan"), _swing_parts(wording)),
            Section("turns", tr("Where the decision turns"), _turning_parts(wording)),
            Section("own", tr("How this plan fares"), _plan_outcome_parts(wording)),
            Section("screen", tr("All inputs moved together"), list(_screening_parts(wording))),
            Section("method", tr("How it was computed"), list(_method_parts(wording))),
        ],
    )


def _answer_parts(wording: SensitivityWording) -> Iterator[Part]:
    """Yield the plan's outcome, the most important input and those that change the decision."""
    result = wording.result
    yield tr(
        "As things are, {what} with the plan is {expected}; its objective is {objective}, that of "
        "the best plan {best}.",
        what=wording.expected_outcome,
        expected=wording.amount(result.own.expected),
        objective=wording.amount(result.own.objective),
        best=format_range(result.best.objective),
    )
    yield from sensitivity_wording.describe_base_decision(wording)
    if not result.inputs:
        yield tr("No input was varied to both ends of its range.")
        return
    yield _describe_leading_input(wording)
    if result.decision == "same":
        yield from _describe_turning_inputs(wording)
    early_stop = [tr("Stopped early: inputs are missing.")] if result.ended == "interrupted" else []
    range_caution = tr(
        "Inputs are moved one at a time over ranges that are chosen, not estimated: a longer bar "
        "may only mean a wider range."
    )
    yield doc.Caution([*early_stop, *wording.few_states_caution(), range_caution])


def _describe_leading_input(wording: SensitivityWording) -> str:
    """Return a sentence on the input on which the objective of the best plan depends most."""
    varied_input = sensitivity_wording.leading_input(wording.result)
    if varied_input is None:
        return tr(
            "No input is proven to move the objective of the best plan: the gaps leave it open."
        )
    low, high = varied_input.low, varied_input.high
    sentence_fields = {"name": sensitivity_wording.input_name(wording, varied_input)}
    sentence_fields |= {
        "low": sensitivity_wording.end_value_text(wording, varied_input, low),
        "high": sensitivity_wording.end_value_text(wording, varied_input, high),
    }
    if low.best is None or high.best is None:
        return tr(
            "Most depends on: {name}. At one end of {low} to {high} no plan keeps all rules.",
            **sentence_fields,
        )
    return tr(
        "Most depends on: {name}. From {low} to {high}, the objective of the best plan goes from "
        "{before} to {after}.",
        before=format_range(low.best.objective),
        after=f"{format_range(high.best.objective)} {wording.unit}",
        **sentence_fields,
    )


def _describe_turning_inputs(wording: SensitivityWording) -> Iterator[str]:
    """Yield sentences on the inputs that change the decision: their number, the nearest of them,
    and those left undecided."""
    result = wording.result
    turning_inputs = sensitivity_wording.turning_inputs(wording.result)
    undecided_names = sensitivity_wording.undecided_inputs(wording)
    sentence_fields = {
        "count": format_number(len(result.inputs)),
        "tolerance": format_small_percent(result.tolerance),
    }
    if not turning_inputs and not undecided_names:
        yield tr(
            "None of {count} inputs, one at a time, turns the decision at an end of its range: "
            "there the plan is proven to stay within {tolerance} of the best.",
            **sentence_fields,
        )
        return
    yield tr(
        "{some} of {count} inputs, one at a time, turn the decision within their range: another "
        "plan is better by more than {tolerance} of the objective, or this one breaks a rule.",
        some=format_number(len(turning_inputs)),
        **sentence_fields,
    )
    if turning_inputs:
        nearest_break_evens = "; ".join(
            _describe_break_evens(wording, x) for x in turning_inputs[:MAX_NAMED_INPUTS]
        )
        yield tr("Nearest to turn: {inputs}.", inputs=nearest_break_evens)
    if undecided_names:
        yield tr("Not decided before the limit: {inputs}.", inputs=", ".join(undecided_names))


def _describe_break_evens(wording: SensitivityWording, varied_input: SensitivityInput) -> str:
    """Return the name of an input with the values between which it changes the decision."""
    end_texts = [
        sensitivity_wording.turning_values(wording, varied_input, break_even)
        for break_even in varied_input.break_evens
    ]
    range_texts = [
        tr("between {good} and {changed}", good=unchanged_text, changed=changed_text)
        for unchanged_text, changed_text in end_texts
    ]
    base_text = sensitivity_wording.value_text(
        wording, varied_input, varied_input.base, varied_input.base_number
    )
    name = tr(
        "{name} (now {base})",
        name=sensitivity_wording.input_name(wording, varied_input),
        base=base_text,
    )
    return f"{name}: {', '.join(range_texts)}" if range_texts else name


def _input_columns(wording: SensitivityWording) -> list[Column]:
    """Return the columns with the name of an input and its low and high value."""
    return [
        Column(tr("Input"), lambda row: sensitivity_wording.input_name(wording, row), "text"),
        Column(tr("Low"), lambda row: sensitivity_wording.end_value_text(wording, row, row.low)),
        Column(tr("High"), lambda row: sensitivity_wording.end_value_text(wording, row, row.high)),
    ]


def _swing_parts(wording: SensitivityWording) -> list[Part]:
    """Return the table and chart of the best plan's objective at the ends of each input, the widest
    swing first."""
    result = wording.result
    if not result.inputs:
        return []

    def best_objective(point: SensitivityPoint) -> object:
        if point.best is None:
            return tr("no plan") if point.status == "infeasible" else None
        return point.best.objective

    def proven_swing(varied_input: SensitivityInput) -> object:
        is_proven = varied_input.swing is None or (
            varied_input.swing.low > 0 and varied_input.swing.high < float("inf")
        )
        return varied_input.swing if is_proven else tr("within the gaps")

    def tornado_bar(varied_input: SensitivityInput) -> charts.TornadoBar:
        low, high = varied_input.low, varied_input.high
        best_objectives = [end.best.objective.high if end.best else None for end in (low, high)]
        end_marks = [
            end.decision if end.decision in charts.MARK_SHAPES else "" for end in (low, high)
        ]
        return charts.TornadoBar(
            sensitivity_wording.input_name(wording, varied_input),
            (
                sensitivity_wording.end_value_text(wording, varied_input, low),
                sensitivity_wording.end_value_text(wording, varied_input, high),
            ),
            (best_objectives[0], best_objectives[1]),
            (low.own.objective, high.own.objective),
            (end_marks[0], end_marks[1]),
        )

    title = tr("Objective of the best plan, and of this one ({unit})", unit=wording.unit)
    description = tr(
        "Two bars an input, from the objective as things are to that at the low and at the high "
        "end; below, framed, the same of this plan carried out all the same. The longest come "
        "first."
    )
    base_objective, shown_inputs = result.best.objective.high, result.inputs[:MAX_TORNADO_BARS]
    chart = Chart(
        "tornado",
        title,
        description,
        lambda: charts.tornado([*map(tornado_bar, shown_inputs)], base_objective, wording.unit),
    )
    columns = [
        *_input_columns(wording),
        Column(tr("Best plan at low"), lambda row: best_objective(row.low), "range"),
        Column(tr("Best plan at high"), lambda row: best_objective(row.high), "range"),
        Column(tr("Swing"), proven_swing, "range"),
    ]
    note = tr(
        "At least: the proven bound. At most: the best plan that is known. A swing of at least 0 "
        "may be none. As things are: {base}.",
        base=format_range(result.best.objective),
    )
    return [Table(title, result.inputs, columns, "swings", note, chart=chart)]


class TurningEnd(NamedTuple):
    """An end of an input's range at which the decision changes, with the break-even on the way to
    it."""

    varied_input: SensitivityInput
    point: SensitivityPoint
    break_even: BreakEven | None


def _turning_parts(wording: SensitivityWording) -> list[Part]:
    """Return the table of the ends at which the decision changes, and how it changes."""
    result = wording.result
    rows = [
        TurningEnd(
            varied_input,
            point,
            next((x for x in varied_input.break_evens if x.toward == toward), None),
        )
        for varied_input in sensitivity_wording.turning_inputs(result)
        for point, toward in ((varied_input.low, "low"), (varied_input.high, "high"))
        if point.decision in ("changed", "broken")
    ]

    def turning_texts(row: TurningEnd) -> tuple[str, str]:
        """Return the last value at which the plan is right and the first at which it is not."""
        end = sensitivity_wording.end_value_text(wording, row.varied_input, row.point)
        return (
            (NO_VALUE, end)
            if row.break_even is None
            else sensitivity_wording.turning_values(wording, row.varied_input, row.break_even)
        )

    def describe_end(row: TurningEnd) -> str:
        """Return a text on the rules that the plan breaks at an end, and on how the best plan there
        differs."""
        point = row.point
        no_plan_text = tr("no plan keeps all rules") if point.status == "infeasible" else ""
        stocks = {**(point.best.stocks_t if point.best else {}), **result.stocks_t}
        texts = [
            sensitivity_wording.broken_rules_text(point.broken),
            no_plan_text,
            describe_plan_diff(wording, point, stocks),
        ]
        return "; ".join(filter(None, texts)) or tr("another plan is better")

    columns = [
        Column(
            tr("Input"),
            lambda row: sensitivity_wording.input_name(wording, row.varied_input),
            "text",
        ),
        Column(
            tr("As it is"),
            lambda r: sensitivity_wording.value_text(
                wording, r.varied_input, r.varied_input.base, r.varied_input.base_number
            ),
        ),
        Column(tr("Still right at"), lambda row: turning_texts(row)[0]),
        Column(tr("No longer at"), lambda row: turning_texts(row)[1]),
        Column(
            tr("End of the range"),
            lambda row: sensitivity_wording.end_value_text(wording, row.varied_input, row.point),
        ),
        Column(tr("Then, at that end"), describe_end, "text"),
        Column(tr("The plan is worse by"), "point.regret", "range", media=doc.PAGE_AND_SHEET),
    ]
    note = tr(
        "Still right: no plan is better by more than {tolerance} of the objective. Both values are "
        "proven. The nearest to turn come first.",
        tolerance=format_small_percent(result.tolerance),
    )
    return [Table(tr("Where the decision turns"), rows, columns, "turns", note)] if rows else []


def _plan_outcome_parts(wording: SensitivityWording) -> list[Part]:
    """Return the table of this plan's expected damage and regret at both ends of each input.

    Inputs are sorted by the range of expected damage, the largest first.
    """
    rows = sorted(wording.result.inputs, key=lambda row: -row.own_swing_expected)
    if not rows:
        return []

    def regret_or_rules(point: SensitivityPoint) -> object:
        tags = ", ".join(dict.fromkeys(rule.partition(" ")[0] for rule in point.broken))
        return tr("breaks {rules}", rules=tags) if tags else point.regret

    columns = [
        *_input_columns(wording),
        Column(tr("At low"), "low.own.expected", group=tr("Expected")),
        Column(tr("At high"), "high.own.expected", group=tr("Expected")),
        Column(tr("Regret at low"), lambda row: regret_or_rules(row.low), "range"),
        Column(tr("Regret at high"), lambda row: regret_or_rules(row.high), "range"),
    ]
    note = tr(
        "Exact on the scenario's states. Regret: the plan's objective less that of the best plan "
        "there. Where the plan breaks a rule, its damage is shown as if carried out, and there is "
        "no regret."
    )
    title = tr("Expected damage with this plan ({unit})", unit=wording.unit)
    if not wording.counts_damage:
        title = tr("Expected shortage with this plan ({unit})", unit=wording.unit)
    return [Table(title, rows, columns, "own", note)]


def _screening_parts(wording: SensitivityWording) -> Iterator[Part]:
    """Yield the results of the screening: which inputs are important if all of them vary
    together."""
    screening = wording.result.screen
    if screening is None:
        return
    yield tr(
        "Here all inputs move together, along {paths} random paths of one step an input (Morris "
        "1991). An input with a small mean effect of going through its range hardly matters, "
        "whatever the others are; a spread as large says that its effect depends on them.",
        paths=format_number(screening.trajectories),
    )
    damage_effects, best_effects = (
        {row.id: row.mu_star for row in rows or ()}
        for rows in (screening.own_expected, screening.best)
    )
    own_group, other_group = tr("Objective of this plan"), tr("Mean effect on others")
    columns = [
        Column(
            tr("Input"), lambda row: sensitivity_wording.input_name_by_id(wording, row.id), "text"
        ),
        Column(tr("Mean effect"), "mu_star", group=own_group),
        Column(tr("± (95 %)"), "mu_star_confidence", group=own_group),
        Column(tr("Spread"), "sigma", group=own_group),
        Column(
            tr("Its expected damage"),
            lambda row: damage_effects[row.id],
            group=other_group,
            media=doc.PAGE_AND_SHEET,
        ),
    ]
    if best_effects:
        header = tr("Objective of the best plan")
        columns.append(
            Column(
                header, lambda r: best_effects[r.id], group=other_group, media=doc.PAGE_AND_SHEET
            )
        )
    title = tr("Effects of all inputs together ({unit})", unit=wording.unit)
    bars = [
        (
            sensitivity_wording.input_name_by_id(wording, row.id),
            row.mu_star,
            row.mu_star_confidence,
            row.sigma,
        )
        for row in screening.own[:MAX_SCREEN_ROWS]
    ]
    description = tr("Two bars an input: the mean size of its effects, and how much they differ.")
    chart = Chart("screen", title, description, lambda: charts.screening_bars(bars, wording.unit))
    yield Table(
        title, screening.own, columns, "screen", chart=chart, max_terminal_rows=MAX_SCREEN_ROWS
    )
    if screening.best is not None:
        yield tr(
            "The largest gap of these solves is {gap}.",
            gap=format_small_percent(screening.best_gap),
        )
    if screening.left_out:
        left_out = ", ".join(
            sensitivity_wording.input_name_by_id(wording, id) for id in screening.left_out
        )
        yield tr("Left out, since others move the same numbers: {inputs}.", inputs=left_out)


def _method_parts(wording: SensitivityWording) -> Iterator[Part]:
    """Yield notes on what was solved at each value, with the largest gap."""
    result = wording.result
    gap = format_small_percent(result.gap_target)
    largest_gap = format_small_percent(sensitivity_wording.largest_gap(result))
    notes = [
        tr(
            "At both ends of each range the best plan was searched for again, to a gap of "
            "{gap}; the largest gap left is {largest}. What lies within the gaps is called "
            "no effect.",
            gap=gap,
            largest=largest_gap,
        ),
        tr(
            "A break-even lies between a value at which no plan is better by more than {tolerance} "
            "and one at which a plan is, or this one breaks a rule; both are proven. Between them, "
            "and beyond, the decision may turn more than once.",
            tolerance=format_small_percent(result.tolerance),
        ),
    ]
    supply = () if result.case is None else result.case.supply
    demand_varied = any(varied_input.kind == "demand" for varied_input in result.inputs)
    if demand_varied and any(row.share is not None for row in supply):
        notes.append(tr("Supply that is given as a share of need moves along with demand."))
    yield doc.Bullets(notes)
    yield wording.proof_table(
        (tr("Inputs"), format_number(len(result.inputs))), (tr("Largest gap"), largest_gap)
    )
