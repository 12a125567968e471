"""A running solve in one line."""

import math
from typing import Any

from models.language import tr
from optimizer.report.figures import NO_BREAK, number, small_percent


def progress_line(running: Any) -> str:
    """What a solve tells of itself on the way: elapsed time, best objective, bound and gap, each
    ``-`` while it is not known."""
    line = tr(
        "{seconds:6.0f} s   best {best}   bound {bound}   gap {gap}",
        seconds=running.seconds,
        best=number(running.objective),
        bound=number(running.bound),
        gap=small_percent(running.gap if math.isfinite(running.objective) else math.inf),
    )
    return line.replace(NO_BREAK, " ")
