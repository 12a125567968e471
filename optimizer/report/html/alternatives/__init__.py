"""The sections of a report on alternatives, in the order in which a committee asks."""

from __future__ import annotations

from collections.abc import Callable

from models.results import Alternatives
from optimizer.report.html.alternatives.answer import answer
from optimizer.report.html.alternatives.choices import matrix, robust
from optimizer.report.html.alternatives.method import method, others
from optimizer.report.html.parts import Section

SECTIONS: tuple[Callable[[Alternatives], Section | None], ...] = (
    answer,
    matrix,
    robust,
    others,
    method,
)
"""All sections, in order."""


def all_of(found: Alternatives) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(found)) is not None]
