"""The sections of a report on a split, in the order in which partners ask.

Each is made from a :class:`~optimizer.reporting.splitting.game.Game`; one that has nothing to say
returns None and is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from models.language import tr
from models.results import Split
from optimizer.reporting.charts import Chart
from optimizer.reporting.html.page import page
from optimizer.reporting.html.parts import Section
from optimizer.reporting.html.splitting.answer import answer
from optimizer.reporting.html.splitting.groups import groups
from optimizer.reporting.html.splitting.method import glossary, method, proof
from optimizer.reporting.html.splitting.outside import outside
from optimizer.reporting.html.splitting.shares import shares
from optimizer.reporting.html.splitting.together import together
from optimizer.reporting.splitting.game import Game

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


def split_report(split: Split) -> str:
    """The report on a split as an HTML page, in the current language."""
    game = Game(split)
    variant = game.variant
    return page(
        all_of(game),
        title=game.title,
        kicker=tr("Vorrat: what joint action is worth, and how to share it"),
        subtitle="" if variant is None else tr("Variant: {variant}", variant=variant),
        closing=tr(
            "Made by Vorrat {version} from the scenario with SHA-256 {sha}.",
            version=split.versions.get("vorrat", ""),
            sha=split.input_sha256[:16],
        ),
    )


def split_charts(split: Split) -> list[Chart]:
    """The charts of the report on a split, in order."""
    return [chart for section in all_of(Game(split)) for chart in section.charts]
