"""Sections on optimality gap, value of information, and tail weight."""

from collections.abc import Iterable, Iterator

from models.language import tr
from models.results import Estimate, Evaluation, ProvenRange
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.report.cells import Z_95, format_estimate, format_range
from optimizer.report.charts import Chart
from optimizer.report.charts import evaluation as charts
from optimizer.report.document import Column, Part, Section, Table
from optimizer.report.metrics import metric_columns
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
)
from optimizer.report.wording import Wording

EvaluationWording = Wording[Evaluation]


def format_sampled_estimate(wording: EvaluationWording, figure: Estimate) -> str:
    """Format an estimate of damage with its sampling error and its unit."""
    return f"{format_estimate(figure)} {wording.unit}"


def format_nonnegative_range(wording: EvaluationWording, proven: ProvenRange) -> str:
    """Format the proven range of a nonnegative amount with its unit; negative ends are shown as
    0."""
    low, high = max(0.0, proven.low), max(0.0, proven.high)
    nonnegative = ProvenRange(low=low if low > ZERO_TOLERANCE else 0.0, high=high)
    return f"{format_range(nonnegative)} {wording.unit}"


def build_sections(wording: EvaluationWording) -> list[Section]:
    """Return a section for each part of the evaluation; the section of a part that was not
    requested is empty."""
    return [
        Section("quality", tr("How far from the best"), list(_optimality_gap_parts(wording))),
        Section("information", tr("What knowledge is worth"), list(_information_parts(wording))),
        Section("tail", tr("What caution costs"), list(_tail_parts(wording))),
    ]


def _names_or_nothing(wording: EvaluationWording, kind: str, item_ids: Iterable[str]) -> str:
    """Return the names of projects or stockpiles; the word "nothing" if there are none."""
    return wording.names(kind, item_ids) or tr("nothing")


def _own_states_note(wording: EvaluationWording) -> Iterator[str]:
    """Yield a note that figures are for the states that the plan was made for, if these were
    sampled."""
    if wording.result.fresh.sampled:
        yield tr(
            "The figures are those of the plan's own states, by which it was chosen: on others, "
            "planning for many states, or for the worst of them, gains less as a rule."
        )


def _optimality_gap_parts(wording: EvaluationWording) -> Iterator[Part]:
    """Yield a paragraph on the optimality gap, estimated from fresh samples."""
    gap = wording.result.gap
    if gap is None:
        return
    yield tr(
        "A plan made on a sample looks better there than it is. So {count} further samples "
        "of {states} states were each solved separately, and the plan was put beside the "
        "best for each. In the mean it is {mean} {unit} above what no plan can fall below; "
        "{solver} of that is due to solves that were not finished (multiple replications; "
        "Mak, Morton and Wood 1999).",
        count=format_number(len(gap.replications)),
        states=format_number(gap.states),
        mean=format_estimate(gap.mean),
        solver=format_number(gap.solver_share),
        unit=wording.unit,
    )


def _information_parts(wording: EvaluationWording) -> Iterator[Part]:
    """Yield the objectives EV, WS, RP and EEV, which differ in what is known at the decision, and
    the values of information."""
    information = wording.result.information
    if information is None:
        return
    eev = ProvenRange(low=information.mean_plan, high=information.mean_plan)
    levels = [
        (tr("If the mean state were certain (EV)"), information.mean_value_problem),
        (tr("If each state were known beforehand (WS)"), information.wait_and_see),
        (tr("Best plan for all states (RP)"), information.recourse_problem),
        (tr("Plan for the mean state, in all states (EEV)"), eev),
    ]
    values = [
        (tr("Worth knowing what comes (EVPI = RP - WS)"), information.evpi),
        (tr("Worth planning for many states (VSS = EEV - RP)"), information.vss),
    ]
    title = tr("Objective by what is known when deciding ({unit})", unit=wording.unit)
    chart = Chart(
        "ladder",
        title,
        tr(
            "Four bars, from the most knowledge to the least. Between the second and the third "
            "lies what foresight would be worth, between the third and the fourth what planning "
            "for uncertainty is worth."
        ),
        lambda: charts.information_ladder(
            [charts.InformationLevel(name, x.low, x.high) for name, x in levels],
            [(1, 2, tr("perfect information")), (2, 3, tr("planning for uncertainty"))],
            wording.unit,
        ),
    )
    columns = [Column(tr("Problem"), "0", "text"), Column(tr("Objective"), "1", "range")]
    note = tr(
        "Ranges hold what the solves prove. RP is never below EV or WS, and EEV never below RP "
        "(Birge and Louveaux 2011). EV may lie above WS, since projects are whole. The mean state "
        "has the mean of all supply, output and availability; it is none of the states."
    )
    yield Table(title, [*levels, *values], columns, "ladder", note, chart=chart)
    if information.states < information.of_states:
        yield tr(
            "{states} of {of} states were solved by themselves: chance may have moved WS and EVPI "
            "by {error} to either side (95 %).",
            states=format_number(information.states),
            of=format_number(information.of_states),
            error=format_rounded(Z_95 * (information.wait_and_see_error or 0.0)),
        )
    yield tr(
        "The plan for the mean state builds: {projects}. It buys stock for: {stockpiles}.",
        projects=_names_or_nothing(wording, "projects", information.mean_plan_projects),
        stockpiles=_names_or_nothing(wording, "stockpiles", information.mean_plan_stockpiles),
    )
    yield tr(
        "Releases of stock foresee their state in all of these: what early warning is worth to "
        "them is left out."
    )
    yield from _own_states_note(wording)


def _tail_parts(wording: EvaluationWording) -> Iterator[Part]:
    """Yield the cost in mean damage of a weight on the worst states, and the gain in the worst
    states."""
    tail = wording.result.tail
    if tail is None:
        return
    changes = DecisionDiff.between(
        *(Decisions(dict.fromkeys(x.projects, 0)) for x in (tail.neutral, tail.averse))
    )
    yield tr(
        "A plan that gives the worst {share} of states a weight of {weight} changes their mean by "
        "{moved}, and costs {premium} of the mean objective.",
        share=format_percent(1 - tail.level),
        weight=format_percent(tail.averse.weight),
        premium=format_nonnegative_range(wording, tail.premium),
        moved=wording.amount(-tail.bought),
    )
    yield tr(
        "Built in addition: {entering}. Left out: {leaving}.",
        entering=_names_or_nothing(wording, "projects", changes.entering),
        leaving=_names_or_nothing(wording, "projects", changes.leaving),
    )
    yield from _own_states_note(wording)
    columns = [
        Column(tr("Weight of the worst states"), lambda plan: format_percent(plan.weight), "text"),
        *metric_columns(wording, "expected", "cvar", "net_cost", "gap_left"),
    ]
    title = tr("Plans without and with a weight on the worst states")
    yield Table(title, [tail.neutral, tail.averse], columns, "tail")
