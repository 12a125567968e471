"""The sections of a report on why a plan is as it is, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Callable

from models.results import Explanation
from optimizer.report.html.explaining.answer import answer
from optimizer.report.html.explaining.method import method, proof
from optimizer.report.html.explaining.reasons import (
    projects_in,
    projects_out,
    stocks_in,
    stocks_out,
)
from optimizer.report.html.explaining.worth import worth
from optimizer.report.html.parts import Section

SECTIONS: tuple[Callable[[Explanation], Section | None], ...] = (
    answer,
    projects_out,
    projects_in,
    stocks_in,
    stocks_out,
    worth,
    method,
    proof,
)
"""All sections, in order."""


def all_of(found: Explanation) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(found)) is not None]
