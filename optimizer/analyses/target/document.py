"""The least number that reaches a goal, as a document."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import Target
from optimizer.analyses.varied_number import (
    amount,
    called,
    headed,
    shown,
    unit_of,
)
from optimizer.report.document import Bullets, Caution, Column, Document, Part, Section, Table
from optimizer.report.figures import clean, decimals, number, outwards, percent
from optimizer.report.wording import Wording

Say = Wording[Target]


def document(found: Target) -> Document:
    """What it takes, what proves it, and the values that were tried."""
    say = Wording(found)
    rules = [clean(f"{r.place}: {r.tag} {r.name}: {r.says}") for r in found.conflict]
    excluded: list[Part] = [
        tr("No plan that keeps all of these rules reaches the goal; relax one of them:"),
        Bullets(rules),
    ]
    direct = tr(
        "Rules alone decide whether stocks last: one program of the first stage found the least "
        "spending, and its bound is the proof."
    )
    method: list[Part] = [direct] if found.method == "direct" and not rules else []
    sections = [
        Section("trials", tr("Values that were tried"), _trials(say)),
        Section("conflict", tr("Why no plan reaches the goal"), excluded if rules else []),
        Section("method", tr("How it was found"), method),
    ]
    if found.plan is not None:
        from optimizer.analyses.plan import document as of_plan

        sections += of_plan.sections(found.plan)
    return say.document(tr("Vorrat: what it takes to reach a goal"), list(_answer(say)), sections)


def _answer(say: Say) -> Iterator[Part]:
    """The goal, the least number that reaches it, and what is proven of less."""
    found, at, below = say.found, say.found.feasible_at, say.found.infeasible_below
    yield tr("The goal: {goal}.", goal=_goal(say))
    about = {"number": called(say), "at": "" if at is None else _end(say, at, up=True)}
    if found.status == "unreachable":
        yield from _unreachable(say)
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
            below=_end(say, below),
            **about,
        )
    if found.ended == "interrupted":
        yield Caution([tr("Stopped early: the interval could be narrowed further.")])
    elif found.status == "limit":
        wide = amount(found.tolerance, unit_of(say))
        told = tr(
            "The interval is wider than {tolerance}: some values could not be decided in time.",
            tolerance=wide,
        )
        yield Caution([told])


def _unreachable(say: Say) -> Iterator[Part]:
    found, below = say.found, say.found.infeasible_below
    if below is not None:
        value = _end(say, below)
        yield tr("No plan reaches it up to {value} ({number}).", value=value, number=called(say))
    else:
        yield tr("No plan reaches it, whatever the value ({number}).", number=called(say))
    if found.best is not None and found.best_bound is not None:
        places = decimals([found.best, found.best_bound])
        yield tr(
            "The best plan comes to {best}, and none can come below {bound}.",
            best=amount(outwards(found.best, places, up=True), say.unit),
            bound=amount(outwards(found.best_bound, places, up=False), say.unit),
        )


def _end(say: Say, value: float, *, up: bool = False) -> str:
    """An end of the interval, rounded outwards, with its unit."""
    found = say.found
    wide = (found.feasible_at or 0.0) - (found.infeasible_below or 0.0)
    finest = max(found.tolerance / 100, min(wide, found.tolerance), 1e-6)
    places = max(0, 1 - math.floor(math.log10(finest)))
    return f"{number(outwards(value, places, up=up), places)} {unit_of(say)}".strip()


def _goal(say: Say) -> str:
    """What is to be reached, in words."""
    parts = []
    found, asked = say.found, say.found.goal
    if asked.figure is not None:
        names = {
            "expected": say.expected,
            "cvar": tr("mean of the worst {share} of states", share=percent(1 - found.cvar_level)),
            "worst": tr("the worst state"),
        }
        about = {"figure": names[asked.figure], "level": amount(asked.level, say.unit)}
        if asked.reduction is None:
            parts.append(tr("{figure} at most {level}", **about))
        else:
            below = tr(
                "{figure} at most {level}, {share} below what comes without any plan",
                share=percent(asked.reduction),
                **about,
            )
            parts.append(below)
    if asked.days:
        told = ", ".join(
            tr("{stockpile} {days} days", stockpile=say.name("stockpiles", h), days=number(days))
            for h, days in asked.days.items()
        )
        year = asked.from_year
        parts.append(tr("stocks that last, from {year} on: {listed}", year=year, listed=told))
    return "; ".join(parts)


def _trials(say: Say) -> list[Part]:
    """The values that were tried, by size."""
    tried = sorted(say.found.trials, key=lambda trial: trial.value)
    cells = shown(say, [trial.value for trial in tried])
    outcomes = {
        "reached": tr("a plan reaches the goal"),
        "ruled out": tr("no plan reaches the goal"),
        "open": tr("not decided"),
    }
    columns = [
        Column(headed(say), lambda trial: cells[trial.value], origin="scenario"),
        Column(tr("What is proven"), lambda trial: outcomes[trial.outcome], "text"),
    ]
    if say.found.goal.figure is not None:
        columns += [
            Column(tr("Plan found, {unit}", unit=say.unit), "figure", "outcome"),
            Column(tr("None below, {unit}", unit=say.unit), "bound", "outcome"),
        ]
    note = tr("Each value was searched only until it was decided.")
    title = tr("Values that were tried")
    return [Table(title, tried, columns, "trials", note)] if tried else []
