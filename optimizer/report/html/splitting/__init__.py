"""The sections of a report on a split, in the order in which partners ask.

Each is made from a :class:`~optimizer.report.splitting.game.Game`; one that has nothing to say
returns None and is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from optimizer.report.html.parts import Section
from optimizer.report.html.splitting.answer import answer
from optimizer.report.html.splitting.groups import groups
from optimizer.report.html.splitting.method import glossary, method, proof
from optimizer.report.html.splitting.outside import outside
from optimizer.report.html.splitting.shares import shares
from optimizer.report.html.splitting.together import together
from optimizer.report.splitting.game import Game

SECTIONS: tuple[Callable[[Game], Section | None], ...] = (
    answer,
    together,
    shares,
    groups,
    outside,
    method,
    proof,
    glossary,
)
"""All sections of a report on a split, in order."""


def all_of(game: Game) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(game)) is not None]
