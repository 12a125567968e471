"""How it was computed, and what the words mean."""

from __future__ import annotations

from models.language import tr
from models.results import Sensitivity
from optimizer.report.figures import number, small_percent
from optimizer.report.html.parts import Bullets, Heading, Section, Table, Terms, words
from optimizer.report.sensing import prose
from optimizer.report.sensing import words as said


def method(found: Sensitivity) -> Section:
    """What was asked at each value, how good the answers are, and what they do not say."""
    rows = [
        (tr("Inputs"), number(len(found.inputs))),
        (tr("States of the world"), number(found.states)),
        (tr("Gap asked for"), small_percent(found.gap_target)),
        (tr("Largest gap"), small_percent(said.largest_gap(found))),
        (tr("Time"), f"{number(found.seconds)} s"),
    ]
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    rows.append((tr("Versions"), versions))
    return Section(
        "method",
        tr("How it was computed"),
        [
            Bullets(list(prose.method(found))),
            Heading(tr("What it does not say")),
            Bullets(
                [
                    tr(
                        "How likely a value within a range is. Ranges are wide on purpose; one of "
                        "your own replaces each."
                    ),
                    tr(
                        "What happens when several inputs are off at once, apart from the screen "
                        "where there is one."
                    ),
                    tr(
                        "Whether hazards, projects or rules that the scenario does not have would "
                        "matter more than those it has."
                    ),
                ]
            ),
            Table(
                tr("How good the proof is"),
                [
                    words("", [name for name, _ in rows]),
                    words(" ", [text for _, text in rows]),
                ],
                name="proof",
            ),
        ],
    )


def glossary(found: Sensitivity) -> Section:
    """What the words mean."""
    entries = [
        (
            tr("Objective"),
            tr(
                "What a plan is measured by: its damage, weighed with that of the worst states, "
                "and its net cost by the weight that the scenario gives it."
            ),
        ),
        (
            tr("Input"),
            tr("A number of the scenario that is uncertain, or several that move together."),
        ),
        (
            tr("Swing"),
            tr("The largest difference of a figure between the low end, the high end and today."),
        ),
        (
            tr("Regret"),
            tr("How much better one could have done there, had one known the value."),
        ),
        (
            tr("Break-even"),
            tr("The value of an input beyond which this plan is no longer the right one."),
        ),
    ]
    entries.sort(key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(entries)])
