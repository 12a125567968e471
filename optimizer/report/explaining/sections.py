"""The sections of an explanation, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.language import tr
from models.results import Explained, Explanation, LimitValue
from optimizer.report.explaining import prose, words
from optimizer.report.figures import number, percent
from optimizer.report.sections import Grid, Kind, Section


def all_of(found: Explanation) -> Iterator[Section]:
    """All sections that have something to say."""
    makers: list[Callable[[], Section | None]] = [
        lambda: _items(found, tr("Projects that are in"), "project", True),
        lambda: _items(found, tr("Projects that are out"), "project", False),
        lambda: _items(found, tr("Stocks that are bought"), "stockpile", True),
        lambda: _items(found, tr("Stocks that buy nothing"), "stockpile", False),
        lambda: budgets(found),
        lambda: shares(found),
        lambda: _proof(found),
    ]
    return (section for make in makers if (section := make()) is not None)


def grouped(found: Explanation, kind: str, chosen: bool) -> list[Explained]:
    """Projects or stockpiles that are in or out, those that matter most first."""
    some = [one for one in found.items if one.kind == kind and one.chosen == chosen]
    return sorted(some, key=_matters, reverse=True)


def _matters(one: Explained) -> float:
    if one.conflict:
        return float("inf")
    if one.regret is None:
        return -1.0
    return one.regret.low or 0.0


def _items(found: Explanation, title: str, kind: str, chosen: bool) -> Section | None:
    some = grouped(found, kind, chosen)
    parts: list[str | Grid] = []
    for one in some:
        parts += ([""] if parts else []) + [prose.item(found, one)]
    return Section(title, parts) if parts else None


def budgets(found: Explanation) -> Section | None:
    """What one more million is worth."""
    some = [value for value in found.values if value.kind == "budget"]
    if not some:
        return None
    note = tr(
        "Solved anew at each step; the smaller steps only where a budget is used up and the "
        "largest brings something. Gain for each million, by the objective, in {unit}. Last: the "
        "smallest step whose gain is proven, and what it changes.",
        unit=words.unit(found),
    )
    grid = _grid(
        found,
        some,
        {tr("Million"): lambda v: number(v.now), tr("Unused"): lambda v: number(v.unused_meur)},
        tr("Worth of a million: {step} more"),
    )
    return Section(tr("What one more million is worth"), [grid, note])


def shares(found: Explanation) -> Section | None:
    """What one more percentage point is worth."""
    some = [value for value in found.values if value.kind == "share"]
    if not some:
        return None
    note = tr(
        "Limits that leave no room somewhere in the plan, solved anew with so many percentage "
        "points more. Gain for each point, by the objective, in {unit}.",
        unit=words.unit(found),
    )
    grid = _grid(
        found,
        some,
        {tr("Limit"): lambda v: percent(v.now)},
        tr("Worth of a point: {step} more"),
    )
    return Section(tr("What one more percentage point is worth"), [grid, note])


def _grid(
    found: Explanation,
    some: list[LimitValue],
    first: dict[str, Callable[[LimitValue], str]],
    headed: str,
) -> Grid:
    steps = sorted({step.step for value in some for step in value.steps})
    columns: dict[str, Kind] = {tr("Budget or limit"): "words"}
    columns |= dict.fromkeys(first, "figures")
    columns |= {headed.format(step=number(step)): "figures" for step in steps}
    columns[tr("Seen from")] = "words"
    rows = []
    for value in some:
        by_step = {step.step: prose.worth(step) for step in value.steps}
        rows.append(
            [
                prose.limit_name(found, value),
                *(cell(value) for cell in first.values()),
                *(by_step.get(step, "") for step in steps),
                prose.seen_from(found, value),
            ]
        )
    return Grid(columns, rows)


def _proof(found: Explanation) -> Section:
    rows = [
        [tr("Objective of the plan"), words.level(found, found.objective)],
        [tr("No plan below"), words.level(found, found.bound)],
        [tr("Gap asked for"), prose.gap_said(found)],
        [tr("Questions stopped early"), number(found.cut_short)],
        [tr("States of the world"), number(found.states)],
        [tr("Time"), f"{number(found.seconds)} s"],
    ]
    return Section(
        tr("How good the proof is"), [Grid({"": "words", " ": "words"}, rows, headed=False)]
    )
