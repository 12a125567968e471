"""Progress of a solve in one line."""

import math
from typing import Any

from models.language import tr
from optimizer.report.number_format import NO_BREAK_SPACE, format_number, format_small_percent


def format_progress(progress: Any) -> str:
    """Return elapsed time, best objective, bound and gap of a running solve, each ``-`` while
    not known."""
    line = tr(
        "{seconds:6.0f} s   best {best}   bound {bound}   gap {gap}",
        seconds=progress.seconds,
        best=format_number(progress.objective),
        bound=format_number(progress.bound),
        gap=format_small_percent(progress.gap if math.isfinite(progress.objective) else math.inf),
    )
    return line.replace(NO_BREAK_SPACE, " ")
