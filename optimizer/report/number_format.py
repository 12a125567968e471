"""Formatting of numbers: grouped, with sensible digits, never ``-0`` and never a false zero.

A no-break space separates the groups of a number and its percent sign, so that lines never break
there; renderers of plain text replace it. German has a decimal comma. Its groups are separated by a
space as well (DIN 5008, Federal Statistical Office), as a dot would be the decimal sign of the
scenario file.
"""

import math
import re
from collections.abc import Iterable, Sequence

from models.language import current_language

NO_BREAK_SPACE = "\u00a0"
NO_VALUE = "-"
"""Text where there is no figure."""

ZERO_TOLERANCE = 1e-6
"""Amounts below a euro in million EUR, or a gram in tonnes, count as zero."""

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def decimals_needed(values: Iterable[float]) -> int:
    """Return the decimals for a column of such values: about three digits of its largest."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest >= 1000 or largest == 0:
        return 0
    return 1 if largest >= 10 else min(2 - math.floor(math.log10(largest)), 6)


def format_number(value: float | None, digits: int | None = None) -> str:
    """Return a number with grouped thousands; one that would round to a false zero as ``<0.1``."""
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
    """Round an end of a range away from its middle, so that the range stays true.

    Differences from a round number below a millionth of the last digit, or a hundred millionth of
    the value, are rounding errors.
    """
    if not math.isfinite(value):
        return value
    scaled = value * 10.0**digits
    slack = max(1e-6, 1e-8 * abs(scaled))
    return (math.ceil(scaled - slack) if up else math.floor(scaled + slack)) / 10.0**digits


def _localize_signs(text: str) -> str:
    """Return a number as Python writes it with the separators of the current language."""
    point = "," if current_language() == "de" else "."
    return text.translate({ord(","): NO_BREAK_SPACE, ord("."): point})


def format_rounded(value: float) -> str:
    """Return a number for a sentence: from 100 on without decimals."""
    return format_number(value, 0 if abs(value) >= 100 else None)


def format_exact(value: float) -> str:
    """Return a number as it was written, without trailing zeros."""
    return _localize_signs(f"{value:,.10g}")


def format_column(values: Sequence[float | None]) -> list[str]:
    """Return the cells of one column, all with the same decimals."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    decimals = 0 if all(map(is_whole, known)) else decimals_needed(known)
    return [format_number(value, decimals) for value in values]


def is_whole(value: float) -> bool:
    """Return whether a number is an integer within the tolerance of a solver."""
    return abs(value - round(value)) < ZERO_TOLERANCE


def format_percent(share: float | None) -> str:
    """Return a share of one with one decimal; values near 0 or 1 are not rounded to these."""
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
    """Return a share of one for a sentence: from 10 % on without decimals, but never rounded to
    all."""
    percentage = round(100 * share)
    return (
        f"{format_number(percentage)}{NO_BREAK_SPACE}%"
        if 10 <= abs(percentage) < 100
        else format_percent(share)
    )


def format_small_percent(share: float | None) -> str:
    """Return a share of one that may be tiny, such as a gap, with three digits."""
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
    """Return a name on one line, without control characters."""
    return " ".join(_CONTROL_CHARACTERS.sub(" ", text).split())


def sanitize_keep_nbsp(text: str) -> str:
    """Return a text on one line that keeps no-break spaces, as a line must not end inside a
    number."""
    return NO_BREAK_SPACE.join(map(sanitize, text.split(NO_BREAK_SPACE)))
