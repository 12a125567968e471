"""Answer of an evaluation: its sentences, key figures and cautions."""

from collections.abc import Iterable, Iterator

from models import results
from models.language import tr
from models.results import Estimate, Evaluation, ProvenRange
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.report.cells import Z_95, format_estimate, format_range, half_width_95
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import Column, Fact, Part, Section, Table
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import MIN_STATES, Wording, metric_columns

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


MIN_TAIL_STATES = 100
"""With fewer states in the tail, the 95 % interval of the CVaR contains the true value less often
than stated: 84 times of 100 with ten states, 92 with a hundred (docs/benchmarks.md)."""


def other_scenario_name(result: Evaluation) -> str:
    """Return the name of the other scenario in whose states the plan is evaluated."""
    other_scenario = result.states_of
    assert other_scenario is not None
    if other_scenario.variant is None:
        return sanitize(other_scenario.title)
    variant_name = other_scenario.variant_title or other_scenario.variant
    return f"{sanitize(other_scenario.title)} ({sanitize(variant_name)})"


def _best_release_policy(result: Evaluation) -> results.ReleasePolicyOutcome | None:
    """Return the release policy with the least expected damage; None without any."""
    return min(result.rules, key=lambda rule: rule.performance.expected.value, default=None)


def _gap_share(result: Evaluation) -> float | None:
    """Return the upper confidence limit of the optimality gap, as a share of the objective; None if
    the gap was not computed or the objective is 0."""
    objective = abs(result.fresh.objective.value)
    return (
        None if result.gap is None or objective <= ZERO_TOLERANCE else result.gap.upper / objective
    )


def answer_sentences(wording: EvaluationWording) -> Iterator[str]:
    """Yield a paragraph for each question: avoided damage, release policy, optimality gap, budgets,
    information."""
    result = wording.result
    gap = wording.result.gap
    information = wording.result.information
    policy = _best_release_policy(wording.result)
    yield " ".join(_avoided_sentences(wording))
    if policy is not None:
        foresight = abs(result.fresh.with_plan.expected.value)
        is_equal = policy.above_foresight.value <= ZERO_TOLERANCE * max(1.0, foresight)
        yield (
            tr("An agency that cannot foresee the state releases stock just as well.")
            if is_equal
            else tr(
                "That figure assumes that releases foresee how long each disruption lasts. An "
                "agency that knows only past and present, and keeps {reserve} of planned stock for "
                "the dearer shortages, leaves {rule}: the best that can be reached lies between.",
                reserve=format_percent(policy.reserve),
                rule=format_sampled_estimate(wording, policy.performance.expected),
            )
        )
    if gap is not None:
        yield tr(
            "With {confidence} confidence no other plan has an objective that is better by more "
            "than {upper}, which is {share} of it.",
            confidence=format_percent(gap.confidence),
            upper=wording.amount(gap.upper),
            share=format_small_percent(_gap_share(result)),
        )
    if (risk := result.budget_risk) is not None:
        yield tr(
            "Projects may cost more than was announced: with {share} % probability every budget is "
            "enough all the same.",
            share=format_percentage(risk.all_hold),
        )
    if information is not None:
        half_width = Z_95 * (information.wait_and_see_error or 0.0)
        foreseen = tr(
            "To know before deciding which state comes would be worth {evpi}: no forecast can be "
            "worth more to what is decided now.",
            evpi=format_nonnegative_range(wording, information.evpi)
            + (f" (± {format_rounded(half_width)})" if half_width else ""),
        )
        vss = format_nonnegative_range(wording, information.vss)
        planning_sentence = tr(
            "To plan for many states rather than for their mean gains {vss}.", vss=vss
        )
        yield f"{foreseen} {planning_sentence}"


def _avoided_sentences(wording: EvaluationWording) -> Iterator[str]:
    """Yield sentences on the states used, the avoided damage, and the difference from the damage in
    the plan's original states."""
    result, fresh_evaluation = wording.result, wording.result.fresh
    if result.states_of is not None:
        scenario_name = other_scenario_name(result)
        yield tr(
            "The plan is judged in the states of {other}, which it was not made for.",
            other=scenario_name,
        )
    elif fresh_evaluation.sampled:
        count = format_number(fresh_evaluation.states)
        yield tr("The plan is judged on {states} states that it was not made for.", states=count)
    else:
        yield tr(
            "The scenario writes its states out, so that there are no others to judge the plan by."
        )
    yield tr(
        "The plan avoids {avoided} of {what}: {without} without it, {with_} with it.",
        avoided=format_sampled_estimate(wording, fresh_evaluation.avoided),
        what=wording.expected_outcome,
        without=format_estimate(fresh_evaluation.without_plan.expected),
        with_=format_estimate(fresh_evaluation.with_plan.expected),
    )
    args = {
        "own": wording.amount(result.own_expected),
        "moved": format_estimate(fresh_evaluation.optimism),
    }
    if result.states_of is not None:
        yield tr("On its own states {own} would be left.", **args)
    elif fresh_evaluation.sampled and abs(fresh_evaluation.optimism.value) <= half_width_95(
        fresh_evaluation.optimism
    ):
        yield tr(
            "On its own states {own} would be left: the difference of {moved} may be chance alone.",
            **args,
        )
    elif fresh_evaluation.sampled:
        yield tr(
            "On its own states {own} would be left: the difference of {moved} is more than chance "
            "explains.",
            **args,
        )


def key_facts(wording: EvaluationWording) -> Iterator[Fact]:
    """Yield the key figures that the document displays in large type."""
    result, fresh_evaluation = wording.result, wording.result.fresh
    is_exact = fresh_evaluation.avoided.standard_error is None
    yield Fact(
        tr("Damage avoided, mean") if wording.counts_damage else tr("Shortage avoided, mean"),
        format_sampled_estimate(wording, fresh_evaluation.avoided),
        tr("exact: all states are known") if is_exact else tr("± (95 %)"),
    )
    policy = _best_release_policy(result)
    if policy is not None:
        avoided_by_policy = wording.amount(
            fresh_evaluation.avoided.value - policy.above_foresight.value
        )
        policy_note = tr("by the best rule, reserve {share}", share=format_percent(policy.reserve))
        yield Fact(tr("Of that without foresight"), avoided_by_policy, policy_note)
    if result.gap is not None and (gap_share := _gap_share(result)) is not None:
        confidence_note = tr(
            "with {confidence} confidence", confidence=format_percent(result.gap.confidence)
        )
        yield Fact(tr("From the best at most"), format_small_percent(gap_share), confidence_note)
    if result.information is not None:
        vss = format_nonnegative_range(wording, result.information.vss)
        vss_note = tr("against a plan for the mean")
        yield Fact(tr("Planning for uncertainty is worth"), vss, vss_note)


def cautions(wording: EvaluationWording) -> Iterator[str]:
    """Yield cautions that limit the answer, for example small samples."""
    result, gap = wording.result, wording.result.gap
    if result.own_states < MIN_STATES:
        own_states = format_number(result.own_states)
        yield tr(
            "For illustration only: the plan was made for {states} states of the world.",
            states=own_states,
        )
    tail_states = (1 - result.cvar_level) * result.fresh.states
    if result.fresh.sampled and tail_states < MIN_TAIL_STATES:
        yield tr(
            "Of the fresh states, {count} are among the worst: what chance does to the CVaR is "
            "understated below {enough} of them.",
            count=format_number(tail_states, 0),
            enough=format_number(MIN_TAIL_STATES),
        )
    if gap is not None and (gap.mean.standard_error or 0.0) <= ZERO_TOLERANCE:
        yield tr(
            "All samples give the same distance from the best: chance does not show in so "
            "few. Take more of them, or more states in each."
        )


def format_percentage(estimate: Estimate) -> str:
    """Format an estimated probability and its sampling error as percentages."""
    error = estimate.standard_error
    error_percent = None if error is None else 100 * error
    return format_estimate(Estimate(value=100 * estimate.value, standard_error=error_percent))
