"""The sections of a report on a participation, in the order in which a board asks."""

from __future__ import annotations

from collections.abc import Callable

from models.results import Participation
from optimizer.report.html.participation.answer import answer
from optimizer.report.html.participation.by_share import by_share
from optimizer.report.html.participation.curves import curves
from optimizer.report.html.participation.method import glossary, method, proof
from optimizer.report.html.participation.money import money
from optimizer.report.html.participation.public import public
from optimizer.report.html.parts import Section

SECTIONS: tuple[Callable[[Participation], Section | None], ...] = (
    answer,
    by_share,
    public,
    money,
    curves,
    method,
    proof,
    glossary,
)
"""All sections, in order."""


def all_of(found: Participation) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(found)) is not None]
