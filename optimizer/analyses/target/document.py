"""Document on the least value of a number at which a goal is reached."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import Target
from optimizer.analyses.shared_wording import (
    cells_by_value,
    format_with_unit,
    varied_number_header,
    varied_number_name,
    varied_unit,
)
from optimizer.report.document import Bullets, Caution, Column, Document, Part, Section, Table
from optimizer.report.number_format import (
    decimals_needed,
    format_number,
    format_percent,
    round_outwards,
    sanitize,
)
from optimizer.report.wording import Wording

TargetWording = Wording[Target]


def build_document(result: Target) -> Document:
    """Build the document on a target: the value needed, its proof, and the values that were
    tried."""
    wording = Wording(result)
    rules = [sanitize(f"{r.place}: {r.tag} {r.name}: {r.says}") for r in result.conflict]
    conflict_parts: list[Part] = [
        tr("No plan that keeps all of these rules reaches the goal; relax one of them:"),
        Bullets(rules),
    ]
    direct_note = tr(
        "Rules alone decide whether stocks last: one program of the first stage found the least "
        "spending, and its bound is the proof."
    )
    method_parts: list[Part] = [direct_note] if result.method == "direct" and not rules else []
    sections = [
        Section("trials", tr("Values that were tried"), _trial_tables(wording)),
        Section("conflict", tr("Why no plan reaches the goal"), conflict_parts if rules else []),
        Section("method", tr("How it was found"), method_parts),
    ]
    if result.plan is not None:
        from optimizer.analyses.plan import document as plan_document

        sections += plan_document.build_sections(result.plan)
    return wording.build_document(
        tr("Vorrat: what it takes to reach a goal"), list(_answer_parts(wording)), sections
    )


def _answer_parts(wording: TargetWording) -> Iterator[Part]:
    """Yield the goal, the least value that reaches it, and what is proven about smaller ones."""
    result = wording.result
    feasible_at = wording.result.feasible_at
    infeasible_below = wording.result.infeasible_below
    yield tr("The goal: {goal}.", goal=_goal_text(wording))
    args = {
        "number": varied_number_name(wording),
        "at": ""
        if feasible_at is None
        else _format_interval_end(wording, feasible_at, round_up=True),
    }
    if result.status == "unreachable":
        yield from _unreachable_sentences(wording)
    elif feasible_at is None:
        yield tr("Stopped before anything was found out.")
    elif infeasible_below is None:
        yield tr("{at} ({number}) reaches it: a plan does.", **args)
        if result.status == "proven":
            yield tr("That is the lowest value that was asked for.")
    else:
        yield tr(
            "It takes {at} ({number}): a plan reaches the goal there, and it is proven that none "
            "does with less than {below}.",
            below=_format_interval_end(wording, infeasible_below),
            **args,
        )
    if result.ended == "interrupted":
        yield Caution([tr("Stopped early: the interval could be narrowed further.")])
    elif result.status == "limit":
        tolerance = format_with_unit(result.tolerance, varied_unit(wording))
        caution = tr(
            "The interval is wider than {tolerance}: some values could not be decided in time.",
            tolerance=tolerance,
        )
        yield Caution([caution])


def _unreachable_sentences(wording: TargetWording) -> Iterator[Part]:
    """Yield the reason why no value reaches the goal, and how close the best plan comes to it."""
    result, infeasible_below = wording.result, wording.result.infeasible_below
    if infeasible_below is not None:
        value = _format_interval_end(wording, infeasible_below)
        yield tr(
            "No plan reaches it up to {value} ({number}).",
            value=value,
            number=varied_number_name(wording),
        )
    else:
        yield tr(
            "No plan reaches it, whatever the value ({number}).", number=varied_number_name(wording)
        )
    if result.best is not None and result.best_bound is not None:
        places = decimals_needed([result.best, result.best_bound])
        yield tr(
            "The best plan comes to {best}, and none can come below {bound}.",
            best=format_with_unit(round_outwards(result.best, places, up=True), wording.unit),
            bound=format_with_unit(
                round_outwards(result.best_bound, places, up=False), wording.unit
            ),
        )


def _format_interval_end(wording: TargetWording, value: float, *, round_up: bool = False) -> str:
    """Format an end of the interval with its unit.

    It is rounded down, or up if ``round_up`` is true, so that the interval is never too narrow.
    """
    result = wording.result
    width = (result.feasible_at or 0.0) - (result.infeasible_below or 0.0)
    resolution = max(result.tolerance / 100, min(width, result.tolerance), 1e-6)
    places = max(0, 1 - math.floor(math.log10(resolution)))
    rounded = round_outwards(value, places, up=round_up)
    return f"{format_number(rounded, places)} {varied_unit(wording)}".strip()


def _goal_text(wording: TargetWording) -> str:
    """Return a description of the goal in words."""
    goal_texts = []
    result, goal = wording.result, wording.result.goal
    if goal.figure is not None:
        names = {
            "expected": wording.expected_outcome,
            "cvar": tr(
                "mean of the worst {share} of states", share=format_percent(1 - result.cvar_level)
            ),
            "worst": tr("the worst state"),
        }
        args = {"figure": names[goal.figure], "level": format_with_unit(goal.level, wording.unit)}
        if goal.reduction is None:
            goal_texts.append(tr("{figure} at most {level}", **args))
        else:
            text = tr(
                "{figure} at most {level}, {share} below what comes without any plan",
                share=format_percent(goal.reduction),
                **args,
            )
            goal_texts.append(text)
    if goal.days:
        stock_goals = ", ".join(
            tr(
                "{stockpile} {days} days",
                stockpile=wording.name("stockpiles", h),
                days=format_number(days),
            )
            for h, days in goal.days.items()
        )
        year = goal.from_year
        goal_texts.append(
            tr("stocks that last, from {year} on: {listed}", year=year, listed=stock_goals)
        )
    return "; ".join(goal_texts)


def _trial_tables(wording: TargetWording) -> list[Part]:
    """Return the table of the values that were tried, by increasing value."""
    trials = sorted(wording.result.trials, key=lambda trial: trial.value)
    cells = cells_by_value(wording, [trial.value for trial in trials])
    outcomes = {
        "reached": tr("a plan reaches the goal"),
        "ruled out": tr("no plan reaches the goal"),
        "open": tr("not decided"),
    }
    columns = [
        Column(varied_number_header(wording), lambda trial: cells[trial.value]),
        Column(tr("What is proven"), lambda trial: outcomes[trial.outcome], "text"),
    ]
    if wording.result.goal.figure is not None:
        columns += [
            Column(tr("Plan found, {unit}", unit=wording.unit), "figure", "outcome"),
            Column(tr("None below, {unit}", unit=wording.unit), "bound", "outcome"),
        ]
    note = tr("Each value was searched only until it was decided.")
    title = tr("Values that were tried")
    return [Table(title, trials, columns, "trials", note)] if trials else []
