"""How shares were computed, how good the points are, and what the words mean."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Participation
from optimizer.report.figures import number, percent, small_percent
from optimizer.report.html.parts import Bullets, Heading, Section, Table, Terms, words
from optimizer.report.participating import words as said


def method(found: Participation) -> Section:
    """What is asked at each share, and what the answer does not say."""
    return Section(
        "method",
        tr("How it was computed"),
        [
            Bullets(list(_steps(found))),
            Heading(tr("What the model does not say")),
            Bullets(
                [
                    tr(
                        "Shares are tried one by one. Between two of them nothing is known; the "
                        "best share is the best of those tried."
                    ),
                    tr(
                        "The figures rest on the scenario: its hazards, prices and damage are "
                        "assumptions with probabilities, not a forecast."
                    ),
                    tr(
                        "What a share gives beyond tonnes and money, such as a say in decisions or "
                        "a supplier's goodwill, is not counted."
                    ),
                ]
            ),
        ],
    )


def _steps(found: Participation) -> Iterator[str]:
    about = {"company": said.company(found), "shared": said.shared(found)}
    yield tr(
        "For each share the program solves the whole problem anew with one rule more: {company} "
        "carries this share {shared}, no more and no less.",
        **about,
    )
    if any(curve.others == "reoptimize" for curve in found.curves):
        yield tr(
            "Where the others decide anew, projects, stocks and all other shares are chosen by the "
            "objective of the scenario, that is for all together and not for {company}.",
            **about,
        )
    if any(point.range for curve in found.curves for point in curve.points):
        yield tr(
            "Many such plans are equally good for all together and unequal for {company}. Among "
            "those within {tolerance} of the best objective, the best and the worst for it are "
            "sought.",
            tolerance=small_percent(found.tolerance),
            **about,
        )
    if any(curve.others == "held" for curve in found.curves):
        yield tr(
            "Where the others stick to the plan, they do what they do in the scenario's own plan, "
            "in which the share is free; {company} chooses what is best for itself.",
            **about,
        )
    yield (
        tr(
            "What a company paid for is its own: in each state it is served first from its own "
            "offtake and stocks."
        )
        if found.allocation == "entitled"
        else tr(
            "Supplies are pooled: in each state every tonne goes where it is missed most, whoever "
            "paid."
        )
    )
    yield tr(
        "Its damage is that of {consumers}; damage and money are discounted and averaged over "
        "{states} states of the world.",
        consumers=said.consumers(found) or tr("none"),
        states=number(found.states),
    )


def proof(found: Participation) -> Section:
    """How good the points are, and what it takes to repeat them."""
    points = [point for curve in found.curves for point in curve.points]
    gaps = [point.gap for point in points if point.gap is not None]
    stopped = [point for point in points if point.status in ("limit", "none")]
    rows = [
        (tr("Points"), number(len(points))),
        (tr("Points stopped early"), number(len(stopped))),
        (
            tr("Computation"),
            tr("complete")
            if found.ended == "complete"
            else tr("stopped early: points are missing"),
        ),
        (tr("Gap asked for"), small_percent(found.gap_target)),
        (tr("Largest gap"), small_percent(max(gaps, default=None))),
        (tr("Plans count as equally good within"), small_percent(found.tolerance)),
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
    lead = tr(
        "The gap says by how much another plan at the same share can be better at most, in the "
        "objective that it was chosen by. It says nothing about how well the scenario fits the "
        "world."
    )
    return Section("certificate", tr("Certificate and manifest"), [lead, table])


def glossary(found: Participation) -> Section:
    """Terms in alphabetical order."""
    entries = [
        (
            tr("Best share"),
            tr("Of the shares that were tried, the one with least mean damage plus net cost."),
        ),
        (
            tr("Damage plus cost"),
            tr("The company's own mean damage plus its own net cost; the less, the better."),
        ),
        (
            tr("Gain"),
            tr("By how much damage plus cost is lower than with no share."),
        ),
        (
            tr("Indifferent share"),
            tr("The largest share at which the company is no worse off than with none."),
        ),
        (
            tr("Net cost"),
            tr(
                "What the company puts up, less what is expected to come back, and what its stocks "
                "cost; discounted."
            ),
        ),
        (
            tr("Offtake"),
            tr("Output of projects that is reserved for the company."),
        ),
        (
            tr("State of the world"),
            tr(
                "One way the coming years may go: which disruptions strike when, which projects "
                "fail or come late."
            ),
        ),
        (
            tr("Worst states"),
            tr(
                "The worst {tail} by probability; their mean is the CVaR, conditional value at "
                "risk.",
                tail=percent(1 - found.cvar_level),
            ),
        ),
    ]
    entries.sort(key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(entries)])
