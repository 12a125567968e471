"""The sections of a report, in the order in which those who decide ask.

Each is made from a :class:`~optimizer.report.html.subject.Subject`; one that has nothing to say
returns None and is left out. Whoever adds an analysis adds its section here.
"""

from __future__ import annotations

from collections.abc import Callable

from optimizer.report.html.parts import Section
from optimizer.report.html.sections.accounts import accounts
from optimizer.report.html.sections.answer import answer, short
from optimizer.report.html.sections.damage import damage
from optimizer.report.html.sections.dependence import dependence
from optimizer.report.html.sections.evidence import evidence
from optimizer.report.html.sections.frontier import frontier
from optimizer.report.html.sections.funding import funding
from optimizer.report.html.sections.glossary import glossary
from optimizer.report.html.sections.method import method
from optimizer.report.html.sections.proof import proof
from optimizer.report.html.sections.schedule import schedule
from optimizer.report.html.sections.split import split
from optimizer.report.html.subject import Subject

__all__ = ["SECTIONS", "all_of", "glossary", "short"]

Maker = Callable[[Subject], Section | None]

SECTIONS: tuple[Maker, ...] = (
    answer,
    funding,
    schedule,
    dependence,
    damage,
    frontier,
    split,
    accounts,
    evidence,
    method,
    proof,
    glossary,
)
"""All sections of a report on one plan, in order."""


def all_of(subject: Subject) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(subject)) is not None]
