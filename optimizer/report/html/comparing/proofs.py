"""What each option rests on."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results.comparison import Change
from optimizer.report.figures import NONE, clean, small_percent
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import Section, Table, alike, amounts, words


def proofs(side: Side) -> Section:
    """Certificates side by side, and what differs between the scenarios."""
    found = [o.proof for o in side.options]
    status = {"optimal": tr("gap within its target"), "limit": tr("stopped early")}
    columns = [
        words(tr("Option"), side.names),
        words(tr("Status"), [status[p.status] for p in found]),
    ]
    columns += alike(
        {tr("Objective"): [p.objective for p in found], tr("Bound"): [p.bound for p in found]}
    )
    columns += [
        words(tr("Gap"), [small_percent(p.gap) for p in found]),
        amounts(tr("States"), [p.states for p in found], places=0),
        words(tr("Seed of the sample"), [NONE if p.seed is None else str(p.seed) for p in found]),
        amounts(tr("Time, s"), [p.seconds for p in found], places=1),
        words(tr("Scenario, SHA-256"), [p.input_sha256[:16] for p in found]),
    ]
    parts: list[str | Table] = [Table(tr("Certificates"), columns, dense=True, name="proofs")]
    changed = list(_changed(side))
    if changed:
        marks = ["break"] * len(changed)
        parts.append(
            Table(
                tr("What differs from the base in the scenario"),
                [
                    words(tr("Option"), [row[0] for row in changed]),
                    words(tr("Where"), [row[1] for row in changed], marks=marks),
                    amounts(tr("Values"), [row[2] for row in changed], places=0),
                    words(tr("In the base"), [row[3] for row in changed], marks=marks),
                    words(tr("In the option"), [row[4] for row in changed], marks=marks),
                ],
                dense=True,
                name="changes",
                note=tr("An asterisk stands for several items or years."),
            )
        )
    return Section("proofs", tr("What each option rests on"), parts)


def _changed(side: Side) -> Iterator[tuple[str, str, int, str, str]]:
    """Option, place, number of values, and values of what differs from the base."""
    for label, changes in side.comparison.changes.items():
        groups: dict[str, list[Change]] = {}
        for change in changes:
            groups.setdefault(_place(change.path), []).append(change)
        for place, of in groups.items():
            shown = of[0].path if len(of) == 1 else place
            before, after = _one([c.base for c in of]), _one([c.value for c in of])
            yield side.called(label), clean(shown), len(of), before, after


def _place(path: str) -> str:
    """A path with an asterisk for the name of an item, and for a year."""
    steps = path.split(".")
    if len(steps) > 2:
        steps[1] = "*"
    return ".".join("*" if step.isdecimal() else step for step in steps)


def _one(values: list[str | None]) -> str:
    """The value that all have."""
    first = values[0]
    if any(value != first for value in values):
        return tr("various")
    return NONE if first is None else clean(first)
