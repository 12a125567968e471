"""A report on what the answer rests on, as a page."""

from __future__ import annotations

from collections.abc import Callable

from models.results import Sensitivity
from optimizer.report.html.parts import Section
from optimizer.report.html.sensing.answer import answer
from optimizer.report.html.sensing.method import glossary, method
from optimizer.report.html.sensing.screened import screened
from optimizer.report.html.sensing.swings import own, swings
from optimizer.report.html.sensing.turns import turns

SECTIONS: tuple[Callable[[Sensitivity], Section | None], ...] = (
    answer,
    swings,
    turns,
    own,
    screened,
    method,
    glossary,
)
"""All sections, in order."""


def all_of(found: Sensitivity) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(found)) is not None]
