"""What the answer rests on, as a document."""

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
    """What moves the answer, what turns it, and at what value."""
    say = Wording(result)
    return say.build_document(
        tr("Vorrat: what the answer rests on"),
        list(_answer_parts(say)),
        [
            Section("swings", tr("What moves the best plan"), _swing_parts(say)),
            Section("turns", tr("Where the decision turns"), _turning_parts(say)),
            Section("own", tr("How this plan fares"), _plan_outcome_parts(say)),
            Section("screen", tr("All inputs moved together"), list(_screening_parts(say))),
            Section("method", tr("How it was computed"), list(_method_parts(say))),
        ],
    )


def _answer_parts(wording: SensitivityWording) -> Iterator[Part]:
    """What moves the answer most, and what turns it."""
    found = wording.result
    yield tr(
        "As things are, {what} with the plan is {expected}; its objective is {objective}, that of "
        "the best plan {best}.",
        what=wording.expected_outcome,
        expected=wording.amount(found.own.expected),
        objective=wording.amount(found.own.objective),
        best=format_range(found.best.objective),
    )
    yield from sensitivity_wording.describe_base_decision(wording)
    if not found.inputs:
        yield tr("No input was varied to both ends of its range.")
        return
    yield _describe_leading_input(wording)
    if found.decision == "same":
        yield from _describe_turning_inputs(wording)
    early = [tr("Stopped early: inputs are missing.")] if found.ended == "interrupted" else []
    wide = tr(
        "Inputs are moved one at a time over ranges that are chosen, not estimated: a longer bar "
        "may only mean a wider range."
    )
    yield doc.Caution([*early, *wording.few_states_caution(), wide])


def _describe_leading_input(wording: SensitivityWording) -> str:
    """What the best plan depends on most."""
    first = sensitivity_wording.leading_input(wording.result)
    if first is None:
        return tr(
            "No input is proven to move the objective of the best plan: the gaps leave it open."
        )
    low, high = first.low, first.high
    about = {"name": sensitivity_wording.input_name(wording, first)}
    about |= {
        "low": sensitivity_wording.end_value_text(wording, first, low),
        "high": sensitivity_wording.end_value_text(wording, first, high),
    }
    if low.best is None or high.best is None:
        return tr(
            "Most depends on: {name}. At one end of {low} to {high} no plan keeps all rules.",
            **about,
        )
    return tr(
        "Most depends on: {name}. From {low} to {high}, the objective of the best plan goes from "
        "{before} to {after}.",
        before=format_range(low.best.objective),
        after=f"{format_range(high.best.objective)} {wording.unit}",
        **about,
    )


def _describe_turning_inputs(wording: SensitivityWording) -> Iterator[str]:
    """How many inputs turn the decision, which first, and which may."""
    found, some, open_ = (
        wording.result,
        sensitivity_wording.turning_inputs(wording.result),
        sensitivity_wording.undecided_inputs(wording),
    )
    about = {
        "count": format_number(len(found.inputs)),
        "tolerance": format_small_percent(found.tolerance),
    }
    if not some and not open_:
        yield tr(
            "None of {count} inputs, one at a time, turns the decision at an end of its range: "
            "there the plan is proven to stay within {tolerance} of the best.",
            **about,
        )
        return
    yield tr(
        "{some} of {count} inputs, one at a time, turn the decision within their range: another "
        "plan is better by more than {tolerance} of the objective, or this one breaks a rule.",
        some=format_number(len(some)),
        **about,
    )
    if some:
        nearest = "; ".join(_describe_break_evens(wording, one) for one in some[:MAX_NAMED_INPUTS])
        yield tr("Nearest to turn: {inputs}.", inputs=nearest)
    if open_:
        yield tr("Not decided before the limit: {inputs}.", inputs=", ".join(open_))


def _describe_break_evens(wording: SensitivityWording, varied_input: SensitivityInput) -> str:
    """An input with the values between which it turns the decision."""
    ends = [
        sensitivity_wording.turning_values(wording, varied_input, turn)
        for turn in varied_input.break_evens
    ]
    told = [tr("between {good} and {changed}", good=g, changed=c) for g, c in ends]
    base = sensitivity_wording.value_text(
        wording, varied_input, varied_input.base, varied_input.base_number
    )
    now = tr(
        "{name} (now {base})", name=sensitivity_wording.input_name(wording, varied_input), base=base
    )
    return f"{now}: {', '.join(told)}" if told else now


def _input_columns(wording: SensitivityWording) -> list[Column]:
    """The columns that name an input and its range."""
    return [
        Column(tr("Input"), lambda one: sensitivity_wording.input_name(wording, one), "text"),
        Column(tr("Low"), lambda one: sensitivity_wording.end_value_text(wording, one, one.low)),
        Column(tr("High"), lambda one: sensitivity_wording.end_value_text(wording, one, one.high)),
    ]


def _swing_parts(wording: SensitivityWording) -> list[Part]:
    """How far the best plan's objective moves, the widest first."""
    found = wording.result
    if not found.inputs:
        return []

    def best(point: SensitivityPoint) -> object:
        if point.best is None:
            return tr("no plan") if point.status == "infeasible" else None
        return point.best.objective

    def swing(one: SensitivityInput) -> object:
        proven = one.swing is None or (one.swing.low > 0 and one.swing.high < float("inf"))
        return one.swing if proven else tr("within the gaps")

    def bar(one: SensitivityInput) -> charts.TornadoBar:
        low, high = one.low, one.high
        bests = [end.best.objective.high if end.best else None for end in (low, high)]
        marks = [end.decision if end.decision in charts.MARK_SHAPES else "" for end in (low, high)]
        return charts.TornadoBar(
            sensitivity_wording.input_name(wording, one),
            (
                sensitivity_wording.end_value_text(wording, one, low),
                sensitivity_wording.end_value_text(wording, one, high),
            ),
            (bests[0], bests[1]),
            (low.own.objective, high.own.objective),
            (marks[0], marks[1]),
        )

    title = tr("Objective of the best plan, and of this one ({unit})", unit=wording.unit)
    shows = tr(
        "Two bars an input, from the objective as things are to that at the low and at the high "
        "end; below, framed, the same of this plan carried out all the same. The longest come "
        "first."
    )
    base, drawn = found.best.objective.high, found.inputs[:MAX_TORNADO_BARS]
    chart = Chart(
        "tornado", title, shows, lambda: charts.tornado([*map(bar, drawn)], base, wording.unit)
    )
    columns = [
        *_input_columns(wording),
        Column(tr("Best plan at low"), lambda one: best(one.low), "range"),
        Column(tr("Best plan at high"), lambda one: best(one.high), "range"),
        Column(tr("Swing"), swing, "range"),
    ]
    note = tr(
        "At least: the proven bound. At most: the best plan that is known. A swing of at least 0 "
        "may be none. As things are: {base}.",
        base=format_range(found.best.objective),
    )
    return [Table(title, found.inputs, columns, "swings", note, chart=chart)]


class TurningEnd(NamedTuple):
    """An end of an input's range at which the decision is another, and where it turns."""

    varied_input: SensitivityInput
    point: SensitivityPoint
    break_even: BreakEven | None


def _turning_parts(wording: SensitivityWording) -> list[Part]:
    """Where the decision turns, and what becomes of it."""
    found = wording.result
    rows = [
        TurningEnd(one, point, next((t for t in one.break_evens if t.toward == toward), None))
        for one in sensitivity_wording.turning_inputs(found)
        for point, toward in ((one.low, "low"), (one.high, "high"))
        if point.decision in ("changed", "broken")
    ]

    def at(row: TurningEnd) -> tuple[str, str]:
        """The last value that is right and the first that is not."""
        end = sensitivity_wording.end_value_text(wording, row.varied_input, row.point)
        return (
            (NO_VALUE, end)
            if row.break_even is None
            else sensitivity_wording.turning_values(wording, row.varied_input, row.break_even)
        )

    def then(row: TurningEnd) -> str:
        """What is different at an end: rules that break, what enters, leaves and moves."""
        point = row.point
        none = tr("no plan keeps all rules") if point.status == "infeasible" else ""
        held = {**(point.best.stocks_t if point.best else {}), **found.stocks_t}
        told = [
            sensitivity_wording.broken_rules_text(point.broken),
            none,
            describe_plan_diff(wording, point, held),
        ]
        return "; ".join(filter(None, told)) or tr("another plan is better")

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
        Column(tr("Still right at"), lambda row: at(row)[0]),
        Column(tr("No longer at"), lambda row: at(row)[1]),
        Column(
            tr("End of the range"),
            lambda row: sensitivity_wording.end_value_text(wording, row.varied_input, row.point),
        ),
        Column(tr("Then, at that end"), then, "text"),
        Column(tr("The plan is worse by"), "point.regret", "range", media=doc.PAGE_AND_SHEET),
    ]
    note = tr(
        "Still right: no plan is better by more than {tolerance} of the objective. Both values are "
        "proven. The nearest to turn come first.",
        tolerance=format_small_percent(found.tolerance),
    )
    return [Table(tr("Where the decision turns"), rows, columns, "turns", note)] if rows else []


def _plan_outcome_parts(wording: SensitivityWording) -> list[Part]:
    """How the plan itself fares, by the swing of its expected damage."""
    rows = sorted(wording.result.inputs, key=lambda one: -one.own_swing_expected)
    if not rows:
        return []

    def regret(point: SensitivityPoint) -> object:
        tags = ", ".join(dict.fromkeys(rule.partition(" ")[0] for rule in point.broken))
        return tr("breaks {rules}", rules=tags) if tags else point.regret

    columns = [
        *_input_columns(wording),
        Column(tr("At low"), "low.own.expected", group=tr("Expected")),
        Column(tr("At high"), "high.own.expected", group=tr("Expected")),
        Column(tr("Regret at low"), lambda one: regret(one.low), "range"),
        Column(tr("Regret at high"), lambda one: regret(one.high), "range"),
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
    """Which inputs matter when all move together."""
    made = wording.result.screen
    if made is None:
        return
    yield tr(
        "Here all inputs move together, along {paths} random paths of one step an input (Morris "
        "1991). An input with a small mean effect of going through its range hardly matters, "
        "whatever the others are; a spread as large says that its effect depends on them.",
        paths=format_number(made.trajectories),
    )
    damage, best = (
        {row.id: row.mu_star for row in rows or ()} for rows in (made.own_expected, made.best)
    )
    own, others = tr("Objective of this plan"), tr("Mean effect on others")
    columns = [
        Column(
            tr("Input"), lambda row: sensitivity_wording.input_name_by_id(wording, row.id), "text"
        ),
        Column(tr("Mean effect"), "mu_star", group=own),
        Column(tr("± (95 %)"), "mu_star_confidence", group=own),
        Column(tr("Spread"), "sigma", group=own),
        Column(
            tr("Its expected damage"),
            lambda row: damage[row.id],
            group=others,
            media=doc.PAGE_AND_SHEET,
        ),
    ]
    if best:
        header = tr("Objective of the best plan")
        columns.append(Column(header, lambda r: best[r.id], group=others, media=doc.PAGE_AND_SHEET))
    title = tr("Effects of all inputs together ({unit})", unit=wording.unit)
    drawn = [
        (
            sensitivity_wording.input_name_by_id(wording, row.id),
            row.mu_star,
            row.mu_star_confidence,
            row.sigma,
        )
        for row in made.own[:MAX_SCREEN_ROWS]
    ]
    shows = tr("Two bars an input: the mean size of its effects, and how much they differ.")
    chart = Chart("screen", title, shows, lambda: charts.screening_bars(drawn, wording.unit))
    yield Table(title, made.own, columns, "screen", chart=chart, max_terminal_rows=MAX_SCREEN_ROWS)
    if made.best is not None:
        yield tr(
            "The largest gap of these solves is {gap}.", gap=format_small_percent(made.best_gap)
        )
    if made.left_out:
        left = ", ".join(sensitivity_wording.input_name_by_id(wording, id) for id in made.left_out)
        yield tr("Left out, since others move the same numbers: {inputs}.", inputs=left)


def _method_parts(wording: SensitivityWording) -> Iterator[Part]:
    """What was asked at each value, and how good the answers are."""
    found = wording.result
    gap, largest = (
        format_small_percent(found.gap_target),
        format_small_percent(sensitivity_wording.largest_gap(found)),
    )
    told = [
        tr(
            "At both ends of each range the best plan was sought anew, to a gap of {gap}; the "
            "largest gap left is {largest}. What lies within the gaps is called no effect.",
            gap=gap,
            largest=largest,
        ),
        tr(
            "A break-even lies between a value at which no plan is better by more than {tolerance} "
            "and one at which a plan is, or this one breaks a rule; both are proven. Between them, "
            "and beyond, the decision may turn more than once.",
            tolerance=format_small_percent(found.tolerance),
        ),
    ]
    supply = () if found.case is None else found.case.supply
    moved = any(one.kind == "demand" for one in found.inputs)
    if moved and any(row.share is not None for row in supply):
        told.append(tr("Supply that is given as a share of need moves along with demand."))
    yield doc.Bullets(told)
    yield wording.proof_table(
        (tr("Inputs"), format_number(len(found.inputs))), (tr("Largest gap"), largest)
    )
