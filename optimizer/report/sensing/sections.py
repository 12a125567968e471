"""What the answer rests on, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import Screened, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.report.figures import NONE, column, decimals, number, small_percent
from optimizer.report.sections import Grid, Kind, Section
from optimizer.report.sensing import prose, words

STOCKS_SHOWN = 3
SCREENED = 15
"""Inputs that a screen lists; JSON has all."""


def all_of(found: Sensitivity) -> Iterator[Section]:
    """All sections that have something to say."""
    makers = (swings, turns, own, screen, proof)
    return (section for make in makers if (section := make(found)) is not None)


def swings(found: Sensitivity) -> Section | None:
    """How far the best plan's objective moves, the widest first."""
    some = found.inputs
    if not some:
        return None
    lows = [one.low.best for one in some]
    highs = [one.high.best for one in some]
    known = [best.objective.high for best in (*lows, *highs) if best is not None]
    places = decimals([*known, found.best.objective.high])
    grid = _grid(
        {
            tr("Input"): ("words", [words.name(found, one) for one in some]),
            tr("Low"): ("figures", [words.of_point(found, one, one.low) for one in some]),
            tr("High"): ("figures", [words.of_point(found, one, one.high) for one in some]),
            tr("Best at low"): ("figures", [_objective(one.low, places) for one in some]),
            tr("Best at high"): ("figures", [_objective(one.high, places) for one in some]),
            tr("Swing"): ("figures", [_swing(one, places) for one in some]),
        }
    )
    note = tr(
        "Objective of the best plan, a range where its proof leaves one; as things are {base}. "
        "Swing: the largest difference between both ends and that.",
        base=words.between(found.best.objective, places),
    )
    return Section(
        tr("What the best plan can reach ({unit})", unit=words.unit(found)), [grid, note]
    )


def _objective(point: SensitivityPoint, places: int) -> str:
    if point.best is None:
        return tr("no plan") if point.status == "infeasible" else NONE
    return words.between(point.best.objective, places)


def _swing(one: SensitivityInput, places: int) -> str:
    if not words.is_proven(one.swing):
        return tr("within the gaps")
    return words.between(one.swing, places)


def turns(found: Sensitivity) -> Section | None:
    """Where the decision turns, and what becomes of it."""
    rows = []
    for one in words.changing(found):
        for point, toward in ((one.low, "low"), (one.high, "high")):
            if point.decision not in ("changed", "broken"):
                continue
            turn = next((t for t in one.break_evens if t.toward == toward), None)
            rows.append(
                [
                    words.name(found, one),
                    words.of_base(found, one),
                    NONE if turn is None else words.turned(found, one, turn.good, turn.good_number),
                    words.of_point(found, one, point)
                    if turn is None
                    else words.turned(found, one, turn.changed, turn.changed_number),
                    what(found, point),
                ]
            )
    if not rows:
        return None
    columns: dict[str, Kind] = {
        tr("Input"): "words",
        tr("As it is"): "figures",
        tr("Still right at"): "figures",
        tr("No longer at"): "figures",
        tr("Then, at the end of the range"): "words",
    }
    return Section(tr("Where the decision turns"), [Grid(columns, rows)])


def what(found: Sensitivity, point: SensitivityPoint) -> str:
    """What is different at an end: rules that break, what enters and leaves."""
    parts = []
    if point.broken:
        parts.append(words.reasons(point.broken))
    if point.status == "infeasible":
        parts.append(words.decision(point))
    if point.entering:
        listed = ", ".join(words.part(found, "projects", p) for p in point.entering)
        parts.append(tr("enters: {projects}", projects=listed))
    if point.leaving:
        listed = ", ".join(words.part(found, "projects", p) for p in point.leaving)
        parts.append(tr("leaves: {projects}", projects=listed))
    if point.moved:
        listed = ", ".join(
            f"{words.part(found, 'projects', p)} ({before} → {after})"
            for p, (before, after) in point.moved.items()
        )
        parts.append(tr("moves: {projects}", projects=listed))
    if point.stocks_t:
        parts.append(tr("stocks: {stocks}", stocks=stocks(found, point)))
    return "; ".join(parts) or words.decision(point)


def stocks(found: Sensitivity, point: SensitivityPoint) -> str:
    """Stocks that change most, by the share of what is held before or after."""
    held, best = found.stocks_t, point.best.stocks_t if point.best else {}
    size = {
        h: abs(change) / max(held.get(h, 0.0), best.get(h, 0.0), 1e-9)
        for h, change in point.stocks_t.items()
    }
    ranked = sorted(size, key=lambda h: -size[h])
    shown = [
        f"{words.part(found, 'stockpiles', h)} {'+' if point.stocks_t[h] > 0 else '-'}"
        f"{number(abs(point.stocks_t[h]))} t"
        for h in ranked[:STOCKS_SHOWN]
    ]
    if len(ranked) > STOCKS_SHOWN:
        shown.append(tr("{count} more", count=number(len(ranked) - STOCKS_SHOWN)))
    return ", ".join(shown)


def own(found: Sensitivity) -> Section | None:
    """How the plan itself fares, by the swing of its expected damage."""
    some = sorted(found.inputs, key=lambda one: -one.own_swing_expected)
    if not some:
        return None
    damage = column([p.own.expected for one in some for p in (one.low, one.high)])
    regrets = [p.regret.high for one in some for p in (one.low, one.high) if p.regret is not None]
    places = decimals(regrets)
    grid = _grid(
        {
            tr("Input"): ("words", [words.name(found, one) for one in some]),
            tr("Expected at low"): ("figures", damage[::2]),
            tr("Expected at high"): ("figures", damage[1::2]),
            tr("Regret at low"): ("figures", [_regret(one.low, places) for one in some]),
            tr("Regret at high"): ("figures", [_regret(one.high, places) for one in some]),
        }
    )
    note = tr(
        "The plan as it stands; as things are {base} are expected. Regret: its objective less that "
        "of the best plan there. Where it breaks a rule, it is shown as if carried out.",
        base=words.amount(found, found.own.expected),
    )
    title = tr("How this plan fares ({unit})", unit=words.unit(found))
    return Section(title, [grid, note])


def _regret(point: SensitivityPoint, places: int) -> str:
    if point.broken:
        return tr("breaks a rule")
    return words.regret(point.regret, places)


def screen(found: Sensitivity) -> Section | None:
    """Which inputs matter when all move together."""
    made = found.screen
    if made is None:
        return None
    parts: list[str | Grid] = [_effects(found, made.own, tr("Objective of this plan"))]
    parts.append(_effects(found, made.own_expected, tr("Its expected damage")))
    if made.best is not None:
        parts.append(_effects(found, made.best, tr("Objective of the best plan")))
        parts.append(
            tr("The largest gap of these solves is {gap}.", gap=small_percent(made.best_gap))
        )
    if made.left_out:
        left = ", ".join(words.named_by_id(found, id) for id in made.left_out)
        parts.append(tr("Left out, since others move the same numbers: {inputs}.", inputs=left))
    return Section(tr("All inputs moved together ({unit})", unit=words.unit(found)), parts)


def _effects(found: Sensitivity, rows: Sequence[Screened], header: str) -> Grid:
    some = rows[:SCREENED]
    figures = column([f for row in some for f in (row.mu_star, row.mu_star_confidence, row.sigma)])
    return _grid(
        {
            header: ("words", [words.named_by_id(found, row.id) for row in some]),
            tr("Mean effect"): ("figures", figures[::3]),
            tr("± (95 %)"): ("figures", figures[1::3]),
            tr("Spread"): ("figures", figures[2::3]),
        }
    )


def proof(found: Sensitivity) -> Section:
    """How it was computed, and how good that is."""
    rows = [
        [tr("Inputs"), number(len(found.inputs))],
        [tr("States of the world"), number(found.states)],
        [tr("Gap asked for"), small_percent(found.gap_target)],
        [tr("Largest gap"), small_percent(words.largest_gap(found))],
        [tr("Time"), f"{number(found.seconds)} s"],
    ]
    grid = Grid({"": "words", " ": "words"}, rows, headed=False)
    return Section(tr("How it was computed"), [grid, *prose.method(found)])


def _grid(columns: dict[str, tuple[Kind, Sequence[str]]]) -> Grid:
    kinds = {header: kind for header, (kind, _) in columns.items()}
    cells = [texts for _, texts in columns.values()]
    return Grid(kinds, [list(row) for row in zip(*cells, strict=True)])
