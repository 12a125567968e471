"""A frontier for a reader: what can be had, what changes, what a further million is worth."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Frontier, FrontierPoint, FrontierStep
from optimizer.report.figures import NONE, column, number, percent, small_percent
from optimizer.report.sections import Grid, Section
from optimizer.report.varying.words import (
    TAIL,
    amount,
    called,
    damage,
    headed,
    joined,
    million,
    outcome_unit,
    project_name,
    span,
    stockpile_name,
    value_unit,
    values,
)

STOCKS_SHOWN = 3
"""Stocks named for a step; the others are counted."""

FEW_STATES = 100


def headline(frontier: Frontier) -> Iterator[str]:
    """The answer in a sentence or two, and the cautions that belong beside it."""
    planned = [point for point in frontier.points if point.expected is not None]
    if not planned:
        yield tr("There is no plan at any of the values.")
        return
    first, last = planned[0], planned[-1]
    low, high = values(frontier, [first.value, last.value])
    shown = {
        "number": called(frontier),
        "low": low,
        "high": f"{high} {value_unit(frontier)}".strip(),
    }
    figures = {
        "before": number(first.expected),
        "after": amount(last.expected, outcome_unit(frontier)),
    }
    if first is last:
        yield tr(
            "There is a plan at one value alone, {value} ({number}): the expected figure is "
            "{after}.",
            value=shown["high"],
            number=shown["number"],
            after=figures["after"],
        )
    elif frontier.varied == TAIL:
        figures = {
            "before": number(first.cvar),
            "after": amount(last.cvar, outcome_unit(frontier)),
        }
        yield tr(
            "Between {low} and {high} ({number}), the mean of the worst states (CVaR) moves from "
            "{before} to {after}.",
            **shown,
            **figures,
        )
    elif frontier.measure == "damage":
        yield tr(
            "Between {low} and {high} ({number}), expected damage moves from {before} to {after}.",
            **shown,
            **figures,
        )
    else:
        yield tr(
            "Between {low} and {high} ({number}), the expected shortage moves from {before} to "
            "{after}.",
            **shown,
            **figures,
        )
    if frontier.without_plan is not None and frontier.varied != TAIL:
        yield tr(
            "Without any plan it is {without}.",
            without=amount(frontier.without_plan.expected, outcome_unit(frontier)),
        )
    if frontier.ended == "interrupted":
        yield tr("Stopped early: points are missing.")
    if frontier.states < FEW_STATES:
        yield tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=number(frontier.states),
        )


def all_of(frontier: Frontier) -> Iterator[Section]:
    """All sections that have something to say."""
    makers = (points, changes, worth, conflicts, proof)
    return (section for make in makers if (section := make(frontier)) is not None)


def points(frontier: Frontier) -> Section | None:
    """What can be had at each value."""
    some = frontier.points
    if not some:
        return None
    unit, money = outcome_unit(frontier), million(frontier.currency)
    tail = frontier.varied == TAIL
    expected = column([point.expected for point in some])
    least = column([point.cvar_bound if tail else point.expected_bound for point in some])
    cvar = column([point.cvar for point in some])
    columns = {headed(frontier): values(frontier, [point.value for point in some])}
    columns[tr("Expected, {unit}", unit=unit)] = expected
    if not tail:
        columns[tr("At least, {unit}", unit=unit)] = least
    columns[tr("CVaR, {unit}", unit=unit)] = cvar
    if tail:
        columns[tr("CVaR at least, {unit}", unit=unit)] = least
    columns[tr("Worst, {unit}", unit=unit)] = column([point.worst for point in some])
    columns[tr("Public money, {unit}", unit=money)] = column([p.public_meur for p in some])
    columns[tr("Net cost, {unit}", unit=money)] = column([p.net_cost_meur for p in some])
    columns[tr("Projects")] = [
        number(len(p.projects)) if p.objective is not None else NONE for p in some
    ]
    columns[tr("Gap left")] = [small_percent(point.gap) for point in some]
    remarks = [_remark(point) for point in some]
    headers = dict.fromkeys(columns, "figures")
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    if any(remarks):
        headers |= {"": "words"}
        rows = [[*row, remark] for row, remark in zip(rows, remarks, strict=True)]
    note = (
        tr(
            "No plan can have a lower CVaR than the column beside it says. Dominated: another "
            "point has a lower mean and a lower CVaR, and costs more."
        )
        if tail
        else tr(
            "At least: no plan at this value can have less, whatever it costs. CVaR is the mean of "
            "the worst {share} of states.",
            share=percent(1 - frontier.cvar_level),
        )
    )
    title = tr("Mean against tail") if tail else tr("What can be had")
    return Section(title, [Grid(headers, rows), note])  # type: ignore[arg-type]


def _remark(point: FrontierPoint) -> str:
    if point.status == "infeasible":
        return tr("no plan keeps all rules")
    if point.status == "none":
        return tr("no plan found")
    if point.status == "limit":
        return tr("stopped early")
    return tr("dominated") if point.dominated else ""


def changes(frontier: Frontier) -> Section | None:
    """What enters and leaves from one point to the next."""
    steps = [s for s in frontier.steps if s.entering or s.leaving or s.moved or s.stocks_t]
    if not steps:
        return None
    rows = []
    for step, between in zip(steps, _spans(frontier, steps), strict=True):
        moved = [
            f"{project_name(frontier, p)} ({span(str(before), str(after))})"
            for p, (before, after) in step.moved.items()
        ]
        rows.append(
            [
                between,
                joined(project_name(frontier, p) for p in step.entering),
                joined([*(project_name(frontier, p) for p in step.leaving), *moved]),
                _stocks(frontier, step),
                tr("jump") if step.jump else "",
            ]
        )
    columns = {
        headed(frontier): "words",
        tr("Enters"): "words",
        tr("Leaves or moves"): "words",
        tr("Stocks, t held at most"): "words",
        "": "words",
    }
    parts: list[str | Grid] = [Grid(columns, rows)]  # type: ignore[arg-type]
    if any(step.jump for step in steps):
        parts.append(
            tr(
                "Jump: projects change, and the step is worth more than a twentieth of all that is "
                "avoided."
            )
        )
    return Section(tr("What changes from point to point"), parts)


def _spans(frontier: Frontier, steps: list[FrontierStep]) -> list[str]:
    cells = values(
        frontier, [value for step in steps for value in (step.from_value, step.to_value)]
    )
    return [span(low, high) for low, high in zip(cells[::2], cells[1::2], strict=True)]


def _stocks(frontier: Frontier, step: FrontierStep) -> str:
    if not step.stocks_t:
        return NONE
    # By share of what is held, since tonnes of gallium and of magnesium do not compare.
    held = {
        h: max((point.stocks_t.get(h, 0.0) for point in frontier.points), default=0.0)
        for h in step.stocks_t
    }
    ranked = sorted(step.stocks_t, key=lambda h: -abs(step.stocks_t[h]) / max(held[h], 1e-9))
    shown = [
        f"{stockpile_name(frontier, h)} {'+' if step.stocks_t[h] > 0 else '-'}"
        f"{number(abs(step.stocks_t[h]))}"
        for h in ranked[:STOCKS_SHOWN]
    ]
    if len(ranked) > STOCKS_SHOWN:
        shown.append(tr("{count} more", count=number(len(ranked) - STOCKS_SHOWN)))
    return joined(shown)


def worth(frontier: Frontier) -> Section | None:
    """What each further unit avoids."""
    steps = [step for step in frontier.steps if step.marginal is not None]
    if not steps:
        return None
    ranges = [step.marginal for step in steps if step.marginal is not None]
    unit = outcome_unit(frontier)
    columns = {
        headed(frontier): _spans(frontier, steps),
        tr("Avoided at least, {unit}", unit=unit): column([m.low for m in ranges]),
        tr("By these plans, {unit}", unit=unit): column([m.plans for m in ranges]),
        tr("At most, {unit}", unit=unit): column([m.high for m in ranges]),
    }
    kinds = ["words", "figures", "figures", "figures"]
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    grid = Grid(dict(zip(columns, kinds, strict=True)), rows)  # type: ignore[arg-type]
    million_of = value_unit(frontier) == million(frontier.currency)
    title = (
        tr("What a further million is worth") if million_of else tr("What a further unit is worth")
    )
    note = tr(
        "For each further unit, between the least {damage} that can be had at the two values: what "
        "is proven of it on either side, and what the plans differ by.",
        damage=damage(frontier),
    )
    return Section(title, [grid, note])


def conflicts(frontier: Frontier) -> Section | None:
    """Why there is no plan at some values."""
    without = [point for point in frontier.points if point.conflict]
    if not without:
        return None
    cells = values(frontier, [point.value for point in without])
    lines = [
        tr("At {value}: {rules}.", value=value, rules="; ".join(point.conflict))
        for value, point in zip(cells, without, strict=True)
    ]
    return Section(tr("Where no plan keeps all rules"), lines)


def proof(frontier: Frontier) -> Section | None:
    """How good the points are."""
    solved = [point for point in frontier.points if point.gap is not None]
    open_ = [point for point in frontier.points if point.status in ("limit", "none")]
    rows = [
        [tr("Points"), number(len(frontier.points))],
        [tr("Gap asked for"), small_percent(frontier.gap_target)],
        [tr("Largest gap"), small_percent(max((p.gap or 0.0 for p in solved), default=None))],
        [tr("Points stopped early"), number(len(open_))],
        [tr("States of the world"), number(frontier.states)],
        [tr("Time"), f"{number(frontier.seconds)} s"],
    ]
    parts: list[str | Grid] = [Grid({"": "words", " ": "words"}, rows, headed=False)]
    if frontier.loosens:
        parts.append(
            tr(
                "A higher value only loosens rules: plans are carried on to higher values where "
                "they are better, and bounds to lower ones."
            )
        )
    return Section(tr("How good the proof is"), parts)
