"""A running solve in one line."""

from __future__ import annotations

import math
from typing import Protocol

from models.language import tr
from optimizer.report.figures import NO_BREAK, number, small_percent


class Running(Protocol):
    """What a solve tells of itself on the way."""

    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def objective(self) -> float: ...  # noqa: D102
    @property
    def bound(self) -> float: ...  # noqa: D102
    @property
    def gap(self) -> float: ...  # noqa: D102


def progress_line(running: Running) -> str:
    """Elapsed time, best objective, bound and gap, each ``-`` while it is not known."""
    gap = running.gap if math.isfinite(running.objective) else math.inf
    line = tr(
        "{seconds:6.0f} s   best {best}   bound {bound}   gap {gap}",
        seconds=running.seconds,
        best=number(running.objective),
        bound=number(running.bound),
        gap=small_percent(gap),
    )
    return line.replace(NO_BREAK, " ")
