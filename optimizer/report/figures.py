"""Numbers as people read them: grouped, with sensible digits, never ``-0`` and never a false zero.

A no-break space stands between the groups of a number and before its percent sign, so that
prose is never broken there; whoever writes the text out turns it into a plain space. German has
a decimal comma. Its groups stand apart by a space as well, as DIN 5008 and the Federal
Statistical Office have it: a dot there would be the decimal sign of the scenario file.
"""

import math
import re
from collections.abc import Iterable, Sequence

from models.language import language

NO_BREAK = "\u00a0"
NONE = "-"
"""Stands where there is no figure."""

NOISE = 1e-6
"""A solver's zero: a euro in million EUR, a gram in tonnes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def decimals(values: Iterable[float]) -> int:
    """How many decimals a column of such values needs: about three digits of its largest."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest >= 1000 or largest == 0:
        return 0
    return 1 if largest >= 10 else min(2 - math.floor(math.log10(largest)), 6)


def number(value: float | None, places: int | None = None) -> str:
    """A number with its thousands apart; one that would round to a false zero as ``<0.1``."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < NOISE:
        return "0"
    if places is None:
        places = 0 if is_whole(value) else decimals([value])
    text = f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = f"{'<' if value > 0 else '>-'}{10.0**-places:.{places}f}"
    return _signs(text)


def outwards(value: float, places: int, *, up: bool) -> float:
    """An end of a range, rounded away from its middle: what is said of the range stays true.

    What an end differs from a round number by is arithmetic where it is a millionth of the last
    digit, or a hundred millionth of itself.
    """
    if not math.isfinite(value):
        return value
    scaled = value * 10.0**places
    slack = max(1e-6, 1e-8 * abs(scaled))
    return (math.ceil(scaled - slack) if up else math.floor(scaled + slack)) / 10.0**places


def _signs(text: str) -> str:
    """Digits as Python writes them, with the signs of the language between them."""
    point = "," if language() == "de" else "."
    return text.translate({ord(","): NO_BREAK, ord("."): point})


def rounded(value: float) -> str:
    """A number for a sentence: from 100 on without decimals."""
    return number(value, 0 if abs(value) >= 100 else None)


def exact(value: float) -> str:
    """A number as it was written, without zeros at its end."""
    return _signs(f"{value:,.10g}")


def column(values: Sequence[float | None]) -> list[str]:
    """The cells of one column, all with the same decimals."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    places = 0 if all(map(is_whole, known)) else decimals(known)
    return [number(value, places) for value in values]


def is_whole(value: float) -> bool:
    """Whether a number is whole, but for a solver's noise."""
    return abs(value - round(value)) < NOISE


def percent(share: float | None) -> str:
    """A share of one with one decimal; what is not quite all or nothing is not shown as such."""
    if share is None or not math.isfinite(share):
        return NONE
    value = 100 * share
    if abs(value - round(value)) < 1e-7:
        text = f"{round(value):,}"
    elif abs(value) < 0.05:
        text = "<0.1" if value > 0 else ">-0.1"
    elif 99.95 <= value < 100:
        text = ">99.9"
    else:
        text = f"{value:,.1f}"
    return _signs(text) + f"{NO_BREAK}%"


def rounded_percent(share: float) -> str:
    """A share of one for a sentence: from 10 % on without decimals, but never rounded to all."""
    whole = round(100 * share)
    return f"{number(whole)}{NO_BREAK}%" if 10 <= abs(whole) < 100 else percent(share)


def small_percent(share: float | None) -> str:
    """A share of one that is likely to be tiny, such as a gap, with three digits."""
    if share is None or not math.isfinite(share):
        return NONE
    value, text = 100 * share, "0"
    if 0 < abs(value) < 1e-4:
        text = "<0.0001"
    elif value:
        text = f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return _signs(text) + f"{NO_BREAK}%"


def clean(text: str) -> str:
    """A name on one line, without what could steer a terminal."""
    return " ".join(_CONTROL.sub(" ", text).split())


def unbroken(text: str) -> str:
    """A text on one line whose no-break spaces stay: a line must not end inside of a number."""
    return NO_BREAK.join(map(clean, text.split(NO_BREAK)))
