"""What other cases choose, how it was computed, and how good the proof is."""

from __future__ import annotations

from models.language import tr
from models.results import Alternatives
from optimizer.report.alternating import prose, sections
from optimizer.report.alternating import words as said
from optimizer.report.figures import number, small_percent
from optimizer.report.html.parts import Bullets, Section, Table, amounts, words


def others(found: Alternatives) -> Section | None:
    """Variants and assumption sets, each with what its plan does otherwise."""
    some = found.others
    if not some:
        return None
    table = Table(
        tr("Variants and assumption sets, each solved"),
        [
            words(tr("Variant or assumption"), [said.other_case(other) for other in some]),
            amounts(
                tr("Objective, {unit}", unit=said.unit(found)), [other.objective for other in some]
            ),
            words(tr("Builds instead"), [sections.otherwise(found, other, True) for other in some]),
            words(
                tr("Does not build"), [sections.otherwise(found, other, False) for other in some]
            ),
            words(tr("How it ended"), [said.status(other) or tr("solved") for other in some]),
        ],
        name="others",
        dense=True,
    )
    return Section("others", tr("What other cases choose"), [table])


def method(found: Alternatives) -> Section:
    """How alternatives are sought, and a certificate."""
    rows = [
        (
            tr("Proven bound of the objective"),
            f"{said.level(found, found.bound, floor=True)} {said.unit(found)}",
        ),
        (tr("Limit of alternatives"), f"{said.level(found, found.limit)} {said.unit(found)}"),
        (tr("Gap of the plan"), small_percent(found.gap)),
        (tr("Gap asked for"), small_percent(found.gap_target)),
        (
            tr("Of these proven to be as unlike as can be"),
            tr(
                "{some} of {all}",
                some=sum(own.unlike_proven for own in found.alternatives),
                all=len(found.alternatives),
            ),
        ),
        (tr("States of the world"), number(found.states)),
        (tr("Time"), f"{number(found.seconds)} s"),
        (tr("Scenario, SHA-256"), found.input_sha256),
        (tr("Versions"), ", ".join(f"{n} {v}" for n, v in found.versions.items())),
    ]
    table = Table(
        tr("Certificate and manifest"),
        [
            words(tr("Entry"), [row[0] for row in rows]),
            words(tr("Content"), [row[1] for row in rows], marks=["break"] * len(rows)),
        ],
        name="certificate",
    )
    return Section(
        "method",
        tr("How it was computed"),
        [
            Bullets(
                [
                    tr(
                        "Alternatives are sought one after the other: each is to differ as much as "
                        "possible from the nearest of the plan and all before it (Brill, Chang and "
                        "Hopkins 1982; DeCarolis 2011)."
                    ),
                    *prose.notes(found),
                    tr(
                        "For each choice it is asked whether any plan within the limit makes it "
                        "otherwise; where none does, that is proven."
                    ),
                ]
            ),
            table,
        ],
    )
