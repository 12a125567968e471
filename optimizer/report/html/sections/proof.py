"""How good the search was, and what it takes to repeat it."""

from __future__ import annotations

from models.language import tr
from optimizer.report import prose
from optimizer.report.figures import number
from optimizer.report.html.parts import Section, Table, words
from optimizer.report.html.subject import Subject


def proof(subject: Subject) -> Section:
    """Certificate and manifest."""
    plan = subject.plan
    certificate = plan.certificate
    variant = subject.names.variant()
    rows = [
        (tr("Status"), prose.status(plan)),
        (tr("Objective"), number(certificate.objective)),
        (tr("Bound"), prose.bound(plan)),
        (tr("Gap"), prose.gap(plan)),
        (tr("States of the world"), prose.states(plan)),
        (tr("Method"), prose.method(plan)),
        (tr("Time"), f"{number(certificate.seconds)} s"),
        (tr("Scenario"), subject.names.title()),
        (tr("Variant"), f"{variant} ({plan.variant})" if plan.variant else tr("none")),
        (
            tr("Prices of"),
            str(subject.case.price_year) if subject.case.price_year else tr("not stated"),
        ),
        (tr("Scenario, SHA-256"), certificate.input_sha256),
        (tr("Versions"), ", ".join(f"{n} {v}" for n, v in certificate.versions.items())),
    ]
    lead = tr(
        "The gap says how much better another plan can be at most, for this scenario. It says "
        "nothing about how well the scenario fits the world."
    )
    table = Table(
        tr("Certificate and manifest"),
        [
            words(tr("Entry"), [row[0] for row in rows]),
            words(tr("Content"), [row[1] for row in rows], marks=["break"] * len(rows)),
        ],
        name="certificate",
        note=tr(
            "Whoever solves the same scenario with the same versions gets the same plan, or one "
            "within the gap. The hash proves that it is the same: `vorrat solve` prints that of a "
            "scenario file at its end, and plan.json holds the whole scenario."
        ),
    )
    return Section("certificate", tr("Certificate and manifest"), [lead, table])
