"""What joint action is worth to the companies, and how it may be shared."""

from __future__ import annotations

from models.language import tr
from optimizer.report.html.parts import Bullets, Part, Section
from optimizer.report.html.splitting.shares import gains, verdicts
from optimizer.report.html.subject import Subject
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import Game


def split(subject: Subject) -> Section | None:
    """A split that was computed for this scenario, in short; None without one."""
    if subject.split is None:
        return None
    game = Game(subject.split)
    parts: list[Part] = [prose.gain(game), prose.state(game)]
    told = [*prose.stability(game), *prose.temptation(game)]
    if told:
        parts.append(Bullets(told))
    if subject.split.rules:
        parts += [gains(game), verdicts(game)]
    parts += prose.cautions(game)
    return Section("split", tr("What joint action is worth, and how to share it"), parts)
