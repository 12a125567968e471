"""The least number that reaches a goal, as a document."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import Target
from optimizer.analyses.varied_number_words import (
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
    """What it takes, what proves it, and the values that were tried."""
    say = Wording(result)
    rules = [sanitize(f"{r.place}: {r.tag} {r.name}: {r.says}") for r in result.conflict]
    excluded: list[Part] = [
        tr("No plan that keeps all of these rules reaches the goal; relax one of them:"),
        Bullets(rules),
    ]
    direct = tr(
        "Rules alone decide whether stocks last: one program of the first stage found the least "
        "spending, and its bound is the proof."
    )
    method: list[Part] = [direct] if result.method == "direct" and not rules else []
    sections = [
        Section("trials", tr("Values that were tried"), _trial_tables(say)),
        Section("conflict", tr("Why no plan reaches the goal"), excluded if rules else []),
        Section("method", tr("How it was found"), method),
    ]
    if result.plan is not None:
        from optimizer.analyses.plan import document as of_plan

        sections += of_plan.build_sections(result.plan)
    return say.build_document(
        tr("Vorrat: what it takes to reach a goal"), list(_answer_parts(say)), sections
    )


def _answer_parts(wording: TargetWording) -> Iterator[Part]:
    """The goal, the least number that reaches it, and what is proven of less."""
    found, at, below = wording.result, wording.result.feasible_at, wording.result.infeasible_below
    yield tr("The goal: {goal}.", goal=_goal_text(wording))
    about = {
        "number": varied_number_name(wording),
        "at": "" if at is None else _format_interval_end(wording, at, round_up=True),
    }
    if found.status == "unreachable":
        yield from _unreachable_sentences(wording)
    elif at is None:
        yield tr("Stopped before anything was found out.")
    elif below is None:
        yield tr("{at} ({number}) reaches it: a plan does.", **about)
        if found.status == "proven":
            yield tr("That is the lowest value that was asked for.")
    else:
        yield tr(
            "It takes {at} ({number}): a plan reaches the goal there, and it is proven that none "
            "does with less than {below}.",
            below=_format_interval_end(wording, below),
            **about,
        )
    if found.ended == "interrupted":
        yield Caution([tr("Stopped early: the interval could be narrowed further.")])
    elif found.status == "limit":
        wide = format_with_unit(found.tolerance, varied_unit(wording))
        told = tr(
            "The interval is wider than {tolerance}: some values could not be decided in time.",
            tolerance=wide,
        )
        yield Caution([told])


def _unreachable_sentences(wording: TargetWording) -> Iterator[Part]:
    found, below = wording.result, wording.result.infeasible_below
    if below is not None:
        value = _format_interval_end(wording, below)
        yield tr(
            "No plan reaches it up to {value} ({number}).",
            value=value,
            number=varied_number_name(wording),
        )
    else:
        yield tr(
            "No plan reaches it, whatever the value ({number}).", number=varied_number_name(wording)
        )
    if found.best is not None and found.best_bound is not None:
        places = decimals_needed([found.best, found.best_bound])
        yield tr(
            "The best plan comes to {best}, and none can come below {bound}.",
            best=format_with_unit(round_outwards(found.best, places, up=True), wording.unit),
            bound=format_with_unit(
                round_outwards(found.best_bound, places, up=False), wording.unit
            ),
        )


def _format_interval_end(wording: TargetWording, value: float, *, round_up: bool = False) -> str:
    """An end of the interval, rounded outwards, with its unit."""
    found = wording.result
    wide = (found.feasible_at or 0.0) - (found.infeasible_below or 0.0)
    finest = max(found.tolerance / 100, min(wide, found.tolerance), 1e-6)
    places = max(0, 1 - math.floor(math.log10(finest)))
    return f"{format_number(round_outwards(value, places, up=round_up), places)} {varied_unit(wording)}".strip()


def _goal_text(wording: TargetWording) -> str:
    """What is to be reached, in words."""
    parts = []
    found, asked = wording.result, wording.result.goal
    if asked.figure is not None:
        names = {
            "expected": wording.expected_outcome,
            "cvar": tr(
                "mean of the worst {share} of states", share=format_percent(1 - found.cvar_level)
            ),
            "worst": tr("the worst state"),
        }
        about = {
            "figure": names[asked.figure],
            "level": format_with_unit(asked.level, wording.unit),
        }
        if asked.reduction is None:
            parts.append(tr("{figure} at most {level}", **about))
        else:
            below = tr(
                "{figure} at most {level}, {share} below what comes without any plan",
                share=format_percent(asked.reduction),
                **about,
            )
            parts.append(below)
    if asked.days:
        told = ", ".join(
            tr(
                "{stockpile} {days} days",
                stockpile=wording.name("stockpiles", h),
                days=format_number(days),
            )
            for h, days in asked.days.items()
        )
        year = asked.from_year
        parts.append(tr("stocks that last, from {year} on: {listed}", year=year, listed=told))
    return "; ".join(parts)


def _trial_tables(wording: TargetWording) -> list[Part]:
    """The values that were tried, by size."""
    tried = sorted(wording.result.trials, key=lambda trial: trial.value)
    cells = cells_by_value(wording, [trial.value for trial in tried])
    outcomes = {
        "reached": tr("a plan reaches the goal"),
        "ruled out": tr("no plan reaches the goal"),
        "open": tr("not decided"),
    }
    columns = [
        Column(varied_number_header(wording), lambda trial: cells[trial.value], origin="scenario"),
        Column(tr("What is proven"), lambda trial: outcomes[trial.outcome], "text"),
    ]
    if wording.result.goal.figure is not None:
        columns += [
            Column(tr("Plan found, {unit}", unit=wording.unit), "figure", "outcome"),
            Column(tr("None below, {unit}", unit=wording.unit), "bound", "outcome"),
        ]
    note = tr("Each value was searched only until it was decided.")
    title = tr("Values that were tried")
    return [Table(title, tried, columns, "trials", note)] if tried else []
