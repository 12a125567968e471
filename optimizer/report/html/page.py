"""Sections as one self-contained page: no scripts, no network, a strict security policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from models.language import language, tr
from models.results.reservations import NONE, Doubts
from optimizer.report.figures import clean
from optimizer.report.html.parts import Figure, Part, Section, Table

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded and nothing runs; one style sheet applies, known by its hash."""


@dataclass(frozen=True)
class _Numbered:
    part: Part
    kind: str
    figure: int
    table: int


@dataclass(frozen=True)
class _Placed:
    section: Section
    parts: Sequence[_Numbered]
    classes: str
    """How it is set in print."""


def _caution(doubts: Doubts) -> str:
    """What stands above the sentences of the box."""
    if doubts.against:
        return tr("Not to be relied on as it stands")
    return tr("Not confirmed to be as it was written")


def page(
    sections: Sequence[Section],
    *,
    title: str,
    kicker: str,
    subtitle: str,
    closing: str,
    doubts: Doubts = NONE,
) -> str:
    """The page that these sections make, in the current language.

    ``doubts`` stand at its head, before all else, in a box.
    """
    style = (files("optimizer.report") / "templates" / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            tr=tr,
            language=language(),
            policy=POLICY.format(style=f"sha256-{digest}"),
            style=style,
            title=title,
            kicker=kicker,
            subtitle=subtitle,
            closing=closing,
            caution=_caution(doubts),
            doubts=[clean(sentence) for sentence in doubts.all],
            sections=_placed(sections),
        )
        + "\n"
    )


def _placed(sections: Sequence[Section]) -> list[_Placed]:
    """Sections with the numbers that their figures and tables have."""
    placed: list[_Placed] = []
    figures = tables = 0
    for position, section in enumerate(sections):
        parts = []
        for part in section.parts:
            figures += isinstance(part, Figure)
            tables += isinstance(part, (Figure, Table))
            kind = "Paragraph" if isinstance(part, str) else type(part).__name__
            parts.append(_Numbered(part, kind, figures, tables))
        classes = ["one-page"] if section.one_page else []
        # The first section begins the first page, and the contents begin the second.
        if (position > 0 and section.one_page) or (position > 1 and section.charts):
            classes.append("new-page")
        placed.append(_Placed(section, parts, " ".join(classes)))
    return placed


@cache
def _templates() -> Environment:
    # Jinja takes a moment to import: only those who want a page wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = files("optimizer.report") / "templates"
    return Environment(
        loader=FileSystemLoader(str(folder)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
