"""A target for a reader: the least number that reaches a goal, and what proves it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.language import tr
from models.results import Target
from optimizer.report.figures import NONE, clean, column, number, percent
from optimizer.report.sections import Grid, Section
from optimizer.report.varying.words import (
    BUDGET,
    amount,
    called,
    funder_name,
    headed,
    outcome_unit,
    stockpile_name,
    value_unit,
    values,
)


def headline(target: Target) -> Iterator[str]:
    """The answer, and what it rests on."""
    yield tr("The goal: {goal}.", goal=goal(target))
    unit = value_unit(target)
    at = None if target.feasible_at is None else _value(target, target.feasible_at, unit, up=True)
    if target.status == "unreachable":
        yield from _unreachable(target, unit)
    elif at is None:
        yield tr("Stopped before anything was found out.")
    elif target.infeasible_below is None:
        yield tr("{at} ({number}) reaches it: a plan does.", at=at, number=called(target))
        if target.status == "proven":
            yield tr("That is the lowest value that was asked for.")
    else:
        below = _value(target, target.infeasible_below, unit)
        yield tr(
            "It takes {at} ({number}): a plan reaches the goal there, and it is proven that none "
            "does with less than {below}.",
            at=at,
            below=below,
            number=called(target),
        )
    if target.ended == "interrupted":
        yield tr("Stopped early: the interval could be narrowed further.")
    elif target.status == "limit":
        yield tr(
            "The interval is wider than {tolerance}: some values could not be decided in time.",
            tolerance=amount(target.tolerance, unit),
        )


def _value(target: Target, value: float, unit: str, *, up: bool = False) -> str:
    """An end of the interval, rounded outwards: what is said of it stays true."""
    wide = (target.feasible_at or 0.0) - (target.infeasible_below or 0.0)
    finest = max(target.tolerance / 100, min(wide, target.tolerance), 1e-6)
    places = max(0, 1 - math.floor(math.log10(finest)))
    scaled = value * 10.0**places
    # What an end differs from a round number by is arithmetic where it is a billionth.
    whole = math.ceil(scaled * (1 - 1e-8)) if up else math.floor(scaled * (1 + 1e-8))
    return f"{number(whole / 10.0**places, places)} {unit}".strip()


def _unreachable(target: Target, unit: str) -> Iterator[str]:
    if target.infeasible_below is None and target.varied == BUDGET:
        yield tr("No plan reaches it, whatever the public budget.")
    elif target.infeasible_below is None:
        # Nothing else than the budget of a funder is sought without an end.
        owner = funder_name(target, target.varied.split(".")[1])
        yield tr("No plan reaches it, whatever the budget of {funder}.", funder=owner)
    else:
        yield tr(
            "No plan reaches it up to {value} ({number}).",
            value=amount(target.infeasible_below, unit),
            number=called(target),
        )
    if target.best is not None and target.best_bound is not None:
        yield tr(
            "The best plan comes to {best}, and none can come below {bound}.",
            best=amount(target.best, outcome_unit(target)),
            bound=amount(target.best_bound, outcome_unit(target)),
        )


def goal(target: Target) -> str:
    """What is to be reached, in words."""
    parts = []
    asked = target.goal
    if asked.figure is not None:
        names = {
            "expected": tr("expected damage")
            if target.measure == "damage"
            else tr("expected shortage"),
            "cvar": tr("mean of the worst {share} of states", share=percent(1 - target.cvar_level)),
            "worst": tr("the worst state"),
        }
        level = amount(asked.level, outcome_unit(target))
        if asked.reduction is not None:
            parts.append(
                tr(
                    "{figure} at most {level}, {share} below what comes without any plan",
                    figure=names[asked.figure],
                    level=level,
                    share=percent(asked.reduction),
                )
            )
        else:
            parts.append(tr("{figure} at most {level}", figure=names[asked.figure], level=level))
    if asked.days:
        listed = ", ".join(
            tr("{stockpile} {days} days", stockpile=stockpile_name(target, h), days=number(days))
            for h, days in asked.days.items()
        )
        if len(asked.days) > 3 and len(set(asked.days.values())) == 1:
            listed = tr(
                "{count} stockpiles {days} days",
                count=number(len(asked.days)),
                days=number(next(iter(asked.days.values()))),
            )
        parts.append(
            tr("stocks that last, from {year} on: {listed}", year=asked.from_year, listed=listed)
        )
    return "; ".join(parts)


def all_of(target: Target) -> Iterator[Section]:
    """All sections that have something to say."""
    trials = _trials(target)
    if trials is not None:
        yield trials
    if target.conflict:
        lines = [f"{r.place}: {r.tag} {r.name}: {r.says}" for r in target.conflict]
        lead = tr("No plan keeps all of these rules together; relax one of them:")
        yield Section(tr("Why no plan reaches the goal"), [lead, *map(clean, lines)])
    elif target.method == "direct":
        yield Section(
            tr("How it was found"),
            [
                tr(
                    "Rules alone decide whether stocks last: one program of the first stage found "
                    "the least spending, and its bound is the proof."
                )
            ],
        )


def _trials(target: Target) -> Section | None:
    if not target.trials:
        return None
    tried = sorted(target.trials, key=lambda trial: trial.value)
    unit = outcome_unit(target)
    outcomes = {
        "reached": tr("a plan reaches the goal"),
        "ruled out": tr("no plan can"),
        "open": tr("not decided"),
    }
    columns = {
        headed(target): values(target, [trial.value for trial in tried]),
        tr("What is proven"): [outcomes[trial.outcome] for trial in tried],
    }
    kinds = ["figures", "words"]
    if target.goal.figure is not None:
        columns[tr("Plan found, {unit}", unit=unit)] = column([t.figure for t in tried])
        columns[tr("None below, {unit}", unit=unit)] = [
            NONE if t.bound is None else cell
            for t, cell in zip(tried, column([t.bound for t in tried]), strict=True)
        ]
        kinds += ["figures", "figures"]
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    grid = Grid(dict(zip(columns, kinds, strict=True)), rows)  # type: ignore[arg-type]
    note = tr("Each value was searched only until it was decided.")
    return Section(tr("Values that were tried"), [grid, note])
