"""Numbers as people read them: grouped, with sensible digits, never ``-0`` and never a false zero.

A no-break space stands between the groups of a number and before its percent sign, so that
prose is never broken there; whoever writes the text out turns it into a plain space. German has
a decimal comma. Its groups stand apart by a space as well, as DIN 5008 and the Federal
Statistical Office have it: a dot there would be the decimal sign of the scenario file.
"""

import math
import re
from collections.abc import Iterable, Sequence

from models.language import current_language

NO_BREAK_SPACE = "\u00a0"
NO_VALUE = "-"
"""Stands where there is no figure."""

ZERO_TOLERANCE = 1e-6
"""A solver's zero: a euro in million EUR, a gram in tonnes."""

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def decimals_needed(values: Iterable[float]) -> int:
    """How many decimals a column of such values needs: about three digits of its largest."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest >= 1000 or largest == 0:
        return 0
    return 1 if largest >= 10 else min(2 - math.floor(math.log10(largest)), 6)


def format_number(value: float | None, digits: int | None = None) -> str:
    """A number with its thousands apart; one that would round to a false zero as ``<0.1``."""
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
    """An end of a range, rounded away from its middle: what is said of the range stays true.

    What an end differs from a round number by is arithmetic where it is a millionth of the last
    digit, or a hundred millionth of itself.
    """
    if not math.isfinite(value):
        return value
    scaled = value * 10.0**digits
    slack = max(1e-6, 1e-8 * abs(scaled))
    return (math.ceil(scaled - slack) if up else math.floor(scaled + slack)) / 10.0**digits


def _localize_signs(text: str) -> str:
    """Digits as Python writes them, with the signs of the language between them."""
    point = "," if current_language() == "de" else "."
    return text.translate({ord(","): NO_BREAK_SPACE, ord("."): point})


def format_rounded(value: float) -> str:
    """A number for a sentence: from 100 on without decimals."""
    return format_number(value, 0 if abs(value) >= 100 else None)


def format_exact(value: float) -> str:
    """A number as it was written, without zeros at its end."""
    return _localize_signs(f"{value:,.10g}")


def format_column(values: Sequence[float | None]) -> list[str]:
    """The cells of one column, all with the same decimals."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    places = 0 if all(map(is_whole, known)) else decimals_needed(known)
    return [format_number(value, places) for value in values]


def is_whole(value: float) -> bool:
    """Whether a number is whole, but for a solver's noise."""
    return abs(value - round(value)) < ZERO_TOLERANCE


def format_percent(share: float | None) -> str:
    """A share of one with one decimal; what is not quite all or nothing is not shown as such."""
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
    """A share of one for a sentence: from 10 % on without decimals, but never rounded to all."""
    whole = round(100 * share)
    return (
        f"{format_number(whole)}{NO_BREAK_SPACE}%"
        if 10 <= abs(whole) < 100
        else format_percent(share)
    )


def format_small_percent(share: float | None) -> str:
    """A share of one that is likely to be tiny, such as a gap, with three digits."""
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
    """A name on one line, without what could steer a terminal."""
    return " ".join(_CONTROL_CHARACTERS.sub(" ", text).split())


def sanitize_keep_nbsp(text: str) -> str:
    """A text on one line whose no-break spaces stay: a line must not end inside of a number."""
    return NO_BREAK_SPACE.join(map(sanitize, text.split(NO_BREAK_SPACE)))
