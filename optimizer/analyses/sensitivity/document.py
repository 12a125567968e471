"""Document on a sensitivity analysis."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from models.language import mark_translatable, tr
from models.results import BreakEven, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.report import document as doc
from optimizer.report.cells import format_range
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import Column, Document, Part, Section, Table
from optimizer.report.number_format import (
    NO_BREAK_SPACE,
    NO_VALUE,
    format_exact,
    format_number,
    format_small_percent,
    round_outwards,
    sanitize,
)
from optimizer.report.wording import Wording

SensitivityWording = Wording[Sensitivity]

INPUT_KINDS = {
    "hazard": (mark_translatable("Probability: {name}"), "hazards"),
    "damage": (mark_translatable("Damage of a missing tonne: {name}"), "materials"),
    "demand": (mark_translatable("Demand: {name}"), "materials"),
    "price": (mark_translatable("Price: {name}"), "materials"),
    "capex": (mark_translatable("Capex: {name}"), "projects"),
    "success": (mark_translatable("Chance of failure: {name}"), "projects"),
    "delay": (mark_translatable("Chance of delay: {name}"), "projects"),
}
"""Name template of each kind of input, and the kind of its subject."""
BROKEN_RULE_TEXTS = {
    "P5": mark_translatable("a ticket is smaller or larger than is allowed"),
    "P7": mark_translatable("the public share of a project is too high"),
    "P8": mark_translatable("state aid for a project is too high"),
    "S4": mark_translatable("stocks last for fewer days than is asked for"),
    "B1": mark_translatable("it cannot be paid from a funder's budget"),
    "B2": mark_translatable("it cannot be paid from the public budget"),
    "B3": mark_translatable("it cannot be paid from a budget line"),
    "B4": mark_translatable("more is guaranteed than a budget line allows"),
    "G1": mark_translatable("too much comes from one country"),
}
"""Explanation of a broken rule, by its tag."""


def input_name(wording: SensitivityWording, varied_input: SensitivityInput) -> str:
    """Return the name of an input in the current language."""
    if varied_input.kind == "input":
        return sanitize(varied_input.subject or varied_input.id)
    if varied_input.subject is None:
        return input_kind_name(varied_input.kind)
    template, kind = INPUT_KINDS[varied_input.kind]
    return tr(template, name=wording.name(kind, varied_input.subject))


def input_kind_name(kind: str) -> str:
    """Return the name of the input that changes all numbers of a kind; an unknown kind is returned
    as it is."""
    template, subject_kind = INPUT_KINDS.get(kind, (kind, ""))
    names = {"hazards": tr("all hazards"), "materials": tr("all materials")}
    return tr(template, name={**names, "projects": tr("all projects")}.get(subject_kind, ""))


def input_name_by_id(wording: SensitivityWording, id: str) -> str:
    """Return the name of the input that has this id."""
    return next((input_name(wording, x) for x in wording.result.inputs if x.id == id), sanitize(id))


def value_text(
    wording: SensitivityWording,
    varied_input: SensitivityInput,
    raw_value: float,
    number: float | None,
) -> str:
    """Return the text of an input's value: the number that it sets, or a factor if it sets several
    numbers."""
    figure = _shown_figure(varied_input, raw_value, number)
    is_count = varied_input.kind == "input" and figure.is_integer()
    if not is_count:  # three significant digits, but no rounding before the point
        figure = float(round(figure) if abs(figure) >= 1000 else f"{figure:.3g}")
    return _figure_text(wording, varied_input, figure, number)


def turning_values(
    wording: SensitivityWording, varied_input: SensitivityInput, break_even: BreakEven
) -> tuple[str, str]:
    """Return the texts of the last value at which the plan is right and of the first at which it is
    not.

    The first text is rounded towards values at which the plan is right, the second away from them,
    so that both remain proven.
    """
    unchanged_figure = _shown_figure(varied_input, break_even.good, break_even.good_number)
    changed_figure = _shown_figure(varied_input, break_even.changed, break_even.changed_number)
    places = 3 - math.floor(math.log10(max(abs(unchanged_figure), abs(changed_figure), 1e-9)))
    if (
        varied_input.kind == "input"
        and unchanged_figure.is_integer()
        and changed_figure.is_integer()
    ):
        places = 0
    range_ends = (
        round_outwards(unchanged_figure, places, up=unchanged_figure > changed_figure),
        round_outwards(changed_figure, places, up=changed_figure > unchanged_figure),
    )
    return _figure_text(wording, varied_input, range_ends[0], break_even.good_number), _figure_text(
        wording, varied_input, range_ends[1], break_even.good_number
    )


def _shown_figure(varied_input: SensitivityInput, raw_value: float, number: float | None) -> float:
    """Return the figure that stands for an input's value: a factor, a probability in percent, or
    the number itself."""
    if number is None:
        return raw_value
    return {"hazard": 100 * number, "success": 100 * (1 - number)}.get(
        varied_input.kind, float(number)
    )


def _figure_text(
    wording: SensitivityWording, varied_input: SensitivityInput, figure: float, number: float | None
) -> str:
    """Return the text of an input's figure with its unit."""
    if number is None:
        return f"×{NO_BREAK_SPACE}{format_exact(figure)}"
    if varied_input.kind in ("hazard", "success"):
        return f"{format_exact(figure)}{NO_BREAK_SPACE}%"
    units = {"capex": wording.money_unit, "demand": tr("t")}
    units |= dict.fromkeys(("price", "damage"), f"{wording.currency}/t")
    return f"{format_exact(figure)} {units.get(varied_input.kind, '')}".rstrip()


def end_value_text(
    wording: SensitivityWording, varied_input: SensitivityInput, point: SensitivityPoint
) -> str:
    """Return the text of the value at an end of an input's range."""
    return value_text(wording, varied_input, point.value, point.number)


def broken_rules_text(broken_rules: Iterable[str]) -> str:
    """Return a text on the rules that a plan breaks, with each reason given once."""
    tags = dict.fromkeys(rule.partition(" ")[0] for rule in broken_rules)
    return "; ".join(
        tr(BROKEN_RULE_TEXTS[tag])
        if tag in BROKEN_RULE_TEXTS
        else tr("it breaks rule {tag}", tag=tag)
        for tag in tags
    )


def turning_inputs(sensitivity: Sensitivity) -> list[SensitivityInput]:
    """Return inputs that change the decision within their range, the nearest first.

    Empty if the plan is not proven right in the unchanged scenario.
    """

    def distance(varied_input: SensitivityInput) -> float:
        """Return the share of the way from the base value to the end of the range at which the
        decision changes."""
        range_ends = {"low": varied_input.low.value, "high": varied_input.high.value}
        distances = (
            abs(break_even.changed - varied_input.base)
            / max(abs(range_ends[break_even.toward] - varied_input.base), 1e-12)
            for break_even in varied_input.break_evens
        )
        return min(distances, default=1.0)

    decisive = {"changed", "broken"} if sensitivity.decision == "same" else set()
    turning = [x for x in sensitivity.inputs if decisive & {x.low.decision, x.high.decision}]
    return sorted(turning, key=distance)


def describe_base_decision(wording: SensitivityWording) -> Iterator[str]:
    """Yield why no break-evens were computed, if the plan is not proven to be right in the
    unchanged scenario."""
    result = wording.result
    if result.decision == "changed" and result.regret is not None:
        yield tr(
            "It is not the best plan even as things are: its objective is worse by {regret}. "
            "Break-evens were not searched for.",
            regret=f"{format_range(result.regret)} {wording.unit}",
        )
    elif result.decision == "open":
        yield tr(
            "Whether it is the best plan as things are was not decided before the limit. "
            "Break-evens were not searched for."
        )


def undecided_inputs(wording: SensitivityWording) -> list[str]:
    """Return the names of inputs for which it is open whether they change the decision."""
    turning = turning_inputs(wording.result)
    return [
        input_name(wording, varied_input)
        for varied_input in wording.result.inputs
        if varied_input not in turning
        and "open" in (varied_input.low.decision, varied_input.high.decision)
    ]


def leading_input(sensitivity: Sensitivity) -> SensitivityInput | None:
    """Return the input whose swing of the best plan's objective has the largest proven lower bound;
    None if no lower bound is positive.

    An input with an end at which no plan keeps all rules comes first.
    """

    def min_swing(varied_input: SensitivityInput) -> float:
        if "infeasible" in (varied_input.low.status, varied_input.high.status):
            return math.inf
        return 0.0 if varied_input.swing is None else varied_input.swing.low

    leading = max(sensitivity.inputs, key=min_swing, default=None)
    return leading if leading is not None and min_swing(leading) > 0 else None


def largest_gap(sensitivity: Sensitivity) -> float:
    """Return the largest relative gap of the best plans at all ends and in the unchanged
    scenario."""
    points = [
        point
        for varied_input in sensitivity.inputs
        for point in (varied_input.low, varied_input.high)
    ]
    objective_ranges = [
        sensitivity.best.objective,
        *(p.best.objective for p in points if p.best is not None),
    ]
    return max((r.high - r.low) / max(abs(r.high), 1e-6) for r in objective_ranges)


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
    yield from describe_base_decision(wording)
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
    varied_input = leading_input(wording.result)
    if varied_input is None:
        return tr(
            "No input is proven to move the objective of the best plan: the gaps leave it open."
        )
    low, high = varied_input.low, varied_input.high
    sentence_fields = {"name": input_name(wording, varied_input)}
    sentence_fields |= {
        "low": end_value_text(wording, varied_input, low),
        "high": end_value_text(wording, varied_input, high),
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
    turning = turning_inputs(wording.result)
    undecided_names = undecided_inputs(wording)
    sentence_fields = {
        "count": format_number(len(result.inputs)),
        "tolerance": format_small_percent(result.tolerance),
    }
    if not turning and not undecided_names:
        yield tr(
            "None of {count} inputs, one at a time, turns the decision at an end of its range: "
            "there the plan is proven to stay within {tolerance} of the best.",
            **sentence_fields,
        )
        return
    yield tr(
        "{some} of {count} inputs, one at a time, turn the decision within their range: another "
        "plan is better by more than {tolerance} of the objective, or this one breaks a rule.",
        some=format_number(len(turning)),
        **sentence_fields,
    )
    if turning:
        nearest_break_evens = "; ".join(
            _describe_break_evens(wording, x) for x in turning[:MAX_NAMED_INPUTS]
        )
        yield tr("Nearest to turn: {inputs}.", inputs=nearest_break_evens)
    if undecided_names:
        yield tr("Not decided before the limit: {inputs}.", inputs=", ".join(undecided_names))


def _describe_break_evens(wording: SensitivityWording, varied_input: SensitivityInput) -> str:
    """Return the name of an input with the values between which it changes the decision."""
    end_texts = [
        turning_values(wording, varied_input, break_even) for break_even in varied_input.break_evens
    ]
    range_texts = [
        tr("between {good} and {changed}", good=unchanged_text, changed=changed_text)
        for unchanged_text, changed_text in end_texts
    ]
    base_text = value_text(wording, varied_input, varied_input.base, varied_input.base_number)
    name = tr("{name} (now {base})", name=input_name(wording, varied_input), base=base_text)
    return f"{name}: {', '.join(range_texts)}" if range_texts else name


def _input_columns(wording: SensitivityWording) -> list[Column]:
    """Return the columns with the name of an input and its low and high value."""
    return [
        Column(tr("Input"), lambda row: input_name(wording, row), "text"),
        Column(tr("Low"), lambda row: end_value_text(wording, row, row.low)),
        Column(tr("High"), lambda row: end_value_text(wording, row, row.high)),
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
            input_name(wording, varied_input),
            (
                end_value_text(wording, varied_input, low),
                end_value_text(wording, varied_input, high),
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
        for varied_input in turning_inputs(result)
        for point, toward in ((varied_input.low, "low"), (varied_input.high, "high"))
        if point.decision in ("changed", "broken")
    ]

    def turning_texts(row: TurningEnd) -> tuple[str, str]:
        """Return the last value at which the plan is right and the first at which it is not."""
        end = end_value_text(wording, row.varied_input, row.point)
        return (
            (NO_VALUE, end)
            if row.break_even is None
            else turning_values(wording, row.varied_input, row.break_even)
        )

    def describe_end(row: TurningEnd) -> str:
        """Return a text on the rules that the plan breaks at an end, and on how the best plan there
        differs."""
        point = row.point
        no_plan_text = tr("no plan keeps all rules") if point.status == "infeasible" else ""
        stocks = {**(point.best.stocks_t if point.best else {}), **result.stocks_t}
        texts = [
            broken_rules_text(point.broken),
            no_plan_text,
            describe_plan_diff(wording, point, stocks),
        ]
        return "; ".join(filter(None, texts)) or tr("another plan is better")

    columns = [
        Column(tr("Input"), lambda row: input_name(wording, row.varied_input), "text"),
        Column(
            tr("As it is"),
            lambda r: value_text(
                wording, r.varied_input, r.varied_input.base, r.varied_input.base_number
            ),
        ),
        Column(tr("Still right at"), lambda row: turning_texts(row)[0]),
        Column(tr("No longer at"), lambda row: turning_texts(row)[1]),
        Column(
            tr("End of the range"), lambda row: end_value_text(wording, row.varied_input, row.point)
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


def _method_parts(wording: SensitivityWording) -> Iterator[Part]:
    """Yield notes on what was solved at each value, with the largest gap."""
    result = wording.result
    gap = format_small_percent(result.gap_target)
    gap_text = format_small_percent(largest_gap(result))
    notes = [
        tr(
            "At both ends of each range the best plan was searched for again, to a gap of "
            "{gap}; the largest gap left is {largest}. What lies within the gaps is called "
            "no effect.",
            gap=gap,
            largest=gap_text,
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
        (tr("Inputs"), format_number(len(result.inputs))), (tr("Largest gap"), gap_text)
    )
