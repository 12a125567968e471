"""The sections of a report on several plans, read off their comparison.

Figures that are not comparable are left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from optimizer.reporting.html.comparing.benefits import benefits
from optimizer.reporting.html.comparing.choices import choices
from optimizer.reporting.html.comparing.costs import costs
from optimizer.reporting.html.comparing.differences import differences
from optimizer.reporting.html.comparing.overview import overview
from optimizer.reporting.html.comparing.proofs import proofs
from optimizer.reporting.html.comparing.side import Side
from optimizer.reporting.html.parts import Section

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
