"""The sections of a report on an evaluation, in the order in which a committee asks."""

from __future__ import annotations

from collections.abc import Callable

from models.results import Evaluation
from optimizer.report.html.evaluation.answer import answer
from optimizer.report.html.evaluation.chance import chance
from optimizer.report.html.evaluation.ends import longer
from optimizer.report.html.evaluation.knowledge import information, tail
from optimizer.report.html.evaluation.method import glossary, method, proof
from optimizer.report.html.evaluation.parts import by_part
from optimizer.report.html.evaluation.quality import quality, rare
from optimizer.report.html.parts import Section

SECTIONS: tuple[Callable[[Evaluation], Section | None], ...] = (
    answer,
    chance,
    by_part,
    quality,
    information,
    tail,
    rare,
    longer,
    method,
    proof,
    glossary,
)
"""All sections, in order."""


def all_of(found: Evaluation) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(found)) is not None]
