"""How reasons were found, and how good they are."""

from __future__ import annotations

from models.language import tr
from models.results import Explanation
from optimizer.report.explaining import prose
from optimizer.report.explaining import words as said
from optimizer.report.figures import number
from optimizer.report.html.parts import Bullets, Section, Table, words


def method(found: Explanation) -> Section:
    """What was asked."""
    return Section(
        "method",
        tr("How it was computed"),
        [
            Bullets(
                [
                    tr(
                        "A project that is out is built all the same, one that is in is ruled "
                        "out, and everything else is decided anew. A stock that is bought buys "
                        "nothing; one that buys nothing holds {days} more days of the demand it "
                        "serves at the end of the last year, as far as room and market allow.",
                        days=number(found.days),
                    ),
                    tr(
                        "What is lost lies between what no plan can avoid losing and what the "
                        "best plan that was found loses. Where that range reaches down to 0 the "
                        "decision is called a tie: other considerations may settle it."
                    ),
                    tr(
                        "Beside the plan: all other decisions are held as they are. The rules that "
                        "are named then are a smallest set: without any one of them the others "
                        "would not stop it."
                    ),
                    tr(
                        "What a million is worth is solved anew at each step, since projects are "
                        "built whole or not at all: the first million may bring nothing and the "
                        "hundredth much."
                    ),
                ]
            )
        ],
    )


def proof(found: Explanation) -> Section:
    """How good the answers are, and what it takes to repeat them."""
    rows = [
        (tr("Objective of the plan"), said.level(found, found.objective)),
        (tr("No plan below"), said.level(found, found.bound)),
        (tr("Gap asked for"), prose.gap_said(found)),
        (tr("Questions stopped early"), number(found.cut_short)),
        (tr("States of the world"), number(found.states)),
        (tr("Time"), f"{number(found.seconds)} s"),
        (tr("Scenario, SHA-256"), found.input_sha256),
        (tr("Versions"), ", ".join(f"{n} {v}" for n, v in found.versions.items())),
    ]
    table = Table(
        tr("Proof"),
        [
            words(tr("What"), [name for name, _ in rows]),
            words(tr("Figure"), [value for _, value in rows]),
        ],
        name="proof",
    )
    return Section("proof", tr("How good the proof is"), [table])
