"""The sections of a report on several plans, read off their comparison.

Figures that are not comparable are left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from optimizer.report.html.comparing.benefits import benefits
from optimizer.report.html.comparing.choices import choices
from optimizer.report.html.comparing.costs import costs
from optimizer.report.html.comparing.differences import differences
from optimizer.report.html.comparing.overview import overview
from optimizer.report.html.comparing.proofs import proofs
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import Section

SECTIONS: tuple[Callable[[Side], Section | None], ...] = (
    overview,
    benefits,
    costs,
    choices,
    differences,
    proofs,
)
"""All sections on the comparison itself, in order."""


def all_of(side: Side) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(side)) is not None]
