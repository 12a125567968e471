"""Formatting of numbers: with grouped thousands and sensible decimals, never ``-0`` or a false
zero.

A no-break space separates groups of digits and the percent sign, so that no line breaks there;
renderers of plain text replace it. German has a decimal comma. Its groups are separated by a space
as well (DIN 5008, Federal Statistical Office), since a dot is the decimal sign of the scenario
file.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from models.language import conventions, tr

NO_BREAK_SPACE = "\u00a0"
NO_VALUE = "-"
"""Text where there is no figure."""

ZERO_TOLERANCE = 1e-6
"""Amounts below a euro in million EUR, or a gram in tonnes, count as zero."""

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def decimals_needed(values: Iterable[float]) -> int:
    """Return the number of decimals that shows the largest value with about three significant
    digits.

    It is 0 from 1000 on, and at most 6.
    """
    max_magnitude = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if max_magnitude >= 1000 or max_magnitude == 0:
        return 0
    return 1 if max_magnitude >= 10 else min(2 - math.floor(math.log10(max_magnitude)), 6)


def format_number(value: float | None, digits: int | None = None) -> str:
    """Return a number as text with grouped thousands and ``digits`` decimals.

    By default whole numbers have no decimals, and others about three significant digits. A small
    number that would be rounded to zero is shown as ``<0.1``. None and infinite numbers give
    ``NO_VALUE``.
    """
    if value is None or not math.isfinite(value):
        return NO_VALUE
    if abs(value) < ZERO_TOLERANCE:
        return "0"
    if digits is None:
        digits = 0 if is_whole(value) else decimals_needed([value])
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = f"{'<' if value > 0 else '>-'}{10.0**-digits:.{digits}f}"
    return _localize_signs(text)


def round_outwards(value: float, digits: int, *, up: bool) -> float:
    """Round one end of a range away from the middle of the range, so that the range stays true.

    The end is not moved if it differs from a rounded number by less than a millionth of the last
    digit, or by less than a hundred-millionth of its value: such differences are rounding errors.
    """
    if not math.isfinite(value):
        return value
    scaled = value * 10.0**digits
    slack = max(1e-6, 1e-8 * abs(scaled))
    return (math.ceil(scaled - slack) if up else math.floor(scaled + slack)) / 10.0**digits


def _localize_signs(text: str) -> str:
    """Return a number in Python's notation with the decimal sign and separators of the current
    language."""
    return text.translate({ord(","): NO_BREAK_SPACE, ord("."): conventions().decimal_mark})


def format_rounded(value: float) -> str:
    """Return a number as text for a sentence; from 100 on it has no decimals."""
    return format_number(value, 0 if abs(value) >= 100 else None)


def format_exact(value: float) -> str:
    """Return a number as text with all its digits (at most ten), without trailing zeros."""
    return _localize_signs(f"{value:,.10g}")


def format_column(values: Sequence[float | None]) -> list[str]:
    """Return the numbers of one column as texts, all with the same number of decimals."""
    known_values = [value for value in values if value is not None and math.isfinite(value)]
    decimals = 0 if all(map(is_whole, known_values)) else decimals_needed(known_values)
    return [format_number(value, decimals) for value in values]


def is_whole(value: float) -> bool:
    """Return whether a number is an integer within the tolerance of a solver."""
    return abs(value - round(value)) < ZERO_TOLERANCE


def format_percent(share: float | None) -> str:
    """Return a share (1 = 100 %) as a percentage with one decimal.

    Shares near 0 or 1 are not rounded to 0 % or 100 %, but shown as ``<0.1 %`` or ``>99.9 %``.
    """
    if share is None or not math.isfinite(share):
        return NO_VALUE
    value = 100 * share
    if abs(value - round(value)) < 1e-7:
        text = f"{round(value):,}"
    elif abs(value) < 0.05:
        text = "<0.1" if value > 0 else ">-0.1"
    elif 99.95 <= value < 100:
        text = ">99.9"
    else:
        text = f"{value:,.1f}"
    return _localize_signs(text) + f"{NO_BREAK_SPACE}%"


def format_rounded_percent(share: float) -> str:
    """Return a share (1 = 100 %) as a percentage for a sentence: from 10 % on without decimals.

    A share below 1 is never rounded to 100 %.
    """
    percentage = round(100 * share)
    if 10 <= abs(percentage) < 100:
        return f"{format_number(percentage)}{NO_BREAK_SPACE}%"
    return format_percent(share)


def format_small_percent(share: float | None) -> str:
    """Return a share that may be tiny, such as a gap, as a percentage with three significant
    digits, from 0.0001 % on."""
    if share is None or not math.isfinite(share):
        return NO_VALUE
    value, text = 100 * share, "0"
    if 0 < abs(value) < 1e-4:
        text = "<0.0001"
    elif value:
        text = f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return _localize_signs(text) + f"{NO_BREAK_SPACE}%"


def sanitize(text: str) -> str:
    """Return a text on one line, without control characters or no-break spaces."""
    return " ".join(_CONTROL_CHARACTERS.sub(" ", text).split())


def sanitize_keep_nbsp(text: str) -> str:
    """Return a text on one line, without control characters, that keeps its no-break spaces."""
    return NO_BREAK_SPACE.join(map(sanitize, text.split(NO_BREAK_SPACE)))


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
