"""Where the decision turns, and what it turns into."""

from __future__ import annotations

from models.language import tr
from models.results import Sensitivity
from optimizer.report.figures import NONE, small_percent
from optimizer.report.html.parts import Part, Section, Table, words
from optimizer.report.sensing import prose, sections
from optimizer.report.sensing import words as said


def turns(found: Sensitivity) -> Section | None:
    """Each input that turns it, between which values, and what is different then."""
    if not found.inputs or found.decision != "same":
        return None
    parts: list[Part] = list(prose.turning(found))
    rows = [
        (one, point, next((t for t in one.break_evens if t.toward == toward), None))
        for one in said.changing(found)
        for point, toward in ((one.low, "low"), (one.high, "high"))
        if point.decision in ("changed", "broken")
    ]
    if rows:
        good = [
            NONE if turn is None else said.turned(found, one, turn.good, turn.good_number)
            for one, _, turn in rows
        ]
        changed = [
            said.of_point(found, one, point)
            if turn is None
            else said.turned(found, one, turn.changed, turn.changed_number)
            for one, point, turn in rows
        ]
        parts.append(
            Table(
                tr("Where the decision turns"),
                [
                    words(tr("Input"), [said.name(found, one) for one, *_ in rows]),
                    words(tr("As it is"), [said.of_base(found, one) for one, *_ in rows]),
                    words(tr("Still right at"), good),
                    words(tr("No longer at"), changed),
                    words(
                        tr("Then, at the end of the range"),
                        [sections.what(found, point) for _, point, _ in rows],
                    ),
                ],
                dense=True,
                name="turns",
                note=tr(
                    "Still right: no plan is better by more than {tolerance} of the objective. "
                    "Both values are proven. The nearest to turn come first.",
                    tolerance=small_percent(found.tolerance),
                ),
            )
        )
    return Section("turns", tr("Where the decision turns"), parts)
