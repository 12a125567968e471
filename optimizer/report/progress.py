"""Progress of a solve in one line of text."""

import math
from typing import Any

from models.language import tr
from optimizer.report.number_format import NO_BREAK_SPACE, format_number, format_small_percent


def format_progress(progress: Any) -> str:
    """Return elapsed time, incumbent, bound and gap of a running solve as text, with ``-`` for
    unknown figures."""
    line = tr(
        "{seconds:6.0f} s   best {best}   bound {bound}   gap {gap}",
        seconds=progress.seconds,
        best=format_number(progress.objective),
        bound=format_number(progress.bound),
        gap=format_small_percent(progress.gap if math.isfinite(progress.objective) else math.inf),
    )
    return line.replace(NO_BREAK_SPACE, " ")
